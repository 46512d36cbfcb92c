/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a regular file: blocks at offsets, what lies between them stays a hole. */
#include "unpack/file.h"

static int write_at(int fd, const char *data, size_t length, int64_t offset)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, data, length, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        length -= (size_t)n;
        offset += n;
    }
    return 0;
}

static int write_block(int fd, const void *data, size_t length, int64_t offset, int64_t size,
                       struct keg_err *err)
{
    if (offset < 0 || offset > size || (int64_t)length > size - offset)
        return keg_fail(err, -EBADMSG, "its content goes beyond its size");
    int r = write_at(fd, data, length, offset);
    return r < 0 ? keg_fail(err, r, "write its content: %s", keg_errno_text(r)) : 0;
}

/* The stream ends in the padding behind a content that came whole. */
static bool lacks_only_padding(struct archive *archive, int64_t end, int64_t size)
{
    const char *text = archive_error_string(archive);
    return end == size && text && keg_starts_with(text, "Truncated input file");
}

int unpack_file_data(struct archive *archive, int fd, int64_t size, bool *ret_ended,
                     struct keg_err *err)
{
    const void *data;
    size_t length;
    int64_t offset, end = 0;
    for (;;) {
        int r = archive_read_data_block(archive, &data, &length, &offset);
        if (r == ARCHIVE_EOF)
            break;
        if (r == ARCHIVE_FATAL && lacks_only_padding(archive, end, size)) {
            *ret_ended = true;
            break;
        }
        if (r != ARCHIVE_OK)
            return keg_fail(err, -EBADMSG, "its content: %s", archive_error_string(archive));
        if (length == 0)
            continue;
        r = write_block(fd, data, length, offset, size, err);
        if (r < 0)
            return r;
        end = offset + (int64_t)length;
    }
    if (end < size && ftruncate(fd, size) < 0)
        return keg_fail_errno(err, "give it its size");
    return 0;
}
