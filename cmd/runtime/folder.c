/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder of a container. */
#include "cmd/runtime/folder.h"

#include <dirent.h>
#include <regex.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int runtime_id_check(const char *id, struct keg_err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_+-.";
    size_t length = strlen(id);
    if (length == 0)
        return keg_fail(err, -EINVAL, "container id cannot be empty");
    if (length > RUNTIME_ID_MAX)
        return keg_fail(err, -EINVAL, "invalid container id: %zu characters, at most %d", length,
                        RUNTIME_ID_MAX);
    if (id[0] == '.' || strspn(id, allowed) != length)
        return keg_fail(err, -EINVAL,
                        "invalid container id '%s': letters, digits and any of _+.- but no dot "
                        "in front",
                        id);
    return 0;
}

void runtime_folder_done(struct runtime_folder *folder)
{
    if (folder->root_fd >= 0)
        (void)close(folder->root_fd);
    if (folder->fd >= 0)
        (void)close(folder->fd);
    *folder = RUNTIME_FOLDER_INIT;
}

static int open_root(const struct runtime *runtime, int *ret, struct keg_err *err)
{
    int fd = keg_openat(AT_FDCWD, runtime->root, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '%s': %s", runtime->root, keg_errno_text(fd));
    *ret = fd;
    return 0;
}

static int make_root(const struct runtime *runtime, struct keg_err *err)
{
    int r = keg_mkdirs(AT_FDCWD, runtime->root, 0700);
    return r < 0 ? keg_fail(err, r, "make '%s': %s", runtime->root, keg_errno_text(r)) : 0;
}

static int open_folder(struct runtime_folder *folder, struct keg_err *err)
{
    int fd = keg_open_beneath(folder->root_fd, folder->id, O_RDONLY | O_DIRECTORY, 0);
    if (fd == -ENOENT)
        return keg_fail(err, -ENOENT, "container '%s' does not exist", folder->id);
    if (fd < 0)
        return keg_fail(err, fd, "open the state of container '%s': %s", folder->id,
                        keg_errno_text(fd));
    folder->fd = fd;
    return 0;
}

int runtime_folder_make(const struct runtime *runtime, const char *id, struct runtime_folder *ret,
                        struct keg_err *err)
{
    *ret = RUNTIME_FOLDER_INIT;
    int r = runtime_id_check(id, err);
    if (r == 0)
        r = make_root(runtime, err);
    if (r == 0)
        r = open_root(runtime, &ret->root_fd, err);
    if (r < 0)
        return r;
    memcpy(ret->id, id, strlen(id) + 1);
    if (mkdirat(ret->root_fd, id, 0700) < 0)
        return errno == EEXIST ? keg_fail(err, -EEXIST, "container with id exists: '%s'", id)
                               : keg_fail_errno(err, "make the state folder of container '%s'", id);
    r = open_folder(ret, err);
    return r == 0 ? runtime_folder_lock(ret, err) : r;
}

int runtime_folder_open(const struct runtime *runtime, const char *id, struct runtime_folder *ret,
                        struct keg_err *err)
{
    *ret = RUNTIME_FOLDER_INIT;
    int r = runtime_id_check(id, err);
    if (r < 0)
        return r;
    r = open_root(runtime, &ret->root_fd, err);
    if (r == -ENOENT)
        return keg_fail(err, -ENOENT, "container '%s' does not exist", id);
    if (r < 0)
        return r;
    memcpy(ret->id, id, strlen(id) + 1);
    return open_folder(ret, err);
}

int runtime_folder_lock(const struct runtime_folder *folder, struct keg_err *err)
{
    struct stat st;
    int r;
    do
        r = flock(folder->fd, LOCK_EX);
    while (r < 0 && errno == EINTR);
    if (r < 0 || fstat(folder->fd, &st) < 0)
        return keg_fail_errno(err, "lock container '%s'", folder->id);
    if (st.st_nlink == 0)
        return keg_fail(err, -ENOENT, "container '%s' does not exist", folder->id);
    return 0;
}

void runtime_folder_unlock(const struct runtime_folder *folder)
{
    (void)flock(folder->fd, LOCK_UN);
}

int runtime_folder_remove(const struct runtime_folder *folder, struct keg_err *err)
{
    int r = keg_remove_tree(folder->root_fd, folder->id);
    return r < 0 ? keg_fail(err, r, "remove the state folder of container '%s': %s", folder->id,
                            keg_errno_text(r))
                 : 0;
}

static int open_container(const struct runtime_folder *folder, struct run_container **ret,
                          struct keg_err *err)
{
    int r = run_open(folder->fd, folder->id, ret, err);
    if (r == -ENOENT)
        return keg_fail(err, -ENODATA,
                        "container '%s' is being created, or was not created whole (then delete "
                        "--force removes it)",
                        folder->id);
    return r < 0 ? keg_wrap(err, "container '%s'", folder->id) : 0;
}

int runtime_open(const struct runtime *runtime, const char *id, struct runtime_folder *folder,
                 struct run_container **ret, struct keg_err *err)
{
    int r = runtime_folder_open(runtime, id, folder, err);
    return r == 0 ? open_container(folder, ret, err) : r;
}

int runtime_open_locked(const struct runtime *runtime, const char *id,
                        struct runtime_folder *folder, struct run_container **ret,
                        struct keg_err *err)
{
    int r = runtime_folder_open(runtime, id, folder, err);
    if (r == 0)
        r = runtime_folder_lock(folder, err);
    return r == 0 ? open_container(folder, ret, err) : r;
}

static int is_id(const struct dirent *entry)
{
    return runtime_id_check(entry->d_name, NULL) == 0;
}

static int add_entries(struct dirent **entries, int count, char ***ret)
{
    int r = 0;
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = keg_strv_add(ret, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int runtime_ids(const struct runtime *runtime, char ***ret, struct keg_err *err)
{
    struct dirent **entries;
    _cleanup_strv_ char **ids = keg_strv_copy(NULL);
    int count = scandir(runtime->root, &entries, is_id, compare);
    if (count < 0 && errno != ENOENT)
        return keg_fail_errno(err, "read '%s'", runtime->root);
    if (!ids || (count > 0 && add_entries(entries, count, &ids) < 0))
        return keg_fail(err, -ENOMEM, "out of memory");
    if (count == 0)
        free(entries);
    *ret = TAKE_PTR(ids);
    return 0;
}

static int add_matching(char *const *ids, const regex_t *regex, char ***ret)
{
    int r = 0;
    for (; *ids && r == 0; ids++)
        if (regexec(regex, *ids, 0, NULL, 0) == 0)
            r = keg_strv_add(ret, *ids);
    return r;
}

int runtime_ids_matching(const struct runtime *runtime, const char *pattern, char ***ret,
                         struct keg_err *err)
{
    regex_t regex;
    _cleanup_strv_ char **ids = NULL, **matching = keg_strv_copy(NULL);
    int r = runtime_ids(runtime, &ids, err);
    if (r < 0)
        return r;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return keg_fail(err, -EINVAL, "'%s' is not a regular expression", pattern);
    r = matching ? add_matching(ids, &regex, &matching) : -ENOMEM;
    regfree(&regex);
    if (r < 0)
        return keg_fail(err, r, "out of memory");
    *ret = TAKE_PTR(matching);
    return 0;
}
