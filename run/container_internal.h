/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's handle holds: shared by the files of run/ that work on one. */
#pragma once

#include "run/cgroup.h"
#include "run/run.h"
#include "run/state.h"

struct run_container {
    bool is_child;   /* made by this process, which reaps it */
    bool is_process; /* of run_exec(): it owns neither cgroup nor state */
    pid_t pid;       /* 0: none yet, or ended and reaped */
    pid_t last_pid;  /* for run_pid() */
    int pidfd;       /* -1: it has ended before run_open() */
    int channel_fd;
    int console_fd;
    int rundir_fd;
    int status; /* once reaped */
    char *id;
    struct cgroup *cgroup;
    struct state_copy state; /* what state.json says */
};

/* container_write_state(container, status, err): Replace state.json. */
int container_write_state(struct run_container *container, enum run_status status,
                          struct keg_err *err);
