/* SPDX-License-Identifier: Apache-2.0 */
/* --log and --log-format: lines as logrus writes them, the last of which engines read on failure.
 */
#pragma once

#include "cmd/runtime/runtime.h"

#include <time.h>

enum runtime_level { RUNTIME_ERROR, RUNTIME_WARNING, RUNTIME_DEBUG };

/* runtime_log_open(runtime, err): Open --log for appending; "file:PATH" is a path too. */
int runtime_log_open(struct runtime *runtime, struct keg_err *err);

/* runtime_log(runtime, level, format, ...): One line to --log; without, to standard error, dressed
 * as a log line for --log-format json and debug lines, else plain ("keg-runtime: ..."). Errors go
 * to standard error in any case. Debug lines are dropped without --debug. */
void runtime_log(const struct runtime *runtime, enum runtime_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* runtime_log_warnings(runtime, warnings): Each string of the vector as a warning. */
void runtime_log_warnings(const struct runtime *runtime, char *const *warnings);

/* runtime_log_line(level, json, time, text, ret): The line with its newline, into the initialised
 * ${ret}. */
void runtime_log_line(enum runtime_level level, bool json, struct timespec time, const char *text,
                      struct keg_buf *ret);
