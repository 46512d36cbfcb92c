/* SPDX-License-Identifier: Apache-2.0 */
/* refs/ as a tree: host, repository of any depth, _tags and _digests; walked by fd with a bound. */
#include "store/internal.h"

#include <string.h>

/* A walk: its callback, and the path below refs/ that it is at. */
struct walk {
    store_ref_fn *fn;
    void *context;
    struct keg_err *err;
    char path[STORE_PATH_MAX_BYTES];
};

/* The path of a walk is "HOST/REPOSITORY" at the time: call fn with it and the name ${entry}. */
static int visit(struct walk *walk, const char *entry, bool is_tag)
{
    char *slash = strchr(walk->path, '/');
    _cleanup_free_ char *name = keg_strdup(entry);
    struct store_ref ref = {.host = walk->path};
    char checked[STORE_PATH_MAX_BYTES];
    int r;

    if (!slash)
        return 0;
    if (!name)
        return keg_fail(walk->err, -ENOMEM, "out of memory");
    *(is_tag ? &ref.tag : &ref.digest) = name;
    *slash = '\0';
    ref.repository = slash + 1;
    /* A file of another name is none of ours, say what an interrupted write left. */
    r = store_ref_path(&ref, checked, NULL) < 0 ? 0 : walk->fn(walk->context, &ref, walk->err);
    *slash = '/';
    return r;
}

/* A folder of ${parent} as a stream. 1; 0 where it is gone meanwhile or no folder; or -errno. */
static int open_below(int parent, const char *name, DIR **ret)
{
    int fd = keg_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    int r;

    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
        return 0;
    if (fd < 0)
        return fd;
    *ret = fdopendir(fd);
    if (*ret)
        return 1;
    r = -errno;
    keg_cleanup_fd(&fd);
    return r;
}

/* A walk that cannot see everything fails: a collection would take what it does not see for dead.
 */
static int blind(struct walk *walk, int code)
{
    return keg_fail(walk->err, code, "read folder 'refs/%s': %s", walk->path, keg_errno_text(code));
}

static int visit_all(struct walk *walk, int parent, const char *name)
{
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;
    int r = open_below(parent, name, &dir);

    if (r <= 0)
        return r < 0 ? blind(walk, r) : 0;
    while ((entry = store_readdir(dir))) {
        r = visit(walk, entry->d_name, keg_streq(name, "_tags"));
        if (r < 0)
            return r;
    }
    return errno != 0 ? blind(walk, -errno) : 0;
}

static int descend(struct walk *walk, DIR *dir, int depth);

static int descend_into(struct walk *walk, int parent, const char *name, int depth)
{
    size_t length = strlen(walk->path);
    _cleanup_dir_ DIR *dir = NULL;
    int r;

    /* Deeper or longer than a name can be: nothing that keg wrote. */
    if (depth >= STORE_REFS_DEPTH_MAX || length + 1 + strlen(name) >= sizeof(walk->path))
        return 0;
    r = open_below(parent, name, &dir);
    if (r <= 0)
        return r < 0 ? blind(walk, r) : 0;
    (void)snprintf(walk->path + length, sizeof(walk->path) - length, "%s%s", length > 0 ? "/" : "",
                   name);
    r = descend(walk, dir, depth + 1);
    walk->path[length] = '\0';
    return r;
}

static int descend(struct walk *walk, DIR *dir, int depth)
{
    struct dirent *entry;
    int r;

    while ((entry = store_readdir(dir))) {
        if (keg_streq(entry->d_name, "_tags") || keg_streq(entry->d_name, "_digests"))
            r = visit_all(walk, dirfd(dir), entry->d_name);
        else
            r = descend_into(walk, dirfd(dir), entry->d_name, depth);
        if (r < 0)
            return r;
    }
    return errno != 0 ? blind(walk, -errno) : 0;
}

int store_refs_walk(struct store *store, store_ref_fn *fn, void *context, struct keg_err *err)
{
    struct walk walk = {.fn = fn, .context = context, .err = err};
    _cleanup_dir_ DIR *dir = NULL;
    int r = store_opendir(store, STORE_DIR_REFS, &dir, err);

    return r < 0 ? r : descend(&walk, dir, 0);
}

int store_refs_walk_repository(struct store *store, const struct store_ref *ref, store_ref_fn *fn,
                               void *context, struct keg_err *err)
{
    struct walk walk = {.fn = fn, .context = context, .err = err};
    int refs = store_dir(store, STORE_DIR_REFS, err);
    _cleanup_fd_ int fd = -1;
    int r;

    if (refs < 0)
        return refs;
    (void)snprintf(walk.path, sizeof(walk.path), "%s/%s", ref->host, ref->repository);
    fd = keg_openat(refs, walk.path, O_PATH | O_DIRECTORY, 0);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return keg_fail(err, fd, "open '%s/refs/%s': %s", store->root, walk.path,
                        keg_errno_text(fd));
    r = visit_all(&walk, fd, "_tags");
    return r < 0 ? r : visit_all(&walk, fd, "_digests");
}

static void prune(DIR *dir, int depth)
{
    struct dirent *entry;

    while ((entry = store_readdir(dir))) {
        _cleanup_dir_ DIR *below = NULL;

        if (entry->d_name[0] == '.') {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
            continue;
        }
        if (depth < STORE_REFS_DEPTH_MAX && open_below(dirfd(dir), entry->d_name, &below) > 0)
            prune(below, depth + 1);
        /* Fails, as it should, where something is in it. */
        (void)unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    }
}

void store_refs_prune(struct store *store)
{
    _cleanup_dir_ DIR *dir = NULL;

    if (store_opendir(store, STORE_DIR_REFS, &dir, NULL) == 0)
        prune(dir, 0);
}
