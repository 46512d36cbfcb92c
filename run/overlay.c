/* SPDX-License-Identifier: Apache-2.0 */
/* The root of a container: a detached overlay over layers that are named by fd, never by path. */
#include "run/mount.h"
#include "run/run.h"

#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* fsconfig(2) takes strings of at most 255 bytes. */
#define FSCONFIG_STRING_MAX 255
/* mount(2) takes one page of options. */
#define MOUNT_DATA_MAX 4096

/* A folder of every kernel's procfs that nothing of keg's looks into: mount(2) needs some place. */
#define PRIVATE_PLACE "/proc/tty"

struct overlay {
    const int *lower_fds;
    size_t count;
    int dirfd; /* of upper and work */
    bool volatile_upper;
};

static int join_lowers(const struct overlay *overlay, struct keg_buf *ret)
{
    for (size_t i = 0; i < overlay->count; i++)
        keg_buf_printf(ret, "%s/proc/self/fd/%d", i ? ":" : "", overlay->lower_fds[i]);
    return ret->failed;
}

static int set_lowers_one_by_one(int context, const struct overlay *overlay)
{
    char path[32];
    for (size_t i = 0; i < overlay->count; i++) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", overlay->lower_fds[i]);
        int r = mount_context_set(context, "lowerdir+", path);
        if (r < 0)
            return r;
    }
    return 0;
}

static int set_lower_list(int context, const struct overlay *overlay)
{
    _cleanup_buf_ struct keg_buf list = keg_buf_init(FSCONFIG_STRING_MAX + 1);
    if (join_lowers(overlay, &list) < 0)
        return -ENOSYS; /* too long for fsconfig: mount(2) takes more */
    return mount_context_set(context, "lowerdir", list.data);
}

static int set_folder(int context, const char *key, int dirfd, const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
    return mount_context_set(context, key, path);
}

static int configure(int context, const struct overlay *overlay, bool as_list)
{
    int r = mount_context_set(context, "userxattr", NULL);
    if (r == 0)
        r = mount_context_set(context, "source", "overlay");
    if (r == 0)
        r = as_list ? set_lower_list(context, overlay) : set_lowers_one_by_one(context, overlay);
    if (r == 0)
        r = set_folder(context, "upperdir", overlay->dirfd, "upper");
    if (r == 0)
        r = set_folder(context, "workdir", overlay->dirfd, "work");
    if (r == 0 && overlay->volatile_upper)
        r = mount_context_set(context, "volatile", NULL);
    return r;
}

static int mount_by_one_context(const struct overlay *overlay, bool as_list, struct keg_err *err)
{
    _cleanup_fd_ int context = mount_context_open("overlay");
    if (context == -ENODEV)
        return keg_fail(err, context, "overlay: this kernel has no overlayfs (modprobe overlay)");
    if (context < 0)
        return keg_fail(err, context, "overlay: %s", keg_errno_text(context));
    int r = configure(context, overlay, as_list);
    if (r == 0)
        r = mount_context_finish(context, 0);
    if (r >= 0)
        return r;
    char words[256];
    mount_context_words(context, r, words, sizeof(words));
    return keg_fail(err, r, "overlay of %zu layers: %s%s", overlay->count, words,
                    r == -EPERM ? " (before Linux 5.11 only root can mount one)" : "");
}

/* Kernels before 6.7 know one list only. Before 6.5 they take the unknown option and refuse it when
 * the mount is made, so that a context can only be thrown away. */
static int mount_by_context(const struct overlay *overlay, struct keg_err *err)
{
    int r = mount_by_one_context(overlay, false, err);
    return r == -EINVAL ? mount_by_one_context(overlay, true, err) : r;
}

/* ---- with mount(2) */

