/* SPDX-License-Identifier: Apache-2.0 */
/* What an honest layer turns into: kinds, owners, modes, times, xattrs, links, holes, names. */
#include "tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static struct stat stat_of(int dirfd, const char *name)
{
    struct stat st;
    cr_assert_eq(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0, "%s: %s", name,
                 strerror(errno));
    return st;
}

static void expect_content(int dirfd, const char *name, const char *expected)
{
    struct keg_buf content;
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(keg_read_file(dirfd, name, 1u << 20, &content, &err), 0, "%s", err.text);
    cr_assert_str_eq(content.length ? content.data : "", expected);
    keg_buf_done(&content);
}

Test(layer, every_kind_of_entry)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "d/", .type = '5'}, {.name = "d/f", .data = "text"},
        {.name = "d/l", .type = '2', .link = "../f"}, {.name = "d/h", .type = '1', .link = "d/f"},
        {.name = "d/fifo", .type = '6'}, {.name = "d/null", .type = '3', .major = 1, .minor = 3},
        {.name = "d/loop", .type = '4', .major = 7, .minor = 0xfffff});
    unpack_ok(&tar, fd);
    _cleanup_free_ char *names = listing(fd);
    cr_assert_str_eq(names, "d/\nd/f\nd/fifo|\nd/h\nd/l-> ../f\nd/loop!\nd/null!\n");
    expect_content(fd, "d/h", "text");
    cr_assert_eq(stat_of(fd, "d/f").st_nlink, 2);
    cr_assert(S_ISCHR(stat_of(fd, "d/null").st_mode));
    cr_assert_eq(stat_of(fd, "d/null").st_rdev, makedev(1, 3));
    cr_assert(S_ISBLK(stat_of(fd, "d/loop").st_mode));
    cr_assert_eq(stat_of(fd, "d/loop").st_rdev, makedev(7, 0xfffff));
}

Test(layer, counts_entries_and_bytes_once_for_hard_links)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    struct unpack_layer layer = {0};
    struct keg_err err = KEG_ERR_INIT;
    TAR(&tar, {.name = "a", .data = "12345"}, {.name = "h", .type = '1', .link = "a"},
        {.name = "b", .data = "678"});
    cr_assert_eq(unpack(&tar, fd, &layer, &err), 0, "%s", err.text);
    cr_assert_eq(layer.entries, 3);
    cr_assert_eq(layer.size_bytes, 8);
    unpack_layer_done(&layer);
}

Test(layer, no_bytes_at_all_or_an_end_mark_only_is_an_empty_layer)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    unpack_ok(&tar, fd);
    tar_end(&tar);
    unpack_ok(&tar, fd);
    _cleanup_free_ char *names = listing(fd);
    cr_assert_str_eq(names, "");
}

Test(layer, padding_and_end_mark_may_be_missing_as_umoci_leaves_them)
{
    static const size_t ends[] = {1024 + 512 + 7, 1024 + 512 + 100, 2047, 2048, 2049 - 1 + 512};
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a", .data = "content"}, {.name = "b", .data = "content"});
    for (size_t i = 0; i < KEG_ARRAY_SIZE(ends); i++) {
        char name[] = {(char)('0' + i), '\0'};
        _cleanup_fd_ int into = folder(fd, name);
        tar.length = ends[i];
        unpack_ok(&tar, into);
        _cleanup_free_ char *names = listing(into);
        cr_assert_str_eq(names, "a\nb\n", "cut at %zu", ends[i]);
    }
}

struct mode {
    const char *name;
    char type;
    unsigned int mode;
    uid_t uid;
    gid_t gid;
};

static const struct mode modes[] = {
    {"plain", '0', 0644, 0, 0},        {"setuid", '0', 04755, 0, 0},
    {"setgid", '0', 02755, 0, 42},     {"both", '0', 06711, 1000, 1000},
    {"sticky", '0', 01644, 0, 0},      {"open", '0', 0666, 65534, 65534},
    {"none", '0', 01, 0, 4294967294u}, {"tmp", '5', 01777, 0, 0},
    {"group", '5', 02775, 5, 50},      {"group/in", '0', 0644, 0, 0},
    {"group/sub", '5', 0755, 0, 0},    {"private", '5', 0100, 7, 7},
    {"pipe", '6', 0622, 3, 4},         {"device", '3', 0660, 0, 6},
};

