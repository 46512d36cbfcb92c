/* SPDX-License-Identifier: Apache-2.0 */
/* A profile's rules, sorted by what they say about each system call of each ABI.
 *
 * Private to run/seccomp*.c. Pure. */
#pragma once

#include "run/seccomp.h"
#include "run/seccomp/table.h"

/* Numbers of x32 have this bit, and the audit arch of x86_64. */
#define SECCOMP_X32_BIT 0x40000000u

#define SECCOMP_ABIS_MAX 3

/* `wide`: arguments have 64 bits. */
struct seccomp_rules_abi {
    int id;
    const char *name;
    uint32_t audit_arch;
    uint32_t base;
    bool wide;
};

/* One way for a rule to match a system call: all of `arguments` hold. */
struct seccomp_alternative {
    uint32_t action;
    uint32_t before; /* the one of the same call to be asked before: its place plus one */
    const struct run_seccomp_argument *arguments;
    size_t count;
    const struct seccomp_call *part; /* of the multiplexer that this is about, or NULL */
};

/* What the rules say about one number. */
struct seccomp_slot {
    bool named;
    bool decided; /* by a rule without arguments: `action` */
    uint16_t count;
    uint32_t action;
    uint32_t last; /* alternative to be asked, the least strict: its place plus one, 0: none */
};

struct seccomp_table {
    const struct seccomp_rules_abi *abi;
    bool wanted; /* the profile is about this ABI */
    struct seccomp_slot plain[SECCOMP_NUMBERS_MAX];
    struct seccomp_slot private[SECCOMP_PRIVATE_MAX];
};

struct seccomp_rules {
    const struct run_seccomp_profile *profile;
    uint32_t default_action;
    struct seccomp_table tables[SECCOMP_ABIS_MAX]; /* those of one audit arch stand together */
    size_t tables_count;
    struct seccomp_alternative *alternatives;
    size_t alternatives_count, alternatives_room;
    size_t unknown_names;
};

/* seccomp_rules_read(rules, machine, profile, err): Fill the zeroed ${rules}, which borrow
 * ${profile}. -EINVAL, -E2BIG and -ENOMEM as seccomp_compile(). seccomp_rules_done() frees what
 * they hold, also after a failure. */
int seccomp_rules_read(struct seccomp_rules *rules, enum seccomp_machine machine,
                       const struct run_seccomp_profile *profile, struct keg_err *err);
void seccomp_rules_done(struct seccomp_rules *rules);

/* seccomp_alternative_at(rules, place): By its place plus one; NULL for 0. */
const struct seccomp_alternative *seccomp_alternative_at(const struct seccomp_rules *rules,
                                                         uint32_t place);

/* seccomp_is_stricter(action, other): By the kernel's order, in which the actions' numbers were
 * chosen. */
bool seccomp_is_stricter(uint32_t action, uint32_t other);
