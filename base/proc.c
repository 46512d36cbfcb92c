/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, clocks and what identifies them. */
#include "base/base.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

int keg_boot_id(char text[static 37])
{
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
    if (fd < 0)
        return fd;
    ssize_t n = keg_read(fd, text, 36);
    if (n != 36)
        return n < 0 ? (int)n : -EIO;
    text[36] = '\0';
    return 0;
}

int keg_pid_start_time(pid_t pid, uint64_t *ret_ticks)
{
    char path[32], stat[1024];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return fd == -ENOENT ? -ESRCH : fd;
    ssize_t n = keg_read(fd, stat, sizeof(stat) - 1);
    if (n <= 0)
        return n < 0 ? (int)n : -ESRCH;
    stat[n] = '\0';
    /* The command name may hold blanks and parentheses: fields are counted from the last ')'. */
    const char *field = strrchr(stat, ')');
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    if (!field)
        return -EPROTO;
    char digits[24] = "";
    size_t length = strspn(field + 1, "0123456789");
    if (length >= sizeof(digits))
        return -EPROTO;
    memcpy(digits, field + 1, length);
    return keg_parse_u64(digits, 0, UINT64_MAX, ret_ticks);
}

int keg_wait_child(pid_t pid, int *ret_status)
{
    for (;;) {
        if (waitpid(pid, ret_status, 0) == pid)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

int keg_exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct timespec keg_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

int64_t keg_monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int keg_exe_dir(char **ret, struct keg_err *err)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n < 0)
        return keg_fail_errno(err, "read '/proc/self/exe'");
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return keg_fail(err, -EPROTO, "'/proc/self/exe' names '%s'", path);
    *slash = '\0';
    *ret = keg_strdup(path);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}
