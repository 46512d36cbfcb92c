/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, string vectors, and numbers read from text. */
#include "base/base.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

char *keg_strdup(const char *s)
{
    return s ? strdup(s) : NULL;
}

char *keg_strndup(const char *s, size_t length)
{
    return strndup(s, length);
}

char *keg_asprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int r = vasprintf(&text, format, args);
    va_end(args);
    return r < 0 ? NULL : text;
}

bool keg_streq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool keg_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool keg_ends_with(const char *s, const char *suffix)
{
    size_t a = strlen(s), b = strlen(suffix);
    return a >= b && memcmp(s + a - b, suffix, b) == 0;
}

void keg_strv_free(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

size_t keg_strv_length(char *const *strings)
{
    size_t n = 0;
    while (strings && strings[n])
        n++;
    return n;
}

int keg_strv_add(char ***strings, const char *s)
{
    size_t n = keg_strv_length(*strings);
    /* Grown at powers of two, so that a vector of thousands is not copied for each string. */
    if ((n & (n + 1)) == 0) {
        char **larger = realloc(*strings, (2 * (n + 1)) * sizeof(char *));
        if (!larger)
            return -ENOMEM;
        larger[n] = NULL;
        *strings = larger;
    }
    char *copy = keg_strdup(s);
    if (!copy)
        return -ENOMEM;
    (*strings)[n] = copy;
    (*strings)[n + 1] = NULL;
    return 0;
}

char **keg_strv_copy(char *const *strings)
{
    char **copy = calloc(2, sizeof(char *));
    for (char *const *s = strings; copy && s && *s; s++) {
        if (keg_strv_add(&copy, *s) < 0) {
            keg_strv_free(copy);
            return NULL;
        }
    }
    return copy;
}

int keg_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (!s || !*s)
        return -EINVAL;
    for (const char *p = s; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return -ERANGE;
    }
    if (value < min || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int keg_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = s && *s == '-';
    uint64_t value;
    int r =
        keg_parse_u64(negative ? s + 1 : s, 0, (uint64_t)INT64_MAX + (negative ? 1 : 0), &value);
    if (r < 0)
        return r;
    int64_t number = negative ? (int64_t)(0 - value) : (int64_t)value;
    if (number < min || number > max)
        return -ERANGE;
    *ret = number;
    return 0;
}

void keg_hex(const uint8_t *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = '\0';
}

int keg_random_id(char text[static 65])
{
    for (;;) {
        uint8_t bytes[32];
        ssize_t n = getrandom(bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof(bytes))
            return n < 0 ? -errno : -EIO;
        keg_hex(bytes, sizeof(bytes), text);
        /* A short id of digits alone would be taken for a number by YAML and by people. */
        if (strspn(text, "0123456789") < 12)
            return 0;
    }
}

static bool is_lower_hex(const char *s, size_t length)
{
    return strlen(s) == length && strspn(s, "0123456789abcdef") == length;
}

bool keg_is_valid_digest(const char *s)
{
    if (!s)
        return false;
    if (keg_starts_with(s, "sha256:"))
        return is_lower_hex(s + 7, 64);
    if (keg_starts_with(s, "sha512:"))
        return is_lower_hex(s + 7, 128);
    return false;
}
