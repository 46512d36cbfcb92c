/* SPDX-License-Identifier: Apache-2.0 */
/* The life of real control groups, as root: limits bite, events are told, nothing is left. */
#include "cgroup_box.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024LL * 1024)

TestSuite(cgroup_life, .init = cgroup_box_name, .timeout = 60);

static int eat_64_mib(void)
{
    char *memory = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 98;
    for (long offset = 0; offset < 64 * MIB; offset += 4096)
        memory[offset] = 1;
    return 0;
}

/* How many children could be forked beside itself. */
static int fork_ten(void)
{
    int made = 0;
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid == 0)
            cgroup_box_sleep();
        if (pid > 0) {
            made++;
            kill(pid, SIGKILL);
        }
    }
    return made;
}

static int open_null_but_not_kmsg(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int kmsg = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);
    return null >= 0 && kmsg < 0 && errno == EPERM ? 0 : 1;
}

static int show_cgroup(void)
{
    char text[8192] = "";
    char needle[128];
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC), found = 0;
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        return 97;
    snprintf(needle, sizeof(needle), "/keg/%s\n", cgroup_box_id);
    for (char *p = text; (p = strstr(p, needle)); p++)
        found++;
    return found;
}

Test(cgroup_life, v1_child_enters_every_hierarchy)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct run_resources none = {0};
    struct cgroup *cgroup = cgroup_box_create(&layout, &none);
    struct cgroup_bind binds[CGROUP_CONTROLLERS];
    size_t count = cgroup_binds(cgroup, binds);
    cr_expect_eq(count, (size_t)__builtin_popcount(layout.controllers & CGROUP_DEFAULT_SET));
    cr_expect_str_eq(binds[0].name, "memory");
    cr_expect_eq(WEXITSTATUS(cgroup_box_run(cgroup, show_cgroup)), (int)count);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_life, v1_memory_limit_kills_and_is_told)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct run_resources r = {.memory_limit_bytes = 16 * MIB};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    int status = cgroup_box_run(cgroup, eat_64_mib);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct cgroup_events events;
    cgroup_events_read(cgroup, &events);
    cr_expect_eq(events.oom_kills, 1);
    cr_expect_geq(events.memory_peak_bytes, (uint64_t)15 * MIB);
    cr_expect_leq(events.memory_peak_bytes, (uint64_t)16 * MIB);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_life, v1_pids_limit_refuses_forks_and_is_told)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct run_resources r = {.pids_limit = 3};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    cr_expect_eq(WEXITSTATUS(cgroup_box_run(cgroup, fork_ten)), 2);
    struct cgroup_events events;
    cgroup_events_read(cgroup, &events);
    cr_expect_eq(events.pids_denied, 8);
    cr_expect_eq(events.oom_kills, 0);
    cgroup_box_destroy(cgroup);
}

static struct run_device_rule device_rules[] = {{false, 'a', -1, -1, "rwm"}};

Test(cgroup_life, v1_device_rules_deny_what_is_not_listed)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct run_resources r = {.devices = device_rules, .devices_count = 1};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    cr_expect_eq(cgroup_box_run(cgroup, open_null_but_not_kmsg), 0);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_life, v1_a_limit_that_the_kernel_refuses_is_named_and_leaves_nothing)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct cgroup_write write = {.controller = CGROUP_MEMORY,
                                 .limit = "memory limit",
                                 .file = "memory.limit_in_bytes",
                                 .value = "much"};
    struct cgroup_plan plan = {.writes = &write, .count = 1};
    struct cgroup *cgroup;
    struct keg_err err;
    char expected[256], path[128];
    snprintf(path, sizeof(path), "/sys/fs/cgroup/memory/keg/%s", cgroup_box_id);
    snprintf(expected, sizeof(expected),
             "memory limit: write 'much' to '%s/memory.limit_in_bytes': invalid argument", path);
    cr_expect_eq(
        cgroup_create(&layout, &(struct cgroup_where){.id = cgroup_box_id}, &plan, &cgroup, &err),
        -EINVAL);
    cr_expect_str_eq(err.text, expected);
    cr_expect_eq(access(path, F_OK), -1);
}

Test(cgroup_life, v1_missing_swap_accounting_matters_only_to_who_asked)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct cgroup_write write = {.controller = CGROUP_MEMORY,
                                 .limit = "swap limit",
                                 .file = "memory.no_such_file",
                                 .value = "1",
                                 .optional = true};
    struct cgroup_plan plan = {.writes = &write, .count = 1};
    struct cgroup *cgroup;
    struct keg_err err;
    cr_assert_eq(
        cgroup_create(&layout, &(struct cgroup_where){.id = cgroup_box_id}, &plan, &cgroup, &err),
        0);
    cgroup_box_destroy(cgroup);
    write.optional = false;
    cr_expect_eq(
        cgroup_create(&layout, &(struct cgroup_where){.id = cgroup_box_id}, &plan, &cgroup, &err),
        -ENOENT);
    cr_expect(keg_starts_with(err.text, "swap limit: this kernel does not count swap"), "%s",
              err.text);
}

