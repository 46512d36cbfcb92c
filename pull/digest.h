/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of documents that are in memory. */
#pragma once

#include "base/base.h"

#include <stddef.h>

#define DIGEST_TEXT_BYTES 160 /* "sha512:", 128 hex digits, NUL */

/* digest_of(algorithm, data, length, text): "sha256:…" or "sha512:…", as ${algorithm} begins with.
 * 0 or -EIO. */
int digest_of(const char *algorithm, const void *data, size_t length,
              char text[static DIGEST_TEXT_BYTES]);

/* digest_check(digest, data, length, err): -EBADMSG unless ${data} has ${digest}, which is valid.
 * / */
int digest_check(const char *digest, const void *data, size_t length, struct keg_err *err);
