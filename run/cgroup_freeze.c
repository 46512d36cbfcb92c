/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing and thawing: cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst "cgroup.freeze". */
#include "run/cgroup_internal.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#define STATE_MAX_BYTES 4096
#define RETRY_NS        1000000

static bool is_v2_frozen(int folder_fd)
{
    char text[STATE_MAX_BYTES];
    return cgroup_read_text(folder_fd, "cgroup.events", text, sizeof(text)) > 0 &&
           strstr(text, "frozen 1");
}

bool cgroup_folder_is_frozen(int folder_fd)
{
    char text[STATE_MAX_BYTES];
    if (cgroup_read_text(folder_fd, "freezer.state", text, sizeof(text)) > 0)
        return keg_starts_with(text, "FR");
    if (cgroup_read_text(folder_fd, "cgroup.freeze", text, sizeof(text)) > 0 && *text == '1')
        return true;
    return is_v2_frozen(folder_fd);
}

bool cgroup_is_frozen(const struct cgroup *cgroup)
{
    int fd = cgroup_folder_fd(cgroup, CGROUP_FREEZER);
    return fd >= 0 && cgroup_folder_is_frozen(fd);
}

/* ---- v2 */

/* The kernel tells of a change of cgroup.events as an exceptional condition. */
static int await_v2(int folder_fd, bool frozen, int64_t deadline)
{
    _cleanup_fd_ int events_fd = keg_openat(folder_fd, "cgroup.events", O_RDONLY, 0);
    if (events_fd < 0)
        return events_fd;
    for (;;) {
        char text[STATE_MAX_BYTES];
        ssize_t length = pread(events_fd, text, sizeof(text) - 1, 0);
        if (length < 0)
            return -errno;
        text[length] = '\0';
        if ((strstr(text, "frozen 1") != NULL) == frozen)
            return 0;
        int64_t left = deadline - keg_monotonic_ms();
        struct pollfd change = {.fd = events_fd, .events = POLLPRI};
        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(&change, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
}

static int set_v2(int folder_fd, bool frozen)
{
    int result = keg_write_file(folder_fd, "cgroup.freeze", frozen ? "1" : "0", 1);
    if (result < 0)
        return result;
    return await_v2(folder_fd, frozen, keg_monotonic_ms() + CGROUP_DESTROY_TIMEOUT_MS);
}

/* ---- v1 */

/* It stays at FREEZING where a process forked meanwhile, until it is written again. */
static int set_v1(int folder_fd, bool frozen)
{
    const char *state = frozen ? "FROZEN" : "THAWED";
    int64_t deadline = keg_monotonic_ms() + CGROUP_DESTROY_TIMEOUT_MS;
    for (;;) {
        char text[STATE_MAX_BYTES];
        int result = keg_write_file(folder_fd, "freezer.state", state, strlen(state));
        if (result < 0)
            return result;
        ssize_t length = cgroup_read_text(folder_fd, "freezer.state", text, sizeof(text));
        if (length < 0)
            return (int)length;
        if (keg_starts_with(text, state))
            return 0;
        if (keg_monotonic_ms() > deadline)
            return -ETIMEDOUT;
        const struct timespec pause = {.tv_nsec = RETRY_NS};
        nanosleep(&pause, NULL);
    }
}

int cgroup_freeze(struct cgroup *cgroup, bool frozen, struct keg_err *err)
{
    const char *verb = frozen ? "freeze" : "thaw";
    int fd = cgroup_folder_fd(cgroup, CGROUP_FREEZER);
    int result = 0;
    if (fd < 0 && !frozen)
        return 0;
    if (fd < 0) {
        result = cgroup_add_late(cgroup, CGROUP_FREEZER, err);
        if (result < 0)
            return result;
        fd = cgroup_folder_fd(cgroup, CGROUP_FREEZER);
    }
    int (*const set)(int, bool) = cgroup->v2 ? set_v2 : set_v1;
    result = set(fd, frozen);
    if (result == 0)
        return 0;
    if (frozen)
        (void)set(fd, false);
    if (result == -ENOENT)
        return keg_fail(err, -ENOTSUP, "%s: this kernel cannot freeze cgroups", verb);
    if (result == -ETIMEDOUT)
        return keg_fail(err, result, "%s: some processes did not stop within %d ms", verb,
                        CGROUP_DESTROY_TIMEOUT_MS);
    return keg_fail(err, result, "%s: %s", verb, keg_errno_text(result));
}
