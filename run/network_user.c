/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: pasta(1) and slirp4netns(1), found, started, and known to be ready. */
#include "run/network_user.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Both start within some tens of milliseconds; a machine under load takes longer. */
#define READY_TIMEOUT_MS 10000

#define WORDS_MAX_BYTES 4096

/* What both programs give by these arguments; slirp4netns' own defaults. */
#define ADDRESS    "10.0.2.100"
#define PREFIX     "24"
#define GATEWAY    "10.0.2.2"
#define NAMESERVER "10.0.2.3"

const struct run_network_user_facts run_network_user_facts = {ADDRESS, NAMESERVER};

#define SLIRP_READY_FD 3

/* ---- found */

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* In one list of folders; a relative one means another folder tomorrow. */
static char *find_in(const char *folders, const char *name)
{
    for (const char *at = folders; *at;) {
        int length = (int)strcspn(at, ":");
        char *path = *at == '/' ? keg_asprintf("%.*s/%s", length, at, name) : NULL;
        if (path && is_program(path))
            return path;
        free(path);
        at += length + (at[length] == ':');
    }
    return NULL;
}

int run_network_user_find(const char *folders, struct run_network_user *ret)
{
    static const char *const names[] = {"pasta", "slirp4netns"};
    *ret = (struct run_network_user){0};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++) {
        _cleanup_free_ char *path = find_in(folders ? folders : "", names[i]);
        if (!path)
            path = find_in("/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin", names[i]);
        if (path && keg_strv_add(&ret->programs, path) < 0) {
            run_network_user_done(ret);
            return -ENOMEM;
        }
    }
    return 0;
}

void run_network_user_done(struct run_network_user *network)
{
    keg_strv_free(network->programs);
    *network = (struct run_network_user){0};
}

/* ---- run */

static bool is_pasta(const char *program)
{
    return keg_ends_with(program, "pasta");
}

/* The network namespace is their standard input: they drop the capabilities that would let them
 * look into another process, and newer pastas close all fds but the standard ones. Neither lets the
 * container reach what listens on the host's loopback alone. When it is ready, pasta writes its
 * process's number to fd 1, and slirp4netns, which talks there, a "1" to another. */
int network_user_arguments(const char *program, char ***ret)
{
    static const char *const pasta[] = {
        "--foreground",
        "--quiet",
        "--ipv4-only",
        "--config-net",
        "--no-map-gw",
        "--no-netns-quit",
        "--ns-ifname",
        "eth0",
        "--address",
        ADDRESS,
        "--netmask",
        PREFIX,
        "--gateway",
        GATEWAY,
        "--dns-forward",
        NAMESERVER,
        "--tcp-ports",
        "none",
        "--udp-ports",
        "none",
        "--tcp-ns",
        "none",
        "--udp-ns",
        "none",
        "--pid",
        "/proc/self/fd/1",
        "--netns",
        "/proc/self/fd/0",
        NULL,
    };
    static const char *const slirp[] = {
        "--configure",
        "--mtu=65520",
        "--disable-host-loopback",
        "--enable-sandbox",
        "--enable-seccomp",
        "--ready-fd=3",
        "--netns-type=path",
        "/proc/self/fd/0",
        "eth0",
        NULL,
    };
    const char *const *more = is_pasta(program) ? pasta : slirp;
    _cleanup_strv_ char **args = NULL;
    int r = keg_strv_add(&args, program);
    for (; r == 0 && *more; more++)
        r = keg_strv_add(&args, *more);
    if (r == 0)
        *ret = TAKE_PTR(args);
    return r;
}

/* pasta of 2023 where nobody listens at /dev/log; slirp4netns always. */
static bool is_chatter(const char *line)
{
    return keg_starts_with(line, "Failed to send") || keg_starts_with(line, "WARNING:") ||
           keg_starts_with(line, "child failed");
}

const char *network_user_words(char *text)
{
    const char *words = "it ended without a word";
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (!is_chatter(line))
            words = line;
    return words;
}

/* What a program says when it is ready, and what it complains of: reading end, writing end. */
struct pipes {
    int ready[2], words[2];
};

static void pipes_close_writing(struct pipes *pipes)
{
    keg_cleanup_fd(&pipes->ready[1]);
    keg_cleanup_fd(&pipes->words[1]);
    pipes->ready[1] = pipes->words[1] = -1;
}

