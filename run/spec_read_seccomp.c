/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp profile (config-linux.md, "Seccomp"), and docker's format, which says more: rules for
 * some capabilities, machines and kernels only, and the other ABIs of each machine. */
#include "run/spec_read.h"

#include "run/seccomp.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

/* A filter's answer has 16 bits for it. */
#define ERRNO_RET_MAX 0xffff

/* seccomp(2): arguments of a system call. */
#define ARGUMENT_INDEX_MAX 5

#if defined(__x86_64__)
#define NATIVE_SCMP "SCMP_ARCH_X86_64"
static const char *const native_names[] = {"amd64", "x86_64"};
#elif defined(__aarch64__)
#define NATIVE_SCMP "SCMP_ARCH_AARCH64"
static const char *const native_names[] = {"arm64", "aarch64"};
#else
#error "which machine is this in a seccomp profile?"
#endif

/* ---- rules */

static int read_action(const struct spec_node *node, void *ret)
{
    return spec_named(node, &spec_seccomp_actions, ret);
}

static int read_errno(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, ERRNO_RET_MAX, &value);
    if (r >= 0)
        *(int *)ret = (int)value;
    return r;
}

/* "When the action doesn't support an errno, the runtime MUST print an error and fail." */
static int check_errno(const struct spec_node *node, const char *key, uint32_t action,
                       int errno_ret)
{
    if (errno_ret < 0 || action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE)
        return 0;
    return spec_fail_at(node, key, "not with %s", spec_name_of(&spec_seccomp_actions, action));
}

static int read_index(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, ARGUMENT_INDEX_MAX, &value);
    if (r >= 0)
        *(unsigned *)ret = (unsigned)value;
    return r;
}

static int read_operator(const struct spec_node *node, void *ret)
{
    uint32_t value = 0;
    int r = spec_named(node, &spec_seccomp_operators, &value);
    if (r >= 0)
        *(enum run_seccomp_operator *)ret = (enum run_seccomp_operator)value;
    return r;
}

static int read_argument(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"index", read_index, offsetof(struct run_seccomp_argument, index), true},
        {"value", spec_u64, offsetof(struct run_seccomp_argument, value), true},
        {"valueTwo", spec_u64, offsetof(struct run_seccomp_argument, value_two), false},
        {"op", read_operator, offsetof(struct run_seccomp_argument, op), true},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static int read_arguments(const struct spec_node *node, void *ret)
{
    struct run_seccomp_rule *rule = ret;
    return spec_list(node, sizeof(*rule->arguments), read_argument, (void **)&rule->arguments,
                     &rule->arguments_count);
}

/* docker's profiles of old have one name a rule. */
static int read_name(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0 || !*text)
        return r;
    return keg_strv_add(ret, text) < 0 ? spec_out_of_memory(node) : 0;
}

static int read_rule(const struct spec_node *node, struct run_seccomp_rule *rule)
{
    static const struct spec_field fields[] = {
        {"names", spec_texts, offsetof(struct run_seccomp_rule, names), false},
        {"name", read_name, offsetof(struct run_seccomp_rule, names), false},
        {"action", read_action, offsetof(struct run_seccomp_rule, action), true},
        {"errnoRet", read_errno, offsetof(struct run_seccomp_rule, errno_ret), false},
        {"args", read_arguments, 0, false},
    };
    rule->errno_ret = -1;
    int r = SPEC_FIELDS(node, fields, rule);
    if (r >= 0 && !rule->names)
        return spec_fail_at(node, "names", "missing");
    return r < 0 ? r : check_errno(node, "errnoRet", rule->action, rule->errno_ret);
}

/* ---- docker's conditions */

struct condition {
    char **capabilities, **machines;
    char *kernel;
};

static void condition_done(struct condition *condition)
{
    keg_strv_free(condition->capabilities);
    keg_strv_free(condition->machines);
    free(condition->kernel);
}

static int check_kernel_version(const struct spec_node *node, const char *text)
{
    const char *dot = text + strspn(text, "0123456789");
    if (dot == text || *dot != '.' || !dot[1] || dot[1 + strspn(dot + 1, "0123456789")])
        return spec_fail(node, "'%s' is no version of a kernel such as 4.8", text);
    return 0;
}

static int read_kernel(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r >= 0 && *text)
        r = check_kernel_version(node, text);
    return r < 0 ? r : spec_text(node, ret);
}

