/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime create: a container from a bundle, up to the moment before its program. */
#include "cmd/runtime/launch.h"

static int create(const struct runtime *runtime, void *options, const struct cmd_args *args,
                  struct keg_err *err)
{
    struct runtime_launch launch;
    int r = runtime_launch_create(runtime, options, args->items[0], true, &launch, err);
    if (r == 0)
        runtime_folder_unlock(&launch.folder);
    runtime_launch_done(&launch);
    return r;
}

const struct runtime_verb runtime_verb_create = {
    .cmd = {.name = "create",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID",
            .summary = "Create a container from a bundle",
            .options = runtime_launch_rows + RUNTIME_LAUNCH_ROWS_OF_RUN,
            .min_args = 1,
            .max_args = 1},
    .options_size = sizeof(struct runtime_launch_options),
    .act = create,
};
