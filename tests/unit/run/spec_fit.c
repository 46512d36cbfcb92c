/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults that a user namespace does not take. */
#include "run/spec_fit.h"

#include <criterion/criterion.h>
#include <string.h>

static struct keg_err err;
static struct run_spec *spec;
static struct run_id_maps uids, gids;

static void begin(void)
{
    spec = run_spec_new();
    cr_assert(spec && run_spec_defaults(spec, &err) == 0);
    cr_assert_eq(keg_strv_add(&spec->sysctls, "net.ipv4.ping_group_range=0 2147483647"), 0);
}

static void end(void)
{
    run_spec_free(spec);
    run_id_maps_done(&uids);
    run_id_maps_done(&gids);
}

TestSuite(spec_fit, .init = begin, .fini = end, .timeout = 20);

/* A text as proc(5) shows maps, for both kinds. */
static void have_ids(const char *map)
{
    _cleanup_free_ char *first = keg_strdup(map), *second = keg_strdup(map);
    cr_assert_eq(spec_fit_parse_map(first, &uids), 0);
    cr_assert_eq(spec_fit_parse_map(second, &gids), 0);
}

static void fit(void)
{
    cr_assert_eq(spec_fit(spec, &uids, &gids, &err), 0, "%s", err.text);
}

static const struct run_mount *find_mount(const char *destination)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].destination, destination))
            return &spec->mounts[i];
    return NULL;
}

static const struct run_mount *mount_at(const char *destination)
{
    const struct run_mount *mount = find_mount(destination);
    cr_assert(mount, "nothing at %s", destination);
    return mount;
}

static bool has_option(const char *destination, const char *option)
{
    for (char **o = mount_at(destination)->options; o && *o; o++)
        if (keg_streq(*o, option))
            return true;
    return false;
}

#define RANGES "         0       1000          1\n         1     100000      65536\n"
#define ONE    "         0       1000          1\n"

Test(spec_fit, groups_that_may_ping_are_those_that_exist)
{
    have_ids(RANGES);
    fit();
    cr_expect_str_eq(spec->sysctls[0], "net.ipv4.ping_group_range=0 65536");
}

Test(spec_fit, groups_that_may_ping_are_counted_as_outside)
{
    have_ids("0 500000 1\n1 100000 65536\n");
    fit();
    cr_expect_str_eq(spec->sysctls[0], "net.ipv4.ping_group_range=1 0");
}

Test(spec_fit, a_setting_of_the_users_own_stays)
{
    have_ids(ONE);
    free(spec->sysctls[0]);
    spec->sysctls[0] = keg_strdup("net.ipv4.ping_group_range=0 5");
    fit();
    cr_expect_str_eq(spec->sysctls[0], "net.ipv4.ping_group_range=0 5");
}

Test(spec_fit, terminals_keep_their_group_where_it_exists)
{
    have_ids(RANGES);
    fit();
    cr_expect(has_option("/dev/pts", "gid=5"));
}

Test(spec_fit, terminals_lose_a_group_that_nobody_has)
{
    have_ids(ONE);
    fit();
    cr_expect_not(has_option("/dev/pts", "gid=5"));
    cr_expect(has_option("/dev/pts", "ptmxmode=0666"));
}

Test(spec_fit, own_namespaces_are_shown_by_mounts_of_their_own)
{
    have_ids(RANGES);
    fit();
    cr_expect_str_eq(mount_at("/sys")->type, "sysfs");
    cr_expect_str_eq(mount_at("/proc")->type, "proc");
    cr_expect_str_eq(mount_at("/dev/mqueue")->type, "mqueue");
}

Test(spec_fit, the_hosts_namespaces_are_shown_by_the_hosts_mounts)
{
    static const struct {
        enum run_namespace_type namespace;
        const char *path;
    } cases[] = {{RUN_NS_NETWORK, "/sys"}, {RUN_NS_PID, "/proc"}, {RUN_NS_IPC, "/dev/mqueue"}};
    have_ids(RANGES);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        spec->namespaces[cases[i].namespace].wanted = false;
        fit();
        if (access(cases[i].path, F_OK) < 0) { /* not everybody has /dev/mqueue */
            cr_expect_null(find_mount(cases[i].path));
            continue;
        }
        cr_expect_str_eq(mount_at(cases[i].path)->type, "bind");
        cr_expect_str_eq(mount_at(cases[i].path)->source, cases[i].path);
        cr_expect(has_option(cases[i].path, "rbind"));
    }
    cr_expect(has_option("/sys", "ro"));
}

Test(spec_fit, a_user_who_does_not_exist_is_told_where_ids_come_from)
{
    have_ids(ONE);
    spec->process.user.uid = 1000;
    cr_expect_eq(spec_fit(spec, &uids, &gids, &err), -EINVAL);
    cr_expect(strstr(err.text, "user 1000") && strstr(err.text, "--add-subuids"), "%s", err.text);
    spec->process.user.uid = 0;
    spec->process.user.gid = 5;
    cr_expect_eq(spec_fit(spec, &uids, &gids, &err), -EINVAL);
    cr_expect(strstr(err.text, "group 5"), "%s", err.text);
}

Test(spec_fit, a_user_beyond_the_ranges_is_refused)
{
    have_ids(RANGES);
    spec->process.user.uid = 65536;
    fit();
    spec->process.user.uid = 65537;
    cr_expect_eq(spec_fit(spec, &uids, &gids, &err), -EINVAL);
    cr_expect(strstr(err.text, "user 65537") && strstr(err.text, "/etc/subuid"), "%s", err.text);
}

Test(spec_fit, additional_groups_go_with_one_id_alone)
{
    spec->process.user.additional_gids = calloc(2, sizeof(gid_t));
    spec->process.user.additional_gids[1] = 10;
    spec->process.user.additional_gids_count = 2;
    have_ids(RANGES);
    fit();
    cr_expect_eq(spec->process.user.additional_gids_count, 2);
    run_id_maps_done(&uids);
    run_id_maps_done(&gids);
    have_ids(ONE);
    fit();
    cr_expect_eq(spec->process.user.additional_gids_count, 0);
}

Test(spec_fit, a_map_that_is_none_is_told)
{
    char text[] = "0 1000\n";
    cr_expect_eq(spec_fit_parse_map(text, &gids), -EPROTO);
}
