/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles of a config.json: the filter against what the rules say, against libseccomp and
 * against the kernel. */
#include "base/base.h"
#include "run/run.h"
#include "run/seccomp.h"
#include "seccomp_simulator.h"

#include <criterion/criterion.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define X32             0x40000000u
#define NUMBERS         600
#define ERRNO_RET(code) (SECCOMP_RET_ERRNO | (code))

/* ---- the ABIs, as libseccomp knows them */

struct abi {
    enum seccomp_machine machine;
    uint32_t token;
    const char *name;
    uint32_t audit_arch;
    uint32_t base;
    bool wide; /* arguments have 64 bits */
};

static const struct abi abis[] = {
    {SECCOMP_X86_64, SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64, 0, true},
    {SECCOMP_X86_64, SCMP_ARCH_X32, "SCMP_ARCH_X32", AUDIT_ARCH_X86_64, X32, false},
    {SECCOMP_X86_64, SCMP_ARCH_X86, "SCMP_ARCH_X86", AUDIT_ARCH_I386, 0, false},
    {SECCOMP_AARCH64, SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64, 0, true},
    {SECCOMP_AARCH64, SCMP_ARCH_ARM, "SCMP_ARCH_ARM", AUDIT_ARCH_ARM, 0, false},
};

/* What libseccomp may not know. */
static const struct {
    const char *name;
    uint32_t number;
} newer[] = {
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},
};

static char *names[KEG_ARRAY_SIZE(abis)][NUMBERS];

static bool libseccomp_knows(const char *name)
{
    return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

/* On the heap, or NULL. */
static char *find_name(size_t abi, uint32_t number)
{
    char *name = seccomp_syscall_resolve_num_arch(abis[abi].token, (int)(number + abis[abi].base));

    if (!name && number == 335 && abi == 0 && !libseccomp_knows("uretprobe"))
        return keg_strdup("uretprobe");
    for (size_t i = 0; i < KEG_ARRAY_SIZE(newer) && !name; i++)
        if (newer[i].number == number)
            return keg_strdup(newer[i].name);
    return name;
}

static const char *name_of(size_t abi, uint32_t number)
{
    if (number >= NUMBERS)
        return NULL;
    if (!names[abi][number])
        names[abi][number] = find_name(abi, number);
    return names[abi][number];
}

/* socketcall and ipc have tests of their own. */
static bool is_multiplexer(size_t abi, uint32_t number)
{
    return abis[abi].token == SCMP_ARCH_X86 && (number == 102 || number == 117);
}

/* ---- what the rules say, worked out rule by rule */

static uint32_t whole_action(uint32_t action, int errno_ret)
{
    bool has_data = action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;

    return action | (has_data ? (uint32_t)(errno_ret < 0 ? EPERM : errno_ret) : 0);
}

static bool argument_holds(const struct run_seccomp_argument *argument, uint64_t x, bool wide)
{
    uint64_t mask = wide ? UINT64_MAX : UINT32_MAX, value = argument->value & mask;

    x &= mask;
    switch (argument->op) {
    case RUN_SECCOMP_NE:
        return x != value;
    case RUN_SECCOMP_LT:
        return x < value;
    case RUN_SECCOMP_LE:
        return x <= value;
    case RUN_SECCOMP_EQ:
        return x == value;
    case RUN_SECCOMP_GE:
        return x >= value;
    case RUN_SECCOMP_GT:
        return x > value;
    case RUN_SECCOMP_MASKED_EQ:
        return (x & value) == (argument->value_two & value);
    }
    return false;
}

static bool repeats_an_argument(const struct run_seccomp_rule *rule)
{
    for (size_t i = 0; i < rule->arguments_count; i++)
        for (size_t j = 0; j < i; j++)
            if (rule->arguments[i].index == rule->arguments[j].index)
                return true;
    return false;
}

static bool rule_holds(const struct run_seccomp_rule *rule, const struct seccomp_data *data,
                       bool wide)
{
    size_t held = 0;

    for (size_t i = 0; i < rule->arguments_count; i++)
        held += argument_holds(&rule->arguments[i], data->args[rule->arguments[i].index], wide);
    return repeats_an_argument(rule) ? held > 0 : held == rule->arguments_count;
}

static bool names_call(const struct run_seccomp_rule *rule, const char *name)
{
    for (char **other = rule->names; *other; other++)
        if (strcmp(*other, name) == 0)
            return true;
    return false;
}

static uint32_t decide(const struct run_seccomp_profile *profile, const char *name,
                       const struct seccomp_data *data, bool wide)
{
    uint32_t fallback = whole_action(profile->default_action, profile->default_errno_ret);
    uint32_t strictest = 0;
    bool found = false;

    for (size_t i = 0; i < profile->rules_count; i++) {
        const struct run_seccomp_rule *rule = &profile->rules[i];
        uint32_t action = whole_action(rule->action, rule->errno_ret);

        if (action != fallback && rule->arguments_count == 0 && names_call(rule, name))
            return action;
    }
    for (size_t i = 0; i < profile->rules_count; i++) {
        const struct run_seccomp_rule *rule = &profile->rules[i];
        uint32_t action = whole_action(rule->action, rule->errno_ret);

        if (action == fallback || !names_call(rule, name) || !rule_holds(rule, data, wide))
            continue;
        if (!found || (int32_t)(action & 0xffff0000) < (int32_t)(strictest & 0xffff0000))
            strictest = action;
        found = true;
    }
    return found ? strictest : fallback;
}

static bool refuses(const struct run_seccomp_profile *profile)
{
    return profile->default_action != SECCOMP_RET_ALLOW &&
           profile->default_action != SECCOMP_RET_LOG &&
           profile->default_action != SECCOMP_RET_TRACE;
}

/* The highest number that the profile names, -1: none. */
static long last_named(const struct run_seccomp_profile *profile, size_t abi)
{
    long last = -1;

    for (uint32_t number = 0; number < NUMBERS; number++)
        for (size_t i = 0; name_of(abi, number) && i < profile->rules_count; i++)
            if (names_call(&profile->rules[i], name_of(abi, number)))
                last = number;
    return last;
}

/* ---- what libseccomp makes of it, called as runc does */

/* A rule for a part of i386's socketcall is one for that, too, where libseccomp forgets the first
 * argument; two may contradict each other there, and neither counts. */
static bool is_part_of_another(const struct abi *abi, const char *name)
{
    return abi->token == SCMP_ARCH_X86 &&
           seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name) < 0;
}

