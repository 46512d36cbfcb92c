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
    (*ret_spec)->namespaces[RUN_NS_MOUNT].wanted = true;
    int r = run_spec_add_mount(*ret_spec, destination, type, source, options, &err);
    return r < 0 ? r : rootfs_plan_make(*ret_spec, NULL, plan, &err);
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
    static const struct {
        const char *first, *second;
        uint64_t set, clear;
    } table[] = {
        {"ro", "rw", 0, MOUNT_ATTR_RDONLY},
        {"rw", "ro", MOUNT_ATTR_RDONLY, 0},
        {"noatime", "strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR_NOATIME},
        {"noatime", "relatime", 0, MOUNT_ATTR__ATIME},
        {"noatime", "atime", 0, MOUNT_ATTR__ATIME},
        {"strictatime", "nostrictatime", 0, MOUNT_ATTR__ATIME},
        {"noatime", "nostrictatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
        {"noatime", "norelatime", MOUNT_ATTR_NOATIME, 0},
        {"nodiratime", "diratime", 0, MOUNT_ATTR_NODIRATIME},
        {"nosymfollow", "symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct mount_options options = {0};
        (void)mount_option_apply(table[i].first, &options);
        (void)mount_option_apply(table[i].second, &options);
        cr_expect_eq(options.change.set, table[i].set, "%s,%s", table[i].first, table[i].second);
        cr_expect_eq(options.change.clear & table[i].clear, table[i].clear, "%s,%s", table[i].first,
                     table[i].second);
    }
}

Test(plan, what_an_option_is)
{
    static const struct {
        const char *option;
        enum mount_option_kind kind;
        struct mount_options read;
    } table[] = {
        {"ro", MOUNT_OPTION_ATTRIBUTE, {.change = {.set = MOUNT_ATTR_RDONLY}}},
        {"rro", MOUNT_OPTION_ATTRIBUTE, {.change = {.recursive_set = MOUNT_ATTR_RDONLY}}},
        {"rnosuid", MOUNT_OPTION_ATTRIBUTE, {.change = {.recursive_set = MOUNT_ATTR_NOSUID}}},
        {"rrw", MOUNT_OPTION_ATTRIBUTE, {.change = {.recursive_clear = MOUNT_ATTR_RDONLY}}},
        {"rdev", MOUNT_OPTION_ATTRIBUTE, {.change = {.recursive_clear = MOUNT_ATTR_NODEV}}},
        {"slave", MOUNT_OPTION_PROPAGATION, {.change = {.propagation = MS_SLAVE}}},
        {"rshared",
         MOUNT_OPTION_PROPAGATION,
         {.change = {.propagation = MS_SHARED, .propagation_recursive = true}}},
        {"runbindable",
         MOUNT_OPTION_PROPAGATION,
         {.change = {.propagation = MS_UNBINDABLE, .propagation_recursive = true}}},
        {"relatime", MOUNT_OPTION_ATTRIBUTE, {.change = {.clear = MOUNT_ATTR__ATIME}}},
        {"sync", MOUNT_OPTION_SUPERBLOCK, {.super_set = MS_SYNCHRONOUS}},
        {"async", MOUNT_OPTION_SUPERBLOCK, {.super_clear = MS_SYNCHRONOUS}},
        {"dirsync", MOUNT_OPTION_SUPERBLOCK, {.super_set = MS_DIRSYNC}},
        {"lazytime", MOUNT_OPTION_SUPERBLOCK, {.super_set = MS_LAZYTIME}},
        {"mand", MOUNT_OPTION_SUPERBLOCK, {.super_set = MS_MANDLOCK}},
        {"iversion", MOUNT_OPTION_SUPERBLOCK, {.super_set = MS_I_VERSION}},
        {"silent", MOUNT_OPTION_SUPERBLOCK, {.super_set = MS_SILENT}},
        {"loud", MOUNT_OPTION_SUPERBLOCK, {.super_clear = MS_SILENT}},
        {"defaults", MOUNT_OPTION_ACTION, {.bind = false}},
        {"bind", MOUNT_OPTION_ACTION, {.bind = true}},
        {"rbind", MOUNT_OPTION_ACTION, {.bind = true, .recursive = true}},
        {"remount", MOUNT_OPTION_ACTION, {.remount = true}},
        {"idmap", MOUNT_OPTION_ACTION, {.id_mapped = true}},
        {"ridmap", MOUNT_OPTION_ACTION, {.id_mapped = true, .id_mapped_recursive = true}},
        {"tmpcopyup", MOUNT_OPTION_ACTION, {.copy_up = true}},
        {"size=1", MOUNT_OPTION_FILESYSTEM, {.bind = false}},
        {"r", MOUNT_OPTION_FILESYSTEM, {.bind = false}},
        {"", MOUNT_OPTION_FILESYSTEM, {.bind = false}},
        {"rsync", MOUNT_OPTION_FILESYSTEM, {.bind = false}},
        {"rremount", MOUNT_OPTION_FILESYSTEM, {.bind = false}},
        {"rsize=1", MOUNT_OPTION_FILESYSTEM, {.bind = false}},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct mount_options options;
        memset(&options, 0, sizeof(options));
        cr_expect_eq(mount_option_apply(table[i].option, &options), table[i].kind, "%s",
                     table[i].option);
        cr_expect(memcmp(&options, &table[i].read, sizeof(options)) == 0, "%s", table[i].option);
    }
}

/* config.md, "Linux mount options": its table, which lacks none of these. */
Test(plan, every_option_of_the_specification_is_known)
{
    static const char names[] =
        "async atime bind defaults dev diratime dirsync exec idmap iversion lazytime loud mand "
        "noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime "
        "nosuid nosymfollow private ratime rbind rdev rdiratime relatime remount rexec ridmap "
        "rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro "
        "rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw "
        "shared silent slave strictatime suid symfollow sync tmpcopyup unbindable";
    _cleanup_strv_ char **known = NULL;
    _cleanup_buf_ struct keg_buf text = keg_buf_init(4096);
    cr_assert_eq(mount_option_names(&known), 0);
    for (size_t i = 0; known[i]; i++) {
        struct mount_options options = {0};
        keg_buf_printf(&text, "%s%s", i ? " " : "", known[i]);
        cr_expect_neq(mount_option_apply(known[i], &options), MOUNT_OPTION_FILESYSTEM);
    }
    cr_expect_str_eq(text.data, names);
}

Test(plan, flags_of_the_superblock_are_apart_from_those_of_the_mount)
{
    static const struct {
        const char *type, *options;
        uint64_t attributes;
        unsigned long super_flags;
    } table[] = {
        {"tmpfs", "ro,sync", MOUNT_ATTR_RDONLY, MS_SYNCHRONOUS},
        {"sysfs", "ro,nosuid", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0},
        {"ext4", "ro,rnoexec", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, MS_RDONLY},
        {"ext4", "lazytime,dirsync,dirsync", 0, MS_LAZYTIME | MS_DIRSYNC},
        {"ext4", "sync,async,silent", 0, MS_SILENT},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct run_spec *spec;
        struct rootfs_plan plan;
        cr_assert_eq(plan_of("/a", table[i].type, "/dev/x", table[i].options, &spec, &plan), 0);
        cr_expect_eq(plan.mounts[0].fs.attributes, table[i].attributes, "%s", table[i].options);
        cr_expect_eq(plan.mounts[0].fs.super_flags, table[i].super_flags, "%s", table[i].options);
        cr_expect_null(plan.mounts[0].fs.options[0]);
        rootfs_plan_done(&plan);
        run_spec_free(spec);
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
    cr_assert_eq(rootfs_plan_make(spec, NULL, &plan, &err), 0, "%s", err.text);
    for (size_t i = 0; i < plan.mounts_count; i++) {
        const char *path = plan.mounts[i].destination;
        bool real = !strcmp(path, "/dev") || !strcmp(path, "/proc") || !strcmp(path, "/sys");
        cr_expect_eq(plan.mounts[i].real_folder, real, "%s", path);
    }
    cr_expect_eq(plan.mounts[4].kind, ROOTFS_CGROUP);
    rootfs_plan_done(&plan);
}

/* The options that the filesystem gets, with commas. */
static void expect_options(const struct rootfs_mount *mount, const char *options)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(4096);
    keg_buf_str(&text, "");
    for (size_t i = 0; mount->fs.options[i]; i++)
        keg_buf_printf(&text, "%s%s", i ? "," : "", mount->fs.options[i]);
    cr_expect_str_eq(text.data, options, "%s: %s", mount->destination, text.data);
}

Test(plan, a_mount_label_is_of_filesystems_that_have_none)
{
    static const struct {
        const char *destination, *type, *options, *result;
    } table[] = {
        {"/a", "tmpfs", "size=1m", "size=1m,context=system_u:object_r:x:s0:c1,c2"},
        {"/b", "devpts", NULL, "context=system_u:object_r:x:s0:c1,c2"},
        {"/c", "sysfs", NULL, ""},
        {"/d", "mqueue", NULL, ""},
        {"/e", "tmpfs", "context=own", "context=own"},
        {"/f", "bind", "ro", ""},
    };
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    struct rootfs_plan plan;
    spec->namespaces[RUN_NS_MOUNT].wanted = true;
    spec->mount_label = keg_strdup("system_u:object_r:x:s0:c1,c2");
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++)
        cr_assert_eq(run_spec_add_mount(spec, table[i].destination, table[i].type, "/x",
                                        table[i].options, &err),
                     0);
    cr_assert_eq(rootfs_plan_make(spec, NULL, &plan, &err), 0, "%s", err.text);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++)
        expect_options(&plan.mounts[i], table[i].result);
    rootfs_plan_done(&plan);
}

