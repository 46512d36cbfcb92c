/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: a folder of the image copied into a tmpfs, by fd and name alone. */
#include "run/mount_copy_up.h"

#include <dirent.h>
#include <search.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* All names of a file's extended attributes, and one value: the kernel's XATTR_LIST_MAX and
 * XATTR_SIZE_MAX. */
#define XATTR_BYTES 65536

/* A file with several names, by the first that was copied. */
struct linked {
    dev_t device;
    ino_t inode;
    char *path;
};

struct copy {
    int root_fd; /* of the new filesystem */
    size_t entries;
    unsigned depth;
    char path[PATH_MAX]; /* of what is copied now, below the root; "" is the root itself */
    void *linked;        /* a tree of struct linked */
    char *names, *value;
    struct keg_err *err;
};

/* A folder's two sides, and a name in it. */
struct copied_name {
    int from, to; /* folders */
    const char *name;
    struct stat st;
};

static int fail_at(struct copy *copy, int code, const char *what)
{
    return keg_fail(copy->err, code, "copy '%s': %s: %s", copy->path, what, keg_errno_text(code));
}

/* ---- attributes */

static int copy_xattr(int from, int to, const char *name, char *value)
{
    ssize_t length = fgetxattr(from, name, value, XATTR_BYTES);
    if (length < 0)
        return errno == ENODATA ? 0 : -errno;
    /* tmpfs has user.* since Linux 6.6 only. */
    if (fsetxattr(to, name, value, (size_t)length, 0) < 0 && errno != EOPNOTSUPP)
        return -errno;
    return 0;
}

/* The label is the mount's. */
static bool is_copied(const char *name)
{
    return strcmp(name, "security.selinux") != 0;
}

static int copy_xattrs(struct copy *copy, int from, int to)
{
    ssize_t length = flistxattr(from, copy->names, XATTR_BYTES);
    if (length < 0)
        return errno == EOPNOTSUPP ? 0 : fail_at(copy, -errno, "extended attributes");
    for (const char *name = copy->names; name < copy->names + length; name += strlen(name) + 1) {
        int r = is_copied(name) ? copy_xattr(from, to, name, copy->value) : 0;
        if (r < 0)
            return fail_at(copy, r, name);
    }
    return 0;
}

/* Owner first: changing it takes set-user-ID bits and capabilities away. */
static int copy_attributes(struct copy *copy, int from, int to, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (fchown(to, st->st_uid, st->st_gid) < 0)
        return fail_at(copy, -errno, "owner");
    if (fchmod(to, st->st_mode & 07777) < 0)
        return fail_at(copy, -errno, "mode");
    int r = copy_xattrs(copy, from, to);
    if (r == 0 && futimens(to, times) < 0)
        return fail_at(copy, -errno, "times");
    return r;
}

/* ---- links */

static int compare_linked(const void *a, const void *b)
{
    const struct linked *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode == y->inode ? 0 : x->inode < y->inode ? -1 : 1;
}

/* 1: a further name of a file that is there already, and made; 0: to be copied. */
static int link_known(struct copy *copy, const struct copied_name *entry)
{
    const struct linked key = {.device = entry->st.st_dev, .inode = entry->st.st_ino};
    if (entry->st.st_nlink < 2)
        return 0;
    const struct linked *const *found = tfind(&key, &copy->linked, compare_linked);
    if (found) {
        if (linkat(copy->root_fd, (*found)->path, entry->to, entry->name, 0) < 0)
            return fail_at(copy, -errno, "link");
        return 1;
    }
    struct linked *linked = malloc(sizeof(*linked));
    if (!linked)
        return fail_at(copy, -ENOMEM, "link");
    *linked = key;
    linked->path = keg_strdup(copy->path);
    if (linked->path && tsearch(linked, &copy->linked, compare_linked))
        return 0;
    free(linked->path);
    free(linked);
    return fail_at(copy, -ENOMEM, "link");
}

static void free_linked(void *node)
{
    struct linked *linked = node;
    free(linked->path);
    free(linked);
}

