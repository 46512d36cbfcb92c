/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a container's control groups: made with those above them, or found empty; and
 * unmade where something failed. */
#include "run/cgroup_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* cpuset.cpus of a machine with thousands of CPUs; lists of controllers. */
#define LIST_MAX_BYTES 4096

/* A folder to be made: ${path} begins with the mount point, which is there. */
struct place {
    char path[PATH_MAX];
    size_t mount_length;
    size_t found; /* so much was there before */
    bool walked;  /* the folders above were made, and ${found} is known */
};

static int place_init(struct place *place, const char *mount, const char *relative,
                      struct keg_err *err)
{
    int length = snprintf(place->path, sizeof(place->path), "%s/%s", mount, relative);
    place->mount_length = place->found = strlen(mount);
    place->walked = false;
    if ((size_t)length >= sizeof(place->path))
        return keg_fail(err, -ENAMETOOLONG, "cgroup path '%s' is too long", relative);
    return 0;
}

/* Remove ${path} and what is above it, down to its first ${found} bytes. */
static void remove_made(char *path, size_t found)
{
    while (strlen(path) > found && unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0)
        *strrchr(path, '/') = '\0';
}

void cgroup_unmake(struct cgroup *cgroup)
{
    for (size_t i = cgroup->count; i-- > 0;)
        remove_made(cgroup->paths[i], cgroup->folders[i].found);
}

/* Call ${visit} for each folder between the mount point and the last one, cut out of the path. */
static int each_parent(struct place *place,
                       int (*visit)(struct place *place, void *data, struct keg_err *err),
                       void *data, struct keg_err *err)
{
    char *slash = place->path + place->mount_length;
    for (int result; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        result = visit(place, data, err);
        *slash = '/';
        if (result < 0)
            return result;
    }
    return 0;
}

static int make_parent(struct place *place, void *data, struct keg_err *err)
{
    (void)data;
    if (mkdir(place->path, 0755) == 0)
        return 0;
    if (errno != EEXIST)
        return keg_fail_errno(err, "make cgroup '%s'", place->path);
    place->found = strlen(place->path);
    return 0;
}

static int make_parents(struct place *place, struct keg_err *err)
{
    place->walked = true;
    return each_parent(place, make_parent, NULL, err);
}

/* ---- a folder that is there already */

static int check_unused(const char *path, struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open cgroup '%s': %s", path, keg_errno_text(fd));
    if (cgroup_folder_is_frozen(fd))
        return keg_fail(err, -EBUSY, "cgroup '%s' is there already and frozen", path);
    if (!cgroup_folder_is_empty(fd))
        return keg_fail(err, -EBUSY, "cgroup '%s' is there already and in use", path);
    return 0;
}

/* Whether the folder is one of keg's own naming, whose limits are those of a container that is
 * gone. Where somebody named it, what is set there is meant. */
static bool is_ours(const struct cgroup *cgroup)
{
    return keg_starts_with(cgroup->relative, "keg/") &&
           strcmp(cgroup->relative + strlen("keg/"), cgroup->id) == 0;
}

static int take_over(const struct cgroup *cgroup, struct place *place, struct keg_err *err)
{
    /* In systemd's scope the container's process is already. */
    int result = cgroup->scope ? 0 : check_unused(place->path, err);
    if (result < 0)
        return result;
    if (cgroup->scope || !is_ours(cgroup)) {
        place->found = strlen(place->path);
        return 0;
    }
    if (unlinkat(AT_FDCWD, place->path, AT_REMOVEDIR) < 0)
        return keg_fail_errno(err, "cgroup '%s' is there already and in use", place->path);
    if (mkdir(place->path, 0755) < 0)
        return keg_fail_errno(err, "make cgroup '%s'", place->path);
    return 0;
}

/* The last folder, with those above it where they are missing. */
static int make_folder(const struct cgroup *cgroup, struct place *place, struct keg_err *err)
{
    int result = mkdir(place->path, 0755) < 0 ? -errno : 0;
    if (result == -ENOENT) {
        result = make_parents(place, err);
        if (result < 0)
            return result;
        result = mkdir(place->path, 0755) < 0 ? -errno : 0;
    } else if (!place->walked) {
        place->found = (size_t)(strrchr(place->path, '/') - place->path);
    }
    if (result == -EEXIST)
        return take_over(cgroup, place, err);
    return result < 0
               ? keg_fail(err, result, "make cgroup '%s': %s", place->path, keg_errno_text(result))
               : 0;
}

