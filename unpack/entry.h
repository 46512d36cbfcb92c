/* SPDX-License-Identifier: Apache-2.0 */
/* One tar entry, written into the layer's folder. */
#pragma once

#include "unpack/parents.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>

/* Bounds of one layer; tests lower them. */
struct unpack_limits {
    uint64_t entries_max;
    uint64_t bytes_max; /* of files as their entries say, and of the tar stream itself */
};

/* What writing the entries of one layer needs from one to the next. */
struct unpack_writer {
    struct archive *archive;
    const struct unpack_limits *limits;
    uint64_t size_bytes;       /* of regular files so far */
    bool ended;                /* the stream, before an end mark came */
    bool hides_devices;        /* whiteouts stand for devices that may not be made */
    bool has_default_acl;      /* some folder hands an ACL down to what is made in it */
    struct unpack_path path;   /* the entry's name */
    struct unpack_path target; /* of a hard link */
    struct unpack_parents parents;
};

/* unpack_entry(writer, entry, err): Write ${entry}, whose data ${writer}->archive has ready. An
 * entry of a name that is there already replaces it; a folder met again only changes attributes.
 * Errors do not name the entry: the caller does. */
int unpack_entry(struct unpack_writer *writer, struct archive_entry *entry, struct keg_err *err);
