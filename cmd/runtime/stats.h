/* SPDX-License-Identifier: Apache-2.0 */
/* What the cgroups have counted, in the shape of runc's events. */
#pragma once

#include "run/run.h"

/* runtime_stats_json(stats): The "data" of a "stats" event: cpu, memory, pids, blkio. A new
 * reference, or NULL when out of memory. */
json_t *runtime_stats_json(const struct run_stats *stats);
