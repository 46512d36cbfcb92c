/* SPDX-License-Identifier: Apache-2.0 */
/* keg version: which keg this is. */
#include "cmd/cmd.h"
#include "cmd/config.h"

struct version_options {
    const char *format;
};

static const struct cmd_option version_options[] = {
    {.name = "format",
     .letter = 'f',
     .kind = CMD_STRING,
     .value = "string",
     .help = "Output format",
     .offset = offsetof(struct version_options, format),
     .choices = "json"},
    CMD_OPTIONS_END};

static int run_version(int argc, char **argv, const struct cmd_globals *globals)
{
    (void)globals;
    struct version_options options = {0};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_version, argc, argv, &options, &args);
    if (code != CMD_GO_ON)
        return code;
    if (!options.format) {
        puts("keg version " KEG_VERSION);
        return CMD_EXIT_OK;
    }
    if (cmd_print_json(json_pack("{s:{s:s}}", "Client", "Version", KEG_VERSION), false, &err) < 0)
        return cmd_error("version", NULL, &err);
    return CMD_EXIT_OK;
}

const struct cmd_verb cmd_verb_version = {
    .name = "version",
    .synopsis = "[OPTIONS]",
    .summary = "Print the version",
    .options = version_options,
    .run = run_version,
};
