/* SPDX-License-Identifier: Apache-2.0 */
/* Any OCI seccomp profile as a filter: what decides each number -> leaves -> a tree. */
#include "run/seccomp.h"

#include "base/base.h"
#include "run/seccomp_emit.h"
#include "run/seccomp_rules.h"

#include <stdlib.h>

/* Code that was written for the alternatives of one number, for others with the same. */
struct written {
    uint32_t chain;
    bool wide;
    size_t label;
};

struct compiler {
    struct seccomp_rules rules;
    const struct seccomp_table *table; /* whose tree is written now */
    struct written written[64];
    size_t written_count;
};

static const struct seccomp_alternative *before(const struct compiler *compiler,
                                                const struct seccomp_alternative *alternative)
{
    return seccomp_alternative_at(&compiler->rules, alternative->before);
}

/* ---- arguments */

/* ipc's first argument has a version in its upper half. */
static size_t emit_part(struct seccomp_emitter *emitter, const struct seccomp_call *part,
                        const size_t sides[2])
{
    const struct run_seccomp_argument argument = {
        .op = RUN_SECCOMP_MASKED_EQ,
        .value = part->multiplexer == SECCOMP_I386_IPC ? 0xffff : UINT32_MAX,
        .value_two = part->part,
    };
    return seccomp_emit_argument(emitter, &argument, false, sides);
}

/* ${next}: where to go on if it does not match. */
static size_t emit_alternative(struct seccomp_emitter *emitter,
                               const struct seccomp_alternative *alternative, bool wide,
                               size_t next)
{
    size_t label = seccomp_emit_action(emitter, alternative->action);
    for (size_t i = alternative->count; i-- > 0;) {
        const size_t sides[] = {next, label};
        label = seccomp_emit_argument(emitter, &alternative->arguments[i], wide, sides);
    }
    const size_t sides[] = {next, label};
    return alternative->part ? emit_part(emitter, alternative->part, sides) : label;
}

static bool is_value(const struct seccomp_alternative *alternative)
{
    return !alternative->part && alternative->count == 1 &&
           alternative->arguments->op == RUN_SECCOMP_EQ;
}

/* Values of the same argument, with the same upper half. */
static bool is_another_value(const struct seccomp_alternative *a,
                             const struct seccomp_alternative *b)
{
    return is_value(b) && a->action == b->action && a->arguments->index == b->arguments->index &&
           a->arguments->value >> 32 == b->arguments->value >> 32;
}

/* One load for all of them: lists of values are what most conditions are. *alternative goes on to
 * the first that is none of them. */
static size_t emit_values(struct seccomp_emitter *emitter, const struct compiler *compiler,
                          const struct seccomp_alternative **alternative, size_t next)
{
    const struct seccomp_alternative *first = *alternative, *at = first;
    size_t matched = seccomp_emit_action(emitter, first->action), lower = next;
    for (; at && is_another_value(first, at); at = before(compiler, at))
        lower = seccomp_emit_test(emitter, BPF_JEQ, (uint32_t)at->arguments->value, matched, lower);
    *alternative = at;
    lower = seccomp_emit_word(emitter, first->arguments->index, false, lower);
    if (!compiler->table->abi->wide)
        return lower;
    size_t upper =
        seccomp_emit_test(emitter, BPF_JEQ, (uint32_t)(first->arguments->value >> 32), lower, next);
    return seccomp_emit_word(emitter, first->arguments->index, true, upper);
}

/* From the one that is asked last to the one that is asked first. */
static size_t emit_all_alternatives(struct seccomp_emitter *emitter,
                                    const struct compiler *compiler, uint32_t chain)
{
    const struct seccomp_alternative *alternative = seccomp_alternative_at(&compiler->rules, chain);
    size_t next = seccomp_emit_action(emitter, compiler->rules.default_action);
    while (alternative) {
        if (is_value(alternative)) {
            next = emit_values(emitter, compiler, &alternative, next);
            continue;
        }
        next = emit_alternative(emitter, alternative, compiler->table->abi->wide, next);
        alternative = before(compiler, alternative);
    }
    return next;
}

