/* SPDX-License-Identifier: Apache-2.0 */
/* Whiteouts: as a layer names them (image-spec layer.md, "Whiteouts"), and as overlayfs keeps them.
 */
#pragma once

#include "unpack/path.h"

#include <stdbool.h>
#include <sys/stat.h>

enum unpack_whiteout {
    UNPACK_WHITEOUT_NONE,   /* an entry like any other */
    UNPACK_WHITEOUT_NAME,   /* ".wh.NAME": NAME of the layers below is gone */
    UNPACK_WHITEOUT_OPAQUE, /* ".wh..wh..opq": all that the layers below have in this folder is gone
                             */
    UNPACK_WHITEOUT_SKIP,   /* other ".wh..wh.*": aufs' own files, and what is below them */
};

/* unpack_whiteout_kind(path, ret, err): What ${path} says. -EBADMSG for ".wh.", ".wh.." and
 * ".wh...", which name nothing, the folder itself and the one above, and for a name below a
 * ".wh.NAME". */
int unpack_whiteout_kind(const struct unpack_path *path, enum unpack_whiteout *ret,
                         struct keg_err *err);

/* unpack_whiteout_hidden(name): NAME of ".wh.NAME". */
const char *unpack_whiteout_hidden(const char *name);

/* unpack_is_whiteout(st): Whether that is a whiteout of overlayfs: a character device 0:0. */
bool unpack_is_whiteout(const struct stat *st);

/* unpack_whiteout_make(dirfd, name): Make one. Needs no capability. 0 or -errno. */
int unpack_whiteout_make(int dirfd, const char *name);

/* unpack_set_opaque(fd), unpack_is_opaque(fd): The mark of a folder that hides what is below, for
 * mounts with `userxattr`. 0 or -errno; 1, 0 or -errno. */
int unpack_set_opaque(int fd);
int unpack_is_opaque(int fd);
