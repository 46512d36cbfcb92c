/* SPDX-License-Identifier: Apache-2.0 */
/* run: an OCI runtime spec -> a container, its network, its cgroup, its terminal.
 *
 * Which process runs what: the functions below are called in the parent (keg, single-threaded).
 * The child, run/child*.c, is a table of named steps between clone3 and execve. Planning (mounts,
 * devices, limits, seccomp, network) is pure and is done in the parent; applying is thin.
 *
 * The start path waits for no RCU grace period and executes no helper program: see the notes at
 * cgroup_*, network_* and in docs/architecture.md. Functions return 0 or a negative errno code
 * with ${err}. / */
#pragma once

#include "base/base.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ------------------------------------------ the OCI runtime spec (runtime-spec 1.2) in memory */

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

/* config.md "Mounts". `options` as mount(8) and the spec write them: "ro", "nosuid", "rbind",
 * "rprivate", "size=65536k". */
struct run_mount {
    char *destination;
    char *type; /* "bind" and NULL with the option bind or rbind are bind mounts */
    char *source;
    char **options;
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

struct run_process {
    bool terminal;
    unsigned short console_rows, console_columns; /* 0: not set */
    char *cwd;
    char **env;
    char **args;
    struct run_user user;
    struct run_capabilities capabilities;
    struct run_rlimit *rlimits;
    size_t rlimits_count;
    bool no_new_privileges;
    bool oom_score_adj_set;
    int oom_score_adj;
};

/* config-linux.md "Control groups". 0: not set; -1: unlimited, where the spec has that. */
struct run_resources {
    int64_t memory_limit_bytes;
    int64_t memory_swap_bytes; /* memory plus swap, as the spec counts */
    int64_t memory_reservation_bytes;
    uint64_t cpu_shares;
    int64_t cpu_quota_us;
    uint64_t cpu_period_us;
    int64_t pids_limit;
    struct run_device_rule *devices;
    size_t devices_count;
};

enum run_seccomp_profile {
    RUN_SECCOMP_NONE,
    RUN_SECCOMP_DEFAULT, /* moby's default profile for the bounding set, built in */
};

struct run_spec {
    char *hostname;
    char *root_path; /* written to config.json; the launcher uses options.rootfs_fd where it has one
                      */
    bool root_readonly;
    struct run_mount *mounts;
    size_t mounts_count;
    struct run_process process;
    struct run_namespace namespaces[RUN_NS_COUNT];
    struct run_device *devices;
    size_t devices_count;
    char **masked_paths;
    char **readonly_paths;
    char **sysctls; /* "net.ipv4.ping_group_range=0 0" */
    char *cgroups_path;
    struct run_resources resources;
    enum run_seccomp_profile seccomp;
    char *rootfs_propagation; /* NULL: "private" */
    char **annotations;       /* "key=value" */
};

/* run_spec_new(), run_spec_free(spec): An empty spec on the heap; all it points to is on the heap
 * too. */
struct run_spec *run_spec_new(void);
void run_spec_free(struct run_spec *spec);
void run_cleanup_spec(struct run_spec **spec);

/* run_spec_defaults(spec, err): Fill the empty ${spec} with the default confinement
 * (docs/architecture.md; moby's mounts, podman's 11 capabilities, masked and read-only paths that
 * exist, devices, device rules, namespaces pid mount uts ipc network cgroup, seccomp default, cwd
 * "/", pids limit 2048). */
int run_spec_defaults(struct run_spec *spec, struct keg_err *err);
/* run_spec_privileged(spec, err): Widen a default spec to --privileged: all capabilities of the
 * bounding set, all devices of the host, no masks, read-write /sys and cgroups, no seccomp. */
int run_spec_privileged(struct run_spec *spec, struct keg_err *err);
/* run_spec_add_mount(spec, destination, type, source, options, err): Append a mount; ${options} is
 * one string with commas. A mount at the same destination before is replaced in place. */
int run_spec_add_mount(struct run_spec *spec, const char *destination, const char *type,
                       const char *source, const char *options, struct keg_err *err);
/* run_spec_write(spec, ret, err): ${spec} as the text of a config.json that any OCI runtime takes
 * (seccomp spelled out), into the initialised ${ret}. An argument or variable that is not UTF-8,
 * which JSON cannot hold, appears as U+FFFD; the container gets it as it is. */
int run_spec_write(const struct run_spec *spec, struct keg_buf *ret, struct keg_err *err);

/* run_capability_parse(name, ret, err): "NET_ADMIN", "cap_net_admin" -> its number; "ALL" -> -1 in
 * *ret. */
int run_capability_parse(const char *name, int *ret, struct keg_err *err);
/* run_capability_name(number): "CAP_CHOWN", or NULL. */
const char *run_capability_name(int number);
/* run_capabilities_bounding(): What this process may give at most: its bounding set, as it was at
 * the first call. */
uint64_t run_capabilities_bounding(void);

/* ------------------------------------------------------------------------------------- rootfs */

/* run_overlay_mount(lower_fds, count, dirfd, volatile_upper, ret_mountfd, err): A detached overlay
 * mount (fsopen(2); mount(2) at a private place where the kernel has no such call) with
 * `userxattr` over ${lower_fds}, top first, and "upper" and "work" in ${dirfd}. ${volatile_upper}:
 * no syncing (for --rm). `work/work/incompat/volatile` of an earlier crash is removed. The caller
 * closes *ret_mountfd. */
int run_overlay_mount(const int *lower_fds, size_t count, int dirfd, bool volatile_upper,
                      int *ret_mountfd, struct keg_err *err);

/* run_user_lookup(rootfd, text, ret, ret_home, err): docker's -u: "user[:group]", names or numbers,
 * by the /etc/passwd and /etc/group below ${rootfd} (bounded, regular files only, links resolved
 * inside). NULL or "" is uid 0. A number is never looked up as a name, but finds its passwd line
 * for gid, groups and home; without one its gid is 0. Numbers over 2^31-1 are -ERANGE.
 * additional_gids holds the primary gid too. *ret_home is the home folder, "/" where there is none.
 * -ENOENT for unknown names, as docker says it: "unable to find user x: no matching entries in
 * passwd file". */
int run_user_lookup(int rootfd, const char *text, struct run_user *ret, char **ret_home,
                    struct keg_err *err);
void run_user_done(struct run_user *user);

/* ------------------------------------------------------------------------------------ network */

/* A bridge network. The default one is keg0, 10.78.0.0/16, gateway 10.78.0.1. */
struct run_network {
    const char *bridge;    /* at most 15 bytes */
    struct in_addr subnet; /* network byte order */
    unsigned prefix_length;
    struct in_addr gateway;
};

extern const struct run_network run_network_default;

/* run_network_lease(network, leases_dirfd, id, ret, err): Take a free address for container ${id}:
 * a file of that name, made with O_EXCL, holding the id, in ${leases_dirfd} (tmpfs). It survives
 * crashes of keg; run_network_release() gives it back. The search starts at a place that ${id}
 * decides, so that addresses are not used again at once. -EADDRNOTAVAIL when all are taken. */
int run_network_lease(const struct run_network *network, int leases_dirfd, const char *id,
                      struct in_addr *ret, struct keg_err *err);
/* run_network_release(leases_dirfd, id, address): Remove the lease if it is ${id}'s. Missing is
 * success. */
int run_network_release(int leases_dirfd, const char *id, struct in_addr address);

/* ---------------------------------------------------------------------------------- launching */

/* How to launch: what is not in the spec. Nothing is taken; fds are borrowed. */
struct run_options {
    const char *id;
    int rundir_fd;    /* the container's folder in tmpfs: state.json goes there */
    int rootfs_fd;    /* detached mount of the root, or -1: spec.root_path is bind-mounted */
    int stdio_fds[3]; /* for the container; not used with spec.process.terminal */
    const struct run_network
        *network;           /* NULL: no interface but lo (or as the spec's namespaces say) */
    struct in_addr address; /* leased */
    /* SIGKILL to the container when the calling process ends. The kernel forgets it where pid 1
     * changes its user or executes a set-user-ID program (PR_SET_PDEATHSIG; not with `init`):
     * run_collect() ends that one. */
    bool die_with_parent;
    bool init;         /* pid 1 is keg's own reaper (--init), args run as pid 2 */
    bool pids_default; /* nobody asked for the pids limit: go without a controller */
    bool swap_default; /* memory limit without a swap limit: twice the memory (docker) */
};

struct run_container;

/* How a container ended. */
struct run_exit {
    int status;                 /* wait status of pid 1 */
    bool oom_killed;            /* its memory limit killed a process of it */
    uint64_t memory_peak_bytes; /* 0: unknown */
    uint64_t pids_denied;       /* forks that its pids limit refused */
};

/* run_create(spec, options, ret, err): Make the container up to the moment before execve of its
 * program: namespaces, cgroup and limits, network, root, devices, confinement. state.json is
 * written. Errors of the child come back through a pipe as ${err}, with the name of the step. On
 * failure nothing is left. Nothing of the image's has run. */
int run_create(const struct run_spec *spec, const struct run_options *options,
               struct run_container **ret, struct keg_err *err);
/* run_start(container, err): Let it execve. Return when that succeeded, or fail with -ENOENT (not
 * found in $PATH, missing interpreter), -EACCES (not executable, a folder), -ENOEXEC (wrong
 * architecture, no interpreter line) and words that say which and why; pid 1 has ended then, and
 * run_destroy() removes the rest. */
int run_start(struct run_container *container, struct keg_err *err);
pid_t run_pid(const struct run_container *container);
int run_pidfd(const struct run_container *container);      /* borrows; readable when it has ended */
int run_console_fd(const struct run_container *container); /* borrows; the pty's master, or -1 */
/* run_kill(container, signal, err): To pid 1, by pidfd. */
int run_kill(struct run_container *container, int signal, struct keg_err *err);
/* run_wait(container, ret, err): Wait until pid 1 has ended and read what the cgroup says. */
int run_wait(struct run_container *container, struct run_exit *ret, struct keg_err *err);
/* run_destroy(container, err): Remove its cgroups (killing what is left in them) and state.json;
 * free ${container}. NULL is fine. Also kills pid 1 where it still runs. */
int run_destroy(struct run_container *container, struct keg_err *err);

/* run_collect(rundir_fd, leases_dirfd, id, err): Clean up after a container whose owner died, by
 * the state.json in ${rundir_fd}: kill what still runs of it (pid and start time must fit), remove
 * its cgroups and its lease. Missing pieces are success. The caller holds the container's lock. */
int run_collect(int rundir_fd, int leases_dirfd, const char *id, struct keg_err *err);

/* run_state_pid(rundir_fd, ret): pid 1 of a running container, from state.json. 0 or -errno. */
int run_state_pid(int rundir_fd, pid_t *ret);

/* ----------------------------------------------------------------------------------- terminal */

/* How run_proxy() serves. The fds are the parent's ends of the container's pipes, -1 where the
 * container has the caller's own fds, or a console. run_proxy() takes them: they are closed and -1
 * when it returns. */
struct run_proxy_options {
    bool interactive; /* -i: feed stdin */
    bool sig_proxy;   /* forward signals to the container, all but CHLD, PIPE, URG, WINCH and job
                         control */
    int stdin_write_fd;
    int stdout_read_fd;
    int stderr_read_fd;
    bool forced; /* set by run_proxy(): the third SIGINT or SIGTERM killed the container */
};

/* run_proxy(container, options, err): Carry bytes between the caller's fds 0, 1 and 2 and the
 * container until pid 1 has ended and its output is drained; return 0 then (the caller goes on with
 * run_wait()).
 *
 * With a console: the caller's terminal on stdin is in raw mode meanwhile where options.interactive
 * (restored on every way out, fatal signals included; Ctrl-C and Ctrl-Z are bytes for the
 * container), and the console has the size of the caller's terminal, also after SIGWINCH. Without:
 * the pipes are carried; the end of stdin closes stdin_write_fd.
 *
 * Signals come by signalfd, also those that were blocked and pending before, and are forwarded to
 * pid 1. The third SIGINT or SIGTERM kills it. Without sig_proxy SIGINT, SIGTERM, SIGHUP and
 * SIGQUIT kill it at once, since keg, its monitor, would end. Once it has ended SIGINT and SIGTERM
 * give up on what a slow reader has not taken. The signal mask is as before on return.
 *
 * A reader of stdout that is gone (EPIPE) does not end the container, nor does another error of
 * writing, but that is returned in the end (-ENOSPC and the like: "write the container's output:
 * ..."). Other errors, -EMFILE or -ENOMEM, come back while the container runs. */
int run_proxy(struct run_container *container, struct run_proxy_options *options,
              struct keg_err *err);

/* ------------------------------------------------------------------------------- what is here */

enum run_cgroup_layout { RUN_CGROUP_NONE, RUN_CGROUP_V1, RUN_CGROUP_HYBRID, RUN_CGROUP_V2 };

/* What this machine can do, for `keg info`. */
struct run_features {
    enum run_cgroup_layout cgroup_layout;
    char controllers[256]; /* "cpu memory pids devices", those that limits can use */
    bool overlay, seccomp, openat2, new_mount_api, clone_into_cgroup, nftables, landlock,
        user_namespaces;
};

void run_features_detect(struct run_features *ret);
