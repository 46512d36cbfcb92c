/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the program keg share: its verbs, and what several of them do. */
#pragma once

#include "base/base.h"
#include "cmd/common/options.h"
#include "cmd/common/report.h"
#include "store/store.h"

#include <stdbool.h>

/* One verb, one file; main.c holds the table. `.run` of each is called by cmd_main(). */
extern const struct cmd_verb cmd_verb_run; /* run.c */
extern const struct cmd_verb cmd_verb_pull; /* helper.c: its options are keg-image's */
extern const struct cmd_verb cmd_verb_images;
extern const struct cmd_verb cmd_verb_rmi;
extern const struct cmd_verb cmd_verb_ps;
extern const struct cmd_verb cmd_verb_rm;
extern const struct cmd_verb cmd_verb_inspect;
extern const struct cmd_verb cmd_verb_info;
extern const struct cmd_verb cmd_verb_version;

/* ---------------------------------------------------------------------------------------- helper.c */

/* cmd_helper_exec(argc, argv, globals, err): Become `keg-image --root … --runroot … ARGV…` (argv[0] is its
 * verb). Found beside this program's file, in its folder's ../libexec/keg (an out-of-tree install), else in
 * KEG_LIBEXECDIR; $PATH is never searched. Returns only on failure, a negative code. */
int cmd_helper_exec(int argc, char **argv, const struct cmd_globals *globals, struct keg_err *err);

/* cmd_helper_run(argc, argv, globals, stdout_to_stderr, ret_exit_code, err): The same as a child, waited for:
 * for `run`, which pulls what is missing. ${stdout_to_stderr} keeps the caller's standard output clean. The
 * child's own messages were printed when its exit code is not 0. SIGINT and SIGTERM that reach keg
 * meanwhile reach the child too and are its to answer: keg ignores them until it has ended. */
int cmd_helper_run(int argc, char **argv, const struct cmd_globals *globals, bool stdout_to_stderr,
                   int *ret_exit_code, struct keg_err *err);

/* --------------------------------------------------------------------------------------- collect.c */

/* cmd_leases_dir(store, ret_fd, err): Folder of address leases, RUNROOT/network/leases, made where it is
 * missing. The caller closes *ret_fd. */
int cmd_leases_dir(struct store *store, int *ret_fd, struct keg_err *err);

/* cmd_collect(store): Clean up after containers whose keg was killed: what still runs of them is killed, their
 * cgroups, leases and run folders go, --rm ones are removed, others become exited with code 137. Cheap when
 * there is nothing: one readdir, and one failed flock for each running container. A container that cannot
 * be cleaned up is warned about and left for the next time. */
void cmd_collect(struct store *store);

/* ----------------------------------------------------------------------------------- random_name.c */

/* cmd_random_name(attempt, text): A name for a container, "adjective_surname"; from the second ${attempt} (1 and
 * up) on with that digit behind. ${text} holds 64. 0 or -errno (getrandom(2)). */
int cmd_random_name(unsigned attempt, char text[static 64]);

/* cmd_container_name_valid(name): docker's rule: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
bool cmd_container_name_valid(const char *name);
