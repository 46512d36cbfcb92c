/* SPDX-License-Identifier: Apache-2.0 */
/* The child: what runs between clone and execve, as a table of named steps (child.c).
 *
 * Everything declared here runs in the child alone: a fork of keg in namespaces of its own,
 * single-threaded, with all signals blocked. A step returns 0, or a negative code with the cause;
 * child_main() puts the step's name in front and sends it to the parent. Nothing is freed: the
 * process executes or exits. / */
#pragma once

#include "run/cgroup.h"
#include "run/init.h"
#include "run/rootfs_plan.h"
#include "run/run.h"
#include "run/seccomp.h"
#include "run/state.h"

#include <sys/stat.h>

/* All that the parent worked out before clone; the child has it by the fork's copy. */
struct launch {
    const struct run_spec *spec;
    const struct run_options *options;
    struct rootfs_plan plan;
    struct cgroup *cgroup;
    bool attach_self; /* clone3 could not place the child in its cgroup */
    int rdt_fd;       /* resctrl's `tasks` of its group, or -1 */
    struct seccomp_filter seccomp;
    struct run_capabilities capabilities; /* the spec's, cut to what this process may give */
    struct statx program; /* keg's own file, which nothing in a container may execute */
    int clone_flags;
    bool initial_user_namespace; /* this process is in it: mknod(2) works */
    bool new_user_namespace;
    bool between;                    /* between.c enters namespaces first: the user namespace, and
                                      * in one of keg's own those that there is no way back from */
    bool joins;                      /* run_exec(): all is there, child_join.c enters it */
    int namespace_fds[RUN_NS_COUNT]; /* those to be joined, else -1 */
    const struct state *state;       /* for hooks */
    int gate_fd; /* options.detached: the listening socket that the child waits at; else -1 */
    /* What only a process outside of the new user namespace may open (launch_mounts.c): the root
     * where options.rootfs_fd is none, and one for each mount of the plan, id-mapped where the spec
     * says so. -1: the child does it itself. */
    int root_fd;
    int *source_fds;
};

struct child {
    const struct launch *launch;
    const struct run_spec *spec;
    const struct run_options *options;
    int channel_fd;
    int gate_fd;        /* where the word to start comes in, or -1: by the channel */
    bool unmapped_root; /* in a user namespace: no mknod(2), no ids but the mapped ones */
    int proc_fd;        /* a procfs that no image and no mount can reach */
    int root_fd;        /* O_PATH: the container's root */
    int dev_fd;         /* O_PATH: its /dev */
    int empty_fd;       /* the read-only tmpfs that masks folders, or -1 */
    int console_fd;     /* the terminal's slave, or -1 */
    struct init_arguments own_arguments;
    int *mount_fds; /* one for each mount of the plan; -1: not made, or mount(2) will */
};

/* One step of a child's life. The name stands in front of what it says when it fails. */
struct child_step {
    const char *name;
    int (*run)(struct child *child, struct keg_err *err);
};

/* child_join.c: the steps of a process that joins a living container; the last one's `run` is NULL.
 */
extern const struct child_step child_join_steps[];

/* child_main(launch, channel_fd): Run all steps and execute; on failure report through
 * ${channel_fd} and exit. Does not return. */
_Noreturn void child_main(const struct launch *launch, int channel_fd);

/* between_main(launch, channel_fd): The process between parent and child (between.c). Does not
 * return. */
_Noreturn void between_main(struct launch *launch, int channel_fd);
/* between_become_root(launch, err): Root of the user namespace that was just entered. */
int between_become_root(const struct launch *launch, struct keg_err *err);
/* between_clone(launch, channel_fd, err): Clone a sibling of this process, tell the parent who it
 * is, and return 1; or 0 in the sibling, which then waits for CHANNEL_ADOPTED. */
int between_clone(const struct launch *launch, int channel_fd, struct keg_err *err);

/* child_exit(channel_fd, err): Report ${err} and exit. */
_Noreturn void child_exit(int channel_fd, const struct keg_err *err);

/* child_filesystems.c: the new filesystems of the plan, detached. */
int child_make_filesystems(struct child *child, struct keg_err *err);

/* child.c: the wait of one whom the process between cloned, and the moment from which nobody may
 * look into it. */
int child_await_adoption(struct child *child, struct keg_err *err);
int child_hide(struct child *child, struct keg_err *err);

/* child_mounts.c: the mounts of the plan. */
int child_isolate_mounts(struct child *child, struct keg_err *err);
int child_copy_sources(struct child *child, struct keg_err *err);
int child_attach_root(struct child *child, struct keg_err *err);
int child_mount_all(struct child *child, struct keg_err *err);
int child_enter_root(struct child *child, struct keg_err *err);
int child_make_root_readonly(struct child *child, struct keg_err *err);

/* child_devices.c: nodes and links in /dev. */
int child_make_devices(struct child *child, struct keg_err *err);

/* child_paths.c: masked and read-only paths, the working folder. */
int child_mask_paths(struct child *child, struct keg_err *err);
int child_make_readonly_paths(struct child *child, struct keg_err *err);
int child_enter_cwd(struct child *child, struct keg_err *err);
/* The folder ${fd}, called ${path}, as the working folder, where it is inside of the root. */
int child_change_folder(int fd, const char *path, struct keg_err *err);

/* child_console.c: the terminal, standard input and output. A terminal alone, or one that is
 * /dev/console as well. */
int child_open_terminal(struct child *child, struct keg_err *err);
int child_make_console(struct child *child, struct keg_err *err);
int child_set_stdio(struct child *child, struct keg_err *err);
/* A session of its own, with the terminal on fd 0 where there is one: in the process that will
 * execute. */
int child_new_session(const struct child *child, struct keg_err *err);

/* child_identity.c: keyring, limits, user, capabilities. */
int child_join_keyring(struct child *child, struct keg_err *err);
int child_die_with_parent(struct child *child, struct keg_err *err);
int child_set_sysctls(struct child *child, struct keg_err *err);
int child_set_hostname(struct child *child, struct keg_err *err);
int child_set_domainname(struct child *child, struct keg_err *err);
int child_set_oom_score(struct child *child, struct keg_err *err);
int child_enter_rdt_group(struct child *child, struct keg_err *err);
int child_set_rlimits(struct child *child, struct keg_err *err);
int child_set_scheduler(struct child *child, struct keg_err *err);
int child_set_io_priority(struct child *child, struct keg_err *err);
int child_set_personality(struct child *child, struct keg_err *err);
int child_set_labels(struct child *child, struct keg_err *err);
int child_set_user(struct child *child, struct keg_err *err);

/* child_hooks.c: the hooks' moments. */
int child_run_early_hooks(struct child *child, struct keg_err *err);
int child_run_start_hooks(struct child *child, struct keg_err *err);

/* child_seccomp.c: the filter, on this process for good; nothing where the spec has none. */
int child_install_seccomp(const struct child *child, struct keg_err *err);

/* child_exec.c: the gate, and what is behind it. */
int child_close_others(struct child *child, struct keg_err *err);
int child_check_program(struct child *child, struct keg_err *err);
int child_wait_for_start(struct child *child, struct keg_err *err);
int child_execute(struct child *child, struct keg_err *err); /* returns on failure only */
