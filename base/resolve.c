/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver: a path that an image chose is walked inside its root, by fd, and nowhere else. */
#include "base/base.h"

#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* openat2 answers EAGAIN when a rename raced with the walk; 128 tries bring an attacker on every
 * CPU to about one failure in a thousand (runc's measurement). */
#define RACE_RETRIES 128
/* The kernel's own bound on links in one walk (path_resolution(7)). */
#define LINKS_MAX 40

static int open_how(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
    bool makes = (flags & O_CREAT) != 0;
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                           .mode = makes ? mode : 0,
                           .resolve = resolve};
    for (int i = 0; i < RACE_RETRIES; i++) {
        long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}

/* ---- the walk for kernels without openat2: the fds of the folders passed make ".." safe */

struct walk {
    int stack[KEG_TAR_DEPTH_MAX];
    size_t depth;
    int links;
};

static int walk_top(const struct walk *walk, int rootfd)
{
    return walk->depth ? walk->stack[walk->depth - 1] : rootfd;
}

static void walk_done(struct walk *walk)
{
    while (walk->depth)
        (void)close(walk->stack[--walk->depth]);
}

static int walk_push(struct walk *walk, int fd)
{
    if (walk->depth == KEG_ARRAY_SIZE(walk->stack)) {
        (void)close(fd);
        return -ENAMETOOLONG;
    }
    walk->stack[walk->depth++] = fd;
    return 0;
}

/* Replace what is left to walk by the link's text and that rest. */
static int walk_link(struct walk *walk, int linkfd, char rest[static PATH_MAX], const char *tail)
{
    char target[PATH_MAX], joined[PATH_MAX];
    if (++walk->links > LINKS_MAX)
        return -ELOOP;
    ssize_t n = readlinkat(linkfd, "", target, sizeof(target) - 1);
    if (n < 0)
        return -errno;
    target[n] = '\0';
    if (n == 0)
        return -ENOENT;
    if (target[0] == '/')
        walk_done(walk);
    int length = snprintf(joined, sizeof(joined), "%s/%s", target, tail);
    if (length >= (int)sizeof(joined))
        return -ENAMETOOLONG;
    memcpy(rest, joined, (size_t)length + 1);
    return 0;
}

/* Take the next component off *rest into name; empty where there is none. */
static int next_component(char **rest, char name[static NAME_MAX + 1])
{
    *rest += strspn(*rest, "/");
    size_t length = strcspn(*rest, "/");
    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, *rest, length);
    name[length] = '\0';
    *rest += length;
    return 0;
}

static bool is_last(const char *rest)
{
    return rest[strspn(rest, "/")] == '\0';
}

/* A procfs magic link is no link to follow: it leads out of any root. */
static int check_no_magic(int linkfd)
{
    struct statx stx;
    if (statx(linkfd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx) < 0)
        return -errno;
    /* /proc is one of the few file systems whose links have no size; a link made by anyone has one.
     */
    return stx.stx_size == 0 ? -ELOOP : 0;
}

static int walk_component(struct walk *walk, int rootfd, const char *name,
                          char rest[static PATH_MAX], char **tail)
{
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        if (walk->depth)
            (void)close(walk->stack[--walk->depth]);
        return 0;
    }
    int fd = keg_openat(walk_top(walk, rootfd), name, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    struct stat st;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && S_ISLNK(st.st_mode)) {
        r = check_no_magic(fd);
        if (r == 0)
            r = walk_link(walk, fd, rest, *tail);
        *tail = rest;
        (void)close(fd);
        return r;
    }
    if (r == 0)
        return walk_push(walk, fd);
    (void)close(fd);
    return r;
}

/* The last component is opened for real in its parent; O_NOFOLLOW keeps a racing link out. */
static int open_last(struct walk *walk, int rootfd, const char *name, int flags, mode_t mode)
{
    bool dots = !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (strcmp(name, "..") == 0 && walk->depth)
        (void)close(walk->stack[--walk->depth]);
    return keg_openat(walk_top(walk, rootfd), dots ? "." : name, flags | O_NOFOLLOW, mode);
}

