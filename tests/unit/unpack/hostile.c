/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that attack, by the name of the attack: each fails with a named error and touches nothing
 * outside its folder. */
#include "tar.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

struct attack {
    const char *name;
    struct tar_entry entries[5];
    int code;
    const char *text;
};

static const struct attack attacks[] = {
    {"dotdot", {{.name = "../out", .data = "x"}}, -EBADMSG, "'../out': '..' in a name"},
    {"dotdot-inside", {{.name = "a/../../out", .data = "x"}}, -EBADMSG, "'..'"},
    {"dotdot-folder", {{.name = "a/..", .type = '5'}}, -EBADMSG, "'..'"},
    {"dotdot-absolute", {{.name = "/../out", .data = "x"}}, -EBADMSG, "'..'"},
    {"root-as-symlink",
     {{.name = ".", .type = '2', .link = "/mnt/outside"}},
     -EBADMSG,
     "only a folder may name the root"},
    {"root-as-file", {{.name = "./", .type = '1', .link = "a"}}, -EBADMSG, "only a folder"},
    {"root-as-file-slash", {{.name = ".", .data = "x"}}, -EBADMSG, "only a folder"},
    {"root-as-fifo", {{.name = "././", .type = '6'}}, -EBADMSG, "only a folder"},
    {"symlink-parent",
     {{.name = "a", .type = '2', .link = "/mnt/outside"}, {.name = "a/canary", .data = "x"}},
     -EBADMSG,
     "'a/canary': its folder 'a' is a symbolic link in this layer"},
    {"symlink-parent-relative",
     {{.name = "a", .type = '2', .link = "../outside"}, {.name = "a/canary", .data = "x"}},
     -EBADMSG,
     "symbolic link"},
    {"symlink-parent-inside",
     {{.name = "b/", .type = '5'},
      {.name = "a", .type = '2', .link = "b"},
      {.name = "a/canary", .data = "x"}},
     -EBADMSG,
     "symbolic link"},
    {"symlink-parent-deep",
     {{.name = "b/a", .type = '2', .link = "/mnt/outside"}, {.name = "b/a/c/", .type = '5'}},
     -EBADMSG,
     "symbolic link"},
    {"symlink-parent-of-whiteout",
     {{.name = "a", .type = '2', .link = "/mnt/outside"}, {.name = "a/.wh.canary"}},
     -EBADMSG,
     "symbolic link"},
    {"symlink-parent-of-opaque",
     {{.name = "a", .type = '2', .link = "/mnt/outside"}, {.name = "a/.wh..wh..opq"}},
     -EBADMSG,
     "symbolic link"},
    {"file-parent",
     {{.name = "a", .data = "x"}, {.name = "a/b", .data = "x"}},
     -EBADMSG,
     "its folder 'a' is a file in this layer"},
    {"hardlink-out",
     {{.name = "h", .type = '1', .link = "../outside/canary"}},
     -EBADMSG,
     "a hard link to '../outside/canary': '..'"},
    {"hardlink-absolute-out",
     {{.name = "h", .type = '1', .link = "/mnt/outside/canary"}},
     -EBADMSG,
     "which no earlier entry of this layer made"},
    {"hardlink-through-symlink",
     {{.name = "a", .type = '2', .link = "/mnt/outside"},
      {.name = "h", .type = '1', .link = "a/canary"}},
     -EBADMSG,
     "which no earlier entry"},
    {"hardlink-to-nothing",
     {{.name = "h", .type = '1', .link = "nothing"}},
     -EBADMSG,
     "'h': a hard link to 'nothing', which no earlier entry of this layer made"},
    {"hardlink-to-root", {{.name = "h", .type = '1', .link = "./"}}, -EBADMSG, "which no earlier"},
    {"hardlink-to-folder",
     {{.name = "d/", .type = '5'}, {.name = "h", .type = '1', .link = "d"}},
     -EBADMSG,
     "a hard link to the folder 'd'"},
    {"hardlink-to-whiteout",
     {{.name = ".wh.w"}, {.name = "h", .type = '1', .link = "w"}},
     -EBADMSG,
     "which no earlier entry"},
    {"whiteout-of-nothing", {{.name = "a/.wh."}}, -EBADMSG, "a whiteout cannot hide ''"},
    {"whiteout-of-folder", {{.name = "a/.wh.."}}, -EBADMSG, "a whiteout cannot hide '.'"},
    {"whiteout-of-parent", {{.name = "a/.wh..."}}, -EBADMSG, "a whiteout cannot hide '..'"},
    {"whiteout-as-folder",
     {{.name = ".wh.a/b", .data = "x"}},
     -EBADMSG,
     "it lies below the whiteout '.wh.a'"},
    {"device-major-2-32-plus-1",
     {{.name = "n", .type = '3', .major = (1ull << 32) + 1, .minor = 3}},
     -EBADMSG,
     "no device has the number 4294967297:3"},
    {"device-minor-2-20",
     {{.name = "n", .type = '4', .major = 1, .minor = 1u << 20}},
     -EBADMSG,
     "no device has the number 1:1048576"},
    {"owner-2-32", {{.name = "f", .uid = 1ull << 32}}, -EBADMSG, "its owner 4294967296"},
    {"group-none", {{.name = "f", .gid = UINT32_MAX}}, -EBADMSG, "its group 4294967295"},
    {"symlink-to-nothing", {{.name = "l", .type = '2'}}, -EBADMSG, "a symbolic link to nothing"},
};

