/* SPDX-License-Identifier: Apache-2.0 */
/* The part of TOML 1.0 that registries.conf files use: tables, arrays of tables, and keys with
 * strings, booleans, integers or arrays of strings. The rest (inline tables, multi-line strings,
 * dotted keys, dates, floats) is refused by name. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum toml_type { TOML_STRING, TOML_BOOL, TOML_INTEGER, TOML_ARRAY };

struct toml_value {
    enum toml_type type;
    char *string;
    bool boolean;
    int64_t integer;
    char **array; /* of strings */
};

struct toml_handler {
    void *context;
    /* A table header: "[name]", or "[[name]]" where ${is_array}. Parts of a dotted name are joined
     * by '.'. */
    int (*table)(void *context, size_t line, const char *name, bool is_array, struct keg_err *err);
    /* A key of the table that was named last ("" before the first). ${value} is borrowed. */
    int (*key)(void *context, size_t line, const char *key, const struct toml_value *value,
               struct keg_err *err);
};

/* toml_parse(text, length, file, handler, err): Call ${handler} for all that ${text} holds, in
 * order, up to the first negative result. Every error, the handler's too, gets "FILE:LINE: " in
 * front. 0 or code. */
int toml_parse(const char *text, size_t length, const char *file,
               const struct toml_handler *handler, struct keg_err *err);
