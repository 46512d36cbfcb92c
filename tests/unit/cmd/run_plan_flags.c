/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of `keg run` that reach the launcher's whole: what each puts into the spec, and what is
 * refused. */
#include "cmd/run/plan.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A list of one, as the parser makes it; the text is borrowed. */
#define ONE(text) ((char *[]){(char *)(uintptr_t)(text), NULL})

static struct keg_err err;

/* ---- limits */

static struct run_spec *limits(struct plan_flags flags)
{
    struct run_spec *spec = run_spec_new();
    if (flags.pids_limit == 0)
        flags.pids_limit = INT64_MIN;
    err = KEG_ERR_INIT;
    if (plan_limits(&flags, spec, &err) == 0 && plan_rlimits(&flags, &spec->process, &err) == 0)
        return spec;
    run_spec_free(spec);
    return NULL;
}

Test(plan_limits, each_has_its_member)
{
    struct run_spec *spec = limits((struct plan_flags){.memory_bytes = 64u << 20,
                                                       .memory_reservation_bytes = 32u << 20,
                                                       .memory_swap = "128m",
                                                       .memory_swappiness = "10",
                                                       .oom_kill_disable = true,
                                                       .oom_score_adj = "-500",
                                                       .cpu_shares = "512",
                                                       .cpu_period = "50000",
                                                       .cpu_quota = "25000",
                                                       .cpu_rt_period = "1000000",
                                                       .cpu_rt_runtime = "950000",
                                                       .cpuset_cpus = "0-0,0",
                                                       .cpuset_mems = "0",
                                                       .blkio_weight = "300",
                                                       .cgroup_conf = ONE("memory.high=1m")});
    cr_assert_not_null(spec, "%s", err.text);
    const struct run_resources *r = &spec->resources;
    cr_assert_eq(r->memory_limit_bytes, 64 << 20);
    cr_assert_eq(r->memory_reservation_bytes, 32 << 20);
    cr_assert_eq(r->memory_swap_bytes, 128 << 20);
    cr_assert(r->memory_swappiness_set);
    cr_assert_eq(r->memory_swappiness, 10);
    cr_assert(r->memory_disable_oom_killer);
    cr_assert(spec->process.oom_score_adj_set);
    cr_assert_eq(spec->process.oom_score_adj, -500);
    cr_assert_eq(r->cpu_shares, 512);
    cr_assert_eq(r->cpu_period_us, 50000);
    cr_assert_eq(r->cpu_quota_us, 25000);
    cr_assert_eq(r->cpu_realtime_period_us, 1000000);
    cr_assert_eq(r->cpu_realtime_runtime_us, 950000);
    cr_assert_str_eq(r->cpuset_cpus, "0-0,0");
    cr_assert_str_eq(r->cpuset_mems, "0");
    cr_assert_eq(r->blkio_weight, 300);
    cr_assert_str_eq(r->unified[0], "memory.high=1m");
    run_spec_free(spec);
}

Test(plan_limits, without_flags_nothing_is_set)
{
    struct run_spec *spec = limits((struct plan_flags){.tty = false});
    static const struct run_resources none;
    cr_assert_eq(memcmp(&spec->resources, &none, sizeof(none)), 0);
    cr_assert(!spec->process.oom_score_adj_set);
    run_spec_free(spec);
}

Test(plan_limits, unlimited_and_default_have_words)
{
    struct run_spec *spec = limits(
        (struct plan_flags){.memory_swap = "-1", .memory_swappiness = "-1", .cpu_quota = "-1"});
    cr_assert_eq(spec->resources.memory_swap_bytes, -1);
    cr_assert(!spec->resources.memory_swappiness_set);
    cr_assert_eq(spec->resources.cpu_quota_us, -1);
    run_spec_free(spec);
}

static void refused(struct plan_flags flags, const char *error)
{
    cr_assert_null(limits(flags), "%s", error);
    cr_assert_str_eq(err.text, error);
}

