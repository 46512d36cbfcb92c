/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a living container: set anew, put back, counted and told. */
#include "cgroup_box.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define MIB (1024LL * 1024)

TestSuite(cgroup_update, .init = cgroup_box_name, .timeout = 60);

static struct cgroup_layout any_layout(unsigned controllers)
{
    struct cgroup_layout layout;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    if (geteuid() != 0 || (layout.controllers & controllers) != controllers)
        cr_skip_test("needs root, and controllers that this machine does not have");
    return layout;
}

static int update(const struct cgroup_layout *layout, struct cgroup *cgroup,
                  const struct run_resources *resources, struct keg_err *err)
{
    struct cgroup_plan plan;
    struct run_resources whole = *resources;
    cgroup_complete_update(cgroup, &whole);
    int result = cgroup_plan_make(layout, &whole, CGROUP_PLAN_UPDATE, &plan, err);
    if (result < 0)
        return result;
    result = cgroup_apply(cgroup, &plan, err);
    cgroup_plan_done(&plan);
    return result;
}

static void expect_update(const struct cgroup_layout *layout, struct cgroup *cgroup,
                          const struct run_resources *resources)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_eq(update(layout, cgroup, resources, &err), 0, "%s", err.text);
}

static int64_t memory_limit(const struct cgroup *cgroup, bool v2)
{
    int64_t limit = 0;
    (void)keg_parse_i64(
        cgroup_box_read(cgroup, CGROUP_MEMORY, v2 ? "memory.max" : "memory.limit_in_bytes"), 0,
        INT64_MAX, &limit);
    return limit;
}

/* v1 refuses memory above memory plus swap at any moment, so that growing and shrinking need
 * different orders. */
Test(cgroup_update, memory_and_swap_grow_and_shrink_together)
{
    struct cgroup_layout layout = any_layout(CGROUP_BIT(CGROUP_MEMORY));
    bool v2 = layout.kind == RUN_CGROUP_V2;
    struct run_resources r = {.memory_limit_bytes = 64 * MIB, .memory_swap_bytes = 64 * MIB};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    r = (struct run_resources){.memory_limit_bytes = 256 * MIB, .memory_swap_bytes = 512 * MIB};
    expect_update(&layout, cgroup, &r);
    cr_expect_eq(memory_limit(cgroup, v2), 256 * MIB);
    r = (struct run_resources){.memory_limit_bytes = 32 * MIB, .memory_swap_bytes = 48 * MIB};
    expect_update(&layout, cgroup, &r);
    cr_expect_eq(memory_limit(cgroup, v2), 32 * MIB);
    r = (struct run_resources){.memory_swap_bytes = 96 * MIB};
    expect_update(&layout, cgroup, &r);
    cr_expect_eq(memory_limit(cgroup, v2), 32 * MIB);
    struct run_stats stats;
    cr_assert_eq(cgroup_stats_read(cgroup, &stats, NULL), 0);
    cr_expect_eq(stats.memory_limit_bytes, (uint64_t)(32 * MIB));
    if (stats.memory_swap_limit_bytes) /* 0: this kernel does not count swap */
        cr_expect_eq(stats.memory_swap_limit_bytes, (uint64_t)(96 * MIB));
    run_stats_done(&stats);
    r = (struct run_resources){.memory_limit_bytes = -1};
    expect_update(&layout, cgroup, &r);
    cr_assert_eq(cgroup_stats_read(cgroup, &stats, NULL), 0);
    cr_expect_eq(stats.memory_limit_bytes, UINT64_MAX);
    run_stats_done(&stats);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_update, quota_and_period_are_kept_when_only_the_other_is_set)
{
    struct cgroup_layout layout = any_layout(CGROUP_BIT(CGROUP_CPU));
    struct run_resources r = {.cpu_quota_us = 50000, .cpu_period_us = 200000};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    r = (struct run_resources){.cpu_quota_us = 60000};
    expect_update(&layout, cgroup, &r);
    r = (struct run_resources){.cpu_period_us = 150000};
    expect_update(&layout, cgroup, &r);
    if (layout.kind == RUN_CGROUP_V2) {
        cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_CPU, "cpu.max"), "60000 150000");
    } else {
        cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_CPU, "cpu.cfs_quota_us"), "60000");
        cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_CPU, "cpu.cfs_period_us"), "150000");
    }
    cgroup_box_destroy(cgroup);
}

