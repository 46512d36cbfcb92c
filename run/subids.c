/* SPDX-License-Identifier: Apache-2.0 */
/* Subordinate ids: read without NSS, bounded; that they are really ours newuidmap(1) checks. */
#include "run/subids.h"

#include "run/accounts.h"

#define PASSWD_FIELDS 7
#define SUBID_FIELDS  3

/* user_namespaces(7): a map has at most 340 lines; one is the user's own id. */
#define RANGES_MAX 339

const char *subids_login_name(char *passwd, uint32_t uid)
{
    char *fields[PASSWD_FIELDS];
    uint32_t found;
    while (accounts_next(&passwd, fields, PASSWD_FIELDS))
        if (accounts_id(fields[2], &found) && found == uid && fields[0][0] != '\0')
            return fields[0];
    return NULL;
}

static bool is_owner(const char *text, const char *name, uint32_t uid)
{
    uint32_t number;
    return keg_streq(text, name) || (accounts_id(text, &number) && number == uid);
}

/* Append "name:start:count" behind the ids that are mapped already. Sites count from 2^31 on too.
 */
static int add_range(char *const *fields, uint32_t *next_id, struct run_id_maps *ret)
{
    uint64_t start, count;
    if (keg_parse_u64(fields[1], 1, UINT32_MAX - 1, &start) < 0 ||
        keg_parse_u64(fields[2], 1, UINT32_MAX - start, &count) < 0 ||
        count > UINT32_MAX - *next_id)
        return 0;
    int r = run_id_maps_add(ret, *next_id, (uint32_t)start, (uint32_t)count);
    *next_id += (uint32_t)count;
    return r;
}

int subids_maps(char *text, const char *name, uint32_t uid, uint32_t own, struct run_id_maps *ret)
{
    char *fields[SUBID_FIELDS];
    uint32_t next_id = 1;
    *ret = (struct run_id_maps){0};
    int r = run_id_maps_add(ret, 0, own, 1);
    while (r == 0 && ret->count <= RANGES_MAX && accounts_next(&text, fields, SUBID_FIELDS))
        if (is_owner(fields[0], name, uid))
            r = add_range(fields, &next_id, ret);
    return r < 0 ? r : ret->count > 1;
}

/* A file that is not there gives nobody anything. */
static int read_file(const char *path, struct keg_buf *ret, struct keg_err *err)
{
    int r = keg_read_file(AT_FDCWD, path, KEG_PASSWD_MAX_BYTES, ret, err);
    if (r != -ENOENT)
        return r;
    *ret = keg_buf_init(1);
    return keg_buf_str(ret, "");
}

static int read_maps(const char *path, const char *name, uint32_t uid, uint32_t own,
                     struct run_id_maps *ret, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf text = {0};
    int r = read_file(path, &text, err);
    if (r < 0)
        return r;
    r = subids_maps(text.data, name, uid, own, ret);
    return r < 0 ? keg_fail(err, r, "out of memory") : r;
}

int subids_read(uint32_t uid, uint32_t gid, struct run_id_maps *ret_uids,
                struct run_id_maps *ret_gids, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf passwd = {0};
    *ret_uids = *ret_gids = (struct run_id_maps){0};
    int r = read_file("/etc/passwd", &passwd, err);
    if (r < 0)
        return r;
    const char *name = subids_login_name(passwd.data, uid);
    if (!name)
        name = getenv("LOGNAME");
    int has_uids = read_maps("/etc/subuid", name, uid, uid, ret_uids, err);
    int has_gids = has_uids < 0 ? 0 : read_maps("/etc/subgid", name, uid, gid, ret_gids, err);
    if (has_uids < 0 || has_gids < 0)
        return has_uids < 0 ? has_uids : has_gids;
    if (has_uids == has_gids)
        return has_uids;
    return keg_fail(err, -EINVAL,
                    "'/etc/%s' gives user %u subordinate ids, but '/etc/%s' gives none: both are "
                    "needed, or neither",
                    has_uids ? "subuid" : "subgid", uid, has_uids ? "subgid" : "subuid");
}