Test(plan_limits, what_is_wrong_is_named)
{
    refused((struct plan_flags){.oom_score_adj = "1001"},
            "--oom-score-adj '1001': not a number from -1000 to 1000");
    refused((struct plan_flags){.memory_swap = "1g"},
            "--memory-swap '1g': needs --memory beside it");
    refused((struct plan_flags){.memory_swap = "1m", .memory_bytes = 64u << 20},
            "--memory-swap '1m': it counts memory and swap together, so at least what --memory "
            "says");
    refused((struct plan_flags){.memory_swap = "x"},
            "--memory-swap 'x': not a size such as 1g, nor -1");
    refused((struct plan_flags){.memory_reservation_bytes = 65u << 20, .memory_bytes = 64u << 20},
            "--memory-reservation: at most what --memory says");
    refused((struct plan_flags){.memory_swappiness = "101"},
            "--memory-swappiness '101': not a number from -1 to 100");
    refused((struct plan_flags){.cpus = "0.5", .cpu_quota = "5000"},
            "--cpus and --cpu-quota say the same: give one of them");
    refused((struct plan_flags){.cpu_quota = "5"},
            "--cpu-quota '5': at least 1000 microseconds, or -1");
    refused((struct plan_flags){.cpu_shares = "1"},
            "--cpu-shares '1': not a number from 2 to 262144");
    refused((struct plan_flags){.cpuset_cpus = "0-"},
            "--cpuset-cpus '0-': not a list such as 0-3,7");
    refused((struct plan_flags){.cpuset_mems = "3-1"},
            "--cpuset-mems '3-1': not a list such as 0-3,7");
    refused((struct plan_flags){.cpuset_cpus = "0,,1"},
            "--cpuset-cpus '0,,1': not a list such as 0-3,7");
    cr_assert_null(limits((struct plan_flags){.cpuset_cpus = "0,60000"}));
    cr_assert(keg_starts_with(err.text, "--cpuset-cpus '0,60000': this machine has 0-"));
    refused((struct plan_flags){.blkio_weight = "9"},
            "--blkio-weight '9': not a number from 10 to 1000");
    refused((struct plan_flags){.cgroup_conf = ONE("../memory.high=1")},
            "--cgroup-conf '../memory.high=1': not FILE=VALUE, such as memory.high=1073741824");
    refused((struct plan_flags){.blkio_weight_devices = ONE("/dev/null:100")},
            "--blkio-weight-device '/dev/null:100': '/dev/null' is not a block device");
    struct plan_flags flags = {.tty = false};
    flags.throttles[RUN_THROTTLE_WRITE_IOPS] = ONE("/dev/sda");
    refused(flags, "--device-write-iops '/dev/sda': not PATH:VALUE");
}

Test(plan_rlimits, names_values_and_the_last_one_wins)
{
    char *ulimits[] = {(char[]){"nofile=1:2"}, (char[]){"core=0"}, (char[]){"nofile=1024:-1"},
                       (char[]){"stack=unlimited"}, NULL};
    struct run_spec *spec = limits((struct plan_flags){.ulimits = ulimits});
    const struct run_process *process = &spec->process;
    cr_assert_eq(process->rlimits_count, 3);
    cr_assert_str_eq(process->rlimits[0].type, "RLIMIT_NOFILE");
    cr_assert_eq(process->rlimits[0].soft, 1024);
    cr_assert_eq(process->rlimits[0].hard, UINT64_MAX);
    cr_assert_str_eq(process->rlimits[1].type, "RLIMIT_CORE");
    cr_assert_eq(process->rlimits[1].hard, 0);
    cr_assert_eq(process->rlimits[2].soft, UINT64_MAX);
    run_spec_free(spec);
    refused((struct plan_flags){.ulimits = ONE("nofile")},
            "--ulimit 'nofile': not NAME=SOFT[:HARD], such as nofile=1024");
    refused((struct plan_flags){.ulimits = ONE("nofile=2:1")},
            "--ulimit 'nofile=2:1': the soft limit is above the hard one");
    refused((struct plan_flags){.ulimits = ONE("nofile=x")},
            "--ulimit 'nofile=x': not a number, nor -1 for unlimited");
    refused((struct plan_flags){.ulimits = ONE("nofile=1:")},
            "--ulimit 'nofile=1:': not a number, nor -1 for unlimited");
    cr_assert_null(limits((struct plan_flags){.ulimits = ONE("files=1")}));
    cr_assert(keg_starts_with(err.text, "--ulimit 'files=1': no such limit; there are as, core"));
}

/* ---- devices */

static struct run_spec *devices(const char *device, const char *rule)
{
    struct plan_flags flags = {.devices = device ? ONE(device) : NULL,
                               .device_rules = rule ? ONE(rule) : NULL};
    struct run_spec *spec = run_spec_new();
    err = KEG_ERR_INIT;
    if (plan_devices(&flags, spec, &err) == 0)
        return spec;
    run_spec_free(spec);
    return NULL;
}

