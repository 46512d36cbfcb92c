/* SPDX-License-Identifier: Apache-2.0 */
/* Staying with a process of a container until it ends. */
#include "cmd/runtime/foreground.h"

#include <signal.h>

int runtime_foreground(struct run_container *process, struct keg_err *err)
{
    struct run_exit ended;
    struct run_proxy_options proxy = {.interactive = true,
                                      .sig_proxy = true,
                                      .stdin_write_fd = -1,
                                      .stdout_read_fd = -1,
                                      .stderr_read_fd = -1};
    int r = run_proxy(process, &proxy, err);
    /* Nobody carries its terminal and signals any more; it must not go on unseen. */
    if (r < 0)
        (void)run_kill(process, SIGKILL, NULL);
    int waited = run_wait(process, &ended, r < 0 ? NULL : err);
    if (r == 0)
        r = waited;
    return r < 0 ? r : keg_exit_code(ended.status);
}
