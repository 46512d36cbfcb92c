/* SPDX-License-Identifier: Apache-2.0 */
/* keg run: make a container of an image, run a command in it, and end as it ended. */
#include "cmd/common/signals.h"
#include "cmd/launch.h"
#include "cmd/run_options.h"

#include <signal.h>
#include <string.h>

void cmd_launch_init(struct cmd_launch *launch)
{
    *launch = (struct cmd_launch){.dirfd = -1,
                                  .rundir_fd = -1,
                                  .lockfd = -1,
                                  .leases_fd = -1,
                                  .rootfs_fd = -1,
                                  .userns_fd = -1};
    for (size_t i = 0; i < RUN_NS_COUNT; i++)
        launch->joined[i] = (struct cmd_joined){.fd = -1, .shm_fd = -1};
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void cmd_launch_done(struct cmd_launch *launch)
{
    close_fd(&launch->dirfd);
    close_fd(&launch->rundir_fd);
    close_fd(&launch->lockfd);
    close_fd(&launch->leases_fd);
    close_fd(&launch->rootfs_fd);
    close_fd(&launch->userns_fd);
    cmd_launch_leave(launch);
    run_id_maps_done(&launch->uid_maps);
    run_id_maps_done(&launch->gid_maps);
    run_spec_free(launch->spec);
    run_user_done(&launch->user);
    run_network_user_done(&launch->network_user);
    free(launch->home);
    store_container_done(&launch->container);
    store_image_done(&launch->image);
    json_decref(launch->config);
    store_close(launch->store);
    cmd_launch_init(launch);
}

static int exit_code_of(int code)
{
    if (code == -ENOENT)
        return CMD_EXIT_NOT_FOUND;
    if (code == -EACCES || code == -ENOEXEC || code == -EISDIR || code == -EPERM)
        return CMD_EXIT_CANNOT_RUN;
    return CMD_EXIT_FAILED;
}

/* ---- the end: what is kept of the container, what is told */

static void give_back_address(struct cmd_launch *launch)
{
    if (launch->address.s_addr)
        (void)run_network_release(launch->leases_fd, launch->container.id, launch->address);
    launch->address.s_addr = 0;
}

/* The root must be unmounted before its folders are removed: our fd holds the last reference. */
static void settle(struct cmd_launch *launch)
{
    struct keg_err err = KEG_ERR_INIT;
    give_back_address(launch);
    close_fd(&launch->rootfs_fd);
    if (!launch->created)
        return;
    int r;
    if (launch->container.auto_remove) {
        r = store_container_remove(launch->store, &launch->container, &err);
    } else {
        r = store_container_write(launch->store, &launch->container, &err);
        if (r == 0)
            r = store_container_release(launch->store, launch->container.id, &err);
    }
    if (r < 0)
        cmd_error("run", launch->container.name, &err);
}

static void tell_limits(const struct cmd_launch *launch, const struct run_exit *ended)
{
    const struct run_resources *resources = &launch->spec->resources;
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_ERR_TEXT_BYTES);
    if (ended->oom_killed) {
        plan_oom_text(resources->memory_limit_bytes, ended->memory_peak_bytes, &text);
        cmd_complain("run", launch->container.name, "%s", text.data ? text.data : "out of memory");
    }
    if (ended->pids_denied)
        cmd_complain("run", launch->container.name,
                     "the pids limit of %lld kept %llu process%s from being started; a larger one: "
                     "--pids-limit",
                     (long long)resources->pids_limit, (unsigned long long)ended->pids_denied,
                     ended->pids_denied == 1 ? "" : "es");
}

static int finish(struct cmd_launch *launch, struct keg_err *err)
{
    struct run_exit ended = {0};
    int r = run_wait(launch->running, &ended, err);
    if (r == 0) {
        launch->container.finished = keg_now();
        launch->container.exit_code = keg_exit_code(ended.status);
        launch->container.oom_killed = ended.oom_killed;
        tell_limits(launch, &ended);
    }
    struct keg_err destroy_err = KEG_ERR_INIT;
    if (run_destroy(TAKE_PTR(launch->running), &destroy_err) < 0)
        cmd_error("run", launch->container.name, &destroy_err);
    return r;
}

/* ---- the start */

