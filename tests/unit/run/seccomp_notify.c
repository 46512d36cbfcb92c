/* SPDX-License-Identifier: Apache-2.0 */
/* SCMP_ACT_NOTIFY: a container whose system calls an agent answers. */
#include "launch_box.h"
#include "run/seccomp_listener.h"

#include <criterion/criterion.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define AGENT "/mnt/agent"

/* What an agent answers to mkdir; it lets all else pass. */
#define ANSWER ENOTUNIQ

static struct box box;
static pid_t agent;
static int report_fd;

/* ---- the agent: a process of its own */

static int receive_listener(int socket_fd, int report)
{
    char text[8192];
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {text, sizeof(text)};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    int connection = accept4(socket_fd, NULL, NULL, SOCK_CLOEXEC), fd = -1;
    ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);

    if (n > 0 && CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    for (; n > 0; n = read(connection, text, sizeof(text)))
        (void)!write(report, text, (size_t)n);
    (void)close(report);
    return fd;
}

static bool is_mkdir(int number)
{
#ifdef SYS_mkdir
    if (number == SYS_mkdir)
        return true;
#endif
    return number == SYS_mkdirat;
}

static bool answer_one(int listener)
{
    struct seccomp_notif asked = {.id = 0};
    struct seccomp_notif_resp answer = {.id = 0};
    struct pollfd poll_fd = {.fd = listener, .events = POLLIN};

    if (poll(&poll_fd, 1, -1) < 0 || poll_fd.revents & POLLHUP)
        return false;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
        return errno == EINTR || errno == ENOENT;
    answer.id = asked.id;
    if (is_mkdir(asked.data.nr))
        answer.error = -ANSWER;
    else
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 || errno == ENOENT;
}

static void start_agent(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = AGENT};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int ends[2];

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    agent = fork();
    cr_assert(agent >= 0);
    if (agent == 0) {
        int listener = receive_listener(fd, ends[1]);

        while (listener >= 0 && answer_one(listener))
            ;
        _exit(0);
    }
    (void)close(ends[1]);
    report_fd = ends[0];
}

static void restart_agent(void)
{
    (void)close(report_fd);
    cr_assert_eq(unlink(AGENT), 0);
    start_agent();
}

/* ---- the box */

static void use_profile(const char *text)
{
    cr_assert_eq(run_seccomp_parse(text, strlen(text), 0, &box.spec->seccomp_profile, &box.err), 0,
                 "%s", box.err.text);
    box.spec->seccomp = RUN_SECCOMP_CUSTOM;
}

static void open_box(void)
{
    box_open(&box);
    start_agent();
}

static void close_box(void)
{
    (void)kill(agent, SIGKILL);
    (void)waitpid(agent, NULL, 0);
    (void)close(report_fd);
    box_close(&box);
}

TestSuite(seccomp_notify, .init = open_box, .fini = close_box);

#define PROFILE(names)                                                                             \
    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"" AGENT "\","                        \
    "\"listenerMetadata\":\"of \\\"mine\\\"\","                                                    \
    "\"syscalls\":[{\"names\":[" names "],\"action\":\"SCMP_ACT_NOTIFY\"}]}"

/* busybox's words for ANSWER. */
#define REFUSED "mkdir: can't create directory '/tmp': Name not unique on network\n"

static void assert_answered(void)
{
    cr_assert_eq(box_run_script(&box, "mkdir /tmp; echo $?"), 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, REFUSED "1\n");
}

/* ---- tests */

Test(seccomp_notify, an_agent_answers_under_no_new_privileges)
{
    use_profile(PROFILE("\"mkdir\",\"mkdirat\""));
    box.spec->process.no_new_privileges = true;
    assert_answered();
}

Test(seccomp_notify, an_agent_answers_without_no_new_privileges)
{
    use_profile(PROFILE("\"mkdir\",\"mkdirat\""));
    box.spec->process.no_new_privileges = false;
    assert_answered();
}

/* Those too that keg makes itself until there is the program: the agent has the listener before. */
Test(seccomp_notify, any_call_may_be_asked_about)
{
    use_profile(PROFILE("\"mkdir\",\"mkdirat\",\"sendmsg\",\"write\",\"close\",\"capset\","
                        "\"setresuid\",\"wait4\",\"futex\",\"execve\",\"exit_group\""));
    for (int i = 0; i < 2; i++) {
        box.spec->process.no_new_privileges = i;
        if (i)
            restart_agent();
        assert_answered();
    }
}

Test(seccomp_notify, an_agent_answers_with_init)
{
    use_profile(PROFILE("\"mkdir\",\"mkdirat\""));
    box.options.init = true;
    assert_answered();
}

/* Not even if pid 1 of --init may not close it. */
Test(seccomp_notify, nobody_in_the_container_has_the_listener)
{
    struct run_capabilities *sets = &box.spec->process.capabilities;

    use_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"" AGENT
                "\",\"syscalls\":["
                "{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"},"
                "{\"names\":[\"close\",\"close_range\"],\"action\":\"SCMP_ACT_ERRNO\"}]}");
    box.options.init = true;
    /* To be let to look. */
    sets->bounding = sets->permitted = sets->effective |= 1ull << CAP_SYS_PTRACE;
    cr_assert_eq(box_run_script(&box, "ls -l /proc/1/fd"), 0, "%s", box.err.text);
    cr_assert_not_null(strstr(box.output, "0 -> /dev/null"), "%s", box.output);
    cr_assert_null(strstr(box.output, "seccomp"), "%s", box.output);
}

