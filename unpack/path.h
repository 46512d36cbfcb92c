/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tar entries as components: bytes, never resolved as a string. */
#pragma once

#include "base/base.h"

/* `text` holds the components, each ended by a NUL; `start` where each begins. No component is
 * empty,
 * "." or "..", none is longer than NAME_MAX. No component at all is the root. */
struct unpack_path {
    size_t count;
    unsigned short start[KEG_TAR_DEPTH_MAX];
    char text[KEG_TAR_PATH_MAX_BYTES];
};

/* unpack_path_parse(name, ret, err): Split ${name}; leading slashes, empty components and "." are
 * cut. -EBADMSG for "..", -ENAMETOOLONG for a name, a component or a depth over its limit; errors
 * do not repeat the name. */
int unpack_path_parse(const char *name, struct unpack_path *ret, struct keg_err *err);

/* unpack_path_part(path, i): Component ${i}; unpack_path_last(path): the last one, of a path that
 * is not the root. */
const char *unpack_path_part(const struct unpack_path *path, size_t i);
const char *unpack_path_last(const struct unpack_path *path);

/* unpack_path_join(path, count, text): The first ${count} components with slashes between them; "."
 * for none. */
void unpack_path_join(const struct unpack_path *path, size_t count,
                      char text[static KEG_TAR_PATH_MAX_BYTES]);

#define UNPACK_SHORT_NAME_BYTES 200

/* unpack_short_name(name, text): ${name} for a message: of a long one the end, with "..." before
 * it, so that the cause behind it is not cut off. */
void unpack_short_name(const char *name, char text[static UNPACK_SHORT_NAME_BYTES]);
