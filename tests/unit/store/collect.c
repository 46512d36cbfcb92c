/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting: what is needed stays, what is not goes, and where that is not known nothing goes. */
#include "scratch.h"

#include <grp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(collect, .init = scratch_up, .fini = scratch_down);

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define BLOB  "root/blobs/sha256/"
#define LAYER "root/layers/"

/* What a collection told of, as "layer or blob" digests. */
static char **told;

static void tell(void *context, const char *digest)
{
    cr_assert_eq(context, &told);
    cr_assert_eq(keg_strv_add(&told, digest), 0);
}

static int collect(struct keg_err *err)
{
    keg_strv_free(told);
    told = NULL;
    return store_collect(store, tell, &told, err);
}

static void collect_quietly(void)
{
    (void)store_collect(store, NULL, NULL, NULL);
}

static void untag(const char *name)
{
    _cleanup_(store_image_done) struct store_image image = {0};

    ok(store_image_find(store, name, &image, &err));
    ok(store_image_untag(store, &image, &err));
}

Test(collect, what_an_image_needs_stays)
{
    _cleanup_(store_image_done) struct store_image image = make_image("busybox", 'a');
    const char digits[] = "1234";

    /* index, manifest, config and compressed layer each a blob of its own */
    image.digest[7] = '1';
    image.manifest[7] = '2';
    image.id[7] = '3';
    image.blobs[0][7] = '4';
    for (int i = 0; i < 4; i++) {
        _cleanup_free_ char *digest = digest_of('a');
        _cleanup_free_ char *path = NULL;
        digest[7] = digits[i];
        path = keg_asprintf(BLOB "%s", digest + 7);
        plant(path, "x");
    }
    put_layer('a');
    ok(store_image_put(store, &image, &err));
    ok(collect(&err));
    cr_expect_eq(keg_strv_length(told), 0);
    cr_expect_eq(count_entries("root/blobs/sha256"), 4);
    cr_expect_eq(count_entries("root/layers"), 1);
}

Test(collect, what_nobody_needs_goes_and_is_told)
{
    put_layer('a');
    put_layer('b');
    plant(BLOB HEX_A, "x");
    plant(BLOB HEX_B, "x");
    plant(BLOB HEX_C, "x");
    put_image("busybox", 'a');
    ok(collect(&err));
    cr_expect(there(LAYER HEX_A));
    cr_expect(there(BLOB HEX_A));
    cr_expect(!there(LAYER HEX_B));
    cr_expect(!there(BLOB HEX_B));
    cr_expect(!there(BLOB HEX_C));
    cr_expect_eq(count_entries("root/tmp"), 0);
    cr_assert_eq(keg_strv_length(told), 3);
    cr_expect_str_eq(told[0], "sha256:" HEX_B);
}

Test(collect, nobody_need_be_told)
{
    put_layer('b');
    ok(store_collect(store, NULL, NULL, &err));
    cr_expect(!there(LAYER HEX_B));
}

Test(collect, an_image_without_a_name_goes)
{
    put_layer('a');
    plant(BLOB HEX_A, "x");
    put_image("busybox", 'a');
    untag("busybox");
    ok(collect(&err));
    cr_expect_eq(count_entries("root/layers"), 0);
    cr_expect_eq(count_entries("root/blobs/sha256"), 0);
    cr_expect_eq(count_entries("root/refs"), 0, "empty folders were left");
}

Test(collect, a_layer_of_two_images_stays_until_both_are_gone)
{
    put_layer('a');
    put_image("one", 'a');
    put_image("two", 'a');
    untag("one");
    ok(collect(&err));
    cr_expect(there(LAYER HEX_A));
    untag("two");
    ok(collect(&err));
    cr_expect(!there(LAYER HEX_A));
}

Test(collect, an_image_that_lost_its_tag_stays)
{
    put_layer('a');
    put_layer('b');
    put_image("busybox", 'a');
    put_image("busybox", 'b');
    ok(collect(&err));
    cr_expect(there(LAYER HEX_A));
    cr_expect(there(LAYER HEX_B));
}

