/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: their meaning, and their form on cgroup v2: a program that the kernel asks at each
 * open. */
#pragma once

#include "run/run.h"

#include <linux/bpf.h>

/* Rules with a known beginning: what holds before the first of ${rules}. */
struct device_rules {
    bool base_allow;
    const struct run_device_rule *rules; /* borrowed */
    size_t count;
};

/* device_rules_normalise(rules, count, ret, err): Drop what a later rule for all devices makes
 * void. A list without such a rule begins with "deny all": rules alone never turn into a list of
 * exceptions from "allow all" (GHSA-g54h-m393-cpwq). -EINVAL for types other than a, b, c, numbers
 * below -1 or over 2^31-1, access that is empty or holds other letters than r, w, m. */
int device_rules_normalise(const struct run_device_rule *rules, size_t count,
                           struct device_rules *ret, struct keg_err *err);

/* device_access_bits(access): "rwm" as BPF_DEVCG_ACC_* bits, 0 where it is no access. */
unsigned device_access_bits(const char *access);

/* device_bpf_assemble(rules, ret, ret_length): Pure. ${rules} as a BPF_PROG_TYPE_CGROUP_DEVICE
 * program on the heap: for each bit of the access asked for, the last rule that matches decides. 0
 * or -ENOMEM. */
int device_bpf_assemble(const struct device_rules *rules, struct bpf_insn **ret,
                        size_t *ret_length);

/* device_bpf_attach(cgroup_fd, program, length, err): Load ${program} and attach it to the cgroup
 * v2 folder ${cgroup_fd}, beside what its parents have: all must allow. It goes when the folder
 * goes. */
int device_bpf_attach(int cgroup_fd, const struct bpf_insn *program, size_t length,
                      struct keg_err *err);

/* device_bpf_replace(cgroup_fd, program, length, err): The same in place of what these functions
 * attached there before; for a moment both are asked. */
int device_bpf_replace(int cgroup_fd, const struct bpf_insn *program, size_t length,
                       struct keg_err *err);
