/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of the clone: everything worked out, then one child. */
#pragma once

#include "run/child.h"

/* launch_prepare(spec, options, ret, err): Check what the launcher cannot do, plan, and open the
 * namespaces that are to be joined. Changes nothing. ${ret} borrows both; launch_done() frees it,
 * also after a failure. -EINVAL: no program, a bad mount, device, sysctl, id map or namespace. */
int launch_prepare(const struct run_spec *spec, const struct run_options *options,
                   struct launch *ret, struct keg_err *err);
void launch_done(struct launch *launch);

/* launch_init(launch, spec, options): Nothing planned, nothing open yet. */
void launch_init(struct launch *launch, const struct run_spec *spec,
                 const struct run_options *options);

/* launch_check_preserved(count, err): Whether fds 3 to 2 + ${count} are ones that this process
 * inherited: -EBADF else. */
int launch_check_preserved(unsigned count, struct keg_err *err);
/* launch_confine(launch, err): What the child will need at the end: launch->program, capabilities
 * and seccomp, by launch->spec and launch->between. launch_prepare() has done it. */
int launch_confine(struct launch *launch, struct keg_err *err);

/* launch_clone(launch, channel_fds, ret_pidfd, err): Start the child, which runs child_main() with
 * the second end of the channel and closes its copy of the first. Return its pid, or that of the
 * process between, where launch->between says that there is one: it runs between_main(). Both have
 * all signals blocked from their first instruction. */
pid_t launch_clone(struct launch *launch, const int channel_fds[static 2], int *ret_pidfd,
                   struct keg_err *err);

/* launch_clone_flags(flags, cgroup_fd, ret_pidfd, ret_placed): clone3(2), or clone(2) where there
 * is none, with ${flags} and, where ${cgroup_fd} is not -1, into that cgroup; *ret_placed says
 * whether that was done. ${ret_pidfd} may be NULL. The pid, 0 in the child, or -1 and errno. */
long launch_clone_flags(int flags, int cgroup_fd, int *ret_pidfd, bool *ret_placed);

/* capabilities_known(): All that this kernel has: what the first process of a user namespace holds
 * in it, whatever its maker held. */
uint64_t capabilities_known(void);

/* launch_enter_time_namespace(launch, err): The new or joined time namespace of the spec, for the
 * children of this process. */
int launch_enter_time_namespace(const struct launch *launch, struct keg_err *err);
