/* SPDX-License-Identifier: Apache-2.0 */
/* What keg-runtime writes for engines: log lines, processes, figures. */
#include "cmd/runtime/log.h"
#include "cmd/runtime/ps.h"
#include "cmd/runtime/stats.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/sysmacros.h>

static const struct timespec some_time = {.tv_sec = 1000000000};

static const char *line(bool json, enum runtime_level level, const char *text)
{
    static struct keg_buf buf;
    keg_buf_done(&buf);
    buf = keg_buf_init(8192);
    runtime_log_line(level, json, some_time, text, &buf);
    return buf.data;
}

Test(log_line, json_is_what_engines_read_back)
{
    cr_assert_str_eq(line(true, RUNTIME_ERROR, "no 'x': \"y\"\\z"),
                     "{\"level\":\"error\",\"msg\":\"no 'x': \\\"y\\\"\\\\z\","
                     "\"time\":\"2001-09-09T01:46:40.000000000Z\"}\n");
    cr_assert(strstr(line(true, RUNTIME_WARNING, "x"), "\"level\":\"warning\""));
}

Test(log_line, text_is_that_of_logrus)
{
    cr_assert_str_eq(line(false, RUNTIME_ERROR, "say \"y\"\\z"),
                     "time=\"2001-09-09T01:46:40.000000000Z\" level=error "
                     "msg=\"say \\\"y\\\"\\\\z\"\n");
}

Test(log_line, a_text_that_json_cannot_hold_is_an_error_still)
{
    cr_assert(strstr(line(true, RUNTIME_ERROR, "\xff"), "\"level\":\"error\""));
}

Test(ps, a_name_with_parentheses_and_blanks_is_skipped)
{
    struct runtime_ps_row row = {0};
    uint64_t ticks;
    cr_assert_eq(
        runtime_ps_parse_stat("17 (a) S (b) R 5 17 17 34816 17 4194304 1 2 3 4 250 150 5 6 "
                              "20 0 1 0 9876 1 2 3\n",
                              &row, &ticks),
        0);
    cr_assert_eq(row.ppid, 5);
    cr_assert_eq(row.tty, 34816);
    cr_assert_eq(row.cpu_s, 400 / (uint64_t)sysconf(_SC_CLK_TCK));
    cr_assert_eq(ticks, 9876);
}

Test(ps, a_cut_line_is_refused)
{
    struct runtime_ps_row row = {0};
    uint64_t ticks;
    cr_assert_eq(runtime_ps_parse_stat("17 (a", &row, &ticks), -EPROTO);
    cr_assert_eq(runtime_ps_parse_stat("17 (a) R 5 17 17 0", &row, &ticks), -EPROTO);
}

Test(ps, terminals_by_their_numbers)
{
    static const struct {
        unsigned major, minor;
        const char *name;
    } rows[] = {{0, 0, "?"},    {136, 3, "pts/3"}, {137, 0, "pts/1048576"},
                {4, 1, "tty1"}, {4, 64, "?"},      {5, 1, "?"}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(rows); i++) {
        char name[16];
        runtime_ps_tty((unsigned)makedev(rows[i].major, rows[i].minor), name);
        cr_assert_str_eq(name, rows[i].name);
    }
}

Test(ps, a_process_of_ours)
{
    struct runtime_ps_row row;
    cr_assert_eq(runtime_ps_read(getpid(), &row), 0);
    cr_assert_eq(row.ppid, getppid());
    cr_assert_eq(row.uid, geteuid());
    cr_assert(strlen(row.command) > 0);
    free(row.command);
}

Test(ps, one_that_is_gone)
{
    struct runtime_ps_row row;
    cr_assert_lt(runtime_ps_read(INT32_MAX, &row), 0);
}

Test(stats, members_are_those_of_runc)
{
    char *raw[] = {(char[]){"cache=7"}, NULL};
    uint64_t percpu[] = {1, 2};
    struct run_io_stat io = {8, 0, 10, 20, 30, 40};
    const struct run_stats figures = {.cpu_usage_ns = 3,
                                      .cpu_percpu_ns = percpu,
                                      .cpu_percpu_count = 2,
                                      .memory_usage_bytes = 5,
                                      .memory_limit_bytes = UINT64_MAX,
                                      .memory_raw = raw,
                                      .pids_current = 4,
                                      .pids_limit = UINT64_MAX,
                                      .io = &io,
                                      .io_count = 1};
    _cleanup_json_ json_t *json = runtime_stats_json(&figures);
    _cleanup_free_ char *text = keg_json_dump(json, false);
    static const char *const parts[] = {
        "\"cpu\":{\"usage\":{\"total\":3,\"kernel\":0,\"user\":0,\"percpu\":[1,2]}",
        "\"usage\":{\"limit\":9223372036854775807,\"usage\":5",
        "\"raw\":{\"cache\":7}",
        "\"pids\":{\"current\":4}",
        "{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":10}",
        "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":40}",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(parts); i++)
        cr_assert(strstr(text, parts[i]), "%s in %s", parts[i], text);
}
