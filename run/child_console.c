/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: the terminal from the container's own devpts, and fds 0 to 2. */
#include "run/child.h"

#include "run/channel.h"
#include "run/mount.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

#ifndef PIPEFS_MAGIC
#define PIPEFS_MAGIC 0x50495045
#endif

/* The ptmx of the devpts just mounted, and no file of the image. */
static int open_master(const struct child *child, struct keg_err *err)
{
    struct statfs fs;
    struct stat st;
    _cleanup_fd_ int fd = keg_open_beneath(child->dev_fd, "pts/ptmx", O_RDWR | O_NOCTTY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '/dev/pts/ptmx': %s", keg_errno_text(fd));
    if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
        return keg_fail_errno(err, "stat '/dev/pts/ptmx'");
    if (fs.f_type != DEVPTS_SUPER_MAGIC || st.st_rdev != makedev(5, 2))
        return keg_fail(err, -EPERM, "'/dev/pts/ptmx' is not the one of a devpts");
    return TAKE_FD(fd);
}

/* TIOCGPTPEER, since /dev/pts/N by name may be anything by now (CVE-2025-52565). */
static int open_slave(int master, struct keg_err *err)
{
    int unlock = 0;
    if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return keg_fail_errno(err, "unlock the terminal");
    int fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? keg_fail_errno(err, "open the terminal") : fd;
}

static int bind_on_console(const struct child *child, int slave, struct keg_err *err)
{
    static const struct mount_change unchanged = {0};
    if (!child->spec->namespaces[RUN_NS_MOUNT].wanted)
        return 0;
    if (mknodat(child->dev_fd, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
        return keg_fail_errno(err, "make '/dev/console'");
    _cleanup_fd_ int fd = keg_open_beneath(child->dev_fd, "console", O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '/dev/console': %s", keg_errno_text(fd));
    const struct mount_target target = {
        .root_fd = child->root_fd, .path = "/dev/console", .fd = fd};
    int r = mount_bind_on(slave, false, &unchanged, &target, err);
    return r < 0 ? keg_wrap(err, "'/dev/console'") : 0;
}

static int set_size(const struct run_process *process, int master, struct keg_err *err)
{
    const struct winsize size = {.ws_row = process->console_rows,
                                 .ws_col = process->console_columns};
    if (size.ws_row && size.ws_col && ioctl(master, TIOCSWINSZ, &size) < 0)
        return keg_fail_errno(err, "size of the terminal");
    return 0;
}

/* Its master goes to the parent, its slave becomes fds 0 to 2. */
int child_open_terminal(struct child *child, struct keg_err *err)
{
    if (!child->spec->process.terminal)
        return 0;
    _cleanup_fd_ int master = open_master(child, err);
    if (master < 0)
        return master;
    _cleanup_fd_ int slave = open_slave(master, err);
    if (slave < 0)
        return slave;
    /* Its user may open it again, as /dev/tty or /dev/stdout. */
    if (fchown(slave, child->spec->process.user.uid, (gid_t)-1) < 0)
        return keg_fail_errno(err, "owner of the terminal");
    int r = set_size(&child->spec->process, master, err);
    if (r < 0)
        return r;
    r = channel_send_fd(child->channel_fd, CHANNEL_CONSOLE, master);
    if (r < 0)
        return keg_fail(err, r, "hand over the terminal: %s", keg_errno_text(r));
    child->console_fd = TAKE_FD(slave);
    return 0;
}

int child_make_console(struct child *child, struct keg_err *err)
{
    int r = child_open_terminal(child, err);
    return r == 0 && child->console_fd >= 0 ? bind_on_console(child, child->console_fd, err) : r;
}

/* docker's habit, so that a user who is not root can write to /dev/stdout. Anonymous pipes only: a
 * file or a named pipe is the caller's own. Root of a user namespace may not, where the caller is
 * nobody in it. */
static int give_pipe(const struct child *child, int fd)
{
    struct statfs fs;
    const struct run_user *user = &child->spec->process.user;
    if (user->uid == 0 || fstatfs(fd, &fs) < 0 || fs.f_type != PIPEFS_MAGIC)
        return 0;
    if (fchown(fd, user->uid, (gid_t)-1) == 0 || child->unmapped_root)
        return 0;
    return -errno;
}

int child_set_stdio(struct child *child, struct keg_err *err)
{
    int fds[3];
    bool terminal = child->console_fd >= 0;
    /* First out of the way: 1 may have to become 0. */
    for (int i = 0; i < 3; i++) {
        int from = terminal ? child->console_fd : child->options->stdio_fds[i];
        fds[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
        if (fds[i] < 0)
            return keg_fail_errno(err, "fd %d", i);
        int r = terminal ? 0 : give_pipe(child, fds[i]);
        if (r < 0)
            return keg_fail(err, r, "owner of fd %d: %s", i, keg_errno_text(r));
    }
    for (int i = 0; i < 3; i++)
        if (dup3(fds[i], i, 0) < 0)
            return keg_fail_errno(err, "fd %d", i);
    return 0;
}

int child_new_session(const struct child *child, struct keg_err *err)
{
    /* Also without a terminal: the caller's must not stay the controlling one (TIOCSTI,
     * CVE-2017-5226). */
    if (setsid() < 0 && errno != EPERM)
        return keg_fail_errno(err, "new session");
    if (child->console_fd >= 0 && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
        return keg_fail_errno(err, "controlling terminal");
    return 0;
}
