/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: another process in a living container. */
#include "run/run.h"

#include "run/channel.h"
#include "run/container_internal.h"
#include "run/labels.h"
#include "run/launch.h"

#include <poll.h>
#include <sys/stat.h>

/* What a joining child is made of. */
struct join {
    struct run_spec *container; /* what the container was made of */
    struct run_spec spec;       /* the same with the new process in it; nothing of it is freed */
    struct run_options options;
    struct launch launch;
    struct cgroup *cgroup; /* NULL: it has none */
};

static void join_done(struct join *join)
{
    launch_done(&join->launch);
    cgroup_free(join->cgroup);
    run_spec_free(join->container);
}

/* ---- what it is to be */

/* Without a config.json of its making: the confinement that keg gives by itself. */
static int read_spec(const struct run_container *container, struct run_spec **ret,
                     struct keg_err *err)
{
    if (faccessat(container->rundir_fd, STATE_CONFIG_FILE, F_OK, 0) == 0)
        return run_spec_read(container->rundir_fd, STATE_CONFIG_FILE, ret, NULL, err);
    struct run_spec *spec = run_spec_new();
    if (!spec)
        return keg_fail(err, -ENOMEM, "out of memory");
    *ret = spec;
    return run_spec_defaults(spec, err);
}

static bool holds_none(const struct run_capabilities *sets)
{
    return !(sets->bounding | sets->effective | sets->inheritable | sets->permitted |
             sets->ambient);
}

/* What ${process} leaves open is as it is for the container's own process, and never less
 * confined. */
static struct run_process merge(const struct run_process *process, const struct run_process *own)
{
    struct run_process merged = *process;
    if (!merged.cwd)
        merged.cwd = own->cwd;
    if (!process->capabilities_set && holds_none(&process->capabilities))
        merged.capabilities = own->capabilities;
    if (merged.user.umask == (mode_t)-1)
        merged.user.umask = own->user.umask;
    if (merged.rlimits_count == 0) {
        merged.rlimits = own->rlimits;
        merged.rlimits_count = own->rlimits_count;
    }
    if (!merged.oom_score_adj_set) {
        merged.oom_score_adj_set = own->oom_score_adj_set;
        merged.oom_score_adj = own->oom_score_adj;
    }
    if (!merged.apparmor_profile)
        merged.apparmor_profile = own->apparmor_profile;
    if (!merged.selinux_label)
        merged.selinux_label = own->selinux_label;
    if (!merged.scheduler.set)
        merged.scheduler = own->scheduler;
    if (!merged.io_priority.set)
        merged.io_priority = own->io_priority;
    if (!merged.cpu_affinity_initial && !merged.cpu_affinity_final) {
        merged.cpu_affinity_initial = own->cpu_affinity_initial;
        merged.cpu_affinity_final = own->cpu_affinity_final;
    }
    merged.no_new_privileges |= own->no_new_privileges;
    return merged;
}

static int check_process(const struct run_process *process, struct keg_err *err)
{
    if (!process->args || !process->args[0])
        return keg_fail(err, -EINVAL, "no program to run");
    if (!process->cwd)
        return keg_fail(err, -EINVAL, "no working folder");
    return labels_check(process, err);
}

/* ---- namespaces */

static const char *const namespace_names[RUN_NS_COUNT] = {
    [RUN_NS_PID] = "pid",   [RUN_NS_NETWORK] = "net", [RUN_NS_MOUNT] = "mnt",
    [RUN_NS_IPC] = "ipc",   [RUN_NS_UTS] = "uts",     [RUN_NS_CGROUP] = "cgroup",
    [RUN_NS_USER] = "user", [RUN_NS_TIME] = "time",
};

/* *ret_fd stays -1 where it is this process's own, or where the kernel has none of the kind. */
static int open_namespace(pid_t pid, const char *name, int *ret_fd, struct keg_err *err)
{
    char path[64];
    struct stat own, theirs;
    (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    if (stat(path, &own) < 0)
        return errno == ENOENT ? 0 : keg_fail_errno(err, "namespace '%s'", path);
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0 || fstat(fd, &theirs) < 0)
        return keg_fail(err, fd < 0 ? fd : -errno, "namespace '%s': %s", path,
                        keg_errno_text(fd < 0 ? fd : errno));
    if (theirs.st_ino != own.st_ino || theirs.st_dev != own.st_dev)
        *ret_fd = TAKE_FD(fd);
    return 0;
}

static int open_namespaces(const struct run_container *container, struct join *join,
                           struct keg_err *err)
{
    struct pollfd end = {.fd = container->pidfd, .events = POLLIN};
    for (size_t i = 0; i < RUN_NS_COUNT; i++) {
        struct run_namespace *namespace = &join->spec.namespaces[i];
        int *fd = &join->launch.namespace_fds[i];
        int r = open_namespace(container->pid, namespace_names[i], fd, err);
        if (r < 0)
            return r;
        *namespace = (struct run_namespace){.wanted = *fd >= 0};
    }
    join->launch.between = join->launch.namespace_fds[RUN_NS_USER] >= 0;
    /* Another may have its number by now, and these are that one's. */
    if (poll(&end, 1, 0) != 0)
        return keg_fail(err, -EBUSY, "the container has ended");
    return 0;
}

