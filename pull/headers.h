/* SPDX-License-Identifier: Apache-2.0 */
/* The header lines of one HTTP answer, and what single ones of them say. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct http_headers {
    char **lines; /* "Name: value" each, without the line end */
    size_t bytes; /* of all lines as they came */
};

/* headers_done(headers): Forget all lines; ${headers} can be used again. */
void headers_done(struct http_headers *headers);

/* headers_add(headers, line, length): Append one line as it came, CRLF or not. 0, -E2BIG where all
 * together go over KEG_HTTP_HEADERS_MAX_BYTES, or -ENOMEM. */
int headers_add(struct http_headers *headers, const char *line, size_t length);

/* headers_nth(headers, name, n): The value of the ${n}th (from 0) line named ${name}, case ignored,
 * without leading blanks; NULL where there is none. Borrowed. headers_get: the first. */
const char *headers_nth(const struct http_headers *headers, const char *name, size_t n);
const char *headers_get(const struct http_headers *headers, const char *name);

/* headers_media_type(headers): Content-Type in lower case without parameters, for the caller to
 * free; NULL where there is none (or no memory). */
char *headers_media_type(const struct http_headers *headers);

/* A parsed Content-Range (RFC 9110 §14.4) of a 206 answer. */
struct http_range {
    uint64_t first, last, total; /* bytes; `last` is included */
};

/* headers_content_range(headers, ret): Exactly one Content-Range line, "bytes FIRST-LAST/TOTAL",
 * all three known and in order. 0 or -EINVAL (missing, several, another unit, "*", malformed). */
int headers_content_range(const struct http_headers *headers, struct http_range *ret);

/* headers_retry_after(value, now, ret_seconds): Retry-After (RFC 9110 §10.2.3): seconds, or an
 * HTTP date, which is taken relative to ${now}. 0, or -EINVAL where ${value} is NULL, garbage, or
 * past. / */
int headers_retry_after(const char *value, time_t now, uint64_t *ret_seconds);
