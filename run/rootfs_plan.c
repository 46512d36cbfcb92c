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

static bool has_option(const char *const *options, const char *key)
{
    for (; *options; options++)
        if (keg_starts_with(*options, key))
            return true;
    return false;
}

/* All of a mount's options, read; what is left for the filesystem, borrowed, into ${rest}. */
static struct mount_options read_options(const struct run_mount *mount, const char **rest)
{
    struct mount_options options = {0};
    size_t kept = 0;
    for (char **option = mount->options; option && *option; option++)
        if (mount_option_apply(*option, &options) == MOUNT_OPTION_FILESYSTEM)
            rest[kept++] = *option;
    return options;
}

static enum rootfs_mount_kind kind_of(const struct run_mount *mount,
                                      const struct mount_options *options)
{
    if (options->remount)
        return ROOTFS_REMOUNT;
    if (keg_streq(mount->type, "cgroup") || keg_streq(mount->type, "cgroup2"))
        return ROOTFS_CGROUP;
    return options->bind || keg_streq(mount->type, "bind") ? ROOTFS_BIND : ROOTFS_FILESYSTEM;
}

static int check_proc(const struct rootfs_mount *mount, struct keg_err *err)
{
    if (mount->kind == ROOTFS_REMOUNT)
        return 0;
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
    const char *path = from->destination ? from->destination : "";
    if (!*path)
        return keg_fail(err, -EINVAL, "mount without a destination");
    /* Up to runtime-spec 1.1 relative ones were fine; they are the root's. */
    to->destination = rootfs_clean_path(path);
    if (!to->destination)
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", path);
    if (keg_streq(to->destination, "/"))
        return keg_fail(err, -EINVAL, "mount '/': the root itself cannot be mounted over");
    to->real_folder = keg_streq(to->destination, "/dev") || keg_streq(to->destination, "/proc") ||
                      keg_streq(to->destination, "/sys");
    return check_proc(to, err);
}

/* Filesystems whose instances are shared, or have nothing to be read-only: the mount alone is. */
static bool is_of_the_kernel(const char *type)
{
    static const char *const types[] = {"proc",       "sysfs",     "tmpfs",   "devpts", "mqueue",
                                        "ramfs",      "debugfs",   "tracefs", "bpf",    "devtmpfs",
                                        "securityfs", "hugetlbfs", "cgroup",  "cgroup2"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(types); i++)
        if (keg_streq(type, types[i]))
            return true;
    return false;
}

static void plan_filesystem(const struct mount_options *options, struct rootfs_mount *to)
{
    to->fs.super_flags = options->super_set;
    if ((to->fs.attributes & MOUNT_ATTR_RDONLY) && !is_of_the_kernel(to->fs.type))
        to->fs.super_flags |= MS_RDONLY;
    to->change = (struct mount_change){
        .propagation = options->change.propagation,
        .propagation_recursive = options->change.propagation_recursive,
    };
    if (!to->copy_up)
        return;
    to->change.set = to->fs.attributes & MOUNT_ATTR_RDONLY;
    to->fs.attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
}

/* Files that the kernel makes up have labels of its own. */
static bool is_labelled(const char *type)
{
    return keg_streq(type, "tmpfs") || keg_streq(type, "devpts") || keg_streq(type, "ramfs") ||
           !is_of_the_kernel(type);
}

static int plan_label(const char *label, struct rootfs_mount *to, struct keg_err *err)
{
    size_t count = 0;
    if (!label || !*label || to->kind != ROOTFS_FILESYSTEM || !is_labelled(to->fs.type) ||
        has_option(to->fs_options, MOUNT_CONTEXT_OPTION))
        return 0;
    to->context_option = keg_asprintf(MOUNT_CONTEXT_OPTION "%s", label);
    if (!to->context_option)
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", to->destination);
    while (to->fs_options[count])
        count++;
    to->fs_options[count] = to->context_option;
    return 0;
}

static int plan_copy_up(const struct mount_options *options, struct rootfs_mount *to,
                        struct keg_err *err)
{
    to->copy_up = options->copy_up;
    if (to->copy_up && (to->kind != ROOTFS_FILESYSTEM || !keg_streq(to->fs.type, "tmpfs")))
        return keg_fail(err, -EINVAL, "mount '%s': tmpcopyup is an option of tmpfs alone",
                        to->destination);
    return 0;
}

static int make_absolute(const char *path, const char *bundle, char **ret)
{
    *ret = path[0] == '/' ? keg_strdup(path) : keg_asprintf("%s/%s", bundle, path);
    return *ret ? 0 : -ENOMEM;
}

