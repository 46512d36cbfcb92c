/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of the proxy. */
#include "run/proxy_channel.h"

#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void proxy_channel_init(struct proxy_channel *channel)
{
    channel->from = channel->to = -1;
    channel->close_from = channel->close_to = false;
    channel->console = channel->hung = channel->deaf = false;
    channel->write_error = 0;
    channel->chunk_bytes = PROXY_BUFFER_BYTES;
    channel->start = channel->length = 0;
}

void proxy_channel_open(struct proxy_channel *channel, int from, int to)
{
    channel->from = from;
    channel->to = to;
}

void proxy_channel_output(struct proxy_channel *channel, int fd)
{
    struct stat status;
    char path[64];
    int again;

    channel->to = fd;
    /* Files never block for long; sockets cannot be opened (write_now()). */
    if (fstat(fd, &status) < 0 || !(S_ISFIFO(status.st_mode) || isatty(fd)))
        return;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    again = keg_openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (again < 0) {
        channel->chunk_bytes = PIPE_BUF;
        return;
    }
    channel->to = again;
    channel->close_to = true;
}

struct pollfd proxy_channel_poll(const struct proxy_channel *channel)
{
    if (channel->length)
        return (struct pollfd){.fd = channel->to, .events = POLLOUT};
    if (channel->hung)
        return (struct pollfd){.fd = -1};
    return (struct pollfd){.fd = channel->from, .events = POLLIN};
}

static void close_end(int *fd, bool *owned)
{
    if (*owned && *fd >= 0)
        (void)close(*fd);
    *owned = false;
    *fd = -1;
}

/* No more comes; what is held is still written. */
static void end_input(struct proxy_channel *channel)
{
    close_end(&channel->from, &channel->close_from);
    if (channel->length == 0)
        close_end(&channel->to, &channel->close_to);
}

static void read_some(struct proxy_channel *channel, bool last)
{
    ssize_t n = keg_read(channel->from, channel->data, sizeof(channel->data));

    channel->hung = false;
    if (n > 0) {
        channel->start = 0;
        channel->length = channel->deaf ? 0 : (size_t)n;
    } else if (n == -EAGAIN && !last) {
        return;
    } else if (n == -EIO && channel->console && !last) {
        channel->hung = true;
    } else {
        end_input(channel);
    }
}

/* A reader that went away, a terminal that hung up or a closed fd is no error of ours: the
 * container goes on, as behind a shell's `| head`. A full disk is one. */
static void give_up_output(struct proxy_channel *channel, int error)
{
    channel->length = 0;
    channel->deaf = true;
    if (error != EPIPE && error != EIO && error != EBADF)
        channel->write_error = error;
}

/* A socket is not opened again to make it non-blocking, but can be written to so. */
static ssize_t write_now(int fd, const char *data, size_t size)
{
    ssize_t n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 && errno == ENOTSOCK ? write(fd, data, size) : n;
}

static void write_some(struct proxy_channel *channel)
{
    size_t size = channel->length < channel->chunk_bytes ? channel->length : channel->chunk_bytes;
    ssize_t n = write_now(channel->to, channel->data + channel->start, size);

    if (n >= 0) {
        channel->start += (size_t)n;
        channel->length -= (size_t)n;
    } else if (errno != EAGAIN && errno != EINTR) {
        give_up_output(channel, errno);
    }
    if (channel->length == 0 && channel->from < 0)
        end_input(channel);
}

void proxy_channel_pump(struct proxy_channel *channel, bool ready, bool last)
{
    if (channel->length) {
        if (ready)
            write_some(channel);
    } else if (channel->from >= 0 && (ready || last || channel->hung)) {
        read_some(channel, last);
    }
}

bool proxy_channel_busy(const struct proxy_channel *channel)
{
    return channel->from >= 0 || channel->length;
}

void proxy_channel_stop(struct proxy_channel *channel)
{
    channel->length = 0;
    end_input(channel);
}

void proxy_channel_done(struct proxy_channel *channel)
{
    close_end(&channel->from, &channel->close_from);
    close_end(&channel->to, &channel->close_to);
}
