/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's control groups are: the path, the folders above, and what is there already.
 */
#include "cgroup_box.h"

#include "run/cgroup_internal.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

TestSuite(cgroup_folders, .init = cgroup_box_name, .timeout = 60);

static const struct run_resources none = {0};

Test(cgroup_path, slashes_are_squeezed)
{
    static const struct {
        const char *path, *expected;
    } table[] = {
        {"a", "a"},           {"/a", "a"},
        {"//a//b/", "a/b"},   {"/kubepods/besteffort/pod1/c", "kubepods/besteffort/pod1/c"},
        {"..a/b.", "..a/b."}, {"a b:c", "a b:c"}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_free_ char *path = NULL;
        cr_assert_eq(cgroup_path_normalise(table[i].path, &path, NULL), 0);
        cr_expect_str_eq(path, table[i].expected);
    }
}

Test(cgroup_path, what_leads_elsewhere_is_refused)
{
    static const struct {
        const char *path, *text;
    } table[] = {
        {"..", "cgroup path '..': '.' and '..' are not allowed"},
        {"a/../b", "cgroup path 'a/../b': '.' and '..' are not allowed"},
        {"/a/.", "cgroup path '/a/.': '.' and '..' are not allowed"},
        {"//", "cgroup path '//': it is empty"},
        {"a\nb", "cgroup path 'a?b': control characters are not allowed"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct keg_err err = KEG_ERR_INIT;
        char *path = NULL;
        cr_expect_eq(cgroup_path_normalise(table[i].path, &path, &err), -EINVAL);
        cr_expect_str_eq(err.text, table[i].text);
    }
    char component[NAME_MAX + 2], deep[5000];
    memset(component, 'a', sizeof(component));
    component[NAME_MAX + 1] = '\0';
    memset(deep, '/', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    cr_expect_eq(cgroup_path_normalise(component, &(char *){NULL}, NULL), -EINVAL);
    cr_expect_eq(cgroup_path_normalise(deep, &(char *){NULL}, NULL), -EINVAL);
}

static void path_of(const struct cgroup_layout *layout, const char *relative, char ret[256])
{
    snprintf(ret, 256, "%s%s/%s", layout->root, layout->kind == RUN_CGROUP_V2 ? "" : "/pids",
             relative);
}

static void check_deep(const struct cgroup_layout *layout)
{
    const struct cgroup_where where = {.id = cgroup_box_id, .path = "/keg-a/b//c"};
    char path[256];
    struct cgroup *cgroup = cgroup_box_create_at(layout, &where, &none);
    path_of(layout, "keg-a/b/c", path);
    cr_expect_eq(access(path, F_OK), 0);
    cgroup_box_destroy(cgroup);
    /* Those above may be somebody else's. */
    path_of(layout, "keg-a/b", path);
    cr_expect_eq(access(path, F_OK), 0);
}

Test(cgroup_folders, v1_folders_above_are_made)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_deep(&layout);
}

Test(cgroup_folders, v2_folders_above_are_made)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_deep(&layout);
}

Test(cgroup_folders, v2_controllers_are_handed_down_the_whole_way)
{
    struct cgroup_layout layout = cgroup_box_v2();
    if (!(layout.controllers & CGROUP_BIT(CGROUP_PIDS)))
        cr_skip_test("this v2 mount has no controllers");
    const struct run_resources limits = {.pids_limit = 7};
    const struct cgroup_where where = {.id = cgroup_box_id, .path = "keg-down/b/c/d"};
    struct cgroup *cgroup = cgroup_box_create_at(&layout, &where, &limits);
    cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_PIDS, "pids.max"), "7");
    cgroup_box_destroy(cgroup);
}

/* A new cpuset is empty, and nobody can enter an empty one. */
Test(cgroup_folders, v1_cpusets_are_inherited_the_whole_way)
{
    struct cgroup_layout layout = cgroup_box_v1();
    if (!(layout.controllers & CGROUP_BIT(CGROUP_CPUSET)))
        cr_skip_test("this machine has no cpuset hierarchy");
    const struct cgroup_where where = {
        .id = cgroup_box_id, .path = "keg-set/b/c", .all_controllers = true};
    struct cgroup *cgroup = cgroup_box_create_at(&layout, &where, &none);
    cr_expect_str_neq(cgroup_box_read(cgroup, CGROUP_CPUSET, "cpuset.cpus"), "");
    cr_expect_str_neq(cgroup_box_read(cgroup, CGROUP_CPUSET, "cpuset.mems"), "");
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    cgroup_box_await_member(cgroup, pid);
    cgroup_box_destroy(cgroup);
    waitpid(pid, NULL, 0);
}