static void check_destroy_kills(const struct cgroup_layout *layout)
{
    struct run_resources none = {0};
    struct cgroup *cgroup = cgroup_box_create(layout, &none);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    usleep(20000);
    cgroup_box_destroy(cgroup);
    int status;
    cr_expect_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

Test(cgroup_life, v1_destroy_kills_what_is_left)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_destroy_kills(&layout);
}

Test(cgroup_life, v2_destroy_kills_what_is_left)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_destroy_kills(&layout);
}

/* What a systemd in a container does: folders of its own, with its processes in them. */
static void check_destroy_nested(const struct cgroup_layout *layout)
{
    struct run_resources none = {0};
    struct cgroup *cgroup = cgroup_box_create(layout, &none);
    char path[256], procs[300], text[16];
    snprintf(path, sizeof(path), "%s/a", cgroup_paths(cgroup)[0]);
    cr_assert_eq(mkdir(path, 0755), 0);
    snprintf(procs, sizeof(procs), "%s/a/b", cgroup_paths(cgroup)[0]);
    cr_assert_eq(mkdir(procs, 0755), 0);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    usleep(20000);
    int length = snprintf(text, sizeof(text), "%d", pid);
    snprintf(procs, sizeof(procs), "%s/a/b/cgroup.procs", cgroup_paths(cgroup)[0]);
    cr_assert_eq(keg_write_file(AT_FDCWD, procs, text, (size_t)length), 0);
    cgroup_box_destroy(cgroup);
    cr_expect_eq(waitpid(pid, NULL, 0), pid);
}

Test(cgroup_life, v1_destroy_removes_folders_that_the_container_made)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_destroy_nested(&layout);
}

Test(cgroup_life, v2_destroy_removes_folders_that_the_container_made)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_destroy_nested(&layout);
}

Test(cgroup_life, v2_destroy_ends_frozen_processes)
{
    struct cgroup_layout layout = cgroup_box_v2();
    struct run_resources none = {0};
    struct cgroup *cgroup = cgroup_box_create(&layout, &none);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    char path[256];
    snprintf(path, sizeof(path), "%s/cgroup.freeze", cgroup_paths(cgroup)[0]);
    cr_assert_eq(keg_write_file(AT_FDCWD, path, "1", 1), 0);
    usleep(20000);
    cgroup_box_destroy(cgroup);
    cr_expect_eq(waitpid(pid, NULL, 0), pid);
}

Test(cgroup_life, v2_child_is_born_in_the_folder)
{
    struct cgroup_layout layout = cgroup_box_v2();
    struct run_resources none = {0};
    struct cgroup *cgroup = cgroup_box_create(&layout, &none);
    cr_expect_geq(cgroup_clone_fd(cgroup), 0);
    cr_expect_eq(WEXITSTATUS(cgroup_box_run(cgroup, show_cgroup)), 1);
    struct cgroup_bind binds[CGROUP_CONTROLLERS];
    cr_expect_eq(cgroup_binds(cgroup, binds), 1);
    cr_expect_str_eq(binds[0].name, "");
    cgroup_box_destroy(cgroup);
}

Test(cgroup_life, v2_child_can_enter_by_itself)
{
    struct cgroup_layout layout = cgroup_box_v2();
    struct run_resources none = {0};
    struct cgroup *cgroup = cgroup_box_create(&layout, &none);
    pid_t pid = fork();
    if (pid == 0) {
        const char *controller;
        _exit(cgroup_attach_self(cgroup, &controller) < 0 ? 99 : show_cgroup());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    cr_expect_eq(WEXITSTATUS(status), 1);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_life, v2_device_rules_deny_what_is_not_listed)
{
    struct cgroup_layout layout = cgroup_box_v2();
    struct run_resources r = {.devices = device_rules, .devices_count = 1};
    struct cgroup *cgroup = cgroup_box_create(&layout, &r);
    cr_expect_eq(cgroup_box_run(cgroup, open_null_but_not_kmsg), 0);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_life, v2_a_controller_that_cannot_be_enabled_is_named)
{
    struct cgroup_layout layout = cgroup_box_v2();
    if (strcmp(layout.root, "/sys/fs/cgroup") == 0)
        cr_skip_test("here all controllers can be enabled");
    layout.controllers |= 1u << CGROUP_PIDS;
    struct run_resources r = {.pids_limit = 10};
    struct cgroup_plan plan;
    struct cgroup *cgroup;
    struct keg_err err;
    cr_assert_eq(cgroup_plan_make(&layout, &r, 0, &plan, &err), 0);
    cr_expect_lt(
        cgroup_create(&layout, &(struct cgroup_where){.id = cgroup_box_id}, &plan, &cgroup, &err),
        0);
    cr_expect(keg_starts_with(err.text, "pids limit: cgroup controller 'pids' cannot be enabled in "
                                        "'/sys/fs/cgroup/unified/cgroup.subtree_control'"),
              "%s", err.text);
    cgroup_plan_done(&plan);
}

static void check_leftover(const struct cgroup_layout *layout)
{
    struct run_resources none = {0};
    struct cgroup *old = cgroup_box_create(layout, &none);
    struct cgroup *cgroup = cgroup_box_create(layout, &none);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    usleep(20000);
    struct cgroup_plan plan = {0};
    struct cgroup *third;
    struct keg_err err;
    cr_expect_eq(
        cgroup_create(layout, &(struct cgroup_where){.id = cgroup_box_id}, &plan, &third, &err),
        -EBUSY);
    cr_expect_eq(kill(pid, 0), 0, "a refused create must not kill");
    cgroup_box_destroy(cgroup);
    cgroup_free(old);
    waitpid(pid, NULL, 0);
}

Test(cgroup_life, v1_an_empty_leftover_is_used_again_and_a_busy_one_refused)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_leftover(&layout);
}

