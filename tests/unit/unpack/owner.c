/* SPDX-License-Identifier: Apache-2.0 */
/* Layers unpacked by who may not give files away, nor make devices. */
#include "tar.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static struct keg_err *err; /* shared with processes in user namespaces */

static void share(void)
{
    err = mmap(NULL, sizeof(*err), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(err, MAP_FAILED);
}

TestSuite(owner, .init = share, .timeout = 30);

static void write_map(pid_t pid, const char *file, const char *text)
{
    _cleanup_free_ char *path = keg_asprintf("/proc/%d/%s", (int)pid, file);
    cr_assert_eq(keg_write_file(AT_FDCWD, path, text, strlen(text)), 0, "%s", path);
}

/* A child that stopped in a new user namespace gets these ids and goes on. */
static void let_go(pid_t child, const char *map)
{
    int status;
    cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
    cr_assert(WIFSTOPPED(status), "no user namespace");
    write_map(child, "uid_map", map);
    write_map(child, "gid_map", map);
    cr_assert_eq(kill(child, SIGCONT), 0);
}

/* unpack_layer() into ${fd}, and over the layer ${lower_fd} where it is one, by a process with the
 * ids of ${map} alone. 0 or a negative code. */
static int unpack_with(const char *map, const struct keg_buf *tar, int fd, int lower_fd)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct unpack_layer layer;
        if (unshare(CLONE_NEWUSER) < 0 || raise(SIGSTOP) != 0)
            _exit(255);
        int r = unpack(tar, fd, &layer, err);
        if (r == 0 && lower_fd >= 0)
            r = unpack_adopt_implied(&layer, fd, &lower_fd, 1, err);
        _exit(-r);
    }
    let_go(child, map);
    cr_assert_eq(keg_wait_child(child, &status), 0);
    return -WEXITSTATUS(status);
}

static void expect_file(int fd, const char *path, mode_t mode, const char *owner)
{
    struct stat st;
    char value[64] = "";
    _cleanup_fd_ int file = keg_openat(fd, path, O_RDONLY | O_NONBLOCK, 0);
    cr_assert_eq(fstat(file, &st), 0, "%s", path);
    cr_expect_eq(st.st_uid, 0, "%s", path);
    cr_expect_eq(st.st_mode & 07777, mode, "%s: %04o", path, st.st_mode & 07777);
    ssize_t n = fgetxattr(file, "user.keg.owner", value, sizeof(value) - 1);
    cr_expect_eq(n >= 0, owner != NULL, "%s: '%s'", path, value);
    cr_expect_str_eq(value, owner ? owner : "", "%s", path);
}

Test(owner, with_one_id_owners_are_remembered_and_setuid_is_not_given)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "d/", .type = '5', .mode = 02775, .uid = 33, .gid = 33},
        {.name = "d/theirs", .mode = 0640, .uid = 33, .gid = 7, .data = "x"},
        {.name = "d/setuid", .mode = 04755, .uid = 33, .data = "x"},
        {.name = "d/rootly", .mode = 04755, .data = "x"},
        {.name = "d/link", .type = '2', .uid = 33, .gid = 33, .link = "theirs"},
        {.name = "d/fifo", .type = '6', .mode = 0600, .uid = 33, .gid = 33});
    cr_assert_eq(unpack_with("0 0 1", &tar, fd, -1), 0, "%s", err->text);
    expect_file(fd, "d", 0775, "33:33:2775");
    expect_file(fd, "d/setuid", 0755, "33:0:4755");
    expect_file(fd, "d/theirs", 0640, "33:7:0640");
    expect_file(fd, "d/rootly", 04755, NULL);
    expect_file(fd, "d/fifo", 0600, NULL);
}

Test(owner, with_several_ids_one_that_is_not_there_is_told)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "theirs", .uid = 1000000, .gid = 7, .data = "x"});
    cr_expect_eq(unpack_with("0 0 65536", &tar, fd, -1), -EINVAL);
    cr_expect(strstr(err->text, "1000000:7") && strstr(err->text, "/etc/subuid"), "%s", err->text);
}

Test(owner, what_a_layer_says_of_remembered_owners_is_left_out)
{
    int fd = scratch();
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    const char *const pairs[] = {"SCHILY.xattr.user.keg.owner", "0:0:4755", NULL};
    tar_pax(&tar, pairs);
    TAR(&tar, {.name = "f", .data = "x"});
    unpack_ok(&tar, fd);
    expect_file(fd, "f", 0644, NULL);
}

Test(owner, an_implied_folder_takes_over_whose_it_is)
{
    int fd = scratch();
    int lower = folder(fd, "lower"), upper = folder(fd, "upper");
    _cleanup_buf_ struct keg_buf below = tar_begin(), above = tar_begin();
    TAR(&below, {.name = "d/", .type = '5', .uid = 33, .gid = 33});
    TAR(&above, {.name = "d/f", .data = "x"});
    cr_assert_eq(unpack_with("0 0 1", &below, lower, -1), 0, "%s", err->text);
    cr_assert_eq(unpack_with("0 0 1", &above, upper, lower), 0, "%s", err->text);
    expect_file(upper, "d", 0755, "33:33:0755");
}

Test(owner, a_device_that_may_not_be_made_hides_what_is_below)
{
    int fd = scratch();
    struct stat st;
    _cleanup_buf_ struct keg_buf tar = tar_begin();
    TAR(&tar, {.name = "null", .data = "first"},
        {.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3},
        {.name = "link", .type = '1', .link = "null"},
        {.name = "disk", .type = '4', .mode = 0660, .major = 8, .minor = 0});
    cr_assert_eq(unpack_with("0 0 1", &tar, fd, -1), 0, "%s", err->text);
    for (const char *const *name = (const char *const[]){"null", "link", "disk", NULL}; *name;
         name++) {
        cr_assert_eq(fstatat(fd, *name, &st, AT_SYMLINK_NOFOLLOW), 0, "%s", *name);
        cr_expect(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0), "%s", *name);
    }
}
