/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal proxy between real terminals, with a shell in the container's place. */
#include "run/proxy.h"
#include "base/base.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS  20000
#define PROXY_FAILED 200
#define MASK_CHANGED 201

/* One `keg` in a process of its own, serving a shell. */
struct rig {
    const char *script;
    bool console; /* the shell has a pty, else pipes */
    bool interactive;
    bool no_sig_proxy;
    bool term_before;   /* a SIGTERM is pending before the proxy begins */
    const int *caller;  /* keg's own standard fds */
    int expected_error; /* proxy_run() is to fail with this */
};

static void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

/* ------------------------------------------------------------------------------- the processes of
 * a rig */

static int open_terminal(int *ret_slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    *ret_slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(*ret_slave >= 0);
    return master;
}

/* In the shell's process. */
__attribute__((noreturn)) static void be_container(const char *script, bool console,
                                                   const int stdio[3])
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (console && ioctl(stdio[0], TIOCSCTTY, 0) < 0)
        _exit(120);
    for (int i = 0; i < 3; i++)
        dup2(stdio[i], i);
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(121);
}

static int kill_child(void *context, int signal)
{
    return kill(*(pid_t *)context, signal) < 0 ? -errno : 0;
}

/* Makes the console or pipes. Returns the console's master or -1. */
static int open_stdio(bool console, int stdio[3], struct run_proxy_options *options)
{
    int pipes[3][2];

    if (console) {
        int slave, master = open_terminal(&slave);

        for (int i = 0; i < 3; i++)
            stdio[i] = i == 0 ? slave : dup(slave);
        return master;
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pipe2(pipes[i], O_CLOEXEC), 0);
        stdio[i] = pipes[i][i == 0 ? 0 : 1];
    }
    options->stdin_write_fd = pipes[0][1];
    options->stdout_read_fd = pipes[1][0];
    options->stderr_read_fd = pipes[2][0];
    return -1;
}

static bool same_signals(const sigset_t *a, const sigset_t *b)
{
    for (int signal = 1; signal < SIGRTMAX; signal++) {
        if (sigismember(a, signal) != sigismember(b, signal))
            return false;
    }
    return true;
}

/* In keg's process: what it ends with is the shell's exit code as a shell says it. */
static int be_keg(const struct rig *rig)
{
    struct run_proxy_options options = {rig->interactive, !rig->no_sig_proxy, -1, -1, -1, false};
    struct proxy_target target = {.kill = kill_child};
    struct keg_err err = KEG_ERR_INIT;
    sigset_t before, after;
    int stdio[3], status, r;
    pid_t child;

    target.console_fd = open_stdio(rig->console, stdio, &options);
    child = fork();
    if (child == 0)
        be_container(rig->script, rig->console, stdio);
    for (int i = 0; i < 3; i++)
        close(stdio[i]);
    target.pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    target.context = &child;
    if (rig->term_before)
        kill(getpid(), SIGTERM);
    sigprocmask(SIG_BLOCK, NULL, &before);
    r = proxy_run(&target, rig->caller, &options, &err);
    sigprocmask(SIG_BLOCK, NULL, &after);
    if (r != rig->expected_error) {
        fprintf(stderr, "proxy_run: %d %s\n", r, err.text);
        return PROXY_FAILED;
    }
    if (keg_wait_child(child, &status) < 0 || !same_signals(&before, &after))
        return MASK_CHANGED;
    return keg_exit_code(status);
}

/* The caller's terminal, where there is one, becomes keg's own, so that SIGWINCH comes from it. */
static pid_t start(const struct rig *rig)
{
    pid_t keg = fork();
    sigset_t term;

    if (keg != 0)
        return keg;
    setsid();
    /* Not the sanitizers' reports where a test makes keg crash. */
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    if (isatty(rig->caller[0]))
        (void)ioctl(rig->caller[0], TIOCSCTTY, 0);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (rig->term_before)
        sigprocmask(SIG_BLOCK, &term, NULL);
    _exit(be_keg(rig));
}

/* A keg that hangs is a failed test, not a hanging one. */
static int wait_for(pid_t keg)
{
    int status;

    for (int waited = 0; waited < PATIENCE_MS; waited += 5) {
        if (waitpid(keg, &status, WNOHANG) == keg)
            return keg_exit_code(status);
        sleep_ms(5);
    }
    kill(keg, SIGKILL);
    cr_assert_fail("keg did not end");
    return -1;
}

/* --------------------------------------------------------------------------------- what the caller
 * does */

