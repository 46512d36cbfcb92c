/* SPDX-License-Identifier: Apache-2.0 */
/* JSON by jansson, and checked access by path: a wrong type is an error that names where it is. */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

void keg_cleanup_json(json_t **json);
#define _cleanup_json_ __attribute__((cleanup(keg_cleanup_json)))

/* keg_json_init(): Once, before the first object: seed jansson's hash tables with getrandom(2), for
 * which it would open /dev/urandom otherwise: three system calls of the start path. */
void keg_json_init(void);

/* keg_json_parse(text, length, err): Parse one JSON value, whole. Duplicate names (I-JSON, RFC 7493
 * §2.3), trailing bytes, embedded NULs and nesting over KEG_JSON_DEPTH_MAX are refused. Return a
 * new reference, or NULL with ${err} saying line and column. The caller bounds ${length}. */
json_t *keg_json_parse(const char *text, size_t length, struct keg_err *err);

/* keg_json_read(dirfd, path, max_bytes, err): keg_read_file() and keg_json_parse(); errors name
 * ${path}. */
json_t *keg_json_read(int dirfd, const char *path, size_t max_bytes, struct keg_err *err);

/* The getters below find the member ${key} of the object ${object}. A missing one, or one that is
 * null, is 0 with *ret untouched; a found one is 1; a wrong type is -EPROTO with "'key' is not a
 * string". What they return is borrowed from ${object}. ${object} itself must be an object, else
 * -EPROTO. */
int keg_json_string(const json_t *object, const char *key, const char **ret, struct keg_err *err);
int keg_json_int(const json_t *object, const char *key, json_int_t *ret, struct keg_err *err);
int keg_json_bool(const json_t *object, const char *key, bool *ret, struct keg_err *err);
int keg_json_object(const json_t *object, const char *key, const json_t **ret, struct keg_err *err);
int keg_json_array(const json_t *object, const char *key, const json_t **ret, struct keg_err *err);

/* keg_json_strv(object, key, ret, err): An array of strings as a new string vector, for the caller
 * to free; as above for the result (an empty array is 1 and an empty vector). */
int keg_json_strv(const json_t *object, const char *key, char ***ret, struct keg_err *err);

/* keg_json_require(result, key, err): Turn a getter's 0 into -EPROTO "'key' is missing". */
int keg_json_require(int result, const char *key, struct keg_err *err);

/* keg_json_dump(json, pretty): The text of ${json}, for the caller to free, or NULL when out of
 * memory. ${pretty}: indented by four, as `docker inspect` prints; else on one line. Members keep
 * their order. */
char *keg_json_dump(const json_t *json, bool pretty);

/* keg_json_strv_new(strings): A new array of strings; NULL when out of memory. NULL gives []. */
json_t *keg_json_strv_new(char *const *strings);
