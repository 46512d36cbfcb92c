/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of run/cgroup*.c share. */
#pragma once

#include "run/cgroup.h"

#include <limits.h>

/* One folder: on v1 one a hierarchy, on v2 the only one. */
struct cgroup_folder {
    int fd;           /* O_PATH */
    int attach_fd;    /* `tasks` or `cgroup.procs`, for writing; -1 once closed */
    const char *name; /* v1: a controller of the hierarchy; v2: "" */
    dev_t device;     /* of the hierarchy */
    size_t found;     /* so much of its path was there before */
};

struct cgroup {
    bool v2;
    char *id;
    char *relative; /* below the root of each hierarchy: "keg/<id>" */
    char *scope;    /* systemd's unit, or NULL */
    /* Until the scope is started: */
    char *slice;
    char **annotations;
    bool all_controllers;
    size_t count;
    struct cgroup_folder folders[CGROUP_CONTROLLERS];
    char *paths[CGROUP_CONTROLLERS + 1];
    int folder_of[CGROUP_CONTROLLERS]; /* index into folders, or -1 */
};

/* v1 has no word for unlimited memory: LONG_MAX in whole pages, whatever their size. */
#define CGROUP_V1_UNLIMITED (INT64_MAX - 0xffff)

/* cgroup_new(layout, id): One without folders, or NULL. */
struct cgroup *cgroup_new(const struct cgroup_layout *layout, const char *id);

/* cgroup_folder_fd(cgroup, controller): The folder in that controller's hierarchy, borrowed, or -1.
 */
int cgroup_folder_fd(const struct cgroup *cgroup, enum cgroup_controller controller);

/* cgroup_add_folder(cgroup, path, folder, err): Take the folder ${path}, which exists, up as the
 * next one of ${cgroup}, opened; ${folder} says the rest. */
int cgroup_add_folder(struct cgroup *cgroup, const char *path, struct cgroup_folder folder,
                      struct keg_err *err);

/* cgroup_add_existing(cgroup, layout, err): Take up all folders of ${cgroup->relative} that are
 * there. */
int cgroup_add_existing(struct cgroup *cgroup, const struct cgroup_layout *layout,
                        struct keg_err *err);

/* cgroup_v1_mount(root, controller, ret): The folder below ${root} that ${controller}'s hierarchy
 * is mounted on, into ${ret}. Return whether there is one. */
bool cgroup_v1_mount(const char *root, enum cgroup_controller controller,
                     char ret[static PATH_MAX]);

/* cgroup_path_normalise(path, ret, err): "/a//b/" as "a/b". -EINVAL as in cgroup_create(). */
int cgroup_path_normalise(const char *path, char **ret, struct keg_err *err);

/* cgroup_path_fault(path): Why the absolute ${path} is no container's cgroup ("no cgroup"), or
 * NULL. One that is missing is fine. */
const char *cgroup_path_fault(const char *path);

/* cgroup_make(cgroup, layout, all_controllers, plan, err): Make the folders and write the plan; on
 * failure nothing is left that was not there. */
int cgroup_make(struct cgroup *cgroup, const struct cgroup_layout *layout, bool all_controllers,
                const struct cgroup_plan *plan, struct keg_err *err);

/* cgroup_plan_scope(cgroup, where, err): What cgroup_enter_scope() will ask for. */
int cgroup_plan_scope(struct cgroup *cgroup, const struct cgroup_where *where, struct keg_err *err);

/* cgroup_make_v1(cgroup, layout, wanted, plan, err), cgroup_make_v2(): Make the folders of
 * ${cgroup->relative} and open them. cgroup_unmake(cgroup) removes those that were made. */
int cgroup_make_v1(struct cgroup *cgroup, const struct cgroup_layout *layout, unsigned wanted,
                   const struct cgroup_plan *plan, struct keg_err *err);
int cgroup_make_v2(struct cgroup *cgroup, const struct cgroup_layout *layout, unsigned wanted,
                   const struct cgroup_plan *plan, struct keg_err *err);
void cgroup_unmake(struct cgroup *cgroup);

/* cgroup_add_late(cgroup, controller, err): v1: Make a folder for ${controller} while the container
 * lives, and move its processes there. -ENOTSUP: there is no such hierarchy, or no container in
 * any; -EACCES: not allowed. */
int cgroup_add_late(struct cgroup *cgroup, enum cgroup_controller controller, struct keg_err *err);

/* cgroup_write_plan(cgroup, plan, err): Write the limits and attach the program. */
int cgroup_write_plan(const struct cgroup *cgroup, const struct cgroup_plan *plan,
                      struct keg_err *err);

