/* SPDX-License-Identifier: Apache-2.0 */
/* One tar entry, written into the layer's folder by (parent fd, name). */
#include "unpack/entry.h"

#include "unpack/acl.h"
#include "unpack/file.h"
#include "unpack/metadata.h"
#include "unpack/whiteout.h"

#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* What the kernel's dev_t holds (linux/kdev_t.h): mknod(2) would cut a larger number to another
 * device. */
#define DEVICE_MAJOR_MAX 0xfffu
#define DEVICE_MINOR_MAX 0xfffffu

/* Remove what stands where an entry goes. ${ret_was_whiteout} tells whether that was a whiteout. */
static int clear_way(int dirfd, const char *name, bool *ret_was_whiteout, struct keg_err *err)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return keg_fail_errno(err, "stat what it replaces");
    int r = 0;
    if (S_ISDIR(st.st_mode))
        r = keg_remove_tree(dirfd, name);
    else if (unlinkat(dirfd, name, 0) < 0)
        r = -errno;
    *ret_was_whiteout = unpack_is_whiteout(&st);
    return r < 0 ? keg_fail(err, r, "remove what it replaces: %s", keg_errno_text(r)) : 0;
}

/* How one kind of thing is made at (dirfd, name): 0, or -errno with -EEXIST where something stands
 * there. */
struct maker {
    int (*make)(int dirfd, const char *name, const struct maker *maker);
    mode_t mode;
    dev_t device;
    const char *target; /* of a symbolic link */
    int target_dirfd;   /* of a hard link */
};

/* Make it, in the place of what an earlier entry of that name made. */
static int make_anew(int dirfd, const char *name, const struct maker *maker, struct keg_err *err)
{
    bool was_whiteout;
    int r = maker->make(dirfd, name, maker);
    if (r == -EEXIST) {
        r = clear_way(dirfd, name, &was_whiteout, err);
        if (r < 0)
            return r;
        r = maker->make(dirfd, name, maker);
    }
    return r < 0 ? keg_fail(err, r, "make it: %s", keg_errno_text(r)) : r;
}

/* Undo what a default ACL of the folder above gave: in tar, every entry has all it should have. */
static void drop_inherited_acl(const struct unpack_writer *writer, int fd)
{
    if (!writer->has_default_acl)
        return;
    fremovexattr(fd, UNPACK_ACL_ACCESS);
    fremovexattr(fd, UNPACK_ACL_DEFAULT);
}

static void note_default_acl(struct unpack_writer *writer, int fd)
{
    if (!writer->has_default_acl)
        writer->has_default_acl = fgetxattr(fd, UNPACK_ACL_DEFAULT, NULL, 0) > 0;
}

static bool may_have_default_acl(struct archive_entry *entry)
{
    return archive_entry_xattr_count(entry) > 0 || archive_entry_acl_types(entry) != 0;
}

/* The folder (dirfd, name): there already, or made; in the place of a whiteout it hides what is
 * below. */
static int make_or_open_folder(struct unpack_writer *writer, int dirfd, const char *name,
                               struct keg_err *err)
{
    bool was_whiteout = false;
    struct stat st;
    int r = mkdirat(dirfd, name, 0700) < 0 ? -errno : 0;
    bool made = r == 0;
    if (r == -EEXIST && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISDIR(st.st_mode)) {
        r = clear_way(dirfd, name, &was_whiteout, err);
        if (r < 0)
            return r;
        r = mkdirat(dirfd, name, 0700) < 0 ? -errno : 0;
        made = r == 0;
    }
    if (r < 0 && r != -EEXIST)
        return keg_fail(err, r, "make the folder: %s", keg_errno_text(r));
    _cleanup_fd_ int fd = unpack_open_folder(dirfd, name);
    if (fd < 0)
        return keg_fail(err, fd, "open the folder: %s", keg_errno_text(fd));
    if (made)
        drop_inherited_acl(writer, fd);
    r = was_whiteout ? unpack_set_opaque(fd) : 0;
    if (r < 0)
        return keg_fail(err, r, "make the folder opaque: %s", keg_errno_text(r));
    return TAKE_FD(fd);
}

