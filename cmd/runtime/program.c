/* SPDX-License-Identifier: Apache-2.0 */
/* The program: options before the verb, the verb, and its exit code. */
#include "cmd/common/report.h"
#include "cmd/common/terminal.h"
#include "cmd/config.h"
#include "cmd/runtime/log.h"
#include "cmd/runtime/runtime.h"

#include <signal.h>

enum { EXIT_FAILED = 1 };

#define MEMBER(name) offsetof(struct runtime, name)
static const struct cmd_option program_options[] = {
    {"root", 0, CMD_STRING, "DIR",
     "Where the state of containers is kept (default /run/keg/runtime, without root "
     "$XDG_RUNTIME_DIR/keg/runtime)",
     MEMBER(root), NULL, NULL},
    {"log", 0, CMD_STRING, "FILE", "Append messages to this file", MEMBER(log), NULL, NULL},
    {"log-format", 0, CMD_STRING, "format", "Format of messages", MEMBER(log_format), "text|json",
     NULL},
    {"debug", 0, CMD_FLAG, NULL, "Say more in the log", MEMBER(debug), NULL, NULL},
    {"systemd-cgroup", 0, CMD_FLAG, NULL,
     "Let systemd make the cgroups; cgroupsPath is SLICE:PREFIX:NAME then", MEMBER(systemd_cgroup),
     NULL, NULL},
    {"cgroup-manager", 0, CMD_STRING, "name", "Who makes the cgroups", MEMBER(cgroup_manager),
     "cgroupfs|systemd|disabled", NULL},
    {"rootless", 0, CMD_STRING, "bool", "Whether the default of --root is a user's",
     MEMBER(rootless), "true|false|auto", NULL},
    {"criu", 0, CMD_STRING, "path", NULL, MEMBER(criu), NULL, NULL},
    {"version", 'v', CMD_FLAG, NULL, "Print the version", MEMBER(version), NULL, NULL},
    {"version", 'V', CMD_FLAG, NULL, NULL, MEMBER(version), NULL, NULL},
    CMD_OPTIONS_END};
#undef MEMBER

static const struct cmd_verb program = {
    .name = "keg-runtime",
    .program = "keg-runtime",
    .synopsis = "[OPTIONS] COMMAND",
    .summary = "Run containers by the OCI runtime specification, for engines and by hand",
    .options = program_options,
    .options_first = true,
    .max_args = CMD_ARGS_ANY,
};

/* In the order in which help lists them. */
static const struct runtime_verb *const verbs[] = {
    &runtime_verb_create, &runtime_verb_start,  &runtime_verb_run,      &runtime_verb_state,
    &runtime_verb_kill,   &runtime_verb_delete, &runtime_verb_exec,     &runtime_verb_list,
    &runtime_verb_ps,     &runtime_verb_pause,  &runtime_verb_resume,   &runtime_verb_update,
    &runtime_verb_events, &runtime_verb_spec,   &runtime_verb_features,
};

static const struct runtime_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(verbs); i++)
        if (keg_streq(verbs[i]->cmd.name, name))
            return verbs[i];
    return NULL;
}

static int print_overview(void)
{
    const struct cmd_verb *rows[KEG_ARRAY_SIZE(verbs) + 1] = {NULL};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(verbs); i++)
        rows[i] = &verbs[i]->cmd;
    cmd_print_program(stdout, &program, rows, cmd_terminal_width(STDOUT_FILENO));
    return 0;
}

/* containerd and dockerd look for the words "version" and "spec:". */
static int print_version(void)
{
    puts("keg-runtime version " KEG_VERSION "\nspec: " RUN_OCI_VERSION);
    return 0;
}

static int fail_unknown(const struct runtime *runtime, const char *word)
{
    const char *names[KEG_ARRAY_SIZE(verbs)];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(verbs); i++)
        names[i] = verbs[i]->cmd.name;
    const char *near = cmd_nearest(word, names, KEG_ARRAY_SIZE(names));
    runtime_log(runtime, RUNTIME_ERROR, "'%s': no such command%s%s%s", word,
                near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    return EXIT_FAILED;
}

static int run_parsed(const struct runtime *runtime, const struct runtime_verb *verb, void *options,
                      struct cmd_args *args, struct keg_err *err)
{
    int code = verb->act(runtime, options, args, err);
    if (code >= 0)
        return code;
    runtime_log(runtime, RUNTIME_ERROR, "%s", err->text);
    return verb->failed ? verb->failed : EXIT_FAILED;
}

