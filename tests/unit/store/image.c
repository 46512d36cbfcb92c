/* SPDX-License-Identifier: Apache-2.0 */
/* Images: one file a tag, found by name, digest, id or its beginning; damaged files hide nobody
 * else. */
#include "scratch.h"

#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(image, .init = scratch_up, .fini = scratch_down);

#define TAGS    "root/refs/docker.io/library/busybox/_tags/"
#define DIGESTS "root/refs/docker.io/library/busybox/_digests/"

/* The first digit of the id of what ${name} finds. */
static char find(const char *name)
{
    _cleanup_(store_image_done) struct store_image image = {0};
    struct keg_err err = KEG_ERR_INIT;
    int r = store_image_find(store, name, &image, &err);

    cr_assert_eq(r, 0, "%s: %s", name, err.text);
    return image.id[7];
}

static void finds_nothing(const char *name, int code, const char *words)
{
    struct store_image image = {0};

    fails(store_image_find(store, name, &image, &err), code, words);
    cr_expect_null(image.id);
}

static size_t list(struct store_image **images, size_t *damaged)
{
    size_t count = 0;
    ok(store_images_list(store, images, &count, damaged, &err));
    return count;
}

Test(image, what_was_put_is_read_back)
{
    _cleanup_(store_image_done) struct store_image put = make_image("localhost:5000/a/b:c", 'a');
    _cleanup_(store_image_done) struct store_image got = {0};
    _cleanup_free_ char *index = digest_of('e');

    put.platform.variant = keg_strdup("v3");
    put.created.tv_nsec = 123456789;
    free(put.digest);
    put.digest = keg_strdup(index);
    ok(store_image_put(store, &put, &err));
    ok(store_image_get(store, &put.ref, &got, &err));
    cr_expect_str_eq(got.ref.host, "localhost:5000");
    cr_expect_str_eq(got.ref.repository, "a/b");
    cr_expect_str_eq(got.ref.tag, "c");
    cr_expect_null(got.ref.digest);
    cr_expect_str_eq(got.digest, index);
    cr_expect_str_eq(got.manifest, put.manifest);
    cr_expect_str_eq(got.media_type, put.media_type);
    cr_expect_str_eq(got.id, put.id);
    cr_expect_str_eq(got.platform.os, "linux");
    cr_expect_str_eq(got.platform.architecture, "amd64");
    cr_expect_str_eq(got.platform.variant, "v3");
    cr_expect_eq(keg_strv_length(got.layers), 1);
    cr_expect_str_eq(got.layers[0], put.layers[0]);
    cr_expect_str_eq(got.blobs[0], put.blobs[0]);
    cr_expect_eq(got.size_bytes, put.size_bytes);
    cr_expect_eq(got.created.tv_sec, put.created.tv_sec);
    cr_expect_eq(got.created.tv_nsec, put.created.tv_nsec);
    cr_expect_eq(got.pulled.tv_sec, put.pulled.tv_sec);
}

Test(image, one_of_128_layers_is_read_back)
{
    _cleanup_(store_image_done) struct store_image put = make_image("busybox", 'a');
    _cleanup_(store_image_done) struct store_image got = {0};

    for (int i = 1; i < 128; i++) {
        keg_strv_add(&put.layers, put.layers[0]);
        keg_strv_add(&put.blobs, put.blobs[0]);
    }
    ok(store_image_put(store, &put, &err));
    ok(store_image_get(store, &put.ref, &got, &err));
    cr_expect_eq(keg_strv_length(got.layers), 128);
}

Test(image, what_could_not_be_read_back_is_not_written)
{
    _cleanup_(store_image_done) struct store_image image = make_image("busybox", 'a');

    for (int i = 0; i < KEG_LAYERS_MAX; i++) {
        keg_strv_add(&image.layers, image.layers[0]);
        keg_strv_add(&image.blobs, image.blobs[0]);
    }
    fails(store_image_put(store, &image, &err), -EPROTO, "'layers' has more than 200 entries");
    keg_strv_free(TAKE_PTR(image.blobs));
    keg_strv_free(TAKE_PTR(image.layers));
    image.layers = keg_strv_copy(NULL);
    image.blobs = keg_strv_copy(NULL);
    free(TAKE_PTR(image.id));
    fails(store_image_put(store, &image, &err), -EPROTO, "'id' is missing");
    cr_expect(!there(TAGS "latest"));
}

