/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of the clone: everything worked out, then one child. */
#pragma once

#include "run/child.h"

/* launch_prepare(spec, options, ret, err): Check what the launcher cannot do, and plan. Touches
 * nothing. ${ret} borrows both; launch_done() frees it. -ENOTSUP: user, time or joined mount and
 * no mount namespaces; -EINVAL: no program, a bad mount, device or sysctl. */
int launch_prepare(const struct run_spec *spec, const struct run_options *options,
                   struct launch *ret, struct keg_err *err);
void launch_done(struct launch *launch);

/* launch_clone(launch, channel_fds, ret_pidfd, err): Start the child, which runs child_main() with
 * the second end of the channel and closes its copy of the first. Return its pid. The child has all
 * signals blocked from its first instruction. */
pid_t launch_clone(struct launch *launch, const int channel_fds[static 2], int *ret_pidfd,
                   struct keg_err *err);
