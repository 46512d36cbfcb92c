/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines, Content-Range, Retry-After and the waits that follow from it. */
#include "pull/headers.h"
#include "pull/retry.h"

#include <criterion/criterion.h>
#include <string.h>

static void add(struct http_headers *headers, const char *line)
{
    cr_assert_eq(headers_add(headers, line, strlen(line)), 0);
}

Test(headers, names_are_found_in_any_case)
{
    struct http_headers headers = {NULL, 0};
    add(&headers, "HTTP/1.1 200 OK\r\n");
    add(&headers, "content-TYPE:  Text/HTML; charset=utf-8\r\n");
    add(&headers, "X-A: 1\r\n");
    add(&headers, "x-a: 2\r\n");
    _cleanup_free_ char *type = headers_media_type(&headers);
    cr_assert_str_eq(type, "text/html");
    cr_assert_str_eq(headers_get(&headers, "x-A"), "1");
    cr_assert_str_eq(headers_nth(&headers, "X-A", 1), "2");
    cr_assert_null(headers_nth(&headers, "X-A", 2));
    cr_assert_null(headers_get(&headers, "X"));
    headers_done(&headers);
}

Test(headers, all_together_are_bounded)
{
    struct http_headers headers = {NULL, 0};
    char line[1024];
    memset(line, 'a', sizeof(line));
    for (unsigned i = 0; i < KEG_HTTP_HEADERS_MAX_BYTES / sizeof(line); i++)
        cr_assert_eq(headers_add(&headers, line, sizeof(line)), 0);
    cr_assert_eq(headers_add(&headers, "b", 1), -E2BIG);
    headers_done(&headers);
}

Test(content_range, a_good_one_is_read)
{
    struct http_headers headers = {NULL, 0};
    struct http_range range;
    add(&headers, "Content-Range: bytes 100-199/200\r\n");
    cr_assert_eq(headers_content_range(&headers, &range), 0);
    cr_assert(range.first == 100 && range.last == 199 && range.total == 200);
    headers_done(&headers);
}

Test(content_range, bad_ones_are_refused)
{
    static const char *const bad[] = {
        "bytes */200",
        "bytes 100-199/*",
        "bytes 199-100/200",
        "bytes 100-200/200",
        "bytes=100-199/200",
        "items 1-2/3",
        "bytes 100-199",
        "bytes -1-199/200",
        "bytes 1 - 2/3",
        "bytes 0-18446744073709551615/18446744073709551616",
        "",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        struct http_headers headers = {NULL, 0};
        struct http_range range;
        _cleanup_free_ char *line = keg_asprintf("Content-Range: %s\r\n", bad[i]);
        add(&headers, line);
        cr_expect_eq(headers_content_range(&headers, &range), -EINVAL, "%s", bad[i]);
        headers_done(&headers);
    }
}

Test(content_range, none_or_two_are_refused)
{
    struct http_headers headers = {NULL, 0};
    struct http_range range;
    cr_assert_eq(headers_content_range(&headers, &range), -EINVAL);
    add(&headers, "Content-Range: bytes 0-1/2\r\n");
    add(&headers, "Content-Range: bytes 0-1/2\r\n");
    cr_assert_eq(headers_content_range(&headers, &range), -EINVAL);
    headers_done(&headers);
}

/* 2026-11-22 01:00:00 UTC */
#define NOW 1795309200

Test(retry_after, seconds_and_dates)
{
    uint64_t seconds = 0;
    cr_assert_eq(headers_retry_after("120", NOW, &seconds), 0);
    cr_assert_eq(seconds, 120);
    cr_assert_eq(headers_retry_after("Sun, 22 Nov 2026 01:00:30 GMT", NOW, &seconds), 0);
    cr_assert_eq(seconds, 30);
}

Test(retry_after, the_past_and_garbage_count_as_absent)
{
    static const char *const bad[] = {
        "Sun, 22 Nov 2026 00:59:59 GMT", "soon", "-1", "1.5", "", "10 s"};
    uint64_t seconds;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        cr_expect_eq(headers_retry_after(bad[i], NOW, &seconds), -EINVAL, "%s", bad[i]);
    cr_assert_eq(headers_retry_after(NULL, NOW, &seconds), -EINVAL);
}

Test(retry, waits_double_and_never_exceed_a_minute)
{
    cr_expect_eq(retry_delay_ms(1, NULL, NOW), 500);
    cr_expect_eq(retry_delay_ms(2, NULL, NOW), 1000);
    cr_expect_eq(retry_delay_ms(4, "garbage", NOW), 4000);
    cr_expect_eq(retry_delay_ms(60, NULL, NOW), 60000);
    cr_expect_eq(retry_delay_ms(1, "2", NOW), 2000);
    cr_expect_eq(retry_delay_ms(1, "3600", NOW), 60000);
    cr_expect_eq(retry_delay_ms(3, "Sun, 22 Nov 2026 01:00:10 GMT", NOW), 10000);
}

Test(retry, only_statuses_that_pass_are_worth_it)
{
    static const long worth[] = {408, 429, 500, 502, 503, 504};
    static const long no[] = {200, 206, 400, 401, 403, 404, 405, 416, 501, 505};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(worth); i++)
        cr_expect(retry_is_worth(worth[i]), "%ld", worth[i]);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(no); i++)
        cr_expect_not(retry_is_worth(no[i]), "%ld", no[i]);
}

Test(retry, a_wait_ends_when_the_pull_is_stopped)
{
    struct pull_stop stop = {.cancel = NULL};
    struct keg_err err = KEG_ERR_INIT;
    atomic_init(&stop.failed, true);
    cr_assert_eq(retry_wait(&stop, 60000, &err), -EINTR);
    cr_assert_str_eq(err.text, "interrupted");
}
