/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, string vectors, numbers, sizes, durations, times. */
#include "base/base.h"

#include <criterion/criterion.h>
#include <string.h>

Test(buf, grows_and_ends_in_nul)
{
    _cleanup_buf_ struct keg_buf buf = keg_buf_init(10000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(keg_buf_printf(&buf, "%d,", i % 10), 0);
    cr_assert_eq(buf.length, 2000);
    cr_assert_eq(strlen(buf.data), 2000);
}

Test(buf, its_cap_is_a_sticky_error)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_buf_ struct keg_buf buf = keg_buf_init(4);
    cr_assert_eq(keg_buf_str(&buf, "abcd"), 0);
    cr_assert_eq(keg_buf_str(&buf, "e"), -E2BIG);
    cr_assert_eq(keg_buf_add(&buf, "", 0), -E2BIG);
    cr_assert_eq(keg_buf_ok(&buf, &err, "answer"), -E2BIG);
    cr_assert_str_eq(err.text, "answer: over 4 bytes");
    cr_assert_null(keg_buf_take(&buf));
}

Test(buf, an_empty_one_is_taken_as_the_empty_string)
{
    struct keg_buf buf = keg_buf_init(4);
    _cleanup_free_ char *text = keg_buf_take(&buf);
    cr_assert_str_eq(text, "");
}

Test(strv, many_strings_stay_in_order)
{
    _cleanup_strv_ char **v = NULL;
    char text[16];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof(text), "%d", i);
        cr_assert_eq(keg_strv_add(&v, text), 0);
    }
    cr_assert_eq(keg_strv_length(v), 1000);
    cr_assert_str_eq(v[999], "999");
    _cleanup_strv_ char **copy = keg_strv_copy(v);
    cr_assert_eq(keg_strv_length(copy), 1000);
    cr_assert_eq(keg_strv_add(&copy, "more"), 0);
    cr_assert_str_eq(copy[1000], "more");
}

Test(strv, the_empty_vector_copies_to_an_array)
{
    _cleanup_strv_ char **copy = keg_strv_copy(NULL);
    cr_assert_not_null(copy);
    cr_assert_null(copy[0]);
}

Test(number, digits_and_nothing_else)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "a"};
    uint64_t value = 7;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        cr_assert_eq(keg_parse_u64(bad[i], 0, UINT64_MAX, &value), -EINVAL, "%s", bad[i]);
    cr_assert_eq(value, 7);
    cr_assert_eq(keg_parse_u64("18446744073709551615", 0, UINT64_MAX, &value), 0);
    cr_assert_eq(value, UINT64_MAX);
    cr_assert_eq(keg_parse_u64("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
    cr_assert_eq(keg_parse_u64("5", 6, 9, &value), -ERANGE);
}

Test(number, signed_bounds)
{
    int64_t value = 0;
    cr_assert_eq(keg_parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &value), 0);
    cr_assert_eq(value, INT64_MIN);
    cr_assert_eq(keg_parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &value), -ERANGE);
    cr_assert_eq(keg_parse_i64("--1", -5, 5, &value), -EINVAL);
}

Test(size, docker_spellings)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"64m", 64u << 20},
                {"64M", 64u << 20},
                {"64mb", 64u << 20},
                {"64MiB", 64u << 20},
                {"1.5g", 3ull << 29},
                {"512k", 512u << 10},
                {"32b", 32},
                {"1t", 1ull << 40},
                {"1 gb", 1ull << 30},
                {"1.", 1},
                {"7p", 7ull << 50}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(good); i++) {
        uint64_t bytes = 1;
        cr_assert_eq(keg_parse_size(good[i].text, &bytes), 0, "%s", good[i].text);
        cr_assert_eq(bytes, good[i].bytes, "%s", good[i].text);
    }
}

Test(size, refused_spellings)
{
    static const char *const bad[] = {"",    "m",    "-1m", "1x",  "1mm",
                                      "1bb", "0x10", ".5g", "1e3", "1mib b"};
    uint64_t bytes;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        cr_assert_eq(keg_parse_size(bad[i], &bytes), -EINVAL, "%s", bad[i]);
    cr_assert_eq(keg_parse_size("9000p", &bytes), -ERANGE);
}

