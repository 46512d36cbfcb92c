/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: the listener of a filter goes to its agent. */
#include "run/seccomp_listener.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What the message complies with: the first version that has it. */
#define OCI_VERSION "1.0.2"

static char *make_text(const struct seccomp_agent *agent, const char *state_text, pid_t pid)
{
    json_t *state = keg_json_parse(state_text, strlen(state_text), NULL);
    _cleanup_json_ json_t *json =
        json_pack("{s:s, s:[s], s:I, s:o}", "ociVersion", OCI_VERSION, "fds", "seccompFd", "pid",
                  (json_int_t)pid, "state", state);
    if (!json)
        return NULL;
    if (agent->metadata && json_object_set_new(json, "metadata", json_string(agent->metadata)) < 0)
        return NULL;
    return keg_json_dump(json, false);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length + 1);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r;
    do
        r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : TAKE_FD(fd);
}

/* The fd goes with the first byte. */
static ssize_t send_some(int socket_fd, const char *text, size_t length, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = length};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int send_all(int socket_fd, const char *text, int fd)
{
    size_t length = strlen(text);
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send_some(socket_fd, text + sent, length - sent, sent == 0 ? fd : -1);
        if (n < 0)
            return (int)n;
        sent += (size_t)n;
    }
    return 0;
}

int seccomp_listener_send(const struct seccomp_agent *agent, const char *state_text, pid_t pid,
                          int fd, struct keg_err *err)
{
    _cleanup_free_ char *text = make_text(agent, state_text, pid);
    if (!text)
        return keg_fail(err, -ENOMEM, "seccomp: out of memory");
    _cleanup_fd_ int socket_fd = connect_to(agent->path);
    int r = socket_fd < 0 ? socket_fd : send_all(socket_fd, text, fd);
    if (r < 0)
        return keg_fail(err, r, "seccomp: reach the agent at '%s': %s", agent->path,
                        keg_errno_text(r));
    return 0;
}
