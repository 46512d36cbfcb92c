/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: opening, reading, writing, replacing and passing them. */
#include "base/base.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

int keg_openat(int dirfd, const char *path, int flags, mode_t mode)
{
    int fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
    return fd < 0 ? -errno : fd;
}

int keg_mkdirs(int dirfd, const char *path, mode_t mode)
{
    _cleanup_free_ char *copy = keg_strdup(path);
    if (!copy)
        return -ENOMEM;
    for (char *p = copy + 1; *copy; p++) {
        bool end = *p == '\0';
        if (*p != '/' && !end)
            continue;
        *p = '\0';
        if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
            return -errno;
        if (end)
            return 0;
        *p = '/';
    }
    return -EINVAL;
}

ssize_t keg_read(int fd, void *buffer, size_t size)
{
    ssize_t n;
    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int keg_write_all(int fd, const void *data, size_t length)
{
    const char *p = data;
    while (length > 0) {
        ssize_t n = write(fd, p, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        length -= (size_t)n;
    }
    return 0;
}

int keg_read_all(int fd, size_t max_bytes, struct keg_buf *ret)
{
    char chunk[16384];
    size_t total = 0;
    for (;;) {
        ssize_t n = keg_read(fd, chunk, sizeof(chunk));
        if (n <= 0)
            return (int)n;
        total += (size_t)n;
        if (total > max_bytes)
            return -EFBIG;
        int r = keg_buf_add(ret, chunk, (size_t)n);
        if (r < 0)
            return r;
    }
}

int keg_read_file(int dirfd, const char *path, size_t max_bytes, struct keg_buf *ret,
                  struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd));
    struct stat st;
    if (fstat(fd, &st) < 0)
        return keg_fail_errno(err, "stat '%s'", path);
    if (!S_ISREG(st.st_mode))
        return keg_fail(err, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL, "'%s' is not a regular file",
                        path);
    struct keg_buf buf = keg_buf_init(max_bytes);
    int r = keg_read_all(fd, max_bytes, &buf);
    if (r < 0) {
        keg_buf_done(&buf);
        if (r == -EFBIG)
            return keg_fail(err, r, "'%s' is over %zu bytes", path, max_bytes);
        return keg_fail(err, r, "read '%s': %s", path, keg_errno_text(r));
    }
    *ret = buf;
    return 0;
}

int keg_write_file(int dirfd, const char *path, const char *data, size_t length)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, path, O_WRONLY | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    ssize_t n;
    do
        n = write(fd, data, length);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return (size_t)n == length ? 0 : -EIO;
}

static int fill_temporary(int dirfd, const char *name, const void *data, size_t length, mode_t mode,
                          bool durable)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (fd < 0)
        return fd;
    int r = keg_write_all(fd, data, length);
    if (r == 0 && durable && fsync(fd) < 0)
        r = -errno;
    return r;
}

static int sync_folder(int dirfd)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    return fsync(fd) < 0 ? -errno : 0;
}

int keg_replace_file(int dirfd, const char *name, const void *data, size_t length, mode_t mode,
                     bool durable)
{
    static atomic_uint counter;
    char temporary[64];
    int r;
    /* Another process of our pid, in a pid namespace or before a crash, may have left that name. */
    do {
        (void)snprintf(temporary, sizeof(temporary), ".keg-%d-%u.tmp", (int)getpid(),
                       atomic_fetch_add(&counter, 1));
        r = fill_temporary(dirfd, temporary, data, length, mode, durable);
    } while (r == -EEXIST);
    if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlinkat(dirfd, temporary, 0);
        return r;
    }
    return durable ? sync_folder(dirfd) : 0;
}

int keg_set_cloexec(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0)
        return -errno;
    flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
    return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}

union fd_message {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

int keg_send_fd(int socket, int fd)
{
    char byte = 'f';
    union fd_message control = {.space = {0}};
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
    ssize_t n;
    do
        n = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int keg_recv_fd(int socket)
{
    char byte;
    union fd_message control = {.space = {0}};
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t n;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? -errno : -ECONNRESET;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
        return -EPROTO;
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof(int));
    return fd;
}
