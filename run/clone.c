/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: clone3, with the namespaces that hold for children taken on for its moment.
 */
#include "run/launch.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* clone(2), for kernels before 5.3 and filters that refuse clone3 since they cannot look into it.
 */
static long clone_old(int flags, int *ret_pidfd)
{
    unsigned long all = (unsigned long)(unsigned)flags | SIGCHLD;
    return syscall(SYS_clone, ret_pidfd ? all | CLONE_PIDFD : all, NULL, ret_pidfd, NULL, NULL);
}

static long clone_new(int flags, int cgroup_fd, int *ret_pidfd)
{
    struct clone_args args = {
        .flags = (uint64_t)(unsigned)flags,
        .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
    };
    if (ret_pidfd)
        args.flags |= CLONE_PIDFD;
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)(unsigned)cgroup_fd;
    }
    return syscall(SYS_clone3, &args, sizeof(args));
}

long launch_clone_flags(int flags, int cgroup_fd, int *ret_pidfd, bool *ret_placed)
{
    *ret_placed = cgroup_fd >= 0;
    long pid = clone_new(flags, cgroup_fd, ret_pidfd);
    if (pid >= 0 || (errno != ENOSYS && errno != E2BIG))
        return pid;
    *ret_placed = false;
    return clone_old(flags, ret_pidfd);
}

/* ---- what holds for children */

/* Where this process has to go back to once it has cloned: -1 where it never left. */
struct way_back {
    int cwd_fd, pid_fd, time_fd;
    bool dumpable; /* this process was */
};

static int open_own(const char *path, struct keg_err *err)
{
    int fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    return fd < 0 ? keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd)) : fd;
}

/* The child must see the root at the folder that it is born in: an fd of a mount that mount(2) made
 * is of no use in another mount namespace, but the kernel translates the working folder
 * (child_attach_root()). */
static int enter_rootfs(const struct launch *launch, struct way_back *back, struct keg_err *err)
{
    if (launch->options->rootfs_fd < 0)
        return 0;
    int cwd = keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
    if (cwd < 0)
        return keg_fail(err, cwd, "open the working folder: %s", keg_errno_text(cwd));
    back->cwd_fd = cwd;
    return fchdir(launch->options->rootfs_fd) < 0 ? keg_fail_errno(err, "enter the root") : 0;
}

static int enter_pid_namespace(const struct launch *launch, struct way_back *back,
                               struct keg_err *err)
{
    int fd = launch->namespace_fds[RUN_NS_PID];
    if (fd < 0)
        return 0;
    back->pid_fd = open_own("/proc/self/ns/pid", err);
    if (back->pid_fd < 0)
        return back->pid_fd;
    /* Those who are there see the child from its birth on, so it is born as one that they may not
     * look into (CVE-2016-9962). */
    back->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return keg_fail_errno(err, "hide the child");
    return setns(fd, CLONE_NEWPID) < 0 ? keg_fail_errno(err, "join the pid namespace") : 0;
}

static int write_time_offsets(const struct launch *launch, struct keg_err *err)
{
    static const char *const names[RUN_CLOCK_COUNT] = {
        [RUN_CLOCK_MONOTONIC] = "monotonic", [RUN_CLOCK_BOOTTIME] = "boottime"};
    for (size_t i = 0; i < RUN_CLOCK_COUNT; i++) {
        const struct run_time_offset *offset = &launch->spec->time_offsets[i];
        char text[64];
        if (!offset->set)
            continue;
        int length = snprintf(text, sizeof(text), "%s %lld %u", names[i],
                              (long long)offset->seconds, offset->nanoseconds);
        int r = keg_write_file(AT_FDCWD, "/proc/self/timens_offsets", text, (size_t)length);
        if (r < 0)
            return keg_fail(err, r, "time offset '%s': %s", text,
                            r == -ERANGE ? "the clock would leave its range" : keg_errno_text(r));
    }
    return 0;
}

