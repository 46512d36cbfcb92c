/* SPDX-License-Identifier: Apache-2.0 */
/* keg without root: into a user namespace, once, before the store is opened. */
#include "cmd/cmd.h"

#include "run/run.h"

#include <string.h>

/* A child is at most eleven bytes of it. */
#define CHILDREN_MAX_BYTES (1024u * 1024)

static bool entered;

bool cmd_is_rootless(void)
{
    return entered;
}

/* Root of the namespace would look in root's places, and so would keg-image. */
static int keep_places(const struct cmd_globals *globals, struct keg_err *err)
{
    _cleanup_free_ char *root = NULL, *runroot = NULL;
    int r = store_places(globals->root, globals->runroot, &root, &runroot, err);
    if (r < 0)
        return r;
    if (setenv("KEG_ROOT", root, 1) < 0 || setenv("KEG_RUNROOT", runroot, 1) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    return 0;
}

static void kill_orphan(struct store *store, const char *id)
{
    _cleanup_fd_ int lock = -1, rundir = -1;
    if (store_container_try_lock(store, id, &lock, NULL) > 0 &&
        store_container_rundir(store, id, &rundir, NULL) == 0)
        run_kill_left(rundir);
}

/* What a killed keg left runs in that keg's user namespace. Its owner may do anything to it from
 * outside, but nothing from a namespace beside it, where cmd_collect() will remove the rest. */
static void kill_orphans(struct store *store)
{
    _cleanup_strv_ char **ids = NULL;
    if (store_container_ids_run(store, &ids, NULL) < 0)
        return; /* the verb says it */
    for (char **id = ids; id && *id; id++)
        kill_orphan(store, *id);
}

/* proc(5), "/proc/pid/task/tid/children". 0 where it has none. */
static pid_t first_child(pid_t pid)
{
    char path[64];
    struct keg_buf text;
    uint64_t child;
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    if (keg_read_file(AT_FDCWD, path, CHILDREN_MAX_BYTES, &text, NULL) < 0)
        return 0;
    bool found = false;
    if (text.data) {
        text.data[strcspn(text.data, " ")] = '\0';
        found = keg_parse_u64(text.data, 1, INT32_MAX, &child) == 0;
    }
    keg_buf_done(&text);
    return found ? (pid_t)child : 0;
}

pid_t cmd_visible_process(pid_t pid)
{
    char path[48], target[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    if (readlink(path, target, sizeof(target)) >= 0 || errno != EACCES)
        return pid;
    pid_t child = first_child(pid);
    return child > 0 ? child : pid;
}

/* pid 1 of the container; 0 where it is not running, or none: the verb says it. */
static pid_t find_process(struct store *store, const char *name)
{
    _cleanup_(store_container_done) struct store_container found = {0};
    _cleanup_fd_ int rundir = -1;
    struct run_container *container = NULL;
    if (store_container_find(store, name, &found, NULL) < 0 ||
        store_container_rundir(store, found.id, &rundir, NULL) < 0 ||
        run_open(rundir, found.id, &container, NULL) < 0)
        return 0;
    pid_t pid = run_status(container) == RUN_STOPPED ? 0 : cmd_visible_process(run_pid(container));
    run_close(container);
    return pid;
}

/* All that has to be done as the user. Return ${beside}'s pid or 0. */
static pid_t prepare_outside(const struct cmd_globals *globals, const char *beside)
{
    _cleanup_store_ struct store *store = NULL;
    if (store_open(globals->root, globals->runroot, &store, NULL) < 0)
        return 0; /* the verb says it */
    kill_orphans(store);
    return beside ? find_process(store, beside) : 0;
}

static int enter(const char *verb, const struct cmd_globals *globals, const char *beside)
{
    struct keg_err err = KEG_ERR_INIT;
    const char *note;
    if (entered || !run_user_namespace_needed())
        return CMD_EXIT_OK;
    if (keep_places(globals, &err) < 0)
        return cmd_error(verb, NULL, &err);
    if (run_user_namespace_enter(prepare_outside(globals, beside), &note, &err) < 0)
        return cmd_error(verb, NULL, &err);
    entered = true;
    if (note && (keg_streq(verb, "run") || keg_streq(verb, "pull")))
        cmd_warn(verb, "%s", note);
    return CMD_EXIT_OK;
}

int cmd_enter(const char *verb, const struct cmd_globals *globals)
{
    return enter(verb, globals, NULL);
}

int cmd_enter_store(const char *verb, const struct cmd_globals *globals, const char *beside,
                    struct store **ret)
{
    int code = enter(verb, globals, beside);
    return code == CMD_EXIT_OK ? cmd_open_store(verb, globals, ret) : code;
}
