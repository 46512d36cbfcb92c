/* SPDX-License-Identifier: Apache-2.0 */
/* --init: pid 1 of a container is keg's own reaper. */
#pragma once

#include "base/base.h"

struct init_region {
    char *start;
    size_t length;
};

/* Where keg's own command line and environment stand in memory, as /proc/PID/cmdline and environ
 * show them. */
struct init_arguments {
    struct init_region line;
    struct init_region environment;
};

/* init_find_arguments(proc_fd, ret): Find them by ${proc_fd}'s self/stat (proc(5), fields 48 to
 * 51). Leaves ${ret} empty where the kernel does not say. */
void init_find_arguments(int proc_fd, struct init_arguments *ret);

/* init_become(arguments, err): Fork. Return 0 in the new process (pid 2), which goes on to execute
 * the program. The caller itself, pid 1, stays and does not return: it closes all fds, passes
 * signals on to pid 2, reaps whatever dies, and exits as pid 2 did (128 + n for signal n). It
 * overwrites ${arguments}, which may hold secrets (keg run -e, and whatever the caller's
 * environment has) and would be open to all in the container. All signals must be blocked. A
 * negative code where fork failed. */
int init_become(const struct init_arguments *arguments, struct keg_err *err);