/* The first process in a time namespace fixes its offsets, so they are written from outside. */
int launch_enter_time_namespace(const struct launch *launch, struct keg_err *err)
{
    int fd = launch->namespace_fds[RUN_NS_TIME];
    if (fd >= 0)
        return setns(fd, CLONE_NEWTIME) < 0 ? keg_fail_errno(err, "join the time namespace") : 0;
    if (unshare(CLONE_NEWTIME) < 0)
        return errno == EINVAL
                   ? keg_fail(err, -ENOTSUP, "this kernel has no time namespaces (Linux 5.6)")
                   : keg_fail_errno(err, "make a time namespace");
    return write_time_offsets(launch, err);
}

static int enter_time_namespace(const struct launch *launch, struct way_back *back,
                                struct keg_err *err)
{
    if (!launch->spec->namespaces[RUN_NS_TIME].wanted)
        return 0;
    back->time_fd = open_own("/proc/self/ns/time", err);
    return back->time_fd < 0 ? back->time_fd : launch_enter_time_namespace(launch, err);
}

static int take_on(const struct launch *launch, struct way_back *back, struct keg_err *err)
{
    *back = (struct way_back){-1, -1, -1, false};
    /* The process between does this itself: once it is in the user namespace; and so does one that
     * joins: once nothing of the host's is open in it. */
    bool itself = launch->between || launch->joins;
    int r = itself ? 0 : enter_pid_namespace(launch, back, err);
    if (r == 0 && !itself)
        r = enter_time_namespace(launch, back, err);
    return r == 0 ? enter_rootfs(launch, back, err) : r;
}

/* Neither can fail: all are where this process came from. */
static void go_back(const struct way_back *back)
{
    if (back->cwd_fd >= 0)
        (void)!fchdir(back->cwd_fd);
    if (back->pid_fd >= 0)
        (void)setns(back->pid_fd, CLONE_NEWPID);
    if (back->time_fd >= 0)
        (void)setns(back->time_fd, CLONE_NEWTIME);
    if (back->dumpable)
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    keg_cleanup_fd(&back->cwd_fd);
    keg_cleanup_fd(&back->pid_fd);
    keg_cleanup_fd(&back->time_fd);
}

/* ---- clone */

/* The folder to be born in. A process with CPUs of its own until it enters the cgroup enters by
 * itself; and one that joins may find no cgroup. */
static int birth_cgroup(const struct launch *launch)
{
    bool enters = launch->joins && launch->spec->process.cpu_affinity_initial;
    return launch->cgroup && !enters ? cgroup_clone_fd(launch->cgroup) : -1;
}

static pid_t clone_blocked(struct launch *launch, const int channel_fds[static 2], int *ret_pidfd,
                           struct keg_err *err)
{
    sigset_t all, before;
    int pidfd = -1;
    bool placed;
    bool between = launch->between && !launch->joins;
    int flags = launch->clone_flags;
    if (between)
        flags = launch->new_user_namespace ? CLONE_NEWUSER : 0;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    long pid = launch_clone_flags(flags, birth_cgroup(launch), &pidfd, &placed);
    if (pid == 0) {
        launch->attach_self = !placed;
        /* With its own copy of the parent's end it would never hear that the parent is gone. */
        (void)close(channel_fds[0]);
        if (between)
            between_main(launch, channel_fds[1]);
        child_main(launch, channel_fds[1]);
    }
    int code = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return keg_fail(err, -code, "clone: %s", keg_errno_text(code));
    *ret_pidfd = pidfd;
    return (pid_t)pid;
}

pid_t launch_clone(struct launch *launch, const int channel_fds[static 2], int *ret_pidfd,
                   struct keg_err *err)
{
    struct way_back back;
    int r = take_on(launch, &back, err);
    pid_t pid = r < 0 ? r : clone_blocked(launch, channel_fds, ret_pidfd, err);
    go_back(&back);
    return pid;
}
