/* SPDX-License-Identifier: Apache-2.0 */
/* A container's control groups: made, limited, entered, asked. Their end is in cgroup_destroy.c. */
#include "run/cgroup.h"
#include "run/cgroup_internal.h"
#include "run/device_bpf.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Files that are read here are lists of words or "key value" lines, well below a page. */
#define FLAT_FILE_MAX_BYTES 4096

/* One folder: on v1 one a hierarchy, on v2 the only one. */
struct folder {
    int fd;        /* O_PATH */
    int attach_fd; /* `tasks` or `cgroup.procs`, for writing; -1 once closed */
    const char *name;
    dev_t device; /* of the hierarchy */
};

struct cgroup {
    bool v2;
    char *id;
    size_t count;
    struct folder folders[CGROUP_CONTROLLERS];
    char *paths[CGROUP_CONTROLLERS + 1];
    int folder_of[CGROUP_CONTROLLERS]; /* index into folders, or -1 */
};

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

bool cgroup_id_is_valid(const char *id)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    size_t length = strlen(id);
    return length > 0 && length <= NAME_MAX && id[0] != '.' && strspn(id, allowed) == length;
}

static struct cgroup *cgroup_new(const struct cgroup_layout *layout, const char *id)
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
    free(cgroup->id);
    free(cgroup);
}

/* Make ${path}; an empty folder that a crash left behind is made anew, without its limits. */
static int make_folder(const char *mount, const char *path, struct keg_err *err)
{
    char parent[PATH_MAX];
    if (mkdir(path, 0755) == 0)
        return 0;
    if (errno == ENOENT) {
        snprintf(parent, sizeof(parent), "%s/keg", mount);
        if (mkdir(parent, 0755) < 0 && errno != EEXIST)
            return keg_fail_errno(err, "make cgroup '%s'", parent);
        if (mkdir(path, 0755) == 0)
            return 0;
    }
    if (errno == EEXIST) {
        if (rmdir(path) < 0)
            return keg_fail_errno(err, "cgroup '%s' is there already and in use", path);
        if (mkdir(path, 0755) == 0)
            return 0;
    }
    return keg_fail_errno(err, "make cgroup '%s'", path);
}

/* Add <mount>/keg/<id>. It counts as ours, to be removed on failure, from its mkdir on. */
static int add_folder(struct cgroup *cgroup, const char *mount, const char *name,
                      struct keg_err *err)
{
    _cleanup_free_ char *path = keg_asprintf("%s/keg/%s", mount, cgroup->id);
    if (!path)
        return keg_fail(err, -ENOMEM, "out of memory");
    int result = make_folder(mount, path, err);
    if (result < 0)
        return result;
    struct folder *folder = &cgroup->folders[cgroup->count];
    folder->name = name;
    cgroup->paths[cgroup->count++] = TAKE_PTR(path);
    folder->fd = keg_openat(AT_FDCWD, cgroup->paths[cgroup->count - 1], O_PATH | O_DIRECTORY, 0);
    if (folder->fd < 0)
        return keg_fail(err, folder->fd, "open cgroup '%s': %s", cgroup->paths[cgroup->count - 1],
                        keg_errno_text(folder->fd));
    const char *file = cgroup->v2 ? "cgroup.procs" : "tasks";
    folder->attach_fd = keg_openat(folder->fd, file, O_WRONLY, 0);
    if (folder->attach_fd < 0)
        return keg_fail(err, folder->attach_fd, "open '%s/%s': %s",
                        cgroup->paths[cgroup->count - 1], file, keg_errno_text(folder->attach_fd));
    return 0;
}

static int find_hierarchy(const struct cgroup *cgroup, dev_t device)
{
    for (size_t i = 0; i < cgroup->count; i++)
        if (cgroup->folders[i].device == device)
            return (int)i;
    return -1;
}

/* Controllers may be mounted together (`mount -o cpu,memory`): one folder for both then. */
static int add_v1_controller(struct cgroup *cgroup, const struct cgroup_layout *layout,
                             enum cgroup_controller controller, struct keg_err *err)
{
    struct stat st;
    char mount[PATH_MAX];
    snprintf(mount, sizeof(mount), "%s/%s", layout->root, cgroup_controller_name(controller));
    if (stat(mount, &st) < 0)
        return keg_fail_errno(err, "cgroup mount '%s'", mount);
    int index = find_hierarchy(cgroup, st.st_dev);
    if (index < 0) {
        index = (int)cgroup->count;
        cgroup->folders[index].device = st.st_dev;
        int result = add_folder(cgroup, mount, cgroup_controller_name(controller), err);
        if (result < 0)
            return result;
    }
    cgroup->folder_of[controller] = index;
    return 0;
}

static int add_v1(struct cgroup *cgroup, const struct cgroup_layout *layout, struct keg_err *err)
{
    for (unsigned c = 0; c < CGROUP_CPUSET; c++) {
        if (!(layout->controllers & (1u << c)))
            continue;
        int result = add_v1_controller(cgroup, layout, c, err);
        if (result < 0)
            return result;
    }
    return 0;
}

static bool is_planned(const struct cgroup_plan *plan, enum cgroup_controller controller)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->writes[i].controller == controller)
            return true;
    return false;
}

