/* SPDX-License-Identifier: Apache-2.0 */
/* What a container may use, written (config-linux.md, "Control groups"). */
#include "run/spec_write.h"

static void put_set_i64(struct spec_writer *writer, const char *key, int64_t value)
{
    if (value != 0)
        spec_put_i64(writer, key, value);
}

static void put_set_u64(struct spec_writer *writer, const char *key, uint64_t value)
{
    if (value != 0)
        spec_put_u64(writer, key, value);
}

static void write_memory(struct spec_writer *writer, const struct run_resources *resources)
{
    spec_open_if_used(writer, "memory");
    put_set_i64(writer, "limit", resources->memory_limit_bytes);
    put_set_i64(writer, "swap", resources->memory_swap_bytes);
    put_set_i64(writer, "reservation", resources->memory_reservation_bytes);
    put_set_i64(writer, "kernel", resources->memory_kernel_bytes);
    put_set_i64(writer, "kernelTCP", resources->memory_kernel_tcp_bytes);
    if (resources->memory_swappiness_set)
        spec_put_u64(writer, "swappiness", resources->memory_swappiness);
    if (resources->memory_disable_oom_killer)
        spec_put_bool(writer, "disableOOMKiller", true);
    if (resources->memory_check_before_update)
        spec_put_bool(writer, "checkBeforeUpdate", true);
    spec_close(writer);
}

static void write_cpu(struct spec_writer *writer, const struct run_resources *resources)
{
    spec_open_if_used(writer, "cpu");
    put_set_u64(writer, "shares", resources->cpu_shares);
    put_set_i64(writer, "quota", resources->cpu_quota_us);
    put_set_u64(writer, "period", resources->cpu_period_us);
    if (resources->cpu_burst_set)
        spec_put_u64(writer, "burst", resources->cpu_burst_us);
    put_set_i64(writer, "realtimeRuntime", resources->cpu_realtime_runtime_us);
    put_set_u64(writer, "realtimePeriod", resources->cpu_realtime_period_us);
    spec_put_text(writer, "cpus", resources->cpuset_cpus);
    spec_put_text(writer, "mems", resources->cpuset_mems);
    if (resources->cpu_idle_set)
        spec_put_i64(writer, "idle", resources->cpu_idle);
    spec_close(writer);
}

/* ---- block devices */

static void write_weights(struct spec_writer *writer, const struct run_resources *resources)
{
    if (resources->block_devices_count == 0)
        return;
    spec_open_list(writer, "weightDevice");
    for (size_t i = 0; i < resources->block_devices_count; i++) {
        const struct run_block_device *device = &resources->block_devices[i];
        spec_open_object(writer, NULL);
        spec_put_i64(writer, "major", device->major);
        spec_put_i64(writer, "minor", device->minor);
        put_set_u64(writer, "weight", device->weight);
        put_set_u64(writer, "leafWeight", device->leaf_weight);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_throttle(struct spec_writer *writer, const struct run_throttle *throttle)
{
    spec_open_object(writer, NULL);
    spec_put_i64(writer, "major", throttle->major);
    spec_put_i64(writer, "minor", throttle->minor);
    spec_put_u64(writer, "rate", throttle->rate);
    spec_close(writer);
}

static void write_throttles(struct spec_writer *writer, const struct run_resources *resources,
                            enum run_throttle_kind kind)
{
    bool open = false;
    for (size_t i = 0; i < resources->throttles_count; i++) {
        if (resources->throttles[i].kind != kind)
            continue;
        if (!open)
            spec_open_list(writer, spec_name_of(&spec_throttles, kind));
        open = true;
        write_throttle(writer, &resources->throttles[i]);
    }
    if (open)
        spec_close(writer);
}

static void write_block_io(struct spec_writer *writer, const struct run_resources *resources)
{
    spec_open_if_used(writer, "blockIO");
    put_set_u64(writer, "weight", resources->blkio_weight);
    put_set_u64(writer, "leafWeight", resources->blkio_leaf_weight);
    write_weights(writer, resources);
    for (size_t kind = 0; kind < RUN_THROTTLE_COUNT; kind++)
        write_throttles(writer, resources, (enum run_throttle_kind)kind);
    spec_close(writer);
}

/* ---- the others */

static void write_pids(struct spec_writer *writer, const struct run_resources *resources)
{
    spec_open_if_used(writer, "pids");
    put_set_i64(writer, "limit", resources->pids_limit);
    spec_close(writer);
}

static void write_hugepages(struct spec_writer *writer, const struct run_resources *resources)
{
    if (resources->hugepages_count == 0)
        return;
    spec_open_list(writer, "hugepageLimits");
    for (size_t i = 0; i < resources->hugepages_count; i++) {
        spec_open_object(writer, NULL);
        spec_put_text(writer, "pageSize", resources->hugepages[i].page_size);
        spec_put_u64(writer, "limit", resources->hugepages[i].limit_bytes);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_network(struct spec_writer *writer, const struct run_resources *resources)
{
    spec_open_if_used(writer, "network");
    if (resources->network_class_set)
        spec_put_u64(writer, "classID", resources->network_class);
    if (resources->network_priorities_count > 0)
        spec_open_list(writer, "priorities");
    for (size_t i = 0; i < resources->network_priorities_count; i++) {
        spec_open_object(writer, NULL);
        spec_put_text(writer, "name", resources->network_priorities[i].name);
        spec_put_u64(writer, "priority", resources->network_priorities[i].priority);
        spec_close(writer);
    }
    if (resources->network_priorities_count > 0)
        spec_close(writer);
    spec_close(writer);
}

static void write_rdma(struct spec_writer *writer, const struct run_resources *resources)
{
    spec_open_if_used(writer, "rdma");
    for (size_t i = 0; i < resources->rdma_count; i++) {
        const struct run_rdma_limit *limit = &resources->rdma[i];
        spec_open_object(writer, limit->device);
        if (limit->handles_set)
            spec_put_u64(writer, "hcaHandles", limit->handles);
        if (limit->objects_set)
            spec_put_u64(writer, "hcaObjects", limit->objects);
        spec_close(writer);
    }
    spec_close(writer);
}

/* -1 is "all", which the spec writes by leaving the number out. */
static void write_device_rules(struct spec_writer *writer, const struct run_resources *resources)
{
    if (resources->devices_count == 0)
        return;
    spec_open_list(writer, "devices");
    for (size_t i = 0; i < resources->devices_count; i++) {
        const struct run_device_rule *rule = &resources->devices[i];
        const char type[] = {rule->type, '\0'};
        spec_open_object(writer, NULL);
        spec_put_bool(writer, "allow", rule->allow);
        spec_put_text(writer, "type", type);
        if (rule->major >= 0)
            spec_put_i64(writer, "major", rule->major);
        if (rule->minor >= 0)
            spec_put_i64(writer, "minor", rule->minor);
        spec_put_text(writer, "access", rule->access);
        spec_close(writer);
    }
    spec_close(writer);
}

void spec_write_resources(struct spec_writer *writer, const struct run_resources *resources)
{
    spec_open_if_used(writer, "resources");
    write_device_rules(writer, resources);
    write_memory(writer, resources);
    write_cpu(writer, resources);
    write_pids(writer, resources);
    write_block_io(writer, resources);
    write_hugepages(writer, resources);
    write_network(writer, resources);
    write_rdma(writer, resources);
    spec_put_pairs(writer, "unified", resources->unified);
    spec_close(writer);
}
