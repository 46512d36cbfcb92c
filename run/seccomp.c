/* SPDX-License-Identifier: Apache-2.0 */
/* The default seccomp profile as a filter: ranges of numbers -> a binary tree in classic BPF. */
#include "run/seccomp.h"

#include "base/cleanup.h"
#include "run/seccomp/table.h"
#include "run/seccomp_emit.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The generated tables; this is the only file that has them. */
#include "run/seccomp/seccomp_table.h"

/* Numbers of x32 have this bit, and the audit arch of x86_64. */
#define X32_BIT 0x40000000u

/* Ranges of one ABI once the bounding set is known; arm, the largest, has 154 before neighbours
 * merge. */
#define LEAVES_MAX 256

static const uint32_t returns[] = {
    [SECCOMP_EPERM] = SECCOMP_RET_ERRNO | EPERM,
    [SECCOMP_ENOSYS] = SECCOMP_RET_ERRNO | ENOSYS,
    [SECCOMP_ALLOW] = SECCOMP_RET_ALLOW,
};

/* The values that allow; the upper half must be 0, since a filter sees all 64 bits of an argument
 * of which the kernel may use 32. */
static size_t emit_value_rule(struct seccomp_emitter *emitter, const struct seccomp_args *rule,
                              size_t argument)
{
    size_t refused = seccomp_emit_action(emitter, returns[SECCOMP_EPERM]);
    size_t allowed = seccomp_emit_action(emitter, returns[SECCOMP_ALLOW]);
    size_t next = refused;
    if (rule->below)
        next = seccomp_emit_test(emitter, BPF_JGE, rule->below, refused, allowed);
    for (size_t i = rule->values_count; i-- > 0;)
        next = seccomp_emit_test(emitter, BPF_JEQ, rule->values[i], allowed, next);
    /* Both machines are little-endian: the lower half is at the argument's own offset. */
    next = seccomp_emit_load(emitter, argument, next);
    next = seccomp_emit_test(emitter, BPF_JEQ, 0, next, refused);
    return seccomp_emit_load(emitter, argument + sizeof(uint32_t), next);
}

static size_t emit_mask_rule(struct seccomp_emitter *emitter, const struct seccomp_args *rule,
                             size_t argument)
{
    size_t refused = seccomp_emit_action(emitter, returns[SECCOMP_EPERM]);
    size_t allowed = seccomp_emit_action(emitter, returns[SECCOMP_ALLOW]);
    size_t test = seccomp_emit_test(emitter, BPF_JSET, rule->without_mask, refused, allowed);
    return seccomp_emit_load(emitter, argument, test);
}

static size_t emit_argument_rule(struct seccomp_emitter *emitter, void *context, uint32_t chain)
{
    const struct seccomp_args *rule = &seccomp_args[chain - 1];
    size_t argument = offsetof(struct seccomp_data, args) + rule->index * sizeof(uint64_t);
    (void)context;
    if (rule->without_mask)
        return emit_mask_rule(emitter, rule, argument);
    return emit_value_rule(emitter, rule, argument);
}

static uint8_t class_action(const struct seccomp_class *class, uint64_t bounding)
{
    return class->capabilities & bounding ? SECCOMP_ALLOW : class->otherwise;
}

static struct seccomp_leaf make_leaf(uint32_t first, uint8_t action)
{
    if (action < SECCOMP_ARGS)
        return (struct seccomp_leaf){first, returns[action], 0};
    return (struct seccomp_leaf){first, 0, (uint32_t)(action - SECCOMP_ARGS + 1)};
}

static int merge_leaves(const struct seccomp_abi *abi, uint64_t bounding,
                        struct seccomp_leaf ret[static LEAVES_MAX])
{
    int count = 0;
    for (size_t i = 0; i < abi->ranges_count; i++) {
        const struct seccomp_class *class = &seccomp_classes[abi->ranges[i].class];
        struct seccomp_leaf leaf = make_leaf(abi->ranges[i].first, class_action(class, bounding));
        if (count && ret[count - 1].action == leaf.action && ret[count - 1].chain == leaf.chain)
            continue;
        if (count == LEAVES_MAX)
            return -E2BIG;
        ret[count++] = leaf;
    }
    return count;
}