Test(size, written_as_docker_does)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } table[] = {{0, "0B"},         {999, "999B"},   {1000, "1kB"},        {4261502, "4.26MB"},
                 {12345, "12.3kB"}, {999999, "1MB"}, {1300000000, "1.3GB"}};
    char text[32];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        keg_format_size(table[i].bytes, text);
        cr_assert_str_eq(text, table[i].text);
    }
    keg_format_size_binary(64u << 20, text);
    cr_assert_str_eq(text, "64MiB");
    keg_format_size_binary(3ull << 29, text);
    cr_assert_str_eq(text, "1.5GiB");
    keg_format_size_binary(1023, text);
    cr_assert_str_eq(text, "1023B");
}

Test(duration, docker_words)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } table[] = {{0, "Less than a second"},  {1, "1 second"},
                 {59, "59 seconds"},         {60, "About a minute"},
                 {119, "About a minute"},    {120, "2 minutes"},
                 {3599, "59 minutes"},       {3600, "About an hour"},
                 {5399, "About an hour"},    {5400, "2 hours"},
                 {47 * 3600, "47 hours"},    {48 * 3600, "2 days"},
                 {13 * 86400, "13 days"},    {14 * 86400, "2 weeks"},
                 {59 * 86400, "8 weeks"},    {60 * 86400, "2 months"},
                 {729 * 86400, "24 months"}, {730 * 86400, "2 years"}};
    char text[48];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        keg_format_duration(table[i].seconds, text);
        cr_assert_str_eq(text, table[i].text);
    }
}

Test(time, round_trip_and_offsets)
{
    struct timespec t;
    char text[40];
    cr_assert_eq(keg_parse_time("2026-11-22T01:29:30.5+01:30", &t), 0);
    keg_format_time(t, text);
    cr_assert_str_eq(text, "2026-11-21T23:59:30.500000000Z");
    cr_assert_eq(keg_parse_time(text, &t), 0);
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-11-22",
                                      "2026-13-01T00:00:00Z",
                                      "2026-11-22T01:29:30",
                                      "2026-11-22T01:29:30Zx",
                                      "2026-11-22 01:29:30Z"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        cr_assert_eq(keg_parse_time(bad[i], &t), -EINVAL, "%s", bad[i]);
}

Test(time, every_day_of_four_centuries_is_what_gmtime_says)
{
    for (int64_t days = -200 * 365; days < 250 * 365; days++) {
        struct timespec t = {.tv_sec = days * 86400 + 86399};
        char text[40], expected[40];
        struct tm tm;
        cr_assert_not_null(gmtime_r(&t.tv_sec, &tm));
        cr_assert_gt(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm), 0);
        keg_format_time(t, text);
        if (strcmp(text, expected) != 0)
            cr_assert_str_eq(text, expected);
        struct timespec back = {0};
        if (keg_parse_time(text, &back) != 0 || back.tv_sec != t.tv_sec)
            cr_assert_fail("%s is read as %lld", text, (long long)back.tv_sec);
    }
}

Test(digest, grammar)
{
    char digest[160] = "sha256:";
    memset(digest + 7, 'a', 64);
    digest[71] = '\0';
    cr_assert(keg_is_valid_digest(digest));
    digest[70] = 'A';
    cr_assert_not(keg_is_valid_digest(digest));
    digest[70] = '\0';
    cr_assert_not(keg_is_valid_digest(digest));
    cr_assert_not(keg_is_valid_digest("sha256:../../x"));
    cr_assert_not(keg_is_valid_digest("md5:d41d8cd98f00b204e9800998ecf8427e"));
    cr_assert_not(keg_is_valid_digest(NULL));
}

Test(random_id, is_64_hex_digits_and_never_the_same)
{
    char a[65], b[65];
    cr_assert_eq(keg_random_id(a), 0);
    cr_assert_eq(keg_random_id(b), 0);
    cr_assert_eq(strspn(a, "0123456789abcdef"), 64);
    cr_assert_str_neq(a, b);
}