static int create_running(struct cmd_launch *launch, const struct cmd_launch_stdio *stdio,
                          struct keg_err *err)
{
    struct run_options options = {
        .id = launch->container.id,
        .rundir_fd = launch->rundir_fd,
        .rootfs_fd = launch->rootfs_fd,
        .network = launch->network == PLAN_NETWORK_BRIDGE ? &run_network_default : NULL,
        .address = launch->address,
        .network_user = launch->network == PLAN_NETWORK_USER ? &launch->network_user : NULL,
        .die_with_parent = true,
        .init = launch->flags->init,
        .pids_default = launch->flags->pids_limit == INT64_MIN,
        .swap_default = true,
        .cgroup_manager = keg_streq(launch->flags->cgroups, "disabled")
                              ? RUN_CGROUP_MANAGER_DISABLED
                              : RUN_CGROUP_MANAGER_CGROUPFS,
    };
    memcpy(options.stdio_fds, stdio->container_fds, sizeof(options.stdio_fds));
    int r = plan_preserve_fds(launch->flags, &options.preserve_fds, err);
    if (r == 0)
        r = run_create(launch->spec, &options, &launch->running, err);
    if (r < 0)
        return r;
    if (run_network_complaint(launch->running))
        cmd_warn("run", "the container has no network: %s", run_network_complaint(launch->running));
    launch->container.started = keg_now();
    r = store_container_write(launch->store, &launch->container, err);
    if (r < 0)
        (void)run_destroy(TAKE_PTR(launch->running), NULL);
    return r;
}

/* Run the prepared container to its end. Return 0, or a negative code with *ret_exit_code saying
 * what keg ends with. */
static int run_to_end(struct cmd_launch *launch, struct cmd_launch_stdio *stdio, int *ret_exit_code,
                      struct keg_err *err)
{
    *ret_exit_code = CMD_EXIT_FAILED;
    int r = create_running(launch, stdio, err);
    if (r < 0)
        return r;
    r = run_start(launch->running, err);
    cmd_launch_stdio_close_container_side(stdio);
    if (r < 0) {
        *ret_exit_code = exit_code_of(r);
        launch->container.started = (struct timespec){0};
        (void)run_destroy(TAKE_PTR(launch->running), NULL);
        return r;
    }
    /* Off the start path: the container runs while what a crash left is cleaned up. */
    cmd_collect(launch->store);
    r = run_proxy(launch->running, &stdio->proxy, err);
    if (stdio->proxy.forced)
        cmd_complain("run", launch->container.name, "got 3 SIGTERM/SIGINTs, forcefully exiting");
    /* Nobody carries its streams and signals any more; it must not go on unseen. */
    if (r < 0)
        (void)run_kill(launch->running, SIGKILL, NULL);
    int finished = finish(launch, r < 0 ? NULL : err);
    return r < 0 ? r : finished;
}

static int launch_all(struct cmd_launch *launch, const char *image_name, int *ret_exit_code,
                      struct keg_err *err)
{
    _cleanup_(cmd_launch_stdio_done) struct cmd_launch_stdio stdio = CMD_LAUNCH_STDIO_INIT;
    _cleanup_fd_ int shared = -1;
    *ret_exit_code = CMD_EXIT_FAILED;
    int r = store_lock_shared(launch->store, &shared, err);
    if (r == 0 && !launch->flags->rootfs)
        r = cmd_launch_find_image(launch, image_name, err);
    if (r > 0) {
        *ret_exit_code = r == 130 || r == 143 ? r : CMD_EXIT_FAILED;
        return r;
    }
    if (r == 0)
        r = cmd_launch_prepare(launch, image_name, err);
    /* From here on the container's own folder keeps the image from being collected. */
    (void)close(TAKE_FD(shared));
    if (r == 0)
        r = cmd_launch_stdio_open(launch->flags, &stdio, err);
    if (r < 0)
        return r;
    cmd_hold_signals();
    return run_to_end(launch, &stdio, ret_exit_code, err);
}

static int run_image(struct cmd_launch *launch, const char *image_name)
{
    struct keg_err err = KEG_ERR_INIT;
    int code;
    int r = launch_all(launch, image_name, &code, &err);
    if (r < 0) {
        const char *name = launch->created ? launch->container.name : image_name;
        cmd_error("run", name, &err);
        launch->container.exit_code = code;
        launch->container.error = keg_strdup(err.text);
    }
    settle(launch);
    return r == 0 ? launch->container.exit_code : code;
}

/* What keg does not have it cannot give: runtime-spec says to warn and go on. */
static void warn_capabilities(char *const *names)
{
    int number;
    uint64_t held = run_capabilities_bounding();
    for (char *const *n = names; n && *n; n++)
        if (run_capability_parse(*n, &number, NULL) == 0 && number >= 0 && !(held >> number & 1))
            cmd_warn("run", "%s cannot be given: keg itself runs without it here",
                     run_capability_name(number));
}

