/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime run: create and start, and unless detached stay until the end. */
#include "cmd/common/signals.h"
#include "cmd/runtime/foreground.h"
#include "cmd/runtime/handover.h"
#include "cmd/runtime/launch.h"
#include "cmd/runtime/log.h"

static int start(struct runtime_launch *launch, struct keg_err *err)
{
    int r = run_start(launch->container, err);
    if (r < 0) {
        runtime_launch_undo(launch);
        return r;
    }
    if (r > 0)
        runtime_log(launch->runtime, RUNTIME_WARNING, "%s", err->text);
    runtime_folder_unlock(&launch->folder);
    return 0;
}

/* Another process may have deleted it when it had ended. */
static void clean_up(struct runtime_launch *launch, bool keep)
{
    if (!keep && runtime_folder_lock(&launch->folder, NULL) == 0)
        runtime_launch_undo(launch);
}

static int stay(struct runtime_launch *launch, bool keep, struct keg_err *err)
{
    _cleanup_pid_ pid_t notifier = 0;
    int code = runtime_notify_fork(&launch->folder, launch->container, &notifier, err);
    if (code == 0)
        code = runtime_foreground(launch->container, err);
    clean_up(launch, keep);
    return code;
}

static int run(const struct runtime *runtime, void *options, const struct cmd_args *args,
               struct keg_err *err)
{
    const struct runtime_launch_options *o = options;
    struct runtime_launch launch;
    if (!o->detach)
        cmd_hold_signals();
    int r = runtime_launch_create(runtime, o, args->items[0], o->detach, &launch, err);
    if (r == 0)
        r = start(&launch, err);
    if (r == 0)
        r = o->detach ? runtime_notify_wait(&launch.folder, launch.container, err)
                      : stay(&launch, o->keep, err);
    runtime_launch_done(&launch);
    return r;
}

const struct runtime_verb runtime_verb_run = {
    .cmd = {.name = "run",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID",
            .summary = "Create and start a container, and wait for its end",
            .options = runtime_launch_rows,
            .min_args = 1,
            .max_args = 1},
    .options_size = sizeof(struct runtime_launch_options),
    .act = run,
};
