/* SPDX-License-Identifier: Apache-2.0 */
/* --security-opt: each option a row, applied to the spec in the order given. */
#include "cmd/run/plan.h"

#include <fnmatch.h>
#include <string.h>

/* A profile of docker's is below 100 KiB. */
#define SECCOMP_FILE_MAX_BYTES (1u * 1024 * 1024)

static int no_memory(struct keg_err *err)
{
    return keg_fail(err, -ENOMEM, "out of memory");
}

static int parse_bool(const char *value, bool *ret, struct keg_err *err)
{
    if (!value || keg_streq(value, "true")) {
        *ret = true;
        return 0;
    }
    *ret = false;
    return keg_streq(value, "false")
               ? 0
               : keg_fail(err, -EINVAL, "'%s' is neither true nor false", value);
}

static int set_no_new_privileges(const char *value, struct run_spec *spec, struct keg_err *err)
{
    return parse_bool(value, &spec->process.no_new_privileges, err);
}

/* ---- seccomp */

static int read_profile(const char *path, struct run_spec *spec, struct keg_err *err)
{
    struct keg_buf text;
    struct run_seccomp_profile *profile = NULL;
    int r = keg_read_file(AT_FDCWD, path, SECCOMP_FILE_MAX_BYTES, &text, err);
    if (r < 0)
        return r;
    r = run_seccomp_parse(text.data ? text.data : "", text.length,
                          spec->process.capabilities.bounding, &profile, err);
    keg_buf_done(&text);
    if (r < 0)
        return keg_wrap(err, "'%s'", path);
    run_seccomp_profile_free(spec->seccomp_profile);
    spec->seccomp_profile = profile;
    spec->seccomp = RUN_SECCOMP_CUSTOM;
    return 0;
}

static int set_seccomp(const char *value, struct run_spec *spec, struct keg_err *err)
{
    if (keg_streq(value, "unconfined"))
        spec->seccomp = RUN_SECCOMP_NONE;
    else if (keg_streq(value, "default") || keg_streq(value, "builtin"))
        spec->seccomp = RUN_SECCOMP_DEFAULT;
    else
        return read_profile(value, spec, err);
    return 0;
}

/* ---- security modules */

/* keg loads no profile by itself, so that without one there is none to leave. */
static int set_apparmor(const char *value, struct run_spec *spec, struct keg_err *err)
{
    free(TAKE_PTR(spec->process.apparmor_profile));
    if (keg_streq(value, "unconfined"))
        return 0;
    if (access("/sys/kernel/security/apparmor", F_OK) < 0)
        return keg_fail(err, -ENOTSUP, "this host has no AppArmor; leave it out, or 'unconfined'");
    spec->process.apparmor_profile = keg_strdup(value);
    return spec->process.apparmor_profile ? 0 : no_memory(err);
}

static int set_label(const char *value, struct run_spec *spec, struct keg_err *err)
{
    (void)spec;
    if (keg_streq(value, "disable"))
        return 0;
    return keg_fail(err, -ENOTSUP, "keg sets no SELinux labels; there is 'disable' alone");
}

/* ---- paths of /proc and /sys */

static void remove_paths(char **paths, const char *pattern)
{
    char **to = paths;
    for (char **from = paths; from && *from; from++) {
        if (!pattern || fnmatch(pattern, *from, FNM_PATHNAME) == 0)
            free(*from);
        else
            *to++ = *from;
    }
    if (to)
        *to = NULL;
}

static void unmask(const char *pattern, struct run_spec *spec)
{
    remove_paths(spec->masked_paths, pattern);
    remove_paths(spec->readonly_paths, pattern);
}

/* "/proc/a:/proc/b", each absolute, to ${each}. */
static int split_paths(const char *value, struct run_spec *spec,
                       int (*each)(const char *path, struct run_spec *spec), struct keg_err *err)
{
    _cleanup_free_ char *copy = keg_strdup(value);
    char *state = NULL;
    if (!copy)
        return no_memory(err);
    for (char *p = strtok_r(copy, ":", &state); p; p = strtok_r(NULL, ":", &state)) {
        if (p[0] != '/')
            return keg_fail(err, -EINVAL, "the path '%s' is not absolute", p);
        if (each(p, spec) < 0)
            return no_memory(err);
    }
    return 0;
}

