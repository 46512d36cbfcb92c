/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the program keg share: its verbs, and what several of them do. */
#pragma once

#include "base/base.h"
#include "cmd/common/name.h"
#include "cmd/common/options.h"
#include "cmd/common/report.h"
#include "store/store.h"

#include <stdbool.h>

/* One verb, one file; main.c holds the table. `.run` of each is called by cmd_main(). */
extern const struct cmd_verb cmd_verb_run;  /* run.c */
extern const struct cmd_verb cmd_verb_pull; /* helper.c: its options are keg-image's */
extern const struct cmd_verb cmd_verb_images;
extern const struct cmd_verb cmd_verb_rmi;
extern const struct cmd_verb cmd_verb_ps;
extern const struct cmd_verb cmd_verb_rm;
extern const struct cmd_verb cmd_verb_inspect;
extern const struct cmd_verb cmd_verb_info;
extern const struct cmd_verb cmd_verb_version;

/* ----------------------------------------------------------------------------------- helper.c */

/* cmd_helper_exec(argc, argv, globals, err): Become `keg-image --root … --runroot … ARGV…` (argv[0]
 * is its verb). Found beside this program's file (/proc/self/exe), else in KEG_LIBEXECDIR; $PATH is
 * never searched. Returns only on failure, a negative code. */
int cmd_helper_exec(int argc, char **argv, const struct cmd_globals *globals, struct keg_err *err);

/* cmd_helper_run(argc, argv, globals, stdout_to_stderr, ret_exit_code, err): The same as a child,
 * waited for: for `run`, which pulls what is missing. ${stdout_to_stderr} keeps the caller's
 * standard output clean. The child's own messages were printed when its exit code is not 0. A
 * Ctrl-C reaches both and is the child's to answer: keg ignores SIGINT and SIGQUIT until it has
 * ended. The child gets SIGTERM when keg dies. */
int cmd_helper_run(int argc, char **argv, const struct cmd_globals *globals, bool stdout_to_stderr,
                   int *ret_exit_code, struct keg_err *err);

/* ---------------------------------------------------------------------------------- collect.c */

/* cmd_leases_dir(store, ret_fd, err): Folder of address leases, RUNROOT/network/leases, made where
 * it is missing. The caller closes *ret_fd. */
int cmd_leases_dir(struct store *store, int *ret_fd, struct keg_err *err);

/* cmd_collect(store): Clean up after containers whose keg was killed: what still runs of them is
 * killed, their cgroups, leases and run folders go, --rm ones are removed, others become exited
 * with code 137. Cheap when there is nothing: one readdir, and one failed flock for each running
 * container; `run` calls it behind the start. A container that cannot be cleaned up is warned about
 * and left for the next time. */
void cmd_collect(struct store *store);

/* cmd_sweep(store): cmd_collect(), and the same for containers that a reboot ended, which have no
 * run folder left; and left-overs under tmp/. Reads each container's meta.json: for verbs that list
 * them anyway. */
void cmd_sweep(struct store *store);

/* ------------------------------------------------------------------------------------ lists.c */

void cmd_cleanup_store(struct store **store);
#define _cleanup_store_ __attribute__((cleanup(cmd_cleanup_store)))

/* What the store holds, as one value. */
struct cmd_images {
    struct store_image *items;
    size_t count;
};
struct cmd_containers {
    struct store_container *items;
    size_t count;
};

/* cmd_images_load(verb, store, ret, err): All names of images; damaged ones are warned about and
 * left out. cmd_containers_load(store, ret, err): All containers. Freed with the functions below,
 * also when empty. */
int cmd_images_load(const char *verb, struct store *store, struct cmd_images *ret,
                    struct keg_err *err);
int cmd_containers_load(struct store *store, struct cmd_containers *ret, struct keg_err *err);
void cmd_images_done(struct cmd_images *images);
void cmd_containers_done(struct cmd_containers *containers);

/* cmd_container_status(container): Its status as users are told: one that keg has not started yet
 * is created, though it has an owner. */
enum store_container_status cmd_container_status(const struct store_container *container);

/* cmd_print_json(json, pretty, err): One JSON value and a newline on standard output. Takes
 * ${json}; where it is NULL memory ran out: -ENOMEM. */
int cmd_print_json(json_t *json /* takes */, bool pretty, struct keg_err *err);

/* cmd_open_store(verb, globals, ret): store_open() as a verb's first step: 0, or the exit code
 * after the complaint was printed. Without cmd_enter(): for verbs that only read. */
int cmd_open_store(const char *verb, const struct cmd_globals *globals, struct store **ret);

/* --------------------------------------------------------------------------------- rootless.c */

/* cmd_enter(verb, globals): Where keg is not root, enter a user namespace in which it is
 * (run_user_namespace_enter()); KEG_ROOT and KEG_RUNROOT name the user's own places from then on,
 * also for keg-image. To be called before the store is opened by all verbs that touch layers,
 * containers or what a crash left, which belong to the user's subordinate ids. 0, or the exit code
 * after the complaint was printed. */
int cmd_enter(const char *verb, const struct cmd_globals *globals);
/* cmd_enter_store(verb, globals, beside, ret): The same, and cmd_open_store(). ${beside}: NULL, or
 * the name or id of a container whose namespaces are going to be joined, and so its keg's user
 * namespace first. */
int cmd_enter_store(const char *verb, const struct cmd_globals *globals, const char *beside,
                    struct store **ret);
/* cmd_visible_process(pid): ${pid}, pid 1 of a container, or where this process may not look into
 * it its first child, which is in the same namespaces: keg's own init hides from all but the host's
 * root. */
pid_t cmd_visible_process(pid_t pid);
/* cmd_is_rootless(): Whether cmd_enter() has entered one. */
bool cmd_is_rootless(void);
