/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime list: the containers below --root. */
#include "cmd/common/table.h"
#include "cmd/runtime/log.h"
#include "cmd/runtime/shown.h"

struct list_options {
    bool quiet;
    const char *format;
};

static const struct cmd_option list_options[] = {
    {"quiet", 'q', CMD_FLAG, NULL, "Print only ids", offsetof(struct list_options, quiet), NULL,
     NULL},
    {"format", 'f', CMD_STRING, "format", "Format of the list",
     offsetof(struct list_options, format), "table|json", NULL},
    CMD_OPTIONS_END};

/* One that was deleted meanwhile is none; one that a crash left is told of. */
static int read_states(const struct runtime *runtime, json_t *ret, struct keg_err *err)
{
    _cleanup_strv_ char **ids = NULL;
    int r = runtime_ids(runtime, &ids, err);
    for (char **id = ids; r == 0 && *id; id++) {
        struct keg_err cause = KEG_ERR_INIT;
        json_t *state = runtime_state_read(runtime, *id, &cause);
        if (!state && cause.code != -ENOENT)
            runtime_log(runtime, RUNTIME_WARNING, "%s", cause.text);
        if (state && json_array_append_new(ret, state) < 0)
            r = keg_fail(err, -ENOMEM, "out of memory");
    }
    return r;
}

static const char *text_of(const json_t *state, const char *key)
{
    const char *text = json_string_value(json_object_get(state, key));
    return text ? text : "";
}

static int print_table(const json_t *states, struct keg_err *err)
{
    static const struct cmd_column columns[] = {
        {.header = "ID"},      {.header = "PID"},   {.header = "STATUS"}, {.header = "BUNDLE"},
        {.header = "CREATED"}, {.header = "OWNER"}, {.header = NULL}};
    struct cmd_table table;
    size_t i;
    const json_t *state;
    cmd_table_init(&table, columns);
    json_array_foreach(states, i, state)
    {
        char pid[24];
        snprintf(pid, sizeof(pid), "%lld",
                 (long long)json_integer_value(json_object_get(state, "pid")));
        const char *cells[] = {text_of(state, "id"),      pid,
                               text_of(state, "status"),  text_of(state, "bundle"),
                               text_of(state, "created"), text_of(state, "owner")};
        cmd_table_add(&table, cells);
    }
    int r = cmd_table_print(stdout, &table, 0, err);
    cmd_table_done(&table);
    return r;
}

static int print_json(const json_t *states, struct keg_err *err)
{
    _cleanup_free_ char *text = keg_json_dump(states, false);
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    puts(text);
    return 0;
}

static int list(const struct runtime *runtime, void *options, const struct cmd_args *args,
                struct keg_err *err)
{
    (void)args;
    const struct list_options *o = options;
    size_t i;
    const json_t *state;
    _cleanup_json_ json_t *states = json_array();
    int r = states ? read_states(runtime, states, err) : keg_fail(err, -ENOMEM, "out of memory");
    if (r < 0)
        return r;
    if (!o->quiet)
        return keg_streq(o->format, "json") ? print_json(states, err) : print_table(states, err);
    json_array_foreach(states, i, state) puts(text_of(state, "id"));
    return 0;
}

const struct runtime_verb runtime_verb_list = {
    .cmd = {.name = "list",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS]",
            .summary = "List containers",
            .options = list_options},
    .options_size = sizeof(struct list_options),
    .act = list,
};
