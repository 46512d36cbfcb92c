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
#include "run/spec.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ------------------------------------------------------------------------- the runtime spec */

/* What is understood, at the most. */
#define RUN_OCI_VERSION "1.2.1"

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
/* run_spec_fit(spec, err): Change what run_spec_defaults() and `keg run` put into ${spec} and the
 * kernel refuses where this process, or the container by its maps, is in a user namespace: groups
 * that are not mapped (ping_group_range, the terminals'), and filesystems that show namespaces of
 * the host, which become bind mounts. Additional groups go where there is one id alone. -EINVAL:
 * the process's user or group is not mapped, and what to do about it. Nothing in the initial user
 * namespace. For last, before run_create(). */
int run_spec_fit(struct run_spec *spec, struct keg_err *err);
/* run_spec_add_mount(spec, destination, type, source, options, err): Append a mount; ${options} is
 * one string with commas. A mount at the same destination before is replaced in place. */
int run_spec_add_mount(struct run_spec *spec, const char *destination, const char *type,
                       const char *source, const char *options, struct keg_err *err);
/* run_spec_write(spec, ret, err): ${spec} as the text of a config.json that any OCI runtime takes
 * (seccomp spelled out), into the initialised ${ret}. An argument or variable that is not UTF-8,
 * which JSON cannot hold, appears as U+FFFD; the container gets it as it is. */
int run_spec_write(const struct run_spec *spec, struct keg_buf *ret, struct keg_err *err);

/* run_spec_parse(text, length, ret, ret_warnings, err): A config.json (runtime-spec 1.x) as a new
 * spec. Unknown members are ignored, as the spec wants. Not JSON, a cut text and a name given twice
 * are -EPROTO with line and column; a wrong type, an unknown value, one out of its range, a list of
 * more than KEG_SPEC_ENTRIES_MAX and a text of more than KEG_SPEC_TEXT_MAX_BYTES are -EINVAL with
 * the JSON path in front: "linux.namespaces[2].type: unknown namespace 'pidd'". null is a missing
 * member, an empty text one that is not set. What MUST be there is checked here: ociVersion (1.x),
 * root.path, process.cwd, absolute; process itself may be missing (lifecycle: until start), and
 * spec->process.args is NULL then. What only the machine can tell is not: whether paths exist.
 * ${text} may be NULL where ${length} is 0: an empty file. ${ret_warnings} (may be NULL): a string
 * vector that lines are added to, for what is ignored
 * against the writer's wish: unknown capabilities. */
int run_spec_parse(const char *text, size_t length, struct run_spec **ret, char ***ret_warnings,
                   struct keg_err *err);
/* run_spec_read(dirfd, path, ret, ret_warnings, err): The same of a file of at most
 * KEG_SPEC_MAX_BYTES; the errors have its path in front: "config.json: root: missing". */
int run_spec_read(int dirfd, const char *path, struct run_spec **ret, char ***ret_warnings,
                  struct keg_err *err);
/* run_process_parse(text, length, ret, ret_warnings, err): A process object alone, as
 * `exec --process` takes it; run_process_done() frees what is in ${ret}, which is written on
 * success only. */
int run_process_parse(const char *text, size_t length, struct run_process *ret,
                      char ***ret_warnings, struct keg_err *err);
void run_process_done(struct run_process *process);
/* run_resources_parse(text, length, ret, err): A linux.resources object alone, as `update
 * --resources` takes it; run_resources_done() frees what is in ${ret}, which is written on success
 * only. */
int run_resources_parse(const char *text, size_t length, struct run_resources *ret,
                        struct keg_err *err);
void run_resources_done(struct run_resources *resources);
/* run_seccomp_parse(text, length, ret, err): A linux.seccomp object, or docker's profile format
 * (with "includes", "excludes", "archMap", "minKernel"), for the bounding set ${bounding}, this
 * machine and its kernel, as a new profile for spec->seccomp_profile. */
int run_seccomp_parse(const char *text, size_t length, uint64_t bounding,
                      struct run_seccomp_profile **ret, struct keg_err *err);
void run_seccomp_profile_free(struct run_seccomp_profile *profile);

/* run_capability_parse(name, ret, err): "NET_ADMIN", "cap_net_admin" -> its number; "ALL" -> -1 in
 * *ret. */
int run_capability_parse(const char *name, int *ret, struct keg_err *err);
/* run_capability_name(number): "CAP_CHOWN", or NULL. */
const char *run_capability_name(int number);
/* run_capabilities_bounding(): What this process may give at most: its bounding set, as it was at
 * the first call. */
