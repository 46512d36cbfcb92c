/* SPDX-License-Identifier: Apache-2.0 */
/* Resources become the right writes in the right order, for each cgroup layout. */
#include "run/cgroup.h"

#include <criterion/criterion.h>
#include <string.h>

#define MIB (1024LL * 1024)

static const struct cgroup_layout v1 = {RUN_CGROUP_V1, "/sys/fs/cgroup", 0xf};
static const struct cgroup_layout v2 = {RUN_CGROUP_V2, "/sys/fs/cgroup", 0xf};

/* "file=value file=value", optional ones with '?'. */
static void describe(const struct cgroup_plan *plan, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < plan->count && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s%s=%s", i ? " " : "",
                                   plan->writes[i].file, plan->writes[i].optional ? "?" : "",
                                   plan->writes[i].value);
}

static void check(const struct cgroup_layout *layout, const struct run_resources *resources,
                  bool swap_default, const char *expected)
{
    struct cgroup_plan plan;
    struct keg_err err = KEG_ERR_INIT;
    char text[2048];
    cr_assert_eq(cgroup_plan_make(layout, resources, swap_default, &plan, &err), 0, "%s", err.text);
    describe(&plan, text, sizeof(text));
    cr_expect_str_eq(text, expected);
    cgroup_plan_done(&plan);
}

static void check_fails(const struct cgroup_layout *layout, const struct run_resources *resources,
                        int code, const char *text)
{
    struct cgroup_plan plan;
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_eq(cgroup_plan_make(layout, resources, true, &plan, &err), code);
    cr_expect_str_eq(err.text, text);
}

Test(cgroup_plan, no_resources_plan_nothing)
{
    struct run_resources none = {0};
    check(&v1, &none, true, "");
    check(&v2, &none, true, "");
}

Test(cgroup_plan, memory_comes_with_twice_as_much_memory_and_swap_where_swap_is_counted)
{
    struct run_resources r = {.memory_limit_bytes = 64 * MIB};
    check(&v1, &r, true, "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes?=134217728");
    check(&v2, &r, true, "memory.max=67108864 memory.swap.max?=67108864");
    check(&v1, &r, false, "memory.limit_in_bytes=67108864");
}

Test(cgroup_plan, swap_that_the_user_asked_for_is_not_optional)
{
    struct run_resources r = {.memory_limit_bytes = 64 * MIB, .memory_swap_bytes = 64 * MIB};
    check(&v1, &r, true, "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=67108864");
    check(&v2, &r, true, "memory.max=67108864 memory.swap.max=0");
    r.memory_swap_bytes = -1;
    check(&v1, &r, true, "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=-1");
    check(&v2, &r, true, "memory.max=67108864 memory.swap.max=max");
}

Test(cgroup_plan, twice_a_huge_memory_limit_is_unlimited)
{
    struct run_resources r = {.memory_limit_bytes = INT64_MAX - 4095};
    check(&v2, &r, true, "memory.max=9223372036854771712 memory.swap.max?=max");
}

Test(cgroup_plan, reservation_is_soft_limit_or_low)
{
    struct run_resources r = {.memory_reservation_bytes = 32 * MIB};
    check(&v1, &r, true, "memory.soft_limit_in_bytes=33554432");
    check(&v2, &r, true, "memory.low=33554432");
}

Test(cgroup_plan, cpus_are_quota_and_period)
{
    struct run_resources r = {.cpu_quota_us = 150000, .cpu_period_us = 100000};
    check(&v1, &r, true, "cpu.cfs_period_us=100000 cpu.cfs_quota_us=150000");
    check(&v2, &r, true, "cpu.max=150000 100000");
    r = (struct run_resources){.cpu_quota_us = 50000};
    check(&v2, &r, true, "cpu.max=50000 100000");
    r = (struct run_resources){.cpu_quota_us = -1, .cpu_period_us = 50000};
    check(&v1, &r, true, "cpu.cfs_period_us=50000 cpu.cfs_quota_us=-1");
    check(&v2, &r, true, "cpu.max=max 50000");
}

Test(cgroup_plan, shares_are_weight_on_v2)
{
    struct run_resources r = {.cpu_shares = 1024};
    check(&v1, &r, true, "cpu.shares=1024");
    check(&v2, &r, true, "cpu.weight=100");
}

Test(cgroup_plan, weight_follows_the_formula_of_runc)
{
    static const struct {
        uint64_t shares;
        unsigned weight;
    } table[] = {{0, 1},      {1, 1},       {2, 1},          {3, 2},          {10, 4},
                 {100, 17},   {512, 59},    {1023, 100},     {1024, 100},     {1025, 101},
                 {2048, 174}, {10240, 639}, {262143, 10000}, {262144, 10000}, {1u << 20, 10000}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++)
        cr_expect_eq(cgroup_weight_of_shares(table[i].shares), table[i].weight, "%lu gives %u",
                     (unsigned long)table[i].shares, cgroup_weight_of_shares(table[i].shares));
}

Test(cgroup_plan, pids_limit_below_zero_is_max)
{
    struct run_resources r = {.pids_limit = 64};
    check(&v1, &r, true, "pids.max=64");
    r.pids_limit = -1;
    check(&v2, &r, true, "pids.max=max");
}

Test(cgroup_plan, no_pids_limit_needs_no_pids_controller)
{
    struct cgroup_layout none = {RUN_CGROUP_NONE, "/sys/fs/cgroup", 0};
    struct run_resources r = {.pids_limit = -1};
    check(&none, &r, true, "");
}

