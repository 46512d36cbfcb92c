/* SPDX-License-Identifier: Apache-2.0 */
/* The default seccomp profile as a filter: ranges of numbers -> a binary tree in classic BPF. */
#include "run/seccomp.h"

#include "base/cleanup.h"
#include "run/seccomp/table.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The generated tables; this is the only file that has them. */
#include "run/seccomp/seccomp_table.h"

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

/* Numbers of x32 have this bit, and the audit arch of x86_64. */
#define X32_BIT 0x40000000u

/* Ranges of one ABI once the bounding set is known; arm, the largest, has 154 before neighbours
 * merge. */
#define LEAVES_MAX 256

struct leaf {
    uint32_t first;
    uint8_t action;
};

/* One side of a comparison that leads to a plain answer. */
struct answer {
    size_t jump;
    bool greater;
    uint8_t action;
};

struct builder {
    struct seccomp_filter *filter;
    bool failed; /* sticky: the filter did not fit */
    uint8_t actions[SECCOMP_CLASSES];
    struct leaf leaves[LEAVES_MAX];
    struct answer answers[LEAVES_MAX];
    size_t answers_count;
};

/* Returns the place of the new instruction. */
static size_t emit(struct builder *builder, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
    struct seccomp_filter *filter = builder->filter;

    if (filter->length == SECCOMP_FILTER_MAX) {
        builder->failed = true;
        return 0;
    }
    filter->instructions[filter->length] = (struct sock_filter){code, jt, jf, k};
    return filter->length++;
}

static void emit_load(struct builder *builder, size_t offset)
{
    emit(builder, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct builder *builder, uint8_t action)
{
    static const uint32_t returns[] = {
        [SECCOMP_EPERM] = SECCOMP_RET_ERRNO | EPERM,
        [SECCOMP_ENOSYS] = SECCOMP_RET_ERRNO | ENOSYS,
        [SECCOMP_ALLOW] = SECCOMP_RET_ALLOW,
    };

    emit(builder, BPF_RET | BPF_K, returns[action], 0, 0);
}

/* The values that allow jump over the refusal at the end; the upper half must be 0, since a filter
 * sees all 64 bits of an argument of which the kernel may use 32. */
static void emit_value_rule(struct builder *builder, const struct seccomp_args *rule,
                            size_t argument)
{
    uint8_t tests = (uint8_t)(rule->values_count + (rule->below ? 1 : 0));

    /* Both machines are little-endian: the lower half is at the argument's own offset. */
    emit_load(builder, argument + sizeof(uint32_t));
    emit(builder, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint8_t)(tests + 1));
    emit_load(builder, argument);
    for (size_t i = 0; i < rule->values_count; i++)
        emit(builder, BPF_JMP | BPF_JEQ | BPF_K, rule->values[i], tests--, 0);
    if (rule->below)
        emit(builder, BPF_JMP | BPF_JGE | BPF_K, rule->below, 0, 1);
    emit_return(builder, SECCOMP_EPERM);
    emit_return(builder, SECCOMP_ALLOW);
}

static void emit_mask_rule(struct builder *builder, const struct seccomp_args *rule,
                           size_t argument)
{
    emit_load(builder, argument);
    emit(builder, BPF_JMP | BPF_JSET | BPF_K, rule->without_mask, 0, 1);
    emit_return(builder, SECCOMP_EPERM);
    emit_return(builder, SECCOMP_ALLOW);
}

static void emit_argument_rule(struct builder *builder, const struct seccomp_args *rule)
{
    size_t argument = offsetof(struct seccomp_data, args) + rule->index * sizeof(uint64_t);

    if (rule->without_mask)
        emit_mask_rule(builder, rule, argument);
    else
        emit_value_rule(builder, rule, argument);
}

/* Makes one side of the comparison at ${jump} lead to ${target}. */
static void set_side(struct builder *builder, size_t jump, bool greater, size_t target)
{
    struct sock_filter *instruction = &builder->filter->instructions[jump];
    size_t distance = target - jump - 1;

    if (distance > UINT8_MAX)
        builder->failed = true;
    if (greater)
        instruction->jt = (uint8_t)distance;
    else
        instruction->jf = (uint8_t)distance;
}

