/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as Go writes them. */
#pragma once

#include "base/base.h"

/* runtime_duration_parse(text, ret_ms, err): "5s", "250ms", "1m", whole numbers of one unit (ms, s,
 * m, h) above 0 and up to a day. -EINVAL. */
int runtime_duration_parse(const char *text, int64_t *ret_ms, struct keg_err *err);
