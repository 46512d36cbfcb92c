/* SPDX-License-Identifier: Apache-2.0 */
/* What the device program answers, by a small interpreter; and that the kernel's verifier takes it.
 */
#include "run/device_bpf.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD

static uint64_t alu(const struct bpf_insn *i, uint64_t dst, uint64_t operand)
{
    switch (BPF_OP(i->code)) {
    case BPF_MOV:
        return operand;
    case BPF_RSH:
        return dst >> operand;
    case BPF_AND:
        return dst & operand;
    default:
        cr_assert_fail("instruction %#x is not known here", i->code);
        return 0;
    }
}

static bool jumps(const struct bpf_insn *i, uint64_t dst)
{
    uint64_t operand = (uint64_t)(int64_t)i->imm;
    switch (BPF_OP(i->code)) {
    case BPF_JA:
        return true;
    case BPF_JNE:
        return dst != operand;
    case BPF_JSET:
        return dst & operand;
    default:
        cr_assert_fail("jump %#x is not known here", i->code);
        return false;
    }
}

static uint64_t interpret(const struct bpf_insn *program, size_t length,
                          const struct bpf_cgroup_dev_ctx *context)
{
    uint64_t reg[11] = {0};
    for (size_t pc = 0; pc < length; pc++) {
        const struct bpf_insn *i = &program[pc];
        uint32_t word;
        switch (BPF_CLASS(i->code)) {
        case BPF_LDX:
            cr_assert_eq(i->src_reg, BPF_REG_1);
            memcpy(&word, (const char *)context + i->off, sizeof(word));
            reg[i->dst_reg] = word;
            break;
        case BPF_ALU64:
            reg[i->dst_reg] =
                alu(i, reg[i->dst_reg],
                    BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint64_t)(int64_t)i->imm);
            break;
        case BPF_JMP:
            if (BPF_OP(i->code) == BPF_EXIT)
                return reg[0];
            if (jumps(i, reg[i->dst_reg]))
                pc += (size_t)i->off;
            break;
        default:
            cr_assert_fail("class of %#x is not known here", i->code);
        }
    }
    cr_assert_fail("the program runs off its end");
    return 0;
}

static bool asks(const struct run_device_rule *rules, size_t count, char type, unsigned major,
                 unsigned minor, unsigned access)
{
    struct device_rules normal;
    struct bpf_insn *program;
    size_t length;
    cr_assert_eq(device_rules_normalise(rules, count, &normal, NULL), 0);
    cr_assert_eq(device_bpf_assemble(&normal, &program, &length), 0);
    uint32_t kind = type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    struct bpf_cgroup_dev_ctx context = {access << 16 | kind, major, minor};
    uint64_t answer = interpret(program, length, &context);
    free(program);
    return answer == 1;
}

static const struct run_device_rule defaults[] = {
    {false, 'a', -1, -1, "rwm"}, {true, 'c', -1, -1, "m"},    {true, 'b', -1, -1, "m"},
    {true, 'c', 1, 3, "rwm"},    {true, 'c', 136, -1, "rwm"}, {true, 'c', 5, 2, "rw"},
    {false, 'c', 10, 229, "rwm"}};

#define ASK(...) asks(defaults, KEG_ARRAY_SIZE(defaults), __VA_ARGS__)

Test(device_bpf, what_is_allowed_may_be_opened_and_nothing_else)
{
    cr_expect(ASK('c', 1, 3, R | W));
    cr_expect(ASK('c', 136, 7, R | W | M));
    cr_expect(ASK('c', 5, 2, R | W));
    cr_expect_not(ASK('c', 1, 5, R));
    cr_expect_not(ASK('b', 1, 3, R));
    cr_expect_not(ASK('b', 8, 0, R));
    cr_expect_not(ASK('c', 10, 200, W));
}

Test(device_bpf, mknod_is_a_right_of_its_own)
{
    cr_expect(ASK('b', 8, 0, M));
    cr_expect_not(ASK('b', 8, 0, M | R));
    cr_expect_not(ASK('c', 10, 229, M));
}

Test(device_bpf, rights_of_several_rules_add_up)
{
    cr_expect(ASK('c', 5, 2, R | W | M));
    struct run_device_rule rules[] = {{true, 'c', 4, 4, "r"}, {true, 'c', 4, 4, "w"}};
    cr_expect(asks(rules, 2, 'c', 4, 4, R | W));
    cr_expect_not(asks(rules, 2, 'c', 4, 4, R | M));
}

Test(device_bpf, the_last_matching_rule_decides)
{
    struct run_device_rule rules[] = {
        {true, 'c', 4, 4, "rwm"}, {false, 'c', 4, 4, "w"}, {true, 'c', 4, 4, "w"}};
    cr_expect_not(asks(rules, 2, 'c', 4, 4, W));
    cr_expect(asks(rules, 2, 'c', 4, 4, R));
    cr_expect_not(asks(rules, 2, 'c', 4, 4, R | W));
    cr_expect(asks(rules, 3, 'c', 4, 4, R | W));
}

Test(device_bpf, a_list_without_deny_all_is_not_an_exception_list)
{
    struct run_device_rule rules[] = {{false, 'c', 4, 4, "rwm"}};
    cr_expect_not(asks(rules, 1, 'c', 1, 3, R));
}

Test(device_bpf, exceptions_from_allow_all)
{
    struct run_device_rule rules[] = {{true, 'a', -1, -1, "rwm"}, {false, 'b', -1, -1, "w"}};
    cr_expect(asks(rules, 2, 'c', 1, 3, R | W | M));
    cr_expect(asks(rules, 2, 'b', 8, 1, R));
    cr_expect_not(asks(rules, 2, 'b', 8, 1, R | W));
}

/* A program of 200 rules of all forms: the verifier refuses unreachable code and wrong jumps. */
Test(device_bpf, the_verifier_takes_long_lists)
{
    struct run_device_rule rules[200];
    for (size_t i = 0; i < 200; i++)
        rules[i] = (struct run_device_rule){i % 3 != 0, "abc"[i % 3], i % 5 ? (int64_t)i : -1,
                                            i % 7 ? (int64_t)i : -1, ""};
    for (size_t i = 0; i < 200; i++)
        memcpy(rules[i].access, i % 10 == 3 ? "r" : "rwm", i % 10 == 3 ? 2 : 4);
    for (size_t i = 0; i < 200; i += 35)
        rules[i].major = 1; /* none is for all: the list would begin anew there */
    struct device_rules normal;
    struct bpf_insn *program;
    size_t length;
    cr_assert_eq(device_rules_normalise(rules, 200, &normal, NULL), 0);
    cr_assert_eq(device_bpf_assemble(&normal, &program, &length), 0);
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE};
    attr.insns = (uint64_t)(uintptr_t)program;
    attr.insn_cnt = (uint32_t)length;
    attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
    int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
    int error = errno;
    free(program);
    if (fd < 0 && (error == EPERM || error == ENOSYS))
        cr_skip_test("bpf(2) is not permitted here");
    cr_assert_geq(fd, 0, "%s", strerror(error));
    close(fd);
}
