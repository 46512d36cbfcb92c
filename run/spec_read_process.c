/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a config.json (config.md, "Process"). */
#include "run/spec_read.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

/* ioprio_set(2): priorities within a class. */
#define IO_PRIORITY_LOWEST 7

/* proc(5), oom_score_adj */
#define OOM_SCORE_ADJ_MAX 1000

static int read_console_size(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"height", spec_u16, offsetof(struct run_process, console_rows), true},
        {"width", spec_u16, offsetof(struct run_process, console_columns), true},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static int read_cwd(const struct spec_node *node, void *ret)
{
    int r = spec_path(node, ret);
    return r < 0 || *(char **)ret ? r : spec_fail(node, "empty");
}

/* environ(7): without '=' it would be no variable, and getenv(3) of different libcs would see
 * different ones. */
static int add_variable(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (!strchr(text, '=') || *text == '=')
        return spec_fail(node, "'%s' is not of the form NAME=VALUE", text);
    return keg_strv_add(ret, text) < 0 ? spec_out_of_memory(node) : 0;
}

static int read_env(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, add_variable, ret);
}

static int read_args(const struct spec_node *node, void *ret)
{
    int r = spec_texts(node, ret);
    return r < 0 || *(char ***)ret ? r : spec_fail(node, "empty");
}

/* ---- user */

static int read_umask(const struct spec_node *node, void *ret)
{
    uint64_t value = 0;
    int r = spec_unsigned(node, 0, 0777, &value);
    if (r >= 0)
        *(mode_t *)ret = (mode_t)value;
    return r;
}

static int read_gids(const struct spec_node *node, void *ret)
{
    struct run_user *user = ret;
    return spec_list(node, sizeof(*user->additional_gids), spec_id, (void **)&user->additional_gids,
                     &user->additional_gids_count);
}

static int read_user(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"uid", spec_id, offsetof(struct run_user, uid), false},
        {"gid", spec_id, offsetof(struct run_user, gid), false},
        {"umask", read_umask, offsetof(struct run_user, umask), false},
        {"additionalGids", read_gids, 0, false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

/* ---- capabilities */

/* config.md: what this kernel does not have is to be logged, and not to be an error. */
static int add_capability(const struct spec_node *node, void *ret)
{
    const char *name = NULL;
    int number = -1;
    int r = spec_string(node, &name);
    if (r < 0)
        return r;
    if (run_capability_parse(name, &number, NULL) < 0 || number < 0)
        return spec_warn(node, "unknown capability '%s' is ignored", name);
    *(uint64_t *)ret |= UINT64_C(1) << number;
    return 0;
}

static int read_capability_set(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, add_capability, ret);
}

static int read_capabilities(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"bounding", read_capability_set, offsetof(struct run_capabilities, bounding), false},
        {"effective", read_capability_set, offsetof(struct run_capabilities, effective), false},
        {"inheritable", read_capability_set, offsetof(struct run_capabilities, inheritable), false},
        {"permitted", read_capability_set, offsetof(struct run_capabilities, permitted), false},
        {"ambient", read_capability_set, offsetof(struct run_capabilities, ambient), false},
    };
    struct run_process *process = ret;
    process->capabilities_set = true;
    return SPEC_FIELDS(node, fields, &process->capabilities);
}

/* ---- limits */

static int read_rlimit_type(const struct spec_node *node, void *ret)
{
    uint32_t number;
    int r = spec_named(node, &spec_rlimits, &number);
    return r < 0 ? r : spec_text(node, ret);
}

static int read_rlimit(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"type", read_rlimit_type, offsetof(struct run_rlimit, type), true},
        {"soft", spec_u64, offsetof(struct run_rlimit, soft), true},
        {"hard", spec_u64, offsetof(struct run_rlimit, hard), true},
    };
    const struct run_rlimit *limit = ret;
    int r = SPEC_FIELDS(node, fields, ret);
    if (r >= 0 && limit->soft > limit->hard)
        return spec_fail(node, "soft limit %llu above the hard limit %llu",
                         (unsigned long long)limit->soft, (unsigned long long)limit->hard);
    return r;
}

