/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs on their way in: a .part file, hashed as it grows, that becomes the blob when all of it is
 * verified. */
#include "store/ingest/sha.h"
#include "store/internal.h"

#include <string.h>
#include <sys/stat.h>

#define REHASH_BUFFER_BYTES (128u * 1024)

/* Write-back begins this often while bytes come in, so that the fsync at the end has little left to
 * do. */
#define WRITE_BACK_BYTES (16u * 1024 * 1024)

struct store_blob_writer {
    char *digest;
    char *part; /* "HEX.part" */
    uint64_t size_bytes;
    uint64_t have;
    uint64_t written_back;
    EVP_MD_CTX *sha; /* of the first `have` bytes */
    int dir;         /* borrowed from the store */
    int fd;
    int lock;
    bool is_committed;
};

static int fail_part(const struct store_blob_writer *writer, int code, const char *verb,
                     struct keg_err *err)
{
    return keg_fail(err, code, "%s blob '%s': %s", verb, writer->digest, keg_errno_text(code));
}

static struct store_blob_writer *writer_alloc(const char *digest, uint64_t size_bytes, int dir)
{
    struct store_blob_writer *writer = calloc(1, sizeof(*writer));

    if (!writer)
        return NULL;
    writer->fd = writer->lock = -1;
    writer->dir = dir;
    writer->size_bytes = size_bytes;
    writer->digest = keg_strdup(digest);
    writer->part = keg_asprintf("%s.part", store_digest_hex(digest));
    if (writer->digest && writer->part)
        return writer;
    store_blob_writer_free(writer);
    return NULL;
}

/* Remove the .part where there is nothing in it (or ${always}: then also what was committed), close
 * all. Under the lock, which goes last. */
static void writer_end(struct store_blob_writer *writer, bool always)
{
    if (!writer)
        return;
    if (writer->fd >= 0 && !writer->is_committed && (always || writer->have == 0))
        (void)unlinkat(writer->dir, writer->part, 0);
    if (writer->is_committed && always)
        (void)unlinkat(writer->dir, store_digest_hex(writer->digest), 0);
    keg_cleanup_fd(&writer->fd);
    keg_cleanup_fd(&writer->lock);
    EVP_MD_CTX_free(writer->sha);
    free(writer->digest);
    free(writer->part);
    free(writer);
}

void store_blob_writer_free(struct store_blob_writer *writer)
{
    writer_end(writer, false);
}

void store_blob_writer_discard(struct store_blob_writer *writer)
{
    writer_end(writer, true);
}

static void writer_cleanup(struct store_blob_writer **writer)
{
    store_blob_writer_free(*writer);
}

/* The blob is there, of that size. One of another size is damaged, or the descriptor lies:
 * downloading it mends the one and finds the other out. */
static bool is_there(struct store *store, const char *digest, uint64_t size_bytes)
{
    _cleanup_fd_ int fd = -1;
    uint64_t size = 0;

    return store_blob_open(store, digest, &fd, &size, NULL) == 0 && size == size_bytes;
}

/* By offset: what a failed write left behind the hashed bytes is written over. 0 or -errno. */
static int write_at(int fd, const char *data, size_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, data, length, (off_t)offset);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            length -= (size_t)n;
            offset += (size_t)n;
        }
    }
    return 0;
}

/* Hash what an earlier download left, up to size_bytes. 0 or -errno. */
static int rehash(struct store_blob_writer *writer)
{
    _cleanup_free_ uint8_t *buffer = malloc(REHASH_BUFFER_BYTES);

    if (!buffer)
        return -ENOMEM;
    while (writer->have < writer->size_bytes) {
        uint64_t left = writer->size_bytes - writer->have;
        ssize_t n =
            keg_read(writer->fd, buffer, left < REHASH_BUFFER_BYTES ? left : REHASH_BUFFER_BYTES);

        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        if (store_sha_add(writer->sha, buffer, (size_t)n) < 0)
            return -EIO;
        writer->have += (size_t)n;
    }
    return ftruncate(writer->fd, (off_t)writer->have) < 0 ? -errno : 0;
}

