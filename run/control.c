/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done to a container that lives, by its control groups. */
#include "run/run.h"

#include "run/container_internal.h"

#include <signal.h>

static int need_cgroup(const struct run_container *container, struct keg_err *err)
{
    if (container->cgroup)
        return 0;
    return keg_fail(err, -ENOTSUP, "container '%s' has no cgroup", container->id);
}

static int need_living(const struct run_container *container, struct keg_err *err)
{
    enum run_status status = run_status(container);
    int r = need_cgroup(container, err);
    if (r < 0 || status == RUN_CREATED || status == RUN_RUNNING || status == RUN_PAUSED)
        return r;
    return keg_fail(err, -EBUSY, "container '%s' is %s", container->id, run_status_name(status));
}

/* A freezer that was made now is to be found by the next who opens the container. */
static int keep_paths(struct run_container *container, struct keg_err *err)
{
    char *const *paths = cgroup_paths(container->cgroup);
    if (keg_strv_length(paths) == keg_strv_length(container->state.cgroups))
        return 0;
    char **copy = keg_strv_copy(paths);
    if (!copy)
        return keg_fail(err, -ENOMEM, "out of memory");
    keg_strv_free(container->state.cgroups);
    container->state.cgroups = copy;
    return container_write_state(container, container->state.status, err);
}

int run_pause(struct run_container *container, struct keg_err *err)
{
    int r = need_living(container, err);
    if (r < 0)
        return r;
    r = cgroup_freeze(container->cgroup, true, err);
    int kept = keep_paths(container, r < 0 ? NULL : err);
    return r < 0 ? r : kept;
}

int run_resume(struct run_container *container, struct keg_err *err)
{
    int r = need_living(container, err);
    return r < 0 ? r : cgroup_freeze(container->cgroup, false, err);
}

int run_update(struct run_container *container, const struct run_resources *resources,
               struct keg_err *err)
{
    struct cgroup_layout layout;
    struct cgroup_plan plan;
    struct run_resources whole = *resources;
    int r = need_living(container, err);
    if (r < 0)
        return r;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    cgroup_complete_update(container->cgroup, &whole);
    r = cgroup_plan_make(&layout, &whole, CGROUP_PLAN_UPDATE, &plan, err);
    if (r < 0)
        return r;
    r = cgroup_apply(container->cgroup, &plan, err);
    int kept = keep_paths(container, r < 0 ? NULL : err);
    cgroup_plan_done(&plan);
    return r < 0 ? r : kept;
}

int run_kill_all(struct run_container *container, int signal, struct keg_err *err)
{
    int r = need_cgroup(container, err);
    if (r < 0)
        return r;
    r = cgroup_signal(container->cgroup, signal, err);
    /* What is frozen does not see it. */
    if (r == 0 && signal == SIGKILL && cgroup_is_frozen(container->cgroup))
        r = cgroup_freeze(container->cgroup, false, err);
    return r;
}

int run_pids(const struct run_container *container, pid_t **ret, size_t *ret_count,
             struct keg_err *err)
{
    int r = need_cgroup(container, err);
    return r < 0 ? r : cgroup_pids(container->cgroup, ret, ret_count, err);
}

int run_stats_read(const struct run_container *container, struct run_stats *ret,
                   struct keg_err *err)
{
    int r = need_cgroup(container, err);
    return r < 0 ? r : cgroup_stats_read(container->cgroup, ret, err);
}

int run_oom_eventfd(const struct run_container *container, struct keg_err *err)
{
    int r = need_cgroup(container, err);
    return r < 0 ? r : cgroup_oom_eventfd(container->cgroup, err);
}
