/* SPDX-License-Identifier: Apache-2.0 */
/* Where states are kept without --root. */
#include "cmd/runtime/runtime.h"

#include <inttypes.h>
#include <string.h>

/* The map of the initial user namespace: all ids on themselves. */
static bool is_identity(const char *map)
{
    uint32_t inside, outside, size;
    return sscanf(map, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside, &outside, &size) == 3 &&
           inside == 0 && outside == 0 && size == UINT32_MAX;
}

static bool in_user_namespace(void)
{
    struct keg_buf map;
    if (keg_read_file(AT_FDCWD, "/proc/self/uid_map", 64 * 1024, &map, NULL) < 0)
        return false;
    bool inside = map.length > 0 && !is_identity(map.data);
    keg_buf_done(&map);
    return inside;
}

static bool is_rootless(const char *rootless, const char *user_dir)
{
    if (rootless && !keg_streq(rootless, "auto"))
        return keg_streq(rootless, "true");
    return geteuid() != 0 || (user_dir && in_user_namespace());
}

int runtime_default_root(const char *rootless, char **ret, struct keg_err *err)
{
    const char *user_dir = getenv("XDG_RUNTIME_DIR");
    if (user_dir && user_dir[0] != '/')
        user_dir = NULL;
    bool user = is_rootless(rootless, user_dir);
    if (user && !user_dir)
        return keg_fail(err, -EINVAL, "without root $XDG_RUNTIME_DIR must be set, or --root given");
    *ret = keg_asprintf("%s/keg/runtime", user ? user_dir : "/run");
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}
