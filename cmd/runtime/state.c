/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime state: runtime.md "State", as JSON. */
#include "cmd/runtime/shown.h"

static int state(const struct runtime *runtime, void *options, const struct cmd_args *args,
                 struct keg_err *err)
{
    (void)options;
    _cleanup_json_ json_t *shown = runtime_state_read(runtime, args->items[0], err);
    return shown ? runtime_print_json(shown, err) : err->code;
}

const struct runtime_verb runtime_verb_state = {
    .cmd = {.name = "state",
            .program = "keg-runtime",
            .synopsis = "ID",
            .summary = "Print the state of a container",
            .min_args = 1,
            .max_args = 1},
    .act = state,
};
