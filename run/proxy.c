/* SPDX-License-Identifier: Apache-2.0 */
/* Between the caller's terminal or pipes and the container: bytes, window sizes and signals. */
#include "run/proxy.h"

#include "run/proxy_channel.h"
#include "run/tty.h"

#include <signal.h>
#include <sys/signalfd.h>

enum { INPUT, OUTPUT, ERRORS, CHANNELS };

/* How often a console that nobody has open is looked at again. */
#define HUNG_RETRY_MS 50

/* docker's count of Ctrl-Cs. */
#define STOPS_MAX 3

struct proxy {
    const struct proxy_target *target;
    struct run_proxy_options *options;
    int terminal_fd; /* whose size the console takes, or -1 */
    int signal_fd;
    sigset_t old_mask;
    struct sigaction old_pipe;
    bool ended;     /* the container has */
    unsigned stops; /* SIGINT and SIGTERM so far */
    struct proxy_channel channels[CHANNELS];
};

/* -------------------------------------------------------------------------------------------
 * signals */

/* Not taken: faults of our own, what cannot be taken, job control (a stopped keg is the shell's
 * business; in raw mode Ctrl-Z is a byte), and what only concerns us. */
static void taken_signals(sigset_t *ret)
{
    static const int left[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL,  SIGTRAP, SIGABRT, SIGSYS, SIGCHLD,
                               SIGPIPE, SIGURG, SIGTSTP, SIGTTIN, SIGTTOU, SIGKILL, SIGSTOP};

    (void)sigfillset(ret);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(left); i++)
        (void)sigdelset(ret, left[i]);
}

static int take_signals(struct proxy *proxy, struct keg_err *err)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;

    taken_signals(&set);
    proxy->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (proxy->signal_fd < 0)
        return keg_fail_errno(err, "watch for signals");
    (void)sigprocmask(SIG_BLOCK, &set, &proxy->old_mask);
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, &proxy->old_pipe);
    return 0;
}

static void kill_target(const struct proxy *proxy, int signal)
{
    (void)proxy->target->kill(proxy->target->context, signal);
}

static void resize(const struct proxy *proxy)
{
    if (proxy->terminal_fd >= 0)
        (void)tty_copy_size(proxy->terminal_fd, proxy->target->console_fd);
}

/* Nothing can be passed on to what has ended: who asks again does not want to wait for a slow
 * reader. */
static void stop_flushing(struct proxy *proxy)
{
    for (size_t i = 0; i < CHANNELS; i++)
        proxy_channel_stop(&proxy->channels[i]);
}

static void handle_stop(struct proxy *proxy, int signal)
{
    if (proxy->ended) {
        stop_flushing(proxy);
        return;
    }
    /* keg is the container's only monitor: where it may not pass on the signal that ends keg
     * itself, the container ends with it. */
    proxy->options->forced = ++proxy->stops >= STOPS_MAX;
    if (proxy->options->forced || !proxy->options->sig_proxy)
        signal = SIGKILL;
    kill_target(proxy, signal);
}

static void handle_signal(struct proxy *proxy, int signal)
{
    switch (signal) {
    case SIGWINCH:
        resize(proxy);
        break;
    case SIGCONT:
        tty_raw_again();
        resize(proxy);
        break;
    case SIGINT:
    case SIGTERM:
        handle_stop(proxy, signal);
        break;
    case SIGHUP:
    case SIGQUIT:
        kill_target(proxy, proxy->options->sig_proxy ? signal : SIGKILL);
        break;
    default:
        if (proxy->options->sig_proxy)
            kill_target(proxy, signal);
    }
}