static int mount_data(const struct overlay *overlay, struct keg_buf *ret, struct keg_err *err)
{
    keg_buf_str(ret, "userxattr,lowerdir=");
    (void)join_lowers(overlay, ret);
    keg_buf_printf(ret, ",upperdir=/proc/self/fd/%d/upper,workdir=/proc/self/fd/%d/work%s",
                   overlay->dirfd, overlay->dirfd, overlay->volatile_upper ? ",volatile" : "");
    if (ret->failed == -E2BIG)
        return keg_fail(err, -E2BIG, "overlay: %zu layers are more than this kernel can mount",
                        overlay->count);
    return keg_buf_ok(ret, err, "overlay options");
}

/* The folder that ${fd} is, as an fd of the mount namespace that this process is in now: the kernel
 * mounts nothing over folders of another. The store is keg's own, so its paths can be believed, and
 * are checked. */
static int reopen(int fd)
{
    char link[32], path[PATH_MAX];
    struct stat wanted, found;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return -errno;
    path[length] = '\0';
    _cleanup_fd_ int here = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    if (here < 0)
        return here;
    if (fstat(fd, &wanted) < 0 || fstat(here, &found) < 0)
        return -errno;
    if (wanted.st_dev != found.st_dev || wanted.st_ino != found.st_ino)
        return -ESTALE;
    return TAKE_FD(here);
}

static int mount_data_at_place(const struct overlay *overlay, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf data = keg_buf_init(MOUNT_DATA_MAX);
    int r = mount_data(overlay, &data, err);
    if (r == 0 && mount("overlay", PRIVATE_PLACE, "overlay", 0, data.data) < 0)
        return keg_fail_errno(err, "overlay of %zu layers", overlay->count);
    return r;
}

/* ${fds} has room for all lowers and ${dirfd}; what was opened is closed again, the mount needs it
 * no more. */
static int mount_reopened(const struct overlay *overlay, int *fds, struct keg_err *err)
{
    size_t opened = 0;
    int r = 0;
    for (; r == 0 && opened <= overlay->count; opened += r == 0) {
        fds[opened] = reopen(opened < overlay->count ? overlay->lower_fds[opened] : overlay->dirfd);
        r = fds[opened] < 0 ? fds[opened] : 0;
    }
    if (r < 0) {
        (void)keg_fail(err, r, "overlay: reach the layers: %s", keg_errno_text(r));
    } else {
        struct overlay here = *overlay;
        here.lower_fds = fds;
        here.dirfd = fds[overlay->count];
        r = mount_data_at_place(&here, err);
    }
    while (opened > 0)
        (void)close(fds[--opened]);
    return r;
}

/* *ret_stays: the fd is of a mount in the new namespace, not of a copy. */
static int mount_at_place(const struct overlay *overlay, bool *ret_stays, struct keg_err *err)
{
    _cleanup_free_ int *fds = calloc(overlay->count + 1, sizeof(*fds));
    if (!fds)
        return keg_fail(err, -ENOMEM, "overlay: out of memory");
    int r = mount_reopened(overlay, fds, err);
    if (r < 0)
        return r;
    _cleanup_fd_ int place = keg_openat(AT_FDCWD, PRIVATE_PLACE, O_PATH | O_DIRECTORY, 0);
    if (place < 0)
        return keg_fail(err, place, "overlay: open the mount: %s", keg_errno_text(place));
    int fd = mount_clone(place, false);
    *ret_stays = fd == -ENOSYS;
    if (*ret_stays)
        return TAKE_FD(place);
    return fd < 0 ? keg_fail(err, fd, "overlay: open_tree: %s", keg_errno_text(fd)) : fd;
}

/* Back to where the caller was: setns(2) put root and working folder to the namespace's root. */
static int leave_namespace(int ns_fd, int cwd_fd, struct keg_err *err)
{
    if (setns(ns_fd, CLONE_NEWNS) < 0 || fchdir(cwd_fd) < 0)
        return keg_fail_errno(err, "overlay: back to the mount namespace");
    return 0;
}

