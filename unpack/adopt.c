/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that a layer implies take their attributes from the layers below. */
#include "unpack/metadata.h"
#include "unpack/owner.h"
#include "unpack/parents.h"
#include "unpack/unpack.h"
#include "unpack/whiteout.h"

#include <string.h>
#include <sys/xattr.h>

/* All names of one file's xattrs (XATTR_LIST_MAX), and one value (XATTR_SIZE_MAX). */
#define XATTR_MAX_BYTES 65536

/* What a layer says of a path. */
enum lookup {
    LOOKUP_FOUND,
    LOOKUP_ABSENT, /* nothing: the next layer is asked */
    LOOKUP_HIDDEN, /* nothing, and it hides what the layers below say */
};

static int open_part(int dirfd, const char *name, enum lookup *ret)
{
    int fd = unpack_open_folder(dirfd, name);
    if (fd == -ENOTDIR || fd == -ELOOP)
        *ret = LOOKUP_HIDDEN;
    return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? -ENOENT : fd;
}

/* Find the folder ${path} in one layer. Return an fd with LOOKUP_FOUND, -ENOENT with another
 * ${ret}, or a code. */
static int find_folder(int layer_fd, const struct unpack_path *path, enum lookup *ret)
{
    _cleanup_fd_ int fd = unpack_open_folder(layer_fd, ".");
    *ret = LOOKUP_ABSENT;
    for (size_t i = 0; fd >= 0 && i < path->count; i++) {
        int opaque = i > 0 ? unpack_is_opaque(fd) : 0; /* a root is never opaque to overlayfs */
        if (opaque < 0)
            return opaque;
        if (opaque)
            *ret = LOOKUP_HIDDEN;
        int next = open_part(fd, unpack_path_part(path, i), ret);
        close(fd);
        fd = next;
    }
    if (fd >= 0)
        *ret = LOOKUP_FOUND;
    return TAKE_FD(fd);
}

/* Open the implied folder of the layer itself; -ENOENT where it is gone or lies in an opaque
 * folder, so that nothing below is seen through it. */
static int open_own(int dirfd, const struct unpack_path *path)
{
    _cleanup_fd_ int fd = unpack_open_folder(dirfd, ".");
    enum lookup found = LOOKUP_ABSENT;
    for (size_t i = 0; fd >= 0 && i < path->count; i++) {
        int opaque = i > 0 ? unpack_is_opaque(fd) : 0;
        if (opaque != 0)
            return opaque < 0 ? opaque : -ENOENT;
        int next = open_part(fd, unpack_path_part(path, i), &found);
        close(fd);
        fd = next;
    }
    return TAKE_FD(fd);
}

static int copy_xattr(int from, int to, const char *name, char *value, struct keg_err *err)
{
    if (unpack_xattr_is_left_out(name) && !keg_streq(name, UNPACK_OWNER_XATTR))
        return 0;
    ssize_t n = fgetxattr(from, name, value, XATTR_MAX_BYTES);
    if (n < 0)
        return keg_fail_errno(err, "read the xattr '%s'", name);
    if (fsetxattr(to, name, value, (size_t)n, 0) < 0)
        return keg_fail_errno(err, "set the xattr '%s'", name);
    return 0;
}

static int copy_xattrs(int from, int to, struct keg_err *err)
{
    _cleanup_free_ char *names = malloc(2 * XATTR_MAX_BYTES);
    if (!names)
        return keg_fail(err, -ENOMEM, "out of memory");
    ssize_t length = flistxattr(from, names, XATTR_MAX_BYTES);
    if (length < 0)
        return errno == ENOTSUP ? 0 : keg_fail_errno(err, "list xattrs");
    int r = 0;
    for (const char *name = names; r == 0 && name < names + length; name += strlen(name) + 1)
        r = copy_xattr(from, to, name, names + XATTR_MAX_BYTES, err);
    return r;
}

static int copy_attributes(int from, int to, struct keg_err *err)
{
    struct stat st;
    if (fstat(from, &st) < 0)
        return keg_fail_errno(err, "stat");
    if (fchown(to, st.st_uid, st.st_gid) < 0)
        return keg_fail_errno(err, "set its owner");
    if (fchmod(to, st.st_mode & 07777) < 0)
        return keg_fail_errno(err, "set its mode");
    int r = copy_xattrs(from, to, err);
    if (r == 0 && futimens(to, (struct timespec[2]){st.st_atim, st.st_mtim}) < 0)
        return keg_fail_errno(err, "set its times");
    return r;
}

static int adopt_one(const struct unpack_path *path, int dirfd, const int *lower_fds, size_t count,
                     struct keg_err *err)
{
    _cleanup_fd_ int to = open_own(dirfd, path);
    if (to == -ENOENT)
        return 0;
    if (to < 0)
        return keg_fail(err, to, "open: %s", keg_errno_text(to));
    for (size_t i = 0; i < count; i++) {
        enum lookup found;
        _cleanup_fd_ int from = find_folder(lower_fds[i], path, &found);
        if (from >= 0)
            return copy_attributes(from, to, err);
        if (from != -ENOENT)
            return keg_fail(err, from, "open in a layer below: %s", keg_errno_text(from));
        if (found == LOOKUP_HIDDEN)
            return 0;
    }
    return 0;
}

int unpack_adopt_implied(const struct unpack_layer *layer, int dirfd, const int *lower_fds,
                         size_t count, struct keg_err *err)
{
    _cleanup_free_ struct unpack_path *path = malloc(sizeof(*path));
    if (!path)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (char **implied = layer->implied; implied && *implied; implied++) {
        int r = unpack_path_parse(*implied, path, err);
        if (r == 0)
            r = adopt_one(path, dirfd, lower_fds, count, err);
        if (r < 0)
            return keg_wrap(err, "the folder '%s', which the layer implies", *implied);
    }
    return 0;
}
