/* SPDX-License-Identifier: Apache-2.0 */
/* keg-image: the verbs that parse bytes from outside, each one row of the table in main.c. */
#pragma once

#include "cmd/common/options.h"

extern const struct cmd_verb cmd_verb_pull;
