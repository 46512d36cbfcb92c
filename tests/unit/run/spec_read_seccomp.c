/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles: config.json's (config-linux.md, "Seccomp") and docker's. */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

#include <linux/capability.h>
#include <linux/seccomp.h>

#define SECCOMP(members)                                                                           \
    "\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ALLOW\"" members "}}"
#define RULE(members) SECCOMP(", \"syscalls\": [{\"names\": [\"x\"], " members "}]")
#define IN            "linux.seccomp."

static struct keg_err err;

Test(spec_read_seccomp, what_is_wrong_is_named)
{
    static const struct spec_refusal cases[] = {
        {"\"linux\": {\"seccomp\": {}}", IN "defaultAction: missing"},
        {"\"linux\": {\"seccomp\": {\"defaultAction\": \"ALLOW\"}}",
         IN "defaultAction: unknown action 'ALLOW'"},
        {SECCOMP(", \"defaultErrnoRet\": 1"), IN "defaultErrnoRet: not with SCMP_ACT_ALLOW"},
        {SECCOMP(", \"architectures\": [\"SCMP_ARCH_PDP11\"]"),
         IN "architectures[0]: unknown architecture 'SCMP_ARCH_PDP11'"},
        {SECCOMP(", \"flags\": [\"SECCOMP_FILTER_FLAG_NEW_LISTENER\"]"),
         IN "flags[0]: unknown flag 'SECCOMP_FILTER_FLAG_NEW_LISTENER'"},
        {SECCOMP(", \"listenerPath\": \"agent.sock\""),
         IN "listenerPath: 'agent.sock' is not an absolute path"},
        {SECCOMP(", \"listenerMetadata\": \"x\""), IN "listenerMetadata: not without listenerPath"},
        {SECCOMP(", \"syscalls\": {}"), IN "syscalls: not a list"},
        {SECCOMP(", \"syscalls\": [{\"action\": \"SCMP_ACT_LOG\"}]"),
         IN "syscalls[0].names: missing"},
        {SECCOMP(", \"syscalls\": [{\"names\": [], \"action\": \"SCMP_ACT_LOG\"}]"),
         IN "syscalls[0].names: missing"},
        {RULE("\"args\": []"), IN "syscalls[0].action: missing"},
        {RULE("\"action\": \"SCMP_ACT_KILLL\""),
         IN "syscalls[0].action: unknown action 'SCMP_ACT_KILLL'"},
        {RULE("\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 65536"),
         IN "syscalls[0].errnoRet: out of range (0 to 65535)"},
        {RULE("\"action\": \"SCMP_ACT_KILL\", \"errnoRet\": 1"),
         IN "syscalls[0].errnoRet: not with SCMP_ACT_KILL"},
        {RULE("\"action\": \"SCMP_ACT_LOG\", \"args\": [{}]"),
         IN "syscalls[0].args[0].index: missing"},
        {RULE("\"action\": \"SCMP_ACT_LOG\", \"args\": [{\"index\": 6, \"value\": 0, \"op\": "
              "\"SCMP_CMP_EQ\"}]"),
         IN "syscalls[0].args[0].index: out of range (0 to 5)"},
        {RULE("\"action\": \"SCMP_ACT_LOG\", \"args\": [{\"index\": 0, \"value\": -1, \"op\": "
              "\"SCMP_CMP_EQ\"}]"),
         IN "syscalls[0].args[0].value: out of range (0 to 18446744073709551615)"},
        {RULE("\"action\": \"SCMP_ACT_LOG\", \"args\": [{\"index\": 0, \"value\": 0, \"op\": "
              "\"==\"}]"),
         IN "syscalls[0].args[0].op: unknown operator '=='"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read_seccomp, every_action_and_flag_has_its_value)
{
    static const struct {
        const char *name;
        uint32_t value;
    } actions[] = {
        {"KILL", SECCOMP_RET_KILL_THREAD},
        {"KILL_THREAD", SECCOMP_RET_KILL_THREAD},
        {"KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
        {"TRAP", SECCOMP_RET_TRAP},
        {"ERRNO", SECCOMP_RET_ERRNO},
        {"TRACE", SECCOMP_RET_TRACE},
        {"ALLOW", SECCOMP_RET_ALLOW},
        {"LOG", SECCOMP_RET_LOG},
        {"NOTIFY", SECCOMP_RET_USER_NOTIF},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(actions); i++) {
        _cleanup_free_ char *text =
            keg_asprintf("{\"defaultAction\": \"SCMP_ACT_%s\"}", actions[i].name);
        struct run_seccomp_profile *profile = NULL;
        cr_assert_eq(run_seccomp_parse(text, strlen(text), 0, &profile, &err), 0);
        cr_expect_eq(profile->default_action, actions[i].value, "%s", actions[i].name);
        cr_expect_eq(profile->default_errno_ret, -1);
        run_seccomp_profile_free(profile);
    }
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        SECCOMP(", \"flags\": [\"SECCOMP_FILTER_FLAG_TSYNC\", \"SECCOMP_FILTER_FLAG_LOG\", "
                "\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\", \"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]"));
    cr_expect_eq(spec->seccomp, RUN_SECCOMP_CUSTOM);
    cr_expect_eq(spec->seccomp_profile->flags, 0x27);
}

Test(spec_read_seccomp, arguments_have_all_64_bits)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        RULE("\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 0, \"args\": [{\"index\": 5, "
             "\"value\": 18446744073709551615, \"valueTwo\": 9223372036854775808, "
             "\"op\": \"SCMP_CMP_MASKED_EQ\"}]"));
    const struct run_seccomp_rule *rule = spec->seccomp_profile->rules;
    cr_expect_eq(rule->errno_ret, 0);
    cr_expect_eq(rule->arguments[0].value, UINT64_MAX);
    cr_expect_eq(rule->arguments[0].value_two, UINT64_C(1) << 63);
    cr_expect_eq(rule->arguments[0].op, RUN_SECCOMP_MASKED_EQ);
}

