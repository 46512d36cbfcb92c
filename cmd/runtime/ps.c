/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime ps: the processes of a container. */
#include "cmd/runtime/ps.h"

#include "cmd/common/table.h"
#include "cmd/runtime/folder.h"

#include <inttypes.h>

struct ps_options {
    const char *format;
};

static const struct cmd_option ps_options[] = {
    {"format", 'f', CMD_STRING, "format", "Format of the list", offsetof(struct ps_options, format),
     "table|json", NULL},
    CMD_OPTIONS_END};

static const struct cmd_column columns[] = {
    {.header = "UID"}, {.header = "PID"},  {.header = "PPID"}, {.header = "C"}, {.header = "STIME"},
    {.header = "TTY"}, {.header = "TIME"}, {.header = "CMD"},  {.header = NULL}};

/* The time where it started today, else the date. */
static void format_started(time_t started, char text[static 16])
{
    struct tm then, today;
    time_t now = keg_now().tv_sec;
    (void)localtime_r(&started, &then);
    (void)localtime_r(&now, &today);
    bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
    (void)strftime(text, 16, same_day ? "%H:%M" : "%b%d", &then);
}

static void add_row(struct cmd_table *table, const struct runtime_ps_row *row)
{
    char uid[16], pid[16], ppid[16], percent[16], started[16], tty[16], cpu[32];
    snprintf(uid, sizeof(uid), "%u", row->uid);
    snprintf(pid, sizeof(pid), "%d", (int)row->pid);
    snprintf(ppid, sizeof(ppid), "%d", (int)row->ppid);
    snprintf(percent, sizeof(percent), "%u", row->cpu_percent);
    format_started(row->started, started);
    runtime_ps_tty(row->tty, tty);
    snprintf(cpu, sizeof(cpu), "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, row->cpu_s / 3600,
             row->cpu_s / 60 % 60, row->cpu_s % 60);
    const char *cells[] = {uid, pid, ppid, percent, started, tty, cpu, row->command};
    cmd_table_add(table, cells);
}

static int print_table(const pid_t *pids, size_t count, struct keg_err *err)
{
    struct cmd_table table;
    cmd_table_init(&table, columns);
    for (size_t i = 0; i < count; i++) {
        struct runtime_ps_row row;
        if (runtime_ps_read(pids[i], &row) < 0)
            continue; /* ended meanwhile */
        add_row(&table, &row);
        free(row.command);
    }
    int r = cmd_table_print(stdout, &table, 0, err);
    cmd_table_done(&table);
    return r;
}

static int print_json(const pid_t *pids, size_t count)
{
    putchar('[');
    for (size_t i = 0; i < count; i++)
        printf("%s%d", i > 0 ? "," : "", (int)pids[i]);
    puts("]");
    return 0;
}

static int ps(const struct runtime *runtime, void *options, const struct cmd_args *args,
              struct keg_err *err)
{
    const struct ps_options *o = options;
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    _cleanup_free_ pid_t *pids = NULL;
    size_t count;
    int r = runtime_open(runtime, args->items[0], &folder, &container, err);
    if (r == 0)
        r = run_pids(container, &pids, &count, err);
    if (r == 0 && count == 0 && run_status(container) != RUN_STOPPED)
        r = keg_fail(err, -ENOTSUP, "container '%s' has no cgroup that tells its processes",
                     folder.id);
    if (r < 0)
        return r;
    return keg_streq(o->format, "json") ? print_json(pids, count) : print_table(pids, count, err);
}

const struct runtime_verb runtime_verb_ps = {
    .cmd = {.name = "ps",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID",
            .summary = "List the processes of a container",
            .options = ps_options,
            .min_args = 1,
            .max_args = 1},
    .options_size = sizeof(struct ps_options),
    .act = ps,
};
