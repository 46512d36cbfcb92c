/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, and docker's words for times, states and commands. */
#include "cmd/common/table.h"
#include "cmd/common/describe.h"
#include "cmd/common/terminal.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct cmd_column columns[] = {
    {"TAG", 0, false}, {"COMMAND", 10, false}, {"SIZE", 0, false}, {NULL, 0, false}};

static void expect_table(const char *const (*rows)[3], size_t count, unsigned width,
                         const char *expected)
{
    struct cmd_table table;
    struct keg_err err;
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    cmd_table_init(&table, columns);
    for (size_t i = 0; i < count; i++)
        cmd_table_add(&table, rows[i]);
    cr_assert_eq(cmd_table_print(file, &table, width, &err), 0);
    fclose(file);
    cr_assert_str_eq(text, expected);
    free(text);
    cmd_table_done(&table);
}

Test(table, columns_are_ten_wide_at_least_and_three_apart)
{
    const char *const rows[][3] = {{"latest", "\"/bin/busybox sh\"", "4.43MB"}};
    expect_table(rows, 1, 0,
                 "TAG       COMMAND             SIZE\n"
                 "latest    \"/bin/busybox sh\"   4.43MB\n");
}

Test(table, a_table_without_rows_is_its_header)
{
    expect_table(NULL, 0, 0, "TAG       COMMAND   SIZE\n");
}

Test(table, a_narrow_terminal_cuts_what_may_be_cut)
{
    const char *const rows[][3] = {{"latest", "\"/bin/busybox sh\"", "4.43MB"}};
    expect_table(rows, 1, 33,
                 "TAG       COMMAND          SIZE\n"
                 "latest    \"/bin/busybox…   4.43MB\n");
}

Test(table, nothing_is_cut_below_its_bound)
{
    const char *const rows[][3] = {{"latest", "\"/bin/busybox sh\"", "4.43MB"}};
    expect_table(rows, 1, 5,
                 "TAG       COMMAND      SIZE\n"
                 "latest    \"/bin/bus…   4.43MB\n");
}

static const struct cmd_column ps_columns[] = {{"ID", 0, false},     {"COMMAND", 10, false},
                                               {"CREATED", 0, true}, {"PORTS", 0, true},
                                               {"NAMES", 8, false},  {NULL, 0, false}};

static void expect_ps(unsigned width, const char *expected)
{
    struct cmd_table table;
    struct keg_err err;
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    cmd_table_init(&table, ps_columns);
    cmd_table_add(&table, (const char *[]){"0123456789ab", "\"/bin/busybox sh\"", "2 hours ago", "",
                                           "brave_bell"});
    cr_assert_eq(cmd_table_print(file, &table, width, &err), 0);
    fclose(file);
    cr_assert_str_eq(text, expected);
    free(text);
    cmd_table_done(&table);
}

Test(table, with_room_no_column_is_left_out)
{
    expect_ps(69, "ID             COMMAND             CREATED       PORTS     NAMES\n"
                  "0123456789ab   \"/bin/busybox sh\"   2 hours ago             brave_bell\n");
}

Test(table, a_narrow_terminal_first_loses_optional_columns_with_nothing_in_them)
{
    expect_ps(68, "ID             COMMAND             CREATED       NAMES\n"
                  "0123456789ab   \"/bin/busybox sh\"   2 hours ago   brave_bell\n");
}

Test(table, then_columns_are_cut)
{
    expect_ps(55, "ID             COMMAND         CREATED       NAMES\n"
                  "0123456789ab   \"/bin/busybo…   2 hours ago   brave_bell\n");
}

Test(table, then_optional_columns_go_and_give_their_room_to_others)
{
    expect_ps(48, "ID             COMMAND             NAMES\n"
                  "0123456789ab   \"/bin/busybox sh\"   brave_bell\n");
}

Test(table, widths_count_characters_not_bytes)
{
    const char *const rows[][3] = {{"größe-über", "x", "1B"}, {"0123456789", "y", "2B"}};
    expect_table(rows, 2, 0,
                 "TAG          COMMAND   SIZE\n"
                 "größe-über   x         1B\n"
                 "0123456789   y         2B\n");
}

