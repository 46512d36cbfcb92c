/* SPDX-License-Identifier: Apache-2.0 */
/* keg ps: docker's table of containers. */
#include "cmd/cmd.h"
#include "cmd/common/describe.h"
#include "cmd/common/table.h"
#include "cmd/common/terminal.h"

struct ps_options {
    bool all, quiet, latest, no_trunc;
    int64_t last;
    const char *format;
};

#define MEMBER(name) offsetof(struct ps_options, name)
static const struct cmd_option ps_options[] = {
    {.name = "all",
     .letter = 'a',
     .kind = CMD_FLAG,
     .help = "Show all containers, not only running ones",
     .offset = MEMBER(all)},
    {.name = "format",
     .kind = CMD_STRING,
     .value = "string",
     .help = "Output format; json is one object a line",
     .offset = MEMBER(format),
     .choices = "table|json"},
    {.name = "last",
     .letter = 'n',
     .kind = CMD_INT,
     .value = "int",
     .help = "Show the n containers created last, in any state",
     .offset = MEMBER(last)},
    {.name = "latest",
     .letter = 'l',
     .kind = CMD_FLAG,
     .help = "Show the container created last, in any state",
     .offset = MEMBER(latest)},
    {.name = "no-trunc",
     .kind = CMD_FLAG,
     .help = "Show whole ids and commands",
     .offset = MEMBER(no_trunc)},
    {.name = "quiet",
     .letter = 'q',
     .kind = CMD_FLAG,
     .help = "Show only container ids",
     .offset = MEMBER(quiet)},
    CMD_OPTIONS_END};
#undef MEMBER

/* One line, in words. */
struct row {
    char id[65];
    const char *image, *name; /* borrowed */
    char *command;
    char since[64], created[64];
    char status[96];
    const char *state;
};

static void row_done(struct row *row)
{
    free(row->command);
}

static const char *state_word(enum store_container_status status)
{
    switch (status) {
    case STORE_CREATED:
        return "created";
    case STORE_RUNNING:
        return "running";
    case STORE_EXITED:
        break;
    }
    return "exited";
}

static struct cmd_status status_of(const struct store_container *container)
{
    static const enum cmd_status_kind kinds[] = {[STORE_CREATED] = CMD_STATUS_CREATED,
                                                 [STORE_RUNNING] = CMD_STATUS_UP,
                                                 [STORE_EXITED] = CMD_STATUS_EXITED};
    enum cmd_status_kind kind = kinds[cmd_container_status(container)];
    return (struct cmd_status){kind, container->exit_code, container->started, container->finished};
}

static int row_init(struct row *row, const struct store_container *container, bool whole,
                    struct keg_err *err)
{
    char short_id[CMD_ID_BYTES];
    struct timespec now = keg_now();
    struct cmd_status status = status_of(container);
    cmd_short_id(container->id, short_id);
    snprintf(row->id, sizeof(row->id), "%s", whole ? container->id : short_id);
    row->image = container->image_name;
    row->name = container->name;
    row->state = state_word(cmd_container_status(container));
    cmd_ago(container->created, now, row->since);
    cmd_local_time(container->created, row->created);
    cmd_status(&status, now, row->status);
    row->command = cmd_command(container->command, whole);
    return row->command ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int print_json_row(const struct row *row, struct keg_err *err)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Command",
                             row->command, "CreatedAt", row->created, "ID", row->id, "Image",
                             row->image, "Names", row->name, "Ports", "", "RunningFor", row->since,
                             "State", row->state, "Status", row->status);
    return cmd_print_json(json, false, err);
}

static void add_row(struct cmd_table *table, const struct row *row)
{
    cmd_table_add(table, (const char *[]){row->id, row->image, row->command, row->since,
                                          row->status, "", row->name});
}

static int print_container(const struct store_container *container,
                           const struct ps_options *options, struct cmd_table *table,
                           struct keg_err *err)
{
    _cleanup_(row_done) struct row row = {0};
    int code = row_init(&row, container, options->no_trunc, err);
    if (code < 0)
        return code;
    if (options->quiet)
        puts(row.id);
    else if (keg_streq(options->format, "json"))
        return print_json_row(&row, err);
    else
        add_row(table, &row);
    return 0;
}

static const struct cmd_column columns[] = {
    {"CONTAINER ID", 0, false}, {"IMAGE", 12, false}, {"COMMAND", 12, false}, {"CREATED", 0, true},
    {"STATUS", 0, false},       {"PORTS", 12, true},  {"NAMES", 12, false},   {NULL, 0, false}};

/* The list is newest first. */
static bool is_shown(const struct store_container *container, size_t index,
                     const struct ps_options *options)
{
    if (options->last >= 0)
        return index < (size_t)options->last;
    return options->all || cmd_container_status(container) == STORE_RUNNING;
}

static int list_containers(struct store *store, const struct ps_options *options,
                           struct keg_err *err)
{
    _cleanup_(cmd_containers_done) struct cmd_containers containers = {NULL, 0};
    _cleanup_(cmd_table_done) struct cmd_table table;
    cmd_table_init(&table, columns);
    int code = cmd_containers_load(store, &containers, err);
    for (size_t i = 0; i < containers.count && code == 0; i++)
        if (is_shown(&containers.items[i], i, options))
            code = print_container(&containers.items[i], options, &table, err);
    if (code < 0 || options->quiet || keg_streq(options->format, "json"))
        return code;
    unsigned width = options->no_trunc ? 0 : cmd_terminal_width(STDOUT_FILENO);
    return cmd_table_print(stdout, &table, width, err);
}

static int run_ps(int argc, char **argv, const struct cmd_globals *globals)
{
    struct ps_options options = {.last = -1};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_store_ struct store *store = NULL;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_ps, argc, argv, &options, &args);
    if (code != CMD_GO_ON)
        return code;
    if (options.latest)
        options.last = 1;
    code = cmd_enter_store("ps", globals, NULL, &store);
    if (code != CMD_EXIT_OK)
        return code;
    cmd_sweep(store);
    if (list_containers(store, &options, &err) < 0)
        return cmd_error("ps", NULL, &err);
    return CMD_EXIT_OK;
}

const struct cmd_verb cmd_verb_ps = {
    .name = "ps",
    .aliases = "container ls, container list, container ps",
    .synopsis = "[OPTIONS]",
    .summary = "List containers",
    .options = ps_options,
    .run = run_ps,
};
