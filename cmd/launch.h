/* SPDX-License-Identifier: Apache-2.0 */
/* One `keg run` from the image to the exit code: what its steps hand to each other. */
#pragma once

#include "cmd/cmd.h"
#include "cmd/run/plan.h"
#include "run/run.h"

/* The container whose namespace is joined. */
struct cmd_joined {
    int fd; /* of the namespace: it cannot become another while this is open; -1: none is joined */
    int shm_fd; /* RUN_NS_IPC: a copy of its /dev/shm; else -1 */
    pid_t pid;
    char *id;
    char *path, *hostname, *rundir; /* as struct plan_joined has them */
};

/* All that one run holds. cmd_launch_done() gives it back, whatever was reached. */
struct cmd_launch {
    const struct plan_flags *flags;
    const struct cmd_globals *globals;
    char **arguments;
    enum plan_network network;

    struct store *store;
    struct store_image image;
    json_t *config;
    struct store_container container;
    bool created; /* container exists in the store */
    int dirfd;    /* containers/<id>/ */
    int rundir_fd;
    int lockfd;
    int leases_fd;
    int rootfs_fd;
    int userns_fd; /* its layers are shown by that one's maps; -1: as they are */
    struct cmd_joined joined[RUN_NS_COUNT];
    struct run_id_maps uid_maps, gid_maps; /* of a new user namespace */
    struct in_addr address;                /* leased when s_addr is not 0 */
    struct run_network_user network_user;  /* with PLAN_NETWORK_USER */
    struct run_user user;
    char *home;
    struct run_spec *spec;
    struct run_container *running;
};

void cmd_launch_init(struct cmd_launch *launch);
void cmd_launch_done(struct cmd_launch *launch);

/* launch_image.c -- cmd_launch_find_image(launch, name, err): The image by the --pull policy,
 * pulled by keg-image where it is missing. Return 0, a negative code with ${err}, or the positive
 * exit code of a pull that has printed its own message. */
int cmd_launch_find_image(struct cmd_launch *launch, const char *name, struct keg_err *err);

/* launch_prepare.c -- cmd_launch_prepare(launch, image_name, err): Container folder, root, user,
 * address, files and spec: all up to the moment where processes come in. */
int cmd_launch_prepare(struct cmd_launch *launch, const char *image_name, struct keg_err *err);

/* launch_root.c -- cmd_launch_mount_root(launch, err): launch->rootfs_fd. */
int cmd_launch_mount_root(struct cmd_launch *launch, struct keg_err *err);

/* launch_files.c -- cmd_launch_write_files(launch, context, err): hosts, hostname and resolv.conf
 * in the run folder. cmd_launch_write_text(dirfd, name, text, err): One new file, 0644; ${text} is
 * freed. */
int cmd_launch_write_files(struct cmd_launch *launch, const struct plan_context *context,
                           struct keg_err *err);
int cmd_launch_write_text(int dirfd, const char *name, struct keg_buf *text, struct keg_err *err);

/* launch_join.c -- cmd_launch_join(launch, err): Find the containers that flags say to join, which
 * must run, and open their namespaces. cmd_launch_describe_joined(launch, ret): What plan_spec() is
 * to know of them. cmd_launch_pin_joined(launch, err): Once config.json is written with paths that
 * mean something to others, let the spec name our fds instead: a pid may be another's by now. */
int cmd_launch_join(struct cmd_launch *launch, struct keg_err *err);
void cmd_launch_describe_joined(const struct cmd_launch *launch, struct plan_joined *ret);
int cmd_launch_pin_joined(struct cmd_launch *launch, struct keg_err *err);
void cmd_launch_leave(struct cmd_launch *launch);

/* launch_ids.c -- cmd_launch_find_ids(launch, err): With --userns, the maps of its user namespace,
 * and launch->userns_fd. A range that is its own alone is leased in RUNROOT/userns, for as long as
 * the container has a run folder. */
int cmd_launch_find_ids(struct cmd_launch *launch, struct keg_err *err);

/* launch_stdio.c: which fds the container gets, and what keg carries itself. A terminal of the
 * caller is never handed in: what is read from it, and written to it, goes through a pipe. So does
 * output to a file or socket. */
struct cmd_launch_stdio {
    int container_fds[3];
    int owned[6]; /* to be closed once the container has its copies: -1 where unused */
    struct run_proxy_options proxy;
};
#define CMD_LAUNCH_STDIO_INIT                                                                      \
    ((struct cmd_launch_stdio){                                                                    \
        .container_fds = {-1, -1, -1},                                                             \
        .owned = {-1, -1, -1, -1, -1, -1},                                                         \
        .proxy = {.stdin_write_fd = -1, .stdout_read_fd = -1, .stderr_read_fd = -1},               \
    })
/* cmd_launch_stdio_open(flags, ret, err): On failure ${ret} holds what was opened, for
 * cmd_launch_stdio_done(). */
int cmd_launch_stdio_open(const struct plan_flags *flags, struct cmd_launch_stdio *ret,
                          struct keg_err *err);
/* cmd_launch_stdio_close_container_side(stdio): So that the readers see the end when the container
 * has gone. */
void cmd_launch_stdio_close_container_side(struct cmd_launch_stdio *stdio);
void cmd_launch_stdio_done(struct cmd_launch_stdio *stdio);
