/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: a container from its spec to the moment before its program. */
#include "run/run.h"

#include "run/attributes.h"
#include "run/channel.h"
#include "run/container_internal.h"
#include "run/gate.h"
#include "run/hooks.h"
#include "run/id_map.h"
#include "run/launch_mounts.h"
#include "run/network.h"
#include "run/network_user.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- cgroup */

/* What of the limits nobody asked for, or needs. */
static unsigned plan_flags(const struct launch *launch)
{
    const struct run_options *options = launch->options;
    bool makes_nodes = launch->initial_user_namespace && !launch->between &&
                       launch->capabilities.bounding & (1ull << CAP_MKNOD);
    return (options->swap_default ? CGROUP_PLAN_SWAP_DEFAULT : 0u) |
           (options->pids_default ? CGROUP_PLAN_PIDS_DEFAULT : 0u) |
           (makes_nodes ? 0u : CGROUP_PLAN_DEVICES_OPTIONAL);
}

static int plan_cgroup(const struct launch *launch, struct cgroup_layout *layout,
                       struct cgroup_plan *plan, struct keg_err *err)
{
    const struct run_resources *resources = &launch->spec->resources;
    bool all = launch->options->all_controllers;
    cgroup_layout_detect(cgroup_controllers_wanted(resources, all), layout);
    return cgroup_plan_make(layout, resources, plan_flags(launch), plan, err);
}

