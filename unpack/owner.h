/* SPDX-License-Identifier: Apache-2.0 */
/* Owners that cannot be given: those of a user who may map no id but its own. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Of a file or folder that belongs to its unpacker because its own owner is not mapped:
 * "uid:gid:mode" of the layer, mode in octal. */
#define UNPACK_OWNER_XATTR "user.keg.owner"

/* unpack_has_one_id(): Whether this process is in a user namespace with a single id. */
bool unpack_has_one_id(void);

/* unpack_owner_text(uid, gid, mode, text): The value of that xattr. */
void unpack_owner_text(uid_t uid, gid_t gid, mode_t mode, char text[static 40]);

/* unpack_owner_refused(code, uid, gid, err): What chown(2)'s answer -${code} means: 0 where the
 * owner is to be remembered and the file kept (a single id), else a negative code with words. */
int unpack_owner_refused(int code, uid_t uid, gid_t gid, struct keg_err *err);
