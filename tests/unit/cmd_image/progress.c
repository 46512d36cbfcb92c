/* SPDX-License-Identifier: Apache-2.0 */
/* What a pull shows: which way, one line, the whole screen. */
#include "cmd/image/progress.h"

#include "cmd/common/terminal.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* -------------------------------------------------------------------------------- progress_choose
 */

Test(progress_choose, auto_draws_on_a_terminal)
{
    cr_assert_eq(progress_choose(NULL, true, "xterm"), PROGRESS_TTY);
    cr_assert_eq(progress_choose("auto", true, "xterm"), PROGRESS_TTY);
}

Test(progress_choose, auto_prints_lines_where_nothing_can_be_redrawn)
{
    cr_assert_eq(progress_choose(NULL, false, "xterm"), PROGRESS_PLAIN);
    cr_assert_eq(progress_choose("auto", true, "dumb"), PROGRESS_PLAIN);
    cr_assert_eq(progress_choose("auto", true, ""), PROGRESS_PLAIN);
    cr_assert_eq(progress_choose("auto", true, NULL), PROGRESS_PLAIN);
}

Test(progress_choose, what_the_user_asked_for_wins)
{
    cr_assert_eq(progress_choose("tty", false, NULL), PROGRESS_TTY);
    cr_assert_eq(progress_choose("plain", true, "xterm"), PROGRESS_PLAIN);
    cr_assert_eq(progress_choose("none", true, "xterm"), PROGRESS_NONE);
}

/* ---------------------------------------------------------------------------------- progress_note
 */

Test(progress_note, the_first_bytes_have_no_rate)
{
    struct progress_layer layer = {.size_bytes = 1000};
    progress_note(&layer, 500, 10000);
    cr_assert_eq(layer.state, PROGRESS_DOWNLOADING);
    cr_assert_eq(layer.done_bytes, 500);
    cr_assert_eq(layer.bytes_per_s, 0);
}

Test(progress_note, a_moment_later_there_is_none_yet)
{
    struct progress_layer layer = {.size_bytes = 1000};
    progress_note(&layer, 0, 10000);
    progress_note(&layer, 500, 10299);
    cr_assert_eq(layer.bytes_per_s, 0);
    progress_note(&layer, 500, 10300);
    cr_assert_eq(layer.bytes_per_s, 1666);
}

Test(progress_note, bytes_that_were_on_disk_do_not_count_as_fast_ones_for_long)
{
    struct progress_layer layer = {.size_bytes = 1000000000};
    progress_note(&layer, 0, 1);
    progress_note(&layer, 500000000, 501);
    for (int64_t i = 1; i <= 20; i++)
        progress_note(&layer, 500000000 + (uint64_t)i * 1000000, 501 + i * 500);
    cr_assert_geq(layer.bytes_per_s, 2000000);
    cr_assert_leq(layer.bytes_per_s, 6000000);
}

Test(progress_note, a_download_that_begins_anew_measures_anew)
{
    struct progress_layer layer = {.size_bytes = 1000000};
    progress_note(&layer, 900000, 1000);
    progress_note(&layer, 1000, 2000);
    cr_assert_eq(layer.bytes_per_s, 0);
    progress_note(&layer, 2000, 3000);
    cr_assert_eq(layer.bytes_per_s, 1000);
}

/* ---------------------------------------------------------------------------------- progress_line
 */

static struct progress_layer downloading(uint64_t done_bytes)
{
    return (struct progress_layer){.id = "0123456789ab",
                                   .state = PROGRESS_DOWNLOADING,
                                   .done_bytes = done_bytes,
                                   .size_bytes = 4500000,
                                   .bytes_per_s = 3000000};
}

static void expect_line(const struct progress_layer *layer, unsigned columns, const char *expected)
{
    char line[512];
    progress_line(layer, columns, line, sizeof(line));
    cr_assert_str_eq(line, expected, "%u columns: \"%s\"", columns, line);
}

