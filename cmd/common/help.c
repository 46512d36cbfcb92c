/* SPDX-License-Identifier: Apache-2.0 */
/* Help, printed from the very tables that the parser reads. */
#include "cmd/common/globals.h"
#include "cmd/common/options.h"
#include "cmd/common/terminal.h"

#include <string.h>

enum {
    DEFAULT_WIDTH = 80,
    LEFT_MAX = 32,  /* a longer left side puts its help on the next line */
    RIGHT_MIN = 24, /* on a terminal too narrow for two columns lines grow over its edge */
};

/* Print ${text} from column ${indent} on, words wrapped before ${width}; the first line's indent is
 * there. */
static void print_wrapped(FILE *file, const char *text, unsigned indent, unsigned width)
{
    unsigned room = width > indent + RIGHT_MIN ? width - indent : RIGHT_MIN;
    unsigned used = 0;
    while (*text) {
        if (*text == '\n') {
            fprintf(file, "\n%*s", (int)indent, "");
            used = 0;
            text++;
            continue;
        }
        size_t length = strcspn(text, " \n");
        if (used > 0 && used + 1 + length > room) {
            fprintf(file, "\n%*s", (int)indent, "");
            used = 0;
        }
        fprintf(file, "%s%.*s", used > 0 ? " " : "", (int)length, text);
        used += (unsigned)length + (used > 0);
        text += length + (text[length] == ' ');
    }
    fputc('\n', file);
}

static void print_row(FILE *file, const char *left, size_t left_width, const char *right,
                      unsigned width)
{
    size_t length = strlen(left);
    fputs(left, file);
    if (length > left_width) {
        fputc('\n', file);
        length = 0;
    }
    fprintf(file, "%*s", (int)(left_width - length) + 3, "");
    print_wrapped(file, right, (unsigned)left_width + 3, width);
}

static void option_left(const struct cmd_option *o, char *text, size_t size)
{
    char letter[] = {'-', o->letter, ',', '\0'};
    snprintf(text, size, "  %3s --%s%s%s", o->letter ? letter : "", o->name, o->value ? " " : "",
             o->value ? o->value : "");
}

static size_t options_width(const struct cmd_option *options)
{
    size_t width = strlen("      --help");
    for (const struct cmd_option *o = options; o && o->kind != CMD_END; o++) {
        char left[128];
        option_left(o, left, sizeof(left));
        size_t length = strlen(left);
        if (o->help && length > width && length <= LEFT_MAX)
            width = length;
    }
    return width;
}

static void print_options(FILE *file, const struct cmd_option *options, unsigned width)
{
    size_t left_width = options_width(options);
    for (const struct cmd_option *o = options; o && o->kind != CMD_END; o++) {
        char left[128], help[512];
        if (!o->help)
            continue;
        option_left(o, left, sizeof(left));
        snprintf(help, sizeof(help), "%s%s%s%s", o->help, o->choices ? " (" : "",
                 o->choices ? o->choices : "", o->choices ? ")" : "");
        print_row(file, left, left_width, help, width);
    }
    print_row(file, "      --help", left_width, "Print this help", width);
}

static const char *program_of(const struct cmd_verb *verb)
{
    return verb->program ? verb->program : cmd_verb_program.name;
}

/* "image ls, image list" -> "  keg images, keg image ls, keg image list" */
static void print_aliases(FILE *file, const struct cmd_verb *verb)
{
    fprintf(file, "\nAliases:\n  %s %s", program_of(verb), verb->name);
    for (const char *a = verb->aliases; *a;) {
        size_t length = strcspn(a, ",");
        fprintf(file, ", %s %.*s", program_of(verb), (int)length, a);
        a += length;
        a += strspn(a, ", ");
    }
    fputc('\n', file);
}

static void print_indented(FILE *file, const char *lines)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        fprintf(file, "  %.*s\n", (int)length, lines);
        lines += length + (lines[length] == '\n');
    }
}

void cmd_print_help(FILE *file, const struct cmd_verb *verb, unsigned width)
{
    width = width ? width : DEFAULT_WIDTH;
    fprintf(file, "Usage:  %s %s%s%s\n\n%s\n", program_of(verb), verb->name,
            verb->synopsis[0] ? " " : "", verb->synopsis, verb->summary);
    if (verb->description) {
        fputc('\n', file);
        print_wrapped(file, verb->description, 0, width);
    }
    if (verb->aliases)
        print_aliases(file, verb);
    fputs("\nOptions:\n", file);
    print_options(file, verb->options, width);
    if (verb->examples) {
        fputs("\nExamples:\n", file);
        print_indented(file, verb->examples);
    }
}

/* The word of ${verb} under ${noun}: that of the first alias "NOUN word". Returns its length. */
static size_t word_under(const struct cmd_verb *verb, const char *noun, const char **ret)
{
    size_t noun_length = strlen(noun);
    const char *a = verb->aliases ? verb->aliases : "";
    while (*a) {
        size_t length = strcspn(a, ",");
        if (length > noun_length && memcmp(a, noun, noun_length) == 0 && a[noun_length] == ' ') {
            *ret = a + noun_length + 1;
            return length - noun_length - 1;
        }
        a += length;
        a += strspn(a, ", ");
    }
    return 0;
}

static void print_verbs(FILE *file, const struct cmd_verb *const *verbs, const char *noun,
                        unsigned width)
{
    for (; *verbs; verbs++) {
        char left[64];
        const char *word = (*verbs)->name;
        size_t length = noun ? word_under(*verbs, noun, &word) : strlen(word);
        if (length == 0)
            continue;
        snprintf(left, sizeof(left), "  %.*s", (int)length, word);
        print_row(file, left, 10, (*verbs)->summary, width);
    }
}

static void print_footer(FILE *file, const char *program, const char *noun)
{
    fprintf(file, "\nRun '%s %s%sCOMMAND --help' for more information on a command.\n", program,
            noun ? noun : "", noun ? " " : "");
}

void cmd_print_program(FILE *file, const struct cmd_verb *program,
                       const struct cmd_verb *const *verbs, unsigned width)
{
    width = width ? width : DEFAULT_WIDTH;
    fprintf(file, "Usage:  %s %s\n\n%s\n\nCommands:\n", program->name, program->synopsis,
            program->summary);
    print_verbs(file, verbs, NULL, width);
    fputs("\nOptions:\n", file);
    print_options(file, program->options, width);
    print_footer(file, program->name, NULL);
}

void cmd_print_overview(FILE *file, const struct cmd_verb *const *verbs, const char *noun,
                        unsigned width)
{
    if (!noun) {
        cmd_print_program(file, &cmd_verb_program, verbs, width);
        return;
    }
    width = width ? width : DEFAULT_WIDTH;
    fprintf(file, "Usage:  %s %s COMMAND\n\nWhat can be done with %ss\n\nCommands:\n",
            cmd_verb_program.name, noun, noun);
    print_verbs(file, verbs, noun, width);
    print_footer(file, cmd_verb_program.name, noun);
}
