/* SPDX-License-Identifier: Apache-2.0 */
/* --network, --pid, --ipc, --uts, --cgroupns and --userns container:NAME: another container's
 * namespaces, found and held. */
#include "cmd/launch.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/* Their names in /proc/PID/ns, and in words. */
static const struct {
    enum run_namespace_type type;
    const char *file, *words;
} joinable[] = {
    {RUN_NS_USER, "user", "user namespace"},       {RUN_NS_PID, "pid", "processes"},
    {RUN_NS_IPC, "ipc", "IPC namespace"},          {RUN_NS_UTS, "uts", "host name"},
    {RUN_NS_CGROUP, "cgroup", "cgroup namespace"}, {RUN_NS_NETWORK, "net", "network"},
};

static void leave(struct cmd_joined *joined)
{
    keg_cleanup_fd(&joined->fd);
    keg_cleanup_fd(&joined->shm_fd);
    free(joined->id);
    free(joined->path);
    free(joined->hostname);
    free(joined->rundir);
    *joined = (struct cmd_joined){.fd = -1, .shm_fd = -1};
}

void cmd_launch_leave(struct cmd_launch *launch)
{
    for (size_t i = 0; i < RUN_NS_COUNT; i++)
        leave(&launch->joined[i]);
}

static bool has_ended(const struct run_container *container)
{
    struct pollfd end = {.fd = run_pidfd(container), .events = POLLIN};
    return end.fd < 0 || poll(&end, 1, 0) != 0;
}

static int open_of(pid_t pid, const char *file, char **ret_path)
{
    *ret_path = keg_asprintf("/proc/%d/%s", (int)pid, file);
    return *ret_path ? keg_openat(AT_FDCWD, *ret_path, O_RDONLY, 0) : -ENOMEM;
}

static bool is_ours(int fd, const char *file)
{
    struct stat ours, theirs;
    _cleanup_free_ char *path = keg_asprintf("/proc/self/ns/%s", file);
    return path && stat(path, &ours) == 0 && fstat(fd, &theirs) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* ---- what its config.json says of it */

/* The folder of the file that is its /etc/hosts: its own, or of the one whose network it joined. */
static char *find_rundir(const json_t *config)
{
    const json_t *mounts = json_object_get(config, "mounts");
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        const json_t *mount = json_array_get(mounts, i);
        const char *at = json_string_value(json_object_get(mount, "destination"));
        const char *source = json_string_value(json_object_get(mount, "source"));
        if (keg_streq(at, "/etc/hosts") && source && keg_ends_with(source, "/hosts"))
            return keg_strndup(source, strlen(source) - strlen("/hosts"));
    }
    return NULL;
}

static char *find_hostname(const json_t *config)
{
    struct utsname host;
    const char *name = json_string_value(json_object_get(config, "hostname"));
    if (!name && uname(&host) == 0) /* it shares the host's */
        name = host.nodename;
    return keg_strdup(name ? name : "");
}

static int read_config(struct store *store, const struct store_container *container, json_t **ret,
                       struct keg_err *err)
{
    _cleanup_fd_ int dir = -1;
    int r = store_container_dir(store, container->id, &dir, err);
    if (r < 0)
        return r;
    *ret = keg_json_read(dir, "config.json", KEG_STORE_FILE_MAX_BYTES, err);
    return *ret ? 0 : -EPROTO;
}

static int check_ipc(const json_t *config, struct keg_err *err)
{
    const json_t *annotations = json_object_get(config, "annotations");
    const char *mode = json_string_value(json_object_get(annotations, PLAN_ANNOTATION_IPC));
    return mode ? keg_fail(err, -EPERM,
                           "it was started with --ipc %s; start it with --ipc shareable", mode)
                : 0;
}

/* ---- the namespace */

static int open_shm(struct cmd_joined *joined, struct keg_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_fd_ int fd = open_of(joined->pid, "ns/mnt", &path);
    if (fd < 0)
        return keg_fail(err, fd, "open '%s': %s", path ? path : "", keg_errno_text(fd));
    int r = run_mount_of(fd, "/dev/shm", &joined->shm_fd, err);
    return r < 0 ? keg_wrap(err, "its shared memory") : 0;
}