Test(plan, the_hosts_sys_is_read_only_to_the_ground_in_a_user_namespace)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    struct rootfs_plan plan;
    spec->namespaces[RUN_NS_MOUNT].wanted = true;
    cr_assert_eq(run_spec_add_mount(spec, "/sys", "none", "/sys", "rbind,ro,nosuid", &err), 0);
    for (int user = 0; user < 2; user++) {
        spec->namespaces[RUN_NS_USER].wanted = user;
        cr_assert_eq(rootfs_plan_make(spec, NULL, &plan, &err), 0, "%s", err.text);
        cr_expect_eq(plan.mounts[0].change.recursive_set, user ? MOUNT_ATTR_RDONLY : 0);
        cr_expect_eq(plan.mounts[0].change.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
        rootfs_plan_done(&plan);
    }
}

Test(plan, id_maps_must_be_whole)
{
    static const struct {
        const char *options;
        bool uids, gids, user;
        int code;
        const char *words;
    } table[] = {
        {"bind", true, true, false, 0, ""},
        {"bind,idmap", true, true, false, 0, ""},
        {"bind,ridmap", false, false, true, 0, ""},
        {"bind", true, false, true, -EINVAL, "mount '/a': uidMappings and gidMappings go together"},
        {"bind,idmap", false, true, true, -EINVAL,
         "mount '/a': uidMappings and gidMappings go together"},
        {"bind,idmap", false, false, false, -EINVAL,
         "mount '/a': idmap without mappings, and the container has no user namespace to take "
         "them from"},
        {"bind,remount,idmap", true, true, false, -EINVAL,
         "mount '/a': nothing new that ids could be mapped of"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
        struct rootfs_plan plan;
        spec->namespaces[RUN_NS_MOUNT].wanted = true;
        spec->namespaces[RUN_NS_USER].wanted = table[i].user;
        cr_assert_eq(run_spec_add_mount(spec, "/a", "bind", "/x", table[i].options, &err), 0);
        if (table[i].uids)
            cr_assert_eq(run_id_maps_add(&spec->mounts[0].uid_maps, 0, 1, 1), 0);
        if (table[i].gids)
            cr_assert_eq(run_id_maps_add(&spec->mounts[0].gid_maps, 0, 1, 1), 0);
        cr_expect_eq(rootfs_plan_make(spec, NULL, &plan, &err), table[i].code, "%zu: %s", i,
                     err.text);
        if (table[i].code == 0) {
            cr_expect(plan.wants_id_maps && plan.mounts[0].id_mapped);
            cr_expect_eq(plan.mounts[0].id_mapped_recursive, i == 2);
            rootfs_plan_done(&plan);
        } else {
            cr_expect_str_eq(err.text, table[i].words);
        }
    }
}

Test(plan, a_mount_at_a_devices_path_stands_in_for_it)
{
    struct run_spec *spec;
    struct rootfs_plan plan;
    cr_assert_eq(plan_of("/dev/null", "bind", "/dev/zero", "bind", &spec, &plan), 0);
    cr_expect_eq(plan.devices_count, 5);
    cr_expect_not(plan.dev_is_bound);
    rootfs_plan_done(&plan);
    run_spec_free(spec);
    cr_assert_eq(plan_of("/dev", "bind", "/srv", "rbind", &spec, &plan), 0);
    cr_expect(plan.dev_is_bound);
    rootfs_plan_done(&plan);
    run_spec_free(spec);
}

/* ---- devices */

static int plan_device(struct run_device device, struct rootfs_plan *plan,
                       struct run_spec **ret_spec)
{
    struct run_spec *spec = *ret_spec = run_spec_new();
    spec->devices = calloc(1, sizeof(device));
    spec->devices[0] = device;
    spec->devices_count = 1;
    return rootfs_plan_make(spec, NULL, plan, &err);
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
    cr_assert_eq(rootfs_plan_make(spec, NULL, &plan, &err), 0);
    cr_expect_eq(plan.root_propagation, MS_SLAVE | MS_REC);
    rootfs_plan_done(&plan);
    free(spec->rootfs_propagation);
    spec->rootfs_propagation = keg_strdup("ro");
    cr_expect_eq(rootfs_plan_make(spec, NULL, &plan, &err), -EINVAL);
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
