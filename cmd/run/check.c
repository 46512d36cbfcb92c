/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the flags of `keg run`, found before anything is pulled or made. */
#include "cmd/run/plan.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <sys/sysinfo.h>

#define MEMORY_MIN_BYTES   (6u * 1024 * 1024) /* docker's: below it not even a shell starts */
#define HOSTNAME_MAX_BYTES 63                 /* one label (RFC 1123 §2.1) */

int plan_network_parse(const char *text, enum plan_network *ret, struct keg_err *err)
{
    if (!text || keg_streq(text, "bridge") || keg_streq(text, "default"))
        *ret = PLAN_NETWORK_BRIDGE;
    else if (keg_streq(text, "none"))
        *ret = PLAN_NETWORK_NONE;
    else if (keg_streq(text, "host"))
        *ret = PLAN_NETWORK_HOST;
    else
        return keg_fail(err, -EINVAL,
                        "--network '%s': no such network; there are bridge, none and host", text);
    return 0;
}

static int check_hostname(const char *name, struct keg_err *err)
{
    if (!name)
        return 0;
    size_t length = strlen(name);
    bool good = length > 0 && length <= HOSTNAME_MAX_BYTES && name[0] != '-' && name[0] != '.';
    for (const char *p = name; *p; p++)
        good = good && (isalnum((unsigned char)*p) || *p == '-' || *p == '.' || *p == '_');
    if (!good)
        return keg_fail(
            err, -EINVAL,
            "--hostname '%s': a host name has 1 to %d letters, digits, '-', '_' and '.'", name,
            HOSTNAME_MAX_BYTES);
    return 0;
}

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

static int check_limits(const struct plan_flags *flags, struct keg_err *err)
{
    int64_t quota;
    if (flags->memory_bytes && flags->memory_bytes < MEMORY_MIN_BYTES)
        return keg_fail(err, -EINVAL, "--memory: at least 6m is needed to start anything");
    if (flags->pids_limit < -1 && flags->pids_limit != INT64_MIN)
        return keg_fail(err, -EINVAL, "--pids-limit: a number, or -1 for no limit");
    return plan_cpu_quota(flags, &quota, err);
}

static int check_capabilities(const char *flag, char *const *names, struct keg_err *err)
{
    for (char *const *n = names; n && *n; n++) {
        int number;
        int r = run_capability_parse(*n, &number, err);
        if (r < 0)
            return keg_wrap(err, "%s", flag);
    }
    return 0;
}

int plan_security(const struct plan_flags *flags, bool *ret_no_new_privileges, bool *ret_unconfined,
                  struct keg_err *err)
{
    *ret_no_new_privileges = *ret_unconfined = false;
    for (char *const *o = flags->security_opts; o && *o; o++) {
        const char *value = keg_starts_with(*o, "no-new-privileges") ? *o + 17 : NULL;
        if (value && (!*value || keg_streq(value + 1, "true")))
            *ret_no_new_privileges = true;
        else if (value && keg_streq(value + 1, "false"))
            *ret_no_new_privileges = false;
        else if (keg_streq(*o, "seccomp=unconfined") || keg_streq(*o, "seccomp:unconfined"))
            *ret_unconfined = true;
        else
            return keg_fail(err, -EINVAL,
                            "--security-opt '%s': not supported; there are no-new-privileges and "
                            "seccomp=unconfined",
                            *o);
    }
    return 0;
}

int plan_check_flags(const struct plan_flags *flags, struct keg_err *err)
{
    enum plan_network network;
    bool nnp, unconfined;
    int r = plan_network_parse(flags->network, &network, err);
    if (r == 0)
        r = check_hostname(flags->hostname, err);
    if (r == 0)
        r = check_limits(flags, err);
    if (r == 0)
        r = check_capabilities("--cap-add", flags->cap_add, err);
    if (r == 0)
        r = check_capabilities("--cap-drop", flags->cap_drop, err);
    if (r == 0)
        r = plan_security(flags, &nnp, &unconfined, err);
    if (r < 0)
        return r;
    if (flags->workdir && flags->workdir[0] != '/')
        return keg_fail(err, -EINVAL, "--workdir '%s': the path must be absolute", flags->workdir);
    if (flags->tty && flags->interactive && !isatty(STDIN_FILENO))
        return keg_fail(
            err, -ENOTTY,
            "cannot attach stdin to a TTY-enabled container because stdin is not a terminal; "
            "leave out -t, or -i");
    return 0;
}
