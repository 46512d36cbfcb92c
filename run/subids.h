/* SPDX-License-Identifier: Apache-2.0 */
/* The ids that an ordinary user may map: subuid(5), subgid(5). Private to run/. */
#pragma once

#include "run/run.h"

/* subids_login_name(passwd, uid): The name of ${uid} in the text of a passwd(5) file, which is cut
 * to pieces; NULL where it has none. Points into ${passwd}. */
const char *subids_login_name(char *passwd, uint32_t uid);

/* subids_maps(text, name, uid, own, ret): The map of a user namespace of ${uid}'s: 0 is ${own} (its
 * uid, or its gid), and from 1 on come the ranges that ${text}, which is cut to pieces, gives to
 * ${name} (may be NULL) or to ${uid} as a number. Lines that do not parse, empty ranges and those
 * that the kernel has no room for are left out. ${ret} is initialised by this call. 1 with ranges,
 * 0 where there are none (the own id is mapped all the same), or -ENOMEM. */
int subids_maps(char *text, const char *name, uint32_t uid, uint32_t own, struct run_id_maps *ret);

/* subids_read(uid, gid, ret_uids, ret_gids, err): The same from this machine's /etc/subuid and
 * /etc/subgid, with the name that /etc/passwd has, else $LOGNAME (newuidmap(1) believes neither).
 * 1 with ranges of both, 0 where there are none. -EINVAL: of one kind only. The caller frees both
 * maps, also on failure. */
int subids_read(uint32_t uid, uint32_t gid, struct run_id_maps *ret_uids,
                struct run_id_maps *ret_gids, struct keg_err *err);
