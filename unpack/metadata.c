/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, times and xattrs of an entry. */
#include "unpack/metadata.h"

#include "unpack/acl.h"
#include "unpack/owner.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

/* Where an xattr goes: an fd, or where `fd` is -1 a path of /proc that ends in the entry's name.
 * Setting by path is for what must not be opened: a fifo would block, a device would act. */
struct target {
    int fd;
    const char *path;
    mode_t type;
};

static int read_id(int64_t id, const char *what, uint32_t *ret, struct keg_err *err)
{
    /* -1 is "leave as it is" to chown(2). */
    if (id < 0 || id >= UINT32_MAX)
        return keg_fail(err, -EBADMSG, "its %s %lld does not fit", what, (long long)id);
    *ret = (uint32_t)id;
    return 0;
}

int unpack_metadata_read(struct archive_entry *entry, struct unpack_metadata *ret,
                         struct keg_err *err)
{
    int r = read_id(archive_entry_uid(entry), "owner", &ret->uid, err);
    if (r == 0)
        r = read_id(archive_entry_gid(entry), "group", &ret->gid, err);
    if (r < 0)
        return r;
    ret->mode = archive_entry_perm(entry) & 07777;
    ret->times[1].tv_sec = archive_entry_mtime(entry);
    ret->times[1].tv_nsec = archive_entry_mtime_nsec(entry);
    ret->times[0] = ret->times[1];
    if (archive_entry_atime_is_set(entry)) {
        ret->times[0].tv_sec = archive_entry_atime(entry);
        ret->times[0].tv_nsec = archive_entry_atime_nsec(entry);
    }
    ret->entry = entry;
    return 0;
}

bool unpack_xattr_is_left_out(const char *name)
{
    if (keg_starts_with(name, "user."))
        return keg_starts_with(name, "user.overlay.") || keg_starts_with(name, "user.keg.");
    return !keg_streq(name, "security.capability") && !keg_streq(name, UNPACK_ACL_ACCESS) &&
           !keg_streq(name, UNPACK_ACL_DEFAULT);
}

/* What the kernel refuses by the kind of the file (xattr(7), acl(5)): no peer could have unpacked
 * it either, so no image means it. */
static bool kind_cannot_have(mode_t type, const char *name)
{
    if (keg_starts_with(name, "user."))
        return !S_ISREG(type) && !S_ISDIR(type);
    if (keg_streq(name, UNPACK_ACL_DEFAULT))
        return !S_ISDIR(type);
    return S_ISLNK(type) && keg_streq(name, UNPACK_ACL_ACCESS);
}

static int set_xattr(const struct target *target, const char *name, const void *value, size_t size,
                     struct keg_err *err)
{
    if (kind_cannot_have(target->type, name))
        return 0;
    int r = target->fd >= 0 ? fsetxattr(target->fd, name, value, size, 0)
                            : lsetxattr(target->path, name, value, size, 0);
    return r < 0 ? keg_fail_errno(err, "set its xattr '%s'", name) : 0;
}

