/* SPDX-License-Identifier: Apache-2.0 */
/* Help, word for word, and what cmd_main() does with the words before and behind a verb. */
#include "cmd/common/options.h"
#include "cmd/common/report.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <string.h>

struct sample {
    bool all, hidden;
    const char *format, *pull, *very;
};

static const struct cmd_option sample_options[] = {
    {"all", 'a', CMD_FLAG, NULL, "Show all of them, also those that nobody would look for",
     offsetof(struct sample, all), NULL, NULL},
    {"everything", 0, CMD_FLAG, NULL, NULL, offsetof(struct sample, all), NULL, NULL},
    {"format", 0, CMD_STRING, "string", "Output format", offsetof(struct sample, format), "json",
     NULL},
    {"pull", 0, CMD_STRING, "policy", "When to pull", offsetof(struct sample, pull),
     "always|missing|never", NULL},
    {"a-very-long-name-of-an-option", 0, CMD_STRING, "string", "Stands alone",
     offsetof(struct sample, very), NULL, NULL},
    CMD_OPTIONS_END};

static int said_argc;
static char said[256];
static const char *said_root, *said_noun;

static int say(int argc, char **argv, const struct cmd_globals *globals)
{
    said_argc = argc;
    said_root = globals->root;
    said_noun = globals->noun;
    for (int i = 0; i < argc; i++) {
        strncat(said, argv[i], sizeof(said) - strlen(said) - 1);
        strncat(said, "|", sizeof(said) - strlen(said) - 1);
    }
    return 7;
}

static const struct cmd_verb sample = {
    .name = "sample",
    .aliases = "thing ls, thing list",
    .synopsis = "[OPTIONS] [NAME]",
    .summary = "List things",
    .description = "Things are listed newest first, and those that have no name come last of all.",
    .examples = "keg sample -a\nkeg sample --format json",
    .options = sample_options,
    .max_args = 1,
    .run = say};
static const struct cmd_verb other = {.name = "remove",
                                      .aliases = "thing rm",
                                      .synopsis = "NAME",
                                      .summary = "Remove things",
                                      .run = say};
static const struct cmd_verb version = {
    .name = "version", .synopsis = "", .summary = "Print the version", .run = say};
static const struct cmd_verb *const verbs[] = {&sample, &other, &version, NULL};

static void expect_printed(void (*print)(FILE *file), const char *expected)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    print(file);
    fclose(file);
    cr_assert_str_eq(text, expected);
    free(text);
}

static void print_sample(FILE *file)
{
    cmd_print_help(file, &sample, 60);
}

Test(help, of_a_verb_word_for_word)
{
    expect_printed(print_sample, "Usage:  keg sample [OPTIONS] [NAME]\n"
                                 "\n"
                                 "List things\n"
                                 "\n"
                                 "Things are listed newest first, and those that have no name\n"
                                 "come last of all.\n"
                                 "\n"
                                 "Aliases:\n"
                                 "  keg sample, keg thing ls, keg thing list\n"
                                 "\n"
                                 "Options:\n"
                                 "  -a, --all             Show all of them, also those that\n"
                                 "                        nobody would look for\n"
                                 "      --format string   Output format (json)\n"
                                 "      --pull policy     When to pull (always|missing|never)\n"
                                 "      --a-very-long-name-of-an-option string\n"
                                 "                        Stands alone\n"
                                 "      --help            Print this help\n"
                                 "\n"
                                 "Examples:\n"
                                 "  keg sample -a\n"
                                 "  keg sample --format json\n");
}

static void print_other(FILE *file)
{
    cmd_print_help(file, &version, 0);
}

Test(help, of_a_verb_without_options)
{
    expect_printed(print_other, "Usage:  keg version\n"
                                "\n"
                                "Print the version\n"
                                "\n"
                                "Options:\n"
                                "      --help   Print this help\n");
}

static void print_noun(FILE *file)
{
    cmd_print_overview(file, verbs, "thing", 0);
}

Test(help, of_a_noun_lists_its_words)
{
    expect_printed(print_noun,
                   "Usage:  keg thing COMMAND\n"
                   "\n"
                   "What can be done with things\n"
                   "\n"
                   "Commands:\n"
                   "  ls         List things\n"
                   "  rm         Remove things\n"
                   "\n"
                   "Run 'keg thing COMMAND --help' for more information on a command.\n");
}

static void print_all(FILE *file)
{
    cmd_print_overview(file, verbs, NULL, 100);
}

Test(help, of_the_program_lists_verbs_and_global_options)
{
    expect_printed(
        print_all,
        "Usage:  keg [OPTIONS] COMMAND\n"
        "\n"
        "Fetch container images and run them, without a daemon\n"
        "\n"
        "Commands:\n"
        "  sample     List things\n"
        "  remove     Remove things\n"
        "  version    Print the version\n"
        "\n"
        "Options:\n"
        "      --root DIR      Where images and containers are kept (default $KEG_ROOT, else "
        "/var/lib/keg)\n"
        "      --runroot DIR   Where the state of running containers is kept (default "
        "$KEG_RUNROOT, else\n"
        "                      /run/keg)\n"
        "  -v, --version       Print the version\n"
        "      --help          Print this help\n"
        "\n"
        "Run 'keg COMMAND --help' for more information on a command.\n");
}

