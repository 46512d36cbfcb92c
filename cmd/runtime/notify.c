/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3): what the container says to its own socket goes on to the service manager's. */
#include "cmd/run/plan.h"
#include "cmd/runtime/handover.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define FOLDER         "notify"
#define SOCKET         "notify.sock"
#define INSIDE         "/run/notify"
#define MESSAGE_MAX    4096
#define ADDRESS_LENGTH offsetof(struct sockaddr_un, sun_path)

/* The manager's socket, a path or an abstract name ("@..."). 0: there is none. */
static socklen_t manager_address(struct sockaddr_un *ret)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof(ret->sun_path) || !strchr("/@", path[0]))
        return 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, length);
    if (path[0] == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(ADDRESS_LENGTH + length);
}

int runtime_notify_prepare(const struct runtime *runtime, const struct runtime_folder *folder,
                           struct run_spec *spec, struct keg_err *err)
{
    struct sockaddr_un address;
    if (manager_address(&address) == 0)
        return 0;
    if (mkdirat(folder->fd, FOLDER, 0755) < 0)
        return keg_fail_errno(err, "make the folder '" FOLDER "'");
    _cleanup_free_ char *source = keg_asprintf("%s/%s/" FOLDER, runtime->root, folder->id);
    if (!source || plan_env_set(&spec->process.env, "NOTIFY_SOCKET=" INSIDE "/" SOCKET) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    return run_spec_add_mount(spec, INSIDE, "bind", source, "bind,nosuid,noexec,nodev,ro", err);
}

/* -ENOENT: none was prepared. */
static int bind_ours(const struct runtime_folder *folder, int *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_fd_ int dir = keg_openat(folder->fd, FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (dir < 0)
        return dir;
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" SOCKET, dir);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    /* Whatever user the container's program is. */
    if (fchmodat(dir, SOCKET, 0777, 0) < 0)
        return -errno;
    *ret = TAKE_FD(fd);
    return 0;
}

/* Has one of the message's lines READY=1? */
static bool is_ready(const char *message)
{
    const char *found = strstr(message, "READY=1");
    return found && (found == message || found[-1] == '\n') && strchr("\n", found[7]);
}

/* The manager knows our pid at best; the container's pid 1 is the service. Nothing of the
 * container's own words: it could name another process of the host as the service's, for the
 * manager to kill. */
static int pass_on(pid_t pid)
{
    char text[64];
    struct sockaddr_un address;
    socklen_t length = manager_address(&address);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int size = snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1", (int)pid);
    return sendto(fd, text, (size_t)size, MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0
               ? -errno
               : 0;
}

/* 1 once it was ready. */
static int serve_one(int fd, pid_t pid)
{
    char message[MESSAGE_MAX + 1];
    ssize_t length = keg_read(fd, message, MESSAGE_MAX);
    if (length < 0)
        return (int)length;
    message[length] = '\0';
    if (!is_ready(message))
        return 0;
    int r = pass_on(pid);
    return r < 0 ? r : 1;
}

static int serve(int fd, const struct run_container *container)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = run_pidfd(container), .events = POLLIN}};
    for (;;) {
        if (poll(fds, KEG_ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
            return -errno;
        int r = fds[0].revents ? serve_one(fd, run_pid(container)) : 0;
        if (r != 0 || fds[1].revents)
            return r < 0 ? r : 0;
        fds[0].revents = fds[1].revents = 0;
    }
}

static int prepare_to_serve(const struct runtime_folder *folder, int *ret, struct keg_err *err)
{
    struct sockaddr_un address;
    if (manager_address(&address) == 0)
        return 0;
    int r = bind_ours(folder, ret);
    return r < 0 && r != -ENOENT
               ? keg_fail(err, r, "the container's notify socket: %s", keg_errno_text(r))
               : 0;
}

int runtime_notify_wait(const struct runtime_folder *folder, const struct run_container *container,
                        struct keg_err *err)
{
    _cleanup_fd_ int fd = -1;
    int r = prepare_to_serve(folder, &fd, err);
    if (r < 0 || fd < 0)
        return r;
    r = serve(fd, container);
    return r < 0 ? keg_fail(err, r, "pass on READY=1: %s", keg_errno_text(r)) : 0;
}

int runtime_notify_fork(const struct runtime_folder *folder, const struct run_container *container,
                        pid_t *ret, struct keg_err *err)
{
    _cleanup_fd_ int fd = -1;
    *ret = 0;
    int r = prepare_to_serve(folder, &fd, err);
    if (r < 0 || fd < 0)
        return r;
    pid_t pid = fork();
    if (pid < 0)
        return keg_fail_errno(err, "fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(serve(fd, container) < 0);
    }
    *ret = pid;
    return 0;
}