static void pipes_close(struct pipes *pipes)
{
    pipes_close_writing(pipes);
    keg_cleanup_fd(&pipes->ready[0]);
    keg_cleanup_fd(&pipes->words[0]);
}

static int pipes_open(struct pipes *ret)
{
    *ret = (struct pipes){{-1, -1}, {-1, -1}};
    if (pipe2(ret->ready, O_CLOEXEC) == 0 && pipe2(ret->words, O_CLOEXEC) == 0)
        return 0;
    int code = -errno;
    pipes_close(ret);
    return code;
}

/* In the new process. A session of its own keeps the terminal's Ctrl-C for the container. Once the
 * program is ready nobody listens to it, and it is not to die of that: pasta sees to it, and fails
 * where somebody else did. */
static _Noreturn void become(char *const *args, int netns_fd, const struct pipes *pipes,
                             pid_t parent)
{
    static char *const no_environment[] = {NULL};
    const int ready_fd = is_pasta(args[0]) ? STDOUT_FILENO : SLIRP_READY_FD;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, is_pasta(args[0]) ? SIG_DFL : SIG_IGN);
    (void)setsid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
        dup2(netns_fd, STDIN_FILENO) == STDIN_FILENO &&
        dup2(pipes->words[1], STDOUT_FILENO) == STDOUT_FILENO &&
        dup2(pipes->words[1], STDERR_FILENO) == STDERR_FILENO &&
        dup2(pipes->ready[1], ready_fd) == ready_fd)
        (void)execve(args[0], args, no_environment);
    _exit(127);
}

/* Ready is the first byte; the end of the pipe is the program's. */
static int await_ready(int ready_fd)
{
    char byte;
    struct pollfd ready = {.fd = ready_fd, .events = POLLIN};
    int n;
    do
        n = poll(&ready, 1, READY_TIMEOUT_MS);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? -errno : -ETIMEDOUT;
    ssize_t length = keg_read(ready_fd, &byte, 1);
    return length == 1 ? 0 : -ECHILD;
}

static int fail_unready(const char *program, int code, int words_fd, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(WORDS_MAX_BYTES + 1);
    if (code != -ECHILD)
        return keg_fail(err, code, "%s: %s", program, keg_errno_text(code));
    (void)keg_read_all(words_fd, WORDS_MAX_BYTES, &text);
    (void)keg_buf_str(&text, "");
    return keg_fail(err, code, "%s: %s", program, network_user_words(text.data));
}

static int start(char *const *args, int netns_fd, pid_t *ret_pid, struct keg_err *err)
{
    struct pipes pipes;
    pid_t self = getpid();
    int r = pipes_open(&pipes);
    if (r < 0)
        return keg_fail(err, r, "make a pipe: %s", keg_errno_text(r));
    _cleanup_pid_ pid_t pid = fork();
    if (pid == 0)
        become(args, netns_fd, &pipes, self);
    r = pid < 0 ? -errno : 0;
    pipes_close_writing(&pipes);
    if (r == 0)
        r = await_ready(pipes.ready[0]);
    if (r < 0)
        r = fail_unready(args[0], r, pipes.words[0], err);
    pipes_close(&pipes);
    if (r < 0)
        return r;
    *ret_pid = pid;
    pid = 0;
    return 0;
}

int network_user_start(const struct run_network_user *network, int netns_fd, pid_t *ret_pid,
                       struct keg_err *err)
{
    int r = keg_fail(err, -ENOENT, "neither pasta nor slirp4netns is installed");
    for (char **program = network->programs; r < 0 && program && *program; program++) {
        _cleanup_strv_ char **args = NULL;
        if (network_user_arguments(*program, &args) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
        r = start(args, netns_fd, ret_pid, err);
    }
    return r;
}

void network_user_stop(const struct state *state)
{
    const struct state program = {.pid = state->network_pid,
                                  .pid_start_ticks = state->network_pid_start_ticks};
    _cleanup_fd_ int pidfd = program.pid > 0 ? state_open_process(&program) : -ESRCH;
    if (pidfd < 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    while (waitpid(program.pid, NULL, 0) < 0 && errno == EINTR)
        ; /* ECHILD: another process's */
}