static int open_attach_file(struct cgroup *cgroup, struct keg_err *err)
{
    struct cgroup_folder *folder = &cgroup->folders[cgroup->count - 1];
    const char *file = cgroup->v2 ? "cgroup.procs" : "tasks";
    folder->attach_fd = keg_openat(folder->fd, file, O_WRONLY, 0);
    if (folder->attach_fd < 0)
        return keg_fail(err, folder->attach_fd, "open '%s/%s': %s",
                        cgroup->paths[cgroup->count - 1], file, keg_errno_text(folder->attach_fd));
    return 0;
}

/* Make it and take it up; what was made is gone again where that fails. */
static int add_place(struct cgroup *cgroup, struct place *place, struct cgroup_folder folder,
                     struct keg_err *err)
{
    int result = make_folder(cgroup, place, err);
    folder.found = place->found;
    if (result == 0)
        result = cgroup_add_folder(cgroup, place->path, folder, err);
    if (result < 0) {
        remove_made(place->path, place->found);
        return result;
    }
    return open_attach_file(cgroup, err);
}

int cgroup_add_folder(struct cgroup *cgroup, const char *path, struct cgroup_folder folder,
                      struct keg_err *err)
{
    folder.attach_fd = -1;
    folder.fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    if (folder.fd < 0)
        return keg_fail(err, folder.fd, "open cgroup '%s': %s", path, keg_errno_text(folder.fd));
    char *copy = keg_strdup(path);
    if (!copy) {
        keg_cleanup_fd(&folder.fd);
        return keg_fail(err, -ENOMEM, "out of memory");
    }
    cgroup->folders[cgroup->count] = folder;
    cgroup->paths[cgroup->count++] = copy;
    return 0;
}

/* ---- v1 */

/* A new cpuset is empty, and nobody may enter it (cgroup-v1/cpusets.rst). */
static int inherit_list(const char *path, const char *file, struct keg_err *err)
{
    char parent[PATH_MAX + 3], text[LIST_MAX_BYTES];
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    (void)snprintf(parent, sizeof(parent), "../%s", file);
    ssize_t length = fd < 0 ? fd : cgroup_read_text(fd, file, text, sizeof(text));
    if (length > 1)
        return 0;
    if (length >= 0)
        length = cgroup_read_text(fd, parent, text, sizeof(text));
    int result = length < 0 ? (int)length : keg_write_file(fd, file, text, (size_t)length);
    if (result < 0)
        return keg_fail(err, result, "copy '%s' down to cgroup '%s': %s", file, path,
                        keg_errno_text(result));
    return 0;
}

static int inherit_cpuset(struct place *place, void *data, struct keg_err *err)
{
    (void)data;
    int result = inherit_list(place->path, "cpuset.cpus", err);
    return result < 0 ? result : inherit_list(place->path, "cpuset.mems", err);
}

static int find_hierarchy(const struct cgroup *cgroup, dev_t device)
{
    for (size_t i = 0; i < cgroup->count; i++)
        if (cgroup->folders[i].device == device)
            return (int)i;
    return -1;
}

static int find_mount(const struct cgroup_layout *layout, enum cgroup_controller controller,
                      char mount[static PATH_MAX], dev_t *ret_device, struct keg_err *err)
{
    struct stat st;
    (void)snprintf(mount, PATH_MAX, "%s/%s", layout->root, cgroup_controller_name(controller));
    if (stat(mount, &st) < 0 &&
        (!cgroup_v1_mount(layout->root, controller, mount) || stat(mount, &st) < 0))
        return keg_fail_errno(err, "cgroup mount '%s'", mount);
    *ret_device = st.st_dev;
    return 0;
}

/* Controllers may be mounted together (`mount -o cpu,memory`): one folder for both then. */
static int add_controller(struct cgroup *cgroup, const struct cgroup_layout *layout,
                          enum cgroup_controller controller, struct keg_err *err)
{
    char mount[PATH_MAX];
    struct place place;
    struct cgroup_folder folder = {.name = cgroup_controller_name(controller)};
    int result = find_mount(layout, controller, mount, &folder.device, err);
    if (result < 0)
        return result;
    int index = find_hierarchy(cgroup, folder.device);
    if (index < 0) {
        index = (int)cgroup->count;
        result = place_init(&place, mount, cgroup->relative, err);
        if (result == 0)
            result = add_place(cgroup, &place, folder, err);
        if (result < 0)
            return result;
    }
    cgroup->folder_of[controller] = index;
    if (controller != CGROUP_CPUSET)
        return 0;
    (void)snprintf(place.path, sizeof(place.path), "%s", cgroup->paths[index]);
    place.mount_length = strlen(mount);
    result = each_parent(&place, inherit_cpuset, NULL, err);
    return result < 0 ? result : inherit_cpuset(&place, NULL, err);
}

