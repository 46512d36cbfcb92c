/* SPDX-License-Identifier: Apache-2.0 */
/* How a container's end is told. */
#include "cmd/run/plan.h"

void plan_oom_text(int64_t limit_bytes, uint64_t peak_bytes, struct keg_buf *ret)
{
    char limit[32], peak[32];
    if (limit_bytes <= 0) {
        (void)keg_buf_str(ret, "a process was killed: the host ran out of memory");
        return;
    }
    keg_format_size_binary((uint64_t)limit_bytes, limit);
    keg_format_size_binary(peak_bytes, peak);
    (void)keg_buf_printf(ret, "a process was killed by the memory limit of %s", limit);
    if (peak_bytes > 0)
        (void)keg_buf_printf(ret, " (peak %s)", peak);
    (void)keg_buf_str(ret, "; a larger one: -m");
}
