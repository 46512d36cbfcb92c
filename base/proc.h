/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, clocks and what identifies them. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* keg_boot_id(text): The kernel's boot id, 36 characters (random(4)). ${text} holds 37. 0 or
 * -errno. */
int keg_boot_id(char text[static 37]);

/* keg_pid_start_time(pid, ret_ticks): When ${pid} started, in clock ticks since boot (proc(5), stat
 * field 22): with the pid it names a process for good, also after pids were used again. 0 or
 * -errno. */
int keg_pid_start_time(pid_t pid, uint64_t *ret_ticks);

/* keg_wait_child(pid, ret_status): waitpid(2), EINTR retried. 0 or -errno. */
int keg_wait_child(pid_t pid, int *ret_status);

/* keg_exit_code(status): A wait status as a shell says it: the code, or 128 + the signal. */
int keg_exit_code(int status);

/* keg_now(): CLOCK_REALTIME. */
struct timespec keg_now(void);

/* keg_monotonic_ms(): CLOCK_MONOTONIC in milliseconds. */
int64_t keg_monotonic_ms(void);

/* keg_exe_dir(ret, err): The folder of this program's file (/proc/self/exe), for the caller to
 * free. */
int keg_exe_dir(char **ret, struct keg_err *err);
