/* SPDX-License-Identifier: Apache-2.0 */
/* The linux object of a config.json (config-linux.md): namespaces, id maps, devices and the rest
 * that has no file of its own. */
#include "run/spec_read.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* user_namespaces(7): lines that a map may have since Linux 4.15. */
#define ID_MAP_LINES_MAX 340

#define NANOSECONDS_PER_SECOND 1000000000u

/* ---- namespaces */

struct namespace_entry {
    const char *type_text;
    uint32_t type;
    char *path;
};

static int read_namespace_type(const struct spec_node *node, void *ret)
{
    struct namespace_entry *entry = ret;
    int r = spec_named(node, &spec_namespaces, &entry->type);
    return r < 0 ? r : spec_string(node, &entry->type_text);
}

static int add_namespace(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"type", read_namespace_type, 0, true},
        {"path", spec_path, offsetof(struct namespace_entry, path), false},
    };
    struct run_namespace *namespaces = ret;
    struct namespace_entry entry = {0};
    int r = SPEC_FIELDS(node, fields, &entry);
    if (r >= 0 && namespaces[entry.type].wanted)
        r = spec_fail(node, "namespace %s twice", entry.type_text);
    if (r < 0)
        free(entry.path);
    else
        namespaces[entry.type] = (struct run_namespace){true, entry.path};
    return r;
}

static int read_namespaces(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, add_namespace, ret);
}

/* ---- id maps */

static int read_id_map(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"containerID", spec_id, offsetof(struct run_id_map, container_id), true},
        {"hostID", spec_id, offsetof(struct run_id_map, host_id), true},
        {"size", spec_u32, offsetof(struct run_id_map, size), true},
    };
    const struct run_id_map *map = ret;
    int r = SPEC_FIELDS(node, fields, ret);
    if (r < 0)
        return r;
    if (map->size == 0)
        return spec_fail(node, "size 0");
    uint32_t left_inside = UINT32_MAX - map->container_id, left_outside = UINT32_MAX - map->host_id;
    if (map->size > left_inside || map->size > left_outside)
        return spec_fail(node, "more ids than there are");
    return 0;
}

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

int spec_read_id_maps(const struct spec_node *node, void *ret)
{
    struct run_id_maps *maps = ret;
    if (json_array_size(node->value) > ID_MAP_LINES_MAX)
        return spec_fail(node, "more than %d entries", ID_MAP_LINES_MAX);
    int r = spec_list(node, sizeof(*maps->items), read_id_map, (void **)&maps->items, &maps->count);
    for (size_t i = 0; r >= 0 && i < maps->count; i++) {
        const struct run_id_map *a = &maps->items[i];
        for (const struct run_id_map *b = maps->items; b < a; b++)
            if (overlap(a->container_id, a->size, b->container_id, b->size) ||
                overlap(a->host_id, a->size, b->host_id, b->size))
                return spec_fail(node, "entry %zu has ids of entry %zu", i,
                                 (size_t)(b - maps->items));
    }
    return r;
}

/* ---- clocks */

static int read_nanoseconds(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, NANOSECONDS_PER_SECOND - 1, &value);
    if (r >= 0)
        *(uint32_t *)ret = (uint32_t)value;
    return r;
}

static int add_time_offset(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"secs", spec_i64, offsetof(struct run_time_offset, seconds), false},
        {"nanosecs", read_nanoseconds, offsetof(struct run_time_offset, nanoseconds), false},
    };
    const struct spec_name *clock = spec_name_find(&spec_clocks, node->key);
    if (!clock)
        return spec_fail(node, "unknown clock '%s'", node->key);
    struct run_time_offset *offset = &((struct run_time_offset *)ret)[clock->value];
    offset->set = true;
    return SPEC_FIELDS(node, fields, offset);
}

static int read_time_offsets(const struct spec_node *node, void *ret)
{
    return spec_each_member(node, add_time_offset, ret);
}

/* ---- devices */

static int read_device_type(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (strlen(text) != 1 || !strchr("cubp", *text))
        return spec_fail(node, "unknown type of device '%s'", text);
    *(char *)ret = *text;
    return 0;
}

/* Engines write the type of the file, too. */
static int read_file_mode(const struct spec_node *node, void *ret)
{
    uint32_t value = 0;
    int r = spec_u32(node, &value);
    if (r >= 0)
        *(mode_t *)ret = value & ALLPERMS;
    return r;
}

/* Linux: 12 bits and 20 bits. */
static int read_major(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, (1u << 12) - 1, &value);
    if (r >= 0)
        *(unsigned *)ret = (unsigned)value;
    return r;
}

static int read_minor(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, (1u << 20) - 1, &value);
    if (r >= 0)
        *(unsigned *)ret = (unsigned)value;
    return r;
}

static int read_numbers(const struct spec_node *node, struct run_device *device)
{
    static const struct spec_field fields[] = {
        {"major", read_major, offsetof(struct run_device, major), true},
        {"minor", read_minor, offsetof(struct run_device, minor), true},
    };
    return device->type == 'p' ? 0 : SPEC_FIELDS(node, fields, device);
}

static int read_device(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"type", read_device_type, offsetof(struct run_device, type), true},
        {"path", spec_path, offsetof(struct run_device, path), true},
        {"fileMode", read_file_mode, offsetof(struct run_device, mode), false},
        {"uid", spec_id, offsetof(struct run_device, uid), false},
        {"gid", spec_id, offsetof(struct run_device, gid), false},
    };
    struct run_device *device = ret;
    device->mode = 0666;
    int r = SPEC_FIELDS(node, fields, ret);
    if (r >= 0 && !device->path)
        return spec_fail_at(node, "path", "empty");
    return r < 0 ? r : read_numbers(node, device);
}

