/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser: one verb's table against its arguments. */
#include "cmd/common/options.h"

#include "cmd/common/report.h"
#include "cmd/common/terminal.h"

#include <string.h>

struct parser {
    const struct cmd_verb *verb;
    int argc;
    char **argv;
    int next; /* index of the argument to read next */
    void *options;
    struct cmd_args *args;
    struct keg_err *err;
};

static const struct cmd_option no_options[] = {CMD_OPTIONS_END};

static const struct cmd_option *options_of(const struct cmd_verb *verb)
{
    return verb->options ? verb->options : no_options;
}

static const struct cmd_option *find_long(const struct cmd_verb *verb, const char *name,
                                          size_t length)
{
    for (const struct cmd_option *o = options_of(verb); o->kind != CMD_END; o++)
        if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
            return o;
    return NULL;
}

static const struct cmd_option *find_letter(const struct cmd_verb *verb, char letter)
{
    for (const struct cmd_option *o = options_of(verb); o->kind != CMD_END; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

/* The names that docker's own parser takes for booleans. */
static int parse_bool(const char *value, bool *ret, struct keg_err *err)
{
    static const char *const yes[] = {"true", "1", "t", "T", "TRUE", "True"};
    static const char *const no[] = {"false", "0", "f", "F", "FALSE", "False"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(yes); i++) {
        if (!keg_streq(value, yes[i]) && !keg_streq(value, no[i]))
            continue;
        *ret = keg_streq(value, yes[i]);
        return 0;
    }
    return keg_fail(err, -EINVAL, "'%s' is neither true nor false", value);
}

static int parse_choice(const char *value, const char *choices, struct keg_err *err)
{
    size_t length = strlen(value);
    for (const char *c = choices; *c;) {
        size_t n = strcspn(c, "|");
        if (n == length && memcmp(c, value, n) == 0)
            return 0;
        c += n + (c[n] == '|');
    }
    return keg_fail(err, -EINVAL, "'%s' is not one of %s", value, choices);
}

static int parse_int(const char *value, int64_t *ret, struct keg_err *err)
{
    int code = keg_parse_i64(value, INT64_MIN, INT64_MAX, ret);
    if (code < 0)
        return keg_fail(err, -EINVAL, "'%s' is not a number%s", value,
                        code == -ERANGE ? " that keg can hold" : "");
    return 0;
}

static int parse_size(const char *value, uint64_t *ret, struct keg_err *err)
{
    int code = keg_parse_size(value, ret);
    if (code < 0)
        return keg_fail(err, -EINVAL, "'%s' is not a size%s (like 512k, 64m or 1.5g)", value,
                        code == -ERANGE ? " that keg can hold" : "");
    return 0;
}

static int store_value(const struct cmd_option *o, const char *value, void *target,
                       struct keg_err *err)
{
    switch (o->kind) {
    case CMD_FLAG:
        return parse_bool(value, target, err);
    case CMD_STRING:
        if (o->choices && parse_choice(value, o->choices, err) < 0)
            return -EINVAL;
        *(const char **)target = value;
        return 0;
    case CMD_LIST:
        return keg_strv_add(target, value) < 0 ? keg_fail(err, -ENOMEM, "out of memory") : 0;
    case CMD_INT:
        return parse_int(value, target, err);
    case CMD_SIZE:
        return parse_size(value, target, err);
    case CMD_CUSTOM:
        return o->parse(value, target, err);
    case CMD_END:
        break;
    }
    return keg_fail(err, -EINVAL, "not an option");
}

/* ${spelled} is the flag as the user wrote it, for the message. */
static int set_option(struct parser *p, const struct cmd_option *o, const char *value,
                      const char *spelled, int spelled_length)
{
    int code = store_value(o, value, (char *)p->options + o->offset, p->err);
    return code < 0 ? keg_wrap(p->err, "%.*s", spelled_length, spelled) : 0;
}

static int take_next(struct parser *p, const char *spelled, int spelled_length, const char **ret)
{
    if (p->next >= p->argc)
        return keg_fail(p->err, -EINVAL, "flag needs an argument: %.*s", spelled_length, spelled);
    *ret = p->argv[p->next++];
    return 0;
}

/* By its long name, or where that is NULL by its letter. */
static const struct cmd_refusal *find_refusal(const struct cmd_verb *verb, const char *name,
                                              size_t length, char letter)
{
    for (const struct cmd_refusal *r = verb->refusals; r && r->name; r++)
        if (name ? strlen(r->name) == length && memcmp(r->name, name, length) == 0
                 : r->letter == letter)
            return r;
    return NULL;
}

static int fail_refused(struct parser *p, const struct cmd_refusal *refusal)
{
    return keg_fail(p->err, -EINVAL, "--%s is not supported: %s", refusal->name, refusal->instead);
}

static int fail_unknown_long(struct parser *p, const char *name, size_t length)
{
    const struct cmd_refusal *refusal = find_refusal(p->verb, name, length, 0);
    if (refusal)
        return fail_refused(p, refusal);
    const char *names[128];
    size_t count = 0;
    for (const struct cmd_option *o = options_of(p->verb); o->kind != CMD_END; o++)
        if (count < KEG_ARRAY_SIZE(names))
            names[count++] = o->name;
    _cleanup_free_ char *word = keg_strndup(name, length);
    const char *near = word ? cmd_nearest(word, names, count) : NULL;
    if (near)
        return keg_fail(p->err, -EINVAL, "unknown flag: --%s (did you mean --%s?)", word, near);
    return keg_fail(p->err, -EINVAL, "unknown flag: --%.*s", (int)length, name);
}

static int fail_unknown_letter(struct parser *p, char letter, const char *arg)
{
    const struct cmd_refusal *refusal = find_refusal(p->verb, NULL, 0, letter);
    if (refusal)
        return fail_refused(p, refusal);
    return keg_fail(p->err, -EINVAL, "unknown shorthand flag: '%c' in %s", letter, arg);
}

/* "--name", "--name=value", "--name value". 1 for --help. */
static int parse_long(struct parser *p, const char *arg)
{
    const char *name = arg + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] ? name + length + 1 : NULL;
    int spelled_length = (int)length + 2;
    const struct cmd_option *o = find_long(p->verb, name, length);
    if (!o && length == 4 && memcmp(name, "help", 4) == 0 && !value)
        return 1;
    if (!o)
        return fail_unknown_long(p, name, length);
    if (!value && o->kind == CMD_FLAG)
        value = "true";
    if (!value) {
        int code = take_next(p, arg, spelled_length, &value);
        if (code < 0)
            return code;
    }
    return set_option(p, o, value, arg, spelled_length);
}

/* "-v value", "-vvalue", "-v=value", "-it". 1 for -h where the verb has no option of that letter.
 */
static int parse_cluster(struct parser *p, const char *arg)
{
    for (const char *letter = arg + 1; *letter; letter++) {
        char spelled[3] = {'-', *letter, '\0'};
        const struct cmd_option *o = find_letter(p->verb, *letter);
        if (!o && *letter == 'h')
            return 1;
        if (!o)
            return fail_unknown_letter(p, *letter, arg);
        const char *value = letter[1] == '=' ? letter + 2 : letter + 1;
        if (o->kind == CMD_FLAG && letter[1] != '=') {
            int code = set_option(p, o, "true", spelled, 2);
            if (code < 0)
                return code;
            continue;
        }
        if (letter[1] == '\0') {
            int code = take_next(p, spelled, 2, &value);
            if (code < 0)
                return code;
        }
        return set_option(p, o, value, spelled, 2);
    }
    return 0;
}

static void take_rest(struct parser *p)
{
    while (p->next < p->argc)
        p->args->items[p->args->count++] = p->argv[p->next++];
}

/* 0 to go on, 1 for help. */
static int parse_one(struct parser *p)
{
    char *arg = p->argv[p->next++];
    if (keg_streq(arg, "--")) {
        take_rest(p);
        return 0;
    }
    if (keg_starts_with(arg, "--"))
        return parse_long(p, arg);
    if (arg[0] == '-' && arg[1] != '\0')
        return parse_cluster(p, arg);
    p->args->items[p->args->count++] = arg;
    if (p->verb->options_first)
        take_rest(p);
    return 0;
}

static int check_count(const struct parser *p)
{
    const struct cmd_verb *verb = p->verb;
    size_t count = p->args->count;
    if (count >= verb->min_args && count <= verb->max_args)
        return 0;
    if (verb->max_args == 0)
        return keg_fail(p->err, -EINVAL, "accepts no arguments, but got '%s'", p->args->items[0]);
    bool few = count < verb->min_args;
    unsigned bound = few ? verb->min_args : verb->max_args;
    const char *how = few ? "at least" : "at most";
    if (verb->min_args == verb->max_args)
        how = "exactly";
    return keg_fail(p->err, -EINVAL, "requires %s %u argument%s", how, bound,
                    bound == 1 ? "" : "s");
}

int cmd_parse(const struct cmd_verb *verb, int argc, char **argv, void *options,
              struct cmd_args *ret, struct keg_err *err)
{
    struct parser p = {verb, argc, argv, 1, options, ret, err};
    *ret = CMD_ARGS_INIT;
    ret->items = calloc((size_t)argc + 1, sizeof(*ret->items));
    if (!ret->items)
        return keg_fail(err, -ENOMEM, "out of memory");
    while (p.next < argc) {
        int code = parse_one(&p);
        if (code > 0)
            ret->count = 0;
        if (code != 0)
            return code;
    }
    return check_count(&p);
}

void cmd_args_done(struct cmd_args *args)
{
    free(args->items);
    *args = CMD_ARGS_INIT;
}

void cmd_options_done(const struct cmd_verb *verb, void *options)
{
    for (const struct cmd_option *o = options_of(verb); o->kind != CMD_END; o++) {
        if (o->kind != CMD_LIST)
            continue;
        char ***list = (void *)((char *)options + o->offset);
        keg_strv_free(*list);
        *list = NULL;
    }
}

int cmd_begin(const struct cmd_verb *verb, int argc, char **argv, void *options,
              struct cmd_args *ret)
{
    struct keg_err err = KEG_ERR_INIT;
    int code = cmd_parse(verb, argc, argv, options, ret, &err);
    if (code == 0)
        return CMD_GO_ON;
    if (code > 0) {
        cmd_print_help(stdout, verb, cmd_terminal_width(STDOUT_FILENO));
        return CMD_EXIT_OK;
    }
    cmd_error(verb->name, NULL, &err);
    fprintf(stderr, "Run 'keg %s --help' for more information\n", verb->name);
    return CMD_EXIT_FAILED;
}