static int write_root(struct unpack_writer *writer, const struct unpack_metadata *metadata,
                      struct keg_err *err)
{
    struct unpack_frame *root = unpack_parents_top(&writer->parents);
    unpack_parents_named(&writer->parents, &writer->path);
    root->times[0] = metadata->times[0];
    root->times[1] = metadata->times[1];
    root->changed = true;
    int r = unpack_metadata_apply_fd(metadata, root->fd, err);
    note_default_acl(writer, root->fd);
    return r;
}

static int write_folder(struct unpack_writer *writer, const struct unpack_metadata *metadata,
                        struct keg_err *err)
{
    if (writer->path.count == 0)
        return write_root(writer, metadata, err);
    const char *name = unpack_path_last(&writer->path);
    _cleanup_fd_ int fd =
        make_or_open_folder(writer, unpack_parents_top(&writer->parents)->fd, name, err);
    if (fd < 0)
        return fd;
    unpack_parents_named(&writer->parents, &writer->path);
    int r = unpack_metadata_apply_fd(metadata, fd, err);
    if (r == 0 && may_have_default_acl(metadata->entry))
        note_default_acl(writer, fd);
    if (r == 0)
        r = unpack_parents_push(&writer->parents, name, fd, metadata->times, err);
    if (r == 0)
        fd = -1;
    return r;
}

static int make_file(int dirfd, const char *name, const struct maker *maker)
{
    return keg_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, maker->mode);
}

static int write_file(struct unpack_writer *writer, const struct unpack_metadata *metadata,
                      int dirfd, const char *name, struct keg_err *err)
{
    int64_t size = archive_entry_size(metadata->entry);
    if (size < 0 || (uint64_t)size > writer->limits->bytes_max - writer->size_bytes)
        return keg_fail(err, -EFBIG, "the layer unpacks to more than %llu bytes",
                        (unsigned long long)writer->limits->bytes_max);
    /* Never with setuid or setgid while it is being written; mostly the final mode otherwise. */
    struct maker maker = {.make = make_file, .mode = metadata->mode & 0777};
    _cleanup_fd_ int fd = make_anew(dirfd, name, &maker, err);
    if (fd < 0)
        return fd;
    drop_inherited_acl(writer, fd);
    int r = unpack_file_data(writer->archive, fd, size, &writer->ended, err);
    if (r == 0)
        r = unpack_metadata_apply_fd(metadata, fd, err);
    if (r < 0)
        return r;
    if (futimens(fd, metadata->times) < 0)
        return keg_fail_errno(err, "set its times");
    writer->size_bytes += (uint64_t)size;
    return 0;
}

static int make_symlink(int dirfd, const char *name, const struct maker *maker)
{
    return symlinkat(maker->target, dirfd, name) < 0 ? -errno : 0;
}

static int write_symlink(const struct unpack_metadata *metadata, int dirfd, const char *name,
                         struct keg_err *err)
{
    struct maker maker = {.make = make_symlink, .target = archive_entry_symlink(metadata->entry)};
    if (!maker.target || maker.target[0] == '\0')
        return keg_fail(err, -EBADMSG, "a symbolic link to nothing");
    int r = make_anew(dirfd, name, &maker, err);
    return r < 0 ? r : unpack_metadata_apply_name(metadata, dirfd, name, err);
}

static int make_node(int dirfd, const char *name, const struct maker *maker)
{
    return mknodat(dirfd, name, maker->mode, maker->device) < 0 ? -errno : 0;
}

/* A device that may not be made (mknod(2): in a user namespace, or without CAP_MKNOD) is left out,
 * as by docker and podman; a whiteout in its place, which anyone may make, hides what the layers
 * below have there. */
static int hide_device(struct unpack_writer *writer, int dirfd, const char *name,
                       struct keg_err *err)
{
    int r = unpack_whiteout_make(dirfd, name);
    if (r < 0)
        return keg_fail(err, r, "leave the device out: %s", keg_errno_text(r));
    writer->hides_devices = true;
    return 0;
}