Test(cgroup_folders, v1_all_controllers_are_all_hierarchies_that_are_mounted)
{
    struct cgroup_layout layout = cgroup_box_v1();
    const struct cgroup_where where = {.id = cgroup_box_id, .all_controllers = true};
    struct cgroup *cgroup = cgroup_box_create_at(&layout, &where, &none);
    struct cgroup_bind binds[CGROUP_CONTROLLERS];
    cr_expect_eq(cgroup_binds(cgroup, binds), (size_t)__builtin_popcount(layout.controllers));
    cgroup_box_destroy(cgroup);
}

Test(cgroup_folders, v1_a_limit_brings_its_hierarchy_along)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct cgroup_write write = {.controller = CGROUP_FREEZER,
                                 .limit = "a limit",
                                 .file = "freezer.state",
                                 .value = "THAWED"};
    struct cgroup_plan plan = {.writes = &write, .count = 1};
    struct cgroup *cgroup = NULL;
    const struct cgroup_where where = {.id = cgroup_box_id};
    if (!(layout.controllers & CGROUP_BIT(CGROUP_FREEZER)))
        cr_skip_test("this machine has no freezer hierarchy");
    cr_assert_eq(cgroup_create(&layout, &where, &plan, &cgroup, NULL), 0);
    cr_expect_str_eq(cgroup_box_read(cgroup, CGROUP_FREEZER, "freezer.state"), "THAWED");
    cgroup_box_destroy(cgroup);
}

/* Two controllers mounted together, as distributions do: one folder, two names. */
Test(cgroup_folders, v1_controllers_mounted_together_share_a_folder)
{
    struct cgroup_layout layout = cgroup_box_v1();
    char root[] = "/tmp/keg-unit-root-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(root));
    cr_assert_eq(mount("none", root, "tmpfs", 0, NULL), 0);
    snprintf(path, sizeof(path), "%s/cpu,pids", root);
    cr_assert_eq(mkdir(path, 0755), 0);
    cr_assert_eq(mount("/sys/fs/cgroup/pids", path, NULL, MS_BIND, NULL), 0);
    layout.root = root;
    layout.controllers = CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_PIDS);
    char found[PATH_MAX];
    cr_expect(cgroup_v1_mount(root, CGROUP_CPU, found));
    cr_expect_str_eq(found, path);
    cr_expect_not(cgroup_v1_mount(root, CGROUP_MEMORY, found));
    struct cgroup_plan plan = {0};
    struct cgroup *cgroup = NULL;
    struct keg_err err = KEG_ERR_INIT;
    const struct cgroup_where where = {.id = cgroup_box_id};
    cr_assert_eq(cgroup_create(&layout, &where, &plan, &cgroup, &err), 0, "%s", err.text);
    struct cgroup_bind binds[CGROUP_CONTROLLERS];
    cr_assert_eq(cgroup_binds(cgroup, binds), 2);
    cr_expect_str_eq(binds[0].source, binds[1].source);
    cr_expect_null(cgroup_paths(cgroup)[1]);
    cgroup_box_destroy(cgroup);
    umount2(path, MNT_DETACH);
    umount2(root, MNT_DETACH);
    rmdir(root);
}

static void check_prepared(const struct cgroup_layout *layout)
{
    const struct cgroup_where where = {.id = cgroup_box_id, .path = "keg-prepared"};
    char path[256];
    struct stat before, after;
    path_of(layout, "keg-prepared", path);
    cr_assert_eq(mkdir(path, 0755), 0);
    cr_assert_eq(stat(path, &before), 0);
    struct cgroup *cgroup = cgroup_box_create_at(layout, &where, &none);
    cr_assert_eq(stat(path, &after), 0);
    cr_expect_eq(before.st_ino, after.st_ino);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_folders, v1_a_folder_that_somebody_prepared_is_used_as_it_is)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_prepared(&layout);
}

Test(cgroup_folders, v2_a_folder_that_somebody_prepared_is_used_as_it_is)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_prepared(&layout);
}

static void check_busy_below(const struct cgroup_layout *layout)
{
    const struct cgroup_where inner = {.id = cgroup_box_id, .path = "keg-busy/below"};
    const struct cgroup_where outer = {.id = cgroup_box_id, .path = "keg-busy"};
    struct cgroup *cgroup = cgroup_box_create_at(layout, &inner, &none);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    cgroup_box_await_member(cgroup, pid);
    struct keg_err err = cgroup_box_refuse(layout, &outer, &none, -EBUSY);
    cr_expect(keg_ends_with(err.text, "/keg-busy' is there already and in use"), "%s", err.text);
    cr_expect_eq(kill(pid, 0), 0);
    cgroup_box_destroy(cgroup);
    waitpid(pid, NULL, 0);
}

