/* SPDX-License-Identifier: Apache-2.0 */
/* From the spec's mounts and devices to a plan that only has to be carried out. */
#include "run/rootfs_plan.h"

#include "run/mount_options.h"

#include <string.h>
#include <sys/mount.h>

/* What lxcfs gives its own view of; all else below /proc is the kernel's word to its programs and
 * must not be replaced (CVE-2019-16884). */
static const char *const proc_destinations[] = {
    "cpuinfo",
    "diskstats",
    "meminfo",
    "stat",
    "swaps",
    "uptime",
    "loadavg",
    "slabinfo",
    "sys/kernel/ns_last_pid",
    "sys/crypto/fips_enabled",
};

/* config-linux.md, "Default Devices": the runtime supplies them. /dev/console and ptmx come with
 * the terminal and devpts. */
static char null_path[] = "/dev/null", zero_path[] = "/dev/zero", full_path[] = "/dev/full",
            random_path[] = "/dev/random", urandom_path[] = "/dev/urandom", tty_path[] = "/dev/tty";

static const struct run_device standard_devices[] = {
    {null_path, 'c', 1, 3, 0666, 0, 0},    {zero_path, 'c', 1, 5, 0666, 0, 0},
    {full_path, 'c', 1, 7, 0666, 0, 0},    {random_path, 'c', 1, 8, 0666, 0, 0},
    {urandom_path, 'c', 1, 9, 0666, 0, 0}, {tty_path, 'c', 5, 0, 0666, 0, 0},
};

/* Drop the last component that was written to ${text}. */
static size_t parent_length(const char *text, size_t length)
{
    while (length > 0 && text[--length] != '/')
        continue;
    return length;
}

char *rootfs_clean_path(const char *path)
{
    char *clean = malloc(strlen(path) + 2);
    size_t length = 0;
    for (const char *at = path; clean && *at;) {
        at += strspn(at, "/");
        size_t part = strcspn(at, "/");
        if (part == 2 && memcmp(at, "..", 2) == 0) {
            length = parent_length(clean, length);
        } else if (part > 0 && !(part == 1 && *at == '.')) {
            clean[length++] = '/';
            memcpy(clean + length, at, part);
            length += part;
        }
        at += part;
    }
    if (clean && length == 0)
        clean[length++] = '/';
    if (clean)
        clean[length] = '\0';
    return clean;
}

bool rootfs_in_proc_allowed(const char *destination)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(proc_destinations); i++)
        if (keg_starts_with(destination, "/proc/") &&
            strcmp(destination + strlen("/proc/"), proc_destinations[i]) == 0)
            return true;
    return false;
}

static bool has_option(const struct run_mount *mount, const char *option)
{
    for (char **at = mount->options; at && *at; at++)
        if (strcmp(*at, option) == 0)
            return true;
    return false;
}

static enum rootfs_mount_kind kind_of(const struct run_mount *mount)
{
    if (keg_streq(mount->type, "cgroup") || keg_streq(mount->type, "cgroup2"))
        return ROOTFS_CGROUP;
    bool bind =
        keg_streq(mount->type, "bind") || has_option(mount, "bind") || has_option(mount, "rbind");
    return bind ? ROOTFS_BIND : ROOTFS_FILESYSTEM;
}

static int check_proc(const struct rootfs_mount *mount, struct keg_err *err)
{
    if (keg_starts_with(mount->destination, "/proc/") &&
        !rootfs_in_proc_allowed(mount->destination))
        return keg_fail(err, -EINVAL, "mount '%s': nothing may be mounted inside /proc",
                        mount->destination);
    /* A bind on /proc is checked to be a procfs when it is opened. */
    if (keg_streq(mount->destination, "/proc") && mount->kind != ROOTFS_BIND &&
        !keg_streq(mount->fs.type, "proc"))
        return keg_fail(err, -EINVAL, "mount '/proc': type '%s' is not proc", mount->fs.type);
    return 0;
}

static int plan_destination(const struct run_mount *from, struct rootfs_mount *to,
                            struct keg_err *err)
{
    if (!from->destination || from->destination[0] != '/')
        return keg_fail(err, -EINVAL, "mount destination '%s' is not absolute",
                        from->destination ? from->destination : "");
    to->destination = rootfs_clean_path(from->destination);
    if (!to->destination)
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", from->destination);
    if (keg_streq(to->destination, "/"))
        return keg_fail(err, -EINVAL, "mount '/': the root itself cannot be mounted over");
    to->real_folder = keg_streq(to->destination, "/dev") || keg_streq(to->destination, "/proc") ||
                      keg_streq(to->destination, "/sys");
    return check_proc(to, err);
}

/* Attributes and propagation into the change, all else to the filesystem. */
static int plan_options(const struct run_mount *from, struct rootfs_mount *to, struct keg_err *err)
{
    size_t kept = 0;
    to->fs_options = calloc(keg_strv_length(from->options) + 1, sizeof(*to->fs_options));
    if (!to->fs_options)
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", from->destination);
    for (char **option = from->options; option && *option; option++)
        if (!mount_option_apply(*option, &to->change, &to->recursive))
            to->fs_options[kept++] = *option;
    to->fs.options = to->fs_options;
    if (to->kind == ROOTFS_BIND && kept > 0)
        return keg_fail(err, -EINVAL, "mount '%s': unknown option '%s'", from->destination,
                        to->fs_options[0]);
    /* A new filesystem has no mounts below: recursive or not is one. */
    to->fs.attributes = to->change.set | to->change.recursive_set;
    return 0;
}