/* By the same rules. */
static bool is_same_chain(const struct compiler *compiler, uint32_t chain, uint32_t other)
{
    const struct seccomp_alternative *a = seccomp_alternative_at(&compiler->rules, chain);
    const struct seccomp_alternative *b = seccomp_alternative_at(&compiler->rules, other);
    while (a && b && a->action == b->action && a->arguments == b->arguments &&
           a->count == b->count && a->part == b->part) {
        a = before(compiler, a);
        b = before(compiler, b);
    }
    return !a && !b;
}

static size_t emit_chain(struct seccomp_emitter *emitter, void *context, uint32_t chain)
{
    struct compiler *compiler = context;
    bool wide = compiler->table->abi->wide;
    for (size_t i = 0; i < compiler->written_count; i++)
        if (compiler->written[i].wide == wide &&
            is_same_chain(compiler, compiler->written[i].chain, chain))
            return compiler->written[i].label;
    size_t label = emit_all_alternatives(emitter, compiler, chain);
    if (compiler->written_count < KEG_ARRAY_SIZE(compiler->written))
        compiler->written[compiler->written_count++] = (struct written){chain, wide, label};
    return label;
}

/* ---- numbers */

static struct seccomp_leaf make_leaf(const struct seccomp_rules *rules, uint32_t first,
                                     const struct seccomp_slot *slot)
{
    if (slot->decided)
        return (struct seccomp_leaf){first, slot->action, 0};
    return (struct seccomp_leaf){first, rules->default_action, slot->last};
}

/* A leaf for each number, one more above and as many for the private ones, and x32's bit. */
#define LEAVES_MAX (SECCOMP_NUMBERS_MAX + SECCOMP_PRIVATE_MAX + 3)

struct leaves {
    size_t count;
    struct seccomp_leaf items[LEAVES_MAX];
};

static void add_leaf(const struct compiler *compiler, struct leaves *leaves,
                     struct seccomp_leaf leaf)
{
    const struct seccomp_leaf *last = leaves->count ? &leaves->items[leaves->count - 1] : NULL;
    if (!last || last->action != leaf.action || !is_same_chain(compiler, last->chain, leaf.chain))
        leaves->items[leaves->count++] = leaf;
}

/* Returns whether any is named. */
static bool add_leaves(const struct compiler *compiler, const struct seccomp_slot *slots,
                       size_t count, uint32_t base, struct leaves *leaves, uint32_t above)
{
    while (count > 0 && !slots[count - 1].named)
        count--;
    for (size_t i = 0; i < count; i++)
        add_leaf(compiler, leaves, make_leaf(&compiler->rules, base + (uint32_t)i, &slots[i]));
    if (count)
        add_leaf(compiler, leaves, (struct seccomp_leaf){base + (uint32_t)count, above, 0});
    return count > 0;
}

static bool refuses(uint32_t action)
{
    return seccomp_is_stricter(action, SECCOMP_RET_USER_NOTIF);
}

/* An allowing default means numbers that nobody has thought of, too. */
static void make_leaves(const struct compiler *compiler, const struct seccomp_table *table,
                        struct leaves *ret)
{
    uint32_t base = table->abi->base, above = compiler->rules.default_action;
    if (refuses(above))
        above = SECCOMP_RET_ERRNO | ENOSYS;
    ret->count = 0;
    if (!add_leaves(compiler, table->plain, SECCOMP_NUMBERS_MAX, base, ret, above))
        add_leaf(compiler, ret, (struct seccomp_leaf){base, compiler->rules.default_action, 0});
    (void)add_leaves(compiler, table->private, SECCOMP_PRIVATE_MAX, SECCOMP_ARM_PRIVATE, ret,
                     above);
}

static size_t emit_table(struct compiler *compiler, struct seccomp_emitter *emitter,
                         const struct seccomp_table *table)
{
    struct leaves leaves;
    make_leaves(compiler, table, &leaves);
    compiler->table = table;
    return seccomp_emit_tree(emitter, leaves.items, leaves.count, emit_chain, compiler);
}

