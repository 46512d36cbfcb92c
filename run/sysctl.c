/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel parameters a container may set: those of its own namespaces, by name. */
#include "run/sysctl.h"

#include <ctype.h>
#include <string.h>

/* A name ending in '.' stands for all below it. */
static const struct {
    const char *name;
    enum run_namespace_type namespace;
} namespaced[] = {
    {"net.", RUN_NS_NETWORK},          {"fs.mqueue.", RUN_NS_IPC},
    {"kernel.msgmax", RUN_NS_IPC},     {"kernel.msgmnb", RUN_NS_IPC},
    {"kernel.msgmni", RUN_NS_IPC},     {"kernel.sem", RUN_NS_IPC},
    {"kernel.shmall", RUN_NS_IPC},     {"kernel.shmmax", RUN_NS_IPC},
    {"kernel.shmmni", RUN_NS_IPC},     {"kernel.shm_rmid_forced", RUN_NS_IPC},
    {"kernel.domainname", RUN_NS_UTS},
};

static bool is_name(const char *name, size_t length)
{
    if (length == 0 || length > 256)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        /* ".." would climb; a "/" may stand for a dot in an interface's name. */
        bool dot = c == '.' || c == '/';
        if (dot && (i == 0 || i + 1 == length || name[i - 1] == '.' || name[i - 1] == '/'))
            return false;
        if (!dot && !isalnum((unsigned char)c) && c != '_' && c != '-')
            return false;
    }
    return true;
}

static int check_namespace(const struct run_spec *spec, const char *name, struct keg_err *err)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(namespaced); i++) {
        const char *known = namespaced[i].name;
        bool prefix = keg_ends_with(known, ".");
        if (prefix ? !keg_starts_with(name, known) : !keg_streq(name, known))
            continue;
        if (spec->namespaces[namespaced[i].namespace].wanted)
            return 0;
        return keg_fail(err, -EINVAL,
                        "sysctl '%s': the container shares that namespace with the host", name);
    }
    return keg_fail(err, -EINVAL, "sysctl '%s': not a parameter of a container's namespaces", name);
}

int sysctl_parse(const struct run_spec *spec, const char *setting, char path[static PATH_MAX],
                 const char **ret_value, struct keg_err *err)
{
    const char *equals = strchr(setting, '=');
    if (!equals)
        return keg_fail(err, -EINVAL, "sysctl '%s': no '='", setting);
    size_t length = (size_t)(equals - setting);
    if (!is_name(setting, length))
        return keg_fail(err, -EINVAL, "sysctl '%.*s': not a parameter's name", (int)length,
                        setting);
    _cleanup_free_ char *name = keg_strndup(setting, length);
    if (!name)
        return keg_fail(err, -ENOMEM, "sysctl: out of memory");
    int r = check_namespace(spec, name, err);
    if (r < 0)
        return r;
    /* sysctl(8): dots are slashes, and slashes are dots. */
    for (char *at = name; *at; at++)
        *at = *at == '.' ? '/' : (*at == '/' ? '.' : *at);
    (void)snprintf(path, PATH_MAX, "sys/%s", name);
    *ret_value = equals + 1;
    return 0;
}