Test(plan_devices, node_and_rule)
{
    static const struct {
        const char *text, *path, *access;
    } table[] = {
        {"/dev/null", "/dev/null", "rwm"},
        {"/dev/null:/dev/x", "/dev/x", "rwm"},
        {"/dev/null:r", "/dev/null", "r"},
        {"/dev/null:/dev/x:rw", "/dev/x", "rw"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct run_spec *spec = devices(table[i].text, NULL);
        cr_assert_not_null(spec, "%s", err.text);
        cr_assert_eq(spec->devices_count, 1);
        cr_assert_str_eq(spec->devices[0].path, table[i].path);
        cr_assert_eq(spec->devices[0].type, 'c');
        cr_assert_eq(spec->devices[0].major, 1);
        cr_assert_eq(spec->devices[0].minor, 3);
        cr_assert_eq(spec->devices[0].mode, 0666);
        cr_assert_eq(spec->resources.devices_count, 1);
        cr_assert(spec->resources.devices[0].allow);
        cr_assert_eq(spec->resources.devices[0].major, 1);
        cr_assert_str_eq(spec->resources.devices[0].access, table[i].access);
        run_spec_free(spec);
    }
}

Test(plan_devices, of_a_folder_all_below_it)
{
    char folder[] = "/tmp/keg-devices-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/a", folder);
    if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) < 0)
        cr_skip_test("device nodes cannot be made here");
    (void)snprintf(path, sizeof(path), "%s:/dev/x", folder);
    struct run_spec *spec = devices(path, NULL);
    cr_assert_not_null(spec, "%s", err.text);
    cr_assert_eq(spec->devices_count, 1);
    cr_assert_str_eq(spec->devices[0].path, "/dev/x/a");
    run_spec_free(spec);
    (void)keg_remove_tree(AT_FDCWD, folder);
}

Test(plan_devices, rules)
{
    struct run_spec *spec = devices(NULL, "c 10:* rm");
    cr_assert_not_null(spec, "%s", err.text);
    const struct run_device_rule *rule = &spec->resources.devices[0];
    cr_assert(rule->allow && rule->type == 'c' && rule->major == 10 && rule->minor == -1);
    cr_assert_str_eq(rule->access, "rm");
    run_spec_free(spec);
    static const char *const bad[] = {"",        "c",        "c 10 rwm",  "d 1:1 r", "c 1:1",
                                      "c 1:1 x", "c 1:1 rr", "c x:1 rwm", "c 1:1  r"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        cr_assert_null(devices(NULL, bad[i]), "%s", bad[i]);
        cr_assert(strstr(err.text, "not TYPE MAJOR:MINOR ACCESS, such as 'c 10:200 rwm'"));
    }
}

