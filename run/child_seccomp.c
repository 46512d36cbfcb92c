/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: the seccomp filter. */
#include "run/child.h"

int child_install_seccomp(const struct child *child, struct keg_err *err)
{
    if (child->launch->seccomp.length == 0)
        return 0;
    int r = seccomp_install(&child->launch->seccomp, err);
    return r < 0 ? keg_wrap(err, "seccomp") : 0;
}
