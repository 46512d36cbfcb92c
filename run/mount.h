/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting by fd: the kernel's new mount API, and mount(2) where it has none of it.
 *
 * mount_namespaces(7), fsopen(2), open_tree(2), move_mount(2), mount_setattr(2). Attributes are
 * MOUNT_ATTR_*, propagation is MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE. The fallbacks
 * (Linux before 5.2, or 5.12 for attributes; a sandbox that answers ENOSYS) name fds as
 * /proc/self/fd/N, so /proc must be mounted. Any process; error texts are the cause alone, the
 * caller puts the mount's name in front. / */
#pragma once

#include "base/base.h"

#include <linux/mount.h>
#include <stdbool.h>
#include <stdint.h>

/* Linux 5.14; older headers lack it. */
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* The option that labels all files of a filesystem (SELinux). */
#define MOUNT_CONTEXT_OPTION "context="

/* A filesystem to be made. Options are "key=value" or "flag", NULL-terminated; NULL is none. */
struct mount_fs {
    const char *type;
    const char *source;
    const char *const *options;
    uint64_t attributes;
    unsigned long super_flags; /* MS_* of the superblock: MS_SYNCHRONOUS, MS_RDONLY... */
};

/* What changes on a bind mount. A propagation of 0 leaves it as it is. The recursive attributes go
 * to all mounts below as well (the options rro, rnosuid...). */
struct mount_change {
    uint64_t set, clear;
    uint64_t recursive_set, recursive_clear;
    unsigned long propagation;
    bool propagation_recursive;
};

/* Where to mount: an O_PATH fd, and the path below ${root_fd} that it was found at, which the
 * fallback opens again to reach the new mount (and then checks that it did). */
struct mount_target {
    int root_fd;
    const char *path;
    int fd;
};

/* mount_new_fs(fs, ret_fd, err): Make a detached mount of a new filesystem. *ret_fd is -1 where the
 * kernel cannot: mount_fs_on() then does it all. Return 0 or a negative code with the kernel's own
 * words. */
int mount_new_fs(const struct mount_fs *fs, int *ret_fd, struct keg_err *err);

/* mount_fs_on(fs, mount_fd, target, err): Attach what mount_new_fs() made of ${fs}. */
int mount_fs_on(const struct mount_fs *fs, int mount_fd, const struct mount_target *target,
                struct keg_err *err);

/* mount_clone(source_fd, recursive): A detached copy of the mount at ${source_fd}, a fd of any
 * kind. Return its fd, or -errno; -ENOSYS: use mount_bind_on(). */
int mount_clone(int source_fd, bool recursive);

/* mount_move(mount_fd, target_fd): Attach a detached mount. 0 or -errno. */
int mount_move(int mount_fd, int target_fd);

/* mount_attach(mount_fd, change, target, err): Attach what mount_clone() copied, changed before
 * anyone can see it (with mount(2): at once afterwards). -ENOSYS: recursive attributes on a kernel
 * that lacks them. */
int mount_attach(int mount_fd, const struct mount_change *change, const struct mount_target *target,
                 struct keg_err *err);

/* mount_bind_on(source_fd, recursive, change, target, err): Bind ${source_fd} (with the mounts
 * below) on ${target}, as mount_attach() does. */
int mount_bind_on(int source_fd, bool recursive, const struct mount_change *change,
                  const struct mount_target *target, struct keg_err *err);

/* mount_change_fd(mount_fd, change): Change the mount whose root ${mount_fd} is. 0 or -errno. What
 * is not named in ${change} stays: in a user namespace the kernel refuses to take flags off that
 * came with a mount of the namespace above. */
int mount_change_fd(int mount_fd, const struct mount_change *change);

/* mount_map_ids(mount_fd, userns_fd, recursive, err): Show the files of the detached mount by the
 * maps of ${userns_fd} (MOUNT_ATTR_IDMAP): what is owned by an id inside of it is shown as owned by
 * the id outside. -ENOSYS: Linux before 5.12; -EINVAL: a filesystem that cannot be mapped. */
int mount_map_ids(int mount_fd, int userns_fd, bool recursive, struct keg_err *err);

/* mount_reconfigure(mount_fd, fs, super_clear, err): Change the filesystem that ${mount_fd} is of
 * (mount(2), MS_REMOUNT): ${fs}'s options and flags are set, those of ${super_clear} taken off. */
int mount_reconfigure(int mount_fd, const struct mount_fs *fs, unsigned long super_clear,
                      struct keg_err *err);

/* mount_context_words(context_fd, code, text, size): What the kernel has to say about an fsopen(2)
 * context
 * ("overlay: too many lower directories"), else the errno text of ${code}, into ${text}. */
void mount_context_words(int context_fd, int code, char *text, size_t size);

/* mount_context_set(context_fd, key, value): fsconfig(2), a string, or a flag where ${value} is
 * NULL. 0 or -errno. */
int mount_context_set(int context_fd, const char *key, const char *value);

/* mount_context_finish(context_fd, attributes): Create the superblock and mount it, detached.
 * Return the mount's fd or -errno. */
int mount_context_finish(int context_fd, uint64_t attributes);

/* mount_context_open(type): fsopen(2). Return the fd or -errno. */
int mount_context_open(const char *type);
