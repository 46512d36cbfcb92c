/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder of a container, ROOT/<id>, 0700: state.json (run/'s), config.json (a copy of the
 * bundle's), notify/. Making it reserves the id. Whoever changes a container holds a lock on the
 * folder itself, which dies with its holder and cannot outlive the folder. */
#pragma once

#include "cmd/runtime/runtime.h"

#define RUNTIME_ID_MAX 255 /* NAME_MAX: it names a folder */

struct runtime_folder {
    int root_fd;
    int fd;
    char id[RUNTIME_ID_MAX + 1];
};

#define RUNTIME_FOLDER_INIT ((struct runtime_folder){.root_fd = -1, .fd = -1, .id = ""})

/* runtime_id_check(id, err): Letters, digits and "_+.-", not with a dot in front, at most
 * RUNTIME_ID_MAX bytes: what is none never becomes part of a path. 0 or -EINVAL. */
int runtime_id_check(const char *id, struct keg_err *err);

/* runtime_folder_make(runtime, id, ret, err): Reserve ${id} and hold its lock. -EEXIST: taken. */
int runtime_folder_make(const struct runtime *runtime, const char *id, struct runtime_folder *ret,
                        struct keg_err *err);
/* runtime_folder_open(runtime, id, ret, err): That of a container that is there, unlocked. -ENOENT
 * "container 'x' does not exist" (words that containerd looks for). */
int runtime_folder_open(const struct runtime *runtime, const char *id, struct runtime_folder *ret,
                        struct keg_err *err);
/* runtime_folder_lock(folder, err): Wait until nobody else changes the container. -ENOENT: it was
 * deleted meanwhile. */
int runtime_folder_lock(const struct runtime_folder *folder, struct keg_err *err);
/* runtime_folder_unlock(folder): Also for a child that has a copy of the fd. */
void runtime_folder_unlock(const struct runtime_folder *folder);
/* runtime_folder_remove(folder, err): With all in it. The caller holds the lock. */
int runtime_folder_remove(const struct runtime_folder *folder, struct keg_err *err);
void runtime_folder_done(struct runtime_folder *folder);

/* runtime_open(runtime, id, folder, ret, err): runtime_folder_open() and run_open(), unlocked.
 * -EPROTO or -ENODATA: what a crash left; delete --force removes it. */
int runtime_open(const struct runtime *runtime, const char *id, struct runtime_folder *folder,
                 struct run_container **ret, struct keg_err *err);
/* runtime_open_locked(...): The same, with the lock held before its state is read. */
int runtime_open_locked(const struct runtime *runtime, const char *id,
                        struct runtime_folder *folder, struct run_container **ret,
                        struct keg_err *err);

/* runtime_ids(runtime, ret, err): The ids of all state folders, sorted, as a string vector. */
int runtime_ids(const struct runtime *runtime, char ***ret, struct keg_err *err);
/* runtime_ids_matching(runtime, pattern, ret, err): Those that fit a POSIX extended regular
 * expression (crun's --regex). */
int runtime_ids_matching(const struct runtime *runtime, const char *pattern, char ***ret,
                         struct keg_err *err);
