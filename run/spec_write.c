/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime spec as the text of a config.json, for any OCI runtime (runtime-spec 1.2, config.md
 * and config-linux.md). Where building fails for want of memory, jansson's NULLs travel up to one
 * check. */
#include "run/run.h"

#include "run/seccomp.h"

#include <string.h>

/* 1.0.2 is what every runtime accepts; nothing newer is written. */
#define OCI_VERSION "1.0.2"

static const char *const namespace_names[RUN_NS_COUNT] = {
    [RUN_NS_PID] = "pid",   [RUN_NS_NETWORK] = "network", [RUN_NS_MOUNT] = "mount",
    [RUN_NS_IPC] = "ipc",   [RUN_NS_UTS] = "uts",         [RUN_NS_CGROUP] = "cgroup",
    [RUN_NS_USER] = "user", [RUN_NS_TIME] = "time",
};

/* Put ${value} (taken, may be NULL) into ${object}; remember a failure in *failed. */
static void put(json_t *object, const char *key, json_t *value, bool *failed)
{
    if (json_object_set_new(object, key, value) < 0)
        *failed = true;
}

static void push(json_t *array, json_t *value, bool *failed)
{
    if (json_array_append_new(array, value) < 0)
        *failed = true;
}

static void put_string(json_t *object, const char *key, const char *value, bool *failed)
{
    if (value)
        put(object, key, json_string(value), failed);
}

static void put_strv(json_t *object, const char *key, char *const *strings, bool *failed)
{
    if (strings && *strings)
        put(object, key, keg_json_strv_new(strings), failed);
}

static json_t *capability_names(uint64_t set, bool *failed)
{
    json_t *names = json_array();
    for (int i = 0; run_capability_name(i); i++)
        if (set >> i & 1)
            push(names, json_string(run_capability_name(i)), failed);
    return names;
}

static json_t *capabilities_json(const struct run_capabilities *sets, bool *failed)
{
    json_t *object = json_object();
    put(object, "bounding", capability_names(sets->bounding, failed), failed);
    put(object, "effective", capability_names(sets->effective, failed), failed);
    put(object, "permitted", capability_names(sets->permitted, failed), failed);
    put(object, "inheritable", capability_names(sets->inheritable, failed), failed);
    put(object, "ambient", capability_names(sets->ambient, failed), failed);
    return object;
}

static json_t *user_json(const struct run_user *user, bool *failed)
{
    json_t *object = json_object();
    put(object, "uid", json_integer(user->uid), failed);
    put(object, "gid", json_integer(user->gid), failed);
    if (user->umask != (mode_t)-1)
        put(object, "umask", json_integer(user->umask), failed);
    if (user->additional_gids_count > 0) {
        json_t *gids = json_array();
        for (size_t i = 0; i < user->additional_gids_count; i++)
            push(gids, json_integer(user->additional_gids[i]), failed);
        put(object, "additionalGids", gids, failed);
    }
    return object;
}

static json_t *rlimits_json(const struct run_process *process, bool *failed)
{
    json_t *array = json_array();
    for (size_t i = 0; i < process->rlimits_count; i++) {
        json_t *limit = json_object();
        put_string(limit, "type", process->rlimits[i].type, failed);
        put(limit, "hard", json_integer((json_int_t)process->rlimits[i].hard), failed);
        put(limit, "soft", json_integer((json_int_t)process->rlimits[i].soft), failed);
        push(array, limit, failed);
    }
    return array;
}