Test(plan_devices, refused_by_name)
{
    static const struct {
        const char *text, *error;
    } table[] = {
        {"/dev/null:/dev/x:rx",
         "--device '/dev/null:/dev/x:rx': 'rx' is not an access such as rwm"},
        {"/dev/null:/x", "--device '/dev/null:/x': the path in the container must be below /dev"},
        {"/etc/passwd:/dev/x",
         "--device '/etc/passwd:/dev/x': '/etc/passwd' is not a device; for files and folders use "
         "-v"},
        {"/dev/nosuch", "--device '/dev/nosuch': '/dev/nosuch': no such file or directory"},
        {"nvidia.com/gpu=all",
         "--device 'nvidia.com/gpu=all': devices by name (CDI) are not supported; give the path of "
         "a device, such as /dev/dri"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        cr_assert_null(devices(table[i].text, NULL), "%s", table[i].text);
        cr_assert_str_eq(err.text, table[i].error);
    }
}

/* ---- clocks */

Test(plan_time, offsets)
{
    static const struct {
        const char *text;
        int64_t monotonic, boottime;
        uint32_t monotonic_ns;
    } table[] = {
        {"boottime=+1d", 0, 86400, 0},       {"boottime=90", 0, 90, 0},
        {"monotonic=-5", -5, 0, 0},          {"monotonic=-5m,boottime=2h", -300, 7200, 0},
        {"monotonic=1.5", 1, 0, 500000000},  {"monotonic=-1.5", -2, 0, 500000000},
        {"monotonic=0.000000001s", 0, 0, 1}, {"boottime=1w", 0, 604800, 0},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct plan_flags flags = {.time_offsets = ONE(table[i].text)};
        struct run_spec *spec = run_spec_new();
        cr_assert_eq(plan_time_offsets(&flags, spec, &err), 0, "%s", err.text);
        const struct run_time_offset *monotonic = &spec->time_offsets[RUN_CLOCK_MONOTONIC];
        cr_assert(spec->namespaces[RUN_NS_TIME].wanted);
        cr_assert_eq(monotonic->seconds, table[i].monotonic, "%s", table[i].text);
        cr_assert_eq(monotonic->nanoseconds, table[i].monotonic_ns, "%s", table[i].text);
        cr_assert_eq(monotonic->set, strstr(table[i].text, "monotonic") != NULL);
        cr_assert_eq(spec->time_offsets[RUN_CLOCK_BOOTTIME].seconds, table[i].boottime);
        run_spec_free(spec);
    }
}

Test(plan_time, refused)
{
    static const char *const table[] = {"",
                                        "boottime",
                                        "boottime=",
                                        "realtime=1",
                                        "boottime=x",
                                        "boottime=1y",
                                        "boottime=1.5d",
                                        "boottime=1,",
                                        "boottime=--1",
                                        "boottime=1.",
                                        "boottime=9999999999999"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct plan_flags flags = {.time_offsets = ONE(table[i])};
        struct run_spec *spec = run_spec_new();
        cr_assert_eq(plan_time_offsets(&flags, spec, &err), -EINVAL, "%s", table[i]);
        cr_assert(strstr(err.text, "not CLOCK=[+-]TIME"));
        run_spec_free(spec);
    }
}

/* ---- namespaces */

static struct plan_ns namespace_of(const char *flag, const char *text)
{
    struct plan_flags flags = {.pid = text};
    enum run_namespace_type type = RUN_NS_PID;
    struct plan_ns ns = {0};
    if (keg_streq(flag, "ipc")) {
        flags = (struct plan_flags){.ipc = text};
        type = RUN_NS_IPC;
    } else if (keg_streq(flag, "userns")) {
        flags = (struct plan_flags){.userns = text};
        type = RUN_NS_USER;
    } else if (keg_streq(flag, "network")) {
        flags = (struct plan_flags){.network = text};
        type = RUN_NS_NETWORK;
    }
    err = KEG_ERR_INIT;
    (void)plan_namespace(&flags, type, &ns, &err);
    return ns;
}

Test(plan_namespace, words)
{
    static const struct {
        const char *flag, *text;
        enum plan_ns_kind kind;
        const char *value;
    } table[] = {
        {"pid", NULL, PLAN_NS_PRIVATE, NULL},
        {"pid", "", PLAN_NS_PRIVATE, NULL},
        {"pid", "host", PLAN_NS_HOST, NULL},
        {"pid", "container:web", PLAN_NS_CONTAINER, "web"},
        {"pid", "ns:/run/netns/x", PLAN_NS_PATH, "/run/netns/x"},
        {"ipc", NULL, PLAN_NS_SHAREABLE, NULL},
        {"ipc", "none", PLAN_NS_NONE, NULL},
        {"userns", NULL, PLAN_NS_HOST, NULL},
        {"userns", "auto", PLAN_NS_AUTO, NULL},
        {"userns", "auto:size=4096", PLAN_NS_AUTO, "size=4096"},
        {"userns", "keep-id:uid=1", PLAN_NS_KEEP_ID, "uid=1"},
        {"network", NULL, PLAN_NS_PRIVATE, NULL},
        {"network", "none", PLAN_NS_PRIVATE, NULL},
        {"network", "host", PLAN_NS_HOST, NULL},
        {"network", "container:web", PLAN_NS_CONTAINER, "web"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct plan_ns ns = namespace_of(table[i].flag, table[i].text);
        cr_assert_str_empty(err.text);
        cr_assert_eq(ns.kind, table[i].kind, "%s", table[i].text);
        cr_assert_eq(ns.value == NULL, table[i].value == NULL);
        if (ns.value)
            cr_assert_str_eq(ns.value, table[i].value);
    }
}

Test(plan_namespace, refused)
{
    (void)namespace_of("pid", "shareable");
    cr_assert_str_eq(err.text,
                     "--pid 'shareable': not one of private, host, container:NAME, ns:PATH");
    (void)namespace_of("pid", "container:");
    cr_assert(keg_starts_with(err.text, "--pid 'container:': not one of"));
    (void)namespace_of("pid", "ns:relative");
    cr_assert_str_eq(err.text, "--pid 'ns:relative': the path must be absolute");
    (void)namespace_of("ipc", "x");
    cr_assert_str_eq(
        err.text, "--ipc 'x': not one of private, host, container:NAME, ns:PATH, shareable, none");
    (void)namespace_of("userns", "x");
    cr_assert_str_eq(
        err.text, "--userns 'x': not one of private, host, container:NAME, ns:PATH, auto, keep-id");
}

static const char *conflict(struct plan_flags flags)
{
    err = KEG_ERR_INIT;
    cr_assert_eq(plan_check_namespaces(&flags, &err), -EINVAL);
    return err.text;
}

Test(plan_namespace, what_does_not_go_together)
{
    cr_assert_str_eq(conflict((struct plan_flags){.uts = "host", .hostname = "x"}),
                     "--hostname: with --uts host the container has no name of its own");
    cr_assert_str_eq(
        conflict((struct plan_flags){.network = "container:web", .dns = ONE("1.1.1.1")}),
        "--dns: the container has the host name, hosts and resolv.conf of 'web', whose "
        "network it joins");
    cr_assert(keg_starts_with(conflict((struct plan_flags){.userns = "keep-id"}),
                              "--userns keep-id: not supported; "));
    cr_assert_str_eq(conflict((struct plan_flags){.userns = "host", .uid_maps = ONE("0:1:1")}),
                     "--userns host: brings its own ids, so no --uidmap beside it");
}

static struct run_spec *planned(struct plan_flags flags, const struct plan_joined *joined)
{
    struct run_spec *spec = run_spec_new();
    cr_assert_eq(run_spec_defaults(spec, &err), 0);
    cr_assert_eq(plan_namespaces(&flags, joined, spec, &err), 0, "%s", err.text);
    return spec;
}

static const struct run_mount *mount_at(const struct run_spec *spec, const char *destination)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].destination, destination))
            return &spec->mounts[i];
    return NULL;
}

