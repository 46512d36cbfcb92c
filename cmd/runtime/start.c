/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime start: let a created container execute its program. */
#include "cmd/runtime/folder.h"
#include "cmd/runtime/handover.h"
#include "cmd/runtime/log.h"

static int check_status(const struct runtime_folder *folder, const struct run_container *container,
                        struct keg_err *err)
{
    enum run_status status = run_status(container);
    if (status == RUN_CREATED)
        return 0;
    if (status == RUN_STOPPED)
        return keg_fail(err, -EINVAL, "cannot start container '%s': it has stopped", folder->id);
    return keg_fail(err, -EBUSY, "cannot start container '%s': it is %s", folder->id,
                    run_status_name(status));
}

static int start(const struct runtime *runtime, void *options, const struct cmd_args *args,
                 struct keg_err *err)
{
    (void)options;
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    int r = runtime_open_locked(runtime, args->items[0], &folder, &container, err);
    if (r == 0)
        r = check_status(&folder, container, err);
    if (r < 0)
        return r;
    r = run_start(container, err);
    runtime_folder_unlock(&folder);
    if (r < 0)
        return r;
    if (r > 0)
        runtime_log(runtime, RUNTIME_WARNING, "%s", err->text);
    return runtime_notify_wait(&folder, container, err);
}

const struct runtime_verb runtime_verb_start = {
    .cmd = {.name = "start",
            .program = "keg-runtime",
            .synopsis = "ID",
            .summary = "Start the program of a created container",
            .min_args = 1,
            .max_args = 1},
    .act = start,
};
