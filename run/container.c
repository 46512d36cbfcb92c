/* SPDX-License-Identifier: Apache-2.0 */
/* A container's life from its start to its end, in the process that made it or another. */
#include "run/run.h"

#include "run/channel.h"
#include "run/container_internal.h"
#include "run/gate.h"
#include "run/hooks.h"
#include "run/network_user.h"
#include "run/seccomp_listener.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* How long a killed pid 1 may take before its cgroup is looked at: a frozen one never dies. */
#define KILL_TIMEOUT_MS 2000

struct run_container *container_new(const char *id, int rundir_fd)
{
    struct run_container *container = calloc(1, sizeof(*container));
    if (!container)
        return NULL;
    *container = (struct run_container){.pidfd = -1, .channel_fd = -1, .console_fd = -1};
    container->rundir_fd = fcntl(rundir_fd, F_DUPFD_CLOEXEC, 3);
    container->id = keg_strdup(id);
    if (container->id && container->rundir_fd >= 0)
        return container;
    run_close(container);
    return NULL;
}

void run_close(struct run_container *container)
{
    if (!container)
        return;
    keg_cleanup_fd(&container->pidfd);
    keg_cleanup_fd(&container->channel_fd);
    keg_cleanup_fd(&container->console_fd);
    keg_cleanup_fd(&container->rundir_fd);
    cgroup_free(container->cgroup);
    state_done(&container->state);
    free(container->id);
    free(container->network_complaint);
    free(container);
}

int container_reap(struct run_container *container)
{
    if (container->pid == 0 || !container->is_child)
        return 0;
    int r = keg_wait_child(container->pid, &container->status);
    container->pid = 0;
    return r;
}

int container_write_state(struct run_container *container, enum run_status status,
                          struct keg_err *err)
{
    container->state.status = status;
    return state_write(container->rundir_fd, &container->state, err);
}

int container_run_hooks(const struct run_container *container, enum run_hook_kind kind,
                        enum run_status status, struct keg_err *err)
{
    struct run_spec *spec;
    if (!container->state.has_hooks)
        return 0;
    int r = run_spec_read(container->rundir_fd, STATE_CONFIG_FILE, &spec, NULL, err);
    if (r < 0)
        return r;
    pid_t pid = status == RUN_STOPPED ? 0 : container->last_pid;
    _cleanup_free_ char *text = state_text(&container->state, status, pid);
    r = text ? hooks_run_all(&spec->hooks[kind], kind, text, err)
             : keg_fail(err, -ENOMEM, "out of memory");
    run_spec_free(spec);
    return r;
}

/* ---- start */

static int open_channel(struct run_container *container, struct keg_err *err)
{
    if (container->channel_fd >= 0)
        return 0;
    container->channel_fd = gate_connect(container->rundir_fd);
    if (container->channel_fd >= 0)
        return 0;
    enum run_status status = run_status(container);
    if (status == RUN_STOPPED)
        return keg_fail(err, -ESRCH, "it has ended before it was started");
    return keg_fail(err, -EBUSY, "it is %s, not created", run_status_name(status));
}

int container_send_listener(const struct run_container *container, const struct state *state,
                            int fd, struct keg_err *err)
{
    _cleanup_fd_ int listener = fd;
    const struct seccomp_agent agent = {state->seccomp_agent, state->seccomp_metadata};
    _cleanup_free_ char *text = state_text(state, state->status, state->pid);
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (!agent.path)
        return keg_fail(err, -EPROTO, "seccomp: a listener and no agent");
    return seccomp_listener_send(&agent, text, container->last_pid, listener, err);
}

/* Without its agent every call that it is to answer would wait for ever. */
static int pass_listener(struct run_container *container, int fd, struct keg_err *err)
{
    int r = container_send_listener(container, &container->state, fd, err);
    if (r < 0) {
        (void)run_kill(container, SIGKILL, NULL);
        (void)container_reap(container);
    }
    return r;
}

/* The end of the channel is the success of execve. */
static int await_execution(struct run_container *container, struct keg_err *err)
{
    struct channel_message message;
    int r = channel_receive(container->channel_fd, &message);
    if (r > 0 && message.kind == CHANNEL_SECCOMP) {
        r = pass_listener(container, message.fd, err);
        if (r < 0)
            return r;
        r = channel_receive(container->channel_fd, &message);
    }
    keg_cleanup_fd(&container->channel_fd);
    container->channel_fd = -1;
    if (r == 0)
        return 0;
    if (r < 0)
        return keg_fail(err, r, "hear from the child: %s", keg_errno_text(r));
    (void)container_reap(container);
    if (message.kind != CHANNEL_FAILED)
        return keg_fail(err, -EPROTO, "the child said %d", (int)message.kind);
    return keg_fail(err, message.err.code, "%s", message.err.text);
}

