/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules as a hand-assembled BPF program: no compiler and no libbpf is needed for twenty
 * jumps. */
#include "run/device_bpf.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* Registers of the program, beside r0 (the answer) and r1 (the context). */
enum { REG_TYPE = BPF_REG_2, REG_ACCESS = BPF_REG_3, REG_MAJOR = BPF_REG_4, REG_MINOR = BPF_REG_5 };

/* Type, major, minor, three for the access, two for the answer. */
#define RULE_INSNS_MAX 8
#define PROLOGUE_INSNS 6
#define EPILOGUE_INSNS 2

unsigned device_access_bits(const char *access)
{
    unsigned bits = 0;
    for (const char *c = access; *c; c++) {
        if (*c == 'r')
            bits |= BPF_DEVCG_ACC_READ;
        else if (*c == 'w')
            bits |= BPF_DEVCG_ACC_WRITE;
        else if (*c == 'm')
            bits |= BPF_DEVCG_ACC_MKNOD;
        else
            return 0;
    }
    return bits;
}

static bool is_number_valid(int64_t number)
{
    return number >= -1 && number <= INT32_MAX;
}

static int check_rule(const struct run_device_rule *rule, size_t position, struct keg_err *err)
{
    if (!rule->type || !strchr("abc", rule->type))
        return keg_fail(err, -EINVAL, "device rule %zu: type is not a, b or c", position);
    if (!is_number_valid(rule->major) || !is_number_valid(rule->minor))
        return keg_fail(err, -EINVAL, "device rule %zu: device number %lld:%lld is out of range",
                        position, (long long)rule->major, (long long)rule->minor);
    if (strnlen(rule->access, sizeof(rule->access)) == sizeof(rule->access) ||
        !device_access_bits(rule->access))
        return keg_fail(err, -EINVAL, "device rule %zu: access '%.4s' is not made of r, w and m",
                        position, rule->access);
    return 0;
}

static bool is_for_all(const struct run_device_rule *rule)
{
    return rule->type == 'a' && rule->major == -1 && rule->minor == -1 &&
           device_access_bits(rule->access) == ACCESS_ALL;
}

int device_rules_normalise(const struct run_device_rule *rules, size_t count,
                           struct device_rules *ret, struct keg_err *err)
{
    size_t first = 0;
    bool base_allow = false;
    for (size_t i = 0; i < count; i++) {
        int result = check_rule(&rules[i], i, err);
        if (result < 0)
            return result;
        if (is_for_all(&rules[i])) {
            base_allow = rules[i].allow;
            first = i + 1;
        }
    }
    *ret = (struct device_rules){base_allow, count ? rules + first : rules, count - first};
    return 0;
}

struct assembler {
    struct bpf_insn *insns;
    size_t length;
};

static void emit(struct assembler *a, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
                 int32_t imm)
{
    a->insns[a->length++] = (struct bpf_insn){
        .code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm};
}

static void emit_load(struct assembler *a, uint8_t dst, size_t offset)
{
    emit(a, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, (int16_t)offset, 0);
}

