/* SPDX-License-Identifier: Apache-2.0 */
/* A tar stream, entry by entry: libarchive reads the headers, unpack/entry.c writes. */
#include "unpack/layer.h"

#include <locale.h>
#include <string.h>

/* What libarchive is handed at once: a file up to this size is one write. */
#define BLOCK_BYTES (256u * 1024)

/* Headers of one entry: pax records, long names and, by far the longest, the map of a sparse file,
 * which libarchive takes whole at eight times its size. 8 MiB hold the map of half a million
 * islands. */
#define HEADER_MAX_BYTES (8u * 1024 * 1024)

struct reader {
    struct keg_source *tar;
    uint64_t bytes_max, bytes;
    bool in_header;
    uint64_t header_bytes;
    struct keg_err failure; /* of the source, which libarchive's own texts would hide */
    char block[BLOCK_BYTES];
};

/* Read on, whole blocks where there are that many bytes. Return their number or a negative code. */
static ssize_t fill_block(struct reader *reader)
{
    if (reader->failure.code < 0)
        return reader->failure.code;
    size_t used = 0;
    while (used < sizeof(reader->block)) {
        ssize_t n = keg_source_read(reader->tar, reader->block + used, sizeof(reader->block) - used,
                                    &reader->failure);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    reader->bytes += used;
    reader->header_bytes += used;
    if (reader->in_header && reader->header_bytes > HEADER_MAX_BYTES + sizeof(reader->block))
        return keg_fail(&reader->failure, -EFBIG,
                        "the headers of one entry take more than %u bytes", HEADER_MAX_BYTES);
    if (reader->bytes > reader->bytes_max)
        return keg_fail(&reader->failure, -EFBIG, "the layer's tar has more than %llu bytes",
                        (unsigned long long)reader->bytes_max);
    return (ssize_t)used;
}

static la_ssize_t read_block(struct archive *archive, void *closure, const void **ret)
{
    struct reader *reader = closure;
    ssize_t n = fill_block(reader);
    *ret = reader->block;
    if (n < 0)
        archive_set_error(archive, EIO, "%s", "the stream failed");
    return n < 0 ? ARCHIVE_FATAL : n;
}

/* The bytes behind the end of the archive are part of the digest too. */
static int read_rest(struct reader *reader, struct keg_err *err)
{
    ssize_t n;
    do
        n = fill_block(reader);
    while (n > 0);
    if (n < 0)
        *err = reader->failure;
    return (int)n;
}

/* libarchive warns of a name outside ASCII, for which the locale "C" has no characters, and then
 * keeps its bytes: just what is wanted. Every other warning means that it read something else than
 * was meant. */
static bool is_harmless_warning(struct archive *archive)
{
    const char *text = archive_error_string(archive);
    return text && strstr(text, "can't be converted from") != NULL;
}

static int read_header(struct archive *archive, struct reader *reader, struct archive_entry **ret)
{
    reader->in_header = true;
    reader->header_bytes = 0;
    /* libarchive takes a stale ENOMEM for its own where a name does not convert. */
    errno = 0;
    int r = archive_read_next_header(archive, ret);
    reader->in_header = false;
    return r;
}

/* Return 1 with an entry, 0 at the end of the archive, or a code. */
static int next_entry(struct archive *archive, struct reader *reader, struct archive_entry **ret,
                      struct keg_err *err)
{
    int r = read_header(archive, reader, ret);
    if (reader->failure.code < 0) {
        *err = reader->failure;
        return err->code;
    }
    if (r == ARCHIVE_EOF)
        return 0;
    if (r == ARCHIVE_OK || (r == ARCHIVE_WARN && is_harmless_warning(archive)))
        return 1;
    const char *text = archive_error_string(archive);
    return keg_fail(err, -EBADMSG, "the layer is no tar, or a damaged one: %s",
                    text ? text : "no reason given");
}

static int name_entry(struct archive_entry *entry, struct keg_err *err)
{
    char text[UNPACK_SHORT_NAME_BYTES];
    const char *name = archive_entry_pathname(entry);
    unpack_short_name(name ? name : "", text);
    return keg_wrap(err, "'%s'", text);
}

static int write_entries(struct unpack_writer *writer, struct reader *reader, uint64_t *ret_entries,
                         struct keg_err *err)
{
    struct archive_entry *entry;
    int r = 0;
    uint64_t entries = 0;
    while (!writer->ended && (r = next_entry(writer->archive, reader, &entry, err)) > 0) {
        /* Folders that nobody lists are made as well, and cost as much. */
        if (++entries + writer->parents.implied_count > writer->limits->entries_max)
            return keg_fail(err, -EFBIG, "the layer has more than %llu entries",
                            (unsigned long long)writer->limits->entries_max);
        r = unpack_entry(writer, entry, err);
        if (reader->failure.code < 0)
            *err = reader->failure;
        if (r < 0)
            return name_entry(entry, err);
        /* A content that nobody wanted, a whiteout's for one, is no header of the next entry. Where
         * it fails, so does what comes next. */
        archive_read_data_skip(writer->archive);
    }
    if (r < 0)
        return entries == 0 ? r : keg_wrap(err, "behind entry %llu", (unsigned long long)entries);
    *ret_entries = entries;
    return 0;
}

/* Format tar and no filter, by name: `support_filter_all` would run programs of the host. */
static int open_archive(struct archive *archive, struct reader *reader, struct keg_err *err)
{
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_set_read_callback(archive, read_block) != ARCHIVE_OK ||
        archive_read_set_callback_data(archive, reader) != ARCHIVE_OK)
        return keg_fail(err, -EIO, "libarchive: %s", archive_error_string(archive));
    if (archive_read_open1(archive) == ARCHIVE_OK)
        return 0;
    if (reader->failure.code < 0) {
        *err = reader->failure;
        return err->code;
    }
    return keg_fail(err, -EBADMSG, "the layer is no tar: %s", archive_error_string(archive));
}