static int keep_cgroup(struct run_container *container, struct keg_err *err)
{
    struct state *state = &container->state;
    keg_strv_free(state->cgroups);
    state->cgroups = keg_strv_copy(cgroup_paths(container->cgroup));
    return state->cgroups ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int make_cgroup(const struct launch *launch, struct run_container *container,
                       struct keg_err *err)
{
    struct cgroup_layout layout;
    struct cgroup_plan plan;
    const struct cgroup_where where = {
        .id = launch->options->id,
        .path = launch->spec->cgroups_path,
        .manager = launch->options->cgroup_manager,
        .all_controllers = launch->options->all_controllers,
        .annotations = launch->spec->annotations,
    };
    int r = plan_cgroup(launch, &layout, &plan, err);
    if (r < 0)
        return r;
    r = cgroup_create(&layout, &where, &plan, &container->cgroup, err);
    cgroup_plan_done(&plan);
    return r < 0 ? r : keep_cgroup(container, err);
}

static int make_rdt_group(struct launch *launch, struct run_container *container,
                          struct keg_err *err)
{
    struct intel_rdt_group *group = &container->state.rdt;
    if (!launch->spec->intel_rdt.set)
        return 0;
    _cleanup_fd_ int root_fd = intel_rdt_open(err);
    if (root_fd < 0)
        return root_fd;
    int r = intel_rdt_create(root_fd, container->id, &launch->spec->intel_rdt, group, err);
    if (r == 0)
        r = launch->rdt_fd = intel_rdt_tasks(root_fd, group->name, err);
    return r < 0 ? r : 0;
}

/* ---- child */

static int clone_child(struct launch *launch, struct run_container *container, struct keg_err *err)
{
    int ends[2];
    if (launch->options->detached)
        launch->gate_fd = gate_open(container->rundir_fd);
    if (launch->options->detached && launch->gate_fd < 0)
        return keg_fail(err, launch->gate_fd, "make the socket to start by: %s",
                        keg_errno_text(launch->gate_fd));
    int r = channel_open(ends);
    if (r < 0)
        return keg_fail(err, r, "socket pair: %s", keg_errno_text(r));
    container->channel_fd = ends[0];
    launch->cgroup = container->cgroup;
    launch->state = &container->state;
    pid_t pid = launch_clone(launch, ends, &container->pidfd, err);
    (void)close(ends[1]);
    if (pid < 0)
        return pid;
    container->is_child = true;
    container->pid = container->last_pid = pid;
    return 0;
}

static int fail_silent_end(struct run_container *container, struct keg_err *err)
{
    (void)container_reap(container);
    if (WIFSIGNALED(container->status))
        return keg_fail(err, -ECHILD, "the container's first process was killed by signal %d%s",
                        WTERMSIG(container->status),
                        WTERMSIG(container->status) == SIGKILL ? " (is its memory limit too low?)"
                                                               : "");
    return keg_fail(err, -ECHILD, "the container's first process ended before it was started");
}

static int answer(const struct run_container *container, enum channel_kind kind,
                  struct keg_err *err)
{
    int r = channel_send(container->channel_fd, kind);
    /* EPIPE: the child has failed, and its words are waiting. */
    return r < 0 && r != -EPIPE ? keg_fail(err, r, "answer the child: %s", keg_errno_text(r)) : 0;
}

static int write_id_maps(const struct run_container *container, const struct run_spec *spec,
                         struct keg_err *err)
{
    int r = id_map_write(container->pid, &spec->uid_maps, &spec->gid_maps, err);
    return r < 0 ? keg_wrap(err, "user namespace") : answer(container, CHANNEL_MAPPED, err);
}

/* systemd makes a scope for a process that exists; it waits meanwhile. */
static int enter_scope(struct run_container *container, const struct launch *launch,
                       struct keg_err *err)
{
    struct cgroup_layout layout;
    struct cgroup_plan plan;
    if (!cgroup_needs_pid(container->cgroup))
        return 0;
    int r = plan_cgroup(launch, &layout, &plan, err);
    if (r < 0)
        return r;
    r = cgroup_enter_scope(container->cgroup, &layout, container->pid, &plan, err);
    cgroup_plan_done(&plan);
    if (r == 0)
        r = keep_cgroup(container, err);
    if (r < 0)
        return r;
    container->state.scope = keg_strdup(cgroup_scope(container->cgroup));
    return container->state.scope ? answer(container, CHANNEL_SCOPE, err)
                                  : keg_fail(err, -ENOMEM, "out of memory");
}

/* The process between is done: from here on its sibling is the container. */
int container_adopt(struct run_container *container, const struct launch *launch,
                    const struct channel_message *message, struct keg_err *err)
{
    (void)container_reap(container);
    keg_cleanup_fd(&container->pidfd);
    container->pid = container->last_pid = message->pid;
    container->pidfd = message->fd;
    int r = attributes_favour(message->pid, &launch->spec->process, err);
    return r < 0 ? r : answer(container, CHANNEL_ADOPTED, err);
}

static int run_early_hooks(const struct run_container *container, const struct run_spec *spec,
                           struct keg_err *err)
{
    _cleanup_free_ char *text = state_text(&container->state, RUN_CREATING, container->pid);
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    int r = hooks_run(&spec->hooks[RUN_HOOK_PRESTART], RUN_HOOK_PRESTART, text, err);
    if (r == 0)
        r = hooks_run(&spec->hooks[RUN_HOOK_CREATE_RUNTIME], RUN_HOOK_CREATE_RUNTIME, text, err);
    return r == 0 ? answer(container, CHANNEL_HOOKED, err) : r;
}

int container_attend(struct run_container *container, const struct launch *launch,
                     struct channel_message *message, struct keg_err *err)
{
    switch ((int)message->kind) {
    case CHANNEL_FAILED:
        return keg_fail(err, message->err.code, "%s", message->err.text);
    case CHANNEL_USERNS:
        return write_id_maps(container, launch->spec, err);
    case CHANNEL_CONSOLE:
        container->console_fd = message->fd;
        return 0;
    case CHANNEL_SECCOMP:
        return container_send_listener(container, launch->state, message->fd, err);
    case CHANNEL_MOUNTED:
        return run_early_hooks(container, launch->spec, err);
    default:
        if (message->fd >= 0)
            (void)close(message->fd);
        return keg_fail(err, -EPROTO, "the child said %d", (int)message->kind);
    }
}

/* Take what the child says until it says ${kind}. */
static int await(struct run_container *container, const struct launch *launch,
                 enum channel_kind kind, struct channel_message *ret, struct keg_err *err)
{
    for (;;) {
        int r = channel_receive(container->channel_fd, ret);
        if (r < 0)
            return keg_fail(err, r, "hear from the child: %s", keg_errno_text(r));
        if (r == 0)
            return fail_silent_end(container, err);
        if (ret->kind == kind)
            return 0;
        r = container_attend(container, launch, ret, err);
        if (r < 0)
            return r;
    }
}

static int meet_child(struct run_container *container, const struct launch *launch,
                      struct keg_err *err)
{
    struct channel_message message;
    if (!launch->between)
        return 0;
    int r = await(container, launch, CHANNEL_CHILD, &message, err);
    return r == 0 ? container_adopt(container, launch, &message, err) : r;
}

/* ---- state */

/* A container of this process alone is created as soon as it can be: nobody else may start it. */
static int record(struct run_container *container, const struct run_options *options,
                  struct keg_err *err)
{
    container->state.pid = container->pid;
    int r = keg_pid_start_time(container->pid, &container->state.pid_start_ticks);
    if (r < 0)
        return keg_fail(err, r, "start time of the child: %s", keg_errno_text(r));
    return container_write_state(container, options->detached ? RUN_CREATING : RUN_CREATED, err);
}

/* ---- network */

static bool wants_network(const struct launch *launch)
{
    const struct run_namespace *network = &launch->spec->namespaces[RUN_NS_NETWORK];
    bool any = launch->options->network || launch->options->network_user;
    return any && network->wanted && !network->path;
}

/* What keeps the program from starting is told, and the container goes without: offline, neither
 * can find a way out. */
static int attach_network_user(struct run_container *container, const struct launch *launch,
                               struct keg_err *err)
{
    struct channel_message message;
    struct keg_err cause = KEG_ERR_INIT;
    pid_t pid;
    int r = await(container, launch, CHANNEL_NETNS_FD, &message, err);
    if (r < 0)
        return r;
    r = network_user_start(launch->options->network_user, message.fd, &pid, &cause);
    (void)close(message.fd);
    if (r == 0) {
        container->state.network_pid = pid;
        r = keg_pid_start_time(pid, &container->state.network_pid_start_ticks);
    } else {
        container->network_complaint = keg_strdup(cause.text);
        r = container->network_complaint ? 0 : -ENOMEM;
    }
    return r < 0 ? keg_fail(err, r, "network: %s", keg_errno_text(r))
                 : answer(container, CHANNEL_NETWORK, err);
}

/* The bridge is seen to while the child makes its namespace, the veth pair while it mounts. */
static int attach_network(struct run_container *container, const struct launch *launch,
                          struct keg_err *err)
{
    struct network_bridge bridge;
    struct channel_message message;
    if (!wants_network(launch))
        return 0;
    if (launch->options->network_user)
        return attach_network_user(container, launch, err);
    int r = network_ensure(launch->options->network, &bridge, err);
    if (r == 0)
        r = await(container, launch, CHANNEL_NETNS, &message, err);
    if (r < 0)
        return r;
    _cleanup_fd_ int netns = network_netns_fd(container->pidfd, container->pid);
    if (netns < 0)
        return keg_fail(err, netns, "network namespace: %s", keg_errno_text(netns));
    r = network_attach(&bridge, netns, container->id, container->state.address, err);
    return r < 0 ? r : answer(container, CHANNEL_NETWORK, err);
}

/* ---- all */

/* From here on it lives by itself, and whoever starts it comes to its gate. */
static int let_go(struct run_container *container, struct keg_err *err)
{
    keg_cleanup_fd(&container->channel_fd);
    container->channel_fd = -1;
    return container_write_state(container, RUN_CREATED, err);
}

static int bring_up(struct run_container *container, struct launch *launch, struct keg_err *err)
{
    struct channel_message message;
    int r = launch_open_sources(launch, err);
    if (r == 0)
        r = make_cgroup(launch, container, err);
    if (r == 0)
        r = make_rdt_group(launch, container, err);
    /* Before there is a process: whoever cleans up behind a killed create must find the folders. */
    if (r == 0 && launch->options->detached)
        r = container_write_state(container, RUN_CREATING, err);
    if (r == 0)
        r = clone_child(launch, container, err);
    if (r == 0)
        r = meet_child(container, launch, err);
    if (r == 0)
        r = enter_scope(container, launch, err);
    if (r == 0)
        r = attach_network(container, launch, err);
    if (r == 0)
        r = record(container, launch->options, err);
    if (r == 0)
        r = await(container, launch, CHANNEL_READY, &message, err);
    if (r == 0)
        cgroup_close_fds(container->cgroup);
    return r == 0 && launch->options->detached ? let_go(container, err) : r;
}

static int make_handle(const struct run_spec *spec, const struct run_options *options,
                       struct run_container **ret, struct keg_err *err)
{
    struct run_container *container = container_new(options->id, options->rundir_fd);
    if (!container)
        return keg_fail(err, -ENOMEM, "out of memory");
    *ret = container;
    int r = state_fill(spec, options, &container->state);
    return r < 0 ? keg_fail(err, r, "out of memory") : 0;
}

int run_create(const struct run_spec *spec, const struct run_options *options,
               struct run_container **ret, struct keg_err *err)
{
    struct launch launch;
    struct run_container *container = NULL;
    int r = launch_prepare(spec, options, &launch, err);
    if (r == 0)
        r = make_handle(spec, options, &container, err);
    if (r == 0)
        r = bring_up(container, &launch, err);
    launch_done(&launch);
    if (r < 0) {
        if (container)
            container->is_abandoned = true;
        (void)run_destroy(container, NULL);
        return r;
    }
    *ret = container;
    return 0;
}