/* Both run in the private namespace, and return the mount's fd. */
typedef int mount_function(const struct overlay *overlay, bool *ret_stays, struct keg_err *err);

/* The mount is made in a namespace of its own, so that the machine never sees it, and copied out of
 * there. A kernel that cannot copy it (before 5.2) leaves the caller in that namespace: it ends
 * with the process. */
static int mount_privately(const struct overlay *overlay, mount_function *make, struct keg_err *err)
{
    _cleanup_fd_ int ns = keg_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0);
    _cleanup_fd_ int cwd = keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
    if (ns < 0 || cwd < 0)
        return keg_fail(err, ns < 0 ? ns : cwd, "overlay: open the mount namespace");
    if (unshare(CLONE_NEWNS) < 0)
        return keg_fail_errno(err, "overlay: private mount namespace");
    bool stays = false;
    _cleanup_fd_ int fd = mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0
                              ? keg_fail_errno(err, "overlay: mount propagation")
                              : make(overlay, &stays, err);
    int r = stays ? 0 : leave_namespace(ns, cwd, fd < 0 ? NULL : err);
    if (fd < 0 || r < 0)
        return fd < 0 ? fd : r;
    return TAKE_FD(fd);
}

/* ---- id-mapped layers */

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        keg_cleanup_fd(&fds[i]);
}

/* A detached copy of the folder ${fd}, shown by the maps of ${userns_fd}. */
static int map_folder(int fd, int userns_fd, struct keg_err *err)
{
    _cleanup_fd_ int copy = mount_clone(fd, false);
    if (copy < 0)
        return keg_fail(err, copy, "overlay: copy a layer's mount: %s", keg_errno_text(copy));
    int r = mount_map_ids(copy, userns_fd, false, err);
    return r < 0 ? keg_wrap(err, "overlay: a layer") : TAKE_FD(copy);
}

static int map_all(const struct overlay *overlay, int userns_fd, int *fds, struct keg_err *err)
{
    for (size_t i = 0; i <= overlay->count; i++)
        fds[i] = -1;
    for (size_t i = 0; i <= overlay->count; i++) {
        int fd = i < overlay->count ? overlay->lower_fds[i] : overlay->dirfd;
        fds[i] = map_folder(fd, userns_fd, err);
        if (fds[i] < 0)
            return fds[i];
    }
    return 0;
}

/* Whom overlayfs makes its own files as, in the upper folder: the kernel remembers the file system
 * ids and capabilities of who mounts. Root's would not be mapped there. */
struct owner {
    uid_t uid;
    gid_t gid;
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];
};