Test(layer, owners_and_modes_whatever_the_umask)
{
    int fd = scratch();
    umask(077);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(modes); i++)
        tar_add(&tar, &(struct tar_entry){.name = modes[i].name,
                                          .type = modes[i].type,
                                          .mode = modes[i].mode,
                                          .uid = modes[i].uid,
                                          .gid = modes[i].gid,
                                          .major = 1,
                                          .minor = 3});
    TAR(&tar, {.name = "link", .type = '2', .link = "plain", .uid = 11, .gid = 12});
    unpack_ok(&tar, fd);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(modes); i++) {
        struct stat st = stat_of(fd, modes[i].name);
        cr_assert_eq(st.st_mode & 07777, modes[i].mode, "%s: %o", modes[i].name, st.st_mode);
        cr_assert(st.st_uid == modes[i].uid && st.st_gid == modes[i].gid, "%s", modes[i].name);
    }
    cr_assert(stat_of(fd, "link").st_uid == 11 && stat_of(fd, "link").st_gid == 12);
    cr_assert_eq(stat_of(fd, "plain").st_uid, 0);
}

Test(layer, implied_folders_are_0755_whatever_the_umask)
{
    int fd = scratch();
    umask(077);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a/b/f"});
    unpack_ok(&tar, fd);
    cr_assert_eq(stat_of(fd, "a/b").st_mode, S_IFDIR | 0755);
    cr_assert_eq(stat_of(fd, ".").st_mode, S_IFDIR | 0755);
}

static void expect_mtime(int dirfd, const char *name, int64_t seconds, long nanoseconds)
{
    struct stat st = stat_of(dirfd, name);
    cr_assert_eq(st.st_mtim.tv_sec, seconds, "%s: %lld", name, (long long)st.st_mtim.tv_sec);
    cr_assert_eq(st.st_mtim.tv_nsec, nanoseconds, "%s: %ld", name, st.st_mtim.tv_nsec);
}

static void add_times(struct keg_buf *tar)
{
    tar_pax(tar, (const char *[]){"mtime", "1700000000.123456789", "atime", "5.000000001", NULL});
    tar_add(tar, &(struct tar_entry){.name = "file"});
    tar_pax(tar, (const char *[]){"mtime", "1700000001.000000002", NULL});
    tar_add(tar, &(struct tar_entry){.name = "link", .type = '2', .link = "x"});
    tar_add(tar, &(struct tar_entry){.name = "old", .mtime = -1000});
    TAR(tar, {.name = "epoch"}, {.name = "fifo", .type = '6', .mtime = 77},
        {.name = "late", .mtime = 4294967296});
}

static void check_times(int fd)
{
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    add_times(&tar);
    unpack_ok(&tar, fd);
    expect_mtime(fd, "file", 1700000000, 123456789);
    cr_assert(stat_of(fd, "file").st_atim.tv_sec == 5 && stat_of(fd, "file").st_atim.tv_nsec == 1);
    expect_mtime(fd, "link", 1700000001, 2);
    expect_mtime(fd, "old", -1000, 0);
    expect_mtime(fd, "epoch", 0, 0);
    expect_mtime(fd, "fifo", 77, 0);
    expect_mtime(fd, "late", 4294967296, 0);
}

Test(layer, times_to_the_nanosecond_and_before_1970)
{
    check_times(scratch());
}

Test(layer, times_on_ext4)
{
    check_times(scratch_ext4());
}