Test(cgroup_life, v2_an_empty_leftover_is_used_again_and_a_busy_one_refused)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_leftover(&layout);
}

Test(cgroup_life, stored_paths_are_enough_to_clean_up)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct run_resources none = {0};
    struct keg_err err = KEG_ERR_INIT;
    struct cgroup *cgroup = cgroup_box_create(&layout, &none);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    usleep(20000);
    char **paths = keg_strv_copy(cgroup_paths(cgroup));
    cgroup_free(cgroup);
    cr_expect_eq(cgroup_destroy_paths(paths, cgroup_box_id, &err), 0, "%s", err.text);
    cr_expect_eq(access(paths[0], F_OK), -1);
    cr_expect_eq(cgroup_destroy_paths(paths, cgroup_box_id, &err), 0, "missing is success");
    cr_expect_eq(waitpid(pid, NULL, 0), pid);
    keg_strv_free(paths);
}

Test(cgroup_life, stored_paths_that_are_not_ours_are_refused)
{
    static const char *const bad[] = {"/sys/fs/cgroup/memory",
                                      "/sys/fs/cgroup/../../tmp/keg/x",
                                      "/sys/fs/cgroup/memory/./keg/x",
                                      "/tmp/keg/x",
                                      "relative/keg/x",
                                      "/sys/fs/cgroup/memory/xkeg/x/",
                                      "/sys/fs/cgroup/memory/keg/..",
                                      "/sys/fs/cgroup/unified",
                                      ""};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        /* A hierarchy that this machine does not have is gone, which is success. */
        if (keg_starts_with(bad[i], "/sys/") && !strstr(bad[i], "..") && access(bad[i], F_OK) < 0)
            continue;
        char *text = keg_strdup(bad[i]);
        char *paths[] = {text, NULL};
        cr_expect_eq(cgroup_destroy_paths(paths, "x", NULL), -EINVAL, "'%s'", bad[i]);
        free(text);
    }
}

Test(cgroup_life, ids_that_are_paths_are_refused)
{
    static const char *const bad[] = {"", ".", "..", "a/b", "../x", ".x", "a b", "a\n"};
    struct cgroup_layout none = {RUN_CGROUP_NONE, "/sys/fs/cgroup", 0};
    struct cgroup_plan plan = {0};
    struct cgroup *cgroup;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        cr_expect_eq(
            cgroup_create(&none, &(struct cgroup_where){.id = bad[i]}, &plan, &cgroup, NULL),
            -EINVAL, "'%s'", bad[i]);
        cr_expect_eq(cgroup_destroy_paths(NULL, bad[i], NULL), -EINVAL, "'%s'", bad[i]);
    }
}

Test(cgroup_life, a_machine_without_cgroups_has_containers_without_folders)
{
    struct cgroup_layout none = {RUN_CGROUP_NONE, "/sys/fs/cgroup", 0};
    struct cgroup_plan plan = {0};
    struct cgroup *cgroup;
    struct cgroup_bind binds[CGROUP_CONTROLLERS];
    struct cgroup_events events;
    const char *controller;
    cr_assert_eq(
        cgroup_create(&none, &(struct cgroup_where){.id = cgroup_box_id}, &plan, &cgroup, NULL), 0);
    cr_expect_eq(cgroup_clone_fd(cgroup), -1);
    cr_expect_eq(cgroup_attach_self(cgroup, &controller), 0);
    cr_expect_eq(cgroup_binds(cgroup, binds), 0);
    cr_expect_null(cgroup_paths(cgroup)[0]);
    cgroup_events_read(cgroup, &events);
    cr_expect_eq(events.memory_peak_bytes, 0);
    cr_expect_eq(cgroup_destroy(cgroup, NULL), 0);
}
