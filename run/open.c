/* SPDX-License-Identifier: Apache-2.0 */
/* A container that another process made: found by its state, and looked at. */
#include "run/run.h"

#include "run/container_internal.h"
#include "run/gate.h"

#include <poll.h>

static bool is_alive(const struct run_container *container)
{
    struct pollfd end = {.fd = container->pidfd, .events = POLLIN};
    return container->pid > 0 && container->pidfd >= 0 && poll(&end, 1, 0) == 0;
}

/* Between its start and the writing of its state its keg may have died: the gate knows. */
static bool waits_at_gate(const struct run_container *container)
{
    return container->channel_fd >= 0 || gate_is_kept(container->rundir_fd);
}

enum run_status run_status(const struct run_container *container)
{
    bool no_process_yet = container->state.status == RUN_CREATING && container->state.pid == 0;
    if (!no_process_yet && !is_alive(container))
        return RUN_STOPPED;
    if (container->state.status == RUN_CREATING)
        return RUN_CREATING;
    /* Before all else: a frozen one cannot be started. */
    if (container->cgroup && cgroup_is_frozen(container->cgroup))
        return RUN_PAUSED;
    bool created = container->state.status == RUN_CREATED && waits_at_gate(container);
    return created ? RUN_CREATED : RUN_RUNNING;
}

static int open_cgroup(struct run_container *container, struct keg_err *err)
{
    struct cgroup_layout layout;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    return cgroup_open(&layout, container->id, container->state.cgroups, container->state.scope,
                       &container->cgroup, err);
}

static int open_parts(struct run_container *container, struct keg_err *err)
{
    int r = state_read(container->rundir_fd, &container->state, err);
    if (r < 0)
        return r;
    container->last_pid = container->state.pid;
    int pidfd = state_open_process(&container->state);
    if (pidfd < 0 && pidfd != -ESRCH)
        return keg_fail(err, pidfd, "open process %d: %s", (int)container->state.pid,
                        keg_errno_text(pidfd));
    container->pidfd = pidfd < 0 ? -1 : pidfd;
    container->pid = pidfd < 0 ? 0 : container->state.pid;
    return open_cgroup(container, err);
}

int run_open(int rundir_fd, const char *id, struct run_container **ret, struct keg_err *err)
{
    struct run_container *container = container_new(id, rundir_fd);
    if (!container)
        return keg_fail(err, -ENOMEM, "out of memory");
    int r = open_parts(container, err);
    if (r < 0) {
        run_close(container);
        return r;
    }
    *ret = container;
    return 0;
}

int run_state_write(const struct run_container *container, struct keg_buf *ret, struct keg_err *err)
{
    enum run_status status = run_status(container);
    pid_t pid = status == RUN_STOPPED ? 0 : container->last_pid;
    _cleanup_free_ char *text = state_text(&container->state, status, pid);
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    keg_buf_str(ret, text);
    return keg_buf_ok(ret, err, "state");
}

int run_state_pid(int rundir_fd, pid_t *ret)
{
    struct state state;
    struct keg_err err = KEG_ERR_INIT;
    int r = state_read(rundir_fd, &state, &err);
    if (r < 0)
        return r;
    pid_t pid = state.pid;
    _cleanup_fd_ int pidfd = state_open_process(&state);
    state_done(&state);
    if (pidfd < 0)
        return pidfd;
    *ret = pid;
    return 0;
}