Test(layer, folders_keep_their_times_however_often_they_are_visited)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "./", .type = '5', .mtime = 1}, {.name = "a/", .type = '5', .mtime = 2},
        {.name = "a/b/", .type = '5', .mtime = 3}, {.name = "a/b/f"},
        {.name = "c/", .type = '5', .mtime = 4}, {.name = "a/b/g"}, {.name = "a/.wh.x"},
        {.name = "c/b", .type = '1', .link = "a/b/f"}, {.name = "c/d/", .type = '5', .mtime = 5},
        {.name = "a/b/", .type = '5', .mtime = 6, .mode = 0700}, {.name = "c/d/.wh..wh..opq"},
        {.name = "a/b/f", .data = "replaced"});
    unpack_ok(&tar, fd);
    expect_mtime(fd, ".", 1, 0);
    expect_mtime(fd, "a", 2, 0);
    expect_mtime(fd, "a/b", 6, 0);
    expect_mtime(fd, "c", 4, 0);
    expect_mtime(fd, "c/d", 5, 0);
    cr_assert_eq(stat_of(fd, "a/b").st_mode & 07777, 0700);
}

Test(layer, folders_deeper_than_fds_are_kept_open)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin(), name = keg_buf_init(4096);
    for (int i = 0; i < 300; i++) {
        keg_buf_str(&name, "d/");
        tar_pax(&tar, (const char *[]){"path", name.data, NULL});
        tar_add(&tar, &(struct tar_entry){.name = "d", .type = '5', .mtime = 1000 + i});
    }
    TAR(&tar, {.name = "d/d/d/f"}, {.name = "e"});
    unpack_ok(&tar, fd);
    for (int i = 0; i < 300; i++) {
        name.data[2 * i + 2] = '\0';
        expect_mtime(fd, name.data, 1000 + i, 0);
        name.data[2 * i + 2] = 'd';
    }
}

Test(layer, later_entries_replace_earlier_ones_of_the_same_name)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "file", .data = "a long one", .uid = 5}, {.name = "file", .data = "short"},
        {.name = "d/sub/f"}, {.name = "d", .data = "now a file"}, {.name = "f", .data = "x"},
        {.name = "f/", .type = '5'}, {.name = "f/in", .data = "y"},
        {.name = "l", .type = '2', .link = "file"}, {.name = "l", .type = '2', .link = "other"},
        {.name = "self", .data = "s"}, {.name = "self", .type = '1', .link = "./self"},
        {.name = "h", .data = "old"}, {.name = "h", .type = '1', .link = "file"},
        {.name = "p", .data = "x"}, {.name = "p", .type = '6'});
    unpack_ok(&tar, fd);
    _cleanup_free_ char *names = listing(fd);
    cr_assert_str_eq(names, "d\nf/\nf/in\nfile\nh\nl-> other\np|\nself\n");
    expect_content(fd, "file", "short");
    cr_assert_eq(stat_of(fd, "file").st_uid, 0);
    expect_content(fd, "d", "now a file");
    expect_content(fd, "self", "s");
    expect_content(fd, "h", "short");
    cr_assert_eq(stat_of(fd, "self").st_nlink, 1);
}

Test(layer, replacing_one_name_of_a_file_leaves_its_other_names)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a", .data = "first"}, {.name = "b", .type = '1', .link = "a"},
        {.name = "a", .data = "second"});
    unpack_ok(&tar, fd);
    expect_content(fd, "a", "second");
    expect_content(fd, "b", "first");
}

Test(layer, leading_slashes_and_dots_are_cut)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "/abs", .data = "1"}, {.name = "./dot"}, {.name = "//a//b/./c"},
        {.name = "h", .type = '1', .link = "/abs"}, {.name = "old/", .type = '0'});
    unpack_ok(&tar, fd);
    _cleanup_free_ char *names = listing(fd);
    cr_assert_str_eq(names, "a/\na/b/\na/b/c\nabs\ndot\nh\nold/\n");
    cr_assert_eq(stat_of(fd, "abs").st_nlink, 2);
}

/* Names in every form that a tar can hold them: byte for byte, in any locale of the process. */
static const char *const odd_names[] = {
    "caf\xc3\xa9", "cafe\xcc\x81", "\xe4\xb8\xad\xe6\x96\x87", "latin\xe9",
    "bad\xff\xfe", "new\nline",    "tab\t and space ",         "\\back",
    "quote\"'",    "-rf",
};

