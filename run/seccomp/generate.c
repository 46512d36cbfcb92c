/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time program: default.profile -> seccomp_table.h. libseccomp knows the numbers; it is not
 * in keg. */
#include "run/seccomp/table.h"

#include <ctype.h>
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define X32_BIT           0x40000000u
/* arm's own calls are far above all others and do not say where the known numbers end. */
#define ARM_PRIVATE 0x0f0000u
/* From here on a number means the same call on every machine. */
#define COMMON_FIRST 424

enum { ABI_X86_64, ABI_X32, ABI_I386, ABI_AARCH64, ABI_ARM, ABIS };

static const struct {
    const char *name;
    uint32_t token;
    const char *audit_arch;
    uint32_t base; /* where its numbers begin */
} abis[ABIS] = {
    {"x86_64", SCMP_ARCH_X86_64, "AUDIT_ARCH_X86_64", 0},
    {"x32", SCMP_ARCH_X32, "AUDIT_ARCH_X86_64", X32_BIT},
    {"i386", SCMP_ARCH_X86, "AUDIT_ARCH_I386", 0},
    {"aarch64", SCMP_ARCH_AARCH64, "AUDIT_ARCH_AARCH64", 0},
    {"arm", SCMP_ARCH_ARM, "AUDIT_ARCH_ARM", 0},
};

static const struct {
    const char *name;
    const char *json;
    int abis[4]; /* ends with -1 */
} machines[] = {
    {"x86_64",
     "\\\"SCMP_ARCH_X86_64\\\",\\\"SCMP_ARCH_X86\\\",\\\"SCMP_ARCH_X32\\\"",
     {ABI_X86_64, ABI_X32, ABI_I386, -1}},
    {"aarch64", "\\\"SCMP_ARCH_AARCH64\\\",\\\"SCMP_ARCH_ARM\\\"", {ABI_AARCH64, ABI_ARM, -1}},
};

/* linux/capability.h, those that the profile may name. */
static const struct {
    const char *name;
    int number;
} capabilities[] = {
    {"DAC_READ_SEARCH", 2}, {"SYS_MODULE", 16}, {"SYS_RAWIO", 17}, {"SYS_CHROOT", 18},
    {"SYS_PTRACE", 19},     {"SYS_PACCT", 20},  {"SYS_ADMIN", 21}, {"SYS_BOOT", 22},
    {"SYS_NICE", 23},       {"SYS_TIME", 25},   {"SYSLOG", 34},    {"SYS_TTY_CONFIG", 26},
    {"PERFMON", 38},        {"BPF", 39},
};

struct call {
    char name[48];
    int number; /* as default.profile says, or -1 */
    unsigned abis;
    uint64_t capabilities;
    uint8_t otherwise;
    size_t class;
};

struct args {
    struct seccomp_args rule;
    uint32_t values[16];
};

struct rule {
    unsigned abis;
    uint64_t capabilities;
    int action;
};

static struct call calls[600];
static size_t calls_count;
static struct args args[16];
static size_t args_count;
static struct seccomp_class classes[64];
static size_t classes_count;
static const char *file;
static int line;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list list;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(1);
}

static uint32_t number(const char *word)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(word, &end, 0);
    if (errno || end == word || *end || value > UINT32_MAX || !isdigit((unsigned char)*word))
        die("'%s' is not a number of 32 bits", word);
    return (uint32_t)value;
}

/* Splits off the next word of *text; NULL at its end. */
static char *next_word(char **text)
{
    return strtok_r(NULL, " \t\n", text);
}

static unsigned parse_abis(char **text)
{
    unsigned found = 0;

    for (char *word; (word = next_word(text));) {
        size_t i = 0;

        while (i < ABIS && strcmp(word, abis[i].name) != 0)
            i++;
        if (i == ABIS)
            die("unknown ABI '%s'", word);
        found |= 1u << i;
    }
    return found;
}