static int run(char **words)
{
    int argc = 0;
    while (words[argc])
        argc++;
    said[0] = '\0';
    return cmd_main(verbs, argc, words);
}

#define RUN(...) run((char *[]){"keg", __VA_ARGS__, NULL})

Test(program, calls_the_verb_with_its_arguments)
{
    cr_assert_eq(RUN("--root=/r", "sample", "-a", "x"), 7);
    cr_assert_str_eq(said, "sample|-a|x|");
    cr_assert_eq(said_argc, 3);
    cr_assert_str_eq(said_root, "/r");
    cr_assert_null(said_noun);
}

Test(program, finds_a_verb_under_its_noun)
{
    cr_assert_eq(RUN("thing", "list", "-a"), 7);
    cr_assert_str_eq(said, "list|-a|");
    cr_assert_str_eq(said_noun, "thing");
}

Test(program, leaves_flags_behind_the_verb_to_the_verb)
{
    cr_assert_eq(RUN("sample", "--version", "--root", "/x"), 7);
    cr_assert_str_eq(said, "sample|--version|--root|/x|");
    cr_assert_null(said_root);
}

Test(program, turns_help_verb_into_verb_help)
{
    cr_assert_eq(RUN("help", "sample"), 7);
    cr_assert_str_eq(said, "sample|--help|");
    cr_assert_eq(RUN("help", "thing", "rm"), 7);
    cr_assert_str_eq(said, "rm|--help|");
}

Test(program, takes_version_as_a_flag)
{
    cr_assert_eq(RUN("-v"), 7);
    cr_assert_str_eq(said, "version|");
}

Test(program, names_an_unknown_verb_and_the_nearest, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN("sampel"), 125);
    cr_assert_stderr_eq_str("keg: 'sampel': no such command (did you mean sample?)\n"
                            "Run 'keg --help' for the list of commands\n");
}

Test(program, names_an_unknown_word_under_a_noun, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN("thing", "frob"), 125);
    cr_assert_stderr_eq_str("keg: thing 'frob': no such command\n"
                            "Run 'keg thing --help' for the list of commands\n");
}

Test(program, names_the_nearest_word_under_a_noun, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN("thing", "rmm"), 125);
    cr_assert_stderr_eq_str("keg: thing 'rmm': no such command (did you mean rm?)\n"
                            "Run 'keg thing --help' for the list of commands\n");
}

Test(program, names_an_unknown_flag, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN("--rot", "/x", "sample"), 125);
    cr_assert_stderr_eq_str("keg: unknown flag: --rot (did you mean --root?)\n"
                            "Run 'keg --help' for more information\n");
}

Test(begin, complains_and_says_where_help_is, .init = cr_redirect_stderr)
{
    struct sample options = {0};
    struct cmd_args args;
    char *argv[] = {"sample", "--fromat", NULL};
    cr_assert_eq(cmd_begin(&sample, 2, argv, &options, &args), 125);
    cmd_args_done(&args);
    cr_assert_stderr_eq_str("keg: sample: unknown flag: --fromat (did you mean --format?)\n"
                            "Run 'keg sample --help' for more information\n");
}

Test(report, a_line_names_verb_object_and_cause)
{
    char line[256];
    cmd_error_line("pull", "busybox:9", "no such tag", line, sizeof(line));
    cr_assert_str_eq(line, "keg: pull 'busybox:9': no such tag");
    cmd_error_line("ps", NULL, "out of memory", line, sizeof(line));
    cr_assert_str_eq(line, "keg: ps: out of memory");
    cmd_error_line(NULL, NULL, "out of memory", line, sizeof(line));
    cr_assert_str_eq(line, "keg: out of memory");
}

Test(report, an_object_that_the_text_names_is_named_once)
{
    char line[256];
    cmd_error_line("pull", "Box", "invalid reference 'Box': bad name", line, sizeof(line));
    cr_assert_str_eq(line, "keg: pull: invalid reference 'Box': bad name");
    cmd_error_line("pull", "", "invalid reference '': no name", line, sizeof(line));
    cr_assert_str_eq(line, "keg: pull: invalid reference '': no name");
    cmd_error_line("pull", "Box", "host 'Box2' is gone", line, sizeof(line));
    cr_assert_str_eq(line, "keg: pull 'Box': host 'Box2' is gone");
}

Test(report, an_object_cannot_drive_the_terminal)
{
    char line[256];
    cmd_error_line("rm", "a\033[2J\nb\xc2\x9b", "no", line, sizeof(line));
    cr_assert_str_eq(line, "keg: rm 'a?[2J?b?': no");
}
