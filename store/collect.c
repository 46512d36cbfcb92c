/* SPDX-License-Identifier: Apache-2.0 */
/* Second half of a collection: bury what is not marked in tmp/ under the lock, delete it after. */
#include "store/internal.h"
#include "store/mark.h"

#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* A collection under way. */
struct collection {
    struct store *store;
    struct store_marks marks;
    int grave_fd;   /* a folder in tmp/ for the dead */
    char *grave;    /* its name, "tmp/…" */
    char **removed; /* digests of what went there */
};

static void collection_done(struct collection *collection)
{
    store_marks_done(&collection->marks);
    keg_cleanup_fd(&collection->grave_fd);
    free(collection->grave);
    keg_strv_free(collection->removed);
}

/* Rename ${name} of ${dir} into the grave. ${kind} keeps a layer and a blob of one digest apart
 * there. */
static int bury(struct collection *collection, int dir, const char *kind, const char *name,
                struct keg_err *err)
{
    char to[NAME_MAX + 32];

    (void)snprintf(to, sizeof(to), "%s-%s", kind, name);
    if (renameat(dir, name, collection->grave_fd, to) < 0)
        return keg_fail_errno(err, "remove '%s' from %s", name, kind);
    return 0;
}

/* Bury each "HEX" in the folder ${which} whose "${algorithm}:HEX" is not in ${marked}. */
static int sweep(struct collection *collection, enum store_dir which, const char *algorithm,
                 const char *kind, const json_t *marked, struct keg_err *err)
{
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;
    char digest[256 + 8];
    int r = store_opendir(collection->store, which, &dir, err);

    if (r < 0)
        return r;
    while ((entry = store_readdir(dir))) {
        (void)snprintf(digest, sizeof(digest), "%s:%s", algorithm, entry->d_name);
        /* Anything else is none of ours, or a ".part", which a later pull goes on with. */
        if (!keg_is_valid_digest(digest) || json_object_get(marked, digest))
            continue;
        r = bury(collection, dirfd(dir), kind, entry->d_name, err);
        if (r < 0)
            return r;
        if (keg_strv_add(&collection->removed, digest) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    }
    /* A crash must not bring back the name of what it finds half deleted. */
    return fsync(dirfd(dir)) < 0 ? keg_fail_errno(err, "sync folder '%s'", store_dir_name(which))
                                 : 0;
}

static int sweep_containers(struct collection *collection, struct keg_err *err)
{
    int containers = store_dir(collection->store, STORE_DIR_CONTAINERS, err);
    const char *id;
    json_t *value;
    int r = containers < 0 ? containers : 0;

    json_object_foreach(collection->marks.cut_short, id, value)
    {
        if (r == 0)
            r = bury(collection, containers, "container", id, err);
    }
    return r;
}

static int sweep_all(struct collection *collection, struct keg_err *err)
{
    const struct store_marks *marks = &collection->marks;
    int r;

    if ((r = sweep_containers(collection, err)) < 0 ||
        (r = sweep(collection, STORE_DIR_LAYERS, "sha256", "layer", marks->layers, err)) < 0 ||
        (r = sweep(collection, STORE_DIR_BLOBS_SHA256, "sha256", "blob", marks->blobs, err)) < 0)
        return r;
    /* Most stores have no sha512 blobs; looking would make the folder. */
    if (faccessat(collection->store->root_fd, store_dir_name(STORE_DIR_BLOBS_SHA512), F_OK, 0) < 0)
        return 0;
    return sweep(collection, STORE_DIR_BLOBS_SHA512, "sha512", "blob", marks->blobs, err);
}

/* Names whose container is gone. */
static void sweep_names(struct store *store)
{
    int containers = store_dir(store, STORE_DIR_CONTAINERS, NULL);
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;

    if (containers < 0 || store_opendir(store, STORE_DIR_NAMES, &dir, NULL) < 0)
        return;
    while ((entry = store_readdir(dir))) {
        char id[65];
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, id, sizeof(id));

        if (n != 64)
            continue;
        id[64] = '\0';
        if (faccessat(containers, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
}

/* Lock files of digests that nobody holds. Who waits for one looks again whether it is the current
 * one. */
static void sweep_locks(struct store *store)
{
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;

    if (store_opendir(store, STORE_DIR_LOCKS, &dir, NULL) < 0)
        return;
    while ((entry = store_readdir(dir))) {
        _cleanup_fd_ int fd =
            keg_openat(dirfd(dir), entry->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);

        if (fd >= 0 && store_flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
}

/* Run folders that were never finished. */
static void sweep_run(struct store *store)
{
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;

    if (store_opendir(store, STORE_DIR_RUN_CONTAINERS, &dir, NULL) < 0)
        return;
    while ((entry = store_readdir(dir))) {
        char path[sizeof(entry->d_name) + sizeof("/lock")];

        (void)snprintf(path, sizeof(path), "%s/lock", entry->d_name);
        if (keg_starts_with(entry->d_name, STORE_RUN_NEW_PREFIX) &&
            !store_lock_is_held(dirfd(dir), path))
            (void)keg_remove_tree(dirfd(dir), entry->d_name);
    }
}

/* Mark and bury, under the store lock, exclusively. 1 where another process holds it. */
static int collect_locked(struct collection *collection, struct keg_err *err)
{
    struct store *store = collection->store;
    _cleanup_fd_ int lock = keg_openat(store->root_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    int r = lock < 0 ? lock : store_flock(lock, LOCK_EX | LOCK_NB);

    if (r == -EWOULDBLOCK)
        return 1;
    if (r < 0)
        return keg_fail(err, r, "lock '%s/lock': %s", store->root, keg_errno_text(r));
    if ((r = store_mark(store, &collection->marks, err)) < 0 ||
        (r = store_tmp_new(store, &collection->grave, &collection->grave_fd, err)) < 0)
        return r;
    r = sweep_all(collection, err);
    sweep_names(store);
    sweep_locks(store);
    sweep_run(store);
    store_refs_prune(store);
    return r;
}

/* Delete what was buried. Unlocked for it, the grave is garbage like any other under tmp/. */
static void delete_dead(struct collection *collection)
{
    if (collection->grave_fd >= 0)
        (void)fsync(collection->grave_fd);
    keg_cleanup_fd(&collection->grave_fd);
    collection->grave_fd = -1;
    store_clean_tmp(collection->store);
}

int store_collect(struct store *store, store_removed_fn *removed, void *context,
                  struct keg_err *err)
{
    _cleanup_(collection_done) struct collection collection = {.store = store, .grave_fd = -1};
    int r = collect_locked(&collection, err);

    if (r > 0)
        return r;
    /* Also after a failure: what went to the grave by then is gone. */
    for (size_t i = 0; removed && collection.removed && collection.removed[i]; i++)
        removed(context, collection.removed[i]);
    delete_dead(&collection);
    return r;
}
