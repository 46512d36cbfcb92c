/* SPDX-License-Identifier: Apache-2.0 */
/* The rarer limits of the runtime spec, each as what is written on cgroup v1 and on v2. */
#include "run/cgroup.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct cgroup_layout v1 = {RUN_CGROUP_V1, "/sys/fs/cgroup", CGROUP_ALL};
static const struct cgroup_layout v2 = {RUN_CGROUP_V2, "/sys/fs/cgroup", CGROUP_ALL};

/* "file=value file=value", optional ones with '?', other files behind '|'; without devices; or the
 * error. */
static void describe(const struct cgroup_layout *layout, const struct run_resources *resources,
                     unsigned flags, char *text, size_t size)
{
    struct cgroup_plan plan;
    struct keg_err err = KEG_ERR_INIT;
    size_t length = 0;
    text[0] = '\0';
    if (cgroup_plan_make(layout, resources, flags, &plan, &err) < 0) {
        snprintf(text, size, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < plan.count && length < size; i++) {
        const struct cgroup_write *w = &plan.writes[i];
        if (w->controller == CGROUP_DEVICES && strchr(w->file, 'd') == w->file)
            continue;
        length += (size_t)snprintf(text + length, size - length, "%s%s%s=%s", length ? " " : "",
                                   w->file, w->optional ? "?" : "", w->value);
        if (w->other_file)
            length += (size_t)snprintf(text + length, size - length, "|%s=%s", w->other_file,
                                       w->other_value);
    }
    cgroup_plan_done(&plan);
}

static struct run_block_device disk[] = {{8, 0, 500, 0}};
static struct run_block_device leaf[] = {{8, 0, 0, 500}};
static struct run_block_device no_disk[] = {{-1, 0, 500, 0}};
static struct run_throttle rates[] = {{RUN_THROTTLE_READ_BPS, 8, 0, 1048576},
                                      {RUN_THROTTLE_WRITE_BPS, 8, 16, 4096},
                                      {RUN_THROTTLE_READ_IOPS, 8, 0, 100},
                                      {RUN_THROTTLE_WRITE_IOPS, 8, 0, 0}};
static char page_size[] = "2MB", bad_page_size[] = "../2MB", eth0[] = "eth0", two[] = "a b";
static struct run_hugepage_limit pages[] = {{page_size, 4194304}};
static struct run_hugepage_limit bad_pages[] = {{bad_page_size, 4194304}};
static struct run_network_priority priorities[] = {{eth0, 5}};
static struct run_network_priority bad_priorities[] = {{two, 5}};
static char mlx[] = "mlx5_1";
static struct run_rdma_limit rdma[] = {{mlx, true, true, 3, 10000}, {mlx, false, true, 0, 7}};
static char cpus[] = "0-3,7", mems[] = "0", bad_cpus[] = "0;1";
static char high[] = "memory.high=1048576", core[] = "cgroup.max.depth=3";
static char up[] = "../memory.high=1", none[] = "dmem.max=1", bare[] = "memory=1";
static char *unified[] = {high, core, NULL}, *unified_up[] = {up, NULL},
            *unified_none[] = {none, NULL}, *unified_bare[] = {bare, NULL};

static const struct {
    const char *name;
    struct run_resources resources;
    const char *v1, *v2;
} table[] = {
    {"kernel memory",
     {.memory_kernel_bytes = 4096, .memory_kernel_tcp_bytes = 8192},
     "memory.kmem.limit_in_bytes=4096 memory.kmem.tcp.limit_in_bytes=8192",
     "kernel memory limit: cgroup v2 does not have it"},
    {"unlimited kernel memory", {.memory_kernel_bytes = -1}, "memory.kmem.limit_in_bytes?=-1", ""},
    {"swappiness",
     {.memory_swappiness_set = true, .memory_swappiness = 0},
     "memory.swappiness=0",
     "swappiness: cgroup v2 does not have it"},
    {"too much swappiness",
     {.memory_swappiness_set = true, .memory_swappiness = 101},
     "swappiness: 101 is above 100",
     "swappiness: 101 is above 100"},
    {"no OOM killer",
     {.memory_disable_oom_killer = true},
     "memory.oom_control=1",
     "disabled OOM killer: cgroup v2 does not have it"},
    {"burst",
     {.cpu_quota_us = 50000, .cpu_burst_set = true, .cpu_burst_us = 20000},
     "cpu.cfs_quota_us=50000 cpu.cfs_burst_us=20000",
     "cpu.max=50000 100000 cpu.max.burst=20000"},
    {"idle after shares",
     {.cpu_shares = 1024, .cpu_idle_set = true, .cpu_idle = 1},
     "cpu.shares=1024 cpu.idle=1",
     "cpu.weight=100 cpu.idle=1"},
    {"not idle before shares",
     {.cpu_shares = 1024, .cpu_idle_set = true, .cpu_idle = 0},
     "cpu.idle=0 cpu.shares=1024",
     "cpu.idle=0 cpu.weight=100"},
    {"half idle",
     {.cpu_idle_set = true, .cpu_idle = 2},
     "cpu idle: 2 is not 0 or 1",
     "cpu idle: 2 is not 0 or 1"},
    {"realtime",
     {.cpu_realtime_runtime_us = 5000, .cpu_realtime_period_us = 10000},
     "cpu.rt_period_us=10000 cpu.rt_runtime_us=5000",
     "cpu realtime period: cgroup v2 does not have it"},
    {"cpuset",
     {.cpuset_cpus = cpus, .cpuset_mems = mems},
     "cpuset.mems=0 cpuset.cpus=0-3,7",
     "cpuset.mems=0 cpuset.cpus=0-3,7"},
    {"bad cpuset",
     {.cpuset_cpus = bad_cpus},
     "cpus: '0;1' is no list of numbers",
     "cpus: '0;1' is no list of numbers"},
    {"block io weight",
     {.blkio_weight = 500},
     "blkio.bfq.weight=500|blkio.weight=500",
     "io.bfq.weight=500|io.weight=4950"},
    {"least block io weight",
     {.blkio_weight = 10},
     "blkio.bfq.weight=10|blkio.weight=10",
     "io.bfq.weight=10|io.weight=1"},
    {"greatest block io weight",
     {.blkio_weight = 1000},
     "blkio.bfq.weight=1000|blkio.weight=1000",
     "io.bfq.weight=1000|io.weight=10000"},
    {"too small a block io weight",
     {.blkio_weight = 9},
     "block io weight: 9 is not between 10 and 1000",
     "block io weight: 9 is not between 10 and 1000"},
    {"leaf weight",
     {.blkio_leaf_weight = 20},
     "blkio.leaf_weight=20",
     "block io leaf weight: cgroup v2 does not have it"},
    {"weight of a device",
     {.block_devices = disk, .block_devices_count = 1},
     "blkio.bfq.weight_device=8:0 500|blkio.weight_device=8:0 500",
     "io.bfq.weight=8:0 500|io.weight=8:0 4950"},
    {"leaf weight of a device",
     {.block_devices = leaf, .block_devices_count = 1},
     "blkio.leaf_weight_device=8:0 500",
     "block io leaf weight: cgroup v2 does not have it"},
    {"no device",
     {.block_devices = no_disk, .block_devices_count = 1},
     "block io: -1:0 is no block device",
     "block io: -1:0 is no block device"},
    {"throttles, where 0 is no limit",
     {.throttles = rates, .throttles_count = 4},
     "blkio.throttle.read_bps_device=8:0 1048576 blkio.throttle.write_bps_device=8:16 4096 "
     "blkio.throttle.read_iops_device=8:0 100 blkio.throttle.write_iops_device=8:0 0",
     "io.max=8:0 rbps=1048576 io.max=8:16 wbps=4096 io.max=8:0 riops=100 io.max=8:0 wiops=max"},
    {"huge pages, and those reserved where the kernel counts them",
     {.hugepages = pages, .hugepages_count = 1},
     "hugetlb.2MB.limit_in_bytes=4194304 hugetlb.2MB.rsvd.limit_in_bytes?=4194304",
     "hugetlb.2MB.max=4194304 hugetlb.2MB.rsvd.max?=4194304"},
    {"a page size that is a path",
     {.hugepages = bad_pages, .hugepages_count = 1},
     "huge page limit: '../2MB' is no page size such as 2MB",
     "huge page limit: '../2MB' is no page size such as 2MB"},
    {"network class, where 0 is one",
     {.network_class_set = true, .network_class = 0},
     "net_cls.classid=0",
     "network class: cgroup v2 does not have it"},
    {"network priority",
     {.network_priorities = priorities, .network_priorities_count = 1},
     "net_prio.ifpriomap=eth0 5",
     "network priority: cgroup v2 does not have it"},
    {"network priority of two words",
     {.network_priorities = bad_priorities, .network_priorities_count = 1},
     "network priority: 'a b' is no interface",
     "network priority: cgroup v2 does not have it"},
    {"rdma",
     {.rdma = rdma, .rdma_count = 2},
     "rdma.max=mlx5_1 hca_handle=3 hca_object=10000 rdma.max=mlx5_1 hca_object=7",
     "rdma.max=mlx5_1 hca_handle=3 hca_object=10000 rdma.max=mlx5_1 hca_object=7"},
    {"unified",
     {.unified = unified},
     "unified: this machine has no cgroup v2 controllers",
     "memory.high=1048576 cgroup.max.depth=3"},
    {"unified elsewhere",
     {.unified = unified_up},
     "unified: this machine has no cgroup v2 controllers",
     "unified '../memory.high': it is no file of a cgroup"},
    {"unified without a controller",
     {.unified = unified_none},
     "unified: this machine has no cgroup v2 controllers",
     "unified 'dmem.max': there is no 'dmem' cgroup controller"},
    {"unified without a file",
     {.unified = unified_bare},
     "unified: this machine has no cgroup v2 controllers",
     "unified 'memory': it is no file of a cgroup"},
};

Test(cgroup_plan, each_rarer_limit_on_both_versions)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        char text[1024];
        describe(&v1, &table[i].resources, 0, text, sizeof(text));
        cr_expect_str_eq(text, table[i].v1, "%s on v1: %s", table[i].name, text);
        describe(&v2, &table[i].resources, 0, text, sizeof(text));
        cr_expect_str_eq(text, table[i].v2, "%s on v2: %s", table[i].name, text);
    }
}

