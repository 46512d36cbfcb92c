/* SPDX-License-Identifier: Apache-2.0 */
/* $HOME, which engines leave to the runtime. */
#pragma once

#include "run/run.h"

/* runtime_set_home(rootfd, process, err): Where ${process} has no HOME in its environment, or an
 * empty one, its user's by the /etc/passwd below ${rootfd}; "/" where that does not say, or is not
 * to be read. -ENOMEM. ${rootfd} may be negative: none. */
int runtime_set_home(int rootfd, struct run_process *process, struct keg_err *err);