Test(progress_line, is_the_state_in_dockers_words)
{
    static const struct {
        enum progress_state state;
        const char *line;
    } table[] = {
        {PROGRESS_WAITING, "0123456789ab: Waiting"},
        {PROGRESS_EXTRACTING, "0123456789ab: Extracting"},
        {PROGRESS_COMPLETE, "0123456789ab: Pull complete"},
        {PROGRESS_EXISTS, "0123456789ab: Already exists"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct progress_layer layer = downloading(4500000);
        layer.state = table[i].state;
        expect_line(&layer, 79, table[i].line);
    }
}

Test(progress_line, shows_a_bar_bytes_and_rate_of_a_download)
{
    struct progress_layer layer = downloading(1234567);
    expect_line(&layer, 79,
                "0123456789ab: Downloading [====>               ]  1.23MB/4.5MB  3MB/s");
}

Test(progress_line, has_no_rate_before_one_is_known)
{
    struct progress_layer layer = downloading(1234567);
    layer.bytes_per_s = 0;
    expect_line(&layer, 79, "0123456789ab: Downloading [====>               ]  1.23MB/4.5MB");
}

Test(progress_line, the_bar_is_empty_at_first_and_full_at_the_end)
{
    struct progress_layer layer = downloading(0);
    expect_line(&layer, 67, "0123456789ab: Downloading [        ]  0B/4.5MB  3MB/s");
    layer.done_bytes = 4500000;
    expect_line(&layer, 67, "0123456789ab: Downloading [========]  4.5MB/4.5MB  3MB/s");
}

Test(progress_line, more_bytes_than_were_announced_do_not_overflow_the_bar)
{
    struct progress_layer layer = downloading(9000000);
    expect_line(&layer, 67, "0123456789ab: Downloading [========]  9MB/4.5MB  3MB/s");
}

Test(progress_line, a_layer_without_a_size_has_a_full_bar)
{
    struct progress_layer layer = downloading(0);
    layer.size_bytes = 0;
    expect_line(&layer, 67, "0123456789ab: Downloading [========]  0B/0B  3MB/s");
}

Test(progress_line, leaves_out_what_has_no_room)
{
    static const struct {
        unsigned columns;
        const char *line;
    } table[] = {
        {1, "…"},
        {13, "0123456789ab…"},
        {20, "0123456789ab: Downl…"},
        {25, "0123456789ab: Downloading"},
        {43, "0123456789ab: Downloading"},
        {44, "0123456789ab: Downloading  1.23MB/4.5MB"},
        {54, "0123456789ab: Downloading  1.23MB/4.5MB"},
        {55, "0123456789ab: Downloading [=>      ]  1.23MB/4.5MB"},
        {66, "0123456789ab: Downloading [====>              ]  1.23MB/4.5MB"},
        {67, "0123456789ab: Downloading [=>      ]  1.23MB/4.5MB  3MB/s"},
    };
    struct progress_layer layer = downloading(1234567);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++)
        expect_line(&layer, table[i].columns, table[i].line);
}

Test(progress_line, the_bar_of_a_wide_terminal_stays_fifty_wide)
{
    struct progress_layer layer = downloading(2250000);
    const char *line = "0123456789ab: Downloading [=======================>"
                       "                        ]  2.25MB/4.5MB  3MB/s";
    expect_line(&layer, 107, line);
    expect_line(&layer, 200, line);
}

Test(progress_line, never_is_wider_than_it_may_be)
{
    struct progress_layer layer = downloading(999900);
    layer.size_bytes = 999900000000;
    layer.bytes_per_s = 999900000;
    for (unsigned columns = 1; columns <= 250; columns++) {
        char line[512];
        progress_line(&layer, columns, line, sizeof(line));
        cr_assert_leq(cmd_text_width(line), columns, "%u columns: \"%s\"", columns, line);
    }
}

/* ---------------------------------------------------------------------------------- progress_draw
 */

static void expect_screen(const struct progress_layer *layers, size_t count,
                          struct progress_screen screen, size_t lines, const char *expected)
{
    struct keg_buf out = keg_buf_init(64 * 1024);
    cr_assert_eq(progress_draw(layers, count, screen, &out), lines);
    cr_assert_str_eq(out.data, expected);
    keg_buf_done(&out);
}

static const struct progress_layer four[] = {
    {.id = "000000000000", .state = PROGRESS_EXISTS},
    {.id = "111111111111", .state = PROGRESS_EXTRACTING},
    {.id = "222222222222", .state = PROGRESS_COMPLETE},
    {.id = "333333333333", .state = PROGRESS_WAITING},
};

Test(progress_draw, is_a_line_a_layer_with_the_rest_of_each_erased)
{
    expect_screen(four, 4, (struct progress_screen){80, 23}, 4,
                  "000000000000: Already exists\033[K\n"
                  "111111111111: Extracting\033[K\n"
                  "222222222222: Pull complete\033[K\n"
                  "333333333333: Waiting\033[K\n");
}

Test(progress_draw, leaves_the_last_column_free)
{
    expect_screen(four + 1, 1, (struct progress_screen){25, 23}, 1,
                  "111111111111: Extracting\033[K\n");
    expect_screen(four + 1, 1, (struct progress_screen){24, 23}, 1,
                  "111111111111: Extracti…\033[K\n");
}

