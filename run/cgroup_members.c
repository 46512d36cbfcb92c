/* SPDX-License-Identifier: Apache-2.0 */
/* The processes in control groups: listed and signalled. */
#include "run/cgroup_internal.h"

#include <dirent.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/* One line a process; /proc/sys/kernel/pid_max is at most 2^22. */
#define CGROUP_PROCS_MAX_BYTES (32u * 1024 * 1024)
#define MEMBERS_STEP           64
/* A process that forks between two rounds has one child; nobody outruns this many. */
#define KILL_ROUNDS 8

void cgroup_each_child(int folder_fd, void (*visit)(int folder_fd, const char *name, void *data),
                       void *data)
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
            visit(folder_fd, entry->d_name, data);
}

static int add_member(struct cgroup_members *members, pid_t pid)
{
    if (members->count == members->capacity) {
        size_t capacity = members->capacity ? members->capacity * 2 : MEMBERS_STEP;
        pid_t *grown = realloc(members->pids, capacity * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        members->pids = grown;
        members->capacity = capacity;
    }
    members->pids[members->count++] = pid;
    return 0;
}

static int read_procs(int folder_fd, struct keg_buf *ret)
{
    _cleanup_fd_ int fd = keg_openat(folder_fd, "cgroup.procs", O_RDONLY, 0);
    return fd < 0 ? fd : keg_read_all(fd, CGROUP_PROCS_MAX_BYTES, ret);
}

/* ENODEV: the folder is going. EOPNOTSUPP: a threaded one, whose processes its parent lists. */
static int list_own(int folder_fd, struct cgroup_members *members)
{
    _cleanup_buf_ struct keg_buf procs = keg_buf_init(CGROUP_PROCS_MAX_BYTES);
    int result = read_procs(folder_fd, &procs);
    if (result < 0 || !procs.data)
        return result == -ENOENT || result == -ENODEV || result == -EOPNOTSUPP ? 0 : result;
    char *rest = NULL;
    for (char *line = strtok_r(procs.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        uint64_t pid;
        /* 0: one that this pid namespace does not show. */
        if (keg_parse_u64(line, 1, INT32_MAX, &pid) < 0)
            continue;
        result = add_member(members, (pid_t)pid);
        if (result < 0)
            return result;
    }
    return 0;
}

struct walk {
    struct cgroup_members *members;
    unsigned depth;
    int result;
};

static void list_child(int folder_fd, const char *name, void *data)
{
    struct walk *walk = data;
    if (walk->result < 0 || walk->depth > CGROUP_DEPTH_MAX)
        return;
    _cleanup_fd_ int fd = keg_openat(folder_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return;
    walk->result = list_own(fd, walk->members);
    walk->depth++;
    cgroup_each_child(fd, list_child, walk);
    walk->depth--;
}

int cgroup_list_members(int folder_fd, bool below, struct cgroup_members *members)
{
    struct walk walk = {.members = members};
    walk.result = list_own(folder_fd, members);
    if (below && walk.result == 0)
        cgroup_each_child(folder_fd, list_child, &walk);
    return walk.result;
}

static void look_for_member(int folder_fd, const char *name, void *data)
{
    struct walk *walk = data;
    if (walk->result || walk->depth > CGROUP_DEPTH_MAX)
        return;
    _cleanup_fd_ int fd = keg_openat(folder_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    _cleanup_buf_ struct keg_buf procs = keg_buf_init(CGROUP_PROCS_MAX_BYTES);
    if (fd < 0 || read_procs(fd, &procs) < 0)
        return;
    walk->result = procs.length > 0;
    walk->depth++;
    cgroup_each_child(fd, look_for_member, walk);
    walk->depth--;
}

bool cgroup_folder_is_empty(int folder_fd)
{
    struct walk walk = {0};
    look_for_member(folder_fd, ".", &walk);
    return walk.result == 0;
}

static int compare_pids(const void *a, const void *b)
{
    pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
    return (left > right) - (left < right);
}

int cgroup_pids(const struct cgroup *cgroup, pid_t **ret, size_t *ret_count, struct keg_err *err)
{
    struct cgroup_members members = {0};
    int result = 0;
    /* All hierarchies: one that is root in the container may have left some of them. */
    for (size_t i = 0; result == 0 && i < cgroup->count; i++)
        result = cgroup_list_members(cgroup->folders[i].fd, true, &members);
    if (result < 0) {
        free(members.pids);
        return keg_fail(err, result, "list the processes: %s", keg_errno_text(result));
    }
    size_t unique = 0;
    if (members.count)
        qsort(members.pids, members.count, sizeof(*members.pids), compare_pids);
    for (size_t i = 0; i < members.count; i++)
        if (unique == 0 || members.pids[i] != members.pids[unique - 1])
            members.pids[unique++] = members.pids[i];
    *ret = members.pids;
    *ret_count = unique;
    return 0;
}

const char *cgroup_path_inside(const char *path)
{
    static const char root[] = "/sys/fs/cgroup";
    struct statfs fs;
    const char *inside = path + strlen(root);
    if (!keg_starts_with(path, root) || *inside != '/')
        return path;
    if (statfs(root, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
        return inside;
    const char *behind = strchr(inside + 1, '/');
    return behind ? behind : inside;
}

/* ${inside} as whole components of a line of /proc/<pid>/cgroup, which begins with the folder that
 * the reader's own cgroup namespace calls the root. */
static bool is_in_cgroup(pid_t pid, const char *inside)
{
    char file[32], text[16384];
    snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
    if (cgroup_read_text(AT_FDCWD, file, text, sizeof(text)) < 0)
        return false;
    size_t length = strlen(inside);
    for (const char *p = text; (p = strstr(p, inside)); p += length)
        if (p[length] == '\n' || p[length] == '/')
            return true;
    return false;
}

bool cgroup_signal_member(pid_t pid, const char *inside, int signal)
{
    if (pid <= 0 || pid == getpid())
        return false;
    _cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* Asked after it was opened: the number may be another process by now. */
    if (pidfd < 0 || !is_in_cgroup(pid, inside))
        return false;
    (void)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
    return true;
}

/* What a process forks between the listing and its end is found by the next round; SIGKILL leaves
 * nobody to fork in the end. */
static int signal_all(const struct cgroup *cgroup, int signal, size_t *ret_count)
{
    _cleanup_free_ pid_t *pids = NULL;
    int result = cgroup_pids(cgroup, &pids, ret_count, NULL);
    if (result < 0)
        return result;
    for (size_t i = 0; i < *ret_count; i++)
        for (size_t folder = 0; folder < cgroup->count; folder++)
            if (cgroup_signal_member(pids[i], cgroup_path_inside(cgroup->paths[folder]), signal))
                break;
    return 0;
}

int cgroup_signal(const struct cgroup *cgroup, int signal, struct keg_err *err)
{
    size_t count;
    if (signal == SIGKILL && cgroup->v2 && cgroup->count &&
        keg_write_file(cgroup->folders[0].fd, "cgroup.kill", "1", 1) == 0)
        return 0;
    int result = signal_all(cgroup, signal, &count);
    for (int round = 0; result == 0 && signal == SIGKILL && count && round < KILL_ROUNDS; round++)
        result = signal_all(cgroup, signal, &count);
    return result < 0 ? keg_fail(err, result, "signal %d: %s", signal, keg_errno_text(result)) : 0;
}
