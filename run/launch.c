/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: checks, the plan, and clone3. */
#include "run/launch.h"

#include "run/sysctl.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

static const struct {
    enum run_namespace_type type;
    int flag;
} cloned[] = {
    {RUN_NS_PID, CLONE_NEWPID},
    {RUN_NS_MOUNT, CLONE_NEWNS},
    {RUN_NS_IPC, CLONE_NEWIPC},
    {RUN_NS_UTS, CLONE_NEWUTS},
};

static int check_namespaces(const struct run_spec *spec, struct keg_err *err)
{
    const struct run_namespace *mount = &spec->namespaces[RUN_NS_MOUNT];
    if (!mount->wanted || mount->path)
        return keg_fail(err, -ENOTSUP, "a container without a mount namespace of its own");
    if (spec->namespaces[RUN_NS_USER].wanted)
        return keg_fail(err, -ENOTSUP, "user namespaces are not supported yet");
    if (spec->namespaces[RUN_NS_TIME].wanted)
        return keg_fail(err, -ENOTSUP, "time namespaces are not supported yet");
    return 0;
}

static int check_process(const struct run_spec *spec, const struct run_options *options,
                         struct keg_err *err)
{
    if (!spec->process.args || !spec->process.args[0])
        return keg_fail(err, -EINVAL, "no program to run");
    if (options->rootfs_fd < 0 && !spec->root_path)
        return keg_fail(err, -EINVAL, "no root");
    return 0;
}

static int check_sysctls(const struct run_spec *spec, struct keg_err *err)
{
    char path[PATH_MAX];
    const char *value;
    for (char **setting = spec->sysctls; setting && *setting; setting++) {
        int r = sysctl_parse(spec, *setting, path, &value, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What this process does not have it cannot give: runtime-spec says to go on without. */
static struct run_capabilities cut_capabilities(const struct run_process *process, uint64_t held)
{
    struct run_capabilities sets = process->capabilities;
    sets.bounding &= held;
    sets.effective &= held;
    sets.permitted &= held;
    sets.inheritable &= held;
    sets.ambient &= held;
    /* execve leaves no others to a user who is not root; without them, files are looked up with
     * that user's own rights as well. */
    if (process->user.uid != 0)
        sets.permitted = sets.effective = sets.ambient;
    return sets;
}

static int find_own_program(struct statx *ret, struct keg_err *err)
{
    if (statx(AT_FDCWD, "/proc/self/exe", 0, STATX_INO | STATX_MNT_ID, ret) < 0)
        return keg_fail_errno(err, "stat '/proc/self/exe'");
    return 0;
}

int launch_prepare(const struct run_spec *spec, const struct run_options *options,
                   struct launch *ret, struct keg_err *err)
{
    *ret = (struct launch){.spec = spec, .options = options};
    int r = check_namespaces(spec, err);
    if (r == 0)
        r = check_process(spec, options, err);
    if (r == 0)
        r = check_sysctls(spec, err);
    if (r == 0)
        r = find_own_program(&ret->program, err);
    if (r == 0)
        r = rootfs_plan_make(spec, &ret->plan, err);
    if (r < 0)
        return r;
    ret->held = run_capabilities_bounding();
    ret->capabilities = cut_capabilities(&spec->process, ret->held);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cloned); i++)
        if (spec->namespaces[cloned[i].type].wanted && !spec->namespaces[cloned[i].type].path)
            ret->clone_flags |= cloned[i].flag;
    if (spec->seccomp == RUN_SECCOMP_DEFAULT)
        r = seccomp_build_default(SECCOMP_NATIVE, ret->capabilities.bounding, &ret->seccomp);
    return r < 0 ? keg_fail(err, r, "seccomp: %s", keg_errno_text(r)) : 0;
}

void launch_done(struct launch *launch)
{
    rootfs_plan_done(&launch->plan);
}

/* ---- clone */

static long clone_new(const struct launch *launch, int cgroup_fd, int *ret_pidfd)
{
    struct clone_args args = {
        .flags = (uint64_t)(unsigned)launch->clone_flags | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
        .exit_signal = SIGCHLD,
    };
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)(unsigned)cgroup_fd;
    }
    return syscall(SYS_clone3, &args, sizeof(args));
}

/* clone(2), for kernels before 5.7 and filters that refuse clone3 since they cannot look into it.
 */
static long clone_old(const struct launch *launch, int *ret_pidfd)
{
    unsigned long flags = (unsigned long)(unsigned)launch->clone_flags | CLONE_PIDFD | SIGCHLD;
    return syscall(SYS_clone, flags, NULL, ret_pidfd, NULL, NULL);
}

/* In the child it returns 0. */
static long clone_any(struct launch *launch, int *ret_pidfd)
{
    int cgroup_fd = cgroup_clone_fd(launch->cgroup);
    launch->attach_self = cgroup_fd < 0;
    long pid = clone_new(launch, cgroup_fd, ret_pidfd);
    if (pid >= 0 || (errno != ENOSYS && errno != E2BIG))
        return pid;
    launch->attach_self = true;
    return clone_old(launch, ret_pidfd);
}

/* The child must see the root at the folder that it is born in: an fd of a mount that mount(2) made
 * is of no use in another mount namespace, but the kernel translates the working folder
 * (child_attach_root()). */
static int enter_rootfs(const struct launch *launch, int *ret_cwd, struct keg_err *err)
{
    *ret_cwd = -1;
    if (launch->options->rootfs_fd < 0)
        return 0;
    int cwd = keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
    if (cwd < 0)
        return keg_fail(err, cwd, "open the working folder: %s", keg_errno_text(cwd));
    *ret_cwd = cwd;
    return fchdir(launch->options->rootfs_fd) < 0 ? keg_fail_errno(err, "enter the root") : 0;
}

/* A pid namespace is joined by the parent: it holds for the children. *ret_back leads back. */
static int join_pid_namespace(const struct launch *launch, int *ret_back, struct keg_err *err)
{
    const char *path = launch->spec->namespaces[RUN_NS_PID].path;
    *ret_back = -1;
    if (!launch->spec->namespaces[RUN_NS_PID].wanted || !path)
        return 0;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    _cleanup_fd_ int back = keg_openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY, 0);
    if (fd < 0 || back < 0)
        return keg_fail(err, fd < 0 ? fd : back, "open '%s': %s", path,
                        keg_errno_text(fd < 0 ? fd : back));
    if (setns(fd, CLONE_NEWPID) < 0)
        return keg_fail_errno(err, "join '%s'", path);
    *ret_back = TAKE_FD(back);
    return 0;
}

static pid_t clone_blocked(struct launch *launch, const int channel_fds[static 2], int *ret_pidfd,
                           struct keg_err *err)
{
    sigset_t all, before;
    int pidfd = -1;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    long pid = clone_any(launch, &pidfd);
    if (pid == 0) {
        /* With its own copy of the parent's end it would never hear that the parent is gone. */
        (void)close(channel_fds[0]);
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
    _cleanup_fd_ int cwd = -1, pid_namespace = -1;
    int r = join_pid_namespace(launch, &pid_namespace, err);
    if (r == 0)
        r = enter_rootfs(launch, &cwd, err);
    pid_t pid = r < 0 ? r : clone_blocked(launch, channel_fds, ret_pidfd, err);
    /* Back again, whatever came of it. Neither can fail: both are where this process came from. */
    if (cwd >= 0)
        (void)!fchdir(cwd);
    if (pid_namespace >= 0)
        (void)setns(pid_namespace, CLONE_NEWPID);
    return pid;
}
