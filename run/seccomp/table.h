/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that the programs of the build write: run/seccomp/generate.c for run/seccomp.c, the
 * default profile; run/seccomp/generate_calls.c for run/seccomp_compile.c, the numbers of all
 * names. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What to do with a system call. From SECCOMP_ARGS on: see `seccomp_args`, entry action -
 * SECCOMP_ARGS. */
enum { SECCOMP_EPERM, SECCOMP_ENOSYS, SECCOMP_ALLOW, SECCOMP_ARGS };

/* Calls of one class are decided alike: allowed where one bit of `capabilities` is in the bounding
 * set, else `otherwise`, one of the above. */
struct seccomp_class {
    uint64_t capabilities;
    uint8_t otherwise;
};

/* Numbers from `first` up to the next range's. Sorted; the first range of an ABI begins at its
 * lowest. */
struct seccomp_range {
    uint32_t first;
    uint8_t class;
};

struct seccomp_abi {
    uint32_t audit_arch;
    const struct seccomp_range *ranges;
    size_t ranges_count;
};

/* A rule about one argument. `without_mask` not 0: allowed where none of its bits is set. Else
 * allowed where the argument is below `below` or one of `values`. Else EPERM. */
struct seccomp_args {
    uint8_t index;
    uint32_t without_mask;
    uint32_t below;
    const uint32_t *values;
    size_t values_count;
};

/* One machine: its own ABI first, then for x86_64 x32 (which shares its audit arch) and i386, for
 * aarch64 arm. `names`: for each class the names of its calls, as the inside of a JSON array, ""
 * for none. */
struct seccomp_profile {
    const char *json_architectures;
    const struct seccomp_abi *abis;
    size_t abis_count;
    const char *const *names;
};

/* The ABIs of all machines. */
enum {
    SECCOMP_ABI_X86_64,
    SECCOMP_ABI_X32,
    SECCOMP_ABI_I386,
    SECCOMP_ABI_AARCH64,
    SECCOMP_ABI_ARM,
    SECCOMP_ABIS
};

/* arm's own calls are far above all others and do not say where the known numbers end. */
#define SECCOMP_ARM_PRIVATE 0x0f0000u
/* The room for them, and for all other numbers of an ABI: generate_calls.c makes sure. */
#define SECCOMP_PRIVATE_MAX 16
#define SECCOMP_NUMBERS_MAX 640

/* linux/unistd.h of i386: one system call for many. */
#define SECCOMP_I386_SOCKETCALL 102
#define SECCOMP_I386_IPC        117

/* A name that system calls have somewhere. `name`: its place among all names, which are one text
 * (pointers would be relocated at each start of keg). `numbers`: -1 where an ABI has none, without
 * x32's bit. `multiplexer`: i386's number of the call that this one is a part of too (socketcall(2)
 * or ipc(2)), as part `part`; 0: none. */
struct seccomp_call {
    uint16_t name;
    uint8_t multiplexer;
    uint8_t part;
    int32_t numbers[SECCOMP_ABIS];
};

/* Where the search for a name begins in the table of slots, whose size is a power of two. */
static inline uint32_t seccomp_hash(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash;
}
