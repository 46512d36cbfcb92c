/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs: verified before they have a name, resumed byte-exact, written by one process once. */
#include "scratch.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(blob, .init = scratch_up, .fini = scratch_down);

/* printf 'hello world' | sha256sum, sha512sum */
#define TEXT "hello world"
#define SHA  "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
#define PATH "root/blobs/sha256/b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
#define PART PATH ".part"
#define SHA512                                                                                     \
    "sha512:309ecc489c12d6eb4cc40f50c902f2b4d0ed77ee511a7c7a9bcd3ca86d4cd86f"                      \
    "989dd35bc5ff499670da34255b45b0cfd830e81f605dcf7dc5542e93ae9cd76f"
#define SHA_EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct store_blob_writer *begin(const char *digest, uint64_t size)
{
    struct store_blob_writer *writer = NULL;
    struct keg_err err = KEG_ERR_INIT;
    int r = store_blob_writer_new(store, digest, size, &writer, &err);

    cr_assert_eq(r, 0, "%d %s", r, err.text);
    return writer;
}

static void expect_blob(const char *digest, const char *text)
{
    char buffer[64] = "";
    uint64_t size = 0;
    int fd = -1;

    ok(store_blob_open(store, digest, &fd, &size, &err));
    cr_expect_eq(size, strlen(text));
    cr_expect_eq(read(fd, buffer, sizeof(buffer) - 1), (ssize_t)strlen(text));
    cr_expect_str_eq(buffer, text);
    close(fd);
    cr_expect(store_blob_exists(store, digest));
}

Test(blob, a_written_blob_can_be_read)
{
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    struct stat st;

    cr_expect_eq(store_blob_writer_have(writer), 0);
    ok(store_blob_writer_write(writer, "hello ", 6, &err));
    ok(store_blob_writer_write(writer, "world", 5, &err));
    cr_expect_eq(store_blob_writer_have(writer), 11);
    cr_expect(!store_blob_exists(store, SHA), "there before it was committed");
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
    cr_expect(!there(PART));
    cr_assert_eq(fstatat(store_root_fd(store), PATH + 5, &st, 0), 0);
    cr_expect_eq(st.st_mode & 07777, 0400);
}

Test(blob, sha512_and_empty_blobs_are_blobs)
{
    ok(store_blob_put(store, SHA512, TEXT, strlen(TEXT), &err));
    expect_blob(SHA512, TEXT);
    ok(store_blob_put(store, SHA_EMPTY, "", 0, &err));
    expect_blob(SHA_EMPTY, "");
}

Test(blob, one_that_is_there_is_not_written_again)
{
    struct store_blob_writer *untouched = (struct store_blob_writer *)&store;
    struct store_blob_writer *writer = untouched;

    ok(store_blob_put(store, SHA, TEXT, strlen(TEXT), &err));
    cr_expect_eq(store_blob_writer_new(store, SHA, strlen(TEXT), &writer, NULL), 1);
    cr_expect_eq(writer, untouched);
    ok(store_blob_put(store, SHA, TEXT, strlen(TEXT), &err));
}

Test(blob, a_missing_one_is_enoent)
{
    uint64_t size;
    int fd = -1;

    fails(store_blob_open(store, SHA, &fd, &size, &err), -ENOENT,
          "blob '" SHA "' is not in the store");
    cr_expect(!store_blob_exists(store, SHA));
}

Test(blob, what_is_no_digest_opens_nothing)
{
    struct store_blob_writer *writer = NULL;
    uint64_t size;
    int fd = -1;

    fails(store_blob_open(store, "sha256:../../../etc/passwd", &fd, &size, &err), -EINVAL,
          "not a digest");
    fails(store_blob_writer_new(store, "md5:00", 1, &writer, &err), -EINVAL, "not a digest");
    cr_expect(!store_blob_exists(store, "latest"));
}

Test(blob, a_folder_or_link_in_a_blobs_place_is_a_named_error)
{
    uint64_t size;
    int fd = -1;

    plant(PATH "/x", "");
    fails(store_blob_open(store, SHA, &fd, &size, &err), -EPROTO, "not a regular file");
    cr_expect(!store_blob_exists(store, SHA));
}

Test(blob, another_digest_is_refused_and_the_bytes_are_dropped)
{
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));

    ok(store_blob_writer_write(writer, "hello_world", 11, &err));
    fails(store_blob_writer_commit(writer, &err), -EBADMSG, "another digest");
    cr_expect_eq(store_blob_writer_have(writer), 0);
    ok(store_blob_writer_write(writer, TEXT, 11, &err));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
}

