/* SPDX-License-Identifier: Apache-2.0 */
/* A growable buffer that is created with its cap. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* `data` always ends in a NUL that `length` does not count; it is never NULL once something was
 * appended. After a failed append the buffer is `failed`: further appends do nothing, and
 * keg_buf_ok() says so once at the end (a sticky error, so that a row of appends needs no checks).
 * / */
struct keg_buf {
    char *data;
    size_t length;
    size_t capacity;
    size_t max_bytes;
    int failed; /* 0, or -ENOMEM, or -E2BIG where max_bytes was met */
};

#define _cleanup_buf_ __attribute__((cleanup(keg_buf_done)))

/* keg_buf_init(max_bytes): An empty buffer that takes at most ${max_bytes}. */
struct keg_buf keg_buf_init(size_t max_bytes);

/* keg_buf_done(buf): Free what ${buf} holds; ${buf} is empty then and can be used again. */
void keg_buf_done(struct keg_buf *buf);

/* keg_buf_add(buf, data, length): Append ${length} bytes. Return 0 or the sticky error. */
int keg_buf_add(struct keg_buf *buf, const void *data, size_t length);

/* keg_buf_str(buf, s): Append the string ${s}. Return 0 or the sticky error. */
int keg_buf_str(struct keg_buf *buf, const char *s);

/* keg_buf_printf(buf, format, ...): Append formatted text. Return 0 or the sticky error. */
int keg_buf_printf(struct keg_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* keg_buf_ok(buf, err, what): Return 0 where no append failed, else fail naming ${what}. */
int keg_buf_ok(const struct keg_buf *buf, struct keg_err *err, const char *what);

/* keg_buf_take(buf): Hand over the text, NUL-terminated, to be freed by the caller ("" where
 * nothing was appended; NULL when out of memory or after a failed append). ${buf} is empty then. */
char *keg_buf_take(struct keg_buf *buf);