struct reference {
    struct sock_filter filter[16384];
    size_t length;
};

static uint32_t scmp_action(uint32_t action, int errno_ret)
{
    if (action == SECCOMP_RET_USER_NOTIF)
        return SCMP_ACT_NOTIFY;
    return whole_action(action, errno_ret);
}

static void add_rule(scmp_filter_ctx ctx, const struct run_seccomp_profile *profile,
                     const struct run_seccomp_rule *rule, const struct abi *abi)
{
    static const enum scmp_compare ops[] = {
        [RUN_SECCOMP_NE] = SCMP_CMP_NE,
        [RUN_SECCOMP_LT] = SCMP_CMP_LT,
        [RUN_SECCOMP_LE] = SCMP_CMP_LE,
        [RUN_SECCOMP_EQ] = SCMP_CMP_EQ,
        [RUN_SECCOMP_GE] = SCMP_CMP_GE,
        [RUN_SECCOMP_GT] = SCMP_CMP_GT,
        [RUN_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
    };
    struct scmp_arg_cmp comparisons[6];
    uint32_t action = scmp_action(rule->action, rule->errno_ret);

    if (action == scmp_action(profile->default_action, profile->default_errno_ret))
        return;
    for (size_t i = 0; i < rule->arguments_count; i++)
        comparisons[i] = (struct scmp_arg_cmp){
            .arg = rule->arguments[i].index,
            .op = ops[rule->arguments[i].op],
            .datum_a = rule->arguments[i].value,
            .datum_b = rule->arguments[i].value_two,
        };
    for (char **name = rule->names; *name; name++) {
        int number = seccomp_syscall_resolve_name(*name);

        if (number == __NR_SCMP_ERROR)
            continue;
        int r = seccomp_rule_add_array(ctx, action, number, (unsigned)rule->arguments_count,
                                       comparisons);
        cr_assert(r == 0 || (r == -EEXIST && is_part_of_another(abi, *name)), "%s: %d", *name, r);
    }
}

static void reference_init(struct reference *reference, const struct run_seccomp_profile *profile,
                           const struct abi *abi)
{
    scmp_filter_ctx ctx =
        seccomp_init(scmp_action(profile->default_action, profile->default_errno_ret));

    cr_assert_not_null(ctx);
    if (abi->token != seccomp_arch_native()) {
        cr_assert_eq(seccomp_arch_add(ctx, abi->token), 0);
        cr_assert_eq(seccomp_arch_remove(ctx, seccomp_arch_native()), 0);
    }
    for (size_t i = 0; i < profile->rules_count; i++)
        add_rule(ctx, profile, &profile->rules[i], abi);
    reference->length = export_filter(ctx, reference->filter, KEG_ARRAY_SIZE(reference->filter));
    seccomp_release(ctx);
}

/* ---- all numbers and arguments */

/* Around each value of the rules, also with one half of it alone. */
static size_t values_around(const struct run_seccomp_profile *profile, uint64_t *ret, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < profile->rules_count; i++) {
        for (size_t j = 0; j < profile->rules[i].arguments_count && count + 12 < room; j++) {
            const struct run_seccomp_argument *argument = &profile->rules[i].arguments[j];
            uint64_t value =
                argument->op == RUN_SECCOMP_MASKED_EQ ? argument->value_two : argument->value;

            ret[count++] = value;
            ret[count++] = value - 1;
            ret[count++] = value + 1;
            ret[count++] = value & UINT32_MAX;
            ret[count++] = value ^ 1ull << 32;
            ret[count++] = value | ~argument->value;
            ret[count++] = ~value;
        }
    }
    ret[count++] = 0;
    ret[count++] = UINT64_MAX;
    ret[count++] = 1ull << 32;
    ret[count++] = UINT32_MAX;
    return count;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static bool has_arguments(const struct run_seccomp_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->rules_count; i++)
        if (profile->rules[i].arguments_count && names_call(&profile->rules[i], name))
            return true;
    return false;
}

struct comparison {
    const struct run_seccomp_profile *profile;
    const struct seccomp_filter *filter;
    const struct reference *reference; /* or NULL */
    size_t abi;
    long last;
    uint64_t state;
};

