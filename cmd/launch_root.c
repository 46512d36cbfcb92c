/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root: an overlay over the image's layers or over a folder (--rootfs DIR:O), with
 * its writable layer in the store or in RAM (--ephemeral), or that folder itself. */
#include "cmd/launch.h"

#include <sys/stat.h>

static int open_layers(struct cmd_launch *launch, int *fds, size_t *ret_count, struct keg_err *err)
{
    size_t count = keg_strv_length(launch->image.layers);
    *ret_count = 0;
    if (count > KEG_LAYERS_MAX)
        return keg_fail(err, -E2BIG, "the image has %zu layers; %d are the most", count,
                        KEG_LAYERS_MAX);
    for (size_t i = 0; i < count; i++) {
        int r = store_layer_open(launch->store, launch->image.layers[count - 1 - i], &fds[i], err);
        if (r < 0)
            return r;
        *ret_count = i + 1;
    }
    if (count > 0)
        return 0;
    /* An image FROM scratch without a layer: overlayfs wants one lower at least. */
    if (mkdirat(launch->dirfd, "lower", 0755) < 0)
        return keg_fail_errno(err, "make an empty lower folder");
    fds[0] = keg_openat(launch->dirfd, "lower", O_PATH | O_DIRECTORY, 0);
    if (fds[0] < 0)
        return keg_fail(err, fds[0], "open an empty lower folder: %s", keg_errno_text(fds[0]));
    *ret_count = 1;
    return 0;
}

/* overlayfs shows the upper's root as "/": it must look like that of the image. */
static int dress_upper(int dirfd, int top_layer_fd, struct keg_err *err)
{
    struct stat st;
    if (fstat(top_layer_fd, &st) < 0)
        return keg_fail_errno(err, "stat the image's root");
    if ((st.st_uid || st.st_gid) && fchownat(dirfd, "upper", st.st_uid, st.st_gid, 0) < 0)
        return keg_fail_errno(err, "give the container's root its owner");
    if ((st.st_mode & 07777) != 0755 && fchmodat(dirfd, "upper", st.st_mode & 07777, 0) < 0)
        return keg_fail_errno(err, "give the container's root its mode");
    return 0;
}

static int mount_in_ram(struct cmd_launch *launch, const int *fds, size_t count,
                        struct keg_err *err)
{
    uint64_t size_bytes;
    _cleanup_fd_ int dirfd = -1;
    int r = plan_storage_size(launch->flags, &size_bytes, err);
    if (r == 0)
        r = run_ephemeral_new(size_bytes, &dirfd, err);
    if (r == 0)
        r = dress_upper(dirfd, fds[0], err);
    return r == 0 ? run_ephemeral_overlay(fds, count, dirfd, launch->rundir_fd, launch->userns_fd,
                                          &launch->rootfs_fd, err)
                  : r;
}

static int mount_overlay(struct cmd_launch *launch, const int *fds, size_t count,
                         struct keg_err *err)
{
    if (launch->flags->ephemeral)
        return mount_in_ram(launch, fds, count, err);
    int r = dress_upper(launch->dirfd, fds[0], err);
    return r == 0 ? run_overlay_mount(fds, count, launch->dirfd, launch->flags->remove,
                                      launch->userns_fd, &launch->rootfs_fd, err)
                  : r;
}

static int mount_image(struct cmd_launch *launch, struct keg_err *err)
{
    int fds[KEG_LAYERS_MAX];
    size_t count;
    int r = open_layers(launch, fds, &count, err);
    if (r == 0)
        r = mount_overlay(launch, fds, count, err);
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
    return r;
}

static int mount_folder(struct cmd_launch *launch, struct keg_err *err)
{
    _cleanup_free_ char *path = NULL;
    bool overlay;
    int r = plan_rootfs(launch->flags->rootfs, &path, &overlay, err);
    if (r < 0)
        return r;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "--rootfs '%s': %s", path, keg_errno_text(fd));
    r = overlay || launch->flags->ephemeral
            ? mount_overlay(launch, &fd, 1, err)
            : run_folder_mount(fd, launch->userns_fd, &launch->rootfs_fd, err);
    return r < 0 ? keg_wrap(err, "--rootfs '%s'", path) : 0;
}

int cmd_launch_mount_root(struct cmd_launch *launch, struct keg_err *err)
{
    return launch->flags->rootfs ? mount_folder(launch, err) : mount_image(launch, err);
}
