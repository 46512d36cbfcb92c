/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP header lines: keeping them within bounds and reading the ones that a pull depends on. */
#include "pull/headers.h"

#include <ctype.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

void headers_done(struct http_headers *headers)
{
    keg_strv_free(headers->lines);
    *headers = (struct http_headers){NULL, 0};
}

int headers_add(struct http_headers *headers, const char *line, size_t length)
{
    headers->bytes += length;
    if (headers->bytes > KEG_HTTP_HEADERS_MAX_BYTES)
        return -E2BIG;
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        length--;
    _cleanup_free_ char *copy = keg_strndup(line, length);
    return copy ? keg_strv_add(&headers->lines, copy) : -ENOMEM;
}

const char *headers_nth(const struct http_headers *headers, const char *name, size_t n)
{
    size_t length = strlen(name);
    for (char **line = headers->lines; line && *line; line++) {
        if (strncasecmp(*line, name, length) != 0 || (*line)[length] != ':')
            continue;
        if (n-- == 0)
            return *line + length + 1 + strspn(*line + length + 1, " \t");
    }
    return NULL;
}

const char *headers_get(const struct http_headers *headers, const char *name)
{
    return headers_nth(headers, name, 0);
}

char *headers_media_type(const struct http_headers *headers)
{
    const char *value = headers_get(headers, "Content-Type");
    if (!value)
        return NULL;
    char *type = keg_strndup(value, strcspn(value, "; \t"));
    for (char *p = type; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return type;
}

/* Cut `text` at the first `separator`; NULL where it has none. */
static char *cut(char *text, char separator)
{
    char *rest = strchr(text, separator);
    if (rest)
        *rest++ = '\0';
    return rest;
}

int headers_content_range(const struct http_headers *headers, struct http_range *ret)
{
    const char *value = headers_get(headers, "Content-Range");
    if (!value || headers_nth(headers, "Content-Range", 1) || !keg_starts_with(value, "bytes "))
        return -EINVAL;
    _cleanup_free_ char *first = keg_strdup(value + strlen("bytes "));
    if (!first)
        return -ENOMEM;
    char *total = cut(first, '/');
    char *last = total ? cut(first, '-') : NULL;
    struct http_range range;
    if (!last || keg_parse_u64(first, 0, INT64_MAX, &range.first) < 0 ||
        keg_parse_u64(last, range.first, INT64_MAX, &range.last) < 0 ||
        keg_parse_u64(total, 0, INT64_MAX, &range.total) < 0 || range.last >= range.total)
        return -EINVAL;
    *ret = range;
    return 0;
}

int headers_retry_after(const char *value, time_t now, uint64_t *ret_seconds)
{
    if (!value || !*value)
        return -EINVAL;
    if (keg_parse_u64(value, 0, UINT32_MAX, ret_seconds) == 0)
        return 0;
    /* curl_getdate() is generous ("10" alone, "monday"); a date of HTTP has letters and a clock. */
    if (!isalpha((unsigned char)*value) || !strchr(value, ':'))
        return -EINVAL;
    time_t when = curl_getdate(value, NULL);
    if (when == (time_t)-1 || when <= now)
        return -EINVAL;
    *ret_seconds = (uint64_t)(when - now);
    return 0;
}
