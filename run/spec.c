/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime spec in memory: made empty, freed whole, mounts appended. */
#include "run/run.h"

#include "run/spec_read.h"

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
    run_id_maps_done(&mount->uid_maps);
    run_id_maps_done(&mount->gid_maps);
    *mount = (struct run_mount){0};
}

void run_process_done(struct run_process *process)
{
    free(process->cwd);
    keg_strv_free(process->env);
    keg_strv_free(process->args);
    run_user_done(&process->user);
    for (size_t i = 0; i < process->rlimits_count; i++)
        free(process->rlimits[i].type);
    free(process->rlimits);
    free(process->apparmor_profile);
    free(process->selinux_label);
    free(process->cpu_affinity_initial);
    free(process->cpu_affinity_final);
    *process = (struct run_process){.user.umask = (mode_t)-1};
}

void run_resources_done(struct run_resources *resources)
{
    free(resources->cpuset_cpus);
    free(resources->cpuset_mems);
    free(resources->block_devices);
    free(resources->throttles);
    for (size_t i = 0; i < resources->hugepages_count; i++)
        free(resources->hugepages[i].page_size);
    free(resources->hugepages);
    for (size_t i = 0; i < resources->network_priorities_count; i++)
        free(resources->network_priorities[i].name);
    free(resources->network_priorities);
    for (size_t i = 0; i < resources->rdma_count; i++)
        free(resources->rdma[i].device);
    free(resources->rdma);
    keg_strv_free(resources->unified);
    free(resources->devices);
    *resources = (struct run_resources){0};
}

void spec_seccomp_rule_done(struct run_seccomp_rule *rule)
{
    keg_strv_free(rule->names);
    free(rule->arguments);
    *rule = (struct run_seccomp_rule){0};
}

void run_seccomp_profile_free(struct run_seccomp_profile *profile)
{
    if (!profile)
        return;
    for (size_t i = 0; i < profile->rules_count; i++)
        spec_seccomp_rule_done(&profile->rules[i]);
    free(profile->rules);
    keg_strv_free(profile->architectures);
    free(profile->listener_path);
    free(profile->listener_metadata);
    free(profile);
}

static void hooks_done(struct run_hooks *hooks)
{
    for (size_t i = 0; i < hooks->count; i++) {
        free(hooks->items[i].path);
        keg_strv_free(hooks->items[i].args);
        keg_strv_free(hooks->items[i].env);
    }
    free(hooks->items);
}

static void lists_done(struct run_spec *spec)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        mount_done(&spec->mounts[i]);
    free(spec->mounts);
    for (size_t i = 0; i < spec->devices_count; i++)
        free(spec->devices[i].path);
    free(spec->devices);
    for (size_t i = 0; i < RUN_NS_COUNT; i++)
        free(spec->namespaces[i].path);
    for (size_t i = 0; i < RUN_HOOK_COUNT; i++)
        hooks_done(&spec->hooks[i]);
    run_id_maps_done(&spec->uid_maps);
    run_id_maps_done(&spec->gid_maps);
    keg_strv_free(spec->masked_paths);
    keg_strv_free(spec->readonly_paths);
    keg_strv_free(spec->sysctls);
    keg_strv_free(spec->annotations);
}

void run_spec_free(struct run_spec *spec)
{
    if (!spec)
        return;
    run_process_done(&spec->process);
    run_resources_done(&spec->resources);
    run_seccomp_profile_free(spec->seccomp_profile);
    lists_done(spec);
    free(spec->hostname);
    free(spec->domainname);
    free(spec->root_path);
    free(spec->cgroups_path);
    free(spec->rootfs_propagation);
    free(spec->mount_label);
    free(spec->intel_rdt.clos_id);
    free(spec->intel_rdt.l3_cache_schema);
    free(spec->intel_rdt.memory_bandwidth_schema);
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
