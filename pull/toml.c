/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of simple TOML, one pass over a string that ends in NUL. */
#include "pull/toml.h"

#include <ctype.h>
#include <string.h>

struct reader {
    const char *at;
    size_t line;
    const struct toml_handler *handler;
};

static void skip_blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t");
}

static void skip_comment(struct reader *r)
{
    if (*r->at == '#')
        r->at += strcspn(r->at, "\n");
}

/* Blanks, comments and line ends: allowed within arrays and between statements. */
static void skip_lines(struct reader *r)
{
    for (;;) {
        skip_blanks(r);
        skip_comment(r);
        if (r->at[0] == '\r' && r->at[1] == '\n')
            r->at++;
        if (*r->at != '\n')
            return;
        r->line++;
        r->at++;
    }
}

static int expect_line_end(struct reader *r, struct keg_err *err)
{
    skip_blanks(r);
    skip_comment(r);
    if (*r->at == '\0' || *r->at == '\n' || (r->at[0] == '\r' && r->at[1] == '\n'))
        return 0;
    return keg_fail(err, -EINVAL, "unexpected '%.20s' at the end of the line", r->at);
}

static int read_escape(struct reader *r, struct keg_buf *text, struct keg_err *err)
{
    static const char names[] = "btnfr\"\\";
    static const char meant[] = "\b\t\n\f\r\"\\";
    const char *found = *r->at ? strchr(names, *r->at) : NULL;
    if (!found)
        return keg_fail(err, -EINVAL, "unknown escape '\\%c' in a string", *r->at ? *r->at : ' ');
    r->at++;
    return keg_buf_add(text, &meant[found - names], 1);
}

static int read_quoted(struct reader *r, char quote, struct keg_buf *text, struct keg_err *err)
{
    while (*r->at && *r->at != '\n' && *r->at != quote) {
        char c = *r->at++;
        if (c == '\\' && quote == '"') {
            if (read_escape(r, text, err) < 0)
                return -EINVAL;
        } else {
            keg_buf_add(text, &c, 1);
        }
    }
    if (*r->at != quote)
        return keg_fail(err, -EINVAL, "string without a closing %c", quote);
    r->at++;
    return 0;
}

/* A "basic" or 'literal' string; the reader stands on its quote. */
static int read_string(struct reader *r, char **ret, struct keg_err *err)
{
    char quote = *r->at;
    if (r->at[1] == quote && r->at[2] == quote)
        return keg_fail(err, -EINVAL, "multi-line strings are not supported");
    r->at++;
    struct keg_buf text = keg_buf_init(KEG_CONF_MAX_BYTES);
    keg_buf_str(&text, "");
    int result = read_quoted(r, quote, &text, err);
    if (result == 0)
        result = keg_buf_ok(&text, err, "string");
    if (result == 0) {
        *ret = keg_buf_take(&text);
        result = *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
    }
    keg_buf_done(&text);
    return result;
}

