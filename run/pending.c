/* SPDX-License-Identifier: Apache-2.0 */
/* What other parts are about to bring: whoever brings one removes it here. */
#include "run/cgroup.h"

int run_spec_read(int dirfd, const char *path, struct run_spec **ret, char ***ret_warnings,
                  struct keg_err *err)
{
    (void)dirfd, (void)path, (void)ret, (void)ret_warnings;
    return keg_fail(err, -ENOSYS, "not there yet");
}

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
