/* SPDX-License-Identifier: Apache-2.0 */
/* A source that hashes what flows through it and ends well only where the digest is the promised
 * one. */
#include "unpack/unpack.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    struct keg_source base;
    struct keg_source *from;
    EVP_MD_CTX *context;
    const char *algorithm;
    char *expected;
    bool done;
    struct keg_err failure;
};

static int verify(struct digest *d, struct keg_err *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (EVP_DigestFinal_ex(d->context, hash, &length) != 1)
        return keg_fail(err, -EIO, "%s: the hash could not be computed", d->algorithm);
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    keg_hex(hash, length, hex);
    if (strcmp(strchr(d->expected, ':') + 1, hex) == 0)
        return 0;
    return keg_fail(err, -EBADMSG, "the content has the digest '%s:%s', expected '%s'",
                    d->algorithm, hex, d->expected);
}

static ssize_t step(struct digest *d, void *buffer, size_t size, struct keg_err *err)
{
    ssize_t n = keg_source_read(d->from, buffer, size, err);
    if (n < 0)
        return n;
    if (n == 0) {
        d->done = true;
        return verify(d, err);
    }
    if (EVP_DigestUpdate(d->context, buffer, (size_t)n) != 1)
        return keg_fail(err, -EIO, "%s: the hash could not be computed", d->algorithm);
    return n;
}

static ssize_t digest_read(struct keg_source *source, void *buffer, size_t size,
                           struct keg_err *err)
{
    struct digest *d = (struct digest *)source;
    if (d->failure.code == 0) {
        if (d->done)
            return 0;
        ssize_t n = step(d, buffer, size, &d->failure);
        if (n >= 0)
            return n;
    }
    if (err)
        *err = d->failure;
    return d->failure.code;
}

static void digest_close(struct keg_source *source)
{
    struct digest *d = (struct digest *)source;
    keg_source_close(d->from);
    EVP_MD_CTX_free(d->context);
    free(d->expected);
    free(d);
}

static const struct keg_source_ops digest_ops = {.read = digest_read, .close = digest_close};

static int begin(struct digest *d, const char *expected, struct keg_err *err)
{
    if (!keg_is_valid_digest(expected))
        return keg_fail(err, -EINVAL, "'%s' is not a digest that keg can verify", expected);
    bool is_sha512 = keg_starts_with(expected, "sha512:");
    d->algorithm = is_sha512 ? "sha512" : "sha256";
    d->expected = keg_strdup(expected);
    d->context = EVP_MD_CTX_new();
    if (!d->expected || !d->context)
        return keg_fail(err, -ENOMEM, "digest: out of memory");
    if (EVP_DigestInit_ex(d->context, is_sha512 ? EVP_sha512() : EVP_sha256(), NULL) != 1)
        return keg_fail(err, -ENOTSUP, "%s: libcrypto does not offer it", d->algorithm);
    return 0;
}

int unpack_digest_new(struct keg_source *source, const char *digest, struct keg_source **ret,
                      struct keg_err *err)
{
    struct digest *d = calloc(1, sizeof(*d));
    if (!d) {
        keg_source_close(source);
        return keg_fail(err, -ENOMEM, "digest: out of memory");
    }
    d->base.ops = &digest_ops;
    d->from = source;
    int r = begin(d, digest, err);
    if (r < 0) {
        keg_source_close(&d->base);
        return r;
    }
    *ret = &d->base;
    return 0;
}