Test(collect, what_a_container_needs_stays_until_it_is_removed)
{
    _cleanup_(store_container_done) struct store_container container = {0};

    put_layer('a');
    plant(BLOB HEX_A, "the config");
    put_dead_container('a', "web");
    ok(collect(&err));
    cr_expect(there(LAYER HEX_A));
    cr_expect(there(BLOB HEX_A));
    ok(store_container_find(store, "web", &container, &err));
    ok(store_container_remove(store, &container, &err));
    ok(collect(&err));
    cr_expect(!there(LAYER HEX_A));
    cr_expect(!there(BLOB HEX_A));
}

Test(collect, unfinished_downloads_stay)
{
    plant(BLOB HEX_A ".part", "half");
    ok(collect(&err));
    cr_expect(there(BLOB HEX_A ".part"));
    cr_expect_eq(keg_strv_length(told), 0);
}

Test(collect, sha512_blobs_are_collected_too)
{
    plant("root/blobs/sha512/" HEX_A HEX_B, "x");
    ok(collect(&err));
    cr_expect(!there("root/blobs/sha512/" HEX_A HEX_B));
    cr_expect_str_eq(told[0], "sha512:" HEX_A HEX_B);
}

Test(collect, other_files_are_left_alone)
{
    plant(BLOB "README", "x");
    plant(LAYER "notes", "x");
    ok(collect(&err));
    cr_expect(there(BLOB "README"));
    cr_expect(there(LAYER "notes"));
}

Test(collect, while_the_store_is_used_nothing_is_collected)
{
    int fd = -1;

    put_layer('b');
    ok(store_lock_shared(store, &fd, &err));
    cr_expect_eq(collect(NULL), 1);
    cr_expect(there(LAYER HEX_B));
    cr_expect_eq(keg_strv_length(told), 0);
    close(fd);
    cr_expect_eq(collect(NULL), 0);
    cr_expect(!there(LAYER HEX_B));
}

Test(collect, left_overs_go_and_work_under_way_stays)
{
    _cleanup_free_ char *name = NULL;
    int fd = -1;

    plant("root/tmp/left-over/of/a/crash", "x");
    ok(store_tmp_new(store, &name, &fd, &err));
    ok(collect(&err));
    cr_expect(!there("root/tmp/left-over"));
    cr_expect_eq(faccessat(store_root_fd(store), name, F_OK, 0), 0);
    close(fd);
}

Test(collect, a_container_that_a_crash_cut_short_goes)
{
    plant("root/containers/" HEX_A "/meta.json", "");
    plant("root/containers/" HEX_B "/upper/x", "");
    cr_assert_eq(mkdirat(store_root_fd(store), "names", 0700), 0);
    cr_assert_eq(symlinkat(HEX_A, store_root_fd(store), "names/web"), 0);
    ok(collect(&err));
    cr_expect_eq(count_entries("root/containers"), 0);
    cr_expect_eq(count_entries("root/names"), 0);
    cr_expect_eq(keg_strv_length(told), 0);
}

Test(collect, a_container_cut_short_that_has_an_owner_is_not_garbage)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    int dir, lock;

    ok(store_container_create(store, &put, &dir, &lock, &err));
    cr_assert_eq(unlinkat(dir, "meta.json", 0), 0);
    fails(collect(&err), -ENOENT, "damaged container aaaaaaaaaaaa");
    cr_expect(there("root/containers/" HEX_A "/upper"));
    close(dir);
    close(lock);
}

Test(collect, a_damaged_ref_is_an_error_and_nothing_goes)
{
    put_layer('b');
    plant(BLOB HEX_B, "x");
    plant("root/refs/docker.io/library/busybox/_tags/latest", "{\"digest\":");
    plant("root/tmp/left-over", "x");
    fails(collect(&err), -EPROTO, "refs/docker.io/library/busybox/_tags/latest");
    fails(collect(&err), -EPROTO, "pull it again");
    cr_expect(there(LAYER HEX_B));
    cr_expect(there(BLOB HEX_B));
    cr_expect(!there("root/tmp/left-over"));
    put_image("busybox", 'a');
    ok(collect(&err));
    cr_expect(!there(LAYER HEX_B));
}

