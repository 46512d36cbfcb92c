/* SPDX-License-Identifier: Apache-2.0 */
/* What create and run have in common: from a bundle to a container that waits to be started. */
#pragma once

#include "cmd/runtime/bundle.h"
#include "cmd/runtime/folder.h"
#include "cmd/runtime/runtime.h"

struct runtime_launch_options {
    bool detach, keep; /* of run alone */
    const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
    bool no_pivot, no_new_keyring, no_subreaper;
    int64_t preserve_fds;
};

/* The option table of run; create's begins behind the first rows, which are run's alone. */
extern const struct cmd_option runtime_launch_rows[];
enum { RUNTIME_LAUNCH_ROWS_OF_RUN = 2 };

struct runtime_launch {
    const struct runtime *runtime;
    const struct runtime_launch_options *options;
    bool detached;
    unsigned fds;
    int console_socket, pidfd_socket;
    struct runtime_bundle bundle;
    struct runtime_folder folder;
    struct run_container *container;
};

/* runtime_launch_create(runtime, options, id, detached, ret, err): Create it; the folder's lock is
 * held. --console-socket has its terminal, --pid-file its pid. On failure nothing is left but what
 * runtime_launch_done() frees. */
int runtime_launch_create(const struct runtime *runtime,
                          const struct runtime_launch_options *options, const char *id,
                          bool detached, struct runtime_launch *ret, struct keg_err *err);
/* runtime_launch_undo(launch): Remove the container and its folder. */
void runtime_launch_undo(struct runtime_launch *launch);
void runtime_launch_done(struct runtime_launch *launch);

/* runtime_cgroup_manager(runtime): As --systemd-cgroup and --cgroup-manager say. */
enum run_cgroup_manager runtime_cgroup_manager(const struct runtime *runtime);
