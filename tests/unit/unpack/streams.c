/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression and digests as sources. */
#include "tar.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static const char text[] = "layers are tar archives, mostly compressed; this one is neither";

static void add_gzip(struct keg_buf *out, const void *data, size_t size)
{
    unsigned char packed[1u << 16];
    z_stream z = {0};
    union {
        const void *in;
        unsigned char *out;
    } input = {data};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = input.out;
    z.avail_in = (uInt)size;
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    keg_buf_add(out, packed, sizeof(packed) - z.avail_out);
    deflateEnd(&z);
}

static void add_zstd(struct keg_buf *out, const void *data, size_t size)
{
    unsigned char packed[1u << 16];
    size_t n = ZSTD_compress(packed, sizeof(packed), data, size, 3);
    cr_assert(!ZSTD_isError(n));
    keg_buf_add(out, packed, n);
}

/* Decompress what ${in} holds, by ${chunk} bytes; 0 with the text in ${out}, or the code. */
static int inflate_all(const struct keg_buf *in, size_t chunk, struct keg_buf *out,
                       struct keg_err *err)
{
    _cleanup_source_ struct keg_source *source = NULL;
    int r = unpack_decompress_new(bytes_source(in->data, in->length, chunk), &source, err);
    if (r < 0)
        return r;
    char buffer[37];
    ssize_t n;
    while ((n = keg_source_read(source, buffer, sizeof(buffer), err)) > 0)
        keg_buf_add(out, buffer, (size_t)n);
    struct keg_err again = KEG_ERR_INIT;
    cr_assert_eq(keg_source_read(source, buffer, sizeof(buffer), &again), n, "the end is final");
    if (n < 0)
        cr_assert_str_eq(again.text, err->text);
    return (int)n;
}

static void expect_text(const struct keg_buf *in, const char *expected)
{
    for (size_t chunk = 0; chunk < 4; chunk++) {
        struct keg_err err = KEG_ERR_INIT;
        _cleanup_buf_ struct keg_buf out = keg_buf_init(1u << 20);
        cr_assert_eq(inflate_all(in, chunk, &out, &err), 0, "%s", err.text);
        cr_assert_str_eq(out.length ? out.data : "", expected);
    }
}

static void expect_error(const struct keg_buf *in, int code, const char *part)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_buf_ struct keg_buf out = keg_buf_init(1u << 20);
    cr_assert_eq(inflate_all(in, 0, &out, &err), code, "%d %s", err.code, err.text);
    cr_assert(strstr(err.text, part), "'%s' lacks '%s'", err.text, part);
}

Test(decompress, plain_bytes_pass_as_they_are)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    keg_buf_str(&in, text);
    expect_text(&in, text);
}

Test(decompress, fewer_bytes_than_a_magic_number_are_plain)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    expect_text(&in, "");
    keg_buf_str(&in, "\x1f");
    expect_text(&in, "\x1f");
    keg_buf_str(&in, "x");
    expect_text(&in, "\x1fx");
}

Test(decompress, gzip_of_one_member)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, text, strlen(text));
    expect_text(&in, text);
}

Test(decompress, gzip_of_many_members_is_one_stream)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, "one ", 4);
    add_gzip(&in, "", 0);
    add_gzip(&in, "two", 3);
    expect_text(&in, "one two");
}

Test(decompress, zeros_behind_gzip_are_padding)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, text, strlen(text));
    keg_buf_add(&in, (char[1000]){0}, 1000);
    expect_text(&in, text);
}

Test(decompress, should_fail_junk_behind_gzip)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, text, strlen(text));
    keg_buf_str(&in, "junk");
    expect_error(&in, -EBADMSG, "trailing bytes behind its end");
}

Test(decompress, should_fail_junk_behind_zeros_behind_gzip)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, text, strlen(text));
    keg_buf_add(&in, "\0\0\0x", 4);
    expect_error(&in, -EBADMSG, "trailing bytes behind its end");
}

Test(decompress, should_fail_gzip_magic_only_behind_gzip)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, text, strlen(text));
    keg_buf_add(&in, "\x1f\x8b", 2);
    expect_error(&in, -EBADMSG, "gzip stream ends early");
}

