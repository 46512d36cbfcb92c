/* SPDX-License-Identifier: Apache-2.0 */
/* Staying with a process of a container until it ends: run and exec without --detach. */
#pragma once

#include "run/run.h"

/* runtime_hold_signals(): Before the process exists: what comes until runtime_foreground() listens
 * waits for it. */
void runtime_hold_signals(void);

/* runtime_foreground(process, err): Carry its terminal, pass signals on, wait. Return its exit
 * code (128 and the signal's number), or a negative code. */
int runtime_foreground(struct run_container *process, struct keg_err *err);
