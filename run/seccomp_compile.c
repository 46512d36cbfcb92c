/* SPDX-License-Identifier: Apache-2.0 */
/* Any OCI seccomp profile as a filter: rules -> what decides each number of each ABI -> leaves ->
 * a tree. */
#include "run/seccomp.h"

#include "base/base.h"
#include "run/seccomp/table.h"
#include "run/seccomp_emit.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

/* The generated tables; this is the only file that has them. */
#include "run/seccomp/seccomp_calls.h"

/* Numbers of x32 have this bit, and the audit arch of x86_64. */
#define X32_BIT 0x40000000u

#define ABIS_MAX      3
#define ARGUMENTS_MAX 6

/* `wide`: arguments have 64 bits. */
struct abi {
    int id;
    const char *name;
    uint32_t audit_arch;
    uint32_t base;
    bool wide;
};

static const struct machine {
    struct abi abis[ABIS_MAX]; /* its own first; ABIs of one audit arch stand together */
    size_t count;
} machines[SECCOMP_MACHINES] = {
    [SECCOMP_X86_64] = {{{SECCOMP_ABI_X86_64, "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64, 0, true},
                         {SECCOMP_ABI_X32, "SCMP_ARCH_X32", AUDIT_ARCH_X86_64, X32_BIT, false},
                         {SECCOMP_ABI_I386, "SCMP_ARCH_X86", AUDIT_ARCH_I386, 0, false}},
                        3},
    [SECCOMP_AARCH64] = {{{SECCOMP_ABI_AARCH64, "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64, 0, true},
                          {SECCOMP_ABI_ARM, "SCMP_ARCH_ARM", AUDIT_ARCH_ARM, 0, false}},
                         2},
};

/* One way for a rule to match a system call: all of `arguments` hold. */
struct alternative {
    uint32_t action;
    uint32_t before; /* the one of the same call to be asked before: its place plus one */
    const struct run_seccomp_argument *arguments;
    size_t count;
    const struct seccomp_call *part; /* of the multiplexer that this is about, or NULL */
};

/* What the rules say about one number. */
struct slot {
    bool named;
    bool decided; /* by a rule without arguments: `action` */
    uint32_t action;
    uint32_t last; /* alternative to be asked, the least strict: its place plus one, 0: none */
};

struct table {
    const struct abi *abi;
    bool wanted; /* the profile is about this ABI */
    struct slot plain[SECCOMP_NUMBERS_MAX];
    struct slot private[SECCOMP_PRIVATE_MAX];
};

struct compiler {
    const struct run_seccomp_profile *profile;
    uint32_t default_action;
    struct table tables[ABIS_MAX];
    size_t tables_count;
    struct alternative *alternatives;
    size_t alternatives_count, alternatives_room;
    const struct table *emitted; /* the one whose tree is written now */
    size_t unknown_names;
};

/* ---- from rules to slots */

static const struct seccomp_call *find_call(const char *name)
{
    for (uint32_t place = seccomp_hash(name);; place++) {
        uint16_t slot = seccomp_slots[place % SECCOMP_SLOTS];
        if (!slot)
            return NULL;
        const struct seccomp_call *call = &seccomp_calls[slot - 1];
        if (strcmp(seccomp_call_names + call->name, name) == 0)
            return call;
    }
}

static struct slot *find_slot(struct table *table, int32_t number)
{
    if (number < SECCOMP_NUMBERS_MAX)
        return &table->plain[number];
    return &table->private[(uint32_t)number - SECCOMP_ARM_PRIVATE];
}

/* The kernel's order, in which the actions' numbers were chosen. */
static bool is_stricter(uint32_t action, uint32_t other)
{
    return (int32_t)(action & SECCOMP_RET_ACTION_FULL) < (int32_t)(other & SECCOMP_RET_ACTION_FULL);
}

static int new_alternative(struct compiler *compiler, const struct alternative *alternative)
{
    /* Each takes instructions, and their order costs time. */
    if (compiler->alternatives_count == SECCOMP_FILTER_MAX)
        return -E2BIG;
    if (compiler->alternatives_count == compiler->alternatives_room) {
        size_t room = compiler->alternatives_room ? 2 * compiler->alternatives_room : 64;
        void *more = reallocarray(compiler->alternatives, room, sizeof(*alternative));
        if (!more)
            return -ENOMEM;
        compiler->alternatives = more;
        compiler->alternatives_room = room;
    }
    compiler->alternatives[compiler->alternatives_count++] = *alternative;
    return 0;
}

/* After those that are as strict: the first one of a profile counts. */
static int add_alternative(struct compiler *compiler, struct slot *slot,
                           const struct alternative *alternative)
{
    int r = new_alternative(compiler, alternative);
    if (r < 0)
        return r;
    uint32_t *link = &slot->last;
    while (*link && is_stricter(alternative->action, compiler->alternatives[*link - 1].action))
        link = &compiler->alternatives[*link - 1].before;
    compiler->alternatives[compiler->alternatives_count - 1].before = *link;
    *link = (uint32_t)compiler->alternatives_count;
    return 0;
}

static bool has_argument_twice(const struct run_seccomp_rule *rule)
{
    unsigned seen = 0;
    for (size_t i = 0; i < rule->arguments_count; i++) {
        if (seen & 1u << rule->arguments[i].index)
            return true;
        seen |= 1u << rule->arguments[i].index;
    }
    return false;
}

static int add_conditional(struct compiler *compiler, struct slot *slot,
                           const struct run_seccomp_rule *rule, uint32_t action)
{
    struct alternative alternative = {
        .action = action,
        .arguments = rule->arguments,
        .count = rule->arguments_count,
    };
    if (!has_argument_twice(rule))
        return add_alternative(compiler, slot, &alternative);
    int r = 0;
    for (size_t i = 0; i < rule->arguments_count && r == 0; i++) {
        alternative.arguments = &rule->arguments[i];
        alternative.count = 1;
        r = add_alternative(compiler, slot, &alternative);
    }
    return r;
}

/* The part's own arguments are in memory, where no filter can look. */
static int add_part(struct compiler *compiler, struct table *table, const struct seccomp_call *call,
                    const struct run_seccomp_rule *rule, uint32_t action)
{
    const struct alternative alternative = {.action = action, .part = call};
    table->plain[call->multiplexer].named = true;
    if (rule->arguments_count && !is_stricter(action, compiler->default_action))
        return 0;
    return add_alternative(compiler, &table->plain[call->multiplexer], &alternative);
}

/* A rule for a multiplexer as a whole counts even if it says what the default does: it is how a
 * profile keeps its parts out. */
static bool is_skipped(const struct compiler *compiler, const struct table *table, int32_t number,
                       uint32_t action)
{
    bool multiplexer = table->abi->id == SECCOMP_ABI_I386 && (number == 102 || number == 117);
    return action == compiler->default_action && !multiplexer;
}

static int add_call(struct compiler *compiler, struct table *table, const struct seccomp_call *call,
                    const struct run_seccomp_rule *rule, uint32_t action)
{
    int32_t number = call->numbers[table->abi->id];
    struct slot *slot = number < 0 ? NULL : find_slot(table, number);
    if (slot)
        slot->named = true;
    if ((slot && slot->decided) || is_skipped(compiler, table, number, action))
        return 0;
    int r = 0;
    if (table->abi->id == SECCOMP_ABI_I386 && call->multiplexer)
        r = add_part(compiler, table, call, rule, action);
    if (!slot || r < 0)
        return r;
    if (rule->arguments_count)
        return add_conditional(compiler, slot, rule, action);
    slot->decided = true;
    slot->action = action;
    return 0;
}

static int add_name(struct compiler *compiler, const char *name,
                    const struct run_seccomp_rule *rule, uint32_t action)
{
    const struct seccomp_call *call = find_call(name);
    int r = 0;
    if (!call)
        compiler->unknown_names++;
    for (size_t i = 0; call && i < compiler->tables_count && r == 0; i++)
        if (compiler->tables[i].wanted)
            r = add_call(compiler, &compiler->tables[i], call, rule, action);
    return r;
}

/* ---- checks */

static int make_action(uint32_t action, int errno_ret, uint32_t *ret, struct keg_err *err)
{
    bool has_data = action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;
    if (errno_ret >= 0 && !has_data)
        return keg_fail(err, -EINVAL, "an errnoRet for an action that returns none");
    if (errno_ret > (int)SECCOMP_RET_DATA)
        return keg_fail(err, -EINVAL, "errnoRet %d is out of range", errno_ret);
    *ret = action | (has_data ? (uint32_t)(errno_ret < 0 ? EPERM : errno_ret) : 0);
    return 0;
}

static int check_arguments(const struct run_seccomp_rule *rule, struct keg_err *err)
{
    for (size_t i = 0; i < rule->arguments_count; i++) {
        if (rule->arguments[i].index >= ARGUMENTS_MAX)
            return keg_fail(err, -EINVAL, "argument %u: there are 0 to 5",
                            rule->arguments[i].index);
        if (rule->arguments[i].op > RUN_SECCOMP_MASKED_EQ)
            return keg_fail(err, -EINVAL, "unknown operator %d", (int)rule->arguments[i].op);
    }
    return 0;
}

static int add_rule(struct compiler *compiler, const struct run_seccomp_rule *rule,
                    struct keg_err *err)
{
    uint32_t action;
    int r = make_action(rule->action, rule->errno_ret, &action, err);
    if (r == 0)
        r = check_arguments(rule, err);
    if (r < 0)
        return r;
    if (rule->action == SECCOMP_RET_USER_NOTIF && !compiler->profile->listener_path)
        return keg_fail(err, -EINVAL, "SCMP_ACT_NOTIFY without a listenerPath");
    for (char **name = rule->names; name && *name && r == 0; name++)
        r = add_name(compiler, *name, rule, action);
    if (r == -E2BIG)
        return keg_fail(err, r, "more rules than fit into %d instructions", SECCOMP_FILTER_MAX);
    return r < 0 ? keg_fail(err, r, "%s", keg_errno_text(r)) : 0;
}

static bool names_architecture(const struct run_seccomp_profile *profile, const char *name)
{
    for (char **named = profile->architectures; named && *named; named++)
        if (strcmp(*named, name) == 0)
            return true;
    return false;
}

static int read_profile(struct compiler *compiler, enum seccomp_machine machine,
                        struct keg_err *err)
{
    const struct run_seccomp_profile *profile = compiler->profile;
    int r = make_action(profile->default_action, profile->default_errno_ret,
                        &compiler->default_action, err);
    if (r < 0)
        return r;
    if (profile->default_action == SECCOMP_RET_USER_NOTIF)
        return keg_fail(err, -EINVAL, "SCMP_ACT_NOTIFY cannot be the default action");
    compiler->tables_count = machines[machine].count;
    for (size_t i = 0; i < compiler->tables_count; i++) {
        struct table *table = &compiler->tables[i];
        table->abi = &machines[machine].abis[i];
        table->wanted = i == 0 || names_architecture(profile, table->abi->name);
    }
    for (size_t i = 0; i < profile->rules_count; i++) {
        r = add_rule(compiler, &profile->rules[i], err);
        if (r < 0)
            return keg_wrap(err, "rule %zu", i);
    }
    return 0;
}

static bool same_arguments(const struct alternative *a, const struct alternative *b)
{
    /* Parts have arguments that are not seen. */
    if (a->count != b->count || a->part || b->part)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct run_seccomp_argument *x = &a->arguments[i], *y = &b->arguments[i];
        if (x->index != y->index || x->op != y->op || x->value != y->value ||
            (x->op == RUN_SECCOMP_MASKED_EQ && x->value_two != y->value_two))
            return false;
    }
    return true;
}

static const struct alternative *alternative_at(const struct compiler *compiler, uint32_t place)
{
    return place ? &compiler->alternatives[place - 1] : NULL;
}

static bool is_contradictory(const struct compiler *compiler, const struct slot *slot)
{
    const struct alternative *a, *b;
    for (a = alternative_at(compiler, slot->last); a; a = alternative_at(compiler, a->before))
        for (b = alternative_at(compiler, a->before); b; b = alternative_at(compiler, b->before))
            if (a->action != b->action && same_arguments(a, b))
                return true;
    return false;
}

static const char *name_of(const struct table *table, int32_t number)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(seccomp_calls); i++)
        if (seccomp_calls[i].numbers[table->abi->id] == number)
            return seccomp_call_names + seccomp_calls[i].name;
    return "?";
}

