/* SPDX-License-Identifier: Apache-2.0 */
/* keg-image: keg's helper for everything that comes from registries. keg runs it; by hand it works
 * too. */
#include "cmd/image/image.h"

#include "cmd/config.h"

#include <stdio.h>

static const struct cmd_verb cmd_verb_version;

static int version(int argc, char **argv, const struct cmd_globals *globals)
{
    (void)globals;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_version, argc, argv, NULL, &args);
    if (code != CMD_GO_ON)
        return code;
    puts("keg-image version " KEG_VERSION);
    return CMD_EXIT_OK;
}

static const struct cmd_verb cmd_verb_version = {
    .name = "version",
    .synopsis = "",
    .summary = "Print the version",
    .run = version,
};

static const struct cmd_verb *const verbs[] = {&cmd_verb_pull, &cmd_verb_version, NULL};

int main(int argc, char **argv)
{
    return cmd_main(verbs, argc, argv);
}