static int set_xattrs(const struct target *target, struct archive_entry *entry, struct keg_err *err)
{
    const char *name;
    const void *value;
    size_t size;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        if (!name || unpack_xattr_is_left_out(name))
            continue;
        int r = set_xattr(target, name, value, size, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int set_acl(const struct target *target, struct archive_entry *entry, bool is_default,
                   struct keg_err *err)
{
    _cleanup_free_ void *value = NULL;
    size_t size = 0;
    int r = unpack_acl_value(entry, is_default, &value, &size);
    if (r < 0)
        return keg_fail(err, r, "its ACL: %s", keg_errno_text(r));
    if (r == 0)
        return 0;
    r = set_xattr(target, is_default ? UNPACK_ACL_DEFAULT : UNPACK_ACL_ACCESS, value, size, err);
    /* It names users that are not mapped, nor ever will be. */
    return r == -EINVAL && unpack_has_one_id() ? 0 : r;
}

/* Behind chown, which takes security.capability away, and chmod, which rewrites an ACL's mask. */
static int set_extended(const struct target *target, struct archive_entry *entry,
                        struct keg_err *err)
{
    if (archive_entry_xattr_count(entry) > 0) {
        int r = set_xattrs(target, entry, err);
        if (r < 0)
            return r;
    }
    if ((archive_entry_acl_types(entry) & ARCHIVE_ENTRY_ACL_TYPE_POSIX1E) == 0)
        return 0;
    int r = set_acl(target, entry, false, err);
    return r == 0 ? set_acl(target, entry, true, err) : r;
}

/* Behind a chown that failed with ${code}. Who is setuid must not be so for another owner. */
static int keep_owner(const struct unpack_metadata *metadata, const struct target *target, int code,
                      mode_t *mode, struct keg_err *err)
{
    char text[40];
    int r = unpack_owner_refused(code, metadata->uid, metadata->gid, err);
    if (r < 0)
        return r;
    *mode &= ~(mode_t)(S_ISUID | S_ISGID);
    unpack_owner_text(metadata->uid, metadata->gid, metadata->mode, text);
    return set_xattr(target, UNPACK_OWNER_XATTR, text, strlen(text), err);
}

int unpack_metadata_apply_fd(const struct unpack_metadata *metadata, int fd, struct keg_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return keg_fail_errno(err, "stat");
    struct target target = {.fd = fd, .type = st.st_mode & S_IFMT};
    bool chown_it = st.st_uid != metadata->uid || st.st_gid != metadata->gid;
    mode_t mode = metadata->mode;
    int r = chown_it && fchown(fd, metadata->uid, metadata->gid) < 0
                ? keep_owner(metadata, &target, -errno, &mode, err)
                : 0;
    if (r < 0)
        return r;
    /* Also behind each chown, which clears setuid and setgid. */
    if ((chown_it || (st.st_mode & 07777) != mode) && fchmod(fd, mode) < 0)
        return keg_fail_errno(err, "set its mode");
    return set_extended(&target, metadata->entry, err);
}

static int set_extended_by_name(const struct unpack_metadata *metadata, int dirfd, const char *name,
                                mode_t type, struct keg_err *err)
{
    if (archive_entry_xattr_count(metadata->entry) == 0 &&
        archive_entry_acl_types(metadata->entry) == 0)
        return 0;
    char path[sizeof("/proc/self/fd//") + 10 + NAME_MAX];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
    struct target target = {.fd = -1, .path = path, .type = type};
    return set_extended(&target, metadata->entry, err);
}

int unpack_metadata_apply_name(const struct unpack_metadata *metadata, int dirfd, const char *name,
                               struct keg_err *err)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return keg_fail_errno(err, "stat");
    bool chown_it = st.st_uid != metadata->uid || st.st_gid != metadata->gid;
    /* A link, device or fifo takes no xattr that could remember it (xattr(7)). */
    int r = chown_it && fchownat(dirfd, name, metadata->uid, metadata->gid, AT_SYMLINK_NOFOLLOW) < 0
                ? unpack_owner_refused(-errno, metadata->uid, metadata->gid, err)
                : 0;
    if (r < 0)
        return r;
    /* fchmodat() without flags follows a link, but this is none and nobody else writes here; with
     * AT_SYMLINK_NOFOLLOW it would need Linux 6.6 or /proc. */
    bool chmod_it = chown_it || (st.st_mode & 07777) != metadata->mode;
    if (!S_ISLNK(st.st_mode) && chmod_it && fchmodat(dirfd, name, metadata->mode, 0) < 0)
        return keg_fail_errno(err, "set its mode");
    r = set_extended_by_name(metadata, dirfd, name, st.st_mode & S_IFMT, err);
    if (r < 0)
        return r;
    if (utimensat(dirfd, name, metadata->times, AT_SYMLINK_NOFOLLOW) < 0)
        return keg_fail_errno(err, "set its times");
    return 0;
}
