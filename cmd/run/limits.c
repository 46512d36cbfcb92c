/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: flags as the resources and rlimits of the spec. */
#include "cmd/run/plan.h"

#include <math.h>
#include <string.h>
#include <sys/sysinfo.h>

#define MEMORY_MIN_BYTES (6u * 1024 * 1024) /* docker's: below it not even a shell starts */

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

/* Return 1 with the number, 0 where the flag was not given. */
static int parse_number(const char *flag, const char *text, int64_t min, int64_t max, int64_t *ret,
                        struct keg_err *err)
{
    if (!text)
        return 0;
    if (keg_parse_i64(text, min, max, ret) == 0)
        return 1;
    if (max == INT64_MAX)
        return keg_fail(err, -EINVAL, "%s '%s': not a number of %lld at least", flag, text,
                        (long long)min);
    return keg_fail(err, -EINVAL, "%s '%s': not a number from %lld to %lld", flag, text,
                    (long long)min, (long long)max);
}

/* ---- CPU */

/* "1.5" CPUs as microseconds of each 100 ms. */
static int parse_cpus(const char *text, int64_t *ret_quota_us, struct keg_err *err)
{
    double whole = 0, scale = 1;
    size_t digits = strspn(text, "0123456789");
    size_t fraction = text[digits] == '.' ? strspn(text + digits + 1, "0123456789") : 0;
    size_t length = digits + (text[digits] == '.' ? 1 + fraction : 0);
    if (!(digits + fraction) || digits > 6 || fraction > 9 || text[length])
        return keg_fail(err, -EINVAL, "--cpus '%s': not a number of CPUs such as 1.5", text);
    for (size_t i = 0; i < digits; i++)
        whole = whole * 10 + (text[i] - '0');
    for (size_t i = 0; i < fraction; i++)
        whole += (text[digits + 1 + i] - '0') * (scale /= 10);
    if (whole > get_nprocs())
        return keg_fail(err, -EINVAL, "--cpus '%s': this machine has %d", text, get_nprocs());
    *ret_quota_us = (int64_t)llround(whole * 100000);
    /* The kernel takes no quota below a millisecond. */
    if (*ret_quota_us < 1000)
        return keg_fail(err, -EINVAL, "--cpus '%s': at least 0.01", text);
    return 0;
}

int plan_cpu_quota(const struct plan_flags *flags, int64_t *ret_quota_us, struct keg_err *err)
{
    *ret_quota_us = 0;
    return flags->cpus ? parse_cpus(flags->cpus, ret_quota_us, err) : 0;
}

static int set_quota(const struct plan_flags *flags, struct run_resources *ret, struct keg_err *err)
{
    int64_t period = 0, quota = 0;
    if (flags->cpus && (flags->cpu_quota || flags->cpu_period))
        return keg_fail(err, -EINVAL, "--cpus and %s say the same: give one of them",
                        flags->cpu_quota ? "--cpu-quota" : "--cpu-period");
    int r = plan_cpu_quota(flags, &ret->cpu_quota_us, err);
    if (r == 0 && ret->cpu_quota_us)
        ret->cpu_period_us = 100000;
    if (r == 0)
        r = parse_number("--cpu-period", flags->cpu_period, 1000, 1000000, &period, err);
    if (r > 0)
        ret->cpu_period_us = (uint64_t)period;
    if (r >= 0)
        r = parse_number("--cpu-quota", flags->cpu_quota, -1, INT64_MAX, &quota, err);
    if (r > 0 && quota > 0 && quota < 1000)
        return keg_fail(err, -EINVAL, "--cpu-quota '%s': at least 1000 microseconds, or -1",
                        flags->cpu_quota);
    if (r > 0)
        ret->cpu_quota_us = quota;
    return r < 0 ? r : 0;
}

/* "3" or "0-3" */
static bool is_cpu_range(const char *text, size_t length, uint64_t *ret_last)
{
    uint64_t first;
    _cleanup_free_ char *range = keg_strndup(text, length);
    char *dash = range ? strchr(range, '-') : NULL;
    if (dash)
        *dash = '\0';
    if (!range || keg_parse_u64(range, 0, 65535, &first) < 0)
        return false;
    *ret_last = first;
    return !dash || keg_parse_u64(dash + 1, first, 65535, ret_last) == 0;
}

/* "0-3,7": the kernel's list format (cpuset(7)). */
static int set_cpu_list(const char *flag, const char *text, char **ret, struct keg_err *err)
{
    uint64_t last, highest = 0;
    if (!text)
        return 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        if (!is_cpu_range(at, length, &last))
            return keg_fail(err, -EINVAL, "%s '%s': not a list such as 0-3,7", flag, text);
        highest = last > highest ? last : highest;
        at += length;
        if (!*at)
            break;
    }
    if (keg_streq(flag, "--cpuset-cpus") && highest >= (uint64_t)get_nprocs_conf())
        return keg_fail(err, -EINVAL, "%s '%s': this machine has 0-%d", flag, text,
                        get_nprocs_conf() - 1);
    free(*ret);
    *ret = keg_strdup(text);
    return *ret ? 0 : no_memory(err);
}

