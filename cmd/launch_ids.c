/* SPDX-License-Identifier: Apache-2.0 */
/* --userns: which ids of the host the container's are. */
#include "cmd/launch.h"

#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* A block of ids is the file RUNROOT/userns/<number>: the ids of the containers that have it, each
 * on a line; several where one joined the namespace of another. They are never removed: a container
 * that has no run folder any more holds nothing. */
#define LEASE_MAX_BYTES (64u * 1024)

/* The folder of leases, locked until it is closed. */
static int open_leases(struct store *store, struct keg_err *err)
{
    int r = keg_mkdirs(store_run_fd(store), "userns", 0700);
    _cleanup_fd_ int fd =
        r < 0 ? r : keg_openat(store_run_fd(store), "userns", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '%s/userns': %s", store_runroot(store), keg_errno_text(fd));
    if (flock(fd, LOCK_EX) < 0)
        return keg_fail_errno(err, "lock '%s/userns'", store_runroot(store));
    return TAKE_FD(fd);
}

static bool is_living(struct store *store, const char *id)
{
    _cleanup_fd_ int rundir = -1;
    return store_container_rundir(store, id, &rundir, NULL) == 0;
}

static bool any_living(struct store *store, char *lines)
{
    char *state = NULL;
    for (char *id = strtok_r(lines, "\n", &state); id; id = strtok_r(NULL, "\n", &state))
        if (is_living(store, id))
            return true;
    return false;
}

/* With the folder locked, as all below. Return 0, -EEXIST where somebody has it, or -errno. */
static int take(struct cmd_launch *launch, int dirfd, const char *name)
{
    struct keg_buf holders;
    const char *id = launch->container.id;
    if (keg_read_file(dirfd, name, LEASE_MAX_BYTES, &holders, NULL) == 0) {
        bool taken = holders.data && any_living(launch->store, holders.data);
        keg_buf_done(&holders);
        if (taken)
            return -EEXIST;
    }
    return keg_replace_file(dirfd, name, id, strlen(id), 0600, false);
}

/* One more holder, where ${other} is one. Return whether it is. */
static int share(struct cmd_launch *launch, int dirfd, const char *name, const char *other)
{
    struct keg_buf holders;
    int r = keg_read_file(dirfd, name, LEASE_MAX_BYTES, &holders, NULL);
    if (r < 0)
        return r;
    bool found = holders.data && strstr(holders.data, other);
    if (found)
        r = keg_buf_printf(&holders, "\n%s", launch->container.id);
    if (found && r == 0)
        r = keg_replace_file(dirfd, name, holders.data, holders.length, 0600, false);
    keg_buf_done(&holders);
    return r < 0 ? r : found;
}

static char *read_ranges(const char *path)
{
    struct keg_buf text;
    if (keg_read_file(AT_FDCWD, path, KEG_CONF_MAX_BYTES, &text, NULL) < 0)
        return keg_strdup("");
    return keg_buf_take(&text);
}

static int find_block(struct cmd_launch *launch, int dirfd, uint32_t *ret_uid, uint32_t *ret_gid,
                      struct keg_err *err)
{
    _cleanup_free_ char *uids = read_ranges("/etc/subuid"), *gids = read_ranges("/etc/subgid");
    if (!uids || !gids)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0;; i++) {
        char name[24];
        if (plan_id_block(uids, i, ret_uid) < 0 || plan_id_block(gids, i, ret_gid) < 0)
            return keg_fail(err, -EADDRNOTAVAIL,
                            "--userns: no block of %d ids is free; give 'keg' more in /etc/subuid "
                            "and /etc/subgid",
                            PLAN_ID_BLOCK);
        (void)snprintf(name, sizeof(name), "%zu", i);
        int r = take(launch, dirfd, name);
        if (r != -EEXIST)
            return r < 0 ? keg_fail(err, r, "--userns: lease ids: %s", keg_errno_text(r)) : 0;
    }
}