static int unpack_stream(struct unpack_writer *writer, struct reader *reader,
                         struct unpack_layer *ret, struct keg_err *err)
{
    struct unpack_layer layer = {0};
    int r = open_archive(writer->archive, reader, err);
    /* No byte at all is an empty archive to Go's readers, and so to every engine. */
    if (r == -EBADMSG && reader->bytes == 0)
        r = 0;
    else if (r == 0)
        r = write_entries(writer, reader, &layer.entries, err);
    if (r == 0)
        r = read_rest(reader, err);
    if (r == 0)
        r = unpack_parents_leave_all(&writer->parents, err);
    if (r < 0)
        return r;
    r = unpack_parents_take_implied(&writer->parents, &layer.implied);
    if (r < 0)
        return keg_fail(err, r, "out of memory");
    layer.size_bytes = writer->size_bytes;
    *ret = layer;
    return 0;
}

/* In this thread only, names are bytes: in a UTF-8 locale libarchive would turn "e" and a combining
 * accent into one character, and so name another file. */
static int unpack_in_c_locale(struct unpack_writer *writer, struct reader *reader,
                              struct unpack_layer *ret, struct keg_err *err)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return keg_fail_errno(err, "use the locale \"C\"");
    locale_t before = uselocale(c);
    int r = unpack_stream(writer, reader, ret, err);
    uselocale(before);
    freelocale(c);
    return r;
}

int unpack_layer_within(struct keg_source *tar, int dirfd, const struct unpack_limits *limits,
                        struct unpack_layer *ret, struct keg_err *err)
{
    struct keg_err unused;
    err = err ? err : &unused;
    _cleanup_free_ struct reader *reader = calloc(1, sizeof(*reader));
    _cleanup_free_ struct unpack_writer *writer = calloc(1, sizeof(*writer));
    struct archive *archive = archive_read_new();
    int r = reader && writer && archive ? 0 : keg_fail(err, -ENOMEM, "unpack: out of memory");
    if (r == 0) {
        reader->tar = tar;
        reader->bytes_max = limits->bytes_max;
        writer->archive = archive;
        writer->limits = limits;
        r = unpack_parents_init(&writer->parents, dirfd, err);
        if (r == 0)
            r = unpack_in_c_locale(writer, reader, ret, err);
        unpack_parents_done(&writer->parents);
    }
    archive_read_free(archive);
    return r;
}

int unpack_layer(struct keg_source *tar, int dirfd, struct unpack_layer *ret, struct keg_err *err)
{
    static const struct unpack_limits limits = {
        .entries_max = KEG_TAR_ENTRIES_MAX,
        .bytes_max = KEG_LAYER_UNPACKED_MAX_BYTES,
    };
    return unpack_layer_within(tar, dirfd, &limits, ret, err);
}

void unpack_layer_done(struct unpack_layer *layer)
{
    if (!layer)
        return;
    keg_strv_free(layer->implied);
    *layer = (struct unpack_layer){0};
}
