/* SPDX-License-Identifier: Apache-2.0 */
/* Roots that are not of the store alone: a writable layer in RAM, and a folder of the host. */
#include "run/mount.h"
#include "run/run.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* In the run folder, for as long as an overlay is made of it, where the kernel wants that. */
#define PLACE "ram"

static int make_tmpfs(uint64_t size_bytes)
{
    char size[32];
    _cleanup_fd_ int context = mount_context_open("tmpfs");
    if (context < 0)
        return context;
    (void)snprintf(size, sizeof(size), "%llu", (unsigned long long)size_bytes);
    int r = mount_context_set(context, "mode", "0700");
    if (r == 0 && size_bytes > 0)
        r = mount_context_set(context, "size", size);
    return r < 0 ? r : mount_context_finish(context, 0);
}

/* overlayfs marks opaque folders with them; without, a folder could not be made in the place of one
 * that was removed. */
static int check_attributes(int dirfd)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/upper", dirfd);
    if (setxattr(path, "user.keg", "", 0, 0) < 0)
        return -errno;
    return removexattr(path, "user.keg") < 0 ? -errno : 0;
}

int run_ephemeral_new(uint64_t size_bytes, int *ret_dirfd, struct keg_err *err)
{
    _cleanup_fd_ int dirfd = make_tmpfs(size_bytes);
    if (dirfd < 0)
        return keg_fail(err, dirfd, "layer in RAM: tmpfs: %s", keg_errno_text(dirfd));
    if (mkdirat(dirfd, "upper", 0755) < 0 || fchmodat(dirfd, "upper", 0755, 0) < 0 ||
        mkdirat(dirfd, "work", 0700) < 0)
        return keg_fail_errno(err, "layer in RAM");
    int r = check_attributes(dirfd);
    if (r == -EOPNOTSUPP)
        return keg_fail(err, r,
                        "layer in RAM: the tmpfs of this kernel holds no user attributes (Linux "
                        "6.6 has that)");
    if (r < 0)
        return keg_fail(err, r, "layer in RAM: %s", keg_errno_text(r));
    *ret_dirfd = TAKE_FD(dirfd);
    return 0;
}

/* Before Linux 6.15 overlayfs takes no layer of a mount that is nowhere. */
int run_ephemeral_attach(int dirfd, int rundir_fd, struct keg_err *err)
{
    if (mkdirat(rundir_fd, PLACE, 0700) < 0 && errno != EEXIST)
        return keg_fail_errno(err, "layer in RAM: make its place");
    _cleanup_fd_ int place = keg_openat(rundir_fd, PLACE, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    int r = place < 0 ? place : mount_move(dirfd, place);
    return r < 0 ? keg_fail(err, r, "layer in RAM: attach: %s", keg_errno_text(r)) : 0;
}

void run_ephemeral_clean(int rundir_fd)
{
    char path[64];
    if (faccessat(rundir_fd, PLACE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/" PLACE, rundir_fd);
    (void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    (void)unlinkat(rundir_fd, PLACE, AT_REMOVEDIR);
}

int run_ephemeral_overlay(const int *lower_fds, size_t count, int dirfd, int rundir_fd,
                          int userns_fd, int *ret_mountfd, struct keg_err *err)
{
    int r = run_overlay_mount(lower_fds, count, dirfd, true, userns_fd, ret_mountfd, err);
    if (r != -EINVAL)
        return r;
    r = run_ephemeral_attach(dirfd, rundir_fd, err);
    if (r == 0)
        r = run_overlay_mount(lower_fds, count, dirfd, true, userns_fd, ret_mountfd, err);
    run_ephemeral_clean(rundir_fd);
    return r;
}

/* ---- a folder of the host */

int run_folder_mount(int dirfd, int userns_fd, int *ret_mountfd, struct keg_err *err)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP};
    _cleanup_fd_ int fd = mount_clone(dirfd, true);
    if (fd < 0)
        return keg_fail(err, fd, "copy its mount: %s", keg_errno_text(fd));
    if (userns_fd >= 0) {
        attributes.userns_fd = (uint64_t)userns_fd;
        if (mount_setattr(fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
            return keg_fail_errno(err, "map its owners (id-mapped mount)");
    }
    *ret_mountfd = TAKE_FD(fd);
    return 0;
}

/* ---- a mount of another container's */

/* "/" is the namespace's root after setns(2). */
static int copy_here(const char *path, struct keg_err *err)
{
    _cleanup_fd_ int root = keg_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    _cleanup_fd_ int fd = root < 0 ? root : keg_open_in_root(root, path, O_PATH, 0);
    int copy = fd < 0 ? fd : mount_clone(fd, false);
    return copy < 0 ? keg_fail(err, copy, "'%s': %s", path, keg_errno_text(copy)) : copy;
}

int run_mount_of(int mntns_fd, const char *path, int *ret_fd, struct keg_err *err)
{
    _cleanup_fd_ int own = keg_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0);
    _cleanup_fd_ int cwd = keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
    if (own < 0 || cwd < 0)
        return keg_fail(err, own < 0 ? own : cwd, "open the mount namespace");
    if (setns(mntns_fd, CLONE_NEWNS) < 0)
        return keg_fail_errno(err, "enter the mount namespace");
    _cleanup_fd_ int copy = copy_here(path, err);
    if (setns(own, CLONE_NEWNS) < 0 || fchdir(cwd) < 0)
        return keg_fail_errno(err, "back to the mount namespace");
    if (copy < 0)
        return copy;
    *ret_fd = TAKE_FD(copy);
    return 0;
}