Test(progress_draw, as_many_layers_as_rows_are_not_folded)
{
    struct keg_buf out = keg_buf_init(64 * 1024);
    cr_assert_eq(progress_draw(four, 4, (struct progress_screen){80, 4}, &out), 4);
    cr_assert_null(strstr(out.data, "of 4 layers"));
    keg_buf_done(&out);
}

Test(progress_draw, more_layers_than_rows_are_counted_and_only_those_that_move_are_shown)
{
    expect_screen(four, 4, (struct progress_screen){80, 3}, 2,
                  "2 of 4 layers complete\033[K\n"
                  "111111111111: Extracting\033[K\n");
}

Test(progress_draw, when_folded_what_is_fetched_comes_before_what_is_unpacked)
{
    const struct progress_layer layers[] = {
        {.id = "000000000000", .state = PROGRESS_EXTRACTING, .size_bytes = 3000000},
        {.id = "111111111111", .state = PROGRESS_EXTRACTING, .size_bytes = 1000000},
        {.id = "222222222222", .state = PROGRESS_EXISTS, .size_bytes = 500},
        downloading(1000000),
        {.id = "444444444444", .state = PROGRESS_WAITING, .size_bytes = 2000000},
    };
    expect_screen(layers, 5, (struct progress_screen){80, 3}, 3,
                  "1 of 5 layers complete  5MB/10.5MB\033[K\n"
                  "0123456789ab: Downloading [===>                ]  1MB/4.5MB  3MB/s\033[K\n"
                  "000000000000: Extracting\033[K\n");
}

Test(progress_draw, never_takes_more_lines_than_there_are_rows)
{
    struct progress_layer layers[60];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(layers); i++)
        layers[i] = downloading(i);
    for (unsigned rows = 1; rows < 70; rows++) {
        struct keg_buf out = keg_buf_init(64 * 1024);
        size_t lines = progress_draw(layers, 60, (struct progress_screen){80, rows}, &out);
        cr_assert_eq(lines, rows < 60 ? rows : 60);
        keg_buf_done(&out);
    }
}

Test(progress_draw, a_terminal_of_one_column_is_survived)
{
    expect_screen(four, 1, (struct progress_screen){1, 23}, 1, "…\033[K\n");
    expect_screen(four, 1, (struct progress_screen){0, 23}, 1, "…\033[K\n");
}

/* ---------------------------------------------------------------------------------- progress_rows
 */

Test(progress_rows, a_line_is_a_row_where_the_width_has_stayed)
{
    cr_assert_eq(progress_rows("", 80), 0);
    cr_assert_eq(progress_rows("000000000000: Waiting\033[K\n000000000000: Waiting\033[K\n", 80),
                 2);
    cr_assert_eq(progress_rows("\033[K\n", 80), 1);
}

Test(progress_rows, lines_wrap_where_the_terminal_has_become_narrower)
{
    const char *text = "000000000000: Waiting\033[K\n000000000000: Already exists\033[K\n";
    cr_assert_eq(progress_rows(text, 28), 2);
    cr_assert_eq(progress_rows(text, 27), 3);
    cr_assert_eq(progress_rows(text, 21), 3);
    cr_assert_eq(progress_rows(text, 20), 4);
    cr_assert_eq(progress_rows(text, 1), 21 + 28);
}

Test(progress_rows, counts_characters_not_bytes)
{
    cr_assert_eq(progress_rows("0123456789ab: Downl…\033[K\n", 20), 1);
}

/* --------------------------------------------------------------------------------- progress_event
 */

static const struct pull_layer two[] = {
    {.index = 0,
     .digest = "sha256:00000000000000000000000000000000000000000000000000000000000000aa",
     .size_bytes = 1000},
    {.index = 1,
     .digest = "sha256:11111111111111111111111111111111111111111111111111111111111111bb",
     .size_bytes = 2000},
};

/* A pull of two layers, the first of which the store has. Each event is a new state: mere bytes are
 * drawn now and then, by the clock. */
static const struct pull_event events[] = {
    {.type = PULL_RESOLVED},
    {.type = PULL_LAYERS, .layers = two, .count = 2},
    {.type = PULL_LAYER_EXISTS, .layer = &two[0]},
    {.type = PULL_LAYER_DOWNLOADING, .layer = &two[1], .done_bytes = 1000},
    {.type = PULL_LAYER_UNPACKING, .layer = &two[1]},
    {.type = PULL_LAYER_DONE, .layer = &two[1]},
};

static void play(struct progress *progress)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(events); i++)
        progress_event(progress, &events[i]);
    progress_end(progress);
    fflush(stdout);
}