Test(cgroup_update, what_was_set_is_put_back_where_a_later_write_fails)
{
    struct cgroup_layout layout = any_layout(CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_PIDS));
    bool v2 = layout.kind == RUN_CGROUP_V2;
    struct run_resources r = {
        .memory_limit_bytes = 64 * MIB, .memory_swap_bytes = 64 * MIB, .pids_limit = 10};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    struct cgroup_write writes[] = {
        {.controller = CGROUP_MEMORY,
         .limit = "memory limit",
         .file = v2 ? "memory.max" : "memory.limit_in_bytes",
         .value = "33554432"},
        {.controller = CGROUP_PIDS, .limit = "pids limit", .file = "pids.max", .value = "20"},
        {.controller = CGROUP_PIDS, .limit = "a limit", .file = "pids.max", .value = "many"},
    };
    struct cgroup_plan plan = {.writes = writes, .count = KEG_ARRAY_SIZE(writes)};
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_eq(cgroup_apply(cgroup, &plan, &err), -EINVAL);
    cr_expect(keg_starts_with(err.text, "a limit: write 'many' to '"), "%s", err.text);
    cr_expect_eq(memory_limit(cgroup, v2), 64 * MIB);
    cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_PIDS, "pids.max"), "10");
    cgroup_box_destroy(cgroup);
}

static int eat_8_mib_and_sleep(void)
{
    char *memory = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return memory == MAP_FAILED ? 98 : cgroup_box_sleep();
}

static uint64_t used_memory(const struct cgroup *cgroup)
{
    struct run_stats stats;
    cr_assert_eq(cgroup_stats_read(cgroup, &stats, NULL), 0);
    uint64_t used = stats.memory_usage_bytes;
    run_stats_done(&stats);
    return used;
}

Test(cgroup_update, a_limit_below_what_is_used_is_refused_where_that_was_asked_for)
{
    struct cgroup_layout layout = any_layout(CGROUP_BIT(CGROUP_MEMORY));
    struct run_resources r = {0};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    pid_t pid = cgroup_box_fork(cgroup, eat_8_mib_and_sleep);
    while (used_memory(cgroup) < (uint64_t)(8 * MIB))
        usleep(1000);
    struct keg_err err = KEG_ERR_INIT;
    r = (struct run_resources){.memory_limit_bytes = MIB, .memory_check_before_update = true};
    cr_expect_eq(update(&layout, cgroup, &r, &err), -EBUSY);
    cr_expect(keg_starts_with(err.text, "memory limit: "), "%s", err.text);
    cr_expect(keg_ends_with(err.text, " bytes are in use, more than 1048576 bytes"), "%s",
              err.text);
    r.memory_limit_bytes = 64 * MIB;
    expect_update(&layout, cgroup, &r);
    cgroup_box_destroy(cgroup);
    waitpid(pid, NULL, 0);
}

static int open_kmsg(void)
{
    int fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? 0 : errno;
}

static void check_devices(const struct cgroup_layout *layout)
{
    struct run_device_rule allow = {true, 'c', 1, 11, "r"};
    struct run_device_rule deny = {false, 'a', -1, -1, "rwm"};
    struct run_resources r = {.devices = &deny, .devices_count = 1};
    struct cgroup *cgroup = cgroup_box_create(layout, &r);
    cr_expect_eq(WEXITSTATUS(cgroup_box_run(cgroup, open_kmsg)), EPERM);
    r.devices = &allow;
    expect_update(layout, cgroup, &r);
    cr_expect_neq(WEXITSTATUS(cgroup_box_run(cgroup, open_kmsg)), EPERM);
    const struct run_resources pids = {.devices_count = 0};
    expect_update(layout, cgroup, &pids);
    cr_expect_neq(WEXITSTATUS(cgroup_box_run(cgroup, open_kmsg)), EPERM);
    r.devices = &deny;
    expect_update(layout, cgroup, &r);
    cr_expect_eq(WEXITSTATUS(cgroup_box_run(cgroup, open_kmsg)), EPERM);
    cr_expect_not(cgroup_is_frozen(cgroup));
    cgroup_box_destroy(cgroup);
}