Test(image, a_name_that_climbs_out_is_not_written)
{
    _cleanup_(store_image_done) struct store_image image = make_image("busybox", 'a');

    free(image.ref.tag);
    image.ref.tag = keg_strdup("../../../../../../evil");
    fails(store_image_put(store, &image, &err), -EINVAL, "not a name");
    free(image.ref.tag);
    image.ref.tag = keg_strdup("x");
    free(image.ref.repository);
    image.ref.repository = keg_strdup("../../evil");
    fails(store_image_put(store, &image, &err), -EINVAL, "not a name");
    cr_expect_eq(count_entries("."), 2);
}

Test(image, without_a_tag_it_is_kept_under_its_digest)
{
    _cleanup_free_ char *digest = digest_of('a');
    _cleanup_free_ char *reference = keg_asprintf("busybox@%s", digest);
    _cleanup_(store_image_done) struct store_image got = {0};

    put_image(reference, 'a');
    cr_expect(
        there(DIGESTS "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    ok(store_image_find(store, reference, &got, &err));
    cr_expect_null(got.ref.tag);
    finds_nothing("busybox", -ENOENT, "no such image");
}

Test(image, repositories_may_be_nested)
{
    put_image("a.b/x:1", 'a');
    put_image("a.b/x/y:1", 'b');
    put_image("a.b/x/y/z:1", 'c');
    struct store_image *images = NULL;
    size_t count = list(&images, NULL);
    cr_expect_eq(count, 3);
    store_images_free(images, count);
    cr_expect_eq(find("a.b/x/y:1"), 'b');
}

Test(image, a_host_may_be_an_ipv6_address_with_a_port)
{
    put_image("[::1]:5000/x", 'a');
    cr_expect_eq(find("[::1]:5000/x"), 'a');
    struct store_image *images = NULL;
    size_t count = list(&images, NULL);
    cr_assert_eq(count, 1);
    cr_expect_str_eq(images[0].ref.host, "[::1]:5000");
    store_images_free(images, count);
}

Test(image, is_found_by_any_form_of_its_name)
{
    put_image("busybox:1.37", 'a');
    cr_expect_eq(find("busybox:1.37"), 'a');
    cr_expect_eq(find("library/busybox:1.37"), 'a');
    cr_expect_eq(find("docker.io/library/busybox:1.37"), 'a');
    cr_expect_eq(find("docker://busybox:1.37"), 'a');
    finds_nothing("busybox:1", -ENOENT, "no such image");
    finds_nothing("quay.io/busybox:1.37", -ENOENT, "no such image");
}

Test(image, is_found_by_digest_of_index_or_manifest)
{
    _cleanup_(store_image_done) struct store_image image = make_image("busybox:1", 'a');
    _cleanup_free_ char *index = digest_of('1');
    _cleanup_free_ char *manifest = digest_of('2');
    _cleanup_free_ char *other = digest_of('3');
    char name[128];

    free(image.digest);
    image.digest = keg_strdup(index);
    free(image.manifest);
    image.manifest = keg_strdup(manifest);
    ok(store_image_put(store, &image, &err));
    snprintf(name, sizeof(name), "busybox@%s", index);
    cr_expect_eq(find(name), 'a');
    snprintf(name, sizeof(name), "busybox@%s", manifest);
    cr_expect_eq(find(name), 'a');
    snprintf(name, sizeof(name), "busybox@%s", other);
    finds_nothing(name, -ENOENT, "no such image");
    snprintf(name, sizeof(name), "alpine@%s", index);
    finds_nothing(name, -ENOENT, "no such image");
}

Test(image, a_digest_wins_over_the_tag)
{
    _cleanup_free_ char *digest = digest_of('a');
    _cleanup_free_ char *name = keg_asprintf("busybox:2@%s", digest);

    put_image("busybox:1", 'a');
    put_image("busybox:2", 'b');
    cr_expect_eq(find(name), 'a');
}

Test(image, is_found_by_id_and_by_its_beginning)
{
    _cleanup_free_ char *digest = digest_of('a');

    put_image("busybox", 'a');
    put_image("alpine", 'b');
    cr_expect_eq(find(digest), 'a');
    cr_expect_eq(find(digest + 7), 'a');
    cr_expect_eq(find("aaaaaaaaaaaa"), 'a');
    cr_expect_eq(find("sha256:aa"), 'a');
    cr_expect_eq(find("b"), 'b');
    finds_nothing("abc", -ENOENT, "no such image");
    finds_nothing("sha256:", -EINVAL, "empty tag");
}

Test(image, a_beginning_of_several_ids_is_ambiguous)
{
    _cleanup_(store_image_done) struct store_image other = make_image("alpine", 'a');

    put_image("busybox", 'a');
    other.id[70] = 'b';
    ok(store_image_put(store, &other, &err));
    finds_nothing("aaaa", -EEXIST, "fits several images");
    cr_expect_eq(find(other.id), 'a');
}

Test(image, two_names_of_one_id_are_not_ambiguous)
{
    put_image("busybox:1", 'a');
    put_image("busybox:2", 'a');
    cr_expect_eq(find("aa"), 'a');
}

Test(image, a_name_that_exists_wins_over_a_beginning)
{
    put_image("busybox", 'a');
    put_image("aa", 'b');
    cr_expect_eq(find("aa"), 'b');
    cr_expect_eq(find("aaa"), 'a');
}

Test(image, a_bad_name_is_refused_in_words)
{
    finds_nothing("Busybox", -EINVAL, "repository name must be lowercase");
    finds_nothing("", -EINVAL, "no repository name");
}

Test(image, one_whose_tag_moves_stays_under_its_digest)
{
    put_image("busybox", 'a');
    put_image("busybox", 'b');
    cr_expect_eq(find("busybox"), 'b');
    cr_expect_eq(find("aaaa"), 'a');
    struct store_image *images = NULL;
    size_t count = list(&images, NULL);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(images[0].ref.tag, "latest");
    cr_expect_null(images[1].ref.tag);
    cr_expect_eq(images[1].id[7], 'a');
    store_images_free(images, count);
}

Test(image, one_that_gets_its_tag_back_is_there_once)
{
    put_image("busybox", 'a');
    put_image("busybox", 'b');
    put_image("busybox", 'a');
    struct store_image *images = NULL;
    size_t count = list(&images, NULL);
    cr_expect_eq(count, 2);
    store_images_free(images, count);
    cr_expect_eq(find("busybox"), 'a');
    cr_expect_eq(find("bb"), 'b');
}

Test(image, put_again_is_the_same)
{
    put_image("busybox", 'a');
    put_image("busybox", 'a');
    struct store_image *images = NULL;
    size_t count = list(&images, NULL);
    cr_expect_eq(count, 1);
    store_images_free(images, count);
    cr_expect(!there(DIGESTS));
}

/* The index is the same, the image of the other platform is not lost. */
Test(image, another_platform_of_one_index_keeps_the_first)
{
    _cleanup_(store_image_done) struct store_image first = make_image("busybox", 'a');
    _cleanup_(store_image_done) struct store_image second = make_image("busybox", 'b');

    free(second.digest);
    second.digest = keg_strdup(first.digest);
    ok(store_image_put(store, &first, &err));
    ok(store_image_put(store, &second, &err));
    cr_expect_eq(find("busybox"), 'b');
    cr_expect_eq(find("aa"), 'a');
}

Test(image, the_list_has_the_newest_created_first)
{
    put_image("b", '2');
    put_image("a", '2');
    put_image("c", '9');
    put_image("d", '1');
    struct store_image *images = NULL;
    size_t damaged = 99;
    size_t count = list(&images, &damaged);
    cr_assert_eq(count, 4);
    cr_expect_str_eq(images[0].ref.repository, "library/c");
    cr_expect_str_eq(images[1].ref.repository, "library/a");
    cr_expect_str_eq(images[2].ref.repository, "library/b");
    cr_expect_str_eq(images[3].ref.repository, "library/d");
    cr_expect_eq(damaged, 0);
    store_images_free(images, count);
}

Test(image, an_empty_store_has_an_empty_list)
{
    struct store_image *images = NULL;
    cr_expect_eq(list(&images, NULL), 0);
    store_images_free(images, 0);
}

Test(image, untagging_removes_one_name)
{
    _cleanup_(store_image_done) struct store_image image = {0};

    put_image("busybox:1", 'a');
    put_image("busybox:2", 'a');
    ok(store_image_find(store, "busybox:1", &image, &err));
    ok(store_image_untag(store, &image, &err));
    finds_nothing("busybox:1", -ENOENT, "no such image");
    cr_expect_eq(find("busybox:2"), 'a');
    fails(store_image_untag(store, &image, &err), -ENOENT, "no such image");
}

Test(image, untagging_removes_one_kept_by_digest)
{
    _cleanup_(store_image_done) struct store_image image = {0};

    put_image("busybox", 'a');
    put_image("busybox", 'b');
    ok(store_image_find(store, "aa", &image, &err));
    ok(store_image_untag(store, &image, &err));
    finds_nothing("aa", -ENOENT, "no such image");
    cr_expect_eq(find("busybox"), 'b');
}

static const struct {
    const char *text, *words;
} damage[] = {
    {"", "not valid JSON"},
    {"{\"digest\": \"sha256:", "not valid JSON"},
    {"\x01\x02garbage\xff", "not valid JSON"},
    {"null", "no object"},
    {"{}", "'digest' is missing"},
    {"{\"digest\": {}}", "'digest' is not a string"},
    {"{\"digest\": \"../../x\"}", "'digest' is not a digest"},
};

Test(image, a_damaged_file_is_a_named_error_and_hides_nobody)
{
    put_image("busybox:good", 'a');
    for (size_t i = 0; i < KEG_ARRAY_SIZE(damage); i++) {
        struct store_image *images = NULL;
        size_t damaged = 0;
        size_t count;

        plant(TAGS "bad", damage[i].text);
        finds_nothing("busybox:bad", -EPROTO, damage[i].words);
        finds_nothing("busybox:bad", -EPROTO, "refs/docker.io/library/busybox/_tags/bad");
        count = list(&images, &damaged);
        cr_expect_eq(count, 1);
        cr_expect_eq(damaged, 1);
        store_images_free(images, count);
        cr_expect_eq(find("busybox:good"), 'a');
        cr_expect_eq(find("aaaa"), 'a');
    }
}

/* Each member of a good file once with a value that has the wrong type or sense. */
Test(image, every_member_is_checked)
{
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"\"manifest\": \"sha256", "\"manifest\": \"sha1", "'manifest' is not a digest"},
        {"\"id\": \"", "\"id\": \"x", "'id' is not a digest"},
        {"\"os\": \"linux\"", "\"os\": 1", "'os' is not a string"},
        {"\"architecture\": \"amd64\"", "\"other\": 1", "'architecture' is missing"},
        {"\"layers\": [", "\"layers\": [1,", "'layers"},
        {"\"layers\": [", "\"layers\": [\"x\",", "'layers' is not a digest"},
        {"\"layers\": [", "\"none\": [", "'layers' is missing"},
        {"\"blobs\": [", "\"blobs\": [], \"none\": [", "'blobs' has not as many entries"},
        {"\"size\": ", "\"size\": -", "'size' is negative"},
        {"\"created\": \"", "\"created\": \"x", "'created' is not a time"},
        {"\"pulled\": \"", "\"pulled\": [], \"x\": \"", "'pulled' is not a string"},
    };
    put_image("busybox:good", 'a');
    _cleanup_free_ char *good = slurp(TAGS "good");

    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        const char *at = strstr(good, cases[i].from);
        cr_assert(at, "%s", cases[i].from);
        _cleanup_free_ char *bad = keg_asprintf("%.*s%s%s", (int)(at - good), good, cases[i].to,
                                                at + strlen(cases[i].from));
        plant(TAGS "bad", bad);
        finds_nothing("busybox:bad", -EPROTO, cases[i].words);
    }
}

