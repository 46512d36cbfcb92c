/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: checks, and the plan. */
#include "run/launch.h"

#include "run/id_map.h"
#include "run/labels.h"
#include "run/launch_mounts.h"
#include "run/sysctl.h"

#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static const struct {
    enum run_namespace_type type;
    int flag;
} cloned[] = {
    {RUN_NS_PID, CLONE_NEWPID},
    {RUN_NS_MOUNT, CLONE_NEWNS},
    {RUN_NS_IPC, CLONE_NEWIPC},
    {RUN_NS_UTS, CLONE_NEWUTS},
};

static bool is_new(const struct run_spec *spec, enum run_namespace_type type)
{
    return spec->namespaces[type].wanted && !spec->namespaces[type].path;
}

static int check_user_namespace(const struct run_spec *spec, struct keg_err *err)
{
    if (is_new(spec, RUN_NS_USER)) {
        int r = id_map_check(&spec->uid_maps, "uidMappings", err);
        return r == 0 ? id_map_check(&spec->gid_maps, "gidMappings", err) : r;
    }
    if (!spec->namespaces[RUN_NS_USER].wanted && (spec->uid_maps.count || spec->gid_maps.count))
        return keg_fail(err, -EINVAL, "id mappings without a user namespace");
    return 0;
}

static int check_namespaces(const struct run_spec *spec, struct keg_err *err)
{
    for (size_t i = 0; i < RUN_CLOCK_COUNT; i++)
        if (spec->time_offsets[i].set && !is_new(spec, RUN_NS_TIME))
            return keg_fail(err, -EINVAL, "time offsets without a new time namespace");
    return check_user_namespace(spec, err);
}

/* A user whom the maps do not have would only be refused by the child, after start. */
static int check_user(const struct run_spec *spec, struct keg_err *err)
{
    uint32_t host;
    const struct run_user *user = &spec->process.user;
    if (!is_new(spec, RUN_NS_USER))
        return 0;
    if (run_id_maps_to_host(&spec->uid_maps, user->uid, &host) < 0)
        return keg_fail(err, -EINVAL, "uid %u has no mapping in the user namespace", user->uid);
    if (run_id_maps_to_host(&spec->gid_maps, user->gid, &host) < 0)
        return keg_fail(err, -EINVAL, "gid %u has no mapping in the user namespace", user->gid);
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

/* What the caller inherited passes through execve; what keg opened by itself does not, and must not
 * be taken for it. */
int launch_check_preserved(unsigned count, struct keg_err *err)
{
    for (unsigned i = 0; i < count; i++) {
        int fd = STDERR_FILENO + 1 + (int)i;
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC))
            return keg_fail(err, -EBADF, "fd %d of %u to preserve is not open", fd, count);
    }
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

/* What this process does not have it cannot give, nor what the kernel's rules leave no way to
 * (capabilities(7), "Transformation of capabilities during execve"): runtime-spec says to go on
 * without. */