static int write_node(struct unpack_writer *writer, const struct unpack_metadata *metadata,
                      int dirfd, const char *name, struct keg_err *err)
{
    mode_t type = archive_entry_filetype(metadata->entry);
    struct maker maker = {.make = make_node, .mode = type | (metadata->mode & 0777)};
    if (type != AE_IFIFO) {
        dev_t major_number = archive_entry_rdevmajor(metadata->entry);
        dev_t minor_number = archive_entry_rdevminor(metadata->entry);
        if (major_number > DEVICE_MAJOR_MAX || minor_number > DEVICE_MINOR_MAX)
            return keg_fail(err, -EBADMSG, "no device has the number %llu:%llu",
                            (unsigned long long)major_number, (unsigned long long)minor_number);
        maker.device = makedev((unsigned int)major_number, (unsigned int)minor_number);
    }
    int r = make_anew(dirfd, name, &maker, err);
    if (r == -EPERM && type != AE_IFIFO)
        return hide_device(writer, dirfd, name, err);
    return r < 0 ? r : unpack_metadata_apply_name(metadata, dirfd, name, err);
}

/* The folder that holds the target of a hard link: mostly the one that the entry itself goes to. */
static int open_target_folder(struct unpack_writer *writer)
{
    const struct unpack_path *target = &writer->target, *path = &writer->path;
    size_t parents = target->count - 1;
    char ours[KEG_TAR_PATH_MAX_BYTES], text[KEG_TAR_PATH_MAX_BYTES];
    unpack_path_join(target, parents, text);
    unpack_path_join(path, path->count - 1, ours);
    if (keg_streq(text, ours))
        return fcntl(unpack_parents_top(&writer->parents)->fd, F_DUPFD_CLOEXEC, 3);
    return keg_open_beneath(writer->parents.frames[0].fd, text, O_PATH | O_DIRECTORY, 0);
}

static int make_link(int dirfd, const char *name, const struct maker *maker)
{
    /* Without AT_SYMLINK_FOLLOW: a link to a symbolic link is one to the link itself. */
    return linkat(maker->target_dirfd, maker->target, dirfd, name, 0) < 0 ? -errno : 0;
}

static bool is_same_file(int dirfd, const char *name, const struct stat *other)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == other->st_ino &&
           st.st_dev == other->st_dev;
}

/* Find what ${text} names: its folder's fd, its name there in ${writer}->target, what it is. */
static int find_target(struct unpack_writer *writer, const char *text, struct stat *ret_st,
                       struct keg_err *err)
{
    char name[UNPACK_SHORT_NAME_BYTES];
    unpack_short_name(text, name);
    int r = unpack_path_parse(text, &writer->target, err);
    if (r < 0)
        return keg_wrap(err, "a hard link to '%s'", name);
    _cleanup_fd_ int fd = writer->target.count > 0 ? open_target_folder(writer) : -ENOENT;
    if (fd < 0 || fstatat(fd, unpack_path_last(&writer->target), ret_st, AT_SYMLINK_NOFOLLOW) < 0 ||
        (unpack_is_whiteout(ret_st) && !writer->hides_devices))
        return keg_fail(err, -EBADMSG,
                        "a hard link to '%s', which no earlier entry of this layer made", name);
    if (S_ISDIR(ret_st->st_mode))
        return keg_fail(err, -EBADMSG, "a hard link to the folder '%s'", name);
    return TAKE_FD(fd);
}

/* A hard link gets no metadata of its own: it is the file that an earlier entry described. */
static int write_hardlink(struct unpack_writer *writer, struct archive_entry *entry, int dirfd,
                          const char *name, struct keg_err *err)
{
    /* Readers disagree whether a body follows such a header: what is a body to one is entries to
     * another. */
    if (archive_entry_size(entry) > 0)
        return keg_fail(err, -EBADMSG, "a hard link with a content of its own");
    struct stat st;
    _cleanup_fd_ int fd = find_target(writer, archive_entry_hardlink(entry), &st, err);
    if (fd < 0)
        return fd;
    if (is_same_file(dirfd, name, &st))
        return 0;
    struct maker maker = {
        .make = make_link, .target = unpack_path_last(&writer->target), .target_dirfd = fd};
    return make_anew(dirfd, name, &maker, err);
}