Test(image, unknown_members_are_ignored)
{
    put_image("busybox:good", 'a');
    _cleanup_free_ char *good = slurp(TAGS "good");
    _cleanup_free_ char *newer = keg_asprintf("{\"lastUsed\": \"2030\", %s", good + 1);

    plant(TAGS "newer", newer);
    cr_expect_eq(find("busybox:newer"), 'a');
}

Test(image, a_digest_file_must_hold_that_digest)
{
    put_image("busybox:good", 'a');
    _cleanup_free_ char *good = slurp(TAGS "good");
    _cleanup_free_ char *digest = digest_of('c');
    _cleanup_free_ char *name = keg_asprintf("busybox@%s", digest);
    _cleanup_free_ char *path = keg_asprintf(DIGESTS "%s", digest);

    plant(path, good);
    finds_nothing(name, -EPROTO, "'digest' is not the file's name");
}

Test(image, a_damaged_one_is_mended_by_a_pull)
{
    plant(TAGS "latest", "");
    put_image("busybox", 'a');
    cr_expect_eq(find("busybox"), 'a');
}

Test(image, an_oversized_file_is_refused)
{
    size_t size = KEG_STORE_FILE_MAX_BYTES + 1;
    char *text = malloc(size + 1);

    memset(text, ' ', size);
    text[size] = '\0';
    plant(TAGS "huge", text);
    free(text);
    finds_nothing("busybox:huge", -EFBIG, "_tags/huge");
}