Test(cgroup_folders, v1_a_folder_with_processes_below_is_refused)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_busy_below(&layout);
}

Test(cgroup_folders, v2_a_folder_with_processes_below_is_refused)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_busy_below(&layout);
}

static void check_frozen(const struct cgroup_layout *layout)
{
    const struct cgroup_where where = {
        .id = cgroup_box_id, .path = "keg-frozen", .all_controllers = true};
    struct cgroup *cgroup = cgroup_box_create_at(layout, &where, &none);
    cr_assert_eq(cgroup_freeze(cgroup, true, NULL), 0);
    struct keg_err err = cgroup_box_refuse(layout, &where, &none, -EBUSY);
    cr_expect(keg_ends_with(err.text, "/keg-frozen' is there already and frozen"), "%s", err.text);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_folders, v1_a_frozen_folder_is_refused)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_frozen(&layout);
}

Test(cgroup_folders, v2_a_frozen_folder_is_refused)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_frozen(&layout);
}

/* A limit that the kernel refuses comes last: the folders above are gone again as well. */
static void check_failure(const struct cgroup_layout *layout, struct cgroup_write write)
{
    struct cgroup_plan plan = {.writes = &write, .count = 1};
    struct cgroup *cgroup;
    char path[256];
    path_of(layout, "keg-failed", path);
    const struct cgroup_where where = {.id = cgroup_box_id, .path = "keg-failed/b/c"};
    cr_expect_lt(cgroup_create(layout, &where, &plan, &cgroup, NULL), 0);
    cr_expect_eq(access(path, F_OK), -1);
    cr_assert_eq(mkdir(path, 0755), 0);
    cr_expect_lt(cgroup_create(layout, &where, &plan, &cgroup, NULL), 0);
    cr_expect_eq(rmdir(path), 0, "what was there before must stay, empty: %s", strerror(errno));
}

Test(cgroup_folders, v1_nothing_is_left_of_a_failure_but_what_was_there)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_failure(&layout, (struct cgroup_write){.controller = CGROUP_PIDS,
                                                 .limit = "a limit",
                                                 .file = "pids.max",
                                                 .value = "many"});
}

Test(cgroup_folders, v2_nothing_is_left_of_a_failure_but_what_was_there)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_failure(&layout, (struct cgroup_write){.controller = CGROUP_DEVICES,
                                                 .limit = "a limit",
                                                 .file = "cgroup.max.depth",
                                                 .value = "many"});
}

static void drop_root(void)
{
    cr_assert_eq(setegid(65534), 0);
    cr_assert_eq(seteuid(65534), 0);
}