static json_t *process_json(const struct run_process *process, bool *failed)
{
    json_t *object = json_object();
    put(object, "terminal", json_boolean(process->terminal), failed);
    if (process->console_rows > 0 && process->console_columns > 0) {
        json_t *size = json_object();
        put(size, "height", json_integer(process->console_rows), failed);
        put(size, "width", json_integer(process->console_columns), failed);
        put(object, "consoleSize", size, failed);
    }
    put(object, "user", user_json(&process->user, failed), failed);
    put(object, "args", keg_json_strv_new(process->args), failed);
    put(object, "env", keg_json_strv_new(process->env), failed);
    put_string(object, "cwd", process->cwd, failed);
    put(object, "capabilities", capabilities_json(&process->capabilities, failed), failed);
    if (process->rlimits_count > 0)
        put(object, "rlimits", rlimits_json(process, failed), failed);
    put(object, "noNewPrivileges", json_boolean(process->no_new_privileges), failed);
    if (process->oom_score_adj_set)
        put(object, "oomScoreAdj", json_integer(process->oom_score_adj), failed);
    return object;
}

static json_t *mounts_json(const struct run_spec *spec, bool *failed)
{
    json_t *array = json_array();
    for (size_t i = 0; i < spec->mounts_count; i++) {
        const struct run_mount *mount = &spec->mounts[i];
        json_t *object = json_object();
        put_string(object, "destination", mount->destination, failed);
        put_string(object, "type", mount->type, failed);
        put_string(object, "source", mount->source, failed);
        put_strv(object, "options", mount->options, failed);
        push(array, object, failed);
    }
    return array;
}

/* -1 is "all", which the spec writes by leaving the number out. */
static json_t *device_rules_json(const struct run_resources *resources, bool *failed)
{
    json_t *array = json_array();
    for (size_t i = 0; i < resources->devices_count; i++) {
        const struct run_device_rule *rule = &resources->devices[i];
        const char type[2] = {rule->type, '\0'};
        json_t *object = json_object();
        put(object, "allow", json_boolean(rule->allow), failed);
        put_string(object, "type", type, failed);
        if (rule->major >= 0)
            put(object, "major", json_integer(rule->major), failed);
        if (rule->minor >= 0)
            put(object, "minor", json_integer(rule->minor), failed);
        put_string(object, "access", rule->access, failed);
        push(array, object, failed);
    }
    return array;
}

static void put_nonzero(json_t *object, const char *key, int64_t value, bool *failed)
{
    if (value != 0)
        put(object, key, json_integer(value), failed);
}

static json_t *resources_json(const struct run_resources *resources, bool *failed)
{
    json_t *object = json_object(), *memory = json_object(), *cpu = json_object();
    put_nonzero(memory, "limit", resources->memory_limit_bytes, failed);
    put_nonzero(memory, "swap", resources->memory_swap_bytes, failed);
    put_nonzero(memory, "reservation", resources->memory_reservation_bytes, failed);
    put_nonzero(cpu, "shares", (int64_t)resources->cpu_shares, failed);
    put_nonzero(cpu, "quota", resources->cpu_quota_us, failed);
    put_nonzero(cpu, "period", (int64_t)resources->cpu_period_us, failed);
    put(object, "devices", device_rules_json(resources, failed), failed);
    bool has_memory = json_object_size(memory) > 0, has_cpu = json_object_size(cpu) > 0;
    put(object, "memory", memory, failed);
    put(object, "cpu", cpu, failed);
    if (!has_memory)
        (void)json_object_del(object, "memory");
    if (!has_cpu)
        (void)json_object_del(object, "cpu");
    if (resources->pids_limit != 0) {
        json_t *pids = json_object();
        put(pids, "limit", json_integer(resources->pids_limit), failed);
        put(object, "pids", pids, failed);
    }
    return object;
}

static json_t *namespaces_json(const struct run_spec *spec, bool *failed)
{
    json_t *array = json_array();
    for (size_t i = 0; i < RUN_NS_COUNT; i++) {
        if (!spec->namespaces[i].wanted)
            continue;
        json_t *object = json_object();
        put_string(object, "type", namespace_names[i], failed);
        put_string(object, "path", spec->namespaces[i].path, failed);
        push(array, object, failed);
    }
    return array;
}

