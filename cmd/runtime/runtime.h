/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime: the command line of an OCI runtime, as engines drive it. One file a verb; each
 * parses nothing itself: its row says which options it takes, and program.c fills them. */
#pragma once

#include "base/base.h"
#include "cmd/common/options.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>

/* What stands before the verb, and what was found out before anything was opened. */
struct runtime {
    const char *root; /* absolute */
    const char *log, *log_format, *cgroup_manager, *rootless, *criu;
    bool systemd_cgroup, debug, version;
    unsigned inherited_fds; /* of 3 and up, how many in a row the caller left open */
    int log_fd;             /* --log, or -1 */
    char *root_memory;
};

/* A verb. ${act} returns its exit code (0 and up), or a negative code with ${err}, which is logged
 * and turned into the exit code ${failed}. */
struct runtime_verb {
    struct cmd_verb cmd;
    size_t options_size; /* zeroed, then filled by the parser */
    int failed;          /* 0: 1, as runc and crun have it */
    int (*act)(const struct runtime *runtime, void *options, const struct cmd_args *args,
               struct keg_err *err);
};

extern const struct runtime_verb runtime_verb_create, runtime_verb_start, runtime_verb_run,
    runtime_verb_state, runtime_verb_kill, runtime_verb_delete, runtime_verb_exec,
    runtime_verb_list, runtime_verb_ps, runtime_verb_pause, runtime_verb_resume,
    runtime_verb_update, runtime_verb_events, runtime_verb_features, runtime_verb_spec;

/* runtime_main(argc, argv): The whole program. Return the exit code. */
int runtime_main(int argc, char **argv);

/* runtime_default_root(rootless, ret, err): Where states are kept without --root: for root
 * /run/keg/runtime; without root, and in a user namespace that has an $XDG_RUNTIME_DIR, below that.
 * ${rootless}: "true", "false", "auto" or NULL. For the caller to free. */
int runtime_default_root(const char *rootless, char **ret, struct keg_err *err);

/* runtime_print_json(json, err): Print it indented, and a newline. */
int runtime_print_json(const json_t *json, struct keg_err *err);

/* runtime_cleanup_container(container): run_close(), for _cleanup_(). */
void runtime_cleanup_container(struct run_container **container);