/* x32, where the profile does not name it: numbers that x86_64 does not have. */
static size_t emit_x32(struct compiler *compiler, struct seccomp_emitter *emitter,
                       const struct seccomp_table *table)
{
    if (table->wanted)
        return emit_table(compiler, emitter, table);
    return seccomp_emit_action(emitter, refuses(compiler->rules.default_action)
                                            ? SECCOMP_RET_ERRNO | ENOSYS
                                            : SECCOMP_RET_KILL_PROCESS);
}

/* All ABIs behind one audit arch: one, or x86_64 and x32. */
static size_t emit_arch(struct compiler *compiler, struct seccomp_emitter *emitter,
                        const struct seccomp_table *tables, size_t count)
{
    size_t x32 = count > 1 ? emit_x32(compiler, emitter, &tables[1]) : 0;
    size_t root = emit_table(compiler, emitter, &tables[0]);
    if (count > 1)
        root = seccomp_emit_test(emitter, BPF_JGE, SECCOMP_X32_BIT, x32, root);
    return seccomp_emit_load(emitter, offsetof(struct seccomp_data, nr), root);
}

static void emit_all(struct compiler *compiler, struct seccomp_emitter *emitter)
{
    const struct seccomp_table *tables = compiler->rules.tables;
    size_t next = seccomp_emit_action(emitter, SECCOMP_RET_KILL_PROCESS);
    for (size_t end = compiler->rules.tables_count, i = end; i > 0; end = i) {
        uint32_t arch = tables[--i].abi->audit_arch;
        while (i > 0 && tables[i - 1].abi->audit_arch == arch)
            i--;
        if (!tables[i].wanted)
            continue;
        size_t root = emit_arch(compiler, emitter, &tables[i], end - i);
        next = seccomp_emit_test(emitter, BPF_JEQ, arch, root, next);
    }
    (void)seccomp_emit_load(emitter, offsetof(struct seccomp_data, arch), next);
}

/* ---- all */

static uint32_t make_flags(const struct run_seccomp_profile *profile)
{
    uint32_t flags = profile->flags & ~SECCOMP_FILTER_FLAG_TSYNC;
    for (size_t i = 0; i < profile->rules_count; i++)
        if (profile->rules[i].action == SECCOMP_RET_USER_NOTIF)
            return flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
    return flags & ~(uint32_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

static int finish(const struct seccomp_rules *rules, const struct seccomp_emitter *emitter,
                  struct seccomp_filter *ret, struct keg_err *err)
{
    int r = seccomp_emitter_finish(emitter, ret);
    if (r == -E2BIG)
        return keg_fail(err, r, "more than the %d instructions that the kernel takes",
                        SECCOMP_FILTER_MAX);
    if (r < 0)
        return keg_fail(err, r, "%s", keg_errno_text(r));
    ret->flags = make_flags(rules->profile);
    ret->unknown_names = rules->unknown_names;
    return 0;
}

int seccomp_prepare(const struct run_spec *spec, uint64_t bounding, struct seccomp_filter *ret,
                    struct keg_err *err)
{
    int r = 0;
    if (spec->seccomp == RUN_SECCOMP_CUSTOM)
        return seccomp_compile(SECCOMP_NATIVE, spec->seccomp_profile, ret, err);
    if (spec->seccomp == RUN_SECCOMP_DEFAULT)
        r = seccomp_build_default(SECCOMP_NATIVE, bounding, ret);
    return r < 0 ? keg_fail(err, r, "seccomp: %s", keg_errno_text(r)) : 0;
}

int seccomp_compile(enum seccomp_machine machine, const struct run_seccomp_profile *profile,
                    struct seccomp_filter *ret, struct keg_err *err)
{
    struct seccomp_emitter emitter;
    struct compiler *compiler = calloc(1, sizeof(*compiler));
    if (!compiler)
        return keg_fail(err, -ENOMEM, "seccomp: out of memory");
    seccomp_emitter_init(&emitter);
    int r = seccomp_rules_read(&compiler->rules, machine, profile, err);
    if (r == 0) {
        emit_all(compiler, &emitter);
        r = finish(&compiler->rules, &emitter, ret, err);
    }
    seccomp_rules_done(&compiler->rules);
    free(compiler);
    return r < 0 ? keg_wrap(err, "seccomp") : 0;
}