Test(image, what_is_no_ref_is_passed_by)
{
    put_image("busybox", 'a');
    plant("root/refs/file", "x");
    plant("root/refs/docker.io/library/file", "x");
    plant(TAGS ".keg-1-1.tmp", "x");
    plant(TAGS "not a tag", "x");
    plant("root/refs/_tags/latest", "x");
    plant("root/refs/docker.io/_tags/latest", "x");
    cr_assert_eq(symlinkat(".", store_root_fd(store), "refs/docker.io/loop"), 0);
    struct store_image *images = NULL;
    size_t damaged = 0;
    size_t count = list(&images, &damaged);
    cr_expect_eq(count, 1);
    cr_expect_eq(damaged, 0);
    store_images_free(images, count);
}

Test(image, a_tree_of_refs_deeper_than_a_name_can_be_ends_the_walk_there)
{
    int dir = openat(store_root_fd(store), ".", O_RDONLY | O_DIRECTORY);

    put_image("busybox", 'a');
    for (int i = 0; i < 1000; i++) {
        const char *name = i == 0 ? "refs" : "d";
        mkdirat(dir, name, 0700);
        int below = openat(dir, name, O_RDONLY | O_DIRECTORY);
        close(dir);
        dir = below;
        cr_assert(dir >= 0);
    }
    close(dir);
    struct store_image *images = NULL;
    size_t count = list(&images, NULL);
    cr_expect_eq(count, 1);
    store_images_free(images, count);
}

