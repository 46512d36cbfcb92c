/* SPDX-License-Identifier: Apache-2.0 */
/* Pid files, sockets that get fds, and fds that go on to the container. */
#include "cmd/runtime/handover.h"

#include "cmd/run/plan.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The folder of ${path}, and the name in it. */
static int open_parent(int dirfd, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    if (!slash)
        return keg_openat(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
    _cleanup_free_ char *parent = keg_strndup(path, (size_t)(slash - path) + 1);
    return parent ? keg_openat(dirfd, parent, O_RDONLY | O_DIRECTORY, 0) : -ENOMEM;
}

int runtime_pid_file_write(int dirfd, const char *path, pid_t pid, struct keg_err *err)
{
    char text[16];
    const char *name;
    int length = snprintf(text, sizeof(text), "%d", (int)pid);
    _cleanup_fd_ int parent = open_parent(dirfd, path, &name);
    int r = parent < 0 ? parent : keg_replace_file(parent, name, text, (size_t)length, 0644, false);
    return r < 0 ? keg_fail(err, r, "write the pid file '%s': %s", path, keg_errno_text(r)) : 0;
}

/* sun_path holds 107 bytes: longer paths are reached by way of their folder. */
static int connect_to(int socket, int dirfd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *name;
    _cleanup_fd_ int parent = open_parent(dirfd, path, &name);
    if (parent < 0)
        return parent;
    int length =
        snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", parent, name);
    if (length >= (int)sizeof(address.sun_path))
        return -ENAMETOOLONG;
    return connect(socket, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int runtime_socket_connect(int dirfd, const char *path, int *ret, struct keg_err *err)
{
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -errno : connect_to(fd, dirfd, path);
    if (r < 0)
        return keg_fail(err, r, "connect to the socket '%s': %s", path, keg_errno_text(r));
    *ret = TAKE_FD(fd);
    return 0;
}

int runtime_socket_send(int socket, int fd, const char *name, struct keg_err *err)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec data = {(void *)(uintptr_t)name, strlen(name)};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? keg_fail_errno(err, "send '%s' to the socket", name) : 0;
}

/* sd_listen_fds(3): the variables are for the process that they name, and no other. */
static unsigned listen_fds(void)
{
    uint64_t pid, count;
    const char *pid_text = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    if (!pid_text || !count_text || keg_parse_u64(pid_text, 1, INT32_MAX, &pid) < 0 ||
        keg_parse_u64(count_text, 0, INT16_MAX, &count) < 0)
        return 0;
    return pid == (uint64_t)getpid() ? (unsigned)count : 0;
}

/* The program is pid 1 of its namespace. */
static int set_listen_variables(unsigned count, char ***env)
{
    char fds[32];
    const char *names = getenv("LISTEN_FDNAMES");
    snprintf(fds, sizeof(fds), "LISTEN_FDS=%u", count);
    int r = plan_env_set(env, fds);
    if (r == 0)
        r = plan_env_set(env, "LISTEN_PID=1");
    if (r < 0 || !names)
        return r;
    _cleanup_free_ char *entry = keg_asprintf("LISTEN_FDNAMES=%s", names);
    return entry ? plan_env_set(env, entry) : -ENOMEM;
}

int runtime_pass_fds(const struct runtime *runtime, char ***env, int64_t preserve,
                     unsigned *ret_count, struct keg_err *err)
{
    unsigned count = env ? listen_fds() : 0;
    if (preserve < 0 || preserve > INT16_MAX)
        return keg_fail(err, -EINVAL, "--preserve-fds: %lld is no number of fds",
                        (long long)preserve);
    if (count + preserve > runtime->inherited_fds)
        return keg_fail(err, -EBADF, "--preserve-fds: fd %u is not open",
                        STDERR_FILENO + 1 + runtime->inherited_fds);
    if (count > 0 && set_listen_variables(count, env) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    *ret_count = count + (unsigned)preserve;
    return 0;
}
