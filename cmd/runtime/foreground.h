/* SPDX-License-Identifier: Apache-2.0 */
/* Staying with a process of a container until it ends: run and exec without --detach. */
#pragma once

#include "run/run.h"

/* runtime_foreground(process, err): Carry its terminal, pass signals on, wait. Return its exit code
 * (128 and the signal's number), or a negative code. The caller did cmd_hold_signals() before it
 * made the process. */
int runtime_foreground(struct run_container *process, struct keg_err *err);