static uint32_t expected(const struct comparison *comparison, uint32_t number,
                         const struct seccomp_data *data)
{
    const struct run_seccomp_profile *profile = comparison->profile;
    const char *name = name_of(comparison->abi, number);

    if (comparison->last >= 0 && number > comparison->last && refuses(profile))
        return ERRNO_RET(ENOSYS);
    if (!name)
        return whole_action(profile->default_action, profile->default_errno_ret);
    return decide(profile, name, data, abis[comparison->abi].wide);
}

static void compare_once(const struct comparison *comparison, uint32_t number,
                         const struct seccomp_data *data)
{
    const struct reference *reference = comparison->reference;
    const char *name = name_of(comparison->abi, number);
    uint32_t got =
        simulate_filter(comparison->filter->instructions, comparison->filter->length, data);

    cr_assert_eq(got, expected(comparison, number, data),
                 "%s %u %s(%#llx, %#llx, %#llx): %#x, not %#x", abis[comparison->abi].name, number,
                 name_of(comparison->abi, number), data->args[0], data->args[1], data->args[2], got,
                 expected(comparison, number, data));
    if (!reference || !name || !libseccomp_knows(name) ||
        is_part_of_another(&abis[comparison->abi], name))
        return;
    if (comparison->last < 0 || number <= comparison->last)
        cr_assert_eq(got, simulate_filter(reference->filter, reference->length, data),
                     "%s %u %s(%#llx, %#llx, %#llx): %#x, but libseccomp: %#x",
                     abis[comparison->abi].name, number, name_of(comparison->abi, number),
                     data->args[0], data->args[1], data->args[2], got,
                     simulate_filter(reference->filter, reference->length, data));
}

static void compare_number(struct comparison *comparison, uint32_t number, const uint64_t *values,
                           size_t values_count)
{
    const struct abi *abi = &abis[comparison->abi];
    const char *name = name_of(comparison->abi, number);
    size_t times = name && has_arguments(comparison->profile, name) ? 60 : 1;
    struct seccomp_data data = {.nr = (int)(abi->base + number), .arch = abi->audit_arch};

    for (size_t i = 0; i < times; i++) {
        for (size_t j = 0; j < 6; j++)
            data.args[j] = values[next_random(&comparison->state) % values_count] &
                           (abi->wide ? UINT64_MAX : UINT32_MAX);
        compare_once(comparison, number, &data);
    }
}

/* ${with_libseccomp}: for rules that it has no mistakes with. */
static void compare(const struct run_seccomp_profile *profile, bool with_libseccomp, uint64_t seed)
{
    static struct reference reference;
    uint64_t values[1024];
    size_t count = values_around(profile, values, KEG_ARRAY_SIZE(values));

    for (size_t abi = 0; abi < KEG_ARRAY_SIZE(abis); abi++) {
        struct seccomp_filter filter;
        struct keg_err err = KEG_ERR_INIT;
        struct comparison comparison = {
            .profile = profile,
            .filter = &filter,
            .reference = with_libseccomp ? &reference : NULL,
            .abi = abi,
            .last = last_named(profile, abi),
            .state = seed * 0x9e3779b97f4a7c15ull + 1,
        };

        cr_assert_eq(seccomp_compile(abis[abi].machine, profile, &filter, &err), 0, "%s", err.text);
        if (with_libseccomp)
            reference_init(&reference, profile, &abis[abi]);
        for (uint32_t number = 0; number < NUMBERS; number++)
            if (!is_multiplexer(abi, number))
                compare_number(&comparison, number, values, count);
        seccomp_filter_done(&filter);
    }
}

/* ---- profiles */

static struct run_seccomp_profile *parse(const char *text)
{
    struct run_seccomp_profile *profile;
    struct keg_err err = KEG_ERR_INIT;

    cr_assert_eq(run_seccomp_parse(text, strlen(text), UINT64_MAX >> 1, &profile, &err), 0, "%s",
                 err.text);
    return profile;
}

static char *all_architectures[] = {"SCMP_ARCH_X86_64",  "SCMP_ARCH_X32", "SCMP_ARCH_X86",
                                    "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", NULL};

static void name_all_architectures(struct run_seccomp_profile *profile)
{
    keg_strv_free(profile->architectures);
    profile->architectures = NULL;
    for (char **name = all_architectures; *name; name++)
        cr_assert_eq(keg_strv_add(&profile->architectures, *name), 0);
}

static void compare_text(const char *text)
{
    struct run_seccomp_profile *profile = parse(text);

    name_all_architectures(profile);
    compare(profile, true, 1);
    run_seccomp_profile_free(profile);
}

/* ---- tests: random profiles */

#define RULES_MAX 24

struct random_profile {
    struct run_seccomp_profile profile;
    struct run_seccomp_rule rules[RULES_MAX];
    char *names[RULES_MAX][9];
    struct run_seccomp_argument arguments[RULES_MAX][6];
};

static const uint32_t actions[] = {
    SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
    SECCOMP_RET_TRACE,        SECCOMP_RET_LOG,         SECCOMP_RET_ALLOW};

static uint32_t pick_action(uint64_t *state)
{
    return actions[next_random(state) % KEG_ARRAY_SIZE(actions)];
}

