/* SPDX-License-Identifier: Apache-2.0 */
/* Whiteouts, from their names in a layer to their form in overlayfs. */
#include "unpack/whiteout.h"

#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define PREFIX       ".wh."
#define META_PREFIX  ".wh..wh."
#define OPAQUE_NAME  ".wh..wh..opq"
#define OPAQUE_XATTR "user.overlay.opaque"

static int last_kind(const char *name, enum unpack_whiteout *ret, struct keg_err *err)
{
    if (!keg_starts_with(name, PREFIX))
        return 0;
    const char *hidden = unpack_whiteout_hidden(name);
    if (hidden[0] == '\0' || keg_streq(hidden, ".") || keg_streq(hidden, ".."))
        return keg_fail(err, -EBADMSG, "a whiteout cannot hide '%s'", hidden);
    *ret = UNPACK_WHITEOUT_NAME;
    return 0;
}

int unpack_whiteout_kind(const struct unpack_path *path, enum unpack_whiteout *ret,
                         struct keg_err *err)
{
    *ret = UNPACK_WHITEOUT_NONE;
    if (path->count == 0)
        return 0;
    if (keg_streq(unpack_path_last(path), OPAQUE_NAME))
        *ret = UNPACK_WHITEOUT_OPAQUE;
    size_t parents = path->count - (*ret == UNPACK_WHITEOUT_OPAQUE);
    for (size_t i = 0; i < parents; i++)
        if (keg_starts_with(unpack_path_part(path, i), META_PREFIX)) {
            *ret = UNPACK_WHITEOUT_SKIP;
            return 0;
        }
    for (size_t i = 0; i + 1 < path->count; i++)
        if (keg_starts_with(unpack_path_part(path, i), PREFIX))
            return keg_fail(err, -EBADMSG, "it lies below the whiteout '%s'",
                            unpack_path_part(path, i));
    return *ret == UNPACK_WHITEOUT_NONE ? last_kind(unpack_path_last(path), ret, err) : 0;
}

const char *unpack_whiteout_hidden(const char *name)
{
    return name + strlen(PREFIX);
}

bool unpack_is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int unpack_whiteout_make(int dirfd, const char *name)
{
    return mknodat(dirfd, name, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

int unpack_set_opaque(int fd)
{
    return fsetxattr(fd, OPAQUE_XATTR, "y", 1, 0) < 0 ? -errno : 0;
}

int unpack_is_opaque(int fd)
{
    char value[2];
    ssize_t n = fgetxattr(fd, OPAQUE_XATTR, value, sizeof(value));
    if (n < 0)
        return errno == ENODATA || errno == ENOTSUP || errno == ERANGE ? 0 : -errno;
    return n == 1 && value[0] == 'y';
}
