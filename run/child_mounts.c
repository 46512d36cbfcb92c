/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: the plan's mounts, fd to fd, and the way into the new root. */
#include "run/child.h"

#include "run/mount.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/* A shared volume may change while it is walked; then a name is missing at one call and there at
 * the next. */
#define RACE_TRIES 64

/* Nothing that happens here reaches the host; what the host unmounts goes here too (a private copy
 * would keep its disks busy). */
int child_isolate_mounts(struct child *child, struct keg_err *err)
{
    (void)child;
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return keg_fail_errno(err, "make mounts slaves");
    return 0;
}

/* A procfs of our own: what is written through it cannot be redirected by an image's symbolic link
 * or mount (CVE-2025-52881). */
static int adopt_proc(struct child *child, int mount_fd, struct keg_err *err)
{
    struct statfs fs;
    struct stat st;
    _cleanup_fd_ int fd = mount_fd >= 0 ? fcntl(mount_fd, F_DUPFD_CLOEXEC, 3)
                                        : keg_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
        return keg_fail_errno(err, "open a procfs");
    if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != 1)
        return keg_fail(err, -EPERM, "/proc is not the root of a procfs");
    child->proc_fd = TAKE_FD(fd);
    return 0;
}

/* Made before the root is there: nothing in the image can have a say in them. */
int child_make_filesystems(struct child *child, struct keg_err *err)
{
    const struct rootfs_plan *plan = &child->launch->plan;
    child->mount_fds = calloc(plan->mounts_count + 1, sizeof(int));
    if (!child->mount_fds)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < plan->mounts_count; i++) {
        const struct rootfs_mount *mount = &plan->mounts[i];
        child->mount_fds[i] = -1;
        if (mount->kind != ROOTFS_FILESYSTEM)
            continue;
        int r = mount_new_fs(&mount->fs, &child->mount_fds[i], err);
        if (r < 0)
            return keg_wrap(err, "'%s'", mount->destination);
        if (child->proc_fd < 0 && keg_streq(mount->destination, "/proc"))
            r = adopt_proc(child, child->mount_fds[i], err);
        if (r < 0)
            return r;
    }
    return child->proc_fd < 0 ? adopt_proc(child, -1, err) : 0;
}

/* ---- root */

static int open_root_path(const struct child *child, struct keg_err *err)
{
    const char *path = child->spec->root_path;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd));
    int clone = mount_clone(fd, true);
    if (clone != -ENOSYS)
        return clone < 0 ? keg_fail(err, clone, "'%s': %s", path, keg_errno_text(clone)) : clone;
    /* mount(2): bound on itself, it can be pivoted into. */
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
        return keg_fail_errno(err, "bind '%s'", path);
    int bound = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    return bound < 0 ? keg_fail(err, bound, "open '%s': %s", path, keg_errno_text(bound)) : bound;
}

/* The place is "/" itself: it is always there, and a process whose root it is does not see what
 * covers it, so host paths still work until the pivot. */
int child_attach_root(struct child *child, struct keg_err *err)
{
    static const struct mount_change private = {.propagation = MS_PRIVATE};
    bool detached = child->options->rootfs_fd >= 0;
    int fd = detached ? child->options->rootfs_fd : open_root_path(child, err);
    if (fd < 0)
        return fd;
    _cleanup_fd_ int slash = keg_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    int r = slash < 0 ? slash : mount_move(fd, slash);
    if (r == -ENOSYS) {
        /* The mount is attached already. The parent's fd is of the parent's namespace; its copy
         * here is the folder that the parent cloned us in. */
        fd = detached ? keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0) : fd;
        r = fd < 0 ? fd : 0;
    }
    if (r < 0)
        return keg_fail(err, r, "attach: %s", keg_errno_text(r));
    child->root_fd = fd;
    r = mount_change_fd(fd, &private);
    return r < 0 ? keg_fail(err, r, "make private: %s", keg_errno_text(r)) : 0;
}

/* ---- mounts */

/* /dev, /proc and /sys must be what they seem: through an image's symbolic link, nodes and mounts
 * would land elsewhere. */
static int open_real_folder(const struct child *child, const char *destination, struct keg_err *err)
{
    const char *name = destination + 1;
    if (mkdirat(child->root_fd, name, 0755) < 0 && errno != EEXIST)
        return keg_fail_errno(err, "make '%s'", destination);
    int fd = keg_open_beneath(child->root_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd == -ELOOP || fd == -ENOTDIR)
        return keg_fail(err, -ENOTDIR, "'%s' of the image is not a folder", destination);
    return fd < 0 ? keg_fail(err, fd, "open '%s': %s", destination, keg_errno_text(fd)) : fd;
}

