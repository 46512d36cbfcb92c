/* SPDX-License-Identifier: Apache-2.0 */
/* config-linux.md "IntelRdt": shares of the cache and of the memory's bandwidth, as folders of
 * resctrl (Documentation/filesystems/resctrl.rst). Private to run/. */
#pragma once

#include "run/run.h"

/* intel_rdt_open(err): resctrl, mounted at /sys/fs/resctrl, as an O_PATH fd. -ENOTSUP: it is not
 * mounted (or this machine has none). */
int intel_rdt_open(struct keg_err *err);

/* A container's folder. */
struct intel_rdt_group {
    char *name; /* on the heap; NULL: none */
    bool made;  /* by us: to be removed with the container */
};

/* intel_rdt_create(root_fd, id, rdt, ret, err): The folder ${rdt->clos_id}, or one called ${id},
 * with the schemata of ${rdt}. One that is there must have those schemata already: -EEXIST; one
 * with a clos_id and no schemata must be there: -ENOENT. On failure nothing is left. */
int intel_rdt_create(int root_fd, const char *id, const struct run_intel_rdt *rdt,
                     struct intel_rdt_group *ret, struct keg_err *err);

/* intel_rdt_tasks(root_fd, name, err): An fd to which a process writes "0" to enter the folder. */
int intel_rdt_tasks(int root_fd, const char *name, struct keg_err *err);

/* intel_rdt_destroy(root_fd, group): Remove it where it was made by us. Missing is success. 0 or
 * -errno. */
int intel_rdt_destroy(int root_fd, const struct intel_rdt_group *group);

/* intel_rdt_release(group, err): The same at /sys/fs/resctrl, where ${group} needs it. */
int intel_rdt_release(const struct intel_rdt_group *group, struct keg_err *err);

/* intel_rdt_matches(schemata, wanted): Whether every share of the line ${wanted} ("L3:0=f;1=f")
 * stands in the text ${schemata}; blanks and leading zeros do not count. */
bool intel_rdt_matches(const char *schemata, const char *wanted);
