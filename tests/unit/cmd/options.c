/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser, on a table with one row of each kind. */
#include "cmd/common/options.h"

#include <criterion/criterion.h>
#include <string.h>

struct sample {
    bool flag, init, proxy;
    const char *name, *pull;
    char **env;
    int64_t pids;
    uint64_t memory;
    int even;
};

static int parse_even(const char *value, void *target, struct keg_err *err)
{
    uint64_t number;
    if (keg_parse_u64(value, 0, 100, &number) < 0 || number % 2 != 0)
        return keg_fail(err, -EINVAL, "'%s' is not even", value);
    *(int *)target = (int)number;
    return 0;
}

static const struct cmd_option sample_options[] = {
    {"tty", 't', CMD_FLAG, NULL, "A terminal", offsetof(struct sample, flag), NULL, NULL},
    {"init", 'i', CMD_FLAG, NULL, "An init", offsetof(struct sample, init), NULL, NULL},
    {"sig-proxy", 0, CMD_FLAG, NULL, "Signals", offsetof(struct sample, proxy), NULL, NULL},
    {"name", 'n', CMD_STRING, "string", "A name", offsetof(struct sample, name), NULL, NULL},
    {"pull", 0, CMD_STRING, "policy", "When", offsetof(struct sample, pull), "always|missing",
     NULL},
    {"env", 'e', CMD_LIST, "list", "Variables", offsetof(struct sample, env), NULL, NULL},
    {"pids-limit", 0, CMD_INT, "int", "Pids", offsetof(struct sample, pids), NULL, NULL},
    {"memory", 'm', CMD_SIZE, "bytes", "Memory", offsetof(struct sample, memory), NULL, NULL},
    {"even", 0, CMD_CUSTOM, "int", "Even", offsetof(struct sample, even), NULL, parse_even},
    CMD_OPTIONS_END};

static const struct cmd_verb interspersed = {
    .name = "sample", .synopsis = "", .options = sample_options, .max_args = CMD_ARGS_ANY};
static const struct cmd_verb options_first = {.name = "sample",
                                              .synopsis = "",
                                              .options = sample_options,
                                              .options_first = true,
                                              .max_args = CMD_ARGS_ANY};

static const struct cmd_refusal refusals[] = {
    {"detach", 'd', "use the shell"}, {"timeout", 0, "use timeout(1)"}, {NULL, 0, NULL}};
static const struct cmd_verb refusing = {.name = "sample",
                                         .synopsis = "",
                                         .options = sample_options,
                                         .refusals = refusals,
                                         .max_args = CMD_ARGS_ANY};

static struct sample sample;
static struct cmd_args args;
static struct keg_err err;

static void free_sample(void)
{
    cmd_args_done(&args);
    cmd_options_done(&interspersed, &sample);
}

TestSuite(options, .fini = free_sample);

/* ${words} without the verb, NULL-terminated. */
static int parse(const struct cmd_verb *verb, char **words)
{
    char word[] = "sample";
    char *argv[32] = {word};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    return cmd_parse(verb, argc, argv, &sample, &args, &err);
}

#define PARSE(verb, ...) parse(verb, (char *[]){__VA_ARGS__, NULL})

static void expect_error(const char *text, int code)
{
    cr_assert_eq(code, -EINVAL);
    cr_assert_str_eq(err.text, text);
}

Test(options, a_long_value_may_follow_or_stand_behind_an_equals_sign)
{
    cr_assert_eq(PARSE(&interspersed, "--name", "a", "--pull=always"), 0);
    cr_assert_str_eq(sample.name, "a");
    cr_assert_str_eq(sample.pull, "always");
}

Test(options, the_last_value_of_a_string_wins)
{
    cr_assert_eq(PARSE(&interspersed, "--name", "a", "-n", "b"), 0);
    cr_assert_str_eq(sample.name, "b");
}

Test(options, an_empty_value_is_a_value)
{
    cr_assert_eq(PARSE(&interspersed, "--name="), 0);
    cr_assert_str_eq(sample.name, "");
}

