/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: nodes and links in /dev. */
#include "run/child_mounts.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static mode_t type_bits(char type)
{
    switch (type) {
    case 'b':
        return S_IFBLK;
    case 'p':
        return S_IFIFO;
    default:
        return S_IFCHR;
    }
}

/* What was there already must be that very device. */
static int check_same_node(int dirfd, const char *name, const struct run_device *device,
                           struct keg_err *err)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return keg_fail_errno(err, "stat '%s'", device->path);
    bool same = (st.st_mode & S_IFMT) == type_bits(device->type) &&
                (device->type == 'p' || st.st_rdev == makedev(device->major, device->minor));
    return same ? 0 : keg_fail(err, -EEXIST, "'%s' of the image is something else", device->path);
}

/* ---- the host's, where none can be made */

static bool is_device(int fd, const struct run_device *device)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type_bits(device->type) &&
           st.st_rdev == makedev(device->major, device->minor);
}

/* Where the kernel itself would put the node: "DEVNAME=bus/usb/001/002" in its uevent file. */
static char *kernel_path(const struct run_device *device)
{
    static const char key[] = "DEVNAME=";
    _cleanup_buf_ struct keg_buf text = {0};
    _cleanup_free_ char *file =
        keg_asprintf("/sys/dev/%s/%u:%u/uevent", device->type == 'b' ? "block" : "char",
                     device->major, device->minor);
    if (!file || keg_read_file(AT_FDCWD, file, 64 * 1024, &text, NULL) < 0)
        return NULL;
    char *name = strstr(text.data, key);
    if (!name)
        return NULL;
    name += strlen(key);
    name[strcspn(name, "\n")] = '\0';
    return keg_asprintf("/dev/%s", name);
}

/* The host's node of that number: at the same path, or where the kernel says. */
static int open_host_node(const struct run_device *device, struct keg_err *err)
{
    int fd = keg_openat(AT_FDCWD, device->path, O_PATH, 0);
    if (fd >= 0 && is_device(fd, device))
        return fd;
    if (fd >= 0)
        (void)close(fd);
    _cleanup_free_ char *path = kernel_path(device);
    fd = path ? keg_openat(AT_FDCWD, path, O_PATH, 0) : -ENOENT;
    if (fd >= 0 && is_device(fd, device))
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return keg_fail(err, -ENODEV,
                    "'%s': no node can be made here, and the host has none of %c %u:%u",
                    device->path, device->type, device->major, device->minor);
}

/* A fresh file, or what an earlier container left. */
static int open_place(int dirfd, const char *name, const struct run_device *device,
                      struct keg_err *err)
{
    struct stat st;
    if (mknodat(dirfd, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
        return keg_fail_errno(err, "make '%s'", device->path);
    _cleanup_fd_ int fd = keg_openat(dirfd, name, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        return keg_fail_errno(err, "open '%s'", device->path);
    if (!S_ISREG(st.st_mode) && !is_device(fd, device))
        return keg_fail(err, -EEXIST, "'%s' of the image is something else", device->path);
    return TAKE_FD(fd);
}

/* Read-only: that holds for the node's mode and owner, which are the host's, and not for what is
 * written to the device. */
static int bind_host_node(const struct child *child, int dirfd, const char *name,
                          const struct run_device *device, struct keg_err *err)
{
    static const struct mount_change change = {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                      MOUNT_ATTR_NOEXEC,
                                               .propagation = MS_PRIVATE};
    if (!child->spec->namespaces[RUN_NS_MOUNT].wanted)
        return check_same_node(dirfd, name, device, err);
    _cleanup_fd_ int source = open_host_node(device, err);
    if (source < 0)
        return source;
    _cleanup_fd_ int place = open_place(dirfd, name, device, err);
    if (place < 0)
        return place;
    const struct mount_target target = {
        .root_fd = child->root_fd, .path = device->path, .fd = place};
    int r = mount_bind_on(source, false, &change, &target, err);
    return r < 0 ? keg_wrap(err, "'%s'", device->path) : 0;
}

/* ---- new nodes */

/* In a user namespace the kernel makes none; nor where a container around this one may not. */
static int make_node(const struct child *child, int dirfd, const char *name,
                     const struct run_device *device, struct keg_err *err)
{
    dev_t number = device->type == 'p' ? 0 : makedev(device->major, device->minor);
    if (child->unmapped_root && device->type != 'p')
        return bind_host_node(child, dirfd, name, device, err);
    if (mknodat(dirfd, name, type_bits(device->type) | device->mode, number) < 0) {
        if (errno == EPERM && device->type != 'p')
            return bind_host_node(child, dirfd, name, device, err);
        return errno == EEXIST ? check_same_node(dirfd, name, device, err)
                               : keg_fail_errno(err, "make '%s'", device->path);
    }
    if ((device->uid || device->gid) &&
        fchownat(dirfd, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return keg_fail_errno(err, "owner of '%s'", device->path);
    return 0;
}

/* Below the fd of /dev, so that a link there cannot lead to the host's. */
static int make_device(const struct child *child, const struct run_device *device,
                       struct keg_err *err)
{
    const char *path = device->path + strlen("/dev/");
    const char *slash = strrchr(path, '/');
    if (!slash)
        return make_node(child, child->dev_fd, path, device, err);
    _cleanup_free_ char *folder = keg_strndup(path, (size_t)(slash - path));
    if (!folder)
        return keg_fail(err, -ENOMEM, "out of memory");
    _cleanup_fd_ int fd = keg_mkdirs_in_root(child->dev_fd, folder, 0755);
    if (fd < 0)
        return keg_fail(err, fd, "folder of '%s': %s", device->path, keg_errno_text(fd));
    return make_node(child, fd, slash + 1, device, err);
}

static int make_links(const struct child *child, struct keg_err *err)
{
    static const struct {
        const char *target, *name;
    } links[] = {
        {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
        {"/proc/self/fd/2", "stderr"}, {"/proc/kcore", "core"},      {"pts/ptmx", "ptmx"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(links); i++)
        if (symlinkat(links[i].target, child->dev_fd, links[i].name) < 0 && errno != EEXIST)
            return keg_fail_errno(err, "link '/dev/%s'", links[i].name);
    return 0;
}

int child_make_devices(struct child *child, struct keg_err *err)
{
    const struct rootfs_plan *plan = &child->launch->plan;
    if (mkdirat(child->root_fd, "dev", 0755) < 0 && errno != EEXIST)
        return keg_fail_errno(err, "make '/dev'");
    int fd = keg_open_beneath(child->root_fd, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd == -ELOOP || fd == -ENOTDIR)
        return keg_fail(err, -ENOTDIR, "'/dev' of the image is not a folder");
    if (fd < 0)
        return keg_fail(err, fd, "open '/dev': %s", keg_errno_text(fd));
    child->dev_fd = fd;
    if (plan->dev_is_bound)
        return 0;
    for (size_t i = 0; i < plan->devices_count; i++) {
        int r = make_device(child, &plan->devices[i], err);
        if (r < 0)
            return r;
    }
    return make_links(child, err);
}
