/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal proxy without the launcher: what run_proxy() does, for a container or for a test's
 * child. */
#pragma once

#include "run/run.h"

/* What is served. The fds are borrowed. */
struct proxy_target {
    int pidfd;      /* readable when it has ended */
    int console_fd; /* master of its pty, or -1 */
    int (*kill)(void *context,
                int signal); /* 0 or -errno; failures are not reported: it may have just ended */
    void *context;
};

/* proxy_run(target, caller_fds, options, err): run_proxy() for ${target}, with ${caller_fds} as the
 * caller's standard input, output and error (borrowed). Everything else is said there. */
int proxy_run(const struct proxy_target *target, const int caller_fds[static 3],
              struct run_proxy_options *options, struct keg_err *err);