static void check_names(const char *locale)
{
    int fd = scratch();
    setlocale(LC_ALL, locale);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(odd_names); i++) {
        _cleanup_free_ char *pax = keg_asprintf("pax/%s", odd_names[i]),
                            *link = keg_asprintf("pax/l%s", odd_names[i]),
                            *plain = keg_asprintf("plain/%s", odd_names[i]);
        tar_pax(&tar, (const char *[]){"path", pax, "uname", odd_names[i], NULL});
        tar_add(&tar, &(struct tar_entry){.name = "x", .data = "x"});
        tar_pax(&tar, (const char *[]){"path", link, "linkpath", pax, NULL});
        tar_add(&tar, &(struct tar_entry){.name = "x", .type = '1', .link = "y"});
        tar_add(&tar, &(struct tar_entry){.name = plain, .type = '2', .link = odd_names[i]});
    }
    tar_pax(&tar, (const char *[]){"path", "folder\xc3\xa9/", NULL});
    TAR(&tar, {.name = "x"});
    unpack_ok(&tar, fd);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(odd_names); i++) {
        char target[64] = "";
        _cleanup_free_ char *pax = keg_asprintf("pax/l%s", odd_names[i]),
                            *plain = keg_asprintf("plain/%s", odd_names[i]);
        cr_assert_eq(stat_of(fd, pax).st_nlink, 2);
        cr_assert_gt(readlinkat(fd, plain, target, sizeof(target) - 1), 0);
        cr_assert_str_eq(target, odd_names[i]);
    }
    cr_assert(S_ISDIR(stat_of(fd, "folder\xc3\xa9").st_mode));
}

Test(layer, names_are_bytes_in_the_locale_c)
{
    check_names("C");
}

Test(layer, names_are_bytes_in_a_utf8_locale)
{
    check_names("C.UTF-8");
}

Test(layer, names_of_255_bytes_and_long_paths)
{
    int fd = scratch();
    char part[256], path[2000] = "";
    memset(part, 'n', 255);
    part[255] = '\0';
    for (int i = 0; i < 7; i++)
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s%s", i ? "/" : "", part);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_add(&tar,
            &(struct tar_entry){
                .name = "././@LongLink", .type = 'L', .data = path, .size = strlen(path) + 1});
    TAR(&tar, {.name = "nnn", .data = "deep"});
    unpack_ok(&tar, fd);
    expect_content(fd, path, "deep");
}

/* struct vfs_cap_data, revision 2: cap_net_raw permitted and effective. It holds NULs. */
static const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};

static void check_xattrs(int fd)
{
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_pax_bytes(&tar, "SCHILY.xattr.security.capability", capability, sizeof(capability));
    tar_add(&tar, &(struct tar_entry){.name = "ping", .mode = 0755, .uid = 3, .data = "ELF"});
    tar_pax_bytes(&tar, "SCHILY.xattr.user.binary", "a\0b\n=c", 6);
    tar_add(&tar, &(struct tar_entry){.name = "file"});
    tar_pax(&tar, (const char *[]){"LIBARCHIVE.xattr.user.encoded", "aGVsbG8", NULL});
    tar_add(&tar, &(struct tar_entry){.name = "d/", .type = '5'});
    tar_pax(&tar,
            (const char *[]){"SCHILY.xattr.user.x", "no", "SCHILY.xattr.trusted.t", "no", NULL});
    TAR(&tar, {.name = "l", .type = '2', .link = "file"});
    unpack_ok(&tar, fd);
    char value[64];
    _cleanup_fd_ int ping = keg_openat(fd, "ping", O_RDONLY, 0);
    cr_assert_eq(fgetxattr(ping, "security.capability", value, sizeof(value)), 20);
    cr_assert_arr_eq(value, capability, 20);
    cr_assert_eq(stat_of(fd, "ping").st_uid, 3);
    _cleanup_fd_ int file = keg_openat(fd, "file", O_RDONLY, 0);
    cr_assert_eq(fgetxattr(file, "user.binary", value, sizeof(value)), 6);
    cr_assert_arr_eq(value, "a\0b\n=c", 6);
    _cleanup_fd_ int d = keg_openat(fd, "d", O_RDONLY, 0);
    cr_assert_eq(fgetxattr(d, "user.encoded", value, sizeof(value)), 5);
    cr_assert_arr_eq(value, "hello", 5);
}

