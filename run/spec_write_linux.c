/* SPDX-License-Identifier: Apache-2.0 */
/* The linux object of a config.json, written (config-linux.md). */
#include "run/spec_write.h"

static void write_namespaces(struct spec_writer *writer, const struct run_spec *spec)
{
    spec_open_list(writer, "namespaces");
    for (size_t i = 0; i < RUN_NS_COUNT; i++) {
        if (!spec->namespaces[i].wanted)
            continue;
        spec_open_object(writer, NULL);
        spec_put_name(writer, "type", &spec_namespaces, (uint32_t)i);
        spec_put_text(writer, "path", spec->namespaces[i].path);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_time_offsets(struct spec_writer *writer, const struct run_spec *spec)
{
    spec_open_if_used(writer, "timeOffsets");
    for (size_t i = 0; i < RUN_CLOCK_COUNT; i++) {
        const struct run_time_offset *offset = &spec->time_offsets[i];
        if (!offset->set)
            continue;
        spec_open_object(writer, spec_name_of(&spec_clocks, (uint32_t)i));
        spec_put_i64(writer, "secs", offset->seconds);
        spec_put_u64(writer, "nanosecs", offset->nanoseconds);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_devices(struct spec_writer *writer, const struct run_spec *spec)
{
    if (spec->devices_count == 0)
        return;
    spec_open_list(writer, "devices");
    for (size_t i = 0; i < spec->devices_count; i++) {
        const struct run_device *device = &spec->devices[i];
        const char type[] = {device->type, '\0'};
        spec_open_object(writer, NULL);
        spec_put_text(writer, "path", device->path);
        spec_put_text(writer, "type", type);
        if (device->type != 'p') {
            spec_put_u64(writer, "major", device->major);
            spec_put_u64(writer, "minor", device->minor);
        }
        spec_put_u64(writer, "fileMode", device->mode);
        spec_put_u64(writer, "uid", device->uid);
        spec_put_u64(writer, "gid", device->gid);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_personality(struct spec_writer *writer, const struct run_spec *spec)
{
    if (!spec->personality_set)
        return;
    spec_open_object(writer, "personality");
    spec_put_name(writer, "domain", &spec_personalities, (uint32_t)spec->personality);
    spec_close(writer);
}

static void write_intel_rdt(struct spec_writer *writer, const struct run_intel_rdt *rdt)
{
    if (!rdt->set)
        return;
    spec_open_object(writer, "intelRdt");
    spec_put_text(writer, "closID", rdt->clos_id);
    spec_put_text(writer, "l3CacheSchema", rdt->l3_cache_schema);
    spec_put_text(writer, "memBwSchema", rdt->memory_bandwidth_schema);
    if (rdt->enable_cmt)
        spec_put_bool(writer, "enableCMT", true);
    if (rdt->enable_mbm)
        spec_put_bool(writer, "enableMBM", true);
    spec_close(writer);
}

void spec_write_linux(struct spec_writer *writer, const struct run_spec *spec)
{
    spec_open_object(writer, "linux");
    spec_write_id_maps(writer, "uidMappings", &spec->uid_maps);
    spec_write_id_maps(writer, "gidMappings", &spec->gid_maps);
    write_time_offsets(writer, spec);
    spec_put_pairs(writer, "sysctl", spec->sysctls);
    spec_put_text(writer, "cgroupsPath", spec->cgroups_path);
    spec_write_resources(writer, &spec->resources);
    write_namespaces(writer, spec);
    write_devices(writer, spec);
    spec_put_texts(writer, "maskedPaths", spec->masked_paths);
    spec_put_texts(writer, "readonlyPaths", spec->readonly_paths);
    spec_put_text(writer, "rootfsPropagation", spec->rootfs_propagation);
    spec_put_text(writer, "mountLabel", spec->mount_label);
    write_personality(writer, spec);
    write_intel_rdt(writer, &spec->intel_rdt);
    spec_write_seccomp(writer, spec);
    spec_close(writer);
}
