/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the store: where it is, and its folders, each opened once. */
#include "store/internal.h"

#include <string.h>
#include <sys/stat.h>

/* Where a folder is: below the root, or below the run root. */
static const struct {
    const char *path;
    bool is_run;
} dir_table[STORE_DIR_COUNT] = {
    [STORE_DIR_BLOBS_SHA256] = {"blobs/sha256", false},
    [STORE_DIR_BLOBS_SHA512] = {"blobs/sha512", false},
    [STORE_DIR_REFS] = {"refs", false},
    [STORE_DIR_LAYERS] = {"layers", false},
    [STORE_DIR_CONTAINERS] = {"containers", false},
    [STORE_DIR_NAMES] = {"names", false},
    [STORE_DIR_TMP] = {"tmp", false},
    [STORE_DIR_LOCKS] = {"locks", true},
    [STORE_DIR_RUN_CONTAINERS] = {"containers", true},
};

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] != '\0' ? value : NULL;
}

/* The XDG base directory specification: "If an implementation encounters a relative path in any of
 * these variables it should consider the path invalid and ignore it." */
static const char *absolute_environment(const char *name)
{
    const char *value = environment(name);
    return value && value[0] == '/' ? value : NULL;
}

static int default_root(char **ret, struct keg_err *err)
{
    const char *data = absolute_environment("XDG_DATA_HOME");
    const char *home = absolute_environment("HOME");

    if (environment("KEG_ROOT"))
        *ret = keg_strdup(environment("KEG_ROOT"));
    else if (geteuid() == 0)
        *ret = keg_strdup("/var/lib/keg");
    else if (data)
        *ret = keg_asprintf("%s/keg", data);
    else if (home)
        *ret = keg_asprintf("%s/.local/share/keg", home);
    else
        return keg_fail(err, -ENOENT,
                        "no place for the store: neither KEG_ROOT, XDG_DATA_HOME nor HOME is set");
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

/* The folder in /tmp, which may be there already: made by this user, or by somebody who waits for
 * one. */
static int check_private(const char *path, uid_t uid, struct keg_err *err)
{
    struct stat st;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return keg_fail_errno(err, "make '%s'", path);
    if (lstat(path, &st) < 0)
        return keg_fail_errno(err, "stat '%s'", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != uid || (st.st_mode & 077) != 0)
        return keg_fail(err, -EPERM,
                        "'%s' is not a folder of this user alone: set XDG_RUNTIME_DIR or "
                        "KEG_RUNROOT to one that is",
                        path);
    return 0;
}

/* pam_systemd's folder where its variable was lost (su, cron), else one in /tmp. */
static int user_runroot(uid_t uid, char **ret, struct keg_err *err)
{
    _cleanup_free_ char *login = keg_asprintf("/run/user/%u", uid);
    struct stat st;

    if (login && lstat(login, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid) {
        *ret = keg_asprintf("%s/keg", login);
        return 0;
    }
    *ret = keg_asprintf("/tmp/keg-%u", uid);
    return *ret ? check_private(*ret, uid, err) : 0;
}

static int default_runroot(char **ret, struct keg_err *err)
{
    const char *runtime = absolute_environment("XDG_RUNTIME_DIR");
    int r = 0;

    if (environment("KEG_RUNROOT"))
        *ret = keg_strdup(environment("KEG_RUNROOT"));
    else if (geteuid() == 0)
        *ret = keg_strdup("/run/keg");
    else if (runtime)
        *ret = keg_asprintf("%s/keg", runtime);
    else
        r = user_runroot(geteuid(), ret, err);
    return *ret || r < 0 ? r : keg_fail(err, -ENOMEM, "out of memory");
}

/* Absolute, so that it still means the same after a change of folder. Takes and replaces *path. */
static int make_absolute(char **path, struct keg_err *err)
{
    _cleanup_free_ char *cwd = NULL;
    char *absolute;

    if ((*path)[0] == '/')
        return 0;
    cwd = getcwd(NULL, 0);
    if (!cwd)
        return keg_fail_errno(err, "find the current folder for '%s'", *path);
    absolute = keg_asprintf("%s/%s", cwd, *path);
    if (!absolute)
        return keg_fail(err, -ENOMEM, "out of memory");
    free(*path);
    *path = absolute;
    return 0;
}

/* Open the folder ${path} in ${dirfd}, made 0700 where it is missing. The fd or -errno. */
static int open_folder(int dirfd, const char *path)
{
    int fd = keg_openat(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
    int r;

    if (fd != -ENOENT)
        return fd;
    r = keg_mkdirs(dirfd, path, 0700);
    return r < 0 ? r : keg_openat(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
}

/* Where it is: as ${given}, else by default. Absolute, on the heap. */
static int find_place(const char *given, int (*by_default)(char **, struct keg_err *),
                      char **ret_path, struct keg_err *err)
{
    _cleanup_free_ char *path = keg_strdup(given);
    int r;

    if (given && given[0] == '\0')
        return keg_fail(err, -EINVAL, "the path of the store is empty");
    if (given && !path)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (!given && (r = by_default(&path, err)) < 0)
        return r;
    r = make_absolute(&path, err);
    if (r < 0)
        return r;
    *ret_path = TAKE_PTR(path);
    return 0;
}

static int open_root(const char *path, int *ret_fd, struct keg_err *err)
{
    int fd = open_folder(AT_FDCWD, path);

    if (fd < 0)
        return keg_fail(err, fd, "open store '%s': %s", path, keg_errno_text(fd));
    *ret_fd = fd;
    return 0;
}

int store_places(const char *root, const char *runroot, char **ret_root, char **ret_runroot,
                 struct keg_err *err)
{
    _cleanup_free_ char *path = NULL;
    int r = find_place(root, default_root, &path, err);

    if (r == 0)
        r = find_place(runroot, default_runroot, ret_runroot, err);
    if (r < 0)
        return r;
    *ret_root = TAKE_PTR(path);
    return 0;
}

int store_open(const char *root, const char *runroot, struct store **ret, struct keg_err *err)
{
    struct store *store = calloc(1, sizeof(*store));
    int r;

    if (!store)
        return keg_fail(err, -ENOMEM, "out of memory");
    store->root_fd = store->run_fd = -1;
    for (size_t i = 0; i < STORE_DIR_COUNT; i++)
        atomic_init(&store->dirs[i], -1);
    r = store_places(root, runroot, &store->root, &store->runroot, err);
    if (r == 0)
        r = open_root(store->root, &store->root_fd, err);
    if (r == 0)
        r = open_root(store->runroot, &store->run_fd, err);
    if (r < 0) {
        store_close(store);
        return r;
    }
    *ret = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < STORE_DIR_COUNT; i++) {
        int fd = atomic_load(&store->dirs[i]);
        keg_cleanup_fd(&fd);
    }
    keg_cleanup_fd(&store->root_fd);
    keg_cleanup_fd(&store->run_fd);
    free(store->root);
    free(store->runroot);
    free(store);
}

const char *store_root(const struct store *store)
{
    return store->root;
}

const char *store_runroot(const struct store *store)
{
    return store->runroot;
}

int store_root_fd(const struct store *store)
{
    return store->root_fd;
}

int store_run_fd(const struct store *store)
{
    return store->run_fd;
}

const char *store_dir_name(enum store_dir which)
{
    return dir_table[which].path;
}

int store_dir_open(struct store *store, enum store_dir which, struct keg_err *err)
{
    bool is_run = dir_table[which].is_run;
    int fd = open_folder(is_run ? store->run_fd : store->root_fd, dir_table[which].path);

    if (fd < 0)
        return keg_fail(err, fd, "open '%s/%s': %s", is_run ? store->runroot : store->root,
                        dir_table[which].path, keg_errno_text(fd));
    return fd;
}

int store_dir(struct store *store, enum store_dir which, struct keg_err *err)
{
    int known = atomic_load(&store->dirs[which]);
    int fd;

    if (known >= 0)
        return known;
    fd = store_dir_open(store, which, err);
    if (fd < 0)
        return fd;
    /* Another thread may have been quicker: then its fd is the one. */
    if (atomic_compare_exchange_strong(&store->dirs[which], &known, fd))
        return fd;
    keg_cleanup_fd(&fd);
    return known;
}

int store_opendir(struct store *store, enum store_dir which, DIR **ret, struct keg_err *err)
{
    int fd = store_dir_open(store, which, err);
    DIR *dir;

    if (fd < 0)
        return fd;
    dir = fdopendir(fd);
    if (!dir) {
        int r = keg_fail_errno(err, "read folder '%s'", store_dir_name(which));
        keg_cleanup_fd(&fd);
        return r;
    }
    *ret = dir;
    return 0;
}

struct dirent *store_readdir(DIR *dir)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry && (keg_streq(entry->d_name, ".") || keg_streq(entry->d_name, "..")));
    return entry;
}

int store_error(struct keg_err *err, const struct keg_err *cause)
{
    if (err)
        *err = *cause;
    return cause->code < 0 ? cause->code : -EIO;
}
