/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime pause and resume: freeze and thaw all processes of a container. */
#include "cmd/runtime/folder.h"

static int check(const struct runtime_folder *folder, const struct run_container *container,
                 const char *verb, bool paused, struct keg_err *err)
{
    enum run_status status = run_status(container);
    if (paused ? status == RUN_PAUSED : status == RUN_RUNNING || status == RUN_CREATED)
        return 0;
    return keg_fail(err, -EBUSY, "cannot %s container '%s': it is %s", verb, folder->id,
                    run_status_name(status));
}

static int pause_verb(const struct runtime *runtime, void *options, const struct cmd_args *args,
                      struct keg_err *err)
{
    (void)options;
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    int r = runtime_open_locked(runtime, args->items[0], &folder, &container, err);
    if (r == 0)
        r = check(&folder, container, "pause", false, err);
    return r == 0 ? run_pause(container, err) : r;
}

static int resume_verb(const struct runtime *runtime, void *options, const struct cmd_args *args,
                       struct keg_err *err)
{
    (void)options;
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    int r = runtime_open_locked(runtime, args->items[0], &folder, &container, err);
    if (r == 0)
        r = check(&folder, container, "resume", true, err);
    return r == 0 ? run_resume(container, err) : r;
}

const struct runtime_verb runtime_verb_pause = {
    .cmd = {.name = "pause",
            .program = "keg-runtime",
            .synopsis = "ID",
            .summary = "Freeze all processes of a container",
            .min_args = 1,
            .max_args = 1},
    .act = pause_verb,
};

const struct runtime_verb runtime_verb_resume = {
    .cmd = {.name = "resume",
            .program = "keg-runtime",
            .synopsis = "ID",
            .summary = "Let the processes of a paused container go on",
            .min_args = 1,
            .max_args = 1},
    .act = resume_verb,
};