Test(cgroup_update, v1_device_rules_replace_the_old_ones)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_devices(&layout);
}

Test(cgroup_update, v2_device_rules_replace_the_old_ones)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_devices(&layout);
}

Test(cgroup_update, v1_a_hierarchy_that_the_container_was_not_in_is_entered)
{
    struct cgroup_layout layout = cgroup_box_v1();
    if (!(layout.controllers & CGROUP_BIT(CGROUP_CPUSET)))
        cr_skip_test("this machine has no cpuset hierarchy");
    struct run_resources r = {0};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    cgroup_box_await_member(cgroup, pid);
    struct cgroup_write write = {.controller = CGROUP_CPUSET,
                                 .limit = "cpus",
                                 .file = "cpuset.memory_migrate",
                                 .value = "1"};
    const struct cgroup_plan plan = {.writes = &write, .count = 1};
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(cgroup_apply(cgroup, &plan, &err), 0, "%s", err.text);
    cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_CPUSET, "cpuset.memory_migrate"), "1");
    cgroup_box_await_member(cgroup, pid);
    cgroup_box_destroy(cgroup);
    waitpid(pid, NULL, 0);
}

/* A block device that the kernel knows, or the test is skipped. */
static struct run_throttle some_disk(void)
{
    glob_t disks;
    struct run_throttle throttle = {RUN_THROTTLE_READ_BPS, -1, -1, 1048576};
    if (glob("/sys/block/*/dev", 0, NULL, &disks) != 0)
        cr_skip_test("this machine has no block device");
    FILE *file = fopen(disks.gl_pathv[0], "re");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%" SCNd64 ":%" SCNd64, &throttle.major, &throttle.minor), 2);
    fclose(file);
    globfree(&disks);
    return throttle;
}

Test(cgroup_update, rarer_limits_are_taken_by_the_kernel_and_put_back)
{
    struct cgroup_layout layout =
        any_layout(CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_CPUSET) | CGROUP_BIT(CGROUP_IO));
    bool v2 = layout.kind == RUN_CGROUP_V2;
    const char *file = v2 ? "io.max" : "blkio.throttle.read_bps_device";
    char cpus[] = "0", mems[] = "0";
    struct run_throttle throttle = some_disk();
    struct run_resources r = {.cpuset_cpus = cpus,
                              .cpuset_mems = mems,
                              .cpu_quota_us = 50000,
                              .cpu_burst_set = true,
                              .cpu_burst_us = 20000,
                              .throttles = &throttle,
                              .throttles_count = 1};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    char before[128];
    snprintf(before, sizeof(before), "%s", cgroup_box_read(cgroup, CGROUP_IO, file));
    cr_expect_str_neq(before, "");
    cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_CPUSET, "cpuset.cpus"), "0");
    throttle.rate = 4096;
    struct cgroup_plan plan;
    struct keg_err err = KEG_ERR_INIT;
    r = (struct run_resources){.throttles = &throttle, .throttles_count = 1, .cpuset_mems = mems};
    cr_assert_eq(cgroup_plan_make(&layout, &r, CGROUP_PLAN_UPDATE, &plan, &err), 0);
    /* The last of them fails. */
    struct cgroup_write again[] = {plan.writes[0], plan.writes[1], plan.writes[1]};
    again[2].value = "much";
    const struct cgroup_plan failing = {.writes = again, .count = 3};
    cr_expect_lt(cgroup_apply(cgroup, &failing, &err), 0);
    cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_IO, file), before);
    cr_expect_eq(cgroup_apply(cgroup, &plan, &err), 0, "%s", err.text);
    cr_expect_str_neq(cgroup_box_read(cgroup, CGROUP_IO, file), before);
    cgroup_plan_done(&plan);
    /* Quota and burst bound one another. */
    r = (struct run_resources){.cpu_quota_us = 10000, .cpu_burst_set = true, .cpu_burst_us = 5000};
    expect_update(&layout, cgroup, &r);
    cgroup_box_destroy(cgroup);
}

/* ---- who is in it */

static int fork_a_sleeper_and_sleep(void)
{
    if (fork() == 0)
        cgroup_box_sleep();
    return cgroup_box_sleep();
}