static int set_cpu(const struct plan_flags *flags, struct run_resources *ret, struct keg_err *err)
{
    int64_t shares, period, runtime;
    int r = set_quota(flags, ret, err);
    if (r == 0)
        r = parse_number("--cpu-shares", flags->cpu_shares, 2, 262144, &shares, err);
    if (r > 0)
        ret->cpu_shares = (uint64_t)shares;
    if (r >= 0)
        r = parse_number("--cpu-rt-period", flags->cpu_rt_period, 1, INT64_MAX, &period, err);
    if (r > 0)
        ret->cpu_realtime_period_us = (uint64_t)period;
    if (r >= 0)
        r = parse_number("--cpu-rt-runtime", flags->cpu_rt_runtime, -1, INT64_MAX, &runtime, err);
    if (r > 0)
        ret->cpu_realtime_runtime_us = runtime;
    if (r >= 0)
        r = set_cpu_list("--cpuset-cpus", flags->cpuset_cpus, &ret->cpuset_cpus, err);
    return r == 0 ? set_cpu_list("--cpuset-mems", flags->cpuset_mems, &ret->cpuset_mems, err) : r;
}

/* ---- memory */

static int set_swap(const struct plan_flags *flags, struct run_resources *ret, struct keg_err *err)
{
    const char *text = flags->memory_swap;
    uint64_t bytes;
    if (!text)
        return 0;
    if (keg_streq(text, "-1")) {
        ret->memory_swap_bytes = -1;
        return 0;
    }
    if (keg_parse_size(text, &bytes) < 0 || bytes > INT64_MAX)
        return keg_fail(err, -EINVAL, "--memory-swap '%s': not a size such as 1g, nor -1", text);
    if (bytes > 0 && !flags->memory_bytes)
        return keg_fail(err, -EINVAL, "--memory-swap '%s': needs --memory beside it", text);
    if (bytes > 0 && bytes < flags->memory_bytes)
        return keg_fail(err, -EINVAL,
                        "--memory-swap '%s': it counts memory and swap together, so at least what "
                        "--memory says",
                        text);
    ret->memory_swap_bytes = (int64_t)bytes;
    return 0;
}

static int set_memory(const struct plan_flags *flags, struct run_resources *ret,
                      struct keg_err *err)
{
    int64_t swappiness;
    if (flags->memory_bytes && flags->memory_bytes < MEMORY_MIN_BYTES)
        return keg_fail(err, -EINVAL, "--memory: at least 6m is needed to start anything");
    if (flags->memory_bytes && flags->memory_reservation_bytes > flags->memory_bytes)
        return keg_fail(err, -EINVAL, "--memory-reservation: at most what --memory says");
    if (flags->memory_bytes > INT64_MAX || flags->memory_reservation_bytes > INT64_MAX)
        return keg_fail(err, -EINVAL, "--memory: more than any machine has");
    ret->memory_limit_bytes = (int64_t)flags->memory_bytes;
    ret->memory_reservation_bytes = (int64_t)flags->memory_reservation_bytes;
    ret->memory_disable_oom_killer = flags->oom_kill_disable;
    int r = set_swap(flags, ret, err);
    if (r == 0)
        r = parse_number("--memory-swappiness", flags->memory_swappiness, -1, 100, &swappiness,
                         err);
    if (r > 0 && swappiness >= 0) {
        ret->memory_swappiness_set = true;
        ret->memory_swappiness = (uint64_t)swappiness;
    }
    return r < 0 ? r : 0;
}

/* ---- the rest of the cgroup */

/* "memory.high=1048576": a name of one component, that of a controller's file. */
static int set_unified(char *const *settings, char ***ret, struct keg_err *err)
{
    for (char *const *s = settings; s && *s; s++) {
        size_t name = strcspn(*s, "=");
        if (!(*s)[name] || !memchr(*s, '.', name) || memchr(*s, '/', name))
            return keg_fail(err, -EINVAL,
                            "--cgroup-conf '%s': not FILE=VALUE, such as memory.high=1073741824",
                            *s);
        if (keg_strv_add(ret, *s) < 0)
            return no_memory(err);
    }
    return 0;
}

