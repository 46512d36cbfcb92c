/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the child that mount share. */
#pragma once

#include "run/child.h"
#include "run/mount.h"

/* child_open_target(child, mount, folder, ret, err): The place of ${mount} in the root, made where
 * it is missing: a folder, or a file where ${folder} is false. Links are followed inside of the
 * root; a place in /proc is refused. The caller closes ret->fd. */
int child_open_target(const struct child *child, const struct rootfs_mount *mount, bool folder,
                      struct mount_target *ret, struct keg_err *err);

/* child_reopen_target(target, err): The root of what was mounted on ${target}: an fd for the caller
 * to close. */
int child_reopen_target(const struct mount_target *target, struct keg_err *err);

/* child_mount_cgroups(child, mount, err): child_cgroup_mounts.c: the container's own folders; where
 * it has none, what there is, read-only. */
int child_mount_cgroups(const struct child *child, const struct rootfs_mount *mount,
                        struct keg_err *err);

/* child_has_new(child, type): Whether the container has a new namespace of ${type}, which this
 * user namespace owns. */
bool child_has_new(const struct child *child, enum run_namespace_type type);