static int mask_one(const char *path, struct run_spec *spec)
{
    return keg_strv_add(&spec->masked_paths, path);
}

static int unmask_one(const char *path, struct run_spec *spec)
{
    unmask(path, spec);
    return 0;
}

static int set_mask(const char *value, struct run_spec *spec, struct keg_err *err)
{
    return split_paths(value, spec, mask_one, err);
}

static int set_unmask(const char *value, struct run_spec *spec, struct keg_err *err)
{
    if (!keg_streq(value, "ALL"))
        return split_paths(value, spec, unmask_one, err);
    unmask(NULL, spec);
    return 0;
}

static int set_system_paths(const char *value, struct run_spec *spec, struct keg_err *err)
{
    if (!keg_streq(value, "unconfined"))
        return keg_fail(err, -EINVAL, "there is 'unconfined' alone");
    unmask(NULL, spec);
    return 0;
}

/* ---- mounts */

static struct run_mount *find_mount(struct run_spec *spec, const char *destination)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].destination, destination))
            return &spec->mounts[i];
    return NULL;
}

/* "hidepid=2,subset=pid" */
static int set_proc_options(const char *value, struct run_spec *spec, struct keg_err *err)
{
    struct run_mount *proc = find_mount(spec, "/proc");
    _cleanup_free_ char *copy = keg_strdup(value);
    char *state = NULL;
    if (!copy)
        return no_memory(err);
    for (char *o = strtok_r(copy, ",", &state); proc && o; o = strtok_r(NULL, ",", &state))
        if (keg_strv_add(&proc->options, o) < 0)
            return no_memory(err);
    return 0;
}

static int set_writable_cgroups(const char *value, struct run_spec *spec, struct keg_err *err)
{
    struct run_mount *cgroup = find_mount(spec, "/sys/fs/cgroup");
    bool writable;
    int r = parse_bool(value, &writable, err);
    if (r == 0 && writable && cgroup)
        remove_paths(cgroup->options, "ro");
    return r;
}

/* ---- all of them */

static const struct {
    const char *name;
    bool value_optional;
    int (*set)(const char *value, struct run_spec *spec, struct keg_err *err);
} options[] = {
    {"no-new-privileges", true, set_no_new_privileges},
    {"seccomp", false, set_seccomp},
    {"apparmor", false, set_apparmor},
    {"label", false, set_label},
    {"mask", false, set_mask},
    {"unmask", false, set_unmask},
    {"systempaths", false, set_system_paths},
    {"proc-opts", false, set_proc_options},
    {"writable-cgroups", true, set_writable_cgroups},
};

/* "NAME=VALUE", or docker's old "NAME:VALUE". */
static int apply(const char *text, struct run_spec *spec, struct keg_err *err)
{
    size_t length = strcspn(text, "=:");
    const char *value = text[length] ? text + length + 1 : NULL;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(options); i++) {
        if (strlen(options[i].name) != length || memcmp(options[i].name, text, length) != 0)
            continue;
        if (!options[i].value_optional && (!value || !*value))
            return keg_fail(err, -EINVAL, "wants a value: %s=…", options[i].name);
        return options[i].set(value, spec, err);
    }
    return keg_fail(err, -EINVAL,
                    "not supported; there are no-new-privileges, seccomp=, apparmor=, "
                    "label=disable, mask=, unmask=, systempaths=unconfined, proc-opts= and "
                    "writable-cgroups");
}

int plan_security(const struct plan_flags *flags, struct run_spec *spec, struct keg_err *err)
{
    for (char *const *o = flags->security_opts; o && *o; o++)
        if (apply(*o, spec, err) < 0)
            return keg_wrap(err, "--security-opt '%s'", *o);
    return 0;
}
