/* SPDX-License-Identifier: Apache-2.0 */
/* The container's standard streams: the caller's own where they are pipes or devices, else pipes of
 * ours. */
#include "cmd/launch.h"

#include <sys/stat.h>

static void own(struct cmd_launch_stdio *stdio, int fd)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(stdio->owned); i++) {
        if (stdio->owned[i] < 0) {
            stdio->owned[i] = fd;
            return;
        }
    }
}

/* A pipe: the container's end in container_fds, ours for the proxy. */
static int open_pipe(struct cmd_launch_stdio *stdio, int number, int *ret_ours, struct keg_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return keg_fail_errno(err, "make a pipe");
    bool input = number == STDIN_FILENO;
    stdio->container_fds[number] = ends[input ? 0 : 1];
    own(stdio, ends[input ? 0 : 1]);
    *ret_ours = ends[input ? 1 : 0];
    return 0;
}

/* A folder of the host as fd 0 would be a way into the host: cd /proc/self/fd/0/.. */
static int pass(struct cmd_launch_stdio *stdio, int number, struct keg_err *err)
{
    struct stat st;
    if (fstat(number, &st) < 0)
        return keg_fail_errno(err, "stat fd %d", number);
    if (S_ISDIR(st.st_mode))
        return keg_fail(err, -EISDIR, "fd %d is a folder, which no container may get", number);
    stdio->container_fds[number] = number;
    return 0;
}

static int open_stdin(const struct plan_flags *flags, struct cmd_launch_stdio *stdio,
                      struct keg_err *err)
{
    if (flags->interactive && isatty(STDIN_FILENO))
        return open_pipe(stdio, STDIN_FILENO, &stdio->proxy.stdin_write_fd, err);
    if (flags->interactive)
        return pass(stdio, STDIN_FILENO, err);
    int fd = keg_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '/dev/null': %s", keg_errno_text(fd));
    stdio->container_fds[STDIN_FILENO] = fd;
    own(stdio, fd);
    return 0;
}

static bool is_same_file(int a, int b)
{
    struct stat first, second;
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* A pipe or a device goes in as it is. A file does not: who opens it again as /dev/stdout would cut
 * it, or may not at all if not root; nor a socket, which nobody can open again. */
static bool is_passed(int number)
{
    struct stat st;
    if (fstat(number, &st) < 0 || S_ISDIR(st.st_mode))
        return true; /* pass() refuses it */
    return S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(number));
}

static int open_output(struct cmd_launch_stdio *stdio, int number, int *ret_ours,
                       struct keg_err *err)
{
    if (is_passed(number))
        return pass(stdio, number, err);
    /* One pipe for both keeps the order of what is written. */
    if (number == STDERR_FILENO && is_same_file(STDOUT_FILENO, STDERR_FILENO)) {
        stdio->container_fds[STDERR_FILENO] = stdio->container_fds[STDOUT_FILENO];
        return 0;
    }
    return open_pipe(stdio, number, ret_ours, err);
}

int cmd_launch_stdio_open(const struct plan_flags *flags, struct cmd_launch_stdio *ret,
                          struct keg_err *err)
{
    *ret = CMD_LAUNCH_STDIO_INIT;
    ret->proxy.interactive = flags->interactive;
    ret->proxy.sig_proxy = !flags->no_sig_proxy;
    if (flags->tty)
        return 0;
    int r = open_stdin(flags, ret, err);
    if (r == 0)
        r = open_output(ret, STDOUT_FILENO, &ret->proxy.stdout_read_fd, err);
    if (r == 0)
        r = open_output(ret, STDERR_FILENO, &ret->proxy.stderr_read_fd, err);
    return r;
}

void cmd_launch_stdio_close_container_side(struct cmd_launch_stdio *stdio)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(stdio->owned); i++) {
        if (stdio->owned[i] >= 0)
            (void)close(stdio->owned[i]);
        stdio->owned[i] = -1;
    }
}

void cmd_launch_stdio_done(struct cmd_launch_stdio *stdio)
{
    int *ours[] = {&stdio->proxy.stdin_write_fd, &stdio->proxy.stdout_read_fd,
                   &stdio->proxy.stderr_read_fd};
    cmd_launch_stdio_close_container_side(stdio);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(ours); i++) {
        if (*ours[i] >= 0)
            (void)close(*ours[i]);
        *ours[i] = -1;
    }
}
