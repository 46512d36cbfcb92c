/* SPDX-License-Identifier: Apache-2.0 */
/* docker's -u: names and numbers by an image's own /etc/passwd and /etc/group, read without NSS
 * (whose modules would be the image's, CVE-2019-14271) and bounded (CVE-2026-47262). */
#include "run/accounts.h"
#include "run/run.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#define PASSWD_FIELDS 7
#define GROUP_FIELDS  4

/* One half of "user:group". */
struct wanted_id {
    const char *name; /* NULL: not given */
    bool numeric;
    uint32_t number;
};

struct passwd_line {
    const char *name, *home;
    uint32_t uid, gid;
};

struct group_line {
    const char *name;
    char *members;
    uint32_t gid;
};

/* An account database of the image as one string; "" where it has none. */
static int read_database(int rootfd, const char *path, struct keg_buf *ret, struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_open_in_root(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return keg_buf_str(ret, "");
    if (fd < 0)
        return keg_fail(err, fd, "open '%s' of the image: %s", path, keg_errno_text(fd));
    struct stat st;
    if (fstat(fd, &st) < 0)
        return keg_fail_errno(err, "stat '%s' of the image", path);
    if (!S_ISREG(st.st_mode))
        return keg_fail(err, -EINVAL, "'%s' of the image is not a regular file", path);
    int r = keg_read_all(fd, KEG_PASSWD_MAX_BYTES, ret);
    if (r == -EFBIG)
        return keg_fail(err, r, "'%s' of the image is over %u bytes", path, KEG_PASSWD_MAX_BYTES);
    if (r < 0)
        return keg_fail(err, r, "read '%s' of the image: %s", path, keg_errno_text(r));
    return keg_buf_str(ret, "");
}

static bool next_passwd(char **text, struct passwd_line *ret)
{
    char *fields[PASSWD_FIELDS];
    while (accounts_next(text, fields, PASSWD_FIELDS)) {
        ret->name = fields[0];
        ret->home = fields[5];
        if (accounts_id(fields[2], &ret->uid) && accounts_id(fields[3], &ret->gid))
            return true;
    }
    return false;
}

static bool next_group(char **text, struct group_line *ret)
{
    char *fields[GROUP_FIELDS];
    while (accounts_next(text, fields, GROUP_FIELDS)) {
        ret->name = fields[0];
        ret->members = fields[3];
        if (accounts_id(fields[2], &ret->gid))
            return true;
    }
    return false;
}

static bool looks_numeric(const char *text)
{
    text += *text == '-' || *text == '+';
    if (*text == '\0')
        return false;
    for (; *text; text++)
        if (!isdigit((unsigned char)*text))
            return false;
    return true;
}

/* A number is never looked up as a name: a user called "1000" must not be able to be uid 0
 * (CVE-2016-3697). */
static int parse_wanted(const char *text, struct wanted_id *ret, struct keg_err *err)
{
    *ret = (struct wanted_id){.name = text && *text ? text : NULL};
    if (!ret->name || !looks_numeric(text))
        return 0;
    ret->numeric = true;
    if (!accounts_id(text, &ret->number))
        return keg_fail(err, -ERANGE, "user '%s': uids and gids must be in range 0-%u", text,
                        ACCOUNTS_ID_MAX);
    return 0;
}

static bool wanted_matches(const struct wanted_id *wanted, const char *name, uint32_t number)
{
    return wanted->numeric ? wanted->number == number : keg_streq(wanted->name, name);
}

/* Set uid, gid and home; *ret_name is the login name within ${passwd}, or NULL. */
static int find_user(char *passwd, const struct wanted_id *wanted, struct run_user *user,
                     const char **ret_name, const char **ret_home, struct keg_err *err)
{
    struct passwd_line line;
    for (char *text = passwd; next_passwd(&text, &line);) {
        if (!wanted_matches(wanted, line.name, line.uid))
            continue;
        user->uid = line.uid;
        user->gid = line.gid;
        *ret_name = line.name;
        *ret_home = *line.home ? line.home : "/";
        return 0;
    }
    if (!wanted->numeric)
        return keg_fail(err, -ENOENT, "unable to find user %s: no matching entries in passwd file",
                        wanted->name);
    user->uid = wanted->number;
    user->gid = 0;
    return 0;
}

static bool has_gid(const struct run_user *user, gid_t gid)
{
    for (size_t i = 0; i < user->additional_gids_count; i++)
        if (user->additional_gids[i] == gid)
            return true;
    return false;
}

static int add_gid(struct run_user *user, gid_t gid, struct keg_err *err)
{
    if (has_gid(user, gid))
        return 0;
    if (user->additional_gids_count == KEG_GROUPS_MAX)
        return keg_fail(err, -E2BIG, "/etc/group of the image has over %d groups of the user",
                        KEG_GROUPS_MAX);
    gid_t *gids =
        reallocarray(user->additional_gids, user->additional_gids_count + 1, sizeof(*gids));
    if (!gids)
        return keg_fail(err, -ENOMEM, "groups of the user: out of memory");
    user->additional_gids = gids;
    gids[user->additional_gids_count++] = gid;
    return 0;
}

static bool is_member(char *members, const char *name)
{
    char *rest = members;
    for (const char *member; (member = strsep(&rest, ","));)
        if (strcmp(member, name) == 0)
            return true;
    return false;
}

static int add_groups_of(char *groups, const char *name, struct run_user *user, struct keg_err *err)
{
    struct group_line line;
    for (char *text = groups; name && next_group(&text, &line);) {
        int r = is_member(line.members, name) ? add_gid(user, line.gid, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int find_group(char *groups, const struct wanted_id *wanted, struct run_user *user,
                      struct keg_err *err)
{
    struct group_line line;
    if (wanted->numeric) {
        user->gid = wanted->number;
        return 0;
    }
    for (char *text = groups; next_group(&text, &line);) {
        if (keg_streq(line.name, wanted->name)) {
            user->gid = line.gid;
            return 0;
        }
    }
    return keg_fail(err, -ENOENT, "unable to find group %s: no matching entries in group file",
                    wanted->name);
}

/* The primary gid is in the list too: a program that drops its primary group must not escape rules
 * that deny that group (CVE-2022-36109). With a group of the caller's choice, docker adds no
 * others. */
static int resolve_groups(char *groups, const struct wanted_id *group, const char *name,
                          struct run_user *user, struct keg_err *err)
{
    int r = group->name ? find_group(groups, group, user, err) : 0;
    if (r == 0)
        r = add_gid(user, user->gid, err);
    if (r == 0 && !group->name)
        r = add_groups_of(groups, name, user, err);
    return r;
}

static int lookup(int rootfd, const struct wanted_id *user, const struct wanted_id *group,
                  struct run_user *ret, char **ret_home, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf passwd = keg_buf_init(KEG_PASSWD_MAX_BYTES + 1);
    _cleanup_buf_ struct keg_buf groups = keg_buf_init(KEG_PASSWD_MAX_BYTES + 1);
    const char *name = NULL, *home = "/";
    int r = read_database(rootfd, "/etc/passwd", &passwd, err);
    if (r == 0)
        r = find_user(passwd.data, user, ret, &name, &home, err);
    if (r == 0)
        r = read_database(rootfd, "/etc/group", &groups, err);
    if (r == 0)
        r = resolve_groups(groups.data, group, name, ret, err);
    if (r < 0)
        return r;
    *ret_home = keg_strdup(home);
    return *ret_home ? 0 : keg_fail(err, -ENOMEM, "home folder: out of memory");
}

int run_user_lookup(int rootfd, const char *text, struct run_user *ret, char **ret_home,
                    struct keg_err *err)
{
    _cleanup_free_ char *copy = keg_strdup(text ? text : "");
    if (!copy)
        return keg_fail(err, -ENOMEM, "user: out of memory");
    char *group_text = strchr(copy, ':');
    if (group_text)
        *group_text++ = '\0';
    struct wanted_id user, group;
    int r = parse_wanted(*copy ? copy : "0", &user, err);
    if (r == 0)
        r = parse_wanted(group_text, &group, err);
    if (r < 0)
        return r;
    struct run_user found = {.umask = (mode_t)-1};
    r = lookup(rootfd, &user, &group, &found, ret_home, err);
    if (r < 0) {
        run_user_done(&found);
        return r;
    }
    *ret = found;
    return 0;
}

void run_user_done(struct run_user *user)
{
    if (!user)
        return;
    free(user->additional_gids);
    user->additional_gids = NULL;
    user->additional_gids_count = 0;
}

static int add_group(char *groups, const char *name, struct run_user *user, struct keg_err *err)
{
    struct wanted_id wanted;
    struct run_user found = {.uid = 0};
    int r = parse_wanted(name, &wanted, err);
    if (r < 0)
        return r;
    r = find_group(groups, &wanted, &found, err);
    return r == 0 ? add_gid(user, found.gid, err) : r;
}

int run_user_add_groups(int rootfd, char *const *names, struct run_user *user, struct keg_err *err)
{
    for (char *const *name = names; name && *name; name++) {
        /* next_line() cuts the text up: a fresh one for each. */
        _cleanup_buf_ struct keg_buf groups = keg_buf_init(KEG_PASSWD_MAX_BYTES + 1);
        int r = read_database(rootfd, "/etc/group", &groups, err);
        if (r == 0)
            r = add_group(groups.data, *name, user, err);
        if (r < 0)
            return r;
    }
    return 0;
}