static void emit_answer(struct assembler *a, bool allow)
{
    emit(a, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
    emit(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The kernel packs access (high half) and type (low half) into one word (struct
 * bpf_cgroup_dev_ctx). */
static void emit_prologue(struct assembler *a)
{
    emit_load(a, REG_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    emit(a, BPF_ALU64 | BPF_MOV | BPF_X, REG_ACCESS, REG_TYPE, 0, 0);
    emit(a, BPF_ALU64 | BPF_RSH | BPF_K, REG_ACCESS, 0, 0, 16);
    emit(a, BPF_ALU64 | BPF_AND | BPF_K, REG_TYPE, 0, 0, 0xffff);
    emit_load(a, REG_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
    emit_load(a, REG_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

/* Each rule either answers or falls through to the one after it. REG_ACCESS holds the bits that no
 * later rule of the list has granted: the program runs through the list backwards. */
static void emit_rule(struct assembler *a, const struct run_device_rule *rule)
{
    size_t skips[5], skips_count = 0;
    if (rule->type != 'a') {
        skips[skips_count++] = a->length;
        emit(a, BPF_JMP | BPF_JNE | BPF_K, REG_TYPE, 0, 0,
             rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    }
    if (rule->major >= 0) {
        skips[skips_count++] = a->length;
        emit(a, BPF_JMP | BPF_JNE | BPF_K, REG_MAJOR, 0, 0, (int32_t)rule->major);
    }
    if (rule->minor >= 0) {
        skips[skips_count++] = a->length;
        emit(a, BPF_JMP | BPF_JNE | BPF_K, REG_MINOR, 0, 0, (int32_t)rule->minor);
    }
    int32_t bits = (int32_t)device_access_bits(rule->access);
    if (bits == ACCESS_ALL) {
        /* Nothing is left to ask. Most rules are like this; each other one gives the verifier
         * another path to walk to the end. */
    } else if (rule->allow) {
        emit(a, BPF_ALU64 | BPF_AND | BPF_K, REG_ACCESS, 0, 0, ~bits);
        skips[skips_count++] = a->length;
        emit(a, BPF_JMP | BPF_JNE | BPF_K, REG_ACCESS, 0, 0, 0);
    } else {
        emit(a, BPF_JMP | BPF_JSET | BPF_K, REG_ACCESS, 0, 1, bits);
        skips[skips_count++] = a->length;
        emit(a, BPF_JMP | BPF_JA, 0, 0, 0, 0);
    }
    emit_answer(a, rule->allow);
    for (size_t i = 0; i < skips_count; i++)
        a->insns[skips[i]].off = (int16_t)(a->length - skips[i] - 1);
}

int device_bpf_assemble(const struct device_rules *rules, struct bpf_insn **ret, size_t *ret_length)
{
    size_t max = PROLOGUE_INSNS + rules->count * RULE_INSNS_MAX + EPILOGUE_INSNS;
    struct assembler a = {.insns = calloc(max, sizeof(*a.insns))};
    if (!a.insns)
        return -ENOMEM;
    emit_prologue(&a);
    for (size_t i = rules->count; i-- > 0;)
        emit_rule(&a, &rules->rules[i]);
    emit_answer(&a, rules->base_allow);
    *ret = a.insns;
    *ret_length = a.length;
    return 0;
}

static int sys_bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

#define PROGRAM_NAME "keg_devices"
/* What a folder may have attached directly; the kernel allows 64 (BPF_CGROUP_MAX_PROGS). */
#define PROGRAMS_MAX 64

/* Return the program's fd or a negative code. */
static int load(const struct bpf_insn *program, size_t length, struct keg_err *err)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uint64_t)(uintptr_t)program;
    attr.insn_cnt = (uint32_t)length;
    attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
    memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
    int fd = sys_bpf(BPF_PROG_LOAD, &attr);
    return fd < 0 ? keg_fail_errno(err, "device rules: load the device program") : fd;
}

static int attach(int cgroup_fd, int program_fd, struct keg_err *err)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)program_fd;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (sys_bpf(BPF_PROG_ATTACH, &attr) < 0)
        return keg_fail_errno(err, "device rules: attach the device program");
    return 0;
}

int device_bpf_attach(int cgroup_fd, const struct bpf_insn *program, size_t length,
                      struct keg_err *err)
{
    _cleanup_fd_ int fd = load(program, length, err);
    return fd < 0 ? fd : attach(cgroup_fd, fd, err);
}

/* ---- in place of those that are there */

static int query(int cgroup_fd, uint32_t ids[static PROGRAMS_MAX], uint32_t *ret_count,
                 struct keg_err *err)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.query.target_fd = (uint32_t)cgroup_fd;
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
    attr.query.prog_cnt = PROGRAMS_MAX;
    if (sys_bpf(BPF_PROG_QUERY, &attr) < 0)
        return keg_fail_errno(err, "device rules: list the device programs");
    *ret_count = attr.query.prog_cnt;
    return 0;
}

/* Programs of others (systemd's) are left alone. */
static bool is_ours(int program_fd)
{
    struct bpf_prog_info info = {0};
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.info.bpf_fd = (uint32_t)program_fd;
    attr.info.info_len = sizeof(info);
    attr.info.info = (uint64_t)(uintptr_t)&info;
    return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && strcmp(info.name, PROGRAM_NAME) == 0;
}

static int detach(int cgroup_fd, uint32_t id, struct keg_err *err)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.prog_id = id;
    _cleanup_fd_ int fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
    if (fd < 0 || !is_ours(fd))
        return fd < 0 ? keg_fail_errno(err, "device rules: open a device program") : 0;
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)fd;
    attr.attach_type = BPF_CGROUP_DEVICE;
    if (sys_bpf(BPF_PROG_DETACH, &attr) < 0)
        return keg_fail_errno(err, "device rules: detach the old device program");
    return 0;
}

int device_bpf_replace(int cgroup_fd, const struct bpf_insn *program, size_t length,
                       struct keg_err *err)
{
    uint32_t ids[PROGRAMS_MAX], count = 0;
    int result = query(cgroup_fd, ids, &count, err);
    if (result == 0)
        result = device_bpf_attach(cgroup_fd, program, length, err);
    for (uint32_t i = 0; result == 0 && i < count; i++)
        result = detach(cgroup_fd, ids[i], err);
    return result;
}
