/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting by fd, with mount(2) as the fallback. */
#include "run/mount.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define PROC_FD_BYTES 32

static const struct {
    uint64_t attribute;
    unsigned long flag; /* of mount(2) */
} attribute_flags[] = {
    {MOUNT_ATTR_RDONLY, MS_RDONLY},         {MOUNT_ATTR_NOSUID, MS_NOSUID},
    {MOUNT_ATTR_NODEV, MS_NODEV},           {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    {MOUNT_ATTR_NOATIME, MS_NOATIME},       {MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
    {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME}, {MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
};

/* Flags of the superblock that fsconfig(2) takes, as options; the others only mount(2) can give. */
static const struct {
    unsigned long flag;
    const char *name;
} super_options[] = {
    {MS_RDONLY, "ro"},         {MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"},
    {MS_LAZYTIME, "lazytime"}, {MS_MANDLOCK, "mand"},
};

static unsigned long flags_of(uint64_t attributes)
{
    unsigned long flags = 0;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(attribute_flags); i++)
        if (attributes & attribute_flags[i].attribute)
            flags |= attribute_flags[i].flag;
    return flags;
}

static void proc_fd(int fd, char text[static PROC_FD_BYTES])
{
    (void)snprintf(text, PROC_FD_BYTES, "/proc/self/fd/%d", fd);
}

/* ---- new filesystems */

int mount_context_open(const char *type)
{
    long fd = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

int mount_context_set(int context_fd, const char *key, const char *value)
{
    unsigned command = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    return syscall(SYS_fsconfig, context_fd, command, key, value, 0) < 0 ? -errno : 0;
}

int mount_context_finish(int context_fd, uint64_t attributes)
{
    if (syscall(SYS_fsconfig, context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    long fd = syscall(SYS_fsmount, context_fd, FSMOUNT_CLOEXEC, attributes);
    return fd < 0 ? -errno : (int)fd;
}

void mount_context_words(int context_fd, int code, char *text, size_t size)
{
    char line[256];
    /* Each read(2) gives one message, "e text\n"; errors say most, the last one is the cause. */
    (void)snprintf(text, size, "%s", keg_errno_text(code));
    for (ssize_t n; (n = keg_read(context_fd, line, sizeof(line) - 1)) > 0;) {
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (keg_starts_with(line, "e "))
            (void)snprintf(text, size, "%s", line + 2);
    }
}

/* "key=value" or "flag" */
static int set_option(int context_fd, const char *option)
{
    const char *equals = strchr(option, '=');
    if (!equals)
        return mount_context_set(context_fd, option, NULL);
    _cleanup_free_ char *key = keg_strndup(option, (size_t)(equals - option));
    return key ? mount_context_set(context_fd, key, equals + 1) : -ENOMEM;
}

static int fail_context(int context_fd, int code, const char *what, struct keg_err *err)
{
    char words[256];
    mount_context_words(context_fd, code, words, sizeof(words));
    return keg_fail(err, code, "%s: %s", what, words);
}

static int set_super_flags(int context_fd, unsigned long flags)
{
    int r = 0;
    for (size_t i = 0; r == 0 && flags && i < KEG_ARRAY_SIZE(super_options); i++)
        if (flags & super_options[i].flag)
            r = mount_context_set(context_fd, super_options[i].name, NULL);
    return r;
}

int mount_new_fs(const struct mount_fs *fs, int *ret_fd, struct keg_err *err)
{
    *ret_fd = -1;
    if (fs->super_flags & (MS_SILENT | MS_I_VERSION))
        return 0;
    _cleanup_fd_ int context = mount_context_open(fs->type);
    if (context == -ENOSYS)
        return 0;
    if (context == -ENODEV)
        return keg_fail(err, context, "this kernel has no filesystem '%s'", fs->type);
    if (context < 0)
        return keg_fail(err, context, "filesystem '%s': %s", fs->type, keg_errno_text(context));
    int r = fs->source ? mount_context_set(context, "source", fs->source) : 0;
    for (size_t i = 0; r == 0 && fs->options && fs->options[i]; i++) {
        r = set_option(context, fs->options[i]);
        if (r < 0)
            return fail_context(context, r, fs->options[i], err);
    }
    if (r == 0)
        r = set_super_flags(context, fs->super_flags);
    if (r == 0)
        r = mount_context_finish(context, fs->attributes);
    if (r < 0)
        return fail_context(context, r, fs->type, err);
    *ret_fd = r;
    return 0;
}

/* The options as mount(2) takes them, with commas. A label of SELinux may have some of its own. */
static int join_options(const char *const *options, struct keg_buf *ret)
{
    keg_buf_str(ret, "");
    for (size_t i = 0; options && options[i]; i++) {
        const char *comma = i ? "," : "";
        const char *label = options[i] + strlen(MOUNT_CONTEXT_OPTION);
        if (keg_starts_with(options[i], MOUNT_CONTEXT_OPTION))
            keg_buf_printf(ret, "%s" MOUNT_CONTEXT_OPTION "\"%s\"", comma, label);
        else
            keg_buf_printf(ret, "%s%s", comma, options[i]);
    }
    return ret->failed;
}

/* mount(2) on ${target_fd}, with ${flags} beside what ${fs} says. */
static int mount_classic(const struct mount_fs *fs, unsigned long flags, int target_fd,
                         struct keg_err *err)
{
    char target[PROC_FD_BYTES];
    _cleanup_buf_ struct keg_buf data = keg_buf_init(4096);
    int r = join_options(fs->options, &data);
    if (r < 0)
        return keg_fail(err, r, "mount options: %s", keg_errno_text(r));
    proc_fd(target_fd, target);
    const char *source = fs->source ? fs->source : "none";
    if (mount(source, target, fs->type, flags | fs->super_flags, data.data) < 0)
        return keg_fail_errno(err, "filesystem '%s' (%s)", fs->type, data.data);
    return 0;
}

int mount_fs_on(const struct mount_fs *fs, int mount_fd, const struct mount_target *target,
                struct keg_err *err)
{
    if (mount_fd < 0)
        return mount_classic(fs, flags_of(fs->attributes), target->fd, err);
    int r = mount_move(mount_fd, target->fd);
    return r < 0 ? keg_fail(err, r, "move_mount: %s", keg_errno_text(r)) : 0;
}

/* ---- binding */

int mount_clone(int source_fd, bool recursive)
{
    unsigned flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if (recursive)
        flags |= AT_RECURSIVE;
    long fd = syscall(SYS_open_tree, source_fd, "", flags);
    return fd < 0 ? -errno : (int)fd;
}

int mount_move(int mount_fd, int target_fd)
{
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    return syscall(SYS_move_mount, mount_fd, "", target_fd, "", flags) < 0 ? -errno : 0;
}

static int set_attr(int mount_fd, const struct mount_attr *attr, bool recursive)
{
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
    return syscall(SYS_mount_setattr, mount_fd, "", flags, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

static int set_attributes(int mount_fd, uint64_t set, uint64_t clear, unsigned long propagation,
                          bool recursive)
{
    if (!set && !clear && !propagation)
        return 0;
    /* The kinds of atime are one field: setting one means clearing all. */
    if ((set | clear) & MOUNT_ATTR__ATIME)
        clear |= MOUNT_ATTR__ATIME;
    const struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    return set_attr(mount_fd, &attr, recursive);
}

int mount_map_ids(int mount_fd, int userns_fd, bool recursive, struct keg_err *err)
{
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP,
                                    .userns_fd = (uint64_t)(unsigned)userns_fd};
    int r = set_attr(mount_fd, &attr, recursive);
    if (r == -ENOSYS)
        return keg_fail(err, r, "this kernel has no id-mapped mounts (Linux 5.12)");
    if (r == -EINVAL)
        return keg_fail(err, r, "its filesystem cannot be id-mapped");
    return r < 0 ? keg_fail(err, r, "map ids: %s", keg_errno_text(r)) : 0;
}

/* The kinds of atime are one field for mount(2) too: without any of these flags it is relatime. */
#define ATIME_FLAGS (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

/* statvfs(3)'s ST_* that are not the values of MS_*: ST_RELATIME, and the kernel's
 * ST_NOSYMFOLLOW. */
#define VFS_RELATIME    0x1000
#define VFS_NOSYMFOLLOW 0x2000

/* The flags that the mount at ${path} has: a remount sets all of them anew. */
static int current_flags(const char *path, unsigned long *ret)
{
    struct statvfs vfs;
    if (statvfs(path, &vfs) < 0)
        return -errno;
    *ret = vfs.f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS |
                         MS_MANDLOCK | MS_NOATIME | MS_NODIRATIME);
    if (vfs.f_flag & VFS_NOSYMFOLLOW)
        *ret |= MS_NOSYMFOLLOW;
    if (!(*ret & MS_NOATIME))
        *ret |= vfs.f_flag & VFS_RELATIME ? MS_RELATIME : MS_STRICTATIME;
    return 0;
}

static int change_classic(int mount_fd, const struct mount_change *change)
{
    char path[PROC_FD_BYTES];
    unsigned long flags = 0;
    proc_fd(mount_fd, path);
    if (change->recursive_set || change->recursive_clear)
        return -ENOSYS;
    unsigned long recursive = change->propagation_recursive ? MS_REC : 0;
    if (change->propagation && mount(NULL, path, NULL, change->propagation | recursive, NULL) < 0)
        return -errno;
    if (!change->set && !change->clear)
        return 0;
    int r = current_flags(path, &flags);
    if (r < 0)
        return r;
    flags &= ~flags_of(change->clear);
    if ((change->set | change->clear) & MOUNT_ATTR__ATIME)
        flags &= ~(unsigned long)ATIME_FLAGS;
    flags |= flags_of(change->set);
    return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
}

int mount_change_fd(int mount_fd, const struct mount_change *change)
{
    bool recursive = change->propagation_recursive;
    int r = set_attributes(mount_fd, change->recursive_set, change->recursive_clear,
                           recursive ? change->propagation : 0, true);
    if (r == 0)
        r = set_attributes(mount_fd, change->set, change->clear,
                           recursive ? 0 : change->propagation, false);
    return r == -ENOSYS ? change_classic(mount_fd, change) : r;
}

int mount_reconfigure(int mount_fd, const struct mount_fs *fs, unsigned long super_clear,
                      struct keg_err *err)
{
    char path[PROC_FD_BYTES];
    unsigned long flags = 0;
    proc_fd(mount_fd, path);
    int r = current_flags(path, &flags);
    if (r < 0)
        return keg_fail(err, r, "stat: %s", keg_errno_text(r));
    flags &= ~super_clear;
    return mount_classic(fs, MS_REMOUNT | flags | flags_of(fs->attributes), mount_fd, err);
}

/* Reach the mount just made by its path, and be sure that nobody exchanged a component meanwhile.
 */
static int open_mounted(int source_fd, const struct mount_target *target)
{
    struct stat source, found;
    _cleanup_fd_ int fd = keg_open_in_root(target->root_fd, target->path, O_PATH, 0);
    if (fd < 0)
        return fd;
    if (fstat(source_fd, &source) < 0 || fstat(fd, &found) < 0)
        return -errno;
    if (source.st_dev != found.st_dev || source.st_ino != found.st_ino)
        return -ESTALE;
    return TAKE_FD(fd);
}

static int bind_classic(int source_fd, bool recursive, const struct mount_change *change,
                        const struct mount_target *target, struct keg_err *err)
{
    char source[PROC_FD_BYTES], place[PROC_FD_BYTES];
    proc_fd(source_fd, source);
    proc_fd(target->fd, place);
    if (mount(source, place, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0)
        return keg_fail_errno(err, "bind");
    _cleanup_fd_ int mounted = open_mounted(source_fd, target);
    if (mounted < 0)
        return keg_fail(err, mounted, "reach the new mount: %s", keg_errno_text(mounted));
    int r = change_classic(mounted, change);
    return r < 0 ? keg_fail(err, r, "change the new mount: %s", keg_errno_text(r)) : 0;
}

int mount_attach(int mount_fd, const struct mount_change *change, const struct mount_target *target,
                 struct keg_err *err)
{
    int r = mount_change_fd(mount_fd, change);
    /* mount(2) cannot change what is not attached yet; then it is done afterwards. */
    bool later = r == -EINVAL || r == -ENOSYS;
    if (r < 0 && !later)
        return keg_fail(err, r, "mount_setattr: %s", keg_errno_text(r));
    r = mount_move(mount_fd, target->fd);
    if (r < 0)
        return keg_fail(err, r, "move_mount: %s", keg_errno_text(r));
    r = later ? mount_change_fd(mount_fd, change) : 0;
    return r < 0 ? keg_fail(err, r, "change the new mount: %s", keg_errno_text(r)) : 0;
}

int mount_bind_on(int source_fd, bool recursive, const struct mount_change *change,
                  const struct mount_target *target, struct keg_err *err)
{
    _cleanup_fd_ int mount_fd = mount_clone(source_fd, recursive);
    if (mount_fd == -ENOSYS)
        return bind_classic(source_fd, recursive, change, target, err);
    if (mount_fd < 0)
        return keg_fail(err, mount_fd, "open_tree: %s", keg_errno_text(mount_fd));
    return mount_attach(mount_fd, change, target, err);
}
