/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: made (on the start path: few system calls, no fsync), rewritten, owned by a lock,
 * removed. */
#include "store/internal.h"

#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* 64 hex digits and "/meta.json". */
#define CONTAINER_PATH_MAX_BYTES 96

/* Somebody who asks for a container's status holds its lock for microseconds. */
#define TRY_LOCK_MAX      200
#define TRY_LOCK_PAUSE_US 500

/* The folders that containers live in, borrowed. */
struct places {
    int containers;
    int run;
    int names;
};

static int find_places(struct store *store, struct places *ret, struct keg_err *err)
{
    if ((ret->containers = store_dir(store, STORE_DIR_CONTAINERS, err)) < 0)
        return ret->containers;
    if ((ret->run = store_dir(store, STORE_DIR_RUN_CONTAINERS, err)) < 0)
        return ret->run;
    ret->names = store_dir(store, STORE_DIR_NAMES, err);
    return ret->names < 0 ? ret->names : 0;
}

static int check_id(const char *id, struct keg_err *err)
{
    if (id && store_is_hex(id, 64))
        return 0;
    return keg_fail(err, -EINVAL, "'%s' is not a container id", id ? id : "");
}

static int check_new(const struct store_container *container, struct keg_err *err)
{
    int r = check_id(container->id, err);

    if (r < 0)
        return r;
    if (!container->name || !store_container_is_valid_name(container->name))
        return keg_fail(
            err, -EINVAL,
            "bad container name '%s': want 2 to %d letters, digits, '_', '.' and '-', the first a "
            "letter or digit",
            container->name ? container->name : "", STORE_NAME_MAX_BYTES);
    return 0;
}

static int write_meta(int dir, const struct store_container *container, bool durable,
                      struct keg_err *err)
{
    return store_json_replace(dir, "meta.json", store_container_to_json(container), durable,
                              "meta.json", err);
}

/* containers/<id>/ with what is in it. */
static int make_dir(int containers, const struct store_container *container, int *ret_dirfd,
                    struct keg_err *err)
{
    _cleanup_fd_ int dir = -1;
    int r;

