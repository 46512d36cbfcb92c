/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: the only calls that open things, each close-on-exec from birth. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* keg_openat(dirfd, path, flags, mode): openat(2) with O_CLOEXEC. Return the fd or -errno. For
 * paths that keg itself made up; a path that comes from an image goes through keg_open_beneath() or
 * keg_open_in_root(). */
int keg_openat(int dirfd, const char *path, int flags, mode_t mode);

/* keg_open_beneath(dirfd, path, flags, mode): openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS
 * and RESOLVE_NO_MAGICLINKS: no component of ${path} may be a symbolic link, none may lead out.
 * Return the fd, or -errno (-ELOOP for a link, -EXDEV for a way out). EAGAIN (a rename raced) is
 * retried. */
int keg_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* keg_open_in_root(rootfd, path, flags, mode): openat2(2) with RESOLVE_IN_ROOT and
 * RESOLVE_NO_MAGICLINKS: ${path} is resolved as if ${rootfd} were "/", absolute and ".." links
 * included. Return the fd or -errno. EAGAIN is retried. Where the kernel has no openat2
 * (before 5.6, or a seccomp filter answers ENOSYS) the path is walked component by component with
 * O_PATH|O_NOFOLLOW, with the same result. */
int keg_open_in_root(int rootfd, const char *path, int flags, mode_t mode);

/* keg_mkdirs_in_root(rootfd, path, mode): Make the folder ${path} with its parents below ${rootfd}
 * where they are missing, links resolved as in keg_open_in_root(). Return an O_PATH fd of the
 * folder, or -errno. */
int keg_mkdirs_in_root(int rootfd, const char *path, mode_t mode);

/* keg_mkdirs(dirfd, path, mode): `mkdir -p`: for paths that the user or keg named. 0 or -errno. */
int keg_mkdirs(int dirfd, const char *path, mode_t mode);

/* keg_read(fd, buffer, size): read(2), EINTR retried. Return the bytes (0 at the end) or -errno. */
ssize_t keg_read(int fd, void *buffer, size_t size);

/* keg_write_all(fd, data, length): Write all of it, EINTR and short writes retried. 0 or -errno. */
int keg_write_all(int fd, const void *data, size_t length);

/* keg_read_all(fd, max_bytes, ret): Append what is left of ${fd} to the initialised ${ret}. Return
 * 0, or -errno, or -EFBIG where more than ${max_bytes} came. */
int keg_read_all(int fd, size_t max_bytes, struct keg_buf *ret);

/* keg_read_file(dirfd, path, max_bytes, ret, err): Read a regular file whole into ${ret} (an
 * uninitialised buffer, to be freed with keg_buf_done() on success). A fifo, device or folder is
 * refused without blocking. Errors name ${path}. Return 0 or a negative code. */
int keg_read_file(int dirfd, const char *path, size_t max_bytes, struct keg_buf *ret,
                  struct keg_err *err);

/* keg_write_file(dirfd, path, data, length): Write to an existing file (a /proc or cgroup file) in
 * one write(2). Return 0 or -errno. */
int keg_write_file(int dirfd, const char *path, const char *data, size_t length);

/* keg_replace_file(dirfd, name, data, length, mode, durable): Put ${data} at ${name}, a single
 * component in ${dirfd}, whole or not at all: temporary name, write, fsync (where ${durable}),
 * rename, fsync of the folder (where ${durable}). Return 0 or -errno; on failure the old file
 * stands. */
int keg_replace_file(int dirfd, const char *name, const void *data, size_t length, mode_t mode,
                     bool durable);

/* keg_remove_tree(dirfd, name): Remove ${name} in ${dirfd}, a single component, whatever it is,
 * with all below it. Symbolic links are removed, not followed; mounts are not entered (-EBUSY).
 * Missing is success. Folders without permissions are made accessible first. Return 0 or -errno of
 * the first failure, after trying all. */
int keg_remove_tree(int dirfd, const char *name);

/* keg_set_cloexec(fd, on): 0 or -errno. */
int keg_set_cloexec(int fd, bool on);

/* keg_send_fd(socket, fd), keg_recv_fd(socket): Pass one fd over a Unix socket with one byte
 * (unix(7), SCM_RIGHTS). The received one is close-on-exec. Return 0 / the fd, or -errno
 * (-ECONNRESET at the end of the stream). */
int keg_send_fd(int socket, int fd);
int keg_recv_fd(int socket);