Test(plan_namespace, into_the_spec)
{
    struct plan_joined joined[RUN_NS_COUNT] = {
        [RUN_NS_IPC] = {.path = "/proc/7/ns/ipc", .shm = "/shm"}};
    struct run_spec *spec = planned((struct plan_flags){.pid = "host",
                                                        .ipc = "container:web",
                                                        .cgroupns = "ns:/run/ns/cgroup",
                                                        .network = "host"},
                                    joined);
    cr_assert(!spec->namespaces[RUN_NS_PID].wanted);
    cr_assert(!spec->namespaces[RUN_NS_NETWORK].wanted);
    cr_assert(!spec->namespaces[RUN_NS_USER].wanted);
    cr_assert(spec->namespaces[RUN_NS_UTS].wanted);
    cr_assert_null(spec->namespaces[RUN_NS_UTS].path);
    cr_assert_str_eq(spec->namespaces[RUN_NS_IPC].path, "/proc/7/ns/ipc");
    cr_assert_str_eq(spec->namespaces[RUN_NS_CGROUP].path, "/run/ns/cgroup");
    cr_assert_str_eq(mount_at(spec, "/dev/shm")->source, "/shm");
    run_spec_free(spec);
}

Test(plan_namespace, shared_memory_goes_with_ipc)
{
    static const struct plan_joined joined[RUN_NS_COUNT];
    struct run_spec *spec = planned((struct plan_flags){.ipc = "none"}, joined);
    cr_assert_null(mount_at(spec, "/dev/shm"));
    cr_assert_str_eq(spec->annotations[0], "keg.ipc=none");
    run_spec_free(spec);
    spec = planned((struct plan_flags){.ipc = "host"}, joined);
    cr_assert_str_eq(mount_at(spec, "/dev/shm")->type, "bind");
    cr_assert_str_eq(mount_at(spec, "/dev/shm")->source, "/dev/shm");
    run_spec_free(spec);
    spec = planned((struct plan_flags){.shm_size_bytes = 1 << 20}, joined);
    cr_assert_str_eq(mount_at(spec, "/dev/shm")->options[4], "size=1048576");
    cr_assert_null(spec->annotations);
    run_spec_free(spec);
}

/* ---- ids */

Test(plan_ids, maps)
{
    char *maps[] = {(char[]){"0:100000:1000"}, (char[]){"1000:0:1"}, (char[]){"2000:5"}, NULL};
    struct plan_flags flags = {.uid_maps = maps};
    struct run_id_maps uids = {0}, gids = {0};
    cr_assert_eq(plan_id_maps(&flags, &uids, &gids, &err), 0, "%s", err.text);
    cr_assert_eq(uids.count, 3);
    cr_assert_eq(gids.count, 3);
    cr_assert_eq(uids.items[0].host_id, 100000);
    cr_assert_eq(uids.items[1].container_id, 1000);
    cr_assert_eq(gids.items[2].size, 1);
    run_id_maps_done(&uids);
    run_id_maps_done(&gids);
}

