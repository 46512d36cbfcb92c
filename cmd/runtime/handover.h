/* SPDX-License-Identifier: Apache-2.0 */
/* What goes between the engine and the container besides its config.json: --pid-file, the sockets
 * that get fds, fds that the engine passes, sd_notify. */
#pragma once

#include "cmd/runtime/folder.h"
#include "cmd/runtime/runtime.h"

/* runtime_pid_file_write(dirfd, path, pid, err): The number without a newline, whole or not at all,
 * ${path} from ${dirfd}. A link at ${path} is replaced, not followed. */
int runtime_pid_file_write(int dirfd, const char *path, pid_t pid, struct keg_err *err);

/* runtime_socket_connect(dirfd, path, ret, err): Connect to the Unix stream socket ${path}, from
 * ${dirfd}, of any length. */
int runtime_socket_connect(int dirfd, const char *path, int *ret, struct keg_err *err);
/* runtime_socket_send(socket, fd, name, err): Send ${fd} with ${name} as the data. */
int runtime_socket_send(int socket, int fd, const char *name, struct keg_err *err);

/* runtime_pass_fds(runtime, env, preserve, ret_count, err): How many fds from 3 on the container
 * gets: those of socket activation (sd_listen_fds(3): $LISTEN_FDS where $LISTEN_PID is this
 * process; the variables are set in ${env}, NULL: they are not passed), and ${preserve} behind
 * them. -EBADF where the caller did not leave so many open: what keg-runtime itself opens must
 * never be taken for one. */
int runtime_pass_fds(const struct runtime *runtime, char ***env, int64_t preserve,
                     unsigned *ret_count, struct keg_err *err);

/* sd_notify(3). runtime_notify_prepare(runtime, folder, spec, err): Where $NOTIFY_SOCKET is set,
 * give the container a socket at /run/notify/notify.sock that is its own $NOTIFY_SOCKET.
 * runtime_notify_wait(folder, container, err): In `start` and `run --detach`: until the container
 * says READY=1 or ends; it is passed on to ours with MAINPID in front. Nothing is done where there
 * is no $NOTIFY_SOCKET, or none was prepared.
 * runtime_notify_fork(folder, container, ret, err): The same in a child, for a foreground `run`,
 * until that ends; *ret is 0 where there is nothing to do. */
int runtime_notify_prepare(const struct runtime *runtime, const struct runtime_folder *folder,
                           struct run_spec *spec, struct keg_err *err);
int runtime_notify_wait(const struct runtime_folder *folder, const struct run_container *container,
                        struct keg_err *err);
int runtime_notify_fork(const struct runtime_folder *folder, const struct run_container *container,
                        pid_t *ret, struct keg_err *err);