static int run(int argc, char **argv, const struct cmd_globals *globals);

const struct cmd_verb cmd_verb_run = {
    .name = "run",
    .aliases = "container run",
    .synopsis = "[OPTIONS] IMAGE|--rootfs DIR [COMMAND] [ARG...]",
    .summary = "Create and run a new container from an image",
    .examples = "keg run --rm -it busybox sh\n"
                "keg run --rm -m 64m --cpus 0.5 busybox sh -c 'cat /proc/meminfo'\n"
                "keg run --rm -v ./data:/data:ro alpine ls /data",
    .options = cmd_run_options,
    .refusals = cmd_run_refusals,
    .options_first = true,
    .max_args = CMD_ARGS_ANY,
    .run = run,
};

/* Ids can be given on by root alone. */
static int check_ids(const struct plan_flags *flags, struct keg_err *err)
{
    struct plan_ns user;
    bool maps = flags->uid_maps || flags->gid_maps;
    int r = plan_namespace(flags, RUN_NS_USER, &user, err);
    if (r < 0 || (user.kind == PLAN_NS_HOST && !maps) || !run_user_namespace_needed())
        return r;
    return keg_fail(err, -EPERM,
                    "%s: only root can choose a container's ids; without root it has a user "
                    "namespace with yours and those of /etc/subuid anyway, so leave the flag out",
                    maps ? flags->uid_maps ? "--uidmap" : "--gidmap" : "--userns");
}

static int check(const struct plan_flags *flags, const struct cmd_args *args, struct keg_err *err)
{
    if (!flags->rootfs && args->count == 0)
        return keg_fail(err, -EINVAL, "which image? keg run IMAGE [COMMAND], or --rootfs DIR");
    if (flags->rootfs && (flags->pull || flags->platform))
        return keg_fail(err, -EINVAL, "--%s: with --rootfs there is no image",
                        flags->pull ? "pull" : "platform");
    int r = plan_check_flags(flags, err);
    return r == 0 ? check_ids(flags, err) : r;
}

/* What the bridge is to root a program is to others. */
static int choose_network(struct cmd_launch *launch)
{
    if (launch->network != PLAN_NETWORK_BRIDGE || !cmd_is_rootless())
        return CMD_EXIT_OK;
    if (launch->flags->network)
        return cmd_complain("run", NULL,
                            "--network %s: only root can make a bridge; without the flag, pasta or "
                            "slirp4netns connects the container",
                            launch->flags->network);
    if (run_network_user_find(getenv("PATH"), &launch->network_user) < 0)
        return cmd_complain("run", NULL, "out of memory");
    launch->network = PLAN_NETWORK_USER;
    if (launch->network_user.programs)
        return CMD_EXIT_OK;
    cmd_warn("run", "the container has no network: neither pasta nor slirp4netns is installed "
                    "(package passt)");
    launch->network = PLAN_NETWORK_NONE;
    return CMD_EXIT_OK;
}

/* Of several, which only a user's kegs with one user namespace can be joined together. */
static const char *joined_name(const struct plan_flags *flags)
{
    for (int type = 0; type < RUN_NS_COUNT; type++) {
        struct plan_ns ns;
        if (plan_namespace(flags, (enum run_namespace_type)type, &ns, NULL) == 0 &&
            ns.kind == PLAN_NS_CONTAINER)
            return ns.value;
    }
    return NULL;
}

static int run(int argc, char **argv, const struct cmd_globals *globals)
{
    struct plan_flags flags = {.pids_limit = INT64_MIN};
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    struct keg_err err = KEG_ERR_INIT;
    struct cmd_launch launch;
    int code = cmd_begin(&cmd_verb_run, argc, argv, &flags, &args);
    if (code != CMD_GO_ON) {
        cmd_options_done(&cmd_verb_run, &flags);
        return code;
    }
    cmd_launch_init(&launch);
    launch.flags = &flags;
    launch.globals = globals;
    launch.arguments = args.items + !flags.rootfs;
    if (check(&flags, &args, &err) < 0 ||
        plan_network_parse(flags.network, &launch.network, &err) < 0)
        code = cmd_error("run", NULL, &err);
    else
        code = cmd_enter_store("run", globals, joined_name(&flags), &launch.store);
    if (code == CMD_EXIT_OK)
        code = choose_network(&launch);
    if (code == CMD_EXIT_OK) {
        warn_capabilities(flags.cap_add);
        code = run_image(&launch, flags.rootfs ? flags.rootfs : args.items[0]);
    }
    cmd_launch_done(&launch);
    cmd_options_done(&cmd_verb_run, &flags);
    return code;
}