/* Reads until ${text} was seen, or the end where it is NULL. The caller frees. */
static char *read_until(int fd, const char *text)
{
    struct keg_buf buf = keg_buf_init(64 << 20);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    char block[4096];

    while (!text || !buf.data || !strstr(buf.data, text)) {
        ssize_t n;

        cr_assert_eq(poll(&polled, 1, PATIENCE_MS), 1, "waited for '%s', got '%s'",
                     text ? text : "the end", buf.data ? buf.data : "");
        n = read(fd, block, sizeof(block));
        if (n <= 0)
            break;
        keg_buf_add(&buf, block, (size_t)n);
    }
    cr_assert(!text || (buf.data && strstr(buf.data, text)), "no '%s'", text);
    return keg_buf_take(&buf);
}

static void expect(int fd, const char *text)
{
    free(read_until(fd, text));
}

struct pipes {
    int to_keg, from_keg, errors;
    int caller[3];
};

static struct pipes open_pipes(void)
{
    int in[2], out[2], errors[2];

    cr_assert_eq(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(errors, O_CLOEXEC), 0);
    return (struct pipes){in[1], out[0], errors[0], {in[0], out[1], errors[1]}};
}

static pid_t start_on_pipes(struct rig *rig, struct pipes *pipes)
{
    pid_t keg;

    rig->caller = pipes->caller;
    /* Close-on-exec is not enough: keg itself would keep the other ends. */
    fcntl(pipes->to_keg, F_SETFD, FD_CLOEXEC);
    keg = start(rig);
    for (int i = 0; i < 3; i++)
        close(pipes->caller[i]);
    return keg;
}

/* ----------------------------------------------------------------------------------------------
 * pipes */

static void check_sequence(const char *text, int last)
{
    char line[16];

    for (int i = 1; i <= last; i++) {
        size_t length = (size_t)snprintf(line, sizeof(line), "%d\n", i);

        cr_assert(strncmp(text, line, length) == 0, "at %d", i);
        text += length;
    }
    cr_assert_str_empty(text);
}

Test(proxy, loses_and_reorders_nothing_for_a_slow_reader)
{
    struct rig rig = {.script = "seq 1 100000; seq 1 3 >&2"};
    struct pipes pipes = open_pipes();
    pid_t keg = start_on_pipes(&rig, &pipes);
    _cleanup_free_ char *output = NULL, *errors = NULL;

    sleep_ms(300);
    output = read_until(pipes.from_keg, NULL);
    errors = read_until(pipes.errors, NULL);
    cr_assert_eq(wait_for(keg), 0);
    check_sequence(output, 100000);
    check_sequence(errors, 3);
}

/* In a process of its own: more than all buffers on the way hold. */
static void feed(int fd, size_t count)
{
    if (fork() == 0) {
        for (size_t i = 0; i < count; i++) {
            char line[16];
            int length = snprintf(line, sizeof(line), "%zu\n", i + 1);

            if (keg_write_all(fd, line, (size_t)length) < 0)
                break;
        }
        _exit(0);
    }
    close(fd);
}

Test(proxy, carries_stdin_and_passes_on_its_end)
{
    struct rig rig = {.script = "cat; exit 5", .interactive = true};
    struct pipes pipes = open_pipes();
    _cleanup_free_ char *output = NULL;
    pid_t keg;

    /* Before keg starts, which would else hold the writing end. */
    feed(pipes.to_keg, 100000);
    keg = start_on_pipes(&rig, &pipes);
    output = read_until(pipes.from_keg, NULL);
    cr_assert_eq(wait_for(keg), 5);
    check_sequence(output, 100000);
}

Test(proxy, leaves_stdin_to_others_once_the_container_closed_its_own)
{
    struct rig rig = {.script = "exec <&-; sleep 0.5; exit 6", .interactive = true};
    struct pipes pipes = open_pipes();
    int kept = fcntl(pipes.caller[0], F_DUPFD_CLOEXEC, 0);
    pid_t keg = start_on_pipes(&rig, &pipes);

    sleep_ms(200);
    cr_assert_eq(keg_write_all(pipes.to_keg, "first\n", 6), 0);
    sleep_ms(100);
    cr_assert_eq(keg_write_all(pipes.to_keg, "second\n", 7), 0);
    cr_assert_eq(wait_for(keg), 6);
    expect(kept, "second\n");
}

Test(proxy, survives_a_reader_that_goes_away)
{
    struct rig rig = {.script = "seq 1 100000; echo alive >&2; exit 7"};
    struct pipes pipes = open_pipes();
    pid_t keg;

    close(pipes.from_keg);
    keg = start_on_pipes(&rig, &pipes);
    expect(pipes.errors, "alive");
    cr_assert_eq(wait_for(keg), 7);
}

Test(proxy, reports_a_full_disk_after_the_container_has_ended)
{
    struct rig rig = {.script = "echo lost; echo alive >&2; exit 8", .expected_error = -ENOSPC};
    struct pipes pipes = open_pipes();
    pid_t keg;

    close(pipes.caller[1]);
    pipes.caller[1] = open("/dev/full", O_WRONLY | O_CLOEXEC);
    keg = start_on_pipes(&rig, &pipes);
    expect(pipes.errors, "alive");
    cr_assert_eq(wait_for(keg), 8);
}

