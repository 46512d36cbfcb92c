/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on arguments as instructions: 64 bits are compared as two words. */
#include "run/seccomp_emit.h"

/* All these machines are little-endian. */
static size_t word_offset(unsigned index, bool upper)
{
    return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) +
           (upper ? sizeof(uint32_t) : 0);
}

size_t seccomp_emit_word(struct seccomp_emitter *emitter, unsigned index, bool upper, size_t next)
{
    return seccomp_emit_load(emitter, word_offset(index, upper), next);
}

static size_t emit_word_test(struct seccomp_emitter *emitter, size_t offset, uint16_t op,
                             uint32_t k, const size_t sides[2])
{
    size_t test = seccomp_emit_test(emitter, op, k, sides[true], sides[false]);
    return seccomp_emit_load(emitter, offset, test);
}

static size_t emit_equal(struct seccomp_emitter *emitter, unsigned index, uint64_t value, bool wide,
                         const size_t sides[2])
{
    size_t lower =
        emit_word_test(emitter, word_offset(index, false), BPF_JEQ, (uint32_t)value, sides);
    if (!wide)
        return lower;
    const size_t upper_sides[] = {sides[false], lower};
    return emit_word_test(emitter, word_offset(index, true), BPF_JEQ, (uint32_t)(value >> 32),
                          upper_sides);
}

/* BPF_JGT or BPF_JGE. */
static size_t emit_greater(struct seccomp_emitter *emitter, unsigned index, uint64_t value,
                           uint16_t op, bool wide, const size_t sides[2])
{
    size_t lower = emit_word_test(emitter, word_offset(index, false), op, (uint32_t)value, sides);
    uint32_t upper = (uint32_t)(value >> 32);
    if (!wide)
        return lower;
    size_t equal = seccomp_emit_test(emitter, BPF_JEQ, upper, lower, sides[false]);
    const size_t upper_sides[] = {equal, sides[true]};
    return emit_word_test(emitter, word_offset(index, true), BPF_JGT, upper, upper_sides);
}

/* (word & mask) == value; no bit of ${value} is outside of ${mask}. */
static size_t emit_masked_word(struct seccomp_emitter *emitter, size_t offset, uint32_t mask,
                               uint32_t value, const size_t sides[2])
{
    const size_t other_sides[] = {sides[true], sides[false]};
    if (mask == 0)
        return sides[true];
    if (value == 0)
        return emit_word_test(emitter, offset, BPF_JSET, mask, other_sides);
    size_t test = seccomp_emit_test(emitter, BPF_JEQ, value, sides[true], sides[false]);
    return seccomp_emit_load(emitter, offset, seccomp_emit_and(emitter, mask, test));
}

static size_t emit_masked(struct seccomp_emitter *emitter,
                          const struct run_seccomp_argument *argument, bool wide,
                          const size_t sides[2])
{
    uint64_t mask = argument->value, value = argument->value_two & mask;
    size_t lower = emit_masked_word(emitter, word_offset(argument->index, false), (uint32_t)mask,
                                    (uint32_t)value, sides);
    const size_t upper_sides[] = {sides[false], lower};
    if (!wide)
        return lower;
    return emit_masked_word(emitter, word_offset(argument->index, true), (uint32_t)(mask >> 32),
                            (uint32_t)(value >> 32), upper_sides);
}

size_t seccomp_emit_argument(struct seccomp_emitter *emitter,
                             const struct run_seccomp_argument *argument, bool wide,
                             const size_t sides[2])
{
    const size_t other_sides[] = {sides[true], sides[false]};
    unsigned index = argument->index;
    uint64_t value = argument->value;
    switch (argument->op) {
    case RUN_SECCOMP_NE:
        return emit_equal(emitter, index, value, wide, other_sides);
    case RUN_SECCOMP_EQ:
        return emit_equal(emitter, index, value, wide, sides);
    case RUN_SECCOMP_LT:
        return emit_greater(emitter, index, value, BPF_JGE, wide, other_sides);
    case RUN_SECCOMP_LE:
        return emit_greater(emitter, index, value, BPF_JGT, wide, other_sides);
    case RUN_SECCOMP_GE:
        return emit_greater(emitter, index, value, BPF_JGE, wide, sides);
    case RUN_SECCOMP_GT:
        return emit_greater(emitter, index, value, BPF_JGT, wide, sides);
    case RUN_SECCOMP_MASKED_EQ:
        break;
    }
    return emit_masked(emitter, argument, wide, sides);
}
