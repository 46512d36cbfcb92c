/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, numbers, times and sizes as text. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* keg_strdup(s), keg_strndup(s, n), keg_asprintf(format, ...): On the heap, for the caller to free;
 * NULL when out of memory. keg_strdup(NULL) is NULL. */
char *keg_strdup(const char *s);
char *keg_strndup(const char *s, size_t length);
char *keg_asprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool keg_streq(const char *a, const char *b); /* NULL equals NULL only */
bool keg_starts_with(const char *s, const char *prefix);
bool keg_ends_with(const char *s, const char *suffix);

/* String vectors: NULL-terminated, strings and array on the heap. NULL is the empty vector. */
void keg_strv_free(char **strings);
size_t keg_strv_length(char *const *strings);
/* keg_strv_add(strings, s): Append a copy of ${s}. Return 0 or -ENOMEM. */
int keg_strv_add(char ***strings, const char *s);
/* keg_strv_copy(strings): A copy of all, at least an empty array; NULL when out of memory. */
char **keg_strv_copy(char *const *strings);

/* keg_parse_u64(s, min, max, ret): ${s} as decimal digits and nothing else, within bounds. 0,
 * -EINVAL where it is no number, -ERANGE where it is out of bounds. */
int keg_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
/* keg_parse_i64: the same with an optional '-'. */
int keg_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);

/* keg_parse_size(s, ret_bytes): docker's RAM sizes: a number, with an optional fraction, and b, k,
 * m, g, t, p in either case, each optionally with "b" or "ib" behind: all binary. 0, -EINVAL or
 * -ERANGE. */
int keg_parse_size(const char *s, uint64_t *ret_bytes);

/* keg_format_size(bytes, text): docker's decimal sizes: "4.43MB", "12kB", "0B". ${text} holds 32.
 * / */
void keg_format_size(uint64_t bytes, char text[static 32]);
/* keg_format_size_binary(bytes, text): "64MiB", "1.5GiB". ${text} holds 32. */
void keg_format_size_binary(uint64_t bytes, char text[static 32]);

/* keg_format_duration(seconds, text): docker's words: "Less than a second", "3 minutes", "2 weeks".
 * ${text} holds 48. */
void keg_format_duration(int64_t seconds, char text[static 48]);

/* keg_format_time(t, text): RFC 3339 in UTC with nanoseconds: "2026-11-22T01:29:30.000000000Z".
 * 40. / */
void keg_format_time(struct timespec t, char text[static 40]);
/* keg_parse_time(s, ret): RFC 3339, fraction and offset accepted. 0 or -EINVAL. */
int keg_parse_time(const char *s, struct timespec *ret);

/* keg_hex(bytes, length, text): lower-case hex; ${text} holds 2 * length + 1. */
void keg_hex(const uint8_t *bytes, size_t length, char *text);

/* keg_random_id(text): 64 random lower-case hex digits (getrandom(2)), of which the first twelve
 * are not all decimal. ${text} holds 65. 0 or -errno. */
int keg_random_id(char text[static 65]);

/* keg_is_valid_digest(s): "sha256:" and 64, or "sha512:" and 128, lower-case hex digits: the
 * digests that keg can verify (image-spec descriptor.md, "Registered algorithms"). */
bool keg_is_valid_digest(const char *s);
