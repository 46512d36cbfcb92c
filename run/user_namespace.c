/* SPDX-License-Identifier: Apache-2.0 */
/* keg's own way into a user namespace, for those who are not root. */
#include "run/user_namespace.h"

#include "run/channel.h"
#include "run/id_map.h"
#include "run/subids.h"

#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- why not */

/* A setting as a number; -1 where this kernel has none of that name. */
static int64_t setting(int sysctl_dirfd, const char *name)
{
    _cleanup_buf_ struct keg_buf text = {0};
    int64_t value;
    if (keg_read_file(sysctl_dirfd, name, 64, &text, NULL) < 0)
        return -1;
    text.data[strcspn(text.data, "\n")] = '\0';
    return keg_parse_i64(text.data, 0, INT64_MAX, &value) < 0 ? -1 : value;
}

int user_namespace_explain(int code, int sysctl_dirfd, bool filtered, struct keg_err *err)
{
    static const char prefix[] = "keg needs a user namespace to work without root, and";
    if (setting(sysctl_dirfd, "user/max_user_namespaces") == 0)
        return keg_fail(err, -EPERM,
                        "%s this machine allows none: root has to set 'sysctl "
                        "user.max_user_namespaces=15000'",
                        prefix);
    if (code == -ENOSPC)
        return keg_fail(err, code, "%s too many exist already: see sysctl user.max_user_namespaces",
                        prefix);
    if (setting(sysctl_dirfd, "kernel/unprivileged_userns_clone") == 0)
        return keg_fail(err, -EPERM,
                        "%s this machine lets only root make one: root has to set 'sysctl "
                        "kernel.unprivileged_userns_clone=1'",
                        prefix);
    if (setting(sysctl_dirfd, "kernel/apparmor_restrict_unprivileged_userns") > 0)
        return keg_fail(err, -EPERM,
                        "%s AppArmor takes all rights in it away: root has to give keg a profile "
                        "with 'userns,' in /etc/apparmor.d, or to set 'sysctl "
                        "kernel.apparmor_restrict_unprivileged_userns=0'",
                        prefix);
    if (code == -EINVAL || code == -ENOSYS)
        return keg_fail(err, code, "%s this kernel is built without them (CONFIG_USER_NS)", prefix);
    if (filtered)
        return keg_fail(err, code,
                        "%s the seccomp filter around keg refuses it: a container that keg is to "
                        "run in needs --privileged, or --security-opt seccomp=unconfined",
                        prefix);
    return keg_fail(err, code, "%s this machine refuses it: %s", prefix, keg_errno_text(code));
}

static int fail_refused(int code, struct keg_err *err)
{
    _cleanup_fd_ int sysctl = keg_openat(AT_FDCWD, "/proc/sys", O_PATH | O_DIRECTORY, 0);
    return user_namespace_explain(code, sysctl, prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0, err);
}

/* ---- entering */

bool run_user_namespace_needed(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    if (getauxval(AT_EUID) != 0)
        return true;
    return syscall(SYS_capget, &header, data) == 0 && !(data[0].effective >> CAP_SYS_ADMIN & 1);
}

/* All mounts are slaves in a new mount namespace of another user namespace (mount_namespaces(7),
 * "Restrictions on mount namespaces"): asking for it once more is where AppArmor shows that it took
 * the rights away, and what makes them so in one that was joined. */