Test(image, a_file_where_a_folder_belongs_is_no_image)
{
    plant("root/refs/docker.io/library/busybox", "x");
    finds_nothing("busybox", -ENOENT, "no such image");
}

Test(image, its_config_is_read_from_its_blob)
{
    /* printf '{"a":1}' | sha256sum */
    const char *digest = "sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    _cleanup_(store_image_done) struct store_image image = make_image("busybox", 'a');
    _cleanup_json_ json_t *config = NULL;

    ok(store_blob_put(store, digest, "{\"a\":1}", 7, &err));
    free(image.id);
    image.id = keg_strdup(digest);
    ok(store_image_config(store, &image, &config, &err));
    cr_expect_eq(json_integer_value(json_object_get(config, "a")), 1);
}

Test(image, a_missing_or_damaged_config_is_a_named_error)
{
    _cleanup_(store_image_done) struct store_image image = make_image("busybox", 'a');
    json_t *config = NULL;

    fails(store_image_config(store, &image, &config, &err), -ENOENT, "image config 'sha256:aaaa");
    plant("root/blobs/sha256/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "{");
    fails(store_image_config(store, &image, &config, &err), -EPROTO, "image config: 'aaaa");
    cr_expect_null(config);
}

/* Each puts its own image at one tag, many times: none of the images may get lost. */
Test(image, processes_that_move_one_tag_lose_no_image)
{
    pid_t pids[4];

    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        _cleanup_(store_image_done) struct store_image image =
            make_image("busybox", (char)('1' + i));
        for (int n = 0; n < 25; n++)
            if (store_image_put(store, &image, NULL) < 0)
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_expect_eq(status, 0);
    }
    cr_expect_eq(find("11"), '1');
    cr_expect_eq(find("22"), '2');
    cr_expect_eq(find("33"), '3');
    cr_expect_eq(find("44"), '4');
}