static int pick_errno(uint64_t *state, uint32_t action)
{
    bool has_data = action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;

    return has_data && next_random(state) % 2 ? (int)(next_random(state) % 200) : -1;
}

static uint64_t pick_value(uint64_t *state)
{
    static const uint64_t some[] = {0, 1, 2, 16, 38, 40, 0x20000, UINT32_MAX, UINT64_MAX};
    uint64_t value = some[next_random(state) % KEG_ARRAY_SIZE(some)];

    switch (next_random(state) % 4) {
    case 0:
        return value << 32 | some[next_random(state) % KEG_ARRAY_SIZE(some)];
    case 1:
        return next_random(state);
    default:
        return value;
    }
}

static struct run_seccomp_argument pick_argument(uint64_t *state, unsigned index)
{
    struct run_seccomp_argument argument = {
        .index = index,
        .op = (enum run_seccomp_operator)(next_random(state) % 7),
        .value = pick_value(state),
    };

    if (argument.op == RUN_SECCOMP_MASKED_EQ)
        argument.value_two = pick_value(state) & argument.value;
    return argument;
}

static char *pick_name(uint64_t *state, unsigned among)
{
    static const char *const common[] = {"socket", "clone", "personality", "prctl",
                                         "ioctl",  "mmap",  "openat",      "keyctl",
                                         "mount",  "read",  "write",       "unshare"};
    const char *name = NULL;

    if (next_random(state) % 2)
        return keg_strdup(common[next_random(state) % KEG_ARRAY_SIZE(common)]);
    while (!name)
        name = name_of(next_random(state) % KEG_ARRAY_SIZE(abis),
                       (uint32_t)(next_random(state) % among));
    return keg_strdup(name);
}

static void fill_rule(struct random_profile *random, size_t i, uint64_t *state, unsigned among)
{
    struct run_seccomp_rule *rule = &random->rules[i];
    size_t names_count = 1 + next_random(state) % 8;
    unsigned index = (unsigned)(next_random(state) % 6);

    rule->action = pick_action(state);
    rule->errno_ret = pick_errno(state, rule->action);
    rule->names = random->names[i];
    for (size_t j = 0; j < names_count; j++)
        random->names[i][j] = pick_name(state, among);
    rule->arguments = random->arguments[i];
    rule->arguments_count = next_random(state) % 4 ? next_random(state) % 4 : 0;
    for (size_t j = 0; j < rule->arguments_count; j++) {
        random->arguments[i][j] = pick_argument(state, index);
        if (next_random(state) % 5)
            index = (index + 1) % 6;
    }
}

static void random_profile_init(struct random_profile *ret, uint64_t seed)
{
    uint64_t state = seed * 0x2545f4914f6cdd1dull + 7;

    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < 16; i++)
        (void)next_random(&state);
    ret->profile.default_action = pick_action(&state);
    ret->profile.default_errno_ret = pick_errno(&state, ret->profile.default_action);
    ret->profile.architectures = all_architectures;
    ret->profile.rules = ret->rules;
    ret->profile.rules_count = next_random(&state) % (RULES_MAX + 1);
    for (size_t i = 0; i < ret->profile.rules_count; i++)
        fill_rule(ret, i, &state, NUMBERS);
}

static void random_profile_done(struct random_profile *random)
{
    for (size_t i = 0; i < RULES_MAX; i++)
        for (char **name = random->names[i]; *name; name++)
            free(*name);
}

/* A call has one conditional rule, of any kind, or plain ones: libseccomp's tree of conditions
 * answers wrongly where several ranges of one call meet (third_party-notes/libseccomp.md). */
static void keep_one_condition_a_call(struct random_profile *random)
{
    for (size_t i = 0; i < random->profile.rules_count; i++) {
        struct run_seccomp_rule *rule = &random->rules[i];

        for (size_t j = 0; j < i; j++)
            for (char **name = rule->names; *name; name++)
                if (rule->arguments_count && random->rules[j].arguments_count &&
                    names_call(&random->rules[j], *name))
                    rule->arguments_count = 0;
        if (repeats_an_argument(rule))
            rule->arguments_count = 1;
        /* A mask of nothing makes it a rule without arguments for libseccomp. */
        for (size_t j = 0; j < rule->arguments_count; j++)
            if (rule->arguments[j].op == RUN_SECCOMP_MASKED_EQ)
                rule->arguments[j].value |= 1;
    }
}

Test(seccomp_compile, does_what_the_rules_say_in_random_profiles)
{
    static struct random_profile random;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        random_profile_init(&random, seed);
        compare(&random.profile, false, seed);
        random_profile_done(&random);
    }
}

Test(seccomp_compile, answers_as_libseccomp_does_in_random_profiles)
{
    static struct random_profile random;

    for (uint64_t seed = 1001; seed <= 1300; seed++) {
        random_profile_init(&random, seed);
        keep_one_condition_a_call(&random);
        compare(&random.profile, true, seed);
        random_profile_done(&random);
    }
}

/* ---- tests: profiles as they are */

/* moby's, by way of the JSON that keg writes. */
Test(seccomp_compile, makes_of_the_default_profiles_text_what_its_tables_do)
{
    static const uint64_t sets[] = {0, 0x800405fb, 0xa80425fb, 0x1ffffffffff};

    for (int machine = 0; machine < SECCOMP_MACHINES; machine++) {
        for (size_t i = 0; i < KEG_ARRAY_SIZE(sets); i++) {
            _cleanup_buf_ struct keg_buf text = keg_buf_init(1 << 20);

            cr_assert_eq(seccomp_write_json((enum seccomp_machine)machine, sets[i], &text), 0);
            compare_text(text.data);
        }
    }
}

