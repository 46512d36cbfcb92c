/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options by table (runtime-spec config.md, "Linux mount options"). */
#include "run/mount_options.h"

#include <string.h>
#include <sys/mount.h>

static const struct {
    const char *name; /* with an "r" in front: for all mounts below, too */
    uint64_t set, clear;
} attributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"relatime", 0, MOUNT_ATTR__ATIME},
    {"atime", 0, MOUNT_ATTR__ATIME},
    {"nostrictatime", 0, MOUNT_ATTR__ATIME},
    {"norelatime", 0, MOUNT_ATTR__ATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

static const struct {
    const char *name;
    unsigned long flag;
} propagations[] = {
    {"private", MS_PRIVATE},
    {"slave", MS_SLAVE},
    {"shared", MS_SHARED},
    {"unbindable", MS_UNBINDABLE},
};

static bool apply_attribute(const char *name, uint64_t *set, uint64_t *clear)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(attributes); i++) {
        if (strcmp(name, attributes[i].name) != 0)
            continue;
        /* The last one wins, as with mount(8). */
        *set = (*set & ~attributes[i].clear) | attributes[i].set;
        *clear = (*clear & ~attributes[i].set) | attributes[i].clear;
        return true;
    }
    return false;
}

static bool apply_propagation(const char *name, bool recursive, struct mount_change *change)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(propagations); i++) {
        if (strcmp(name, propagations[i].name) != 0)
            continue;
        change->propagation = propagations[i].flag;
        change->propagation_recursive = recursive;
        return true;
    }
    return false;
}

bool mount_option_apply(const char *option, struct mount_change *change, bool *recursive)
{
    if (strcmp(option, "bind") == 0 || strcmp(option, "defaults") == 0)
        return true;
    if (strcmp(option, "rbind") == 0) {
        *recursive = true;
        return true;
    }
    if (apply_attribute(option, &change->set, &change->clear) ||
        apply_propagation(option, false, change))
        return true;
    return option[0] == 'r' &&
           (apply_attribute(option + 1, &change->recursive_set, &change->recursive_clear) ||
            apply_propagation(option + 1, true, change));
}
