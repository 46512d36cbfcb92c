/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container's control groups: thaw, kill, remove; also by stored paths, after a crash.
 */
#include "run/cgroup_internal.h"

#include <dirent.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

/* Folders below ours are the container's own doing (a systemd in it nests some five levels). */
#define CGROUP_DEPTH_MAX 64
/* One line a process; /proc/sys/kernel/pid_max is at most 2^22. */
#define CGROUP_PROCS_MAX_BYTES (32u * 1024 * 1024)
#define BACKOFF_MIN_NS         100000
#define BACKOFF_MAX_NS         10000000

/* "/keg/<id>" as whole components of a line of /proc/<pid>/cgroup. */
static bool is_in_cgroup(pid_t pid, const char *id)
{
    char path[32], text[16384], needle[NAME_MAX + 8];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    int length = snprintf(needle, sizeof(needle), "/keg/%s", id);
    if (cgroup_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
        return false;
    for (const char *p = text; (p = strstr(p, needle)); p += length)
        if (p[length] == '\n' || p[length] == '/')
            return true;
    return false;
}

/* By pidfd, and asked again after it was opened: the number may be another process by now. */
static void kill_member(pid_t pid, const char *id)
{
    if (pid <= 0 || pid == getpid())
        return;
    _cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd >= 0 && is_in_cgroup(pid, id))
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

static void kill_listed(int folder_fd, const char *id)
{
    _cleanup_fd_ int fd = keg_openat(folder_fd, "cgroup.procs", O_RDONLY, 0);
    _cleanup_buf_ struct keg_buf procs = keg_buf_init(CGROUP_PROCS_MAX_BYTES);
    if (fd < 0 || keg_read_all(fd, CGROUP_PROCS_MAX_BYTES, &procs) < 0 || !procs.data)
        return;
    char *rest = NULL;
    for (char *line = strtok_r(procs.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        uint64_t pid;
        if (keg_parse_u64(line, 1, INT32_MAX, &pid) == 0)
            kill_member((pid_t)pid, id);
    }
}

/* A frozen process does not see its SIGKILL on v1, and on v2 only the whole folder's kill reaches
 * it. */
static void thaw_and_kill(int folder_fd, const char *id)
{
    keg_write_file(folder_fd, "freezer.state", "THAWED", 6);
    keg_write_file(folder_fd, "cgroup.freeze", "0", 1);
    if (keg_write_file(folder_fd, "cgroup.kill", "1", 1) < 0)
        kill_listed(folder_fd, id);
}

static int remove_folder(int parent_fd, const char *name, const char *id, unsigned depth);

static void remove_children(int folder_fd, const char *id, unsigned depth)
{
    int copy = keg_openat(folder_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    _cleanup_dir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        keg_cleanup_fd(&copy);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0)
            remove_folder(folder_fd, entry->d_name, id, depth + 1);
}

/* One try: -EBUSY while what was killed has not ended yet. */
static int remove_folder(int parent_fd, const char *name, const char *id, unsigned depth)
{
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != EBUSY || depth > CGROUP_DEPTH_MAX)
        return -errno;
    _cleanup_fd_ int fd = keg_openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    thaw_and_kill(fd, id);
    remove_children(fd, id, depth);
    return unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int try_all(char *const *paths, const char *id, const char **ret_busy)
{
    int first = 0;
    for (char *const *path = paths; *path; path++) {
        int result = remove_folder(AT_FDCWD, *path, id, 0);
        if (result < 0 && (first == 0 || first == -EBUSY)) {
            first = result;
            *ret_busy = *path;
        }
    }
    return first;
}

int cgroup_remove_folders(char *const *paths, const char *id, struct keg_err *err)
{
    const char *busy = NULL;
    int64_t deadline = keg_monotonic_ms() + CGROUP_DESTROY_TIMEOUT_MS;
    struct timespec pause = {.tv_nsec = BACKOFF_MIN_NS};
    int result = try_all(paths, id, &busy);
    while (result == -EBUSY && keg_monotonic_ms() < deadline) {
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < BACKOFF_MAX_NS)
            pause.tv_nsec *= 2;
        result = try_all(paths, id, &busy);
    }
    if (result < 0)
        return keg_fail(err, result, "remove cgroup '%s': %s", busy, keg_errno_text(result));
    return 0;
}

static bool has_dots(const char *path)
{
    return strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//");
}

static bool is_cgroup_filesystem(const char *path)
{
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return errno == ENOENT;
    return fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* state.json is ours, but what removes folders and kills by it does not take its word. */
static bool is_our_path(const char *path, const char *id)
{
    char tail[NAME_MAX + 8];
    snprintf(tail, sizeof(tail), "/keg/%s", id);
    return keg_starts_with(path, "/sys/fs/cgroup/") && keg_ends_with(path, tail) &&
           !has_dots(path) && is_cgroup_filesystem(path);
}

int cgroup_destroy_paths(char *const *paths, const char *id, struct keg_err *err)
{
    if (!cgroup_id_is_valid(id))
        return keg_fail(err, -EINVAL, "container id '%s' is not valid", id);
    if (!paths)
        return 0;
    for (char *const *path = paths; *path; path++)
        if (!is_our_path(*path, id))
            return keg_fail(err, -EINVAL, "'%s' is no cgroup of container '%s'", *path, id);
    return cgroup_remove_folders(paths, id, err);
}
