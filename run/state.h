/* SPDX-License-Identifier: Apache-2.0 */
/* state.json in a container's run folder: what is needed to find, show and clean up what runs
 * (runtime.md, "State", with members of keg's own). It lives in tmpfs and is replaced whole,
 * without fsync. Private to run/. */
#pragma once

#include "run/intel_rdt.h"
#include "run/run.h"

#define STATE_FILE "state.json"

/* The copy of the config.json that a container was made of, where one was made by the caller of
 * run_create(): its hooks, and what run_exec() inherits. */
#define STATE_CONFIG_FILE "config.json"

/* Strings are on the heap. */
struct state {
    char *id;
    char *bundle;           /* NULL: none */
    char *rootfs;           /* NULL: a mount that nobody can name */
    enum run_status status; /* as it was when this was written */
    pid_t pid;              /* 0: none yet */
    uint64_t pid_start_ticks;
    char **cgroups;         /* absolute paths, or NULL */
    char *scope;            /* systemd's unit, or NULL */
    char **annotations;     /* "key=value" */
    struct in_addr address; /* 0.0.0.0: none leased */
    pid_t network_pid;      /* the program of its user-mode network; 0: none */
    uint64_t network_pid_start_ticks;
    struct timespec created;
    uid_t owner;
    struct intel_rdt_group rdt;
    char *seccomp_agent;    /* listenerPath, where its profile notifies; else NULL */
    char *seccomp_metadata; /* listenerMetadata, or NULL */
    bool callers_keyring;   /* options.no_new_keyring */
    bool has_hooks;         /* poststart or poststop ones are in STATE_CONFIG_FILE */
};

/* state_fill(spec, options, ret): ${ret}, uninitialised, with what is known before there is a
 * process; status creating. 0 or -ENOMEM; state_done() frees it either way. */
int state_fill(const struct run_spec *spec, const struct run_options *options, struct state *ret);

/* state_write(rundir_fd, state, err): Replace state.json. */
int state_write(int rundir_fd, const struct state *state, struct keg_err *err);

/* state_read(rundir_fd, ret, err): Read it into the uninitialised ${ret}; state_done() frees it.
 * -ENOENT where there is none, -EPROTO where it is damaged. */
int state_read(int rundir_fd, struct state *ret, struct keg_err *err);
void state_done(struct state *state);

/* state_text(state, status, pid): The OCI state as hooks, engines and seccomp agents get it, on the
 * heap, or NULL when out of memory. ${pid} 0 is left out. */
char *state_text(const struct state *state, enum run_status status, pid_t pid);

/* state_open_process(state): A pidfd of the process that the state means, and no other that got its
 * number since. -ESRCH: it has ended. */
int state_open_process(const struct state *state);
