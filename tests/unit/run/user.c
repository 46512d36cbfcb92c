/* SPDX-License-Identifier: Apache-2.0 */
/* docker's -u by an image's own files. */
#include "run/run.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

static char root_path[] = "/dev/shm/keg-user-XXXXXX";
static int root = -1;

static void put(const char *path, const char *text)
{
    _cleanup_fd_ int fd = keg_openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert(fd >= 0 && keg_write_all(fd, text, strlen(text)) == 0);
}

static void make_root(void)
{
    cr_assert(mkdtemp(root_path) != NULL);
    root = keg_openat(AT_FDCWD, root_path, O_RDONLY | O_DIRECTORY, 0);
    cr_assert(mkdirat(root, "etc", 0755) == 0);
    put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                      "broken line\n"
                      "bad:x:99999999999:0::/:/bin/sh\n"
                      "1000:x:0:0:trap:/trap:/bin/sh\n"
                      "web:x:1000:1001:Web:/srv/web:/bin/sh\n"
                      "bare:x:7:8::\n"
                      "nohome:x:9:9:::\n");
    put("etc/group",
        "root:x:0:\nwheel:x:10:other,web\nstaff:x:20:web\nnogrp:x:65534:\nten:x:11:webby\n");
}

static void remove_root(void)
{
    _cleanup_fd_ int shm = keg_openat(AT_FDCWD, "/dev/shm", O_RDONLY | O_DIRECTORY, 0);
    (void)close(root);
    cr_assert_eq(keg_remove_tree(shm, strrchr(root_path, '/') + 1), 0);
}

TestSuite(user, .init = make_root, .fini = remove_root, .timeout = 20);

static struct keg_err err;

static void expect_user(const char *text, uid_t uid, gid_t gid, const char *home, const char *gids)
{
    struct run_user user;
    char list[64] = "";
    _cleanup_free_ char *found_home = NULL;
    int r = run_user_lookup(root, text, &user, &found_home, &err);
    cr_assert(r == 0, "'%s': %s", text, err.text);
    for (size_t i = 0; i < user.additional_gids_count; i++)
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u", i ? "," : "",
                       user.additional_gids[i]);
    cr_expect_eq(user.uid, uid, "'%s': uid %u", text, user.uid);
    cr_expect_eq(user.gid, gid, "'%s': gid %u", text, user.gid);
    cr_expect_str_eq(found_home, home, "'%s': home %s", text, found_home);
    cr_expect_str_eq(list, gids, "'%s': groups %s", text, list);
    run_user_done(&user);
}

static void expect_error(const char *text, int code, const char *words)
{
    struct run_user user;
    char *home;
    cr_expect_eq(run_user_lookup(root, text, &user, &home, &err), code, "'%s'", text);
    cr_expect_str_eq(err.text, words);
}

Test(user, table_of_users_that_docker_takes)
{
    expect_user(NULL, 0, 0, "/root", "0");
    expect_user("", 0, 0, "/root", "0");
    expect_user("root", 0, 0, "/root", "0");
    expect_user("0:0", 0, 0, "/root", "0");
    expect_user("1", 1, 0, "/", "0");
    expect_user("web", 1000, 1001, "/srv/web", "1001,10,20");
    expect_user("web:nogrp", 1000, 65534, "/srv/web", "65534");
    expect_user("1000:nogrp", 1000, 65534, "/srv/web", "65534");
    expect_user("1000:20", 1000, 20, "/srv/web", "20");
    expect_user("1:", 1, 0, "/", "0");
    expect_user(":1", 0, 1, "/root", "1");
    expect_user("nohome", 9, 9, "/", "9");
    expect_user("2147483647", 2147483647, 0, "/", "0");
}

Test(user, a_number_is_never_taken_for_a_name)
{
    expect_user("1000", 1000, 1001, "/srv/web", "1001,10,20");
}

