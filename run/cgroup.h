/* SPDX-License-Identifier: Apache-2.0 */
/* A container's control groups: which layout this machine has, what to write, and the life of the
 * folders.
 *
 * cgroups(7), Documentation/admin-guide/cgroup-v1, cgroup-v2.rst. A container has one folder (by
 * default keg/<id>) below the mount of each controller that it uses (v1, hybrid), or one (v2).
 * On the hot path nobody writes `cgroup.procs`: the kernel waits for an RCU grace period (7-12 ms)
 * there. */
#pragma once

#include "run/run.h"

#include <linux/bpf.h>

enum cgroup_controller {
    CGROUP_MEMORY,
    CGROUP_CPU,
    CGROUP_PIDS,
    CGROUP_DEVICES,
    CGROUP_CPUSET,
    CGROUP_IO, /* v1: blkio */
    CGROUP_HUGETLB,
    CGROUP_RDMA,
    CGROUP_NET_CLS,  /* v1 */
    CGROUP_NET_PRIO, /* v1 */
    CGROUP_CPUACCT,  /* v1: counted; v2: cpu */
    CGROUP_FREEZER,  /* v1; in v2 every folder has it */
    CGROUP_PERF_EVENT,
    CGROUP_MISC,
    CGROUP_SYSTEMD, /* v1's hierarchy name=systemd: no controller, but peers join it as well */
    CGROUP_CONTROLLERS
};

#define CGROUP_BIT(controller) (1u << (controller))
/* What a container has folders for without being asked, and all there is. */
#define CGROUP_DEFAULT_SET                                                                         \
    (CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_PIDS) |                \
     CGROUP_BIT(CGROUP_DEVICES))
#define CGROUP_ALL ((1u << CGROUP_CONTROLLERS) - 1)

/* cgroup_controller_name(controller): "memory", "cpu", "pids", "devices": also the name of its v1
 * mount. */
const char *cgroup_controller_name(enum cgroup_controller controller);
/* cgroup_controller_v2_name(controller): its name in cgroup.controllers: "io" for blkio, "cpu" for
 * cpuacct; NULL for what v2 has not, or not as a controller. */
const char *cgroup_controller_v2_name(enum cgroup_controller controller);

struct cgroup_layout {
    enum run_cgroup_layout kind;
    const char *root; /* "/sys/fs/cgroup"; v1's controllers are mounted below it; static */
    /* Bit n: enum cgroup_controller n can be used. CGROUP_DEVICES on v2 is BPF. */
    unsigned controllers;
};

/* cgroup_layout_detect(wanted, ret): Look at /sys/fs/cgroup (statfs(2)) for the controllers of
 * ${wanted} (CGROUP_ALL; a start looks only for what it needs). v1's are mounted there by name,
 * alone or together ("cpu,cpuacct"). Where none of the default set is found there, or it is no
 * cgroup mount, `kind` is RUN_CGROUP_NONE. Cannot fail. Hybrid is v1 controllers with a v2 mount at
 * /sys/fs/cgroup/unified, which keg leaves alone. */
void cgroup_layout_detect(unsigned wanted, struct cgroup_layout *ret);
/* cgroup_controllers_wanted(resources, all_controllers): What to look for: the default set, or all
 * where ${resources} or the caller need more. */
unsigned cgroup_controllers_wanted(const struct run_resources *resources, bool all_controllers);

/* One write of a limit: ${value} to ${file} in the container's folder of ${controller}. */
struct cgroup_write {
    enum cgroup_controller controller;
    const char *limit; /* what the user knows it by: "memory limit"; static */
    const char *file;
    const char *value;
    /* Where the kernel has no ${file}: the same limit in another one, or NULL. */
    const char *other_file, *other_value;
    /* Nobody asked for it: no error where the file is missing or not ours to write. */
    bool optional;
    char *text; /* on the heap: what those above point at, where they are not static; or NULL */
};

struct cgroup_plan {
    struct cgroup_write *writes; /* in this order */
    size_t count;
    struct bpf_insn *device_program; /* v2: to be attached to the folder, or NULL */
    size_t device_program_length;
    bool devices_optional;             /* as cgroup_write.optional, for the program */
    int64_t memory_check_before_bytes; /* above 0: refuse (-EBUSY) where more is used */
};

enum cgroup_plan_flags {
    /* A memory limit without a swap limit gives memory+swap of twice the memory, where the kernel
     * counts swap. */
    CGROUP_PLAN_SWAP_DEFAULT = 1 << 0,
    /* Nobody asked for the pids limit: go without a controller. */
    CGROUP_PLAN_PIDS_DEFAULT = 1 << 1,
    /* Nothing in the container can make device nodes (no CAP_MKNOD, or a user namespace): go
     * without device rules where they cannot be set. */
    CGROUP_PLAN_DEVICES_OPTIONAL = 1 << 2,
    /* For a container that lives: an empty list of device rules leaves those that it has. */
    CGROUP_PLAN_UPDATE = 1 << 3,
};

