/* SPDX-License-Identifier: Apache-2.0 */
/* The process between: with a user namespace, new or joined, the container's first process must be
 * born in it, so that the others are its own. This one enters it, clones the child as its own
 * sibling (CLONE_PARENT), says its number, and ends. Also where the parent itself could not leave
 * again what it entered for the child. */
#include "run/child.h"

#include "run/attributes.h"
#include "run/channel.h"
#include "run/id_map.h"
#include "run/launch.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int enter_user_namespace(const struct launch *launch, int channel_fd, struct keg_err *err)
{
    struct channel_message message;
    if (!launch->spec->namespaces[RUN_NS_USER].wanted)
        return 0;
    if (!launch->new_user_namespace)
        return setns(launch->namespace_fds[RUN_NS_USER], CLONE_NEWUSER) < 0
                   ? keg_fail_errno(err, "join the user namespace")
                   : 0;
    int r = channel_send(channel_fd, CHANNEL_USERNS);
    if (r == 0)
        r = channel_receive(channel_fd, &message);
    if (r <= 0 || message.kind != CHANNEL_MAPPED)
        return keg_fail(err, -EPIPE, "the parent is gone");
    return 0;
}

/* By the bare calls, as in child_identity.c. Its first process came in with ids of the outside,
 * which own nothing there. */
int between_become_root(const struct launch *launch, struct keg_err *err)
{
    uid_t uid = id_map_root(&launch->spec->uid_maps);
    gid_t gid = id_map_root(&launch->spec->gid_maps);
    /* Denied where the map was written without privilege: then there are none of others. */
    if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
        return keg_fail_errno(err, "drop additional groups");
    if (syscall(SYS_setresgid, gid, gid, gid) < 0)
        return keg_fail_errno(err, "become gid %u", gid);
    if (syscall(SYS_setresuid, uid, uid, uid) < 0)
        return keg_fail_errno(err, "become uid %u", uid);
    return 0;
}

static int enter_namespaces_for_children(const struct launch *launch, struct keg_err *err)
{
    int pid_fd = launch->namespace_fds[RUN_NS_PID];
    if (launch->spec->namespaces[RUN_NS_TIME].wanted) {
        /* What is not dumpable may not write its own offsets: its files in /proc are the outer
         * root's. No container can see this process. */
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        int r = launch_enter_time_namespace(launch, err);
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        if (r < 0)
            return r;
    }
    if (pid_fd >= 0 && setns(pid_fd, CLONE_NEWPID) < 0)
        return keg_fail_errno(err, "join the pid namespace");
    return 0;
}

int between_clone(const struct launch *launch, int channel_fd, struct keg_err *err)
{
    bool placed;
    int pidfd = -1;
    long pid = launch_clone_flags(launch->clone_flags | CLONE_PARENT, -1, &pidfd, &placed);
    if (pid == 0)
        return 0;
    int r = pid < 0 ? -errno : channel_send_pid(channel_fd, (pid_t)pid, pidfd);
    return r < 0 ? keg_fail(err, r, "clone: %s", keg_errno_text(r)) : 1;
}

_Noreturn void between_main(struct launch *launch, int channel_fd)
{
    struct keg_err err = KEG_ERR_INIT;
    /* For its sibling, who inherits it: while the file belongs to this process. A lower score is
     * left to the parent, who may set it. */
    (void)attributes_set_oom_score(0, &launch->spec->process, NULL);
    int r = enter_user_namespace(launch, channel_fd, &err);
    /* Not earlier: the parent may be no root, and could not write the maps. */
    if (r == 0)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (r == 0)
        r = between_become_root(launch, &err);
    if (r == 0)
        r = enter_namespaces_for_children(launch, &err);
    if (r == 0)
        r = between_clone(launch, channel_fd, &err);
    if (r == 0)
        child_main(launch, channel_fd);
    if (r > 0)
        _exit(0);
    (void)keg_wrap(&err, "user namespace");
    child_exit(channel_fd, &err);
}
