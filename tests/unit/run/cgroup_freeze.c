/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing real processes, and thawing them. */
#include "cgroup_box.h"

#include <criterion/criterion.h>
#include <signal.h>

TestSuite(cgroup_freeze, .init = cgroup_box_name, .timeout = 60);

static const struct run_resources none = {0};

static void end_with_seven(int signal)
{
    (void)signal;
    _exit(7);
}

/* A fatal signal would end a frozen process on v2; a handler must run. */
static int end_by_handler(void)
{
    signal(SIGTERM, end_with_seven);
    return cgroup_box_sleep();
}

static void check_freeze(const struct cgroup_layout *layout, bool all_controllers)
{
    const struct cgroup_where where = {.id = cgroup_box_id, .all_controllers = all_controllers};
    struct cgroup *cgroup = cgroup_box_create_at(layout, &where, &none);
    pid_t pid = cgroup_box_fork(cgroup, end_by_handler);
    int status = 0;
    cgroup_box_await_member(cgroup, pid);
    usleep(20000); /* until it has its handler */
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_not(cgroup_is_frozen(cgroup));
    cr_assert_eq(cgroup_freeze(cgroup, true, &err), 0, "%s", err.text);
    cr_expect(cgroup_is_frozen(cgroup));
    cr_expect_eq(cgroup_freeze(cgroup, true, &err), 0, "freezing twice is fine: %s", err.text);
    kill(pid, SIGTERM);
    usleep(20000);
    cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0, "a frozen process must not run");
    cr_assert_eq(cgroup_freeze(cgroup, false, &err), 0, "%s", err.text);
    cr_expect_not(cgroup_is_frozen(cgroup));
    cr_expect_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    cgroup_box_destroy(cgroup);
}

Test(cgroup_freeze, v1_freezes_and_thaws)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_freeze(&layout, true);
}

Test(cgroup_freeze, v1_a_freezer_is_made_when_it_is_needed)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_freeze(&layout, false);
}

Test(cgroup_freeze, v2_freezes_and_thaws)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_freeze(&layout, false);
}

static int fork_all_the_time(void)
{
    signal(SIGCHLD, SIG_IGN);
    for (;;)
        if (fork() == 0)
            _exit(0);
}

Test(cgroup_freeze, v1_no_fork_escapes_the_freezer_that_is_made_late)
{
    struct cgroup_layout layout = cgroup_box_v1();
    struct cgroup *cgroup = cgroup_box_create(&layout, &none);
    pid_t pid = cgroup_box_fork(cgroup, fork_all_the_time);
    struct keg_err err = KEG_ERR_INIT;
    usleep(50000);
    cr_assert_eq(cgroup_freeze(cgroup, true, &err), 0, "%s", err.text);
    pid_t *pids = NULL, *later = NULL;
    size_t count, later_count;
    cr_assert_eq(cgroup_pids(cgroup, &pids, &count, NULL), 0);
    usleep(20000);
    cr_assert_eq(cgroup_pids(cgroup, &later, &later_count, NULL), 0);
    cr_expect_eq(count, later_count);
    cr_expect_arr_eq(pids, later, count * sizeof(*pids));
    free(pids);
    free(later);
    cgroup_box_destroy(cgroup);
    cr_expect_eq(waitpid(pid, NULL, 0), pid);
}

/* A killed process that is frozen does not die: the end must thaw. */
static void check_destroy_frozen(const struct cgroup_layout *layout)
{
    struct cgroup *cgroup = cgroup_box_create(layout, &none);
    pid_t pid = cgroup_box_fork(cgroup, cgroup_box_sleep);
    cgroup_box_await_member(cgroup, pid);
    cr_assert_eq(cgroup_freeze(cgroup, true, NULL), 0);
    kill(pid, SIGKILL);
    cgroup_box_destroy(cgroup);
    cr_expect_eq(waitpid(pid, NULL, 0), pid);
}

Test(cgroup_freeze, v1_the_end_of_a_frozen_container)
{
    struct cgroup_layout layout = cgroup_box_v1();
    check_destroy_frozen(&layout);
}

Test(cgroup_freeze, v2_the_end_of_a_frozen_container)
{
    struct cgroup_layout layout = cgroup_box_v2();
    check_destroy_frozen(&layout);
}

Test(cgroup_freeze, without_folders_there_is_no_freezer)
{
    struct cgroup_layout layout = {RUN_CGROUP_NONE, "/sys/fs/cgroup", 0};
    const struct cgroup_plan plan = {0};
    const struct cgroup_where where = {.id = cgroup_box_id};
    struct cgroup *cgroup = NULL;
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(cgroup_create(&layout, &where, &plan, &cgroup, NULL), 0);
    cr_expect_eq(cgroup_freeze(cgroup, true, &err), -ENOTSUP);
    cr_expect(keg_ends_with(err.text, "has no freezer cgroup"), "%s", err.text);
    cr_expect_eq(cgroup_freeze(cgroup, false, &err), 0);
    cgroup_free(cgroup);
}