Test(seccomp_compile, answers_as_libseccomp_does_for_podmans_profile)
{
    static const char path[] = "/usr/share/containers/seccomp.json";
    static const uint64_t sets[] = {0, 0x800405fb, 1ull << 29, 0x1ffffffffff};
    _cleanup_buf_ struct keg_buf text = keg_buf_init(1 << 20);

    struct keg_err err = KEG_ERR_INIT;

    if (access(path, R_OK) < 0)
        cr_skip("there is no %s (golang-github-containers-common)", path);
    cr_assert_eq(keg_read_file(AT_FDCWD, path, 1 << 20, &text, &err), 0, "%s", err.text);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(sets); i++) {
        struct run_seccomp_profile *profile;

        cr_assert_eq(run_seccomp_parse(text.data, text.length, sets[i], &profile, &err), 0, "%s",
                     err.text);
        name_all_architectures(profile);
        compare(profile, true, 1);
        run_seccomp_profile_free(profile);
    }
}

/* ---- tests: single rules */

static uint32_t ask_filter(const char *text, uint32_t arch, uint32_t number, uint64_t first)
{
    struct run_seccomp_profile *profile = parse(text);
    struct seccomp_filter filter;
    struct seccomp_data data = {.nr = (int)number, .arch = arch, .args = {first, 2, 3, 4, 5, 6}};
    struct keg_err err = KEG_ERR_INIT;
    uint32_t answer;

    cr_assert_eq(seccomp_compile(SECCOMP_X86_64, profile, &filter, &err), 0, "%s", err.text);
    answer = simulate_filter(filter.instructions, filter.length, &data);
    seccomp_filter_done(&filter);
    run_seccomp_profile_free(profile);
    return answer;
}

#define ARCHES "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]"

#define DENY               "{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ARCHES ",\"syscalls\":["
#define ALLOW              "{\"defaultAction\":\"SCMP_ACT_ALLOW\"," ARCHES ",\"syscalls\":["
#define RULE(name, action) "{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_" action "\"}"
#define IF(name, action, op, value)                                                                \
    "{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_" action                                      \
    "\",\"args\":[{\"index\":0,\"value\":" value ",\"op\":\"SCMP_CMP_" op "\"}]}"