/* cgroup_folder_is_frozen(folder_fd), cgroup_folder_is_empty(folder_fd): Of one folder: frozen or
 * freezing; no process in it nor below. */
bool cgroup_folder_is_frozen(int folder_fd);
bool cgroup_folder_is_empty(int folder_fd);

/* cgroup_each_child(folder_fd, visit, data): Call ${visit} with the name of each folder in it. */
void cgroup_each_child(int folder_fd, void (*visit)(int folder_fd, const char *name, void *data),
                       void *data);

/* Folders below ours are the container's own doing (a systemd in it nests some five levels). */
#define CGROUP_DEPTH_MAX 64

struct cgroup_members {
    pid_t *pids; /* on the heap */
    size_t count, capacity;
};

/* cgroup_list_members(folder_fd, below, members): Append the processes of a folder, and with
 * ${below} of those below. 0 or -errno; folders that go meanwhile are no error. */
int cgroup_list_members(int folder_fd, bool below, struct cgroup_members *members);

/* cgroup_path_inside(path): What is behind the mount point in the absolute ${path}: "/keg/x" of
 * "/sys/fs/cgroup/memory/keg/x", and on v2 of "/sys/fs/cgroup/keg/x". Borrowed. */
const char *cgroup_path_inside(const char *path);

/* cgroup_signal_member(pid, inside, signal): Send ${signal} to ${pid}, by pidfd, if it is in a
 * cgroup with the path ${inside} (see above) or below it, and say whether it was; never to this
 * process. */
bool cgroup_signal_member(pid_t pid, const char *inside, int signal);

/* cgroup_read_text(dirfd, path, text, size): The file's text, NUL-terminated, cut at ${size}.
 * Return its length or -errno. */
ssize_t cgroup_read_text(int dirfd, const char *path, char *text, size_t size);

/* cgroup_has_word(text, word): Whether ${word} is one of the words of ${text} (blanks and
 * newlines). */
bool cgroup_has_word(const char *text, const char *word);

/* cgroup_v2_controllers(root): Which controllers containers below the v2 folder ${root} can have,
 * as cgroup_layout.controllers: all of its own, but none that it does not give to children yet
 * where processes in it keep it from giving more. */
unsigned cgroup_v2_controllers(const char *root);

/* cgroup_id_is_valid(id): runc's grammar of ids; never ".", ".." or with a '/'; at most 255 bytes.
 * / */
bool cgroup_id_is_valid(const char *id);

/* cgroup_remove_folders(paths, err): Remove the folders, killing what is in them; see
 * cgroup_destroy(). The paths are trusted. */
int cgroup_remove_folders(char *const *paths, struct keg_err *err);

/* What the parts of a plan are made with. */
struct cgroup_planner {
    const struct cgroup_layout *layout;
    const struct run_resources *resources;
    unsigned flags; /* enum cgroup_plan_flags */
    struct cgroup_plan *plan;
    struct keg_err *err;
};

/* cgroup_plan_is_v2(p), cgroup_plan_has(p, controller): Of the layout. */
bool cgroup_plan_is_v2(const struct cgroup_planner *p);
bool cgroup_plan_has(const struct cgroup_planner *p, enum cgroup_controller controller);
/* cgroup_plan_need(p, controller, limit): -ENOTSUP where the layout does not have it. */
int cgroup_plan_need(const struct cgroup_planner *p, enum cgroup_controller controller,
                     const char *limit);
/* cgroup_plan_unsupported(p, limit): -ENOTSUP, for what v1 alone has. */
int cgroup_plan_unsupported(const struct cgroup_planner *p, const char *limit);
/* cgroup_plan_take(p, write): Append ${write}, whose text is taken (freed on failure). */
int cgroup_plan_take(const struct cgroup_planner *p, const struct cgroup_write *write);
/* cgroup_plan_add(p, write, format, ...): Append ${write} with the formatted value, where the
 * layout has the controller (-ENOTSUP). */
int cgroup_plan_add(const struct cgroup_planner *p, struct cgroup_write write, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* The parts, by what of struct run_resources they plan. */
int cgroup_plan_memory(const struct cgroup_planner *p);
int cgroup_plan_cpu(const struct cgroup_planner *p);
int cgroup_plan_cpuset(const struct cgroup_planner *p);
int cgroup_plan_block_io(const struct cgroup_planner *p);
int cgroup_plan_hugepages(const struct cgroup_planner *p);
int cgroup_plan_network(const struct cgroup_planner *p);
int cgroup_plan_rdma(const struct cgroup_planner *p);
int cgroup_plan_unified(const struct cgroup_planner *p);
int cgroup_plan_devices(const struct cgroup_planner *p);