/* ---------------------------------------------------------------------------------------------
 * signals */

static int run_and_signal(struct rig *rig, const int *signals, size_t count)
{
    struct pipes pipes = open_pipes();
    pid_t keg = start_on_pipes(rig, &pipes);

    expect(pipes.from_keg, "ready");
    for (size_t i = 0; i < count; i++) {
        kill(keg, signals[i]);
        sleep_ms(100);
    }
    return wait_for(keg);
}

#define LOOP "echo ready; while :; do sleep 0.02; done"

Test(proxy, forwards_signals)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};
    /* As numbers on every machine that keg runs on. */
    struct rig rig = {.script = "for n in 1 2 3 15 10 12 14; do trap \"exit $n\" $n; done; " LOOP};

    for (size_t i = 0; i < KEG_ARRAY_SIZE(signals); i++)
        cr_assert_eq(run_and_signal(&rig, &signals[i], 1), signals[i]);
}

Test(proxy, forwards_a_signal_that_came_before_it_began)
{
    struct rig rig = {.script = "exec sleep 60", .term_before = true};
    struct pipes pipes = open_pipes();

    cr_assert_eq(wait_for(start_on_pipes(&rig, &pipes)), 128 + SIGTERM);
}

Test(proxy, kills_at_the_third_interrupt)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGINT};
    struct rig rig = {.script = "trap '' INT TERM; " LOOP};

    cr_assert_eq(run_and_signal(&rig, signals, KEG_ARRAY_SIZE(signals)), 128 + SIGKILL);
}

Test(proxy, does_not_kill_at_the_second_interrupt)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGUSR1};
    struct rig rig = {.script = "trap '' INT TERM; trap 'exit 4' USR1; " LOOP};

    cr_assert_eq(run_and_signal(&rig, signals, KEG_ARRAY_SIZE(signals)), 4);
}

Test(proxy, forwards_nothing_without_sig_proxy_but_ends_the_container_with_keg)
{
    static const int harmless[] = {SIGUSR1, SIGTERM};
    struct rig rig = {.script = "trap 'exit 4' USR1 TERM; " LOOP, .no_sig_proxy = true};

    cr_assert_eq(run_and_signal(&rig, harmless, KEG_ARRAY_SIZE(harmless)), 128 + SIGKILL);
}

Test(proxy, gives_up_on_a_reader_that_does_not_read_when_told_again)
{
    struct rig rig = {.script = "echo ready >&2; exec head -c 100000 /dev/zero"};
    struct pipes pipes = open_pipes();
    pid_t keg = start_on_pipes(&rig, &pipes);

    expect(pipes.errors, "ready");
    sleep_ms(300);
    cr_assert_eq(waitpid(keg, NULL, WNOHANG), 0);
    kill(keg, SIGTERM);
    cr_assert_eq(wait_for(keg), 0);
}

/* --------------------------------------------------------------------------------------------
 * terminals */

struct terminal {
    int master, slave;
    int caller[3];
    struct termios before;
};

static struct terminal open_caller_terminal(void)
{
    struct terminal terminal;
    struct winsize size = {.ws_row = 41, .ws_col = 99};

    terminal.master = open_terminal(&terminal.slave);
    for (int i = 0; i < 3; i++)
        terminal.caller[i] = terminal.slave;
    cr_assert_eq(ioctl(terminal.master, TIOCSWINSZ, &size), 0);
    cr_assert_eq(tcgetattr(terminal.slave, &terminal.before), 0);
    cr_assert(terminal.before.c_lflag & ICANON);
    return terminal;
}

static pid_t start_on_terminal(struct rig *rig, const struct terminal *terminal)
{
    rig->console = rig->interactive = true;
    rig->caller = terminal->caller;
    return start(rig);
}

static bool is_raw(const struct terminal *terminal)
{
    struct termios now;

    cr_assert_eq(tcgetattr(terminal->slave, &now), 0);
    return !(now.c_lflag & (ICANON | ECHO | ISIG)) && !(now.c_oflag & OPOST);
}

static void expect_restored(const struct terminal *terminal)
{
    struct termios now;

    cr_assert_eq(tcgetattr(terminal->slave, &now), 0);
    cr_assert_eq(now.c_lflag, terminal->before.c_lflag);
    cr_assert_eq(now.c_iflag, terminal->before.c_iflag);
    cr_assert_eq(now.c_oflag, terminal->before.c_oflag);
}

