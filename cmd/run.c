/* SPDX-License-Identifier: Apache-2.0 */
/* keg run: make a container of an image, run a command in it, and end as it ended. */
#include "cmd/launch.h"

#include <signal.h>
#include <string.h>

#define FLAG(member) offsetof(struct plan_flags, member)

static int parse_sig_proxy(const char *value, void *target, struct keg_err *err)
{
    bool *off = target;
    if (keg_streq(value, "true") || keg_streq(value, "false")) {
        *off = keg_streq(value, "false");
        return 0;
    }
    return keg_fail(err, -EINVAL, "'%s' is neither true nor false", value);
}

static const struct cmd_option run_options[] = {
    {"cap-add", 0, CMD_LIST, "list", "Add Linux capabilities", FLAG(cap_add), NULL, NULL},
    {"cap-drop", 0, CMD_LIST, "list", "Drop Linux capabilities", FLAG(cap_drop), NULL, NULL},
    {"cpus", 0, CMD_STRING, "decimal", "Number of CPUs", FLAG(cpus), NULL, NULL},
    {"entrypoint", 0, CMD_STRING, "string", "Overwrite the default ENTRYPOINT of the image",
     FLAG(entrypoint), NULL, NULL},
    {"env", 'e', CMD_LIST, "list", "Set environment variables", FLAG(env), NULL, NULL},
    {"env-file", 0, CMD_LIST, "list", "Read in a file of environment variables", FLAG(env_files),
     NULL, NULL},
    {"hostname", 'h', CMD_STRING, "string", "Container host name", FLAG(hostname), NULL, NULL},
    {"init", 0, CMD_FLAG, NULL,
     "Run an init inside the container that forwards signals and reaps processes", FLAG(init), NULL,
     NULL},
    {"interactive", 'i', CMD_FLAG, NULL, "Keep STDIN open", FLAG(interactive), NULL, NULL},
    {"memory", 'm', CMD_SIZE, "bytes", "Memory limit", FLAG(memory_bytes), NULL, NULL},
    {"mount", 0, CMD_LIST, "mount", "Attach a filesystem mount to the container", FLAG(mounts),
     NULL, NULL},
    {"name", 0, CMD_STRING, "string", "Assign a name to the container", FLAG(name), NULL, NULL},
    {"network", 0, CMD_STRING, "network",
     "Connect the container to a network: bridge, none or host", FLAG(network), NULL, NULL},
    {"net", 0, CMD_STRING, "network", NULL, FLAG(network), NULL, NULL},
    {"pids-limit", 0, CMD_INT, "int", "Tune container pids limit (-1 for unlimited, default 2048)",
     FLAG(pids_limit), NULL, NULL},
    {"platform", 0, CMD_STRING, "string", "Set platform if the image is multi-platform",
     FLAG(platform), NULL, NULL},
    {"privileged", 0, CMD_FLAG, NULL, "Give extended privileges to this container",
     FLAG(privileged), NULL, NULL},
    {"pull", 0, CMD_STRING, "policy", "When to pull the image, default missing", FLAG(pull),
     "always|missing|newer|never", NULL},
    {"quiet", 'q', CMD_FLAG, NULL, "Suppress the pull output", FLAG(quiet), NULL, NULL},
    {"read-only", 0, CMD_FLAG, NULL, "Mount the container's root filesystem as read only",
     FLAG(read_only), NULL, NULL},
    {"rm", 0, CMD_FLAG, NULL, "Automatically remove the container when it exits", FLAG(remove),
     NULL, NULL},
    {"security-opt", 0, CMD_LIST, "list", "Security options: no-new-privileges, seccomp=unconfined",
     FLAG(security_opts), NULL, NULL},
    {"sig-proxy", 0, CMD_CUSTOM, "bool", "Proxy received signals to the process (default true)",
     FLAG(no_sig_proxy), NULL, parse_sig_proxy},
    {"tmpfs", 0, CMD_LIST, "list", "Mount a tmpfs directory", FLAG(tmpfs), NULL, NULL},
    {"tty", 't', CMD_FLAG, NULL, "Allocate a pseudo-TTY", FLAG(tty), NULL, NULL},
    {"user", 'u', CMD_STRING, "string", "Username or UID (format: <name|uid>[:<group|gid>])",
     FLAG(user), NULL, NULL},
    {"volume", 'v', CMD_LIST, "list", "Bind mount a volume: HOST-PATH:PATH[:OPTIONS]",
     FLAG(volumes), NULL, NULL},
    {"workdir", 'w', CMD_STRING, "string", "Working directory inside the container", FLAG(workdir),
     NULL, NULL},
    CMD_OPTIONS_END,
};

void cmd_launch_init(struct cmd_launch *launch)
{
    *launch = (struct cmd_launch){
        .dirfd = -1, .rundir_fd = -1, .lockfd = -1, .leases_fd = -1, .rootfs_fd = -1};
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
    run_spec_free(launch->spec);
    run_user_done(&launch->user);
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
        .die_with_parent = true,
        .init = launch->flags->init,
        .pids_default = launch->flags->pids_limit == INT64_MIN,
        .swap_default = true,
    };
    memcpy(options.stdio_fds, stdio->container_fds, sizeof(options.stdio_fds));
    int r = run_create(launch->spec, &options, &launch->running, err);
    if (r < 0)
        return r;
    launch->container.started = keg_now();
    r = store_container_write(launch->store, &launch->container, err);
    if (r < 0)
        (void)run_destroy(TAKE_PTR(launch->running), NULL);
    return r;
}

/* Signals that come before run_proxy() listens must wait for it, not end keg. */
static void hold_signals(void)
{
    static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(held); i++)
        (void)sigaddset(&set, held[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
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
    if (r == 0)
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
    hold_signals();
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
    .synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create and run a new container from an image",
    .examples = "keg run --rm -it busybox sh\n"
                "keg run --rm -m 64m --cpus 0.5 busybox sh -c 'cat /proc/meminfo'\n"
                "keg run --rm -v ./data:/data:ro alpine ls /data",
    .options = run_options,
    .options_first = true,
    .min_args = 1,
    .max_args = CMD_ARGS_ANY,
    .run = run,
};

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
    launch.arguments = args.items + 1;
    if (plan_check_flags(&flags, &err) < 0 ||
        plan_network_parse(flags.network, &launch.network, &err) < 0)
        code = cmd_error("run", NULL, &err);
    else
        code = cmd_enter_store("run", globals, &launch.store);
    if (code == CMD_EXIT_OK) {
        warn_capabilities(flags.cap_add);
        code = run_image(&launch, args.items[0]);
    }
    cmd_launch_done(&launch);
    cmd_options_done(&cmd_verb_run, &flags);
    return code;
}