/* cgroup_plan_make(layout, resources, flags, ret, err): Pure. Turn ${resources} into writes for
 * ${layout}, into the uninitialised ${ret}; cgroup_plan_done() frees it. ${flags}: enum
 * cgroup_plan_flags. -EINVAL: a value that no kernel takes (swap below memory, swap without memory,
 * quota below 1 ms, a bad device rule); -ENOTSUP: a limit that this version of cgroups does not
 * have, or whose controller ${layout} does not have, named.
 *
 * Device rules (config-linux.md "Default Devices", "Allowed Device list"): only what the last rule
 * for all devices leaves counts. Where that denies all, and where there is none (so in an empty
 * list), all devices are denied but making nodes and the default devices, and the rules behind come
 * then. Where it allows all, those behind are exceptions; without any nothing is planned. */
int cgroup_plan_make(const struct cgroup_layout *layout, const struct run_resources *resources,
                     unsigned flags, struct cgroup_plan *ret, struct keg_err *err);
void cgroup_plan_done(struct cgroup_plan *plan);

/* cgroup_weight_of_shares(shares): cpu.weight (1-10000) for cpu.shares (2-262144), 1024 giving 100:
 * the formula that runc and crun have used since 2025. */
unsigned cgroup_weight_of_shares(uint64_t shares);

/* A container's folders, with the fds that its first process needs. Opaque; on the heap. */
struct cgroup;

/* Where a container's folders are to be. */
struct cgroup_where {
    const char *id;
    /* config-linux.md "Cgroups Path": below the root of each hierarchy, with or without a slash in
     * front; with the manager systemd "slice:prefix:name". NULL or "": keg/<id>, or
     * "system.slice:keg:<id>". */
    const char *path;
    enum run_cgroup_manager manager;
    bool all_controllers;     /* v1: a folder in every hierarchy that is mounted */
    char *const *annotations; /* systemd: org.systemd.property.NAME=VALUE; may be NULL */
};

/* cgroup_create(layout, where, plan, ret, err): Make the folders in the hierarchies of the default
 * set and those that ${plan} needs (or all), with those above them, and write ${plan}. An empty
 * folder is used again: made anew where it is keg/<id>, which a crash left, and as it is where the
 * path was given; one with processes in it, or a frozen one, is -EBUSY. A limit that cannot be set
 * is an error that names it, its file and why. On failure nothing is left that was not there.
 * ${where->id} is checked ([a-zA-Z0-9_+-][a-zA-Z0-9_+.-]*, -EINVAL), and so is its path (no ".",
 * ".."; no folder of it may be longer than NAME_MAX). With RUN_CGROUP_NONE or
 * RUN_CGROUP_MANAGER_DISABLED the result has no folders and all calls below do nothing. A hierarchy
 * in which this process may not make folders (no root: -EACCES, -EPERM, -EROFS) is left out where
 * ${plan} holds no limit for it that somebody asked for. Parent. */
int cgroup_create(const struct cgroup_layout *layout, const struct cgroup_where *where,
                  const struct cgroup_plan *plan, struct cgroup **ret, struct keg_err *err);

/* cgroup_needs_pid(cgroup): Whether systemd makes the folders, which it does for a process that
 * exists: then the parent calls cgroup_enter_scope() when it has cloned, and the child waits. */
bool cgroup_needs_pid(const struct cgroup *cgroup);
/* cgroup_enter_scope(cgroup, layout, pid, plan, err): Have systemd start the scope with ${pid} in
 * it, wait for the job, and write ${plan}. */
int cgroup_enter_scope(struct cgroup *cgroup, const struct cgroup_layout *layout, pid_t pid,
                       const struct cgroup_plan *plan, struct keg_err *err);
/* cgroup_find_scope(cgroup, err): Child, once the parent has said that it is in the scope: learn
 * the folders, for cgroup_binds(). Before unshare(CLONE_NEWCGROUP). */
int cgroup_find_scope(struct cgroup *cgroup, struct keg_err *err);

/* cgroup_open(layout, id, paths, scope, ret, err): A handle of folders that another process made,
 * by the stored paths of cgroup_paths() and cgroup_scope(). Missing folders are left out. */
int cgroup_open(const struct cgroup_layout *layout, const char *id, char *const *paths,
                const char *scope, struct cgroup **ret, struct keg_err *err);

/* cgroup_scope(cgroup): systemd's unit ("keg-<id>.scope"), or NULL. Borrowed. */
const char *cgroup_scope(const struct cgroup *cgroup);

/* cgroup_freeze(cgroup, frozen, err): Freeze or thaw, and return when it is (v1 freezer.state, v2
 * cgroup.freeze and cgroup.events); thaws again where that takes longer than
 * CGROUP_DESTROY_TIMEOUT_MS. -ENOTSUP: no freezer; on v1 a container without a freezer folder gets
 * one now, with its processes moved there. */
int cgroup_freeze(struct cgroup *cgroup, bool frozen, struct keg_err *err);
bool cgroup_is_frozen(const struct cgroup *cgroup);

/* cgroup_complete_update(cgroup, resources): Fill in what can only be written together with what
 * ${resources} sets: v2's quota and period, the memory limit that a swap limit is counted from. */