Test(blob, nothing_is_left_of_a_blob_with_another_digest)
{
    fails(store_blob_put(store, SHA, "hello_world", 11, &err), -EBADMSG, "another digest");
    cr_expect(!there(PATH));
    cr_expect(!there(PART));
}

Test(blob, more_than_the_size_is_refused_before_it_is_written)
{
    struct store_blob_writer *writer = begin(SHA, 4);
    _cleanup_free_ char *part = NULL;

    ok(store_blob_writer_write(writer, "hel", 3, &err));
    fails(store_blob_writer_write(writer, "lo", 2, &err), -EBADMSG, "more than its 4 bytes came");
    cr_expect_eq(store_blob_writer_have(writer), 3);
    part = slurp(PART);
    cr_expect_str_eq(part, "hel");
    store_blob_writer_free(writer);
}

Test(blob, less_than_the_size_is_refused_and_can_go_on)
{
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));

    ok(store_blob_writer_write(writer, "hello", 5, &err));
    fails(store_blob_writer_commit(writer, &err), -EBADMSG, "only 5 of its 11 bytes came");
    cr_expect(!there(PATH));
    ok(store_blob_writer_write(writer, " world", 6, &err));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
}

Test(blob, an_interrupted_download_is_resumed)
{
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    char buffer[8] = "";

    ok(store_blob_writer_write(writer, "hello", 5, &err));
    store_blob_writer_free(writer);
    writer = begin(SHA, strlen(TEXT));
    cr_expect_eq(store_blob_writer_have(writer), 5);
    cr_expect_eq(store_blob_writer_read(writer, 1, buffer, sizeof(buffer)), 4);
    cr_expect_str_eq(buffer, "ello");
    cr_expect_eq(store_blob_writer_read(writer, 5, buffer, sizeof(buffer)), 0);
    cr_expect_eq(store_blob_writer_read(writer, 99, buffer, sizeof(buffer)), 0);
    ok(store_blob_writer_write(writer, " world", 6, &err));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
}

Test(blob, a_part_of_all_bytes_needs_no_more)
{
    plant(PART, TEXT);
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    cr_expect_eq(store_blob_writer_have(writer), strlen(TEXT));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
}

Test(blob, bytes_of_a_part_beyond_the_size_are_dropped)
{
    plant(PART, TEXT " and more than that");
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    cr_expect_eq(store_blob_writer_have(writer), strlen(TEXT));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
}

Test(blob, a_damaged_part_is_found_out)
{
    plant(PART, "jello");
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    ok(store_blob_writer_write(writer, " world", 6, &err));
    fails(store_blob_writer_commit(writer, &err), -EBADMSG, "another digest");
    store_blob_writer_free(writer);
    cr_expect(!there(PART));
}

Test(blob, restarting_forgets_the_bytes)
{
    plant(PART, "jello");
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    ok(store_blob_writer_restart(writer, &err));
    cr_expect_eq(store_blob_writer_have(writer), 0);
    ok(store_blob_writer_write(writer, TEXT, 11, &err));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
}

Test(blob, discarding_removes_the_part_and_freeing_keeps_it)
{
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    ok(store_blob_writer_write(writer, "hello", 5, &err));
    store_blob_writer_free(writer);
    cr_expect(there(PART));
    store_blob_writer_discard(begin(SHA, strlen(TEXT)));
    cr_expect(!there(PART));
    store_blob_writer_free(NULL);
    store_blob_writer_discard(NULL);
}

Test(blob, discarding_a_committed_one_removes_the_blob)
{
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    ok(store_blob_writer_write(writer, TEXT, 11, &err));
    ok(store_blob_writer_commit(writer, &err));
    ok(store_blob_writer_commit(writer, &err));
    expect_blob(SHA, TEXT);
    store_blob_writer_discard(writer);
    cr_expect(!there(PATH));
    cr_expect(!there(PART));
}

Test(blob, one_truncated_on_disk_is_mended_by_a_download)
{
    plant(PATH, "hel");
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    ok(store_blob_writer_write(writer, TEXT, 11, &err));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    expect_blob(SHA, TEXT);
}

Test(blob, a_lying_size_does_not_replace_a_good_blob)
{
    ok(store_blob_put(store, SHA, TEXT, 11, &err));
    struct store_blob_writer *writer = begin(SHA, 12);
    ok(store_blob_writer_write(writer, TEXT "!", 12, &err));
    fails(store_blob_writer_commit(writer, &err), -EBADMSG, "another digest");
    store_blob_writer_discard(writer);
    expect_blob(SHA, TEXT);
}

