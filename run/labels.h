/* SPDX-License-Identifier: Apache-2.0 */
/* AppArmor profiles and SELinux contexts: asked for at the kernel before execve, and never left out
 * without a word. */
#pragma once

#include "run/run.h"

/* labels_check(process, err): Parent: -ENOTSUP where ${process} wants a profile or a context and
 * this machine has no AppArmor or SELinux that would hold it ("unconfined" is no wish where there
 * is none). */
int labels_check(const struct run_process *process, struct keg_err *err);

/* labels_check_mounts(label, err): The same for the context of all files of new filesystems; NULL
 * and "" are none. */
int labels_check_mounts(const char *label, struct keg_err *err);

/* labels_apply(proc_fd, process, err): Child: have the next execve of this process take them on, by
 * the procfs ${proc_fd} (self/attr/apparmor/exec, before Linux 5.8 and for SELinux self/attr/exec),
 * and read back that the kernel noted them: -EPERM where it noted something else; -EINVAL: a
 * profile that is not loaded. */
int labels_apply(int proc_fd, const struct run_process *process, struct keg_err *err);

/* labels_match(shown, wanted): Whether ${shown}, the text of an attribute, means ${wanted}: the
 * same, or with AppArmor's mode behind ("keg (enforce)"). A newline or NULs at its end do not
 * count. */
bool labels_match(const char *shown, const char *wanted);
