/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles of a spec, in force in containers. */
#include "launch_box.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct box box;

static void open_box(void)
{
    box_open(&box);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(launch_seccomp, .init = open_box, .fini = close_box);

static void use_profile(const char *text)
{
    cr_assert_eq(run_seccomp_parse(text, strlen(text), 0, &box.spec->seccomp_profile, &box.err), 0,
                 "%s", box.err.text);
    box.spec->seccomp = RUN_SECCOMP_CUSTOM;
}

#define DENY(action, names)                                                                        \
    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[" names                       \
    "],\"action\":\"SCMP_ACT_" action "\"}]}"

Test(launch_seccomp, a_profile_holds_with_and_without_no_new_privileges)
{
    use_profile(DENY("ERRNO", "\"mkdir\",\"mkdirat\""));
    for (int i = 0; i < 4; i++) {
        box.spec->process.no_new_privileges = i & 1;
        box.options.init = i & 2;
        cr_assert_eq(box_run_script(&box, "mkdir /tmp"), 1, "%s", box.err.text);
        cr_expect_str_eq(box.output,
                         "mkdir: can't create directory '/tmp': Operation not permitted\n");
    }
}

Test(launch_seccomp, pid_1_of_init_is_under_the_filter_too)
{
    use_profile(DENY("ERRNO", "\"mkdir\""));
    box.options.init = true;
    for (int i = 0; i < 2; i++) {
        box.spec->process.no_new_privileges = i;
        cr_assert_eq(box_run_script(&box, "grep ^Seccomp: /proc/1/status"), 0, "%s", box.err.text);
        cr_expect_str_eq(box.output, "Seccomp:\t2\n");
    }
}

/* Nobody who writes a profile for a program knows what keg does before it. */
Test(launch_seccomp, only_execve_need_be_allowed_under_no_new_privileges)
{
    use_profile(DENY("KILL_PROCESS", "\"statx\",\"faccessat\",\"faccessat2\",\"setsid\",\"capset\","
                                     "\"setresuid\",\"setresgid\",\"setgroups\",\"sendmsg\","
                                     "\"recvmsg\",\"umask\",\"close_range\",\"clone\",\"clone3\""));
    box.spec->process.no_new_privileges = true;
    box_script(&box, "");
    keg_strv_free(TAKE_PTR(box.spec->process.args));
    cr_assert_eq(keg_strv_add(&box.spec->process.args, "true"), 0);
    cr_expect_eq(box_run(&box), 0, "%s", box.err.text);
}

Test(launch_seccomp, a_killed_program_ends_by_a_signal)
{
    use_profile(DENY("KILL_PROCESS", "\"mkdir\",\"mkdirat\""));
    cr_expect_eq(box_run_script(&box, "mkdir /tmp; echo $?"), 0, "%s", box.err.text);
    cr_expect_not_null(strstr(box.output, "159\n"), "%s", box.output);
    cr_expect_eq(box_run_script(&box, "exec mkdir /tmp"), 128 + SIGSYS);
}

Test(launch_seccomp, a_profile_that_cannot_be_is_refused_before_anything_is_made)
{
    use_profile("{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/agent\"}");
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "seccomp: SCMP_ACT_NOTIFY cannot be the default action");
}
