/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks: programs that run at points of a container's life, with its state on standard input
 * (runtime-spec config.md, "POSIX-platform Hooks"). Private to run/. */
#pragma once

#include "run/run.h"

/* hooks_run(hooks, kind, state, err): Run ${hooks}, those of ${kind}, one after the other, in the
 * calling process's namespaces and with its rights, each with the JSON text ${state} on its
 * standard input and its own environment alone. 0, or the first that fails: its path, how it ended
 * (by its timeout: -ETIMEDOUT, it and its process group are killed) and the end of what it printed.
 * /
 */
int hooks_run(const struct run_hooks *hooks, enum run_hook_kind kind, const char *state,
              struct keg_err *err);

/* hooks_run_all(hooks, kind, state, err): The same, but a hook that fails does not keep the others
 * from running; ${err} has the first failure. */
int hooks_run_all(const struct run_hooks *hooks, enum run_hook_kind kind, const char *state,
                  struct keg_err *err);

/* hooks_name(kind): "createRuntime". */
const char *hooks_name(enum run_hook_kind kind);