/* Large enough that the bytes come from several reads and write-back begins on the way. */
Test(blob, a_large_part_is_hashed_again)
{
    size_t size = 40u * 1024 * 1024;
    char *bytes = calloc(1, size);
    /* head -c 41943040 /dev/zero | sha256sum */
    const char *digest = "sha256:80a3721188e40218b08b26776bc53bdae81e4784fff71d71450a197319cba113";
    struct store_blob_writer *writer = begin(digest, size);

    ok(store_blob_writer_write(writer, bytes, 20u * 1024 * 1024, &err));
    store_blob_writer_free(writer);
    writer = begin(digest, size);
    cr_expect_eq(store_blob_writer_have(writer), 20u * 1024 * 1024);
    ok(store_blob_writer_write(writer, bytes, 20u * 1024 * 1024, &err));
    ok(store_blob_writer_commit(writer, &err));
    store_blob_writer_free(writer);
    cr_expect(store_blob_exists(store, digest));
    free(bytes);
}

/* Four processes want one blob: one writes it, the others find it done. */
Test(blob, of_several_processes_one_downloads)
{
    pid_t pids[4];
    int wrote = 0;

    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        struct store_blob_writer *writer = NULL;
        int r = store_blob_writer_new(store, SHA, strlen(TEXT), &writer, NULL);
        if (r == 1)
            _exit(1);
        usleep(50 * 1000);
        if (r < 0 || store_blob_writer_write(writer, TEXT, strlen(TEXT), NULL) < 0 ||
            store_blob_writer_commit(writer, NULL) < 0)
            _exit(2);
        store_blob_writer_free(writer);
        _exit(0);
    }
    for (int i = 0; i < 4; i++) {
        int status = 0;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        wrote += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    cr_expect_eq(wrote, 1);
    expect_blob(SHA, TEXT);
}

/* kill -9 in the middle: the lock is free, the bytes are there. */
Test(blob, a_killed_download_is_resumed_by_another_process)
{
    int go[2];
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        struct store_blob_writer *writer = NULL;
        if (store_blob_writer_new(store, SHA, strlen(TEXT), &writer, NULL) < 0 ||
            store_blob_writer_write(writer, "hello", 5, NULL) < 0 || write(go[1], "x", 1) != 1)
            _exit(1);
        alarm(30); /* should the parent fail before it kills us */
        pause();
    }
    cr_assert_eq(read(go[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    struct store_blob_writer *writer = begin(SHA, strlen(TEXT));
    cr_expect_eq(store_blob_writer_have(writer), 5);
    store_blob_writer_free(writer);
}

static void *put_in_thread(void *context)
{
    static const struct {
        const char *digest, *text;
    } blobs[] = {{SHA, TEXT}, {SHA512, TEXT}, {SHA_EMPTY, ""}};
    struct keg_err err = KEG_ERR_INIT;

    for (size_t i = 0; i < KEG_ARRAY_SIZE(blobs); i++)
        if (store_blob_put(store, blobs[i].digest, blobs[i].text, strlen(blobs[i].text), &err) < 0)
            return context;
    return NULL;
}

Test(blob, several_threads_may_use_one_store)
{
    pthread_t threads[8];

    for (size_t i = 0; i < KEG_ARRAY_SIZE(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, put_in_thread, &threads), 0);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(threads); i++) {
        void *failed = &threads;
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_expect_null(failed);
    }
    expect_blob(SHA, TEXT);
    expect_blob(SHA512, TEXT);
    expect_blob(SHA_EMPTY, "");
}

Test(blob, the_chain_id_of_the_lowest_layer_is_its_diff_id)
{
    char text[72];
    store_chain_id(NULL, SHA, text);
    cr_expect_str_eq(text, SHA);
}

Test(blob, the_chain_id_above_is_the_hash_of_both)
{
    char text[72];
    /* printf 'sha256:b94d…cde9 sha256:e3b0…b855' | sha256sum */
    store_chain_id(SHA, SHA_EMPTY, text);
    cr_expect_str_eq(text,
                     "sha256:14dddb5370dc86fdabf86fa27b005eb8bd47e63c20bcdaa7c28a36a7d6f8f766");
}

Test(blob, the_chain_id_of_a_sha512_layer_is_a_digest_too)
{
    char text[72];
    store_chain_id(NULL, SHA512, text);
    cr_expect(keg_is_valid_digest(text));
    cr_expect(keg_starts_with(text, "sha256:"));
}
