/* SPDX-License-Identifier: Apache-2.0 */
/* Names of signals. */
#pragma once

#include "base/base.h"

/* runtime_signal_parse(text, ret, err): "9", "KILL", "sigkill", "RTMIN+3", "SIGRTMAX-1" -> the
 * number; 0 is one too (is anybody there?). -EINVAL. */
int runtime_signal_parse(const char *text, int *ret, struct keg_err *err);
