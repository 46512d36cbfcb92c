/* SPDX-License-Identifier: Apache-2.0 */
/* A D-Bus connection: the socket, its handshake, calls and their replies. */
#include "run/dbus.h"

#include <endian.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A line of the handshake: a word, and a GUID of 32 digits or a list of mechanisms. */
#define AUTH_LINE_MAX_BYTES 512
#define HEAD_BYTES          16
/* 340 lines (user_namespaces(7)) of three numbers. */
#define UID_MAP_MAX_BYTES 16384

static int await(const struct dbus *dbus, short events)
{
    for (;;) {
        int64_t left = dbus->deadline_ms - keg_monotonic_ms();
        struct pollfd ready = {.fd = dbus->fd, .events = events};
        if (left <= 0)
            return -ETIMEDOUT;
        int count = poll(&ready, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
    }
}

static int send_all(const struct dbus *dbus, const void *data, size_t length)
{
    for (const char *p = data; length > 0;) {
        ssize_t sent = send(dbus->fd, p, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (sent < 0) {
            int result = await(dbus, POLLOUT);
            if (result < 0)
                return result;
            continue;
        }
        p += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static int receive_all(const struct dbus *dbus, void *data, size_t length)
{
    for (char *p = data; length > 0;) {
        int result = await(dbus, POLLIN);
        if (result < 0)
            return result;
        ssize_t got = recv(dbus->fd, p, length, MSG_DONTWAIT);
        if (got == 0)
            return -ECONNRESET;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (got < 0)
            continue;
        p += got;
        length -= (size_t)got;
    }
    return 0;
}

/* ---- the handshake */

/* Byte by byte: what is behind the line is a message already. */
static int receive_line(const struct dbus *dbus, char line[static AUTH_LINE_MAX_BYTES])
{
    for (size_t length = 0; length < AUTH_LINE_MAX_BYTES - 1; length++) {
        int result = receive_all(dbus, line + length, 1);
        if (result < 0)
            return result;
        if (line[length] != '\n')
            continue;
        line[length] = '\0';
        return 0;
    }
    return -EPROTO;
}

/* This user's number as the other side's kernel shows it: outside of a user namespace. */
static uint64_t outer_uid(void)
{
    uint64_t uid = geteuid();
    unsigned inside, outside, count;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, "/proc/self/uid_map", O_RDONLY, 0);
    _cleanup_buf_ struct keg_buf maps = keg_buf_init(UID_MAP_MAX_BYTES);
    if (fd < 0 || keg_read_all(fd, UID_MAP_MAX_BYTES, &maps) < 0)
        return uid;
    for (const char *line = maps.data; line && *line; line += *line == '\n') {
        if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && uid >= inside &&
            uid - inside < count)
            return uid - inside + outside;
        line += strcspn(line, "\n");
    }
    return uid;
}

/* All at once: systemd does not look at a message that came together with BEGIN before more
 * comes. */
static int authenticate(const struct dbus *dbus, struct keg_err *err)
{
    char decimal[24], hex[sizeof(decimal) * 2], line[AUTH_LINE_MAX_BYTES];
    int digits = snprintf(decimal, sizeof(decimal), "%" PRIu64, outer_uid());
    keg_hex((const uint8_t *)decimal, (size_t)digits, hex);
    int length = snprintf(line, sizeof(line), "%cAUTH EXTERNAL %s\r\nBEGIN\r\n", 0, hex);
    int result = send_all(dbus, line, (size_t)length);
    if (result == 0)
        result = receive_line(dbus, line);
    if (result == 0 && !keg_starts_with(line, "OK "))
        return keg_fail(err, -EACCES, "it refuses this user");
    return result < 0 ? keg_fail(err, result, "%s", keg_errno_text(result)) : 0;
}

static int open_socket(const char *address, struct keg_err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t length = strlen(address);
    if (length >= sizeof(name.sun_path))
        return keg_fail(err, -ENAMETOOLONG, "'%s' is too long for a socket", address);
    memcpy(name.sun_path, address, length);
    if (*address == '@')
        name.sun_path[0] = '\0';
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (fd < 0 || connect(fd, (struct sockaddr *)&name, size) < 0)
        return keg_fail_errno(err, "'%s'", address);
    return TAKE_FD(fd);
}

int dbus_connect(const char *address, int64_t timeout_ms, struct dbus *ret, struct keg_err *err)
{
    struct dbus dbus = {.deadline_ms = keg_monotonic_ms() + timeout_ms};
    dbus.fd = open_socket(address, err);
    if (dbus.fd < 0)
        return dbus.fd;
    int result = authenticate(&dbus, err);
    if (result < 0) {
        dbus_close(&dbus);
        return keg_wrap(err, "'%s'", address);
    }
    *ret = dbus;
    return 0;
}

void dbus_close(struct dbus *dbus)
{
    keg_cleanup_fd(&dbus->fd);
    dbus->fd = -1;
}

/* ---- calls */

static void put_field(struct keg_buf *head, uint8_t code, const char *type, const char *value)
{
    dbus_put_align(head, 8);
    keg_buf_add(head, &code, 1);
    dbus_put_signature(head, type);
    if (*type == 'g')
        dbus_put_signature(head, value);
    else
        dbus_put_string(head, value);
}

static void put_head(struct keg_buf *head, const struct dbus_method *method, const char *signature,
                     size_t body_length, uint32_t serial)
{
    const uint8_t begin[] = {__BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B', DBUS_CALL, 0, 1};
    keg_buf_add(head, begin, sizeof(begin));
    dbus_put_u32(head, (uint32_t)body_length);
    dbus_put_u32(head, serial);
    size_t fields = dbus_open_array(head, 8);
    put_field(head, 1, "o", method->path);
    put_field(head, 6, "s", method->destination);
    put_field(head, 2, "s", method->interface);
    put_field(head, 3, "s", method->member);
    if (*signature)
        put_field(head, 8, "g", signature);
    dbus_close_array(head, fields, 8);
    dbus_put_align(head, 8);
}

static int receive(const struct dbus *dbus, struct dbus_message *ret, struct keg_err *err)
{
    uint8_t head[HEAD_BYTES];
    int result = receive_all(dbus, head, sizeof(head));
    size_t length = result == 0 ? dbus_message_length(head) : 0;
    _cleanup_free_ uint8_t *bytes = length ? malloc(length) : NULL;
    if (result == 0 && !bytes)
        result = length ? -ENOMEM : -EPROTO;
    if (result == 0) {
        memcpy(bytes, head, sizeof(head));
        result = receive_all(dbus, bytes + sizeof(head), length - sizeof(head));
    }
    if (result == 0)
        result = dbus_parse(bytes, length, ret);
    if (result < 0)
        return keg_fail(err, result, "%s",
                        result == -EPROTO ? "its answer is no D-Bus message"
                                          : keg_errno_text(result));
    ret->bytes = TAKE_PTR(bytes);
    return 0;
}

static void hand_over(const struct dbus *dbus, const struct dbus_message *message)
{
    if (message->type == DBUS_SIGNAL && dbus->on_signal)
        dbus->on_signal(message, dbus->data);
}

int dbus_next(struct dbus *dbus, struct keg_err *err)
{
    struct dbus_message message;
    int result = receive(dbus, &message, err);
    if (result < 0)
        return result;
    hand_over(dbus, &message);
    dbus_message_done(&message);
    return 0;
}

static int fail_remote(struct dbus_message *message, struct keg_err *err)
{
    const char *words = *message->signature == 's' ? dbus_take_string(&message->body) : "";
    return keg_fail(err, -EREMOTEIO, "%s: %s", message->error_name, words);
}

static int await_reply(struct dbus *dbus, uint32_t serial, struct dbus_message *ret,
                       struct keg_err *err)
{
    for (;;) {
        struct dbus_message message;
        int result = receive(dbus, &message, err);
        if (result < 0)
            return result;
        bool replies = (message.type == DBUS_RETURN || message.type == DBUS_ERROR) &&
                       message.reply_serial == serial;
        if (replies && message.type == DBUS_RETURN && ret) {
            *ret = message;
            return 0;
        }
        if (replies && message.type == DBUS_ERROR)
            result = fail_remote(&message, err);
        hand_over(dbus, &message);
        dbus_message_done(&message);
        if (replies)
            return result;
    }
}

int dbus_call(struct dbus *dbus, const struct dbus_method *method, const char *signature,
              const struct keg_buf *body, struct dbus_message *ret, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf head = keg_buf_init(DBUS_BODY_MAX_BYTES);
    uint32_t serial = ++dbus->serial;
    put_head(&head, method, signature, body ? body->length : 0, serial);
    int result = keg_buf_ok(&head, err, method->member);
    if (result == 0 && body)
        result = keg_buf_ok(body, err, method->member);
    if (result < 0)
        return result;
    result = send_all(dbus, head.data, head.length);
    if (result == 0 && body)
        result = send_all(dbus, body->data, body->length);
    if (result < 0)
        return keg_fail(err, result, "%s: %s", method->member, keg_errno_text(result));
    result = await_reply(dbus, serial, ret, err);
    return result == -EREMOTEIO || result == 0 ? result : keg_wrap(err, "%s", method->member);
}
