/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime update: other limits for a container that runs. */
#include "cmd/runtime/folder.h"

struct update_options {
    const char *resources, *l3_cache_schema, *mem_bw_schema;
    struct run_resources set; /* texts in it are borrowed from argv */
};

/* ---- values, each written where its row says */

/* Bytes, "64m"; -1 is unlimited. */
static int parse_bytes(const char *value, void *target, struct keg_err *err)
{
    uint64_t bytes;
    int64_t *member = target;
    if (keg_streq(value, "-1")) {
        *member = -1;
        return 0;
    }
    if (keg_parse_size(value, &bytes) < 0 || bytes > INT64_MAX)
        return keg_fail(err, -EINVAL, "'%s' is not a size (like 512k, 64m or 1.5g)", value);
    *member = (int64_t)bytes;
    return 0;
}

static int parse_u64(const char *value, void *target, struct keg_err *err)
{
    if (keg_parse_u64(value, 0, UINT64_MAX, target) < 0)
        return keg_fail(err, -EINVAL, "'%s' is not a number from 0 on", value);
    return 0;
}

static int parse_u16(const char *value, void *target, struct keg_err *err)
{
    uint64_t number;
    if (keg_parse_u64(value, 0, UINT16_MAX, &number) < 0)
        return keg_fail(err, -EINVAL, "'%s' is not a number from 0 to 65535", value);
    *(uint16_t *)target = (uint16_t)number;
    return 0;
}

static int parse_cpu_burst(const char *value, void *target, struct keg_err *err)
{
    struct run_resources *set = target;
    set->cpu_burst_set = true;
    return parse_u64(value, &set->cpu_burst_us, err);
}

static int parse_cpu_idle(const char *value, void *target, struct keg_err *err)
{
    struct run_resources *set = target;
    set->cpu_idle_set = true;
    if (keg_parse_i64(value, 0, 1, &set->cpu_idle) < 0)
        return keg_fail(err, -EINVAL, "'%s' is neither 0 nor 1", value);
    return 0;
}

/* ---- the table */

#define SET(member) offsetof(struct update_options, set.member)
#define BYTES(name, member, help)                                                                  \
    {                                                                                              \
        name, 0, CMD_CUSTOM, "bytes", help, SET(member), NULL, parse_bytes                         \
    }
#define NUMBER(name, member, help)                                                                 \
    {                                                                                              \
        name, 0, CMD_CUSTOM, "int", help, SET(member), NULL, parse_u64                             \
    }
#define SIGNED(name, member, help)                                                                 \
    {                                                                                              \
        name, 0, CMD_INT, "int", help, SET(member), NULL, NULL                                     \
    }
#define TEXT(name, offset, help)                                                                   \
    {                                                                                              \
        name, 0, CMD_STRING, "string", help, offset, NULL, NULL                                    \
    }
static const struct cmd_option update_options[] = {
    {"resources", 'r', CMD_STRING, "FILE",
     "Read a linux.resources object from FILE (-: standard input) and ignore all other options",
     offsetof(struct update_options, resources), NULL, NULL},
    {"blkio-weight", 0, CMD_CUSTOM, "int", "Block IO weight, 10 to 1000", SET(blkio_weight), NULL,
     parse_u16},
    NUMBER("cpu-period", cpu_period_us, "Period of the CPU limit, in microseconds"),
    SIGNED("cpu-quota", cpu_quota_us, "CPU time in a period, in microseconds"),
    {"cpu-burst", 0, CMD_CUSTOM, "int", "CPU time that may be saved up, in microseconds",
     offsetof(struct update_options, set), NULL, parse_cpu_burst},
    NUMBER("cpu-share", cpu_shares, "CPU shares (relative weight)"),
    NUMBER("cpu-rt-period", cpu_realtime_period_us, "Period of real-time CPU, in microseconds"),
    SIGNED("cpu-rt-runtime", cpu_realtime_runtime_us, "Real-time CPU in it, in microseconds"),
    {"cpu-idle", 0, CMD_CUSTOM, "int", "1: run only when nobody else wants to",
     offsetof(struct update_options, set), NULL, parse_cpu_idle},
    TEXT("cpuset-cpus", SET(cpuset_cpus), "CPUs to use"),
    TEXT("cpuset-mems", SET(cpuset_mems), "Memory nodes to use"),
    BYTES("kernel-memory", memory_kernel_bytes, "Kernel memory limit"),
    BYTES("kernel-memory-tcp", memory_kernel_tcp_bytes, "Kernel memory limit of TCP buffers"),
    BYTES("memory", memory_limit_bytes, "Memory limit"),
    BYTES("memory-reservation", memory_reservation_bytes, "Memory soft limit"),
    BYTES("memory-swap", memory_swap_bytes, "Limit of memory and swap together, -1: none"),
    SIGNED("pids-limit", pids_limit, "How many processes there may be, -1: any"),
    TEXT("l3-cache-schema", offsetof(struct update_options, l3_cache_schema),
         "Intel RDT: not supported"),
    TEXT("mem-bw-schema", offsetof(struct update_options, mem_bw_schema),
         "Intel RDT: not supported"),
    CMD_OPTIONS_END};

/* ---- the verb */

static int read_text(const char *path, struct keg_buf *ret, struct keg_err *err)
{
    if (!keg_streq(path, "-"))
        return keg_read_file(AT_FDCWD, path, KEG_SPEC_MAX_BYTES, ret, err);
    *ret = keg_buf_init(KEG_SPEC_MAX_BYTES);
    int r = keg_read_all(STDIN_FILENO, KEG_SPEC_MAX_BYTES, ret);
    return r < 0 ? keg_fail(err, r, "read standard input: %s", keg_errno_text(r)) : 0;
}

static int update_from(struct run_container *container, const char *path, struct keg_err *err)
{
    struct run_resources resources = {0};
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    int r = read_text(path, &text, err);
    if (r < 0)
        return r;
    r = run_resources_parse(text.data ? text.data : "", text.length, &resources, err);
    r = r < 0 ? keg_wrap(err, "'%s'", path) : run_update(container, &resources, err);
    run_resources_done(&resources);
    return r;
}

static int update(const struct runtime *runtime, void *options, const struct cmd_args *args,
                  struct keg_err *err)
{
    const struct update_options *o = options;
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    if (o->l3_cache_schema || o->mem_bw_schema)
        return keg_fail(err, -ENOTSUP, "Intel RDT is not supported");
    int r = runtime_open_locked(runtime, args->items[0], &folder, &container, err);
    if (r == 0 && run_status(container) == RUN_STOPPED)
        r = keg_fail(err, -ESRCH, "container not running: '%s'", folder.id);
    if (r < 0)
        return r;
    return o->resources ? update_from(container, o->resources, err)
                        : run_update(container, &o->set, err);
}

const struct runtime_verb runtime_verb_update = {
    .cmd = {.name = "update",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID",
            .summary = "Change the limits of a container",
            .options = update_options,
            .min_args = 1,
            .max_args = 1},
    .options_size = sizeof(struct update_options),
    .act = update,
};
