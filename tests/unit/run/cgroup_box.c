/* SPDX-License-Identifier: Apache-2.0 */
/* See cgroup_box.h. */
#include "cgroup_box.h"

#include "run/cgroup_internal.h"

#include <criterion/criterion.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

char cgroup_box_id[64];

void cgroup_box_name(void)
{
    snprintf(cgroup_box_id, sizeof(cgroup_box_id), "unit-test-%d", getpid());
}

struct cgroup_layout cgroup_box_v1(void)
{
    struct cgroup_layout layout;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    if (geteuid() != 0)
        cr_skip_test("needs root");
    if (layout.kind != RUN_CGROUP_V1 && layout.kind != RUN_CGROUP_HYBRID)
        cr_skip_test("this machine has no cgroup v1 controllers");
    return layout;
}

struct cgroup_layout cgroup_box_v2(void)
{
    struct cgroup_layout layout;
    struct statfs fs;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    if (geteuid() != 0)
        cr_skip_test("needs root");
    if (layout.kind == RUN_CGROUP_V2)
        return layout;
    if (statfs("/sys/fs/cgroup/unified", &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
        cr_skip_test("this machine has no cgroup v2 mount");
    return (struct cgroup_layout){RUN_CGROUP_V2, "/sys/fs/cgroup/unified",
                                  CGROUP_BIT(CGROUP_DEVICES)};
}

static int try_create(const struct cgroup_layout *layout, const struct cgroup_where *where,
                      const struct run_resources *resources, struct cgroup **ret,
                      struct keg_err *err)
{
    struct cgroup_plan plan;
    int result = cgroup_plan_make(layout, resources, CGROUP_PLAN_SWAP_DEFAULT, &plan, err);
    if (result < 0)
        return result;
    result = cgroup_create(layout, where, &plan, ret, err);
    cgroup_plan_done(&plan);
    return result;
}

struct cgroup *cgroup_box_create_at(const struct cgroup_layout *layout,
                                    const struct cgroup_where *where,
                                    const struct run_resources *resources)
{
    struct keg_err err = KEG_ERR_INIT;
    struct cgroup *cgroup = NULL;
    cr_assert_eq(try_create(layout, where, resources, &cgroup, &err), 0, "%s", err.text);
    return cgroup;
}

struct cgroup *cgroup_box_create(const struct cgroup_layout *layout,
                                 const struct run_resources *resources)
{
    return cgroup_box_create_at(layout, &(struct cgroup_where){.id = cgroup_box_id}, resources);
}

struct keg_err cgroup_box_refuse(const struct cgroup_layout *layout,
                                 const struct cgroup_where *where,
                                 const struct run_resources *resources, int code)
{
    struct keg_err err = KEG_ERR_INIT;
    struct cgroup *cgroup = NULL;
    int result = try_create(layout, where, resources, &cgroup, &err);
    cr_expect_eq(result, code, "%d instead of %d: %s", result, code, err.text);
    if (result == 0)
        cgroup_destroy(cgroup, NULL);
    return err;
}

void cgroup_box_destroy(struct cgroup *cgroup)
{
    struct keg_err err = KEG_ERR_INIT;
    char **paths = keg_strv_copy(cgroup_paths(cgroup));
    cr_expect_eq(cgroup_destroy(cgroup, &err), 0, "%s", err.text);
    for (char **path = paths; *path; path++)
        cr_expect_eq(access(*path, F_OK), -1, "'%s' is still there", *path);
    keg_strv_free(paths);
}

pid_t cgroup_box_fork(const struct cgroup *cgroup, int (*body)(void))
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    int fd = cgroup_clone_fd(cgroup);
    if (fd >= 0) {
        args.flags = CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)fd;
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    cr_assert_geq(pid, 0, "clone3: %s", strerror(errno));
    if (pid == 0) {
        const char *controller;
        if (fd < 0 && cgroup_attach_self(cgroup, &controller) < 0)
            _exit(99);
        _exit(body());
    }
    return pid;
}

int cgroup_box_run(const struct cgroup *cgroup, int (*body)(void))
{
    int status = 0;
    pid_t pid = cgroup_box_fork(cgroup, body);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

int cgroup_box_sleep(void)
{
    while (pause() < 0)
        continue;
    return 0;
}

/* In all of its folders: a v1 child enters one after the other. */
void cgroup_box_await_member(const struct cgroup *cgroup, pid_t pid)
{
    for (size_t i = 0; i < cgroup->count;) {
        struct cgroup_members members = {0};
        cr_assert_eq(cgroup_list_members(cgroup->folders[i].fd, true, &members), 0);
        bool inside = members.count && members.pids[members.count - 1] == pid;
        free(members.pids);
        if (inside)
            i++;
        else
            usleep(1000);
    }
}

const char *cgroup_box_read(const struct cgroup *cgroup, enum cgroup_controller controller,
                            const char *file)
{
    static char text[4096];
    text[0] = '\0';
    (void)cgroup_read_text(cgroup_folder_fd(cgroup, controller), file, text, sizeof(text));
    text[strcspn(text, "\n")] = '\0';
    return text;
}
