/* SPDX-License-Identifier: Apache-2.0 */
/* A root to launch in: busybox on a tmpfs, in a mount namespace of the test's own. */
#pragma once

#include "run/run.h"

struct box {
    struct run_spec *spec;
    struct run_options options;
    struct run_exit exit;
    struct keg_err err;
    char id[32];
    char output[16384]; /* stdout and stderr of the last box_run() */
};

/* The root of all boxes. In the test's mount namespace only. */
#define BOX_ROOT "/mnt/rootfs"

/* box_open(box): Make the root, a default spec and options. Aborts the test where it cannot. */
void box_open(struct box *box);
void box_close(struct box *box);

/* box_script(box, script): Run `sh -c script`. */
void box_script(struct box *box, const char *script);

/* box_run(box): Create, start, read to the end, wait, destroy. Return the exit code, or the
 * negative error code of create or start, with box->err. */
int box_run(struct box *box);

/* box_run_script(box, script): Both of the above. */
int box_run_script(struct box *box, const char *script);

/* box_write(path, text, mode): A file in the root; ${path} is absolute on the host. */
void box_write(const char *path, const void *text, size_t length, mode_t mode);

/* box_forget(calls, count): From now on ${calls} answer ENOSYS in this process and its children, as
 * on a kernel that lacks them. */
void box_forget(const int *calls, size_t count);
/* box_forget_new_calls(): All that keg has a fallback for: Linux 5.3 or so. */
void box_forget_new_calls(void);
/* box_needs_mapped_mounts(): Skip the test where a tmpfs, which the box is on, cannot be id-mapped
 * (Linux before 6.3). */
void box_needs_mapped_mounts(void);