static const struct {
    const char *what;
    const char *text;
    uint32_t arch, number;
    uint64_t first;
    uint32_t answer;
} rules[] = {
    {"the first rule without arguments decides",
     DENY RULE("read", "LOG") "," RULE("read", "ALLOW") "]}", AUDIT_ARCH_X86_64, 0, 0,
     SECCOMP_RET_LOG},
    {"also behind one with arguments",
     DENY IF("read", "LOG", "EQ", "7") "," RULE("read", "ALLOW") "]}", AUDIT_ARCH_X86_64, 0, 7,
     SECCOMP_RET_ALLOW},
    {"of two that match the stricter",
     DENY IF("read", "ALLOW", "EQ", "7") "," IF("read", "KILL", "GE", "5") "]}", AUDIT_ARCH_X86_64,
     0, 7, SECCOMP_RET_KILL_THREAD},
    {"in either order", DENY IF("read", "KILL", "GE", "5") "," IF("read", "ALLOW", "EQ", "7") "]}",
     AUDIT_ARCH_X86_64, 0, 7, SECCOMP_RET_KILL_THREAD},
    {"a rule that says what the default does is skipped",
     DENY RULE("read", "ERRNO") "," IF("read", "ALLOW", "EQ", "7") "]}", AUDIT_ARCH_X86_64, 0, 7,
     SECCOMP_RET_ALLOW},
    {"but its name counts: no ENOSYS below it",
     DENY RULE("statx", "ERRNO") "," RULE("read", "ALLOW") "]}", AUDIT_ARCH_X86_64, 330, 0,
     ERRNO_RET(EPERM)},
    {"ENOSYS above the highest", DENY RULE("statx", "ERRNO") "," RULE("read", "ALLOW") "]}",
     AUDIT_ARCH_X86_64, 333, 0, ERRNO_RET(ENOSYS)},
    {"not if the default allows", ALLOW RULE("read", "LOG") "]}", AUDIT_ARCH_X86_64, 333, 0,
     SECCOMP_RET_ALLOW},
    {"without rules there is no highest", DENY "]}", AUDIT_ARCH_X86_64, 333, 0, ERRNO_RET(EPERM)},
    {"names newer than libseccomp", DENY RULE("file_setattr", "ALLOW") "]}", AUDIT_ARCH_X86_64, 469,
     0, SECCOMP_RET_ALLOW},
    {"for x32, too", DENY RULE("file_setattr", "ALLOW") "]}", AUDIT_ARCH_X86_64, X32 + 469, 0,
     SECCOMP_RET_ALLOW},
    {"and i386", DENY RULE("file_setattr", "ALLOW") "]}", AUDIT_ARCH_I386, 469, 0,
     SECCOMP_RET_ALLOW},
    {"unknown names are skipped", DENY RULE("frobnicate", "ALLOW") "," RULE("read", "ALLOW") "]}",
     AUDIT_ARCH_X86_64, 0, 0, SECCOMP_RET_ALLOW},
    {"32 bits of an argument for i386",
     DENY IF("personality", "ALLOW", "EQ", "18446744073709551615") "]}", AUDIT_ARCH_I386, 136,
     UINT32_MAX, SECCOMP_RET_ALLOW},
    {"64 for x86_64", DENY IF("personality", "ALLOW", "EQ", "18446744073709551615") "]}",
     AUDIT_ARCH_X86_64, 135, UINT32_MAX, ERRNO_RET(EPERM)},
    {"an ABI that nobody named", "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", AUDIT_ARCH_I386, 3, 0,
     SECCOMP_RET_KILL_PROCESS},
    {"x32, unnamed", "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", AUDIT_ARCH_X86_64, X32, 0,
     SECCOMP_RET_KILL_PROCESS},
    {"x32, unnamed, where the default refuses",
     "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" RULE("read", "ALLOW") "]}",
     AUDIT_ARCH_X86_64, X32, 0, ERRNO_RET(ENOSYS)},
    {"this machine's own ABI, unnamed",
     "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_S390X\"],"
     "\"syscalls\":[" RULE("read", "ALLOW") "]}",
     AUDIT_ARCH_X86_64, 0, 0, SECCOMP_RET_ALLOW},
    {"an ABI of another machine", ALLOW "]}", AUDIT_ARCH_AARCH64, 0, 0, SECCOMP_RET_KILL_PROCESS},
    /* socketcall(1, ...) is socket, (2, ...) bind */
    {"what is allowed is so inside of socketcall", DENY RULE("bind", "ALLOW") "]}", AUDIT_ARCH_I386,
     102, 2, SECCOMP_RET_ALLOW},
    {"and nothing else", DENY RULE("bind", "ALLOW") "," RULE("read", "ALLOW") "]}", AUDIT_ARCH_I386,
     102, 1, ERRNO_RET(EPERM)},
    {"nor where the arguments matter",
     DENY IF("socket", "ALLOW", "NE", "40") "," RULE("statx", "ALLOW") "]}", AUDIT_ARCH_I386, 102,
     1, ERRNO_RET(EPERM)},
    {"refusing by arguments refuses all", ALLOW IF("socket", "ERRNO", "EQ", "40") "]}",
     AUDIT_ARCH_I386, 102, 1, ERRNO_RET(EPERM)},
    {"that part alone", ALLOW IF("socket", "ERRNO", "EQ", "40") "]}", AUDIT_ARCH_I386, 102, 2,
     SECCOMP_RET_ALLOW},
    {"socketcall by its name", DENY RULE("socketcall", "ALLOW") "," RULE("statx", "ALLOW") "]}",
     AUDIT_ARCH_I386, 102, 1, SECCOMP_RET_ALLOW},
    {"also if refused as by default",
     DENY RULE("bind", "ALLOW") "," RULE("socketcall", "ERRNO") "]}", AUDIT_ARCH_I386, 102, 2,
     ERRNO_RET(EPERM)},
    {"a part that is no call by itself", DENY RULE("recv", "ALLOW") "]}", AUDIT_ARCH_I386, 102, 10,
     SECCOMP_RET_ALLOW},
    {"ipc with a version", DENY RULE("shmat", "ALLOW") "]}", AUDIT_ARCH_I386, 117, 0x10015,
     SECCOMP_RET_ALLOW},
};

Test(seccomp_compile, reads_rules_as_documented)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(rules); i++)
        cr_assert_eq(ask_filter(rules[i].text, rules[i].arch, rules[i].number, rules[i].first),
                     rules[i].answer, "%s: %#x", rules[i].what,
                     ask_filter(rules[i].text, rules[i].arch, rules[i].number, rules[i].first));
}

Test(seccomp_compile, counts_the_names_that_nobody_knows)
{
    struct run_seccomp_profile *profile = parse(
        DENY RULE("frobnicate", "ALLOW") "," RULE("read", "ALLOW") "," RULE("frob", "LOG") "]}");
    struct seccomp_filter filter;

    cr_assert_eq(seccomp_compile(SECCOMP_X86_64, profile, &filter, NULL), 0);
    cr_assert_eq(filter.unknown_names, 2);
    seccomp_filter_done(&filter);
    run_seccomp_profile_free(profile);
}

#define NOTIFY                                                                                     \
    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/agent\",\"syscalls\":[" RULE(       \
        "mkdir", "NOTIFY") "],\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}"

Test(seccomp_compile, installs_with_the_flags_that_mean_something)
{
    static const struct {
        const char *text;
        uint32_t flags;
    } cases[] = {
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}", 0},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\","
         "\"SECCOMP_FILTER_FLAG_LOG\"]}",
         SECCOMP_FILTER_FLAG_LOG},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\","
         "\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}",
         0},
        {NOTIFY, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
    };

    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct run_seccomp_profile *profile = parse(cases[i].text);
        struct seccomp_filter filter;

        cr_assert_eq(seccomp_compile(SECCOMP_X86_64, profile, &filter, NULL), 0);
        cr_assert_eq(filter.flags, cases[i].flags, "%s: %#x", cases[i].text, filter.flags);
        seccomp_filter_done(&filter);
        run_seccomp_profile_free(profile);
    }
}

