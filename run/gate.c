/* SPDX-License-Identifier: Apache-2.0 */
/* The socket at which a created container waits. */
#include "run/gate.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* By the folder's fd: its path may be longer than sun_path. */
static struct sockaddr_un address_of(int rundir_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" GATE_FILE,
                   rundir_fd);
    return address;
}

int gate_open(int rundir_fd)
{
    const struct sockaddr_un address = address_of(rundir_fd);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    mode_t before = umask(0177);
    int r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    int code = errno;
    (void)umask(before);
    if (r < 0)
        return -code;
    if (listen(fd, 1) == 0)
        return TAKE_FD(fd);
    code = errno;
    (void)unlinkat(rundir_fd, GATE_FILE, 0);
    return -code;
}

int gate_accept(int gate_fd)
{
    int fd;
    do
        fd = accept4(gate_fd, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd < 0 ? -errno : fd;
}

static int connect_to(int rundir_fd, int flags)
{
    const struct sockaddr_un address = address_of(rundir_fd);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -errno;
    int r;
    do
        r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : TAKE_FD(fd);
}

int gate_connect(int rundir_fd)
{
    return connect_to(rundir_fd, 0);
}

/* EAGAIN: the queue is full, so there is one; who waits there may be frozen and take nobody in. */
bool gate_is_kept(int rundir_fd)
{
    int fd = connect_to(rundir_fd, SOCK_NONBLOCK);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0 || fd == -EAGAIN;
}
