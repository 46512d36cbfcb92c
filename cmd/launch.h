/* SPDX-License-Identifier: Apache-2.0 */
/* One `keg run` from the image to the exit code: what its steps hand to each other. */
#pragma once

#include "cmd/cmd.h"
#include "cmd/run/plan.h"
#include "run/run.h"

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
    struct in_addr address; /* leased when s_addr is not 0 */
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
