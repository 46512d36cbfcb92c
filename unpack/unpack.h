/* SPDX-License-Identifier: Apache-2.0 */
/* unpack: verified bytes in, a layer on disk out, ready to be an overlayfs lower.
 *
 * libarchive reads tar headers (format tar only, no filters: we decompress ourselves); all writing
 * is ours, by (parent fd, name). No path of an image is ever resolved as a string: parents are
 * walked with RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS and kept as fds. Runs in keg-image, in a worker
 * thread for each layer; nothing here prints. */
#pragma once

#include "base/base.h"

#include <stdint.h>

/* unpack_decompress_new(source, ret, err): Wrap ${source} by what its first bytes say: gzip (all
 * members; zero padding behind the last is skipped, other trailing bytes are -EBADMSG), zstd
 * (frames and skippable frames, window at most 2^KEG_ZSTD_WINDOW_LOG_MAX, else -EFBIG) or plain.
 * Takes ${source}, also on failure. A stream that ends early is -EBADMSG. Reads ${source} to its
 * very end before it returns 0. */
int unpack_decompress_new(struct keg_source *source /* takes */, struct keg_source **ret,
                          struct keg_err *err);

/* unpack_digest_new(source, digest, ret, err): Wrap ${source}; at its end, -EBADMSG unless the
 * bytes read have ${digest} (here a diff id: of the uncompressed tar, trailing blocks included).
 * Takes ${source}, also on failure. */
int unpack_digest_new(struct keg_source *source /* takes */, const char *digest,
                      struct keg_source **ret, struct keg_err *err);

/* What a layer turned out to be. */
struct unpack_layer {
    uint64_t entries;
    uint64_t size_bytes; /* of regular files as their entries say, holes and replaced files too;
                          * hard links counted once */
    char **implied; /* folders that the layer implies but does not list: paths without a leading
                     * slash, parents first, "." for the root; made 0755 and the caller's until
                     * unpack_adopt_implied() */
};

void unpack_layer_done(struct unpack_layer *layer);

/* unpack_layer(tar, dirfd, ret, err): Write the entries of the tar stream ${tar} (borrowed; read to
 * its end) into the empty folder ${dirfd}, in overlayfs form for a mount with `userxattr`:
 *  - `.wh.NAME` becomes a character device 0:0 NAME; `.wh..wh..opq` the xattr
 *    user.overlay.opaque=y of its folder; both also where the same layer makes what it hides,
 *    before or after (the layer's own entry stays, and a folder made again over a whiteout is
 *    opaque); other `.wh..wh.*` names are skipped; `.wh.`, `.wh..` and `.wh...` are -EBADMSG;
 *  - owner, mode with setuid, setgid and sticky bits (chmod after chown), mtime with nanoseconds
 *    (those of folders last), the xattrs user.*, security.capability and system.posix_acl_*. Left
 *    out: user.overlay.*, user.keg.*, all other xattrs (trusted.*, security.selinux,
 *    system.nfs4_acl, com.apple.*, ...), user.* on what can have none (xattr(7)), and the inode
 *    flags of SCHILY.fflags;
 *  - an owner that cannot be given since this process has a single id (a user namespace without
 *    subordinate ids) is remembered in the xattr user.keg.owner, "uid:gid:mode", and the file stays
 *    without setuid and setgid bits; with several ids it is -EINVAL and says where more come from;
 *  - a device that may not be made (in a user namespace) is left out, and a whiteout hides what the
 *    layers below have there;
 *  - hard links to an earlier entry of the layer (linked, never followed; to nothing: -EBADMSG),
 *    devices with numbers that fit, fifos, sockets skipped, GNU and pax sparse files with their
 *    holes;
 *  - a later entry of the same name replaces the earlier; a folder met again only changes
 *    attributes;
 *  - only a folder may name the root; "..", absolute names and a parent that is no folder are
 *    resolved as design says: leading "/" and "./" are cut, ".." is -EBADMSG, a parent that is a
 *    symbolic link or a file made by this layer is -EBADMSG naming the entry;
 *  - POSIX ACLs (SCHILY.acl.*) where they name everybody by number, else none of that entry;
 *  - names are bytes, whatever the locale; a stream of no bytes is an empty layer.
 * Bounds: KEG_TAR_PATH_MAX_BYTES and KEG_TAR_DEPTH_MAX (-ENAMETOOLONG), KEG_TAR_ENTRIES_MAX
 * (implied folders count) and KEG_LAYER_UNPACKED_MAX_BYTES, of files and of the tar itself (-EFBIG
 * naming the limit). -ENOSPC is passed on. May run in several threads at once. On failure what was
 * written stays, for the caller to remove. */
int unpack_layer(struct keg_source *tar, int dirfd, struct unpack_layer *ret, struct keg_err *err);

/* unpack_adopt_implied(layer, dirfd, lower_fds, count, err): Give each implied folder of ${layer}
 * in ${dirfd} owner, mode, times and xattrs of the same folder in the layers below, ${lower_fds},
 * top first. One that is hidden there by a whiteout, an opaque parent or a non-folder, that lies
 * in an opaque folder of this layer, or is missing, stays as it is. */
int unpack_adopt_implied(const struct unpack_layer *layer, int dirfd, const int *lower_fds,
                         size_t count, struct keg_err *err);
