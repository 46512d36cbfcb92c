/* SPDX-License-Identifier: Apache-2.0 */
/* The words of keg-runtime's command line: ids, signals, durations. */
#include "cmd/runtime/duration.h"
#include "cmd/runtime/folder.h"
#include "cmd/runtime/signals.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct keg_err err;

Test(id, letters_digits_and_four_signs)
{
    static const char *const good[] = {
        "a", "A9", "0", "_x", "+x", "-x", "a.b", "a..b", "a-b_c+d.e", "x.", "0123456789abcdef"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(good); i++)
        cr_assert_eq(runtime_id_check(good[i], &err), 0, "%s: %s", good[i], err.text);
}

Test(id, what_could_lead_elsewhere_is_refused)
{
    static const char *const bad[] = {"",         ".",     "..",   "../x", "a/b", "/x",  "x/",
                                      ".x",       "a b",   "a\n",  "a\tb", "a:b", "a@b", "a%b",
                                      "\xc3\xa4", "a\x01", "a\\b", "a*",   "a,b", "a=b"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        cr_assert_eq(runtime_id_check(bad[i], &err), -EINVAL, "'%s'", bad[i]);
}

Test(id, at_most_as_long_as_the_name_of_a_folder)
{
    char id[1025];
    memset(id, 'a', sizeof(id));
    id[255] = '\0';
    cr_assert_eq(runtime_id_check(id, &err), 0);
    id[255] = 'a';
    id[256] = '\0';
    cr_assert_eq(runtime_id_check(id, &err), -EINVAL);
    id[256] = 'a';
    id[1024] = '\0';
    cr_assert_eq(runtime_id_check(id, &err), -EINVAL);
    cr_assert_str_eq(err.text, "invalid container id: 1024 characters, at most 255");
}

Test(signal_name, with_and_without_SIG_in_any_case_or_a_number)
{
    static const struct {
        const char *text;
        int number;
    } rows[] = {{"TERM", SIGTERM},
                {"SIGTERM", SIGTERM},
                {"sigterm", SIGTERM},
                {"kill", SIGKILL},
                {"Hup", SIGHUP},
                {"9", 9},
                {"0", 0},
                {"64", 64},
                {"USR1", SIGUSR1},
                {"WINCH", SIGWINCH},
                {"RTMIN", 34},
                {"SIGRTMIN+3", 37},
                {"rtmax", 64},
                {"RTMAX-14", 50}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(rows); i++) {
        int number = -1;
        cr_assert_eq(runtime_signal_parse(rows[i].text, &number, &err), 0, "%s", rows[i].text);
        cr_assert_eq(number, rows[i].number, "%s: %d", rows[i].text, number);
    }
}

Test(signal_name, anything_else_is_none)
{
    static const char *const bad[] = {"",         "SIG",     "NOSUCH",    "65",
                                      "-1",       "9 ",      "TERMINATE", "RTMIN-1",
                                      "RTMIN+31", "RTMAX+1", "RTMAX-31",  "SIGSIGTERM"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        int number;
        cr_assert_eq(runtime_signal_parse(bad[i], &number, &err), -EINVAL, "'%s'", bad[i]);
    }
}

Test(duration, a_number_and_a_unit)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"5s", 5000}, {"250ms", 250}, {"1m", 60000}, {"2h", 7200000}, {"24h", 86400000}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(rows); i++) {
        int64_t ms;
        cr_assert_eq(runtime_duration_parse(rows[i].text, &ms, &err), 0, "%s", rows[i].text);
        cr_assert_eq(ms, rows[i].ms);
    }
}

Test(duration, nothing_else)
{
    static const char *const bad[] = {"",     "5",   "s",   "0s",   "-1s",
                                      "1.5s", "25h", "5 s", "5sec", "99999999999999999999s"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        int64_t ms;
        cr_assert_eq(runtime_duration_parse(bad[i], &ms, &err), -EINVAL, "'%s'", bad[i]);
    }
}