Test(user, numbers_out_of_range_are_refused)
{
    expect_error("-1", -ERANGE, "user '-1': uids and gids must be in range 0-2147483647");
    expect_error("2147483648", -ERANGE,
                 "user '2147483648': uids and gids must be in range 0-2147483647");
    expect_error("4294967295", -ERANGE,
                 "user '4294967295': uids and gids must be in range 0-2147483647");
    expect_error("99999999999999999999", -ERANGE,
                 "user '99999999999999999999': uids and gids must be in range 0-2147483647");
    expect_error("0:4294967296", -ERANGE,
                 "user '4294967296': uids and gids must be in range 0-2147483647");
}

Test(user, unknown_names_are_refused_in_dockers_words)
{
    expect_error("x", -ENOENT, "unable to find user x: no matching entries in passwd file");
    expect_error("1a", -ENOENT, "unable to find user 1a: no matching entries in passwd file");
    expect_error("bad", -ENOENT, "unable to find user bad: no matching entries in passwd file");
    expect_error("bare", -ENOENT, "unable to find user bare: no matching entries in passwd file");
    expect_error("web:x", -ENOENT, "unable to find group x: no matching entries in group file");
}

Test(user, an_image_without_the_files_has_numbers_only)
{
    cr_assert(unlinkat(root, "etc/passwd", 0) == 0 && unlinkat(root, "etc/group", 0) == 0);
    expect_user(NULL, 0, 0, "/", "0");
    expect_user("5:6", 5, 6, "/", "6");
    expect_error("root", -ENOENT, "unable to find user root: no matching entries in passwd file");
}

Test(user, a_fifo_for_passwd_is_refused_without_waiting)
{
    cr_assert(unlinkat(root, "etc/passwd", 0) == 0 && mkfifoat(root, "etc/passwd", 0644) == 0);
    expect_error("web", -EINVAL, "'/etc/passwd' of the image is not a regular file");
}

Test(user, links_resolve_in_the_image)
{
    put("passwd", "inside:x:3:4::/in:/bin/sh\n");
    cr_assert(unlinkat(root, "etc/passwd", 0) == 0 &&
              symlinkat("/../../../passwd", root, "etc/passwd") == 0);
    expect_user("inside", 3, 4, "/in", "4");
}

Test(user, a_link_to_a_device_of_the_host_is_not_followed_there)
{
    cr_assert(unlinkat(root, "etc/passwd", 0) == 0 &&
              symlinkat("/dev/zero", root, "etc/passwd") == 0);
    expect_error("web", -ENOENT, "unable to find user web: no matching entries in passwd file");
}

Test(user, a_huge_passwd_is_refused)
{
    _cleanup_fd_ int fd = keg_openat(root, "etc/passwd", O_WRONLY | O_TRUNC, 0);
    cr_assert(fd >= 0 && ftruncate(fd, 1 << 30) == 0);
    expect_error("web", -EFBIG, "'/etc/passwd' of the image is over 8388608 bytes");
}

Test(user, groups_are_added_by_name_or_number)
{
    struct run_user user;
    _cleanup_free_ char *home = NULL;
    char *names[] = {(char[]){"staff"}, (char[]){"4242"}, (char[]){"staff"}, NULL};
    cr_assert_eq(run_user_lookup(root, "0", &user, &home, &err), 0, "%s", err.text);
    cr_assert_eq(run_user_add_groups(root, names, &user, &err), 0, "%s", err.text);
    cr_assert_eq(user.additional_gids_count, 3);
    cr_assert_eq(user.additional_gids[1], 20);
    cr_assert_eq(user.additional_gids[2], 4242);
    char *missing[] = {(char[]){"nosuch"}, NULL};
    cr_assert_eq(run_user_add_groups(root, missing, &user, &err), -ENOENT);
    cr_assert_str_eq(err.text, "unable to find group nosuch: no matching entries in group file");
    char *large[] = {(char[]){"4294967295"}, NULL};
    cr_assert_eq(run_user_add_groups(root, large, &user, &err), -ERANGE);
    run_user_done(&user);
}
