/* SPDX-License-Identifier: Apache-2.0 */
/* Packets between parent and child. */
#include "run/channel.h"

#include <string.h>
#include <sys/socket.h>

/* The largest packet; most are one byte. */
struct packet {
    uint8_t kind;
    union {
        struct keg_err err;
        pid_t pid;
    } with;
};

union fd_control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

/* 0 to 2 become the container's in the child; a caller that closed its own would have us use them
 * here. */
static int move_up(int *fd)
{
    if (*fd > STDERR_FILENO)
        return 0;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return -errno;
    (void)close(*fd);
    *fd = moved;
    return 0;
}

int channel_open(int ret[static 2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
        return -errno;
    int r = move_up(&ret[0]);
    if (r == 0)
        r = move_up(&ret[1]);
    if (r < 0) {
        (void)close(ret[0]);
        (void)close(ret[1]);
    }
    return r;
}

static int send_packet(int fd, const void *data, size_t length, int passed_fd)
{
    union fd_control control = {.space = {0}};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int channel_send(int fd, enum channel_kind kind)
{
    uint8_t byte = (uint8_t)kind;
    return send_packet(fd, &byte, 1, -1);
}

int channel_send_error(int fd, const struct keg_err *err)
{
    struct packet packet = {.kind = CHANNEL_FAILED, .with.err = *err};
    return send_packet(fd, &packet, sizeof(packet), -1);
}

int channel_send_pid(int fd, pid_t pid, int pidfd)
{
    struct packet packet = {.kind = CHANNEL_CHILD, .with.pid = pid};
    return send_packet(fd, &packet, sizeof(packet), pidfd);
}

int channel_send_fd(int fd, enum channel_kind kind, int passed_fd)
{
    uint8_t byte = (uint8_t)kind;
    return send_packet(fd, &byte, 1, passed_fd);
}

static int received_fd(struct msghdr *message)
{
    int fd = -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(header), sizeof(int));
    return fd;
}

static bool is_complete(const struct packet *packet, ssize_t length, int fd)
{
    if (packet->kind > CHANNEL_START)
        return false;
    bool with_more = packet->kind == CHANNEL_FAILED || packet->kind == CHANNEL_CHILD;
    bool carries = packet->kind == CHANNEL_CONSOLE || packet->kind == CHANNEL_SECCOMP ||
                   packet->kind == CHANNEL_NETNS_FD || packet->kind == CHANNEL_CHILD;
    return length == (with_more ? (ssize_t)sizeof(*packet) : 1) && carries == (fd >= 0);
}

int channel_receive(int fd, struct channel_message *ret)
{
    struct packet packet = {0};
    union fd_control control = {.space = {0}};
    struct iovec iov = {&packet, sizeof(packet)};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t n;
    bool was_reset = false;
    /* An end that closes with a packet of ours unread makes the next call here fail with
     * ECONNRESET, once, in front of what that end had said before. */
    do {
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 &&
             (errno == EINTR || (errno == ECONNRESET && !was_reset && (was_reset = true))));
    if (n < 0)
        return errno == ECONNRESET ? 0 : -errno;
    if (n == 0)
        return 0;
    _cleanup_fd_ int passed = received_fd(&message);
    if (!is_complete(&packet, n, passed))
        return -EPROTO;
    *ret = (struct channel_message){.kind = (enum channel_kind)packet.kind, .fd = TAKE_FD(passed)};
    if (ret->kind == CHANNEL_CHILD)
        ret->pid = packet.with.pid;
    if (ret->kind == CHANNEL_FAILED)
        ret->err = packet.with.err;
    ret->err.text[sizeof(ret->err.text) - 1] = '\0';
    return 1;
}
