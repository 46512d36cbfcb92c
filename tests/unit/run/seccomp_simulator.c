/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF, run in user space. */
#include "seccomp_simulator.h"

#include "base/base.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
    uint32_t word;

    cr_assert(offset + sizeof(word) <= sizeof(*data) && offset % sizeof(word) == 0);
    memcpy(&word, (const char *)data + offset, sizeof(word));
    return word;
}

static bool test_holds(const struct sock_filter *i, uint32_t a)
{
    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return a == i->k;
    case BPF_JGE:
        return a >= i->k;
    case BPF_JGT:
        return a > i->k;
    case BPF_JSET:
        return a & i->k;
    default:
        cr_assert_fail("jump %#x", i->code);
        return false;
    }
}

uint32_t simulate_filter(const struct sock_filter *filter, size_t length,
                         const struct seccomp_data *data)
{
    uint32_t a = 0;

    for (size_t pc = 0; pc < length; pc++) {
        const struct sock_filter *i = &filter[pc];

        if (i->code == (BPF_LD | BPF_W | BPF_ABS))
            a = load(data, i->k);
        else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
            a &= i->k;
        else if (i->code == (BPF_RET | BPF_K))
            return i->k;
        else if (i->code == (BPF_JMP | BPF_JA))
            pc += i->k;
        else if (BPF_CLASS(i->code) == BPF_JMP)
            pc += test_holds(i, a) ? i->jt : i->jf;
        else
            cr_assert_fail("instruction %#x", i->code);
    }
    cr_assert_fail("ran over the end");
    return 0;
}

size_t export_filter(scmp_filter_ctx ctx, struct sock_filter *ret, size_t room)
{
    _cleanup_fd_ int fd = memfd_create("filter", MFD_CLOEXEC);
    ssize_t size;

    cr_assert_eq(seccomp_export_bpf(ctx, fd), 0);
    size = pread(fd, ret, room * sizeof(*ret), 0);
    cr_assert(size > 0 && (size_t)size < room * sizeof(*ret));
    return (size_t)size / sizeof(*ret);
}
