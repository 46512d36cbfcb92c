/* SPDX-License-Identifier: Apache-2.0 */
/* Real control groups for tests, as root, of whichever version this machine has. */
#pragma once

#include "run/cgroup.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* The test's container; cgroup_box_name() is a suite's init. */
extern char cgroup_box_id[64];
void cgroup_box_name(void);

/* cgroup_box_v1(), cgroup_box_v2(): The layout, or the test is skipped. v2 is also the v2 mount of
 * a hybrid layout, which has no controllers but all the rest. */
struct cgroup_layout cgroup_box_v1(void);
struct cgroup_layout cgroup_box_v2(void);

/* cgroup_box_create(layout, resources), cgroup_box_create_at(layout, where, resources): Or the test
 * fails. cgroup_box_refuse() expects the code instead and gives the words. */
struct cgroup *cgroup_box_create(const struct cgroup_layout *layout,
                                 const struct run_resources *resources);
struct cgroup *cgroup_box_create_at(const struct cgroup_layout *layout,
                                    const struct cgroup_where *where,
                                    const struct run_resources *resources);
struct keg_err cgroup_box_refuse(const struct cgroup_layout *layout,
                                 const struct cgroup_where *where,
                                 const struct run_resources *resources, int code);
/* cgroup_box_destroy(cgroup): And look that it is gone. */
void cgroup_box_destroy(struct cgroup *cgroup);

/* cgroup_box_fork(cgroup, body): A child in the cgroup, running ${body}. cgroup_box_run() waits for
 * its wait status. */
pid_t cgroup_box_fork(const struct cgroup *cgroup, int (*body)(void));
int cgroup_box_run(const struct cgroup *cgroup, int (*body)(void));
int cgroup_box_sleep(void); /* never ends */
/* cgroup_box_await_member(cgroup, pid): Until the child has entered. */
void cgroup_box_await_member(const struct cgroup *cgroup, pid_t pid);

/* cgroup_box_read(cgroup, controller, file): The file's first line, static. */
const char *cgroup_box_read(const struct cgroup *cgroup, enum cgroup_controller controller,
                            const char *file);
