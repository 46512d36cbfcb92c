/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: the process (config.md, "Process"). */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

#include <linux/sched.h>

#define PROCESS(members) "\"process\": {\"cwd\": \"/\", " members "}"

Test(spec_read_process, the_folder_must_be_absolute)
{
    static const struct spec_refusal cases[] = {
        {"\"process\": 7", "process: not an object"},
        {"\"process\": {}", "process.cwd: missing"},
        {"\"process\": {\"cwd\": \"\"}", "process.cwd: empty"},
        {"\"process\": {\"cwd\": 1}", "process.cwd: not a string"},
        {"\"process\": {\"cwd\": \"srv\"}", "process.cwd: 'srv' is not an absolute path"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read_process, arguments_and_environment)
{
    static const struct spec_refusal cases[] = {
        {PROCESS("\"args\": \"sh\""), "process.args: not a list"},
        {PROCESS("\"args\": []"), "process.args: empty"},
        {PROCESS("\"args\": [\"a\", \"b\", \"c\", 7]"), "process.args[3]: not a string"},
        {PROCESS("\"env\": {}"), "process.env: not a list"},
        {PROCESS("\"env\": [\"A=b\", \"HOME\"]"),
         "process.env[1]: 'HOME' is not of the form NAME=VALUE"},
        {PROCESS("\"env\": [\"=b\"]"), "process.env[0]: '=b' is not of the form NAME=VALUE"},
        {PROCESS("\"terminal\": \"yes\""), "process.terminal: not true or false"},
        {PROCESS("\"noNewPrivileges\": 1"), "process.noNewPrivileges: not true or false"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    /* runtime.md: args must be there at start, not before. */
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(PROCESS("\"env\": []"));
    cr_expect_null(spec->process.args);
    cr_expect_null(spec->process.env);
}

Test(spec_read_process, consoles_have_two_sides)
{
    static const struct spec_refusal cases[] = {
        {PROCESS("\"consoleSize\": [24, 80]"), "process.consoleSize: not an object"},
        {PROCESS("\"consoleSize\": {\"height\": 24}"), "process.consoleSize.width: missing"},
        {PROCESS("\"consoleSize\": {\"height\": 24, \"width\": 65536}"),
         "process.consoleSize.width: out of range (0 to 65535)"},
        {PROCESS("\"consoleSize\": {\"height\": -1, \"width\": 1}"),
         "process.consoleSize.height: out of range (0 to 65535)"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read_process, users)
{
    static const struct spec_refusal cases[] = {
        {PROCESS("\"user\": \"root\""), "process.user: not an object"},
        {PROCESS("\"user\": {\"uid\": -1}"), "process.user.uid: out of range (0 to 4294967294)"},
        /* (uid_t)-1 would leave it as it is: root. */
        {PROCESS("\"user\": {\"uid\": 4294967295}"),
         "process.user.uid: out of range (0 to 4294967294)"},
        {PROCESS("\"user\": {\"gid\": 4294967296}"),
         "process.user.gid: out of range (0 to 4294967294)"},
        {PROCESS("\"user\": {\"gid\": \"0\"}"), "process.user.gid: not a number"},
        {PROCESS("\"user\": {\"umask\": 512}"), "process.user.umask: out of range (0 to 511)"},
        {PROCESS("\"user\": {\"additionalGids\": [1, -2]}"),
         "process.user.additionalGids[1]: out of range (0 to 4294967294)"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(PROCESS("\"user\": {}"));
    cr_expect_eq(spec->process.user.uid, 0);
    cr_expect_eq(spec->process.user.umask, (mode_t)-1);
}

Test(spec_read_process, capabilities)
{
    static const struct spec_refusal cases[] = {
        {PROCESS("\"capabilities\": []"), "process.capabilities: not an object"},
        {PROCESS("\"capabilities\": {\"bounding\": \"CAP_KILL\"}"),
         "process.capabilities.bounding: not a list"},
        {PROCESS("\"capabilities\": {\"ambient\": [5]}"),
         "process.capabilities.ambient[0]: not a string"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(PROCESS(
        "\"capabilities\": {\"bounding\": [\"CAP_CHOWN\"], \"effective\": [\"CAP_FOWNER\"], "
        "\"permitted\": [\"CAP_KILL\"], \"inheritable\": [\"CAP_SETGID\"], "
        "\"ambient\": [\"CAP_SETUID\", \"CAP_SETUID\"]}"));
    const struct run_capabilities *sets = &spec->process.capabilities;
    cr_expect_eq(sets->bounding, 1 << 0);
    cr_expect_eq(sets->effective, 1 << 3);
    cr_expect_eq(sets->permitted, 1 << 5);
    cr_expect_eq(sets->inheritable, 1 << 6);
    cr_expect_eq(sets->ambient, 1 << 7);
}

/* For exec the one means "as the container", the other "none". */
Test(spec_read_process, no_capabilities_are_not_empty_ones)
{
    _cleanup_(run_cleanup_spec) struct run_spec *missing = spec_config_of(PROCESS("\"env\": []"));
    _cleanup_(run_cleanup_spec) struct run_spec *empty =
        spec_config_of(PROCESS("\"capabilities\": {}"));
    cr_expect(!missing->process.capabilities_set);
    cr_expect(empty->process.capabilities_set);
}

#define LIMIT(type, soft, hard) "{\"type\": \"" type "\", \"soft\": " soft ", \"hard\": " hard "}"

Test(spec_read_process, limits)
{
    static const struct spec_refusal cases[] = {
        {PROCESS("\"rlimits\": [" LIMIT("RLIMIT_FOO", "1", "1") "]"),
         "process.rlimits[0].type: unknown limit 'RLIMIT_FOO'"},
        {PROCESS("\"rlimits\": [" LIMIT("nofile", "1", "1") "]"),
         "process.rlimits[0].type: unknown limit 'nofile'"},
        {PROCESS("\"rlimits\": [" LIMIT("RLIMIT_CORE", "1", "1") "," LIMIT("RLIMIT_AS", "1", "1") //
                 "," LIMIT("RLIMIT_CORE", "1", "1") "]"),
         "process.rlimits: RLIMIT_CORE twice"},
        {PROCESS("\"rlimits\": [" LIMIT("RLIMIT_CORE", "5", "4") "]"),
         "process.rlimits[0]: soft limit 5 above the hard limit 4"},
        {PROCESS("\"rlimits\": [{\"type\": \"RLIMIT_CORE\", \"soft\": 1}]"),
         "process.rlimits[0].hard: missing"},
        {PROCESS("\"rlimits\": [{\"soft\": 1, \"hard\": 1}]"), "process.rlimits[0].type: missing"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read_process, scheduling)
{
    static const struct spec_refusal cases[] = {
        {PROCESS("\"scheduler\": {}"), "process.scheduler.policy: missing"},
        {PROCESS("\"scheduler\": {\"policy\": \"SCHED_FAIR\"}"),
         "process.scheduler.policy: unknown scheduling policy 'SCHED_FAIR'"},
        {PROCESS("\"scheduler\": {\"policy\": \"SCHED_RR\", \"flags\": [\"SCHED_FLAG_X\"]}"),
         "process.scheduler.flags[0]: unknown scheduling flag 'SCHED_FLAG_X'"},
        {PROCESS("\"scheduler\": {\"policy\": \"SCHED_RR\", \"nice\": 2147483648}"),
         "process.scheduler.nice: out of range (-2147483648 to 2147483647)"},
        {PROCESS("\"scheduler\": {\"policy\": \"SCHED_RR\", \"runtime\": -1}"),
         "process.scheduler.runtime: out of range (0 to 18446744073709551615)"},
        {PROCESS("\"ioPriority\": {\"priority\": 1}"), "process.ioPriority.class: missing"},
        {PROCESS("\"ioPriority\": {\"class\": \"IOPRIO_CLASS_NONE\"}"),
         "process.ioPriority.class: unknown I/O class 'IOPRIO_CLASS_NONE'"},
        {PROCESS("\"ioPriority\": {\"class\": \"IOPRIO_CLASS_BE\", \"priority\": 8}"),
         "process.ioPriority.priority: out of range (0 to 7)"},
        {PROCESS("\"oomScoreAdj\": 1001"), "process.oomScoreAdj: out of range (-1000 to 1000)"},
        {PROCESS("\"execCPUAffinity\": {\"initial\": 3}"),
         "process.execCPUAffinity.initial: not a string"},
        {PROCESS("\"apparmorProfile\": 1"), "process.apparmorProfile: not a string"},
        {PROCESS("\"selinuxLabel\": 1"), "process.selinuxLabel: not a string"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        PROCESS("\"oomScoreAdj\": 0, \"ioPriority\": {\"class\": \"IOPRIO_CLASS_IDLE\"}, "
                "\"scheduler\": {\"policy\": \"SCHED_FIFO\", \"priority\": 10, \"flags\": "
                "[\"SCHED_FLAG_RESET_ON_FORK\", \"SCHED_FLAG_KEEP_PARAMS\"]}"));
    cr_expect(spec->process.oom_score_adj_set);
    cr_expect_eq(spec->process.io_priority.io_class, 3);
    cr_expect_eq(spec->process.scheduler.policy, SCHED_FIFO);
    cr_expect_eq(spec->process.scheduler.priority, 10);
    cr_expect_eq(spec->process.scheduler.flags, 0x11);
}

Test(spec_read_process, a_process_alone_is_read_and_named_without_a_prefix)
{
    struct keg_err err = KEG_ERR_INIT;
    struct run_process process = {.cwd = NULL};
    static const char good[] = "{\"cwd\": \"/\", \"args\": [\"sh\"]}",
                      bad[] = "{\"cwd\": \"/\", \"args\": [\"sh\", 7]}";
    cr_expect_eq(run_process_parse(bad, strlen(bad), &process, NULL, &err), -EINVAL);
    cr_expect_str_eq(err.text, "args[1]: not a string");
    cr_expect_null(process.cwd);
    cr_assert_eq(run_process_parse(good, strlen(good), &process, NULL, &err), 0);
    cr_expect_eq(process.user.umask, (mode_t)-1);
    cr_expect_str_eq(process.args[0], "sh");
    run_process_done(&process);
}
