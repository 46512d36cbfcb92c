/* SPDX-License-Identifier: Apache-2.0 */
/* Resources as a list of writes: pure, for unit tests to look at. */
#include "run/cgroup.h"
#include "run/cgroup_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* The kernel's default for both versions (sched-bwc.rst); its least quota and period are 1 ms. */
#define CPU_PERIOD_DEFAULT_US 100000
#define CPU_TIME_MIN_US       1000
#define CPU_PERIOD_MAX_US     1000000
#define CPU_SHARES_MIN        2
#define CPU_SHARES_MAX        262144
#define CPU_WEIGHT_MAX        10000

#define PLAN_WRITES_STEP 32

struct planner {
    const struct cgroup_layout *layout;
    const struct run_resources *resources;
    bool swap_default;
    struct cgroup_plan *plan;
    struct keg_err *err;
};

static bool is_v2(const struct planner *p)
{
    return p->layout->kind == RUN_CGROUP_V2;
}

int cgroup_plan_add(struct cgroup_plan *plan, const struct cgroup_write *write)
{
    if (plan->count % PLAN_WRITES_STEP == 0) {
        size_t capacity = plan->count + PLAN_WRITES_STEP;
        struct cgroup_write *grown = realloc(plan->writes, capacity * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        plan->writes = grown;
    }
    plan->writes[plan->count++] = *write;
    return 0;
}

void cgroup_plan_done(struct cgroup_plan *plan)
{
    free(plan->writes);
    free(plan->device_program);
    *plan = (struct cgroup_plan){0};
}

static int need(const struct planner *p, enum cgroup_controller controller, const char *limit)
{
    if (p->layout->controllers & (1u << controller))
        return 0;
    if (is_v2(p))
        return keg_fail(p->err, -ENOTSUP,
                        "%s: '%s' gives no '%s' controller to containers (with processes of its "
                        "own, a cgroup gives none)",
                        limit, p->layout->root, cgroup_controller_name(controller));
    return keg_fail(p->err, -ENOTSUP, "%s: this machine has no '%s' cgroup controller", limit,
                    cgroup_controller_name(controller));
}

static int add(const struct planner *p, struct cgroup_write write, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int add(const struct planner *p, struct cgroup_write write, const char *format, ...)
{
    int result = need(p, write.controller, write.limit);
    if (result < 0)
        return result;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(write.value, sizeof(write.value), format, arguments);
    va_end(arguments);
    result = cgroup_plan_add(p->plan, &write);
    return result < 0 ? keg_fail(p->err, result, "out of memory") : 0;
}

/* v1 counts -1 as unlimited, v2 says "max". */
static int add_amount(const struct planner *p, struct cgroup_write write, int64_t amount)
{
    if (amount < 0)
        return add(p, write, "%s", is_v2(p) ? "max" : "-1");
    return add(p, write, "%" PRId64, amount);
}

static int check_amount(const struct planner *p, const char *limit, int64_t amount)
{
    if (amount >= -1)
        return 0;
    return keg_fail(p->err, -EINVAL, "%s: %" PRId64 " is below -1 (unlimited)", limit, amount);
}

/* v1's file holds memory plus swap, v2's only swap. */
static int plan_swap(const struct planner *p, int64_t limit, int64_t total, bool defaulted)
{
    struct cgroup_write write = {.controller = CGROUP_MEMORY,
                                 .limit = "swap limit",
                                 .file =
                                     is_v2(p) ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
                                 .optional = defaulted};
    return add_amount(p, write, is_v2(p) && total > 0 ? total - limit : total);
}

static int plan_explicit_swap(const struct planner *p)
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

static int plan_default_swap(const struct planner *p)
{
    int64_t limit = p->resources->memory_limit_bytes, total;
    if (limit <= 0 || !p->swap_default)
        return 0;
    if (__builtin_mul_overflow(limit, 2, &total))
        total = -1;
    return plan_swap(p, limit, total, true);
}

static int plan_reservation(const struct planner *p)
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
                                 .file = is_v2(p) ? "memory.low" : "memory.soft_limit_in_bytes"};
    return add_amount(p, write, reservation);
}

/* The limit before memory+swap: v1 refuses a sum below the limit that stands. */
static int plan_memory(const struct planner *p)
{
    int64_t limit = p->resources->memory_limit_bytes;
    if (limit) {
        int result = check_amount(p, "memory limit", limit);
        struct cgroup_write write = {.controller = CGROUP_MEMORY,
                                     .limit = "memory limit",
                                     .file = is_v2(p) ? "memory.max" : "memory.limit_in_bytes"};
        if (result < 0 || (result = add_amount(p, write, limit)) < 0)
            return result;
    }
    int result = p->resources->memory_swap_bytes ? plan_explicit_swap(p) : plan_default_swap(p);
    return result < 0 ? result : plan_reservation(p);
}

