/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a document: found by name, read by type, named by their path where they are wrong. */
#include "run/spec_node.h"

#include <stdarg.h>
#include <string.h>
#include <sys/types.h>

/* Paths of the spec are short; a long one has a name of the document's own in it, an annotation or
 * a device, that is cut. */
#define PATH_BYTES 256

static void add_path(const struct spec_node *node, char path[static PATH_BYTES], size_t *length)
{
    if (!node->parent)
        return;
    add_path(node->parent, path, length);
    char *end = path + *length;
    size_t room = PATH_BYTES - *length;
    int n = node->key ? snprintf(end, room, "%s%.96s", *length > 0 ? "." : "", node->key)
                      : snprintf(end, room, "[%zu]", node->index);
    *length += (size_t)n < room ? (size_t)n : room - 1;
}

static char *vtext(const struct spec_node *node, const char *format, va_list arguments)
{
    char path[PATH_BYTES] = "", *text = NULL;
    size_t length = 0;
    add_path(node, path, &length);
    if (vasprintf(&text, format, arguments) < 0)
        return NULL;
    if (length == 0)
        return text;
    char *whole = keg_asprintf("%s: %s", path, text);
    free(text);
    return whole;
}

int spec_fail(const struct spec_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *text = vtext(node, format, arguments);
    va_end(arguments);
    return text ? keg_fail(node->document->err, -EINVAL, "%s", text) : spec_out_of_memory(node);
}

int spec_fail_at(const struct spec_node *node, const char *key, const char *format, ...)
{
    struct spec_node member = {.document = node->document, .parent = node, .key = key};
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *text = vtext(&member, format, arguments);
    va_end(arguments);
    return text ? keg_fail(node->document->err, -EINVAL, "%s", text) : spec_out_of_memory(node);
}

int spec_out_of_memory(const struct spec_node *node)
{
    return keg_fail(node->document->err, -ENOMEM, "out of memory");
}

int spec_warn(const struct spec_node *node, const char *format, ...)
{
    if (!node->document->warnings)
        return 0;
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *text = vtext(node, format, arguments);
    va_end(arguments);
    if (!text || keg_strv_add(node->document->warnings, text) < 0)
        return spec_out_of_memory(node);
    return 0;
}

static struct spec_node child(const struct spec_node *parent, const char *key, size_t index,
                              const json_t *value)
{
    return (struct spec_node){parent->document, parent, key, index, value};
}

int spec_member(const struct spec_node *node, const char *key, struct spec_node *ret)
{
    if (!json_is_object(node->value))
        return spec_fail(node, "not an object");
    const json_t *value = json_object_get(node->value, key);
    *ret = child(node, key, 0, value);
    return value && !json_is_null(value);
}

int spec_fields(const struct spec_node *node, const struct spec_field *fields, size_t count,
                void *ret)
{
    for (size_t i = 0; i < count; i++) {
        struct spec_node member;
        int r = spec_member(node, fields[i].key, &member);
        if (r > 0)
            r = fields[i].read(&member, (char *)ret + fields[i].offset);
        else if (r == 0 && fields[i].required)
            r = spec_fail(&member, "missing");
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_count(const struct spec_node *node, size_t count)
{
    if (count > KEG_SPEC_ENTRIES_MAX)
        return spec_fail(node, "more than %u entries", KEG_SPEC_ENTRIES_MAX);
    return 0;
}

int spec_each_member(const struct spec_node *node,
                     int (*read)(const struct spec_node *node, void *ret), void *ret)
{
    if (!json_is_object(node->value))
        return spec_fail(node, "not an object");
    int r = check_count(node, json_object_size(node->value));
    /* jansson iterates over objects that it may not change by a pointer to what it may. */
    json_t *object = (json_t *)(uintptr_t)node->value;
    for (void *at = json_object_iter(object); at && r >= 0;
         at = json_object_iter_next(object, at)) {
        struct spec_node member =
            child(node, json_object_iter_key(at), 0, json_object_iter_value(at));
        r = read(&member, ret);
    }
    return r < 0 ? r : 0;
}

int spec_each_item(const struct spec_node *node,
                   int (*read)(const struct spec_node *node, void *ret), void *ret)
{
    if (!json_is_array(node->value))
        return spec_fail(node, "not a list");
    size_t count = json_array_size(node->value);
    int r = check_count(node, count);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct spec_node item = child(node, NULL, i, json_array_get(node->value, i));
        r = read(&item, ret);
    }
    return r < 0 ? r : 0;
}

int spec_list(const struct spec_node *node, size_t item_bytes,
              int (*read)(const struct spec_node *node, void *ret), void **ret_items,
              size_t *ret_count)
{
    if (!json_is_array(node->value))
        return spec_fail(node, "not a list");
    size_t count = json_array_size(node->value);
    int r = check_count(node, count);
    if (r < 0 || count == 0)
        return r;
    *ret_items = calloc(count, item_bytes);
    if (!*ret_items)
        return spec_out_of_memory(node);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct spec_node item = child(node, NULL, i, json_array_get(node->value, i));
        *ret_count = i + 1;
        r = read(&item, (char *)*ret_items + i * item_bytes);
    }
    return r < 0 ? r : 0;
}