Test(cgroup_plan, a_limit_without_its_controller_is_an_error_that_names_both)
{
    struct cgroup_layout bare = {RUN_CGROUP_V2, "/sys/fs/cgroup", 1u << CGROUP_CPU};
    struct run_resources memory = {.memory_limit_bytes = 64 * MIB}, pids = {.pids_limit = 10};
    check_fails(&bare, &memory, -ENOTSUP,
                "memory limit: '/sys/fs/cgroup' gives no 'memory' controller to containers (with "
                "processes of its own, a cgroup gives none)");
    bare.kind = RUN_CGROUP_V1;
    check_fails(&bare, &pids, -ENOTSUP, "pids limit: this machine has no 'pids' cgroup controller");
}

Test(cgroup_plan, values_that_no_kernel_takes_are_errors)
{
    struct run_resources r = {.memory_limit_bytes = 2 * MIB, .memory_swap_bytes = MIB};
    check_fails(
        &v1, &r, -EINVAL,
        "swap limit: memory plus swap (1048576 bytes) is below the memory limit (2097152 bytes)");
    r = (struct run_resources){.memory_swap_bytes = MIB};
    check_fails(&v2, &r, -EINVAL, "swap limit: needs a memory limit beside it");
    r = (struct run_resources){.memory_limit_bytes = -2};
    check_fails(&v1, &r, -EINVAL, "memory limit: -2 is below -1 (unlimited)");
    r = (struct run_resources){.cpu_quota_us = 999};
    check_fails(&v1, &r, -EINVAL, "cpu quota: 999 us is below the least, 1000 us");
    r = (struct run_resources){.cpu_quota_us = 5000, .cpu_period_us = 2000000};
    check_fails(&v1, &r, -EINVAL, "cpu period: 2000000 us is not between 1000 and 1000000 us");
    r = (struct run_resources){.memory_limit_bytes = MIB, .memory_reservation_bytes = 2 * MIB};
    check_fails(&v1, &r, -EINVAL,
                "memory reservation: 2097152 bytes is above the memory limit (1048576 bytes)");
}

static const struct run_device_rule deny_all = {false, 'a', -1, -1, "rwm"};
static const struct run_device_rule allow_all = {true, 'a', -1, -1, "rwm"};
static const struct run_device_rule allow_null = {true, 'c', 1, 3, "rwm"};
static const struct run_device_rule mknod_all = {true, 'c', -1, -1, "m"};
static const struct run_device_rule deny_fuse = {false, 'c', 10, 229, "rwm"};

static void check_devices(const struct run_device_rule *rules, size_t count, const char *expected)
{
    struct run_device_rule copy[8];
    memcpy(copy, rules, count * sizeof(*rules));
    struct run_resources r = {.devices = copy, .devices_count = count};
    check(&v1, &r, true, expected);
}

Test(cgroup_plan, devices_are_denied_first_then_allowed)
{
    struct run_device_rule rules[] = {deny_all, mknod_all, allow_null, deny_fuse};
    check_devices(rules, 4,
                  "devices.deny=a devices.allow=c *:* m devices.allow=c 1:3 rwm "
                  "devices.deny=c 10:229 rwm");
}

Test(cgroup_plan, a_device_list_without_deny_all_still_denies_all_first)
{
    check_devices(&allow_null, 1, "devices.deny=a devices.allow=c 1:3 rwm");
    check_devices(&deny_fuse, 1, "devices.deny=a devices.deny=c 10:229 rwm");
}

Test(cgroup_plan, a_device_list_that_ends_up_allowing_all_writes_nothing)
{
    struct run_device_rule rules[] = {deny_all, allow_null, allow_all};
    check_devices(rules, 3, "");
}

Test(cgroup_plan, exceptions_from_allow_all_are_only_denials)
{
    struct run_device_rule rules[] = {allow_all, deny_fuse};
    check_devices(rules, 2, "devices.deny=c 10:229 rwm");
}

/* v1 takes any line that begins with 'a' as "all devices, all access". */
Test(cgroup_plan, a_rule_for_all_types_that_means_less_is_two_lines)
{
    struct run_device_rule rules[] = {deny_all, {true, 'a', -1, -1, "m"}};
    check_devices(rules, 2, "devices.deny=a devices.allow=c *:* m devices.allow=b *:* m");
}

Test(cgroup_plan, bad_device_rules_are_named)
{
    struct run_device_rule rule = {true, 'x', 1, 3, "rwm"};
    struct run_resources r = {.devices = &rule, .devices_count = 1};
    check_fails(&v1, &r, -EINVAL, "device rule 0: type is not a, b or c");
    rule = (struct run_device_rule){true, 'c', 4294967297, 3, "rwm"};
    check_fails(&v1, &r, -EINVAL, "device rule 0: device number 4294967297:3 is out of range");
    rule = (struct run_device_rule){true, 'c', 1, 3, "rx"};
    check_fails(&v2, &r, -EINVAL, "device rule 0: access 'rx' is not made of r, w and m");
    rule = (struct run_device_rule){true, 'c', 1, 3, ""};
    check_fails(&v2, &r, -EINVAL, "device rule 0: access '' is not made of r, w and m");
}

Test(cgroup_plan, devices_on_v2_are_a_program)
{
    struct run_device_rule rules[] = {deny_all, allow_null};
    struct run_resources r = {.devices = rules, .devices_count = 2};
    struct cgroup_plan plan;
    cr_assert_eq(cgroup_plan_make(&v2, &r, true, &plan, NULL), 0);
    cr_expect_eq(plan.count, 0);
    cr_expect_not_null(plan.device_program);
    cr_expect_gt(plan.device_program_length, 0);
    cgroup_plan_done(&plan);
}
