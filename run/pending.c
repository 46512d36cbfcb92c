/* SPDX-License-Identifier: Apache-2.0 */
/* What other parts are about to bring: whoever brings one removes it here. */
#include "run/cgroup.h"

int cgroup_open(const struct cgroup_layout *layout, const char *id, char *const *paths,
                const char *scope, struct cgroup **ret, struct keg_err *err)
{
    (void)layout, (void)id, (void)paths, (void)scope, (void)ret, (void)err;
    return 0;
}

bool cgroup_is_frozen(const struct cgroup *cgroup)
{
    (void)cgroup;
    return false;
}