static uint64_t parse_capability(char **text)
{
    const char *word = next_word(text);

    for (size_t i = 0; word && i < ARRAY_SIZE(capabilities); i++) {
        if (strcmp(word, capabilities[i].name) == 0)
            return 1ull << capabilities[i].number;
    }
    die("unknown capability '%s'", word ? word : "");
}

static void add_value(struct args *ret, const char *word)
{
    if (*word == '<') {
        ret->rule.below = number(word + 1);
        return;
    }
    if (ret->rule.values_count == ARRAY_SIZE(ret->values))
        die("too many values");
    ret->values[ret->rule.values_count++] = number(word);
}

/* "arg0 in <38 39" or "arg0 without 0x7e020000" */
static int parse_args(char **text)
{
    const char *argument = next_word(text), *verb = next_word(text), *word = next_word(text);
    struct args *ret = &args[args_count];

    if (args_count == ARRAY_SIZE(args) || !argument || !verb || !word ||
        strncmp(argument, "arg", 3) != 0 || number(argument + 3) > 5)
        die("expected: if argN in VALUE... or: if argN without MASK");
    ret->rule.index = (uint8_t)number(argument + 3);
    if (strcmp(verb, "without") == 0) {
        ret->rule.without_mask = number(word);
    } else if (strcmp(verb, "in") == 0) {
        for (; word; word = next_word(text))
            add_value(ret, word);
    } else {
        die("unknown word '%s'", verb);
    }
    return SECCOMP_ARGS + (int)args_count++;
}

static struct rule parse_rule(char *text)
{
    struct rule rule = {.abis = (1u << ABIS) - 1, .action = SECCOMP_ALLOW};
    char *rest, *colon = strchr(text, ':');
    const char *verb, *word;

    if (!colon)
        die("a rule ends in ':'");
    *colon = '\0';
    verb = strtok_r(text, " \t\n", &rest);
    word = next_word(&rest);
    if (verb && word && strcmp(verb, "errno") == 0 && strcmp(word, "ENOSYS") == 0)
        rule.action = SECCOMP_ENOSYS;
    else if (!verb || strcmp(verb, "allow") != 0)
        die("unknown rule");
    else if (word && strcmp(word, "on") == 0)
        rule.abis = parse_abis(&rest);
    else if (word && strcmp(word, "with") == 0)
        rule.capabilities = parse_capability(&rest);
    else if (word && strcmp(word, "if") == 0)
        rule.action = parse_args(&rest);
    else if (word)
        die("unknown word '%s'", word);
    return rule;
}

static struct call *find_call(const char *name)
{
    for (size_t i = 0; i < calls_count; i++) {
        if (strcmp(calls[i].name, name) == 0)
            return &calls[i];
    }
    if (calls_count == ARRAY_SIZE(calls) || strlen(name) >= sizeof(calls->name))
        die("no room for '%s'", name);
    memcpy(calls[calls_count].name, name, strlen(name) + 1);
    calls[calls_count].number = -1;
    return &calls[calls_count++];
}

static void add_call(const struct rule *rule, char *word)
{
    char *equals = strchr(word, '=');
    struct call *call;

    if (equals)
        *equals++ = '\0';
    call = find_call(word);
    if (equals)
        call->number = (int)number(equals);
    if (call->abis && call->abis != rule->abis)
        die("'%s' has two rules for different ABIs", word);
    call->abis = rule->abis;
    if (rule->capabilities) {
        call->capabilities |= rule->capabilities;
        return;
    }
    if (call->otherwise != SECCOMP_EPERM)
        die("'%s' has two rules", word);
    call->otherwise = (uint8_t)rule->action;
}

static void read_profile(void)
{
    FILE *stream = fopen(file, "re");
    char text[256], *rest;
    struct rule rule = {.abis = 0};

    if (!stream)
        die("cannot open: %s", strerror(errno));
    for (line = 1; fgets(text, sizeof(text), stream); line++) {
        if (!strchr(text, '\n'))
            die("line too long");
        if (*text == '#' || *text == '\n')
            continue;
        if (!isspace((unsigned char)*text)) {
            rule = parse_rule(text);
            continue;
        }
        for (char *word = strtok_r(text, " \t\n", &rest); word; word = next_word(&rest))
            add_call(&rule, word);
    }
    fclose(stream);
}

