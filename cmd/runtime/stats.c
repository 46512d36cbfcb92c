/* SPDX-License-Identifier: Apache-2.0 */
/* What the cgroups have counted, in the shape of runc's events. */
#include "cmd/runtime/stats.h"

#include <string.h>

/* jansson's integers are signed: "no limit" is what v1 says for it. */
static json_t *number(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *numbers(const uint64_t *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(array, number(values[i]));
    return array;
}

static json_t *cpu_json(const struct run_stats *stats)
{
    json_t *usage = json_pack("{s:o,s:o,s:o}", "total", number(stats->cpu_usage_ns), "kernel",
                              number(stats->cpu_system_ns), "user", number(stats->cpu_user_ns));
    if (usage && stats->cpu_percpu_count > 0)
        (void)json_object_set_new(usage, "percpu",
                                  numbers(stats->cpu_percpu_ns, stats->cpu_percpu_count));
    return json_pack("{s:o,s:{s:o,s:o,s:o}}", "usage", usage, "throttling", "periods",
                     number(stats->cpu_periods), "throttledPeriods",
                     number(stats->cpu_throttled_periods), "throttledTime",
                     number(stats->cpu_throttled_ns));
}

static json_t *raw_json(char *const *pairs)
{
    json_t *object = json_object();
    for (; pairs && *pairs; pairs++) {
        const char *equals = strchr(*pairs, '=');
        uint64_t value;
        _cleanup_free_ char *name = equals ? keg_strndup(*pairs, (size_t)(equals - *pairs)) : NULL;
        if (name && keg_parse_u64(equals + 1, 0, UINT64_MAX, &value) == 0)
            (void)json_object_set_new(object, name, number(value));
    }
    return object;
}

static json_t *memory_json(const struct run_stats *stats)
{
    return json_pack(
        "{s:o,s:{s:o,s:o,s:o,s:o},s:{s:o,s:o},s:{s:o},s:o}", "cache",
        number(stats->memory_cache_bytes), "usage", "limit", number(stats->memory_limit_bytes),
        "usage", number(stats->memory_usage_bytes), "max", number(stats->memory_peak_bytes),
        "failcnt", number(stats->memory_failcnt), "swap", "limit",
        number(stats->memory_swap_limit_bytes), "usage", number(stats->memory_swap_usage_bytes),
        "kernel", "usage", number(stats->memory_kernel_bytes), "raw", raw_json(stats->memory_raw));
}

static json_t *pids_json(const struct run_stats *stats)
{
    json_t *pids = json_pack("{s:o}", "current", number(stats->pids_current));
    if (pids && stats->pids_limit != UINT64_MAX)
        (void)json_object_set_new(pids, "limit", number(stats->pids_limit));
    return pids;
}

static void add_io(json_t *array, const struct run_io_stat *io, const char *operation,
                   uint64_t value)
{
    (void)json_array_append_new(array,
                                json_pack("{s:i,s:i,s:s,s:o}", "major", (int)io->major, "minor",
                                          (int)io->minor, "op", operation, "value", number(value)));
}

static json_t *blkio_json(const struct run_stats *stats)
{
    json_t *bytes = json_array(), *operations = json_array();
    for (size_t i = 0; i < stats->io_count; i++) {
        const struct run_io_stat *io = &stats->io[i];
        add_io(bytes, io, "Read", io->read_bytes);
        add_io(bytes, io, "Write", io->written_bytes);
        add_io(operations, io, "Read", io->reads);
        add_io(operations, io, "Write", io->writes);
    }
    return json_pack("{s:o,s:o}", "ioServiceBytesRecursive", bytes, "ioServicedRecursive",
                     operations);
}

json_t *runtime_stats_json(const struct run_stats *stats)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "cpu", cpu_json(stats), "memory", memory_json(stats),
                     "pids", pids_json(stats), "blkio", blkio_json(stats));
}
