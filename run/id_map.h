/* SPDX-License-Identifier: Apache-2.0 */
/* The id maps of a user namespace (user_namespaces(7)): written for a process, and namespaces that
 * only hold maps. Private to run/; the lists themselves are in run/run.h. */
#pragma once

#include "run/run.h"

/* id_map_write(pid, uid_maps, gid_maps, err): Write both maps of ${pid}, a child of this process
 * that was cloned with CLONE_NEWUSER and is dumpable. Directly where the kernel lets this process
 * do so (root; or one's own id alone, for which setgroups(2) is denied first), else by
 * newuidmap(1) and newgidmap(1), which look at /etc/subuid and /etc/subgid. -EPERM: neither may;
 * -ENOENT: newuidmap is not installed. Parent. */
int id_map_write(pid_t pid, const struct run_id_maps *uid_maps, const struct run_id_maps *gid_maps,
                 struct keg_err *err);

/* id_map_has_helpers(): Whether newuidmap(1) and newgidmap(1) are installed. */
bool id_map_has_helpers(void);

/* id_map_write_own(uid, gid, err): Map 0 of the user namespace that this process has just entered
 * by unshare(2) to its ids outside, and nothing else; setgroups(2) is denied in it for good. */
int id_map_write_own(uint32_t uid, uint32_t gid, struct keg_err *err);

/* id_map_check(maps, name, err): -EINVAL where ${maps} is empty, has more lines than the kernel
 * takes, an empty or overflowing range, or ranges that overlap inside. ${name}: "uidMappings". */
int id_map_check(const struct run_id_maps *maps, const char *name, struct keg_err *err);

/* id_map_root(maps): The id that set-up is done as: 0 where it is mapped, else the first one. */
uint32_t id_map_root(const struct run_id_maps *maps);
