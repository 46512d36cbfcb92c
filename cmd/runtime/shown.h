/* SPDX-License-Identifier: Apache-2.0 */
/* A container's state as state and list show it. */
#pragma once

#include "cmd/runtime/folder.h"

/* runtime_state_read(runtime, id, err): runtime.md "State" with the members that runc has besides:
 * the owner, and a pid of 0 where it has stopped. A new reference, or NULL; -ENOENT: no such
 * container. */
json_t *runtime_state_read(const struct runtime *runtime, const char *id, struct keg_err *err);
