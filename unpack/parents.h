/* SPDX-License-Identifier: Apache-2.0 */
/* The folders from the layer's root down to where the next entry goes, each an fd; nearly always
 * the next entry lies in the same folder or one beside it. Leaving a folder gives it its times
 * back. */
#pragma once

#include "unpack/path.h"

#include <stdbool.h>
#include <sys/stat.h>

struct unpack_frame {
    char *name;   /* in the folder above; NULL for the root */
    int fd;       /* -1 while it is closed to save fds */
    bool changed; /* something was made in it: its times are to be set again */
    struct timespec times[2];
};

/* A zeroed struct is not valid: use unpack_parents_init(). `depth` counts the frames, the root's
 * too; the fd of the last one is always open. */
struct unpack_parents {
    size_t depth;
    void *implied; /* tsearch(3) tree of paths: folders that no entry named so far */
    size_t implied_count;
    size_t implied_bytes;
    struct unpack_frame frames[KEG_TAR_DEPTH_MAX + 1];
};

/* unpack_parents_init(parents, rootfd, err): Begin in ${rootfd}, of which a duplicate is kept. The
 * root becomes 0755 and counts as implied, under the name ".". */
int unpack_parents_init(struct unpack_parents *parents, int rootfd, struct keg_err *err);
void unpack_parents_done(struct unpack_parents *parents);

/* unpack_parents_enter(parents, path, count, err): Go to the folder named by the first ${count}
 * components of ${path}. Missing ones are made, 0755, and remembered as implied; one that a
 * whiteout of this layer hides is made opaque. -EBADMSG where a component is no folder: a symbolic
 * link is never followed. */
int unpack_parents_enter(struct unpack_parents *parents, const struct unpack_path *path,
                         size_t count, struct keg_err *err);

/* unpack_parents_top(parents): The frame of the folder entered; its `fd` is borrowed. */
struct unpack_frame *unpack_parents_top(struct unpack_parents *parents);

/* unpack_parents_push(parents, name, fd, times, err): The entry just made is the folder ${name} of
 * the top frame: go into it. It gets ${times} when it is left. Takes ${fd} on success only. */
int unpack_parents_push(struct unpack_parents *parents, const char *name, int fd /* takes */,
                        const struct timespec times[2], struct keg_err *err);

/* unpack_parents_named(parents, path): An entry names the folder ${path}: it is implied no more. */
void unpack_parents_named(struct unpack_parents *parents, const struct unpack_path *path);

/* unpack_parents_leave_all(parents, err): Leave every folder but the root, and give the root its
 * times back. */
int unpack_parents_leave_all(struct unpack_parents *parents, struct keg_err *err);

/* unpack_parents_take_implied(parents, ret): The implied folders, sorted (parents first), as a
 * string vector for the caller to free. 0 or -ENOMEM. */
int unpack_parents_take_implied(const struct unpack_parents *parents, char ***ret);

/* unpack_open_folder(dirfd, name): Open the folder ${name}, one component; a symbolic link is
 * -ELOOP or -ENOTDIR. */
int unpack_open_folder(int dirfd, const char *name);