static bool is_bare(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static int read_key(struct reader *r, char **ret, struct keg_err *err)
{
    if (*r->at == '"' || *r->at == '\'')
        return read_string(r, ret, err);
    size_t length = 0;
    while (is_bare(r->at[length]))
        length++;
    if (length == 0)
        return keg_fail(err, -EINVAL, "expected a key, found '%.20s'", r->at);
    *ret = keg_strndup(r->at, length);
    r->at += length;
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int read_array(struct reader *r, char ***ret, struct keg_err *err)
{
    r->at++; /* '[' */
    for (;;) {
        skip_lines(r);
        if (*r->at == ']') {
            r->at++;
            return 0;
        }
        _cleanup_free_ char *item = NULL;
        if (*r->at == '{')
            return keg_fail(err, -EINVAL, "inline tables are not supported");
        if (*r->at != '"' && *r->at != '\'')
            return keg_fail(err, -EINVAL, "arrays of anything but strings are not supported");
        int result = read_string(r, &item, err);
        if (result < 0)
            return result;
        if (keg_strv_add(ret, item) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
        skip_lines(r);
        if (*r->at == ',')
            r->at++;
        else if (*r->at != ']')
            return keg_fail(err, -EINVAL, "expected ',' or ']' in an array");
    }
}

/* true, false or an integer: whatever has no quotes. */
static int read_plain(struct reader *r, struct toml_value *value, struct keg_err *err)
{
    size_t length = strcspn(r->at, " \t\r\n#,]");
    _cleanup_free_ char *word = keg_strndup(r->at, length);
    if (!word)
        return keg_fail(err, -ENOMEM, "out of memory");
    r->at += length;
    if (keg_streq(word, "true") || keg_streq(word, "false")) {
        value->type = TOML_BOOL;
        value->boolean = word[0] == 't';
        return 0;
    }
    value->type = TOML_INTEGER;
    if (keg_parse_i64(word, INT64_MIN, INT64_MAX, &value->integer) < 0)
        return keg_fail(err, -EINVAL, "'%s' is not a value that is supported here", word);
    return 0;
}

static int read_value(struct reader *r, struct toml_value *value, struct keg_err *err)
{
    switch (*r->at) {
    case '"':
    case '\'':
        value->type = TOML_STRING;
        return read_string(r, &value->string, err);
    case '[':
        value->type = TOML_ARRAY;
        return read_array(r, &value->array, err);
    case '{':
        return keg_fail(err, -EINVAL, "inline tables are not supported");
    default:
        return read_plain(r, value, err);
    }
}

static int read_pair(struct reader *r, struct keg_err *err)
{
    _cleanup_free_ char *key = NULL;
    size_t line = r->line;
    int result = read_key(r, &key, err);
    if (result < 0)
        return result;
    skip_blanks(r);
    if (*r->at == '.')
        return keg_fail(err, -EINVAL, "dotted keys are not supported");
    if (*r->at != '=')
        return keg_fail(err, -EINVAL, "expected '=' behind '%s'", key);
    r->at++;
    skip_blanks(r);
    struct toml_value value = {.type = TOML_STRING};
    result = read_value(r, &value, err);
    if (result == 0)
        result = expect_line_end(r, err);
    if (result == 0)
        result = r->handler->key(r->handler->context, line, key, &value, err);
    free(value.string);
    keg_strv_free(value.array);
    return result;
}

static int read_table_name(struct reader *r, struct keg_buf *name, struct keg_err *err)
{
    for (;;) {
        _cleanup_free_ char *part = NULL;
        skip_blanks(r);
        int result = read_key(r, &part, err);
        if (result < 0)
            return result;
        keg_buf_str(name, part);
        skip_blanks(r);
        if (*r->at != '.')
            return keg_buf_ok(name, err, "table name");
        r->at++;
        keg_buf_str(name, ".");
    }
}

static int read_table(struct reader *r, struct keg_err *err)
{
    bool is_array = r->at[1] == '[';
    const char *end = is_array ? "]]" : "]";
    r->at += strlen(end);
    struct keg_buf name = keg_buf_init(KEG_CONF_MAX_BYTES);
    int result = read_table_name(r, &name, err);
    if (result == 0 && !keg_starts_with(r->at, end))
        result = keg_fail(err, -EINVAL, "expected '%s' behind the table's name", end);
    if (result == 0) {
        r->at += strlen(end);
        result = expect_line_end(r, err);
    }
    if (result == 0)
        result = r->handler->table(r->handler->context, r->line, name.data, is_array, err);
    keg_buf_done(&name);
    return result;
}

int toml_parse(const char *text, size_t length, const char *file,
               const struct toml_handler *handler, struct keg_err *err)
{
    struct reader r = {.at = text, .line = 1, .handler = handler};
    int result = 0;
    if (length > 0 && memchr(text, '\0', length)) {
        keg_fail(err, -EINVAL, "%s: holds a NUL byte", file);
        return -EINVAL;
    }
    while (result == 0) {
        skip_lines(&r);
        if (!*r.at)
            return 0;
        result = *r.at == '[' ? read_table(&r, err) : read_pair(&r, err);
    }
    return keg_wrap(err, "%s:%zu", file, r.line), result;
}
