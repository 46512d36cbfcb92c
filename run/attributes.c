/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child on itself, or in the parent on a child in a new user namespace: limits,
 * scheduling, oom score. */
#include "run/attributes.h"

#include "run/spec_names.h"

#include <linux/ioprio.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- oom score */

static bool has_oom_score(const char *path, const char *score)
{
    char text[16] = "";
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0 || keg_read(fd, text, sizeof(text) - 1) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    return keg_streq(text, score);
}

int attributes_set_oom_score(pid_t pid, const struct run_process *process, struct keg_err *err)
{
    char path[64] = "/proc/self/oom_score_adj", text[16];
    int score = process->oom_score_adj;
    if (!process->oom_score_adj_set)
        return 0;
    if (score < -1000 || score > 1000)
        return keg_fail(err, -EINVAL, "%d is not from -1000 to 1000", score);
    if (pid > 0)
        (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
    int n = snprintf(text, sizeof(text), "%d", score);
    if (has_oom_score(path, text))
        return 0;
    int r = keg_write_file(AT_FDCWD, path, text, (size_t)n);
    if (r == -EACCES)
        return keg_fail(err, r, "%d: lowering it needs CAP_SYS_RESOURCE", score);
    return r < 0 ? keg_fail(err, r, "%d: %s", score, keg_errno_text(r)) : 0;
}

/* ---- limits */

static int find_resource(const char *name)
{
    const struct spec_name *found = spec_name_find(&spec_rlimits, name);
    return found ? (int)found->value : -1;
}

static int limit_call(pid_t pid, int resource, const struct rlimit *set, struct rlimit *get)
{
    return prlimit(pid, (__rlimit_resource_t)resource, set, get) < 0 ? -errno : 0;
}

/* "unlimited", as shells say it. */
static const char *limit_text(uint64_t limit, char text[static 24])
{
    if (limit == (uint64_t)RLIM_INFINITY)
        return "unlimited";
    (void)snprintf(text, 24, "%ju", (uintmax_t)limit);
    return text;
}

static int explain_limit(const struct run_rlimit *wanted, int resource, int code,
                         struct keg_err *err)
{
    struct rlimit now = {0};
    char hard[24], held[24];
    if (code != -EPERM || limit_call(0, resource, NULL, &now) < 0)
        return keg_fail(err, code, "%s %ju:%ju: %s", wanted->type, (uintmax_t)wanted->soft,
                        (uintmax_t)wanted->hard, keg_errno_text(code));
    (void)limit_text(wanted->hard, hard);
    if (wanted->hard <= now.rlim_max)
        return keg_fail(err, code, "%s: %s is more than the kernel gives (fs.nr_open)",
                        wanted->type, limit_text(wanted->hard, hard));
    return keg_fail(err, code,
                    "%s: %s is above the hard limit of %s, and raising that needs "
                    "CAP_SYS_RESOURCE",
                    wanted->type, limit_text(wanted->hard, hard), limit_text(now.rlim_max, held));
}

static int set_limit(const struct run_rlimit *wanted, struct keg_err *err)
{
    const struct rlimit limit = {.rlim_cur = wanted->soft, .rlim_max = wanted->hard};
    char soft[24], hard[24];
    int resource = find_resource(wanted->type);
    if (resource < 0)
        return keg_fail(err, -EINVAL, "unknown limit '%s'", wanted->type);
    if (wanted->soft > wanted->hard)
        return keg_fail(err, -EINVAL, "%s: the soft limit %s is above the hard limit %s",
                        wanted->type, limit_text(wanted->soft, soft),
                        limit_text(wanted->hard, hard));
    int r = limit_call(0, resource, &limit, NULL);
    return r < 0 ? explain_limit(wanted, resource, r, err) : 0;
}

static bool came_before(const struct run_rlimit *limits, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (keg_streq(limits[i].type, limits[index].type))
            return true;
    return false;
}

int attributes_set_limits(const struct run_process *process, struct keg_err *err)
{
    for (size_t i = 0; i < process->rlimits_count; i++) {
        if (came_before(process->rlimits, i))
            return keg_fail(err, -EINVAL, "%s is there twice", process->rlimits[i].type);
        int r = set_limit(&process->rlimits[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Only as far as the child could not: a low limit must not meet it before its last steps. */
static void raise_limits(pid_t pid, const struct run_process *process)
{
    struct rlimit now;
    for (size_t i = 0; i < process->rlimits_count; i++) {
        const struct run_rlimit *wanted = &process->rlimits[i];
        int resource = find_resource(wanted->type);
        if (resource < 0 || limit_call(pid, resource, NULL, &now) < 0 ||
            wanted->hard <= now.rlim_max)
            continue;
        now.rlim_max = wanted->hard;
        (void)limit_call(pid, resource, &now, NULL);
    }
}

/* ---- scheduling */

/* sched(7). */
static const struct policy {
    unsigned number;
    const char *name;
    int priority_min, priority_max;
    bool has_nice, has_deadline;
    const char *privilege; /* what EPERM means */
} policies[] = {
    {SCHED_NORMAL, "SCHED_OTHER", 0, 0, true, false,
     "a lower nice value needs CAP_SYS_NICE or RLIMIT_NICE"},
    {SCHED_BATCH, "SCHED_BATCH", 0, 0, true, false,
     "a lower nice value needs CAP_SYS_NICE or RLIMIT_NICE"},
    {SCHED_IDLE, "SCHED_IDLE", 0, 0, true, false,
     "a lower nice value needs CAP_SYS_NICE or RLIMIT_NICE"},
    {SCHED_FIFO, "SCHED_FIFO", 1, 99, false, false,
     "it needs CAP_SYS_NICE or RLIMIT_RTPRIO, and in a cgroup v1 cpu.rt_runtime_us"},
    {SCHED_RR, "SCHED_RR", 1, 99, false, false,
     "it needs CAP_SYS_NICE or RLIMIT_RTPRIO, and in a cgroup v1 cpu.rt_runtime_us"},
    {SCHED_DEADLINE, "SCHED_DEADLINE", 0, 0, false, true,
     "it needs CAP_SYS_NICE, and no cpuset that leaves CPUs out"},
};

static const struct policy *find_policy(unsigned number)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(policies); i++)
        if (policies[i].number == number)
            return &policies[i];
    return NULL;
}

static int check_scheduler(const struct policy *policy, const struct run_scheduler *wanted,
                           struct keg_err *err)
{
    bool deadline = wanted->runtime_ns || wanted->deadline_ns || wanted->period_ns;
    if (wanted->priority < policy->priority_min || wanted->priority > policy->priority_max)
        return keg_fail(err, -EINVAL, "%s: priority %d is not from %d to %d", policy->name,
                        wanted->priority, policy->priority_min, policy->priority_max);
    /* The kernel would cut it without a word. */
    if (wanted->nice < -20 || wanted->nice > 19)
        return keg_fail(err, -EINVAL, "%s: nice %d is not from -20 to 19", policy->name,
                        wanted->nice);
    if (deadline && !policy->has_deadline)
        return keg_fail(err, -EINVAL, "%s has no runtime, deadline or period", policy->name);
    return 0;
}

static bool is_scheduled_so(pid_t pid, const struct policy *policy, const struct sched_attr *wanted)
{
    struct sched_attr now = {.size = sizeof(now)};
    uint64_t period = wanted->sched_period ? wanted->sched_period : wanted->sched_deadline;
    if (syscall(SYS_sched_getattr, pid, &now, sizeof(now), 0) < 0)
        return false;
    if (now.sched_policy != wanted->sched_policy || now.sched_flags != wanted->sched_flags)
        return false;
    if (policy->has_deadline)
        return now.sched_runtime == wanted->sched_runtime &&
               now.sched_deadline == wanted->sched_deadline && now.sched_period == period;
    return policy->has_nice ? now.sched_nice == wanted->sched_nice
                            : now.sched_priority == wanted->sched_priority;
}

static int explain_scheduler(const struct policy *policy, int code, struct keg_err *err)
{
    if (code == -EPERM)
        return keg_fail(err, code, "%s: %s: %s", policy->name, keg_errno_text(code),
                        policy->privilege);
    if (code == -EINVAL && policy->has_deadline)
        return keg_fail(err, code,
                        "%s: it takes 1024 ns <= runtime <= deadline <= period, and flags that "
                        "the kernel knows",
                        policy->name);
    if (code == -EBUSY)
        return keg_fail(err, code, "%s: no CPU time is left for this runtime", policy->name);
    return keg_fail(err, code, "%s: %s", policy->name, keg_errno_text(code));
}

int attributes_set_scheduler(pid_t pid, const struct run_scheduler *scheduler, struct keg_err *err)
{
    if (!scheduler->set)
        return 0;
    const struct policy *policy = find_policy(scheduler->policy);
    if (!policy)
        return keg_fail(err, -EINVAL, "policy %u: the kernel has none of that number",
                        scheduler->policy);
    int r = check_scheduler(policy, scheduler, err);
    if (r < 0)
        return r;
    struct sched_attr attr = {
        .size = sizeof(attr),
        .sched_policy = scheduler->policy,
        .sched_flags = scheduler->flags,
        .sched_nice = policy->has_nice ? scheduler->nice : 0,
        .sched_priority = (uint32_t)scheduler->priority,
        .sched_runtime = scheduler->runtime_ns,
        .sched_deadline = scheduler->deadline_ns,
        .sched_period = scheduler->period_ns,
    };
    if (is_scheduled_so(pid, policy, &attr) || syscall(SYS_sched_setattr, pid, &attr, 0) == 0)
        return 0;
    return explain_scheduler(policy, -errno, err);
}

int attributes_set_io_priority(pid_t pid, const struct run_io_priority *io_priority,
                               struct keg_err *err)
{
    static const char *const classes[] = {"none", "real time", "best effort", "idle"};
    if (!io_priority->set)
        return 0;
    if (io_priority->io_class >= KEG_ARRAY_SIZE(classes))
        return keg_fail(err, -EINVAL, "class %u: the kernel has none of that number",
                        io_priority->io_class);
    if (io_priority->priority < 0 || io_priority->priority > 7)
        return keg_fail(err, -EINVAL, "priority %d is not from 0 to 7", io_priority->priority);
    int value = (int)(io_priority->io_class << IOPRIO_CLASS_SHIFT) | io_priority->priority;
    if (syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid) == value ||
        syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) == 0)
        return 0;
    if (errno == EPERM)
        return keg_fail(err, -EPERM, "class '%s': it needs CAP_SYS_NICE",
                        classes[io_priority->io_class]);
    return keg_fail_errno(err, "class '%s'", classes[io_priority->io_class]);
}

int attributes_favour(pid_t pid, const struct run_process *process, struct keg_err *err)
{
    int r = attributes_set_oom_score(pid, process, err);
    if (r < 0)
        return keg_wrap(err, "oom score");
    raise_limits(pid, process);
    (void)attributes_set_scheduler(pid, &process->scheduler, NULL);
    (void)attributes_set_io_priority(pid, &process->io_priority, NULL);
    return 0;
}

/* ---- CPUs */

/* As many as a kernel is built for at most (NR_CPUS, x86's MAXSMP). */
#define CPUS_MAX 8192

#define WORD_BITS (8 * sizeof(unsigned long))

/* "4" or "0-3" of ${length} bytes. */
static int parse_range(const char *text, size_t length, uint64_t *ret_first, uint64_t *ret_last)
{
    char first[16];
    if (length == 0 || length >= sizeof(first))
        return -EINVAL;
    memcpy(first, text, length);
    first[length] = '\0';
    char *last = strchr(first, '-');
    if (last)
        *last++ = '\0';
    int r = keg_parse_u64(first, 0, CPUS_MAX - 1, ret_first);
    if (r == 0)
        r = keg_parse_u64(last ? last : first, *ret_first, CPUS_MAX - 1, ret_last);
    return r;
}

int attributes_set_cpus(const char *list, struct keg_err *err)
{
    unsigned long mask[CPUS_MAX / WORD_BITS] = {0};
    uint64_t first, last;
    if (!list)
        return 0;
    for (const char *at = list;;) {
        size_t length = strcspn(at, ",");
        if (parse_range(at, length, &first, &last) < 0)
            return keg_fail(err, -EINVAL, "'%s' is no list of CPUs", list);
        for (; first <= last; first++)
            mask[first / WORD_BITS] |= 1ul << (first % WORD_BITS);
        at += length;
        if (!*at++)
            break;
    }
    if (syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) >= 0)
        return 0;
    return errno == EINVAL ? keg_fail(err, -EINVAL, "'%s': none of them is to be had here", list)
                           : keg_fail_errno(err, "'%s'", list);
}
