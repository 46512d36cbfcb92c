/* SPDX-License-Identifier: Apache-2.0 */
/* What a crash, a kill -9 or a reboot left of containers, cleaned up by the next keg. */
#include "cmd/cmd.h"

#include "run/run.h"

#include <sys/stat.h>

/* A run folder without state and without container is that of a keg between two calls, or of one
 * that died there: after this many seconds it is the latter. */
enum { UNBORN_SECONDS = 1 };

enum { EXIT_KILLED = 128 + 9 };

int cmd_leases_dir(struct store *store, int *ret_fd, struct keg_err *err)
{
    int code = keg_mkdirs(store_run_fd(store), "network/leases", 0700);
    if (code == 0)
        code = keg_openat(store_run_fd(store), "network/leases", O_RDONLY | O_DIRECTORY, 0);
    if (code < 0)
        return keg_fail(err, code, "open '%s/network/leases': %s", store_runroot(store),
                        keg_errno_text(code));
    *ret_fd = code;
    return 0;
}

/* By its whole id, past a container that was named so. 1, 0 where there is none, or a negative
 * code. */
static int read_container(struct store *store, const char *id, struct store_container *ret,
                          struct keg_err *err)
{
    int code = store_container_find(store, id, ret, err);
    if (code == -ENOENT)
        return 0;
    if (code == 0 && !keg_streq(ret->id, id)) {
        store_container_done(ret);
        *ret = (struct store_container){0};
        return 0;
    }
    return code < 0 ? code : 1;
}

static bool is_young(int dirfd)
{
    struct stat st;
    return fstat(dirfd, &st) == 0 && keg_now().tv_sec - st.st_ctim.tv_sec < UNBORN_SECONDS;
}

/* The container's processes, cgroups and lease are gone: what becomes of its folder? */
static int settle(struct store *store, struct store_container *container, struct keg_err *err)
{
    bool unfinished = container->started.tv_sec != 0 && container->finished.tv_sec == 0;
    if (container->auto_remove)
        return store_container_remove(store, container, err);
    if (!unfinished)
        return 0;
    container->finished = keg_now();
    container->exit_code = EXIT_KILLED;
    free(container->error);
    container->error = keg_strdup("the keg that ran it was killed");
    return store_container_write(store, container, err);
}

/* With the lock of the container held. */
static int collect_owned(struct store *store, char *id, struct keg_err *err)
{
    _cleanup_fd_ int rundir = -1, leases = -1;
    _cleanup_(store_container_done) struct store_container container = {0};
    struct store_container folder_only = {.id = id};
    int code = store_container_rundir(store, id, &rundir, err);
    int found = code < 0 ? code : read_container(store, id, &container, err);
    if (found < 0)
        return found;
    if (found == 0 && faccessat(rundir, "state.json", F_OK, 0) < 0 && is_young(rundir))
        return 0;
    code = cmd_leases_dir(store, &leases, err);
    if (code == 0)
        code = run_collect(rundir, leases, id, err);
    if (code == 0)
        code = found ? settle(store, &container, err)
                     : store_container_remove(store, &folder_only, err);
    return code < 0 ? code : store_container_release(store, id, err);
}

static void collect_one(struct store *store, char *id)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_fd_ int lock = -1;
    int code = store_container_try_lock(store, id, &lock, &err);
    if (code > 0)
        code = collect_owned(store, id, &err);
    if (code < 0 && code != -ENOENT) /* somebody else has just cleaned it up */
        cmd_warn(NULL, "container %.12s is left from a crash: %s", id, err.text);
}

void cmd_collect(struct store *store)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_strv_ char **ids = NULL;
    if (store_container_ids_run(store, &ids, &err) < 0) {
        cmd_warn(NULL, "look for what crashes left: %s", err.text);
        return;
    }
    for (char **id = ids; *id; id++)
        collect_one(store, *id);
}

/* A run folder is made before a container's meta.json and removed after its last change: a
 * container that has none, and then still reads as unfinished, has no owner. */
static bool has_rundir(struct store *store, const char *id)
{
    _cleanup_fd_ int rundir = -1;
    return store_container_rundir(store, id, &rundir, NULL) == 0;
}

static void sweep_one(struct store *store, const struct store_container *seen)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(store_container_done) struct store_container container = {0};
    if (seen->finished.tv_sec != 0 || has_rundir(store, seen->id))
        return;
    int code = read_container(store, seen->id, &container, &err);
    if (code > 0 && container.finished.tv_sec == 0)
        code = settle(store, &container, &err);
    if (code < 0 && code != -ENOENT)
        cmd_warn(NULL, "container %.12s is left from before a reboot: %s", seen->id, err.text);
}

void cmd_sweep(struct store *store)
{
    _cleanup_(cmd_containers_done) struct cmd_containers containers = {NULL, 0};
    cmd_collect(store);
    store_clean_tmp(store);
    if (cmd_containers_load(store, &containers, NULL) < 0)
        return; /* the verb lists them itself, and says why it cannot */
    for (size_t i = 0; i < containers.count; i++)
        sweep_one(store, &containers.items[i]);
}
