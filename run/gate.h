/* SPDX-License-Identifier: Apache-2.0 */
/* Where a created container waits for `start`, which may come from any process: a socket in its
 * folder, made by the parent and held by the child, unix(7). The connection becomes the channel
 * (channel.h): an error of the last steps goes to whoever starts. Private to run/. */
#pragma once

#include "base/base.h"

#define GATE_FILE "start"

/* gate_open(rundir_fd): Make it; mode 0600. The listening fd, or -errno. Parent. */
int gate_open(int rundir_fd);

/* gate_accept(gate_fd): Wait for one who starts, and take it. Its fd or -errno. Child. */
int gate_accept(int gate_fd);

/* gate_connect(rundir_fd): Be the one. The fd of the connection; -ECONNREFUSED nobody waits there
 * (any more), -ENOENT no such socket. */
int gate_connect(int rundir_fd);
/* gate_is_kept(rundir_fd): Whether anybody waits there. Never blocks. */
bool gate_is_kept(int rundir_fd);
