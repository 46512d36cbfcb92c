/* SPDX-License-Identifier: Apache-2.0 */
/* Names of containers and paths of their control groups, as text. */
#include "run/cgroup_internal.h"

#include <string.h>

bool cgroup_id_is_valid(const char *id)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    size_t length = strlen(id);
    return length > 0 && length <= NAME_MAX && id[0] != '.' && strspn(id, allowed) == length;
}

static const char *fault_of(const char *component, size_t length)
{
    if (length > NAME_MAX)
        return "a component is too long";
    if (component[0] == '.' && (length == 1 || (length == 2 && component[1] == '.')))
        return "'.' and '..' are not allowed";
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)component[i] < ' ' || component[i] == 0x7f)
            return "control characters are not allowed";
    return NULL;
}

/* Components are copied down in place: what is written never passes what is read. */
static const char *squeeze(char *path)
{
    char *to = path;
    for (const char *from = path; *from;) {
        size_t length = strcspn(from, "/");
        const char *next = from + length + (from[length] == '/');
        const char *fault = length ? fault_of(from, length) : NULL;
        if (fault)
            return fault;
        if (length) {
            if (to != path)
                *to++ = '/';
            memmove(to, from, length);
            to += length;
        }
        from = next;
    }
    *to = '\0';
    return to == path ? "it is empty" : NULL;
}

int cgroup_path_normalise(const char *path, char **ret, struct keg_err *err)
{
    _cleanup_free_ char *copy = keg_strdup(path);
    if (!copy)
        return keg_fail(err, -ENOMEM, "out of memory");
    const char *fault = strlen(path) >= PATH_MAX / 2 ? "it is too long" : squeeze(copy);
    if (fault)
        return keg_fail(err, -EINVAL, "cgroup path '%s': %s", path, fault);
    *ret = TAKE_PTR(copy);
    return 0;
}
