/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression as a source: what the first bytes say they are, gzip, zstd or plain. */
#include "unpack/unpack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Compressed bytes read at once: large enough that the calls below do not show, small enough for
 * L2. */
#define INPUT_BYTES (128u * 1024)

/* The longest magic number looked at (zstd's; gzip has two bytes). */
#define MAGIC_BYTES 4

/* What every kind shares. `failure` makes the first error final. */
struct decompress {
    struct keg_source base;
    struct keg_source *from;
    size_t position, length; /* of what is left in `input` */
    bool input_ended, done;
    struct keg_err failure;
    union {
        z_stream gzip;
        ZSTD_DCtx *zstd;
    };
    bool between; /* at the boundary of members or frames, where the stream may end */
    unsigned char input[INPUT_BYTES];
};

static size_t input_left(const struct decompress *d)
{
    return d->length - d->position;
}

/* Return 1 with bytes in `input`, 0 at the verified end of the source, or a code. */
static int refill(struct decompress *d, struct keg_err *err)
{
    if (input_left(d) > 0)
        return 1;
    if (d->input_ended)
        return 0;
    ssize_t n = keg_source_read(d->from, d->input, sizeof(d->input), err);
    if (n < 0)
        return (int)n;
    d->position = 0;
    d->length = (size_t)n;
    d->input_ended = n == 0;
    return n > 0;
}

static void decompress_close(struct keg_source *source)
{
    struct decompress *d = (struct decompress *)source;
    keg_source_close(d->from);
    free(d);
}

static ssize_t plain_read(struct decompress *d, void *buffer, size_t size, struct keg_err *err)
{
    if (input_left(d) == 0)
        return keg_source_read(d->from, buffer, size, err);
    size_t n = input_left(d) < size ? input_left(d) : size;
    memcpy(buffer, d->input + d->position, n);
    d->position += n;
    return (ssize_t)n;
}

/* Behind a member: another one, zeros to the end (tape blocks; GNU gzip takes them too), or
 * nothing. Return 1 where a member begins, 0 at the end. */
static int gzip_next_member(struct decompress *d, struct keg_err *err)
{
    int r = refill(d, err);
    if (r <= 0)
        return r;
    if (d->input[d->position] == 0x1f) {
        d->between = false;
        return inflateReset(&d->gzip) == Z_OK ? 1 : keg_fail(err, -ENOMEM, "reset of inflate");
    }
    while ((r = refill(d, err)) > 0)
        if (d->input[d->position++] != 0)
            return keg_fail(err, -EBADMSG, "the gzip stream has trailing bytes behind its end");
    return r;
}

static int gzip_step(struct decompress *d, struct keg_err *err)
{
    d->gzip.next_in = d->input + d->position;
    d->gzip.avail_in = (uInt)input_left(d);
    int r = inflate(&d->gzip, Z_NO_FLUSH);
    d->position = d->length - d->gzip.avail_in;
    if (r == Z_STREAM_END)
        d->between = true;
    if (r == Z_OK || r == Z_STREAM_END)
        return 0;
    if (r == Z_MEM_ERROR)
        return keg_fail(err, -ENOMEM, "inflate: out of memory");
    return keg_fail(err, -EBADMSG, "the gzip stream is damaged: %s",
                    d->gzip.msg ? d->gzip.msg : "no progress");
}

static ssize_t gzip_read(struct decompress *d, void *buffer, size_t size, struct keg_err *err)
{
    size_t want = size < UINT32_MAX ? size : UINT32_MAX;
    d->gzip.next_out = buffer;
    d->gzip.avail_out = (uInt)want;
    while (d->gzip.avail_out == want) {
        int r = d->between ? gzip_next_member(d, err) : refill(d, err);
        if (r < 0)
            return r;
        if (r == 0 && !d->between)
            return keg_fail(err, -EBADMSG, "the gzip stream ends early");
        if (r == 0)
            return 0;
        r = gzip_step(d, err);
        if (r < 0)
            return r;
    }
    return (ssize_t)(want - d->gzip.avail_out);
}

static int zstd_fail(size_t result, struct keg_err *err)
{
    ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
    if (code == ZSTD_error_memory_allocation)
        return keg_fail(err, -ENOMEM, "zstd: out of memory");
    if (code == ZSTD_error_frameParameter_windowTooLarge)
        return keg_fail(err, -EFBIG, "the zstd stream wants a window over the limit of 2^%d bytes",
                        KEG_ZSTD_WINDOW_LOG_MAX);
    return keg_fail(err, -EBADMSG, "the zstd stream is damaged: %s", ZSTD_getErrorName(result));
}

