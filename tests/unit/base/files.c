/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver, removing, replacing and passing files, on a folder in tmpfs. */
#include "base/base.h"

#include <criterion/criterion.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char folder[] = "/dev/shm/keg-test-base-XXXXXX";
static int top = -1;

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(top, 0);
}

static void remove_folder(void)
{
    int shm = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(keg_remove_tree(shm, strrchr(folder, '/') + 1), 0);
}

TestSuite(files, .init = make_folder, .fini = remove_folder);

static void put(const char *name, const char *text)
{
    cr_assert_eq(keg_replace_file(top, name, text, strlen(text), 0644, false), 0);
}

/* The same tree for both resolvers: root/ with links that lead about in it, a secret outside. */
static int make_root(void)
{
    put("secret", "outside");
    cr_assert_eq(mkdirat(top, "root", 0755), 0);
    int root = open(folder, O_RDONLY | O_DIRECTORY);
    int fd = openat(root, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(mkdirat(fd, "dir", 0755), 0);
    cr_assert_eq(keg_replace_file(fd, "secret", "inside", 6, 0644, false), 0);
    cr_assert_eq(symlinkat("/secret", fd, "absolute"), 0);
    cr_assert_eq(symlinkat("../../../secret", fd, "climbing"), 0);
    cr_assert_eq(symlinkat("loop", fd, "loop"), 0);
    cr_assert_eq(symlinkat("/dir/../dir", fd, "todir"), 0);
    cr_assert_eq(symlinkat("/gone", fd, "dangling"), 0);
    close(root);
    return fd;
}

static void expect_inside(int root, const char *path)
{
    char text[16] = "";
    _cleanup_fd_ int fd = keg_open_in_root(root, path, O_RDONLY, 0);
    cr_assert_geq(fd, 0, "%s: %d", path, fd);
    cr_assert_gt(read(fd, text, sizeof(text) - 1), 0);
    cr_assert_str_eq(text, "inside", "%s", path);
}

static void check_resolver(int root)
{
    static const char *const inside[] = {"secret",         "/secret",      "absolute",
                                         "climbing",       "../../secret", "todir/../secret",
                                         "dir/../absolute"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(inside); i++)
        expect_inside(root, inside[i]);
    cr_assert_eq(keg_open_in_root(root, "loop", O_RDONLY, 0), -ELOOP);
    cr_assert_eq(keg_open_in_root(root, "dangling", O_RDONLY, 0), -ENOENT);
    cr_assert_eq(keg_open_in_root(root, "secret/x", O_RDONLY, 0), -ENOTDIR);
    cr_assert_eq(keg_open_in_root(root, "absolute", O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
    _cleanup_fd_ int made = keg_mkdirs_in_root(root, "todir/a/b/c", 0755);
    cr_assert_geq(made, 0);
    struct stat st;
    cr_assert_eq(fstatat(root, "dir/a/b/c", &st, 0), 0);
    cr_assert_lt(keg_mkdirs_in_root(root, "dangling/x", 0755), 0);
    cr_assert_eq(fstatat(root, "gone", &st, 0), -1);
    _cleanup_fd_ int dot = keg_open_in_root(root, "/", O_PATH | O_DIRECTORY, 0);
    cr_assert_geq(dot, 0);
    cr_assert_eq(keg_open_beneath(root, "absolute", O_RDONLY, 0), -ELOOP);
    cr_assert_eq(keg_open_beneath(root, "../secret", O_RDONLY, 0), -EXDEV);
    cr_assert_eq(keg_open_beneath(root, "/secret", O_RDONLY, 0), -EXDEV);
    _cleanup_fd_ int below = keg_open_beneath(root, "dir/a", O_PATH, 0);
    cr_assert_geq(below, 0);
}

Test(files, the_resolver_stays_in_its_root)
{
    _cleanup_fd_ int root = make_root();
    check_resolver(root);
}

/* openat2 answers ENOSYS from here on, as on a kernel before 5.6. */
static void forbid_openat2(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {KEG_ARRAY_SIZE(filter), filter};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0);
}

Test(files, the_resolver_without_openat2_does_the_same)
{
    _cleanup_fd_ int root = make_root();
    forbid_openat2();
    check_resolver(root);
}

Test(files, magic_links_of_procfs_are_refused)
{
    _cleanup_fd_ int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(keg_open_in_root(proc, "root/etc", O_PATH, 0), -ELOOP);
    forbid_openat2();
    cr_assert_eq(keg_open_in_root(proc, "root/etc", O_PATH, 0), -ELOOP);
    cr_assert_eq(keg_open_in_root(proc, "cwd", O_PATH, 0), -ELOOP);
}

Test(files, read_file_refuses_what_is_no_file_without_waiting)
{
    struct keg_err err = KEG_ERR_INIT;
    struct keg_buf buf;
    cr_assert_eq(mkfifoat(top, "fifo", 0644), 0);
    cr_assert_eq(keg_read_file(top, "fifo", 10, &buf, &err), -EINVAL);
    cr_assert_str_eq(err.text, "'fifo' is not a regular file");
    cr_assert_eq(keg_read_file(AT_FDCWD, "/dev/zero", 10, &buf, &err), -EINVAL);
    cr_assert_eq(keg_read_file(AT_FDCWD, "/", 10, &buf, &err), -EISDIR);
    put("long", "0123456789x");
    cr_assert_eq(keg_read_file(top, "long", 10, &buf, &err), -EFBIG);
    cr_assert_str_eq(err.text, "'long' is over 10 bytes");
    cr_assert_eq(keg_read_file(top, "long", 11, &buf, &err), 0);
    cr_assert_str_eq(buf.data, "0123456789x");
    keg_buf_done(&buf);
}

Test(files, replace_leaves_no_temporary_name_behind)
{
    put("name", "one");
    cr_assert_eq(keg_replace_file(top, "name", "two", 3, 0600, true), 0);
    cr_assert_eq(mkdirat(top, "folder", 0755), 0);
    cr_assert_eq(keg_replace_file(top, "folder", "x", 1, 0600, false), -EISDIR);
    _cleanup_dir_ DIR *dir = opendir(folder);
    int names = 0;
    while (readdir(dir))
        names++;
    cr_assert_eq(names, 4); /* ".", "..", "name", "folder" */
}

Test(files, replace_passes_over_what_a_crash_left)
{
    char name[64];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof(name), ".keg-%d-%d.tmp", (int)getpid(), i);
        cr_assert_geq(openat(top, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
    }
    cr_assert_eq(keg_replace_file(top, "name", "two", 3, 0600, false), 0);
    cr_assert_eq(faccessat(top, "name", F_OK, 0), 0);
}

Test(files, remove_tree_follows_no_link)
{
    put("kept", "x");
    cr_assert_eq(keg_mkdirs(top, "tree/a/b", 0755), 0);
    int tree = openat(top, "tree", O_RDONLY | O_DIRECTORY);
    cr_assert_eq(symlinkat("../kept", tree, "link"), 0);
    cr_assert_eq(symlinkat("..", tree, "up"), 0);
    close(tree);
    cr_assert_eq(keg_remove_tree(top, "tree"), 0);
    cr_assert_eq(faccessat(top, "kept", F_OK, 0), 0);
    cr_assert_neq(faccessat(top, "tree", F_OK, 0), 0);
    cr_assert_eq(keg_remove_tree(top, "tree"), 0);
    cr_assert_eq(keg_remove_tree(top, "../x"), -EINVAL);
    cr_assert_eq(keg_remove_tree(top, ".."), -EINVAL);
    cr_assert_eq(keg_remove_tree(top, ""), -EINVAL);
}

Test(files, an_fd_passes_a_socket)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(keg_send_fd(pair[0], top), 0);
    _cleanup_fd_ int got = keg_recv_fd(pair[1]);
    cr_assert_geq(got, 0);
    cr_assert_eq(fcntl(got, F_GETFD), FD_CLOEXEC);
    close(pair[0]);
    cr_assert_eq(keg_recv_fd(pair[1]), -ECONNRESET);
}

Test(proc, own_start_time_and_boot_id)
{
    uint64_t a = 0, b = 0;
    char id[37];
    cr_assert_eq(keg_pid_start_time(getpid(), &a), 0);
    cr_assert_eq(keg_pid_start_time(1, &b), 0);
    cr_assert_gt(a, b);
    cr_assert_eq(keg_pid_start_time(0x3fffffff, &a), -ESRCH);
    cr_assert_eq(keg_boot_id(id), 0);
    cr_assert_eq(strlen(id), 36);
}