static json_t *devices_json(const struct run_spec *spec, bool *failed)
{
    json_t *array = json_array();
    for (size_t i = 0; i < spec->devices_count; i++) {
        const struct run_device *device = &spec->devices[i];
        const char type[2] = {device->type, '\0'};
        json_t *object = json_object();
        put_string(object, "path", device->path, failed);
        put_string(object, "type", type, failed);
        put(object, "major", json_integer(device->major), failed);
        put(object, "minor", json_integer(device->minor), failed);
        put(object, "fileMode", json_integer(device->mode), failed);
        put(object, "uid", json_integer(device->uid), failed);
        put(object, "gid", json_integer(device->gid), failed);
        push(array, object, failed);
    }
    return array;
}

/* "key=value" strings as an object. */
static json_t *pairs_json(char *const *pairs, bool *failed)
{
    json_t *object = json_object();
    for (; pairs && *pairs; pairs++) {
        const char *equals = strchr(*pairs, '=');
        _cleanup_free_ char *key = equals ? keg_strndup(*pairs, (size_t)(equals - *pairs)) : NULL;
        if (key)
            put(object, key, json_string(equals + 1), failed);
        else
            *failed = true;
    }
    return object;
}

/* What the text ends in where a seccomp profile is still to come: linux is the last member of the
 * whole, seccomp that of linux. */
#define SECCOMP_GAP "null\n    }\n}"

static json_t *linux_json(const struct run_spec *spec, bool *failed)
{
    json_t *object = json_object();
    if (spec->sysctls)
        put(object, "sysctl", pairs_json(spec->sysctls, failed), failed);
    put_string(object, "cgroupsPath", spec->cgroups_path, failed);
    put(object, "resources", resources_json(&spec->resources, failed), failed);
    put(object, "namespaces", namespaces_json(spec, failed), failed);
    if (spec->devices_count > 0)
        put(object, "devices", devices_json(spec, failed), failed);
    put_strv(object, "maskedPaths", spec->masked_paths, failed);
    put_strv(object, "readonlyPaths", spec->readonly_paths, failed);
    put_string(object, "rootfsPropagation", spec->rootfs_propagation, failed);
    if (spec->seccomp == RUN_SECCOMP_DEFAULT)
        put(object, "seccomp", json_null(), failed);
    return object;
}

static json_t *spec_json(const struct run_spec *spec, bool *failed)
{
    json_t *root = json_object(), *object = json_object();
    put_string(object, "ociVersion", OCI_VERSION, failed);
    put(object, "process", process_json(&spec->process, failed), failed);
    put_string(root, "path", spec->root_path ? spec->root_path : "rootfs", failed);
    put(root, "readonly", json_boolean(spec->root_readonly), failed);
    put(object, "root", root, failed);
    put_string(object, "hostname", spec->hostname, failed);
    put(object, "mounts", mounts_json(spec, failed), failed);
    if (spec->annotations)
        put(object, "annotations", pairs_json(spec->annotations, failed), failed);
    put(object, "linux", linux_json(spec, failed), failed);
    return object;
}

/* The profile is text already, by far the largest part of it all; to parse it and write it again
 * would cost as much as the rest of the file a few times over, on the start path. */
static void add_with_seccomp(const struct run_spec *spec, const char *text, struct keg_buf *ret)
{
    size_t length = strlen(text) - strlen(SECCOMP_GAP);
    keg_buf_add(ret, text, length);
    (void)seccomp_write_default_json(spec->process.capabilities.bounding, ret);
    keg_buf_str(ret, text + length + strlen("null"));
}

int run_spec_write(const struct run_spec *spec, struct keg_buf *ret, struct keg_err *err)
{
    bool failed = false;
    _cleanup_json_ json_t *json = spec_json(spec, &failed);
    _cleanup_free_ char *text = json && !failed ? keg_json_dump(json, true) : NULL;
    if (!text)
        return keg_fail(err, -ENOMEM, "config.json: out of memory, or text that is not UTF-8");
    if (spec->seccomp == RUN_SECCOMP_DEFAULT)
        add_with_seccomp(spec, text, ret);
    else
        keg_buf_str(ret, text);
    keg_buf_str(ret, "\n");
    return keg_buf_ok(ret, err, "config.json");
}