static void check_members(const struct cgroup_layout *layout)
{
    const struct run_resources none = {0};
    struct cgroup *cgroup = cgroup_box_create(layout, &none);
    pid_t pid = cgroup_box_fork(cgroup, fork_a_sleeper_and_sleep), *pids = NULL;
    size_t count = 0;
    while (count < 2) {
        free(pids);
        pids = NULL;
        cr_assert_eq(cgroup_pids(cgroup, &pids, &count, NULL), 0);
    }
    cr_expect_eq(count, 2);
    cr_expect_eq(pids[0], pid);
    cr_expect_gt(pids[1], pid);
    free(pids);
    cr_assert_eq(cgroup_signal(cgroup, SIGKILL, NULL), 0);
    cr_expect_eq(waitpid(pid, NULL, 0), pid);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_update, v1_all_processes_are_listed_once_and_killed)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_members(&layout);
}

Test(cgroup_update, v2_all_processes_are_listed_once_and_killed)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_members(&layout);
}

/* ---- what was counted */

static int spin(void)
{
    for (volatile long i = 0; i < 20000000; i++)
        continue;
    return 0;
}

Test(cgroup_update, stats_count_what_was_used)
{
    struct cgroup_layout layout = any_layout(CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_PIDS) |
                                             CGROUP_BIT(CGROUP_CPUACCT));
    const struct cgroup_where where = {.id = cgroup_box_id, .all_controllers = true};
    const struct run_resources r = {.memory_limit_bytes = 64 * MIB, .pids_limit = -1};
    struct cgroup *cgroup = cgroup_box_create_at(&layout, &where, &r);
    cr_expect_eq(cgroup_box_run(cgroup, spin), 0);
    pid_t pid = cgroup_box_fork(cgroup, eat_8_mib_and_sleep);
    while (used_memory(cgroup) < (uint64_t)(8 * MIB))
        usleep(1000);
    struct run_stats stats;
    cr_assert_eq(cgroup_stats_read(cgroup, &stats, NULL), 0);
    cr_expect_gt(stats.cpu_usage_ns, 1000000);
    cr_expect_gt(stats.cpu_user_ns, 0);
    cr_expect_eq(stats.pids_current, 1);
    cr_expect_eq(stats.pids_limit, UINT64_MAX);
    cr_expect_eq(stats.memory_limit_bytes, (uint64_t)(64 * MIB));
    cr_expect_geq(stats.memory_usage_bytes, (uint64_t)(8 * MIB));
    cr_assert_not_null(stats.memory_raw);
    cr_expect_not_null(strchr(stats.memory_raw[0], '='));
    if (layout.kind != RUN_CGROUP_V2)
        cr_expect_gt(stats.cpu_percpu_count, 0);
    run_stats_done(&stats);
    cgroup_box_destroy(cgroup);
    waitpid(pid, NULL, 0);
}

static int eat_64_mib(void)
{
    char *memory = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    for (long offset = 0; memory != MAP_FAILED && offset < 64 * MIB; offset += 4096)
        memory[offset] = 1;
    return 0;
}

Test(cgroup_update, a_full_memory_is_told)
{
    struct cgroup_layout layout = any_layout(CGROUP_BIT(CGROUP_MEMORY));
    const struct run_resources r = {.memory_limit_bytes = 8 * MIB};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    struct keg_err err = KEG_ERR_INIT;
    int fd = cgroup_oom_eventfd(cgroup, &err);
    cr_assert_geq(fd, 0, "%s", err.text);
    struct pollfd event = {.fd = fd, .events = POLLIN};
    cr_expect_eq(poll(&event, 1, 0), 0);
    (void)cgroup_box_run(cgroup, eat_64_mib);
    cr_expect_eq(poll(&event, 1, 10000), 1);
    char text[4096];
    cr_expect_geq(read(fd, text, sizeof(text)), 8);
    struct run_stats stats;
    cr_assert_eq(cgroup_stats_read(cgroup, &stats, NULL), 0);
    cr_expect_geq(stats.oom_kills, 1);
    run_stats_done(&stats);
    close(fd);
    cgroup_box_destroy(cgroup);
}
