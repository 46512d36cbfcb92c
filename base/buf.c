/* SPDX-License-Identifier: Apache-2.0 */
/* A growable buffer with a cap and a sticky error. */
#include "base/base.h"

#include <stdarg.h>
#include <string.h>

struct keg_buf keg_buf_init(size_t max_bytes)
{
    return (struct keg_buf){.max_bytes = max_bytes};
}

void keg_buf_done(struct keg_buf *buf)
{
    free(buf->data);
    *buf = keg_buf_init(buf->max_bytes);
}

static int reserve(struct keg_buf *buf, size_t extra)
{
    if (buf->failed)
        return buf->failed;
    if (extra > buf->max_bytes || buf->length > buf->max_bytes - extra)
        return buf->failed = -E2BIG;
    size_t need = buf->length + extra + 1;
    if (need <= buf->capacity)
        return 0;
    size_t capacity = buf->capacity ? buf->capacity : 256;
    while (capacity < need)
        capacity *= 2;
    char *data = realloc(buf->data, capacity);
    if (!data)
        return buf->failed = -ENOMEM;
    buf->data = data;
    buf->capacity = capacity;
    return 0;
}

int keg_buf_add(struct keg_buf *buf, const void *data, size_t length)
{
    int r = reserve(buf, length);
    if (r < 0)
        return r;
    if (length)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
    return 0;
}

int keg_buf_str(struct keg_buf *buf, const char *s)
{
    return keg_buf_add(buf, s, strlen(s));
}

int keg_buf_printf(struct keg_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return buf->failed = -EINVAL;
    int r = reserve(buf, (size_t)length);
    if (r < 0)
        return r;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
    return 0;
}

int keg_buf_ok(const struct keg_buf *buf, struct keg_err *err, const char *what)
{
    if (!buf->failed)
        return 0;
    if (buf->failed == -E2BIG)
        return keg_fail(err, buf->failed, "%s: over %zu bytes", what, buf->max_bytes);
    return keg_fail(err, buf->failed, "%s: %s", what, keg_errno_text(buf->failed));
}

char *keg_buf_take(struct keg_buf *buf)
{
    char *data = NULL;
    if (!buf->failed)
        data = buf->data ? TAKE_PTR(buf->data) : keg_strdup("");
    keg_buf_done(buf);
    return data;
}
