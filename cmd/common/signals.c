/* SPDX-License-Identifier: Apache-2.0 */
/* Signals between the start of a container and whoever serves it. */
#include "cmd/common/signals.h"

#include "base/base.h"

#include <signal.h>

void cmd_hold_signals(void)
{
    static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(held); i++)
        (void)sigaddset(&set, held[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}