Test(decompress, should_fail_gzip_cut_at_any_byte)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, text, strlen(text));
    for (size_t whole = in.length, cut = 4; cut < whole; cut++) {
        in.length = cut;
        expect_error(&in, -EBADMSG, "gzip stream ends early");
    }
}

Test(decompress, should_fail_gzip_with_any_bit_of_its_data_flipped)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_gzip(&in, text, strlen(text));
    /* The ten bytes of the header hold a time and a system, which nothing checks. */
    for (size_t i = 10; i < in.length; i++) {
        in.data[i] ^= 0x01;
        expect_error(&in, -EBADMSG, "gzip stream");
        in.data[i] ^= 0x01;
    }
}

Test(decompress, zstd_frames_and_skippable_frames_are_one_stream)
{
    static const char skippable[] = "\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz";
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    keg_buf_add(&in, skippable, sizeof(skippable) - 1);
    add_zstd(&in, "one ", 4);
    keg_buf_add(&in, skippable, sizeof(skippable) - 1);
    add_zstd(&in, "two", 3);
    expect_text(&in, "one two");
}

Test(decompress, should_fail_zstd_cut_at_any_byte)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_zstd(&in, text, strlen(text));
    for (size_t whole = in.length, cut = 4; cut < whole; cut++) {
        in.length = cut;
        expect_error(&in, -EBADMSG, "zstd stream ends early");
    }
}

Test(decompress, should_fail_junk_behind_zstd)
{
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    add_zstd(&in, text, strlen(text));
    keg_buf_str(&in, "junk");
    expect_error(&in, -EBADMSG, "zstd stream");
}

Test(decompress, should_fail_zstd_window_over_the_limit)
{
    /* A frame without content size that wants a window of 2^28 bytes (RFC 8878 §3.1.1.1.2). */
    static const char frame[] = {'\x28', '\xb5', '\x2f', '\xfd', 0, (28 - 10) << 3, 1, 0, 0};
    _cleanup_buf_ struct keg_buf in = keg_buf_init(1u << 20);
    keg_buf_add(&in, frame, sizeof(frame));
    expect_error(&in, -EFBIG, "window over the limit of 2^27 bytes");
    in.data[5] = (27 - 10) << 3;
    expect_text(&in, "");
}

static void digest_of(const char *algorithm, const char *data, char ret[static 200])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length;
    EVP_Digest(data, strlen(data), hash, &length, EVP_get_digestbyname(algorithm), NULL);
    int n = snprintf(ret, 200, "%s:", algorithm);
    keg_hex(hash, length, ret + n);
}

static int read_verified(const char *data, const char *digest, struct keg_err *err)
{
    _cleanup_source_ struct keg_source *source = NULL;
    int r = unpack_digest_new(bytes_source(data, strlen(data), 5), digest, &source, err);
    if (r < 0)
        return r;
    r = keg_source_drain(source, err);
    cr_assert_eq(keg_source_drain(source, err), r, "the end is final");
    return r;
}

Test(digest, the_right_content_ends_well)
{
    const char *const algorithms[] = {"sha256", "sha512"};
    for (size_t i = 0; i < 2; i++) {
        struct keg_err err = KEG_ERR_INIT;
        char digest[200];
        digest_of(algorithms[i], text, digest);
        cr_assert_eq(read_verified(text, digest, &err), 0, "%s", err.text);
    }
}

Test(digest, should_fail_other_content)
{
    struct keg_err err = KEG_ERR_INIT;
    char digest[200];
    digest_of("sha256", text, digest);
    cr_assert_eq(read_verified("other", digest, &err), -EBADMSG);
    cr_assert(strstr(err.text, digest), "%s", err.text);
    cr_assert_eq(read_verified("", digest, &err), -EBADMSG);
}

Test(digest, should_fail_algorithm_that_is_not_known)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(read_verified(text, "md5:d41d8cd98f00b204e9800998ecf8427e", &err), -EINVAL);
}