int run_start(struct run_container *container, struct keg_err *err)
{
    int r = open_channel(container, err);
    if (r < 0)
        return r;
    r = channel_send(container->channel_fd, CHANNEL_START);
    if (r < 0)
        return keg_fail(err, r, "start: %s", keg_errno_text(r));
    r = await_execution(container, err);
    if (r < 0)
        return r;
    if (unlinkat(container->rundir_fd, GATE_FILE, 0) < 0 && errno != ENOENT)
        return keg_fail_errno(err, "remove the socket to start by");
    /* For those who look; nothing of the container waits for it. */
    (void)container_write_state(container, RUN_RUNNING, NULL);
    return container_run_hooks(container, RUN_HOOK_POSTSTART, RUN_RUNNING, err) < 0 ? 1 : 0;
}

/* ---- its life */

const char *run_network_complaint(const struct run_container *container)
{
    return container->network_complaint;
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

static bool has_ended(int pidfd, int timeout_ms)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    int n;
    do
        n = poll(&end, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static int send_signal(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

/* A frozen process dies when it is thawed, and its pid namespace cannot end before. */
static void thaw(struct run_container *container)
{
    if (container->cgroup && !container->is_process && cgroup_is_frozen(container->cgroup))
        (void)cgroup_freeze(container->cgroup, false, NULL);
}

/* A zombie, whom its parent has not looked at, takes any signal. */
int run_kill(struct run_container *container, int signal, struct keg_err *err)
{
    bool lives = container->pid > 0 && !has_ended(container->pidfd, 0);
    int r = lives ? send_signal(container->pidfd, signal) : -ESRCH;
    if (r == 0 && signal == SIGKILL)
        thaw(container);
    return r < 0 ? keg_fail(err, r, "signal %d: %s", signal, keg_errno_text(r)) : 0;
}

int run_wait(struct run_container *container, struct run_exit *ret, struct keg_err *err)
{
    struct cgroup_events events = {0};
    if (container->pid > 0 && !container->is_child)
        (void)has_ended(container->pidfd, -1);
    int r = container_reap(container);
    if (r < 0)
        return keg_fail(err, r, "wait for the container: %s", keg_errno_text(r));
    if (container->cgroup)
        cgroup_events_read(container->cgroup, &events);
    *ret = (struct run_exit){
        .status = container->status,
        .oom_killed = events.oom_kills > 0,
        .memory_peak_bytes = events.memory_peak_bytes,
        .pids_denied = events.pids_denied,
    };
    return 0;
}

/* ---- its end */

static void end_process(struct run_container *container)
{
    if (container->pid <= 0)
        return;
    (void)send_signal(container->pidfd, SIGKILL);
    if (has_ended(container->pidfd, KILL_TIMEOUT_MS))
        (void)container_reap(container);
}

static int remove_files(const struct run_container *container, struct keg_err *err)
{
    static const char *const files[] = {GATE_FILE, STATE_FILE};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(files); i++)
        if (unlinkat(container->rundir_fd, files[i], 0) < 0 && errno != ENOENT)
            return keg_fail_errno(err, "remove '%s'", files[i]);
    return 0;
}

static int destroy_container(struct run_container *container, struct keg_err *err)
{
    network_user_stop(&container->state);
    /* Thaws and kills what is left, so that the wait below ends. */
    int r = cgroup_destroy(TAKE_PTR(container->cgroup), err);
    (void)container_reap(container);
    if (r == 0)
        r = intel_rdt_release(&container->state.rdt, err);
    if (r == 0)
        r = remove_files(container, err);
    if (r < 0 || container->is_abandoned)
        return r;
    return container_run_hooks(container, RUN_HOOK_POSTSTOP, RUN_STOPPED, err) < 0 ? 1 : 0;
}

int run_destroy(struct run_container *container, struct keg_err *err)
{
    if (!container)
        return 0;
    end_process(container);
    int r = container->is_process ? container_reap(container) : destroy_container(container, err);
    run_close(container);
    return r;
}