static size_t find_class(uint64_t mask, uint8_t otherwise)
{
    for (size_t i = 0; i < classes_count; i++) {
        if (classes[i].capabilities == mask && classes[i].otherwise == otherwise)
            return i;
    }
    if (classes_count == ARRAY_SIZE(classes))
        die("too many classes");
    classes[classes_count] = (struct seccomp_class){mask, otherwise};
    return classes_count++;
}

/* What is always allowed has no other class, whatever capabilities are named too. Classes 0 and 1
 * are those of the numbers that nobody named. */
static void make_classes(void)
{
    find_class(0, SECCOMP_EPERM);
    find_class(0, SECCOMP_ENOSYS);
    for (size_t i = 0; i < calls_count; i++) {
        struct call *call = &calls[i];
        bool always = call->otherwise == SECCOMP_ALLOW;

        call->class = find_class(always ? 0 : call->capabilities, call->otherwise);
    }
}

/* libseccomp's number of a call in an ABI, -1 where it has none there. By number, since by name it
 * answers for i386 with a pseudo-number of socketcall where there is a call of its own too. */
static long find_number(const struct call *call, int abi)
{
    static const uint32_t parts[][2] = {{0, 1000}, {ARM_PRIVATE, ARM_PRIVATE + 16}};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (uint32_t plain = parts[i][0]; plain < parts[i][1]; plain++) {
            int tried = (int)(plain + abis[abi].base);
            char *name = seccomp_syscall_resolve_num_arch(abis[abi].token, tried);
            bool same = name && strcmp(name, call->name) == 0;

            free(name);
            if (same)
                return tried;
        }
    }
    return -1;
}

/* The number of a call in an ABI, -1 where it has none there or the profile leaves it out. */
static long resolve(const struct call *call, int abi)
{
    long found;

    if (!(call->abis & 1u << abi))
        return -1;
    found = find_number(call, abi);
    if (found >= 0 && call->number >= COMMON_FIRST && found != call->number + (long)abis[abi].base)
        die("'%s' is %ld on %s, not %d", call->name, found, abis[abi].name, call->number);
    if (found < 0 && call->number >= 0 &&
        seccomp_syscall_resolve_name(call->name) == __NR_SCMP_ERROR)
        return call->number + (long)abis[abi].base;
    return found;
}

struct numbered {
    uint32_t number;
    size_t class;
};

