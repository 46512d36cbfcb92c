/* SPDX-License-Identifier: Apache-2.0 */
/* A container's control groups: which layout this machine has, what to write, and the life of the
 * folders.
 *
 * cgroups(7), Documentation/admin-guide/cgroup-v1, cgroup-v2.rst. A container has the folder
 * keg/<id> below the mount of each controller that keg uses (v1, hybrid), or one such folder (v2).
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
    CGROUP_CONTROLLERS
};

/* cgroup_controller_name(controller): "memory", "cpu", "pids", "devices": also the name of its v1
 * mount. */
const char *cgroup_controller_name(enum cgroup_controller controller);

struct cgroup_layout {
    enum run_cgroup_layout kind;
    const char *root; /* "/sys/fs/cgroup"; v1's controllers are mounted below it; static */
    /* Bit n: enum cgroup_controller n can be used. CGROUP_DEVICES on v2 is BPF. */
    unsigned controllers;
};

/* cgroup_layout_detect(ret): Look at /sys/fs/cgroup (statfs(2)). Where no controller is found
 * there, or it is no cgroup mount, `kind` is RUN_CGROUP_NONE. Cannot fail. Hybrid is v1 controllers
 * with a v2 mount at /sys/fs/cgroup/unified, which keg leaves alone. */
void cgroup_layout_detect(struct cgroup_layout *ret);

/* One write of a limit: ${value} to ${file} in the container's folder of ${controller}. */
struct cgroup_write {
    enum cgroup_controller controller;
    const char *limit; /* what the user knows it by: "memory limit"; static */
    const char *file;  /* static */
    char value[64];
    bool optional; /* the user did not ask for it: a missing file is no error */
};

struct cgroup_plan {
    struct cgroup_write *writes; /* in this order */
    size_t count;
    struct bpf_insn *device_program; /* v2: to be attached to the folder, or NULL */
    size_t device_program_length;
};

/* cgroup_plan_make(layout, resources, swap_default, ret, err): Pure. Turn ${resources} into writes
 * for ${layout}, into the uninitialised ${ret}; cgroup_plan_done() frees it. ${swap_default}: a
 * memory limit without a swap limit gives memory+swap of twice the memory, where the kernel counts
 * swap. -EINVAL: a value that no kernel takes (swap below memory, swap without memory, quota below
 * 1 ms, a bad device rule); -ENOTSUP: a limit whose controller ${layout} does not have, named. An
 * empty list of device rules plans nothing; so does one that ends up allowing everything; a list
 * that does not begin with a rule for all devices is taken as if it began with "deny all". */
int cgroup_plan_make(const struct cgroup_layout *layout, const struct run_resources *resources,
                     bool swap_default, struct cgroup_plan *ret, struct keg_err *err);
void cgroup_plan_done(struct cgroup_plan *plan);

/* cgroup_weight_of_shares(shares): cpu.weight (1-10000) for cpu.shares (2-262144), 1024 giving 100:
 * the formula that runc and crun have used since 2025. */
unsigned cgroup_weight_of_shares(uint64_t shares);

/* A container's folders, with the fds that its first process needs. Opaque; on the heap. */
struct cgroup;

/* cgroup_create(layout, id, plan, ret, err): Make keg/<id> in every hierarchy of ${layout} and
 * write ${plan}. An empty folder that a crash left is used again; one with processes in it is
 * -EBUSY. A limit that cannot be set is an error that names it, its file and why. On failure
 * nothing is left. ${id} is checked ([a-zA-Z0-9_+-][a-zA-Z0-9_+.-]*, -EINVAL). With
 * RUN_CGROUP_NONE the result has no folders and all calls below do nothing. Parent. */
int cgroup_create(const struct cgroup_layout *layout, const char *id,
                  const struct cgroup_plan *plan, struct cgroup **ret, struct keg_err *err);

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
 * /sys/fs/cgroup/.../keg/<id>, without "." or "..", and be on a cgroup filesystem: -EINVAL
 * otherwise, with nothing touched. Missing ones are success. ${paths} may be NULL. */
int cgroup_destroy_paths(char *const *paths, const char *id, struct keg_err *err);

/* cgroup_free(cgroup): Close and free without touching the folders (in the child, or where a
 * monitor takes over). NULL is fine. */
void cgroup_free(struct cgroup *cgroup);