static int lease_ids(struct cmd_launch *launch, struct keg_err *err)
{
    uint32_t size, uid, gid;
    int r = plan_auto_size(launch->flags, &size, err);
    _cleanup_fd_ int dirfd = r < 0 ? r : open_leases(launch->store, err);
    if (dirfd < 0)
        return dirfd;
    r = find_block(launch, dirfd, &uid, &gid, err);
    if (r < 0)
        return r;
    return run_id_maps_add(&launch->uid_maps, 0, uid, size) < 0 ||
                   run_id_maps_add(&launch->gid_maps, 0, gid, size) < 0
               ? keg_fail(err, -ENOMEM, "out of memory")
               : 0;
}

/* Of one that has --uidmap there is nothing to share. */
static int share_ids(struct cmd_launch *launch, const char *other, struct keg_err *err)
{
    char name[24];
    int r = 0;
    _cleanup_fd_ int dirfd = open_leases(launch->store, err);
    if (dirfd < 0)
        return dirfd;
    for (size_t i = 0; r == 0; i++) {
        (void)snprintf(name, sizeof(name), "%zu", i);
        r = share(launch, dirfd, name, other);
    }
    return r < 0 && r != -ENOENT
               ? keg_fail(err, r, "--userns: share its ids: %s", keg_errno_text(r))
               : 0;
}

/* ---- all ways */

static int open_path(struct cmd_launch *launch, const char *path, struct keg_err *err)
{
    launch->userns_fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    return launch->userns_fd < 0 ? keg_fail(err, launch->userns_fd, "--userns: open '%s': %s", path,
                                            keg_errno_text(launch->userns_fd))
                                 : 0;
}

/* Of the process whose namespace is held already: of another, that got its number since, the maps
 * would be of no use, but no harm either. */
static int read_maps(struct cmd_launch *launch, pid_t pid, struct keg_err *err)
{
    struct run_id_maps *const maps[] = {&launch->uid_maps, &launch->gid_maps};
    static const char *const files[] = {"uid_map", "gid_map"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(files); i++) {
        char path[48];
        struct keg_buf text;
        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[i]);
        int r = keg_read_file(AT_FDCWD, path, KEG_CONF_MAX_BYTES, &text, err);
        if (r < 0)
            return r;
        r = plan_kernel_id_map(text.data ? text.data : "", maps[i]);
        keg_buf_done(&text);
        if (r < 0)
            return keg_fail(err, r, "read '%s': %s", path, keg_errno_text(r));
    }
    return 0;
}

static int join_ids(struct cmd_launch *launch, struct keg_err *err)
{
    const struct cmd_joined *joined = &launch->joined[RUN_NS_USER];
    launch->userns_fd = fcntl(joined->fd, F_DUPFD_CLOEXEC, 3);
    if (launch->userns_fd < 0)
        return keg_fail_errno(err, "--userns: duplicate the namespace");
    int r = share_ids(launch, joined->id, err);
    return r == 0 ? read_maps(launch, joined->pid, err) : r;
}

static int find_maps(struct cmd_launch *launch, struct keg_err *err)
{
    const struct plan_flags *flags = launch->flags;
    int r = plan_id_maps(flags, &launch->uid_maps, &launch->gid_maps, err);
    if (r == 0 && launch->uid_maps.count == 0)
        r = lease_ids(launch, err);
    return r == 0 ? run_user_namespace_make(&launch->uid_maps, &launch->gid_maps,
                                            &launch->userns_fd, err)
                  : r;
}

int cmd_launch_find_ids(struct cmd_launch *launch, struct keg_err *err)
{
    struct plan_ns ns;
    int r = plan_namespace(launch->flags, RUN_NS_USER, &ns, err);
    bool maps = launch->flags->uid_maps || launch->flags->gid_maps;
    if (r < 0 || (ns.kind == PLAN_NS_HOST && !maps))
        return r;
    /* mount_setattr(2): by who may do all on the store's filesystem, which is the host's. */
    if (cmd_is_rootless())
        return keg_fail(err, -EPERM,
                        "%s: only root can show an image with other ids; without root, containers "
                        "are in a user namespace as it is",
                        maps ? "--uidmap, --gidmap" : "--userns");
    if (ns.kind == PLAN_NS_PATH)
        return open_path(launch, ns.value, err);
    if (ns.kind == PLAN_NS_CONTAINER)
        return join_ids(launch, err);
    return find_maps(launch, err);
}