static int open_folder(const struct child *child, const char *path, struct keg_err *err)
{
    int fd = -EEXIST;
    for (int i = 0; fd == -EEXIST && i < RACE_TRIES; i++)
        fd = keg_mkdirs_in_root(child->root_fd, path, 0755);
    return fd < 0 ? keg_fail(err, fd, "make folder '%s': %s", path, keg_errno_text(fd)) : fd;
}

/* mknod follows no link and opens nothing (CVE-2024-45310). -EEXIST: somebody else was faster. */
static int make_file(const struct child *child, const char *path, struct keg_err *err)
{
    const char *name = strrchr(path, '/') + 1;
    _cleanup_free_ char *folder = keg_strndup(path, (size_t)(name - path));
    if (!folder)
        return keg_fail(err, -ENOMEM, "out of memory");
    _cleanup_fd_ int parent = open_folder(child, folder, err);
    if (parent < 0)
        return parent;
    if (mknodat(parent, name, S_IFREG | 0644, 0) < 0)
        return keg_fail_errno(err, "make file '%s'", path);
    int fd = keg_openat(parent, name, O_PATH | O_NOFOLLOW, 0);
    return fd < 0 ? keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd)) : fd;
}

/* An existing file, or an empty new one. */
static int open_file(const struct child *child, const char *path, struct keg_err *err)
{
    int fd = -EEXIST;
    for (int i = 0; fd == -EEXIST && i < RACE_TRIES; i++) {
        fd = keg_open_in_root(child->root_fd, path, O_PATH, 0);
        if (fd < 0 && fd != -ENOENT)
            return keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd));
        if (fd == -ENOENT)
            fd = make_file(child, path, err);
    }
    return fd;
}

/* A destination elsewhere may lead into /proc by the image's links: that counts, not its name. */
static int check_not_in_proc(const struct rootfs_mount *mount, int fd, struct keg_err *err)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return keg_fail_errno(err, "stat '%s'", mount->destination);
    if (fs.f_type == PROC_SUPER_MAGIC && !keg_streq(mount->destination, "/proc") &&
        !rootfs_in_proc_allowed(mount->destination))
        return keg_fail(err, -EPERM, "the image leads it into /proc");
    return 0;
}

static int open_target(const struct child *child, const struct rootfs_mount *mount, bool folder,
                       struct mount_target *ret, struct keg_err *err)
{
    const char *path = mount->destination;
    _cleanup_fd_ int fd = -1;
    if (mount->real_folder)
        fd = open_real_folder(child, path, err);
    else
        fd = folder ? open_folder(child, path, err) : open_file(child, path, err);
    if (fd < 0)
        return fd;
    int r = check_not_in_proc(mount, fd, err);
    if (r < 0)
        return r;
    *ret = (struct mount_target){.root_fd = child->root_fd, .path = path, .fd = TAKE_FD(fd)};
    return 0;
}

static int mount_filesystem(const struct child *child, const struct rootfs_mount *mount,
                            int mount_fd, struct keg_err *err)
{
    struct mount_target target;
    int r = open_target(child, mount, true, &target, err);
    if (r < 0)
        return r;
    r = mount_fs_on(&mount->fs, mount_fd, &target, err);
    (void)close(target.fd);
    return r;
}

/* A procfs may stand in for /proc, nothing else may: writes to it would go nowhere
 * (CVE-2019-16884). */
static int check_bind_source(const struct rootfs_mount *mount, int source, struct keg_err *err)
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

static int open_source(const struct rootfs_mount *mount, struct keg_err *err)
{
    _cleanup_fd_ int source = keg_openat(AT_FDCWD, mount->source, O_PATH, 0);
    if (source < 0)
        return keg_fail(err, source, "source '%s': %s", mount->source, keg_errno_text(source));
    int r = check_bind_source(mount, source, err);
    return r < 0 ? r : TAKE_FD(source);
}

/* Before the root is attached: it covers "/", and a copy of the host's "/" would show the
 * container's root instead. A kernel that copies only by mount(2) does that (before Linux 5.2). */
static int copy_source(const struct rootfs_mount *mount, int *ret_mount_fd, struct keg_err *err)
{
    _cleanup_fd_ int source = open_source(mount, err);
    if (source < 0)
        return source;
    int fd = mount_clone(source, mount->recursive);
    if (fd < 0 && fd != -ENOSYS)
        return keg_fail(err, fd, "open_tree: %s", keg_errno_text(fd));
    *ret_mount_fd = fd < 0 ? -1 : fd;
    return 0;
}