Test(collect, a_damaged_container_is_an_error_and_nothing_goes)
{
    put_layer('b');
    plant("root/containers/" HEX_A "/meta.json", "{");
    fails(collect(&err), -EPROTO,
          "damaged container aaaaaaaaaaaa: 'containers/" HEX_A "/meta.json'");
    cr_expect(there(LAYER HEX_B));
}

/* A folder that cannot be read hides refs: their images are not dead. */
Test(collect, refs_that_cannot_be_seen_are_an_error_and_nothing_goes)
{
    put_layer('a');
    put_image("busybox", 'a');
    cr_assert_eq(chmod(scratch, 0755), 0);
    cr_assert_eq(fchownat(store_root_fd(store), ".", 65534, 65534, 0), 0);
    for (int i = 0; i < 4; i++) {
        static const char *const folders[] = {"layers", "containers", "tmp", "."};
        mkdirat(store_root_fd(store), folders[i], 0700);
        cr_assert_eq(fchownat(store_root_fd(store), folders[i], 65534, 65534, 0), 0);
    }
    cr_assert_eq(fchownat(store_root_fd(store), "refs", 65534, 65534, 0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct keg_err err = KEG_ERR_INIT;
        if (setgroups(0, NULL) < 0 || seteuid(65534) < 0)
            _exit(2);
        int r = store_collect(store, NULL, NULL, &err);
        _exit(r == -EACCES && strstr(err.text, "refs/") ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect_eq(status, 0);
    cr_expect(there(LAYER HEX_A));
}

Test(collect, lock_files_that_nobody_holds_go)
{
    _cleanup_free_ char *held = digest_of('a');
    _cleanup_free_ char *free_one = digest_of('b');
    int a = -1, b = -1;

    ok(store_lock_digest(store, held, &a, &err));
    ok(store_lock_digest(store, free_one, &b, &err));
    close(b);
    ok(collect(&err));
    cr_expect(there("run/locks/" HEX_A));
    cr_expect(!there("run/locks/" HEX_B));
    close(a);
}

/* Lockers and collections at once: two must never have one digest's lock. */
Test(collect, removing_lock_files_lets_no_two_in)
{
    _cleanup_free_ char *digest = digest_of('a');
    pid_t pids[3];
    pid_t collector = start_endless(collect_quietly);

    for (int i = 0; i < 3; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        for (int n = 0; n < 200; n++) {
            int fd = -1;
            if (store_lock_digest(store, digest, &fd, NULL) < 0)
                _exit(1);
            /* Fails where another is inside. */
            if (mkdirat(store_root_fd(store), "inside", 0700) < 0)
                _exit(2);
            unlinkat(store_root_fd(store), "inside", AT_REMOVEDIR);
            close(fd);
        }
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        int status = -1;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_expect_eq(status, 0);
    }
    stop(collector);
}

Test(collect, unfinished_run_folders_go_and_finished_ones_stay)
{
    put_dead_container('a', "web");
    plant("run/containers/.new-" HEX_B "/lock", "");
    ok(collect(&err));
    cr_expect(!there("run/containers/.new-" HEX_B));
    cr_expect(there("run/containers/" HEX_A "/lock"));
}

/* A pull holds the shared lock from before it looks what is there until its ref is written. */
Test(collect, a_pull_beside_collections_loses_nothing)
{
    pid_t collector = start_endless(collect_quietly);

    for (int i = 0; i < 30; i++) {
        _cleanup_(store_image_done) struct store_image image = {0};
        int lock = -1, layer = -1;

        ok(store_lock_shared(store, &lock, &err));
        put_layer('a');
        put_image("busybox", 'a');
        close(lock);
        ok(store_image_find(store, "busybox", &image, &err));
        ok(store_layer_open(store, image.layers[0], &layer, &err));
        close(layer);
        ok(store_image_untag(store, &image, &err));
    }
    stop(collector);
}