static int read_devices(const struct spec_node *node, void *ret)
{
    struct run_spec *spec = ret;
    return spec_list(node, sizeof(*spec->devices), read_device, (void **)&spec->devices,
                     &spec->devices_count);
}

/* ---- the rest */

/* sysctl.c splits at '='. */
static int add_sysctl(const struct spec_node *node, void *ret)
{
    if (!*node->key || strchr(node->key, '='))
        return spec_fail(node->parent, "no sysctl is called '%s'", node->key);
    return spec_add_pair(node, ret);
}

static int read_sysctls(const struct spec_node *node, void *ret)
{
    return spec_each_member(node, add_sysctl, ret);
}

static int read_propagation(const struct spec_node *node, void *ret)
{
    uint32_t flag;
    if (json_string_length(node->value) == 0)
        return spec_text(node, ret);
    int r = spec_named(node, &spec_propagations, &flag);
    return r < 0 ? r : spec_text(node, ret);
}

static int read_domain(const struct spec_node *node, void *ret)
{
    uint32_t value;
    int r = spec_named(node, &spec_personalities, &value);
    if (r >= 0)
        *(unsigned long *)ret = value;
    return r;
}

static int refuse_personality_flag(const struct spec_node *node, void *ret)
{
    (void)ret;
    const char *text = NULL;
    int r = spec_string(node, &text);
    return r < 0 ? r : spec_fail(node, "unknown flag '%s'", text);
}

static int read_personality_flags(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, refuse_personality_flag, ret);
}

static int read_personality(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"domain", read_domain, offsetof(struct run_spec, personality), true},
        {"flags", read_personality_flags, 0, false},
    };
    ((struct run_spec *)ret)->personality_set = true;
    return SPEC_FIELDS(node, fields, ret);
}

/* config-linux.md, "IntelRdt": it becomes the name of a folder in resctrl. */
static int read_clos_id(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return spec_fail(node, "'%s' is no name of a class", text);
    return spec_text(node, ret);
}

static int read_bandwidth_schema(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (*text && (!keg_starts_with(text, "MB:") || strchr(text, '\n')))
        return spec_fail(node, "'%s' is not one line that begins with 'MB:'", text);
    return spec_text(node, ret);
}

static int read_intel_rdt(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"closID", read_clos_id, offsetof(struct run_intel_rdt, clos_id), false},
        {"l3CacheSchema", spec_text, offsetof(struct run_intel_rdt, l3_cache_schema), false},
        {"memBwSchema", read_bandwidth_schema,
         offsetof(struct run_intel_rdt, memory_bandwidth_schema), false},
        {"enableCMT", spec_bool, offsetof(struct run_intel_rdt, enable_cmt), false},
        {"enableMBM", spec_bool, offsetof(struct run_intel_rdt, enable_mbm), false},
    };
    ((struct run_intel_rdt *)ret)->set = true;
    return SPEC_FIELDS(node, fields, ret);
}

static int read_seccomp(const struct spec_node *node, void *ret)
{
    struct run_spec *spec = ret;
    spec->seccomp_profile = calloc(1, sizeof(*spec->seccomp_profile));
    if (!spec->seccomp_profile)
        return spec_out_of_memory(node);
    spec->seccomp = RUN_SECCOMP_CUSTOM;
    return spec_read_seccomp(node, spec->process.capabilities.bounding, spec->seccomp_profile);
}

/* Maps that nothing uses would be a container without the confinement that was asked for. */
static int check_uses(const struct spec_node *node, const struct run_spec *spec)
{
    bool offsets =
        spec->time_offsets[RUN_CLOCK_MONOTONIC].set || spec->time_offsets[RUN_CLOCK_BOOTTIME].set;
    if (!spec->namespaces[RUN_NS_USER].wanted &&
        (spec->uid_maps.count > 0 || spec->gid_maps.count > 0))
        return spec_fail_at(node, spec->uid_maps.count > 0 ? "uidMappings" : "gidMappings",
                            "not without a user namespace");
    if (!spec->namespaces[RUN_NS_TIME].wanted && offsets)
        return spec_fail_at(node, "timeOffsets", "not without a time namespace");
    return 0;
}

int spec_read_linux(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"namespaces", read_namespaces, offsetof(struct run_spec, namespaces), false},
        {"uidMappings", spec_read_id_maps, offsetof(struct run_spec, uid_maps), false},
        {"gidMappings", spec_read_id_maps, offsetof(struct run_spec, gid_maps), false},
        {"timeOffsets", read_time_offsets, offsetof(struct run_spec, time_offsets), false},
        {"devices", read_devices, 0, false},
        {"cgroupsPath", spec_text, offsetof(struct run_spec, cgroups_path), false},
        {"resources", spec_read_resources, offsetof(struct run_spec, resources), false},
        {"sysctl", read_sysctls, offsetof(struct run_spec, sysctls), false},
        {"seccomp", read_seccomp, 0, false},
        {"rootfsPropagation", read_propagation, offsetof(struct run_spec, rootfs_propagation),
         false},
        {"maskedPaths", spec_paths, offsetof(struct run_spec, masked_paths), false},
        {"readonlyPaths", spec_paths, offsetof(struct run_spec, readonly_paths), false},
        {"mountLabel", spec_text, offsetof(struct run_spec, mount_label), false},
        {"personality", read_personality, 0, false},
        {"intelRdt", read_intel_rdt, offsetof(struct run_spec, intel_rdt), false},
    };
    int r = SPEC_FIELDS(node, fields, ret);
    return r < 0 ? r : check_uses(node, ret);
}