static int unshare_with(int flags, struct keg_err *err)
{
    if (unshare(flags) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail_refused(-errno, err);
    return 0;
}

static int enter_with_one_id(uint32_t uid, uint32_t gid, struct keg_err *err)
{
    int r = unshare_with(CLONE_NEWUSER | CLONE_NEWNS, err);
    return r == 0 ? id_map_write_own(uid, gid, err) : r;
}

/* In a process that stayed outside: newuidmap(1) asks who its caller is there. */
static _Noreturn void write_maps(int channel_fd, pid_t pid, const struct run_id_maps *uids,
                                 const struct run_id_maps *gids)
{
    struct keg_err err = KEG_ERR_INIT;
    struct channel_message message;
    if (channel_receive(channel_fd, &message) <= 0)
        _exit(0); /* the other one failed, or died */
    if (id_map_write(pid, uids, gids, &err) < 0)
        (void)channel_send_error(channel_fd, &err);
    else
        (void)channel_send(channel_fd, CHANNEL_MAPPED);
    _exit(0);
}

static int await_maps(int channel_fd, struct keg_err *err)
{
    struct channel_message message;
    int r = channel_send(channel_fd, CHANNEL_USERNS);
    if (r == 0)
        r = channel_receive(channel_fd, &message);
    if (r <= 0)
        return keg_fail(err, r < 0 ? r : -EPIPE, "map ids: the process that does it ended");
    return message.kind == CHANNEL_MAPPED ? 0
                                          : keg_fail(err, message.err.code, "%s", message.err.text);
}

static int enter_with_ranges(const struct run_id_maps *uids, const struct run_id_maps *gids,
                             struct keg_err *err)
{
    int ends[2];
    pid_t self = getpid();
    int r = channel_open(ends);
    if (r < 0)
        return keg_fail(err, r, "socket pair: %s", keg_errno_text(r));
    _cleanup_fd_ int ours = ends[0];
    _cleanup_pid_ pid_t helper = fork();
    if (helper == 0) {
        (void)close(ends[0]);
        write_maps(ends[1], self, uids, gids);
    }
    r = helper < 0 ? -errno : 0;
    (void)close(ends[1]);
    if (r < 0)
        return keg_fail(err, r, "fork: %s", keg_errno_text(r));
    r = unshare_with(CLONE_NEWUSER | CLONE_NEWNS, err);
    return r == 0 ? await_maps(ours, err) : r;
}

static bool is_same_file(int a, int b)
{
    struct stat first, second;
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
           first.st_dev == second.st_dev;
}

/* The user namespace of ${pid}, or that above it, ..., which is a child of this process's own: a
 * container may have one of its own in that of its keg. */
static int open_beside(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    _cleanup_fd_ int own = keg_openat(AT_FDCWD, "/proc/self/ns/user", O_RDONLY, 0);
    int fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    while (fd >= 0 && own >= 0) {
        _cleanup_fd_ int parent = ioctl(fd, NS_GET_PARENT);
        if (parent >= 0 && is_same_file(parent, own))
            return fd;
        int code = -errno;
        (void)close(fd);
        fd = parent < 0 ? code : TAKE_FD(parent);
    }
    return own < 0 ? own : fd;
}

static int join_beside(pid_t pid, struct keg_err *err)
{
    _cleanup_fd_ int fd = open_beside(pid);
    if (fd < 0)
        return keg_fail(err, fd, "user namespace of process %d: %s", (int)pid, keg_errno_text(fd));
    if (setns(fd, CLONE_NEWUSER) < 0)
        return keg_fail_errno(err, "join the user namespace of process %d", (int)pid);
    return unshare_with(CLONE_NEWNS, err);
}

int run_user_namespace_enter(pid_t beside, const char **ret_note, struct keg_err *err)
{
    struct run_id_maps uids, gids;
    uint32_t uid = geteuid(), gid = getegid();
    *ret_note = NULL;
    if (!run_user_namespace_needed())
        return 0;
    if (beside > 0)
        return join_beside(beside, err) < 0 ? err->code : 1;
    int r = subids_read(uid, gid, &uids, &gids, err);
    bool ranges = r > 0;
    if (ranges && !id_map_has_helpers()) {
        *ret_note = "only your own id can be used: newuidmap and newgidmap, which map those of "
                    "/etc/subuid, are not installed (package uidmap)";
        ranges = false;
    }
    if (r >= 0)
        r = ranges ? enter_with_ranges(&uids, &gids, err) : enter_with_one_id(uid, gid, err);
    run_id_maps_done(&uids);
    run_id_maps_done(&gids);
    return r < 0 ? r : ranges;
}
