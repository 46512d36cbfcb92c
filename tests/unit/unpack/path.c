/* SPDX-License-Identifier: Apache-2.0 */
/* Names of entries: the grammar, as a table. */
#include "tar.h"

#include <criterion/criterion.h>
#include <string.h>

struct name {
    const char *name, *joined;
    size_t count;
};

Test(path, names_become_components)
{
    static const struct name names[] = {
        {"", ".", 0},
        {"/", ".", 0},
        {".", ".", 0},
        {"./", ".", 0},
        {"//./", ".", 0},
        {"a", "a", 1},
        {"a/", "a", 1},
        {"/a", "a", 1},
        {"./a/./b//c/.", "a/b/c", 3},
        {"...", "...", 1},
        {"..a/b..", "..a/b..", 2},
        {"a\\..\\b", "a\\..\\b", 1},
        {"\xff/\n", "\xff/\n", 2},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++) {
        struct keg_err err = KEG_ERR_INIT;
        struct unpack_path path;
        char text[KEG_TAR_PATH_MAX_BYTES];
        cr_assert_eq(unpack_path_parse(names[i].name, &path, &err), 0, "%s", names[i].name);
        unpack_path_join(&path, path.count, text);
        cr_assert_str_eq(text, names[i].joined);
        cr_assert_eq(path.count, names[i].count);
    }
}

Test(path, should_fail_dotdot_anywhere)
{
    static const char *const names[] = {"..", "../a", "a/..", "/..", "a/../b", "./.."};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++) {
        struct keg_err err = KEG_ERR_INIT;
        struct unpack_path path;
        cr_assert_eq(unpack_path_parse(names[i], &path, &err), -EBADMSG, "%s", names[i]);
    }
}

static int parse_repeated(const char *piece, size_t count, size_t extra)
{
    _cleanup_buf_ struct keg_buf name = keg_buf_init(1u << 20);
    struct unpack_path path;
    struct keg_err err = KEG_ERR_INIT;
    for (size_t i = 0; i < count; i++)
        keg_buf_str(&name, piece);
    for (size_t i = 0; i < extra; i++)
        keg_buf_str(&name, "x");
    return unpack_path_parse(name.data, &path, &err);
}

Test(path, bounds_hold_to_the_byte)
{
    cr_assert_eq(parse_repeated("x", 255, 0), 0);
    cr_assert_eq(parse_repeated("x", 256, 0), -ENAMETOOLONG);
    cr_assert_eq(parse_repeated("x/", KEG_TAR_DEPTH_MAX, 0), 0);
    cr_assert_eq(parse_repeated("x/", KEG_TAR_DEPTH_MAX, 1), -ENAMETOOLONG);
    cr_assert_eq(parse_repeated("0123456789abcde/", KEG_TAR_PATH_MAX_BYTES / 16 - 1, 15), 0);
    cr_assert_eq(parse_repeated("0123456789abcde/", KEG_TAR_PATH_MAX_BYTES / 16 - 1, 16),
                 -ENAMETOOLONG);
}
