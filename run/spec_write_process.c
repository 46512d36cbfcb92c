/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a config.json, written (config.md, "Process"). */
#include "run/spec_write.h"

static void write_console_size(struct spec_writer *writer, const struct run_process *process)
{
    if (process->console_rows == 0 || process->console_columns == 0)
        return;
    spec_open_object(writer, "consoleSize");
    spec_put_u64(writer, "height", process->console_rows);
    spec_put_u64(writer, "width", process->console_columns);
    spec_close(writer);
}

static void write_user(struct spec_writer *writer, const struct run_user *user)
{
    spec_open_object(writer, "user");
    spec_put_u64(writer, "uid", user->uid);
    spec_put_u64(writer, "gid", user->gid);
    if (user->umask != (mode_t)-1)
        spec_put_u64(writer, "umask", user->umask);
    if (user->additional_gids_count > 0) {
        spec_open_list(writer, "additionalGids");
        for (size_t i = 0; i < user->additional_gids_count; i++)
            spec_put_u64(writer, NULL, user->additional_gids[i]);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_capability_set(struct spec_writer *writer, const char *key, uint64_t set)
{
    spec_open_list(writer, key);
    for (int i = 0; run_capability_name(i); i++)
        if (set >> i & 1)
            spec_put_text(writer, NULL, run_capability_name(i));
    spec_close(writer);
}

static void write_capabilities(struct spec_writer *writer, const struct run_process *process)
{
    const struct run_capabilities *sets = &process->capabilities;
    if (!process->capabilities_set)
        return;
    spec_open_object(writer, "capabilities");
    write_capability_set(writer, "bounding", sets->bounding);
    write_capability_set(writer, "effective", sets->effective);
    write_capability_set(writer, "permitted", sets->permitted);
    write_capability_set(writer, "inheritable", sets->inheritable);
    write_capability_set(writer, "ambient", sets->ambient);
    spec_close(writer);
}

static void write_rlimits(struct spec_writer *writer, const struct run_process *process)
{
    if (process->rlimits_count == 0)
        return;
    spec_open_list(writer, "rlimits");
    for (size_t i = 0; i < process->rlimits_count; i++) {
        spec_open_object(writer, NULL);
        spec_put_text(writer, "type", process->rlimits[i].type);
        spec_put_u64(writer, "hard", process->rlimits[i].hard);
        spec_put_u64(writer, "soft", process->rlimits[i].soft);
        spec_close(writer);
    }
    spec_close(writer);
}

static void write_scheduler(struct spec_writer *writer, const struct run_scheduler *scheduler)
{
    if (!scheduler->set)
        return;
    spec_open_object(writer, "scheduler");
    spec_put_name(writer, "policy", &spec_scheduler_policies, scheduler->policy);
    if (scheduler->nice != 0)
        spec_put_i64(writer, "nice", scheduler->nice);
    if (scheduler->priority != 0)
        spec_put_i64(writer, "priority", scheduler->priority);
    if (scheduler->flags != 0)
        spec_put_flags(writer, "flags", &spec_scheduler_flags, scheduler->flags);
    if (scheduler->runtime_ns != 0)
        spec_put_u64(writer, "runtime", scheduler->runtime_ns);
    if (scheduler->deadline_ns != 0)
        spec_put_u64(writer, "deadline", scheduler->deadline_ns);
    if (scheduler->period_ns != 0)
        spec_put_u64(writer, "period", scheduler->period_ns);
    spec_close(writer);
}

static void write_io_priority(struct spec_writer *writer, const struct run_io_priority *priority)
{
    if (!priority->set)
        return;
    spec_open_object(writer, "ioPriority");
    spec_put_name(writer, "class", &spec_io_classes, priority->io_class);
    spec_put_i64(writer, "priority", priority->priority);
    spec_close(writer);
}

static void write_cpu_affinity(struct spec_writer *writer, const struct run_process *process)
{
    spec_open_if_used(writer, "execCPUAffinity");
    spec_put_text(writer, "initial", process->cpu_affinity_initial);
    spec_put_text(writer, "final", process->cpu_affinity_final);
    spec_close(writer);
}

void spec_write_process(struct spec_writer *writer, const struct run_process *process)
{
    if (!process->cwd)
        return;
    spec_open_object(writer, "process");
    spec_put_bool(writer, "terminal", process->terminal);
    write_console_size(writer, process);
    write_user(writer, &process->user);
    spec_put_texts(writer, "args", process->args);
    spec_put_texts(writer, "env", process->env);
    spec_put_text(writer, "cwd", process->cwd);
    write_capabilities(writer, process);
    write_rlimits(writer, process);
    spec_put_bool(writer, "noNewPrivileges", process->no_new_privileges);
    if (process->oom_score_adj_set)
        spec_put_i64(writer, "oomScoreAdj", process->oom_score_adj);
    spec_put_text(writer, "apparmorProfile", process->apparmor_profile);
    spec_put_text(writer, "selinuxLabel", process->selinux_label);
    write_scheduler(writer, &process->scheduler);
    write_io_priority(writer, &process->io_priority);
    write_cpu_affinity(writer, process);
    spec_close(writer);
}
