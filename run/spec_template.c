/* SPDX-License-Identifier: Apache-2.0 */
/* The spec that `keg-runtime spec` prints: what users of runc and crun know as the start of a
 * bundle of their own. */
#include "run/run.h"

#include <linux/capability.h>

#define BIT(capability) (UINT64_C(1) << (capability))

/* runc's example. */
#define CAPABILITIES (BIT(CAP_AUDIT_WRITE) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE))
#define OPEN_FILES   1024

struct template_mount {
    const char *destination, *type, *source, *options, *rootless_type, *rootless_source,
        *rootless_options; /* rootless_*: NULL where they are the same */
};

/* Without root there is no group 5 that a terminal could belong to, and sysfs can only be mounted
 * with a network namespace of one's own. */
static const struct template_mount mounts[] = {
    {"/proc", "proc", "proc", NULL, NULL, NULL, NULL},
    {"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k", NULL, NULL, NULL},
    {"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
     NULL, NULL, "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"},
    {"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k", NULL, NULL, NULL},
    {"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev", NULL, NULL, NULL},
    {"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro", "none", "/sys",
     "rbind,nosuid,noexec,nodev,ro"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro", NULL, NULL, NULL},
};

static const char *const masked_paths[] = {
    "/proc/acpi",          "/proc/asound",     "/proc/kcore",       "/proc/keys",
    "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
    "/sys/firmware",       "/proc/scsi",
};

static const char *const readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static const char *const variables[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM=xterm",
};

static int add_all(char ***list, const char *const *strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keg_strv_add(list, strings[i]) < 0)
            return -ENOMEM;
    return 0;
}

static int add_mounts(struct run_spec *spec, bool rootless, struct keg_err *err)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(mounts); i++) {
        const struct template_mount *mount = &mounts[i];
        bool other = rootless && mount->rootless_options;
        int r = run_spec_add_mount(
            spec, mount->destination,
            other && mount->rootless_type ? mount->rootless_type : mount->type,
            other && mount->rootless_source ? mount->rootless_source : mount->source,
            other ? mount->rootless_options : mount->options, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int fill_process(struct run_process *process)
{
    process->terminal = true;
    process->no_new_privileges = true;
    process->capabilities_set = true;
    process->capabilities = (struct run_capabilities){
        .bounding = CAPABILITIES, .effective = CAPABILITIES, .permitted = CAPABILITIES};
    process->cwd = keg_strdup("/");
    process->rlimits = calloc(1, sizeof(*process->rlimits));
    if (!process->cwd || !process->rlimits || keg_strv_add(&process->args, "sh") < 0)
        return -ENOMEM;
    process->rlimits_count = 1;
    process->rlimits[0] = (struct run_rlimit){keg_strdup("RLIMIT_NOFILE"), OPEN_FILES, OPEN_FILES};
    if (!process->rlimits[0].type)
        return -ENOMEM;
    return add_all(&process->env, variables, KEG_ARRAY_SIZE(variables));
}

static int fill_resources(struct run_resources *resources)
{
    resources->devices = calloc(1, sizeof(*resources->devices));
    if (!resources->devices)
        return -ENOMEM;
    resources->devices_count = 1;
    resources->devices[0] = (struct run_device_rule){false, 'a', -1, -1, "rwm"};
    return 0;
}

/* A user without root keeps the host's network, which sysfs shows, and has the one id that it is.
 */
static int fill_namespaces(struct run_spec *spec, bool rootless)
{
    static const enum run_namespace_type common[] = {RUN_NS_PID, RUN_NS_IPC, RUN_NS_UTS,
                                                     RUN_NS_MOUNT, RUN_NS_CGROUP};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(common); i++)
        spec->namespaces[common[i]].wanted = true;
    spec->namespaces[rootless ? RUN_NS_USER : RUN_NS_NETWORK].wanted = true;
    if (!rootless)
        return fill_resources(&spec->resources);
    int r = run_id_maps_add(&spec->uid_maps, 0, geteuid(), 1);
    return r < 0 ? r : run_id_maps_add(&spec->gid_maps, 0, getegid(), 1);
}

static int fill(struct run_spec *spec, bool rootless)
{
    spec->root_readonly = true;
    spec->root_path = keg_strdup("rootfs");
    spec->hostname = keg_strdup("keg");
    if (!spec->root_path || !spec->hostname || fill_process(&spec->process) < 0 ||
        add_all(&spec->masked_paths, masked_paths, KEG_ARRAY_SIZE(masked_paths)) < 0 ||
        add_all(&spec->readonly_paths, readonly_paths, KEG_ARRAY_SIZE(readonly_paths)) < 0)
        return -ENOMEM;
    return fill_namespaces(spec, rootless);
}

int run_spec_template(bool rootless, struct run_spec **ret, struct keg_err *err)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    if (!spec || fill(spec, rootless) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    int r = add_mounts(spec, rootless, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(spec);
    return 0;
}
