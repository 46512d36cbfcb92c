/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF, written backwards: the last instruction first.
 *
 * BPF jumps only forward, so that whatever is jumped to exists already and no jump has to be
 * completed later. A jump over more than 255 instructions gets a stepping stone by itself. A
 * `label` says how far an instruction is from the end of the program.
 *
 * Private to run/seccomp*.c. Pure; the errors are sticky: once the program is larger than the
 * kernel takes, `failed` is set and nothing more is written. */
#pragma once

#include "run/seccomp.h"

/* An action with its data, as a filter returns it: SECCOMP_RET_*. */
struct seccomp_shared {
    uint32_t action;
    size_t label;
};

/* What is written to lies together: each page that is not touched is a fault less. */
struct seccomp_emitter {
    struct sock_filter space[SECCOMP_FILTER_MAX]; /* not initialised; filled from its end */
    size_t count;                                 /* instructions so far */
    bool failed;
    size_t shared_count;
    struct seccomp_shared shared[16]; /* where actions were returned last */
};

/* System calls from `first` up to the next leaf's. `chain` 0: `action`, whatever the arguments;
 * else the caller's own number of what decides by the arguments. */
struct seccomp_leaf {
    uint32_t first;
    uint32_t action;
    uint32_t chain;
};

/* Writes what ${chain} decides by; returns its label. */
typedef size_t seccomp_emit_chain(struct seccomp_emitter *emitter, void *context, uint32_t chain);

void seccomp_emitter_init(struct seccomp_emitter *emitter);

/* seccomp_emit_load(emitter, offset, next): Put the word at ${offset} of struct seccomp_data into
 * the accumulator, and go on at ${next}. All of these return the label of what they wrote. */
size_t seccomp_emit_load(struct seccomp_emitter *emitter, size_t offset, size_t next);
/* seccomp_emit_and(emitter, mask, next): Likewise: accumulator & mask. */
size_t seccomp_emit_and(struct seccomp_emitter *emitter, uint32_t mask, size_t next);
/* seccomp_emit_test(emitter, op, k, holds, fails): BPF_JEQ, BPF_JGT, BPF_JGE or BPF_JSET of the
 * accumulator and ${k}, and where to go on. */
size_t seccomp_emit_test(struct seccomp_emitter *emitter, uint16_t op, uint32_t k, size_t holds,
                         size_t fails);
/* seccomp_emit_action(emitter, action): The label of an instruction near enough that returns
 * ${action}. */
size_t seccomp_emit_action(struct seccomp_emitter *emitter, uint32_t action);
/* seccomp_emit_argument(emitter, argument, wide, sides): Whether ${argument} holds, of 64 bits
 * where
 * ${wide}, else of 32: go on at sides[1] if it does, else at sides[0]. The index is in range. */
size_t seccomp_emit_argument(struct seccomp_emitter *emitter,
                             const struct run_seccomp_argument *argument, bool wide,
                             const size_t sides[2]);
/* seccomp_emit_word(emitter, index, upper, next): Load the lower or upper word of an argument. */
size_t seccomp_emit_word(struct seccomp_emitter *emitter, unsigned index, bool upper, size_t next);
/* seccomp_emit_tree(emitter, leaves, count, emit_chain, context): A binary search for the system
 * call, whose number is in the accumulator, among ${count} sorted leaves, of which the first begins
 * at the ABI's lowest number. */
size_t seccomp_emit_tree(struct seccomp_emitter *emitter, const struct seccomp_leaf *leaves,
                         size_t count, seccomp_emit_chain *emit_chain, void *context);

/* seccomp_emitter_finish(emitter, ret): The program, whose first instruction is the one written
 * last, as a filter without flags. Return 0, -E2BIG or -ENOMEM. */
int seccomp_emitter_finish(const struct seccomp_emitter *emitter, struct seccomp_filter *ret);