int child_copy_sources(struct child *child, struct keg_err *err)
{
    const struct rootfs_plan *plan = &child->launch->plan;
    for (size_t i = 0; i < plan->mounts_count; i++) {
        const struct rootfs_mount *mount = &plan->mounts[i];
        if (mount->kind == ROOTFS_BIND && copy_source(mount, &child->mount_fds[i], err) < 0)
            return keg_wrap(err, "'%s'", mount->destination);
    }
    return 0;
}

static int mount_bind(const struct child *child, const struct rootfs_mount *mount, int mount_fd,
                      struct keg_err *err)
{
    struct mount_target target;
    struct stat st;
    _cleanup_fd_ int source = mount_fd < 0 ? open_source(mount, err) : -1;
    if (mount_fd < 0 && source < 0)
        return source;
    if (fstat(mount_fd < 0 ? source : mount_fd, &st) < 0)
        return keg_fail_errno(err, "source '%s'", mount->source);
    int r = open_target(child, mount, S_ISDIR(st.st_mode), &target, err);
    if (r < 0)
        return r;
    r = mount_fd < 0 ? mount_bind_on(source, mount->recursive, &mount->change, &target, err)
                     : mount_attach(mount_fd, &mount->change, &target, err);
    (void)close(target.fd);
    return r;
}

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
    int r = open_target(child, mount, true, &target, err);
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
    int r = open_target(child, mount, true, &target, err);
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

static int mount_cgroups(const struct child *child, const struct rootfs_mount *mount,
                         struct keg_err *err)
{
    struct cgroup_bind binds[CGROUP_CONTROLLERS];
    size_t count = cgroup_binds(child->launch->cgroup, binds);
    if (count == 1 && *binds[0].name == '\0')
        return mount_unified(child, mount, &binds[0], err);
    _cleanup_fd_ int frame = mount_cgroup_frame(child, mount, err);
    if (frame < 0)
        return frame;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = bind_controller(child, mount, frame, &binds[i], err);
    if (r < 0)
        return r;
    const struct mount_change change = {.set = mount->fs.attributes & MOUNT_ATTR_RDONLY};
    r = mount_change_fd(frame, &change);
    return r < 0 ? keg_fail(err, r, "make read-only: %s", keg_errno_text(r)) : 0;
}

static int mount_one(const struct child *child, const struct rootfs_mount *mount, int mount_fd,
                     struct keg_err *err)
{
    switch (mount->kind) {
    case ROOTFS_FILESYSTEM:
        return mount_filesystem(child, mount, mount_fd, err);
    case ROOTFS_BIND:
        return mount_bind(child, mount, mount_fd, err);
    case ROOTFS_CGROUP:
        return mount_cgroups(child, mount, err);
    }
    return keg_fail(err, -EINVAL, "unknown kind");
}

int child_mount_all(struct child *child, struct keg_err *err)
{
    const struct rootfs_plan *plan = &child->launch->plan;
    for (size_t i = 0; i < plan->mounts_count; i++) {
        int r = mount_one(child, &plan->mounts[i], child->mount_fds[i], err);
        if (r < 0)
            return keg_wrap(err, "'%s'", plan->mounts[i].destination);
        if (child->mount_fds[i] >= 0)
            (void)close(child->mount_fds[i]);
    }
    return 0;
}

/* ---- into the root */

int child_enter_root(struct child *child, struct keg_err *err)
{
    if (fchdir(child->root_fd) < 0)
        return keg_fail_errno(err, "enter the root");
    /* The old root ends up on top of the new one, where it is let go of. */
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return keg_fail_errno(err, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0)
        return keg_fail_errno(err, "let go of the old root");
    if (chdir("/") < 0)
        return keg_fail_errno(err, "enter '/'");
    if (mount(NULL, "/", NULL, child->launch->plan.root_propagation, NULL) < 0)
        return keg_fail_errno(err, "propagation of the root");
    return 0;
}

int child_make_root_readonly(struct child *child, struct keg_err *err)
{
    static const struct mount_change change = {.set = MOUNT_ATTR_RDONLY};
    int r = child->spec->root_readonly ? mount_change_fd(child->root_fd, &change) : 0;
    return r < 0 ? keg_fail(err, r, "%s", keg_errno_text(r)) : 0;
}
