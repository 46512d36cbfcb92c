/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles: classic BPF filters built in microseconds, without libseccomp.
 *
 * The default profile is run/seccomp/default.profile, moby's default: EPERM for what is not listed,
 * ENOSYS for numbers behind the last one that the profile knows (so that libcs fall back), more
 * calls for each capability in the bounding set. run/seccomp/generate.c turns it into sorted ranges
 * of numbers for each ABI. Profiles of a config.json come to such ranges by the table of all names
 * that run/seccomp/generate_calls.c makes. Here they become a binary tree of comparisons. Its shape
 * matters: at installation the kernel runs a filter once for each system call to find the constant
 * answers, so that a chain of 340 comparisons costs nine times what the tree does
 * (docs/architecture.md, "The start").
 *
 * Private to run/. libseccomp is used at build time only.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "run/spec.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
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

/* Since Linux 5.19; older headers do not have it. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* What the kernel takes at most: BPF_MAXINSNS. */
#define SECCOMP_FILTER_MAX 4096

/* A filter; the child has it by the fork's copy. */
struct seccomp_filter {
    unsigned short length;
    uint32_t flags;                   /* SECCOMP_FILTER_FLAG_* to install it with */
    struct sock_filter *instructions; /* on the heap */
    size_t unknown_names;             /* of the profile; skipped */
};

void seccomp_filter_done(struct seccomp_filter *filter);

/* seccomp_build_default(machine, bounding, ret): The default filter for processes whose capability
 * bounding set is ${bounding} (bit n is capability n). Pure; for the parent, before clone. Return
 * 0, -ENOMEM, or -E2BIG, which the unit tests exclude for every set. The caller calls
 * seccomp_filter_done(). */
int seccomp_build_default(enum seccomp_machine machine, uint64_t bounding,
                          struct seccomp_filter *ret);

/* seccomp_compile(machine, profile, ret, err): The filter of an OCI profile for ${machine}, with
 * the profile's flags (without TSYNC, which means nothing before execve) and NEW_LISTENER where a
 * rule notifies. Pure; for the parent. What a profile means (docs/architecture.md, "Confinement"):
 *
 * - It holds for the machine's own ABI and those that `architectures` names. The others end the
 *   process. Names of architectures of other machines are fine and change nothing.
 * - A rule matches where all its arguments do; if one argument is there twice, each is a rule of
 *   its own (as for runc). ABIs of 32 bits, x32 too, compare the lower halves.
 * - The first rule without arguments for a system call decides alone. Else the strictest of the
 *   rules that match does, by the kernel's order of actions; else the default.
 * - A rule whose action is the default's is skipped; names that nobody knows are, too.
 * - If the default refuses: numbers above the highest that the profile names are ENOSYS, so that
 *   libcs fall back. arm's private ones above 0xf0000 count apart.
 * - i386's socketcall and ipc: a rule for one of their parts holds for it in there, too, unless the
 *   profile names the whole. Its arguments cannot be seen there: if it has some, it holds whatever
 *   they are if it is stricter than the default, else not at all.
 *
 * Return 0, or -E2BIG more than SECCOMP_FILTER_MAX instructions; -EINVAL what cannot be: an unknown
 * operator, an argument above 5, an errno for an action that has none, two rules for the same
 * arguments of a call with different actions, notifying without a listener's path or by default;
 * -ENOMEM. The caller calls seccomp_filter_done(). */
int seccomp_compile(enum seccomp_machine machine, const struct run_seccomp_profile *profile,
                    struct seccomp_filter *ret, struct keg_err *err);

/* seccomp_prepare(spec, bounding, ret, err): The filter that ${spec} asks for, for this machine:
 * the default one for the bounding set ${bounding}, its own, or none (length 0). The caller calls
 * seccomp_filter_done(). */
int seccomp_prepare(const struct run_spec *spec, uint64_t bounding, struct seccomp_filter *ret,
                    struct keg_err *err);

/* seccomp_install(filter, err): Put ${filter} on the calling thread for good. SPEC_ALLOW (no
 * speculation penalty) is left out where the kernel does not have it. For the child: after
 * no_new_privs was set, or while it still has CAP_SYS_ADMIN. It allocates nothing. Return the
 * listener's fd (close-on-exec) with NEW_LISTENER, else 0; or a negative code: -EACCES neither of
 * the two, -ENOSYS or -EINVAL the kernel has no seccomp filters or not that flag, -EBUSY there is a
 * listener already. */
int seccomp_install(const struct seccomp_filter *filter, struct keg_err *err);

/* seccomp_install_default(bounding, err): The default filter for this machine, built and installed.
 */
int seccomp_install_default(uint64_t bounding, struct keg_err *err);

/* seccomp_write_json(machine, bounding, buf): The same rules as the value of linux.seccomp in an
 * OCI config.json (runtime-spec config-linux.md "Seccomp"), one JSON object with no newline behind
 * it, with the names that ${machine} has. Runtimes that use libseccomp ignore names that theirs
 * does not know yet. ENOSYS for what is unknown cannot be said there: runc adds it by itself.
 * Return 0 or ${buf}'s sticky error. */
int seccomp_write_json(enum seccomp_machine machine, uint64_t bounding, struct keg_buf *buf);

/* seccomp_write_default_json(bounding, buf): The same for this machine. */
int seccomp_write_default_json(uint64_t bounding, struct keg_buf *buf);