static void read_signals(struct proxy *proxy)
{
    struct signalfd_siginfo info;

    while (keg_read(proxy->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        handle_signal(proxy, (int)info.ssi_signo);
}

/* What came after the last look must not end keg when the old mask is back. */
static void give_back_signals(struct proxy *proxy)
{
    if (proxy->signal_fd < 0)
        return;
    read_signals(proxy);
    (void)close(TAKE_FD(proxy->signal_fd));
    (void)sigaction(SIGPIPE, &proxy->old_pipe, NULL);
    (void)sigprocmask(SIG_SETMASK, &proxy->old_mask, NULL);
}

/* -------------------------------------------------------------------------------------------
 * streams */

static int set_nonblocking(int fd, struct keg_err *err)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return keg_fail_errno(err, "make a stream of the container non-blocking");
    return 0;
}

static int open_console(struct proxy *proxy, const int caller_fds[static 3], struct keg_err *err)
{
    int console = proxy->target->console_fd;
    int r = set_nonblocking(console, err);

    if (r < 0)
        return r;
    proxy_channel_open(&proxy->channels[OUTPUT], console, -1);
    proxy_channel_output(&proxy->channels[OUTPUT], caller_fds[STDOUT_FILENO]);
    proxy->channels[OUTPUT].console = true;
    if (isatty(caller_fds[STDIN_FILENO]))
        proxy->terminal_fd = caller_fds[STDIN_FILENO];
    else if (isatty(caller_fds[STDOUT_FILENO]))
        proxy->terminal_fd = caller_fds[STDOUT_FILENO];
    resize(proxy);
    if (!proxy->options->interactive)
        return 0;
    proxy_channel_open(&proxy->channels[INPUT], caller_fds[STDIN_FILENO], console);
    if (proxy->terminal_fd == caller_fds[STDIN_FILENO])
        return tty_raw_enter(proxy->terminal_fd, err);
    return 0;
}

/* The options' fd is taken: it belongs to the channel now. */
static int open_pipe_out(struct proxy_channel *channel, int *read_fd, int caller_fd,
                         struct keg_err *err)
{
    if (*read_fd < 0)
        return 0;
    proxy_channel_open(channel, TAKE_FD(*read_fd), -1);
    channel->close_from = true;
    proxy_channel_output(channel, caller_fd);
    return set_nonblocking(channel->from, err);
}

static int open_pipe_in(struct proxy_channel *channel, int *write_fd, int caller_fd,
                        struct keg_err *err)
{
    if (*write_fd < 0)
        return 0;
    proxy_channel_open(channel, caller_fd, TAKE_FD(*write_fd));
    channel->close_to = true;
    return set_nonblocking(channel->to, err);
}

static int open_streams(struct proxy *proxy, const int caller_fds[static 3], struct keg_err *err)
{
    struct run_proxy_options *options = proxy->options;
    struct proxy_channel *channels = proxy->channels;
    int r = open_pipe_in(&channels[INPUT], &options->stdin_write_fd, caller_fds[STDIN_FILENO], err);

    if (r == 0)
        r = open_pipe_out(&channels[OUTPUT], &options->stdout_read_fd, caller_fds[STDOUT_FILENO],
                          err);
    if (r == 0)
        r = open_pipe_out(&channels[ERRORS], &options->stderr_read_fd, caller_fds[STDERR_FILENO],
                          err);
    if (r == 0 && proxy->target->console_fd >= 0)
        r = open_console(proxy, caller_fds, err);
    return r;
}

/* ----------------------------------------------------------------------------------------------
 * loop */

static bool is_finished(const struct proxy *proxy)
{
    return proxy->ended && !proxy_channel_busy(&proxy->channels[OUTPUT]) &&
           !proxy_channel_busy(&proxy->channels[ERRORS]);
}

static int next_timeout_ms(const struct proxy *proxy)
{
    for (size_t i = 0; i < CHANNELS; i++) {
        const struct proxy_channel *channel = &proxy->channels[i];

        /* After the end what is still to be read is there at once. */
        if (proxy->ended && channel->from >= 0 && channel->length == 0)
            return 0;
        if (channel->hung)
            return HUNG_RETRY_MS;
    }
    return -1;
}

/* A reader that has gone takes the input with it: nothing more is read from the caller, who may
 * want it. */
static void pump_input(struct proxy *proxy, bool ready)
{
    struct proxy_channel *input = &proxy->channels[INPUT];

    proxy_channel_pump(input, ready, false);
    if (input->deaf || proxy->ended)
        proxy_channel_stop(input);
}

static int step(struct proxy *proxy, struct keg_err *err)
{
    enum { SIGNALS = CHANNELS, END, POLLED };
    struct pollfd polled[POLLED];

    for (size_t i = 0; i < CHANNELS; i++)
        polled[i] = proxy_channel_poll(&proxy->channels[i]);
    polled[SIGNALS] = (struct pollfd){.fd = proxy->signal_fd, .events = POLLIN};
    polled[END] = (struct pollfd){.fd = proxy->ended ? -1 : proxy->target->pidfd, .events = POLLIN};
    if (poll(polled, POLLED, next_timeout_ms(proxy)) < 0 && errno != EINTR)
        return keg_fail_errno(err, "wait for the container");
    if (polled[SIGNALS].revents)
        read_signals(proxy);
    if (polled[END].revents)
        proxy->ended = true;
    pump_input(proxy, polled[INPUT].revents);
    for (size_t i = OUTPUT; i < CHANNELS; i++)
        proxy_channel_pump(&proxy->channels[i], polled[i].revents, proxy->ended);
    return 0;
}

/* A full disk behind the caller's redirection did not stop the container, but must not look like
 * success. */
static int check_outputs(const struct proxy *proxy, struct keg_err *err)
{
    for (size_t i = OUTPUT; i < CHANNELS; i++) {
        int error = proxy->channels[i].write_error;

        if (error)
            return keg_fail(err, -error, "write the container's %s: %s",
                            i == OUTPUT ? "output" : "error output", keg_errno_text(error));
    }
    return 0;
}

static int serve(struct proxy *proxy, const int caller_fds[static 3], struct keg_err *err)
{
    int r = take_signals(proxy, err);

    if (r == 0)
        r = open_streams(proxy, caller_fds, err);
    while (r == 0 && !is_finished(proxy))
        r = step(proxy, err);
    return r == 0 ? check_outputs(proxy, err) : r;
}

static void close_option(int *fd)
{
    if (*fd >= 0)
        (void)close(TAKE_FD(*fd));
}

int proxy_run(const struct proxy_target *target, const int caller_fds[static 3],
              struct run_proxy_options *options, struct keg_err *err)
{
    /* On the heap for the buffers' sake; pages that are never used cost nothing. */
    _cleanup_free_ struct proxy *proxy = malloc(sizeof(*proxy));
    int r;

    if (!proxy)
        return keg_fail(err, -ENOMEM, "out of memory");
    proxy->target = target;
    proxy->options = options;
    proxy->terminal_fd = proxy->signal_fd = -1;
    proxy->ended = false;
    proxy->stops = 0;
    for (size_t i = 0; i < CHANNELS; i++)
        proxy_channel_init(&proxy->channels[i]);
    r = serve(proxy, caller_fds, err);
    tty_raw_leave();
    for (size_t i = 0; i < CHANNELS; i++)
        proxy_channel_done(&proxy->channels[i]);
    give_back_signals(proxy);
    close_option(&options->stdin_write_fd);
    close_option(&options->stdout_read_fd);
    close_option(&options->stderr_read_fd);
    return r;
}
