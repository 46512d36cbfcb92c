/* SPDX-License-Identifier: Apache-2.0 */
/* Resources become the right writes in the right order, for each cgroup layout. */
#include "run/cgroup.h"

#include <criterion/criterion.h>
#include <string.h>

#define MIB (1024LL * 1024)

static const struct cgroup_layout v1 = {RUN_CGROUP_V1, "/sys/fs/cgroup", CGROUP_ALL};
static const struct cgroup_layout v2 = {RUN_CGROUP_V2, "/sys/fs/cgroup", CGROUP_ALL};

#define SWAP CGROUP_PLAN_SWAP_DEFAULT

/* "file=value file=value", optional ones with '?': those of devices, or all others. */
static void describe(const struct cgroup_plan *plan, bool devices, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < plan->count && length < size; i++) {
        const struct cgroup_write *write = &plan->writes[i];
        if ((write->controller == CGROUP_DEVICES) == devices)
            length += (size_t)snprintf(text + length, size - length, "%s%s%s=%s", length ? " " : "",
                                       write->file, write->optional ? "?" : "", write->value);
    }
}

static void check(const struct cgroup_layout *layout, const struct run_resources *resources,
                  unsigned flags, const char *expected)
{
    struct cgroup_plan plan;
    struct keg_err err = KEG_ERR_INIT;
    char text[2048];
    cr_assert_eq(cgroup_plan_make(layout, resources, flags, &plan, &err), 0, "%s", err.text);
    describe(&plan, false, text, sizeof(text));
    cr_expect_str_eq(text, expected);
    cgroup_plan_done(&plan);
}

static void check_fails(const struct cgroup_layout *layout, const struct run_resources *resources,
                        int code, const char *text)
{
    struct cgroup_plan plan;
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_eq(cgroup_plan_make(layout, resources, SWAP, &plan, &err), code);
    cr_expect_str_eq(err.text, text);
}

Test(cgroup_plan, no_resources_plan_no_limits)
{
    struct run_resources none = {0};
    check(&v1, &none, SWAP, "");
    check(&v2, &none, SWAP, "");
}

Test(cgroup_plan, memory_comes_with_twice_as_much_memory_and_swap_where_swap_is_counted)
{
    struct run_resources r = {.memory_limit_bytes = 64 * MIB};
    check(&v1, &r, SWAP, "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes?=134217728");
    check(&v2, &r, SWAP, "memory.max=67108864 memory.swap.max?=67108864");
    check(&v1, &r, 0, "memory.limit_in_bytes=67108864");
}

Test(cgroup_plan, swap_that_the_user_asked_for_is_not_optional)
{
    struct run_resources r = {.memory_limit_bytes = 64 * MIB, .memory_swap_bytes = 64 * MIB};
    check(&v1, &r, SWAP, "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=67108864");
    check(&v2, &r, SWAP, "memory.max=67108864 memory.swap.max=0");
    r.memory_swap_bytes = -1;
    check(&v1, &r, SWAP, "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=-1");
    check(&v2, &r, SWAP, "memory.max=67108864 memory.swap.max=max");
}

Test(cgroup_plan, twice_a_huge_memory_limit_is_unlimited)
{
    struct run_resources r = {.memory_limit_bytes = INT64_MAX - 4095};
    check(&v2, &r, SWAP, "memory.max=9223372036854771712 memory.swap.max?=max");
}

Test(cgroup_plan, reservation_is_soft_limit_or_low)
{
    struct run_resources r = {.memory_reservation_bytes = 32 * MIB};
    check(&v1, &r, SWAP, "memory.soft_limit_in_bytes=33554432");
    check(&v2, &r, SWAP, "memory.low=33554432");
}

Test(cgroup_plan, cpus_are_quota_and_period)
{
    struct run_resources r = {.cpu_quota_us = 150000, .cpu_period_us = 100000};
    check(&v1, &r, SWAP, "cpu.cfs_period_us=100000 cpu.cfs_quota_us=150000");
    check(&v2, &r, SWAP, "cpu.max=150000 100000");
    r = (struct run_resources){.cpu_quota_us = 50000};
    check(&v2, &r, SWAP, "cpu.max=50000 100000");
    r = (struct run_resources){.cpu_quota_us = -1, .cpu_period_us = 50000};
    check(&v1, &r, SWAP, "cpu.cfs_period_us=50000 cpu.cfs_quota_us=-1");
    check(&v2, &r, SWAP, "cpu.max=max 50000");
}

Test(cgroup_plan, shares_are_weight_on_v2)
{
    struct run_resources r = {.cpu_shares = 1024};
    check(&v1, &r, SWAP, "cpu.shares=1024");
    check(&v2, &r, SWAP, "cpu.weight=100");
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
    check(&v1, &r, SWAP, "pids.max=64");
    r.pids_limit = -1;
    check(&v2, &r, SWAP, "pids.max=max");
}

