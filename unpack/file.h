/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a regular file, with its holes. */
#pragma once

#include "base/base.h"

#include <archive.h>
#include <stdint.h>

/* unpack_file_data(archive, fd, size, ret_ended, err): Write the current entry's content, which is
 * ${size} bytes with its holes, to the empty file ${fd}. What a sparse entry does not list stays a
 * hole. *ret_ended becomes true where the stream ends right behind the content, without the padding
 * and the end mark: umoci writes such layers, Go's reader takes them, and libarchive can read no
 * further. -EBADMSG with libarchive's text where the archive is damaged. */
int unpack_file_data(struct archive *archive, int fd, int64_t size, bool *ret_ended,
                     struct keg_err *err);
