/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a flat value on the caller's stack, which needs no malloc and can cross a fork through a
 * pipe. */
#pragma once

#include "base/limits.h"

#include <errno.h>

/* What went wrong. `code` is a negative errno value, 0 while nothing has. `text` is one line
 * without a full stop: the object in quotes, the cause, and the fix where there is one. Outer calls
 * put their part in front with keg_wrap(), so that the whole reads "layer 2 of 3: open 'usr/bin':
 * permission denied". */
struct keg_err {
    int code;
    char text[KEG_ERR_TEXT_BYTES];
};

/* KEG_ERR_INIT: initial value of a struct keg_err. Every function that takes one may be given it in
 * any state and overwrites it only on failure. */
#define KEG_ERR_INIT ((struct keg_err){.code = 0, .text = ""})

/* keg_fail(err, code, format, ...): Set ${err} to ${code}, a negative errno value, and the
 * formatted text; return ${code}, so that it can stand behind `return`. ${err} may be NULL: then
 * nobody wants the text. A text over KEG_ERR_TEXT_BYTES is cut at a character of UTF-8. Control
 * characters in it are replaced by '?', so that nothing from outside can drive a terminal. A
 * ${code} of 0 or above is a mistake of the caller and becomes -EINVAL. */
int keg_fail(struct keg_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* keg_fail_errno(err, format, ...): keg_fail() with the code -errno and ": " and strerror's text,
 * its first letter in lower case, behind the formatted text. */
int keg_fail_errno(struct keg_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* keg_wrap(err, format, ...): Put the formatted text and ": " in front of ${err}'s text. Return
 * ${err}'s code (-EIO where ${err} is NULL or holds none). */
int keg_wrap(struct keg_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* keg_errno_text(code): strerror's text of the errno value |${code}|, first letter in lower case
 * (engines look for "no such file or directory" case-sensitively). Valid until the thread's next
 * call. */
const char *keg_errno_text(int code);
