/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime spec in memory: made empty, freed whole, mounts appended. */
#include "run/run.h"

#include <string.h>

struct run_spec *run_spec_new(void)
{
    struct run_spec *spec = calloc(1, sizeof(*spec));
    if (spec)
        spec->process.user.umask = (mode_t)-1;
    return spec;
}

static void mount_done(struct run_mount *mount)
{
    free(mount->destination);
    free(mount->type);
    free(mount->source);
    keg_strv_free(mount->options);
    *mount = (struct run_mount){0};
}

static void process_done(struct run_process *process)
{
    free(process->cwd);
    keg_strv_free(process->env);
    keg_strv_free(process->args);
    run_user_done(&process->user);
    for (size_t i = 0; i < process->rlimits_count; i++)
        free(process->rlimits[i].type);
    free(process->rlimits);
}

void run_spec_free(struct run_spec *spec)
{
    if (!spec)
        return;
    process_done(&spec->process);
    for (size_t i = 0; i < spec->mounts_count; i++)
        mount_done(&spec->mounts[i]);
    free(spec->mounts);
    for (size_t i = 0; i < spec->devices_count; i++)
        free(spec->devices[i].path);
    free(spec->devices);
    for (size_t i = 0; i < RUN_NS_COUNT; i++)
        free(spec->namespaces[i].path);
    keg_strv_free(spec->masked_paths);
    keg_strv_free(spec->readonly_paths);
    keg_strv_free(spec->sysctls);
    keg_strv_free(spec->annotations);
    free(spec->hostname);
    free(spec->root_path);
    free(spec->cgroups_path);
    free(spec->rootfs_propagation);
    free(spec->resources.devices);
    free(spec);
}

void run_cleanup_spec(struct run_spec **spec)
{
    run_spec_free(*spec);
    *spec = NULL;
}

/* "ro,,nosuid" -> {"ro", "nosuid"} */
static int split_options(const char *options, char ***ret)
{
    _cleanup_strv_ char **list = NULL;
    for (const char *at = options ? options : ""; *at;) {
        size_t length = strcspn(at, ",");
        if (length > 0) {
            _cleanup_free_ char *option = keg_strndup(at, length);
            if (!option || keg_strv_add(&list, option) < 0)
                return -ENOMEM;
        }
        at += length + (at[length] == ',');
    }
    *ret = TAKE_PTR(list);
    return 0;
}

static int fill_mount(struct run_mount *mount, const char *destination, const char *type,
                      const char *source, const char *options)
{
    mount->destination = keg_strdup(destination);
    mount->type = keg_strdup(type);
    mount->source = keg_strdup(source);
    if (!mount->destination || (type && !mount->type) || (source && !mount->source))
        return -ENOMEM;
    return split_options(options, &mount->options);
}

static struct run_mount *find_mount(struct run_spec *spec, const char *destination)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].destination, destination))
            return &spec->mounts[i];
    return NULL;
}

static struct run_mount *append_mount(struct run_spec *spec)
{
    size_t count = spec->mounts_count + 1;
    struct run_mount *mounts = reallocarray(spec->mounts, count, sizeof(*mounts));
    if (!mounts)
        return NULL;
    spec->mounts = mounts;
    spec->mounts_count = count;
    mounts[count - 1] = (struct run_mount){0};
    return &mounts[count - 1];
}

int run_spec_add_mount(struct run_spec *spec, const char *destination, const char *type,
                       const char *source, const char *options, struct keg_err *err)
{
    if (destination[0] != '/')
        return keg_fail(err, -EINVAL, "mount destination '%s' is not absolute", destination);
    struct run_mount mount = {0};
    if (fill_mount(&mount, destination, type, source, options) < 0) {
        mount_done(&mount);
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", destination);
    }
    struct run_mount *place = find_mount(spec, destination);
    if (place)
        mount_done(place);
    else
        place = append_mount(spec);
    if (!place) {
        mount_done(&mount);
        return keg_fail(err, -ENOMEM, "mount '%s': out of memory", destination);
    }
    *place = mount;
    return 0;
}
