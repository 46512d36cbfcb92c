/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of mounts: opened where they can be reached. */
#pragma once

#include "run/launch.h"

/* launch_open_sources(launch, err): Before clone: copy what the child cannot. All id-mapped mounts,
 * mapped; and where the container gets a user namespace, new or joined, the root and all sources of
 * bind mounts, since its root may not be allowed to walk to them. What this process may not copy
 * either (no CAP_SYS_ADMIN, an old kernel) is left to the child: -1 in launch->source_fds. Does
 * nothing where nothing of that is wanted. On failure launch_close_sources() is still to be called.
 */
int launch_open_sources(struct launch *launch, struct keg_err *err);

/* launch_close_sources(launch): Close and free them. */
void launch_close_sources(struct launch *launch);

/* launch_is_handed_over(mount): Whether its source is a mount that this process holds by fd
 * ("/proc/self/fd/N") and that may be mounted nowhere: such a one is moved into the container,
 * where the kernel copies none (before Linux 6.15; and from another mount namespace). */
bool launch_is_handed_over(const struct rootfs_mount *mount);

/* launch_open_source(mount, err): An O_PATH fd of the source of a bind mount, checked to be what
 * may be bound there. Parent and child. */
int launch_open_source(const struct rootfs_mount *mount, struct keg_err *err);