static int check_contradictions(const struct compiler *compiler, struct keg_err *err)
{
    for (size_t i = 0; i < compiler->tables_count; i++) {
        const struct table *table = &compiler->tables[i];
        for (int32_t number = 0; number < SECCOMP_NUMBERS_MAX; number++) {
            const struct slot *slot = &table->plain[number];
            if (!slot->decided && slot->last && is_contradictory(compiler, slot))
                return keg_fail(err, -EINVAL,
                                "two rules for the same arguments of '%s' with different actions",
                                name_of(table, number));
        }
    }
    return 0;
}

/* ---- from slots to instructions */

static size_t word_offset(unsigned index, bool upper)
{
    /* All these machines are little-endian. */
    return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) +
           (upper ? sizeof(uint32_t) : 0);
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

static size_t emit_argument(struct seccomp_emitter *emitter,
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

/* ipc's first argument has a version in its upper half. */
static size_t emit_part(struct seccomp_emitter *emitter, const struct seccomp_call *part,
                        const size_t sides[2])
{
    return emit_masked_word(emitter, word_offset(0, false), part->multiplexer == 117 ? 0xffff : ~0u,
                            part->part, sides);
}

/* ${next}: where to go on if it does not match. */
static size_t emit_alternative(struct seccomp_emitter *emitter,
                               const struct alternative *alternative, bool wide, size_t next)
{
    size_t label = seccomp_emit_action(emitter, alternative->action);
    for (size_t i = alternative->count; i-- > 0;) {
        const size_t sides[] = {next, label};
        label = emit_argument(emitter, &alternative->arguments[i], wide, sides);
    }
    const size_t sides[] = {next, label};
    return alternative->part ? emit_part(emitter, alternative->part, sides) : label;
}

static size_t emit_chain(struct seccomp_emitter *emitter, void *context, uint32_t chain)
{
    const struct compiler *compiler = context;
    const struct alternative *alternative = alternative_at(compiler, chain);
    bool wide = compiler->emitted->abi->wide;
    size_t next = seccomp_emit_action(emitter, compiler->default_action);
    for (; alternative; alternative = alternative_at(compiler, alternative->before))
        next = emit_alternative(emitter, alternative, wide, next);
    return next;
}

static struct seccomp_leaf make_leaf(const struct compiler *compiler, uint32_t first,
                                     const struct slot *slot)
{
    if (slot->decided)
        return (struct seccomp_leaf){first, slot->action, 0};
    return (struct seccomp_leaf){first, compiler->default_action, slot->last};
}

/* A leaf for each number, one more above and as many for the private ones, and x32's bit. */
#define LEAVES_MAX (SECCOMP_NUMBERS_MAX + SECCOMP_PRIVATE_MAX + 3)

struct leaves {
    size_t count;
    struct seccomp_leaf items[LEAVES_MAX];
};

static void add_leaf(struct leaves *leaves, struct seccomp_leaf leaf)
{
    const struct seccomp_leaf *last = leaves->count ? &leaves->items[leaves->count - 1] : NULL;
    if (!last || last->chain || leaf.chain || last->action != leaf.action)
        leaves->items[leaves->count++] = leaf;
}

/* Returns whether any is named. */
static bool add_leaves(const struct compiler *compiler, const struct slot *slots, size_t count,
                       uint32_t base, struct leaves *leaves, uint32_t above)
{
    while (count > 0 && !slots[count - 1].named)
        count--;
    for (size_t i = 0; i < count; i++)
        add_leaf(leaves, make_leaf(compiler, base + (uint32_t)i, &slots[i]));
    if (count)
        add_leaf(leaves, (struct seccomp_leaf){base + (uint32_t)count, above, 0});
    return count > 0;
}

static bool refuses(uint32_t action)
{
    return is_stricter(action, SECCOMP_RET_USER_NOTIF);
}

/* An allowing default means numbers that nobody has thought of, too. */
static void make_leaves(const struct compiler *compiler, const struct table *table,
                        struct leaves *ret)
{
    uint32_t base = table->abi->base, above = compiler->default_action;
    if (refuses(above))
        above = SECCOMP_RET_ERRNO | ENOSYS;
    ret->count = 0;
    if (!add_leaves(compiler, table->plain, SECCOMP_NUMBERS_MAX, base, ret, above))
        add_leaf(ret, (struct seccomp_leaf){base, compiler->default_action, 0});
    (void)add_leaves(compiler, table->private, SECCOMP_PRIVATE_MAX, SECCOMP_ARM_PRIVATE, ret,
                     above);
}

static size_t emit_table(struct compiler *compiler, struct seccomp_emitter *emitter,
                         const struct table *table)
{
    struct leaves leaves;
    make_leaves(compiler, table, &leaves);
    compiler->emitted = table;
    return seccomp_emit_tree(emitter, leaves.items, leaves.count, emit_chain, compiler);
}

/* x32, where the profile does not name it: numbers that x86_64 does not have. */
static size_t emit_x32(struct compiler *compiler, struct seccomp_emitter *emitter,
                       const struct table *table)
{
    if (table->wanted)
        return emit_table(compiler, emitter, table);
    return seccomp_emit_action(emitter, refuses(compiler->default_action)
                                            ? SECCOMP_RET_ERRNO | ENOSYS
                                            : SECCOMP_RET_KILL_PROCESS);
}

/* All ABIs behind one audit arch: one, or x86_64 and x32. */
static size_t emit_arch(struct compiler *compiler, struct seccomp_emitter *emitter,
                        const struct table *tables, size_t count)
{
    size_t x32 = count > 1 ? emit_x32(compiler, emitter, &tables[1]) : 0;
    size_t root = emit_table(compiler, emitter, &tables[0]);
    if (count > 1)
        root = seccomp_emit_test(emitter, BPF_JGE, X32_BIT, x32, root);
    return seccomp_emit_load(emitter, offsetof(struct seccomp_data, nr), root);
}

static void emit_all(struct compiler *compiler, struct seccomp_emitter *emitter)
{
    size_t next = seccomp_emit_action(emitter, SECCOMP_RET_KILL_PROCESS);
    for (size_t end = compiler->tables_count, i = end; i > 0; end = i) {
        uint32_t arch = compiler->tables[--i].abi->audit_arch;
        while (i > 0 && compiler->tables[i - 1].abi->audit_arch == arch)
            i--;
        if (!compiler->tables[i].wanted)
            continue;
        size_t root = emit_arch(compiler, emitter, &compiler->tables[i], end - i);
        next = seccomp_emit_test(emitter, BPF_JEQ, arch, root, next);
    }
    (void)seccomp_emit_load(emitter, offsetof(struct seccomp_data, arch), next);
}

static uint32_t make_flags(const struct run_seccomp_profile *profile)
{
    uint32_t flags = profile->flags & ~SECCOMP_FILTER_FLAG_TSYNC;
    for (size_t i = 0; i < profile->rules_count; i++)
        if (profile->rules[i].action == SECCOMP_RET_USER_NOTIF)
            return flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
    return flags & ~(uint32_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

static int finish(const struct compiler *compiler, const struct seccomp_emitter *emitter,
                  struct seccomp_filter *ret, struct keg_err *err)
{
    int r = seccomp_emitter_finish(emitter, ret);
    if (r == -E2BIG)
        return keg_fail(err, r, "more than the %d instructions that the kernel takes",
                        SECCOMP_FILTER_MAX);
    if (r < 0)
        return keg_fail(err, r, "%s", keg_errno_text(r));
    ret->flags = make_flags(compiler->profile);
    ret->unknown_names = compiler->unknown_names;
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
    compiler->profile = profile;
    seccomp_emitter_init(&emitter);
    int r = read_profile(compiler, machine, err);
    if (r == 0)
        r = check_contradictions(compiler, err);
    if (r == 0) {
        emit_all(compiler, &emitter);
        r = finish(compiler, &emitter, ret, err);
    }
    free(compiler->alternatives);
    free(compiler);
    return r < 0 ? keg_wrap(err, "seccomp") : 0;
}
