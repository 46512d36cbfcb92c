/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's handle holds: shared by the files of run/ that work on one. */
#pragma once

#include "run/cgroup.h"
#include "run/run.h"
#include "run/state.h"

struct run_container {
    bool is_child;     /* made by this process, which reaps it */
    bool is_process;   /* of run_exec(): it owns neither cgroup nor state */
    bool is_abandoned; /* while it is being made: nothing of it is to stay */
    pid_t pid;         /* 0: none yet, or ended (and reaped where it is a child) */
    pid_t last_pid;    /* for run_pid() */
    int pidfd;         /* -1: it had ended before run_open() */
    int channel_fd;    /* to the child that waits for its start, where this process made it */
    int console_fd;
    int rundir_fd;
    int status; /* once reaped */
    char *id;
    char *network_complaint; /* NULL: none */
    struct cgroup *cgroup;
    struct state state; /* what state.json says */
};

/* container_new(id, rundir_fd): An empty handle; ${rundir_fd} is duplicated. NULL: out of memory or
 * fds. */
struct run_container *container_new(const char *id, int rundir_fd);

/* container_reap(container): Wait for its end, where it is a child of this process. 0 or -errno. */
int container_reap(struct run_container *container);

/* container_write_state(container, status, err): Replace state.json. */
int container_write_state(struct run_container *container, enum run_status status,
                          struct keg_err *err);

/* container_send_listener(container, state, fd, err): The listener of the process's seccomp filter
 * to the agent that ${state}, its container's, names. Takes ${fd}. */
int container_send_listener(const struct run_container *container, const struct state *state,
                            int fd, struct keg_err *err);

struct launch;
struct channel_message;

/* container_adopt(container, launch, message, err): The process between has ended, or is about to;
 * from here on its sibling, which ${message} names, is the container's process. */
int container_adopt(struct run_container *container, const struct launch *launch,
                    const struct channel_message *message, struct keg_err *err);
/* container_attend(container, launch, message, err): Take what the child says before it says what
 * is waited for: a terminal, its filter's listener, its wish for id maps or hooks, or why it
 * failed, which is the result. */
int container_attend(struct run_container *container, const struct launch *launch,
                     struct channel_message *message, struct keg_err *err);

/* container_run_hooks(container, kind, status, err): Run the hooks of ${kind} of its config.json.
 * All of them, whatever becomes of the first; the first failure is told. */
int container_run_hooks(const struct run_container *container, enum run_hook_kind kind,
                        enum run_status status, struct keg_err *err);