static int read_condition(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"caps", spec_texts, offsetof(struct condition, capabilities), false},
        {"arches", spec_texts, offsetof(struct condition, machines), false},
        {"minKernel", read_kernel, offsetof(struct condition, kernel), false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static bool is_held(const char *capability, uint64_t bounding)
{
    int number = -1;
    return run_capability_parse(capability, &number, NULL) == 0 && number >= 0 &&
           (bounding >> number & 1);
}

static size_t count_held(char *const *capabilities, uint64_t bounding)
{
    size_t held = 0;
    for (; capabilities && *capabilities; capabilities++)
        held += is_held(*capabilities, bounding);
    return held;
}

static bool lists_this_machine(char *const *machines)
{
    for (; machines && *machines; machines++)
        for (size_t i = 0; i < KEG_ARRAY_SIZE(native_names); i++)
            if (keg_streq(*machines, native_names[i]))
                return true;
    return false;
}

static bool kernel_is_at_least(const char *version)
{
    struct utsname host;
    unsigned long here[2] = {0}, wanted[2] = {0};
    if (uname(&host) < 0 || sscanf(host.release, "%5lu.%5lu", &here[0], &here[1]) != 2 ||
        sscanf(version, "%5lu.%5lu", &wanted[0], &wanted[1]) != 2)
        return false;
    return here[0] > wanted[0] || (here[0] == wanted[0] && here[1] >= wanted[1]);
}

/* All capabilities of an "includes" must be there, none of an "excludes" may. */
static bool is_included(const struct condition *only, uint64_t bounding)
{
    return count_held(only->capabilities, bounding) == keg_strv_length(only->capabilities) &&
           (!only->machines || lists_this_machine(only->machines)) &&
           (!only->kernel || kernel_is_at_least(only->kernel));
}

static bool is_excluded(const struct condition *except, uint64_t bounding)
{
    return count_held(except->capabilities, bounding) > 0 || lists_this_machine(except->machines) ||
           (except->kernel && kernel_is_at_least(except->kernel));
}

/* Whether the rule is for this container here: 1 or 0. */
static int applies(const struct spec_node *node, uint64_t bounding)
{
    struct spec_node only, except;
    struct condition includes = {0}, excludes = {0};
    int r = spec_member(node, "includes", &only);
    if (r > 0)
        r = read_condition(&only, &includes);
    if (r >= 0)
        r = spec_member(node, "excludes", &except);
    if (r > 0)
        r = read_condition(&except, &excludes);
    if (r >= 0)
        r = is_included(&includes, bounding) && !is_excluded(&excludes, bounding);
    condition_done(&includes);
    condition_done(&excludes);
    return r;
}

struct reading {
    struct run_seccomp_profile *profile;
    uint64_t bounding;
};

/* Rules that do not apply are checked, too: a profile is right or wrong on every machine. */
static int add_rule(const struct spec_node *node, void *ret)
{
    struct reading *reading = ret;
    struct run_seccomp_profile *profile = reading->profile;
    struct run_seccomp_rule *rule = &profile->rules[profile->rules_count++];
    int r = read_rule(node, rule);
    if (r >= 0)
        r = applies(node, reading->bounding);
    if (r == 0) {
        spec_seccomp_rule_done(rule);
        profile->rules_count--;
    }
    return r;
}

static int read_rules(const struct spec_node *node, struct run_seccomp_profile *profile,
                      uint64_t bounding)
{
    struct reading reading = {profile, bounding};
    struct spec_node rules;
    int r = spec_member(node, "syscalls", &rules);
    if (r <= 0)
        return r;
    size_t count = json_array_size(rules.value);
    if (count > 0) {
        profile->rules = calloc(count, sizeof(*profile->rules));
        if (!profile->rules)
            return spec_out_of_memory(node);
    }
    return spec_each_item(&rules, add_rule, &reading);
}

/* ---- architectures and flags */

static int add_architecture(const struct spec_node *node, void *ret)
{
    uint32_t value;
    const char *text = NULL;
    int r = spec_named(node, &spec_seccomp_architectures, &value);
    if (r >= 0)
        r = spec_string(node, &text);
    if (r >= 0 && keg_strv_add(ret, text) < 0)
        r = spec_out_of_memory(node);
    return r;
}

static int read_architectures(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, add_architecture, ret);
}

/* Of docker's archMap the entry of this machine. */
static int add_machine(const struct spec_node *node, void *ret)
{
    struct spec_node machine, others;
    const char *text = NULL;
    int r = spec_member(node, "architecture", &machine);
    if (r > 0)
        r = spec_string(&machine, &text);
    if (r < 0 || !text || strcmp(text, NATIVE_SCMP) != 0)
        return r;
    r = add_architecture(&machine, ret);
    if (r >= 0)
        r = spec_member(node, "subArchitectures", &others);
    return r > 0 ? spec_each_item(&others, add_architecture, ret) : r;
}

static int read_machines(const struct spec_node *node, void *ret)
{
    if (*(char ***)ret)
        return spec_fail(node, "not together with 'architectures'");
    return spec_each_item(node, add_machine, ret);
}

static int add_flag(const struct spec_node *node, void *ret)
{
    uint32_t value = 0;
    int r = spec_named(node, &spec_seccomp_flags, &value);
    if (r >= 0)
        *(uint32_t *)ret |= value;
    return r;
}

static int read_flags(const struct spec_node *node, void *ret)
{
    *(uint32_t *)ret = 0;
    return spec_each_item(node, add_flag, ret);
}

int spec_read_seccomp(const struct spec_node *node, uint64_t bounding,
                      struct run_seccomp_profile *ret)
{
    static const struct spec_field fields[] = {
        {"defaultAction", read_action, offsetof(struct run_seccomp_profile, default_action), true},
        {"defaultErrnoRet", read_errno, offsetof(struct run_seccomp_profile, default_errno_ret),
         false},
        {"architectures", read_architectures, offsetof(struct run_seccomp_profile, architectures),
         false},
        {"archMap", read_machines, offsetof(struct run_seccomp_profile, architectures), false},
        {"flags", read_flags, offsetof(struct run_seccomp_profile, flags), false},
        {"listenerPath", spec_path, offsetof(struct run_seccomp_profile, listener_path), false},
        {"listenerMetadata", spec_text, offsetof(struct run_seccomp_profile, listener_metadata),
         false},
    };
    ret->default_errno_ret = -1;
    /* Where nothing is said, not even "flags": []; as runc does. */
    ret->flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    int r = SPEC_FIELDS(node, fields, ret);
    if (r >= 0)
        r = check_errno(node, "defaultErrnoRet", ret->default_action, ret->default_errno_ret);
    if (r >= 0 && ret->listener_metadata && !ret->listener_path)
        r = spec_fail_at(node, "listenerMetadata", "not without listenerPath");
    return r < 0 ? r : read_rules(node, ret, bounding);
}
