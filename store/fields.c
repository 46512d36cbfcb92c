/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the store's JSON files: digests, sizes and times, written and read back with checks.
 */
#include "store/internal.h"

#include <string.h>

/* json_string() takes UTF-8 only, but an argument of a command may be any bytes: those show as '?'.
 */
static json_t *text_new(const char *text)
{
    json_t *json = json_string(text);
    _cleanup_free_ char *ascii = json ? NULL : keg_strdup(text);

    if (json || !ascii)
        return json;
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return json_string(ascii);
}

int store_json_set_string(json_t *object, const char *key, const char *value)
{
    return value ? json_object_set_new(object, key, text_new(value)) : 0;
}

int store_json_set_time(json_t *object, const char *key, struct timespec value)
{
    char text[40];

    if (value.tv_sec == 0 && value.tv_nsec == 0)
        return 0;
    keg_format_time(value, text);
    return json_object_set_new(object, key, json_string(text));
}

int store_json_set_strings(json_t *object, const char *key, char *const *strings)
{
    json_t *array = json_array();
    int r = array ? 0 : -1;

    for (size_t i = 0; r == 0 && strings && strings[i]; i++)
        r = json_array_append_new(array, text_new(strings[i]));
    if (r < 0) {
        json_decref(array);
        return r;
    }
    return json_object_set_new(object, key, array);
}

int store_json_get_string(const json_t *object, const char *key, bool required, char **ret,
                          struct keg_err *err)
{
    const char *value = NULL;
    int r = keg_json_string(object, key, &value, err);

    if (required)
        r = keg_json_require(r, key, err);
    if (r <= 0)
        return r;
    *ret = keg_strdup(value);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int not_a_digest(const char *key, struct keg_err *err)
{
    return keg_fail(err, -EPROTO, "'%s' is not a digest", key);
}

int store_json_get_digest(const json_t *object, const char *key, bool required, char **ret,
                          struct keg_err *err)
{
    _cleanup_free_ char *value = NULL;
    int r = store_json_get_string(object, key, required, &value, err);

    if (r < 0)
        return r;
    if (value && !keg_is_valid_digest(value))
        return not_a_digest(key, err);
    *ret = TAKE_PTR(value);
    return 0;
}

int store_json_get_digests(const json_t *object, const char *key, size_t max, char ***ret,
                           struct keg_err *err)
{
    _cleanup_strv_ char **strings = NULL;
    int r = keg_json_require(keg_json_strv(object, key, &strings, err), key, err);

    if (r < 0)
        return r;
    if (keg_strv_length(strings) > max)
        return keg_fail(err, -EPROTO, "'%s' has more than %zu entries", key, max);
    for (size_t i = 0; strings && strings[i]; i++)
        if (!keg_is_valid_digest(strings[i]))
            return not_a_digest(key, err);
    *ret = TAKE_PTR(strings);
    return 0;
}

int store_json_get_size(const json_t *object, const char *key, uint64_t *ret, struct keg_err *err)
{
    json_int_t value = 0;
    int r = keg_json_require(keg_json_int(object, key, &value, err), key, err);

    if (r < 0)
        return r;
    if (value < 0)
        return keg_fail(err, -EPROTO, "'%s' is negative", key);
    *ret = (uint64_t)value;
    return 0;
}

int store_json_get_time(const json_t *object, const char *key, struct timespec *ret,
                        struct keg_err *err)
{
    const char *value = NULL;
    int r = keg_json_string(object, key, &value, err);

    if (r <= 0)
        return r;
    if (keg_parse_time(value, ret) < 0)
        return keg_fail(err, -EPROTO, "'%s' is not a time", key);
    return 0;
}

int store_json_replace(int dirfd, const char *name, json_t *json /* takes */, bool durable,
                       const char *what, struct keg_err *err)
{
    _cleanup_json_ json_t *owned = json;
    _cleanup_free_ char *text = owned ? keg_json_dump(owned, true) : NULL;
    size_t length = text ? strlen(text) : 0;
    int r;

    if (!text)
        return keg_fail(err, -ENOMEM, "write '%s': out of memory", what);
    /* What is larger could not be read back. */
    if (length > KEG_STORE_FILE_MAX_BYTES)
        return keg_fail(err, -E2BIG, "write '%s': longer than %u bytes", what,
                        KEG_STORE_FILE_MAX_BYTES);
    r = keg_replace_file(dirfd, name, text, length, 0600, durable);
    return r < 0 ? keg_fail(err, r, "write '%s': %s", what, keg_errno_text(r)) : 0;
}
