/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime features: what it can do, by the specification's features.md. */
#include "cmd/runtime/runtime.h"

static int features(const struct runtime *runtime, void *options, const struct cmd_args *args,
                    struct keg_err *err)
{
    (void)runtime;
    (void)options;
    (void)args;
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    int r = run_features_write(&text, err);
    if (r < 0)
        return r;
    _cleanup_json_ json_t *json = keg_json_parse(text.data, text.length, err);
    return json ? runtime_print_json(json, err) : err->code;
}

const struct runtime_verb runtime_verb_features = {
    .cmd = {.name = "features",
            .program = "keg-runtime",
            .synopsis = "",
            .summary = "Print what this runtime can do"},
    .act = features,
};
