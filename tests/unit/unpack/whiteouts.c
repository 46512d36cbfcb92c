/* SPDX-License-Identifier: Apache-2.0 */
/* Whiteouts and opaque folders into overlayfs form, in any order, and what implied folders adopt.
 */
#include "tar.h"

#include "unpack/whiteout.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

struct layer {
    const char *what;
    struct tar_entry entries[5];
    const char *listing, *implied;
};

static const struct layer layers[] = {
    {"a whiteout becomes a device 0:0", {{.name = ".wh.a"}}, "a%\n", "."},
    {"of any type", {{.name = ".wh.a", .type = '5'}}, "a%\n", "."},
    {"twice is once", {{.name = ".wh.a"}, {.name = ".wh.a"}}, "a%\n", "."},
    {"in a folder that nobody lists", {{.name = "d/.wh.a"}}, "d/\nd/a%\n", ". d"},
    {"an opaque folder", {{.name = "d/", .type = '5'}, {.name = "d/.wh..wh..opq"}}, "d/*\n", "."},
    {"one that nobody lists", {{.name = "d/.wh..wh..opq"}}, "d/*\n", ". d"},
    {"opaque before its siblings",
     {{.name = "d/", .type = '5'}, {.name = "d/.wh..wh..opq"}, {.name = "d/f"}},
     "d/*\nd/f\n",
     "."},
    {"opaque behind its siblings",
     {{.name = "d/", .type = '5'}, {.name = "d/f"}, {.name = "d/.wh..wh..opq"}},
     "d/*\nd/f\n",
     "."},
    {"a file behind its whiteout stays", {{.name = ".wh.a"}, {.name = "a"}}, "a\n", "."},
    {"a file before its whiteout stays", {{.name = "a"}, {.name = ".wh.a"}}, "a\n", "."},
    {"a link before its whiteout stays",
     {{.name = "a", .type = '2', .link = "/"}, {.name = ".wh.a"}},
     "a-> /\n",
     "."},
    {"a folder behind its whiteout hides what is below",
     {{.name = ".wh.d"}, {.name = "d/", .type = '5'}, {.name = "d/f"}},
     "d/*\nd/f\n",
     "."},
    {"a folder before its whiteout hides what is below",
     {{.name = "d/", .type = '5'}, {.name = "d/f"}, {.name = ".wh.d"}},
     "d/*\nd/f\n",
     "."},
    {"an implied folder behind its whiteout",
     {{.name = ".wh.d"}, {.name = "d/f"}},
     "d/*\nd/f\n",
     "."},
    {"an implied folder before its whiteout",
     {{.name = "d/f"}, {.name = ".wh.d"}},
     "d/*\nd/f\n",
     "."},
    {"a whiteout in a whiteout's place",
     {{.name = ".wh.d"}, {.name = "d/.wh.f"}},
     "d/*\nd/f%\n",
     "."},
    {"aufs' own files are skipped",
     {{.name = ".wh..wh.plnk/", .type = '5'},
      {.name = ".wh..wh.plnk/12.34"},
      {.name = ".wh..wh.orph"},
      {.name = "d/.wh..wh.aufs"}},
     "",
     "."},
    {"a root that is opaque", {{.name = ".wh..wh..opq"}, {.name = "a"}}, "a\n", "."},
    {"names that only look like it", {{.name = ".whx"}, {.name = "a.wh.b"}}, ".whx\na.wh.b\n", "."},
    {"a folder listed behind what is in it",
     {{.name = "d/e/f"}, {.name = "d", .type = '5'}},
     "d/\nd/e/\nd/e/f\n",
     ". d/e"},
    {"the root listed", {{.name = "d/f"}, {.name = "./", .type = '5'}}, "d/\nd/f\n", "d"},
    {"an implied folder that became a file", {{.name = "d/f"}, {.name = "d"}}, "d\n", ". d"},
    {"implied folders, parents first",
     {{.name = "b/a/f"}, {.name = "a/f"}, {.name = "b/f"}},
     "a/\na/f\nb/\nb/a/\nb/a/f\nb/f\n",
     ". a b b/a"},
};

