/* SPDX-License-Identifier: Apache-2.0 */
/* A container's control groups: made, entered, asked. Their end is in cgroup_destroy.c. */
#include "run/cgroup_internal.h"
#include "run/systemd.h"

#include <stdio.h>
#include <string.h>

/* Files that are read here are lists of words or "key value" lines, well below a page. */
#define FLAT_FILE_MAX_BYTES 4096

ssize_t cgroup_read_text(int dirfd, const char *path, char *text, size_t size)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    ssize_t length = keg_read(fd, text, size - 1);
    if (length >= 0)
        text[length] = '\0';
    return length;
}

struct cgroup *cgroup_new(const struct cgroup_layout *layout, const char *id)
{
    struct cgroup *cgroup = calloc(1, sizeof(*cgroup));
    if (!cgroup)
        return NULL;
    cgroup->v2 = layout->kind == RUN_CGROUP_V2;
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        cgroup->folders[i].fd = cgroup->folders[i].attach_fd = -1;
        cgroup->folder_of[i] = -1;
    }
    cgroup->id = keg_strdup(id);
    if (!cgroup->id) {
        free(cgroup);
        return NULL;
    }
    return cgroup;
}

int cgroup_folder_fd(const struct cgroup *cgroup, enum cgroup_controller controller)
{
    int index = cgroup->folder_of[controller];
    return index < 0 || (size_t)index >= cgroup->count ? -1 : cgroup->folders[index].fd;
}

void cgroup_close_fds(struct cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        keg_cleanup_fd(&cgroup->folders[i].attach_fd);
        cgroup->folders[i].attach_fd = -1;
    }
}

void cgroup_free(struct cgroup *cgroup)
{
    if (!cgroup)
        return;
    cgroup_close_fds(cgroup);
    for (size_t i = 0; i < cgroup->count; i++) {
        keg_cleanup_fd(&cgroup->folders[i].fd);
        free(cgroup->paths[i]);
    }
    free(cgroup->relative);
    free(cgroup->scope);
    free(cgroup->slice);
    keg_strv_free(cgroup->annotations);
    free(cgroup->id);
    free(cgroup);
}

static unsigned planned_controllers(const struct cgroup_plan *plan)
{
    unsigned planned = 0;
    for (size_t i = 0; i < plan->count; i++)
        planned |= CGROUP_BIT(plan->writes[i].controller);
    return planned;
}

int cgroup_make(struct cgroup *cgroup, const struct cgroup_layout *layout, bool all_controllers,
                const struct cgroup_plan *plan, struct keg_err *err)
{
    unsigned wanted = all_controllers ? CGROUP_ALL : CGROUP_DEFAULT_SET | planned_controllers(plan);
    int result = cgroup->v2 ? cgroup_make_v2(cgroup, layout, wanted, plan, err)
                            : cgroup_make_v1(cgroup, layout, wanted, plan, err);
    if (result == 0)
        result = cgroup_write_plan(cgroup, plan, err);
    if (result < 0)
        cgroup_unmake(cgroup);
    return result;
}

static int set_path(struct cgroup *cgroup, const struct cgroup_where *where, struct keg_err *err)
{
    if (where->path && *where->path)
        return cgroup_path_normalise(where->path, &cgroup->relative, err);
    cgroup->relative = keg_asprintf("keg/%s", where->id);
    return cgroup->relative ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int make_own(struct cgroup *cgroup, const struct cgroup_layout *layout,
                    const struct cgroup_where *where, const struct cgroup_plan *plan,
                    struct keg_err *err)
{
    int result = set_path(cgroup, where, err);
    return result < 0 ? result : cgroup_make(cgroup, layout, where->all_controllers, plan, err);
}

int cgroup_create(const struct cgroup_layout *layout, const struct cgroup_where *where,
                  const struct cgroup_plan *plan, struct cgroup **ret, struct keg_err *err)
{
    if (!cgroup_id_is_valid(where->id))
        return keg_fail(err, -EINVAL, "container id '%s' is not valid", where->id);
    struct cgroup *cgroup = cgroup_new(layout, where->id);
    if (!cgroup)
        return keg_fail(err, -ENOMEM, "out of memory");
    int result = 0;
    if (where->manager == RUN_CGROUP_MANAGER_SYSTEMD)
        result = cgroup_plan_scope(cgroup, where, err);
    else if (where->manager == RUN_CGROUP_MANAGER_CGROUPFS && layout->kind != RUN_CGROUP_NONE)
        result = make_own(cgroup, layout, where, plan, err);
    if (result < 0)
        cgroup_free(cgroup);
    else
        *ret = cgroup;
    return result;
}

int cgroup_clone_fd(const struct cgroup *cgroup)
{
    return cgroup->v2 && cgroup->count ? cgroup->folders[0].fd : -1;
}

int cgroup_attach_self(const struct cgroup *cgroup, const char **ret_controller)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        int result = keg_write_all(cgroup->folders[i].attach_fd, "0", 1);
        if (result < 0) {
            *ret_controller = cgroup->v2 ? "v2" : cgroup->folders[i].name;
            return result;
        }
    }
    return 0;
}

size_t cgroup_binds(const struct cgroup *cgroup, struct cgroup_bind ret[static CGROUP_CONTROLLERS])
{
    size_t count = 0;
    if (cgroup->v2 && cgroup->count) {
        ret[0] = (struct cgroup_bind){"", cgroup->paths[0]};
        return 1;
    }
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++)
        if (cgroup->folder_of[c] >= 0)
            ret[count++] = (struct cgroup_bind){cgroup_controller_name(c),
                                                cgroup->paths[cgroup->folder_of[c]]};
    return count;
}

const char *cgroup_scope(const struct cgroup *cgroup)
{
    return cgroup->scope;
}

char *const *cgroup_paths(const struct cgroup *cgroup)
{
    return cgroup->paths;
}

/* The number behind ${key} in a file of "key number" lines, or, with ${key} NULL, the first number.
 */
static uint64_t read_number(const struct cgroup *cgroup, enum cgroup_controller controller,
                            const char *file, const char *key)
{
    char text[FLAT_FILE_MAX_BYTES], *rest = NULL;
    int fd = cgroup_folder_fd(cgroup, controller);
    if (fd < 0 || cgroup_read_text(fd, file, text, sizeof(text)) <= 0)
        return 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        uint64_t number;
        size_t length = key ? strlen(key) : 0;
        if (key && (strncmp(line, key, length) != 0 || line[length++] != ' '))
            continue;
        return keg_parse_u64(line + length, 0, UINT64_MAX, &number) < 0 ? 0 : number;
    }
    return 0;
}

void cgroup_events_read(const struct cgroup *cgroup, struct cgroup_events *ret)
{
    const char *oom_file = cgroup->v2 ? "memory.events" : "memory.oom_control";
    const char *peak_file = cgroup->v2 ? "memory.peak" : "memory.max_usage_in_bytes";
    *ret = (struct cgroup_events){
        .oom_kills = read_number(cgroup, CGROUP_MEMORY, oom_file, "oom_kill"),
        .memory_peak_bytes = read_number(cgroup, CGROUP_MEMORY, peak_file, NULL),
        .pids_denied = read_number(cgroup, CGROUP_PIDS, "pids.events", "max"),
    };
}

int cgroup_destroy(struct cgroup *cgroup, struct keg_err *err)
{
    if (!cgroup)
        return 0;
    int result = cgroup_remove_folders(cgroup->paths, err);
    /* Not where it was never started. */
    if (cgroup->scope && !cgroup->slice)
        systemd_stop_scope(cgroup->scope);
    cgroup_free(cgroup);
    return result;
}
