/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time program: all names of system calls and their numbers -> seccomp_calls.h. libseccomp
 * knows most of them; it is not in keg. */
#include "run/seccomp/table.h"

#include <errno.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define X32_BIT           0x40000000u
#define EVERY_ABI         ((1u << SECCOMP_ABIS) - 1)
#define SLOTS             2048

static const struct {
    uint32_t token;
    uint32_t base; /* where its numbers begin */
} abis[SECCOMP_ABIS] = {
    [SECCOMP_ABI_X86_64] = {SCMP_ARCH_X86_64, 0}, [SECCOMP_ABI_X32] = {SCMP_ARCH_X32, X32_BIT},
    [SECCOMP_ABI_I386] = {SCMP_ARCH_X86, 0},      [SECCOMP_ABI_AARCH64] = {SCMP_ARCH_AARCH64, 0},
    [SECCOMP_ABI_ARM] = {SCMP_ARCH_ARM, 0},
};

/* What a libseccomp may be too old for. From 424 on a number means the same call on every machine.
 */
static const struct {
    const char *name;
    int number;
    unsigned abis;
} newer[] = {
    {"process_madvise", 440, EVERY_ABI},
    {"epoll_pwait2", 441, EVERY_ABI},
    {"mount_setattr", 442, EVERY_ABI},
    {"quotactl_fd", 443, EVERY_ABI},
    {"landlock_create_ruleset", 444, EVERY_ABI},
    {"landlock_add_rule", 445, EVERY_ABI},
    {"landlock_restrict_self", 446, EVERY_ABI},
    {"memfd_secret", 447, EVERY_ABI},
    {"process_mrelease", 448, EVERY_ABI},
    {"futex_waitv", 449, EVERY_ABI},
    {"set_mempolicy_home_node", 450, EVERY_ABI},
    {"cachestat", 451, EVERY_ABI},
    {"fchmodat2", 452, EVERY_ABI},
    {"map_shadow_stack", 453, EVERY_ABI},
    {"futex_wake", 454, EVERY_ABI},
    {"futex_wait", 455, EVERY_ABI},
    {"futex_requeue", 456, EVERY_ABI},
    {"statmount", 457, EVERY_ABI},
    {"listmount", 458, EVERY_ABI},
    {"lsm_get_self_attr", 459, EVERY_ABI},
    {"lsm_set_self_attr", 460, EVERY_ABI},
    {"lsm_list_modules", 461, EVERY_ABI},
    {"mseal", 462, EVERY_ABI},
    {"setxattrat", 463, EVERY_ABI},
    {"getxattrat", 464, EVERY_ABI},
    {"listxattrat", 465, EVERY_ABI},
    {"removexattrat", 466, EVERY_ABI},
    {"open_tree_attr", 467, EVERY_ABI},
    {"file_getattr", 468, EVERY_ABI},
    {"file_setattr", 469, EVERY_ABI},
    {"uretprobe", 335, 1u << SECCOMP_ABI_X86_64},
};

/* Parts of these: linux/net.h, linux/ipc.h. */
#define SOCKET SECCOMP_I386_SOCKETCALL
#define IPC    SECCOMP_I386_IPC

static const struct {
    const char *name;
    uint8_t multiplexer, part;
} parts[] = {
    {"socket", SOCKET, 1},      {"bind", SOCKET, 2},        {"connect", SOCKET, 3},
    {"listen", SOCKET, 4},      {"accept", SOCKET, 5},      {"getsockname", SOCKET, 6},
    {"getpeername", SOCKET, 7}, {"socketpair", SOCKET, 8},  {"send", SOCKET, 9},
    {"recv", SOCKET, 10},       {"sendto", SOCKET, 11},     {"recvfrom", SOCKET, 12},
    {"shutdown", SOCKET, 13},   {"setsockopt", SOCKET, 14}, {"getsockopt", SOCKET, 15},
    {"sendmsg", SOCKET, 16},    {"recvmsg", SOCKET, 17},    {"accept4", SOCKET, 18},
    {"recvmmsg", SOCKET, 19},   {"sendmmsg", SOCKET, 20},   {"semop", IPC, 1},
    {"semget", IPC, 2},         {"semctl", IPC, 3},         {"semtimedop", IPC, 4},
    {"msgsnd", IPC, 11},        {"msgrcv", IPC, 12},        {"msgget", IPC, 13},
    {"msgctl", IPC, 14},        {"shmat", IPC, 21},         {"shmdt", IPC, 22},
    {"shmget", IPC, 23},        {"shmctl", IPC, 24},
};

