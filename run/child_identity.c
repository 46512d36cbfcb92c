/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: its names, limits, user and capabilities. */
#include "run/child.h"

#include "run/sysctl.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The caller's session keyring may hold keys (Kerberos, disk encryption) that are not the
 * container's. */
int child_join_keyring(struct child *child, struct keg_err *err)
{
    char name[160];
    (void)snprintf(name, sizeof(name), "_ses.%s", child->options->id);
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0) >= 0)
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

int child_set_oom_score(struct child *child, struct keg_err *err)
{
    char text[16];
    if (!child->spec->process.oom_score_adj_set)
        return 0;
    int n = snprintf(text, sizeof(text), "%d", child->spec->process.oom_score_adj);
    int r = keg_write_file(child->proc_fd, "self/oom_score_adj", text, (size_t)n);
    return r < 0 ? keg_fail(err, r, "%s: %s", text, keg_errno_text(r)) : 0;
}

static const struct {
    const char *name;
    int resource;
} resources[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

static int set_rlimit(const struct run_rlimit *wanted, struct keg_err *err)
{
    const struct rlimit limit = {.rlim_cur = wanted->soft, .rlim_max = wanted->hard};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(resources); i++) {
        if (!keg_streq(wanted->type, resources[i].name))
            continue;
        if (setrlimit((__rlimit_resource_t)resources[i].resource, &limit) < 0)
            return keg_fail_errno(err, "%s %ju:%ju", wanted->type, (uintmax_t)wanted->soft,
                                  (uintmax_t)wanted->hard);
        return 0;
    }
    return keg_fail(err, -EINVAL, "unknown limit '%s'", wanted->type);
}

int child_set_rlimits(struct child *child, struct keg_err *err)
{
    const struct run_process *process = &child->spec->process;
    for (size_t i = 0; i < process->rlimits_count; i++) {
        int r = set_rlimit(&process->rlimits[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- user and capabilities */

static int drop_bounding(uint64_t held, uint64_t keep, struct keg_err *err)
{
    for (int i = 0; i < 64; i++)
        if ((held & ~keep) >> i & 1 && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
            return keg_fail_errno(err, "drop capability %d", i);
    return 0;
}

static int set_ids(const struct run_user *user, struct keg_err *err)
{
    if (setgroups(user->additional_gids_count, user->additional_gids) < 0)
        return keg_fail_errno(err, "additional groups");
    if (setresgid(user->gid, user->gid, user->gid) < 0)
        return keg_fail_errno(err, "gid %u", user->gid);
    /* Else the kernel takes all capabilities away from who is no longer uid 0. */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return keg_fail_errno(err, "keep capabilities");
    if (setresuid(user->uid, user->uid, user->uid) < 0)
        return keg_fail_errno(err, "uid %u", user->uid);
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
    if (child->spec->seccomp == RUN_SECCOMP_NONE || child->spec->process.no_new_privileges)
        return 0;
    int r = seccomp_install(&child->launch->seccomp, false, err);
    return r < 0 ? keg_wrap(err, "seccomp") : 0;
}

int child_set_user(struct child *child, struct keg_err *err)
{
    const struct run_process *process = &child->spec->process;
    const struct run_capabilities *sets = &child->launch->capabilities;
    (void)umask(process->user.umask == (mode_t)-1 ? 0022 : process->user.umask);
    int r = drop_bounding(child->launch->held, sets->bounding, err);
    if (r == 0)
        r = set_seccomp_with_privilege(child, err);
    if (r == 0)
        r = set_ids(&process->user, err);
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
