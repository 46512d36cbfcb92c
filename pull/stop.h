/* SPDX-License-Identifier: Apache-2.0 */
/* When to stop: the user said so, or another worker of the same pull has failed. */
#pragma once

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct pull_stop {
    const atomic_bool *cancel; /* the caller's flag, or NULL */
    atomic_bool failed;        /* a worker gave up: the others need not go on */
};

/* pull_stopped(stop): Whether to give up now. ${stop} may be NULL: never. */
static inline bool pull_stopped(const struct pull_stop *stop)
{
    if (!stop)
        return false;
    return (stop->cancel && atomic_load(stop->cancel)) || atomic_load(&stop->failed);
}

/* pull_check_stop(stop, err): 0, or -EINTR "interrupted" where it is time to give up. */
static inline int pull_check_stop(const struct pull_stop *stop, struct keg_err *err)
{
    return pull_stopped(stop) ? keg_fail(err, -EINTR, "interrupted") : 0;
}
