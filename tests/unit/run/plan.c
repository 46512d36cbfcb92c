/* SPDX-License-Identifier: Apache-2.0 */
/* From the spec to the plan: mounts, options, devices, kernel parameters. No root needed. */
#include "run/mount_options.h"
#include "run/rootfs_plan.h"
#include "run/sysctl.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mount.h>

static struct keg_err err;

/* The plan of one mount alone. */
static int plan_of(const char *destination, const char *type, const char *source,
                   const char *options, struct run_spec **ret_spec, struct rootfs_plan *plan)
{
    *ret_spec = run_spec_new();
    int r = run_spec_add_mount(*ret_spec, destination, type, source, options, &err);
    return r < 0 ? r : rootfs_plan_make(*ret_spec, plan, &err);
}

Test(plan, paths_are_cleaned_lexically)
{
    static const struct {
        const char *path, *clean;
    } table[] = {
        {"/", "/"},
        {"//", "/"},
        {"/a//b/", "/a/b"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/../..", "/"},
        {"/a/b/..", "/a"},
        {"/..a/...", "/..a/..."},
        {"/a/b/../../..", "/"},
        {"/.", "/"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_free_ char *clean = rootfs_clean_path(table[i].path);
        cr_expect_str_eq(clean, table[i].clean, "%s -> %s", table[i].path, clean);
    }
}

Test(plan, options_become_attributes_or_go_to_the_filesystem)
{
    struct run_spec *spec;
    struct rootfs_plan plan;
    cr_assert_eq(
        plan_of("/tmp/", "tmpfs", NULL, "nosuid,ro,noexec,size=64k,mode=755", &spec, &plan), 0);
    const struct rootfs_mount *mount = &plan.mounts[0];
    cr_expect_eq(mount->kind, ROOTFS_FILESYSTEM);
    cr_expect_str_eq(mount->destination, "/tmp");
    cr_expect_str_eq(mount->fs.source, "tmpfs");
    cr_expect_eq(mount->fs.attributes, MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC);
    cr_expect_str_eq(mount->fs.options[0], "size=64k");
    cr_expect_str_eq(mount->fs.options[1], "mode=755");
    cr_expect_null(mount->fs.options[2]);
    rootfs_plan_done(&plan);
    run_spec_free(spec);
}

Test(plan, the_last_of_opposite_options_wins)
{
    struct mount_change change = {0};
    bool recursive = false;
    cr_expect(mount_option_apply("ro", &change, &recursive));
    cr_expect(mount_option_apply("rw", &change, &recursive));
    cr_expect_eq(change.set, 0);
    cr_expect_eq(change.clear, MOUNT_ATTR_RDONLY);
    cr_expect(mount_option_apply("noatime", &change, &recursive));
    cr_expect(mount_option_apply("strictatime", &change, &recursive));
    cr_expect_eq(change.set, MOUNT_ATTR_STRICTATIME);
}

Test(plan, recursive_options_are_told_from_plain_ones)
{
    static const struct {
        const char *option;
        bool known;
        uint64_t set, recursive_set;
        unsigned long propagation;
        bool propagation_recursive;
    } table[] = {
        {"ro", true, MOUNT_ATTR_RDONLY, 0, 0, false},
        {"rro", true, 0, MOUNT_ATTR_RDONLY, 0, false},
        {"rnosuid", true, 0, MOUNT_ATTR_NOSUID, 0, false},
        {"slave", true, 0, 0, MS_SLAVE, false},
        {"rshared", true, 0, 0, MS_SHARED, true},
        {"relatime", true, 0, 0, 0, false},
        {"size=1", false, 0, 0, 0, false},
        {"r", false, 0, 0, 0, false},
        {"rsize=1", false, 0, 0, 0, false},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct mount_change change = {0};
        bool recursive = false;
        cr_expect_eq(mount_option_apply(table[i].option, &change, &recursive), table[i].known, "%s",
                     table[i].option);
        cr_expect_eq(change.set, table[i].set, "%s", table[i].option);
        cr_expect_eq(change.recursive_set, table[i].recursive_set, "%s", table[i].option);
        cr_expect_eq(change.propagation, table[i].propagation, "%s", table[i].option);
        cr_expect_eq(change.propagation_recursive, table[i].propagation_recursive, "%s",
                     table[i].option);
        cr_expect_not(recursive);
    }
}

Test(plan, a_bind_mount_is_private_unless_it_says_otherwise)
{
    struct run_spec *spec;
    struct rootfs_plan plan;
    cr_assert_eq(plan_of("/data", NULL, "/srv", "rbind,ro", &spec, &plan), 0);
    cr_expect_eq(plan.mounts[0].kind, ROOTFS_BIND);
    cr_expect(plan.mounts[0].recursive);
    cr_expect_eq(plan.mounts[0].change.set, MOUNT_ATTR_RDONLY);
    cr_expect_eq(plan.mounts[0].change.propagation, MS_PRIVATE);
    cr_expect(plan.mounts[0].change.propagation_recursive);
    rootfs_plan_done(&plan);
    run_spec_free(spec);
    cr_assert_eq(plan_of("/data", "bind", "/srv", "rslave", &spec, &plan), 0);
    cr_expect_eq(plan.mounts[0].change.propagation, MS_SLAVE);
    rootfs_plan_done(&plan);
    run_spec_free(spec);
}

Test(plan, mounts_that_are_refused)
{
    static const struct {
        const char *destination, *type, *source, *options, *words;
    } table[] = {
        {"/", "tmpfs", NULL, NULL, "mount '/': the root itself cannot be mounted over"},
        {"/a/..", "tmpfs", NULL, NULL, "mount '/': the root itself cannot be mounted over"},
        {"/proc/self/attr", "tmpfs", NULL, NULL,
         "mount '/proc/self/attr': nothing may be mounted inside /proc"},
        {"/x/../proc/1", "bind", "/srv", NULL,
         "mount '/proc/1': nothing may be mounted inside /proc"},
        {"/proc", "tmpfs", NULL, NULL, "mount '/proc': type 'tmpfs' is not proc"},
        {"/a", "bind", "srv", NULL, "mount '/a': the source 'srv' is not an absolute path"},
        {"/a", "bind", NULL, NULL, "mount '/a': the source '' is not an absolute path"},
        {"/a", "bind", "/srv", "ro,bogus", "mount '/a': unknown option 'bogus'"},
        {"/a", NULL, "/srv", "ro", "mount '/a': neither a type nor a bind mount"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct run_spec *spec;
        struct rootfs_plan plan;
        cr_expect_eq(plan_of(table[i].destination, table[i].type, table[i].source, table[i].options,
                             &spec, &plan),
                     -EINVAL, "%s", table[i].words);
        cr_expect_str_eq(err.text, table[i].words);
        run_spec_free(spec);
    }
}

Test(plan, lxcfs_may_give_its_ten_files)
{
    cr_expect(rootfs_in_proc_allowed("/proc/meminfo"));
    cr_expect(rootfs_in_proc_allowed("/proc/sys/kernel/ns_last_pid"));
    cr_expect_not(rootfs_in_proc_allowed("/proc/sys/kernel/core_pattern"));
    cr_expect_not(rootfs_in_proc_allowed("/proc"));
    cr_expect_not(rootfs_in_proc_allowed("/proc/"));
}

Test(plan, dev_proc_and_sys_must_be_real_folders)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    struct rootfs_plan plan;
    cr_assert_eq(run_spec_defaults(spec, &err), 0);
    cr_assert_eq(rootfs_plan_make(spec, &plan, &err), 0, "%s", err.text);
    for (size_t i = 0; i < plan.mounts_count; i++) {
        const char *path = plan.mounts[i].destination;
        bool real = !strcmp(path, "/dev") || !strcmp(path, "/proc") || !strcmp(path, "/sys");
        cr_expect_eq(plan.mounts[i].real_folder, real, "%s", path);
    }
    cr_expect_eq(plan.mounts[4].kind, ROOTFS_CGROUP);
    rootfs_plan_done(&plan);
}

/* ---- devices */

static int plan_device(struct run_device device, struct rootfs_plan *plan,
                       struct run_spec **ret_spec)
{
    struct run_spec *spec = *ret_spec = run_spec_new();
    spec->devices = calloc(1, sizeof(device));
    spec->devices[0] = device;
    spec->devices_count = 1;
    return rootfs_plan_make(spec, plan, &err);
}

Test(plan, the_standard_devices_come_by_themselves)
{
    struct run_spec *spec;
    struct rootfs_plan plan;
    struct run_device fuse = {keg_strdup("/dev/fuse"), 'c', 10, 229, 0666, 0, 0};
    cr_assert_eq(plan_device(fuse, &plan, &spec), 0, "%s", err.text);
    cr_expect_eq(plan.devices_count, 7);
    cr_expect_str_eq(plan.devices[0].path, "/dev/fuse");
    rootfs_plan_done(&plan);
    run_spec_free(spec);
}

Test(plan, a_device_of_the_spec_stands_in_for_a_standard_one)
{
    struct run_spec *spec;
    struct rootfs_plan plan;
    struct run_device null = {keg_strdup("/dev/null"), 'c', 1, 3, 0600, 5, 5};
    cr_assert_eq(plan_device(null, &plan, &spec), 0, "%s", err.text);
    cr_expect_eq(plan.devices_count, 6);
    cr_expect_eq(plan.devices[0].mode, 0600);
    rootfs_plan_done(&plan);
    run_spec_free(spec);
}

Test(plan, devices_that_are_refused)
{
    static const struct {
        const char *path;
        char type;
        unsigned major, minor;
        const char *words;
    } table[] = {
        {"/etc/sda", 'b', 8, 0, "device '/etc/sda': not a path below /dev"},
        {"/dev/../etc/sda", 'b', 8, 0, "device '/dev/../etc/sda': not a path below /dev"},
        {"/dev/", 'b', 8, 0, "device '/dev/': not a path below /dev"},
        {"/dev/sda", 'x', 8, 0, "device '/dev/sda': type 'x' is none of c, u, b, p"},
        {"/dev/sda", 'b', 4096, 0, "device '/dev/sda': 4096:0 is no device number"},
        {"/dev/sda", 'b', 8, 1048576, "device '/dev/sda': 8:1048576 is no device number"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct run_spec *spec;
        struct rootfs_plan plan;
        struct run_device device = {
            keg_strdup(table[i].path), table[i].type, table[i].major, table[i].minor, 0666, 0, 0};
        cr_expect_eq(plan_device(device, &plan, &spec), -EINVAL, "%s", table[i].words);
        cr_expect_str_eq(err.text, table[i].words);
        run_spec_free(spec);
    }
}

Test(plan, an_unknown_propagation_is_refused)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    struct rootfs_plan plan;
    spec->rootfs_propagation = keg_strdup("rslave");
    cr_assert_eq(rootfs_plan_make(spec, &plan, &err), 0);
    cr_expect_eq(plan.root_propagation, MS_SLAVE | MS_REC);
    rootfs_plan_done(&plan);
    free(spec->rootfs_propagation);
    spec->rootfs_propagation = keg_strdup("ro");
    cr_expect_eq(rootfs_plan_make(spec, &plan, &err), -EINVAL);
    cr_expect_str_eq(err.text, "rootfs propagation 'ro' is unknown");
}

/* ---- kernel parameters */

static int parse(const char *setting, char path[static PATH_MAX])
{
    const char *value;
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    spec->namespaces[RUN_NS_NETWORK].wanted = spec->namespaces[RUN_NS_IPC].wanted = true;
    return sysctl_parse(spec, setting, path, &value, &err);
}

Test(plan, parameters_of_the_containers_namespaces_may_be_set)
{
    char path[PATH_MAX];
    cr_expect_eq(parse("net.ipv4.ip_forward=1", path), 0);
    cr_expect_str_eq(path, "sys/net/ipv4/ip_forward");
    cr_expect_eq(parse("net.ipv4.conf.eth0/5.forwarding=1", path), 0);
    cr_expect_str_eq(path, "sys/net/ipv4/conf/eth0.5/forwarding");
    cr_expect_eq(parse("kernel.shmmax=", path), 0);
    cr_expect_eq(parse("fs.mqueue.msg_max=5", path), 0);
}

Test(plan, parameters_of_the_machine_are_refused)
{
    static const char *const settings[] = {
        "kernel.core_pattern=|/x",
        "kernel.hostname=x",
        "kernel.domainname=x",
        "kernel/core_pattern=x",
        "net=1",
        "net.=1",
        "net.a+kernel.core_pattern=1",
        "net..ipv4=1",
        "net./../kernel/core_pattern=1",
        "net.ipv4/..=1",
        "=1",
        "net.ipv4",
        "net.ipv4\nkernel=1",
        "vm.overcommit_memory=1",
        "kernel.shmmaxx=1",
    };
    char path[PATH_MAX];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(settings); i++)
        cr_expect_eq(parse(settings[i], path), -EINVAL, "%s", settings[i]);
}

Test(plan, a_shared_namespace_is_the_hosts)
{
    char path[PATH_MAX];
    const char *value;
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    cr_expect_eq(sysctl_parse(spec, "net.ipv4.ip_forward=1", path, &value, &err), -EINVAL);
    cr_expect_str_eq(err.text, "sysctl 'net.ipv4.ip_forward': the container shares that namespace "
                               "with the host");
}