static char *joined(char *const *strings)
{
    struct keg_buf out = keg_buf_init(1u << 16);
    for (size_t i = 0; strings && strings[i]; i++)
        keg_buf_printf(&out, "%s%s", i ? " " : "", strings[i]);
    return keg_buf_take(&out);
}

static void check(int fd, const struct layer *l)
{
    _cleanup_fd_ int dir = folder(fd, "layer");
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    tar_all(&tar, l->entries);
    cr_assert_eq(unpack(&tar, dir, &layer, &err), 0, "%s: %s", l->what, err.text);
    _cleanup_free_ char *names = listing(dir), *implied = joined(layer.implied);
    cr_assert_str_eq(names, l->listing, "%s: %s", l->what, names);
    cr_assert_str_eq(implied, l->implied, "%s: %s", l->what, implied);
    unpack_layer_done(&layer);
    cr_assert_eq(keg_remove_tree(fd, "layer"), 0);
}

Test(whiteouts, take_overlayfs_form_in_any_order)
{
    int fd = scratch();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(layers); i++)
        check(fd, &layers[i]);
}

Test(whiteouts, hide_in_a_real_overlay_what_they_should)
{
    int fd = scratch();
    int below = folder(fd, "below"), above = folder(fd, "above");
    close(folder(fd, "merged"));
    _cleanup_buf_ struct keg_buf first = tar_begin(), second = tar_begin();
    TAR(&first, {.name = "gone"}, {.name = "kept"}, {.name = "opaque/old"}, {.name = "again/old"},
        {.name = "merged/old"}, {.name = "link", .type = '2', .link = "merged"});
    TAR(&second, {.name = ".wh.gone"}, {.name = "opaque/.wh..wh..opq"}, {.name = "opaque/new"},
        {.name = "again/new"}, {.name = ".wh.again"}, {.name = "merged/new"},
        {.name = "link/file"});
    unpack_ok(&first, below);
    unpack_ok(&second, above);
    cr_assert_eq(
        mount("overlay", "/mnt/merged", "overlay", 0, "lowerdir=/mnt/above:/mnt/below,userxattr"),
        0, "%s", strerror(errno));
    _cleanup_fd_ int merged = keg_openat(fd, "merged", O_RDONLY | O_DIRECTORY, 0);
    _cleanup_free_ char *names = listing(merged);
    cr_assert_str_eq(names, "again/\nagain/new\nkept\nlink/\nlink/file\nmerged/\nmerged/new\n"
                            "merged/old\nopaque/\nopaque/new\n");
}

/* Folders of a lower layer, each with its own owner and mode; and of the layer that implies them.
 */
static const struct tar_entry lower_entries[] = {
    {.name = "./", .type = '5', .mode = 0555, .uid = 9},
    {.name = "a/", .type = '5', .mode = 01777, .uid = 1, .gid = 2, .mtime = 100},
    {.name = "a/b/", .type = '5', .mode = 02750, .uid = 3, .gid = 4},
    {.name = "hidden/", .type = '5', .mode = 0700, .uid = 5},
    {.name = "hidden/in/", .type = '5', .mode = 0700, .uid = 5},
    {.name = "opaque/", .type = '5', .mode = 0700, .uid = 6},
    {.name = "opaque/in/", .type = '5', .mode = 0700, .uid = 6},
    {.name = "file/", .type = '5', .mode = 0700, .uid = 7},
    {.name = NULL},
};

struct adopted {
    const char *name;
    unsigned int mode;
    uid_t uid;
    gid_t gid;
};

static void expect_folder(int dirfd, const struct adopted *expected)
{
    struct stat st;
    cr_assert_eq(fstatat(dirfd, expected->name, &st, AT_SYMLINK_NOFOLLOW), 0, "%s", expected->name);
    cr_assert_eq(st.st_mode & 07777, expected->mode, "%s: %o", expected->name, st.st_mode);
    cr_assert_eq(st.st_uid, expected->uid, "%s: %u", expected->name, st.st_uid);
    cr_assert_eq(st.st_gid, expected->gid, "%s: %u", expected->name, st.st_gid);
}