static ssize_t zstd_read(struct decompress *d, void *buffer, size_t size, struct keg_err *err)
{
    ZSTD_outBuffer out = {.dst = buffer, .size = size};
    while (out.pos == 0) {
        int r = refill(d, err);
        if (r < 0)
            return r;
        if (r == 0 && d->between)
            return 0;
        /* With no input left the decoder may still hold output, or it waits for what will not come.
         */
        ZSTD_inBuffer in = {.src = d->input, .size = d->length, .pos = d->position};
        size_t left = ZSTD_decompressStream(d->zstd, &out, &in);
        d->position = in.pos;
        if (ZSTD_isError(left))
            return zstd_fail(left, err);
        d->between = left == 0;
        if (r == 0 && out.pos == 0 && !d->between)
            return keg_fail(err, -EBADMSG, "the zstd stream ends early");
    }
    return (ssize_t)out.pos;
}

typedef ssize_t read_function(struct decompress *, void *, size_t, struct keg_err *);

static ssize_t sticky_read(struct decompress *d, read_function *f, void *buffer, size_t size,
                           struct keg_err *err)
{
    if (d->done)
        return 0;
    if (d->failure.code == 0) {
        ssize_t n = f(d, buffer, size, &d->failure);
        d->done = n == 0;
        if (n >= 0)
            return n;
    }
    if (err)
        *err = d->failure;
    return d->failure.code;
}

static ssize_t read_plain(struct keg_source *source, void *buffer, size_t size, struct keg_err *err)
{
    return sticky_read((struct decompress *)source, plain_read, buffer, size, err);
}

static ssize_t read_gzip(struct keg_source *source, void *buffer, size_t size, struct keg_err *err)
{
    return sticky_read((struct decompress *)source, gzip_read, buffer, size, err);
}

static ssize_t read_zstd(struct keg_source *source, void *buffer, size_t size, struct keg_err *err)
{
    return sticky_read((struct decompress *)source, zstd_read, buffer, size, err);
}

static void close_gzip(struct keg_source *source)
{
    inflateEnd(&((struct decompress *)source)->gzip);
    decompress_close(source);
}

static void close_zstd(struct keg_source *source)
{
    ZSTD_freeDCtx(((struct decompress *)source)->zstd);
    decompress_close(source);
}

static const struct keg_source_ops plain_ops = {.read = read_plain, .close = decompress_close};
static const struct keg_source_ops gzip_ops = {.read = read_gzip, .close = close_gzip};
static const struct keg_source_ops zstd_ops = {.read = read_zstd, .close = close_zstd};

static int gzip_begin(struct decompress *d, struct keg_err *err)
{
    /* 16 + window bits: a gzip header and trailer, checked; raw and zlib streams are refused. */
    if (inflateInit2(&d->gzip, 16 + MAX_WBITS) != Z_OK)
        return keg_fail(err, -ENOMEM, "inflate: out of memory");
    d->base.ops = &gzip_ops;
    return 0;
}

static int zstd_begin(struct decompress *d, struct keg_err *err)
{
    d->zstd = ZSTD_createDCtx();
    if (!d->zstd)
        return keg_fail(err, -ENOMEM, "zstd: out of memory");
    d->base.ops = &zstd_ops;
    d->between = true;
    size_t r = ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, KEG_ZSTD_WINDOW_LOG_MAX);
    return ZSTD_isError(r) ? zstd_fail(r, err) : 0;
}

static bool is_gzip(const unsigned char *magic, size_t length)
{
    return length >= 2 && magic[0] == 0x1f && magic[1] == 0x8b;
}

/* A frame, or one of the sixteen kinds of skippable frame (RFC 8878 §3.1). */
static bool is_zstd(const unsigned char *magic, size_t length)
{
    static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd};
    static const unsigned char skippable[] = {0x2a, 0x4d, 0x18};
    if (length < MAGIC_BYTES)
        return false;
    return memcmp(magic, frame, sizeof(frame)) == 0 ||
           ((magic[0] & 0xf0) == 0x50 && memcmp(magic + 1, skippable, sizeof(skippable)) == 0);
}

static int read_magic(struct decompress *d, struct keg_err *err)
{
    while (d->length < MAGIC_BYTES && !d->input_ended) {
        ssize_t n =
            keg_source_read(d->from, d->input + d->length, sizeof(d->input) - d->length, err);
        if (n < 0)
            return (int)n;
        d->length += (size_t)n;
        d->input_ended = n == 0;
    }
    return 0;
}

int unpack_decompress_new(struct keg_source *source, struct keg_source **ret, struct keg_err *err)
{
    struct decompress *d = calloc(1, sizeof(*d));
    if (!d) {
        keg_source_close(source);
        return keg_fail(err, -ENOMEM, "decompress: out of memory");
    }
    d->base.ops = &plain_ops;
    d->from = source;
    int r = read_magic(d, err);
    if (r == 0 && is_gzip(d->input, d->length))
        r = gzip_begin(d, err);
    else if (r == 0 && is_zstd(d->input, d->length))
        r = zstd_begin(d, err);
    if (r < 0) {
        keg_source_close(&d->base);
        return r;
    }
    *ret = &d->base;
    return 0;
}
