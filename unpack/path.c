/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tar entries as components. */
#include "unpack/path.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static int add_part(struct unpack_path *path, size_t *used, const char *part, size_t length,
                    struct keg_err *err)
{
    if (length == 0 || (length == 1 && part[0] == '.'))
        return 0;
    if (length == 2 && memcmp(part, "..", 2) == 0)
        return keg_fail(err, -EBADMSG, "'..' in a name leads out of its folder");
    if (length > NAME_MAX)
        return keg_fail(err, -ENAMETOOLONG, "a component is longer than %d bytes", NAME_MAX);
    if (path->count == KEG_TAR_DEPTH_MAX)
        return keg_fail(err, -ENAMETOOLONG, "the name has more than %d components",
                        KEG_TAR_DEPTH_MAX);
    path->start[path->count++] = (unsigned short)*used;
    memcpy(path->text + *used, part, length);
    path->text[*used + length] = '\0';
    *used += length + 1;
    return 0;
}

int unpack_path_parse(const char *name, struct unpack_path *ret, struct keg_err *err)
{
    if (strlen(name) >= sizeof(ret->text))
        return keg_fail(err, -ENAMETOOLONG, "the name is longer than %zu bytes",
                        sizeof(ret->text) - 1);
    ret->count = 0;
    size_t used = 0;
    for (const char *part = name;;) {
        const char *end = strchrnul(part, '/');
        int r = add_part(ret, &used, part, (size_t)(end - part), err);
        if (r < 0)
            return r;
        if (*end == '\0')
            return 0;
        part = end + 1;
    }
}

const char *unpack_path_part(const struct unpack_path *path, size_t i)
{
    return path->text + path->start[i];
}

const char *unpack_path_last(const struct unpack_path *path)
{
    return unpack_path_part(path, path->count - 1);
}

void unpack_path_join(const struct unpack_path *path, size_t count,
                      char text[static KEG_TAR_PATH_MAX_BYTES])
{
    if (count == 0) {
        memcpy(text, ".", 2);
        return;
    }
    /* The components lie one behind the other with one byte between: only that byte differs. */
    size_t length = path->start[count - 1] + strlen(unpack_path_part(path, count - 1));
    memcpy(text, path->text, length + 1);
    for (size_t i = 1; i < count; i++)
        text[path->start[i] - 1] = '/';
}

void unpack_short_name(const char *name, char text[static UNPACK_SHORT_NAME_BYTES])
{
    size_t length = strlen(name);
    bool is_long = length >= UNPACK_SHORT_NAME_BYTES;
    const char *from = is_long ? name + length - (UNPACK_SHORT_NAME_BYTES - sizeof("...")) : name;
    /* Not in the middle of a character of UTF-8. */
    while (is_long && ((unsigned char)*from & 0xc0) == 0x80)
        from++;
    snprintf(text, UNPACK_SHORT_NAME_BYTES, "%s%s", is_long ? "..." : "", from);
}