uint64_t run_capabilities_bounding(void);

/* ------------------------------------------------------------------------------------- rootfs */

/* run_overlay_mount(lower_fds, count, dirfd, volatile_upper, userns_fd, ret_mountfd, err): A
 * detached overlay mount (fsopen(2); mount(2) at a private place where the kernel has no such call)
 * with `userxattr` over ${lower_fds}, top first, and "upper" and "work" in ${dirfd}.
 * ${volatile_upper}: no syncing (for --rm). `work/work/incompat/volatile` of an earlier crash is
 * removed. ${userns_fd}: -1, or a user namespace by whose maps the layers and the upper folder are
 * shown (id-mapped mounts; Linux 5.19), so that what root owns in the store the namespace's root
 * owns in the container, and the other way round. The caller closes *ret_mountfd. */
int run_overlay_mount(const int *lower_fds, size_t count, int dirfd, bool volatile_upper,
                      int userns_fd, int *ret_mountfd, struct keg_err *err);

/* run_ephemeral_new(size_bytes, ret_dirfd, err): A tmpfs of at most ${size_bytes} (0: half of the
 * RAM) that is mounted nowhere, with "upper" and "work" for run_ephemeral_overlay(). It is gone
 * with the last fd and mount of it. -EOPNOTSUPP: a kernel whose tmpfs overlayfs cannot write to
 * (Linux before 6.6). */
int run_ephemeral_new(uint64_t size_bytes, int *ret_dirfd, struct keg_err *err);
/* run_ephemeral_overlay(lower_fds, count, dirfd, rundir_fd, userns_fd, ret_mountfd, err):
 * run_overlay_mount() over that. Before Linux 6.15 the tmpfs is attached in ${rundir_fd} meanwhile;
 * run_ephemeral_clean(rundir_fd) removes what a crash left of that, and is nothing otherwise. */
int run_ephemeral_overlay(const int *lower_fds, size_t count, int dirfd, int rundir_fd,
                          int userns_fd, int *ret_mountfd, struct keg_err *err);
void run_ephemeral_clean(int rundir_fd);
/* run_ephemeral_attach(dirfd, rundir_fd, err): The step of it that older kernels need. */
int run_ephemeral_attach(int dirfd, int rundir_fd, struct keg_err *err);

/* run_folder_mount(dirfd, userns_fd, ret_mountfd, err): The folder ${dirfd} of the host, with the
 * mounts below it, as a detached mount for options.rootfs_fd: to be written in place. ${userns_fd}
 * as in run_overlay_mount(). */
int run_folder_mount(int dirfd, int userns_fd, int *ret_mountfd, struct keg_err *err);

/* run_mount_of(mntns_fd, path, ret_fd, err): A detached copy of the mount at ${path} as a process
 * in that mount namespace sees it, resolved inside. This process is single-threaded, and is back in
 * its own namespace afterwards. */
int run_mount_of(int mntns_fd, const char *path, int *ret_fd, struct keg_err *err);

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
/* run_user_add_groups(rootfd, names, user, err): --group-add: names by the image's /etc/group, or
 * numbers, added to additional_gids. -ENOENT for unknown names. */
int run_user_add_groups(int rootfd, char *const *names, struct run_user *user, struct keg_err *err);

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

/* A network for those who may make none (user-mode network): a program that carries what the
 * container sends by sockets of its own, as its caller: pasta(1), else slirp4netns(1). The
 * container has eth0 with an address that all such containers have, a way out, and a name server
 * that asks the host's; it reaches what listens on addresses of the host, but for loopback ones. */
struct run_network_user {
    char **programs; /* absolute paths, the better one first; NULL: none is installed */
};

/* The same for all of them, as text. */
extern const struct run_network_user_facts {
    const char *address, *nameserver;
} run_network_user_facts;

/* run_network_user_find(folders, ret): What there is in ${folders}, a $PATH of which only absolute
 * folders count (may be NULL), and else in those of the system. 0 or -ENOMEM. */
int run_network_user_find(const char *folders, struct run_network_user *ret);
void run_network_user_done(struct run_network_user *network);

/* ---------------------------------------------------------------------------------- launching */

