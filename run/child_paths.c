/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: what is masked or read-only, and the working folder. */
#include "run/child.h"

#include "run/mount.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* ---- masked, read-only */

/* /dev/null, and nothing that was put in its place (CVE-2025-31133). Where /dev is a bind mount,
 * which need not have any, it is the host's. */
static int open_null(const struct child *child, struct keg_err *err)
{
    struct stat st;
    _cleanup_fd_ int fd = child->launch->plan.dev_is_bound
                              ? keg_openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW, 0)
                              : keg_open_beneath(child->dev_fd, "null", O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '/dev/null': %s", keg_errno_text(fd));
    if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
        return keg_fail(err, -EPERM, "'/dev/null' is not the null device");
    return TAKE_FD(fd);
}

/* All masked folders show one empty filesystem, made for the first of them. */
static int mask_folder(struct child *child, const struct mount_target *target, struct keg_err *err)
{
    static const char *const options[] = {"nr_blocks=1", "nr_inodes=2", "mode=755", NULL};
    static const struct mount_fs empty = {.type = "tmpfs",
                                          .source = "tmpfs",
                                          .options = options,
                                          .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                        MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    static const struct mount_change change = {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    if (child->empty_fd >= 0)
        return mount_bind_on(child->empty_fd, false, &change, target, err);
    int mount_fd;
    int r = mount_new_fs(&empty, &mount_fd, err);
    if (r == 0)
        r = mount_fs_on(&empty, mount_fd, target, err);
    if (mount_fd >= 0)
        (void)close(mount_fd);
    if (r < 0)
        return r;
    child->empty_fd = keg_open_in_root(target->root_fd, target->path, O_PATH | O_DIRECTORY, 0);
    return child->empty_fd < 0 ? keg_fail(err, child->empty_fd, "open the mask") : 0;
}

static bool came_before(char *const *paths, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(paths[i], paths[index]) == 0)
            return true;
    return false;
}

static int mask_path(struct child *child, const char *path, int null_fd, struct keg_err *err)
{
    /* Of a node that is the host's, neither mode nor owner is the container's to change. */
    const struct mount_change change = {.set = child->launch->plan.dev_is_bound ? MOUNT_ATTR_RDONLY
                                                                                : 0};
    struct stat st;
    _cleanup_fd_ int fd = keg_open_in_root(child->root_fd, path, O_PATH, 0);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return 0; /* the spec: what does not exist needs no mask */
    if (fd < 0 || fstat(fd, &st) < 0)
        return keg_fail(err, fd < 0 ? fd : -errno, "open: %s", keg_errno_text(fd < 0 ? fd : errno));
    const struct mount_target target = {.root_fd = child->root_fd, .path = path, .fd = fd};
    return S_ISDIR(st.st_mode) ? mask_folder(child, &target, err)
                               : mount_bind_on(null_fd, false, &change, &target, err);
}

int child_mask_paths(struct child *child, struct keg_err *err)
{
    char *const *paths = child->spec->masked_paths;
    if (!paths || !*paths)
        return 0;
    _cleanup_fd_ int null_fd = open_null(child, err);
    if (null_fd < 0)
        return null_fd;
    for (size_t i = 0; paths[i]; i++) {
        int r = came_before(paths, i) ? 0 : mask_path(child, paths[i], null_fd, err);
        if (r < 0)
            return keg_wrap(err, "'%s'", paths[i]);
    }
    return 0;
}

static int make_readonly(const struct child *child, const char *path, struct keg_err *err)
{
    static const struct mount_change change = {.set = MOUNT_ATTR_RDONLY};
    _cleanup_fd_ int fd = keg_open_in_root(child->root_fd, path, O_PATH, 0);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return 0;
    if (fd < 0)
        return keg_fail(err, fd, "open: %s", keg_errno_text(fd));
    const struct mount_target target = {.root_fd = child->root_fd, .path = path, .fd = fd};
    return mount_bind_on(fd, true, &change, &target, err);
}

int child_make_readonly_paths(struct child *child, struct keg_err *err)
{
    char *const *paths = child->spec->readonly_paths;
    for (size_t i = 0; paths && paths[i]; i++) {
        int r = came_before(paths, i) ? 0 : make_readonly(child, paths[i], err);
        if (r < 0)
            return keg_wrap(err, "'%s'", paths[i]);
    }
    return 0;
}

/* ---- working folder */

/* Where it ends up outside, by a leaked fd, the kernel says "(unreachable)" (CVE-2024-21626). */
int child_change_folder(int fd, const char *path, struct keg_err *err)
{
    char real[PATH_MAX];
    if (fchdir(fd) < 0)
        return keg_fail_errno(err, "'%s'", path);
    if (syscall(SYS_getcwd, real, sizeof(real)) < 0)
        return keg_fail_errno(err, "'%s'", path);
    if (real[0] != '/')
        return keg_fail(err, -EPERM, "'%s' is outside of the container", path);
    return 0;
}

/* An image's WORKDIR need not exist. After the pivot, so that no link leads to the host
 * (CVE-2026-55686). */
int child_enter_cwd(struct child *child, struct keg_err *err)
{
    const char *cwd = child->spec->process.cwd;
    if (!cwd || cwd[0] != '/')
        return keg_fail(err, -EINVAL, "'%s' is not absolute", cwd ? cwd : "");
    _cleanup_fd_ int fd = keg_mkdirs_in_root(child->root_fd, cwd, 0755);
    if (fd < 0)
        return keg_fail(err, fd, "'%s': %s", cwd, keg_errno_text(fd));
    return child_change_folder(fd, cwd, err);
}