/* Hand the controllers down from ${folder} to its children (cgroup-v2.rst, "Controlling
 * Controllers"). One that no limit needs may stay away. */
static int enable_controllers(const struct cgroup_layout *layout, const struct cgroup_plan *plan,
                              const char *folder, struct keg_err *err)
{
    char path[PATH_MAX], enabled[FLAT_FILE_MAX_BYTES] = "";
    snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
    cgroup_read_text(AT_FDCWD, path, enabled, sizeof(enabled));
    for (unsigned c = 0; c < CGROUP_CPUSET; c++) {
        const char *name = cgroup_controller_name(c);
        if (c == CGROUP_DEVICES || !(layout->controllers & (1u << c)) ||
            cgroup_has_word(enabled, name))
            continue;
        char order[32];
        int length = snprintf(order, sizeof(order), "+%s", name);
        int result = keg_write_file(AT_FDCWD, path, order, (size_t)length);
        if (result < 0 && is_planned(plan, c))
            return keg_fail(err, result, "cgroup controller '%s' cannot be enabled in '%s': %s",
                            name, path, keg_errno_text(result));
    }
    return 0;
}

static int add_v2(struct cgroup *cgroup, const struct cgroup_layout *layout,
                  const struct cgroup_plan *plan, struct keg_err *err)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof(parent), "%s/keg", layout->root);
    if (mkdir(parent, 0755) < 0 && errno != EEXIST)
        return keg_fail_errno(err, "make cgroup '%s'", parent);
    int result = enable_controllers(layout, plan, layout->root, err);
    if (result == 0)
        result = enable_controllers(layout, plan, parent, err);
    if (result == 0)
        result = add_folder(cgroup, layout->root, "", err);
    for (size_t c = 0; c < CGROUP_CPUSET; c++)
        cgroup->folder_of[c] = 0;
    return result;
}

static int fail_write(const struct cgroup *cgroup, const struct cgroup_write *write, int code,
                      struct keg_err *err)
{
    const char *folder = cgroup->paths[cgroup->folder_of[write->controller]];
    if (code == -ENOENT && strcmp(write->limit, "swap limit") == 0)
        return keg_fail(err, code, "%s: this kernel does not count swap (no '%s/%s')", write->limit,
                        folder, write->file);
    return keg_fail(err, code, "%s: write '%s' to '%s/%s': %s", write->limit, write->value, folder,
                    write->file, keg_errno_text(code));
}

/* The fd of the last file stays open: a list of device rules is a row of writes to one file. */
static int apply_writes(const struct cgroup *cgroup, const struct cgroup_plan *plan,
                        struct keg_err *err)
{
    _cleanup_fd_ int fd = -1;
    for (size_t i = 0; i < plan->count; i++) {
        const struct cgroup_write *write = &plan->writes[i];
        if (i == 0 || fd < 0 || strcmp(write->file, plan->writes[i - 1].file) != 0) {
            keg_cleanup_fd(&fd);
            fd = keg_openat(cgroup->folders[cgroup->folder_of[write->controller]].fd, write->file,
                            O_WRONLY, 0);
            if (fd == -ENOENT && write->optional)
                continue;
        }
        int result = fd < 0 ? fd : keg_write_all(fd, write->value, strlen(write->value));
        if (result < 0)
            return fail_write(cgroup, write, result, err);
    }
    return 0;
}

static int fill(struct cgroup *cgroup, const struct cgroup_layout *layout,
                const struct cgroup_plan *plan, struct keg_err *err)
{
    int result = cgroup->v2 ? add_v2(cgroup, layout, plan, err) : add_v1(cgroup, layout, err);
    if (result == 0)
        result = apply_writes(cgroup, plan, err);
    if (result == 0 && plan->device_program)
        result = device_bpf_attach(cgroup->folders[0].fd, plan->device_program,
                                   plan->device_program_length, err);
    return result;
}

int cgroup_create(const struct cgroup_layout *layout, const struct cgroup_where *where,
                  const struct cgroup_plan *plan, struct cgroup **ret, struct keg_err *err)
{
    const char *id = where->id;
    if (!cgroup_id_is_valid(id))
        return keg_fail(err, -EINVAL, "container id '%s' is not valid", id);
    struct cgroup *cgroup = cgroup_new(layout, id);
    if (!cgroup)
        return keg_fail(err, -ENOMEM, "out of memory");
    int result = layout->kind == RUN_CGROUP_NONE ? 0 : fill(cgroup, layout, plan, err);
    if (result < 0)
        cgroup_destroy(cgroup, NULL);
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
    for (unsigned c = 0; c < CGROUP_CPUSET; c++)
        if (cgroup->folder_of[c] >= 0)
            ret[count++] = (struct cgroup_bind){cgroup_controller_name(c),
                                                cgroup->paths[cgroup->folder_of[c]]};
    return count;
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
    int index = cgroup->folder_of[controller];
    if (index < 0 || (size_t)index >= cgroup->count ||
        cgroup_read_text(cgroup->folders[index].fd, file, text, sizeof(text)) <= 0)
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
    int result = cgroup_remove_folders(cgroup->paths, cgroup->id, err);
    cgroup_free(cgroup);
    return result;
}