Test(proxy, has_the_terminal_raw_and_restores_it)
{
    struct rig rig = {.script = "echo ready; read line; echo \"<$line>\"; exit 3"};
    struct terminal terminal = open_caller_terminal();
    pid_t keg = start_on_terminal(&rig, &terminal);

    expect(terminal.master, "ready\r\n");
    cr_assert(is_raw(&terminal));
    cr_assert_eq(keg_write_all(terminal.master, "words\r", 6), 0);
    expect(terminal.master, "<words>\r\n");
    cr_assert_eq(wait_for(keg), 3);
    expect_restored(&terminal);
}

Test(proxy, restores_the_terminal_after_a_signal_ended_the_container)
{
    struct rig rig = {.script = LOOP};
    struct terminal terminal = open_caller_terminal();
    pid_t keg = start_on_terminal(&rig, &terminal);

    expect(terminal.master, "ready");
    kill(keg, SIGTERM);
    cr_assert_eq(wait_for(keg), 128 + SIGTERM);
    expect_restored(&terminal);
}

Test(proxy, restores_the_terminal_when_keg_crashes)
{
    static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS};

    for (size_t i = 0; i < KEG_ARRAY_SIZE(crashes); i++) {
        struct rig rig = {.script = LOOP};
        struct terminal terminal = open_caller_terminal();
        pid_t keg = start_on_terminal(&rig, &terminal);

        expect(terminal.master, "ready");
        cr_assert(is_raw(&terminal));
        kill(keg, crashes[i]);
        cr_assert_eq(wait_for(keg), 128 + crashes[i]);
        expect_restored(&terminal);
    }
}

Test(proxy, passes_control_characters_as_bytes)
{
    struct rig rig = {.script = "trap 'echo caught; exit 3' INT; " LOOP};
    struct terminal terminal = open_caller_terminal();
    pid_t keg = start_on_terminal(&rig, &terminal);

    expect(terminal.master, "ready");
    cr_assert_eq(keg_write_all(terminal.master, "\003", 1), 0);
    expect(terminal.master, "caught");
    cr_assert_eq(wait_for(keg), 3);
}

Test(proxy, gives_the_console_the_size_of_the_terminal_and_follows_it)
{
    struct rig rig = {.script = "trap 'stty size; exit 0' WINCH; stty size; " LOOP};
    struct terminal terminal = open_caller_terminal();
    struct winsize size = {.ws_row = 50, .ws_col = 123};
    _cleanup_free_ char *first = NULL;
    pid_t keg = start_on_terminal(&rig, &terminal);

    first = read_until(terminal.master, "ready");
    /* The shell may have asked before the proxy had begun. */
    cr_assert_eq(ioctl(terminal.master, TIOCSWINSZ, &size), 0);
    expect(terminal.master, "50 123");
    cr_assert_eq(wait_for(keg), 0);
}

Test(proxy, drains_a_console_that_ends_at_once)
{
    struct rig rig = {.script = "stty -opost; seq 1 20000", .console = true};
    struct pipes pipes = open_pipes();
    _cleanup_free_ char *output = NULL;
    pid_t keg = start_on_pipes(&rig, &pipes);

    output = read_until(pipes.from_keg, NULL);
    cr_assert_eq(wait_for(keg), 0);
    check_sequence(output, 20000);
}

Test(proxy, hears_a_console_that_was_closed_and_opened_again)
{
    struct rig rig = {.script = "echo one; exec </dev/null >/dev/null 2>&1; sleep 0.3;"
                                " exec >/dev/tty; echo two"};
    struct terminal terminal = open_caller_terminal();
    pid_t keg = start_on_terminal(&rig, &terminal);

    expect(terminal.master, "one");
    expect(terminal.master, "two");
    cr_assert_eq(wait_for(keg), 0);
}

Test(proxy, leaves_the_flags_of_the_callers_fds_alone)
{
    struct rig rig = {.script = LOOP};
    struct terminal terminal = open_caller_terminal();
    int before = fcntl(terminal.slave, F_GETFL);
    pid_t keg = start_on_terminal(&rig, &terminal);

    expect(terminal.master, "ready");
    cr_assert_eq(fcntl(terminal.slave, F_GETFL), before);
    kill(keg, SIGTERM);
    cr_assert_eq(wait_for(keg), 128 + SIGTERM);
}

Test(proxy, is_in_raw_mode_again_after_a_stop)
{
    struct rig rig = {.script = LOOP};
    struct terminal terminal = open_caller_terminal();
    pid_t keg = start_on_terminal(&rig, &terminal);

    expect(terminal.master, "ready");
    kill(keg, SIGSTOP);
    cr_assert_eq(tcsetattr(terminal.slave, TCSANOW, &terminal.before), 0);
    kill(keg, SIGCONT);
    for (int i = 0; i < 200 && !is_raw(&terminal); i++)
        sleep_ms(10);
    cr_assert(is_raw(&terminal));
    kill(keg, SIGTERM);
    cr_assert_eq(wait_for(keg), 128 + SIGTERM);
    expect_restored(&terminal);
}
