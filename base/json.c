/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: bounded parsing, and getters that name what has the wrong type. */
#include "base/base.h"

#include <string.h>
#include <sys/random.h>

void keg_cleanup_json(json_t **json)
{
    json_decref(*json);
}

void keg_json_init(void)
{
    size_t seed = 0;
    /* A seed of 0 lets jansson find one for itself. */
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
        json_object_seed(seed);
}

/* jansson recurses up to 2048 levels; our documents need few, so that depth is counted before.
 * Brackets inside strings do not count. */
static bool too_deep(const char *text, size_t length)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > KEG_JSON_DEPTH_MAX)
                return true;
        } else if ((text[i] == '}' || text[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

json_t *keg_json_parse(const char *text, size_t length, struct keg_err *err)
{
    if (too_deep(text, length)) {
        keg_fail(err, -EPROTO, "not valid JSON: nested deeper than %d levels", KEG_JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t error;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json)
        keg_fail(err, -EPROTO, "not valid JSON: line %d column %d: %s", error.line, error.column,
                 error.text);
    return json;
}

json_t *keg_json_read(int dirfd, const char *path, size_t max_bytes, struct keg_err *err)
{
    struct keg_buf buf;
    if (keg_read_file(dirfd, path, max_bytes, &buf, err) < 0)
        return NULL;
    json_t *json = keg_json_parse(buf.data ? buf.data : "", buf.length, err);
    keg_buf_done(&buf);
    if (!json)
        keg_wrap(err, "'%s'", path);
    return json;
}

static int find(const json_t *object, const char *key, const json_t **ret, struct keg_err *err)
{
    if (!json_is_object(object))
        return keg_fail(err, -EPROTO, "no object that could hold '%s'", key);
    *ret = json_object_get(object, key);
    return *ret && !json_is_null(*ret);
}

static int wrong_type(const char *key, const char *wanted, struct keg_err *err)
{
    return keg_fail(err, -EPROTO, "'%s' is not %s", key, wanted);
}

int keg_json_string(const json_t *object, const char *key, const char **ret, struct keg_err *err)
{
    const json_t *value = NULL;
    int r = find(object, key, &value, err);
    if (r <= 0)
        return r;
    if (!json_is_string(value))
        return wrong_type(key, "a string", err);
    *ret = json_string_value(value);
    return 1;
}

int keg_json_int(const json_t *object, const char *key, json_int_t *ret, struct keg_err *err)
{
    const json_t *value = NULL;
    int r = find(object, key, &value, err);
    if (r <= 0)
        return r;
    if (!json_is_integer(value))
        return wrong_type(key, "a whole number", err);
    *ret = json_integer_value(value);
    return 1;
}

int keg_json_bool(const json_t *object, const char *key, bool *ret, struct keg_err *err)
{
    const json_t *value = NULL;
    int r = find(object, key, &value, err);
    if (r <= 0)
        return r;
    if (!json_is_boolean(value))
        return wrong_type(key, "true or false", err);
    *ret = json_is_true(value);
    return 1;
}

int keg_json_object(const json_t *object, const char *key, const json_t **ret, struct keg_err *err)
{
    const json_t *value = NULL;
    int r = find(object, key, &value, err);
    if (r <= 0)
        return r;
    if (!json_is_object(value))
        return wrong_type(key, "an object", err);
    *ret = value;
    return 1;
}

int keg_json_array(const json_t *object, const char *key, const json_t **ret, struct keg_err *err)
{
    const json_t *value = NULL;
    int r = find(object, key, &value, err);
    if (r <= 0)
        return r;
    if (!json_is_array(value))
        return wrong_type(key, "an array", err);
    *ret = value;
    return 1;
}

int keg_json_strv(const json_t *object, const char *key, char ***ret, struct keg_err *err)
{
    const json_t *array = NULL, *value = NULL;
    int r = keg_json_array(object, key, &array, err);
    if (r <= 0)
        return r;
    _cleanup_strv_ char **strings = calloc(2, sizeof(char *));
    if (!strings)
        return keg_fail(err, -ENOMEM, "out of memory");
    size_t i;
    json_array_foreach(array, i, value)
    {
        if (!json_is_string(value))
            return keg_fail(err, -EPROTO, "'%s[%zu]' is not a string", key, i);
        if (keg_strv_add(&strings, json_string_value(value)) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    }
    *ret = TAKE_PTR(strings);
    return 1;
}

int keg_json_require(int result, const char *key, struct keg_err *err)
{
    return result == 0 ? keg_fail(err, -EPROTO, "'%s' is missing", key) : result;
}

char *keg_json_dump(const json_t *json, bool pretty)
{
    return json_dumps(json, JSON_ENCODE_ANY | (pretty ? JSON_INDENT(4) : JSON_COMPACT));
}

json_t *keg_json_strv_new(char *const *strings)
{
    json_t *array = json_array();
    for (char *const *s = strings; array && s && *s; s++) {
        /* Names in images need not be UTF-8, JSON must be: such a string becomes U+FFFD. */
        json_t *value = json_string(*s);
        if (!value)
            value = json_string_nocheck("\xEF\xBF\xBD");
        if (json_array_append_new(array, value) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