static int open_part(struct store_blob_writer *writer, struct keg_err *err)
{
    struct stat st;
    int r;

    writer->fd = keg_openat(writer->dir, writer->part,
                            O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (writer->fd < 0)
        return fail_part(writer, writer->fd, "open", err);
    if (fstat(writer->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return keg_fail(err, -EPROTO, "open blob '%s': its .part is not a regular file",
                        writer->digest);
    r = rehash(writer);
    /* Unreadable bytes are fetched again. */
    return r == -EIO ? store_blob_writer_restart(writer, err)
           : r < 0   ? fail_part(writer, r, "resume", err)
                     : 0;
}

int store_blob_writer_new(struct store *store, const char *digest, uint64_t size_bytes,
                          struct store_blob_writer **ret, struct keg_err *err)
{
    _cleanup_(writer_cleanup) struct store_blob_writer *writer = NULL;
    int dir = store_blob_dir(store, digest, err);
    int r;

    if (dir < 0)
        return dir;
    if (size_bytes > INT64_MAX)
        return keg_fail(err, -EFBIG, "blob '%s': no file can be so large", digest);
    writer = writer_alloc(digest, size_bytes, dir);
    if (!writer)
        return keg_fail(err, -ENOMEM, "out of memory");
    r = store_lock_digest(store, digest, &writer->lock, err);
    if (r < 0)
        return r;
    if (is_there(store, digest, size_bytes))
        return 1;
    writer->sha = store_sha_new(digest, err);
    r = writer->sha ? open_part(writer, err) : -EIO;
    if (r == 0)
        *ret = TAKE_PTR(writer);
    return r;
}

uint64_t store_blob_writer_have(const struct store_blob_writer *writer)
{
    return writer->have;
}

ssize_t store_blob_writer_read(struct store_blob_writer *writer, uint64_t offset, void *buffer,
                               size_t size)
{
    uint64_t left = offset < writer->have ? writer->have - offset : 0;
    ssize_t n;

    do
        n = pread(writer->fd, buffer, left < size ? left : size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int store_blob_writer_restart(struct store_blob_writer *writer, struct keg_err *err)
{
    int r = ftruncate(writer->fd, 0) < 0 ? -errno : 0;

    if (r == 0)
        r = store_sha_restart(writer->sha, writer->digest);
    if (r < 0)
        return fail_part(writer, r, "restart", err);
    writer->have = 0;
    writer->written_back = 0;
    return 0;
}

static void begin_write_back(struct store_blob_writer *writer)
{
    if (writer->have - writer->written_back < WRITE_BACK_BYTES)
        return;
    /* Only a hint: what it cannot do, the fsync at the end does. */
    (void)sync_file_range(writer->fd, (off_t)writer->written_back,
                          (off_t)(writer->have - writer->written_back), SYNC_FILE_RANGE_WRITE);
    writer->written_back = writer->have;
}

int store_blob_writer_write(struct store_blob_writer *writer, const void *data, size_t length,
                            struct keg_err *err)
{
    int r;

    if (length > writer->size_bytes - writer->have)
        return keg_fail(err, -EBADMSG, "blob '%s': more than its %llu bytes came", writer->digest,
                        (unsigned long long)writer->size_bytes);
    r = write_at(writer->fd, data, length, writer->have);
    if (r == 0)
        r = store_sha_add(writer->sha, data, length);
    if (r < 0)
        return fail_part(writer, r, "write", err);
    writer->have += length;
    begin_write_back(writer);
    return 0;
}

/* Data, then name, then folder: the name is there only when all of the data is. 0 or -errno. */
static int publish(struct store_blob_writer *writer)
{
    if (fchmod(writer->fd, 0400) < 0 || fsync(writer->fd) < 0)
        return -errno;
    if (renameat(writer->dir, writer->part, writer->dir, store_digest_hex(writer->digest)) < 0)
        return -errno;
    writer->is_committed = true;
    return fsync(writer->dir) < 0 ? -errno : 0;
}

int store_blob_writer_commit(struct store_blob_writer *writer, struct keg_err *err)
{
    int r;

    if (writer->is_committed)
        return 0;
    if (writer->have != writer->size_bytes)
        return keg_fail(err, -EBADMSG, "blob '%s': only %llu of its %llu bytes came",
                        writer->digest, (unsigned long long)writer->have,
                        (unsigned long long)writer->size_bytes);
    if (!store_sha_matches(writer->sha, writer->digest)) {
        r = store_blob_writer_restart(writer, err);
        return r < 0 ? r
                     : keg_fail(err, -EBADMSG, "blob '%s': what came has another digest",
                                writer->digest);
    }
    r = publish(writer);
    return r < 0 ? fail_part(writer, r, "commit", err) : 0;
}

int store_blob_put(struct store *store, const char *digest, const void *data, size_t length,
                   struct keg_err *err)
{
    _cleanup_(writer_cleanup) struct store_blob_writer *writer = NULL;
    int r = store_blob_writer_new(store, digest, length, &writer, err);

    if (r > 0) {
        r = store_blob_drop_damaged(store, digest, err);
        if (r <= 0)
            return r;
        r = store_blob_writer_new(store, digest, length, &writer, err);
    }
    if (r != 0)
        return r > 0 ? 0 : r;
    if ((r = store_blob_writer_restart(writer, err)) < 0 ||
        (r = store_blob_writer_write(writer, data, length, err)) < 0)
        return r;
    return store_blob_writer_commit(writer, err);
}