static int plan_bind(const struct run_mount *from, const char *bundle, struct rootfs_mount *to,
                     struct keg_err *err)
{
    const char *source = from->source ? from->source : "";
    if (to->fs_options[0])
        return keg_fail(err, -EINVAL, "mount '%s': unknown option '%s'", from->destination,
                        to->fs_options[0]);
    if (!*source || (source[0] != '/' && !bundle))
        return keg_fail(err, -EINVAL, "mount '%s': the source '%s' is not an absolute path",
                        from->destination, source);
    if (make_absolute(source, bundle, &to->source) < 0)
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", from->destination);
    if (!to->change.propagation) {
        to->change.propagation = MS_PRIVATE;
        to->change.propagation_recursive = true;
    }
    return 0;
}

/* What a user namespace gets instead of a sysfs of its own. The hierarchies of control groups are
 * mounted in there: to be as read-only as the rest (CVE-2023-25809). */
static void harden_sys(const struct run_spec *spec, struct rootfs_mount *to)
{
    if (to->kind == ROOTFS_BIND && keg_streq(to->destination, "/sys") &&
        spec->namespaces[RUN_NS_USER].wanted)
        to->change.recursive_set |= to->change.set & MOUNT_ATTR_RDONLY;
}

static int plan_id_maps(const struct run_spec *spec, const struct run_mount *from,
                        const struct mount_options *options, struct rootfs_mount *to,
                        struct keg_err *err)
{
    bool uids = from->uid_maps.count > 0, gids = from->gid_maps.count > 0;
    to->id_mapped = options->id_mapped || uids || gids;
    to->id_mapped_recursive = options->id_mapped_recursive;
    to->uid_maps = &from->uid_maps;
    to->gid_maps = &from->gid_maps;
    if (!to->id_mapped)
        return 0;
    if (to->kind != ROOTFS_BIND && to->kind != ROOTFS_FILESYSTEM)
        return keg_fail(err, -EINVAL, "mount '%s': nothing new that ids could be mapped of",
                        to->destination);
    if (uids != gids)
        return keg_fail(err, -EINVAL, "mount '%s': uidMappings and gidMappings go together",
                        to->destination);
    if (!uids && !spec->namespaces[RUN_NS_USER].wanted)
        return keg_fail(err, -EINVAL,
                        "mount '%s': idmap without mappings, and the container has no user "
                        "namespace to take them from",
                        to->destination);
    return 0;
}

static int plan_remount(const struct mount_options *options, struct rootfs_mount *to,
                        struct keg_err *err)
{
    to->super_remount = !options->bind;
    to->super_clear = options->super_clear;
    to->fs.super_flags = options->super_set;
    if (options->bind && to->fs_options[0])
        return keg_fail(err, -EINVAL, "mount '%s': unknown option '%s'", to->destination,
                        to->fs_options[0]);
    return 0;
}

static int plan_kind(const struct run_mount *from, const char *bundle,
                     const struct mount_options *options, struct rootfs_mount *to,
                     struct keg_err *err)
{
    switch (to->kind) {
    case ROOTFS_BIND:
        return plan_bind(from, bundle, to, err);
    case ROOTFS_REMOUNT:
        return plan_remount(options, to, err);
    case ROOTFS_FILESYSTEM:
        plan_filesystem(options, to);
        return 0;
    case ROOTFS_CGROUP:
        return 0;
    }
    return keg_fail(err, -EINVAL, "mount '%s': unknown kind", to->destination);
}

/* ${spec} is the whole that ${from} belongs to. */
static int plan_mount(const struct run_spec *spec, const char *bundle, const struct run_mount *from,
                      struct rootfs_mount *to, struct keg_err *err)
{
    /* One more for the label. */
    to->fs_options = calloc(keg_strv_length(from->options) + 2, sizeof(*to->fs_options));
    if (!to->fs_options)
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", from->destination);
    const struct mount_options options = read_options(from, to->fs_options);
    to->kind = kind_of(from, &options);
    to->change = options.change;
    to->recursive = options.recursive;
    to->fs = (struct mount_fs){.type = from->type,
                               .source = from->source ? from->source : from->type,
                               .options = to->fs_options,
                               /* It has no mounts below: recursive or not is one. */
                               .attributes = options.change.set | options.change.recursive_set};
    if (to->kind == ROOTFS_FILESYSTEM && !from->type)
        return keg_fail(err, -EINVAL, "mount '%s': neither a type nor a bind mount",
                        from->destination ? from->destination : "");
    int r = plan_destination(from, to, err);
    if (r == 0)
        r = plan_copy_up(&options, to, err);
    if (r == 0)
        r = plan_kind(from, bundle, &options, to, err);
    if (r == 0)
        r = plan_label(spec->mount_label, to, err);
    if (r == 0)
        harden_sys(spec, to);
    return r < 0 ? r : plan_id_maps(spec, from, &options, to, err);
}

