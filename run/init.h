/* SPDX-License-Identifier: Apache-2.0 */
/* --init: pid 1 of a container is keg's own reaper. */
#pragma once

#include "base/base.h"

/* init_become(err): Fork. Return 0 in the new process (pid 2), which goes on to execute the program. The
 * caller itself, pid 1, stays and does not return: it closes all fds, passes signals on to pid 2, reaps
 * whatever dies, and exits as pid 2 did (128 + n for signal n). All signals must be blocked. A negative code
 * where fork failed. */
int init_become(struct keg_err *err);