Test(cgroup_plan, on_a_hybrid_machine_a_missing_v1_controller_is_named)
{
    static const struct {
        struct run_resources resources;
        const char *text;
    } missing[] = {
        {{.cpuset_cpus = cpus}, "cpus: this machine has no 'cpuset' cgroup controller"},
        {{.blkio_weight = 10}, "block io weight: this machine has no 'blkio' cgroup controller"},
        {{.hugepages = pages, .hugepages_count = 1},
         "huge page limit: this machine has no 'hugetlb' cgroup controller"},
        {{.network_class_set = true},
         "network class: this machine has no 'net_cls' cgroup controller"},
        {{.network_priorities = priorities, .network_priorities_count = 1},
         "network priority: this machine has no 'net_prio' cgroup controller"},
        {{.rdma = rdma, .rdma_count = 1},
         "rdma limit: this machine has no 'rdma' cgroup controller"},
        {{.unified = unified}, "unified: this machine has no cgroup v2 controllers"},
    };
    const struct cgroup_layout hybrid = {RUN_CGROUP_HYBRID, "/sys/fs/cgroup", CGROUP_DEFAULT_SET};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(missing); i++) {
        char text[1024];
        describe(&hybrid, &missing[i].resources, 0, text, sizeof(text));
        cr_expect_str_eq(text, missing[i].text);
    }
}

