/* SPDX-License-Identifier: Apache-2.0 */
/* A whole program: global options, the verb, and what is said at the end. */
#include "cmd/common/globals.h"
#include "cmd/common/options.h"
#include "cmd/common/report.h"
#include "cmd/common/terminal.h"

#include <signal.h>
#include <string.h>

static const struct cmd_option program_options[] = {
    {.name = "root",
     .kind = CMD_STRING,
     .value = "DIR",
     .help = "Where images and containers are kept (default $KEG_ROOT, else /var/lib/keg)",
     .offset = offsetof(struct cmd_program_options, globals.root)},
    {.name = "runroot",
     .kind = CMD_STRING,
     .value = "DIR",
     .help = "Where the state of running containers is kept (default $KEG_RUNROOT, else /run/keg)",
     .offset = offsetof(struct cmd_program_options, globals.runroot)},
    {.name = "version",
     .letter = 'v',
     .kind = CMD_FLAG,
     .help = "Print the version",
     .offset = offsetof(struct cmd_program_options, version)},
    CMD_OPTIONS_END};

const struct cmd_verb cmd_verb_program = {
    .name = "keg",
    .synopsis = "[OPTIONS] COMMAND",
    .summary = "Fetch container images and run them, without a daemon",
    .options = program_options,
    .options_first = true,
    .max_args = CMD_ARGS_ANY,
};

/* What the user's words stand for. */
struct match {
    const struct cmd_verb *verb;
    const char *noun;
    int words; /* how many of them name the verb */
};

/* Is the alias ${alias} of ${length} bytes "word" or "word second"? Returns the words matched, or
 * 0. */
static int alias_words(const char *alias, size_t length, const char *word, const char *second)
{
    size_t word_length = strlen(word);
    if (length < word_length || memcmp(alias, word, word_length) != 0)
        return 0;
    if (length == word_length)
        return 1;
    if (alias[word_length] != ' ' || !second)
        return 0;
    size_t rest = length - word_length - 1;
    return strlen(second) == rest && memcmp(alias + word_length + 1, second, rest) == 0 ? 2 : 0;
}

static int verb_words(const struct cmd_verb *verb, const char *word, const char *second)
{
    if (keg_streq(verb->name, word))
        return 1;
    const char *a = verb->aliases ? verb->aliases : "";
    while (*a) {
        size_t length = strcspn(a, ",");
        int words = alias_words(a, length, word, second);
        if (words > 0)
            return words;
        a += length;
        a += strspn(a, ", ");
    }
    return 0;
}

static bool find_verb(const struct cmd_verb *const *verbs, char **words, struct match *ret)
{
    for (; words[0] && *verbs; verbs++) {
        int count = verb_words(*verbs, words[0], words[1]);
        if (count == 0)
            continue;
        *ret = (struct match){*verbs, count == 2 ? words[0] : NULL, count};
        return true;
    }
    return false;
}

static bool is_noun(const struct cmd_verb *const *verbs, const char *word)
{
    size_t length = strlen(word);
    for (; *verbs; verbs++) {
        const char *a = (*verbs)->aliases ? (*verbs)->aliases : "";
        while (*a) {
            if (strncmp(a, word, length) == 0 && a[length] == ' ')
                return true;
            a += strcspn(a, ",");
            a += strspn(a, ", ");
        }
    }
    return false;
}

static int print_overview(const struct cmd_verb *const *verbs, const char *noun)
{
    cmd_print_overview(stdout, verbs, noun, cmd_terminal_width(STDOUT_FILENO));
    return CMD_EXIT_OK;
}

static int fail_unknown(const struct cmd_verb *const *verbs, const char *word)
{
    const char *names[64];
    size_t count = 0;
    for (const struct cmd_verb *const *v = verbs; *v && count < KEG_ARRAY_SIZE(names); v++)
        names[count++] = (*v)->name;
    const char *near = cmd_nearest(word, names, count);
    cmd_complain(NULL, word, "no such command%s%s%s", near ? " (did you mean " : "",
                 near ? near : "", near ? "?)" : "");
    fputs("Run 'keg --help' for the list of commands\n", stderr);
    return CMD_EXIT_FAILED;
}

/* Add the second words of ${verb}'s aliases "NOUN word" to ${words}. */
static int add_words_under(const struct cmd_verb *verb, const char *noun, char ***words)
{
    size_t noun_length = strlen(noun);
    const char *a = verb->aliases ? verb->aliases : "";
    while (*a) {
        size_t length = strcspn(a, ",");
        if (length > noun_length && memcmp(a, noun, noun_length) == 0 && a[noun_length] == ' ') {
            _cleanup_free_ char *word = strndup(a + noun_length + 1, length - noun_length - 1);
            if (!word || keg_strv_add(words, word) < 0)
                return -ENOMEM;
        }
        a += length;
        a += strspn(a, ", ");
    }
    return 0;
}

