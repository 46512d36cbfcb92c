/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of bytes as decorators: download, tee, decompression and digest each wrap the one below.
 * / */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

struct keg_source;

/* read: Up to ${size} bytes, more than 0, into ${buffer}. Return their number, 0 at the verified
 * end, or a negative code with ${err} set; the first error is final and comes again at every later
 * call (the implementation keeps it). A source that promises a digest or a size checks it before it
 * returns 0. close: Release all, the wrapped source too. Called once. */
struct keg_source_ops {
    ssize_t (*read)(struct keg_source *source, void *buffer, size_t size, struct keg_err *err);
    void (*close)(struct keg_source *source);
};

/* First member of every implementation. */
struct keg_source {
    const struct keg_source_ops *ops;
};

/* keg_source_read(source, buffer, size, err), keg_source_close(source): as above; closing NULL is
 * fine. */
ssize_t keg_source_read(struct keg_source *source, void *buffer, size_t size, struct keg_err *err);
void keg_source_close(struct keg_source *source);

void keg_cleanup_source(struct keg_source **source);
#define _cleanup_source_ __attribute__((cleanup(keg_cleanup_source)))

/* keg_source_fd_new(fd): A source that reads ${fd} to its end. Takes ${fd}. NULL when out of memory
 * (then the caller keeps it). */
struct keg_source *keg_source_fd_new(int fd /* takes */);

/* keg_source_drain(source, err): Read to the end, so that size and digest are verified. 0 or code.
 * / */
int keg_source_drain(struct keg_source *source, struct keg_err *err);