static int begin(int *ret_layer)
{
    int fd = scratch();
    int outside = folder(fd, "outside");
    int canary = keg_openat(outside, "canary", O_CREAT | O_WRONLY, 0400);
    cr_assert_eq(keg_write_all(canary, "canary", 6), 0);
    close(canary);
    close(outside);
    *ret_layer = folder(fd, "layer");
    return fd;
}

static void expect_canary(int fd)
{
    struct stat st;
    _cleanup_free_ char *names = NULL;
    _cleanup_fd_ int outside = keg_openat(fd, "outside", O_RDONLY | O_DIRECTORY, 0);
    cr_assert_str_eq(names = listing(outside), "canary\n");
    cr_assert_eq(fstatat(outside, "canary", &st, 0), 0);
    cr_assert(st.st_mode == (S_IFREG | 0400) && st.st_size == 6 && st.st_nlink == 1);
    cr_assert_eq(faccessat(fd, "out", F_OK, 0), -1);
}

static void expect_refused(const struct keg_buf *tar, int layer_fd, int code, const char *text)
{
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    int r = unpack(tar, layer_fd, &layer, &err);
    cr_assert_eq(r, code, "%d, '%s' expected", r, text);
    cr_assert(strstr(err.text, text), "'%s' lacks '%s'", err.text, text);
    cr_assert_null(layer.implied, "written on success only");
}

Test(hostile, should_fail_each_attack_of_the_table)
{
    int layer, fd = begin(&layer);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(attacks); i++) {
        close(layer);
        cr_assert_eq(keg_remove_tree(fd, "layer"), 0);
        layer = folder(fd, "layer");
        _cleanup_buf_ struct keg_buf tar = tar_begin();
        tar_all(&tar, attacks[i].entries);
        struct keg_err err = KEG_ERR_INIT;
        struct unpack_layer unused;
        int r = unpack(&tar, layer, &unused, &err);
        cr_assert_eq(r, attacks[i].code, "%s: %d %s", attacks[i].name, r, err.text);
        cr_assert(strstr(err.text, attacks[i].text), "%s: '%s'", attacks[i].name, err.text);
        expect_canary(fd);
    }
}

Test(hostile, should_fail_dotdot_in_a_pax_name)
{
    int layer, fd = begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_pax(&tar, (const char *[]){"path", "../out", NULL});
    TAR(&tar, {.name = "innocent", .data = "x"});
    expect_refused(&tar, layer, -EBADMSG, "'../out': '..'");
    expect_canary(fd);
}

Test(hostile, should_fail_dotdot_in_a_pax_link_path)
{
    int layer, fd = begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_pax(&tar, (const char *[]){"linkpath", "../outside/canary", NULL});
    TAR(&tar, {.name = "h", .type = '1', .link = "innocent"});
    expect_refused(&tar, layer, -EBADMSG, "'..'");
    expect_canary(fd);
}

Test(hostile, a_hard_link_to_a_symlink_is_linked_not_followed)
{
    int layer, fd = begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "l", .type = '2', .link = "/mnt/outside/canary"},
        {.name = "h", .type = '1', .link = "l", .mode = 0777, .uid = 7});
    unpack_ok(&tar, layer);
    _cleanup_free_ char *names = listing(layer);
    cr_assert_str_eq(names, "h-> /mnt/outside/canary\nl-> /mnt/outside/canary\n");
    expect_canary(fd);
}

Test(hostile, a_file_over_a_symlink_replaces_it)
{
    int layer, fd = begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a", .type = '2', .link = "/mnt/outside/canary"},
        {.name = "a", .data = "mine", .mode = 0777});
    unpack_ok(&tar, layer);
    _cleanup_free_ char *names = listing(layer);
    cr_assert_str_eq(names, "a\n");
    expect_canary(fd);
}

