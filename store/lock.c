/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of the store: flock(2) on files of their own, gone with the process that holds them. */
#include "store/internal.h"

#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* How long a wait that can be cancelled goes on behind the flag, and behind the lock's release. */
enum { POLL_MS = 20 };

int store_flock(int fd, int operation)
{
    while (flock(fd, operation) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

void store_cancel_waits(struct store *store, const atomic_bool *flag)
{
    store->cancel = flag;
}

static int wait_for(const struct store *store, int fd, int operation)
{
    if (!store->cancel)
        return store_flock(fd, operation);
    for (;;) {
        int r = store_flock(fd, operation | LOCK_NB);
        if (r != -EWOULDBLOCK)
            return r;
        if (atomic_load(store->cancel))
            return -EINTR;
        usleep(POLL_MS * 1000);
    }
}

bool store_is_current(int fd, int dirfd, const char *name)
{
    struct stat ours, theirs;

    return fstat(fd, &ours) == 0 && fstatat(dirfd, name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

bool store_lock_is_held(int dirfd, const char *path)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);

    /* Shared, so that two who ask at once do not take each other for the owner. */
    return fd >= 0 && store_flock(fd, LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}

int store_lock_shared(struct store *store, int *ret_fd, struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_openat(store->root_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    int r = fd;

    if (fd >= 0)
        r = wait_for(store, fd, LOCK_SH);
    if (r < 0)
        return keg_fail(err, r, "lock '%s/lock': %s", store->root, keg_errno_text(r));
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int store_lock_digest(struct store *store, const char *digest, int *ret_fd, struct keg_err *err)
{
    int dir = store_dir(store, STORE_DIR_LOCKS, err);
    int r = store_check_digest(digest, err);

    if (dir < 0 || r < 0)
        return dir < 0 ? dir : r;
    for (;;) {
        const char *name = store_digest_hex(digest);
        _cleanup_fd_ int fd = keg_openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);

        r = fd < 0 ? fd : wait_for(store, fd, LOCK_EX);
        if (r < 0)
            return keg_fail(err, r, "lock '%s/locks/%s': %s", store->runroot, name,
                            keg_errno_text(r));
        /* A collection removes lock files that nobody holds, maybe between our open and our lock.
         */
        if (!store_is_current(fd, dir, name))
            continue;
        *ret_fd = TAKE_FD(fd);
        return 0;
    }
}

int store_check_digest(const char *digest, struct keg_err *err)
{
    if (digest && keg_is_valid_digest(digest))
        return 0;
    return keg_fail(err, -EINVAL, "'%s' is not a digest that keg can verify", digest ? digest : "");
}

const char *store_digest_hex(const char *digest)
{
    return strchr(digest, ':') + 1;
}

bool store_is_hex(const char *s, size_t length)
{
    return strspn(s, "0123456789abcdef") == length && s[length] == '\0';
}

const char *store_hex_prefix(const char *s)
{
    const char *hex = keg_starts_with(s, "sha256:") ? s + strlen("sha256:") : s;
    size_t length = strlen(hex);

    return length > 0 && length <= 64 && store_is_hex(hex, length) ? hex : NULL;
}
