/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules in a plan: lines for v1's devices.allow and devices.deny, a program for v2. */
#include "run/cgroup_internal.h"
#include "run/device_bpf.h"

#include <inttypes.h>
#include <string.h>

#define DEVICES_LIMIT "device rules"

static void format_number(int64_t number, char text[static 24])
{
    if (number < 0)
        snprintf(text, 24, "*");
    else
        snprintf(text, 24, "%" PRId64, number);
}

static int add_line(struct cgroup_plan *plan, const struct run_device_rule *rule, char type)
{
    struct cgroup_write write = {.controller = CGROUP_DEVICES,
                                 .limit = DEVICES_LIMIT,
                                 .file = rule->allow ? "devices.allow" : "devices.deny"};
    char major[24], minor[24];
    format_number(rule->major, major);
    format_number(rule->minor, minor);
    snprintf(write.value, sizeof(write.value), "%c %s:%s %s", type, major, minor, rule->access);
    return cgroup_plan_add(plan, &write);
}

/* An 'a' line makes v1 forget all others, whatever its numbers say: one that means less is two
 * lines. */
static int add_rule(struct cgroup_plan *plan, const struct run_device_rule *rule)
{
    if (rule->type != 'a')
        return add_line(plan, rule, rule->type);
    int result = add_line(plan, rule, 'c');
    return result < 0 ? result : add_line(plan, rule, 'b');
}

static int plan_v1(const struct device_rules *rules, struct cgroup_plan *plan)
{
    struct cgroup_write deny_all = {
        .controller = CGROUP_DEVICES, .limit = DEVICES_LIMIT, .file = "devices.deny", .value = "a"};
    int result = rules->base_allow ? 0 : cgroup_plan_add(plan, &deny_all);
    for (size_t i = 0; result == 0 && i < rules->count; i++)
        result = add_rule(plan, &rules->rules[i]);
    return result;
}

int cgroup_plan_devices(const struct cgroup_layout *layout, const struct run_resources *resources,
                        struct cgroup_plan *plan, struct keg_err *err)
{
    struct device_rules rules;
    int result = device_rules_normalise(resources->devices, resources->devices_count, &rules, err);
    if (result < 0)
        return result;
    bool allows_all = rules.base_allow && rules.count == 0;
    if (resources->devices_count == 0 || allows_all)
        return 0;
    if (!(layout->controllers & (1u << CGROUP_DEVICES)))
        return keg_fail(err, -ENOTSUP, "%s: this machine has no 'devices' cgroup controller",
                        DEVICES_LIMIT);
    if (layout->kind == RUN_CGROUP_V2)
        result = device_bpf_assemble(&rules, &plan->device_program, &plan->device_program_length);
    else
        result = plan_v1(&rules, plan);
    return result < 0 ? keg_fail(err, result, "out of memory") : 0;
}
