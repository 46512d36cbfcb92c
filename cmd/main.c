/* SPDX-License-Identifier: Apache-2.0 */
/* keg: the verbs, in the order in which help lists them. */
#include "cmd/cmd.h"

static const struct cmd_verb *const verbs[] = {
    &cmd_verb_run, &cmd_verb_pull,    &cmd_verb_images, &cmd_verb_rmi,     &cmd_verb_ps,
    &cmd_verb_rm,  &cmd_verb_inspect, &cmd_verb_info,   &cmd_verb_version, NULL,
};

int main(int argc, char **argv)
{
    return cmd_main(verbs, argc, argv);
}