static void expect_output(enum progress_mode mode, const char *head, const char *expected)
{
    struct keg_err err;
    cr_redirect_stdout();
    struct progress *progress = progress_new(mode, head, &err);
    cr_assert_not_null(progress);
    play(progress);
    progress_free(progress);
    cr_assert_stdout_eq_str(expected);
}

Test(progress_event, plain_is_a_line_for_each_layer_that_is_done)
{
    expect_output(PROGRESS_PLAIN, "latest: Pulling from library/two",
                  "latest: Pulling from library/two\n"
                  "000000000000: Already exists\n"
                  "111111111111: Pull complete\n");
}

Test(progress_event, plain_says_it_once_where_a_layer_of_the_store_is_done_too)
{
    const struct pull_event done = {.type = PULL_LAYER_DONE, .layer = &two[0]};
    struct keg_err err;
    cr_redirect_stdout();
    struct progress *progress = progress_new(PROGRESS_PLAIN, NULL, &err);
    progress_event(progress, &events[1]);
    progress_event(progress, &events[2]);
    progress_event(progress, &done);
    progress_free(progress);
    cr_assert_stdout_eq_str("000000000000: Already exists\n");
}

Test(progress_event, none_is_the_head_alone)
{
    expect_output(PROGRESS_NONE, "latest: Pulling from library/two",
                  "latest: Pulling from library/two\n");
}

Test(progress_event, without_a_head_none_is_silent)
{
    cr_redirect_stdout();
    struct keg_err err;
    struct progress *progress = progress_new(PROGRESS_NONE, NULL, &err);
    play(progress);
    progress_free(progress);
    fputs("end", stdout);
    fflush(stdout);
    cr_assert_stdout_eq_str("end");
}

/* What stays on the screen: the last state, drawn over the ones before. */
Test(progress_event, tty_ends_in_the_last_state_of_each_layer)
{
    expect_output(PROGRESS_TTY, NULL,
                  "\r000000000000: Waiting\033[K\n111111111111: Waiting\033[K\n\033[J"
                  "\033[2A\r000000000000: Already exists\033[K\n111111111111: Waiting\033[K\n\033[J"
                  "\033[2A\r000000000000: Already exists\033[K\n"
                  "111111111111: Downloading [=========>          ]  1kB/2kB\033[K\n\033[J"
                  "\033[2A\r000000000000: Already exists\033[K\n"
                  "111111111111: Extracting\033[K\n\033[J"
                  "\033[2A\r000000000000: Already exists\033[K\n"
                  "111111111111: Pull complete\033[K\n\033[J"
                  "\033[2A\r000000000000: Already exists\033[K\n"
                  "111111111111: Pull complete\033[K\n\033[J");
}

/* A terminal of our own as standard output; returns the end that a terminal program would read. */
static int terminal_as_stdout(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert_geq(master, 0);
    cr_assert_eq(grantpt(master), 0);
    cr_assert_eq(unlockpt(master), 0);
    _cleanup_fd_ int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert_geq(slave, 0);
    cr_assert_eq(dup2(slave, STDOUT_FILENO), STDOUT_FILENO);
    return master;
}

static void resize(unsigned short columns, unsigned short rows)
{
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    cr_assert_eq(ioctl(STDOUT_FILENO, TIOCSWINSZ, &size), 0);
}

/* One read: what one redraw wrote. */
static void expect_seen(int master, const char *expected)
{
    char text[4096];
    ssize_t length = read(master, text, sizeof(text) - 1);
    cr_assert_gt(length, 0);
    text[length] = '\0';
    cr_assert_str_eq(text, expected);
}

Test(progress_event, a_narrower_terminal_has_more_rows_to_go_up)
{
    struct keg_err err;
    _cleanup_fd_ int master = terminal_as_stdout();
    struct progress *progress = progress_new(PROGRESS_TTY, NULL, &err);
    resize(40, 24);
    progress_event(progress, &events[1]);
    expect_seen(master, "\r000000000000: Waiting\033[K\r\n111111111111: Waiting\033[K\r\n\033[J");
    resize(20, 24);
    progress_event(progress, &events[2]);
    expect_seen(master, "\033[4A\r000000000000: Alre…\033[K\r\n"
                        "111111111111: Wait…\033[K\r\n\033[J");
    resize(40, 24);
    progress_event(progress, &events[4]);
    expect_seen(master, "\033[2A\r000000000000: Already exists\033[K\r\n"
                        "111111111111: Extracting\033[K\r\n\033[J");
    progress_free(progress);
}
