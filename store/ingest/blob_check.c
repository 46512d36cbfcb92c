/* SPDX-License-Identifier: Apache-2.0 */
/* A stored blob that is in doubt: hashed anew, and removed where it is not what its name says. */
#include "store/ingest/sha.h"
#include "store/internal.h"

#define CHECK_BUFFER_BYTES (128u * 1024)

/* Hash all of ${fd}. 0 or -errno. */
static int hash_file(int fd, EVP_MD_CTX *sha)
{
    _cleanup_free_ uint8_t *buffer = malloc(CHECK_BUFFER_BYTES);
    ssize_t n = buffer ? 1 : -ENOMEM;

    while (n > 0) {
        n = keg_read(fd, buffer, CHECK_BUFFER_BYTES);
        if (n > 0 && store_sha_add(sha, buffer, (size_t)n) < 0)
            return -EIO;
    }
    return (int)n;
}

/* 1 where the bytes have ${digest}, 0 where they do not, or cannot be read. */
static int is_right(int fd, const char *digest, struct keg_err *err)
{
    EVP_MD_CTX *sha = store_sha_new(digest, err);
    int r;

    if (!sha)
        return -EIO;
    r = hash_file(fd, sha);
    if (r == 0)
        r = store_sha_matches(sha, digest);
    else if (r == -EIO)
        r = 0;
    else
        keg_fail(err, r, "check blob '%s': %s", digest, keg_errno_text(r));
    EVP_MD_CTX_free(sha);
    return r;
}

int store_blob_drop_damaged(struct store *store, const char *digest, struct keg_err *err)
{
    int dir = store_blob_dir(store, digest, err);
    _cleanup_fd_ int lock = -1;
    _cleanup_fd_ int fd = -1;
    uint64_t size_bytes;
    int r;

    if (dir < 0)
        return dir;
    if ((r = store_lock_digest(store, digest, &lock, err)) < 0 ||
        (r = store_blob_open(store, digest, &fd, &size_bytes, err)) < 0 ||
        (r = is_right(fd, digest, err)) < 0)
        return r;
    if (r > 0)
        return 0;
    if (unlinkat(dir, store_digest_hex(digest), 0) < 0)
        return keg_fail_errno(err, "remove the damaged blob '%s'", digest);
    return 1;
}
