/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: a container from creation to removal. */
#include "run/channel.h"
#include "run/container_internal.h"
#include "run/launch.h"
#include "run/network.h"
#include "run/state.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* How long a killed pid 1 may take before its cgroup is looked at: a frozen one never dies. */
#define KILL_TIMEOUT_MS 2000

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void container_free(struct run_container *container)
{
    close_fd(&container->pidfd);
    close_fd(&container->channel_fd);
    close_fd(&container->console_fd);
    close_fd(&container->rundir_fd);
    free(container->id);
    free(container);
}

static struct run_container *container_new(const struct run_options *options)
{
    struct run_container *container = calloc(1, sizeof(*container));
    if (!container)
        return NULL;
    *container = (struct run_container){.pidfd = -1, .channel_fd = -1, .console_fd = -1};
    container->state.address = options->network ? options->address : (struct in_addr){0};
    container->rundir_fd = fcntl(options->rundir_fd, F_DUPFD_CLOEXEC, 3);
    container->id = keg_strdup(options->id);
    if (container->id)
        return container;
    container_free(container);
    return NULL;
}

/* ---- create */

static int make_cgroup(const struct launch *launch, struct run_container *container,
                       struct keg_err *err)
{
    struct cgroup_layout layout;
    struct cgroup_plan plan;
    struct run_resources resources = launch->spec->resources;
    const struct cgroup_where where = {.id = launch->options->id};
    cgroup_layout_detect(&layout);
    if (launch->options->pids_default && !(layout.controllers & (1u << CGROUP_PIDS)))
        resources.pids_limit = 0;
    int r = cgroup_plan_make(&layout, &resources, launch->options->swap_default, &plan, err);
    if (r < 0)
        return r;
    r = cgroup_create(&layout, &where, &plan, &container->cgroup, err);
    cgroup_plan_done(&plan);
    return r;
}

static int clone_child(struct launch *launch, struct run_container *container, struct keg_err *err)
{
    int ends[2];
    int r = channel_open(ends);
    if (r < 0)
        return keg_fail(err, r, "socket pair: %s", keg_errno_text(r));
    container->channel_fd = ends[0];
    launch->cgroup = container->cgroup;
    pid_t pid = launch_clone(launch, ends, &container->pidfd, err);
    (void)close(ends[1]);
    if (pid < 0)
        return pid;
    container->pid = container->last_pid = pid;
    return 0;
}

static int reap(struct run_container *container)
{
    if (container->pid == 0)
        return 0;
    int r = keg_wait_child(container->pid, &container->status);
    container->pid = 0;
    return r;
}

static int fail_silent_end(struct run_container *container, struct keg_err *err)
{
    (void)reap(container);
    if (WIFSIGNALED(container->status))
        return keg_fail(err, -ECHILD, "the container's first process was killed by signal %d%s",
                        WTERMSIG(container->status),
                        WTERMSIG(container->status) == SIGKILL ? " (is its memory limit too low?)"
                                                               : "");
    return keg_fail(err, -ECHILD, "the container's first process ended before it was started");
}

/* Take what the child says until it says ${kind}. */
static int await(struct run_container *container, enum channel_kind kind, struct keg_err *err)
{
    struct channel_message message;
    for (;;) {
        int r = channel_receive(container->channel_fd, &message);
        if (r < 0)
            return keg_fail(err, r, "hear from the child: %s", keg_errno_text(r));
        if (r == 0)
            return fail_silent_end(container, err);
        if (message.kind == CHANNEL_FAILED)
            return keg_fail(err, message.err.code, "%s", message.err.text);
        if (message.kind == CHANNEL_CONSOLE)
            container->console_fd = message.fd;
        else if (message.kind == kind)
            return 0;
        else
            return keg_fail(err, -EPROTO, "the child said %d", (int)message.kind);
    }
}

static int write_state(const struct run_container *container, const char *status,
                       struct keg_err *err)
{
    const struct state state = {
        .id = container->id,
        .status = status,
        .pid = container->last_pid,
        .pid_start_ticks = container->state.pid_start_ticks,
        .cgroups = cgroup_paths(container->cgroup),
        .address = container->state.address,
    };
    return state_write(container->rundir_fd, &state, err);
}

static int record(struct run_container *container, struct keg_err *err)
{
    int r = keg_pid_start_time(container->pid, &container->state.pid_start_ticks);
    if (r < 0)
        return keg_fail(err, r, "start time of the child: %s", keg_errno_text(r));
    return write_state(container, "created", err);
}

static bool wants_network(const struct launch *launch)
{
    const struct run_namespace *network = &launch->spec->namespaces[RUN_NS_NETWORK];
    return launch->options->network && network->wanted && !network->path;
}