/* ---- cgroup */

static int open_cgroup(const struct run_container *container, const char *below, struct join *join,
                       struct keg_err *err)
{
    struct cgroup_layout layout;
    if (!container->state.cgroups)
        return 0;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    int r = cgroup_open(&layout, container->id, container->state.cgroups, container->state.scope,
                        &join->cgroup, err);
    if (r == 0 && below && join->cgroup)
        r = cgroup_descend(join->cgroup, below, err);
    if (r < 0 || !join->cgroup)
        return r;
    r = cgroup_attach_fds(join->cgroup);
    return r < 0 ? keg_fail(err, r, "open the container's cgroup: %s", keg_errno_text(r)) : 0;
}

/* What the container's own process was put into. */
static int open_rdt_group(const struct run_container *container, struct join *join,
                          struct keg_err *err)
{
    if (!container->state.rdt.name)
        return 0;
    _cleanup_fd_ int root_fd = intel_rdt_open(err);
    if (root_fd < 0)
        return root_fd;
    join->launch.rdt_fd = intel_rdt_tasks(root_fd, container->state.rdt.name, err);
    return join->launch.rdt_fd < 0 ? join->launch.rdt_fd : 0;
}

/* ---- all */

static int prepare(const struct run_container *container, const struct run_process *process,
                   const struct run_exec_options *options, struct join *join, struct keg_err *err)
{
    launch_init(&join->launch, &join->spec, &join->options);
    join->launch.joins = true;
    join->launch.state = &container->state;
    join->options = (struct run_options){
        .id = container->id,
        .rundir_fd = container->rundir_fd,
        .rootfs_fd = -1,
        .stdio_fds = {options->stdio_fds[0], options->stdio_fds[1], options->stdio_fds[2]},
        .die_with_parent = options->die_with_parent,
        .preserve_fds = options->preserve_fds,
        .no_new_keyring = container->state.callers_keyring,
    };
    int r = read_spec(container, &join->container, err);
    if (r < 0)
        return r;
    join->spec = *join->container;
    join->spec.process = merge(process, &join->container->process);
    r = check_process(&join->spec.process, err);
    if (r == 0)
        r = launch_check_preserved(options->preserve_fds, err);
    if (r == 0)
        r = open_namespaces(container, join, err);
    if (r == 0)
        r = open_cgroup(container, options->cgroup, join, err);
    if (r == 0)
        r = open_rdt_group(container, join, err);
    join->launch.cgroup = join->cgroup;
    join->launch.state = &container->state;
    return r == 0 ? launch_confine(&join->launch, err) : r;
}

/* The end of the channel is the success of execve. */
static int await_execution(struct run_container *process, const struct launch *launch,
                           struct keg_err *err)
{
    for (;;) {
        struct channel_message message;
        int r = channel_receive(process->channel_fd, &message);
        if (r == 0)
            break;
        if (r < 0)
            return keg_fail(err, r, "hear from the child: %s", keg_errno_text(r));
        r = message.kind == CHANNEL_CHILD ? container_adopt(process, launch, &message, err)
                                          : container_attend(process, launch, &message, err);
        if (r < 0)
            return r;
    }
    keg_cleanup_fd(&process->channel_fd);
    process->channel_fd = -1;
    return 0;
}

static int bring_up(struct run_container *process, struct launch *launch, struct keg_err *err)
{
    int ends[2];
    int r = channel_open(ends);
    if (r < 0)
        return keg_fail(err, r, "socket pair: %s", keg_errno_text(r));
    process->channel_fd = ends[0];
    pid_t pid = launch_clone(launch, ends, &process->pidfd, err);
    (void)close(ends[1]);
    if (pid < 0)
        return pid;
    process->pid = process->last_pid = pid;
    return await_execution(process, launch, err);
}

static int check_status(const struct run_container *container, bool ignore_paused,
                        struct keg_err *err)
{
    enum run_status status = run_status(container);
    if (status == RUN_CREATED || status == RUN_RUNNING)
        return 0;
    if (status == RUN_PAUSED && ignore_paused)
        return 0;
    return keg_fail(err, -EBUSY, "the container is %s", run_status_name(status));
}

int run_exec(struct run_container *container, const struct run_process *process,
             const struct run_exec_options *options, struct run_container **ret,
             struct keg_err *err)
{
    struct join join = {.container = NULL};
    int r = check_status(container, options->ignore_paused, err);
    if (r < 0)
        return r;
    struct run_container *made = container_new(container->id, container->rundir_fd);
    if (!made)
        return keg_fail(err, -ENOMEM, "out of memory");
    made->is_child = made->is_process = true;
    r = prepare(container, process, options, &join, err);
    if (r == 0)
        r = bring_up(made, &join.launch, err);
    join_done(&join);
    if (r < 0) {
        (void)run_destroy(made, NULL);
        return r;
    }
    *ret = made;
    return 0;
}