/* ---- tests: what cannot be */

static void assert_refused(const struct run_seccomp_profile *profile, int code, const char *text)
{
    struct seccomp_filter filter;
    struct keg_err err = KEG_ERR_INIT;

    cr_assert_eq(seccomp_compile(SECCOMP_X86_64, profile, &filter, &err), code, "%s: %d %s", text,
                 err.code, err.text);
    cr_assert_str_eq(err.text, text);
}

Test(seccomp_compile, refuses_what_makes_no_sense)
{
    static char *names_of_rule[] = {"read", NULL};
    static struct run_seccomp_argument argument;
    static struct run_seccomp_rule rule;
    static const struct {
        uint32_t default_action, action;
        struct run_seccomp_argument argument;
        int errno_ret;
        const char *text;
    } cases[] = {
        {SECCOMP_RET_ALLOW,
         SECCOMP_RET_KILL_THREAD,
         {.op = RUN_SECCOMP_EQ},
         5,
         "seccomp: rule 0: an errnoRet for an action that returns none"},
        {SECCOMP_RET_ALLOW,
         SECCOMP_RET_ERRNO,
         {.op = RUN_SECCOMP_EQ},
         0x10000,
         "seccomp: rule 0: errnoRet 65536 is out of range"},
        {SECCOMP_RET_ALLOW,
         SECCOMP_RET_ERRNO,
         {.op = RUN_SECCOMP_EQ, .index = 6},
         -1,
         "seccomp: rule 0: argument 6: there are 0 to 5"},
        {SECCOMP_RET_ALLOW,
         SECCOMP_RET_ERRNO,
         {.op = (enum run_seccomp_operator)7},
         -1,
         "seccomp: rule 0: unknown operator 7"},
        {SECCOMP_RET_ALLOW,
         SECCOMP_RET_USER_NOTIF,
         {.op = RUN_SECCOMP_EQ},
         -1,
         "seccomp: rule 0: SCMP_ACT_NOTIFY without a listenerPath"},
        {SECCOMP_RET_USER_NOTIF,
         SECCOMP_RET_ALLOW,
         {.op = RUN_SECCOMP_EQ},
         -1,
         "seccomp: SCMP_ACT_NOTIFY cannot be the default action"},
    };

    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct run_seccomp_profile profile = {.default_action = cases[i].default_action,
                                              .default_errno_ret = -1,
                                              .rules = &rule,
                                              .rules_count = 1};

        argument = cases[i].argument;
        rule = (struct run_seccomp_rule){names_of_rule, cases[i].action, cases[i].errno_ret,
                                         &argument, 1};
        assert_refused(&profile, -EINVAL, cases[i].text);
    }
}

Test(seccomp_compile, refuses_contradictions)
{
    struct run_seccomp_profile *profile =
        parse(ALLOW IF("socket", "KILL", "EQ", "40") "," IF("socket", "ERRNO", "EQ", "40") "]}");

    assert_refused(profile, -EINVAL,
                   "seccomp: two rules for the same arguments of 'socket' with different actions");
    run_seccomp_profile_free(profile);
}

/* ${count} values of one argument of a call, each ${step} above the last. */
static struct run_seccomp_profile *long_profile(size_t count, uint64_t step)
{
    struct run_seccomp_profile *profile = parse(ALLOW IF("ioctl", "ERRNO", "EQ", "1") "]}");
    struct run_seccomp_rule first = profile->rules[0];

    free(profile->rules);
    profile->rules = calloc(count, sizeof(first));
    cr_assert_not_null(profile->rules);
    for (size_t i = 0; i < count; i++) {
        profile->rules[i] = first;
        profile->rules[i].names = NULL;
        cr_assert_eq(keg_strv_add(&profile->rules[i].names, "ioctl"), 0);
        profile->rules[i].arguments = calloc(1, sizeof(*first.arguments));
        cr_assert_not_null(profile->rules[i].arguments);
        *profile->rules[i].arguments = first.arguments[0];
        profile->rules[i].arguments->value = i * step;
    }
    profile->rules_count = count;
    keg_strv_free(first.names);
    free(first.arguments);
    return profile;
}

/* Both halves of all differ, so that nothing can be shared. */
#define ALL_OTHER 0x100000001ull

Test(seccomp_compile, refuses_what_the_kernel_would_not_take)
{
    static const size_t counts[] = {800, 5000};

    for (size_t i = 0; i < KEG_ARRAY_SIZE(counts); i++) {
        struct run_seccomp_profile *profile = long_profile(counts[i], ALL_OTHER);
        struct seccomp_filter filter;
        struct keg_err err = KEG_ERR_INIT;

        cr_assert_eq(seccomp_compile(SECCOMP_X86_64, profile, &filter, &err), -E2BIG);
        cr_assert_not_null(strstr(err.text, "4096"), "%s", err.text);
        run_seccomp_profile_free(profile);
    }
}

static unsigned length_of(const struct run_seccomp_profile *profile)
{
    struct seccomp_filter filter;
    struct keg_err err = KEG_ERR_INIT;
    unsigned length;

    cr_assert_eq(seccomp_compile(SECCOMP_X86_64, profile, &filter, &err), 0, "%s", err.text);
    length = filter.length;
    seccomp_filter_done(&filter);
    return length;
}