static struct run_capabilities cut_capabilities(const struct run_process *process, uint64_t held)
{
    struct run_capabilities sets = process->capabilities;
    sets.bounding &= held;
    sets.permitted &= held;
    sets.effective &= sets.permitted;
    sets.inheritable &= sets.bounding;
    sets.ambient &= sets.permitted & sets.inheritable;
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

/* ---- namespaces to be joined */

static const int namespace_flags[RUN_NS_COUNT] = {
    [RUN_NS_PID] = CLONE_NEWPID,   [RUN_NS_NETWORK] = CLONE_NEWNET,
    [RUN_NS_MOUNT] = CLONE_NEWNS,  [RUN_NS_IPC] = CLONE_NEWIPC,
    [RUN_NS_UTS] = CLONE_NEWUTS,   [RUN_NS_CGROUP] = CLONE_NEWCGROUP,
    [RUN_NS_USER] = CLONE_NEWUSER, [RUN_NS_TIME] = 0x80 /* CLONE_NEWTIME */,
};

/* Here, where paths mean what their writer meant: the child may be in other namespaces already, and
 * without the right to walk there. */
static int open_namespace(const char *path, int flag, int *ret_fd, struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return keg_fail(err, fd, "namespace '%s': %s", path, keg_errno_text(fd));
    int type = ioctl(fd, NS_GET_NSTYPE);
    if (type < 0)
        return keg_fail(err, -EINVAL, "namespace '%s': the file is none", path);
    if (type != flag)
        return keg_fail(err, -EINVAL, "namespace '%s': of another type", path);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int open_namespaces(const struct run_spec *spec, struct launch *launch, struct keg_err *err)
{
    for (size_t i = 0; i < RUN_NS_COUNT; i++) {
        const struct run_namespace *namespace = &spec->namespaces[i];
        if (!namespace->wanted || !namespace->path)
            continue;
        int r = open_namespace(namespace->path, namespace_flags[i], &launch->namespace_fds[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* user_namespaces(7); include/linux/proc_ns.h, PROC_USER_INIT_INO. */
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDu

static bool in_initial_user_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/user", &st) < 0 || st.st_ino == INITIAL_USER_NAMESPACE;
}

static int check(const struct run_spec *spec, const struct run_options *options,
                 struct keg_err *err)
{
    int r = check_namespaces(spec, err);
    if (r == 0)
        r = check_process(spec, options, err);
    if (r == 0)
        r = check_user(spec, err);
    if (r == 0)
        r = labels_check(&spec->process, err);
    if (r == 0)
        r = labels_check_mounts(spec->mount_label, err);
    if (r == 0)
        r = launch_check_preserved(options->preserve_fds, err);
    return r == 0 ? check_sysctls(spec, err) : r;
}

int launch_confine(struct launch *launch, struct keg_err *err)
{
    const struct run_spec *spec = launch->spec;
    int r = find_own_program(&launch->program, err);
    if (r < 0)
        return r;
    /* In another user namespace than this process's, which may hold less than all in its own. */
    bool enters = launch->new_user_namespace || launch->namespace_fds[RUN_NS_USER] >= 0;
    launch->capabilities = cut_capabilities(&spec->process, enters ? capabilities_known()
                                                                   : run_capabilities_bounding());
    return seccomp_prepare(spec, launch->capabilities.bounding, &launch->seccomp, err);
}

void launch_init(struct launch *launch, const struct run_spec *spec,
                 const struct run_options *options)
{
    *launch = (struct launch){
        .spec = spec, .options = options, .gate_fd = -1, .root_fd = -1, .rdt_fd = -1};
    memset(launch->namespace_fds, 0xff, sizeof(launch->namespace_fds));
    launch->initial_user_namespace = in_initial_user_namespace();
}

/* Whoever enters another pid or time namespace for his children enters his own one again as root of
 * the user namespace that owns it (setns(2)). */
static bool can_come_back(const struct launch *launch, const struct run_spec *spec)
{
    return launch->initial_user_namespace ||
           (!spec->namespaces[RUN_NS_PID].path && !spec->namespaces[RUN_NS_TIME].wanted);
}

int launch_prepare(const struct run_spec *spec, const struct run_options *options,
                   struct launch *ret, struct keg_err *err)
{
    launch_init(ret, spec, options);
    ret->new_user_namespace = is_new(spec, RUN_NS_USER);
    ret->between = spec->namespaces[RUN_NS_USER].wanted || !can_come_back(ret, spec);
    int r = check(spec, options, err);
    if (r == 0)
        r = open_namespaces(spec, ret, err);
    if (r == 0)
        r = rootfs_plan_make(spec, options->bundle, &ret->plan, err);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cloned); i++)
        if (spec->namespaces[cloned[i].type].wanted && !spec->namespaces[cloned[i].type].path)
            ret->clone_flags |= cloned[i].flag;
    return r == 0 ? launch_confine(ret, err) : r;
}

void launch_done(struct launch *launch)
{
    launch_close_sources(launch);
    rootfs_plan_done(&launch->plan);
    seccomp_filter_done(&launch->seccomp);
    for (size_t i = 0; i < RUN_NS_COUNT; i++)
        keg_cleanup_fd(&launch->namespace_fds[i]);
    keg_cleanup_fd(&launch->gate_fd);
    keg_cleanup_fd(&launch->rdt_fd);
}
