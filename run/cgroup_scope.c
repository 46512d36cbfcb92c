/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups that systemd makes: a scope with the container's first process in it. */
#include "run/cgroup_internal.h"
#include "run/systemd.h"

#include <stdio.h>
#include <string.h>

#define PROC_CGROUP_MAX_BYTES 16384

int cgroup_plan_scope(struct cgroup *cgroup, const struct cgroup_where *where, struct keg_err *err)
{
    struct systemd_unit unit;
    int result = systemd_unit_parse(where->path, where->id, systemd_is_users(), &unit, err);
    if (result < 0)
        return result;
    cgroup->scope = unit.scope;
    cgroup->slice = unit.slice;
    cgroup->all_controllers = where->all_controllers;
    if (!where->annotations)
        return 0;
    cgroup->annotations = keg_strv_copy(where->annotations);
    return cgroup->annotations ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

bool cgroup_needs_pid(const struct cgroup *cgroup)
{
    return cgroup->slice;
}

/* Where systemd put it (0: this process): the path of v2's line "0::/a", or of v1's
 * "5:name=systemd:/a". */
static char *find_path(const struct cgroup *cgroup, pid_t pid)
{
    char file[32] = "/proc/self/cgroup", text[PROC_CGROUP_MAX_BYTES];
    if (pid)
        snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
    if (cgroup_read_text(AT_FDCWD, file, text, sizeof(text)) < 0)
        return NULL;
    const char *marker = cgroup->v2 ? "0::/" : ":name=systemd:/";
    const char *line = strstr(text, marker);
    if (!line)
        return NULL;
    line += strlen(marker);
    return keg_strndup(line, strcspn(line, "\n"));
}

/* It must end with the scope: a machine may have more than one systemd. */
static int set_relative(struct cgroup *cgroup, pid_t pid, struct keg_err *err)
{
    _cleanup_free_ char *path = find_path(cgroup, pid);
    const char *last = path ? strrchr(path, '/') : NULL;
    if (!path || strcmp(last ? last + 1 : path, cgroup->scope) != 0)
        return keg_fail(err, -EPROTO, "systemd: process %d is in '/%s', not in '%s'", (int)pid,
                        path ? path : "", cgroup->scope);
    free(cgroup->relative);
    return cgroup_path_normalise(path, &cgroup->relative, err);
}

/* systemd knows some of v1's hierarchies only. */
static int enter_others(const struct cgroup *cgroup, pid_t pid, struct keg_err *err)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", (int)pid);
    for (size_t i = 0; i < cgroup->count; i++) {
        int result = keg_write_file(cgroup->folders[i].fd, "cgroup.procs", text, (size_t)length);
        if (result < 0)
            return keg_fail(err, result, "move process %d to '%s': %s", (int)pid, cgroup->paths[i],
                            keg_errno_text(result));
    }
    return 0;
}

int cgroup_enter_scope(struct cgroup *cgroup, const struct cgroup_layout *layout, pid_t pid,
                       const struct cgroup_plan *plan, struct keg_err *err)
{
    const struct systemd_unit unit = {.slice = cgroup->slice, .scope = cgroup->scope};
    int result = systemd_start_scope(&unit, cgroup->id, pid, cgroup->annotations, plan, err);
    if (result < 0)
        return result;
    /* From here on it is ours to stop. */
    free(TAKE_PTR(cgroup->slice));
    result = set_relative(cgroup, pid, err);
    if (result == 0)
        result = cgroup_make(cgroup, layout, cgroup->all_controllers, plan, err);
    if (result == 0 && !cgroup->v2)
        result = enter_others(cgroup, pid, err);
    return result;
}

int cgroup_find_scope(struct cgroup *cgroup, struct keg_err *err)
{
    struct cgroup_layout layout;
    cgroup_layout_detect(CGROUP_ALL, &layout);
    int result = set_relative(cgroup, 0, err);
    return result < 0 ? result : cgroup_add_existing(cgroup, &layout, err);
}
