/* SPDX-License-Identifier: Apache-2.0 */
/* The options before the verb, as a verb of their own: cmd_main() parses them, the overview lists
 * them. */
#pragma once

#include "cmd/common/options.h"

struct cmd_program_options {
    struct cmd_globals globals;
    bool version;
};

extern const struct cmd_verb cmd_verb_program;
