/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the runtime spec and what they stand for: one table a kind, for reading, writing and
 * listing. Private to run/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct spec_name {
    const char *name;
    uint32_t value;
};

/* `what` is how a message calls one of them: "namespace". Of two names for one value the first is
 * the one that is written. */
struct spec_names {
    const char *what;
    const struct spec_name *items;
    size_t count;
};

extern const struct spec_names spec_namespaces;            /* enum run_namespace_type */
extern const struct spec_names spec_rlimits;               /* RLIMIT_* */
extern const struct spec_names spec_scheduler_policies;    /* SCHED_* */
extern const struct spec_names spec_scheduler_flags;       /* SCHED_FLAG_* */
extern const struct spec_names spec_io_classes;            /* ioprio_set(2) */
extern const struct spec_names spec_hooks;                 /* enum run_hook_kind */
extern const struct spec_names spec_throttles;             /* enum run_throttle_kind */
extern const struct spec_names spec_clocks;                /* enum run_clock */
extern const struct spec_names spec_personalities;         /* PER_* */
extern const struct spec_names spec_propagations;          /* MS_* */
extern const struct spec_names spec_seccomp_actions;       /* SECCOMP_RET_* */
extern const struct spec_names spec_seccomp_operators;     /* enum run_seccomp_operator */
extern const struct spec_names spec_seccomp_flags;         /* SECCOMP_FILTER_FLAG_* */
extern const struct spec_names spec_seccomp_architectures; /* of no value */

/* spec_name_find(names, name): The entry called ${name}, or NULL. */
const struct spec_name *spec_name_find(const struct spec_names *names, const char *name);
/* spec_name_of(names, value): The name that is written for ${value}, or NULL. */
const char *spec_name_of(const struct spec_names *names, uint32_t value);
