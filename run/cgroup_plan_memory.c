/* SPDX-License-Identifier: Apache-2.0 */
/* Memory limits in a plan. */
#include "run/cgroup_internal.h"

#include <inttypes.h>

/* config-linux.md, "Memory" */
#define SWAPPINESS_MAX 100

/* v1 counts -1 as unlimited, v2 says "max". */
static int add_amount(const struct cgroup_planner *p, struct cgroup_write write, int64_t amount)
{
    if (amount < 0)
        return cgroup_plan_add(p, write, "%s", cgroup_plan_is_v2(p) ? "max" : "-1");
    return cgroup_plan_add(p, write, "%" PRId64, amount);
}

static int check_amount(const struct cgroup_planner *p, const char *limit, int64_t amount)
{
    if (amount >= -1)
        return 0;
    return keg_fail(p->err, -EINVAL, "%s: %" PRId64 " is below -1 (unlimited)", limit, amount);
}

/* v1's file holds memory plus swap, v2's only swap. */
static int plan_swap(const struct cgroup_planner *p, int64_t limit, int64_t total, bool defaulted)
{
    struct cgroup_write write = {.controller = CGROUP_MEMORY,
                                 .limit = "swap limit",
                                 .file = cgroup_plan_is_v2(p) ? "memory.swap.max"
                                                              : "memory.memsw.limit_in_bytes",
                                 .optional = defaulted};
    return add_amount(p, write, cgroup_plan_is_v2(p) && total > 0 ? total - limit : total);
}

static int plan_explicit_swap(const struct cgroup_planner *p)
{
    int64_t limit = p->resources->memory_limit_bytes, total = p->resources->memory_swap_bytes;
    int result = check_amount(p, "swap limit", total);
    if (result < 0)
        return result;
    if (total > 0 && limit <= 0)
        return keg_fail(p->err, -EINVAL, "swap limit: needs a memory limit beside it");
    if (total > 0 && total < limit)
        return keg_fail(p->err, -EINVAL,
                        "swap limit: memory plus swap (%" PRId64
                        " bytes) is below the memory limit (%" PRId64 " bytes)",
                        total, limit);
    return plan_swap(p, limit, total, false);
}

/* v1: memory plus swap may not be below memory, so that it must go as well. */
static int plan_unlimited_swap(const struct cgroup_planner *p)
{
    return cgroup_plan_is_v2(p) ? 0 : plan_swap(p, -1, -1, true);
}

static int plan_default_swap(const struct cgroup_planner *p)
{
    int64_t limit = p->resources->memory_limit_bytes, total;
    if (limit < 0 && p->flags & CGROUP_PLAN_UPDATE)
        return plan_unlimited_swap(p);
    if (limit <= 0 || !(p->flags & CGROUP_PLAN_SWAP_DEFAULT))
        return 0;
    if (__builtin_mul_overflow(limit, 2, &total))
        total = -1;
    return plan_swap(p, limit, total, true);
}

static int plan_reservation(const struct cgroup_planner *p)
{
    int64_t reservation = p->resources->memory_reservation_bytes;
    int64_t limit = p->resources->memory_limit_bytes;
    if (!reservation)
        return 0;
    int result = check_amount(p, "memory reservation", reservation);
    if (result < 0)
        return result;
    if (limit > 0 && reservation > limit)
        return keg_fail(p->err, -EINVAL,
                        "memory reservation: %" PRId64 " bytes is above the memory limit (%" PRId64
                        " bytes)",
                        reservation, limit);
    struct cgroup_write write = {.controller = CGROUP_MEMORY,
                                 .limit = "memory reservation",
                                 .file = cgroup_plan_is_v2(p) ? "memory.low"
                                                              : "memory.soft_limit_in_bytes"};
    return add_amount(p, write, reservation);
}

/* Limits of v1 alone: the kernel's own memory, which v2 counts in the one limit. */
static int plan_kernel(const struct cgroup_planner *p, const char *limit, const char *file,
                       int64_t amount)
{
    const struct cgroup_write write = {
        .controller = CGROUP_MEMORY, .limit = limit, .file = file, .optional = amount < 0};
    if (!amount)
        return 0;
    int result = check_amount(p, limit, amount);
    if (result < 0 || (cgroup_plan_is_v2(p) && amount < 0))
        return result;
    return cgroup_plan_is_v2(p) ? cgroup_plan_unsupported(p, limit) : add_amount(p, write, amount);
}

static int plan_swappiness(const struct cgroup_planner *p)
{
    const struct cgroup_write write = {
        .controller = CGROUP_MEMORY, .limit = "swappiness", .file = "memory.swappiness"};
    if (!p->resources->memory_swappiness_set)
        return 0;
    if (p->resources->memory_swappiness > SWAPPINESS_MAX)
        return keg_fail(p->err, -EINVAL, "swappiness: %" PRIu64 " is above %d",
                        p->resources->memory_swappiness, SWAPPINESS_MAX);
    if (cgroup_plan_is_v2(p))
        return cgroup_plan_unsupported(p, write.limit);
    return cgroup_plan_add(p, write, "%" PRIu64, p->resources->memory_swappiness);
}

static int plan_oom_killer(const struct cgroup_planner *p)
{
    const struct cgroup_write write = {
        .controller = CGROUP_MEMORY, .limit = "disabled OOM killer", .file = "memory.oom_control"};
    if (!p->resources->memory_disable_oom_killer)
        return 0;
    return cgroup_plan_is_v2(p) ? cgroup_plan_unsupported(p, write.limit)
                                : cgroup_plan_add(p, write, "1");
}

static int plan_v1_limits(const struct cgroup_planner *p)
{
    const struct run_resources *r = p->resources;
    int result =
        plan_kernel(p, "kernel memory limit", "memory.kmem.limit_in_bytes", r->memory_kernel_bytes);
    if (result == 0)
        result = plan_kernel(p, "kernel TCP memory limit", "memory.kmem.tcp.limit_in_bytes",
                             r->memory_kernel_tcp_bytes);
    if (result == 0)
        result = plan_swappiness(p);
    return result == 0 ? plan_oom_killer(p) : result;
}

/* The limit before memory+swap: v1 refuses a sum below the limit that stands. */
int cgroup_plan_memory(const struct cgroup_planner *p)
{
    int64_t limit = p->resources->memory_limit_bytes;
    if (p->resources->memory_check_before_update)
        p->plan->memory_check_before_bytes = limit;
    if (limit) {
        int result = check_amount(p, "memory limit", limit);
        struct cgroup_write write = {.controller = CGROUP_MEMORY,
                                     .limit = "memory limit",
                                     .file = cgroup_plan_is_v2(p) ? "memory.max"
                                                                  : "memory.limit_in_bytes"};
        if (result < 0 || (result = add_amount(p, write, limit)) < 0)
            return result;
    }
    int result = p->resources->memory_swap_bytes ? plan_explicit_swap(p) : plan_default_swap(p);
    if (result == 0)
        result = plan_reservation(p);
    return result == 0 ? plan_v1_limits(p) : result;
}
