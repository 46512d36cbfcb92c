/* SPDX-License-Identifier: Apache-2.0 */
/* The option tmpcopyup: a tmpfs that begins with what was at its place. */
#pragma once

#include "run/mount.h"

/* mount_copy_up(source_fd, target_fd, fs, err): Copy what is in the folder ${source_fd} (O_RDONLY)
 * into the empty folder ${target_fd}, the root of the new filesystem ${fs}, which nobody else uses
 * yet: files, folders, links (hard ones too), nodes; with owner, mode, times and extended
 * attributes. The root gets them too, but for what the options mode, uid and gid of ${fs} say. No
 * symbolic link is followed, no mount below entered. -E2BIG: more than KEG_COPY_UP_ENTRIES_MAX
 * files or KEG_COPY_UP_DEPTH_MAX levels; -ENOSPC: more than the filesystem's size. */
int mount_copy_up(int source_fd, int target_fd, const struct mount_fs *fs, struct keg_err *err);
