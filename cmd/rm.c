/* SPDX-License-Identifier: Apache-2.0 */
/* keg rm: remove containers, with -f also running ones. */
#include "cmd/cmd.h"

#include "run/run.h"

#include <signal.h>
#include <sys/syscall.h>

struct rm_options {
    bool force;
};

static const struct cmd_option rm_options[] = {
    {.name = "force",
     .letter = 'f',
     .kind = CMD_FLAG,
     .help = "Kill a running container first; a missing one is no failure",
     .offset = offsetof(struct rm_options, force)},
    CMD_OPTIONS_END};

/* How long a killed container's keg may take to notice, clean up and let go. */
enum { OWNER_TIMEOUT_MS = 10 * 1000, POLL_MS = 5 };

/* SIGKILL to pid 1, if it runs. The pid is read again behind pidfd_open(2): had it been used anew
 * by then, its start time would no longer fit the state's. */
static void kill_init(struct store *store, const char *id)
{
    _cleanup_fd_ int rundir = -1;
    pid_t pid, again;
    if (store_container_rundir(store, id, &rundir, NULL) < 0 || run_state_pid(rundir, &pid) < 0)
        return;
    _cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd >= 0 && run_state_pid(rundir, &again) == 0 && again == pid)
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

/* Kill it until its owner lets go of the lock: a container that is just starting has no pid yet.
 * Return 1 with the lock, 0 where the owner removed the run folder itself, or a negative code. */
static int kill_and_lock(struct store *store, const char *id, int *ret_lock, struct keg_err *err)
{
    int64_t end = keg_monotonic_ms() + OWNER_TIMEOUT_MS;
    do {
        kill_init(store, id);
        int code = store_container_try_lock(store, id, ret_lock, err);
        if (code != 0)
            return code == -ENOENT ? 0 : code;
        usleep(POLL_MS * 1000);
    } while (keg_monotonic_ms() < end);
    return keg_fail(err, -ETIMEDOUT,
                    "it was killed, but the keg that runs it does not let go of it");
}

static int fail_running(struct keg_err *err)
{
    return keg_fail(err, -EBUSY, "container is running: stop it first or use -f");
}

/* Return 1 with the lock, 0 where there is nothing to lock, or a negative code. */
static int take_over(struct store *store, const struct store_container *container, bool force,
                     int *ret_lock, struct keg_err *err)
{
    if (force)
        return kill_and_lock(store, container->id, ret_lock, err);
    int code = store_container_try_lock(store, container->id, ret_lock, err);
    if (code == -ENOENT)
        return 0;
    return code == 0 ? fail_running(err) : code;
}

/* What is in the run folder, then the container. */
static int remove_owned(struct store *store, const struct store_container *container, bool locked,
                        struct keg_err *err)
{
    _cleanup_fd_ int rundir = -1, leases = -1;
    int code = 0;
    if (locked)
        code = store_container_rundir(store, container->id, &rundir, err);
    if (locked && code == 0)
        code = cmd_leases_dir(store, &leases, err);
    if (locked && code == 0)
        code = run_collect(rundir, leases, container->id, err);
    return code < 0 ? code : store_container_remove(store, container, err);
}

/* Only the container kept the image's layers: its names were removed while it was there. */
static void collect_orphaned(struct store *store, const struct store_container *container)
{
    _cleanup_(store_image_done) struct store_image image = {0};
    struct keg_err err = KEG_ERR_INIT;
    if (!container->image_id ||
        store_image_find(store, container->image_id, &image, NULL) != -ENOENT)
        return;
    if (store_collect(store, NULL, NULL, &err) < 0)
        cmd_warn("rm", "what only '%s' needed stays for now: %s", container->name, err.text);
}

static int remove_container(struct store *store, const char *name, bool force, struct keg_err *err)
{
    _cleanup_(store_container_done) struct store_container container = {0};
    _cleanup_fd_ int lock = -1;
    int code = store_container_find(store, name, &container, err);
    if (code == 0)
        code = take_over(store, &container, force, &lock, err);
    if (code >= 0)
        code = remove_owned(store, &container, lock >= 0, err);
    if (code >= 0)
        collect_orphaned(store, &container);
    return code;
}

static int remove_argument(struct store *store, bool force, const char *name)
{
    struct keg_err err = KEG_ERR_INIT;
    int code = remove_container(store, name, force, &err);
    if (code >= 0) {
        puts(name);
        return CMD_EXIT_OK;
    }
    cmd_error("rm", name, &err);
    if (code == -ENOENT)
        return force ? CMD_EXIT_OK : CMD_EXIT_MISSING;
    return code == -EBUSY ? CMD_EXIT_IN_USE : CMD_EXIT_FAILED;
}

static int run_rm(int argc, char **argv, const struct cmd_globals *globals)
{
    struct rm_options options = {0};
    _cleanup_store_ struct store *store = NULL;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_rm, argc, argv, &options, &args);
    if (code != CMD_GO_ON)
        return code;
    code = cmd_enter_store("rm", globals, NULL, &store);
    if (code != CMD_EXIT_OK)
        return code;
    cmd_ignore_sigpipe();
    cmd_sweep(store);
    for (size_t i = 0; i < args.count; i++)
        code = cmd_exit_combine(code, remove_argument(store, options.force, args.items[i]));
    return code;
}

const struct cmd_verb cmd_verb_rm = {
    .name = "rm",
    .aliases = "container rm, container remove",
    .synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Remove containers",
    .description =
        "A CONTAINER is a name, an id or the beginning of one. The exit code is 1 where a "
        "container did not exist, 2 where one is running, and 125 for other or several "
        "kinds of failure.",
    .options = rm_options,
    .min_args = 1,
    .max_args = CMD_ARGS_ANY,
    .run = run_rm,
};