Test(cgroup_folders, without_permission_a_container_goes_without_what_nobody_asked_for)
{
    struct cgroup_layout layout;
    struct cgroup_plan plan;
    struct cgroup *cgroup = NULL;
    struct keg_err err = KEG_ERR_INIT;
    const struct cgroup_where where = {.id = cgroup_box_id};
    const struct run_resources defaults = {.pids_limit = 2048}, asked = {.pids_limit = 5};
    const unsigned flags = CGROUP_PLAN_PIDS_DEFAULT | CGROUP_PLAN_DEVICES_OPTIONAL;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    if (geteuid() != 0 || !(layout.controllers & CGROUP_BIT(CGROUP_PIDS)))
        cr_skip_test("needs root, and a pids controller");
    drop_root();
    cr_assert_eq(cgroup_plan_make(&layout, &defaults, flags, &plan, NULL), 0);
    cr_assert_eq(cgroup_create(&layout, &where, &plan, &cgroup, &err), 0, "%s", err.text);
    cr_expect_null(cgroup_paths(cgroup)[0]);
    cgroup_plan_done(&plan);
    cgroup_free(cgroup);
    cr_assert_eq(cgroup_plan_make(&layout, &asked, CGROUP_PLAN_DEVICES_OPTIONAL, &plan, NULL), 0);
    cr_expect_eq(cgroup_create(&layout, &where, &plan, &cgroup, &err), -EACCES);
    cr_expect(keg_starts_with(err.text, "pids limit: "), "%s", err.text);
    cgroup_plan_done(&plan);
    cr_assert_eq(cgroup_plan_make(&layout, &defaults, CGROUP_PLAN_PIDS_DEFAULT, &plan, NULL), 0);
    cr_expect_eq(cgroup_create(&layout, &where, &plan, &cgroup, &err), -EACCES);
    cr_expect(keg_starts_with(err.text, "device rules: "), "%s", err.text);
    cgroup_plan_done(&plan);
    /* So that the leak sanitizer may look into it. */
    cr_assert_eq(seteuid(0), 0);
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

Test(cgroup_folders, a_container_without_a_manager_has_no_folders)
{
    struct cgroup_layout layout;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    const struct cgroup_where where = {.id = cgroup_box_id, .manager = RUN_CGROUP_MANAGER_DISABLED};
    struct cgroup *cgroup = NULL;
    const struct cgroup_plan plan = {0};
    cr_assert_eq(cgroup_create(&layout, &where, &plan, &cgroup, NULL), 0);
    cr_expect_null(cgroup_paths(cgroup)[0]);
    cr_expect_eq(cgroup_clone_fd(cgroup), -1);
    cr_expect_eq(cgroup_destroy(cgroup, NULL), 0);
}

/* ---- opened by another process */

static struct cgroup *open_again(const struct cgroup_layout *layout, const struct cgroup *cgroup)
{
    struct cgroup *again = NULL;
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(cgroup_open(layout, cgroup_box_id, cgroup_paths(cgroup), NULL, &again, &err), 0,
                 "%s", err.text);
    return again;
}

static void check_open(const struct cgroup_layout *layout)
{
    struct cgroup *cgroup = cgroup_box_create(layout, &none);
    struct cgroup *again = open_again(layout, cgroup);
    cr_expect_eq(again->count, cgroup->count);
    for (size_t c = 0; c < CGROUP_CONTROLLERS; c++)
        cr_expect_eq(again->folder_of[c], cgroup->folder_of[c]);
    cr_expect_str_eq(again->relative, cgroup->relative);
    cr_assert_eq(cgroup_attach_fds(again), 0);
    pid_t pid = cgroup_box_fork(again, cgroup_box_sleep);
    cgroup_box_await_member(cgroup, pid);
    cgroup_free(cgroup);
    cgroup_box_destroy(again);
    waitpid(pid, NULL, 0);
}

Test(cgroup_folders, v1_stored_paths_are_enough_to_enter)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_open(&layout);
}

Test(cgroup_folders, v2_stored_paths_are_enough_to_enter)
{
    struct cgroup_layout layout = cgroup_box_v2();
    if (strcmp(layout.root, "/sys/fs/cgroup") != 0)
        cr_skip_test("needs pure cgroup v2");
    check_open(&layout);
}

Test(cgroup_folders, folders_that_are_gone_are_left_out)
{
    struct cgroup_layout layout;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    char gone[] = "/sys/fs/cgroup/keg/gone/x";
    char *paths[] = {gone, NULL};
    struct cgroup *cgroup = NULL;
    cr_assert_eq(cgroup_open(&layout, "x", paths, NULL, &cgroup, NULL), 0);
    cr_expect_null(cgroup_paths(cgroup)[0]);
    cgroup_free(cgroup);
    char bad[] = "/etc/keg/x";
    paths[0] = bad;
    cr_expect_eq(cgroup_open(&layout, "x", paths, NULL, &cgroup, NULL), -EINVAL);
}

Test(cgroup_folders, a_folder_below_can_be_entered)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct cgroup *cgroup = cgroup_box_create(&layout, &none);
    struct cgroup *again = open_again(&layout, cgroup);
    char below[256];
    snprintf(below, sizeof(below), "%s/inner", cgroup_paths(cgroup)[0]);
    cr_assert_eq(mkdir(below, 0755), 0);
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_eq(cgroup_descend(again, "../x", &err), -EINVAL);
    cr_expect_eq(cgroup_descend(again, "none", &err), -ENOENT);
    cr_assert_eq(cgroup_descend(again, "/inner/", &err), 0, "%s", err.text);
    cr_expect_str_eq(cgroup_paths(again)[0], below);
    cr_expect_str_eq(cgroup_paths(again)[1], cgroup_paths(cgroup)[1]);
    cr_assert_eq(cgroup_attach_fds(again), 0);
    pid_t pid = cgroup_box_fork(again, cgroup_box_sleep);
    cgroup_box_await_member(again, pid);
    cgroup_free(again);
    cgroup_box_destroy(cgroup);
    waitpid(pid, NULL, 0);
}
