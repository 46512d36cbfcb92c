/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups that another process made, found by their stored paths. */
#include "run/cgroup_internal.h"

#include <string.h>
#include <sys/stat.h>

/* The controllers of a v1 folder: those whose hierarchies are mounted from the same filesystem. */
static void assign_controllers(struct cgroup *cgroup, const struct cgroup_layout *layout)
{
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
        char mount[PATH_MAX];
        struct stat st;
        if (cgroup->v2 && cgroup->count)
            cgroup->folder_of[c] = 0;
        if (cgroup->v2 || !(layout->controllers & CGROUP_BIT(c)) ||
            !cgroup_v1_mount(layout->root, c, mount) || stat(mount, &st) < 0)
            continue;
        for (size_t i = 0; i < cgroup->count; i++) {
            struct cgroup_folder *folder = &cgroup->folders[i];
            if (folder->device != st.st_dev)
                continue;
            cgroup->folder_of[c] = (int)i;
            if (!*folder->name)
                folder->name = cgroup_controller_name(c);
        }
    }
}

static bool has_hierarchy(const struct cgroup *cgroup, dev_t device)
{
    for (size_t i = 0; i < cgroup->count; i++)
        if (cgroup->folders[i].device == device)
            return true;
    return false;
}

/* ${mount}'s folder of the container, where there is one. */
static int add_existing(struct cgroup *cgroup, const char *mount, struct keg_err *err)
{
    struct stat st;
    _cleanup_free_ char *path = keg_asprintf("%s/%s", mount, cgroup->relative);
    if (!path)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (stat(path, &st) < 0 || has_hierarchy(cgroup, st.st_dev))
        return 0;
    return cgroup_add_folder(cgroup, path, (struct cgroup_folder){.name = "", .device = st.st_dev},
                             err);
}

int cgroup_add_existing(struct cgroup *cgroup, const struct cgroup_layout *layout,
                        struct keg_err *err)
{
    int result = cgroup->v2 ? add_existing(cgroup, layout->root, err) : 0;
    for (unsigned c = 0; result == 0 && !cgroup->v2 && c < CGROUP_CONTROLLERS; c++) {
        char mount[PATH_MAX];
        if (layout->controllers & CGROUP_BIT(c) && cgroup_v1_mount(layout->root, c, mount))
            result = add_existing(cgroup, mount, err);
    }
    assign_controllers(cgroup, layout);
    return result;
}

static int add_stored(struct cgroup *cgroup, const char *path, struct keg_err *err)
{
    struct stat st;
    const char *fault = cgroup_path_fault(path);
    if (fault)
        return keg_fail(err, -EINVAL, "'%s' is no cgroup of container '%s': it is %s", path,
                        cgroup->id, fault);
    if (stat(path, &st) < 0 && errno == ENOENT)
        return 0;
    if (cgroup->count == CGROUP_CONTROLLERS)
        return keg_fail(err, -E2BIG, "container '%s' has too many cgroups", cgroup->id);
    struct cgroup_folder folder = {.name = "", .device = st.st_dev};
    return cgroup_add_folder(cgroup, path, folder, err);
}

static int add_all(struct cgroup *cgroup, char *const *paths, struct keg_err *err)
{
    for (char *const *path = paths; path && *path; path++) {
        int result = add_stored(cgroup, *path, err);
        if (result < 0)
            return result;
    }
    const char *inside = paths && *paths ? cgroup_path_inside(*paths) : "/";
    cgroup->relative = keg_strdup(inside + 1);
    return cgroup->relative ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

int cgroup_open(const struct cgroup_layout *layout, const char *id, char *const *paths,
                const char *scope, struct cgroup **ret, struct keg_err *err)
{
    if (!cgroup_id_is_valid(id))
        return keg_fail(err, -EINVAL, "container id '%s' is not valid", id);
    struct cgroup *cgroup = cgroup_new(layout, id);
    int result = cgroup ? add_all(cgroup, paths, err) : keg_fail(err, -ENOMEM, "out of memory");
    if (result == 0 && scope) {
        cgroup->scope = keg_strdup(scope);
        result = cgroup->scope ? 0 : keg_fail(err, -ENOMEM, "out of memory");
    }
    if (result < 0) {
        cgroup_free(cgroup);
        return result;
    }
    assign_controllers(cgroup, layout);
    *ret = cgroup;
    return 0;
}

int cgroup_attach_fds(struct cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_folder *folder = &cgroup->folders[i];
        if (folder->attach_fd >= 0)
            continue;
        folder->attach_fd =
            keg_openat(folder->fd, cgroup->v2 ? "cgroup.procs" : "tasks", O_WRONLY, 0);
        if (folder->attach_fd < 0)
            return folder->attach_fd;
    }
    return 0;
}

static int descend_folder(struct cgroup *cgroup, size_t index, const char *path)
{
    struct cgroup_folder *folder = &cgroup->folders[index];
    _cleanup_fd_ int fd = keg_open_beneath(folder->fd, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    char *below = keg_asprintf("%s/%s", cgroup->paths[index], path);
    if (!below)
        return -ENOMEM;
    free(cgroup->paths[index]);
    cgroup->paths[index] = below;
    keg_cleanup_fd(&folder->fd);
    folder->fd = TAKE_FD(fd);
    return 0;
}

/* On v1 a container may have made the folder in some hierarchies only: it stays at its own in the
 * others. */
int cgroup_descend(struct cgroup *cgroup, const char *path, struct keg_err *err)
{
    _cleanup_free_ char *relative = NULL;
    size_t found = 0;
    int result = cgroup_path_normalise(path, &relative, err);
    if (result < 0)
        return result;
    cgroup_close_fds(cgroup);
    for (size_t i = 0; i < cgroup->count; i++) {
        result = descend_folder(cgroup, i, relative);
        if (result < 0 && result != -ENOENT)
            return keg_fail(err, result, "cgroup '%s/%s': %s", cgroup->paths[i], relative,
                            keg_errno_text(result));
        found += result == 0;
    }
    return found
               ? 0
               : keg_fail(err, -ENOENT, "container '%s' has no cgroup '%s'", cgroup->id, relative);
}
