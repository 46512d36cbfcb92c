/* SPDX-License-Identifier: Apache-2.0 */
/* The ids that a user may map, by the lines of /etc/passwd, /etc/subuid and /etc/subgid. */
#include "run/subids.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* "0:1000:1 1:100000:65536" */
static void join(const struct run_id_maps *maps, char text[static 256])
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < maps->count; i++)
        length += (size_t)snprintf(text + length, 256 - length, "%s%u:%u:%u", i ? " " : "",
                                   maps->items[i].container_id, maps->items[i].host_id,
                                   maps->items[i].size);
}

static void expect_maps(const char *lines, const char *name, int result, const char *expected)
{
    char text[256];
    struct run_id_maps maps;
    _cleanup_free_ char *copy = keg_strdup(lines);
    cr_expect_eq(subids_maps(copy, name, 1000, 1000, &maps), result, "%s", lines);
    join(&maps, text);
    cr_expect_str_eq(text, expected, "%s", lines);
    run_id_maps_done(&maps);
}

Test(subids, lines_of_a_user_become_ranges_behind_root)
{
    static const struct {
        const char *lines;
        int result;
        const char *expected;
    } cases[] = {
        {"", 0, "0:1000:1"},
        {"me:100000:65536\n", 1, "0:1000:1 1:100000:65536"},
        {"me:100000:65536", 1, "0:1000:1 1:100000:65536"},
        {"1000:100000:10\n", 1, "0:1000:1 1:100000:10"},
        {"me:100000:10\nyou:7:7\n1000:300000:5\n", 1, "0:1000:1 1:100000:10 11:300000:5"},
        {"you:100000:65536\n10000:1:1\nmen:1:1\n:1:1\n", 0, "0:1000:1"},
        {"me:4000000000:65536\n", 1, "0:1000:1 1:4000000000:65536"},
        {"me:100000:10:more\n", 1, "0:1000:1 1:100000:10"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++)
        expect_maps(cases[i].lines, "me", cases[i].result, cases[i].expected);
}

Test(subids, lines_that_mean_nothing_are_left_out)
{
    static const char *const lines[] = {
        "me\n",
        "me:\n",
        "me:1\n",
        "me:x:1\n",
        "me:1:x\n",
        "me:-1:5\n",
        "me:0:5\n",
        "me:5:0\n",
        "me:4294967295:1\n",
        "me:4294967290:10\n",
        "me:99999999999:1\n",
        "#me:1:1\n",
        "me: 5:5\n",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(lines); i++)
        expect_maps(lines[i], "me", 0, "0:1000:1");
}

Test(subids, a_user_without_a_name_has_those_of_his_number)
{
    expect_maps("me:5:5\n1000:100:7\n", NULL, 1, "0:1000:1 1:100:7");
}

Test(subids, as_many_ranges_as_the_kernel_takes)
{
    struct run_id_maps maps;
    struct keg_buf text = keg_buf_init(1 << 16);
    for (int i = 0; i < 500; i++)
        (void)keg_buf_printf(&text, "me:%d:1\n", 100000 + 2 * i);
    cr_expect_eq(subids_maps(text.data, "me", 1000, 1000, &maps), 1);
    cr_expect_eq(maps.count, 340);
    run_id_maps_done(&maps);
    keg_buf_done(&text);
}

Test(subids, the_sum_of_ranges_stays_below_32_bits)
{
    expect_maps("me:1:4000000000\nme:5:4000000000\nme:9:5\n", "me", 1,
                "0:1000:1 1:1:4000000000 4000000001:9:5");
}

Test(subids, names_come_from_passwd)
{
    char passwd[] = "root:x:0:0:root:/root:/bin/sh\nshort:x:1000\n:x:1000:1::/:\n"
                    "me:x:1000:1000::/home/me:/bin/sh\nagain:x:1000:1000::/:/bin/sh\n";
    char other[] = "root:x:0:0:root:/root:/bin/sh\n";
    cr_expect_str_eq(subids_login_name(passwd, 1000), "me");
    cr_expect_null(subids_login_name(other, 1000));
}
