/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the parent: id maps of user namespaces. */
#include "run/id_map.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* user_namespaces(7): since Linux 4.15. */
#define MAP_LINES_MAX 340

/* A line is three numbers of at most ten digits. */
#define MAP_LINE_BYTES 36

#define HELPER_PATH_BYTES 64
#define HELPER_WORDS_MAX  512

int run_id_maps_add(struct run_id_maps *maps, uint32_t container_id, uint32_t host_id,
                    uint32_t size)
{
    struct run_id_map *items = reallocarray(maps->items, maps->count + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    items[maps->count++] = (struct run_id_map){container_id, host_id, size};
    maps->items = items;
    return 0;
}

void run_id_maps_done(struct run_id_maps *maps)
{
    free(maps->items);
    *maps = (struct run_id_maps){0};
}

int run_id_maps_to_host(const struct run_id_maps *maps, uint32_t id, uint32_t *ret)
{
    for (size_t i = 0; i < maps->count; i++) {
        const struct run_id_map *map = &maps->items[i];
        if (id < map->container_id || id - map->container_id >= map->size)
            continue;
        *ret = map->host_id + (id - map->container_id);
        return 0;
    }
    return -ENOENT;
}

uint32_t id_map_root(const struct run_id_maps *maps)
{
    uint32_t host;
    if (maps->count == 0 || run_id_maps_to_host(maps, 0, &host) == 0)
        return 0;
    return maps->items[0].container_id;
}

static bool overlap(const struct run_id_map *a, const struct run_id_map *b)
{
    uint64_t a_end = (uint64_t)a->container_id + a->size;
    uint64_t b_end = (uint64_t)b->container_id + b->size;
    return a->container_id < b_end && b->container_id < a_end;
}

int id_map_check(const struct run_id_maps *maps, const char *name, struct keg_err *err)
{
    if (maps->count == 0)
        return keg_fail(err, -EINVAL, "%s: a new user namespace needs them", name);
    if (maps->count > MAP_LINES_MAX)
        return keg_fail(err, -EINVAL, "%s: %zu lines; %d are the most", name, maps->count,
                        MAP_LINES_MAX);
    for (size_t i = 0; i < maps->count; i++) {
        const struct run_id_map *map = &maps->items[i];
        if (map->size == 0 || (uint64_t)map->container_id + map->size > UINT32_MAX ||
            (uint64_t)map->host_id + map->size > UINT32_MAX)
            return keg_fail(err, -EINVAL, "%s[%zu]: %u:%u:%u is no range of ids", name, i,
                            map->container_id, map->host_id, map->size);
        for (size_t j = 0; j < i; j++)
            if (overlap(map, &maps->items[j]))
                return keg_fail(err, -EINVAL, "%s[%zu]: overlaps with the one before", name, i);
    }
    return 0;
}

/* ---- writing */

static int write_map(pid_t pid, const char *file, const struct run_id_maps *maps)
{
    char path[64], text[MAP_LINES_MAX * MAP_LINE_BYTES + 1];
    size_t length = 0;
    for (size_t i = 0; i < maps->count; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%u %u %u\n",
                                   maps->items[i].container_id, maps->items[i].host_id,
                                   maps->items[i].size);
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    return keg_write_file(AT_FDCWD, path, text, length);
}

static int deny_setgroups(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
    return keg_write_file(AT_FDCWD, path, "deny", 4);
}

static bool is_own_alone(const struct run_id_maps *maps, uint32_t own)
{
    return maps->count == 1 && maps->items[0].size == 1 && maps->items[0].host_id == own;
}

static char **helper_arguments(const char *program, pid_t pid, const struct run_id_maps *maps)
{
    char number[16];
    _cleanup_strv_ char **args = NULL;
    (void)snprintf(number, sizeof(number), "%d", (int)pid);
    int r = keg_strv_add(&args, program);
    if (r == 0)
        r = keg_strv_add(&args, number);
    for (size_t i = 0; r == 0 && i < maps->count; i++) {
        const uint32_t numbers[3] = {maps->items[i].container_id, maps->items[i].host_id,
                                     maps->items[i].size};
        for (size_t j = 0; r == 0 && j < 3; j++) {
            (void)snprintf(number, sizeof(number), "%u", numbers[j]);
            r = keg_strv_add(&args, number);
        }
    }
    return r < 0 ? NULL : TAKE_PTR(args);
}

/* The set-user-ID programs of shadow: fixed places. */
static bool find_helper(const char *name, char ret[static HELPER_PATH_BYTES])
{
    static const char *const folders[] = {"/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(folders); i++) {
        (void)snprintf(ret, HELPER_PATH_BYTES, "%s/%s", folders[i], name);
        if (access(ret, X_OK) == 0)
            return true;
    }
    return false;
}

bool id_map_has_helpers(void)
{
    char path[HELPER_PATH_BYTES];
    return find_helper("newuidmap", path) && find_helper("newgidmap", path);
}

static _Noreturn void become_helper(const char *program, char *const *args, int words_fd)
{
    static char *const no_environment[] = {NULL};
    if (dup2(words_fd, STDERR_FILENO) == STDERR_FILENO)
        (void)execve(program, args, no_environment);
    _exit(127);
}

/* Start it, and take what it complains of. Its wait status, or -errno. */
static int execute_helper(const char *program, char *const *args, struct keg_buf *ret_words)
{
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t helper = fork();
    if (helper == 0)
        become_helper(program, args, ends[1]);
    int r = helper < 0 ? -errno : 0;
    (void)close(ends[1]);
    if (r == 0) {
        (void)keg_read_all(ends[0], HELPER_WORDS_MAX, ret_words);
        (void)close(TAKE_FD(ends[0]));
        r = keg_wait_child(helper, &status);
    }
    keg_cleanup_fd(&ends[0]);
    return r < 0 ? r : status;
}

static int run_helper(const char *name, pid_t pid, const struct run_id_maps *maps,
                      struct keg_err *err)
{
    char program[HELPER_PATH_BYTES];
    _cleanup_buf_ struct keg_buf words = keg_buf_init(HELPER_WORDS_MAX + 1);
    if (!find_helper(name, program))
        return keg_fail(err, -ENOENT, "%s is not installed (package uidmap)", name);
    _cleanup_strv_ char **args = helper_arguments(program, pid, maps);
    if (!args)
        return keg_fail(err, -ENOMEM, "%s: out of memory", name);
    int r = execute_helper(program, args, &words);
    if (r < 0)
        return keg_fail(err, r, "start '%s': %s", program, keg_errno_text(r));
    if (r == 0)
        return 0;
    if (words.length > 0)
        words.data[strcspn(words.data, "\n")] = '\0';
    return keg_fail(err, -EPERM, "%s refused%s%s: are these ids yours, by /etc/sub%s?", name,
                    words.length > 0 ? ": " : "", words.length > 0 ? words.data : "",
                    keg_streq(name, "newuidmap") ? "uid" : "gid");
}

static int fail_map(const char *file, int code, struct keg_err *err)
{
    return keg_fail(err, code, "write %s: %s%s", file, keg_errno_text(code),
                    code == -EINVAL ? ": ranges of ids that overlap on the host" : "");
}

static int write_uids(pid_t pid, const struct run_id_maps *maps, struct keg_err *err)
{
    int r = write_map(pid, "uid_map", maps);
    if (r == -EPERM && geteuid() != 0 && !is_own_alone(maps, geteuid()))
        return run_helper("newuidmap", pid, maps, err);
    return r < 0 ? fail_map("uid_map", r, err) : 0;
}

static int write_gids(pid_t pid, const struct run_id_maps *maps, struct keg_err *err)
{
    int r = write_map(pid, "gid_map", maps);
    if (r == -EPERM && is_own_alone(maps, getegid())) {
        r = deny_setgroups(pid);
        if (r == 0)
            r = write_map(pid, "gid_map", maps);
    } else if (r == -EPERM && geteuid() != 0) {
        return run_helper("newgidmap", pid, maps, err);
    }
    return r < 0 ? fail_map("gid_map", r, err) : 0;
}

int id_map_write(pid_t pid, const struct run_id_maps *uid_maps, const struct run_id_maps *gid_maps,
                 struct keg_err *err)
{
    int r = write_uids(pid, uid_maps, err);
    return r == 0 ? write_gids(pid, gid_maps, err) : r;
}

int id_map_write_own(uint32_t uid, uint32_t gid, struct keg_err *err)
{
    struct run_id_map uid_map = {0, uid, 1}, gid_map = {0, gid, 1};
    const struct run_id_maps uids = {&uid_map, 1}, gids = {&gid_map, 1};
    pid_t self = getpid();
    int r = write_map(self, "uid_map", &uids);
    if (r == 0)
        r = deny_setgroups(self);
    if (r == 0)
        r = write_map(self, "gid_map", &gids);
    return r < 0 ? keg_fail(err, r, "write uid_map: %s", keg_errno_text(r)) : 0;
}

/* ---- a namespace without processes */

/* In the new process: nothing but being there, until it is killed with, or by, its parent. */
static _Noreturn void wait_for_the_end(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;)
        (void)pause();
}

static pid_t clone_holder(void)
{
    struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0 && errno == ENOSYS)
        pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        wait_for_the_end();
    return (pid_t)pid;
}

int run_user_namespace_make(const struct run_id_maps *uid_maps, const struct run_id_maps *gid_maps,
                            int *ret_fd, struct keg_err *err)
{
    char path[64];
    int r = id_map_check(uid_maps, "uidMappings", err);
    if (r == 0)
        r = id_map_check(gid_maps, "gidMappings", err);
    if (r < 0)
        return r;
    _cleanup_pid_ pid_t holder = clone_holder();
    if (holder < 0)
        return keg_fail_errno(err, "make a user namespace");
    r = id_map_write(holder, uid_maps, gid_maps, err);
    if (r < 0)
        return r;
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)holder);
    int fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "open '%s': %s", path, keg_errno_text(fd));
    *ret_fd = fd;
    return 0;
}
