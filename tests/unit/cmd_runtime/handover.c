/* SPDX-License-Identifier: Apache-2.0 */
/* Pid files, sockets and passed fds. */
#include "cmd/runtime/handover.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char folder[] = "/tmp/handover.XXXXXX";
static int folder_fd;
static struct keg_err err;

static void make_folder(void)
{
    cr_assert(mkdtemp(folder));
    folder_fd = keg_openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
}

static void remove_folder(void)
{
    (void)keg_remove_tree(AT_FDCWD, folder);
    (void)close(folder_fd);
}

TestSuite(pid_file, .init = make_folder, .fini = remove_folder);
TestSuite(socket, .init = make_folder, .fini = remove_folder);

static void expect_content(const char *path, const char *wanted)
{
    struct keg_buf text;
    cr_assert_eq(keg_read_file(folder_fd, path, 100, &text, &err), 0, "%s", err.text);
    cr_assert_str_eq(text.data, wanted);
    keg_buf_done(&text);
}

Test(pid_file, holds_the_number_alone)
{
    cr_assert_eq(runtime_pid_file_write(folder_fd, "pid", 4711, &err), 0, "%s", err.text);
    expect_content("pid", "4711");
    cr_assert_eq(runtime_pid_file_write(folder_fd, "pid", 12, &err), 0, "%s", err.text);
    expect_content("pid", "12");
}

Test(pid_file, a_link_in_its_place_is_not_followed)
{
    struct stat st;
    cr_assert_eq(keg_replace_file(folder_fd, "victim", "whole", 5, 0600, false), 0);
    cr_assert_eq(symlinkat("victim", folder_fd, "pid"), 0);
    cr_assert_eq(runtime_pid_file_write(folder_fd, "pid", 1, &err), 0);
    expect_content("victim", "whole");
    expect_content("pid", "1");
    cr_assert_eq(fstatat(folder_fd, "pid", &st, AT_SYMLINK_NOFOLLOW), 0);
    cr_assert(S_ISREG(st.st_mode));
}

Test(pid_file, a_missing_folder_is_named)
{
    cr_assert_eq(runtime_pid_file_write(folder_fd, "no/pid", 1, &err), -ENOENT);
    cr_assert_str_eq(err.text, "write the pid file 'no/pid': no such file or directory");
}

static int listen_at(int parent, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", parent, name);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

/* One fd and the text that came along. */
static int receive(int server, char text[static 64])
{
    int fd = -1, connection = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {text, 63};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    cr_assert_geq(length, 0);
    text[length] = '\0';
    if (CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    (void)close(connection);
    return fd;
}

Test(socket, an_fd_goes_with_its_name)
{
    char text[64];
    struct stat sent, got;
    int client, server = listen_at(folder_fd, "s");
    cr_assert_eq(runtime_socket_connect(folder_fd, "s", &client, &err), 0, "%s", err.text);
    cr_assert_eq(runtime_socket_send(client, folder_fd, "/dev/ptmx", &err), 0, "%s", err.text);
    int fd = receive(server, text);
    cr_assert_str_eq(text, "/dev/ptmx");
    cr_assert_eq(fstat(fd, &got), 0);
    cr_assert_eq(fstat(folder_fd, &sent), 0);
    cr_assert_eq(got.st_ino, sent.st_ino);
    (void)close(fd);
    (void)close(client);
    (void)close(server);
}

Test(socket, a_path_may_be_longer_than_an_address)
{
    char deep[201], path[512];
    int client;
    memset(deep, 'd', 200);
    deep[200] = '\0';
    cr_assert_eq(mkdirat(folder_fd, deep, 0700), 0);
    int parent = keg_openat(folder_fd, deep, O_RDONLY | O_DIRECTORY, 0);
    int server = listen_at(parent, "s");
    snprintf(path, sizeof(path), "%s/%s/s", folder, deep);
    cr_assert_eq(runtime_socket_connect(AT_FDCWD, path, &client, &err), 0, "%s", err.text);
    (void)close(client);
    (void)close(server);
    (void)close(parent);
}

Test(socket, nobody_there)
{
    int client;
    cr_assert_eq(runtime_socket_connect(folder_fd, "s", &client, &err), -ENOENT);
    cr_assert_str_eq(err.text, "connect to the socket 's': no such file or directory");
}

static char **env;

static void free_env(void)
{
    keg_strv_free(env);
}

TestSuite(pass_fds, .fini = free_env);

static void set_listen(unsigned count)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof(text), "%u", count);
    setenv("LISTEN_FDS", text, 1);
}

Test(pass_fds, those_of_socket_activation_come_first)
{
    const struct runtime runtime = {.inherited_fds = 5};
    unsigned count;
    set_listen(2);
    setenv("LISTEN_FDNAMES", "a:b", 1);
    cr_assert_eq(runtime_pass_fds(&runtime, &env, 3, &count, &err), 0, "%s", err.text);
    cr_assert_eq(count, 5);
    cr_assert_str_eq(env[0], "LISTEN_FDS=2");
    cr_assert_str_eq(env[1], "LISTEN_PID=1");
    cr_assert_str_eq(env[2], "LISTEN_FDNAMES=a:b");
}

Test(pass_fds, variables_meant_for_another_process_count_for_nothing)
{
    const struct runtime runtime = {.inherited_fds = 5};
    unsigned count;
    set_listen(2);
    setenv("LISTEN_PID", "1", 1);
    cr_assert_eq(runtime_pass_fds(&runtime, &env, 0, &count, &err), 0);
    cr_assert_eq(count, 0);
    cr_assert_null(env);
}

/* Else what keg-runtime opens itself would get those numbers, and go to the container. */
Test(pass_fds, no_more_than_the_caller_left_open)
{
    static const int64_t bad[] = {3, 100, 32767};
    const struct runtime runtime = {.inherited_fds = 2};
    unsigned count;
    cr_assert_eq(runtime_pass_fds(&runtime, &env, 2, &count, &err), 0);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        cr_assert_eq(runtime_pass_fds(&runtime, &env, bad[i], &count, &err), -EBADF);
    cr_assert_str_eq(err.text, "--preserve-fds: fd 5 is not open");
    cr_assert_eq(runtime_pass_fds(&runtime, &env, -1, &count, &err), -EINVAL);
    set_listen(3);
    cr_assert_eq(runtime_pass_fds(&runtime, &env, 0, &count, &err), -EBADF);
}
