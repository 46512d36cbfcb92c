/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: the gate, and the last steps to execve. */
#include "run/child.h"

#include "run/channel.h"
#include "run/child_fds.h"
#include "run/gate.h"
#include "run/init.h"
#include "run/program.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* 0 to 2 are the container's, and those behind that the caller wants it to have. The channel and
 * the gate follow. */
#define FIRST_FD 3

/* Few processes have more fds open. */
#define FDS_MOST (1u << 20)

void child_close_fds_from(unsigned first)
{
    struct rlimit limit;
    if (syscall(SYS_close_range, first, ~0u, 0) == 0)
        return;
    /* Linux before 5.9. */
    unsigned end = FDS_MOST;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < end)
        end = (unsigned)limit.rlim_max;
    for (unsigned fd = first; fd < end; fd++)
        (void)close((int)fd);
}

/* One who connects and goes away again only wanted to know whether anybody waits here. */
static int await_start_at_gate(struct child *child, struct keg_err *err)
{
    struct channel_message message;
    (void)close(child->channel_fd);
    for (;;) {
        int fd = gate_accept(child->gate_fd);
        if (fd < 0)
            return keg_fail(err, fd, "accept: %s", keg_errno_text(fd));
        if (channel_receive(fd, &message) > 0 && message.kind == CHANNEL_START) {
            child->channel_fd = fd;
            (void)close(child->gate_fd);
            return 0;
        }
        (void)close(fd);
    }
}

/* The start may be far off, and engines look for what cannot be executed on creating. */
int child_check_program(struct child *child, struct keg_err *err)
{
    const struct run_process *process = &child->spec->process;
    return child->gate_fd >= 0 ? program_check(process->args, process->env, err) : 0;
}

int child_wait_for_start(struct child *child, struct keg_err *err)
{
    struct channel_message message;
    int r = channel_send(child->channel_fd, CHANNEL_READY);
    if (r == 0 && child->gate_fd >= 0)
        return await_start_at_gate(child, err);
    if (r == 0)
        r = channel_receive(child->channel_fd, &message);
    if (r <= 0 || message.kind != CHANNEL_START)
        return keg_fail(err, -EPIPE, "the parent is gone");
    return 0;
}

static int move_fd(int *fd, int place, struct keg_err *err)
{
    if (*fd < 0 || *fd == place)
        return 0;
    if (dup3(*fd, place, O_CLOEXEC) < 0)
        return keg_fail_errno(err, "keep the channel");
    *fd = place;
    return 0;
}

/* Before the limits, which may leave no room for the channel; before the gate, since a created
 * container may wait for long, and what keg had open is the host's. */
int child_close_others(struct child *child, struct keg_err *err)
{
    if (child->options->init)
        init_find_arguments(child->proc_fd, &child->own_arguments);
    /* launch_prepare() saw those to preserve open: nothing of keg's own is among them. */
    int first = FIRST_FD + (int)child->options->preserve_fds;
    /* Out of the way of one another first. */
    if (child->gate_fd >= 0 && child->gate_fd <= first + 1) {
        child->gate_fd = fcntl(child->gate_fd, F_DUPFD_CLOEXEC, first + 2);
        if (child->gate_fd < 0)
            return keg_fail_errno(err, "keep the gate");
    }
    int r = move_fd(&child->channel_fd, first, err);
    if (r == 0)
        r = move_fd(&child->gate_fd, first + 1, err);
    if (r < 0)
        return r;
    child_close_fds_from((unsigned)first + (child->gate_fd >= 0 ? 2 : 1));
    return 0;
}

/* Ignored signals and the mask pass through execve: a program must find both as after a login. */
static void reset_signals(void)
{
    static const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        (void)sigaction(signal, &standard, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The filter holds for pid 1 too, which the program could take over by ptrace(2) otherwise. */
static int become_init(struct child *child, struct keg_err *err)
{
    int r = child->spec->process.no_new_privileges ? child_install_seccomp(child, err) : 0;
    return r < 0 ? r : init_become(&child->own_arguments, err);
}

/* The filter comes as late as it can: what a profile does not allow may end the process. */
int child_execute(struct child *child, struct keg_err *err)
{
    const struct run_process *process = &child->spec->process;
    bool init = child->options->init;
    char path[PATH_MAX];
    int r = init ? become_init(child, err) : 0;
    if (r == 0)
        r = child_new_session(child, err);
    if (r < 0)
        return r;
    reset_signals();
    r = program_choose(process->args, process->env, &child->launch->program, path, err);
    if (r == 0 && process->no_new_privileges && !init)
        r = child_install_seccomp(child, err);
    return r < 0 ? r : program_execute(path, process->args, process->env, err);
}
