/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that a container gets while it lives: a start spares those that it may never need. */
#include "run/cgroup_internal.h"

#include <stdio.h>

static bool is_listed(const struct cgroup_members *members, pid_t pid)
{
    for (size_t i = 0; i < members->count; i++)
        if (members->pids[i] == pid)
            return true;
    return false;
}

/* Return how many were moved, or -errno. */
static int move_into(int folder_fd, const pid_t *pids, size_t count)
{
    struct cgroup_members inside = {0};
    int moved = 0, result = cgroup_list_members(folder_fd, true, &inside);
    for (size_t i = 0; result == 0 && i < count; i++) {
        char text[16];
        if (is_listed(&inside, pids[i]))
            continue;
        int length = snprintf(text, sizeof(text), "%d", (int)pids[i]);
        result = keg_write_file(folder_fd, "cgroup.procs", text, (size_t)length);
        moved += result == 0;
        if (result == -ESRCH) /* it has ended */
            result = 0;
    }
    free(inside.pids);
    return result < 0 ? result : moved;
}

/* Move all that is in the container's other folders. What is forked meanwhile by one that was not
 * moved yet is where that was, and the next look finds it. */
static int move_members(const struct cgroup *cgroup, int folder_fd, struct keg_err *err)
{
    int64_t deadline = keg_monotonic_ms() + CGROUP_DESTROY_TIMEOUT_MS;
    for (int moved = 1; moved > 0;) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t count;
        int result = cgroup_pids(cgroup, &pids, &count, err);
        if (result < 0)
            return result;
        moved = move_into(folder_fd, pids, count);
        if (moved < 0)
            return keg_fail(err, moved, "move the processes to the new cgroup: %s",
                            keg_errno_text(moved));
        if (keg_monotonic_ms() > deadline)
            return keg_fail(err, -ETIMEDOUT, "its processes fork faster than they can be moved");
    }
    return 0;
}

int cgroup_add_late(struct cgroup *cgroup, enum cgroup_controller controller, struct keg_err *err)
{
    struct cgroup_layout layout;
    const struct cgroup_plan none = {0};
    const char *name = cgroup_controller_name(controller);
    size_t before = cgroup->count;
    cgroup_layout_detect(CGROUP_DEFAULT_SET | CGROUP_BIT(controller), &layout);
    if (cgroup->v2 || cgroup->count == 0 || !(layout.controllers & CGROUP_BIT(controller)))
        return keg_fail(err, -ENOTSUP, "container '%s' has no %s cgroup", cgroup->id, name);
    int result = cgroup_make_v1(cgroup, &layout, CGROUP_BIT(controller), &none, err);
    if (result == 0 && cgroup_folder_fd(cgroup, controller) < 0)
        result = keg_fail(err, -EACCES, "container '%s' has no %s cgroup, and may not make one",
                          cgroup->id, name);
    if (result < 0 || cgroup->count == before)
        return result;
    return move_members(cgroup, cgroup_folder_fd(cgroup, controller), err);
}
