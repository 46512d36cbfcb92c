/* SPDX-License-Identifier: Apache-2.0 */
/* Names for containers, and the exit code of a verb that went on behind failures. */
#include "cmd/common/name.h"
#include "cmd/common/options.h"
#include "cmd/common/report.h"

#include <criterion/criterion.h>
#include <regex.h>
#include <string.h>

static void expect_match(const char *text, const char *pattern)
{
    regex_t regex;
    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    cr_expect_eq(regexec(&regex, text, 0, NULL, 0), 0, "%s", text);
    regfree(&regex);
}

Test(name, is_an_adjective_and_a_surname)
{
    for (int i = 0; i < 500; i++) {
        char name[64];
        cr_assert_eq(cmd_random_name(0, name), 0);
        expect_match(name, "^[a-z]+_[a-z]+$");
    }
}

Test(name, has_a_number_from_the_second_attempt_on)
{
    char name[64];
    cr_assert_eq(cmd_random_name(3, name), 0);
    expect_match(name, "^[a-z]+_[a-z]+3$");
}

Test(name, differs_from_time_to_time)
{
    char names[8][64];
    bool differs = false;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++) {
        cr_assert_eq(cmd_random_name(0, names[i]), 0);
        differs = differs || strcmp(names[i], names[0]) != 0;
    }
    cr_assert(differs);
}

Test(exit_code, is_that_of_the_only_kind_of_failure)
{
    cr_expect_eq(cmd_exit_combine(0, 0), 0);
    cr_expect_eq(cmd_exit_combine(0, 2), 2);
    cr_expect_eq(cmd_exit_combine(1, 0), 1);
    cr_expect_eq(cmd_exit_combine(1, 1), 1);
}

Test(exit_code, of_several_kinds_is_kegs_own)
{
    cr_expect_eq(cmd_exit_combine(1, 2), 125);
    cr_expect_eq(cmd_exit_combine(2, 125), 125);
}
