/* SPDX-License-Identifier: Apache-2.0 */
/* Layers: there whole or not at all. */
#include "scratch.h"

#include <sys/stat.h>

TestSuite(layer, .init = scratch_up, .fini = scratch_down);

static struct store_layer make_layer(void)
{
    return (struct store_layer){.chain_id = digest_of('a'),
                                .parent = digest_of('b'),
                                .diff_id = digest_of('c'),
                                .blob = digest_of('d'),
                                .size_bytes = 123456789012};
}

static struct store_layer_writer *begin(const char *file)
{
    struct store_layer_writer *writer = NULL;
    int fd;

    ok(store_layer_writer_new(store, &writer, &err));
    fd = openat(store_layer_writer_fd(writer), file, O_WRONLY | O_CREAT, 0644);
    cr_assert(fd >= 0);
    close(fd);
    return writer;
}

static bool has(const char *chain_id, const char *file)
{
    int fd = -1;
    ok(store_layer_open(store, chain_id, &fd, &err));
    bool found = faccessat(fd, file, F_OK, 0) == 0;
    close(fd);
    return found;
}

Test(layer, a_committed_layer_can_be_opened_and_read)
{
    _cleanup_(store_layer_done) struct store_layer layer = make_layer();
    _cleanup_(store_layer_done) struct store_layer got = {0};
    struct store_layer_writer *writer = begin("hello");

    ok(store_layer_writer_commit(writer, &layer, &err));
    store_layer_writer_free(writer);
    cr_expect(has(layer.chain_id, "hello"));
    ok(store_layer_read(store, layer.chain_id, &got, &err));
    cr_expect_str_eq(got.chain_id, layer.chain_id);
    cr_expect_str_eq(got.parent, layer.parent);
    cr_expect_str_eq(got.diff_id, layer.diff_id);
    cr_expect_str_eq(got.blob, layer.blob);
    cr_expect_eq(got.size_bytes, layer.size_bytes);
    cr_expect_eq(count_entries("root/tmp"), 0);
}

Test(layer, the_lowest_layer_has_no_parent)
{
    _cleanup_(store_layer_done) struct store_layer got = {0};
    _cleanup_free_ char *chain_id = digest_of('a');

    put_layer('a');
    ok(store_layer_read(store, chain_id, &got, &err));
    cr_expect_null(got.parent);
    cr_expect_null(got.blob);
}

Test(layer, the_root_of_a_new_one_is_0755_whatever_the_umask)
{
    struct stat st;
    umask(077);
    struct store_layer_writer *writer = begin("x");
    cr_assert_eq(fstat(store_layer_writer_fd(writer), &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0755);
    cr_expect_eq(st.st_uid, 0);
    cr_expect_eq(st.st_gid, 0);
    store_layer_writer_free(writer);
}

Test(layer, what_is_not_committed_leaves_nothing)
{
    struct store_layer_writer *writer = begin("x");
    cr_expect_eq(count_entries("root/tmp"), 1);
    store_layer_writer_free(writer);
    cr_expect_eq(count_entries("root/tmp"), 0);
    cr_expect_eq(count_entries("root/layers"), 0);
    store_layer_writer_free(NULL);
}

Test(layer, a_missing_one_is_enoent)
{
    _cleanup_free_ char *chain_id = digest_of('a');
    struct store_layer got;
    int fd = -1;

    fails(store_layer_open(store, chain_id, &fd, &err), -ENOENT, "is not in the store");
    fails(store_layer_read(store, chain_id, &got, &err), -ENOENT, "is not in the store");
}

Test(layer, what_is_no_digest_opens_nothing)
{
    struct store_layer got;
    int fd = -1;

    fails(store_layer_open(store, "sha256:..", &fd, &err), -EINVAL, "not a digest");
    fails(store_layer_read(store, "../../x", &got, &err), -EINVAL, "not a digest");
}

Test(layer, the_fd_of_an_open_layer_only_names_it)
{
    _cleanup_free_ char *chain_id = digest_of('a');
    int fd = -1;

    put_layer('a');
    ok(store_layer_open(store, chain_id, &fd, &err));
    cr_expect(fcntl(fd, F_GETFL) & O_PATH);
    close(fd);
}

Test(layer, the_quicker_of_two_keeps_the_name)
{
    _cleanup_(store_layer_done) struct store_layer layer = make_layer();
    struct store_layer_writer *first = begin("first");
    struct store_layer_writer *second = begin("second");

    ok(store_layer_writer_commit(first, &layer, &err));
    ok(store_layer_writer_commit(second, &layer, &err));
    store_layer_writer_free(first);
    store_layer_writer_free(second);
    cr_expect(has(layer.chain_id, "first"));
    cr_expect(!has(layer.chain_id, "second"));
    cr_expect_eq(count_entries("root/tmp"), 0);
}

#define DIR_A "root/layers/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void mends(void)
{
    _cleanup_(store_layer_done) struct store_layer layer = make_layer();
    _cleanup_(store_layer_done) struct store_layer got = {0};
    struct store_layer_writer *writer = begin("whole");

    ok(store_layer_writer_commit(writer, &layer, &err));
    store_layer_writer_free(writer);
    cr_expect(has(layer.chain_id, "whole"));
    ok(store_layer_read(store, layer.chain_id, &got, &err));
    cr_expect_eq(count_entries("root/tmp"), 0);
}

Test(layer, one_without_its_folder_is_mended)
{
    plant(DIR_A "/meta.json", "{}");
    mends();
}

Test(layer, one_with_damaged_metadata_is_mended)
{
    plant(DIR_A "/fs/damaged", "");
    plant(DIR_A "/meta.json", "");
    mends();
}

Test(layer, a_file_in_its_place_is_mended)
{
    plant(DIR_A, "");
    mends();
}

Test(layer, damaged_metadata_is_a_named_error)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "not valid JSON"},
        {"{\"chainId\": \"sha2", "not valid JSON"},
        {"[]", "meta.json': no object"},
        {"{}", "'chainId' is missing"},
        {"{\"chainId\": 1}", "'chainId' is not a string"},
        {"{\"chainId\": \"x\"}", "'chainId' is not a digest"},
    };
    _cleanup_free_ char *chain_id = digest_of('a');
    struct store_layer got;

    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        plant(DIR_A "/meta.json", cases[i].text);
        fails(store_layer_read(store, chain_id, &got, &err), -EPROTO, cases[i].words);
        fails(store_layer_read(store, chain_id, &got, &err), -EPROTO, "meta.json");
    }
}

Test(layer, metadata_of_another_layer_is_refused)
{
    _cleanup_free_ char *chain_id = digest_of('b');
    struct store_layer got;

    put_layer('a');
    _cleanup_free_ char *meta = slurp(DIR_A "/meta.json");
    plant("root/layers/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/meta.json",
          meta);
    fails(store_layer_read(store, chain_id, &got, &err), -EPROTO, "another layer");
}
