/* SPDX-License-Identifier: Apache-2.0 */
/* The child's life as a table: one named step after the other, from clone to execve. */
#include "run/child.h"

#include "run/channel.h"
#include "run/network.h"

#include <sched.h>
#include <string.h>
#include <sys/prctl.h>

static bool is_new(const struct run_spec *spec, enum run_namespace_type type)
{
    return spec->namespaces[type].wanted && !spec->namespaces[type].path;
}

static int join_namespace(const struct child *child, enum run_namespace_type type, int flag,
                          struct keg_err *err)
{
    int fd = child->launch->namespace_fds[type];
    if (fd < 0 || setns(fd, flag) == 0)
        return 0;
    return keg_fail_errno(err, "join '%s'", child->spec->namespaces[type].path);
}

static int join_namespaces(struct child *child, struct keg_err *err)
{
    int r = join_namespace(child, RUN_NS_IPC, CLONE_NEWIPC, err);
    if (r == 0)
        r = join_namespace(child, RUN_NS_UTS, CLONE_NEWUTS, err);
    if (r == 0)
        r = join_namespace(child, RUN_NS_NETWORK, CLONE_NEWNET, err);
    return r;
}

/* The process between has said this one's number; nothing of it may come before that. */
int child_await_adoption(struct child *child, struct keg_err *err)
{
    struct channel_message message;
    if (!child->launch->between)
        return 0;
    int r = channel_receive(child->channel_fd, &message);
    return r > 0 && message.kind == CHANNEL_ADOPTED ? 0
                                                    : keg_fail(err, -EPIPE, "the parent is gone");
}

/* An fd, since nobody may look into this process: not even its own user at /proc/<pid>/ns. */
static int offer_netns(struct child *child, struct keg_err *err)
{
    int r = network_loopback_inside(err);
    if (r < 0)
        return r;
    r = network_prepare_inside();
    if (r < 0)
        return keg_fail(err, r, "%s", keg_errno_text(r));
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0);
    r = fd < 0 ? fd : channel_send_fd(child->channel_fd, CHANNEL_NETNS_FD, fd);
    return r < 0 ? keg_fail(err, r, "%s", keg_errno_text(r)) : 0;
}

/* First of all that costs time: the parent makes the veth pair while this process mounts. */
static int make_netns(struct child *child, struct keg_err *err)
{
    if (!is_new(child->spec, RUN_NS_NETWORK))
        return 0;
    if (unshare(CLONE_NEWNET) < 0)
        return keg_fail_errno(err, "unshare");
    if (child->options->network_user)
        return offer_netns(child, err);
    if (!child->options->network)
        return network_loopback_inside(err);
    int r = network_prepare_inside();
    if (r == 0)
        r = channel_send(child->channel_fd, CHANNEL_NETNS);
    return r < 0 ? keg_fail(err, r, "%s", keg_errno_text(r)) : 0;
}

static int configure_network(struct child *child, struct keg_err *err)
{
    struct channel_message message;
    if ((!child->options->network && !child->options->network_user) ||
        !is_new(child->spec, RUN_NS_NETWORK))
        return 0;
    int r = channel_receive(child->channel_fd, &message);
    if (r <= 0 || message.kind != CHANNEL_NETWORK)
        return keg_fail(err, -EPIPE, "the parent is gone");
    if (child->options->network_user)
        return 0;
    return network_configure_inside(child->options->network, child->options->address, err);
}

static int await_scope(struct child *child, struct keg_err *err)
{
    struct channel_message message;
    int r = channel_receive(child->channel_fd, &message);
    if (r <= 0 || message.kind != CHANNEL_SCOPE)
        return keg_fail(err, -EPIPE, "the parent is gone");
    return cgroup_find_scope(child->launch->cgroup, err);
}

/* Before the namespace: its root is the folder that the process is in. */
static int enter_cgroup(struct child *child, struct keg_err *err)
{
    const char *controller = "";
    bool by_systemd = cgroup_needs_pid(child->launch->cgroup);
    int r = by_systemd ? await_scope(child, err) : 0;
    if (r < 0)
        return r;
    if (child->launch->attach_self && !by_systemd)
        r = cgroup_attach_self(child->launch->cgroup, &controller);
    if (r < 0)
        return keg_fail(err, r, "enter '%s': %s", controller, keg_errno_text(r));
    if (is_new(child->spec, RUN_NS_CGROUP) && unshare(CLONE_NEWCGROUP) < 0)
        return keg_fail_errno(err, "unshare");
    return join_namespace(child, RUN_NS_CGROUP, CLONE_NEWCGROUP, err);
}

/* Nobody may look into this process: a pid namespace that was joined has others in it, and what is
 * open here is the host's (CVE-2016-9962). execve ends it. Its files in /proc belong to the
 * machine's root from here on. */
int child_hide(struct child *child, struct keg_err *err)
{
    (void)child;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? keg_fail_errno(err, "prctl") : 0;
}

/* In this order. What leaves the host behind comes late, what needs privileges before what drops
 * them. */
static const struct child_step steps[] = {
    {"user namespace", child_await_adoption},
    {"oom score", child_set_oom_score},
    {"dumpable", child_hide},
    {"session keyring", child_join_keyring},
    {"life of the parent", child_die_with_parent},
    {"network namespace", make_netns},
    {"namespaces", join_namespaces},
    {"mount namespace", child_isolate_mounts},
    {"filesystems", child_make_filesystems},
    {"sysctl", child_set_sysctls},
    {"hostname", child_set_hostname},
    {"domainname", child_set_domainname},
    {"cgroup", enter_cgroup},
    {"intelRdt", child_enter_rdt_group},
    {"mount", child_copy_sources},
    {"root", child_attach_root},
    {"mount", child_mount_all},
    {"devices", child_make_devices},
    {"console", child_make_console},
    {"masked path", child_mask_paths},
    {"read-only path", child_make_readonly_paths},
    {"network", configure_network},
    {"hooks", child_run_early_hooks},
    {"pivot_root", child_enter_root},
    {"working directory", child_enter_cwd},
    {"read-only root", child_make_root_readonly},
    {"standard streams", child_set_stdio},
    {"security label", child_set_labels},
    {"file descriptors", child_close_others},
    {"limits", child_set_rlimits},
    {"scheduler", child_set_scheduler},
    {"io priority", child_set_io_priority},
    {"personality", child_set_personality},
    {"", child_check_program},
    {"start", child_wait_for_start},
    {"user", child_set_user},
    {"hooks", child_run_start_hooks},
    {"", child_execute}, /* its words are docker's, and begin with exec */
    {NULL, NULL},
};

_Noreturn void child_exit(int channel_fd, const struct keg_err *err)
{
    (void)channel_send_error(channel_fd, err);
    _exit(127);
}

_Noreturn void child_main(const struct launch *launch, int channel_fd)
{
    struct keg_err err = KEG_ERR_INIT;
    struct child child = {
        .launch = launch,
        .spec = launch->spec,
        .options = launch->options,
        .channel_fd = channel_fd,
        .gate_fd = launch->gate_fd,
        .unmapped_root = launch->between || !launch->initial_user_namespace,
        .proc_fd = -1,
        .root_fd = -1,
        .dev_fd = -1,
        .empty_fd = -1,
        .console_fd = -1,
    };
    /* Folders and nodes get exactly the modes that are asked for. */
    (void)umask(0);
    const struct child_step *step = launch->joins ? child_join_steps : steps;
    while (step->run && step->run(&child, &err) >= 0)
        step++;
    if (step->run && *step->name)
        (void)keg_wrap(&err, "%s", step->name);
    child_exit(child.channel_fd, &err);
}