Test(plan_ids, bad_maps)
{
    static const char *const table[] = {
        "", "0", "0:0:0", "a:0:1", "0:0:1:1", "0:4294967295:1", "0:0:4294967296"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct plan_flags flags = {.gid_maps = ONE(table[i])};
        struct run_id_maps uids = {0}, gids = {0};
        cr_assert_eq(plan_id_maps(&flags, &uids, &gids, &err), -EINVAL, "%s", table[i]);
        cr_assert(strstr(err.text, "not CONTAINER:HOST:SIZE, such as 0:100000:65536"));
        run_id_maps_done(&uids);
        run_id_maps_done(&gids);
    }
    char *overlap[] = {(char[]){"0:1000:10"}, (char[]){"9:5000:1"}, NULL};
    struct plan_flags flags = {.uid_maps = overlap};
    struct run_id_maps uids = {0}, gids = {0};
    cr_assert_eq(plan_id_maps(&flags, &uids, &gids, &err), -EINVAL);
    cr_assert_str_eq(err.text, "--uidmap '9:5000:1': overlaps with another one");
    run_id_maps_done(&uids);
    run_id_maps_done(&gids);
}

Test(plan_ids, of_the_kernel)
{
    struct run_id_maps maps = {0};
    cr_assert_eq(plan_kernel_id_map("         0     100000      65536\n     70000          5"
                                    "          1\n",
                                    &maps),
                 0);
    cr_assert_eq(maps.count, 2);
    cr_assert_eq(maps.items[0].host_id, 100000);
    cr_assert_eq(maps.items[1].container_id, 70000);
    cr_assert_eq(plan_kernel_id_map("0 1\n", &maps), -EPROTO);
    run_id_maps_done(&maps);
}

Test(plan_ids, blocks)
{
    static const char ranges[] = "user:1:65536\nkeg:100000:131072\ncontainers:500000:70000\n";
    static const struct {
        const char *text;
        size_t index;
        uint32_t first; /* 0: there is none */
    } table[] = {
        {ranges, 0, 100000},
        {ranges, 1, 165536},
        {ranges, 2, 500000},
        {ranges, 3, 0},
        {"", 0, PLAN_ID_FIRST_DEFAULT},
        {"user:1:65536\n", 2, PLAN_ID_FIRST_DEFAULT + 2 * PLAN_ID_BLOCK},
        {"", PLAN_ID_BLOCKS_DEFAULT, 0},
        {"keg:100000:1000\n", 0, 0},
        {"keg:x:65536\nkeg:1\n:::\n", 0, PLAN_ID_FIRST_DEFAULT},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        uint32_t first = 0;
        int r = plan_id_block(table[i].text, table[i].index, &first);
        cr_assert_eq(r, table[i].first ? 0 : -ENOENT, "case %zu", i);
        cr_assert_eq(first, table[i].first, "case %zu", i);
    }
}

/* ---- security options */

static struct run_spec *secured(const char *option)
{
    struct plan_flags flags = {.security_opts = ONE(option)};
    struct run_spec *spec = run_spec_new();
    cr_assert_eq(run_spec_defaults(spec, &err), 0);
    err = KEG_ERR_INIT;
    if (plan_security(&flags, spec, &err) == 0)
        return spec;
    run_spec_free(spec);
    return NULL;
}

static bool has(char *const *list, const char *text)
{
    for (char *const *l = list; l && *l; l++)
        if (keg_streq(*l, text))
            return true;
    return false;
}

Test(plan_security, options)
{
    struct run_spec *spec = secured("no-new-privileges:true");
    cr_assert(spec->process.no_new_privileges);
    run_spec_free(spec);
    spec = secured("seccomp=unconfined");
    cr_assert_eq(spec->seccomp, RUN_SECCOMP_NONE);
    run_spec_free(spec);
    spec = secured("mask=/a:/b");
    cr_assert(has(spec->masked_paths, "/a") && has(spec->masked_paths, "/b"));
    run_spec_free(spec);
    spec = secured("unmask=/proc/s*:/proc/irq");
    cr_assert(!has(spec->readonly_paths, "/proc/sys") && !has(spec->readonly_paths, "/proc/irq"));
    cr_assert(has(spec->readonly_paths, "/proc/bus"));
    run_spec_free(spec);
    spec = secured("unmask=ALL");
    cr_assert(!spec->masked_paths[0] && !spec->readonly_paths[0]);
    run_spec_free(spec);
    spec = secured("systempaths=unconfined");
    cr_assert(!spec->masked_paths[0] && !spec->readonly_paths[0]);
    run_spec_free(spec);
    spec = secured("proc-opts=hidepid=2,subset=pid");
    cr_assert(has(mount_at(spec, "/proc")->options, "hidepid=2"));
    cr_assert(has(mount_at(spec, "/proc")->options, "subset=pid"));
    run_spec_free(spec);
    spec = secured("writable-cgroups=true");
    cr_assert(!has(mount_at(spec, "/sys/fs/cgroup")->options, "ro"));
    run_spec_free(spec);
}