static int fail_unknown_under(const struct cmd_verb *const *verbs, const char *noun,
                              const char *word)
{
    _cleanup_strv_ char **words = NULL;
    for (; *verbs; verbs++)
        if (add_words_under(*verbs, noun, &words) < 0)
            break; /* no more than a hint is lost */
    const char *near = cmd_nearest(word, (const char *const *)words, keg_strv_length(words));
    cmd_complain(noun, word, "no such command%s%s%s", near ? " (did you mean " : "",
                 near ? near : "", near ? "?)" : "");
    fprintf(stderr, "Run 'keg %s --help' for the list of commands\n", noun);
    return CMD_EXIT_FAILED;
}

/* `keg image`, `keg image --help`, `keg image frobnicate` */
static int run_noun(const struct cmd_verb *const *verbs, char **words)
{
    if (!words[1] || keg_streq(words[1], "--help") || keg_streq(words[1], "help"))
        return print_overview(verbs, words[0]);
    return fail_unknown_under(verbs, words[0], words[1]);
}

static int run_match(const struct match *match, char **words, size_t count,
                     struct cmd_globals *globals)
{
    globals->noun = match->noun;
    int used = match->words - 1; /* argv[0] is the verb's own word */
    return match->verb->run((int)count - used, words + used, globals);
}

static int run_help(const struct cmd_verb *const *verbs, char **words, struct cmd_globals *globals)
{
    char help[] = "--help";
    struct match match;
    if (!words[0] || keg_streq(words[0], "help"))
        return print_overview(verbs, NULL);
    if (!find_verb(verbs, words, &match))
        return is_noun(verbs, words[0]) ? run_noun(verbs, words) : fail_unknown(verbs, words[0]);
    char *argv[] = {words[match.words - 1], help, NULL};
    match.words = 1;
    return run_match(&match, argv, 2, globals);
}

static int dispatch(const struct cmd_verb *const *verbs, struct cmd_args *args,
                    struct cmd_globals *globals)
{
    struct match match;
    if (args->count == 0)
        return print_overview(verbs, NULL);
    if (find_verb(verbs, args->items, &match))
        return run_match(&match, args->items, args->count, globals);
    if (keg_streq(args->items[0], "help"))
        return run_help(verbs, args->items + 1, globals);
    if (is_noun(verbs, args->items[0]))
        return run_noun(verbs, args->items);
    return fail_unknown(verbs, args->items[0]);
}

static int run_program(const struct cmd_verb *const *verbs, int argc, char **argv)
{
    struct cmd_program_options options = {0};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_parse(&cmd_verb_program, argc, argv, &options, &args, &err);
    if (code > 0)
        return print_overview(verbs, NULL);
    if (code < 0) {
        cmd_error(NULL, NULL, &err);
        fputs("Run 'keg --help' for more information\n", stderr);
        return CMD_EXIT_FAILED;
    }
    char version[] = "version";
    char *words[] = {version, NULL};
    struct cmd_args version_args = {words, 1};
    return dispatch(verbs, options.version ? &version_args : &args, &options.globals);
}

/* A file of the store must never get the number of a standard stream that the caller closed: what
 * is printed would land in it. */
int cmd_open_standard_fds(void)
{
    for (;;) {
        _cleanup_fd_ int fd = keg_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
        if (fd < 0 || fd > STDERR_FILENO)
            return fd < 0 ? fd : 0;
        int code = keg_set_cloexec(fd, false);
        if (code < 0)
            return code;
        fd = -1; /* stays open: it is a standard stream now */
    }
}

/* Output that could not be written is a failure, unless its reader had enough of it. */
static int finish_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno == EPIPE)
        return code;
    cmd_complain(NULL, NULL, "write to standard output: %s", keg_errno_text(errno));
    return code == CMD_EXIT_OK ? CMD_EXIT_FAILED : code;
}

int cmd_main(const struct cmd_verb *const *verbs, int argc, char **argv)
{
    if (cmd_open_standard_fds() < 0)
        return CMD_EXIT_FAILED;
    /* A caller may leave it ignored; then no child could be waited for. */
    (void)signal(SIGCHLD, SIG_DFL);
    keg_json_init();
    return finish_output(run_program(verbs, argc, argv));
}