Test(layer, xattrs_on_tmpfs)
{
    check_xattrs(scratch());
}

Test(layer, xattrs_on_ext4)
{
    check_xattrs(scratch_ext4());
}

/* Each with every xattr that there is: what the kernel has no place for is left out, the rest is
 * set without opening a fifo, which would wait, or a device, which would act. */
Test(layer, xattrs_of_what_is_no_file_and_no_folder)
{
    int fd = scratch_ext4();
    static const char acl[] = "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\4\0\7\0\0\0"
                              "\4\0\4\0\377\377\377\377\20\0\4\0\377\377\377\377"
                              "\40\0\4\0\377\377\377\377";
    static const struct tar_entry entries[] = {{.name = "l", .type = '2', .link = "x"},
                                               {.name = "p", .type = '6'},
                                               {.name = "n", .type = '3', .major = 1, .minor = 3}};
    static const char *const names[] = {"system.posix_acl_access", "system.posix_acl_default",
                                        "user.x"};
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(entries); i++)
        for (size_t n = 0; n < KEG_ARRAY_SIZE(names); n++) {
            _cleanup_free_ char *key = keg_asprintf("SCHILY.xattr.%s", names[n]);
            struct tar_entry entry = entries[i];
            _cleanup_free_ char *name = keg_asprintf("%s%zu", entry.name, n);
            entry.name = name;
            tar_pax_bytes(&tar, key, acl, sizeof(acl) - 1);
            tar_add(&tar, &entry);
        }
    tar_end(&tar);
    unpack_ok(&tar, fd);
    char value[64];
    cr_assert_eq(lgetxattr("/mnt/ext4/p0", names[0], value, sizeof(value)), sizeof(acl) - 1);
    cr_assert_eq(lgetxattr("/mnt/ext4/n0", names[0], value, sizeof(value)), sizeof(acl) - 1);
    cr_assert_eq(lgetxattr("/mnt/ext4/l0", names[0], value, sizeof(value)), -1);
}

Test(layer, xattrs_that_would_steer_the_host_are_left_out)
{
    int fd = scratch_ext4();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    const char *const pairs[] = {"SCHILY.xattr.trusted.overlay.opaque",
                                 "y",
                                 "SCHILY.xattr.trusted.overlay.redirect",
                                 "/etc",
                                 "SCHILY.xattr.user.overlay.opaque",
                                 "y",
                                 "SCHILY.xattr.user.overlay.redirect",
                                 "/etc",
                                 "SCHILY.xattr.user.overlay.metacopy",
                                 "",
                                 "SCHILY.xattr.security.selinux",
                                 "u:r:t:s0",
                                 "SCHILY.xattr.security.ima",
                                 "\3",
                                 "SCHILY.xattr.security.SMACK64",
                                 "x",
                                 "LIBARCHIVE.xattr.com.apple.quarantine",
                                 "eA",
                                 "SCHILY.xattr.system.nfs4_acl",
                                 "x",
                                 "SCHILY.fflags",
                                 "uchg,schg,immutable",
                                 "SCHILY.xattr.user.good",
                                 "1",
                                 NULL};
    tar_pax(&tar, pairs);
    tar_add(&tar, &(struct tar_entry){.name = "d/", .type = '5'});
    tar_pax(&tar, pairs);
    TAR(&tar, {.name = "d/f", .data = "x"});
    unpack_ok(&tar, fd);
    for (const char *const *name = (const char *const[]){"d", "d/f", NULL}; *name; name++) {
        char names[256] = "";
        _cleanup_fd_ int it = keg_openat(fd, *name, O_RDONLY, 0);
        ssize_t length = flistxattr(it, names, sizeof(names));
        cr_assert_eq(length, (ssize_t)sizeof("user.good"), "%s: %s", *name, names);
        cr_assert_str_eq(names, "user.good");
    }
    cr_assert_eq(keg_remove_tree(fd, "d"), 0, "nothing immutable came along");
}