static void log_call(const struct runtime *runtime, int argc, char **argv)
{
    _cleanup_buf_ struct keg_buf words = keg_buf_init(KEG_ERR_TEXT_BYTES);
    for (int i = 0; i < argc; i++)
        keg_buf_printf(&words, "%s%s", i > 0 ? " " : "", argv[i]);
    if (words.data)
        runtime_log(runtime, RUNTIME_DEBUG, "%s", words.data);
}

static int run_verb(const struct runtime *runtime, const struct runtime_verb *verb, int argc,
                    char **argv)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    _cleanup_free_ void *options = calloc(1, verb->options_size + 1);
    log_call(runtime, argc, argv);
    int code = options ? cmd_parse(&verb->cmd, argc, argv, options, &args, &err)
                       : keg_fail(&err, -ENOMEM, "out of memory");
    if (code > 0) {
        cmd_print_help(stdout, &verb->cmd, cmd_terminal_width(STDOUT_FILENO));
        code = 0;
    } else if (code < 0) {
        runtime_log(runtime, RUNTIME_ERROR, "%s: %s", verb->cmd.name, err.text);
        code = EXIT_FAILED;
    } else {
        code = run_parsed(runtime, verb, options, &args, &err);
    }
    if (options)
        cmd_options_done(&verb->cmd, options);
    return code;
}

static int run_help(const struct runtime *runtime, const char *word)
{
    const struct runtime_verb *verb = word ? find_verb(word) : NULL;
    if (word && !verb)
        return fail_unknown(runtime, word);
    if (!verb)
        return print_overview();
    cmd_print_help(stdout, &verb->cmd, cmd_terminal_width(STDOUT_FILENO));
    return 0;
}

static int dispatch(const struct runtime *runtime, const struct cmd_args *args)
{
    if (runtime->version)
        return print_version();
    if (args->count == 0)
        return print_overview();
    if (keg_streq(args->items[0], "help"))
        return run_help(runtime, args->items[1]);
    const struct runtime_verb *verb = find_verb(args->items[0]);
    if (!verb)
        return fail_unknown(runtime, args->items[0]);
    return run_verb(runtime, verb, (int)args->count, args->items);
}

/* create and run change into the bundle: the root must mean the same before and after. */
static int resolve_root(struct runtime *runtime, struct keg_err *err)
{
    if (!runtime->root) {
        int r = runtime_default_root(runtime->rootless, &runtime->root_memory, err);
        runtime->root = runtime->root_memory;
        return r;
    }
    if (runtime->root[0] == '/')
        return 0;
    _cleanup_free_ char *cwd = getcwd(NULL, 0);
    if (!cwd)
        return keg_fail_errno(err, "working folder");
    runtime->root = runtime->root_memory = keg_asprintf("%s/%s", cwd, runtime->root);
    return runtime->root ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int run_program(struct runtime *runtime, int argc, char **argv)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_parse(&program, argc, argv, runtime, &args, &err);
    if (code > 0)
        return print_overview();
    if (code == 0)
        code = runtime_log_open(runtime, &err);
    if (code == 0 && !runtime->version)
        code = resolve_root(runtime, &err);
    if (code == 0)
        return dispatch(runtime, &args);
    runtime_log(runtime, RUNTIME_ERROR, "%s", err.text);
    return EXIT_FAILED;
}

/* Those of --preserve-fds must be the caller's: what is opened from here on gets higher numbers. */
static unsigned count_inherited_fds(void)
{
    unsigned count = 0;
    while (fcntl(STDERR_FILENO + 1 + (int)count, F_GETFD) >= 0)
        count++;
    return count;
}

static int finish_output(const struct runtime *runtime, int code)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
        return code;
    runtime_log(runtime, RUNTIME_ERROR, "write to standard output: %s", keg_errno_text(errno));
    return code == 0 ? EXIT_FAILED : code;
}

int runtime_main(int argc, char **argv)
{
    if (cmd_open_standard_fds() < 0)
        return EXIT_FAILED;
    struct runtime runtime = {.log_fd = -1, .inherited_fds = count_inherited_fds()};
    /* A caller may leave it ignored; then no child could be waited for. */
    (void)signal(SIGCHLD, SIG_DFL);
    keg_json_init();
    int code = finish_output(&runtime, run_program(&runtime, argc, argv));
    if (runtime.log_fd >= 0)
        (void)close(runtime.log_fd);
    free(runtime.root_memory);
    return code;
}

int runtime_print_json(const json_t *json, struct keg_err *err)
{
    _cleanup_free_ char *text = json_dumps(json, JSON_INDENT(2));
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    puts(text);
    return 0;
}

void runtime_cleanup_container(struct run_container **container)
{
    run_close(*container);
}
