/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows a process by besides its names and rights: limits, scheduling, its chance
 * to be killed when memory ends, its personality.
 *
 * The child sets them on itself (child_identity.c). A child in another user namespace has no
 * privilege over the machine: for it the parent first tries what needs one (attributes_favour()),
 * and the child then finds it done. ${pid} 0 is the calling process. */
#pragma once

#include "run/run.h"

/* attributes_favour(pid, process, err): Parent, for a child in another user namespace that waits to
 * be adopted: set its oom score, raise hard limits, schedule it. What this process may not do
 * either is left to the child, which says why it cannot; only the oom score is settled here. */
int attributes_favour(pid_t pid, const struct run_process *process, struct keg_err *err);

/* attributes_set_oom_score(pid, process, err): proc(5), oom_score_adj, through /proc, unless it is
 * that already; where ${process} has one. -EINVAL out of -1000 to 1000; -EACCES: lowering it needs
 * CAP_SYS_RESOURCE. The file belongs to the machine's root once the process is not dumpable. */
int attributes_set_oom_score(pid_t pid, const struct run_process *process, struct keg_err *err);

/* attributes_set_limits(process, err): setrlimit(2). -EINVAL: an unknown one, one that is there
 * twice, a soft limit above the hard one; -EPERM: one that cannot be raised. */
int attributes_set_limits(const struct run_process *process, struct keg_err *err);

/* attributes_set_scheduler(pid, scheduler, err): sched_setattr(2), unless it is scheduled so
 * already. -EINVAL: members that the policy does not have or that are out of its range. */
int attributes_set_scheduler(pid_t pid, const struct run_scheduler *scheduler, struct keg_err *err);

/* attributes_set_io_priority(pid, io_priority, err): ioprio_set(2), unless it has it already. */
int attributes_set_io_priority(pid_t pid, const struct run_io_priority *io_priority,
                               struct keg_err *err);

/* attributes_set_cpus(list, err): sched_setaffinity(2) of this process: CPUs as cpuset(7) lists
 * them, "0-3,7". NULL: as they are. */
int attributes_set_cpus(const char *list, struct keg_err *err);
