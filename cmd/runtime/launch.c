/* SPDX-License-Identifier: Apache-2.0 */
/* From a bundle to a container that waits to be started. */
#include "cmd/runtime/launch.h"

#include "cmd/runtime/handover.h"
#include "cmd/runtime/home.h"
#include "cmd/runtime/log.h"

#define MEMBER(name) offsetof(struct runtime_launch_options, name)
const struct cmd_option runtime_launch_rows[] = {
    {"detach", 'd', CMD_FLAG, NULL, "Return once it is started", MEMBER(detach), NULL, NULL},
    {"keep", 0, CMD_FLAG, NULL, "Do not delete the container when it has ended", MEMBER(keep), NULL,
     NULL},
    {"bundle", 'b', CMD_STRING, "DIR",
     "Folder with config.json and the root filesystem (default the working folder)", MEMBER(bundle),
     NULL, NULL},
    {"config", 'f', CMD_STRING, "FILE", "Read this file instead of the bundle's config.json",
     MEMBER(config), NULL, NULL},
    {"console-socket", 0, CMD_STRING, "PATH",
     "Unix socket that gets the master of the container's terminal", MEMBER(console_socket), NULL,
     NULL},
    {"pid-file", 0, CMD_STRING, "FILE", "Write the container's pid to this file", MEMBER(pid_file),
     NULL, NULL},
    {"pidfd-socket", 0, CMD_STRING, "PATH", "Unix socket that gets a pidfd of the container",
     MEMBER(pidfd_socket), NULL, NULL},
    {"no-pivot", 0, CMD_FLAG, NULL, "Do not use pivot_root(2), for a root on a ramdisk",
     MEMBER(no_pivot), NULL, NULL},
    {"no-new-keyring", 0, CMD_FLAG, NULL, "Keep the caller's session keyring",
     MEMBER(no_new_keyring), NULL, NULL},
    {"no-subreaper", 0, CMD_FLAG, NULL, "Taken for other runtimes' sake: it never is one",
     MEMBER(no_subreaper), NULL, NULL},
    {"preserve-fds", 0, CMD_INT, "N", "Pass this many more fds, from 3 on", MEMBER(preserve_fds),
     NULL, NULL},
    CMD_OPTIONS_END};
#undef MEMBER

enum run_cgroup_manager runtime_cgroup_manager(const struct runtime *runtime)
{
    if (runtime->systemd_cgroup || keg_streq(runtime->cgroup_manager, "systemd"))
        return RUN_CGROUP_MANAGER_SYSTEMD;
    if (keg_streq(runtime->cgroup_manager, "disabled"))
        return RUN_CGROUP_MANAGER_DISABLED;
    return RUN_CGROUP_MANAGER_CGROUPFS;
}

/* Nobody would hold the terminal of a detached container but who listens at the socket. */
static int check_terminal(const struct runtime_launch *launch, struct keg_err *err)
{
    bool terminal = launch->bundle.spec->process.terminal;
    if (launch->detached && terminal && !launch->options->console_socket)
        return keg_fail(err, -EINVAL,
                        "cannot allocate tty if the container is detached without setting console "
                        "socket: --console-socket");
    if (launch->options->console_socket && (!launch->detached || !terminal))
        return keg_fail(err, -EINVAL,
                        "cannot use console socket if the container is not detached or has no tty");
    return 0;
}

static int connect_sockets(struct runtime_launch *launch, struct keg_err *err)
{
    const struct runtime_launch_options *o = launch->options;
    int dirfd = launch->bundle.cwd_fd, r = 0;
    if (o->console_socket)
        r = runtime_socket_connect(dirfd, o->console_socket, &launch->console_socket, err);
    if (r == 0 && o->pidfd_socket)
        r = runtime_socket_connect(dirfd, o->pidfd_socket, &launch->pidfd_socket, err);
    return r;
}

/* runtime-spec wants a warning and no failure. A new user namespace has them all. */
static void warn_capabilities(const struct runtime *runtime, const struct run_spec *spec)
{
    const struct run_capabilities *sets = &spec->process.capabilities;
    uint64_t missing = (sets->bounding | sets->permitted) & ~run_capabilities_bounding();
    if (spec->namespaces[RUN_NS_USER].wanted)
        return;
    for (int i = 0; i < 64; i++)
        if (missing >> i & 1)
            runtime_log(runtime, RUNTIME_WARNING,
                        "%s cannot be given: keg-runtime itself runs without it here",
                        run_capability_name(i));
}

