/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the flags of `keg run`, found before anything is pulled or made. */
#include "cmd/run/plan.h"

#include <ctype.h>
#include <string.h>

#define HOSTNAME_MAX_BYTES 63 /* one label (RFC 1123 §2.1) */

int plan_network_parse(const char *text, enum plan_network *ret, struct keg_err *err)
{
    if (!text || keg_streq(text, "bridge") || keg_streq(text, "default"))
        *ret = PLAN_NETWORK_BRIDGE;
    else if (keg_streq(text, "none"))
        *ret = PLAN_NETWORK_NONE;
    else if (keg_streq(text, "host"))
        *ret = PLAN_NETWORK_HOST;
    else if (keg_starts_with(text, "container:") && text[10])
        *ret = PLAN_NETWORK_CONTAINER;
    else if (keg_starts_with(text, "ns:") && text[3])
        *ret = PLAN_NETWORK_PATH;
    else
        return keg_fail(err, -EINVAL,
                        "--network '%s': no such network; there are bridge, none, host, "
                        "container:NAME and ns:PATH",
                        text);
    return 0;
}

static int check_name(const char *flag, const char *name, struct keg_err *err)
{
    if (!name)
        return 0;
    size_t length = strlen(name);
    bool good = length > 0 && length <= HOSTNAME_MAX_BYTES && name[0] != '-' && name[0] != '.';
    for (const char *p = name; *p; p++)
        good = good && (isalnum((unsigned char)*p) || *p == '-' || *p == '.' || *p == '_');
    if (!good)
        return keg_fail(err, -EINVAL,
                        "%s '%s': a host name has 1 to %d letters, digits, '-', '_' and '.'", flag,
                        name, HOSTNAME_MAX_BYTES);
    return 0;
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

/* "keep-groups" is podman's, for the groups of a user without root. */
static int check_groups(char *const *groups, struct keg_err *err)
{
    for (char *const *g = groups; g && *g; g++)
        if (!**g || keg_streq(*g, "keep-groups"))
            return keg_fail(err, -EINVAL,
                            "--group-add '%s': not supported; name the groups, or give their gids",
                            *g);
    return 0;
}

static int check_cgroup(const struct plan_flags *flags, struct keg_err *err)
{
    const char *parent = flags->cgroup_parent, *cgroups = flags->cgroups;
    bool disabled = keg_streq(cgroups, "disabled");
    if (cgroups && !disabled && !keg_streq(cgroups, "enabled"))
        return keg_fail(err, -EINVAL, "--cgroups '%s': not one of enabled, disabled", cgroups);
    if (disabled && (parent || plan_has_limits(flags)))
        return keg_fail(err, -EINVAL, "--cgroups disabled: %s a cgroup of the container's own",
                        parent ? "--cgroup-parent is for" : "limits need");
    if (parent && (!parent[strspn(parent, "/")] || strstr(parent, "..")))
        return keg_fail(err, -EINVAL, "--cgroup-parent '%s': not a path such as /group", parent);
    if (parent && keg_ends_with(parent, ".slice"))
        return keg_fail(err, -ENOTSUP,
                        "--cgroup-parent '%s': keg makes its cgroups without systemd; give a path "
                        "such as /group",
                        parent);
    return 0;
}

/* All that ends up in the spec, in one that is thrown away: it comes before a pull then. */
static int check_spec(const struct plan_flags *flags, struct keg_err *err)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    if (!spec)
        return keg_fail(err, -ENOMEM, "out of memory");
    spec->process.capabilities.bounding = run_capabilities_bounding();
    int r = plan_limits(flags, spec, err);
    if (r == 0)
        r = plan_rlimits(flags, &spec->process, err);
    if (r == 0)
        r = plan_devices(flags, spec, err);
    if (r == 0)
        r = plan_time_offsets(flags, spec, err);
    if (r == 0)
        r = plan_process(flags, &spec->process, err);
    if (r == 0)
        r = plan_annotations(flags, spec, err);
    return r == 0 ? plan_security(flags, spec, err) : r;
}

static int check_ids(const struct plan_flags *flags, struct keg_err *err)
{
    struct run_id_maps uids = {0}, gids = {0};
    uint32_t size;
    int r = plan_id_maps(flags, &uids, &gids, err);
    run_id_maps_done(&uids);
    run_id_maps_done(&gids);
    return r == 0 ? plan_auto_size(flags, &size, err) : r;
}

static int check_root(const struct plan_flags *flags, struct keg_err *err)
{
    _cleanup_free_ char *path = NULL;
    uint64_t size;
    bool overlay;
    int r = flags->rootfs ? plan_rootfs(flags->rootfs, &path, &overlay, err) : 0;
    return r == 0 ? plan_storage_size(flags, &size, err) : r;
}

static int check_sysctls(const struct plan_flags *flags, struct keg_err *err)
{
    for (char *const *s = flags->sysctls; s && *s; s++)
        if (!strchr(*s, '=') || **s == '=')
            return keg_fail(err, -EINVAL,
                            "--sysctl '%s': not NAME=VALUE, such as net.ipv4.ip_forward=1", *s);
    return 0;
}

/* In words: each names its flag. */
static int check_words(const struct plan_flags *flags, struct keg_err *err)
{
    enum plan_network network;
    unsigned fds;
    int r = plan_network_parse(flags->network, &network, err);
    if (r == 0)
        r = check_name("--hostname", flags->hostname, err);
    if (r == 0)
        r = check_name("--domainname", flags->domainname, err);
    if (r == 0)
        r = plan_check_hosts(flags, err);
    if (r == 0)
        r = check_capabilities("--cap-add", flags->cap_add, err);
    if (r == 0)
        r = check_capabilities("--cap-drop", flags->cap_drop, err);
    if (r == 0)
        r = check_groups(flags->groups, err);
    if (r == 0)
        r = check_sysctls(flags, err);
    return r == 0 ? plan_preserve_fds(flags, &fds, err) : r;
}

int plan_check_flags(const struct plan_flags *flags, struct keg_err *err)
{
    int r = check_words(flags, err);
    if (r == 0)
        r = plan_check_namespaces(flags, err);
    if (r == 0)
        r = check_cgroup(flags, err);
    if (r == 0)
        r = check_ids(flags, err);
    if (r == 0)
        r = check_root(flags, err);
    if (r == 0)
        r = check_spec(flags, err);
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
