/* SPDX-License-Identifier: Apache-2.0 */
/* A full disk: each write fails with a named error, and what was there before is whole. */
#include "scratch.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* A store on a disk of 1 MiB, in a mount namespace of the test's own. */
static void full_up(void)
{
    scratch_up();
    store_close(store);
    store = NULL;
    cr_assert_eq(unshare(CLONE_NEWNS), 0);
    cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    cr_assert_eq(mount("tmpfs", scratch, "tmpfs", 0, "size=1m,mode=0700"), 0);
    _cleanup_free_ char *root = keg_asprintf("%s/root", scratch);
    _cleanup_free_ char *run = keg_asprintf("%s/run", scratch);
    ok(store_open(root, run, &store, &err));
}

static void full_down(void)
{
    store_close(store);
    store = NULL;
    cr_expect_eq(umount2(scratch, MNT_DETACH), 0);
    scratch_down();
}

TestSuite(full, .init = full_up, .fini = full_down);

/* Take all space but ${left} pages. */
static void fill(int left)
{
    static const char page[4096];
    _cleanup_fd_ int fd =
        openat(store_root_fd(store), "filler", O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct stat st;

    while (write(fd, page, sizeof(page)) == (ssize_t)sizeof(page))
        ;
    cr_assert_eq(errno, ENOSPC);
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(ftruncate(fd, st.st_size - left * 4096), 0);
}

static void make_room(void)
{
    cr_assert_eq(unlinkat(store_root_fd(store), "filler", 0), 0);
}

Test(full, a_download_stops_and_goes_on_when_there_is_room)
{
    /* 256 times each byte */
    const char *digest = "sha256:173444ecfa293433329a333289983a665c481d913e9fd1c2778b55380ca4dd31";
    static char bytes[65536], got[65536];
    uint64_t size = 0;
    int fd = -1;
    struct store_blob_writer *writer = NULL;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i / 256);
    ok(store_blob_writer_new(store, digest, sizeof(bytes), &writer, &err));
    ok(store_blob_writer_write(writer, bytes, 4096, &err));
    fill(2);
    fails(store_blob_writer_write(writer, bytes + 4096, sizeof(bytes) - 4096, &err), -ENOSPC,
          "sha256:173444ecfa293433329a333289983a665c481d913e9fd1c2778b55380ca4dd31': no space left "
          "on device");
    cr_expect_eq(store_blob_writer_have(writer), 4096, "bytes that were not hashed count");
    make_room();
    ok(store_blob_writer_write(writer, bytes + 4096, sizeof(bytes) - 4096, &err));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    ok(store_blob_open(store, digest, &fd, &size, &err));
    cr_expect_eq(size, sizeof(bytes), "what the failed write left is in the blob");
    cr_assert_eq(read(fd, got, sizeof(got)), (ssize_t)sizeof(got));
    cr_expect_eq(memcmp(got, bytes, sizeof(bytes)), 0);
    close(fd);
}

Test(full, a_tag_keeps_its_image)
{
    _cleanup_(store_image_done) struct store_image image = make_image("busybox", 'a');
    _cleanup_(store_image_done) struct store_image got = {0};

    put_image("busybox", 'a');
    image.pulled.tv_sec++;
    fill(0);
    fails(store_image_put(store, &image, &err), -ENOSPC,
          "write 'refs/docker.io/library/busybox/_tags/latest'");
    ok(store_image_find(store, "busybox", &got, &err));
    cr_expect_eq(count_entries("root/refs/docker.io/library/busybox/_tags"), 1);
}

Test(full, a_layer_is_not_there)
{
    _cleanup_(store_layer_done) struct store_layer layer = {.chain_id = digest_of('a'),
                                                            .diff_id = digest_of('a')};
    struct store_layer_writer *writer = NULL;
    int fd = -1;

    ok(store_layer_writer_new(store, &writer, &err));
    fill(0);
    fails(store_layer_writer_commit(writer, &layer, &err), -ENOSPC, "no space left on device");
    store_layer_writer_free(writer);
    fails(store_layer_open(store, layer.chain_id, &fd, &err), -ENOENT, "is not in the store");
    cr_expect_eq(count_entries("root/tmp"), 0);
}

Test(full, a_container_leaves_nothing)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    int dir = -1, lock = -1;

    fill(0);
    fails(store_container_create(store, &put, &dir, &lock, &err), -ENOSPC,
          "no space left on device");
    cr_expect_eq(count_entries("root/containers"), 0);
    cr_expect_eq(count_entries("run/containers"), 0);
    cr_expect_eq(count_entries("root/names"), 0);
}

Test(full, collecting_makes_room)
{
    put_layer('a');
    plant("root/layers/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/fs/x", "x");
    fill(0);
    ok(store_collect(store, NULL, NULL, &err));
    cr_expect_eq(count_entries("root/layers"), 0);
}
