/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtime spec 1.2 (config.md, config-linux.md) in memory: the structs that run.h's
 * functions take. Everything that a pointer in here means is on the heap and freed by
 * run_spec_free(). Include run/run.h. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum run_namespace_type {
    RUN_NS_PID,
    RUN_NS_NETWORK,
    RUN_NS_MOUNT,
    RUN_NS_IPC,
    RUN_NS_UTS,
    RUN_NS_CGROUP,
    RUN_NS_USER,
    RUN_NS_TIME,
    RUN_NS_COUNT
};

/* config-linux.md "Namespaces": one that is not `wanted` is the caller's own. */
struct run_namespace {
    bool wanted;
    char *path; /* join this one; NULL: a new one */
};

/* config-linux.md "User namespace mappings", user_namespaces(7): ${size} ids from ${container_id}
 * on are ${host_id} and on outside. */
struct run_id_map {
    uint32_t container_id, host_id, size;
};

struct run_id_maps {
    struct run_id_map *items;
    size_t count;
};

/* config.md "Mounts". `options` as mount(8) and the spec write them: "ro", "nosuid", "rbind",
 * "rprivate", "size=65536k", "idmap", "tmpcopyup". Maps: of an id-mapped mount; empty with the
 * option idmap or ridmap: the container's own. */
struct run_mount {
    char *destination;
    char *type; /* "bind" and NULL with the option bind or rbind are bind mounts */
    char *source;
    char **options;
    struct run_id_maps uid_maps, gid_maps;
};

/* config-linux.md "Devices" */
struct run_device {
    char *path;
    char type; /* c, u, b, p */
    unsigned major, minor;
    mode_t mode;
    uid_t uid;
    gid_t gid;
};

/* config-linux.md "Allowed Device list": -1 for every number; access of "rwm". type 'a', 'b' or
 * 'c'. */
struct run_device_rule {
    bool allow;
    char type;
    int64_t major, minor;
    char access[4];
};

struct run_rlimit {
    char *type; /* "RLIMIT_NOFILE" */
    uint64_t soft, hard;
};

/* POSIX-platform user. umask is (mode_t)-1 where it is not set (0022). */
struct run_user {
    uid_t uid;
    gid_t gid;
    gid_t *additional_gids;
    size_t additional_gids_count;
    mode_t umask;
};

/* Bit n is capability n (capability.h). */
struct run_capabilities {
    uint64_t bounding, effective, inheritable, permitted, ambient;
};

/* config.md "Linux Process": scheduler; sched_setattr(2). */
struct run_scheduler {
    bool set;
    unsigned policy; /* SCHED_* */
    int32_t nice, priority;
    uint64_t flags; /* SCHED_FLAG_* */
    uint64_t runtime_ns, deadline_ns, period_ns;
};

/* ioPriority; ioprio_set(2). */
struct run_io_priority {
    bool set;
    unsigned io_class; /* 1 real time, 2 best effort, 3 idle */
    int priority;
};

struct run_process {
    bool terminal;
    unsigned short console_rows, console_columns; /* 0: not set */
    char *cwd;
    char **env;
    char **args;
    struct run_user user;
    struct run_capabilities capabilities;
    bool capabilities_set; /* given at all: empty sets are not the same as none */
    struct run_rlimit *rlimits;
    size_t rlimits_count;
    bool no_new_privileges;
    bool oom_score_adj_set;
    int oom_score_adj;
    char *apparmor_profile;
    char *selinux_label;
    struct run_scheduler scheduler;
    struct run_io_priority io_priority;
    /* execCPUAffinity, lists of CPUs ("0-3,7"), for run_exec() alone: until it has entered the
     * cgroup, and from then on. */
    char *cpu_affinity_initial, *cpu_affinity_final;
};

/* config-linux.md "Block IO" */
struct run_block_device {
    int64_t major, minor;
    uint16_t weight, leaf_weight; /* 0: not set */
};

enum run_throttle_kind {
    RUN_THROTTLE_READ_BPS,
    RUN_THROTTLE_WRITE_BPS,
    RUN_THROTTLE_READ_IOPS,
    RUN_THROTTLE_WRITE_IOPS,
    RUN_THROTTLE_COUNT
};

struct run_throttle {
    enum run_throttle_kind kind;
    int64_t major, minor;
    uint64_t rate;
};

struct run_hugepage_limit {
    char *page_size; /* "2MB" */
    uint64_t limit_bytes;
};

struct run_network_priority {
    char *name;
    uint32_t priority;
};

struct run_rdma_limit {
    char *device;
    bool handles_set, objects_set;
    uint32_t handles, objects;
};

