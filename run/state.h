/* SPDX-License-Identifier: Apache-2.0 */
/* state.json in a container's run folder: what is needed to find and clean up what runs
 * (runtime-spec, "State", with members of keg's own). It lives in tmpfs and is replaced whole,
 * without fsync. */
#pragma once

#include "base/base.h"

#include <netinet/in.h>

#define STATE_FILE "state.json"

struct state {
    const char *id;
    const char *status; /* "created", "running" */
    pid_t pid;
    uint64_t pid_start_ticks;
    char *const *cgroups;   /* absolute paths, NULL-terminated, or NULL */
    struct in_addr address; /* 0.0.0.0: none leased */
};

/* state_write(rundir_fd, state, err): Replace state.json. */
int state_write(int rundir_fd, const struct state *state, struct keg_err *err);

/* What state_read() gives: a copy with its own memory; state_done() frees it. */
struct state_copy {
    pid_t pid;
    uint64_t pid_start_ticks;
    char **cgroups;
    struct in_addr address;
};

/* state_read(rundir_fd, ret, err): Read it. -ENOENT where there is none. */
int state_read(int rundir_fd, struct state_copy *ret, struct keg_err *err);
void state_done(struct state_copy *state);

/* state_open_process(state): A pidfd of the process that the state means, and no other that got its
 * number since. -ESRCH: it has ended. */
int state_open_process(const struct state_copy *state);
