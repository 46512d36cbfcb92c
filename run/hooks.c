/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in parent and child: hooks, each a child of the caller. */
#include "run/hooks.h"

#include "run/child_fds.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* What a hook printed last, for the message. */
#define WORDS_BYTES 512

struct hook_process {
    pid_t pid;
    int output_fd; /* what it prints */
    int64_t end_ms;
    char words[WORDS_BYTES];
    size_t words_length;
};

const char *hooks_name(enum run_hook_kind kind)
{
    static const char *const names[RUN_HOOK_COUNT] = {
        [RUN_HOOK_PRESTART] = "prestart",
        [RUN_HOOK_CREATE_RUNTIME] = "createRuntime",
        [RUN_HOOK_CREATE_CONTAINER] = "createContainer",
        [RUN_HOOK_START_CONTAINER] = "startContainer",
        [RUN_HOOK_POSTSTART] = "poststart",
        [RUN_HOOK_POSTSTOP] = "poststop",
    };
    return names[kind];
}

/* In memory, so that a hook which does not read it keeps nobody waiting. */
static int state_fd(const char *state)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = keg_write_all(fd, state, strlen(state));
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = -errno;
    if (r == 0)
        return fd;
    (void)close(fd);
    return r;
}

/* In the hook's process. */
static _Noreturn void execute(const struct run_hook *hook, int input, int output)
{
    static char *const no_environment[] = {NULL};
    static const struct sigaction standard = {.sa_handler = SIG_DFL};
    char *const only_path[] = {hook->path, NULL};
    sigset_t none;
    (void)setpgid(0, 0);
    /* Both are above 2. */
    if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        _exit(126);
    child_close_fds_from(STDERR_FILENO + 1);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        (void)sigaction(signal, &standard, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(hook->path, hook->args ? hook->args : only_path,
                 hook->env ? hook->env : no_environment);
    const char *why = keg_errno_text(errno);
    (void)!write(STDERR_FILENO, why, strlen(why));
    _exit(127);
}

static int above_standard(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return -errno;
    (void)close(*fd);
    *fd = moved;
    return 0;
}

static int start(const struct run_hook *hook, const char *state, struct hook_process *ret)
{
    int ends[2];
    _cleanup_fd_ int input = state_fd(state);
    if (input < 0)
        return input;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    _cleanup_fd_ int output = ends[1];
    *ret = (struct hook_process){.output_fd = ends[0], .end_ms = INT64_MAX};
    int r = above_standard(&input);
    if (r == 0)
        r = above_standard(&output);
    ret->pid = r == 0 ? fork() : -1;
    if (ret->pid == 0)
        execute(hook, input, output);
    if (ret->pid < 0) {
        r = r < 0 ? r : -errno;
        (void)close(ret->output_fd);
        return r;
    }
    if (hook->timeout_s > 0)
        ret->end_ms = keg_monotonic_ms() + hook->timeout_s * 1000;
    return 0;
}

/* The last words are the ones that say what was wrong. */
static void remember(struct hook_process *process, const char *data, size_t length)
{
    if (length >= WORDS_BYTES) {
        data += length - (WORDS_BYTES - 1);
        length = WORDS_BYTES - 1;
    }
    size_t kept = process->words_length;
    if (kept + length > WORDS_BYTES - 1)
        kept = WORDS_BYTES - 1 - length;
    memmove(process->words, process->words + process->words_length - kept, kept);
    memcpy(process->words + kept, data, length);
    process->words_length = kept + length;
    process->words[process->words_length] = '\0';
}

/* Until it has ended, or its time is up. What it started may hold its output open: that is not
 * waited for. */
static int listen_until_end(struct hook_process *process)
{
    long fd = syscall(SYS_pidfd_open, process->pid, 0);
    _cleanup_fd_ int pidfd = fd < 0 ? -1 : (int)fd;
    for (;;) {
        char data[4096];
        int64_t left = process->end_ms - keg_monotonic_ms();
        struct pollfd fds[2] = {{.fd = process->output_fd, .events = POLLIN},
                                {.fd = pidfd, .events = POLLIN}};
        if (left <= 0)
            return -ETIMEDOUT;
        int n = poll(fds, 2, left > INT32_MAX ? -1 : (int)left);
        if (n < 0 && errno != EINTR)
            return -errno;
        ssize_t length = n > 0 && fds[0].revents ? read(process->output_fd, data, sizeof(data)) : 0;
        if (length > 0)
            remember(process, data, (size_t)length);
        /* Without a pidfd (Linux before 5.3) the end of its output is taken for its own. */
        else if (n > 0 && (pidfd < 0 || fds[1].revents))
            return 0;
        else if (n > 0 && (fds[0].revents & POLLHUP))
            process->output_fd = (close(process->output_fd), -1);
    }
}

static void trim(char *words)
{
    size_t length = strlen(words);
    while (length > 0 && (words[length - 1] == '\n' || words[length - 1] == ' '))
        words[--length] = '\0';
}

static int judge(const struct run_hook *hook, struct hook_process *process, int status,
                 struct keg_err *err)
{
    if (status == 0)
        return 0;
    trim(process->words);
    const char *colon = *process->words ? ": " : "";
    if (WIFSIGNALED(status))
        return keg_fail(err, -ECANCELED, "'%s' was killed by signal %d%s%s", hook->path,
                        WTERMSIG(status), colon, process->words);
    return keg_fail(err, -ECANCELED, "'%s' ended with exit code %d%s%s", hook->path,
                    WEXITSTATUS(status), colon, process->words);
}

static int run_one(const struct run_hook *hook, const char *state, struct keg_err *err)
{
    struct hook_process process;
    int status = 0, r = start(hook, state, &process);
    if (r < 0)
        return keg_fail(err, r, "'%s': %s", hook->path, keg_errno_text(r));
    r = listen_until_end(&process);
    if (r < 0) {
        /* Both: it may not have its own group yet. */
        (void)kill(process.pid, SIGKILL);
        (void)kill(-process.pid, SIGKILL);
    }
    if (process.output_fd >= 0)
        (void)close(process.output_fd);
    int waited = keg_wait_child(process.pid, &status);
    if (r == -ETIMEDOUT)
        return keg_fail(err, r, "'%s' did not end within %lld s", hook->path,
                        (long long)hook->timeout_s);
    if (r < 0 || waited < 0)
        return keg_fail(err, r < 0 ? r : waited, "'%s': %s", hook->path,
                        keg_errno_text(r < 0 ? r : waited));
    return judge(hook, &process, status, err);
}

int hooks_run(const struct run_hooks *hooks, enum run_hook_kind kind, const char *state,
              struct keg_err *err)
{
    for (size_t i = 0; i < hooks->count; i++)
        if (run_one(&hooks->items[i], state, err) < 0)
            return keg_wrap(err, "%s hook", hooks_name(kind));
    return 0;
}

int hooks_run_all(const struct run_hooks *hooks, enum run_hook_kind kind, const char *state,
                  struct keg_err *err)
{
    struct keg_err first = KEG_ERR_INIT;
    for (size_t i = 0; i < hooks->count; i++) {
        struct keg_err one = KEG_ERR_INIT;
        if (run_one(&hooks->items[i], state, &one) < 0 && first.code == 0)
            first = one;
    }
    return first.code ? keg_fail(err, first.code, "%s hook: %s", hooks_name(kind), first.text) : 0;
}
