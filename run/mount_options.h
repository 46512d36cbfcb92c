/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options as mount(8) and the OCI spec write them. */
#pragma once

#include "run/mount.h"

/* mount_option_apply(option, change, recursive): Read one option into ${change}. Return true where
 * it is one of a mount ("ro", "rnosuid", "rslave", "rbind"), false where it can only be the
 * filesystem's own
 * ("size=64k"). "rbind" sets *recursive. Pure. */
bool mount_option_apply(const char *option, struct mount_change *change, bool *recursive);
