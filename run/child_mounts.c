/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: the plan's mounts, fd to fd, and the way into the new root. */
#include "run/child_mounts.h"

#include "run/launch_mounts.h"
#include "run/mount_copy_up.h"

#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/* A shared volume may change while it is walked; then a name is missing at one call and there at
 * the next. */
#define RACE_TRIES 64

bool child_has_new(const struct child *child, enum run_namespace_type type)
{
    const struct run_namespace *namespace = &child->spec->namespaces[type];
    return namespace->wanted && !namespace->path;
}

/* What is mounted in the container is to reach the host, in the sources of shared mounts. */
static bool is_shared(const struct child *child)
{
    return child->launch->plan.root_propagation & MS_SHARED;
}

static int make_slaves(const char *path, struct keg_err *err)
{
    if (mount(NULL, path, NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return keg_fail_errno(err, "make mounts slaves");
    return 0;
}

/* Nothing that happens here reaches the host; what the host unmounts goes here too (a private copy
 * would keep its disks busy). */
int child_isolate_mounts(struct child *child, struct keg_err *err)
{
    int fd = child->launch->namespace_fds[RUN_NS_MOUNT];
    if (fd >= 0 && setns(fd, CLONE_NEWNS) < 0)
        return keg_fail_errno(err, "join '%s'", child->spec->namespaces[RUN_NS_MOUNT].path);
    if (!child->spec->namespaces[RUN_NS_MOUNT].wanted || is_shared(child))
        return 0;
    return make_slaves("/", err);
}

/* ---- root */

static int open_root_path(const struct child *child, struct keg_err *err)
{
    const char *path = child->launch->plan.root_path;
    if (!path)
        return keg_fail(err, -EINVAL, "'%s' is not an absolute path", child->spec->root_path);
    int fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    return fd < 0 ? keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd)) : fd;
}

/* mount(2): bound on itself, it can be pivoted into. It is bound in the open, which the host must
 * not see; so nothing is shared with it on a kernel before 5.2. */
static int bind_root_path(const struct child *child, struct keg_err *err)
{
    const char *path = child->launch->plan.root_path;
    int r = is_shared(child) ? make_slaves("/", err) : 0;
    if (r < 0)
        return r;
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
        return keg_fail_errno(err, "bind '%s'", path);
    return open_root_path(child, err);
}

static int copy_root_path(const struct child *child, struct keg_err *err)
{
    if (child->launch->root_fd >= 0)
        return child->launch->root_fd;
    _cleanup_fd_ int fd = open_root_path(child, err);
    if (fd < 0)
        return fd;
    int copy = mount_clone(fd, true);
    if (copy == -ENOSYS)
        return bind_root_path(child, err);
    return copy < 0 ? keg_fail(err, copy, "copy '%s': %s", child->launch->plan.root_path,
                               keg_errno_text(copy))
                    : copy;
}

/* The place is "/" itself: it is always there, and a process whose root it is does not see what
 * covers it, so host paths still work until the pivot. */
static int attach_on_slash(const struct child *child, int fd, struct keg_err *err)
{
    _cleanup_fd_ int slash = keg_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    /* What is mounted on a shared mount appears on the host. All copies of it are made by now. */
    if (is_shared(child) && mount(NULL, "/", NULL, MS_PRIVATE, NULL) < 0)
        return keg_fail_errno(err, "make '/' private");
    int r = slash < 0 ? slash : mount_move(fd, slash);
    if (r < 0 && r != -ENOSYS)
        return keg_fail(err, r, "attach: %s", keg_errno_text(r));
    if (r == 0 || child->options->rootfs_fd < 0)
        return fd;
    /* The mount is attached already. The parent's fd is of the parent's namespace; its copy here is
     * the folder that the parent cloned us in. */
    int here = keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
    return here < 0 ? keg_fail(err, here, "open: %s", keg_errno_text(here)) : here;
}

