/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: its names, limits, user and capabilities. */
#include "run/child.h"

#include "run/attributes.h"
#include "run/labels.h"
#include "run/sysctl.h"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* What the kernel gives a new session keyring (join_session_keyring): all to who possesses it; to
 * its user, to view, read and link. */
#define KEYRING_DEFAULT 0x3f130000u
/* To find it by its name, for those who join it later (run_exec()): by its user, and by anybody in
 * a user namespace, where several ids stand for one. */
#define KEYRING_USER_SEARCH  0x00080000u
#define KEYRING_OTHER_SEARCH 0x00000008u

/* The caller's session keyring may hold keys (Kerberos, disk encryption) that are not the
 * container's. */
int child_join_keyring(struct child *child, struct keg_err *err)
{
    char name[160];
    unsigned permissions = KEYRING_DEFAULT | KEYRING_USER_SEARCH;
    if (child->options->no_new_keyring)
        return 0;
    if (child->unmapped_root)
        permissions |= KEYRING_OTHER_SEARCH;
    (void)snprintf(name, sizeof(name), "_ses.%s", child->options->id);
    long serial = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);
    /* Another user's, which was joined, cannot be changed and need not be. */
    if (serial >= 0 &&
        (syscall(SYS_keyctl, KEYCTL_SETPERM, serial, permissions, 0, 0) >= 0 || errno == EACCES))
        return 0;
    /* A kernel without keys, or keg itself in a sandbox whose filter forbids keyctl to all below
     * it: in neither can the container reach a key. */
    return errno == ENOSYS || errno == EPERM ? 0 : keg_fail_errno(err, "join '%s'", name);
}

/* Asked for again after a change of user: the kernel forgets it then. */
static int ask_for_death(const struct child *child, struct keg_err *err)
{
    if (!child->options->die_with_parent)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return keg_fail_errno(err, "prctl");
    /* The parent may be gone already; getppid() cannot tell, it is 0 in a new pid namespace anyway.
     */
    struct pollfd end = {.fd = child->channel_fd, .events = 0};
    if (poll(&end, 1, 0) > 0 && (end.revents & POLLHUP))
        return keg_fail(err, -ESRCH, "the parent is gone");
    return 0;
}

int child_die_with_parent(struct child *child, struct keg_err *err)
{
    return ask_for_death(child, err);
}

int child_set_sysctls(struct child *child, struct keg_err *err)
{
    char path[PATH_MAX];
    const char *value;
    for (char **setting = child->spec->sysctls; setting && *setting; setting++) {
        int r = sysctl_parse(child->spec, *setting, path, &value, err);
        if (r < 0)
            return r;
        r = keg_write_file(child->proc_fd, path, value, strlen(value));
        if (r < 0)
            return keg_fail(err, r, "'%s': %s", *setting, keg_errno_text(r));
    }
    return 0;
}

int child_set_hostname(struct child *child, struct keg_err *err)
{
    const char *name = child->spec->hostname;
    if (!name || !*name)
        return 0;
    if (!child->spec->namespaces[RUN_NS_UTS].wanted)
        return keg_fail(err, -EINVAL, "'%s': the container shares the host's name", name);
    return sethostname(name, strlen(name)) < 0 ? keg_fail_errno(err, "'%s'", name) : 0;
}

int child_set_domainname(struct child *child, struct keg_err *err)
{
    const char *name = child->spec->domainname;
    if (!name || !*name)
        return 0;
    if (!child->spec->namespaces[RUN_NS_UTS].wanted)
        return keg_fail(err, -EINVAL, "'%s': the container shares the host's name", name);
    return setdomainname(name, strlen(name)) < 0 ? keg_fail_errno(err, "'%s'", name) : 0;
}

/* Of a child in another user namespace the parent has seen to it (attributes_favour()). */
int child_set_oom_score(struct child *child, struct keg_err *err)
{
    return child->launch->between ? 0 : attributes_set_oom_score(0, &child->spec->process, err);
}

/* resctrl takes 0 for the one who writes. */
int child_enter_rdt_group(struct child *child, struct keg_err *err)
{
    int r = child->launch->rdt_fd < 0 ? 0 : keg_write_all(child->launch->rdt_fd, "0", 1);
    return r < 0 ? keg_fail(err, r, "enter: %s", keg_errno_text(r)) : 0;
}

int child_set_rlimits(struct child *child, struct keg_err *err)
{
    return attributes_set_limits(&child->spec->process, err);
}

int child_set_scheduler(struct child *child, struct keg_err *err)
{
    return attributes_set_scheduler(0, &child->spec->process.scheduler, err);
}

int child_set_io_priority(struct child *child, struct keg_err *err)
{
    return attributes_set_io_priority(0, &child->spec->process.io_priority, err);
}