static int compare(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static size_t resolve_all(int abi, struct numbered *ret)
{
    size_t count = 0;

    for (size_t i = 0; i < calls_count; i++) {
        long found = resolve(&calls[i], abi);

        if (found >= 0)
            ret[count++] = (struct numbered){(uint32_t)found, calls[i].class};
    }
    qsort(ret, count, sizeof(*ret), compare);
    return count;
}

static void write_range(FILE *out, uint32_t first, size_t class, size_t *last)
{
    if (class != *last)
        fprintf(out, " {%uu, %zu},", first, class);
    *last = class;
}

/* A call with two names (sync_file_range2 and arm_sync_file_range) must have one class. */
static void write_ranges(FILE *out, int abi)
{
    struct numbered found[ARRAY_SIZE(calls)];
    size_t count = resolve_all(abi, found), last = SIZE_MAX, unnamed = 0;
    uint32_t next = abis[abi].base;

    fprintf(out, "static const struct seccomp_range seccomp_ranges_%s[] = {", abis[abi].name);
    for (size_t i = 0; i < count; i++) {
        if (i && found[i].number == found[i - 1].number) {
            if (found[i].class != found[i - 1].class)
                die("call %u of %s has two classes", found[i].number, abis[abi].name);
            continue;
        }
        if (next >= abis[abi].base + COMMON_FIRST && found[i].number - next > 1000)
            unnamed = 1;
        if (found[i].number > next)
            write_range(out, next, unnamed, &last);
        write_range(out, found[i].number, found[i].class, &last);
        next = found[i].number + 1;
    }
    write_range(out, next, 1, &last);
    fputs("};\n", out);
}

static bool on_machine(const struct call *call, size_t machine)
{
    for (const int *abi = machines[machine].abis; *abi >= 0; abi++) {
        if (resolve(call, *abi) >= 0)
            return true;
    }
    return false;
}

static void write_names(FILE *out, size_t machine, size_t class)
{
    const char *separator = "";

    fputs("    \"", out);
    for (size_t i = 0; i < calls_count; i++) {
        if (calls[i].class != class || !on_machine(&calls[i], machine))
            continue;
        fprintf(out, "%s\\\"%s\\\"", separator, calls[i].name);
        separator = ",\"\n    \"";
    }
    fputs("\",\n", out);
}

static void write_machine(FILE *out, size_t machine)
{
    const char *name = machines[machine].name;

    for (const int *abi = machines[machine].abis; *abi >= 0; abi++)
        write_ranges(out, *abi);
    fprintf(out, "static const struct seccomp_abi seccomp_abis_%s[] = {\n", name);
    for (const int *abi = machines[machine].abis; *abi >= 0; abi++)
        fprintf(out, "    {%s, seccomp_ranges_%s, KEG_ARRAY_SIZE(seccomp_ranges_%s)},\n",
                abis[*abi].audit_arch, abis[*abi].name, abis[*abi].name);
    fprintf(out, "};\nstatic const char *const seccomp_names_%s[] = {\n", name);
    for (size_t class = 0; class < classes_count; class ++)
        write_names(out, machine, class);
    fputs("};\n", out);
}

static void write_args(FILE *out)
{
    for (size_t i = 0; i < args_count; i++) {
        fprintf(out, "static const uint32_t seccomp_values_%zu[] = {", i);
        for (size_t j = 0; j < args[i].rule.values_count; j++)
            fprintf(out, "%uu, ", args[i].values[j]);
        fputs("0};\n", out);
    }
    fputs("static const struct seccomp_args seccomp_args[] = {\n", out);
    for (size_t i = 0; i < args_count; i++) {
        const struct seccomp_args *rule = &args[i].rule;

        fprintf(out, "    {%u, %uu, %uu, seccomp_values_%zu, %zu},\n", rule->index,
                rule->without_mask, rule->below, i, rule->values_count);
    }
    fputs("};\n", out);
}

static void write_table(FILE *out)
{
    fprintf(out,
            "/* Made by run/seccomp/generate.c from default.profile. */\n"
            "#define SECCOMP_CLASSES %zu\n"
            "static const struct seccomp_class seccomp_classes[] = {\n",
            classes_count);
    for (size_t i = 0; i < classes_count; i++)
        fprintf(out, "    {0x%llxull, %u},\n", (unsigned long long)classes[i].capabilities,
                classes[i].otherwise);
    fputs("};\n", out);
    write_args(out);
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
        write_machine(out, i);
    fputs("static const struct seccomp_profile seccomp_profiles[] = {\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
        fprintf(
            out,
            "    {\"%s\", seccomp_abis_%s, KEG_ARRAY_SIZE(seccomp_abis_%s), seccomp_names_%s},\n",
            machines[i].json, machines[i].name, machines[i].name, machines[i].name);
    fputs("};\n", out);
}

int main(int argc, char **argv)
{
    FILE *out;

    if (argc != 3) {
        fputs("usage: generate PROFILE OUTPUT\n", stderr);
        return 2;
    }
    file = argv[1];
    read_profile();
    make_classes();
    out = fopen(argv[2], "we");
    if (!out)
        die("cannot write '%s': %s", argv[2], strerror(errno));
    write_table(out);
    if (fclose(out))
        die("cannot write '%s': %s", argv[2], strerror(errno));
    return 0;
}
