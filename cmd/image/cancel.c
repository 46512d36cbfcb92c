/* SPDX-License-Identifier: Apache-2.0 */
/* The signal handler of keg-image. */
#include "cmd/image/cancel.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool cancelled;
static atomic_int cancelled_by;

/* Lock-free atomics may be used in a handler (C17 7.14.1.1). */
static void on_signal(int signal_number)
{
    atomic_store(&cancelled_by, signal_number);
    atomic_store(&cancelled, true);
}

void cancel_install(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction old, action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
        sigemptyset(&action.sa_mask);
        /* Who starts us with a signal ignored (nohup) means it. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

const atomic_bool *cancel_flag(void)
{
    return &cancelled;
}

int cancel_signal(void)
{
    return atomic_load(&cancelled_by);
}