static int complete_environment(struct runtime_launch *launch, struct keg_err *err)
{
    struct run_spec *spec = launch->bundle.spec;
    _cleanup_fd_ int rootfd = keg_openat(AT_FDCWD, spec->root_path, O_PATH | O_DIRECTORY, 0);
    int r = runtime_set_home(rootfd, &spec->process, err);
    return r < 0 ? r
                 : runtime_pass_fds(launch->runtime, &spec->process.env,
                                    launch->options->preserve_fds, &launch->fds, err);
}

/* Whatever can be found wrong without making anything. */
static int check(struct runtime_launch *launch, const char *id, struct keg_err *err)
{
    const struct runtime_launch_options *o = launch->options;
    int r = runtime_id_check(id, err);
    if (r == 0)
        r = runtime_bundle_open(launch->runtime, o->bundle, o->config, &launch->bundle, err);
    if (r == 0)
        r = check_terminal(launch, err);
    if (r < 0)
        return r;
    warn_capabilities(launch->runtime, launch->bundle.spec);
    r = complete_environment(launch, err);
    return r == 0 ? connect_sockets(launch, err) : r;
}

/* exec and the poststop hooks go by it, whatever becomes of the bundle. */
static int keep_config(const struct runtime_launch *launch, struct keg_err *err)
{
    const struct keg_buf *config = &launch->bundle.config;
    int r = keg_replace_file(launch->folder.fd, "config.json", config->data, config->length, 0600,
                             false);
    return r < 0 ? keg_fail(err, r, "write 'config.json': %s", keg_errno_text(r)) : 0;
}

static int create(struct runtime_launch *launch, struct keg_err *err)
{
    struct run_options options = {
        .id = launch->folder.id,
        .bundle = launch->bundle.path,
        .rundir_fd = launch->folder.fd,
        .rootfs_fd = -1,
        .stdio_fds = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
        .detached = launch->detached,
        .cgroup_manager = runtime_cgroup_manager(launch->runtime),
        .all_controllers = true,
        .no_pivot = launch->options->no_pivot,
        .no_new_keyring = launch->options->no_new_keyring,
        .preserve_fds = launch->fds,
    };
    return run_create(launch->bundle.spec, &options, &launch->container, err);
}

static int hand_over(const struct runtime_launch *launch, struct keg_err *err)
{
    const struct run_container *container = launch->container;
    const char *pid_file = launch->options->pid_file;
    int r = 0;
    if (launch->console_socket >= 0)
        r = runtime_socket_send(launch->console_socket, run_console_fd(container), "/dev/ptmx",
                                err);
    if (r == 0 && launch->pidfd_socket >= 0)
        r = runtime_socket_send(launch->pidfd_socket, run_pidfd(container), "pidfd", err);
    if (r == 0 && pid_file)
        r = runtime_pid_file_write(launch->bundle.cwd_fd, pid_file, run_pid(container), err);
    return r;
}

static int make(struct runtime_launch *launch, const char *id, struct keg_err *err)
{
    int r = runtime_folder_make(launch->runtime, id, &launch->folder, err);
    if (r < 0)
        return r;
    r = keep_config(launch, err);
    if (r == 0)
        r = runtime_notify_prepare(launch->runtime, &launch->folder, launch->bundle.spec, err);
    if (r == 0)
        r = create(launch, err);
    if (r == 0)
        r = hand_over(launch, err);
    if (r < 0)
        runtime_launch_undo(launch);
    return r;
}

int runtime_launch_create(const struct runtime *runtime,
                          const struct runtime_launch_options *options, const char *id,
                          bool detached, struct runtime_launch *ret, struct keg_err *err)
{
    *ret = (struct runtime_launch){.runtime = runtime,
                                   .options = options,
                                   .detached = detached,
                                   .console_socket = -1,
                                   .pidfd_socket = -1,
                                   .bundle.cwd_fd = -1,
                                   .folder = RUNTIME_FOLDER_INIT};
    int r = check(ret, id, err);
    return r == 0 ? make(ret, id, err) : r;
}

void runtime_launch_undo(struct runtime_launch *launch)
{
    struct keg_err err = KEG_ERR_INIT;
    int r = run_destroy(TAKE_PTR(launch->container), &err);
    if (r > 0)
        runtime_log(launch->runtime, RUNTIME_WARNING, "%s", err.text);
    if (r >= 0)
        r = runtime_folder_remove(&launch->folder, &err);
    if (r < 0)
        runtime_log(launch->runtime, RUNTIME_WARNING, "%s", err.text);
}

void runtime_launch_done(struct runtime_launch *launch)
{
    run_close(launch->container);
    runtime_folder_done(&launch->folder);
    runtime_bundle_done(&launch->bundle);
    if (launch->console_socket >= 0)
        (void)close(launch->console_socket);
    if (launch->pidfd_socket >= 0)
        (void)close(launch->pidfd_socket);
}