int plan_limits(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    struct run_resources *resources = &spec->resources;
    int64_t score;
    if (flags->pids_limit < -1 && flags->pids_limit != INT64_MIN)
        return keg_fail(err, -EINVAL, "--pids-limit: a number, or -1 for no limit");
    if (flags->pids_limit != INT64_MIN)
        resources->pids_limit = flags->pids_limit == 0 ? -1 : flags->pids_limit;
    int r = set_memory(flags, resources, err);
    if (r == 0)
        r = set_cpu(flags, resources, err);
    if (r == 0)
        r = set_unified(flags->cgroup_conf, &resources->unified, err);
    if (r == 0)
        r = parse_number("--oom-score-adj", flags->oom_score_adj, -1000, 1000, &score, err);
    if (r > 0) {
        spec->process.oom_score_adj_set = true;
        spec->process.oom_score_adj = (int)score;
    }
    return r < 0 ? r : plan_block_io(flags, resources, err);
}

bool plan_has_limits(const struct plan_flags *flags)
{
    const char *const texts[] = {flags->cpus,        flags->cpu_shares,       flags->cpu_period,
                                 flags->cpu_quota,   flags->cpu_rt_period,    flags->cpu_rt_runtime,
                                 flags->cpuset_cpus, flags->cpuset_mems,      flags->blkio_weight,
                                 flags->memory_swap, flags->memory_swappiness};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(texts); i++)
        if (texts[i])
            return true;
    for (size_t i = 0; i < RUN_THROTTLE_COUNT; i++)
        if (flags->throttles[i])
            return true;
    return flags->memory_bytes || flags->memory_reservation_bytes || flags->oom_kill_disable ||
           flags->blkio_weight_devices || flags->cgroup_conf || flags->device_rules ||
           (flags->pids_limit != INT64_MIN && flags->pids_limit > 0);
}

/* ---- rlimits */

/* docker's names; setrlimit(2). */
static const char *const rlimits[] = {
    "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
    "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",
};

static int parse_rlimit_value(const char *text, size_t length, uint64_t *ret)
{
    _cleanup_free_ char *copy = keg_strndup(text, length);
    if (!copy)
        return -ENOMEM;
    if (!keg_streq(copy, "-1") && !keg_streq(copy, "unlimited"))
        return keg_parse_u64(copy, 0, UINT64_MAX - 1, ret);
    *ret = UINT64_MAX; /* RLIM_INFINITY */
    return 0;
}

static int find_rlimit(const char *text, size_t length, struct keg_err *err)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(rlimits); i++)
        if (strlen(rlimits[i]) == length && memcmp(rlimits[i], text, length) == 0)
            return (int)i;
    return keg_fail(err, -EINVAL,
                    "--ulimit '%s': no such limit; there are as, core, cpu, data, fsize, locks, "
                    "memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending and "
                    "stack",
                    text);
}

/* "RLIMIT_NOFILE" of "nofile". */
static char *rlimit_type(const char *name)
{
    char *type = keg_asprintf("RLIMIT_%s", name);
    for (char *c = type; c && *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    return type;
}

/* The last one of a name wins. */
static int put_rlimit(struct run_process *process, struct run_rlimit *new /* takes */)
{
    for (size_t i = 0; i < process->rlimits_count; i++) {
        if (!keg_streq(process->rlimits[i].type, new->type))
            continue;
        free(process->rlimits[i].type);
        process->rlimits[i] = *new;
        return 0;
    }
    struct run_rlimit *grown =
        reallocarray(process->rlimits, process->rlimits_count + 1, sizeof(*grown));
    if (!grown) {
        free(new->type);
        return -ENOMEM;
    }
    process->rlimits = grown;
    grown[process->rlimits_count++] = *new;
    return 0;
}

static int add_rlimit(const char *text, struct run_process *process, struct keg_err *err)
{
    struct run_rlimit limit = {.type = NULL};
    size_t length = strcspn(text, "=");
    if (!text[length])
        return keg_fail(err, -EINVAL, "--ulimit '%s': not NAME=SOFT[:HARD], such as nofile=1024",
                        text);
    int number = find_rlimit(text, length, err);
    if (number < 0)
        return number;
    const char *value = text + length + 1;
    size_t soft = strcspn(value, ":");
    if (parse_rlimit_value(value, soft, &limit.soft) < 0)
        return keg_fail(err, -EINVAL, "--ulimit '%s': not a number, nor -1 for unlimited", text);
    limit.hard = limit.soft;
    if (value[soft] && parse_rlimit_value(value + soft + 1, strlen(value + soft + 1), &limit.hard))
        return keg_fail(err, -EINVAL, "--ulimit '%s': not a number, nor -1 for unlimited", text);
    if (limit.soft > limit.hard)
        return keg_fail(err, -EINVAL, "--ulimit '%s': the soft limit is above the hard one", text);
    limit.type = rlimit_type(rlimits[number]);
    return !limit.type || put_rlimit(process, &limit) < 0 ? no_memory(err) : 0;
}

int plan_rlimits(const struct plan_flags *flags, struct run_process *process, struct keg_err *err)
{
    for (char *const *u = flags->ulimits; u && *u; u++) {
        int r = add_rlimit(*u, process, err);
        if (r < 0)
            return r;
    }
    return 0;
}