Test(plan_security, a_profile_of_ones_own)
{
    char path[] = "/tmp/keg-profile-XXXXXX", option[64];
    static const char text[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
                               "{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
    int fd = mkstemp(path);
    cr_assert_eq(keg_write_all(fd, text, strlen(text)), 0);
    (void)close(fd);
    (void)snprintf(option, sizeof(option), "seccomp=%s", path);
    struct run_spec *spec = secured(option);
    (void)unlink(path);
    cr_assert_not_null(spec, "%s", err.text);
    cr_assert_eq(spec->seccomp, RUN_SECCOMP_CUSTOM);
    cr_assert_eq(spec->seccomp_profile->rules_count, 1);
    run_spec_free(spec);
}

Test(plan_security, refused)
{
    static const struct {
        const char *option, *error;
    } table[] = {
        {"label=type:x", "--security-opt 'label=type:x': keg sets no SELinux labels; there is "
                         "'disable' alone"},
        {"seccomp", "--security-opt 'seccomp': wants a value: seccomp=…"},
        {"seccomp=/nowhere", "--security-opt 'seccomp=/nowhere': open '/nowhere': no such file or "
                             "directory"},
        {"no-new-privileges=maybe",
         "--security-opt 'no-new-privileges=maybe': 'maybe' is neither true nor false"},
        {"mask=a", "--security-opt 'mask=a': the path 'a' is not absolute"},
        {"systempaths=x", "--security-opt 'systempaths=x': there is 'unconfined' alone"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        cr_assert_null(secured(table[i].option), "%s", table[i].option);
        cr_assert_str_eq(err.text, table[i].error);
    }
    cr_assert_null(secured("nonsense=x"));
    cr_assert(keg_starts_with(err.text, "--security-opt 'nonsense=x': not supported; there are"));
}

/* ---- files, labels, the rest */

Test(plan_files, hosts_and_servers_of_flags)
{
    char *hosts[] = {(char[]){"db:10.0.0.2"}, (char[]){"six=[fd00::1]"},
                     (char[]){"gw:host-gateway"}, NULL};
    struct plan_flags flags = {.add_hosts = hosts,
                               .dns = ONE("9.9.9.9"),
                               .dns_search = ONE("example.org"),
                               .dns_options = ONE("ndots:3")};
    _cleanup_buf_ struct keg_buf lines = keg_buf_init(4096), resolv = keg_buf_init(4096);
    cr_assert_eq(plan_check_hosts(&flags, &err), 0, "%s", err.text);
    plan_add_hosts(&flags, "10.78.0.1", &lines);
    cr_assert_str_eq(lines.data, "10.0.0.2\tdb\nfd00::1\tsix\n10.78.0.1\tgw\n");
    plan_resolv_conf(&flags, "nameserver 1.1.1.1\nsearch lan\noptions edns0\n", PLAN_PUBLIC_SERVERS,
                     &resolv);
    cr_assert_str_eq(resolv.data, "nameserver 9.9.9.9\nsearch example.org\noptions ndots:3\n");
    flags = (struct plan_flags){.dns_search = ONE(".")};
    _cleanup_buf_ struct keg_buf none = keg_buf_init(4096);
    plan_resolv_conf(&flags, "nameserver 1.1.1.1\nsearch lan\n", PLAN_PUBLIC_SERVERS, &none);
    cr_assert_str_eq(none.data, "nameserver 1.1.1.1\n");
}

Test(plan_files, refused)
{
    const struct {
        struct plan_flags flags;
        const char *error;
    } table[] = {
        {{.add_hosts = (char *[]){(char[]){"db"}, NULL}},
         "--add-host 'db': not NAME:ADDRESS, such as db:10.0.0.2 or "
         "host.docker.internal:host-gateway"},
        {{.add_hosts = (char *[]){(char[]){"db:nowhere"}, NULL}},
         "--add-host 'db:nowhere': not NAME:ADDRESS, such as db:10.0.0.2 or "
         "host.docker.internal:host-gateway"},
        {{.dns = (char *[]){(char[]){"example.org"}, NULL}},
         "--dns 'example.org': not an IP address"},
        {{.dns_search = (char *[]){(char[]){"a b"}, NULL}},
         "--dns-search 'a b': one word, please; the flag can be repeated"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        cr_assert_eq(plan_check_hosts(&table[i].flags, &err), -EINVAL);
        cr_assert_str_eq(err.text, table[i].error);
    }
}

Test(plan_labels, of_the_image_and_of_flags)
{
    static const char text[] = "{\"config\":{\"Labels\":{\"a\":\"image\",\"b\":\"1\"}}}";
    _cleanup_json_ json_t *config = keg_json_parse(text, strlen(text), &err);
    char *given[] = {(char[]){"a=flag"}, (char[]){"empty"}, NULL};
    struct plan_flags flags = {.labels = given};
    _cleanup_strv_ char **labels = NULL;
    cr_assert_eq(plan_labels(&flags, config, &labels, &err), 0, "%s", err.text);
    cr_assert(has(labels, "a=flag") && has(labels, "b=1") && has(labels, "empty="));
    cr_assert_eq(keg_strv_length(labels), 3);
}

Test(plan_rootfs, syntax)
{
    char folder[] = "/tmp/keg-rootfs-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    static const struct {
        const char *suffix;
        bool overlay;
    } table[] = {{"", false}, {":rw", false}, {":O", true}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_free_ char *text = keg_asprintf("%s%s", folder, table[i].suffix), *path = NULL;
        bool overlay;
        cr_assert_eq(plan_rootfs(text, &path, &overlay, &err), 0, "%s", err.text);
        cr_assert_str_eq(path, folder);
        cr_assert_eq(overlay, table[i].overlay);
    }
    _cleanup_free_ char *path = NULL, *bad = keg_asprintf("%s:x", folder);
    bool overlay;
    cr_assert_lt(plan_rootfs(bad, &path, &overlay, &err), 0);
    cr_assert(strstr(err.text, "unknown option ':x'; there are ':O'"));
    cr_assert_lt(plan_rootfs("-it", &path, &overlay, &err), 0);
    cr_assert_str_eq(err.text, "--rootfs '-it': wants the folder right behind it");
    (void)rmdir(folder);
}

static void checked(struct plan_flags flags, const char *error)
{
    flags.pids_limit = INT64_MIN;
    cr_assert_lt(plan_check_flags(&flags, &err), 0, "%s", error);
    cr_assert_str_eq(err.text, error);
}

Test(plan_check, the_rest)
{
    checked((struct plan_flags){.umask = "1000"},
            "--umask '1000': not an octal number from 0 to 0777");
    checked((struct plan_flags){.umask = "8"}, "--umask '8': not an octal number from 0 to 0777");
    checked((struct plan_flags){.sysctls = ONE("net.core.somaxconn")},
            "--sysctl 'net.core.somaxconn': not NAME=VALUE, such as net.ipv4.ip_forward=1");
    checked((struct plan_flags){.storage_opts = ONE("size=1m")},
            "--storage-opt 'size=1m': only a layer in RAM has a size of its own; add --ephemeral");
    checked((struct plan_flags){.ephemeral = true, .storage_opts = ONE("quota=1m")},
            "--storage-opt 'quota=1m': not size=BYTES, such as size=64m");
    checked((struct plan_flags){.cgroups = "split"},
            "--cgroups 'split': not one of enabled, disabled");
    checked((struct plan_flags){.cgroups = "disabled", .cpus = "0.5"},
            "--cgroups disabled: limits need a cgroup of the container's own");
    checked((struct plan_flags){.cgroup_parent = "../x"},
            "--cgroup-parent '../x': not a path such as /group");
    checked((struct plan_flags){.annotations = ONE("x")}, "--annotation 'x': not NAME=VALUE");
    checked((struct plan_flags){.groups = ONE("keep-groups")},
            "--group-add 'keep-groups': not supported; name the groups, or give their gids");
    checked((struct plan_flags){.userns = "auto:size=0"},
            "--userns 'auto:size=0': auto takes size=1 to size=65536");
    checked((struct plan_flags){.preserve_fds = "x"},
            "--preserve-fds 'x': not a number from 0 to 1024");
}
