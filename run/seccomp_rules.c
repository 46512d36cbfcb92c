/* SPDX-License-Identifier: Apache-2.0 */
/* An OCI seccomp profile: rules -> what decides each number of each ABI. */
#include "run/seccomp_rules.h"

#include "base/base.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

/* The generated tables; this is the only file that has them. */
#include "run/seccomp/seccomp_calls.h"

#define ARGUMENTS_MAX 6

/* A slot's alternatives are put in order, and each pair of them is looked at. */
#define SLOT_ALTERNATIVES_MAX SECCOMP_FILTER_MAX
#define ALTERNATIVES_MAX      65536

static const struct {
    struct seccomp_rules_abi abis[SECCOMP_ABIS_MAX]; /* its own first */
    size_t count;
} machines[SECCOMP_MACHINES] = {
    [SECCOMP_X86_64] = {{{SECCOMP_ABI_X86_64, "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64, 0, true},
                         {SECCOMP_ABI_X32, "SCMP_ARCH_X32", AUDIT_ARCH_X86_64, SECCOMP_X32_BIT,
                          false},
                         {SECCOMP_ABI_I386, "SCMP_ARCH_X86", AUDIT_ARCH_I386, 0, false}},
                        3},
    [SECCOMP_AARCH64] = {{{SECCOMP_ABI_AARCH64, "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64, 0, true},
                          {SECCOMP_ABI_ARM, "SCMP_ARCH_ARM", AUDIT_ARCH_ARM, 0, false}},
                         2},
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

static struct seccomp_slot *find_slot(struct seccomp_table *table, int32_t number)
{
    if (number < SECCOMP_NUMBERS_MAX)
        return &table->plain[number];
    return &table->private[(uint32_t)number - SECCOMP_ARM_PRIVATE];
}

bool seccomp_is_stricter(uint32_t action, uint32_t other)
{
    return (int32_t)(action & SECCOMP_RET_ACTION_FULL) < (int32_t)(other & SECCOMP_RET_ACTION_FULL);
}

static int new_alternative(struct seccomp_rules *rules,
                           const struct seccomp_alternative *alternative)
{
    if (rules->alternatives_count == rules->alternatives_room) {
        size_t room = rules->alternatives_room ? 2 * rules->alternatives_room : 64;
        void *more = reallocarray(rules->alternatives, room, sizeof(*alternative));
        if (!more)
            return -ENOMEM;
        rules->alternatives = more;
        rules->alternatives_room = room;
    }
    rules->alternatives[rules->alternatives_count++] = *alternative;
    return 0;
}

/* After those that are as strict: the first one of a profile counts. */
static int add_alternative(struct seccomp_rules *rules, struct seccomp_slot *slot,
                           const struct seccomp_alternative *alternative)
{
    if (slot->count == SLOT_ALTERNATIVES_MAX || rules->alternatives_count == ALTERNATIVES_MAX)
        return -E2BIG;
    int r = new_alternative(rules, alternative);
    if (r < 0)
        return r;
    slot->count++;
    uint32_t *link = &slot->last;
    while (*link && seccomp_is_stricter(alternative->action, rules->alternatives[*link - 1].action))
        link = &rules->alternatives[*link - 1].before;
    rules->alternatives[rules->alternatives_count - 1].before = *link;
    *link = (uint32_t)rules->alternatives_count;
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

static int add_conditional(struct seccomp_rules *rules, struct seccomp_slot *slot,
                           const struct run_seccomp_rule *rule, uint32_t action)
{
    struct seccomp_alternative alternative = {
        .action = action,
        .arguments = rule->arguments,
        .count = rule->arguments_count,
    };
    if (!has_argument_twice(rule))
        return add_alternative(rules, slot, &alternative);
    int r = 0;
    for (size_t i = 0; i < rule->arguments_count && r == 0; i++) {
        alternative.arguments = &rule->arguments[i];
        alternative.count = 1;
        r = add_alternative(rules, slot, &alternative);
    }
    return r;
}

/* The part's own arguments are in memory, where no filter can look. */
static int add_part(struct seccomp_rules *rules, struct seccomp_table *table,
                    const struct seccomp_call *call, const struct run_seccomp_rule *rule,
                    uint32_t action)
{
    const struct seccomp_alternative alternative = {.action = action, .part = call};
    table->plain[call->multiplexer].named = true;
    if (rule->arguments_count && !seccomp_is_stricter(action, rules->default_action))
        return 0;
    return add_alternative(rules, &table->plain[call->multiplexer], &alternative);
}

/* A rule for a multiplexer as a whole counts even if it says what the default does: it is how a
 * profile keeps its parts out. */
static bool is_skipped(const struct seccomp_rules *rules, const struct seccomp_table *table,
                       int32_t number, uint32_t action)
{
    bool multiplexer = table->abi->id == SECCOMP_ABI_I386 &&
                       (number == SECCOMP_I386_SOCKETCALL || number == SECCOMP_I386_IPC);
    return action == rules->default_action && !multiplexer;
}

static int add_call(struct seccomp_rules *rules, struct seccomp_table *table,
                    const struct seccomp_call *call, const struct run_seccomp_rule *rule,
                    uint32_t action)
{
    int32_t number = call->numbers[table->abi->id];
    struct seccomp_slot *slot = number < 0 ? NULL : find_slot(table, number);
    if (slot)
        slot->named = true;
    if ((slot && slot->decided) || is_skipped(rules, table, number, action))
        return 0;
    int r = 0;
    if (table->abi->id == SECCOMP_ABI_I386 && call->multiplexer)
        r = add_part(rules, table, call, rule, action);
    if (!slot || r < 0)
        return r;
    if (rule->arguments_count)
        return add_conditional(rules, slot, rule, action);
    slot->decided = true;
    slot->action = action;
    return 0;
}

static int add_name(struct seccomp_rules *rules, const char *name,
                    const struct run_seccomp_rule *rule, uint32_t action)
{
    const struct seccomp_call *call = find_call(name);
    int r = 0;
    if (!call)
        rules->unknown_names++;
    for (size_t i = 0; call && i < rules->tables_count && r == 0; i++)
        if (rules->tables[i].wanted)
            r = add_call(rules, &rules->tables[i], call, rule, action);
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

static int add_rule(struct seccomp_rules *rules, const struct run_seccomp_rule *rule,
                    struct keg_err *err)
{
    uint32_t action = 0;
    int r = make_action(rule->action, rule->errno_ret, &action, err);
    if (r == 0)
        r = check_arguments(rule, err);
    if (r < 0)
        return r;
    if (rule->action == SECCOMP_RET_USER_NOTIF && !rules->profile->listener_path)
        return keg_fail(err, -EINVAL, "SCMP_ACT_NOTIFY without a listenerPath");
    for (char **name = rule->names; name && *name && r == 0; name++)
        r = add_name(rules, *name, rule, action);
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

static int read_profile(struct seccomp_rules *rules, enum seccomp_machine machine,
                        const struct run_seccomp_profile *profile, struct keg_err *err)
{
    rules->profile = profile;
    int r = make_action(profile->default_action, profile->default_errno_ret, &rules->default_action,
                        err);
    if (r < 0)
        return r;
    if (profile->default_action == SECCOMP_RET_USER_NOTIF)
        return keg_fail(err, -EINVAL, "SCMP_ACT_NOTIFY cannot be the default action");
    rules->tables_count = machines[machine].count;
    for (size_t i = 0; i < rules->tables_count; i++) {
        struct seccomp_table *table = &rules->tables[i];
        table->abi = &machines[machine].abis[i];
        table->wanted = i == 0 || names_architecture(profile, table->abi->name);
    }
    for (size_t i = 0; i < profile->rules_count; i++) {
        r = add_rule(rules, &profile->rules[i], err);
        if (r < 0)
            return keg_wrap(err, "rule %zu", i);
    }
    return 0;
}

/* ---- contradictions */

static bool same_arguments(const struct seccomp_alternative *a, const struct seccomp_alternative *b)
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

const struct seccomp_alternative *seccomp_alternative_at(const struct seccomp_rules *rules,
                                                         uint32_t place)
{
    return place ? &rules->alternatives[place - 1] : NULL;
}

static bool is_contradictory(const struct seccomp_rules *rules, const struct seccomp_slot *slot)
{
    const struct seccomp_alternative *a, *b;
    for (a = seccomp_alternative_at(rules, slot->last); a;
         a = seccomp_alternative_at(rules, a->before))
        for (b = seccomp_alternative_at(rules, a->before); b;
             b = seccomp_alternative_at(rules, b->before))
            if (a->action != b->action && same_arguments(a, b))
                return true;
    return false;
}

static const char *name_of(const struct seccomp_table *table, int32_t number)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(seccomp_calls); i++)
        if (seccomp_calls[i].numbers[table->abi->id] == number)
            return seccomp_call_names + seccomp_calls[i].name;
    return "?";
}

static int check_contradictions(const struct seccomp_rules *rules, struct keg_err *err)
{
    for (size_t i = 0; i < rules->tables_count; i++) {
        const struct seccomp_table *table = &rules->tables[i];
        for (int32_t number = 0; number < SECCOMP_NUMBERS_MAX; number++) {
            const struct seccomp_slot *slot = &table->plain[number];
            if (!slot->decided && slot->last && is_contradictory(rules, slot))
                return keg_fail(err, -EINVAL,
                                "two rules for the same arguments of '%s' with different actions",
                                name_of(table, number));
        }
    }
    return 0;
}

int seccomp_rules_read(struct seccomp_rules *rules, enum seccomp_machine machine,
                       const struct run_seccomp_profile *profile, struct keg_err *err)
{
    int r = read_profile(rules, machine, profile, err);
    return r == 0 ? check_contradictions(rules, err) : r;
}

void seccomp_rules_done(struct seccomp_rules *rules)
{
    free(rules->alternatives);
}
