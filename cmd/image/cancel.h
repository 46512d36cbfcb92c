/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and kill: a flag that the work looks at, so that it ends in order. */
#pragma once

#include <stdatomic.h>

/* cancel_install(): From now on the first SIGINT, SIGTERM or SIGHUP sets the flag; a second of the
 * same kind ends the process at once, as if nothing had been installed. */
void cancel_install(void);

/* cancel_flag(): The flag, for struct pull_options. */
const atomic_bool *cancel_flag(void);

/* cancel_signal(): The signal that came, or 0. */
int cancel_signal(void);
