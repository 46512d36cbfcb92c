/* SPDX-License-Identifier: Apache-2.0 */
/* --userns: which ids of the host the container's are. */
#include "cmd/launch.h"

#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* A block of ids: the file RUNROOT/userns/<number>, which holds the container's id. */
struct cmd_id_lease {
    int dirfd;
    char name[24];
};

void cmd_launch_release_ids(struct cmd_launch *launch)
{
    struct cmd_id_lease *lease = TAKE_PTR(launch->id_lease);
    if (!lease)
        return;
    if (lease->name[0])
        (void)unlinkat(lease->dirfd, lease->name, 0);
    keg_cleanup_fd(&lease->dirfd);
    free(lease);
}

/* ---- a block of its own */

static int open_leases(struct store *store, struct keg_err *err)
{
    int r = keg_mkdirs(store_run_fd(store), "userns", 0700);
    if (r == 0)
        r = keg_openat(store_run_fd(store), "userns", O_RDONLY | O_DIRECTORY, 0);
    return r < 0 ? keg_fail(err, r, "open '%s/userns': %s", store_runroot(store), keg_errno_text(r))
                 : r;
}

static bool is_living(struct store *store, const char *id)
{
    _cleanup_fd_ int rundir = -1;
    return store_container_rundir(store, id, &rundir, NULL) == 0;
}

/* With the folder locked: a lease that nobody holds any more is taken over. */
static int take(struct cmd_launch *launch, int dirfd, const char *name)
{
    struct keg_buf owner;
    const char *id = launch->container.id;
    if (keg_read_file(dirfd, name, 128, &owner, NULL) == 0) {
        bool living = owner.data && is_living(launch->store, owner.data);
        keg_buf_done(&owner);
        if (living)
            return -EEXIST;
    }
    return keg_replace_file(dirfd, name, id, strlen(id), 0600, false);
}

static char *read_ranges(const char *path)
{
    struct keg_buf text;
    if (keg_read_file(AT_FDCWD, path, KEG_CONF_MAX_BYTES, &text, NULL) < 0)
        return keg_strdup("");
    return keg_buf_take(&text);
}

/* Block ${index}, or the next one that is free. */
static int find_block(struct cmd_launch *launch, uint32_t *ret_uid, uint32_t *ret_gid,
                      struct keg_err *err)
{
    struct cmd_id_lease *lease = launch->id_lease;
    _cleanup_free_ char *uids = read_ranges("/etc/subuid"), *gids = read_ranges("/etc/subgid");
    if (!uids || !gids)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0;; i++) {
        char name[sizeof(lease->name)];
        if (plan_id_block(uids, i, ret_uid) < 0 || plan_id_block(gids, i, ret_gid) < 0)
            return keg_fail(err, -EADDRNOTAVAIL,
                            "--userns: no block of %d ids is free; give 'keg' more in /etc/subuid "
                            "and /etc/subgid",
                            PLAN_ID_BLOCK);
        (void)snprintf(name, sizeof(name), "%zu", i);
        int r = take(launch, lease->dirfd, name);
        if (r == -EEXIST)
            continue;
        if (r < 0)
            return keg_fail(err, r, "--userns: lease ids: %s", keg_errno_text(r));
        memcpy(lease->name, name, sizeof(name));
        return 0;
    }
}

static int lease_ids(struct cmd_launch *launch, struct keg_err *err)
{
    uint32_t size, uid, gid;
    int r = plan_auto_size(launch->flags, &size, err);
    if (r < 0)
        return r;
    launch->id_lease = calloc(1, sizeof(*launch->id_lease));
    if (!launch->id_lease)
        return keg_fail(err, -ENOMEM, "out of memory");
    r = launch->id_lease->dirfd = open_leases(launch->store, err);
    if (r < 0)
        return r;
    if (flock(launch->id_lease->dirfd, LOCK_EX) < 0)
        return keg_fail_errno(err, "--userns: lock the leases");
    r = find_block(launch, &uid, &gid, err);
    (void)flock(launch->id_lease->dirfd, LOCK_UN);
    if (r < 0)
        return r;
    return run_id_maps_add(&launch->uid_maps, 0, uid, size) < 0 ||
                   run_id_maps_add(&launch->gid_maps, 0, gid, size) < 0
               ? keg_fail(err, -ENOMEM, "out of memory")
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

static int find_maps(struct cmd_launch *launch, enum plan_ns_kind kind, struct keg_err *err)
{
    const struct plan_flags *flags = launch->flags;
    if (kind == PLAN_NS_KEEP_ID)
        return keg_fail(err, -ENOTSUP,
                        "--userns keep-id: not supported; give the ids: --uidmap, --gidmap");
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
    if (ns.kind == PLAN_NS_PATH)
        return open_path(launch, ns.value, err);
    if (ns.kind == PLAN_NS_CONTAINER)
        return open_path(launch, launch->joined[RUN_NS_USER].path, err);
    return find_maps(launch, ns.kind, err);
}
