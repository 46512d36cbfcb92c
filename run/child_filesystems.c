/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: new filesystems, detached, and what stands in for those that a user namespace
 * may not have. */
#include "run/child_mounts.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

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

/* ---- in a user namespace */

static bool is_gid_mapped(uint64_t gid)
{
    _cleanup_buf_ struct keg_buf text = {0};
    if (keg_read_file(AT_FDCWD, "/proc/self/gid_map", 64 * 1024, &text, NULL) < 0)
        return true;
    for (char *line = text.data; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        unsigned long long first, outside, count;
        if (sscanf(line, "%llu %llu %llu", &first, &outside, &count) == 3 && gid >= first &&
            gid - first < count)
            return true;
    }
    return false;
}

/* The group tty of the terminals, as everybody's default has it, may not exist here. */
static void drop_unmapped_gid(const struct rootfs_mount *mount)
{
    size_t kept = 0;
    for (size_t i = 0; mount->fs_options[i]; i++) {
        const char *option = mount->fs_options[i];
        uint64_t gid;
        bool drop = keg_starts_with(option, "gid=") &&
                    keg_parse_u64(option + strlen("gid="), 0, UINT32_MAX, &gid) == 0 &&
                    !is_gid_mapped(gid);
        if (!drop)
            mount->fs_options[kept++] = option;
    }
    mount->fs_options[kept] = NULL;
}

/* What these show belongs to a namespace; a user namespace that does not own it may not mount them
 * anew. The host's are shown then, as the container shares that namespace. */
static const struct host_mount {
    const char *type, *path;
    enum run_namespace_type owner;
    uint64_t attributes;
} host_mounts[] = {
    {"sysfs", "/sys", RUN_NS_NETWORK, MOUNT_ATTR_RDONLY},
    {"mqueue", "/dev/mqueue", RUN_NS_IPC, 0},
    {"proc", "/proc", RUN_NS_PID, 0},
};

static const struct host_mount *host_mount_of(const struct child *child, const char *type)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(host_mounts); i++)
        if (keg_streq(type, host_mounts[i].type))
            return child_has_new(child, host_mounts[i].owner) ? NULL : &host_mounts[i];
    return NULL;
}

/* With all that is mounted below, and all of it as read-only as the top: a writable cgroup
 * hierarchy in there would be a way out (CVE-2023-25809). */
static int copy_host_mount(const struct host_mount *host, uint64_t attributes, int *ret_fd,
                           struct keg_err *err)
{
    const struct mount_change change = {.recursive_set = attributes | host->attributes,
                                        .propagation = MS_PRIVATE,
                                        .propagation_recursive = true};
    _cleanup_fd_ int source = keg_openat(AT_FDCWD, host->path, O_PATH | O_DIRECTORY, 0);
    if (source < 0)
        return keg_fail(err, source, "open '%s': %s", host->path, keg_errno_text(source));
    _cleanup_fd_ int copy = mount_clone(source, true);
    int r = copy < 0 ? copy : mount_change_fd(copy, &change);
    if (r < 0)
        return keg_fail(err, r, "the host's '%s': %s", host->path, keg_errno_text(r));
    *ret_fd = TAKE_FD(copy);
    return 0;
}

static int explain_refusal(const struct rootfs_mount *mount, struct keg_err *err)
{
    if (!keg_streq(mount->fs.type, "proc") && !keg_streq(mount->fs.type, "sysfs"))
        return err->code;
    return keg_fail(err, -EPERM,
                    "the kernel allows no new %s in a user namespace while parts of the one here "
                    "are covered (by a container around this one?): uncover them there",
                    mount->fs.type);
}

/* ---- all */

static int make_filesystem(const struct child *child, const struct rootfs_mount *mount, int *ret_fd,
                           struct keg_err *err)
{
    if (child->unmapped_root && keg_streq(mount->fs.type, "devpts"))
        drop_unmapped_gid(mount);
    int r = mount_new_fs(&mount->fs, ret_fd, err);
    if (r != -EPERM || !child->unmapped_root)
        return r;
    const struct host_mount *host = host_mount_of(child, mount->fs.type);
    return host ? copy_host_mount(host, mount->fs.attributes, ret_fd, err)
                : explain_refusal(mount, err);
}

static int make_one(struct child *child, size_t index, struct keg_err *err)
{
    const struct rootfs_mount *mount = &child->launch->plan.mounts[index];
    int *fd = &child->mount_fds[index];
    const int *sources = child->launch->source_fds;
    *fd = sources ? sources[index] : -1;
    int r =
        *fd < 0 && mount->kind == ROOTFS_FILESYSTEM ? make_filesystem(child, mount, fd, err) : 0;
    if (r < 0)
        return keg_wrap(err, "'%s'", mount->destination);
    bool is_proc = mount->kind == ROOTFS_FILESYSTEM && keg_streq(mount->destination, "/proc");
    return is_proc && child->proc_fd < 0 ? adopt_proc(child, *fd, err) : 0;
}

/* Made before the root is there: nothing in the image can have a say in them. */
int child_make_filesystems(struct child *child, struct keg_err *err)
{
    const struct rootfs_plan *plan = &child->launch->plan;
    child->mount_fds = calloc(plan->mounts_count + 1, sizeof(int));
    if (!child->mount_fds)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < plan->mounts_count; i++) {
        int r = make_one(child, i, err);
        if (r < 0)
            return r;
    }
    return child->proc_fd < 0 ? adopt_proc(child, -1, err) : 0;
}