static int open_namespace(size_t which, const struct run_container *container,
                          struct cmd_joined *joined, struct keg_err *err)
{
    char file[32];
    (void)snprintf(file, sizeof(file), "ns/%s", joinable[which].file);
    joined->pid = cmd_visible_process(run_pid(container));
    joined->fd = open_of(joined->pid, file, &joined->path);
    if (joined->fd < 0)
        return keg_fail(err, joined->fd, "open '%s': %s", joined->path ? joined->path : "",
                        keg_errno_text(joined->fd));
    if (is_ours(joined->fd, joinable[which].file))
        return keg_fail(err, -EINVAL, "it shares the host's %s; use %s host", joinable[which].words,
                        plan_namespace_flag(joinable[which].type));
    int r = joinable[which].type == RUN_NS_IPC ? open_shm(joined, err) : 0;
    if (r < 0)
        return r;
    /* Only now is it sure that the process with that number was the container's. */
    return has_ended(container) ? keg_fail(err, -ESRCH, "it has just ended") : 0;
}

static int describe(size_t which, const json_t *config, struct cmd_joined *joined,
                    struct keg_err *err)
{
    joined->hostname = find_hostname(config);
    joined->rundir = find_rundir(config);
    if (!joined->hostname)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (joinable[which].type == RUN_NS_NETWORK && !joined->rundir)
        return keg_fail(err, -EPROTO, "its config.json names no /etc/hosts");
    return joinable[which].type == RUN_NS_IPC ? check_ipc(config, err) : 0;
}

static int join_running(struct cmd_launch *launch, size_t which,
                        const struct store_container *other, struct keg_err *err)
{
    _cleanup_fd_ int rundir = -1;
    _cleanup_json_ json_t *config = NULL;
    struct run_container *container = NULL;
    struct cmd_joined *joined = &launch->joined[joinable[which].type];
    int r = store_container_rundir(launch->store, other->id, &rundir, err);
    joined->id = keg_strdup(other->id);
    if (r == 0 && !joined->id)
        r = keg_fail(err, -ENOMEM, "out of memory");
    if (r == 0)
        r = read_config(launch->store, other, &config, err);
    if (r == 0)
        r = describe(which, config, joined, err);
    if (r == 0)
        r = run_open(rundir, other->id, &container, err);
    if (r == 0)
        r = open_namespace(which, container, joined, err);
    run_close(container);
    return r;
}

static int join(struct cmd_launch *launch, size_t which, const char *name, struct keg_err *err)
{
    struct store_container other = {0};
    int r = store_container_find(launch->store, name, &other, err);
    if (r == 0 && cmd_container_status(&other) != STORE_RUNNING)
        r = keg_fail(err, -ESRCH, "it is not running");
    if (r == 0)
        r = join_running(launch, which, &other, err);
    store_container_done(&other);
    return r < 0
               ? keg_wrap(err, "%s 'container:%s'", plan_namespace_flag(joinable[which].type), name)
               : 0;
}

int cmd_launch_join(struct cmd_launch *launch, struct keg_err *err)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(joinable); i++) {
        struct plan_ns ns;
        int r = plan_namespace(launch->flags, joinable[i].type, &ns, err);
        if (r == 0 && ns.kind == PLAN_NS_CONTAINER)
            r = join(launch, i, ns.value, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- for the spec */

/* Any path will do here, as long as it says where the memory is. */
static const char shm_note[] = "/proc/self/fd/shm";

void cmd_launch_describe_joined(const struct cmd_launch *launch, struct plan_joined *ret)
{
    for (size_t i = 0; i < RUN_NS_COUNT; i++) {
        const struct cmd_joined *joined = &launch->joined[i];
        if (joined->fd < 0)
            continue;
        ret[i] = (struct plan_joined){
            .path = joined->path,
            .hostname = joined->hostname,
            .rundir = joined->rundir,
            .shm = joined->shm_fd >= 0 ? shm_note : NULL,
        };
    }
}

static int name_fd(char **path, int fd)
{
    free(*path);
    *path = keg_asprintf("/proc/self/fd/%d", fd);
    return *path ? 0 : -ENOMEM;
}

static int pin_shm(struct run_spec *spec, int fd)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].source, shm_note))
            return name_fd(&spec->mounts[i].source, fd);
    return 0;
}

int cmd_launch_pin_joined(struct cmd_launch *launch, struct keg_err *err)
{
    for (size_t i = 0; i < RUN_NS_COUNT; i++) {
        const struct cmd_joined *joined = &launch->joined[i];
        if (joined->fd < 0)
            continue;
        if (name_fd(&launch->spec->namespaces[i].path, joined->fd) < 0 ||
            (joined->shm_fd >= 0 && pin_shm(launch->spec, joined->shm_fd) < 0))
            return keg_fail(err, -ENOMEM, "out of memory");
    }
    return 0;
}
