/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done to a living container by whoever opens it. */
#include "launch_box.h"

#include "run/cgroup.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static struct box box;
static struct run_container *container;

static void open_again(void)
{
    run_close(container);
    container = NULL;
    cr_assert(run_open(box.options.rundir_fd, box.id, &container, &box.err) == 0, "%s",
              box.err.text);
}

/* Running, and opened as another process would. */
static void start(void)
{
    box_open(&box);
    for (int i = 0; i < 3; i++)
        box.options.stdio_fds[i] = keg_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    box.options.detached = true;
    box.options.die_with_parent = false;
    box_script(&box, "sleep 1000 & sleep 1000; true");
    cr_assert(run_create(box.spec, &box.options, &container, &box.err) == 0, "%s", box.err.text);
    open_again();
    cr_assert_eq(run_start(container, &box.err), 0, "%s", box.err.text);
}

static void end(void)
{
    if (container)
        cr_expect_eq(run_destroy(container, &box.err), 0, "%s", box.err.text);
    box_close(&box);
}

TestSuite(control, .init = start, .fini = end, .timeout = 60);

static unsigned controllers(void)
{
    struct cgroup_layout layout;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    return layout.kind == RUN_CGROUP_V2 ? CGROUP_ALL : layout.controllers;
}

/* The start made no freezer folder on v1: what the pause makes must be known to the next. */
Test(control, a_pause_is_seen_by_all_and_ended_by_any)
{
    if (!(controllers() & CGROUP_BIT(CGROUP_FREEZER)))
        cr_skip_test("this machine has no freezer");
    cr_assert_eq(run_pause(container, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_status(container), RUN_PAUSED);
    open_again();
    cr_expect_eq(run_status(container), RUN_PAUSED);
    cr_expect_eq(run_pause(container, &box.err), 0, "%s", box.err.text);
    cr_assert_eq(run_resume(container, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_status(container), RUN_RUNNING);
}

Test(control, what_is_paused_can_be_killed)
{
    if (!(controllers() & CGROUP_BIT(CGROUP_FREEZER)))
        cr_skip_test("this machine has no freezer");
    struct run_exit ended;
    cr_assert_eq(run_pause(container, &box.err), 0, "%s", box.err.text);
    open_again();
    cr_assert_eq(run_kill(container, SIGKILL, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_wait(container, &ended, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_status(container), RUN_STOPPED);
    cr_expect_eq(run_pause(container, &box.err), -EBUSY);
    cr_expect(keg_ends_with(box.err.text, "' is stopped"), "%s", box.err.text);
}

Test(control, all_processes_are_listed_and_killed)
{
    pid_t *pids = NULL;
    size_t count = 0;
    while (count < 3) { /* a shell and two sleeps */
        free(pids);
        pids = NULL;
        cr_assert_eq(run_pids(container, &pids, &count, &box.err), 0, "%s", box.err.text);
    }
    cr_expect_eq(count, 3);
    cr_expect_eq(pids[0], run_pid(container));
    free(pids);
    struct run_exit ended;
    cr_assert_eq(run_kill_all(container, SIGKILL, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_wait(container, &ended, &box.err), 0, "%s", box.err.text);
}

Test(control, limits_change_and_those_that_cannot_leave_all_as_it_was)
{
    if (!(controllers() & CGROUP_BIT(CGROUP_PIDS)))
        cr_skip_test("this machine has no pids controller");
    struct run_stats stats;
    struct run_resources update = {.pids_limit = 77};
    cr_assert_eq(run_update(container, &update, &box.err), 0, "%s", box.err.text);
    open_again();
    cr_assert_eq(run_stats_read(container, &stats, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(stats.pids_limit, 77);
    run_stats_done(&stats);
    update = (struct run_resources){.pids_limit = 88, .cpu_quota_us = 1};
    cr_expect_eq(run_update(container, &update, &box.err), -EINVAL);
    cr_assert_eq(run_stats_read(container, &stats, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(stats.pids_limit, 77);
    cr_expect_geq(stats.pids_current, 1);
    run_stats_done(&stats);
}

Test(control, memory_can_be_watched)
{
    if (!(controllers() & CGROUP_BIT(CGROUP_MEMORY)))
        cr_skip_test("this machine has no memory controller");
    int fd = run_oom_eventfd(container, &box.err);
    cr_expect_geq(fd, 0, "%s", box.err.text);
    (void)close(fd);
}
