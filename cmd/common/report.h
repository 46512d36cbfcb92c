/* SPDX-License-Identifier: Apache-2.0 */
/* What the user is told on standard error. */
#pragma once

#include "base/base.h"

#include <stddef.h>

/* cmd_error(verb, object, err): Print "keg: VERB 'OBJECT': TEXT" (without ${object} where it is
 * NULL, without ${verb} where that is NULL) as one line with one write(2). Control characters of
 * ${object} come out as '?'. Return CMD_EXIT_FAILED, so that it can stand behind `return`. */
int cmd_error(const char *verb, const char *object, const struct keg_err *err);

/* cmd_complain(verb, object, format, ...): The same with a text of the caller. */
int cmd_complain(const char *verb, const char *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* cmd_warn(verb, format, ...): Print "keg: VERB: warning: TEXT". */
void cmd_warn(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cmd_error_line(verb, object, text, ret, size): The line that cmd_error() prints, for tests. An
 * ${object} that ${text} names in quotes already is left out. */
void cmd_error_line(const char *verb, const char *object, const char *text, char *ret, size_t size);

/* cmd_exit_combine(a, b): The exit code of a verb that went on behind a failure: the failures'
 * common code, or CMD_EXIT_FAILED where they differ (podman's rule: 1 and 2 mean "and no other
 * failures"). */
int cmd_exit_combine(int a, int b);

/* cmd_ignore_sigpipe(): For verbs that change the store and print what they did: a reader that is
 * gone must not leave the work half done. Not to be called before an exec of something else. */
void cmd_ignore_sigpipe(void);
