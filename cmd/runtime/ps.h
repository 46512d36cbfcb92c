/* SPDX-License-Identifier: Apache-2.0 */
/* A process as `ps -ef` shows it, read from /proc. */
#pragma once

#include "base/base.h"

#include <sys/types.h>
#include <time.h>

struct runtime_ps_row {
    pid_t pid, ppid;
    uint32_t uid;
    unsigned cpu_percent; /* of one CPU, since it started */
    time_t started;
    unsigned tty;   /* device number, 0: none */
    uint64_t cpu_s; /* CPU time */
    char *command;
};

/* runtime_ps_read(pid, ret): -ENOENT or -ESRCH: it has ended. The caller frees ret->command. */
int runtime_ps_read(pid_t pid, struct runtime_ps_row *ret);
/* runtime_ps_parse_stat(text, ret, ret_ticks): ppid, tty and CPU time of /proc/PID/stat (proc(5)),
 * and when it started, in ticks since boot. -EPROTO. */
int runtime_ps_parse_stat(const char *text, struct runtime_ps_row *ret, uint64_t *ret_ticks);
/* runtime_ps_tty(tty, text): "pts/3", "tty1", "?" as ps says it. ${text} holds 16. */
void runtime_ps_tty(unsigned tty, char text[static 16]);
