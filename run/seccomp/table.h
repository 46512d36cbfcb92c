/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that run/seccomp/generate.c writes and run/seccomp.c turns into filters. */
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