Test(seccomp_compile, tests_long_lists_of_values_with_one_load)
{
    struct run_seccomp_profile *profile = long_profile(1000, 3);

    cr_expect_lt(length_of(profile), 3 * 1100);
    name_all_architectures(profile);
    compare(profile, true, 1);
    run_seccomp_profile_free(profile);
}

Test(seccomp_compile, writes_the_conditions_of_a_rule_once)
{
    static struct run_seccomp_argument arguments[] = {{0, 7, 0, RUN_SECCOMP_GT},
                                                      {1, 9, 0, RUN_SECCOMP_NE}};
    struct run_seccomp_rule rule = {
        .action = SECCOMP_RET_ERRNO,
        .errno_ret = -1,
        .arguments = arguments,
        .arguments_count = 2,
    };
    const struct run_seccomp_profile profile = {
        .default_action = SECCOMP_RET_ALLOW,
        .default_errno_ret = -1,
        .architectures = all_architectures,
        .rules = &rule,
        .rules_count = 1,
    };

    for (uint32_t number = 0; number < 470; number += 2)
        if (name_of(0, number))
            cr_assert_eq(keg_strv_add(&rule.names, name_of(0, number)), 0);
    /* The search for the number is most of it. */
    cr_expect_lt(length_of(&profile), 2000);
    compare(&profile, true, 1);
    keg_strv_free(rule.names);
}

/* ---- tests: the real kernel */

struct answers {
    long values[8];
};

static long ask(long number, long first)
{
    return syscall(number, first, 0L, 0L, 0L, 0L) < 0 ? -errno : 0;
}

static void install(const struct run_seccomp_profile *profile)
{
    struct seccomp_filter filter;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        seccomp_compile(SECCOMP_NATIVE, profile, &filter, NULL) < 0 ||
        seccomp_install(&filter, NULL) < 0)
        _exit(2);
}

/* In a process under the filter of ${text}; returns how it ended. */
static int in_child(const struct run_seccomp_profile *profile, void (*function)(struct answers *),
                    struct answers *ret)
{
    int ends[2], status;
    pid_t child;

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        struct answers answers = {{0}};

        install(profile);
        function(&answers);
        _exit(write(ends[1], &answers, sizeof(answers)) != sizeof(answers));
    }
    (void)close(ends[1]);
    if (read(ends[0], ret, sizeof(*ret)) != sizeof(*ret))
        memset(ret, 0xff, sizeof(*ret));
    (void)close(ends[0]);
    cr_assert_eq(keg_wait_child(child, &status), 0);
    return status;
}

static void ask_some(struct answers *ret)
{
    ret->values[0] = ask(SYS_getppid, 0);
    ret->values[1] = ask(SYS_personality, 0xffffffff);
    ret->values[2] = ask(SYS_personality, 8);
    ret->values[3] = ask(SYS_umask, 022);
    ret->values[4] = ask(SYS_umask, 0);
    ret->values[5] = ask(1000, 0);
}

Test(seccomp_compile, holds_in_the_kernel)
{
    struct run_seccomp_profile *profile =
        parse(ALLOW "{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99}," IF(
            "personality", "ERRNO", "NE",
            "4294967295") ","
                          "{\"names\":[\"umask\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{"
                          "\"index\":0,"
                          "\"value\":18,\"valueTwo\":16,\"op\":\"SCMP_CMP_MASKED_EQ\"}],"
                          "\"errnoRet\":5},"
                          "{\"names\":[\"umask\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":"
                          "0,"
                          "\"value\":18,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}");
    struct answers answers;

    profile->rules[2].arguments->value_two = 18;
    cr_assert_eq(in_child(profile, ask_some, &answers), 0);
    cr_assert_eq(answers.values[0], -99);
    cr_assert_eq(answers.values[1], 0);
    cr_assert_eq(answers.values[2], -EPERM);
    cr_assert_eq(answers.values[3], -5);
    cr_assert_eq(answers.values[4], 0);
    cr_assert_eq(answers.values[5], -ENOSYS);
    run_seccomp_profile_free(profile);
}

static void ask_for_the_end(struct answers *ret)
{
    ret->values[0] = ask(SYS_getppid, 0);
}

Test(seccomp_compile, kills_in_the_kernel)
{
    struct run_seccomp_profile *profile = parse(ALLOW RULE("getppid", "KILL_PROCESS") "]}");
    struct answers answers;
    int status = in_child(profile, ask_for_the_end, &answers);

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    run_seccomp_profile_free(profile);
}

/* As long as a filter can be; the kernel checks all jumps. */
Test(seccomp_compile, is_taken_by_the_kernel_at_its_longest)
{
    struct run_seccomp_profile *profile = NULL;
    struct seccomp_filter filter = {.length = 0};
    struct answers answers;
    size_t count = 800;

    do {
        run_seccomp_profile_free(profile);
        seccomp_filter_done(&filter);
        profile = long_profile(--count, ALL_OTHER);
    } while (seccomp_compile(SECCOMP_NATIVE, profile, &filter, NULL) < 0);
    cr_assert(filter.length > 3900, "%u", filter.length);
    seccomp_filter_done(&filter);
    cr_assert_eq(in_child(profile, ask_some, &answers), 0);
    cr_assert_eq(answers.values[0], 0);
    run_seccomp_profile_free(profile);
}
