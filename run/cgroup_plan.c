/* SPDX-License-Identifier: Apache-2.0 */
/* Resources as a list of writes: pure, for unit tests to look at. */
#include "run/cgroup_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PLAN_WRITES_STEP 32

bool cgroup_plan_is_v2(const struct cgroup_planner *p)
{
    return p->layout->kind == RUN_CGROUP_V2;
}

bool cgroup_plan_has(const struct cgroup_planner *p, enum cgroup_controller controller)
{
    return p->layout->controllers & CGROUP_BIT(controller);
}

void cgroup_plan_done(struct cgroup_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->writes[i].text);
    free(plan->writes);
    free(plan->device_program);
    *plan = (struct cgroup_plan){0};
}

int cgroup_plan_need(const struct cgroup_planner *p, enum cgroup_controller controller,
                     const char *limit)
{
    if (cgroup_plan_has(p, controller))
        return 0;
    if (cgroup_plan_is_v2(p))
        return keg_fail(p->err, -ENOTSUP,
                        "%s: '%s' gives no '%s' controller to containers (with processes of its "
                        "own, a cgroup gives none)",
                        limit, p->layout->root, cgroup_controller_v2_name(controller));
    return keg_fail(p->err, -ENOTSUP, "%s: this machine has no '%s' cgroup controller", limit,
                    cgroup_controller_name(controller));
}

int cgroup_plan_unsupported(const struct cgroup_planner *p, const char *limit)
{
    return keg_fail(p->err, -ENOTSUP, "%s: cgroup v2 does not have it", limit);
}

int cgroup_plan_take(const struct cgroup_planner *p, const struct cgroup_write *write /* takes */)
{
    struct cgroup_plan *plan = p->plan;
    if (plan->count % PLAN_WRITES_STEP == 0) {
        size_t capacity = plan->count + PLAN_WRITES_STEP;
        struct cgroup_write *grown = realloc(plan->writes, capacity * sizeof(*grown));
        if (!grown) {
            free(write->text);
            return keg_fail(p->err, -ENOMEM, "out of memory");
        }
        plan->writes = grown;
    }
    plan->writes[plan->count++] = *write;
    return 0;
}

int cgroup_plan_add(const struct cgroup_planner *p, struct cgroup_write write, const char *format,
                    ...)
{
    int result = cgroup_plan_need(p, write.controller, write.limit);
    if (result < 0)
        return result;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&write.text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return keg_fail(p->err, -ENOMEM, "out of memory");
    write.value = write.text;
    return cgroup_plan_take(p, &write);
}

static int plan_pids(const struct cgroup_planner *p)
{
    int64_t limit = p->resources->pids_limit;
    bool optional = p->flags & CGROUP_PLAN_PIDS_DEFAULT;
    struct cgroup_write write = {
        .controller = CGROUP_PIDS, .limit = "pids limit", .file = "pids.max", .optional = optional};
    if (!limit)
        return 0;
    /* Without the controller nothing limits pids, which is what was asked for. */
    if ((limit < 0 || optional) && !cgroup_plan_has(p, CGROUP_PIDS))
        return 0;
    return limit < 0 ? cgroup_plan_add(p, write, "max")
                     : cgroup_plan_add(p, write, "%" PRId64, limit);
}

/* In the order of the writes. */
static int (*const parts[])(const struct cgroup_planner *) = {
    cgroup_plan_memory,   cgroup_plan_cpu,       plan_pids,           cgroup_plan_cpuset,
    cgroup_plan_block_io, cgroup_plan_hugepages, cgroup_plan_network, cgroup_plan_rdma,
    cgroup_plan_unified,  cgroup_plan_devices,
};

int cgroup_plan_make(const struct cgroup_layout *layout, const struct run_resources *resources,
                     unsigned flags, struct cgroup_plan *ret, struct keg_err *err)
{
    struct cgroup_plan plan = {0};
    const struct cgroup_planner planner = {layout, resources, flags, &plan, err};
    int result = 0;
    for (size_t i = 0; result == 0 && i < KEG_ARRAY_SIZE(parts); i++)
        result = parts[i](&planner);
    if (result < 0)
        cgroup_plan_done(&plan);
    else
        *ret = plan;
    return result;
}
