/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a regular file, with its holes. */
#pragma once

#include "base/base.h"

#include <archive.h>
#include <stdint.h>

/* unpack_file_data(archive, fd, size, err): Write the current entry's content, which is ${size}
 * bytes with its holes, to the empty file ${fd}. What a sparse entry does not list stays a hole.
 * -EBADMSG with libarchive's text where the archive is damaged. */
int unpack_file_data(struct archive *archive, int fd, int64_t size, struct keg_err *err);