Test(layer, acls_by_number_and_none_handed_down)
{
    int fd = scratch_ext4();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    tar_pax(&tar, (const char *[]){"SCHILY.acl.access",
                                   "user::rwx,group::r-x,mask::rwx,other::---,user:bin:rwx:7",
                                   "SCHILY.acl.default",
                                   "user::rwx,group::r-x,other::---,user:x:r--:8,mask::r--", NULL});
    tar_add(&tar, &(struct tar_entry){.name = "d/", .type = '5', .mode = 0770});
    tar_add(&tar, &(struct tar_entry){.name = "d/f", .mode = 0640});
    tar_add(&tar, &(struct tar_entry){.name = "d/sub/", .type = '5', .mode = 0755});
    tar_pax(&tar,
            (const char *[]){"SCHILY.acl.access",
                             "user::rw-,group::r--,mask::rw-,other::---,user:nobody:rw-", NULL});
    TAR(&tar, {.name = "byname", .mode = 0660});
    unpack_ok(&tar, fd);
    static const unsigned char expected[] = {
        2,    0,    0,    0, /* version */
        1,    0,    7,    0,    0xff, 0xff, 0xff, 0xff, 2,    0,    7,    0,   7, 0,
        0,    0,    4,    0,    5,    0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,   7, 0,
        0xff, 0xff, 0xff, 0xff, 0x20, 0,    0,    0,    0xff, 0xff, 0xff, 0xff};
    unsigned char value[256];
    const char *access_name = "system.posix_acl_access", *default_name = "system.posix_acl_default";
    _cleanup_fd_ int d = keg_openat(fd, "d", O_RDONLY, 0), f = keg_openat(fd, "d/f", O_RDONLY, 0),
                     sub = keg_openat(fd, "d/sub", O_RDONLY, 0),
                     byname = keg_openat(fd, "byname", O_RDONLY, 0);
    cr_assert_eq(fgetxattr(d, access_name, value, sizeof(value)), (ssize_t)sizeof(expected));
    cr_assert_arr_eq(value, expected, sizeof(expected));
    cr_assert_eq(fgetxattr(d, default_name, value, sizeof(value)), (ssize_t)sizeof(expected));
    cr_assert_eq(fgetxattr(f, access_name, value, sizeof(value)), -1);
    cr_assert_eq(fgetxattr(sub, access_name, value, sizeof(value)), -1);
    cr_assert_eq(fgetxattr(sub, default_name, value, sizeof(value)), -1);
    cr_assert_eq(fgetxattr(byname, access_name, value, sizeof(value)), -1);
    cr_assert_eq(stat_of(fd, "d/f").st_mode & 07777, 0640);
    cr_assert_eq(stat_of(fd, "d/sub").st_mode & 07777, 0755);
    cr_assert_eq(stat_of(fd, "d").st_mode & 07777, 0770);
}