/* ---- numbers */

/* Whether ${node} is a whole number that fits no int64_t. */
static const struct spec_number *exotic(const struct spec_node *node)
{
    if (!json_is_real(node->value))
        return NULL;
    double place = json_real_value(node->value);
    const struct spec_document *document = node->document;
    if (!(place >= 1 && place <= (double)document->numbers_count))
        return NULL;
    return &document->numbers[(size_t)place - 1];
}

static int not_a_number(const struct spec_node *node)
{
    return spec_fail(node, json_is_real(node->value) ? "not a whole number" : "not a number");
}

int spec_signed(const struct spec_node *node, int64_t min, int64_t max, int64_t *ret)
{
    const struct spec_number *large = exotic(node);
    if (!large && !json_is_integer(node->value))
        return not_a_number(node);
    int64_t value = large ? 0 : json_integer_value(node->value);
    if (large || value < min || value > max)
        return spec_fail(node, "out of range (%lld to %lld)", (long long)min, (long long)max);
    *ret = value;
    return 0;
}

int spec_unsigned(const struct spec_node *node, uint64_t min, uint64_t max, uint64_t *ret)
{
    const struct spec_number *large = exotic(node);
    if (!large && !json_is_integer(node->value))
        return not_a_number(node);
    bool fits = large ? !large->negative && !large->overflow : json_integer_value(node->value) >= 0;
    uint64_t value = large ? large->value : (uint64_t)json_integer_value(node->value);
    if (!fits || value < min || value > max)
        return spec_fail(node, "out of range (%llu to %llu)", (unsigned long long)min,
                         (unsigned long long)max);
    *ret = value;
    return 0;
}

int spec_i64(const struct spec_node *node, void *ret)
{
    return spec_signed(node, INT64_MIN, INT64_MAX, ret);
}

int spec_u64(const struct spec_node *node, void *ret)
{
    return spec_unsigned(node, 0, UINT64_MAX, ret);
}

int spec_i32(const struct spec_node *node, void *ret)
{
    int64_t value = 0;
    int r = spec_signed(node, INT32_MIN, INT32_MAX, &value);
    if (r >= 0)
        *(int32_t *)ret = (int32_t)value;
    return r;
}

int spec_u32(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, UINT32_MAX, &value);
    if (r >= 0)
        *(uint32_t *)ret = (uint32_t)value;
    return r;
}

int spec_u16(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, UINT16_MAX, &value);
    if (r >= 0)
        *(uint16_t *)ret = (uint16_t)value;
    return r;
}

/* The last one means "leave it as it is" to the kernel's calls. */
int spec_id(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, UINT32_MAX - 1, &value);
    if (r >= 0)
        *(uid_t *)ret = (uid_t)value;
    return r;
}

/* ---- texts */

int spec_bool(const struct spec_node *node, void *ret)
{
    if (!json_is_boolean(node->value))
        return spec_fail(node, "not true or false");
    *(bool *)ret = json_is_true(node->value);
    return 0;
}

int spec_string(const struct spec_node *node, const char **ret)
{
    if (!json_is_string(node->value))
        return spec_fail(node, "not a string");
    if (json_string_length(node->value) > KEG_SPEC_TEXT_MAX_BYTES)
        return spec_fail(node, "longer than %u bytes", KEG_SPEC_TEXT_MAX_BYTES);
    *ret = json_string_value(node->value);
    return 0;
}

int spec_text(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0 || !*text)
        return r;
    char *copy = keg_strdup(text);
    if (!copy)
        return spec_out_of_memory(node);
    *(char **)ret = copy;
    return 0;
}

int spec_path(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (*text && *text != '/')
        return spec_fail(node, "'%s' is not an absolute path", text);
    return spec_text(node, ret);
}

static int add_text(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r >= 0 && keg_strv_add(ret, text) < 0)
        r = spec_out_of_memory(node);
    return r;
}

int spec_texts(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, add_text, ret);
}

static int add_path_text(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (*text != '/')
        return spec_fail(node, "'%s' is not an absolute path", text);
    return add_text(node, ret);
}

int spec_paths(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, add_path_text, ret);
}

int spec_add_pair(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    _cleanup_free_ char *pair = keg_asprintf("%s=%s", node->key, text);
    return pair && keg_strv_add(ret, pair) >= 0 ? 0 : spec_out_of_memory(node);
}

int spec_named(const struct spec_node *node, const struct spec_names *names, uint32_t *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    const struct spec_name *found = spec_name_find(names, text);
    if (!found)
        return spec_fail(node, "unknown %s '%s'", names->what, text);
    *ret = found->value;
    return 0;
}
