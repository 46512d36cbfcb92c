/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime delete: remove what a container held, and its id. */
#include "cmd/runtime/folder.h"
#include "cmd/runtime/log.h"

#include <signal.h>

struct delete_options {
    bool force, regex;
};

static const struct cmd_option delete_options[] = {
    {"force", 'f', CMD_FLAG, NULL, "Kill it first where it runs; one that is not there is fine",
     offsetof(struct delete_options, force), NULL, NULL},
    {"regex", 'r', CMD_FLAG, NULL, "ID is a regular expression: all containers that it fits",
     offsetof(struct delete_options, regex), NULL, NULL},
    CMD_OPTIONS_END};

/* Without waiting for the lock: whoever holds it may be waiting for the container. */
static void kill_first(const struct runtime_folder *folder)
{
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    if (run_open(folder->fd, folder->id, &container, NULL) == 0)
        (void)run_kill(container, SIGKILL, NULL);
}

static int check_stopped(const struct runtime_folder *folder, const struct run_container *container,
                         struct keg_err *err)
{
    enum run_status status = run_status(container);
    if (status == RUN_STOPPED || status == RUN_CREATED)
        return 0;
    return keg_fail(err, -EBUSY, "cannot delete container '%s' that is not stopped: %s", folder->id,
                    run_status_name(status));
}

/* The lock is held. 1: done, but for a hook that failed. */
static int destroy(const struct runtime_folder *folder, bool force, struct keg_err *err)
{
    struct run_container *container;
    int r = run_open(folder->fd, folder->id, &container, err);
    if (r < 0 && force)
        return run_collect(folder->fd, -1, folder->id, err);
    if (r < 0)
        return keg_wrap(err, "container '%s' was not created whole (delete --force removes it)",
                        folder->id);
    if (!force)
        r = check_stopped(folder, container, err);
    if (r < 0) {
        run_close(container);
        return r;
    }
    return run_destroy(container, err);
}

static int delete_one(const struct runtime *runtime, const char *id, bool force,
                      struct keg_err *err)
{
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    int r = runtime_folder_open(runtime, id, &folder, err);
    if (r == 0 && force)
        kill_first(&folder);
    if (r == 0)
        r = runtime_folder_lock(&folder, err);
    if (r == -ENOENT && force)
        return 0;
    if (r == 0)
        r = destroy(&folder, force, err);
    if (r > 0)
        runtime_log(runtime, RUNTIME_WARNING, "%s", err->text);
    return r >= 0 ? runtime_folder_remove(&folder, err) : r;
}

static int delete_matching(const struct runtime *runtime, const char *pattern, bool force,
                           struct keg_err *err)
{
    _cleanup_strv_ char **ids = NULL;
    int r = runtime_ids_matching(runtime, pattern, &ids, err);
    if (r < 0)
        return r;
    for (char **id = ids; *id; id++) {
        int code = delete_one(runtime, *id, force, err);
        if (code < 0 && r < 0)
            runtime_log(runtime, RUNTIME_ERROR, "%s", err->text);
        r = code < 0 ? code : r;
    }
    return r;
}

static int delete_verb(const struct runtime *runtime, void *options, const struct cmd_args *args,
                       struct keg_err *err)
{
    const struct delete_options *o = options;
    return o->regex ? delete_matching(runtime, args->items[0], o->force, err)
                    : delete_one(runtime, args->items[0], o->force, err);
}

const struct runtime_verb runtime_verb_delete = {
    .cmd = {.name = "delete",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID",
            .summary = "Delete a container that has stopped",
            .options = delete_options,
            .min_args = 1,
            .max_args = 1},
    .options_size = sizeof(struct delete_options),
    .act = delete_verb,
};