/* A file of 8 MiB with two islands, packed by GNU tar in one of its sparse formats. */
static void check_sparse(const char *format, const char *version)
{
    int fd = scratch();
    int file = keg_openat(fd, "sparse", O_CREAT | O_WRONLY, 0644);
    cr_assert_eq(pwrite(file, "island", 6, 1 << 20), 6);
    cr_assert_eq(pwrite(file, "second", 6, 5 << 20), 6);
    cr_assert_eq(ftruncate(file, 8 << 20), 0);
    close(file);
    _cleanup_free_ char *version_option = keg_asprintf("--sparse-version=%s", version);
    RUN("tar", "-C", "/mnt", "-cf", "/mnt/sparse.tar", "--sparse", version_option, "--format",
        format, "sparse");
    struct stat st = stat_of(fd, "sparse.tar");
    cr_assert_lt(st.st_size, 1 << 20, "GNU tar found the holes");
    _cleanup_fd_ int layer = folder(fd, "layer");
    _cleanup_source_ struct keg_source *source =
        keg_source_fd_new(keg_openat(fd, "sparse.tar", O_RDONLY, 0));
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer info = {0};
    cr_assert_eq(unpack_layer(source, layer, &info, &err), 0, "%s", err.text);
    cr_assert_eq(info.size_bytes, 8 << 20);
    unpack_layer_done(&info);
    RUN("cmp", "/mnt/sparse", "/mnt/layer/sparse");
    cr_assert_lt(stat_of(layer, "sparse").st_blocks * 512, 1 << 20, "the holes are holes again");
}

Test(layer, sparse_in_the_gnu_format)
{
    check_sparse("gnu", "0.0");
}

Test(layer, sparse_in_pax_0_0)
{
    check_sparse("posix", "0.0");
}

Test(layer, sparse_in_pax_0_1)
{
    check_sparse("posix", "0.1");
}

Test(layer, sparse_in_pax_1_0)
{
    check_sparse("posix", "1.0");
}

Test(layer, a_file_that_is_one_hole)
{
    int fd = scratch();
    RUN("truncate", "-s", "3G", "/mnt/hole");
    RUN("tar", "-C", "/mnt", "-cSf", "/mnt/hole.tar", "hole");
    _cleanup_fd_ int layer = folder(fd, "layer");
    _cleanup_source_ struct keg_source *source =
        keg_source_fd_new(keg_openat(fd, "hole.tar", O_RDONLY, 0));
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer info = {0};
    cr_assert_eq(unpack_layer(source, layer, &info, &err), 0, "%s", err.text);
    unpack_layer_done(&info);
    cr_assert_eq(stat_of(layer, "hole").st_size, 3ll << 30);
    cr_assert_eq(stat_of(layer, "hole").st_blocks, 0);
}

/* A file larger than any buffer on the way, its size in base-256. */
Test(layer, large_files_and_sizes_in_base_256)
{
    int fd = scratch();
    size_t size = 3000001;
    _cleanup_free_ char *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 % 251);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "big", .data = data, .size = size}, {.name = "behind", .data = "x"});
    memset(tar.data + 124, 0, 12);
    tar.data[124] = (char)0x80;
    for (int i = 0; i < 4; i++)
        tar.data[135 - i] = (char)(size >> 8 * i & 0xff);
    unsigned int sum = 0;
    memset(tar.data + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)tar.data[i];
    snprintf(tar.data + 148, 7, "%06o", sum);
    unpack_ok(&tar, fd);
    _cleanup_fd_ int big = keg_openat(fd, "big", O_RDONLY, 0);
    _cleanup_free_ char *read_back = malloc(size + 1);
    cr_assert_eq(pread(big, read_back, size + 1, 0), (ssize_t)size);
    cr_assert_eq(memcmp(read_back, data, size), 0);
    expect_content(fd, "behind", "x");
}

Test(layer, the_stream_is_read_to_its_end_behind_the_archive)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "a"});
    for (size_t i = 0; i < 100000; i++)
        keg_buf_str(&tar, "trailing");
    _cleanup_source_ struct keg_source *source = bytes_source(tar.data, tar.length, 1000);
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    char byte;
    cr_assert_eq(unpack_layer(source, fd, &layer, &err), 0, "%s", err.text);
    cr_assert_eq(keg_source_read(source, &byte, 1, &err), 0);
    unpack_layer_done(&layer);
}

static int unpack_with_digest(const struct keg_buf *tar, const char *digest, int fd,
                              struct keg_err *err)
{
    _cleanup_source_ struct keg_source *source = NULL;
    struct unpack_layer layer = {0};
    int r = unpack_digest_new(bytes_source(tar->data, tar->length, 0), digest, &source, err);
    cr_assert_eq(r, 0);
    r = unpack_layer(source, fd, &layer, err);
    unpack_layer_done(&layer);
    return r;
}