Test(cgroup_plan, a_pids_limit_that_nobody_asked_for_needs_no_pids_controller)
{
    struct cgroup_layout none = {RUN_CGROUP_NONE, "/sys/fs/cgroup", 0};
    struct run_resources r = {.pids_limit = -1};
    check(&none, &r, CGROUP_PLAN_DEVICES_OPTIONAL, "");
    r.pids_limit = 2048;
    check(&none, &r, CGROUP_PLAN_DEVICES_OPTIONAL | CGROUP_PLAN_PIDS_DEFAULT, "");
    check(&v1, &r, CGROUP_PLAN_PIDS_DEFAULT, "pids.max?=2048");
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
static const struct run_device_rule allow_loop = {true, 'b', 7, 0, "rw"};
static const struct run_device_rule deny_fuse = {false, 'c', 10, 229, "rwm"};

/* config-linux.md, "Default Devices"; pts/ptmx is 5:2. */
#define DEFAULTS                                                                                   \
    "devices.deny=a devices.allow=c *:* m devices.allow=b *:* m devices.allow=c 1:3 rwm "          \
    "devices.allow=c 1:5 rwm devices.allow=c 1:7 rwm devices.allow=c 1:8 rwm "                     \
    "devices.allow=c 1:9 rwm devices.allow=c 5:0 rwm devices.allow=c 5:1 rwm "                     \
    "devices.allow=c 5:2 rwm devices.allow=c 136:* rwm"

static void check_devices_as(unsigned flags, const struct run_device_rule *rules, size_t count,
                             const char *expected)
{
    struct run_device_rule copy[8];
    struct cgroup_plan plan;
    char text[2048];
    memcpy(copy, rules, count * sizeof(*rules));
    struct run_resources r = {.devices = copy, .devices_count = count};
    cr_assert_eq(cgroup_plan_make(&v1, &r, flags, &plan, NULL), 0);
    describe(&plan, true, text, sizeof(text));
    cr_expect_str_eq(text, expected);
    cgroup_plan_done(&plan);
}

static void check_devices(const struct run_device_rule *rules, size_t count, const char *expected)
{
    check_devices_as(0, rules, count, expected);
}

Test(cgroup_plan, devices_are_denied_first_then_the_default_ones_allowed_then_the_rules_come)
{
    struct run_device_rule rules[] = {deny_all, allow_loop, deny_fuse};
    check_devices(rules, 3, DEFAULTS " devices.allow=b 7:0 rw devices.deny=c 10:229 rwm");
}

Test(cgroup_plan, a_device_list_without_deny_all_still_denies_all_first)
{
    check_devices(&deny_all, 0, DEFAULTS);
    check_devices(&deny_all, 1, DEFAULTS);
    check_devices(&allow_loop, 1, DEFAULTS " devices.allow=b 7:0 rw");
    check_devices(&deny_fuse, 1, DEFAULTS " devices.deny=c 10:229 rwm");
}

Test(cgroup_plan, a_rule_may_take_a_default_device_away)
{
    struct run_device_rule rules[] = {deny_all, {false, 'c', 1, 3, "w"}};
    check_devices(rules, 2, DEFAULTS " devices.deny=c 1:3 w");
}

Test(cgroup_plan, what_is_before_the_last_rule_for_all_does_not_count)
{
    struct run_device_rule rules[] = {allow_all, allow_loop, deny_all, deny_fuse};
    check_devices(rules, 4, DEFAULTS " devices.deny=c 10:229 rwm");
}

Test(cgroup_plan, a_device_list_that_ends_up_allowing_all_writes_nothing)
{
    struct run_device_rule rules[] = {deny_all, allow_loop, allow_all};
    check_devices(rules, 3, "");
}

Test(cgroup_plan, exceptions_from_allow_all_are_only_denials)
{
    struct run_device_rule rules[] = {allow_all, deny_fuse};
    check_devices(rules, 2, "devices.deny=c 10:229 rwm");
}

Test(cgroup_plan, an_update_without_device_rules_leaves_them)
{
    check_devices_as(CGROUP_PLAN_UPDATE, &deny_all, 0, "");
    check_devices_as(CGROUP_PLAN_UPDATE, &allow_all, 1, "devices.allow=a");
    check_devices_as(CGROUP_PLAN_UPDATE, &allow_loop, 1, DEFAULTS " devices.allow=b 7:0 rw");
}

Test(cgroup_plan, device_rules_can_be_missing_only_where_no_node_can_be_made)
{
    struct cgroup_layout none = {RUN_CGROUP_V1, "/sys/fs/cgroup", CGROUP_BIT(CGROUP_MEMORY)};
    struct run_resources r = {0};
    check_fails(&none, &r, -ENOTSUP,
                "device rules: this machine has no 'devices' cgroup controller");
    check(&none, &r, CGROUP_PLAN_DEVICES_OPTIONAL, "");
}

/* v1 takes any line that begins with 'a' as "all devices, all access". */
Test(cgroup_plan, a_rule_for_all_types_that_means_less_is_two_lines)
{
    struct run_device_rule rules[] = {deny_all, {true, 'a', -1, -1, "m"}};
    check_devices(rules, 2, DEFAULTS " devices.allow=c *:* m devices.allow=b *:* m");
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
    struct run_device_rule rules[] = {deny_all, allow_loop};
    struct run_resources r = {.devices = rules, .devices_count = 2};
    struct cgroup_plan plan;
    cr_assert_eq(cgroup_plan_make(&v2, &r, SWAP, &plan, NULL), 0);
    cr_expect_eq(plan.count, 0);
    cr_expect_not_null(plan.device_program);
    cr_expect_gt(plan.device_program_length, 0);
    cgroup_plan_done(&plan);
}
