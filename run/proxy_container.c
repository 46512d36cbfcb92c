/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal proxy for a container that the launcher made. */
#include "run/proxy.h"

#include <unistd.h>

static int kill_container(void *context, int signal)
{
    return run_kill(context, signal, NULL);
}

int run_proxy(struct run_container *container, struct run_proxy_options *options,
              struct keg_err *err)
{
    static const int caller_fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    struct proxy_target target = {
        .pidfd = run_pidfd(container),
        .console_fd = run_console_fd(container),
        .kill = kill_container,
        .context = container,
    };

    return proxy_run(&target, caller_fds, options, err);
}
