/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, times and xattrs of an entry, and how they are put on what was made. */
#pragma once

#include "base/base.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <sys/stat.h>

struct unpack_metadata {
    uid_t uid;
    gid_t gid;
    mode_t mode; /* the twelve permission bits */
    struct timespec
        times[2]; /* atime (mtime where the entry has none) and mtime, as utimensat takes */
    struct archive_entry *entry; /* borrowed: xattrs and ACLs */
};

/* unpack_metadata_read(entry, ret, err): Take them from ${entry}, which must outlive ${ret}.
 * -EBADMSG for an owner that does not fit 32 bits or means "none". */
int unpack_metadata_read(struct archive_entry *entry, struct unpack_metadata *ret,
                         struct keg_err *err);

/* unpack_metadata_apply_fd(metadata, fd, err): Put owner, mode and xattrs on the file or folder
 * ${fd}, calling only for what differs; times are the caller's (they come last). */
int unpack_metadata_apply_fd(const struct unpack_metadata *metadata, int fd, struct keg_err *err);

/* unpack_metadata_apply_name(metadata, dirfd, name, err): Put everything, times too, on the
 * symbolic link, device or fifo ${name} that the caller just made in ${dirfd}, without opening it.
 */
int unpack_metadata_apply_name(const struct unpack_metadata *metadata, int dirfd, const char *name,
                               struct keg_err *err);

/* unpack_xattr_is_left_out(name): Whether a layer may not bring that xattr. It may bring user.*,
 * file capabilities and ACLs. Not: what would steer overlayfs (trusted.*, user.overlay.*), what
 * speaks to the host's own security modules (other security.*), and what Linux does not have
 * (com.apple.*). */
bool unpack_xattr_is_left_out(const char *name);
