/* SPDX-License-Identifier: Apache-2.0 */
/* Committed blobs, for reading. */
#include "store/internal.h"

#include <sys/stat.h>

int store_blob_dir(struct store *store, const char *digest, struct keg_err *err)
{
    int r = store_check_digest(digest, err);

    if (r < 0)
        return r;
    return store_dir(
        store, keg_starts_with(digest, "sha512:") ? STORE_DIR_BLOBS_SHA512 : STORE_DIR_BLOBS_SHA256,
        err);
}

int store_blob_open(struct store *store, const char *digest, int *ret_fd, uint64_t *ret_size_bytes,
                    struct keg_err *err)
{
    int dir = store_blob_dir(store, digest, err);
    _cleanup_fd_ int fd = -1;
    struct stat st;

    if (dir < 0)
        return dir;
    /* O_NONBLOCK: should the store hold a fifo in the blob's place, do not wait for its writer. */
    fd = keg_openat(dir, store_digest_hex(digest), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd == -ENOENT)
        return keg_fail(err, -ENOENT, "blob '%s' is not in the store", digest);
    if (fd < 0)
        return keg_fail(err, fd, "open blob '%s': %s", digest, keg_errno_text(fd));
    if (fstat(fd, &st) < 0)
        return keg_fail_errno(err, "open blob '%s'", digest);
    if (!S_ISREG(st.st_mode))
        return keg_fail(err, -EPROTO, "open blob '%s': not a regular file", digest);
    *ret_size_bytes = (uint64_t)st.st_size;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

bool store_blob_exists(struct store *store, const char *digest)
{
    int dir = store_blob_dir(store, digest, NULL);
    struct stat st;

    return dir >= 0 && fstatat(dir, store_digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode);
}
