/* SPDX-License-Identifier: Apache-2.0 */
/* CPU limits in a plan. */
#include "run/cgroup_internal.h"

#include <inttypes.h>
#include <string.h>

/* The kernel's default for both versions (sched-bwc.rst); its least quota and period are 1 ms. */
#define CPU_PERIOD_DEFAULT_US 100000
#define CPU_TIME_MIN_US       1000
#define CPU_PERIOD_MAX_US     1000000
#define CPU_SHARES_MIN        2
#define CPU_SHARES_MAX        262144
#define CPU_WEIGHT_MAX        10000

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

static int plan_shares(const struct cgroup_planner *p)
{
    uint64_t shares = p->resources->cpu_shares;
    struct cgroup_write write = {.controller = CGROUP_CPU, .limit = "cpu shares"};
    if (!shares)
        return 0;
    write.file = cgroup_plan_is_v2(p) ? "cpu.weight" : "cpu.shares";
    if (cgroup_plan_is_v2(p))
        return cgroup_plan_add(p, write, "%u", cgroup_weight_of_shares(shares));
    return cgroup_plan_add(p, write, "%" PRIu64, shares);
}

static int check_bandwidth(const struct cgroup_planner *p)
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

static int plan_bandwidth_v2(const struct cgroup_planner *p, int64_t quota, uint64_t period)
{
    struct cgroup_write write = {.controller = CGROUP_CPU, .limit = "cpu quota", .file = "cpu.max"};
    if (!period)
        period = CPU_PERIOD_DEFAULT_US;
    if (quota <= 0)
        return cgroup_plan_add(p, write, "max %" PRIu64, period);
    return cgroup_plan_add(p, write, "%" PRId64 " %" PRIu64, quota, period);
}

/* v1: the period first: a new folder has no quota, so any period is good. */
static int plan_bandwidth(const struct cgroup_planner *p)
{
    int64_t quota = p->resources->cpu_quota_us;
    uint64_t period = p->resources->cpu_period_us;
    int result = check_bandwidth(p);
    if (result < 0 || (!quota && !period))
        return result;
    if (cgroup_plan_is_v2(p))
        return plan_bandwidth_v2(p, quota, period);
    if (period) {
        struct cgroup_write write = {
            .controller = CGROUP_CPU, .limit = "cpu period", .file = "cpu.cfs_period_us"};
        result = cgroup_plan_add(p, write, "%" PRIu64, period);
    }
    if (result == 0 && quota) {
        struct cgroup_write write = {
            .controller = CGROUP_CPU, .limit = "cpu quota", .file = "cpu.cfs_quota_us"};
        result = cgroup_plan_add(p, write, "%" PRId64, quota);
    }
    return result;
}

static int plan_burst(const struct cgroup_planner *p)
{
    const struct cgroup_write write = {.controller = CGROUP_CPU,
                                       .limit = "cpu burst",
                                       .file = cgroup_plan_is_v2(p) ? "cpu.max.burst"
                                                                    : "cpu.cfs_burst_us"};
    if (!p->resources->cpu_burst_set)
        return 0;
    return cgroup_plan_add(p, write, "%" PRIu64, p->resources->cpu_burst_us);
}

static int plan_idle(const struct cgroup_planner *p)
{
    const struct cgroup_write write = {
        .controller = CGROUP_CPU, .limit = "cpu idle", .file = "cpu.idle"};
    int64_t idle = p->resources->cpu_idle;
    if (idle != 0 && idle != 1)
        return keg_fail(p->err, -EINVAL, "cpu idle: %" PRId64 " is not 0 or 1", idle);
    return cgroup_plan_add(p, write, "%" PRId64, idle);
}

/* An idle group takes no shares: they come before it becomes one, and after it was one. */
static int plan_shares_and_idle(const struct cgroup_planner *p)
{
    const struct run_resources *r = p->resources;
    int result = r->cpu_idle_set && r->cpu_idle == 0 ? plan_idle(p) : 0;
    if (result == 0)
        result = plan_shares(p);
    return result == 0 && r->cpu_idle_set && r->cpu_idle != 0 ? plan_idle(p) : result;
}

static int plan_realtime(const struct cgroup_planner *p)
{
    const struct run_resources *r = p->resources;
    const struct cgroup_write period = {
        .controller = CGROUP_CPU, .limit = "cpu realtime period", .file = "cpu.rt_period_us"};
    const struct cgroup_write runtime = {
        .controller = CGROUP_CPU, .limit = "cpu realtime runtime", .file = "cpu.rt_runtime_us"};
    if (!r->cpu_realtime_period_us && !r->cpu_realtime_runtime_us)
        return 0;
    if (cgroup_plan_is_v2(p))
        return cgroup_plan_unsupported(p, r->cpu_realtime_period_us ? period.limit : runtime.limit);
    int result = 0;
    if (r->cpu_realtime_period_us)
        result = cgroup_plan_add(p, period, "%" PRIu64, r->cpu_realtime_period_us);
    if (result == 0 && r->cpu_realtime_runtime_us)
        result = cgroup_plan_add(p, runtime, "%" PRId64, r->cpu_realtime_runtime_us);
    return result;
}

int cgroup_plan_cpu(const struct cgroup_planner *p)
{
    int result = plan_shares_and_idle(p);
    if (result == 0)
        result = plan_bandwidth(p);
    if (result == 0)
        result = plan_burst(p);
    return result == 0 ? plan_realtime(p) : result;
}

static int plan_list(const struct cgroup_planner *p, const char *limit, const char *file,
                     const char *list)
{
    const struct cgroup_write write = {.controller = CGROUP_CPUSET, .limit = limit, .file = file};
    if (!list || !*list)
        return 0;
    if (list[strspn(list, "0123456789,-: ")])
        return keg_fail(p->err, -EINVAL, "%s: '%s' is no list of numbers", limit, list);
    return cgroup_plan_add(p, write, "%s", list);
}

/* Memory nodes first: without any, no CPU is of use. */
int cgroup_plan_cpuset(const struct cgroup_planner *p)
{
    int result = plan_list(p, "memory nodes", "cpuset.mems", p->resources->cpuset_mems);
    return result < 0 ? result : plan_list(p, "cpus", "cpuset.cpus", p->resources->cpuset_cpus);
}
