/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON into a buffer, member by member, indented by four. There is no tree: on the start
 * path that costs more than the text, and jansson cannot write numbers over 2^63-1. Private to
 * run/.
 *
 * Failures stick (the buffer's own, and `failed`), so that nothing in between is checked. ${key} is
 * the member's name, or NULL for an item of a list. Text that is not UTF-8 appears as U+FFFD. */
#pragma once

#include "base/base.h"
#include "run/spec_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEC_WRITER_DEPTH 12

struct spec_writer {
    struct keg_buf *buf;
    bool failed; /* a value that has no name, or one that is nested too deep */
    size_t depth;
    struct spec_writer_level {
        const char *key;
        bool list;
        bool written; /* its bracket is: one that is opened "if used" waits for its first member */
        bool filled;
    } levels[SPEC_WRITER_DEPTH];
};

struct spec_writer spec_writer_init(struct keg_buf *buf);

/* spec_open_object(), spec_open_list(): All until spec_close() is in it. */
void spec_open_object(struct spec_writer *writer, const char *key);
void spec_open_list(struct spec_writer *writer, const char *key);
/* spec_open_if_used(writer, key): An object that is left out where nothing is put into it. */
void spec_open_if_used(struct spec_writer *writer, const char *key);
void spec_close(struct spec_writer *writer);

void spec_put_bool(struct spec_writer *writer, const char *key, bool value);
void spec_put_i64(struct spec_writer *writer, const char *key, int64_t value);
void spec_put_u64(struct spec_writer *writer, const char *key, uint64_t value);
/* spec_put_text(): Nothing where ${text} is NULL. */
void spec_put_text(struct spec_writer *writer, const char *key, const char *text);
/* spec_put_name(): The name of ${value}; without one the writer fails. */
void spec_put_name(struct spec_writer *writer, const char *key, const struct spec_names *names,
                   uint32_t value);
/* spec_put_names(): The list of all of ${names}, or of those that are bits of ${flags}. */
void spec_put_all_names(struct spec_writer *writer, const char *key,
                        const struct spec_names *names);
void spec_put_flags(struct spec_writer *writer, const char *key, const struct spec_names *names,
                    uint64_t flags);
/* spec_put_texts(), spec_put_pairs(): A list, or an object from "name=text"; nothing where
 * ${strings} is empty. */
void spec_put_texts(struct spec_writer *writer, const char *key, char *const *strings);
void spec_put_pairs(struct spec_writer *writer, const char *key, char *const *pairs);
/* spec_put_key(): What comes before a value that the caller then writes into the buffer itself. */
void spec_put_key(struct spec_writer *writer, const char *key);