/* config-linux.md "Control groups". 0: not set; -1: unlimited, where the spec has that. */
struct run_resources {
    int64_t memory_limit_bytes;
    int64_t memory_swap_bytes; /* memory plus swap, as the spec counts */
    int64_t memory_reservation_bytes;
    int64_t memory_kernel_bytes, memory_kernel_tcp_bytes; /* v1 */
    bool memory_swappiness_set;
    uint64_t memory_swappiness;
    bool memory_disable_oom_killer;
    bool memory_check_before_update; /* refuse a limit below what is used */
    uint64_t cpu_shares;
    int64_t cpu_quota_us;
    uint64_t cpu_period_us;
    bool cpu_burst_set;
    uint64_t cpu_burst_us;
    int64_t cpu_realtime_runtime_us;
    uint64_t cpu_realtime_period_us;
    bool cpu_idle_set;
    int64_t cpu_idle;
    char *cpuset_cpus, *cpuset_mems; /* "0-3,7" */
    int64_t pids_limit;
    uint16_t blkio_weight, blkio_leaf_weight; /* 10-1000; 0: not set */
    struct run_block_device *block_devices;
    size_t block_devices_count;
    struct run_throttle *throttles;
    size_t throttles_count;
    struct run_hugepage_limit *hugepages;
    size_t hugepages_count;
    bool network_class_set;
    uint32_t network_class;
    struct run_network_priority *network_priorities;
    size_t network_priorities_count;
    struct run_rdma_limit *rdma;
    size_t rdma_count;
    char **unified; /* "memory.high=1048576": written as they are, v2 only */
    struct run_device_rule *devices;
    size_t devices_count;
};

/* config-linux.md "Time namespace": what the clocks of a new time namespace are ahead. */
enum run_clock { RUN_CLOCK_MONOTONIC, RUN_CLOCK_BOOTTIME, RUN_CLOCK_COUNT };

struct run_time_offset {
    bool set;
    int64_t seconds;
    uint32_t nanoseconds;
};

/* config.md "POSIX-platform Hooks". */
enum run_hook_kind {
    RUN_HOOK_PRESTART,
    RUN_HOOK_CREATE_RUNTIME,
    RUN_HOOK_CREATE_CONTAINER,
    RUN_HOOK_START_CONTAINER,
    RUN_HOOK_POSTSTART,
    RUN_HOOK_POSTSTOP,
    RUN_HOOK_COUNT
};

struct run_hook {
    char *path; /* absolute */
    char **args;
    char **env;
    int64_t timeout_s; /* 0: none */
};

struct run_hooks {
    struct run_hook *items;
    size_t count;
};

/* config-linux.md "Seccomp". Actions are SECCOMP_RET_* of linux/seccomp.h, without data. */
enum run_seccomp_operator {
    RUN_SECCOMP_NE,
    RUN_SECCOMP_LT,
    RUN_SECCOMP_LE,
    RUN_SECCOMP_EQ,
    RUN_SECCOMP_GE,
    RUN_SECCOMP_GT,
    RUN_SECCOMP_MASKED_EQ, /* (argument & value) == value_two */
};

struct run_seccomp_argument {
    unsigned index; /* 0-5 */
    uint64_t value, value_two;
    enum run_seccomp_operator op;
};

struct run_seccomp_rule {
    char **names;
    uint32_t action;
    int errno_ret; /* -1: not given (EPERM) */
    struct run_seccomp_argument *arguments;
    size_t arguments_count;
};

struct run_seccomp_profile {
    uint32_t default_action;
    int default_errno_ret; /* -1: not given (EPERM) */
    char **architectures;  /* "SCMP_ARCH_X86_64"; NULL: this machine's own alone */
    uint32_t flags;        /* SECCOMP_FILTER_FLAG_* */
    char *listener_path, *listener_metadata;
    struct run_seccomp_rule *rules;
    size_t rules_count;
};

enum run_seccomp {
    RUN_SECCOMP_NONE,
    RUN_SECCOMP_DEFAULT, /* moby's default profile for the bounding set, built in */
    RUN_SECCOMP_CUSTOM,  /* spec.seccomp_profile */
};

/* config-linux.md "IntelRdt". */
struct run_intel_rdt {
    bool set;
    char *clos_id, *l3_cache_schema, *memory_bandwidth_schema;
    bool enable_cmt, enable_mbm; /* monitoring */
};

struct run_spec {
    char *hostname;
    char *domainname;
    char *root_path; /* written to config.json; the launcher uses options.rootfs_fd where it has one
                      */
    bool root_readonly;
    struct run_mount *mounts;
    size_t mounts_count;
    struct run_process process;
    struct run_namespace namespaces[RUN_NS_COUNT];
    struct run_id_maps uid_maps, gid_maps; /* with a new user namespace */
    struct run_time_offset time_offsets[RUN_CLOCK_COUNT];
    struct run_device *devices;
    size_t devices_count;
    char **masked_paths;
    char **readonly_paths;
    char **sysctls; /* "net.ipv4.ping_group_range=0 0" */
    char *cgroups_path;
    struct run_resources resources;
    enum run_seccomp seccomp;
    struct run_seccomp_profile *seccomp_profile; /* with RUN_SECCOMP_CUSTOM */
    char *rootfs_propagation;                    /* NULL: "private" */
    char *mount_label;                           /* SELinux */
    bool personality_set;
    unsigned long personality; /* personality(2) */
    struct run_intel_rdt intel_rdt;
    struct run_hooks hooks[RUN_HOOK_COUNT];
    char **annotations; /* "key=value" */
};