Test(hostile, a_folder_over_a_symlink_replaces_it)
{
    int layer, fd = begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a", .type = '2', .link = "/mnt/outside"},
        {.name = "a/", .type = '5', .mode = 0777}, {.name = "a/canary", .data = "mine"});
    unpack_ok(&tar, layer);
    _cleanup_free_ char *names = listing(layer);
    cr_assert_str_eq(names, "a/\na/canary\n");
    expect_canary(fd);
}

Test(hostile, should_fail_file_after_its_folder_became_a_symlink)
{
    int layer, fd = begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a/b/c", .data = "x"}, {.name = "a/b", .type = '2', .link = "/mnt/outside"},
        {.name = "a/b/canary", .data = "x"});
    expect_refused(&tar, layer, -EBADMSG, "its folder 'b' is a symbolic link");
    expect_canary(fd);
}

Test(hostile, should_fail_tar_cut_anywhere_inside_an_entry)
{
    int layer, fd = begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a", .data = "content"}, {.name = "b", .data = "content"});
    /* A cut at the end of an entry's content is an archive without its end mark, as some programs
     * write it: there the digest tells. */
    const size_t cuts[] = {1, 511, 512, 513, 518, 1025, 1535, 1536, 1542};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cuts); i++) {
        tar.length = cuts[i];
        expect_refused(&tar, layer, -EBADMSG, "");
    }
    expect_canary(fd);
}

Test(hostile, should_fail_bit_flipped_in_a_header)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a", .data = "content"}, {.name = "b", .data = "content"});
    for (size_t i = 1024; i < 1024 + 500; i += 7) {
        tar.data[i] ^= 0x01;
        expect_refused(&tar, layer, -EBADMSG, "damaged");
        tar.data[i] ^= 0x01;
    }
}

Test(hostile, should_fail_stream_that_is_no_tar)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    for (size_t i = 0; i < 200; i++)
        keg_buf_str(&tar, "<html>not found</html>");
    expect_refused(&tar, layer, -EBADMSG, "the layer is no tar");
}

Test(hostile, should_fail_malformed_pax_header)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_add(&tar, &(struct tar_entry){.name = "pax", .type = 'x', .data = "99 path=a\n"});
    TAR(&tar, {.name = "a"});
    expect_refused(&tar, layer, -EBADMSG, "the layer is no tar, or a damaged one");
}

Test(hostile, should_fail_pax_header_over_a_mebibyte)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    _cleanup_free_ char *value = calloc(1, 2u << 20);
    memset(value, 'x', (2u << 20) - 1);
    tar_pax(&tar, (const char *[]){"path", value, NULL});
    TAR(&tar, {.name = "a"});
    expect_refused(&tar, layer, -EBADMSG, "damaged");
}

Test(hostile, should_fail_header_behind_header_without_end)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    for (size_t i = 0; i < 5000; i++)
        tar_add(&tar, &(struct tar_entry){.name = "g", .type = 'g', .data = "12 comment=\n"});
    TAR(&tar, {.name = "a"});
    expect_refused(&tar, layer, -EBADMSG, "special headers");
}

Test(hostile, should_fail_names_over_their_bounds)
{
    int layer;
    begin(&layer);
    _cleanup_free_ char *name = calloc(1, 70000);
    memset(name, 'x', 256);
    _cleanup_buf_ struct keg_buf component = tar_begin();
    tar_pax(&component, (const char *[]){"path", name, NULL});
    TAR(&component, {.name = "a"});
    expect_refused(&component, layer, -ENAMETOOLONG, "longer than 255 bytes");

    for (size_t i = 0; i < 40000; i += 2)
        memcpy(name + i, "d/", 3);
    _cleanup_buf_ struct keg_buf deep = tar_begin();
    tar_pax(&deep, (const char *[]){"path", name, NULL});
    TAR(&deep, {.name = "a"});
    expect_refused(&deep, layer, -ENAMETOOLONG, "longer than 4095 bytes");

    name[2 * (KEG_TAR_DEPTH_MAX + 1)] = '\0';
    _cleanup_buf_ struct keg_buf depth = tar_begin();
    tar_pax(&depth, (const char *[]){"path", name, NULL});
    TAR(&depth, {.name = "a"});
    expect_refused(&depth, layer, -ENAMETOOLONG, "more than 512 components");
}

Test(hostile, should_fail_hard_link_with_a_content)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_pax(&tar, (const char *[]){"comment", "pax", NULL});
    TAR(&tar, {.name = "a", .data = "x"}, {.name = "h", .type = '1', .link = "a", .data = "other"});
    expect_refused(&tar, layer, -EBADMSG, "'h': a hard link with a content of its own");
}

