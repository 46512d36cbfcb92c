/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing WWW-Authenticate. */
#include "pull/challenge.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* RFC 9110 §5.6.2 */
static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_length(const char *s)
{
    size_t length = 0;
    while (is_token_char(s[length]))
        length++;
    return length;
}

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

static int malformed(const char *value, struct keg_err *err)
{
    return keg_fail(err, -EPROTO, "malformed WWW-Authenticate header '%s'", value);
}

/* Read a quoted string at *cursor, which stands on its first quote. */
static char *read_quoted(const char **cursor)
{
    struct keg_buf text = keg_buf_init(KEG_HTTP_HEADERS_MAX_BYTES);
    const char *p = *cursor + 1;
    keg_buf_str(&text, "");
    for (; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
        keg_buf_add(&text, p, 1);
    }
    if (*p != '"') {
        keg_buf_done(&text);
        return NULL;
    }
    *cursor = p + 1;
    return keg_buf_take(&text);
}

static char *read_value(const char **cursor)
{
    if (**cursor == '"')
        return read_quoted(cursor);
    size_t length = token_length(*cursor);
    if (length == 0)
        return NULL;
    *cursor += length;
    return keg_strndup(*cursor - length, length);
}

/* Keep the parameters that a token request needs. The first of a name wins. Takes `value`. */
static void keep_param(struct challenge *challenge, const char *name, size_t length, char *value)
{
    const struct {
        const char *name;
        char **place;
    } params[] = {
        {"realm", &challenge->realm},
        {"service", &challenge->service},
        {"scope", &challenge->scope},
        {"error", &challenge->error},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(params); i++) {
        if (strlen(params[i].name) == length && !strncasecmp(params[i].name, name, length) &&
            !*params[i].place) {
            *params[i].place = value;
            return;
        }
    }
    free(value);
}

/* Whether `s` begins a parameter: a token, "=" and something behind it, blanks around. Else it
 * begins the next scheme, or is bare base64, whose "=" ends it. */
static bool at_param(const char *s)
{
    size_t length = token_length(s);
    const char *equals = skip_blanks(s + length);
    if (length == 0 || *equals != '=')
        return false;
    char next = *skip_blanks(equals + 1);
    return next != '=' && next != ',' && next != '\0';
}

/* Read the parameters of one challenge up to the next scheme or the end. */
static int read_params(const char **cursor, struct challenge *challenge)
{
    while (at_param(*cursor)) {
        const char *name = *cursor;
        size_t length = token_length(name);
        *cursor = skip_blanks(skip_blanks(name + length) + 1);
        char *value = read_value(cursor);
        if (!value)
            return -EPROTO;
        keep_param(challenge, name, length, value);
        *cursor = skip_blanks(*cursor);
        if (**cursor && **cursor != ',')
            return -EPROTO;
        *cursor += strspn(*cursor, ", \t");
    }
    return 0;
}

/* "Negotiate YII…==" carries bare base64 instead of parameters. */
static void skip_token68(const char **cursor)
{
    size_t length =
        strspn(*cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");
    size_t padding = strspn(*cursor + length, "=");
    const char *end = skip_blanks(*cursor + length + padding);
    if (length > 0 && (*end == '\0' || *end == ','))
        *cursor = end + strspn(end, ", \t");
}

static int append(struct challenges *list, const char *scheme, size_t length, struct keg_err *err)
{
    if (list->count == CHALLENGES_MAX)
        return keg_fail(err, -E2BIG, "more than %d authentication challenges", CHALLENGES_MAX);
    struct challenge *items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items)
        return keg_fail(err, -ENOMEM, "out of memory");
    list->items = items;
    items[list->count] = (struct challenge){.scheme = keg_strndup(scheme, length)};
    list->count++;
    return items[list->count - 1].scheme ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

int challenges_parse(const char *value, struct challenges *list, struct keg_err *err)
{
    const char *cursor = value + strspn(value, ", \t");
    while (*cursor) {
        size_t length = token_length(cursor);
        if (length == 0 || (cursor[length] && !strchr(" \t,", cursor[length])))
            return malformed(value, err);
        int r = append(list, cursor, length, err);
        if (r < 0)
            return r;
        bool alone = cursor[length] == ',';
        cursor = skip_blanks(cursor + length);
        cursor += strspn(cursor, ", \t");
        if (alone)
            continue;
        if (!at_param(cursor))
            skip_token68(&cursor);
        else if (read_params(&cursor, &list->items[list->count - 1]) < 0)
            return malformed(value, err);
    }
    return 0;
}

const struct challenge *challenges_find(const struct challenges *list, const char *scheme)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcasecmp(list->items[i].scheme, scheme))
            return &list->items[i];
    return NULL;
}

void challenges_done(struct challenges *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].scheme);
        free(list->items[i].realm);
        free(list->items[i].service);
        free(list->items[i].scope);
        free(list->items[i].error);
    }
    free(list->items);
    *list = (struct challenges){NULL, 0};
}