static int copy_symlink(struct copy *copy, const struct copied_name *entry)
{
    const struct timespec times[2] = {entry->st.st_atim, entry->st.st_mtim};
    char target[PATH_MAX];
    ssize_t length = readlinkat(entry->from, entry->name, target, sizeof(target) - 1);
    if (length < 0)
        return fail_at(copy, -errno, "read link");
    target[length] = '\0';
    if (symlinkat(target, entry->to, entry->name) < 0 ||
        fchownat(entry->to, entry->name, entry->st.st_uid, entry->st.st_gid, AT_SYMLINK_NOFOLLOW) <
            0 ||
        utimensat(entry->to, entry->name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_at(copy, -errno, "link");
    return 0;
}

/* ---- files and nodes */

static int copy_contents(struct copy *copy, int from, int to)
{
    ssize_t n;
    do
        n = sendfile(to, from, NULL, 1 << 20);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? fail_at(copy, -errno, "write") : 0;
}

/* Another file may be there by now: then it is that one that is copied. Not a fifo, which would
 * block. */
static int copy_file(struct copy *copy, const struct copied_name *entry)
{
    struct stat st;
    _cleanup_fd_ int from =
        keg_openat(entry->from, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (from < 0)
        return fail_at(copy, from, "open");
    if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
        return fail_at(copy, -ESTALE, "open");
    _cleanup_fd_ int to =
        keg_openat(entry->to, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (to < 0)
        return fail_at(copy, to, "make");
    int r = copy_contents(copy, from, to);
    return r == 0 ? copy_attributes(copy, from, to, &st) : r;
}

static int copy_node(struct copy *copy, const struct copied_name *entry)
{
    const struct timespec times[2] = {entry->st.st_atim, entry->st.st_mtim};
    if (mknodat(entry->to, entry->name, entry->st.st_mode, entry->st.st_rdev) < 0 ||
        fchownat(entry->to, entry->name, entry->st.st_uid, entry->st.st_gid, AT_SYMLINK_NOFOLLOW) <
            0 ||
        fchmodat(entry->to, entry->name, entry->st.st_mode & 07777, 0) < 0 ||
        utimensat(entry->to, entry->name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail_at(copy, -errno, "make");
    return 0;
}

/* ---- folders */

static int copy_entries(struct copy *copy, int from, int to);

static int copy_folder(struct copy *copy, const struct copied_name *entry)
{
    struct stat st;
    _cleanup_fd_ int from =
        keg_openat(entry->from, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (from < 0)
        return fail_at(copy, from, "open");
    if (fstat(from, &st) < 0 || mkdirat(entry->to, entry->name, 0700) < 0)
        return fail_at(copy, -errno, "make");
    _cleanup_fd_ int to =
        keg_openat(entry->to, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (to < 0)
        return fail_at(copy, to, "open");
    int r = copy_entries(copy, from, to);
    return r == 0 ? copy_attributes(copy, from, to, &st) : r;
}

static int copy_one(struct copy *copy, struct copied_name *entry)
{
    if (fstatat(entry->from, entry->name, &entry->st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : fail_at(copy, -errno, "stat");
    if (++copy->entries > KEG_COPY_UP_ENTRIES_MAX)
        return keg_fail(copy->err, -E2BIG, "copy: more than %u files", KEG_COPY_UP_ENTRIES_MAX);
    if (S_ISDIR(entry->st.st_mode))
        return copy_folder(copy, entry);
    int r = link_known(copy, entry);
    if (r != 0)
        return r < 0 ? r : 0;
    if (S_ISREG(entry->st.st_mode))
        return copy_file(copy, entry);
    return S_ISLNK(entry->st.st_mode) ? copy_symlink(copy, entry) : copy_node(copy, entry);
}

/* One name, with the path that errors and links go by. */
static int copy_named(struct copy *copy, int from, int to, const char *name)
{
    size_t length = strlen(copy->path);
    struct copied_name entry = {.from = from, .to = to, .name = name};
    int n =
        snprintf(copy->path + length, sizeof(copy->path) - length, "%s%s", length ? "/" : "", name);
    int r = (size_t)n < sizeof(copy->path) - length ? copy_one(copy, &entry)
                                                    : fail_at(copy, -ENAMETOOLONG, name);
    copy->path[length] = '\0';
    return r;
}

static int copy_entries(struct copy *copy, int from, int to)
{
    int again = keg_openat(from, ".", O_RDONLY | O_DIRECTORY, 0);
    _cleanup_dir_ DIR *dir = again < 0 ? NULL : fdopendir(again);
    int r = dir ? 0 : fail_at(copy, again < 0 ? again : -errno, "read");
    if (++copy->depth > KEG_COPY_UP_DEPTH_MAX)
        r = keg_fail(copy->err, -E2BIG, "copy: folders more than %d deep", KEG_COPY_UP_DEPTH_MAX);
    while (r == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry && errno)
            r = fail_at(copy, -errno, "read");
        if (!entry)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = copy_named(copy, from, to, entry->d_name);
    }
    copy->depth--;
    return r;
}

/* ---- all */

static bool has_option(const struct mount_fs *fs, const char *key)
{
    for (size_t i = 0; fs->options && fs->options[i]; i++)
        if (keg_starts_with(fs->options[i], key))
            return true;
    return false;
}

static int copy_root_attributes(struct copy *copy, int from, int to, const struct mount_fs *fs)
{
    struct stat st, now;
    if (fstat(from, &st) < 0 || fstat(to, &now) < 0)
        return fail_at(copy, -errno, "stat");
    if (has_option(fs, "mode="))
        st.st_mode = now.st_mode;
    if (has_option(fs, "uid="))
        st.st_uid = now.st_uid;
    if (has_option(fs, "gid="))
        st.st_gid = now.st_gid;
    return copy_attributes(copy, from, to, &st);
}

int mount_copy_up(int source_fd, int target_fd, const struct mount_fs *fs, struct keg_err *err)
{
    _cleanup_free_ char *names = malloc(XATTR_BYTES), *value = malloc(XATTR_BYTES);
    /* The mount's fd may be O_PATH. */
    _cleanup_fd_ int to = keg_openat(target_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    struct copy copy = {.root_fd = to, .names = names, .value = value, .err = err};
    if (!names || !value)
        return keg_fail(err, -ENOMEM, "copy: out of memory");
    if (to < 0)
        return keg_fail(err, to, "copy: open the filesystem: %s", keg_errno_text(to));
    int r = copy_entries(&copy, source_fd, to);
    if (r == 0)
        r = copy_root_attributes(&copy, source_fd, to, fs);
    tdestroy(copy.linked, free_linked);
    return r;
}