Test(hostile, should_fail_sparse_content_beyond_its_size)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_pax(&tar, (const char *[]){"GNU.sparse.size", "2", "GNU.sparse.numblocks", "1",
                                   "GNU.sparse.map", "4096,5", NULL});
    TAR(&tar, {.name = "s", .data = "hello"});
    expect_refused(&tar, layer, -EBADMSG, "its content goes beyond its size");
}

Test(hostile, should_fail_sparse_map_that_would_fill_memory)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin(), map = keg_buf_init(32u << 20);
    keg_buf_str(&map, "5000000\n");
    for (int i = 0; i < 5000000; i++)
        keg_buf_str(&map, "0\n0\n");
    tar_pax(&tar, (const char *[]){"GNU.sparse.major", "1", "GNU.sparse.minor", "0",
                                   "GNU.sparse.realsize", "5", NULL});
    TAR(&tar, {.name = "s", .data = map.data, .size = map.length});
    expect_refused(&tar, layer, -EFBIG, "the headers of one entry take more than 8388608 bytes");
}

Test(hostile, contents_that_nobody_wants_are_no_headers)
{
    int layer;
    begin(&layer);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    _cleanup_free_ char *data = calloc(1, 20u << 20);
    TAR(&tar, {.name = ".wh.a", .data = data, .size = 20u << 20}, {.name = "b", .data = "x"});
    unpack_ok(&tar, layer);
    _cleanup_free_ char *names = listing(layer);
    cr_assert_str_eq(names, "a%\nb\n");
}

static int unpack_within(const struct keg_buf *tar, int layer_fd, uint64_t entries, uint64_t bytes,
                         struct keg_err *err)
{
    struct unpack_limits limits = {.entries_max = entries, .bytes_max = bytes};
    struct unpack_layer layer = {0};
    _cleanup_source_ struct keg_source *source = bytes_source(tar->data, tar->length, 0);
    int r = unpack_layer_within(source, layer_fd, &limits, &layer, err);
    unpack_layer_done(&layer);
    return r;
}

Test(hostile, should_fail_more_entries_than_the_limit)
{
    int layer;
    begin(&layer);
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a"}, {.name = "b"}, {.name = "c"});
    /* The root, which no entry names, counts as well. */
    cr_assert_eq(unpack_within(&tar, layer, 4, 1u << 20, &err), 0, "%s", err.text);
    cr_assert_eq(unpack_within(&tar, layer, 3, 1u << 20, &err), -EFBIG);
    cr_assert_str_eq(err.text, "the layer has more than 3 entries");
}

Test(hostile, should_fail_implied_folders_beyond_the_limit)
{
    int layer;
    begin(&layer);
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a/b/c/d/e/f/g/h/i/j"}, {.name = "a"});
    cr_assert_eq(unpack_within(&tar, layer, 10, 1u << 20, &err), -EFBIG);
}

Test(hostile, should_fail_files_over_the_byte_limit_before_they_are_written)
{
    int layer;
    begin(&layer);
    struct keg_err err = KEG_ERR_INIT;
    struct stat st;
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_pax(&tar, (const char *[]){"GNU.sparse.size", "5000", "GNU.sparse.map", "0,1", NULL});
    TAR(&tar, {.name = "a", .data = "x"});
    cr_assert_eq(unpack_within(&tar, layer, 10, 5000, &err), 0, "%s", err.text);
    cr_assert_eq(unpack_within(&tar, layer, 10, 4999, &err), -EFBIG);
    cr_assert_str_eq(err.text, "'a': the layer unpacks to more than 4999 bytes");
    cr_assert(fstatat(layer, "a", &st, 0) == 0 && st.st_size == 5000, "the first one stands");
}

Test(hostile, should_fail_tar_of_zeros_without_end)
{
    int layer;
    begin(&layer);
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a"});
    for (size_t i = 0; i < 1000; i++)
        tar_end(&tar);
    cr_assert_eq(unpack_within(&tar, layer, 10, tar.length, &err), 0, "%s", err.text);
    cr_assert_eq(unpack_within(&tar, layer, 10, tar.length - 1, &err), -EFBIG);
    cr_assert(strstr(err.text, "the layer's tar has more than"), "%s", err.text);
}

Test(hostile, a_full_disk_is_enospc)
{
    int fd = scratch();
    int layer = folder(fd, "layer");
    RUN("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt/layer");
    close(layer);
    layer = keg_openat(fd, "layer", O_RDONLY | O_DIRECTORY, 0);
    _cleanup_free_ char *data = calloc(1, 1u << 20);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a", .data = data, .size = 1u << 20});
    expect_refused(&tar, layer, -ENOSPC, "'a': write its content: no space left on device");
}
