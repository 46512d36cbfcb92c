/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime spec as the text of a config.json, for any OCI runtime (runtime-spec 1.2, config.md
 * and config-linux.md). */
#include "run/spec_write.h"

#include <linux/seccomp.h>

/* ---- the version: the lowest that has what is used, which most runtimes take */

static bool has_option(const struct run_spec *spec, const char *wanted)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        for (char *const *option = spec->mounts[i].options; option && *option; option++)
            if (keg_streq(*option, wanted))
                return true;
    return false;
}

static bool has_mount_maps(const struct run_spec *spec)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (spec->mounts[i].uid_maps.count > 0)
            return true;
    return false;
}

static bool has_new_seccomp(const struct run_seccomp_profile *profile)
{
    if (!profile)
        return false;
    bool found = profile->listener_path || profile->default_errno_ret >= 0 ||
                 profile->default_action == SECCOMP_RET_USER_NOTIF;
    for (size_t i = 0; i < profile->rules_count; i++)
        found |=
            profile->rules[i].errno_ret >= 0 || profile->rules[i].action == SECCOMP_RET_USER_NOTIF;
    return found;
}

static bool needs_1_1(const struct run_spec *spec)
{
    const struct run_resources *resources = &spec->resources;
    return spec->domainname || spec->namespaces[RUN_NS_TIME].wanted ||
           spec->process.scheduler.set || spec->process.io_priority.set || resources->unified ||
           resources->cpu_burst_set || resources->cpu_idle_set ||
           resources->memory_check_before_update || spec->intel_rdt.enable_cmt ||
           spec->intel_rdt.enable_mbm || has_mount_maps(spec) ||
           has_new_seccomp(spec->seccomp_profile);
}

static const char *version(const struct run_spec *spec)
{
    if (spec->process.cpu_affinity_initial || spec->process.cpu_affinity_final)
        return "1.2.1";
    if (has_option(spec, "idmap") || has_option(spec, "ridmap"))
        return "1.2.0";
    return needs_1_1(spec) ? "1.1.0" : "1.0.2";
}

/* ---- the parts */

void spec_write_id_maps(struct spec_writer *writer, const char *key, const struct run_id_maps *maps)
{
    if (maps->count == 0)
        return;
    spec_open_list(writer, key);
    for (size_t i = 0; i < maps->count; i++) {
        spec_open_object(writer, NULL);
        spec_put_u64(writer, "containerID", maps->items[i].container_id);
        spec_put_u64(writer, "hostID", maps->items[i].host_id);
        spec_put_u64(writer, "size", maps->items[i].size);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_root(struct spec_writer *writer, const struct run_spec *spec)
{
    spec_open_object(writer, "root");
    spec_put_text(writer, "path", spec->root_path ? spec->root_path : "rootfs");
    spec_put_bool(writer, "readonly", spec->root_readonly);
    spec_close(writer);
}

static void write_mounts(struct spec_writer *writer, const struct run_spec *spec)
{
    spec_open_list(writer, "mounts");
    for (size_t i = 0; i < spec->mounts_count; i++) {
        const struct run_mount *mount = &spec->mounts[i];
        spec_open_object(writer, NULL);
        spec_put_text(writer, "destination", mount->destination);
        spec_put_text(writer, "type", mount->type);
        spec_put_text(writer, "source", mount->source);
        spec_put_texts(writer, "options", mount->options);
        spec_write_id_maps(writer, "uidMappings", &mount->uid_maps);
        spec_write_id_maps(writer, "gidMappings", &mount->gid_maps);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_hook(struct spec_writer *writer, const struct run_hook *hook)
{
    spec_open_object(writer, NULL);
    spec_put_text(writer, "path", hook->path);
    spec_put_texts(writer, "args", hook->args);
    spec_put_texts(writer, "env", hook->env);
    if (hook->timeout_s > 0)
        spec_put_i64(writer, "timeout", hook->timeout_s);
    spec_close(writer);
}

void spec_write_hooks(struct spec_writer *writer, const struct run_hooks hooks[RUN_HOOK_COUNT])
{
    spec_open_if_used(writer, "hooks");
    for (size_t kind = 0; kind < RUN_HOOK_COUNT; kind++) {
        if (hooks[kind].count == 0)
            continue;
        spec_open_list(writer, spec_name_of(&spec_hooks, (uint32_t)kind));
        for (size_t i = 0; i < hooks[kind].count; i++)
            write_hook(writer, &hooks[kind].items[i]);
        spec_close(writer);
    }
    spec_close(writer);
}

int run_spec_write(const struct run_spec *spec, struct keg_buf *ret, struct keg_err *err)
{
    struct spec_writer writer = spec_writer_init(ret);
    spec_open_object(&writer, NULL);
    spec_put_text(&writer, "ociVersion", version(spec));
    spec_write_process(&writer, &spec->process);
    write_root(&writer, spec);
    spec_put_text(&writer, "hostname", spec->hostname);
    spec_put_text(&writer, "domainname", spec->domainname);
    write_mounts(&writer, spec);
    spec_write_hooks(&writer, spec->hooks);
    spec_put_pairs(&writer, "annotations", spec->annotations);
    spec_write_linux(&writer, spec);
    spec_close(&writer);
    keg_buf_str(ret, "\n");
    if (writer.failed)
        return keg_fail(err, -EINVAL, "config.json: a value that the runtime spec has no name for");
    return keg_buf_ok(ret, err, "config.json");
}
