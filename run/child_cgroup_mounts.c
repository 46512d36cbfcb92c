/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: what the container sees of control groups. */
#include "run/child_mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>

/* Bind one of the container's own cgroup folders on ${target}. */
static int bind_cgroup(const struct rootfs_mount *mount, const struct cgroup_bind *bind,
                       const struct mount_target *target, struct keg_err *err)
{
    struct mount_change change = mount->change;
    change.propagation = MS_PRIVATE;
    _cleanup_fd_ int source = keg_openat(AT_FDCWD, bind->source, O_PATH | O_DIRECTORY, 0);
    if (source < 0)
        return keg_fail(err, source, "'%s': %s", bind->source, keg_errno_text(source));
    return mount_bind_on(source, false, &change, target, err);
}

/* v2: the folder itself. */
static int mount_unified(const struct child *child, const struct rootfs_mount *mount,
                         const struct cgroup_bind *bind, struct keg_err *err)
{
    struct mount_target target;
    int r = child_open_target(child, mount, true, &target, err);
    if (r < 0)
        return r;
    r = bind_cgroup(mount, bind, &target, err);
    (void)close(target.fd);
    return r;
}

/* v1: a tmpfs with a folder for each controller. Return an fd of it. */
static int mount_cgroup_frame(const struct child *child, const struct rootfs_mount *mount,
                              struct keg_err *err)
{
    static const char *const options[] = {"mode=755", "size=64k", NULL};
    const struct mount_fs frame = {.type = "tmpfs",
                                   .source = "cgroup",
                                   .options = options,
                                   .attributes =
                                       mount->fs.attributes & ~(uint64_t)MOUNT_ATTR_RDONLY};
    struct mount_target target;
    int r = child_open_target(child, mount, true, &target, err);
    if (r < 0)
        return r;
    _cleanup_fd_ int fd = -1;
    r = mount_new_fs(&frame, &fd, err);
    if (r == 0)
        r = mount_fs_on(&frame, fd, &target, err);
    (void)close(target.fd);
    if (r < 0 || fd >= 0)
        return r < 0 ? r : TAKE_FD(fd);
    fd = keg_open_in_root(child->root_fd, mount->destination, O_PATH | O_DIRECTORY, 0);
    return fd < 0 ? keg_fail(err, fd, "open: %s", keg_errno_text(fd)) : TAKE_FD(fd);
}

/* Nothing but ours is in the frame: names need no resolving. */
static int bind_controller(const struct child *child, const struct rootfs_mount *mount, int frame,
                           const struct cgroup_bind *bind, struct keg_err *err)
{
    _cleanup_free_ char *path = keg_asprintf("%s/%s", mount->destination, bind->name);
    if (!path)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (mkdirat(frame, bind->name, 0755) < 0)
        return keg_fail_errno(err, "make folder '%s'", path);
    _cleanup_fd_ int fd = keg_openat(frame, bind->name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd));
    const struct mount_target target = {.root_fd = child->root_fd, .path = path, .fd = fd};
    return bind_cgroup(mount, bind, &target, err);
}

/* ---- a container without folders of its own */

/* Its namespace's root is where it is anyway. */
static int mount_fresh(const struct child *child, const struct rootfs_mount *mount,
                       struct keg_err *err)
{
    const struct mount_fs fs = {
        .type = "cgroup2", .source = "cgroup", .attributes = mount->fs.attributes};
    struct mount_target target;
    _cleanup_fd_ int fd = -1;
    int r = mount_new_fs(&fs, &fd, err);
    if (r == 0)
        r = child_open_target(child, mount, true, &target, err);
    if (r < 0)
        return r;
    r = mount_fs_on(&fs, fd, &target, err);
    (void)close(target.fd);
    return r;
}

/* Everything, whoever's it is: to be looked at only (CVE-2023-25809). */
static int bind_host_hierarchies(const struct child *child, const struct rootfs_mount *mount,
                                 const char *root, struct keg_err *err)
{
    const struct mount_change change = {.recursive_set = mount->fs.attributes | MOUNT_ATTR_RDONLY,
                                        .propagation = MS_PRIVATE,
                                        .propagation_recursive = true};
    struct mount_target target;
    _cleanup_fd_ int source = keg_openat(AT_FDCWD, root, O_PATH | O_DIRECTORY, 0);
    if (source < 0)
        return keg_fail(err, source, "'%s': %s", root, keg_errno_text(source));
    int r = child_open_target(child, mount, true, &target, err);
    if (r < 0)
        return r;
    r = mount_bind_on(source, true, &change, &target, err);
    (void)close(target.fd);
    return r;
}

static int mount_without_folders(const struct child *child, const struct rootfs_mount *mount,
                                 const struct cgroup_layout *layout, struct keg_err *err)
{
    if (layout->kind == RUN_CGROUP_V2 && child_has_new(child, RUN_NS_CGROUP)) {
        int r = mount_fresh(child, mount, err);
        /* Refused to a user namespace within a container that sees a part of it only. */
        if (r != -EPERM && r != -EBUSY)
            return r;
    }
    return bind_host_hierarchies(child, mount, layout->root, err);
}

/* ---- all */

static int mount_controllers(const struct child *child, const struct rootfs_mount *mount,
                             const struct cgroup_bind *binds, size_t count, struct keg_err *err)
{
    const struct mount_change change = {.set = mount->fs.attributes & MOUNT_ATTR_RDONLY};
    _cleanup_fd_ int frame = mount_cgroup_frame(child, mount, err);
    if (frame < 0)
        return frame;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = bind_controller(child, mount, frame, &binds[i], err);
    if (r < 0)
        return r;
    r = mount_change_fd(frame, &change);
    return r < 0 ? keg_fail(err, r, "make read-only: %s", keg_errno_text(r)) : 0;
}

int child_mount_cgroups(const struct child *child, const struct rootfs_mount *mount,
                        struct keg_err *err)
{
    struct cgroup_bind binds[CGROUP_CONTROLLERS];
    struct cgroup_layout layout;
    size_t count = cgroup_binds(child->launch->cgroup, binds);
    if (count == 1 && *binds[0].name == '\0')
        return mount_unified(child, mount, &binds[0], err);
    if (count > 0)
        return mount_controllers(child, mount, binds, count, err);
    cgroup_layout_detect(CGROUP_DEFAULT_SET, &layout);
    /* A machine without any: an empty folder. */
    return layout.kind == RUN_CGROUP_NONE ? mount_controllers(child, mount, NULL, 0, err)
                                          : mount_without_folders(child, mount, &layout, err);
}