Test(adopt, implied_folders_take_attributes_from_the_layers_below)
{
    int fd = scratch();
    int lowest = folder(fd, "lowest"), middle = folder(fd, "middle"), top = folder(fd, "top");
    _cleanup_buf_ struct keg_buf tar1 = tar_begin(), tar2 = tar_begin(), tar3 = tar_begin();
    tar_all(&tar1, lower_entries);
    TAR(&tar2, {.name = ".wh.hidden"}, {.name = "opaque/", .type = '5', .mode = 0711, .uid = 8},
        {.name = "opaque/.wh..wh..opq"}, {.name = "file"});
    TAR(&tar3, {.name = "a/b/f"}, {.name = "hidden/in/f"}, {.name = "opaque/in/f"},
        {.name = "file/f"}, {.name = "new/f"});
    unpack_ok(&tar1, lowest);
    unpack_ok(&tar2, middle);
    cr_assert_eq(setxattr("/mnt/lowest/a", "user.mine", "v", 1, 0), 0);

    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    cr_assert_eq(unpack(&tar3, top, &layer, &err), 0, "%s", err.text);
    cr_assert_eq(unpack_adopt_implied(&layer, top, (int[]){middle, lowest}, 2, &err), 0, "%s",
                 err.text);
    static const struct adopted expected[] = {
        {".", 0755, 0, 0}, /* of the layer just below, as overlayfs would show it */
        {"a", 01777, 1, 2},        {"a/b", 02750, 3, 4},   {"hidden", 0755, 0, 0},
        {"hidden/in", 0755, 0, 0}, {"opaque", 0711, 8, 0}, {"opaque/in", 0755, 0, 0},
        {"file", 0755, 0, 0},      {"new", 0755, 0, 0},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(expected); i++)
        expect_folder(top, &expected[i]);
    char value[8];
    cr_assert_eq(getxattr("/mnt/top/a", "user.mine", value, sizeof(value)), 1);
    unpack_layer_done(&layer);
}

Test(adopt, the_root_takes_its_attributes_from_the_layer_below)
{
    int fd = scratch();
    int below = folder(fd, "below"), above = folder(fd, "above");
    _cleanup_buf_ struct keg_buf tar1 = tar_begin(), tar2 = tar_begin();
    TAR(&tar1, {.name = "./", .type = '5', .mode = 0711, .uid = 3, .mtime = 1000});
    TAR(&tar2, {.name = "f"});
    unpack_ok(&tar1, below);
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    struct stat st;
    cr_assert_eq(unpack(&tar2, above, &layer, &err), 0, "%s", err.text);
    cr_assert_eq(unpack_adopt_implied(&layer, above, &below, 1, &err), 0, "%s", err.text);
    cr_assert_eq(fstat(above, &st), 0);
    cr_assert(st.st_mode == (S_IFDIR | 0711) && st.st_uid == 3 && st.st_mtime == 1000);
    unpack_layer_done(&layer);
}

Test(adopt, a_folder_in_an_opaque_one_has_nothing_below)
{
    int fd = scratch();
    int below = folder(fd, "below"), above = folder(fd, "above");
    _cleanup_buf_ struct keg_buf tar1 = tar_begin(), tar2 = tar_begin();
    TAR(&tar1, {.name = "a/", .type = '5', .mode = 0711},
        {.name = "a/b", .type = '5', .mode = 0700});
    TAR(&tar2, {.name = "a/b/f"}, {.name = "a/.wh..wh..opq"});
    unpack_ok(&tar1, below);
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    cr_assert_eq(unpack(&tar2, above, &layer, &err), 0, "%s", err.text);
    cr_assert_eq(unpack_adopt_implied(&layer, above, &below, 1, &err), 0, "%s", err.text);
    expect_folder(above, &(struct adopted){"a", 0711, 0, 0});
    expect_folder(above, &(struct adopted){"a/b", 0755, 0, 0});
    unpack_layer_done(&layer);
}