static void emit_tree(struct builder *builder, const struct leaf *leaves, size_t count);

/* What one side of a comparison decides, placed here. Plain answers are shared by the whole tree
 * and come at its end: half as many instructions, which is time when the kernel compiles them. */
static void emit_side(struct builder *builder, const struct leaf *leaves, size_t count, size_t jump,
                      bool greater)
{
    if (count == 1 && leaves->action < SECCOMP_ARGS) {
        builder->answers[builder->answers_count++] = (struct answer){jump, greater, leaves->action};
        return;
    }
    set_side(builder, jump, greater, builder->filter->length);
    if (count == 1)
        emit_argument_rule(builder, &seccomp_args[leaves->action - SECCOMP_ARGS]);
    else
        emit_tree(builder, leaves, count);
}

/* Two leaves or more, the number being in the accumulator. */
static void emit_tree(struct builder *builder, const struct leaf *leaves, size_t count)
{
    size_t half = count / 2;
    size_t jump = emit(builder, BPF_JMP | BPF_JGE | BPF_K, leaves[half].first, 0, 0);

    emit_side(builder, leaves, half, jump, false);
    emit_side(builder, leaves + half, count - half, jump, true);
}

static void emit_answers(struct builder *builder)
{
    for (uint8_t action = SECCOMP_EPERM; action < SECCOMP_ARGS; action++) {
        size_t place = builder->filter->length;

        emit_return(builder, action);
        for (size_t i = 0; i < builder->answers_count; i++) {
            const struct answer *answer = &builder->answers[i];

            if (answer->action == action)
                set_side(builder, answer->jump, answer->greater, place);
        }
    }
}

static size_t merge_leaves(struct builder *builder, const struct seccomp_abi *abi)
{
    size_t count = 0;

    for (size_t i = 0; i < abi->ranges_count; i++) {
        uint8_t action = builder->actions[abi->ranges[i].class];

        if (count && builder->leaves[count - 1].action == action)
            continue;
        if (count == LEAVES_MAX) {
            builder->failed = true;
            break;
        }
        builder->leaves[count++] = (struct leaf){abi->ranges[i].first, action};
    }
    return count;
}

static void emit_abi(struct builder *builder, const struct seccomp_abi *abi)
{
    size_t count = merge_leaves(builder, abi);

    /* At least a number that is known and one above all that are. */
    if (count < 2 || builder->failed) {
        builder->failed = true;
        return;
    }
    builder->answers_count = 0;
    emit_tree(builder, builder->leaves, count);
    emit_answers(builder);
}

/* A test whose other side may be farther than 255 instructions: `ja` takes 32 bits. Returns the
 * place of the jump, for land(). */