/* log2 and 10^x by hand: libm would be one more library to map at every start, for one formula. */
static double log2_of(uint64_t number)
{
    int whole = 63 - __builtin_clzll(number);
    double mantissa = (double)number / (double)(1ull << whole), result = whole;
    for (double bit = 0.5; bit > 1e-15; bit /= 2) {
        mantissa *= mantissa;
        if (mantissa >= 2) {
            mantissa /= 2;
            result += bit;
        }
    }
    return result;
}

static double power_of_ten(double exponent)
{
    const double ln10 = 2.302585092994045684;
    double x = exponent * ln10 / 1024;
    double result = 1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5))));
    for (int i = 0; i < 10; i++)
        result *= result;
    return result;
}

unsigned cgroup_weight_of_shares(uint64_t shares)
{
    if (shares <= CPU_SHARES_MIN)
        return 1;
    if (shares >= CPU_SHARES_MAX)
        return CPU_WEIGHT_MAX;
    double l = log2_of(shares);
    double weight = power_of_ten((l * l + 125 * l) / 612 - 7.0 / 34);
    unsigned floor = (unsigned)(weight + 1e-7);
    return weight - floor > 1e-7 ? floor + 1 : floor;
}

static int plan_shares(const struct planner *p)
{
    uint64_t shares = p->resources->cpu_shares;
    struct cgroup_write write = {.controller = CGROUP_CPU, .limit = "cpu shares"};
    if (!shares)
        return 0;
    write.file = is_v2(p) ? "cpu.weight" : "cpu.shares";
    if (is_v2(p))
        return add(p, write, "%u", cgroup_weight_of_shares(shares));
    return add(p, write, "%" PRIu64, shares);
}

static int check_bandwidth(const struct planner *p)
{
    int64_t quota = p->resources->cpu_quota_us;
    uint64_t period = p->resources->cpu_period_us;
    if (quota < -1 || (quota > 0 && quota < CPU_TIME_MIN_US))
        return keg_fail(p->err, -EINVAL, "cpu quota: %" PRId64 " us is below the least, %d us",
                        quota, CPU_TIME_MIN_US);
    if (period && (period < CPU_TIME_MIN_US || period > CPU_PERIOD_MAX_US))
        return keg_fail(p->err, -EINVAL, "cpu period: %" PRIu64 " us is not between %d and %d us",
                        period, CPU_TIME_MIN_US, CPU_PERIOD_MAX_US);
    return 0;
}

static int plan_bandwidth_v2(const struct planner *p, int64_t quota, uint64_t period)
{
    struct cgroup_write write = {.controller = CGROUP_CPU, .limit = "cpu quota", .file = "cpu.max"};
    if (!period)
        period = CPU_PERIOD_DEFAULT_US;
    if (quota <= 0)
        return add(p, write, "max %" PRIu64, period);
    return add(p, write, "%" PRId64 " %" PRIu64, quota, period);
}

/* v1: the period first: a new folder has no quota, so any period is good. */
static int plan_bandwidth(const struct planner *p)
{
    int64_t quota = p->resources->cpu_quota_us;
    uint64_t period = p->resources->cpu_period_us;
    int result = check_bandwidth(p);
    if (result < 0 || (!quota && !period))
        return result;
    if (is_v2(p))
        return plan_bandwidth_v2(p, quota, period);
    if (period) {
        struct cgroup_write write = {
            .controller = CGROUP_CPU, .limit = "cpu period", .file = "cpu.cfs_period_us"};
        result = add(p, write, "%" PRIu64, period);
    }
    if (result == 0 && quota) {
        struct cgroup_write write = {
            .controller = CGROUP_CPU, .limit = "cpu quota", .file = "cpu.cfs_quota_us"};
        result = add(p, write, "%" PRId64, quota);
    }
    return result;
}

static int plan_pids(const struct planner *p)
{
    int64_t limit = p->resources->pids_limit;
    struct cgroup_write write = {
        .controller = CGROUP_PIDS, .limit = "pids limit", .file = "pids.max"};
    if (!limit)
        return 0;
    /* Without the controller nothing limits pids, which is what was asked for. */
    if (limit < 0 && !(p->layout->controllers & (1u << CGROUP_PIDS)))
        return 0;
    return limit < 0 ? add(p, write, "max") : add(p, write, "%" PRId64, limit);
}

int cgroup_plan_make(const struct cgroup_layout *layout, const struct run_resources *resources,
                     bool swap_default, struct cgroup_plan *ret, struct keg_err *err)
{
    struct cgroup_plan plan = {0};
    struct planner planner = {layout, resources, swap_default, &plan, err};
    int result = plan_memory(&planner);
    if (result == 0)
        result = plan_shares(&planner);
    if (result == 0)
        result = plan_bandwidth(&planner);
    if (result == 0)
        result = plan_pids(&planner);
    if (result == 0)
        result = cgroup_plan_devices(layout, resources, &plan, err);
    if (result < 0)
        cgroup_plan_done(&plan);
    else
        *ret = plan;
    return result;
}