int child_attach_root(struct child *child, struct keg_err *err)
{
    const struct mount_change private = {.propagation = MS_PRIVATE,
                                         .propagation_recursive = is_shared(child)};
    bool own_mounts = child->spec->namespaces[RUN_NS_MOUNT].wanted;
    int fd = child->options->rootfs_fd;
    if (fd < 0)
        fd = own_mounts ? copy_root_path(child, err) : open_root_path(child, err);
    if (fd >= 0 && own_mounts)
        fd = attach_on_slash(child, fd, err);
    if (fd < 0)
        return fd;
    child->root_fd = fd;
    /* A slave that was made private would be none any more, whatever it is called later. */
    bool slave = child->launch->plan.root_propagation & MS_SLAVE;
    int r = own_mounts && !slave ? mount_change_fd(fd, &private) : 0;
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

int child_open_target(const struct child *child, const struct rootfs_mount *mount, bool folder,
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

int child_reopen_target(const struct mount_target *target, struct keg_err *err)
{
    int fd = keg_open_in_root(target->root_fd, target->path, O_PATH | O_DIRECTORY, 0);
    return fd < 0 ? keg_fail(err, fd, "open: %s", keg_errno_text(fd)) : fd;
}

/* ---- filesystems */

/* What comes once the filesystem is in its place: its contents, then what changes on it. */
static int finish_filesystem(const struct rootfs_mount *mount, int mount_fd, int below,
                             const struct mount_target *target, struct keg_err *err)
{
    const struct mount_change *change = &mount->change;
    if (!mount->copy_up && !change->propagation)
        return 0;
    _cleanup_fd_ int here =
        mount_fd < 0 ? child_reopen_target(target, err) : fcntl(mount_fd, F_DUPFD_CLOEXEC, 3);
    if (here < 0)
        return mount_fd < 0 ? here : keg_fail_errno(err, "duplicate");
    int r = mount->copy_up ? mount_copy_up(below, here, &mount->fs, err) : 0;
    if (r < 0)
        return r;
    r = mount_change_fd(here, change);
    return r < 0 ? keg_fail(err, r, "change the new mount: %s", keg_errno_text(r)) : 0;
}

static int mount_filesystem(const struct child *child, const struct rootfs_mount *mount,
                            int mount_fd, struct keg_err *err)
{
    struct mount_target target;
    int r = child_open_target(child, mount, true, &target, err);
    if (r < 0)
        return r;
    _cleanup_fd_ int below =
        mount->copy_up ? keg_openat(target.fd, ".", O_RDONLY | O_DIRECTORY, 0) : -1;
    if (mount->copy_up && below < 0)
        r = keg_fail(err, below, "open: %s", keg_errno_text(below));
    if (r == 0)
        r = mount_fs_on(&mount->fs, mount_fd, &target, err);
    if (r == 0)
        r = finish_filesystem(mount, mount_fd, below, &target, err);
    (void)close(target.fd);
    return r;
}

/* ---- bind mounts */

/* Before the root is attached: it covers "/", and a copy of the host's "/" would show the
 * container's root instead. A kernel that copies only by mount(2) does that (before Linux 5.2). */
static int copy_source(const struct rootfs_mount *mount, int *ret_mount_fd, struct keg_err *err)
{
    _cleanup_fd_ int source = launch_open_source(mount, err);
    if (source < 0)
        return source;
    int fd = mount_clone(source, mount->recursive);
    if (fd == -EINVAL && launch_is_handed_over(mount))
        fd = TAKE_FD(source);
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
        bool wanted = mount->kind == ROOTFS_BIND && child->mount_fds[i] < 0;
        if (wanted && copy_source(mount, &child->mount_fds[i], err) < 0)
            return keg_wrap(err, "'%s'", mount->destination);
    }
    return 0;
}

static int mount_bind(const struct child *child, const struct rootfs_mount *mount, int mount_fd,
                      struct keg_err *err)
{
    struct mount_target target;
    struct stat st;
    _cleanup_fd_ int source = mount_fd < 0 ? launch_open_source(mount, err) : -1;
    if (mount_fd < 0 && source < 0)
        return source;
    if (fstat(mount_fd < 0 ? source : mount_fd, &st) < 0)
        return keg_fail_errno(err, "source '%s'", mount->source);
    int r = child_open_target(child, mount, S_ISDIR(st.st_mode), &target, err);
    if (r < 0)
        return r;
    r = mount_fd < 0 ? mount_bind_on(source, mount->recursive, &mount->change, &target, err)
                     : mount_attach(mount_fd, &mount->change, &target, err);
    (void)close(target.fd);
    return r;
}

/* ---- what is mounted already */

static int remount(const struct child *child, const struct rootfs_mount *mount, struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_open_in_root(child->root_fd, mount->destination, O_PATH, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open: %s", keg_errno_text(fd));
    int r = mount->super_remount ? mount_reconfigure(fd, &mount->fs, mount->super_clear, err) : 0;
    if (r < 0)
        return r;
    r = mount_change_fd(fd, &mount->change);
    if (r == -EINVAL)
        return keg_fail(err, r, "remount: nothing is mounted there");
    return r < 0 ? keg_fail(err, r, "remount: %s", keg_errno_text(r)) : 0;
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
        return child_mount_cgroups(child, mount, err);
    case ROOTFS_REMOUNT:
        return remount(child, mount, err);
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

/* The old root ends up on top of the new one, where it is let go of. */
static int pivot(const struct child *child, struct keg_err *err)
{
    _cleanup_fd_ int old =
        is_shared(child) ? keg_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0) : -1;
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return keg_fail_errno(err, "pivot_root");
    if (is_shared(child)) {
        /* The host keeps its mounts. */
        if (fchdir(old) < 0)
            return keg_fail_errno(err, "enter the old root");
        int r = make_slaves(".", err);
        if (r < 0)
            return r;
    }
    return umount2(".", MNT_DETACH) < 0 ? keg_fail_errno(err, "let go of the old root") : 0;
}

/* Below the root the host's mounts stay. An uncovered procfs or sysfs among them would allow a user
 * namespace of the container new ones without masks. */
static int hide_host_folder(const char *path, struct keg_err *err)
{
    static const char *const options[] = {"nr_inodes=2", "mode=0", NULL};
    static const struct mount_fs empty = {.type = "tmpfs",
                                          .source = "tmpfs",
                                          .options = options,
                                          .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                        MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    /* EINVAL: not mounted, or locked by a user namespace. */
    if (umount2(path, MNT_DETACH) == 0 || errno == ENOENT)
        return 0;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    _cleanup_fd_ int mount_fd = -1;
    const struct mount_target target = {.root_fd = -1, .path = path, .fd = fd};
    int r = fd < 0 ? keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd))
                   : mount_new_fs(&empty, &mount_fd, err);
    return r < 0 ? r : mount_fs_on(&empty, mount_fd, &target, err);
}

/* For a root that cannot be pivoted away from. The new one is on top of it already: all that is
 * left is to go there. */
static int change_root(const struct child *child, struct keg_err *err)
{
    static const char *const host_folders[] = {"/proc", "/sys"};
    int r = 0;
    if (child->spec->namespaces[RUN_NS_MOUNT].wanted) {
        r = is_shared(child) ? make_slaves("/", err) : 0;
        for (size_t i = 0; r == 0 && i < KEG_ARRAY_SIZE(host_folders); i++)
            r = hide_host_folder(host_folders[i], err);
    }
    if (r < 0)
        return r;
    return chroot(".") < 0 ? keg_fail_errno(err, "chroot") : 0;
}

int child_enter_root(struct child *child, struct keg_err *err)
{
    bool own_mounts = child->spec->namespaces[RUN_NS_MOUNT].wanted;
    if (fchdir(child->root_fd) < 0)
        return keg_fail_errno(err, "enter the root");
    int r = own_mounts && !child->options->no_pivot ? pivot(child, err) : change_root(child, err);
    if (r < 0)
        return r;
    if (chdir("/") < 0)
        return keg_fail_errno(err, "enter '/'");
    if (own_mounts && mount(NULL, "/", NULL, child->launch->plan.root_propagation, NULL) < 0)
        return keg_fail_errno(err, "propagation of the root");
    return 0;
}

int child_make_root_readonly(struct child *child, struct keg_err *err)
{
    static const struct mount_change change = {.set = MOUNT_ATTR_RDONLY};
    int r = child->spec->root_readonly ? mount_change_fd(child->root_fd, &change) : 0;
    return r < 0 ? keg_fail(err, r, "%s", keg_errno_text(r)) : 0;
}
