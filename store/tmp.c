/* SPDX-License-Identifier: Apache-2.0 */
/* tmp/: work under way, each folder locked by whoever works in it; one that can be locked is
 * garbage. */
#include "store/internal.h"

#include <sys/file.h>
#include <sys/stat.h>

/* Names that other processes of our pid (of other pid namespaces) may have taken before one is
 * free. */
#define TMP_TRIES_MAX 1000

static atomic_uint tmp_counter;

/* Make and lock ${name} in ${dir}. 1 with *ret_fd, 0 where it was taken or swept away, or -errno.
 */
static int try_make(int dir, const char *name, int *ret_fd)
{
    _cleanup_fd_ int fd = -1;

    if (mkdirat(dir, name, 0700) < 0)
        return errno == EEXIST ? 0 : -errno;
    fd = keg_openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return fd;
    /* Until it is locked, it looks like garbage: a cleaner may be at it, or have been. */
    if (store_flock(fd, LOCK_EX | LOCK_NB) < 0 || !store_is_current(fd, dir, name))
        return 0;
    *ret_fd = TAKE_FD(fd);
    return 1;
}

int store_tmp_new(struct store *store, char **ret_name, int *ret_fd, struct keg_err *err)
{
    int dir = store_dir(store, STORE_DIR_TMP, err);
    char boot_id[37];
    int r;

    if (dir < 0)
        return dir;
    r = keg_boot_id(boot_id);
    if (r < 0)
        return keg_fail(err, r, "read the boot id: %s", keg_errno_text(r));
    for (int i = 0; i < TMP_TRIES_MAX; i++) {
        _cleanup_free_ char *path =
            keg_asprintf("tmp/%s-%d-%u", boot_id, (int)getpid(), atomic_fetch_add(&tmp_counter, 1));

        r = path ? try_make(dir, path + sizeof("tmp/") - 1, ret_fd) : -ENOMEM;
        if (r < 0)
            return keg_fail(err, r, "make a folder in '%s/tmp': %s", store->root,
                            keg_errno_text(r));
        if (r > 0) {
            *ret_name = TAKE_PTR(path);
            return 0;
        }
    }
    return keg_fail(err, -EEXIST, "make a folder in '%s/tmp': no free name", store->root);
}

static void clean_one(int dir, const char *name)
{
    _cleanup_fd_ int fd = keg_openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

    if (fd == -ENOTDIR || fd == -ELOOP)
        (void)unlinkat(dir, name, 0);
    /* Its owner may have renamed it to its final place between our open and our lock. */
    if (fd >= 0 && store_flock(fd, LOCK_EX | LOCK_NB) == 0 && store_is_current(fd, dir, name))
        (void)keg_remove_tree(dir, name);
}

void store_clean_tmp(struct store *store)
{
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;

    if (store_opendir(store, STORE_DIR_TMP, &dir, NULL) < 0)
        return;
    while ((entry = store_readdir(dir)))
        clean_one(dirfd(dir), entry->d_name);
}
