/* SPDX-License-Identifier: Apache-2.0 */
/* What the entry into a user namespace is made of. Private to run/; the entry itself is
 * run_user_namespace_enter() of run/run.h. */
#pragma once

#include "base/base.h"

/* user_namespace_explain(code, sysctl_dirfd, filtered, err): Fail with why this machine answered
 * -${code} to a new user namespace, and what to do about it, as the settings below ${sysctl_dirfd}
 * (/proc/sys) have it. ${filtered}: a seccomp filter is around this process. */
int user_namespace_explain(int code, int sysctl_dirfd, bool filtered, struct keg_err *err);
