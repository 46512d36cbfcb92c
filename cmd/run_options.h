/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `keg run`, as tables. */
#pragma once

#include "cmd/common/options.h"

/* Into a struct plan_flags. */
extern const struct cmd_option cmd_run_options[];
/* docker's and podman's that keg has not. */
extern const struct cmd_refusal cmd_run_refusals[];