static int write_whiteout(struct unpack_writer *writer, int dirfd, const char *name,
                          struct keg_err *err)
{
    const char *hidden = unpack_whiteout_hidden(name);
    int r = unpack_whiteout_make(dirfd, hidden);
    if (r != -EEXIST)
        return r < 0 ? keg_fail(err, r, "make the whiteout: %s", keg_errno_text(r)) : 0;
    /* The layer's own entry stays, as a whiteout speaks of lower layers only; a folder must not
     * merge with the one that it takes the place of. */
    _cleanup_fd_ int fd = unpack_open_folder(dirfd, hidden);
    if (fd == -ENOTDIR || fd == -ELOOP)
        return 0;
    r = fd < 0 ? fd : unpack_set_opaque(fd);
    if (r < 0)
        return keg_fail(err, r, "make '%s' opaque: %s", hidden, keg_errno_text(r));
    char *last = writer->path.text + writer->path.start[writer->path.count - 1];
    memmove(last, hidden, strlen(hidden) + 1);
    unpack_parents_named(&writer->parents, &writer->path);
    return 0;
}

static int write_opaque(int dirfd, struct keg_err *err)
{
    /* The root of a layer that hides all below: overlayfs ignores the mark there, and so do its
     * users docker and podman. */
    int r = unpack_set_opaque(dirfd);
    return r < 0 ? keg_fail(err, r, "make the folder opaque: %s", keg_errno_text(r)) : 0;
}

/* A name that ends in a slash makes a folder of an old tar's "regular file". */
static mode_t entry_type(struct archive_entry *entry, const char *name)
{
    mode_t type = archive_entry_filetype(entry);
    return type == AE_IFREG && keg_ends_with(name, "/") ? AE_IFDIR : type;
}

static int write_by_type(struct unpack_writer *writer, struct archive_entry *entry, mode_t type,
                         struct keg_err *err)
{
    struct unpack_metadata metadata;
    int r = unpack_metadata_read(entry, &metadata, err);
    if (r < 0)
        return r;
    if (type == AE_IFDIR)
        return write_folder(writer, &metadata, err);
    int dirfd = unpack_parents_top(&writer->parents)->fd;
    const char *name = unpack_path_last(&writer->path);
    if (type == AE_IFREG)
        return write_file(writer, &metadata, dirfd, name, err);
    if (type == AE_IFLNK)
        return write_symlink(&metadata, dirfd, name, err);
    if (type == AE_IFCHR || type == AE_IFBLK || type == AE_IFIFO)
        return write_node(writer, &metadata, dirfd, name, err);
    return keg_fail(err, -EBADMSG, "a kind of entry that a layer cannot have");
}

/* The parent is entered and will change. */
static int write_in_parent(struct unpack_writer *writer, struct archive_entry *entry,
                           enum unpack_whiteout whiteout, mode_t type, struct keg_err *err)
{
    struct unpack_frame *top = unpack_parents_top(&writer->parents);
    top->changed = true;
    if (whiteout == UNPACK_WHITEOUT_OPAQUE)
        return write_opaque(top->fd, err);
    const char *name = unpack_path_last(&writer->path);
    if (whiteout == UNPACK_WHITEOUT_NAME)
        return write_whiteout(writer, top->fd, name, err);
    if (archive_entry_hardlink(entry))
        return write_hardlink(writer, entry, top->fd, name, err);
    return write_by_type(writer, entry, type, err);
}

int unpack_entry(struct unpack_writer *writer, struct archive_entry *entry, struct keg_err *err)
{
    const char *name = archive_entry_pathname(entry);
    if (!name)
        return keg_fail(err, -EBADMSG, "an entry without a name");
    enum unpack_whiteout whiteout;
    int r = unpack_path_parse(name, &writer->path, err);
    if (r == 0)
        r = unpack_whiteout_kind(&writer->path, &whiteout, err);
    if (r < 0)
        return r;
    mode_t type = entry_type(entry, name);
    /* A socket is bound by the process that makes it: what tar holds of one is of no use. */
    if (whiteout == UNPACK_WHITEOUT_SKIP || type == AE_IFSOCK)
        return 0;
    if (writer->path.count == 0) {
        if (type != AE_IFDIR || archive_entry_hardlink(entry))
            return keg_fail(err, -EBADMSG, "only a folder may name the root of a layer");
        r = unpack_parents_enter(&writer->parents, &writer->path, 0, err);
        return r < 0 ? r : write_by_type(writer, entry, type, err);
    }
    r = unpack_parents_enter(&writer->parents, &writer->path, writer->path.count - 1, err);
    return r < 0 ? r : write_in_parent(writer, entry, whiteout, type, err);
}
