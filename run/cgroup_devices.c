/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules in a plan: lines for v1's devices.allow and devices.deny, a program for v2. */
#include "run/cgroup_internal.h"
#include "run/device_bpf.h"

#include <inttypes.h>
#include <string.h>

#define DEVICES_LIMIT "device rules"

/* config-linux.md "Default Devices", which a runtime MUST supply, and making any node, which needs
 * CAP_MKNOD and opens nothing. */
static const struct run_device_rule default_rules[] = {
    {true, 'c', -1, -1, "m"}, {true, 'b', -1, -1, "m"},    {true, 'c', 1, 3, "rwm"},
    {true, 'c', 1, 5, "rwm"}, {true, 'c', 1, 7, "rwm"},    {true, 'c', 1, 8, "rwm"},
    {true, 'c', 1, 9, "rwm"}, {true, 'c', 5, 0, "rwm"},    {true, 'c', 5, 1, "rwm"},
    {true, 'c', 5, 2, "rwm"}, {true, 'c', 136, -1, "rwm"},
};

static void format_number(int64_t number, char text[static 24])
{
    if (number < 0)
        snprintf(text, 24, "*");
    else
        snprintf(text, 24, "%" PRId64, number);
}

static struct cgroup_write write_to(const struct cgroup_planner *p, bool allow)
{
    return (struct cgroup_write){
        .controller = CGROUP_DEVICES,
        .limit = DEVICES_LIMIT,
        .file = allow ? "devices.allow" : "devices.deny",
        .optional = p->flags & CGROUP_PLAN_DEVICES_OPTIONAL,
    };
}

static int add_line(const struct cgroup_planner *p, const struct run_device_rule *rule, char type)
{
    char major[24], minor[24];
    format_number(rule->major, major);
    format_number(rule->minor, minor);
    return cgroup_plan_add(p, write_to(p, rule->allow), "%c %s:%s %s", type, major, minor,
                           rule->access);
}

/* An 'a' line makes v1 forget all others, whatever its numbers say: one that means less is two
 * lines. */
static int add_rule(const struct cgroup_planner *p, const struct run_device_rule *rule)
{
    if (rule->type != 'a')
        return add_line(p, rule, rule->type);
    int result = add_line(p, rule, 'c');
    return result < 0 ? result : add_line(p, rule, 'b');
}

/* A new folder has what its parent has: a beginning that allows all is none to be written. */
static int plan_v1(const struct cgroup_planner *p, const struct device_rules *rules)
{
    int result = 0;
    if (!rules->base_allow || p->flags & CGROUP_PLAN_UPDATE)
        result = cgroup_plan_add(p, write_to(p, rules->base_allow), "a");
    for (size_t i = 0; result == 0 && i < rules->count; i++)
        result = add_rule(p, &rules->rules[i]);
    return result;
}

static int plan_v2(const struct cgroup_planner *p, const struct device_rules *rules)
{
    struct cgroup_plan *plan = p->plan;
    plan->devices_optional = p->flags & CGROUP_PLAN_DEVICES_OPTIONAL;
    int result = device_bpf_assemble(rules, &plan->device_program, &plan->device_program_length);
    return result < 0 ? keg_fail(p->err, result, "out of memory") : 0;
}

static int plan_rules(const struct cgroup_planner *p, const struct device_rules *rules)
{
    return cgroup_plan_is_v2(p) ? plan_v2(p, rules) : plan_v1(p, rules);
}

/* Behind "deny all" the defaults come, then what is left of the list. */
static int plan_confined(const struct cgroup_planner *p, const struct device_rules *rules)
{
    const size_t defaults = KEG_ARRAY_SIZE(default_rules);
    _cleanup_free_ struct run_device_rule *all = calloc(defaults + rules->count, sizeof(*all));
    if (!all)
        return keg_fail(p->err, -ENOMEM, "out of memory");
    memcpy(all, default_rules, sizeof(default_rules));
    if (rules->count)
        memcpy(all + defaults, rules->rules, rules->count * sizeof(*all));
    return plan_rules(p, &(struct device_rules){false, all, defaults + rules->count});
}

int cgroup_plan_devices(const struct cgroup_planner *p)
{
    struct device_rules rules;
    bool update = p->flags & CGROUP_PLAN_UPDATE;
    int result =
        device_rules_normalise(p->resources->devices, p->resources->devices_count, &rules, p->err);
    if (result < 0)
        return result;
    if (update ? p->resources->devices_count == 0 : rules.base_allow && rules.count == 0)
        return 0;
    if (p->flags & CGROUP_PLAN_DEVICES_OPTIONAL && !cgroup_plan_has(p, CGROUP_DEVICES))
        return 0;
    result = cgroup_plan_need(p, CGROUP_DEVICES, DEVICES_LIMIT);
    if (result < 0)
        return result;
    return rules.base_allow ? plan_rules(p, &rules) : plan_confined(p, &rules);
}
