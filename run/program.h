/* SPDX-License-Identifier: Apache-2.0 */
/* The program of a container: found, checked, executed, and where that fails, why in words.
 *
 * Runs in the child, inside of the container's root, as its user. Messages begin as docker's do
 * (exec: "NAME": ...), since engines read them. */
#pragma once

#include "base/base.h"

#include <limits.h>
#include <sys/stat.h>

/* program_choose(args, env, own, ret, err): Look args[0] up in ${env}'s PATH (docker's default
 * where it has none; folders that are not absolute are skipped) unless it holds a '/'. 0; -ENOENT
 * not found, -EACCES not executable, or keg's own file ${own} by /proc/self/exe (CVE-2019-5736). */
int program_choose(char *const *args, char *const *env, const struct statx *own,
                   char ret[static PATH_MAX], struct keg_err *err);

/* program_execute(path, args, env, err): One call to execve(2): nothing else need be allowed by a
 * seccomp filter. Return on failure only: -ENOENT it or its interpreter is missing, -EACCES not
 * executable or a folder, -ENOEXEC another machine's or no program at all. */
int program_execute(const char *path, char *const *args, char *const *env, struct keg_err *err);

/* program_check(args, env, err): What these two would find missing, a folder or not
 * executable for anybody, before there is a user; nothing is executed. */
int program_check(char *const *args, char *const *env, struct keg_err *err);

/* program_find(name, search_path, ret, err): The first executable regular file ${name} in the
 * folders of ${search_path}. 0, or as above. */
int program_find(const char *name, const char *search_path, char ret[static PATH_MAX],
                 struct keg_err *err);

/* program_explain(path, code, err): Fail with what execve(2)'s answer -${code} on ${path} means, by
 * looking at the file. */
int program_explain(const char *path, int code, struct keg_err *err);

/* program_interpreter(path, ret): Whom the kernel runs to run ${path}: the name in its first line
 * "#!", with a carriage return where there is one, or in its ELF header. Return 1, 0 where there is
 * none (or the file is neither), or -errno. */
int program_interpreter(const char *path, char ret[static PATH_MAX]);