static int read_rlimits(const struct spec_node *node, void *ret)
{
    struct run_process *process = ret;
    int r = spec_list(node, sizeof(*process->rlimits), read_rlimit, (void **)&process->rlimits,
                      &process->rlimits_count);
    uint64_t seen = 0;
    for (size_t i = 0; r >= 0 && i < process->rlimits_count; i++) {
        const char *type = process->rlimits[i].type;
        uint64_t bit = UINT64_C(1) << spec_name_find(&spec_rlimits, type)->value;
        if (seen & bit)
            return spec_fail(node, "%s twice", type);
        seen |= bit;
    }
    return r;
}

/* ---- scheduling */

static int read_policy(const struct spec_node *node, void *ret)
{
    uint32_t value;
    int r = spec_named(node, &spec_scheduler_policies, &value);
    if (r >= 0)
        *(unsigned *)ret = value;
    return r;
}

static int add_scheduler_flag(const struct spec_node *node, void *ret)
{
    uint32_t value;
    int r = spec_named(node, &spec_scheduler_flags, &value);
    if (r >= 0)
        *(uint64_t *)ret |= value;
    return r;
}

static int read_scheduler_flags(const struct spec_node *node, void *ret)
{
    return spec_each_item(node, add_scheduler_flag, ret);
}

static int read_scheduler(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"policy", read_policy, offsetof(struct run_scheduler, policy), true},
        {"nice", spec_i32, offsetof(struct run_scheduler, nice), false},
        {"priority", spec_i32, offsetof(struct run_scheduler, priority), false},
        {"flags", read_scheduler_flags, offsetof(struct run_scheduler, flags), false},
        {"runtime", spec_u64, offsetof(struct run_scheduler, runtime_ns), false},
        {"deadline", spec_u64, offsetof(struct run_scheduler, deadline_ns), false},
        {"period", spec_u64, offsetof(struct run_scheduler, period_ns), false},
    };
    ((struct run_scheduler *)ret)->set = true;
    return SPEC_FIELDS(node, fields, ret);
}

static int read_io_class(const struct spec_node *node, void *ret)
{
    uint32_t value;
    int r = spec_named(node, &spec_io_classes, &value);
    if (r >= 0)
        *(unsigned *)ret = value;
    return r;
}

static int read_io_level(const struct spec_node *node, void *ret)
{
    int64_t value = 0;
    int r = spec_signed(node, 0, IO_PRIORITY_LOWEST, &value);
    if (r >= 0)
        *(int *)ret = (int)value;
    return r;
}

static int read_io_priority(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"class", read_io_class, offsetof(struct run_io_priority, io_class), true},
        {"priority", read_io_level, offsetof(struct run_io_priority, priority), false},
    };
    ((struct run_io_priority *)ret)->set = true;
    return SPEC_FIELDS(node, fields, ret);
}

static int read_cpu_affinity(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"initial", spec_text, offsetof(struct run_process, cpu_affinity_initial), false},
        {"final", spec_text, offsetof(struct run_process, cpu_affinity_final), false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

static int read_oom_score_adj(const struct spec_node *node, void *ret)
{
    struct run_process *process = ret;
    int64_t value = 0;
    int r = spec_signed(node, -OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MAX, &value);
    process->oom_score_adj = (int)value;
    process->oom_score_adj_set = r >= 0;
    return r;
}

int spec_read_process(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"terminal", spec_bool, offsetof(struct run_process, terminal), false},
        {"consoleSize", read_console_size, 0, false},
        {"cwd", read_cwd, offsetof(struct run_process, cwd), true},
        {"env", read_env, offsetof(struct run_process, env), false},
        {"args", read_args, offsetof(struct run_process, args), false},
        {"user", read_user, offsetof(struct run_process, user), false},
        {"capabilities", read_capabilities, 0, false},
        {"rlimits", read_rlimits, 0, false},
        {"noNewPrivileges", spec_bool, offsetof(struct run_process, no_new_privileges), false},
        {"oomScoreAdj", read_oom_score_adj, 0, false},
        {"apparmorProfile", spec_text, offsetof(struct run_process, apparmor_profile), false},
        {"selinuxLabel", spec_text, offsetof(struct run_process, selinux_label), false},
        {"scheduler", read_scheduler, offsetof(struct run_process, scheduler), false},
        {"ioPriority", read_io_priority, offsetof(struct run_process, io_priority), false},
        {"execCPUAffinity", read_cpu_affinity, 0, false},
    };
    return SPEC_FIELDS(node, fields, ret);
}
