/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of run/cgroup*.c share. */
#pragma once

#include "run/cgroup.h"

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

/* cgroup_remove_folders(paths, id, err): Remove the folders, killing what is in them; see
 * cgroup_destroy(). The paths are trusted. */
int cgroup_remove_folders(char *const *paths, const char *id, struct keg_err *err);

/* cgroup_plan_devices(layout, resources, plan, err): Add the device rules to ${plan}. */
int cgroup_plan_devices(const struct cgroup_layout *layout, const struct run_resources *resources,
                        struct cgroup_plan *plan, struct keg_err *err);

/* cgroup_plan_add(plan, write): Append ${write}. 0 or -ENOMEM. */
int cgroup_plan_add(struct cgroup_plan *plan, const struct cgroup_write *write);
