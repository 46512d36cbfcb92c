/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options by table (runtime-spec config.md, "Linux mount options"). */
#include "run/mount_options.h"

#include <stddef.h>
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
    /* The kinds of atime exclude each other; relatime is none of the two. */
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"relatime", 0, MOUNT_ATTR__ATIME},
    {"atime", 0, MOUNT_ATTR_NOATIME},
    {"nostrictatime", 0, MOUNT_ATTR_STRICTATIME},
    {"norelatime", 0, 0},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

static const struct {
    const char *name; /* with an "r" in front: recursive */
    unsigned long flag;
} propagations[] = {
    {"private", MS_PRIVATE},
    {"slave", MS_SLAVE},
    {"shared", MS_SHARED},
    {"unbindable", MS_UNBINDABLE},
};

static const struct {
    const char *name;
    unsigned long set, clear;
} superblock[] = {
    {"sync", MS_SYNCHRONOUS, 0},  {"async", 0, MS_SYNCHRONOUS},   {"dirsync", MS_DIRSYNC, 0},
    {"lazytime", MS_LAZYTIME, 0}, {"nolazytime", 0, MS_LAZYTIME}, {"mand", MS_MANDLOCK, 0},
    {"nomand", 0, MS_MANDLOCK},   {"iversion", MS_I_VERSION, 0},  {"noiversion", 0, MS_I_VERSION},
    {"silent", MS_SILENT, 0},     {"loud", 0, MS_SILENT},
};

/* Each sets a flag of struct mount_options; 0 is none, what the flags are without. */
static const struct {
    const char *name;
    size_t first, second;
} actions[] = {
    {"defaults", 0, 0},
    {"bind", offsetof(struct mount_options, bind), 0},
    {"rbind", offsetof(struct mount_options, bind), offsetof(struct mount_options, recursive)},
    {"remount", offsetof(struct mount_options, remount), 0},
    {"idmap", offsetof(struct mount_options, id_mapped), 0},
    {"ridmap", offsetof(struct mount_options, id_mapped),
     offsetof(struct mount_options, id_mapped_recursive)},
    {"tmpcopyup", offsetof(struct mount_options, copy_up), 0},
};

static bool apply_attribute(const char *name, uint64_t *set, uint64_t *clear)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(attributes); i++) {
        if (strcmp(name, attributes[i].name) != 0)
            continue;
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

static bool apply_superblock(const char *name, struct mount_options *options)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(superblock); i++) {
        if (strcmp(name, superblock[i].name) != 0)
            continue;
        options->super_set = (options->super_set & ~superblock[i].clear) | superblock[i].set;
        options->super_clear = (options->super_clear & ~superblock[i].set) | superblock[i].clear;
        return true;
    }
    return false;
}

static bool apply_action(const char *name, struct mount_options *options)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(actions); i++) {
        const size_t flags[] = {actions[i].first, actions[i].second};
        if (strcmp(name, actions[i].name) != 0)
            continue;
        for (size_t j = 0; j < KEG_ARRAY_SIZE(flags); j++)
            if (flags[j])
                *(bool *)((char *)options + flags[j]) = true;
        return true;
    }
    return false;
}

enum mount_option_kind mount_option_apply(const char *option, struct mount_options *options)
{
    struct mount_change *change = &options->change;
    const char *below = option[0] == 'r' ? option + 1 : "";
    if (apply_attribute(option, &change->set, &change->clear) ||
        apply_attribute(below, &change->recursive_set, &change->recursive_clear))
        return MOUNT_OPTION_ATTRIBUTE;
    if (apply_propagation(option, false, change) || apply_propagation(below, true, change))
        return MOUNT_OPTION_PROPAGATION;
    if (apply_superblock(option, options))
        return MOUNT_OPTION_SUPERBLOCK;
    return apply_action(option, options) ? MOUNT_OPTION_ACTION : MOUNT_OPTION_FILESYSTEM;
}

/* ---- names */

static int add_with_recursive(char ***names, const char *name)
{
    _cleanup_free_ char *recursive = keg_asprintf("r%s", name);
    int r = recursive ? keg_strv_add(names, name) : -ENOMEM;
    return r < 0 ? r : keg_strv_add(names, recursive);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int mount_option_names(char ***ret)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < KEG_ARRAY_SIZE(attributes); i++)
        r = add_with_recursive(ret, attributes[i].name);
    for (size_t i = 0; r == 0 && i < KEG_ARRAY_SIZE(propagations); i++)
        r = add_with_recursive(ret, propagations[i].name);
    for (size_t i = 0; r == 0 && i < KEG_ARRAY_SIZE(superblock); i++)
        r = keg_strv_add(ret, superblock[i].name);
    for (size_t i = 0; r == 0 && i < KEG_ARRAY_SIZE(actions); i++)
        r = keg_strv_add(ret, actions[i].name);
    if (r == 0)
        qsort(*ret, keg_strv_length(*ret), sizeof(**ret), compare_names);
    return r;
}
