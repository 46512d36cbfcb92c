/* SPDX-License-Identifier: Apache-2.0 */
/* Owners that cannot be given. */
#include "unpack/owner.h"

#include <stdatomic.h>
#include <stdio.h>

/* Three numbers of ten digits in columns; a map of one line and one id. */
#define MAP_MAX_BYTES 64

static bool read_has_one_id(void)
{
    _cleanup_buf_ struct keg_buf map = {0};
    unsigned inside, outside, count;
    if (keg_read_file(AT_FDCWD, "/proc/self/uid_map", MAP_MAX_BYTES, &map, NULL) < 0)
        return false; /* longer: more than one */
    return sscanf(map.data, "%u %u %u", &inside, &outside, &count) == 3 && count == 1;
}

/* Asked for each file of a layer, in several threads; it never changes. */
bool unpack_has_one_id(void)
{
    static atomic_int known; /* 0: not yet, 1: no, 2: yes */
    int value = atomic_load(&known);
    if (value == 0) {
        value = read_has_one_id() ? 2 : 1;
        atomic_store(&known, value);
    }
    return value == 2;
}

void unpack_owner_text(uid_t uid, gid_t gid, mode_t mode, char text[static 40])
{
    (void)snprintf(text, 40, "%u:%u:%04o", uid, gid, mode);
}

int unpack_owner_refused(int code, uid_t uid, gid_t gid, struct keg_err *err)
{
    if (code != -EINVAL)
        return keg_fail(err, code, "set its owner: %s", keg_errno_text(code));
    if (unpack_has_one_id())
        return 0;
    return keg_fail(err, code,
                    "set its owner: %u:%u is none of the ids that '/etc/subuid' and '/etc/subgid' "
                    "give you: they have to give more",
                    uid, gid);
}