static int plan_mounts(const struct run_spec *spec, const char *bundle, struct rootfs_plan *plan,
                       struct keg_err *err)
{
    plan->mounts = calloc(spec->mounts_count + 1, sizeof(*plan->mounts));
    if (!plan->mounts)
        return keg_fail(err, -ENOMEM, "mounts: out of memory");
    for (size_t i = 0; i < spec->mounts_count; i++) {
        struct rootfs_mount *mount = &plan->mounts[i];
        plan->mounts_count = i + 1;
        int r = plan_mount(spec, bundle, &spec->mounts[i], mount, err);
        if (r < 0)
            return r;
        plan->wants_id_maps |= mount->id_mapped;
        if (keg_streq(mount->destination, "/dev") && mount->kind != ROOTFS_REMOUNT)
            plan->dev_is_bound = mount->kind == ROOTFS_BIND;
    }
    return 0;
}

/* What needs a mount namespace, where the container has the caller's. */
static int check_mount_namespace(const struct run_spec *spec, struct keg_err *err)
{
    const char *what = NULL;
    if (spec->namespaces[RUN_NS_MOUNT].wanted)
        return 0;
    if (spec->mounts_count > 0)
        what = spec->mounts[0].destination;
    else if (spec->masked_paths && spec->masked_paths[0])
        what = spec->masked_paths[0];
    else if (spec->readonly_paths && spec->readonly_paths[0])
        what = spec->readonly_paths[0];
    else if (spec->root_readonly)
        what = "/";
    return what ? keg_fail(err, -EINVAL,
                           "mount '%s': the container has no mount namespace of its own", what)
                : 0;
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

/* A mount of the spec stands in for a device. */
static bool has_mount(const struct rootfs_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->mounts_count; i++)
        if (keg_streq(plan->mounts[i].destination, path))
            return true;
    return false;
}

static void add_device(struct rootfs_plan *plan, const struct run_device *device)
{
    if (!has_device(plan, device->path) && !has_mount(plan, device->path))
        plan->devices[plan->devices_count++] = *device;
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
        add_device(plan, &spec->devices[i]);
    }
    for (size_t i = 0; i < KEG_ARRAY_SIZE(standard_devices); i++)
        add_device(plan, &standard_devices[i]);
    return 0;
}

static int plan_root(const struct run_spec *spec, const char *bundle, struct rootfs_plan *plan,
                     struct keg_err *err)
{
    struct mount_options options = {.change.propagation = MS_PRIVATE};
    const char *wanted = spec->rootfs_propagation;
    if (wanted && mount_option_apply(wanted, &options) != MOUNT_OPTION_PROPAGATION)
        return keg_fail(err, -EINVAL, "rootfs propagation '%s' is unknown", wanted);
    plan->root_propagation = options.change.propagation |
                             (options.change.propagation_recursive ? (unsigned long)MS_REC : 0);
    if (!spec->root_path || (spec->root_path[0] != '/' && !bundle))
        return 0;
    if (make_absolute(spec->root_path, bundle, &plan->root_path) < 0)
        return keg_fail(err, -ENOMEM, "root '%s': out of memory", spec->root_path);
    return 0;
}

int rootfs_plan_make(const struct run_spec *spec, const char *bundle, struct rootfs_plan *ret,
                     struct keg_err *err)
{
    *ret = (struct rootfs_plan){0};
    int r = check_mount_namespace(spec, err);
    if (r == 0)
        r = plan_mounts(spec, bundle, ret, err);
    if (r == 0)
        r = plan_devices(spec, ret, err);
    if (r == 0)
        r = plan_root(spec, bundle, ret, err);
    if (r < 0)
        rootfs_plan_done(ret);
    return r;
}

void rootfs_plan_done(struct rootfs_plan *plan)
{
    for (size_t i = 0; i < plan->mounts_count; i++) {
        free(plan->mounts[i].destination);
        free(plan->mounts[i].source);
        free(plan->mounts[i].fs_options);
        free(plan->mounts[i].context_option);
    }
    free(plan->root_path);
    free(plan->mounts);
    free(plan->devices);
    *plan = (struct rootfs_plan){0};
}
