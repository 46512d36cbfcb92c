/* SPDX-License-Identifier: Apache-2.0 */
/* What to mount and make in a container's root, worked out from the spec without touching
 * anything. / */
#pragma once

#include "run/mount.h"
#include "run/run.h"

enum rootfs_mount_kind {
    ROOTFS_FILESYSTEM, /* a new filesystem: proc, tmpfs... */
    ROOTFS_BIND,
    ROOTFS_CGROUP,  /* the container's own cgroup folders, bound together */
    ROOTFS_REMOUNT, /* a change of what is mounted at the destination already */
};

/* One mount. Strings are borrowed from the spec, but `destination`, `source` and the arrays. */
struct rootfs_mount {
    enum rootfs_mount_kind kind;
    char *destination;          /* absolute, no "." or "..", no double or trailing slash */
    struct mount_fs fs;         /* ROOTFS_FILESYSTEM; attributes for ROOTFS_CGROUP too */
    const char **fs_options;    /* what fs.options points to */
    char *context_option;       /* the one of fs_options that is made here, or NULL */
    char *source;               /* ROOTFS_BIND: absolute, on the host */
    bool recursive;             /* ROOTFS_BIND: with the mounts below the source */
    struct mount_change change; /* ROOTFS_BIND, ROOTFS_REMOUNT; propagation for all kinds */
    bool super_remount;         /* ROOTFS_REMOUNT: of the filesystem, not of this mount alone */
    unsigned long super_clear;  /* ROOTFS_REMOUNT: flags to be taken off the superblock */
    bool real_folder;           /* /dev, /proc, /sys: a symbolic link of the image there is an error
                                   (CVE-2019-19921) */
    bool copy_up;               /* filled with what the image has there; `change` comes after it */
    bool id_mapped, id_mapped_recursive;
    const struct run_id_maps *uid_maps, *gid_maps; /* empty: the container's own */
};

struct rootfs_plan {
    struct rootfs_mount *mounts;
    size_t mounts_count;
    struct run_device
        *devices; /* the standard ones and the spec's; paths borrowed, cleaned and absolute */
    size_t devices_count;
    bool dev_is_bound;              /* /dev is somebody else's: no nodes and links in there */
    bool wants_id_maps;             /* one mount at least is id-mapped */
    char *root_path;                /* absolute; NULL where the spec has no such */
    unsigned long root_propagation; /* MS_*, with MS_REC */
};

/* rootfs_plan_make(spec, bundle, ret, err): Fill the uninitialised ${ret}, which borrows from
 * ${spec}; rootfs_plan_done() frees it. Relative sources and a relative root are taken below
 * ${bundle}, an absolute path or NULL; relative destinations below the root. -EINVAL: a destination
 * that is "/" or lies in /proc (but the ten files that lxcfs gives); an unknown option of a bind
 * mount; a relative source without a bundle; an id-mapped mount without maps; anything to be
 * mounted without a mount namespace; a device whose path is not below /dev. Pure. */
int rootfs_plan_make(const struct run_spec *spec, const char *bundle, struct rootfs_plan *ret,
                     struct keg_err *err);
void rootfs_plan_done(struct rootfs_plan *plan);

/* rootfs_clean_path(path): ${path}, absolute, without ".", "..", double or trailing slashes (".."
 * above the root is the root), for the caller to free; NULL when out of memory. Lexical. */
char *rootfs_clean_path(const char *path);

/* rootfs_in_proc_allowed(destination): whether a clean path under /proc may be a mount point. */
bool rootfs_in_proc_allowed(const char *destination);
