/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: calling through the vtable, and the source that reads a file descriptor. */
#include "base/base.h"

ssize_t keg_source_read(struct keg_source *source, void *buffer, size_t size, struct keg_err *err)
{
    return source->ops->read(source, buffer, size, err);
}

void keg_source_close(struct keg_source *source)
{
    if (source)
        source->ops->close(source);
}

void keg_cleanup_source(struct keg_source **source)
{
    keg_source_close(*source);
}

struct fd_source {
    struct keg_source source;
    int fd;
    int failed;
};

static ssize_t fd_source_read(struct keg_source *source, void *buffer, size_t size,
                              struct keg_err *err)
{
    struct fd_source *self = (struct fd_source *)source;
    ssize_t n = self->failed ? self->failed : keg_read(self->fd, buffer, size);
    if (n >= 0)
        return n;
    self->failed = (int)n;
    return keg_fail(err, self->failed, "read: %s", keg_errno_text(self->failed));
}

static void fd_source_close(struct keg_source *source)
{
    struct fd_source *self = (struct fd_source *)source;
    (void)close(self->fd);
    free(self);
}

struct keg_source *keg_source_fd_new(int fd)
{
    static const struct keg_source_ops ops = {fd_source_read, fd_source_close};
    struct fd_source *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->source.ops = &ops;
    self->fd = fd;
    return &self->source;
}

int keg_source_drain(struct keg_source *source, struct keg_err *err)
{
    char buffer[65536];
    for (;;) {
        ssize_t n = keg_source_read(source, buffer, sizeof(buffer), err);
        if (n <= 0)
            return (int)n;
    }
}