static int emit_abi(struct seccomp_emitter *emitter, const struct seccomp_abi *abi,
                    uint64_t bounding, size_t *ret)
{
    struct seccomp_leaf leaves[LEAVES_MAX];
    int count = merge_leaves(abi, bounding, leaves);
    if (count < 0)
        return count;
    *ret = seccomp_emit_tree(emitter, leaves, (size_t)count, emit_argument_rule, NULL);
    return 0;
}

/* All ABIs behind one audit arch: one, or x86_64 and x32. */
static int emit_arch(struct seccomp_emitter *emitter, const struct seccomp_abi *abis, size_t count,
                     uint64_t bounding, size_t *ret)
{
    size_t x32 = 0, root = 0;
    int r = count > 1 ? emit_abi(emitter, &abis[1], bounding, &x32) : 0;
    if (r == 0)
        r = emit_abi(emitter, &abis[0], bounding, &root);
    if (r < 0)
        return r;
    if (count > 1)
        root = seccomp_emit_test(emitter, BPF_JGE, X32_BIT, x32, root);
    *ret = seccomp_emit_load(emitter, offsetof(struct seccomp_data, nr), root);
    return 0;
}

int seccomp_build_default(enum seccomp_machine machine, uint64_t bounding,
                          struct seccomp_filter *ret)
{
    const struct seccomp_profile *profile = &seccomp_profiles[machine];
    struct seccomp_emitter emitter;
    seccomp_emitter_init(&emitter);
    /* An ABI that this kernel was never known to have. */
    size_t next = seccomp_emit_action(&emitter, SECCOMP_RET_KILL_PROCESS);
    for (size_t end = profile->abis_count, i = end; i > 0; end = i) {
        uint32_t arch = profile->abis[--i].audit_arch;
        size_t root;
        while (i > 0 && profile->abis[i - 1].audit_arch == arch)
            i--;
        int r = emit_arch(&emitter, &profile->abis[i], end - i, bounding, &root);
        if (r < 0)
            return r;
        next = seccomp_emit_test(&emitter, BPF_JEQ, arch, root, next);
    }
    (void)seccomp_emit_load(&emitter, offsetof(struct seccomp_data, arch), next);
    int r = seccomp_emitter_finish(&emitter, ret);
    ret->flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    return r;
}

void seccomp_filter_done(struct seccomp_filter *filter)
{
    free(filter->instructions);
    *filter = (struct seccomp_filter){.length = 0};
}

/* ---- installing */

static long set_filter(const struct seccomp_filter *filter, uint32_t flags)
{
    struct sock_fprog program = {filter->length, filter->instructions};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* A flag that the kernel knows fails on the missing program only. */
static int fail_install(uint32_t flags, struct keg_err *err)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } named[] = {
        {SECCOMP_FILTER_FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG"},
        {SECCOMP_FILTER_FLAG_NEW_LISTENER, "SCMP_ACT_NOTIFY"},
        {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"},
    };
    int code = errno;
    for (size_t i = 0; code == EINVAL && i < KEG_ARRAY_SIZE(named); i++) {
        /* The last one is for filters with a listener alone. */
        uint32_t tried = flags & (named[i].flag | SECCOMP_FILTER_FLAG_NEW_LISTENER);
        if ((flags & named[i].flag) &&
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, tried, NULL) < 0 && errno == EINVAL)
            return keg_fail(err, -EINVAL, "install the seccomp filter: this kernel has no %s",
                            named[i].name);
    }
    errno = code;
    return keg_fail_errno(err, "install the seccomp filter");
}

int seccomp_install(const struct seccomp_filter *filter, struct keg_err *err)
{
    uint32_t flags = filter->flags;
    long r = set_filter(filter, flags);
    /* Before Linux 4.17: it only saves time. */
    if (r < 0 && errno == EINVAL && (flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW)) {
        flags &= ~SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        r = set_filter(filter, flags);
    }
    return r < 0 ? fail_install(flags, err) : (int)r;
}

int seccomp_install_default(uint64_t bounding, struct keg_err *err)
{
    struct seccomp_filter filter = {.length = 0};
    int r = seccomp_build_default(SECCOMP_NATIVE, bounding, &filter);
    if (r < 0)
        return keg_fail(err, r, "the default seccomp profile: %s", keg_errno_text(r));
    r = seccomp_install(&filter, err);
    seccomp_filter_done(&filter);
    return r;
}

/* ---- as JSON */

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
