/* SPDX-License-Identifier: Apache-2.0 */
/* Runs as pid 1 of a container with --init: passes signals on, reaps, and ends with its child. */
#include "run/init.h"

#include "run/child_fds.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* The exit code once ${child} has ended, -1 while it runs. */
static int reap(pid_t child)
{
    int code = -1, status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == child)
            code = keg_exit_code(status);
    return code;
}

static _Noreturn void look_after(pid_t child)
{
    sigset_t all;
    (void)sigfillset(&all);
    for (;;) {
        siginfo_t info;
        /* Blocked signals reach even pid 1, which the kernel otherwise shields from those without a
         * handler. */
        int signal = sigwaitinfo(&all, &info);
        if (signal > 0 && signal != SIGCHLD)
            (void)kill(child, signal);
        int code = reap(child);
        if (code >= 0)
            _exit(code);
    }
}

/* Both lie on the stack, the environment behind the command line (proc(5): fields 48 to 51). */
static void find_region(const char *fields, struct init_region *ret, const char **ret_rest)
{
    unsigned long start, end;
    int length = 0;
    if (sscanf(fields, "%lu %lu%n", &start, &end, &length) == 2 && start < end) {
        ret->start = (char *)start; // NOLINT(performance-no-int-to-ptr): the kernel's word
        ret->length = end - start;
    }
    *ret_rest = fields + length;
}

void init_find_arguments(int proc_fd, struct init_arguments *ret)
{
    _cleanup_buf_ struct keg_buf text = {0};
    *ret = (struct init_arguments){0};
    if (keg_read_file(proc_fd, "self/stat", 4096, &text, NULL) < 0)
        return;
    /* The name, field 2, may hold blanks and brackets. */
    const char *at = strrchr(text.data, ')');
    for (int field = 2; at && field < 48; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return;
    find_region(at, &ret->line, &at);
    find_region(at, &ret->environment, &at);
}

static void hide(const struct init_arguments *arguments)
{
    static const char name[] = "keg-init";
    if (arguments->environment.length > 0)
        explicit_bzero(arguments->environment.start, arguments->environment.length);
    if (arguments->line.length < sizeof(name))
        return;
    explicit_bzero(arguments->line.start, arguments->line.length);
    memcpy(arguments->line.start, name, sizeof(name));
}

int init_become(const struct init_arguments *arguments, struct keg_err *err)
{
    /* This process keeps keg's file as its program: without this, the container's root could reach
     * it as /proc/1/exe (CVE-2019-5736); it would need CAP_SYS_PTRACE now. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return keg_fail_errno(err, "init: not dumpable");
    /* Before the program can look. What it will be given is on the heap. */
    hide(arguments);
    pid_t child = fork();
    if (child < 0)
        return keg_fail_errno(err, "init: fork");
    if (child == 0)
        return 0;
    (void)prctl(PR_SET_NAME, "keg-init", 0, 0, 0);
    (void)setsid();
    child_close_fds_from(0);
    look_after(child);
}
