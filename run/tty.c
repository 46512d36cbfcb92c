/* SPDX-License-Identifier: Apache-2.0 */
/* Raw mode of the caller's terminal, restored also by the handlers of fatal signals. */
#include "run/tty.h"

#include "base/cleanup.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};

/* Process-wide, because a signal handler has nothing else to find it by. */
static struct {
    int fd; /* -1: no terminal is in raw mode */
    struct termios before;
    struct termios raw;
    struct sigaction actions[KEG_ARRAY_SIZE(fatal_signals)];
} terminal = {.fd = -1};

static void restore_actions(void)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(fatal_signals); i++)
        (void)sigaction(fatal_signals[i], &terminal.actions[i], NULL);
}

/* All calls here are async-signal-safe (signal-safety(7)). A fault comes again on return and meets
 * the action that stood before; what a process sent (abort() too) must be sent again. */
static void on_fatal_signal(int signal, siginfo_t *info, void *context)
{
    (void)context;
    (void)tcsetattr(terminal.fd, TCSANOW, &terminal.before);
    restore_actions();
    if (info->si_code <= 0)
        (void)raise(signal);
}

static void catch_fatal_signals(void)
{
    struct sigaction action = {.sa_sigaction = on_fatal_signal, .sa_flags = SA_SIGINFO};

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(fatal_signals); i++)
        (void)sigaction(fatal_signals[i], &action, &terminal.actions[i]);
}

int tty_raw_enter(int fd, struct keg_err *err)
{
    if (terminal.fd >= 0)
        return keg_fail(err, -EBUSY, "a terminal is in raw mode already");
    if (tcgetattr(fd, &terminal.before) < 0)
        return keg_fail_errno(err, "read the terminal's settings");
    terminal.raw = terminal.before;
    cfmakeraw(&terminal.raw);
    terminal.fd = fd;
    catch_fatal_signals();
    if (tcsetattr(fd, TCSANOW, &terminal.raw) < 0) {
        int r = keg_fail_errno(err, "put the terminal in raw mode");

        tty_raw_leave();
        return r;
    }
    return 0;
}

void tty_raw_again(void)
{
    if (terminal.fd >= 0)
        (void)tcsetattr(terminal.fd, TCSANOW, &terminal.raw);
}

void tty_raw_leave(void)
{
    if (terminal.fd < 0)
        return;
    (void)tcsetattr(terminal.fd, TCSANOW, &terminal.before);
    restore_actions();
    terminal.fd = -1;
}

int tty_copy_size(int from, int to)
{
    struct winsize size;

    if (ioctl(from, TIOCGWINSZ, &size) < 0 || ioctl(to, TIOCSWINSZ, &size) < 0)
        return -errno;
    return 0;
}
