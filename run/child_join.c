/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child of run_exec(): into a living container, and on as its first process went.
 *
 * They are two. The first one is in the caller's pid namespace, where nobody of the container sees
 * it: it leaves all of the host's behind, and clones the second one, its sibling, into the
 * container's. */
#include "run/child.h"

#include "run/attributes.h"
#include "run/channel.h"
#include "run/child_fds.h"
#include "run/labels.h"

#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* While the file is this process's own. A lower score is left to the parent, who may set it. */
static int try_oom_score(struct child *child, struct keg_err *err)
{
    (void)err;
    (void)attributes_set_oom_score(0, &child->spec->process, NULL);
    return 0;
}

static int set_first_cpus(struct child *child, struct keg_err *err)
{
    return attributes_set_cpus(child->spec->process.cpu_affinity_initial, err);
}

static int set_last_cpus(struct child *child, struct keg_err *err)
{
    return attributes_set_cpus(child->spec->process.cpu_affinity_final, err);
}

static int enter_cgroup(struct child *child, struct keg_err *err)
{
    const char *controller = "";
    if (!child->launch->cgroup || !child->launch->attach_self)
        return 0;
    int r = cgroup_attach_self(child->launch->cgroup, &controller);
    return r < 0 ? keg_fail(err, r, "enter '%s': %s", controller, keg_errno_text(r)) : 0;
}

/* By the procfs of the host: that of the container is whatever the container made it
 * (CVE-2025-52881). */
static int set_labels(struct child *child, struct keg_err *err)
{
    const struct run_process *process = &child->spec->process;
    if (!process->apparmor_profile && !process->selinux_label)
        return 0;
    _cleanup_fd_ int proc_fd = keg_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    if (proc_fd < 0)
        return keg_fail(err, proc_fd, "open '/proc': %s", keg_errno_text(proc_fd));
    return labels_apply(proc_fd, process, err);
}

/* ---- fds */

#define KEPT_MAX (RUN_NS_COUNT + 4)

static void sort(int *fds, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t at = i; at > 0 && fds[at - 1] > fds[at]; at--) {
            int swapped = fds[at];
            fds[at] = fds[at - 1];
            fds[at - 1] = swapped;
        }
}

static void close_range_of(unsigned first, unsigned last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (unsigned fd = first; fd <= last; fd++)
        (void)close((int)fd);
}

/* What is open of the host's is closed but for what the next steps need, before a step meets what
 * the container made. */
static int close_hosts(struct child *child, struct keg_err *err)
{
    int kept[KEPT_MAX];
    size_t count = 0;
    unsigned next = STDERR_FILENO + 1 + child->options->preserve_fds;
    (void)err;
    kept[count++] = child->channel_fd;
    for (size_t i = 0; i < RUN_NS_COUNT; i++)
        kept[count++] = child->launch->namespace_fds[i];
    for (size_t i = 0; i < 3; i++)
        kept[count++] = child->options->stdio_fds[i];
    sort(kept, count);
    for (size_t i = 0; i < count; i++) {
        if (kept[i] < (int)next)
            continue;
        close_range_of(next, (unsigned)kept[i] - 1);
        next = (unsigned)kept[i] + 1;
    }
    child_close_fds_from(next);
    return 0;
}

/* ---- namespaces */

/* By fds that the parent opened, and not by the pidfd in one call: in the container's user
 * namespace its first process may be one that this one may not look at (PR_SET_DUMPABLE). The user
 * namespace first, which gives the right to the others; the mount namespace last: it changes the
 * root and the working folder. The pid namespace is for the sibling. */
static const struct {
    enum run_namespace_type type;
    int flag;
    const char *name;
} joined[] = {
    {RUN_NS_USER, CLONE_NEWUSER, "user"},  {RUN_NS_PID, CLONE_NEWPID, "pid"},
    {RUN_NS_IPC, CLONE_NEWIPC, "ipc"},     {RUN_NS_UTS, CLONE_NEWUTS, "uts"},
    {RUN_NS_NETWORK, CLONE_NEWNET, "net"}, {RUN_NS_CGROUP, CLONE_NEWCGROUP, "cgroup"},
    {RUN_NS_TIME, CLONE_NEWTIME, "time"},  {RUN_NS_MOUNT, CLONE_NEWNS, "mnt"},
};

static int join_namespaces(struct child *child, struct keg_err *err)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(joined); i++) {
        int fd = child->launch->namespace_fds[joined[i].type];
        if (fd >= 0 && setns(fd, joined[i].flag) < 0)
            return keg_fail_errno(err, "join '%s'", joined[i].name);
    }
    return child->launch->between ? between_become_root(child->launch, err) : 0;
}

/* ---- in the container */

static int open_root(struct child *child, struct keg_err *err)
{
    child->root_fd = keg_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    if (child->root_fd < 0)
        return keg_fail(err, child->root_fd, "open: %s", keg_errno_text(child->root_fd));
    return 0;
}

/* What is there is checked: /dev must be a folder, pts/ptmx the multiplexer of a devpts. */
static int open_terminal(struct child *child, struct keg_err *err)
{
    if (!child->spec->process.terminal)
        return 0;
    child->dev_fd = keg_open_beneath(child->root_fd, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (child->dev_fd < 0)
        return keg_fail(err, child->dev_fd, "open '/dev': %s", keg_errno_text(child->dev_fd));
    return child_open_terminal(child, err);
}

/* One that must exist: nobody asked for a folder in a container that runs. */
static int enter_cwd(struct child *child, struct keg_err *err)
{
    const char *cwd = child->spec->process.cwd;
    if (cwd[0] != '/')
        return keg_fail(err, -EINVAL, "'%s' is not absolute", cwd);
    _cleanup_fd_ int fd = keg_open_in_root(child->root_fd, cwd, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return keg_fail(err, fd, "'%s': %s", cwd, keg_errno_text(fd));
    return child_change_folder(fd, cwd, err);
}

/* From here on in the sibling, whom the parent has to know before anything of it is the
 * container's. */
static int be_born(struct child *child, struct keg_err *err)
{
    struct channel_message message;
    int r = between_clone(child->launch, child->channel_fd, err);
    if (r > 0)
        _exit(0);
    if (r < 0)
        return r;
    r = channel_receive(child->channel_fd, &message);
    if (r <= 0 || message.kind != CHANNEL_ADOPTED)
        return keg_fail(err, -EPIPE, "the parent is gone");
    return child_die_with_parent(child, err);
}

/* What needs the host, then the door, then what the container's first process did as well. */
const struct child_step child_join_steps[] = {
    {"oom score", try_oom_score},
    {"dumpable", child_hide},
    {"life of the parent", child_die_with_parent},
    {"cpu affinity", set_first_cpus},
    {"cgroup", enter_cgroup},
    {"intelRdt", child_enter_rdt_group},
    {"security label", set_labels},
    {"file descriptors", close_hosts},
    {"namespaces", join_namespaces},
    {"session keyring", child_join_keyring},
    {"root", open_root},
    {"console", open_terminal},
    {"working directory", enter_cwd},
    {"standard streams", child_set_stdio},
    {"file descriptors", child_close_others},
    {"pid namespace", be_born},
    {"limits", child_set_rlimits},
    {"scheduler", child_set_scheduler},
    {"io priority", child_set_io_priority},
    {"personality", child_set_personality},
    {"cpu affinity", set_last_cpus},
    {"user", child_set_user},
    {"", child_execute},
    {NULL, NULL},
};