    if (mkdirat(containers, container->id, 0700) < 0)
        return keg_fail_errno(err, "make 'containers/%s'", container->id);
    dir = keg_openat(containers, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (dir < 0)
        return keg_fail(err, dir, "open 'containers/%s': %s", container->id, keg_errno_text(dir));
    /* overlayfs shows upper's mode as that of "/": the umask must not shut the container's users
     * out. */
    if (mkdirat(dir, "upper", 0755) < 0 || fchmodat(dir, "upper", 0755, 0) < 0 ||
        mkdirat(dir, "work", 0700) < 0)
        return keg_fail_errno(err, "make 'containers/%s/upper'", container->id);
    r = write_meta(dir, container, false, err);
    if (r == 0)
        *ret_dirfd = TAKE_FD(dir);
    return r;
}

static void lock_path(const char *id, char path[static CONTAINER_PATH_MAX_BYTES])
{
    (void)snprintf(path, CONTAINER_PATH_MAX_BYTES, "%s/lock", id);
}

/* RUNROOT/containers/<id>/ with its lock, held; under another name until it is, as a run folder
 * that nobody owns is for anyone to clean up. */
static int make_rundir(int run, const char *id, int *ret_lockfd, struct keg_err *err)
{
    char path[CONTAINER_PATH_MAX_BYTES];
    _cleanup_fd_ int lock = -1;
    char *slash;
    int r;

    (void)snprintf(path, sizeof(path), STORE_RUN_NEW_PREFIX "%s/lock", id);
    slash = strrchr(path, '/');
    *slash = '\0';
    if (mkdirat(run, path, 0700) < 0)
        return keg_fail_errno(err, "make run folder of container %.12s", id);
    *slash = '/';
    lock = keg_openat(run, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    r = lock < 0 ? lock : store_flock(lock, LOCK_EX);
    *slash = '\0';
    if (r == 0 && renameat(run, path, run, id) < 0)
        r = -errno;
    if (r < 0) {
        (void)keg_remove_tree(run, path);
        return keg_fail(err, r, "make run folder of container %.12s: %s", id, keg_errno_text(r));
    }
    *ret_lockfd = TAKE_FD(lock);
    return 0;
}

/* The id that names/${name} says; -errno, -EPROTO where it is none. */
static int read_name(int names, const char *name, char id[static 65])
{
    ssize_t n = readlinkat(names, name, id, 65);

    if (n < 0)
        return errno == EINVAL ? -EPROTO : -errno;
    if (n != 64)
        return -EPROTO;
    id[64] = '\0';
    return store_is_hex(id, 64) ? 0 : -EPROTO;
}

static bool exists(int dir, const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Remove names/${name} if ${id} has it (NULL: if no container has it). Under a lock of names/, so
 * that what is removed is what was looked at; who takes a name needs no lock, symlinkat() takes it
 * or fails. */
static int drop_name(struct store *store, const struct places *places, const char *name,
                     const char *id, struct keg_err *err)
{
    _cleanup_fd_ int lock = store_dir_open(store, STORE_DIR_NAMES, err);
    char owner[65];
    int r;

    if (lock < 0)
        return lock;
    r = store_flock(lock, LOCK_EX);
    if (r < 0)
        return keg_fail(err, r, "lock '%s/names': %s", store->root, keg_errno_text(r));
    r = read_name(places->names, name, owner);
    if (r == 0 && (id ? !keg_streq(owner, id) : exists(places->containers, owner)))
        return 0;
    /* A name that leads nowhere is nobody's; an id takes only its own away. */
    if (r == -ENOENT || (r < 0 && id))
        return 0;
    if (unlinkat(places->names, name, 0) < 0 && errno != ENOENT)
        return keg_fail_errno(err, "remove '%s/names/%s'", store->root, name);
    return 0;
}

/* A container's folder is there before its name and after it: a name without folder is left from a
 * crash. */
static int take_name(struct store *store, const struct places *places,
                     const struct store_container *container, struct keg_err *err)
{
    char owner[65];
    int r;

    for (int tries = 0; symlinkat(container->id, places->names, container->name) < 0; tries++) {
        if (errno != EEXIST || tries == 100)
            return keg_fail_errno(err, "take the name '%s'", container->name);
        r = read_name(places->names, container->name, owner);
        if (r == 0 && exists(places->containers, owner))
            return keg_fail(err, -EEXIST,
                            "the name '%s' is taken by container %.12s: remove that (keg rm %s) or "
                            "choose another",
                            container->name, owner, container->name);
        r = drop_name(store, places, container->name, NULL, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int store_container_create(struct store *store, const struct store_container *container,
                           int *ret_dirfd, int *ret_lockfd, struct keg_err *err)
{
    _cleanup_fd_ int dir = -1;
    _cleanup_fd_ int lock = -1;
    struct places places;
    int r = check_new(container, err);

    if (r < 0 || (r = find_places(store, &places, err)) < 0)
        return r;
    /* An id that is there is not ours to clean up after. */
    if (exists(places.containers, container->id) || exists(places.run, container->id))
        return keg_fail(err, -EEXIST, "a container with the id '%s' exists", container->id);
    /* The lock first: a folder without owner is garbage to others. */
    r = make_rundir(places.run, container->id, &lock, err);
    if (r == 0)
        r = make_dir(places.containers, container, &dir, err);
    if (r == 0)
        r = take_name(store, &places, container, err);
    if (r < 0) {
        (void)keg_remove_tree(places.containers, container->id);
        (void)keg_remove_tree(places.run, container->id);
        return r;
    }
    *ret_dirfd = TAKE_FD(dir);
    *ret_lockfd = TAKE_FD(lock);
    return 0;
}

int store_container_write(struct store *store, const struct store_container *container,
                          struct keg_err *err)
{
    _cleanup_fd_ int dir = -1;
    int r = check_new(container, err);

    if (r < 0 || (r = store_container_dir(store, container->id, &dir, err)) < 0)
        return r;
    r = write_meta(dir, container, !container->auto_remove, err);
    return r < 0 ? keg_wrap(err, "container %.12s", container->id) : 0;
}

static int open_dir(struct store *store, enum store_dir which, const char *id, int *ret_fd,
                    struct keg_err *err)
{
    int parent = store_dir(store, which, err);
    int r = check_id(id, err);
    int fd;

    if (parent < 0 || r < 0)
        return parent < 0 ? parent : r;
    fd = keg_openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return keg_fail(err, -ENOENT, "no such container");
    if (fd < 0)
        return keg_fail(err, fd, "open folder of container %.12s: %s", id, keg_errno_text(fd));
    *ret_fd = fd;
    return 0;
}

int store_container_dir(struct store *store, const char *id, int *ret_fd, struct keg_err *err)
{
    return open_dir(store, STORE_DIR_CONTAINERS, id, ret_fd, err);
}

int store_container_rundir(struct store *store, const char *id, int *ret_fd, struct keg_err *err)
{
    return open_dir(store, STORE_DIR_RUN_CONTAINERS, id, ret_fd, err);
}

/* LOCK_EX without waiting for an owner, but waiting for those who only look. 1, 0 or -errno. */
static int try_lock(int fd)
{
    for (int i = 0; i < TRY_LOCK_MAX; i++) {
        int r = store_flock(fd, LOCK_EX | LOCK_NB);

        if (r != -EWOULDBLOCK)
            return r < 0 ? r : 1;
        r = store_flock(fd, LOCK_SH | LOCK_NB);
        if (r < 0)
            return r == -EWOULDBLOCK ? 0 : r;
        (void)store_flock(fd, LOCK_UN);
        (void)usleep(TRY_LOCK_PAUSE_US);
    }
    return 0;
}

int store_container_try_lock(struct store *store, const char *id, int *ret_lockfd,
                             struct keg_err *err)
{
    int run = store_dir(store, STORE_DIR_RUN_CONTAINERS, err);
    char path[CONTAINER_PATH_MAX_BYTES];
    _cleanup_fd_ int fd = -1;
    int r = check_id(id, err);

    if (run < 0 || r < 0)
        return run < 0 ? run : r;
    if (!exists(run, id))
        return keg_fail(err, -ENOENT, "container %.12s has no run folder", id);
    lock_path(id, path);
    /* One whose lock file somebody deleted must not be there for ever: the file is made anew. */
    fd = keg_openat(run, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    r = fd < 0 ? fd : try_lock(fd);
    if (r < 0)
        return keg_fail(err, r, "lock container %.12s: %s", id, keg_errno_text(r));
    if (r > 0 && !store_is_current(fd, run, path))
        return keg_fail(err, -ENOENT, "container %.12s has no run folder", id);
    if (r > 0)
        *ret_lockfd = TAKE_FD(fd);
    return r;
}

int store_container_release(struct store *store, const char *id, struct keg_err *err)
{
    int run = store_dir(store, STORE_DIR_RUN_CONTAINERS, err);
    char old[CONTAINER_PATH_MAX_BYTES];
    int r = check_id(id, err);

    if (run < 0 || r < 0)
        return run < 0 ? run : r;
    (void)snprintf(old, sizeof(old), STORE_RUN_OLD_PREFIX "%s", id);
    /* Away by one rename: a run folder that has lost its lock file already would be anyone's. One
     * of that name is left from a crash here. */
    r = renameat(run, id, run, old) < 0 ? -errno : 0;
    if (r == -ENOTEMPTY || r == -EEXIST) {
        (void)keg_remove_tree(run, old);
        r = renameat(run, id, run, old) < 0 ? -errno : 0;
    }
    if (r == 0)
        r = keg_remove_tree(run, old);
    if (r < 0 && r != -ENOENT)
        return keg_fail(err, r, "remove run folder of container %.12s: %s", id, keg_errno_text(r));
    return 0;
}

/* Rename containers/<id>/ into a new folder in tmp/ and delete it there. */
static int bury(struct store *store, const struct places *places, const char *id,
                struct keg_err *err)
{
    int tmp = store_dir(store, STORE_DIR_TMP, err);
    _cleanup_free_ char *grave = NULL;
    _cleanup_fd_ int fd = -1;
    int r = tmp < 0 ? tmp : store_tmp_new(store, &grave, &fd, err);

    if (r < 0)
        return r;
    if (renameat(places->containers, id, fd, id) < 0 && errno != ENOENT)
        r = keg_fail_errno(err, "remove container %.12s", id);
    if (r == 0 && (r = keg_remove_tree(fd, id)) < 0)
        keg_fail(err, r, "remove container %.12s: %s", id, keg_errno_text(r));
    (void)unlinkat(store->root_fd, grave, AT_REMOVEDIR);
    return r;
}

int store_container_remove(struct store *store, const struct store_container *container,
                           struct keg_err *err)
{
    struct places places;
    int r = check_id(container->id, err);

    if (r < 0 || (r = find_places(store, &places, err)) < 0)
        return r;
    if (container->name && store_container_is_valid_name(container->name) &&
        (r = drop_name(store, &places, container->name, container->id, err)) < 0)
        return r;
    r = bury(store, &places, container->id, err);
    return r < 0 ? r : store_container_release(store, container->id, err);
}

int store_container_ids_run(struct store *store, char ***ret_ids, struct keg_err *err)
{
    _cleanup_strv_ char **ids = NULL;
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;
    int r = store_opendir(store, STORE_DIR_RUN_CONTAINERS, &dir, err);

    if (r < 0)
        return r;
    while ((entry = store_readdir(dir))) {
        if (keg_starts_with(entry->d_name, STORE_RUN_OLD_PREFIX))
            (void)keg_remove_tree(dirfd(dir), entry->d_name);
        else if (store_is_hex(entry->d_name, 64) && keg_strv_add(&ids, entry->d_name) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    }
    if (!ids && !(ids = keg_strv_copy(NULL)))
        return keg_fail(err, -ENOMEM, "out of memory");
    *ret_ids = TAKE_PTR(ids);
    return 0;
}