void cgroup_complete_update(const struct cgroup *cgroup, struct run_resources *resources);
/* cgroup_apply(cgroup, plan, err): Write ${plan} to a living container's folders; what was written
 * is put back where a later write fails. Device rules replace the old ones, while the container is
 * frozen where it can be. -EBUSY: memory_check_before_update, and more is used. */
int cgroup_apply(struct cgroup *cgroup, const struct cgroup_plan *plan, struct keg_err *err);

/* cgroup_attach_fds(cgroup): Open again what cgroup_attach_self() needs, for run_exec(); closed by
 * cgroup_close_fds(). 0 or -errno. cgroup_clone_fd() works as well. */
int cgroup_attach_fds(struct cgroup *cgroup);
/* cgroup_descend(cgroup, path, err): Make ${cgroup} (of cgroup_open()) mean the folder ${path},
 * relative, that exists below its own: for run_exec_options.cgroup. */
int cgroup_descend(struct cgroup *cgroup, const char *path, struct keg_err *err);

/* cgroup_pids(cgroup, ret, ret_count, err): All processes in it and below, sorted, each once; for
 * the caller to free. */
int cgroup_pids(const struct cgroup *cgroup, pid_t **ret, size_t *ret_count, struct keg_err *err);
/* cgroup_signal(cgroup, signal, err): To all of them. */
int cgroup_signal(const struct cgroup *cgroup, int signal, struct keg_err *err);
/* cgroup_stats_read(cgroup, ret, err), cgroup_oom_eventfd(cgroup, err): as run_stats_read() and
 * run_oom_eventfd(). */
int cgroup_stats_read(const struct cgroup *cgroup, struct run_stats *ret, struct keg_err *err);
int cgroup_oom_eventfd(const struct cgroup *cgroup, struct keg_err *err);

/* cgroup_clone_fd(cgroup): v2: the folder's fd, for clone3(2)'s CLONE_INTO_CGROUP; borrowed. -1 on
 * v1. CLONE_NEWCGROUP must not be in the same clone3: the kernel takes the root of the new
 * namespace from the caller's cgroup. The child unshares it afterwards. */
int cgroup_clone_fd(const struct cgroup *cgroup);

/* cgroup_attach_self(cgroup, ret_controller): Child: enter all folders, by fds that cgroup_create()
 * opened (they are inherited; no path is walked, so the child may have changed its mounts). v1: "0"
 * into `tasks`, the way that waits for no grace period; so the caller is single-threaded. v2: only
 * where clone3 could not place it (kernels before 5.7). Before unshare(CLONE_NEWCGROUP). 0 or
 * -errno with the controller's name in *ret_controller (static). */
int cgroup_attach_self(const struct cgroup *cgroup, const char **ret_controller);

/* cgroup_close_fds(cgroup): Parent, once the child has entered: close what only the child needed
 * (the `tasks` fds). cgroup_clone_fd() stays. */
void cgroup_close_fds(struct cgroup *cgroup);

/* What to show in the container's /sys/fs/cgroup: bind ${source} to /sys/fs/cgroup/${name} (v1:
 * "memory"...), or to /sys/fs/cgroup itself where ${name} is "" (v2). */
struct cgroup_bind {
    const char *name;
    const char *source;
};

/* cgroup_binds(cgroup, ret): Up to CGROUP_CONTROLLERS of them into ${ret}; return how many. All
 * borrowed. */
size_t cgroup_binds(const struct cgroup *cgroup, struct cgroup_bind ret[static CGROUP_CONTROLLERS]);

/* cgroup_paths(cgroup): The absolute paths of all folders, NULL-terminated, for state.json;
 * borrowed. */
char *const *cgroup_paths(const struct cgroup *cgroup);

struct cgroup_events {
    uint64_t oom_kills;
    uint64_t memory_peak_bytes; /* 0: unknown (v2 before 5.19) */
    uint64_t pids_denied;
};

/* cgroup_events_read(cgroup, ret): What happened so far; 0 where the kernel does not say. Cannot
 * fail. */
void cgroup_events_read(const struct cgroup *cgroup, struct cgroup_events *ret);

/* cgroup_destroy(cgroup, err): Remove all folders, free ${cgroup} (in any case). Empty ones cost
 * one rmdir(2) each; in others what is frozen is thawed, everything is killed (folders below too)
 * and rmdir tried again, for CGROUP_DESTROY_TIMEOUT_MS at most. NULL is fine. */
int cgroup_destroy(struct cgroup *cgroup /* takes */, struct keg_err *err);
#define CGROUP_DESTROY_TIMEOUT_MS 5000

/* cgroup_destroy_paths(paths, id, err): The same by stored paths, after a crash. Every path must be
 * below /sys/fs/cgroup, without "." or "..", on a cgroup filesystem and not its root: -EINVAL
 * otherwise, with nothing touched. Missing ones are success. ${paths} may be NULL. */
int cgroup_destroy_paths(char *const *paths, const char *id, struct keg_err *err);

/* cgroup_free(cgroup): Close and free without touching the folders (in the child, or where a
 * monitor takes over). NULL is fine. */
void cgroup_free(struct cgroup *cgroup);
