/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: the listener of a filter (SCMP_ACT_NOTIFY), on its way to the agent that
 * answers for the kernel: config-linux.md, "Container Process State"; seccomp_unotify(2). */
#pragma once

#include "base/base.h"

/* What a profile says of its agent; the strings are the caller's. */
struct seccomp_agent {
    const char *path;     /* its AF_UNIX stream socket */
    const char *metadata; /* given to it as it is; NULL: none */
};

/* seccomp_listener_send(agent, state_text, pid, fd, err): Connect to the agent and send it the
 * container process state with ${fd}, which stays the caller's: the OCI state ${state_text}, and
 * ${pid}, the process that has the filter. Return 0 or a negative code: -ENAMETOOLONG a path that
 * no socket can have, -ENOENT or -ECONNREFUSED no agent there. */
int seccomp_listener_send(const struct seccomp_agent *agent, const char *state_text, pid_t pid,
                          int fd, struct keg_err *err);