/* ---- docker's format */

static struct run_seccomp_profile *parse(const char *syscalls, uint64_t bounding)
{
    struct run_seccomp_profile *profile = NULL;
    _cleanup_free_ char *text = keg_asprintf(
        "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 38, \"archMap\": ["
        "{\"architecture\": \"SCMP_ARCH_X86_64\", \"subArchitectures\": [\"SCMP_ARCH_X86\"]}, "
        "{\"architecture\": \"SCMP_ARCH_AARCH64\", \"subArchitectures\": [\"SCMP_ARCH_ARM\"]}], "
        "\"syscalls\": [%s]}",
        syscalls);
    int r = run_seccomp_parse(text, strlen(text), bounding, &profile, &err);
    cr_assert(r == 0, "%s: %s", text, err.text);
    return profile;
}

#if defined(__x86_64__)
#define HERE      "amd64"
#define ELSEWHERE "arm64"
#define OTHER_ABI "SCMP_ARCH_X86"
#else
#define HERE      "arm64"
#define ELSEWHERE "amd64"
#define OTHER_ABI "SCMP_ARCH_ARM"
#endif

#define ADMIN (UINT64_C(1) << CAP_SYS_ADMIN)
#define NICE  (UINT64_C(1) << CAP_SYS_NICE)

Test(spec_read_seccomp, rules_apply_by_capabilities_machine_and_kernel)
{
    static const struct {
        const char *conditions;
        uint64_t bounding;
        size_t rules;
    } cases[] = {
        {"", 0, 1},
        {", \"includes\": {}, \"excludes\": {}", 0, 1},
        {", \"includes\": null, \"args\": null", 0, 1},
        {", \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}", 0, 0},
        {", \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}", ADMIN, 1},
        {", \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_SYS_NICE\"]}", ADMIN, 0},
        {", \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_SYS_NICE\"]}", ADMIN | NICE, 1},
        {", \"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_SYS_NICE\"]}", NICE, 0},
        {", \"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}", NICE, 1},
        {", \"includes\": {\"caps\": [\"CAP_FUTURE\"]}", UINT64_MAX, 0},
        {", \"includes\": {\"arches\": [\"" HERE "\"]}", 0, 1},
        {", \"includes\": {\"arches\": [\"" ELSEWHERE "\", \"s390x\"]}", 0, 0},
        {", \"excludes\": {\"arches\": [\"" HERE "\"]}", 0, 0},
        {", \"excludes\": {\"arches\": [\"" ELSEWHERE "\"]}", 0, 1},
        {", \"includes\": {\"minKernel\": \"4.8\"}", 0, 1},
        {", \"includes\": {\"minKernel\": \"999.0\"}", 0, 0},
        {", \"excludes\": {\"minKernel\": \"4.8\"}", 0, 0},
        {", \"excludes\": {\"minKernel\": \"999.0\"}", 0, 1},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        _cleanup_free_ char *rule = keg_asprintf(
            "{\"names\": [\"bpf\"], \"action\": \"SCMP_ACT_ALLOW\"%s}", cases[i].conditions);
        struct run_seccomp_profile *profile = parse(rule, cases[i].bounding);
        cr_expect_eq(profile->rules_count, cases[i].rules, "%s", cases[i].conditions);
        run_seccomp_profile_free(profile);
    }
}

Test(spec_read_seccomp, the_machines_own_abis_come_from_the_map)
{
    struct run_seccomp_profile *profile =
        parse("{\"name\": \"bpf\", \"names\": [], \"action\": \"SCMP_ACT_ALLOW\", \"comment\": "
              "\"old\"}",
              0);
    cr_assert_eq(keg_strv_length(profile->architectures), 2);
    cr_expect_str_eq(profile->architectures[1], OTHER_ABI);
    cr_expect_str_eq(profile->rules[0].names[0], "bpf");
    cr_expect_eq(profile->default_errno_ret, 38);
    run_seccomp_profile_free(profile);
}

/* A rule that is for another machine is no excuse. */
Test(spec_read_seccomp, wrong_conditions_are_named_whether_they_apply_or_not)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"defaultAction\": \"SCMP_ACT_LOG\", \"architectures\": [\"SCMP_ARCH_X86\"], "
         "\"archMap\": []}",
         "archMap: not together with 'architectures'"},
        {"{\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": [\"x\"], \"action\": "
         "\"SCMP_ACT_LOG\", \"includes\": {\"minKernel\": \"new\"}}]}",
         "syscalls[0].includes.minKernel: 'new' is no version of a kernel such as 4.8"},
        {"{\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": [\"x\"], \"action\": "
         "\"SCMP_ACT_LOG\", \"includes\": {\"arches\": [\"s390x\"]}, \"excludes\": {\"caps\": "
         "7}}]}",
         "syscalls[0].excludes.caps: not a list"},
        {"{\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": [\"x\"], \"action\": "
         "\"WHAT\", \"includes\": {\"arches\": [\"s390x\"]}}]}",
         "syscalls[0].action: unknown action 'WHAT'"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct run_seccomp_profile *profile = NULL;
        cr_expect_eq(run_seccomp_parse(cases[i].text, strlen(cases[i].text), 0, &profile, &err),
                     -EINVAL);
        cr_expect_str_eq(err.text, cases[i].message);
        cr_expect_null(profile);
    }
}