int child_set_personality(struct child *child, struct keg_err *err)
{
    if (!child->spec->personality_set || personality(child->spec->personality) >= 0)
        return 0;
    return keg_fail_errno(err, "0x%lx", child->spec->personality);
}

int child_set_labels(struct child *child, struct keg_err *err)
{
    return labels_apply(child->proc_fd, &child->spec->process, err);
}

/* ---- user and capabilities */

/* All others, also those that keg itself does not hold: a new user namespace has them anew. A
 * kernel that does not know a number knows none above it. */
static int drop_bounding(uint64_t keep, struct keg_err *err)
{
    for (int i = 0; i < 64; i++) {
        if (keep >> i & 1 || prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
            continue;
        return errno == EINVAL ? 0 : keg_fail_errno(err, "drop capability %d", i);
    }
    return 0;
}

/* user_namespaces(7): whoever maps only himself may not leave a group, which could be one that
 * files are closed to. The namespace's root may all else, so EPERM means just that. */
static int explain_groups(const struct child *child, int code, struct keg_err *err)
{
    const struct run_user *user = &child->spec->process.user;
    if (code == -EINVAL)
        return keg_fail(err, code,
                        "not all additional groups have a mapping in the user namespace");
    if (code != -EPERM || !child->unmapped_root)
        return keg_fail(err, code, "additional groups: %s", keg_errno_text(code));
    for (size_t i = 0; i < user->additional_gids_count; i++)
        if (user->additional_gids[i] != user->gid)
            return keg_fail(err, code,
                            "additional group %u: the user namespace denies setgroups(2), since it "
                            "was made without privilege over groups (newgidmap and /etc/subgid "
                            "give that)",
                            user->additional_gids[i]);
    return 0;
}

static int set_groups(const struct child *child, struct keg_err *err)
{
    const struct run_user *user = &child->spec->process.user;
    if (syscall(SYS_setgroups, user->additional_gids_count, user->additional_gids) < 0)
        return explain_groups(child, -errno, err);
    return 0;
}

static int explain_id(const char *kind, unsigned id, struct keg_err *err)
{
    if (errno == EINVAL)
        return keg_fail(err, -EINVAL, "%s %u has no mapping in the user namespace", kind, id);
    return keg_fail_errno(err, "%s %u", kind, id);
}

/* The bare calls: the C library's would have its other threads do the same, of which this clone of
 * a process that had some has none to answer. */
static int set_ids(const struct child *child, struct keg_err *err)
{
    const struct run_user *user = &child->spec->process.user;
    int r = set_groups(child, err);
    if (r < 0)
        return r;
    if (syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0)
        return explain_id("group", user->gid, err);
    /* Else the kernel takes all capabilities away from who is no longer uid 0. */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return keg_fail_errno(err, "keep capabilities");
    if (syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
        return explain_id("user", user->uid, err);
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
        return keg_fail_errno(err, "keep capabilities");
    return 0;
}

static int set_capabilities(const struct run_capabilities *sets, struct keg_err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (unsigned half = 0; half < 2; half++) {
        data[half].effective = (uint32_t)(sets->effective >> (32 * half));
        data[half].permitted = (uint32_t)(sets->permitted >> (32 * half));
        data[half].inheritable = (uint32_t)(sets->inheritable >> (32 * half));
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return keg_fail_errno(err, "clear ambient capabilities");
    if (syscall(SYS_capset, &header, data) < 0)
        return keg_fail_errno(err, "capabilities");
    for (int i = 0; i < 64; i++)
        if ((sets->ambient >> i & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
            return keg_fail_errno(err, "ambient %s", run_capability_name(i));
    return 0;
}

/* With no_new_privs the filter comes last, just before execve (child_exec.c). Without, loading it
 * needs CAP_SYS_ADMIN, which is about to go; the default profile lets all calls pass that follow.
 */
static int set_seccomp_with_privilege(const struct child *child, struct keg_err *err)
{
    return child->spec->process.no_new_privileges ? 0 : child_install_seccomp(child, err);
}

int child_set_user(struct child *child, struct keg_err *err)
{
    const struct run_process *process = &child->spec->process;
    const struct run_capabilities *sets = &child->launch->capabilities;
    (void)umask(process->user.umask == (mode_t)-1 ? 0022 : process->user.umask);
    int r = drop_bounding(sets->bounding, err);
    if (r == 0)
        r = set_seccomp_with_privilege(child, err);
    if (r == 0)
        r = set_ids(child, err);
    if (r == 0)
        r = set_capabilities(sets, err);
    if (r == 0)
        r = ask_for_death(child, err);
    if (r < 0)
        return r;
    if (process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return keg_fail_errno(err, "no new privileges");
    return 0;
}
