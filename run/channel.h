/* SPDX-License-Identifier: Apache-2.0 */
/* What parent and child say to each other between clone and execve: packets on a socket pair.
 *
 * The child's end closes by itself at a successful execve, which is how the parent learns of it;
 * the parent's end closes when the parent dies, which is how the child does. */
#pragma once

#include "base/base.h"

enum channel_kind {
    CHANNEL_USERNS,   /* child: its user namespace wants its id maps */
    CHANNEL_CHILD,    /* process between: the child that it cloned */
    CHANNEL_NETNS,    /* child: its network namespace exists */
    CHANNEL_NETNS_FD, /* child: its network namespace, as an fd: for a user-mode network */
    CHANNEL_CONSOLE,  /* child: the terminal's master, as an fd */
    CHANNEL_SECCOMP,  /* child: the listener of its filter, as an fd */
    CHANNEL_MOUNTED,  /* child: all is mounted and the root not yet pivoted into: hooks may run */
    CHANNEL_READY,    /* child: all is done but execve */
    CHANNEL_FAILED,   /* child: `err` says what; it exits next */
    CHANNEL_MAPPED,   /* parent: the id maps are written */
    CHANNEL_ADOPTED,  /* parent: the child is known by its number */
    CHANNEL_SCOPE,    /* parent: systemd's scope holds the child */
    CHANNEL_NETWORK,  /* parent: the network is attached */
    CHANNEL_HOOKED,   /* parent: prestart and createRuntime hooks have run */
    CHANNEL_START,    /* parent: execve now */
};

struct channel_message {
    enum channel_kind kind;
    struct keg_err err; /* CHANNEL_FAILED */
    pid_t pid;          /* CHANNEL_CHILD */
    /* CHANNEL_CHILD: its pidfd; CHANNEL_CONSOLE, CHANNEL_SECCOMP. The receiver owns it. Else -1 */
    int fd;
};

/* channel_open(ret): A pair of close-on-exec ends above fd 2. 0 or -errno. */
int channel_open(int ret[static 2]);

/* channel_send(fd, kind): Say ${kind}. 0 or -errno (-EPIPE: the other end is gone; no signal is
 * raised). */
int channel_send(int fd, enum channel_kind kind);
/* channel_send_error(fd, err), channel_send_pid(fd, pid, pidfd), channel_send_fd(fd, kind,
 * passed_fd): Those that carry something: CHANNEL_FAILED, CHANNEL_CHILD, and CHANNEL_CONSOLE or
 * CHANNEL_SECCOMP. / */
int channel_send_error(int fd, const struct keg_err *err);
int channel_send_pid(int fd, pid_t pid, int pidfd);
int channel_send_fd(int fd, enum channel_kind kind, int passed_fd);

/* channel_receive(fd, ret): Wait for a packet. Return 1, 0 where the other end closed, or -errno
 * (-EPROTO: no packet of ours). */
int channel_receive(int fd, struct channel_message *ret);