Test(cgroup_plan, on_v2_a_missing_controller_is_named_as_v2_does)
{
    const struct cgroup_layout bare_v2 = {RUN_CGROUP_V2, "/sys/fs/cgroup",
                                          CGROUP_BIT(CGROUP_DEVICES)};
    struct run_resources r = {.blkio_weight = 10};
    char text[1024];
    describe(&bare_v2, &r, 0, text, sizeof(text));
    cr_expect(keg_starts_with(text, "block io weight: '/sys/fs/cgroup' gives no 'io' controller"),
              "%s", text);
}

Test(cgroup_plan, unlimited_memory_takes_the_bound_of_memory_and_swap_along_on_v1)
{
    struct run_resources r = {.memory_limit_bytes = -1};
    char text[1024];
    describe(&v1, &r, CGROUP_PLAN_UPDATE, text, sizeof(text));
    cr_expect_str_eq(text, "memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes?=-1");
    describe(&v2, &r, CGROUP_PLAN_UPDATE, text, sizeof(text));
    cr_expect_str_eq(text, "memory.max=max");
}

Test(cgroup_plan, what_is_rarely_limited_is_looked_for_only_then)
{
    struct run_resources none_at_all = {.pids_limit = 5, .memory_limit_bytes = 1};
    struct run_resources some = {.cpuset_cpus = cpus};
    cr_expect_eq(cgroup_controllers_wanted(&none_at_all, false), CGROUP_DEFAULT_SET);
    cr_expect_eq(cgroup_controllers_wanted(&none_at_all, true), CGROUP_ALL);
    cr_expect_eq(cgroup_controllers_wanted(&some, false), CGROUP_ALL);
}
