/* SPDX-License-Identifier: Apache-2.0 */
/* A layer with bounds of the caller's choice. */
#pragma once

#include "unpack/entry.h"
#include "unpack/unpack.h"

/* unpack_layer_within(tar, dirfd, limits, ret, err): unpack_layer() with ${limits} in the place of
 * those of base/limits.h, so that tests can meet them. */
int unpack_layer_within(struct keg_source *tar, int dirfd, const struct unpack_limits *limits,
                        struct unpack_layer *ret, struct keg_err *err);
