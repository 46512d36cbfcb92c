/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime kill: a signal for pid 1, or for all processes, of a container. */
#include "cmd/runtime/folder.h"
#include "cmd/runtime/signals.h"

#include <signal.h>

struct kill_options {
    bool all, regex;
};

static const struct cmd_option kill_options[] = {
    {"all", 'a', CMD_FLAG, NULL, "Send it to all processes of the container",
     offsetof(struct kill_options, all), NULL, NULL},
    {"regex", 'r', CMD_FLAG, NULL, "ID is a regular expression: all containers that it fits",
     offsetof(struct kill_options, regex), NULL, NULL},
    CMD_OPTIONS_END};

/* No lock: this is how a start that hangs in a hook is ended. */
static int kill_one(const struct runtime *runtime, const char *id, bool all, int number,
                    struct keg_err *err)
{
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    int r = runtime_open(runtime, id, &folder, &container, err);
    if (r < 0)
        return r;
    r = all ? run_kill_all(container, number, err) : run_kill(container, number, err);
    /* The words that containerd looks for. */
    if (r == -ESRCH && !all)
        return keg_fail(err, -ESRCH, "container not running: '%s'", id);
    return r == -ESRCH ? 0 : r;
}

static int kill_matching(const struct runtime *runtime, const char *pattern, bool all, int number,
                         struct keg_err *err)
{
    _cleanup_strv_ char **ids = NULL;
    int r = runtime_ids_matching(runtime, pattern, &ids, err);
    if (r < 0)
        return r;
    for (char **id = ids; *id; id++) {
        int code = kill_one(runtime, *id, all, number, err);
        r = code < 0 && code != -ESRCH ? code : r;
    }
    return r;
}

static int kill_verb(const struct runtime *runtime, void *options, const struct cmd_args *args,
                     struct keg_err *err)
{
    const struct kill_options *o = options;
    int number = SIGTERM;
    int r = args->count > 1 ? runtime_signal_parse(args->items[1], &number, err) : 0;
    if (r < 0)
        return r;
    return o->regex ? kill_matching(runtime, args->items[0], o->all, number, err)
                    : kill_one(runtime, args->items[0], o->all, number, err);
}

const struct runtime_verb runtime_verb_kill = {
    .cmd = {.name = "kill",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID [SIGNAL]",
            .summary = "Send a signal (default TERM) to a container",
            .options = kill_options,
            .min_args = 1,
            .max_args = 2},
    .options_size = sizeof(struct kill_options),
    .act = kill_verb,
};
