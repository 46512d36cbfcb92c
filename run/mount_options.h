/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options as mount(8) and the OCI spec write them (config.md, "Linux mount options"). */
#pragma once

#include "run/mount.h"

/* All options of one mount, read one after the other; zeroed before the first. */
struct mount_options {
    struct mount_change change;
    unsigned long super_set, super_clear; /* MS_* of the superblock: MS_SYNCHRONOUS... */
    bool bind, recursive;                 /* bind, rbind */
    bool remount;
    bool id_mapped, id_mapped_recursive; /* idmap, ridmap */
    bool copy_up;                        /* tmpcopyup */
};

enum mount_option_kind {
    MOUNT_OPTION_FILESYSTEM,  /* none of these: the filesystem's own ("size=64k") */
    MOUNT_OPTION_ATTRIBUTE,   /* of one mount, or with an "r" in front of all below too */
    MOUNT_OPTION_PROPAGATION, /* private, rslave... */
    MOUNT_OPTION_SUPERBLOCK,  /* of the filesystem, and so of all its mounts: sync, lazytime... */
    MOUNT_OPTION_ACTION,      /* what to do: bind, remount, idmap, tmpcopyup, defaults... */
};

/* mount_option_apply(option, options): Read ${option} into ${options}; the last of opposite ones
 * wins. Return what it is; MOUNT_OPTION_FILESYSTEM changes nothing. Pure. */
enum mount_option_kind mount_option_apply(const char *option, struct mount_options *options);

/* mount_option_names(ret): Append the names of all options that mount_option_apply() knows, sorted,
 * to the string vector *ret (features.md, "mountOptions"). 0 or -ENOMEM. */
int mount_option_names(char ***ret);
