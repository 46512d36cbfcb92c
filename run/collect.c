/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in any keg: clean up after a container whose own keg died. */
#include "run/run.h"

#include "run/cgroup_internal.h"
#include "run/gate.h"
#include "run/network_user.h"
#include "run/state.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

/* As long as cgroup_destroy_paths() tries. */
#define END_TIMEOUT_MS CGROUP_DESTROY_TIMEOUT_MS

/* Where a container's folders are, whichever layout: for a keg that died before it wrote its state.
 */
static int guess_cgroups(const char *id, char ***ret)
{
    _cleanup_strv_ char **paths = NULL;
    _cleanup_free_ char *unified = keg_asprintf("/sys/fs/cgroup/keg/%s", id);
    if (!unified || keg_strv_add(&paths, unified) < 0)
        return -ENOMEM;
    for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
        _cleanup_free_ char *path = keg_asprintf(
            "/sys/fs/cgroup/%s/keg/%s", cgroup_controller_name((enum cgroup_controller)i), id);
        if (!path || keg_strv_add(&paths, path) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(paths);
    return 0;
}

static void remove_empty(const char *hierarchy, const char *path)
{
    _cleanup_free_ char *folder = keg_asprintf("/sys/fs/cgroup/%s/%s", hierarchy, path);
    if (folder)
        (void)rmdir(folder);
}

/* Killed while it made its folders at a path of its config.json's. Nothing of the container's is in
 * them yet; one in which somebody is was there before, and its rmdir(2) fails. */
static void remove_begun_cgroups(int rundir_fd)
{
    struct run_spec *spec;
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_free_ char *path = NULL;
    if (run_spec_read(rundir_fd, STATE_CONFIG_FILE, &spec, NULL, &err) < 0)
        return;
    if (spec->cgroups_path && cgroup_path_normalise(spec->cgroups_path, &path, &err) == 0) {
        remove_empty(".", path);
        remove_empty("systemd", path);
        for (int i = 0; i < CGROUP_CONTROLLERS; i++)
            remove_empty(cgroup_controller_name((enum cgroup_controller)i), path);
    }
    run_spec_free(spec);
}

/* No state.json: the address is the one whose lease holds our id. */
static int release_any_lease(int leases_dirfd, const char *id)
{
    int fd = keg_openat(leases_dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    _cleanup_dir_ DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return -ENOMEM;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct in_addr address;
        if (inet_pton(AF_INET, entry->d_name, &address) != 1)
            continue;
        int r = run_network_release(leases_dirfd, id, address);
        if (r < 0)
            return r;
    }
    return 0;
}

static int release_lease(int leases_dirfd, const char *id, struct in_addr address,
                         struct keg_err *err)
{
    if (leases_dirfd < 0)
        return 0;
    int r = address.s_addr ? run_network_release(leases_dirfd, id, address)
                           : release_any_lease(leases_dirfd, id);
    return r < 0 ? keg_fail(err, r, "release the address: %s", keg_errno_text(r)) : 0;
}

static int await_end(int pidfd, pid_t pid, struct keg_err *err)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    if (poll(&end, 1, END_TIMEOUT_MS) > 0)
        return 0;
    return keg_fail(err, -EBUSY, "process %d does not end", (int)pid);
}

/* Kill first: it is the end of all others in its pid namespace. Removing the cgroups thaws what is
 * frozen. */
static int end_container(const struct state *state, const char *id, struct keg_err *err)
{
    _cleanup_fd_ int pidfd = state->pid > 0 ? state_open_process(state) : -ESRCH;
    if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        return keg_fail_errno(err, "kill process %d", (int)state->pid);
    network_user_stop(state);
    int r = cgroup_destroy_paths(state->cgroups, id, err);
    if (r == 0 && pidfd >= 0)
        r = await_end(pidfd, state->pid, err);
    return r == 0 ? intel_rdt_release(&state->rdt, err) : r;
}

int run_collect(int rundir_fd, int leases_dirfd, const char *id, struct keg_err *err)
{
    struct state state;
    struct keg_err cause = KEG_ERR_INIT;
    int r = state_read(rundir_fd, &state, &cause);
    if (r < 0) {
        /* None, or one that a full tmpfs cut: what can be found without it is removed. */
        remove_begun_cgroups(rundir_fd);
        r = guess_cgroups(id, &state.cgroups);
    }
    r = r < 0 ? keg_fail(err, r, "out of memory") : end_container(&state, id, err);
    if (r == 0)
        r = release_lease(leases_dirfd, id, state.address, err);
    state_done(&state);
    run_ephemeral_clean(rundir_fd);
    static const char *const files[] = {GATE_FILE, STATE_FILE};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(files); i++)
        if (r == 0 && unlinkat(rundir_fd, files[i], 0) < 0 && errno != ENOENT)
            r = keg_fail_errno(err, "remove '%s'", files[i]);
    return r < 0 ? keg_wrap(err, "collect '%s'", id) : 0;
}

void run_kill_left(int rundir_fd)
{
    struct state state;
    struct keg_err err = KEG_ERR_INIT;
    if (state_read(rundir_fd, &state, &err) < 0)
        return;
    _cleanup_fd_ int pidfd = state.pid > 0 ? state_open_process(&state) : -ESRCH;
    state_done(&state);
    if (pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}