static struct __user_cap_header_struct this_process(void)
{
    return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

/* As these from now on, with ${owner}.held as ever: setfsuid(2) takes some away. */
static int become(uid_t uid, gid_t gid, const struct owner *owner)
{
    struct __user_cap_header_struct header = this_process();
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    if ((uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != gid)
        return -EPERM;
    return syscall(SYS_capset, &header, owner->held) < 0 ? -errno : 0;
}

static int read_owner(int dirfd, struct owner *ret)
{
    struct __user_cap_header_struct header = this_process();
    struct stat st;
    if (fstat(dirfd, &st) < 0 || syscall(SYS_capget, &header, ret->held) < 0)
        return -errno;
    ret->uid = st.st_uid;
    ret->gid = st.st_gid;
    return 0;
}

static int mount_as_owner(const struct overlay *overlay, struct keg_err *err)
{
    struct owner owner;
    int r = read_owner(overlay->dirfd, &owner);
    if (r == 0)
        r = become(owner.uid, owner.gid, &owner);
    int fd = r < 0 ? keg_fail(err, r, "overlay: become the owner of the upper folder: %s",
                              keg_errno_text(r))
                   : mount_by_context(overlay, err);
    r = become(geteuid(), getegid(), &owner);
    if (r == 0 || fd < 0)
        return fd;
    (void)close(fd);
    return keg_fail(err, r, "overlay: become who mounts again: %s", keg_errno_text(r));
}

static int attach_in(int place, size_t index, int mount_fd)
{
    char name[24];
    (void)snprintf(name, sizeof(name), "%zu", index);
    if (mkdirat(place, name, 0700) < 0)
        return -errno;
    _cleanup_fd_ int fd = keg_openat(place, name, O_PATH | O_DIRECTORY, 0);
    return fd < 0 ? fd : mount_move(mount_fd, fd);
}

/* Before Linux 6.15 layers must be attached in the namespace of who mounts. */
static int attach_and_mount(const struct overlay *overlay, bool *ret_stays, struct keg_err *err)
{
    (void)ret_stays;
    if (mount("tmpfs", PRIVATE_PLACE, "tmpfs", 0, "mode=700") < 0)
        return keg_fail_errno(err, "overlay: private place");
    _cleanup_fd_ int place = keg_openat(AT_FDCWD, PRIVATE_PLACE, O_PATH | O_DIRECTORY, 0);
    int r = place < 0 ? place : attach_in(place, overlay->count, overlay->dirfd);
    for (size_t i = 0; r == 0 && i < overlay->count; i++)
        r = attach_in(place, i, overlay->lower_fds[i]);
    if (r < 0)
        return keg_fail(err, r, "overlay: attach a layer: %s", keg_errno_text(r));
    r = mount_as_owner(overlay, err);
    return r == -EINVAL ? keg_wrap(err, "id-mapped (Linux 5.19 can)") : r;
}

/* ${fds}: the mapped lowers, and behind them the mapped folder of upper and work. */
static int mount_copies(const struct overlay *overlay, const int *fds, struct keg_err *err)
{
    struct overlay mapped = *overlay;
    mapped.lower_fds = fds;
    mapped.dirfd = fds[overlay->count];
    int r = mount_as_owner(&mapped, err);
    return r == -EINVAL ? mount_privately(&mapped, attach_and_mount, err) : r;
}

static int mount_mapped(const struct overlay *overlay, int userns_fd, struct keg_err *err)
{
    _cleanup_free_ int *fds = calloc(overlay->count + 1, sizeof(*fds));
    if (!fds)
        return keg_fail(err, -ENOMEM, "overlay: out of memory");
    int r = map_all(overlay, userns_fd, fds, err);
    if (r == 0)
        r = mount_copies(overlay, fds, err);
    close_all(fds, overlay->count + 1);
    return r;
}

/* A crash left `volatile` in the work folder: the kernel refuses to mount until it is gone, since
 * writes may have been lost. For --rm nothing is kept; else the owner has to decide, and does by
 * mounting again. */
static int forget_volatile(int dirfd)
{
    _cleanup_fd_ int incompat =
        keg_open_beneath(dirfd, "work/work/incompat", O_RDONLY | O_DIRECTORY, 0);
    if (incompat < 0)
        return incompat == -ENOENT ? 0 : incompat;
    return keg_remove_tree(incompat, "volatile");
}

int run_overlay_mount(const int *lower_fds, size_t count, int dirfd, bool volatile_upper,
                      int userns_fd, int *ret_mountfd, struct keg_err *err)
{
    const struct overlay overlay = {
        .lower_fds = lower_fds, .count = count, .dirfd = dirfd, .volatile_upper = volatile_upper};
    if (count == 0)
        return keg_fail(err, -EINVAL, "overlay: no layer to mount");
    int r = forget_volatile(dirfd);
    if (r < 0)
        return keg_fail(err, r, "overlay: remove the mark of a crash: %s", keg_errno_text(r));
    r = userns_fd < 0 ? mount_by_context(&overlay, err) : mount_mapped(&overlay, userns_fd, err);
    if (r == -ENOSYS && userns_fd < 0)
        r = mount_privately(&overlay, mount_at_place, err);
    if (r < 0)
        return r;
    *ret_mountfd = r;
    return 0;
}