static size_t emit_far_unless(struct builder *builder, uint16_t test, uint32_t k)
{
    emit(builder, (uint16_t)(BPF_JMP | test | BPF_K), k, 1, 0);
    return emit(builder, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void land(struct builder *builder, size_t jump)
{
    builder->filter->instructions[jump].k = (uint32_t)(builder->filter->length - jump - 1);
}

/* All ABIs behind one audit arch: one, or x86_64 and x32. Returns how many. */
static size_t emit_arch(struct builder *builder, const struct seccomp_abi *abis, size_t count)
{
    bool x32 = count > 1 && abis[1].audit_arch == abis[0].audit_arch;
    size_t far;

    emit_load(builder, offsetof(struct seccomp_data, nr));
    if (!x32) {
        emit_abi(builder, &abis[0]);
        return 1;
    }
    emit(builder, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    far = emit(builder, BPF_JMP | BPF_JA, 0, 0, 0);
    emit_abi(builder, &abis[0]);
    land(builder, far);
    emit_abi(builder, &abis[1]);
    return 2;
}

static uint8_t class_action(const struct seccomp_class *class, uint64_t bounding)
{
    return class->capabilities & bounding ? SECCOMP_ALLOW : class->otherwise;
}

int seccomp_build_default(enum seccomp_machine machine, uint64_t bounding,
                          struct seccomp_filter *ret)
{
    const struct seccomp_profile *profile = &seccomp_profiles[machine];
    struct builder builder;

    builder.filter = ret;
    builder.failed = false;
    ret->length = 0;
    for (size_t i = 0; i < SECCOMP_CLASSES; i++)
        builder.actions[i] = class_action(&seccomp_classes[i], bounding);
    for (size_t i = 0; i < profile->abis_count;) {
        const struct seccomp_abi *abi = &profile->abis[i];
        size_t other;

        emit_load(&builder, offsetof(struct seccomp_data, arch));
        other = emit_far_unless(&builder, BPF_JEQ, abi->audit_arch);
        i += emit_arch(&builder, abi, profile->abis_count - i);
        land(&builder, other);
    }
    /* An ABI that this kernel was never known to have. */
    emit(&builder, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
    return builder.failed ? -E2BIG : 0;
}

int seccomp_install(const struct seccomp_filter *filter, bool log, struct keg_err *err)
{
    union {
        const struct sock_filter *read;
        struct sock_filter *write;
    } instructions = {.read = filter->instructions}; /* the kernel only reads them */
    struct sock_fprog program = {filter->length, instructions.write};
    unsigned long flags = log ? SECCOMP_FILTER_FLAG_LOG : 0;

    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                &program) == 0)
        return 0;
    /* Before Linux 4.17. */
    if (errno == EINVAL && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0)
        return 0;
    return keg_fail_errno(err, "install the seccomp filter");
}

int seccomp_install_default(uint64_t bounding, bool log, struct keg_err *err)
{
    struct seccomp_filter filter;
    int r = seccomp_build_default(SECCOMP_NATIVE, bounding, &filter);

    if (r < 0)
        return keg_fail(err, r, "the default seccomp profile is too large");
    return seccomp_install(&filter, log, err);
}

/* One rule of runtime-spec for each test: those for the same name are joined by "or". */
static void write_args_json(struct keg_buf *buf, const char *names, const struct seccomp_args *rule)
{
    static const char format[] = ",{\"names\":[%s],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{"
                                 "\"index\":%u,\"value\":%u,\"valueTwo\":0,\"op\":\"%s\"}]}";

    if (rule->without_mask)
        keg_buf_printf(buf, format, names, rule->index, rule->without_mask, "SCMP_CMP_MASKED_EQ");
    if (rule->below)
        keg_buf_printf(buf, format, names, rule->index, rule->below, "SCMP_CMP_LT");
    for (size_t i = 0; i < rule->values_count; i++)
        keg_buf_printf(buf, format, names, rule->index, rule->values[i], "SCMP_CMP_EQ");
}

/* EPERM is the default action and needs no rule. */
static void write_class_json(struct keg_buf *buf, const char *names, uint8_t action)
{
    if (action == SECCOMP_ENOSYS)
        keg_buf_printf(buf, ",{\"names\":[%s],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d}",
                       names, ENOSYS);
    else if (action >= SECCOMP_ARGS)
        write_args_json(buf, names, &seccomp_args[action - SECCOMP_ARGS]);
}

int seccomp_write_json(enum seccomp_machine machine, uint64_t bounding, struct keg_buf *buf)
{
    const struct seccomp_profile *profile = &seccomp_profiles[machine];
    const char *separator = "";

    keg_buf_printf(buf,
                   "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":%d,"
                   "\"architectures\":[%s],\"syscalls\":[{\"names\":[",
                   EPERM, profile->json_architectures);
    for (size_t i = 0; i < SECCOMP_CLASSES; i++) {
        if (!*profile->names[i] || class_action(&seccomp_classes[i], bounding) != SECCOMP_ALLOW)
            continue;
        keg_buf_printf(buf, "%s%s", separator, profile->names[i]);
        separator = ",";
    }
    keg_buf_str(buf, "],\"action\":\"SCMP_ACT_ALLOW\"}");
    for (size_t i = 0; i < SECCOMP_CLASSES; i++) {
        if (*profile->names[i])
            write_class_json(buf, profile->names[i], class_action(&seccomp_classes[i], bounding));
    }
    return keg_buf_str(buf, "]}");
}

int seccomp_write_default_json(uint64_t bounding, struct keg_buf *buf)
{
    return seccomp_write_json(SECCOMP_NATIVE, bounding, buf);
}