Test(options, letters_cluster_and_the_last_takes_the_value)
{
    cr_assert_eq(PARSE(&interspersed, "-itnweb"), 0);
    cr_assert(sample.init && sample.flag);
    cr_assert_str_eq(sample.name, "web");
}

Test(options, a_letter_takes_its_value_from_the_next_argument_even_with_a_dash)
{
    cr_assert_eq(PARSE(&interspersed, "-n", "-x"), 0);
    cr_assert_str_eq(sample.name, "-x");
}

Test(options, an_equals_sign_behind_a_letter_is_cut_as_docker_does)
{
    cr_assert_eq(PARSE(&interspersed, "-e=A=1", "-t=false"), 0);
    cr_assert_str_eq(sample.env[0], "A=1");
    cr_assert_not(sample.flag);
}

Test(options, lists_keep_their_order)
{
    cr_assert_eq(PARSE(&interspersed, "-eA=1", "--env", "B=2", "--env=C"), 0);
    cr_assert_eq(keg_strv_length(sample.env), 3);
    cr_assert_str_eq(sample.env[0], "A=1");
    cr_assert_str_eq(sample.env[2], "C");
}

Test(options, flags_take_true_and_false)
{
    sample.proxy = true;
    cr_assert_eq(PARSE(&interspersed, "--sig-proxy=false", "--tty=1"), 0);
    cr_assert_not(sample.proxy);
    cr_assert(sample.flag);
}

Test(options, a_flag_never_takes_the_next_argument)
{
    cr_assert_eq(PARSE(&interspersed, "--tty", "false"), 0);
    cr_assert(sample.flag);
    cr_assert_str_eq(args.items[0], "false");
}

Test(options, numbers_may_be_negative)
{
    cr_assert_eq(PARSE(&interspersed, "--pids-limit", "-1"), 0);
    cr_assert_eq(sample.pids, -1);
}

Test(options, sizes_are_binary)
{
    cr_assert_eq(PARSE(&interspersed, "-m64m"), 0);
    cr_assert_eq(sample.memory, 64u << 20);
}

Test(options, options_may_stand_behind_arguments)
{
    cr_assert_eq(PARSE(&interspersed, "one", "-t", "two"), 0);
    cr_assert(sample.flag);
    cr_assert_eq(args.count, 2);
    cr_assert_str_eq(args.items[1], "two");
    cr_assert_null(args.items[2]);
}

Test(options, behind_the_first_argument_nothing_is_kegs_where_the_verb_says_so)
{
    cr_assert_eq(PARSE(&options_first, "-i", "busybox", "ls", "-t", "--help", "--"), 0);
    cr_assert(sample.init);
    cr_assert_not(sample.flag);
    cr_assert_eq(args.count, 5);
    cr_assert_str_eq(args.items[4], "--");
}

Test(options, two_dashes_end_options)
{
    cr_assert_eq(PARSE(&interspersed, "-t", "--", "-i"), 0);
    cr_assert_not(sample.init);
    cr_assert_eq(args.count, 1);
    cr_assert_str_eq(args.items[0], "-i");
}

Test(options, one_dash_is_an_argument)
{
    cr_assert_eq(PARSE(&interspersed, "-"), 0);
    cr_assert_str_eq(args.items[0], "-");
}

Test(options, help_is_known_to_every_verb)
{
    cr_assert_eq(PARSE(&interspersed, "a", "--help"), 1);
    cr_assert_eq(args.count, 0);
    cmd_args_done(&args);
    cr_assert_eq(PARSE(&interspersed, "-h"), 1);
}

Test(options, an_unknown_flag_is_named_with_the_nearest_one)
{
    expect_error("unknown flag: --memroy (did you mean --memory?)",
                 PARSE(&interspersed, "--memroy=5m"));
}

Test(options, an_unknown_flag_like_no_other_is_only_named)
{
    expect_error("unknown flag: --frobnicate", PARSE(&interspersed, "--frobnicate"));
}

Test(options, an_unknown_letter_is_named_in_its_cluster)
{
    expect_error("unknown shorthand flag: 'z' in -tz", PARSE(&interspersed, "-tz"));
}

