/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages, network classes and priorities, rdma and v2's own files in a plan. */
#include "run/cgroup_internal.h"

#include <inttypes.h>
#include <net/if.h>
#include <string.h>

/* ${file}, whose text is not static, goes in front of ${value} in the one text of the write. */
static int add_named(const struct cgroup_planner *p, struct cgroup_write write, const char *file,
                     const char *value)
{
    size_t length = strlen(file) + 1;
    int result = cgroup_plan_need(p, write.controller, write.limit);
    if (result < 0)
        return result;
    write.text = malloc(length + strlen(value) + 1);
    if (!write.text)
        return keg_fail(p->err, -ENOMEM, "out of memory");
    memcpy(write.text, file, length);
    memcpy(write.text + length, value, strlen(value) + 1);
    write.file = write.text;
    write.value = write.text + length;
    return cgroup_plan_take(p, &write);
}

/* ---- huge pages */

/* "2MB", as the kernel names the files: digits, then KB, MB or GB. */
static bool is_page_size(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789") : 0;
    return digits > 0 && digits < 8 && text[0] != '0' && strchr("KMG", text[digits]) &&
           strcmp(text + digits + (text[digits] != '\0'), "B") == 0;
}

/* Limits of what is reserved as well, which a kernel may lack (5.7): a mapping that it cannot keep
 * ends in SIGBUS otherwise. */
static int plan_hugepage(const struct cgroup_planner *p, const struct run_hugepage_limit *limit)
{
    struct cgroup_write write = {.controller = CGROUP_HUGETLB, .limit = "huge page limit"};
    const char *ending = cgroup_plan_is_v2(p) ? "max" : "limit_in_bytes";
    char file[64], value[24];
    if (!is_page_size(limit->page_size))
        return keg_fail(p->err, -EINVAL, "huge page limit: '%s' is no page size such as 2MB",
                        limit->page_size ? limit->page_size : "");
    snprintf(value, sizeof(value), "%" PRIu64, limit->limit_bytes);
    snprintf(file, sizeof(file), "hugetlb.%s.%s", limit->page_size, ending);
    int result = add_named(p, write, file, value);
    if (result < 0)
        return result;
    write.optional = true;
    snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", limit->page_size, ending);
    return add_named(p, write, file, value);
}

int cgroup_plan_hugepages(const struct cgroup_planner *p)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < p->resources->hugepages_count; i++)
        result = plan_hugepage(p, &p->resources->hugepages[i]);
    return result;
}

/* ---- network */

static int plan_class(const struct cgroup_planner *p)
{
    const struct cgroup_write write = {
        .controller = CGROUP_NET_CLS, .limit = "network class", .file = "net_cls.classid"};
    if (!p->resources->network_class_set)
        return 0;
    return cgroup_plan_is_v2(p)
               ? cgroup_plan_unsupported(p, write.limit)
               : cgroup_plan_add(p, write, "%" PRIu32, p->resources->network_class);
}

static bool is_one_word(const char *text)
{
    return text && *text && !strpbrk(text, " \t\r\n\v\f");
}

static int plan_priority(const struct cgroup_planner *p,
                         const struct run_network_priority *priority)
{
    const struct cgroup_write write = {
        .controller = CGROUP_NET_PRIO, .limit = "network priority", .file = "net_prio.ifpriomap"};
    const char *name = priority->name ? priority->name : "";
    if (cgroup_plan_is_v2(p))
        return cgroup_plan_unsupported(p, write.limit);
    if (!is_one_word(name) || strlen(name) >= IFNAMSIZ)
        return keg_fail(p->err, -EINVAL, "network priority: '%s' is no interface", name);
    return cgroup_plan_add(p, write, "%s %" PRIu32, name, priority->priority);
}

int cgroup_plan_network(const struct cgroup_planner *p)
{
    int result = plan_class(p);
    for (size_t i = 0; result == 0 && i < p->resources->network_priorities_count; i++)
        result = plan_priority(p, &p->resources->network_priorities[i]);
    return result;
}

/* ---- rdma */

static int plan_rdma_device(const struct cgroup_planner *p, const struct run_rdma_limit *limit)
{
    const struct cgroup_write write = {
        .controller = CGROUP_RDMA, .limit = "rdma limit", .file = "rdma.max"};
    char handles[40] = "", objects[40] = "";
    if (!is_one_word(limit->device))
        return keg_fail(p->err, -EINVAL, "rdma limit: '%s' is no device",
                        limit->device ? limit->device : "");
    if (limit->handles_set)
        snprintf(handles, sizeof(handles), " hca_handle=%" PRIu32, limit->handles);
    if (limit->objects_set)
        snprintf(objects, sizeof(objects), " hca_object=%" PRIu32, limit->objects);
    if (!*handles && !*objects)
        return 0;
    return cgroup_plan_add(p, write, "%s%s%s", limit->device, handles, objects);
}

int cgroup_plan_rdma(const struct cgroup_planner *p)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < p->resources->rdma_count; i++)
        result = plan_rdma_device(p, &p->resources->rdma[i]);
    return result;
}

/* ---- unified */

/* The controller that a file belongs to, by what is in front of its first dot: the core's own
 * ("cgroup.max.depth") are in each folder. */
static int controller_of(const struct cgroup_planner *p, const char *file,
                         enum cgroup_controller *ret)
{
    size_t length = strcspn(file, ".");
    *ret = CGROUP_DEVICES; /* BPF, which every v2 folder has */
    if (strncmp(file, "cgroup", length) == 0 && length == strlen("cgroup"))
        return 0;
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++) {
        const char *name = cgroup_controller_v2_name(c);
        *ret = c;
        if (name && strlen(name) == length && strncmp(file, name, length) == 0)
            return 0;
    }
    return keg_fail(p->err, -ENOTSUP, "unified '%s': there is no '%.*s' cgroup controller", file,
                    (int)length, file);
}

static bool is_unified_file(const char *file)
{
    const char *dot = strchr(file, '.');
    return dot && dot != file && dot[1] && !strchr(file, '/') && is_one_word(file);
}

static int plan_unified_file(const struct cgroup_planner *p, const char *setting)
{
    struct cgroup_write write = {.limit = "unified"};
    const char *equals = strchr(setting, '=');
    _cleanup_free_ char *file =
        equals ? keg_strndup(setting, (size_t)(equals - setting)) : keg_strdup(setting);
    if (!file)
        return keg_fail(p->err, -ENOMEM, "out of memory");
    if (!equals || !is_unified_file(file))
        return keg_fail(p->err, -EINVAL, "unified '%s': it is no file of a cgroup", file);
    int result = controller_of(p, file, &write.controller);
    return result < 0 ? result : add_named(p, write, file, equals + 1);
}

int cgroup_plan_unified(const struct cgroup_planner *p)
{
    int result = 0;
    char *const *settings = p->resources->unified;
    if (settings && *settings && !cgroup_plan_is_v2(p))
        return keg_fail(p->err, -ENOTSUP, "unified: this machine has no cgroup v2 controllers");
    for (; result == 0 && settings && *settings; settings++)
        result = plan_unified_file(p, *settings);
    return result;
}
