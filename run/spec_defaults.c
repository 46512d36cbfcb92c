/* SPDX-License-Identifier: Apache-2.0 */
/* The default confinement of a container, and its opposite, --privileged. */
#include "run/run.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <linux/capability.h>

#define BIT(capability) (UINT64_C(1) << (capability))

/* podman's eleven: moby's fourteen without MKNOD, NET_RAW and AUDIT_WRITE, which few programs need.
 */
#define DEFAULT_CAPABILITIES                                                                       \
    (BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |                  \
     BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) |                     \
     BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL))

/* What a fork bomb may take; podman's default. */
#define DEFAULT_PIDS_LIMIT 2048

/* Folders in /dev that are mounts of the container's own, and never copied from the host. */
static const char *const own_dev_folders[] = {"pts", "shm", "mqueue", "fd", "hugepages"};

/* moby's mounts, in its order: a mount below another comes later. */
static const struct {
    const char *destination, *type, *source, *options;
} default_mounts[] = {
    {"/proc", "proc", "proc", "nosuid,noexec,nodev"},
    {"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
    {"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev"},
    {"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
    {"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"},
};

static const char *const default_masked_paths[] = {
    "/proc/acpi",       "/proc/asound",        "/proc/interrupts",  "/proc/kcore",
    "/proc/keys",       "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats",   "/sys/firmware",     "/sys/devices/virtual/powercap",
    "/sys/fs/selinux",
};

static const char *const default_readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* All but the default devices, which every runtime allows behind it (config-linux.md, "Default
 * Devices"). */
static const struct run_device_rule deny_all = {false, 'a', -1, -1, "rwm"};

static int add_default_mounts(struct run_spec *spec, struct keg_err *err)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(default_mounts); i++) {
        int r = run_spec_add_mount(spec, default_mounts[i].destination, default_mounts[i].type,
                                   default_mounts[i].source, default_mounts[i].options, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* One that this kernel does not have costs the child a failed lookup at each start. */
static int add_existing(char ***list, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (access(paths[i], F_OK) == 0 && keg_strv_add(list, paths[i]) < 0)
            return -ENOMEM;
    return 0;
}

/* The thermal throttle counters tell a container what the others on its CPU do. */
static int mask_thermal_throttle(char ***list)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    for (long i = 0; i < cpus; i++) {
        _cleanup_free_ char *path =
            keg_asprintf("/sys/devices/system/cpu/cpu%ld/thermal_throttle", i);
        if (!path)
            return -ENOMEM;
        if (access(path, F_OK) < 0)
            return 0; /* cpu0 has none: no other has */
        if (keg_strv_add(list, path) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int set_device_rules(struct run_spec *spec, const struct run_device_rule *rules,
                            size_t count)
{
    struct run_device_rule *copy = calloc(count, sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    memcpy(copy, rules, count * sizeof(*copy));
    free(spec->resources.devices);
    spec->resources.devices = copy;
    spec->resources.devices_count = count;
    return 0;
}

static void set_capabilities(struct run_process *process, uint64_t set)
{
    /* Nothing inheritable or ambient: either lets a file's capabilities reach users whom they were
     * not given to (CVE-2022-24769). */
    process->capabilities =
        (struct run_capabilities){.bounding = set, .effective = set, .permitted = set};
    process->capabilities_set = true;
}

static int fill_defaults(struct run_spec *spec)
{
    static const enum run_namespace_type wanted[] = {RUN_NS_PID, RUN_NS_NETWORK, RUN_NS_MOUNT,
                                                     RUN_NS_IPC, RUN_NS_UTS,     RUN_NS_CGROUP};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(wanted); i++)
        spec->namespaces[wanted[i]].wanted = true;
    set_capabilities(&spec->process, DEFAULT_CAPABILITIES);
    spec->resources.pids_limit = DEFAULT_PIDS_LIMIT;
    spec->seccomp = RUN_SECCOMP_DEFAULT;
    spec->process.cwd = keg_strdup("/");
    if (!spec->process.cwd)
        return -ENOMEM;
    if (add_existing(&spec->masked_paths, default_masked_paths,
                     KEG_ARRAY_SIZE(default_masked_paths)) < 0 ||
        mask_thermal_throttle(&spec->masked_paths) < 0 ||
        add_existing(&spec->readonly_paths, default_readonly_paths,
                     KEG_ARRAY_SIZE(default_readonly_paths)) < 0)
        return -ENOMEM;
    return set_device_rules(spec, &deny_all, 1);
}

int run_spec_defaults(struct run_spec *spec, struct keg_err *err)
{
    if (fill_defaults(spec) < 0)
        return keg_fail(err, -ENOMEM, "default confinement: out of memory");
    return add_default_mounts(spec, err);
}

/* ---- privileged */

static bool has_device(const struct run_spec *spec, const char *path)
{
    for (size_t i = 0; i < spec->devices_count; i++)
        if (keg_streq(spec->devices[i].path, path))
            return true;
    return false;
}

static int add_device(struct run_spec *spec, const char *path, const struct stat *st)
{
    if (has_device(spec, path))
        return 0;
    struct run_device *devices =
        reallocarray(spec->devices, spec->devices_count + 1, sizeof(*devices));
    if (!devices)
        return -ENOMEM;
    spec->devices = devices;
    char *copy = keg_strdup(path);
    if (!copy)
        return -ENOMEM;
    devices[spec->devices_count++] = (struct run_device){
        .path = copy,
        .type = S_ISCHR(st->st_mode) ? 'c' : 'b',
        .major = major(st->st_rdev),
        .minor = minor(st->st_rdev),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
    };
    return 0;
}

static bool is_own_dev_folder(const char *name)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(own_dev_folders); i++)
        if (strcmp(name, own_dev_folders[i]) == 0)
            return true;
    return false;
}

static int add_host_devices(struct run_spec *spec, int dirfd, const char *path, unsigned depth);

static int add_host_entry(struct run_spec *spec, int dirfd, const char *parent, const char *name,
                          unsigned depth)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* unplugged just now */
    _cleanup_free_ char *path = keg_asprintf("%s/%s", parent, name);
    if (!path)
        return -ENOMEM;
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        return keg_streq(path, "/dev/console") ? 0 : add_device(spec, path, &st);
    if (!S_ISDIR(st.st_mode) || (depth == 0 && is_own_dev_folder(name)))
        return 0;
    int fd = keg_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    return fd < 0 ? 0 : add_host_devices(spec, fd, path, depth + 1);
}

/* Takes ${dirfd}. */
static int add_host_devices(struct run_spec *spec, int dirfd, const char *path, unsigned depth)
{
    _cleanup_dir_ DIR *dir = fdopendir(dirfd);
    if (!dir) {
        close(dirfd);
        return -errno;
    }
    if (depth > 8)
        return 0; /* /dev is the host's own, but a loop of bind mounts is no reason to hang */
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int r = add_host_entry(spec, dirfd, path, entry->d_name, depth);
        if (r < 0)
            return r;
    }
    return 0;
}

/* sysfs and the cgroups lose "ro". */
static void make_writable(struct run_mount *mount)
{
    char **to = mount->options;
    for (char **from = mount->options; from && *from; from++) {
        if (strcmp(*from, "ro") == 0)
            free(*from);
        else
            *to++ = *from;
    }
    if (to)
        *to = NULL;
}

int run_spec_privileged(struct run_spec *spec, struct keg_err *err)
{
    static const struct run_device_rule everything = {true, 'a', -1, -1, "rwm"};
    set_capabilities(&spec->process, run_capabilities_bounding());
    spec->seccomp = RUN_SECCOMP_NONE;
    keg_strv_free(TAKE_PTR(spec->masked_paths));
    keg_strv_free(TAKE_PTR(spec->readonly_paths));
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].type, "sysfs") || keg_streq(spec->mounts[i].type, "cgroup"))
            make_writable(&spec->mounts[i]);
    if (set_device_rules(spec, &everything, 1) < 0)
        return keg_fail(err, -ENOMEM, "privileged: out of memory");
    int dev = keg_openat(AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY, 0);
    if (dev < 0)
        return keg_fail(err, dev, "open '/dev': %s", keg_errno_text(dev));
    int r = add_host_devices(spec, dev, "/dev", 0);
    return r < 0 ? keg_fail(err, r, "devices of the host: %s", keg_errno_text(r)) : 0;
}
