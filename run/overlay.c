/* SPDX-License-Identifier: Apache-2.0 */
/* The root of a container: a detached overlay over layers that are named by fd, never by path. */
#include "run/mount.h"
#include "run/run.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>

/* fsconfig(2) takes strings of at most 255 bytes. */
#define FSCONFIG_STRING_MAX 255
/* mount(2) takes one page of options. */
#define MOUNT_DATA_MAX 4096

/* A folder of every kernel's procfs that nothing of keg's looks into: mount(2) needs some place. */
#define PRIVATE_PLACE "/proc/tty"

struct overlay {
    const int *lower_fds;
    size_t count;
    char upper[64], work[64];
    bool volatile_upper;
};

static int join_lowers(const struct overlay *overlay, struct keg_buf *ret)
{
    for (size_t i = 0; i < overlay->count; i++)
        keg_buf_printf(ret, "%s/proc/self/fd/%d", i ? ":" : "", overlay->lower_fds[i]);
    return ret->failed;
}

/* -EINVAL for the first one: a kernel before 6.5, which knows one list only. */
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

static int configure(int context, const struct overlay *overlay)
{
    int r = mount_context_set(context, "userxattr", NULL);
    if (r == 0)
        r = mount_context_set(context, "source", "overlay");
    if (r == 0)
        r = set_lowers_one_by_one(context, overlay);
    if (r == -EINVAL)
        r = set_lower_list(context, overlay);
    if (r == 0)
        r = mount_context_set(context, "upperdir", overlay->upper);
    if (r == 0)
        r = mount_context_set(context, "workdir", overlay->work);
    if (r == 0 && overlay->volatile_upper)
        r = mount_context_set(context, "volatile", NULL);
    return r;
}

static int mount_by_context(const struct overlay *overlay, struct keg_err *err)
{
    _cleanup_fd_ int context = mount_context_open("overlay");
    if (context == -ENODEV)
        return keg_fail(err, context, "overlay: this kernel has no overlayfs (modprobe overlay)");
    if (context < 0)
        return keg_fail(err, context, "overlay: %s", keg_errno_text(context));
    int r = configure(context, overlay);
    if (r == 0)
        r = mount_context_finish(context, 0);
    if (r >= 0)
        return r;
    char words[256];
    mount_context_words(context, r, words, sizeof(words));
    return keg_fail(err, r, "overlay of %zu layers: %s", overlay->count, words);
}

/* ---------------------------------------------------------------------------------- with mount(2)
 */

static int mount_data(const struct overlay *overlay, struct keg_buf *ret, struct keg_err *err)
{
    keg_buf_str(ret, "userxattr,lowerdir=");
    (void)join_lowers(overlay, ret);
    keg_buf_printf(ret, ",upperdir=%s,workdir=%s%s", overlay->upper, overlay->work,
                   overlay->volatile_upper ? ",volatile" : "");
    if (ret->failed == -E2BIG)
        return keg_fail(err, -E2BIG, "overlay: %zu layers are more than this kernel can mount",
                        overlay->count);
    return keg_buf_ok(ret, err, "overlay options");
}

/* *ret_stays: the fd is of a mount in the new namespace, not of a copy. */
static int mount_at_place(const char *data, bool *ret_stays, struct keg_err *err)
{
    if (unshare(CLONE_NEWNS) < 0)
        return keg_fail_errno(err, "overlay: private mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return keg_fail_errno(err, "overlay: mount propagation");
    if (mount("overlay", PRIVATE_PLACE, "overlay", 0, data) < 0)
        return keg_fail_errno(err, "overlay");
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

/* The mount is made in a namespace of its own, so that the machine never sees it, and copied out of
 * there. A kernel that cannot copy it (before 5.2) leaves the caller in that namespace: it ends
 * with the process. */
static int mount_classic(const struct overlay *overlay, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf data = keg_buf_init(MOUNT_DATA_MAX);
    int r = mount_data(overlay, &data, err);
    if (r < 0)
        return r;
    _cleanup_fd_ int ns = keg_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0);
    _cleanup_fd_ int cwd = keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
    if (ns < 0 || cwd < 0)
        return keg_fail(err, ns < 0 ? ns : cwd, "overlay: open the mount namespace");
    bool stays = false;
    _cleanup_fd_ int fd = mount_at_place(data.data, &stays, err);
    r = stays ? 0 : leave_namespace(ns, cwd, fd < 0 ? NULL : err);
    if (fd < 0 || r < 0)
        return fd < 0 ? fd : r;
    return TAKE_FD(fd);
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
                      int *ret_mountfd, struct keg_err *err)
{
    struct overlay overlay = {
        .lower_fds = lower_fds, .count = count, .volatile_upper = volatile_upper};
    (void)snprintf(overlay.upper, sizeof(overlay.upper), "/proc/self/fd/%d/upper", dirfd);
    (void)snprintf(overlay.work, sizeof(overlay.work), "/proc/self/fd/%d/work", dirfd);
    if (count == 0)
        return keg_fail(err, -EINVAL, "overlay: no layer to mount");
    int r = forget_volatile(dirfd);
    if (r < 0)
        return keg_fail(err, r, "overlay: remove the mark of a crash: %s", keg_errno_text(r));
    r = mount_by_context(&overlay, err);
    if (r == -ENOSYS)
        r = mount_classic(&overlay, err);
    if (r < 0)
        return r;
    *ret_mountfd = r;
    return 0;
}
