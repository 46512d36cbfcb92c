/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: what only a process outside of the container's user namespace may copy. */
#include "run/launch_mounts.h"

#include "run/mount.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

/* A procfs may stand in for /proc, nothing else may: writes to it would go nowhere
 * (CVE-2019-16884). */
static int check_source(const struct rootfs_mount *mount, int source, struct keg_err *err)
{
    struct statfs fs;
    if (!keg_streq(mount->destination, "/proc"))
        return 0;
    if (fstatfs(source, &fs) < 0)
        return keg_fail_errno(err, "stat '%s'", mount->source);
    if (fs.f_type != PROC_SUPER_MAGIC)
        return keg_fail(err, -EPERM, "'%s' is not a procfs", mount->source);
    return 0;
}

int launch_open_source(const struct rootfs_mount *mount, struct keg_err *err)
{
    _cleanup_fd_ int source = keg_openat(AT_FDCWD, mount->source, O_PATH, 0);
    if (source < 0)
        return keg_fail(err, source, "source '%s': %s", mount->source, keg_errno_text(source));
    int r = check_source(mount, source, err);
    return r < 0 ? r : TAKE_FD(source);
}

bool launch_is_handed_over(const struct rootfs_mount *mount)
{
    return keg_starts_with(mount->source, "/proc/self/fd/");
}

/* A copy of a mount that this process made stays a peer of the original: what the container mounted
 * in it would appear on the host. */
static int copy_mount(const struct launch *launch, int fd, bool recursive)
{
    static const struct mount_change slave = {.propagation = MS_SLAVE,
                                              .propagation_recursive = true};
    bool shared = (launch->plan.root_propagation & MS_SHARED) && !launch->between;
    _cleanup_fd_ int copy = mount_clone(fd, recursive);
    if (copy < 0)
        return copy;
    int r = shared ? 0 : mount_change_fd(copy, &slave);
    return r < 0 ? r : TAKE_FD(copy);
}

/* An old kernel (EINVAL: it can change attached mounts only), or no rights: the child may do. */
static bool is_for_the_child(int code)
{
    return code == -EPERM || code == -ENOSYS || code == -EINVAL;
}

static int open_root(struct launch *launch, struct keg_err *err)
{
    const char *path = launch->plan.root_path;
    if (launch->options->rootfs_fd >= 0 || !path)
        return 0;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "root '%s': %s", path, keg_errno_text(fd));
    int copy = copy_mount(launch, fd, true);
    if (copy < 0 && !is_for_the_child(copy))
        return keg_fail(err, copy, "root '%s': %s", path, keg_errno_text(copy));
    launch->root_fd = copy < 0 ? -1 : copy;
    return 0;
}

/* ---- id-mapped mounts */

/* The user namespace whose maps are meant: the mount's own ones, or the container's. */
static int open_maps(const struct launch *launch, const struct rootfs_mount *mount,
                     struct keg_err *err)
{
    bool own = mount->uid_maps->count > 0;
    int fd = launch->namespace_fds[RUN_NS_USER];
    if (!own && fd >= 0) {
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? keg_fail_errno(err, "user namespace") : fd;
    }
    const struct run_id_maps *uids = own ? mount->uid_maps : &launch->spec->uid_maps;
    const struct run_id_maps *gids = own ? mount->gid_maps : &launch->spec->gid_maps;
    int r = run_user_namespace_make(uids, gids, &fd, err);
    return r < 0 ? r : fd;
}

/* What is to be mapped, detached. */
static int make_detached(const struct launch *launch, const struct rootfs_mount *mount,
                         struct keg_err *err)
{
    if (mount->kind == ROOTFS_FILESYSTEM) {
        int fd;
        int r = mount_new_fs(&mount->fs, &fd, err);
        if (r < 0)
            return r;
        return fd < 0 ? keg_fail(err, -ENOSYS, "this kernel has no id-mapped mounts (Linux 5.12)")
                      : fd;
    }
    _cleanup_fd_ int source = launch_open_source(mount, err);
    if (source < 0)
        return source;
    int copy = copy_mount(launch, source, mount->recursive);
    return copy < 0 ? keg_fail(err, copy, "copy '%s': %s", mount->source, keg_errno_text(copy))
                    : copy;
}

static int open_mapped(const struct launch *launch, const struct rootfs_mount *mount, int *ret_fd,
                       struct keg_err *err)
{
    _cleanup_fd_ int userns = open_maps(launch, mount, err);
    if (userns < 0)
        return userns;
    _cleanup_fd_ int fd = make_detached(launch, mount, err);
    if (fd < 0)
        return fd;
    int r = mount_map_ids(fd, userns, mount->id_mapped_recursive, err);
    if (r == 0)
        *ret_fd = TAKE_FD(fd);
    return r;
}

static int open_bind(const struct launch *launch, const struct rootfs_mount *mount, int *ret_fd,
                     struct keg_err *err)
{
    _cleanup_fd_ int source = launch_open_source(mount, err);
    if (source < 0)
        return source;
    int copy = copy_mount(launch, source, mount->recursive);
    if (copy == -EINVAL && launch_is_handed_over(mount))
        copy = TAKE_FD(source);
    if (copy < 0 && !is_for_the_child(copy))
        return keg_fail(err, copy, "copy '%s': %s", mount->source, keg_errno_text(copy));
    *ret_fd = copy < 0 ? -1 : copy;
    return 0;
}

/* ---- all */

static int open_source_of(const struct launch *launch, const struct rootfs_mount *mount,
                          int *ret_fd, struct keg_err *err)
{
    int r = 0;
    if (mount->id_mapped)
        r = open_mapped(launch, mount, ret_fd, err);
    else if (mount->kind == ROOTFS_BIND && launch->between)
        r = open_bind(launch, mount, ret_fd, err);
    return r < 0 ? keg_wrap(err, "mount: '%s'", mount->destination) : 0;
}

int launch_open_sources(struct launch *launch, struct keg_err *err)
{
    const struct rootfs_plan *plan = &launch->plan;
    if (!launch->between && !plan->wants_id_maps)
        return 0;
    launch->source_fds = calloc(plan->mounts_count + 1, sizeof(*launch->source_fds));
    if (!launch->source_fds)
        return keg_fail(err, -ENOMEM, "mounts: out of memory");
    for (size_t i = 0; i < plan->mounts_count; i++)
        launch->source_fds[i] = -1;
    int r = launch->between ? open_root(launch, err) : 0;
    for (size_t i = 0; r == 0 && i < plan->mounts_count; i++)
        r = open_source_of(launch, &plan->mounts[i], &launch->source_fds[i], err);
    return r;
}

void launch_close_sources(struct launch *launch)
{
    for (size_t i = 0; launch->source_fds && i < launch->plan.mounts_count; i++)
        if (launch->source_fds[i] >= 0)
            (void)close(launch->source_fds[i]);
    free(TAKE_PTR(launch->source_fds));
    if (launch->root_fd >= 0)
        (void)close(TAKE_FD(launch->root_fd));
}
