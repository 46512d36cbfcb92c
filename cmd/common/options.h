/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs and their options, each one row of one table: the parser, --help, and later the man pages
 * and shell completions read the same rows.
 *
 *     struct rmi_options { bool force; };
 *     static const struct cmd_option options[] = {
 *         {.name = "force", .letter = 'f', .kind = CMD_FLAG, .help = "Remove the image even if …",
 *          .offset = offsetof(struct rmi_options, force)},
 *         CMD_OPTIONS_END};
 *     static int rmi(int argc, char **argv, const struct cmd_globals *globals)
 *     {
 *         struct rmi_options o = {0};      // defaults go here
 *         _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
 *         int code = cmd_begin(&cmd_verb_rmi, argc, argv, &o, &args);
 *         if (code != CMD_GO_ON)
 *             return code;                 // help was printed, or a bad flag complained about
 *         …
 *     }
 *     const struct cmd_verb cmd_verb_rmi = {.name = "rmi", .synopsis = "[OPTIONS] IMAGE…", …};
 */
#pragma once

#include "base/base.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes of keg itself (docker's for run; podman's for rm and rmi). */
enum cmd_exit {
    CMD_EXIT_OK = 0,
    CMD_EXIT_MISSING = 1,  /* rm, rmi, inspect: the object does not exist */
    CMD_EXIT_IN_USE = 2,   /* rm: it runs; rmi: a container uses it */
    CMD_EXIT_FAILED = 125, /* keg failed; bad flags too, of every verb */
    CMD_EXIT_CANNOT_RUN = 126,
    CMD_EXIT_NOT_FOUND = 127,
};

/* What stands before the verb. Borrowed from argv. */
struct cmd_globals {
    const char *root;    /* --root, or NULL: store_open() finds the default */
    const char *runroot; /* --runroot, or NULL */
    const char *noun; /* the noun the verb was called under ("image" in `keg image ls`), or NULL */
};

/* What an option takes, and the type of the member at its offset. */
enum cmd_option_kind {
    CMD_END,    /* ends a table */
    CMD_FLAG,   /* bool. `--name` sets it; `--name=true|false|1|0|t|f` is taken too */
    CMD_STRING, /* const char *, borrowed from argv; the last one wins */
    CMD_LIST,   /* char **: a string vector, one copy for each time; cmd_options_done() frees it */
    CMD_INT,    /* int64_t: a decimal number, negative ones too */
    CMD_SIZE,   /* uint64_t, in bytes: "64m", "1.5g" (keg_parse_size()) */
    CMD_CUSTOM, /* whatever `parse` writes */
};

struct cmd_option {
    const char *name; /* long name without "--" */
    char letter;      /* or 0 */
    enum cmd_option_kind kind;
    const char *value;   /* what help calls its value: "string", "bytes", "list"; NULL for flags */
    const char *help;    /* NULL: parsed but not listed (another spelling of the row before) */
    size_t offset;       /* of its member in the verb's options struct */
    const char *choices; /* CMD_STRING: "always|missing|never", others are refused; NULL: any */
    /* CMD_CUSTOM: read ${value} into ${target}, the member. 0, or -EINVAL with ${err} saying what
     * is wrong with it; the parser puts the flag's name in front. */
    int (*parse)(const char *value, void *target, struct keg_err *err);
};

/* An option that docker or podman has and this verb has not, and what to do instead: half a
 * sentence. */
struct cmd_refusal {
    const char *name;
    char letter; /* or 0 */
    const char *instead;
};

#define CMD_OPTIONS_END                                                                            \
    {                                                                                              \
        NULL, 0, CMD_END, NULL, NULL, 0, NULL, NULL                                                \
    }
#define CMD_ARGS_ANY UINT_MAX

struct cmd_verb {
    const char *name;        /* "images" */
    const char *program;     /* whose verb it is, for help; NULL: "keg" */
    const char *aliases;     /* "image ls, image list": one or two words each; NULL: none */
    const char *synopsis;    /* "[OPTIONS] [REPOSITORY[:TAG]]" */
    const char *summary;     /* one line: "List images" */
    const char *description; /* more lines for `keg VERB --help`, or NULL */
    const char *examples;    /* lines without the indent, or NULL */
    const struct cmd_option *options;   /* ends in CMD_OPTIONS_END; NULL: none */
    const struct cmd_refusal *refusals; /* ends in a name of NULL; NULL: none */
    bool options_first; /* what follows the first positional argument is not keg's (run, exec) */
    unsigned min_args;  /* positional arguments */
    unsigned max_args;  /* CMD_ARGS_ANY: no bound */
    /* argv[0] is the verb's word; returns the exit code. */
    int (*run)(int argc, char **argv, const struct cmd_globals *globals);
};

