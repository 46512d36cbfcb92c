/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle (runtime-spec bundle.md): a folder with config.json and the root filesystem. */
#pragma once

#include "cmd/runtime/runtime.h"

struct runtime_bundle {
    int cwd_fd; /* where the caller was: other relative paths start there */
    char *path; /* absolute */
    struct run_spec *spec;
    struct keg_buf config; /* config.json as it is */
};

/* runtime_bundle_open(runtime, path, config, ret, err): Read the bundle at ${path} (NULL: the
 * working folder) and make it the working folder, for the relative paths in its spec. ${config}:
 * another file instead of its config.json, from the caller's folder; or NULL. The spec's root is
 * absolute then. What is odd but no error is logged. */
int runtime_bundle_open(const struct runtime *runtime, const char *path, const char *config,
                        struct runtime_bundle *ret, struct keg_err *err);
void runtime_bundle_done(struct runtime_bundle *bundle);