static bool last_is_link(const struct walk *walk, int rootfd, const char *name)
{
    struct stat st;
    return *name && fstatat(walk_top(walk, rootfd), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(st.st_mode);
}

static int walk_open(struct walk *walk, int rootfd, const char *path, int flags, mode_t mode)
{
    char rest[PATH_MAX], name[NAME_MAX + 1];
    if (strlen(path) >= sizeof(rest))
        return -ENAMETOOLONG;
    memcpy(rest, path, strlen(path) + 1);
    char *tail = rest;
    for (;;) {
        int r = next_component(&tail, name);
        if (r < 0)
            return r;
        bool follow = !(flags & (O_NOFOLLOW | O_EXCL));
        if (is_last(tail) && !(follow && last_is_link(walk, rootfd, name)))
            return open_last(walk, rootfd, name, flags, mode);
        char kept[PATH_MAX];
        size_t length = strlen(tail) + 1;
        memcpy(kept, tail, length);
        char *kept_tail = kept;
        r = walk_component(walk, rootfd, name, rest, &kept_tail);
        if (r < 0)
            return r;
        if (kept_tail != rest)
            memcpy(rest, kept, length);
        tail = rest;
    }
}

int keg_open_in_root(int rootfd, const char *path, int flags, mode_t mode)
{
    int fd = open_how(rootfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd != -ENOSYS)
        return fd;
    struct walk walk = {.depth = 0};
    fd = walk_open(&walk, rootfd, path, flags, mode);
    walk_done(&walk);
    return fd;
}

static int beneath_by_hand(int dirfd, const char *path, int flags, mode_t mode)
{
    char name[NAME_MAX + 1];
    _cleanup_free_ char *copy = keg_strdup(path);
    _cleanup_fd_ int held = -1;
    if (!copy)
        return -ENOMEM;
    if (*copy == '/')
        return -EXDEV;
    char *rest = copy;
    for (int at = dirfd;;) {
        int r = next_component(&rest, name);
        if (r < 0)
            return r;
        if (strcmp(name, "..") == 0)
            return -EXDEV;
        if (is_last(rest))
            return keg_openat(at, *name ? name : ".", flags | O_NOFOLLOW, mode);
        int next = keg_openat(at, name, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
        if (next < 0)
            return next == -ENOTDIR ? -ELOOP : next;
        if (held >= 0)
            (void)close(held);
        at = held = next;
    }
}

int keg_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
    uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int fd = open_how(dirfd, path, flags, mode, resolve);
    return fd == -ENOSYS ? beneath_by_hand(dirfd, path, flags, mode) : fd;
}

/* Open or make the folder that the first `length` bytes of path name. A parent is made before its
 * child, so that only the last component can be missing. */
static int mkdir_step(int rootfd, const char *path, size_t parent_length, size_t length,
                      mode_t mode)
{
    char name[NAME_MAX + 1];
    _cleanup_free_ char *whole = keg_strndup(path, length);
    _cleanup_free_ char *parent = keg_strndup(path, parent_length);
    if (!whole || !parent)
        return -ENOMEM;
    int fd = keg_open_in_root(rootfd, whole, O_PATH | O_DIRECTORY, 0);
    if (fd != -ENOENT)
        return fd;
    const char *last = whole + parent_length + strspn(whole + parent_length, "/");
    if (strlen(last) > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, last, strlen(last) + 1);
    _cleanup_fd_ int at = keg_open_in_root(rootfd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0);
    if (at < 0)
        return at;
    /* EEXIST here is a dangling link: to make what it names would be to follow the image's wish. */
    if (mkdirat(at, name, mode) < 0)
        return -errno;
    return keg_openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
}

static int mkdirs_once(int rootfd, const char *path, mode_t mode)
{
    int fd = keg_open_in_root(rootfd, *path ? path : "/", O_PATH | O_DIRECTORY, 0);
    if (fd != -ENOENT)
        return fd;
    size_t parent = 0;
    for (const char *p = path + strspn(path, "/"); *p;) {
        size_t length = (size_t)(p - path) + strcspn(p, "/");
        if (fd >= 0)
            (void)close(fd);
        fd = mkdir_step(rootfd, path, parent, length, mode);
        if (fd < 0)
            return fd;
        parent = length;
        p = path + length + strspn(path + length, "/");
    }
    return fd;
}

int keg_mkdirs_in_root(int rootfd, const char *path, mode_t mode)
{
    int fd = -EAGAIN;
    /* Somebody who makes, renames or removes what is walked here makes a step fail that would have
     * succeeded a moment earlier or later. A dangling link fails every time. */
    for (int i = 0; i < RACE_RETRIES; i++) {
        fd = mkdirs_once(rootfd, path, mode);
        if (fd != -EEXIST && fd != -ENOENT && fd != -ELOOP && fd != -ENOTDIR)
            break;
    }
    return fd;
}