/* Positional arguments: a NULL-terminated array (on the heap) of strings of argv (borrowed). */
struct cmd_args {
    char **items;
    size_t count;
};

#define CMD_ARGS_INIT ((struct cmd_args){NULL, 0})
void cmd_args_done(struct cmd_args *args);

/* cmd_parse(verb, argc, argv, options, ret, err): Read argv[1] and on by ${verb}'s table into
 * ${options}, a struct that the caller filled with defaults (NULL where the verb has no table).
 * Taken: `--name value`, `--name=value`, `-v value`, `-vvalue`, `-v=value`, clusters `-it`, `--`
 * (ends options), `-` (positional). Options may stand behind positional arguments unless ${verb}
 * says options_first: then everything from the first positional argument on is positional.
 * `--help` is known to every verb. Return 0; 1 where `--help` was given (*ret is empty); -EINVAL
 * with an unknown flag (with "did you mean"), a missing or a bad value, or a wrong number of
 * positional arguments; -ENOMEM. ${ret} is to be freed with cmd_args_done(), lists in ${options}
 * with cmd_options_done(), also on failure. */
int cmd_parse(const struct cmd_verb *verb, int argc, char **argv, void *options,
              struct cmd_args *ret, struct keg_err *err);

/* cmd_options_done(verb, options): Free the CMD_LIST members of ${options}. */
void cmd_options_done(const struct cmd_verb *verb, void *options);

/* cmd_begin(verb, argc, argv, options, ret): cmd_parse() as a verb's first call: prints help (exit
 * code 0) or the complaint and where help is (125). Return CMD_GO_ON, or the exit code to return at
 * once. */
#define CMD_GO_ON (-1)
int cmd_begin(const struct cmd_verb *verb, int argc, char **argv, void *options,
              struct cmd_args *ret);

/* cmd_print_help(file, verb, width): `keg VERB --help`, lines wrapped at ${width} columns (0: 80).
 * / */
void cmd_print_help(FILE *file, const struct cmd_verb *verb, unsigned width);

/* cmd_print_overview(file, verbs, noun, width): `keg --help`: all ${verbs} (a NULL-terminated
 * array) with their summaries; with ${noun}, those that have an alias "NOUN word", by that word. */
void cmd_print_overview(FILE *file, const struct cmd_verb *const *verbs, const char *noun,
                        unsigned width);

/* cmd_print_program(file, program, verbs, width): `PROGRAM --help`: what ${program}, a row with the
 * options before the verb, is for, all ${verbs}, and those options. */
void cmd_print_program(FILE *file, const struct cmd_verb *program,
                       const struct cmd_verb *const *verbs, unsigned width);

/* cmd_nearest(word, candidates, count): The candidate that ${word} is most likely a slip of: at
 * most two letters missing, too many, wrong or swapped (one in words under five letters), or NULL.
 * / */
const char *cmd_nearest(const char *word, const char *const *candidates, size_t count);

/* cmd_main(verbs, argc, argv): A whole program: global options (--root DIR, --runroot DIR, --help,
 * --version, -v), then the verb's word or "noun verb", matched against names and aliases of
 * ${verbs} (a NULL-terminated array), its run() called, standard output flushed and checked. fds 0
 * to 2 that are closed are opened on /dev/null first. `--version` runs the verb "version", `help`
 * and `--help` print the overview, `help VERB` runs `VERB --help`. Return the exit code: 125 for an
 * unknown verb (with "did you mean") or flag. Both keg and keg-image call themselves "keg" in
 * messages. */
int cmd_main(const struct cmd_verb *const *verbs, int argc, char **argv);

/* cmd_open_standard_fds(): Open fds 0 to 2 that are closed on /dev/null, so that no file gets the
 * number of a standard stream. 0 or -errno. cmd_main() does so by itself. */
int cmd_open_standard_fds(void);
