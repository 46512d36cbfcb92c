/* SPDX-License-Identifier: Apache-2.0 */
/* What a container may use (config-linux.md, "Control groups"). */
#include "run/spec_read.h"

#include <stddef.h>
#include <string.h>

/* config-linux.md, "Memory" */
#define SWAPPINESS_MAX 100

/* Bytes, or -1 for unlimited. */
static int read_limit(const struct spec_node *node, void *ret)
{
    return spec_signed(node, -1, INT64_MAX, ret);
}

/* A number of tasks or microseconds; engines write any negative one for unlimited. */
static int read_count(const struct spec_node *node, void *ret)
{
    int r = spec_i64(node, ret);
    if (r >= 0 && *(int64_t *)ret < 0)
        *(int64_t *)ret = -1;
    return r;
}

static int read_swappiness(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    resources->memory_swappiness_set = true;
    return spec_unsigned(node, 0, SWAPPINESS_MAX, &resources->memory_swappiness);
}

static int read_memory(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"limit", read_limit, offsetof(struct run_resources, memory_limit_bytes), false},
        {"swap", read_limit, offsetof(struct run_resources, memory_swap_bytes), false},
        {"reservation", read_limit, offsetof(struct run_resources, memory_reservation_bytes),
         false},
        {"kernel", read_limit, offsetof(struct run_resources, memory_kernel_bytes), false},
        {"kernelTCP", read_limit, offsetof(struct run_resources, memory_kernel_tcp_bytes), false},
        {"swappiness", read_swappiness, 0, false},
        {"disableOOMKiller", spec_bool, offsetof(struct run_resources, memory_disable_oom_killer),
         false},
        {"checkBeforeUpdate", spec_bool, offsetof(struct run_resources, memory_check_before_update),
         false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static int read_burst(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    resources->cpu_burst_set = true;
    return spec_u64(node, &resources->cpu_burst_us);
}

static int read_idle(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    resources->cpu_idle_set = true;
    return spec_signed(node, 0, 1, &resources->cpu_idle);
}

static int read_cpu(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"shares", spec_u64, offsetof(struct run_resources, cpu_shares), false},
        {"quota", read_count, offsetof(struct run_resources, cpu_quota_us), false},
        {"burst", read_burst, 0, false},
        {"period", spec_u64, offsetof(struct run_resources, cpu_period_us), false},
        {"realtimeRuntime", read_count, offsetof(struct run_resources, cpu_realtime_runtime_us),
         false},
        {"realtimePeriod", spec_u64, offsetof(struct run_resources, cpu_realtime_period_us), false},
        {"cpus", spec_text, offsetof(struct run_resources, cpuset_cpus), false},
        {"mems", spec_text, offsetof(struct run_resources, cpuset_mems), false},
        {"idle", read_idle, 0, false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static int read_pids(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"limit", read_count, offsetof(struct run_resources, pids_limit), false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

/* ---- hugetlb */

/* "64KB", "2MB", "1GB": it becomes part of a file's name. */
static int read_page_size(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    const char *unit = text + strspn(text, "0123456789");
    if (unit == text || !*unit || !strchr("KMGT", *unit) || strcmp(unit + 1, "B") != 0)
        return spec_fail(node, "'%s' is no size of a page such as 2MB", text);
    return spec_text(node, ret);
}

static int read_hugepage(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"pageSize", read_page_size, offsetof(struct run_hugepage_limit, page_size), true},
        {"limit", spec_u64, offsetof(struct run_hugepage_limit, limit_bytes), true},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static int read_hugepages(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    return spec_list(node, sizeof(*resources->hugepages), read_hugepage,
                     (void **)&resources->hugepages, &resources->hugepages_count);
}

/* ---- net_cls, net_prio */

/* Names and numbers are written as lines of words. */
static int read_word(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (!*text || strpbrk(text, " \t\n/"))
        return spec_fail(node, "'%s' is no name of an interface", text);
    return spec_text(node, ret);
}

static int read_priority(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"name", read_word, offsetof(struct run_network_priority, name), true},
        {"priority", spec_u32, offsetof(struct run_network_priority, priority), true},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static int read_priorities(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    return spec_list(node, sizeof(*resources->network_priorities), read_priority,
                     (void **)&resources->network_priorities, &resources->network_priorities_count);
}

static int read_class(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    resources->network_class_set = true;
    return spec_u32(node, &resources->network_class);
}

static int read_network(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"classID", read_class, 0, false},
        {"priorities", read_priorities, 0, false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

/* ---- rdma */

static int read_handles(const struct spec_node *node, void *ret)
{
    struct run_rdma_limit *limit = ret;
    limit->handles_set = true;
    return spec_u32(node, &limit->handles);
}

static int read_objects(const struct spec_node *node, void *ret)
{
    struct run_rdma_limit *limit = ret;
    limit->objects_set = true;
    return spec_u32(node, &limit->objects);
}

static int add_rdma(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"hcaHandles", read_handles, 0, false},
        {"hcaObjects", read_objects, 0, false},
    };
    struct run_resources *resources = ret;
    struct run_rdma_limit *limit = &resources->rdma[resources->rdma_count++];
    limit->device = keg_strdup(node->key);
    if (!limit->device)
        return spec_out_of_memory(node);
    if (!*node->key || strpbrk(node->key, " \t\n"))
        return spec_fail(node->parent, "'%s' is no name of a device", node->key);
    int r = SPEC_FIELDS(node, fields, limit);
    if (r >= 0 && !limit->handles_set && !limit->objects_set)
        return spec_fail(node, "neither hcaHandles nor hcaObjects");
    return r;
}

static int read_rdma(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    size_t count = json_object_size(node->value);
    if (count > 0) {
        resources->rdma = calloc(count, sizeof(*resources->rdma));
        if (!resources->rdma)
            return spec_out_of_memory(node);
    }
    return spec_each_member(node, add_rdma, ret);
}

/* ---- cgroup v2 files */

/* A file of the container's own cgroup, which is written on the host: no way out of there. */
static int add_unified(const struct spec_node *node, void *ret)
{
    const char *name = node->key;
    if (!*name || *name == '.' || strpbrk(name, "/=") || !strchr(name, '.'))
        return spec_fail(node->parent, "'%s' is no file of a cgroup", name);
    return spec_add_pair(node, ret);
}

static int read_unified(const struct spec_node *node, void *ret)
{
    return spec_each_member(node, add_unified, ret);
}

/* ---- devices */

static int read_rule_type(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (strlen(text) != 1 || !strchr("abc", *text))
        return spec_fail(node, "unknown type of device '%s'", text);
    *(char *)ret = *text;
    return 0;
}

static int read_rule_number(const struct spec_node *node, void *ret)
{
    return spec_signed(node, -1, UINT32_MAX, ret);
}

static int read_access(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    char *access = ret;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (!*text || text[strspn(text, "rwm")])
        return spec_fail(node, "'%s' is not of the letters r, w and m", text);
    (void)snprintf(access, 4, "%s%s%s", strchr(text, 'r') ? "r" : "", strchr(text, 'w') ? "w" : "",
                   strchr(text, 'm') ? "m" : "");
    return 0;
}

static int read_rule(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"allow", spec_bool, offsetof(struct run_device_rule, allow), true},
        {"type", read_rule_type, offsetof(struct run_device_rule, type), false},
        {"major", read_rule_number, offsetof(struct run_device_rule, major), false},
        {"minor", read_rule_number, offsetof(struct run_device_rule, minor), false},
        {"access", read_access, offsetof(struct run_device_rule, access), false},
    };
    *(struct run_device_rule *)ret = (struct run_device_rule){false, 'a', -1, -1, "rwm"};
    return SPEC_FIELDS(node, fields, ret);
}

static int read_rules(const struct spec_node *node, void *ret)
{
    struct run_resources *resources = ret;
    return spec_list(node, sizeof(*resources->devices), read_rule, (void **)&resources->devices,
                     &resources->devices_count);
}

int spec_read_resources(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"memory", read_memory, 0, false},
        {"cpu", read_cpu, 0, false},
        {"pids", read_pids, 0, false},
        {"blockIO", spec_read_block_io, 0, false},
        {"hugepageLimits", read_hugepages, 0, false},
        {"network", read_network, 0, false},
        {"rdma", read_rdma, 0, false},
        {"unified", read_unified, offsetof(struct run_resources, unified), false},
        {"devices", read_rules, 0, false},
    };
    return SPEC_FIELDS(node, fields, ret);
}