Test(table, control_characters_of_an_image_do_not_reach_the_terminal)
{
    const char *const rows[][3] = {{"a\033[31m", "b\nc", "\xc2\x9b"}};
    expect_table(rows, 1, 0,
                 "TAG       COMMAND   SIZE\n"
                 "a?[31m    b?c       ?\n");
}

Test(text, is_cut_between_characters)
{
    char cut[64];
    cmd_text_cut("äöüß", 3, cut, sizeof(cut));
    cr_assert_str_eq(cut, "äö…");
    cmd_text_cut("äöü", 3, cut, sizeof(cut));
    cr_assert_str_eq(cut, "äöü");
    cmd_text_cut("abc", 0, cut, sizeof(cut));
    cr_assert_str_eq(cut, "");
}

static const struct timespec now = {.tv_sec = 1000000000, .tv_nsec = 500000000};

static struct timespec before(int64_t seconds)
{
    return (struct timespec){.tv_sec = now.tv_sec - seconds, .tv_nsec = now.tv_nsec};
}

Test(describe, ago)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{0, "Less than a second ago"},   {1, "1 second ago"},
                {59, "59 seconds ago"},          {60, "About a minute ago"},
                {7200, "2 hours ago"},           {3 * 7 * 86400, "3 weeks ago"},
                {-100, "Less than a second ago"}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(rows); i++) {
        char text[64];
        cmd_ago(before(rows[i].seconds), now, text);
        cr_expect_str_eq(text, rows[i].text);
    }
}

Test(describe, a_time_that_is_not_set_is_not_available)
{
    char text[64];
    cmd_ago((struct timespec){0, 0}, now, text);
    cr_assert_str_eq(text, "N/A");
}

static void expect_status(struct cmd_status status, const char *expected)
{
    char text[96];
    cmd_status(&status, now, text);
    cr_expect_str_eq(text, expected);
}

Test(describe, status_in_dockers_words)
{
    expect_status((struct cmd_status){.kind = CMD_STATUS_CREATED}, "Created");
    expect_status((struct cmd_status){.kind = CMD_STATUS_UP, .started = before(180)},
                  "Up 3 minutes");
    expect_status((struct cmd_status){.kind = CMD_STATUS_UP, .started = before(0)},
                  "Up Less than a second");
    expect_status((struct cmd_status){.kind = CMD_STATUS_EXITED, .finished = before(7200)},
                  "Exited (0) 2 hours ago");
    expect_status(
        (struct cmd_status){.kind = CMD_STATUS_EXITED, .exit_code = 137, .finished = before(5)},
        "Exited (137) 5 seconds ago");
}

Test(describe, local_time_as_docker_writes_it)
{
    char text[64];
    setenv("TZ", "UTC", 1);
    tzset();
    cmd_local_time(now, text);
    cr_assert_str_eq(text, "2001-09-09 01:46:40 +0000 UTC");
}

Test(describe, short_ids)
{
    char text[CMD_ID_BYTES];
    cmd_short_id("sha256:0123456789abcdef0123", text);
    cr_assert_str_eq(text, "0123456789ab");
    cmd_short_id("fedcba9876543210", text);
    cr_assert_str_eq(text, "fedcba987654");
}

static void expect_command(char **command, bool whole, const char *expected)
{
    _cleanup_free_ char *text = cmd_command(command, whole);
    cr_expect_str_eq(text, expected);
}

Test(describe, commands_are_quoted_and_cut_to_twenty)
{
    expect_command((char *[]){"sh", NULL}, false, "\"sh\"");
    expect_command((char *[]){"/bin/sh", "-c", "sleep 100", NULL}, false,
                   "\"/bin/sh -c sleep 100\"");
    expect_command((char *[]){"/bin/sh", "-c", "sleep 1000", NULL}, false,
                   "\"/bin/sh -c sleep 10…\"");
    expect_command((char *[]){"/bin/sh", "-c", "sleep 1000", NULL}, true,
                   "\"/bin/sh -c sleep 1000\"");
    expect_command((char *[]){NULL}, false, "\"\"");
    expect_command(NULL, false, "\"\"");
}

Test(describe, commands_are_escaped)
{
    expect_command((char *[]){"a\n\"\\\033", NULL}, false, "\"a\\n\\\"\\\\\\x1b\"");
}