/* Who makes the cgroups. */
enum run_cgroup_manager {
    RUN_CGROUP_MANAGER_CGROUPFS, /* keg, in the mounted hierarchies */
    RUN_CGROUP_MANAGER_SYSTEMD,  /* a scope of systemd's, asked for by D-Bus */
    RUN_CGROUP_MANAGER_DISABLED, /* none: the container stays in the caller's cgroups */
};

/* How to launch: what is not in the spec. Nothing is taken; fds are borrowed. */
struct run_options {
    const char *id;
    const char *bundle; /* for the state that hooks and engines read; NULL: none */
    int rundir_fd;      /* the container's folder in tmpfs: state.json goes there */
    int rootfs_fd;      /* detached mount of the root, or -1: spec.root_path is bind-mounted */
    int stdio_fds[3];   /* for the container; not used with spec.process.terminal */
    const struct run_network
        *network;           /* NULL: no interface but lo (or as the spec's namespaces say) */
    struct in_addr address; /* leased */
    const struct run_network_user *network_user; /* in its place; ends with the calling process */
    /* SIGKILL to the container when the calling process ends. The kernel forgets it where pid 1
     * changes its user or executes a set-user-ID program (PR_SET_PDEATHSIG; not with `init`):
     * run_collect() ends that one. */
    bool die_with_parent;
    /* The container is to outlive the caller: after run_create() it waits at a socket in
     * ${rundir_fd}, and any process may run_open() and run_start() it. */
    bool detached;
    bool init;         /* pid 1 is keg's own reaper (--init), args run as pid 2 */
    bool pids_default; /* nobody asked for the pids limit: go without a controller */
    bool swap_default; /* memory limit without a swap limit: twice the memory (docker) */
    enum run_cgroup_manager cgroup_manager;
    bool all_controllers; /* a folder in every v1 hierarchy, not only where limits are */
    bool no_pivot;        /* MS_MOVE and chroot(2) instead of pivot_root(2), for a root on ramfs */
    bool no_new_keyring;
    unsigned preserve_fds; /* fds 3 to 2 + preserve_fds go to the program as well */
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
 * program: namespaces, cgroup and limits, network, root, devices, confinement; prestart,
 * createRuntime and createContainer hooks have run. state.json is written. Errors of the child come
 * back through a pipe as ${err}, with the name of the step. On failure nothing is left. Nothing of
 * the image's has run. -EINVAL: ${spec} has no process, or contradicts itself. Hooks that run later
 * are read from the config.json that the caller has put in the run folder. */
int run_create(const struct run_spec *spec, const struct run_options *options,
               struct run_container **ret, struct keg_err *err);
/* run_start(container, err): Let it execve. Return when that succeeded, or fail with -ENOENT (not
 * found in $PATH, missing interpreter), -EACCES (not executable, a folder), -ENOEXEC (wrong
 * architecture, no interpreter line) and words that say which and why; pid 1 has ended then, and
 * run_destroy() removes the rest. -EBUSY: not created, or started already. startContainer hooks run
 * before, poststart hooks after; what one of those says on failing is in ${err}, and
 * the result is 1: the container runs on (runtime.md, "Lifecycle" 9). */
int run_start(struct run_container *container, struct keg_err *err);
/* run_network_complaint(container): Why the container that this process made has no network though
 * options.network_user asked for one; NULL: it has. */
const char *run_network_complaint(const struct run_container *container);
pid_t run_pid(const struct run_container *container);
int run_pidfd(const struct run_container *container);      /* borrows; readable when it has ended */
int run_console_fd(const struct run_container *container); /* borrows; the pty's master, or -1 */
/* run_kill(container, signal, err): To pid 1, by pidfd. SIGKILL thaws a frozen container first,
 * which would not die. -ESRCH: it has ended. */
int run_kill(struct run_container *container, int signal, struct keg_err *err);
/* run_wait(container, ret, err): Wait until pid 1 has ended and read what the cgroup says. Of one
 * that run_open() gave and that is no child of the caller, ret->status is unknown: 0. */
int run_wait(struct run_container *container, struct run_exit *ret, struct keg_err *err);
/* run_destroy(container, err): Remove its cgroups (killing what is left in them) and state.json,
 * run the poststop hooks; free ${container}. NULL is fine. Also kills pid 1 where it still runs.
 * What a hook says on failing is in ${err}, and the result is 1: all is removed nevertheless
 * (runtime.md, "Lifecycle" 13).
 * Of what run_exec() gave: kill and reap that process, free. */
int run_destroy(struct run_container *container, struct keg_err *err);
/* run_close(container): Free the handle; the container goes on. NULL is fine. */
void run_close(struct run_container *container);

/* -------------------------------------------------------- a container that another process made */

/* runtime.md "State". */
enum run_status { RUN_CREATING, RUN_CREATED, RUN_RUNNING, RUN_PAUSED, RUN_STOPPED };
const char *run_status_name(enum run_status status); /* "creating" ... */

/* run_open(rundir_fd, id, ret, err): The container whose state.json is in ${rundir_fd}, which is
 * duplicated. -ENOENT: none there; -EPROTO: a damaged one (run_collect() removes what is left). All
 * calls above and below work on it. The caller keeps others away by a lock of its own. */
int run_open(int rundir_fd, const char *id, struct run_container **ret, struct keg_err *err);
/* run_status(container): As it is now, by looking. A zombie is stopped. */
enum run_status run_status(const struct run_container *container);
/* run_state_write(container, ret): The state as JSON, without a newline behind (runtime.md "State":
 * ociVersion, id, status, pid where it runs, bundle, annotations; rootfs, created, owner as runc
 * and crun add), into the initialised ${ret}. */
int run_state_write(const struct run_container *container, struct keg_buf *ret,
                    struct keg_err *err);
/* run_kill_all(container, signal, err): To every process in its cgroup. */
int run_kill_all(struct run_container *container, int signal, struct keg_err *err);
/* run_pause(container, err), run_resume(container, err): Freeze and thaw all its processes; return
 * when they are. -ENOTSUP: no freezer. */
int run_pause(struct run_container *container, struct keg_err *err);
int run_resume(struct run_container *container, struct keg_err *err);
/* run_update(container, resources, err): Set those members of ${resources} that are set; others
 * stay. What was set is put back where one of them fails. -EINVAL, -ENOTSUP as in run_create();
 * -EBUSY: memory_check_before_update and more is used. */
int run_update(struct run_container *container, const struct run_resources *resources,
               struct keg_err *err);
/* run_pids(container, ret, ret_count, err): The pids, in this process's pid namespace, of all in
 * its cgroup and those below, sorted; for the caller to free. */
int run_pids(const struct run_container *container, pid_t **ret, size_t *ret_count,
             struct keg_err *err);

/* What the cgroup has counted; 0 where the kernel does not say, limits UINT64_MAX: unlimited. */
struct run_stats {
    uint64_t cpu_usage_ns, cpu_user_ns, cpu_system_ns;
    uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
    uint64_t *cpu_percpu_ns; /* v1; on the heap */
    size_t cpu_percpu_count;
    uint64_t memory_usage_bytes, memory_peak_bytes, memory_limit_bytes, memory_cache_bytes;
    uint64_t memory_swap_usage_bytes, memory_swap_limit_bytes; /* memory plus swap */
    uint64_t memory_kernel_bytes, memory_failcnt;
    char **memory_raw; /* memory.stat: "key=value" */
    uint64_t oom_kills;
    uint64_t pids_current, pids_limit;
    struct run_io_stat {
        unsigned major, minor;
        uint64_t read_bytes, written_bytes, reads, writes;
    } * io;
    size_t io_count;
};
/* run_stats_read(container, ret, err): Into the uninitialised ${ret}; run_stats_done() frees it. */
int run_stats_read(const struct run_container *container, struct run_stats *ret,
                   struct keg_err *err);
void run_stats_done(struct run_stats *stats);
/* run_oom_eventfd(container, err): An fd that is readable when the container may have met its
 * memory limit: v1 an eventfd of cgroup.event_control, v2 inotify(7) on memory.events, which tells
 * of other counters as well. Read at least 4096 bytes to be woken again, and compare
 * run_stats.oom_kills. -ENOTSUP: no memory cgroup. For the caller to close. */
int run_oom_eventfd(const struct run_container *container, struct keg_err *err);

/* How to run another process in a container. Nothing is taken. */
struct run_exec_options {
    int stdio_fds[3]; /* not used with process->terminal */
    bool die_with_parent;
    unsigned preserve_fds;
    const char *cgroup; /* a folder below the container's own, which must exist; NULL: its own */
    bool ignore_paused; /* else -EBUSY where it is frozen */
};

/* run_exec(container, process, options, ret, err): Join its namespaces and cgroup, take on
 * ${process}'s user, capabilities (not set: the container's own, cut to the bounding set) and
 * the container's seccomp profile, and execute. *ret is a handle of that process, a child of the
 * caller, for run_pid(), run_pidfd(), run_console_fd(), run_kill(), run_wait(), run_proxy(),
 * run_close() and run_destroy(). Errors as in run_start(); -EBUSY: it is not running (created is
 * fine). Before a foreign process can see it, this one is not dumpable and has no fd of the host's
 * but those that it needs (CVE-2016-9962). */
int run_exec(struct run_container *container, const struct run_process *process,
             const struct run_exec_options *options, struct run_container **ret,
             struct keg_err *err);

/* run_collect(rundir_fd, leases_dirfd, id, err): Clean up after a container whose owner died, by
 * the state.json in ${rundir_fd}: kill what still runs of it (pid and start time must fit), remove
 * its cgroups and its lease. Missing pieces are success. The caller holds the container's lock. */
int run_collect(int rundir_fd, int leases_dirfd, const char *id, struct keg_err *err);

/* run_kill_left(rundir_fd): SIGKILL to pid 1 of the container whose state.json is in ${rundir_fd},
 * and nothing else: for the owner of the user namespace that it runs in, who is about to enter
 * another one, from where it is out of reach of run_collect(). The caller holds its lock. */
void run_kill_left(int rundir_fd);

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

/* -------------------------------------------------------------------------- user namespaces */

/* run_user_namespace_needed(): Whether the caller is not root, or root without CAP_SYS_ADMIN (in a
 * container of another engine), so that it has to enter a user namespace to work with layers and
 * containers. */
bool run_user_namespace_needed(void);
/* run_user_namespace_enter(beside, ret_note, err): Where it is needed, put this process,
 * single-threaded, into a user namespace and a mount namespace of its own in which it is root, with
 * the subordinate ids of /etc/subuid and /etc/subgid by newuidmap(1) and newgidmap(1); where there
 * are none, with one id alone (then all files are that user's). ${beside}: 0, or pid 1 of a
 * container of this user's, whose keg's user namespace is joined instead: from another one its
 * namespaces are out of reach. Return 1 with ranges (or where one was joined), 0 with a single id
 * or where nothing was to be done, or a negative code: -EPERM this machine forbids user namespaces,
 * and which setting does. *ret_note is NULL, or what the user should know (newuidmap is missing).
 * Other fds, the working folder and children stay; what was opened before is of the old mount
 * namespace and cannot be mounted, so this comes first. After a failure the process can do nothing
 * but report. */
int run_user_namespace_enter(pid_t beside, const char **ret_note, struct keg_err *err);

/* run_user_namespace_make(uid_maps, gid_maps, ret_fd, err): A user namespace with these maps that
 * no process lives in, as an fd for id-mapped mounts and run_overlay_mount(). */
int run_user_namespace_make(const struct run_id_maps *uid_maps, const struct run_id_maps *gid_maps,
                            int *ret_fd, struct keg_err *err);

/* run_id_maps_add(maps, container_id, host_id, size): Append. 0 or -ENOMEM. */
int run_id_maps_add(struct run_id_maps *maps, uint32_t container_id, uint32_t host_id,
                    uint32_t size);
/* run_id_maps_done(maps): Free the items. */
void run_id_maps_done(struct run_id_maps *maps);
/* run_id_maps_to_host(maps, id, ret): The id outside. -ENOENT where ${id} is not mapped. */
int run_id_maps_to_host(const struct run_id_maps *maps, uint32_t id, uint32_t *ret);

/* ------------------------------------------------------------------------------- what is here */

enum run_cgroup_layout { RUN_CGROUP_NONE, RUN_CGROUP_V1, RUN_CGROUP_HYBRID, RUN_CGROUP_V2 };

/* run_features_write(ret, err): What this runtime can do, as features.md wants it (runtime-spec 1.2
 * "Features Structure"), one JSON object without a newline behind. */
int run_features_write(struct keg_buf *ret, struct keg_err *err);
/* run_spec_template(rootless, ret, err): The spec that `spec` prints: runc's example (a terminal,
 * "sh", rootfs, read-only, three capabilities), for a user without root where ${rootless}. */
int run_spec_template(bool rootless, struct run_spec **ret, struct keg_err *err);

/* What this machine can do, for `keg info`. */
struct run_features {
    enum run_cgroup_layout cgroup_layout;
    char controllers[256]; /* "cpu memory pids devices", those that limits can use */
    bool overlay, seccomp, openat2, new_mount_api, clone_into_cgroup, nftables, landlock,
        user_namespaces;
};

void run_features_detect(struct run_features *ret);