struct named {
    char name[48];
    int32_t numbers[SECCOMP_ABIS];
};

static struct named calls[1024];
static size_t calls_count;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(1);
}

static struct named *find_call(const char *name)
{
    for (size_t i = 0; i < calls_count; i++) {
        if (strcmp(calls[i].name, name) == 0)
            return &calls[i];
    }
    if (calls_count == ARRAY_SIZE(calls) || strlen(name) >= sizeof(calls->name))
        die("no room for '%s'", name);
    memcpy(calls[calls_count].name, name, strlen(name) + 1);
    memset(calls[calls_count].numbers, -1, sizeof(calls->numbers));
    return &calls[calls_count++];
}

static bool has_room(uint32_t number)
{
    return number < SECCOMP_NUMBERS_MAX ||
           (number >= SECCOMP_ARM_PRIVATE && number < SECCOMP_ARM_PRIVATE + SECCOMP_PRIVATE_MAX);
}

static void ask(int abi, uint32_t number)
{
    char *name = seccomp_syscall_resolve_num_arch(abis[abi].token, (int)(number + abis[abi].base));

    if (name && !has_room(number))
        die("'%s' has the number %u", name, number);
    if (name)
        find_call(name)->numbers[abi] = (int32_t)number;
    free(name);
}

/* By number, since by name libseccomp answers for i386 with pseudo-numbers of parts of socketcall
 * where there is a call of its own too. */
static void ask_all(void)
{
    for (int abi = 0; abi < SECCOMP_ABIS; abi++) {
        for (uint32_t number = 0; number < 1000; number++)
            ask(abi, number);
        for (uint32_t number = 0; number < 64 && !abis[abi].base; number++)
            ask(abi, SECCOMP_ARM_PRIVATE + number);
    }
}

static void add_newer(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(newer); i++) {
        struct named *call;

        if (seccomp_syscall_resolve_name(newer[i].name) != __NR_SCMP_ERROR)
            continue;
        call = find_call(newer[i].name);
        for (int abi = 0; abi < SECCOMP_ABIS; abi++)
            call->numbers[abi] = newer[i].abis & 1u << abi ? newer[i].number : -1;
    }
    /* send and recv, and for i386 alone accept, are parts and nothing else. */
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        (void)find_call(parts[i].name);
}

static void write_slots(FILE *out)
{
    static size_t slots[SLOTS];

    for (size_t i = 0; i < calls_count; i++) {
        size_t place = seccomp_hash(calls[i].name) % SLOTS;

        while (slots[place])
            place = (place + 1) % SLOTS;
        slots[place] = i + 1;
    }
    fprintf(out, "#define SECCOMP_SLOTS %d\nstatic const uint16_t seccomp_slots[] = {", SLOTS);
    for (size_t i = 0; i < SLOTS; i++)
        fprintf(out, "%zu,%s", slots[i], i % 16 == 15 ? "\n" : "");
    fputs("};\n", out);
}

static void write_call(FILE *out, const struct named *call, size_t place)
{
    uint8_t multiplexer = 0, part = 0;

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (strcmp(parts[i].name, call->name) == 0) {
            multiplexer = parts[i].multiplexer;
            part = parts[i].part;
        }
    }
    fprintf(out, "    {%zu, %u, %u, {", place, multiplexer, part);
    for (int abi = 0; abi < SECCOMP_ABIS; abi++)
        fprintf(out, "%d,", call->numbers[abi]);
    fputs("}},\n", out);
}

static void write_table(FILE *out)
{
    size_t place = 0;

    fputs("/* Made by run/seccomp/generate_calls.c. */\n"
          "static const char seccomp_call_names[] =\n",
          out);
    for (size_t i = 0; i < calls_count; i++)
        fprintf(out, "    \"%s\\0\"\n", calls[i].name);
    fputs(";\nstatic const struct seccomp_call seccomp_calls[] = {\n", out);
    for (size_t i = 0; i < calls_count; i++) {
        write_call(out, &calls[i], place);
        place += strlen(calls[i].name) + 1;
    }
    fputs("};\n", out);
    if (place > UINT16_MAX || calls_count * 2 > SLOTS)
        die("too many names");
    write_slots(out);
}

int main(int argc, char **argv)
{
    FILE *out;

    if (argc != 2)
        die("usage: generate_calls OUTPUT");
    ask_all();
    add_newer();
    out = fopen(argv[1], "we");
    if (!out)
        die("cannot write '%s': %s", argv[1], strerror(errno));
    write_table(out);
    if (fclose(out))
        die("cannot write '%s': %s", argv[1], strerror(errno));
    return 0;
}