Test(layer, should_fail_when_the_diff_id_differs)
{
    int fd = scratch();
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    /* sha256 of 1024 zeros. */
    const char *digest = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    tar_end(&tar);
    cr_assert_eq(unpack_with_digest(&tar, digest, fd, &err), 0, "%s", err.text);
    keg_buf_add(&tar, "", 1);
    cr_assert_eq(unpack_with_digest(&tar, digest, fd, &err), -EBADMSG);
    cr_assert(strstr(err.text, "the content has the digest"), "%s", err.text);
}

static ssize_t failing_read(struct keg_source *source, void *buffer, size_t size,
                            struct keg_err *err)
{
    (void)source, (void)buffer, (void)size;
    return keg_fail(err, -ECONNRESET, "the registry hung up");
}

static void failing_close(struct keg_source *source)
{
    (void)source;
}

Test(layer, should_fail_with_the_words_of_its_source)
{
    static const struct keg_source_ops ops = {.read = failing_read, .close = failing_close};
    struct keg_source source = {&ops};
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    cr_assert_eq(unpack_layer(&source, scratch(), &layer, &err), -ECONNRESET);
    cr_assert_str_eq(err.text, "the registry hung up");
}

/* What libarchive writes in each of its formats comes back. */
static void check_libarchive(int format)
{
    int fd = scratch();
    static char buffer[1u << 16];
    size_t used = 0;
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    cr_assert_eq(archive_write_set_format(a, format), ARCHIVE_OK);
    cr_assert_eq(archive_write_open_memory(a, buffer, sizeof(buffer), &used), ARCHIVE_OK);
    archive_entry_set_pathname(e, "d/file");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 04750);
    archive_entry_set_uid(e, 1234567);
    archive_entry_set_size(e, 4);
    archive_entry_set_mtime(e, 1234567890, 0);
    cr_assert_eq(archive_write_header(a, e), ARCHIVE_OK);
    cr_assert_eq(archive_write_data(a, "text", 4), 4);
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    keg_buf_add(&tar, buffer, used);
    unpack_ok(&tar, fd);
    expect_content(fd, "d/file", "text");
    cr_assert_eq(stat_of(fd, "d/file").st_mode & 07777, 04750);
    cr_assert_eq(stat_of(fd, "d/file").st_uid, 1234567);
    expect_mtime(fd, "d/file", 1234567890, 0);
}

Test(layer, pax_as_libarchive_writes_it)
{
    check_libarchive(ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE);
}

Test(layer, gnu_as_libarchive_writes_it)
{
    check_libarchive(ARCHIVE_FORMAT_TAR_GNUTAR);
}

struct job {
    const struct keg_buf *tar;
    int fd;
};

static void *unpack_in_thread(void *closure)
{
    struct job *job = closure;
    unpack_ok(job->tar, job->fd);
    return NULL;
}

Test(layer, eight_at_once_give_eight_equal_trees)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    for (int i = 0; i < 300; i++) {
        _cleanup_free_ char *name = keg_asprintf("d%d/\xc3\xa9%d", i % 17, i);
        tar_pax(&tar, (const char *[]){"path", name, NULL});
        tar_add(&tar, &(struct tar_entry){.name = "x", .data = name, .mtime = i});
    }
    tar_end(&tar);
    pthread_t threads[8];
    struct job jobs[8];
    for (int i = 0; i < 8; i++) {
        char name[2] = {(char)('0' + i), '\0'};
        jobs[i] = (struct job){&tar, folder(fd, name)};
        cr_assert_eq(pthread_create(&threads[i], NULL, unpack_in_thread, &jobs[i]), 0);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    _cleanup_free_ char *first = listing(jobs[0].fd);
    for (int i = 1; i < 8; i++) {
        _cleanup_free_ char *other = listing(jobs[i].fd);
        cr_assert_str_eq(first, other);
    }
}