/* The bridge is seen to while the child makes its namespace, the veth pair while it mounts. */
static int attach_network(struct run_container *container, const struct launch *launch,
                          struct keg_err *err)
{
    struct network_bridge bridge;
    if (!wants_network(launch))
        return 0;
    int r = network_ensure(launch->options->network, &bridge, err);
    if (r == 0)
        r = await(container, CHANNEL_NETNS, err);
    if (r < 0)
        return r;
    _cleanup_fd_ int netns = network_netns_fd(container->pidfd, container->pid);
    if (netns < 0)
        return keg_fail(err, netns, "network namespace: %s", keg_errno_text(netns));
    r = network_attach(&bridge, netns, container->id, container->state.address, err);
    if (r < 0)
        return r;
    r = channel_send(container->channel_fd, CHANNEL_NETWORK);
    /* EPIPE: the child has failed, and its words are waiting. */
    return r < 0 && r != -EPIPE ? keg_fail(err, r, "network: %s", keg_errno_text(r)) : 0;
}

static int bring_up(struct run_container *container, struct launch *launch, struct keg_err *err)
{
    int r = make_cgroup(launch, container, err);
    if (r == 0)
        r = clone_child(launch, container, err);
    if (r == 0)
        r = attach_network(container, launch, err);
    if (r == 0)
        r = record(container, err);
    if (r == 0)
        r = await(container, CHANNEL_READY, err);
    if (r == 0)
        cgroup_close_fds(container->cgroup);
    return r;
}

int run_create(const struct run_spec *spec, const struct run_options *options,
               struct run_container **ret, struct keg_err *err)
{
    struct launch launch;
    int r = launch_prepare(spec, options, &launch, err);
    struct run_container *container = r == 0 ? container_new(options) : NULL;
    if (r == 0 && !container)
        r = keg_fail(err, -ENOMEM, "out of memory");
    if (r == 0)
        r = bring_up(container, &launch, err);
    launch_done(&launch);
    if (r < 0) {
        (void)run_destroy(container, NULL);
        return r;
    }
    *ret = container;
    return 0;
}

/* ---- its life */

int run_start(struct run_container *container, struct keg_err *err)
{
    struct channel_message message;
    int r = channel_send(container->channel_fd, CHANNEL_START);
    if (r < 0)
        return keg_fail(err, r, "start: %s", keg_errno_text(r));
    r = channel_receive(container->channel_fd, &message);
    close_fd(&container->channel_fd);
    if (r == 0) {
        /* For those who look; nothing of the container waits for it. */
        (void)write_state(container, "running", NULL);
        return 0;
    }
    if (r < 0)
        return keg_fail(err, r, "hear from the child: %s", keg_errno_text(r));
    (void)reap(container);
    if (message.kind != CHANNEL_FAILED)
        return keg_fail(err, -EPROTO, "the child said %d", (int)message.kind);
    return keg_fail(err, message.err.code, "%s", message.err.text);
}

pid_t run_pid(const struct run_container *container)
{
    return container->last_pid;
}

int run_pidfd(const struct run_container *container)
{
    return container->pidfd;
}

int run_console_fd(const struct run_container *container)
{
    return container->console_fd;
}

static int send_signal(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int run_kill(struct run_container *container, int signal, struct keg_err *err)
{
    int r = container->pid > 0 ? send_signal(container->pidfd, signal) : -ESRCH;
    return r < 0 ? keg_fail(err, r, "signal %d: %s", signal, keg_errno_text(r)) : 0;
}

int run_wait(struct run_container *container, struct run_exit *ret, struct keg_err *err)
{
    struct cgroup_events events;
    int r = reap(container);
    if (r < 0)
        return keg_fail(err, r, "wait for the container: %s", keg_errno_text(r));
    cgroup_events_read(container->cgroup, &events);
    *ret = (struct run_exit){
        .status = container->status,
        .oom_killed = events.oom_kills > 0,
        .memory_peak_bytes = events.memory_peak_bytes,
        .pids_denied = events.pids_denied,
    };
    return 0;
}

static bool has_ended(int pidfd, int timeout_ms)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    return poll(&end, 1, timeout_ms) > 0;
}

int run_destroy(struct run_container *container, struct keg_err *err)
{
    if (!container)
        return 0;
    if (container->pid > 0) {
        (void)send_signal(container->pidfd, SIGKILL);
        if (has_ended(container->pidfd, KILL_TIMEOUT_MS))
            (void)reap(container);
    }
    /* Thaws and kills what is left, so that the wait below ends. */
    int r = cgroup_destroy(TAKE_PTR(container->cgroup), err);
    (void)reap(container);
    if (unlinkat(container->rundir_fd, STATE_FILE, 0) < 0 && errno != ENOENT && r == 0)
        r = keg_fail_errno(err, "remove '" STATE_FILE "'");
    container_free(container);
    return r;
}
