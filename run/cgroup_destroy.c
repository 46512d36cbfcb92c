/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container's control groups: thaw, kill, remove; also by stored paths, after a crash.
 */
#include "run/cgroup_internal.h"

#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define BACKOFF_MIN_NS 100000
#define BACKOFF_MAX_NS 10000000

static void kill_listed(int folder_fd, const char *path)
{
    const char *inside = cgroup_path_inside(path);
    struct cgroup_members members = {0};
    (void)cgroup_list_members(folder_fd, false, &members);
    for (size_t i = 0; i < members.count; i++)
        (void)cgroup_signal_member(members.pids[i], inside, SIGKILL);
    free(members.pids);
}

/* A frozen process does not see its SIGKILL on v1, and on v2 only the whole folder's kill reaches
 * it. */
static void thaw_and_kill(int folder_fd, const char *path)
{
    keg_write_file(folder_fd, "freezer.state", "THAWED", 6);
    keg_write_file(folder_fd, "cgroup.freeze", "0", 1);
    if (keg_write_file(folder_fd, "cgroup.kill", "1", 1) < 0)
        kill_listed(folder_fd, path);
}

struct removal {
    const char *path; /* of the container's folder; absolute */
    unsigned depth;
};

static int remove_folder(int parent_fd, const char *name, struct removal *removal);

static void remove_child(int folder_fd, const char *name, void *data)
{
    (void)remove_folder(folder_fd, name, data);
}

/* One try: -EBUSY while what was killed has not ended yet. */
static int remove_folder(int parent_fd, const char *name, struct removal *removal)
{
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != EBUSY || removal->depth > CGROUP_DEPTH_MAX)
        return -errno;
    _cleanup_fd_ int fd = keg_openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    thaw_and_kill(fd, removal->path);
    removal->depth++;
    cgroup_each_child(fd, remove_child, removal);
    removal->depth--;
    return unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int try_all(char *const *paths, const char **ret_busy)
{
    int first = 0;
    for (char *const *path = paths; *path; path++) {
        struct removal removal = {.path = *path};
        int result = remove_folder(AT_FDCWD, *path, &removal);
        if (result < 0 && (first == 0 || first == -EBUSY)) {
            first = result;
            *ret_busy = *path;
        }
    }
    return first;
}

int cgroup_remove_folders(char *const *paths, struct keg_err *err)
{
    const char *busy = NULL;
    int64_t deadline = keg_monotonic_ms() + CGROUP_DESTROY_TIMEOUT_MS;
    struct timespec pause = {.tv_nsec = BACKOFF_MIN_NS};
    int result = try_all(paths, &busy);
    while (result == -EBUSY && keg_monotonic_ms() < deadline) {
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < BACKOFF_MAX_NS)
            pause.tv_nsec *= 2;
        result = try_all(paths, &busy);
    }
    if (result < 0)
        return keg_fail(err, result, "remove cgroup '%s': %s", busy, keg_errno_text(result));
    return 0;
}

static bool has_dots(const char *path)
{
    return strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//") ||
           keg_ends_with(path, "/..") || keg_ends_with(path, "/.") || keg_ends_with(path, "/");
}

static bool is_cgroup_filesystem(const char *path)
{
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return errno == ENOENT;
    return fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* The root of a hierarchy is on another filesystem than the folder that it is mounted in. */
static bool is_mount_point(const char *path)
{
    char parent[PATH_MAX];
    struct stat own, above;
    int length = snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
    if ((size_t)length >= sizeof(parent) || lstat(path, &own) < 0)
        return errno != ENOENT;
    return stat(parent, &above) < 0 || own.st_dev != above.st_dev;
}

/* Killing all in it would kill this process. */
static bool holds_caller(const char *path)
{
    char own[16384], needle[PATH_MAX + 2];
    (void)snprintf(needle, sizeof(needle), ":%s", cgroup_path_inside(path));
    if (cgroup_read_text(AT_FDCWD, "/proc/self/cgroup", own, sizeof(own)) < 0)
        return false;
    size_t length = strlen(needle);
    for (const char *p = own; (p = strstr(p, needle)); p += length)
        if (p[length] == '\n' || p[length] == '/')
            return true;
    return false;
}

/* state.json is ours, but what removes folders and kills by it does not take its word. */
const char *cgroup_path_fault(const char *path)
{
    if (!keg_starts_with(path, "/sys/fs/cgroup/") || has_dots(path) || strlen(path) >= PATH_MAX)
        return "no path below '/sys/fs/cgroup'";
    if (!is_cgroup_filesystem(path))
        return "no cgroup";
    return is_mount_point(path) ? "the root of a hierarchy" : NULL;
}

int cgroup_destroy_paths(char *const *paths, const char *id, struct keg_err *err)
{
    if (!cgroup_id_is_valid(id))
        return keg_fail(err, -EINVAL, "container id '%s' is not valid", id);
    if (!paths)
        return 0;
    for (char *const *path = paths; *path; path++) {
        const char *fault = cgroup_path_fault(*path);
        if (!fault && holds_caller(*path))
            fault = "where this process is";
        if (fault)
            return keg_fail(err, -EINVAL, "'%s' is no cgroup of container '%s': it is %s", *path,
                            id, fault);
    }
    return cgroup_remove_folders(paths, err);
}
