/* SPDX-License-Identifier: Apache-2.0 */
/* What keg says that this machine can do. */
#include "launch_box.h"

#include <criterion/criterion.h>
#include <string.h>

Test(launch_features, what_this_machine_can_do_is_found)
{
    struct run_features features;
    run_features_detect(&features);
    cr_expect_neq(features.cgroup_layout, RUN_CGROUP_NONE);
    cr_expect(strstr(features.controllers, "memory") != NULL, "%s", features.controllers);
    cr_expect(features.overlay);
    cr_expect(features.seccomp);
}

Test(launch_features, calls_that_are_missing_are_told)
{
    struct run_features features;
    box_forget_new_calls();
    run_features_detect(&features);
    cr_expect_not(features.openat2);
    cr_expect_not(features.new_mount_api);
    cr_expect_not(features.clone_into_cgroup);
    /* Found in another way. */
    cr_expect(features.overlay);
    cr_expect(features.seccomp);
}