static int plan_bind(const struct run_mount *from, struct rootfs_mount *to, struct keg_err *err)
{
    if (!from->source || from->source[0] != '/')
        return keg_fail(err, -EINVAL, "mount '%s': the source '%s' is not an absolute path",
                        from->destination, from->source ? from->source : "");
    to->source = from->source;
    if (!to->change.propagation) {
        to->change.propagation = MS_PRIVATE;
        to->change.propagation_recursive = true;
    }
    return 0;
}

static int plan_mount(const struct run_mount *from, struct rootfs_mount *to, struct keg_err *err)
{
    to->kind = kind_of(from);
    to->fs.type = from->type;
    to->fs.source = from->source ? from->source : from->type;
    if (to->kind == ROOTFS_FILESYSTEM && !from->type)
        return keg_fail(err, -EINVAL, "mount '%s': neither a type nor a bind mount",
                        from->destination ? from->destination : "");
    int r = plan_destination(from, to, err);
    if (r == 0)
        r = plan_options(from, to, err);
    if (r == 0 && to->kind == ROOTFS_BIND)
        r = plan_bind(from, to, err);
    return r;
}

static int plan_mounts(const struct run_spec *spec, struct rootfs_plan *plan, struct keg_err *err)
{
    plan->mounts = calloc(spec->mounts_count + 1, sizeof(*plan->mounts));
    if (!plan->mounts)
        return keg_fail(err, -ENOMEM, "mounts: out of memory");
    for (size_t i = 0; i < spec->mounts_count; i++) {
        plan->mounts_count = i + 1;
        int r = plan_mount(&spec->mounts[i], &plan->mounts[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- devices */

static bool has_device(const struct rootfs_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->devices_count; i++)
        if (keg_streq(plan->devices[i].path, path))
            return true;
    return false;
}

static int check_device(const struct run_device *device, struct keg_err *err)
{
    const char *path = device->path ? device->path : "";
    _cleanup_free_ char *clean = rootfs_clean_path(path);
    if (!clean)
        return keg_fail(err, -ENOMEM, "device '%s': out of memory", path);
    if (!keg_starts_with(path, "/dev/") || !keg_streq(path, clean))
        return keg_fail(err, -EINVAL, "device '%s': not a path below /dev", path);
    if (!device->type || !strchr("cubp", device->type))
        return keg_fail(err, -EINVAL, "device '%s': type '%c' is none of c, u, b, p", path,
                        device->type ? device->type : ' ');
    /* Larger numbers would be cut to another device's. */
    if (device->major > 0xfff || device->minor > 0xfffff)
        return keg_fail(err, -EINVAL, "device '%s': %u:%u is no device number", path, device->major,
                        device->minor);
    return 0;
}

static int plan_devices(const struct run_spec *spec, struct rootfs_plan *plan, struct keg_err *err)
{
    size_t most = spec->devices_count + KEG_ARRAY_SIZE(standard_devices);
    plan->devices = calloc(most, sizeof(*plan->devices));
    if (!plan->devices)
        return keg_fail(err, -ENOMEM, "devices: out of memory");
    for (size_t i = 0; i < spec->devices_count; i++) {
        int r = check_device(&spec->devices[i], err);
        if (r < 0)
            return r;
        plan->devices[plan->devices_count++] = spec->devices[i];
    }
    for (size_t i = 0; i < KEG_ARRAY_SIZE(standard_devices); i++)
        if (!has_device(plan, standard_devices[i].path))
            plan->devices[plan->devices_count++] = standard_devices[i];
    return 0;
}

static int plan_root(const struct run_spec *spec, struct rootfs_plan *plan, struct keg_err *err)
{
    struct mount_change change = {.propagation = MS_PRIVATE};
    bool recursive = false;
    const char *wanted = spec->rootfs_propagation;
    if (wanted && (!mount_option_apply(wanted, &change, &recursive) || change.set || change.clear ||
                   change.recursive_set || change.recursive_clear || recursive))
        return keg_fail(err, -EINVAL, "rootfs propagation '%s' is unknown", wanted);
    plan->root_propagation =
        change.propagation | (change.propagation_recursive ? (unsigned long)MS_REC : 0);
    return 0;
}

int rootfs_plan_make(const struct run_spec *spec, struct rootfs_plan *ret, struct keg_err *err)
{
    *ret = (struct rootfs_plan){0};
    int r = plan_mounts(spec, ret, err);
    if (r == 0)
        r = plan_devices(spec, ret, err);
    if (r == 0)
        r = plan_root(spec, ret, err);
    if (r < 0)
        rootfs_plan_done(ret);
    return r;
}

void rootfs_plan_done(struct rootfs_plan *plan)
{
    for (size_t i = 0; i < plan->mounts_count; i++) {
        free(plan->mounts[i].destination);
        free(plan->mounts[i].fs_options);
    }
    free(plan->mounts);
    free(plan->devices);
    *plan = (struct rootfs_plan){0};
}
