/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of the proxy: bytes of one fd, through one buffer, to another, in order and without
 * loss. */
#pragma once

#include "run/run.h"

#include <poll.h>

/* What is read before it must be written: a slow reader slows the writer, not keg's memory. */
#define PROXY_BUFFER_BYTES 65536

struct proxy_channel {
    int from; /* -1: not used, or at its end */
    int to;
    bool close_from;    /* the channel owns it */
    bool close_to;      /* owned, and closed at the end of `from` so that the reader sees it */
    bool console;       /* `from` is a pty's master: EIO says that nobody has the other side open */
    bool hung;          /* it said so: look again later, the container may open it once more */
    bool deaf;          /* nobody reads at `to`: what comes is thrown away */
    int write_error;    /* 0, or why `to` was given up, unless its reader just went */
    size_t chunk_bytes; /* most that one write may take without blocking */
    size_t start, length;
    char data[PROXY_BUFFER_BYTES];
};

/* proxy_channel_init(channel): Unused. */
void proxy_channel_init(struct proxy_channel *channel);

/* proxy_channel_open(channel, from, to): Carry ${from} to ${to}. Both are borrowed unless
 * close_from or close_to are set after it. Reading never blocks where ${from} is polled first. */
void proxy_channel_open(struct proxy_channel *channel, int from, int to);

/* proxy_channel_output(channel, fd): Make the caller's ${fd} the end to write to, without blocking:
 * a terminal or pipe is opened again, since O_NONBLOCK would hold for other processes that share
 * it. Where that is refused at most what a pipe has room for is written at a time. */
void proxy_channel_output(struct proxy_channel *channel, int fd);

/* proxy_channel_poll(channel): What to wait for, as one entry; its fd is -1 for nothing. */
struct pollfd proxy_channel_poll(const struct proxy_channel *channel);

/* proxy_channel_pump(channel, ready, last): Read where nothing is held, write where something is.
 * ${ready}: what proxy_channel_poll() asked for has come. ${last}: nothing more will be written
 * into `from`, so that nothing to read is its end. */
void proxy_channel_pump(struct proxy_channel *channel, bool ready, bool last);

/* proxy_channel_busy(channel): There is or may come something to carry. */
bool proxy_channel_busy(const struct proxy_channel *channel);

/* proxy_channel_stop(channel): Read no more and drop what is held. */
void proxy_channel_stop(struct proxy_channel *channel);

/* proxy_channel_done(channel): Close what it owns. */
void proxy_channel_done(struct proxy_channel *channel);
