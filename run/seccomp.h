/* SPDX-License-Identifier: Apache-2.0 */
/* The default seccomp profile: a classic BPF filter built in microseconds from tables made at build
 * time.
 *
 * The profile is run/seccomp/default.profile, moby's default: EPERM for what is not listed, ENOSYS
 * for numbers behind the last one that the profile knows (so that libcs fall back), more calls for
 * each capability in the bounding set. run/seccomp/generate.c turns it into sorted ranges of
 * numbers for each ABI; here they become a binary tree of comparisons. Its shape matters: at
 * installation the kernel runs a filter once for each system call to find the constant answers, so
 * that a chain of 340 comparisons costs nine times what the tree does (docs/architecture.md, "The
 * start").
 *
 * Private to run/. libseccomp is used at build time only.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machines whose profile is built in; each with the other ABIs that its kernel takes (x86_64:
 * i386 and x32; aarch64: arm). */
enum seccomp_machine { SECCOMP_X86_64, SECCOMP_AARCH64, SECCOMP_MACHINES };

/* The machine that keg was built for. */
#if defined(__x86_64__)
#define SECCOMP_NATIVE SECCOMP_X86_64
#elif defined(__aarch64__)
#define SECCOMP_NATIVE SECCOMP_AARCH64
#else
#error "run/seccomp/default.profile has no tables for this machine"
#endif

/* Instructions that a default filter may have; the largest has about 370. */
#define SECCOMP_FILTER_MAX 512

struct seccomp_filter {
    unsigned short length;
    struct sock_filter instructions[SECCOMP_FILTER_MAX];
};

/* seccomp_build_default(machine, bounding, ret): The default filter for processes whose capability
 * bounding set is ${bounding} (bit n is capability n). Pure, allocates nothing, may run in any
 * process; meant for the parent, before clone. Return 0, or -E2BIG where the tables do not fit
 * SECCOMP_FILTER_MAX or a jump would be longer than BPF's 255 (the unit tests exclude both for
 * every set). */
int seccomp_build_default(enum seccomp_machine machine, uint64_t bounding,
                          struct seccomp_filter *ret);

/* seccomp_install(filter, log, err): Put ${filter} on the calling thread for good, with SPEC_ALLOW
 * where the kernel has it (no speculation penalty), and ${log}: refusals go to the audit log. For
 * the child: after no_new_privs was set, or while it still has CAP_SYS_ADMIN. It allocates nothing.
 * Return 0 or a negative code: -EACCES neither of the two, -ENOSYS or -EINVAL the kernel has no
 * seccomp filters. */
int seccomp_install(const struct seccomp_filter *filter, bool log, struct keg_err *err);

/* seccomp_install_default(bounding, log, err): Both of the above for this machine. */
int seccomp_install_default(uint64_t bounding, bool log, struct keg_err *err);

/* seccomp_write_json(machine, bounding, buf): The same rules as the value of linux.seccomp in an
 * OCI config.json (runtime-spec config-linux.md "Seccomp"), one JSON object with no newline behind
 * it, with the names that ${machine} has. Runtimes that use libseccomp ignore names that theirs
 * does not know yet. ENOSYS for what is unknown cannot be said there: runc adds it by itself.
 * Return 0 or ${buf}'s sticky error. */
int seccomp_write_json(enum seccomp_machine machine, uint64_t bounding, struct keg_buf *buf);

/* seccomp_write_default_json(bounding, buf): The same for this machine. */
int seccomp_write_default_json(uint64_t bounding, struct keg_buf *buf);