Test(seccomp_notify, the_agent_is_told_whose_calls_they_are)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(1 << 16);
    _cleanup_json_ json_t *json = NULL;
    const json_t *state;
    char part[4096];

    use_profile(PROFILE("\"mkdir\""));
    cr_assert_eq(keg_strv_add(&box.spec->annotations, "org.example.key=value"), 0);
    cr_assert_eq(box_run_script(&box, "true"), 0, "%s", box.err.text);
    for (ssize_t n; (n = read(report_fd, part, sizeof(part))) > 0;)
        cr_assert_eq(keg_buf_add(&text, part, (size_t)n), 0);
    json = keg_json_parse(text.data, text.length, &box.err);
    cr_assert_not_null(json, "%s", box.err.text);
    cr_expect_str_eq(json_string_value(json_object_get(json, "ociVersion")), "1.0.2");
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(json, "fds"), 0)),
                     "seccompFd");
    cr_expect_str_eq(json_string_value(json_object_get(json, "metadata")), "of \"mine\"");
    cr_expect_gt(json_integer_value(json_object_get(json, "pid")), 0);
    state = json_object_get(json, "state");
    cr_expect_str_eq(json_string_value(json_object_get(state, "id")), box.id);
    cr_expect_str_eq(json_string_value(json_object_get(state, "status")), "created");
    cr_expect_eq(json_integer_value(json_object_get(state, "pid")),
                 json_integer_value(json_object_get(json, "pid")));
    cr_expect_str_eq(json_string_value(
                         json_object_get(json_object_get(state, "annotations"), "org.example.key")),
                     "value");
}

/* A flag that no kernel has. */
Test(seccomp_notify, a_filter_that_cannot_be_installed_is_told)
{
    use_profile(PROFILE("\"mkdir\""));
    box.spec->process.no_new_privileges = false;
    box.spec->seccomp_profile->flags = 1u << 30;
    cr_assert_lt(box_run_script(&box, "true"), 0);
    cr_expect_str_eq(box.err.text, "user: seccomp: install the seccomp filter: invalid argument");
}

Test(seccomp_notify, without_an_agent_nothing_starts)
{
    use_profile(PROFILE("\"mkdir\""));
    cr_assert_eq(unlink(AGENT), 0);
    cr_assert_eq(box_run_script(&box, "echo ran"), -ENOENT);
    cr_expect_str_eq(box.err.text,
                     "seccomp: reach the agent at '" AGENT "': no such file or directory");
    cr_expect_str_empty(box.output);
}

Test(seccomp_notify, a_path_that_no_socket_has_is_refused)
{
    char path[200];
    const struct seccomp_agent far = {path, NULL};

    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    cr_assert_eq(seccomp_listener_send(&far, "{}", 1, 0, &box.err), -ENAMETOOLONG);
}

/* ---- by way of what is on disk */

static void write_config(void)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(1 << 20);

    cr_assert_eq(run_spec_write(box.spec, &text, &box.err), 0, "%s", box.err.text);
    box_write("/mnt/run/config.json", text.data, text.length, 0600);
}

static void create_detached(void)
{
    struct run_container *container;
    _cleanup_fd_ int null = keg_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);

    for (int i = 0; i < 3; i++)
        box.options.stdio_fds[i] = null;
    box.options.detached = true;
    box.options.die_with_parent = false;
    box_script(&box, "sleep 1000");
    cr_assert_eq(run_create(box.spec, &box.options, &container, &box.err), 0, "%s", box.err.text);
    run_close(container);
}

static void make_folder_inside(struct run_container *container)
{
    int ends[2];
    ssize_t n;
    struct run_container *made;
    struct run_exit ended;
    char *args[] = {(char *)"mkdir", (char *)"/tmp", NULL}, *env[] = {(char *)"PATH=/bin", NULL};
    const struct run_process process = {.cwd = (char *)"/", .args = args, .env = env};

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    const struct run_exec_options options = {.stdio_fds = {ends[0], ends[1], ends[1]}};
    cr_assert_eq(run_exec(container, &process, &options, &made, &box.err), 0, "%s", box.err.text);
    (void)close(ends[1]);
    n = keg_read(ends[0], box.output, sizeof(box.output) - 1);
    box.output[n > 0 ? n : 0] = '\0';
    (void)close(ends[0]);
    cr_assert_eq(run_wait(made, &ended, &box.err), 0, "%s", box.err.text);
    cr_assert_eq(run_destroy(made, &box.err), 0, "%s", box.err.text);
}

Test(seccomp_notify, an_agent_answers_whoever_starts_and_in_other_processes)
{
    struct run_container *container;

    use_profile(PROFILE("\"mkdir\",\"mkdirat\""));
    box.spec->process.no_new_privileges = true;
    write_config();
    create_detached();
    cr_assert_eq(run_open(box.options.rundir_fd, box.id, &container, &box.err), 0, "%s",
                 box.err.text);
    cr_assert_eq(run_start(container, &box.err), 0, "%s", box.err.text);
    restart_agent();
    make_folder_inside(container);
    cr_expect_str_eq(box.output, REFUSED);
    cr_assert_eq(run_destroy(container, &box.err), 0, "%s", box.err.text);
}
