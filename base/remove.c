/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a tree, by fd, without following links or entering mounts. */
#include "base/base.h"

#include <string.h>
#include <sys/stat.h>

static int remove_one(int dirfd, const char *name, dev_t device, int depth);

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int remove_content(int fd, dev_t device, int depth)
{
    int first = 0;
    _cleanup_dir_ DIR *dir = fdopendir(fd);
    if (!dir) {
        int saved = -errno;
        (void)close(fd);
        return saved;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (is_dots(entry->d_name))
            continue;
        int r = remove_one(dirfd(dir), entry->d_name, device, depth + 1);
        if (r < 0 && first == 0)
            first = r;
    }
    return first;
}

static int open_folder(int dirfd, const char *name)
{
    int fd = keg_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd != -EACCES)
        return fd;
    if (fchmodat(dirfd, name, 0700, 0) < 0)
        return -errno;
    return keg_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, 0);
}

static int remove_folder(int dirfd, const char *name, dev_t device, int depth)
{
    struct stat st;
    /* An fd is held at each level; PATH_MAX bounds what the kernel lets anyone build by path. */
    if (depth > KEG_TAR_PATH_MAX_BYTES / 2)
        return -ENAMETOOLONG;
    int fd = open_folder(dirfd, name);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    int r = fstat(fd, &st) < 0 ? -errno : device != 0 && st.st_dev != device ? -EBUSY : 0;
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    r = remove_content(fd, st.st_dev, depth);
    if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && r == 0)
        r = -errno;
    return r;
}

static int remove_one(int dirfd, const char *name, dev_t device, int depth)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    return remove_folder(dirfd, name, device, depth);
}

int keg_remove_tree(int dirfd, const char *name)
{
    if (!*name || is_dots(name) || strchr(name, '/'))
        return -EINVAL;
    return remove_one(dirfd, name, 0, 0);
}