Test(options, a_missing_value_is_an_error)
{
    expect_error("flag needs an argument: --name", PARSE(&interspersed, "--name"));
    cmd_args_done(&args);
    expect_error("flag needs an argument: -n", PARSE(&interspersed, "-tn"));
}

Test(options, values_are_checked_and_the_flag_is_named)
{
    expect_error("--pull: 'never' is not one of always|missing",
                 PARSE(&interspersed, "--pull=never"));
    cmd_args_done(&args);
    expect_error("--pull: 'alway' is not one of always|missing",
                 PARSE(&interspersed, "--pull", "alway"));
    cmd_args_done(&args);
    expect_error("--tty: 'maybe' is neither true nor false", PARSE(&interspersed, "--tty=maybe"));
    cmd_args_done(&args);
    expect_error("--pids-limit: '5x' is not a number", PARSE(&interspersed, "--pids-limit", "5x"));
    cmd_args_done(&args);
    expect_error("-m: 'much' is not a size (like 512k, 64m or 1.5g)",
                 PARSE(&interspersed, "-m", "much"));
    cmd_args_done(&args);
    expect_error("--even: '3' is not even", PARSE(&interspersed, "--even=3"));
}

Test(options, a_custom_value_goes_through_its_function)
{
    cr_assert_eq(PARSE(&interspersed, "--even", "4"), 0);
    cr_assert_eq(sample.even, 4);
}

Test(options, a_verb_without_a_table_refuses_flags)
{
    const struct cmd_verb bare = {.name = "bare", .synopsis = ""};
    expect_error("unknown flag: --x", PARSE(&bare, "--x"));
}

static void expect_count_error(unsigned min, unsigned max, char **words, const char *text)
{
    const struct cmd_verb verb = {.name = "v", .synopsis = "", .min_args = min, .max_args = max};
    expect_error(text, parse(&verb, words));
    cmd_args_done(&args);
}

Test(options, the_number_of_arguments_is_checked)
{
    expect_count_error(1, CMD_ARGS_ANY, (char *[]){NULL}, "requires at least 1 argument");
    expect_count_error(2, CMD_ARGS_ANY, (char *[]){"a", NULL}, "requires at least 2 arguments");
    expect_count_error(1, 1, (char *[]){"a", "b", NULL}, "requires exactly 1 argument");
    expect_count_error(0, 1, (char *[]){"a", "b", NULL}, "requires at most 1 argument");
    expect_count_error(0, 0, (char *[]){"a", NULL}, "accepts no arguments, but got 'a'");
}

static const char *const verbs[] = {"images", "inspect", "ps", "pull", "rm", "rmi", "run"};

static const char *nearest(const char *word)
{
    return cmd_nearest(word, verbs, KEG_ARRAY_SIZE(verbs));
}

Test(nearest, a_slip_finds_its_word)
{
    cr_assert_str_eq(nearest("image"), "images");
    cr_assert_str_eq(nearest("iamges"), "images");
    cr_assert_str_eq(nearest("pul"), "pull");
    cr_assert_str_eq(nearest("rnu"), "run");
    cr_assert_str_eq(nearest("inspetc"), "inspect");
}

Test(nearest, a_word_like_no_other_finds_nothing)
{
    cr_assert_null(nearest("checkpoint"));
    cr_assert_null(nearest("x"));
    cr_assert_null(nearest(""));
    cr_assert_null(nearest("a-word-that-is-far-longer-than-anything-a-verb-could-be"));
}

Test(options, what_others_have_is_refused_with_what_to_do_instead)
{
    static const struct {
        const char *word, *error;
    } table[] = {
        {"--detach", "--detach is not supported: use the shell"},
        {"--detach=true", "--detach is not supported: use the shell"},
        {"-d", "--detach is not supported: use the shell"},
        {"-td", "--detach is not supported: use the shell"},
        {"--timeout", "--timeout is not supported: use timeout(1)"},
        {"--detac", "unknown flag: --detac"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_free_ char *word = keg_strdup(table[i].word);
        cr_assert_eq(PARSE(&refusing, word), -EINVAL);
        cr_assert_str_eq(err.text, table[i].error);
        cmd_args_done(&args);
    }
}