/* ---- what was asked for */

static const struct cgroup_write *find_asked(const struct cgroup_plan *plan, unsigned controllers)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!plan->writes[i].optional && controllers & CGROUP_BIT(plan->writes[i].controller))
            return &plan->writes[i];
    return NULL;
}

/* An error to make a folder for ${controllers}: one that matters, or that only says that the
 * machine's owner keeps cgroups to himself. */
static int fail_folder(const struct cgroup_plan *plan, unsigned controllers, int code,
                       struct keg_err *err)
{
    const struct cgroup_write *asked = find_asked(plan, controllers);
    bool program = plan->device_program && !plan->devices_optional;
    if (code != -EACCES && code != -EPERM && code != -EROFS)
        return code;
    if (!asked && !program)
        return 0;
    return keg_wrap(err, "%s", asked ? asked->limit : "device rules");
}

int cgroup_make_v1(struct cgroup *cgroup, const struct cgroup_layout *layout, unsigned wanted,
                   const struct cgroup_plan *plan, struct keg_err *err)
{
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
        if (!(wanted & layout->controllers & CGROUP_BIT(c)))
            continue;
        int result = add_controller(cgroup, layout, c, err);
        if (result < 0)
            result = fail_folder(plan, CGROUP_BIT(c), result, err);
        if (result < 0)
            return result;
    }
    return 0;
}

/* ---- v2 */

struct enabling {
    const struct cgroup_layout *layout;
    const struct cgroup_plan *plan;
    unsigned wanted;
};

/* Hand the controllers down from ${place} to its children (cgroup-v2.rst, "Controlling
 * Controllers"). One that no limit needs may stay away. */
static int enable_controllers(struct place *place, void *data, struct keg_err *err)
{
    const struct enabling *enabling = data;
    char path[PATH_MAX + 32], enabled[LIST_MAX_BYTES] = "";
    (void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", place->path);
    (void)cgroup_read_text(AT_FDCWD, path, enabled, sizeof(enabled));
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
        const char *name = cgroup_controller_v2_name(c);
        if (!name || !(enabling->wanted & enabling->layout->controllers & CGROUP_BIT(c)) ||
            cgroup_has_word(enabled, name))
            continue;
        char order[32];
        int length = snprintf(order, sizeof(order), "+%s", name);
        int result = keg_write_file(AT_FDCWD, path, order, (size_t)length);
        const struct cgroup_write *asked =
            result < 0 ? find_asked(enabling->plan, CGROUP_BIT(c)) : NULL;
        if (asked)
            return keg_fail(err, result, "%s: cgroup controller '%s' cannot be enabled in '%s': %s",
                            asked->limit, name, path, keg_errno_text(result));
    }
    return 0;
}

static int make_and_enable(struct place *place, void *data, struct keg_err *err)
{
    int result = make_parent(place, NULL, err);
    return result < 0 ? result : enable_controllers(place, data, err);
}

static int enable_at_root(const struct place *place, struct enabling *enabling, struct keg_err *err)
{
    struct place root;
    (void)snprintf(root.path, sizeof(root.path), "%.*s", (int)place->mount_length, place->path);
    return enable_controllers(&root, enabling, err);
}

int cgroup_make_v2(struct cgroup *cgroup, const struct cgroup_layout *layout, unsigned wanted,
                   const struct cgroup_plan *plan, struct keg_err *err)
{
    struct place place;
    struct enabling enabling = {layout, plan, wanted};
    int result = place_init(&place, layout->root, cgroup->relative, err);
    place.walked = true;
    if (result == 0)
        result = enable_at_root(&place, &enabling, err);
    if (result == 0)
        result = each_parent(&place, make_and_enable, &enabling, err);
    if (result == 0)
        result = add_place(cgroup, &place, (struct cgroup_folder){.name = ""}, err);
    else
        remove_made(place.path, place.found);
    if (result < 0)
        return fail_folder(plan, CGROUP_ALL, result, err);
    for (size_t c = 0; c < CGROUP_CONTROLLERS; c++)
        cgroup->folder_of[c] = 0;
    return 0;
}
