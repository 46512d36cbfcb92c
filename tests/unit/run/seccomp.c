/* SPDX-License-Identifier: Apache-2.0 */
/* The default seccomp filter, against libseccomp's for the same rules and against the kernel. */
#include "run/seccomp.h"
#include "base/base.h"
#include "seccomp_simulator.h"

#include <criterion/criterion.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PODMAN_CAPS 0x800405fbull
#define MOBY_CAPS   0xa80425fbull
#define ALL_CAPS    0x1ffffffffffull
#define X32         0x40000000u

#define EPERM_ANSWER  (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_ANSWER (SECCOMP_RET_ERRNO | ENOSYS)

/* ------------------------------------------------------------------------------- libseccomp's
 * opinion */

struct abi {
    const char *name;
    enum seccomp_machine machine;
    uint32_t token;
    uint32_t audit_arch;
    uint32_t base;
    uint32_t last; /* the highest number that the profile names, arm's private ones apart */
    bool wide;     /* libseccomp looks at 64 bits of an argument */
};

static const struct abi abis[] = {
    {"x86_64", SECCOMP_X86_64, SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0, 466, true},
    {"x32", SECCOMP_X86_64, SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32, X32 + 547, false},
    {"i386", SECCOMP_X86_64, SCMP_ARCH_X86, AUDIT_ARCH_I386, 0, 466, false},
    {"aarch64", SECCOMP_AARCH64, SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0, 466, true},
    {"arm", SECCOMP_AARCH64, SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0, 466, false},
};

/* Those that libseccomp may not know: then it cannot be asked about them. */
static const struct {
    const char *name;
    uint32_t number;
} newer[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"uretprobe", 335},
};

static json_t *default_json(enum seccomp_machine machine, uint64_t bounding)
{
    _cleanup_buf_ struct keg_buf buf = keg_buf_init(1 << 20);
    struct keg_err err = KEG_ERR_INIT;
    json_t *json;

    cr_assert_eq(seccomp_write_json(machine, bounding, &buf), 0);
    json = keg_json_parse(buf.data, buf.length, &err);
    cr_assert_not_null(json, "%s", err.text);
    return json;
}

static uint32_t json_action(const json_t *rule)
{
    const char *action = json_string_value(json_object_get(rule, "action"));

    if (strcmp(action, "SCMP_ACT_ALLOW") == 0)
        return SCMP_ACT_ALLOW;
    cr_assert_str_eq(action, "SCMP_ACT_ERRNO");
    return SCMP_ACT_ERRNO((uint32_t)json_integer_value(json_object_get(rule, "errnoRet")));
}

static struct scmp_arg_cmp json_comparison(const json_t *arg)
{
    static const struct {
        const char *name;
        enum scmp_compare op;
    } ops[] = {{"SCMP_CMP_LT", SCMP_CMP_LT},
               {"SCMP_CMP_EQ", SCMP_CMP_EQ},
               {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
    const char *op = json_string_value(json_object_get(arg, "op"));
    struct scmp_arg_cmp ret = {
        .arg = (unsigned)json_integer_value(json_object_get(arg, "index")),
        .datum_a = (scmp_datum_t)json_integer_value(json_object_get(arg, "value")),
        .datum_b = (scmp_datum_t)json_integer_value(json_object_get(arg, "valueTwo")),
    };

    for (size_t i = 0; i < KEG_ARRAY_SIZE(ops); i++) {
        if (strcmp(op, ops[i].name) == 0) {
            ret.op = ops[i].op;
            return ret;
        }
    }
    cr_assert_fail("operator %s", op);
    return ret;
}

static void add_rule(scmp_filter_ctx ctx, const json_t *rule)
{
    const json_t *args = json_object_get(rule, "args");
    struct scmp_arg_cmp comparison;
    size_t i;
    json_t *name;

    cr_assert(!args || json_array_size(args) == 1);
    if (args)
        comparison = json_comparison(json_array_get(args, 0));
    json_array_foreach(json_object_get(rule, "names"), i, name)
    {
        int number = seccomp_syscall_resolve_name(json_string_value(name));

        if (number != __NR_SCMP_ERROR)
            cr_assert_eq(seccomp_rule_add_array(ctx, json_action(rule), number, args ? 1 : 0,
                                                args ? &comparison : NULL),
                         0, "%s", json_string_value(name));
    }
}

struct reference {
    const struct abi *abi;
    json_t *json;
    struct sock_filter filter[8192];
    size_t length;
};

/* Reads what `keg` writes to a config.json as an OCI runtime does. */
static void reference_init(struct reference *reference, const struct abi *abi, uint64_t bounding)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    size_t i;
    json_t *rule;

    reference->abi = abi;
    reference->json = default_json(abi->machine, bounding);
    if (abi->token != seccomp_arch_native()) {
        cr_assert_eq(seccomp_arch_add(ctx, abi->token), 0);
        cr_assert_eq(seccomp_arch_remove(ctx, seccomp_arch_native()), 0);
    }
    json_array_foreach(json_object_get(reference->json, "syscalls"), i, rule) add_rule(ctx, rule);
    reference->length = export_filter(ctx, reference->filter, KEG_ARRAY_SIZE(reference->filter));
    seccomp_release(ctx);
}

static bool json_allows(const json_t *json, const char *name)
{
    size_t i, j;
    json_t *rule, *other;

    json_array_foreach(json_object_get(json, "syscalls"), i, rule)
    {
        json_array_foreach(json_object_get(rule, "names"), j, other)
        {
            if (strcmp(json_string_value(other), name) == 0 && json_action(rule) == SCMP_ACT_ALLOW)
                return true;
        }
    }
    return false;
}

/* breakpoint, cacheflush, set_tls */
static bool is_arm_private(const struct abi *abi, uint32_t number)
{
    return abi->token == SCMP_ARCH_ARM &&
           (number == 0xf0001 || number == 0xf0002 || number == 0xf0005);
}

static uint32_t expected(const struct reference *reference, const struct seccomp_data *data)
{
    const struct abi *abi = reference->abi;
    uint32_t number = (uint32_t)data->nr;

    if (number > abi->last && !is_arm_private(abi, number))
        return ENOSYS_ANSWER;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(newer); i++) {
        bool here = newer[i].number >= 424 ? number == abi->base + newer[i].number
                                           : number == newer[i].number && abi == &abis[0];

        if (here && seccomp_syscall_resolve_name(newer[i].name) == __NR_SCMP_ERROR &&
            abi->base + newer[i].number <= abi->last)
            return json_allows(reference->json, newer[i].name) ? SECCOMP_RET_ALLOW : EPERM_ANSWER;
    }
    return simulate_filter(reference->filter, reference->length, data);
}

static void compare_arguments(const struct seccomp_filter *filter,
                              const struct reference *reference, uint32_t number,
                              const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct seccomp_data data = {
            .nr = (int)number,
            .arch = reference->abi->audit_arch,
            .args = {values[i], 1, 2, 3, 4, 5},
        };

        if (!reference->abi->wide && values[i] > UINT32_MAX)
            continue;
        cr_assert_eq(simulate_filter(filter->instructions, filter->length, &data),
                     expected(reference, &data), "%s call %u (argument %#llx): %#x, not %#x",
                     reference->abi->name, number, (unsigned long long)values[i],
                     simulate_filter(filter->instructions, filter->length, &data),
                     expected(reference, &data));
    }
}

/* Everything around the values of the rules, each bit, and what would fit if only 32 bits were
 * looked at. */
static size_t interesting_values(uint64_t *ret)
{
    static const uint64_t some[] = {0x20000,    0x20008,    0x40000,     0x20009,     0xfffffffe,
                                    0xffffffff, 0x7e020000, 0x100000000, 0x100000026, 0x100000029,
                                    0x01200011, 0x003d0f00, 0x100020000, 0x1ffffffff, UINT64_MAX};
    size_t count = 0;

    for (uint64_t i = 0; i < 50; i++)
        ret[count++] = i;
    for (unsigned i = 6; i < 64; i++)
        ret[count++] = 1ull << i;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(some); i++)
        ret[count++] = some[i];
    return count;
}

static void compare(const struct abi *abi, uint64_t bounding, const uint64_t *values, size_t count)
{
    static struct reference reference;
    static struct seccomp_filter filter;

    cr_assert_eq(seccomp_build_default(abi->machine, bounding, &filter), 0);
    reference_init(&reference, abi, bounding);
    for (uint32_t number = 0; number <= 600; number++)
        compare_arguments(&filter, &reference, abi->base + number, values, count);
    for (uint32_t number = 0xf0000; number < 0xf0008 && !abi->base; number++)
        compare_arguments(&filter, &reference, number, values, 1);
    json_decref(reference.json);
    seccomp_filter_done(&filter);
}

Test(seccomp, answers_as_libseccomp_does_for_every_call_and_argument)
{
    static const uint64_t sets[] = {0, PODMAN_CAPS, MOBY_CAPS, ALL_CAPS};
    uint64_t values[160];
    size_t count = interesting_values(values);

    for (size_t i = 0; i < KEG_ARRAY_SIZE(abis); i++) {
        for (size_t j = 0; j < KEG_ARRAY_SIZE(sets); j++)
            compare(&abis[i], sets[j], values, count);
    }
}

Test(seccomp, answers_as_libseccomp_does_for_each_capability)
{
    static const uint64_t values[] = {0, 0x10000000};

    for (size_t i = 0; i < KEG_ARRAY_SIZE(abis); i++) {
        for (int capability = 0; capability <= 40; capability++)
            compare(&abis[i], 1ull << capability, values, KEG_ARRAY_SIZE(values));
    }
}

Test(seccomp, kills_what_comes_by_an_unknown_abi)
{
    static const uint32_t others[] = {0, AUDIT_ARCH_PPC64LE, AUDIT_ARCH_S390X, AUDIT_ARCH_RISCV64};
    static struct seccomp_filter filter;

    for (int machine = 0; machine < SECCOMP_MACHINES; machine++) {
        cr_assert_eq(seccomp_build_default((enum seccomp_machine)machine, ALL_CAPS, &filter), 0);
        for (size_t i = 0; i < KEG_ARRAY_SIZE(others); i++) {
            struct seccomp_data data = {.nr = 39, .arch = others[i]};

            cr_assert_eq(simulate_filter(filter.instructions, filter.length, &data),
                         SECCOMP_RET_KILL_PROCESS);
        }
        seccomp_filter_done(&filter);
    }
}

Test(seccomp, fits_for_every_set_of_the_capabilities_that_matter)
{
    static const int matter[] = {2, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 34, 38, 39};
    static struct seccomp_filter filter;

    for (unsigned set = 0; set < 1u << KEG_ARRAY_SIZE(matter); set++) {
        uint64_t bounding = 0;

        for (size_t i = 0; i < KEG_ARRAY_SIZE(matter); i++)
            bounding |= set >> i & 1 ? 1ull << matter[i] : 0;
        for (int machine = 0; machine < SECCOMP_MACHINES; machine++) {
            cr_assert_eq(seccomp_build_default((enum seccomp_machine)machine, bounding, &filter), 0,
                         "%#x", set);
            seccomp_filter_done(&filter);
        }
    }
}

Test(seccomp, writes_json_for_the_machine_that_it_runs_on)
{
    _cleanup_buf_ struct keg_buf buf = keg_buf_init(1 << 20);
    _cleanup_json_ json_t *expect = default_json(SECCOMP_NATIVE, PODMAN_CAPS);
    _cleanup_json_ json_t *json = NULL;

    cr_assert_eq(seccomp_write_default_json(PODMAN_CAPS, &buf), 0);
    json = keg_json_parse(buf.data, buf.length, NULL);
    cr_assert(json_equal(json, expect));
    cr_assert(json_allows(json, "read") && !json_allows(json, "io_uring_setup"));
    cr_assert(!json_allows(json, "keyctl") && !json_allows(json, "mount"));
}

/* ------------------------------------------------------------------------------------ the real
 * kernel */

/* Answers of the kernel, made in a process under the filter, in memory that both share. */
struct probes {
    int install;
    long io_uring_setup, keyctl, clone3, unshare_user, clone_user, unknown, vsock, alg, alg_wide,
        personality, tcp, getpid, mount, x32_keyctl, x32_unknown;
};

static long ask(long number, long a, long b, long c)
{
    return syscall(number, a, b, c, 0L, 0L) < 0 ? -errno : 0;
}

static void probe(struct probes *ret)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return;
    ret->install = seccomp_install_default(PODMAN_CAPS, NULL);
    ret->io_uring_setup = ask(SYS_io_uring_setup, 0, 0, 0);
    ret->keyctl = ask(SYS_keyctl, 0, 0, 0);
    ret->clone3 = ask(SYS_clone3, 0, 0, 0);
    ret->unshare_user = ask(SYS_unshare, CLONE_NEWUSER, 0, 0);
    ret->clone_user = ask(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0);
    ret->unknown = ask(1000, 0, 0, 0);
    ret->vsock = ask(SYS_socket, 40, 1, 0);
    ret->alg = ask(SYS_socket, 38, 5, 0);
    ret->alg_wide = ask(SYS_socket, 0x100000026, 5, 0);
    ret->personality = ask(SYS_personality, 0x40000, 0, 0);
    ret->mount = ask(SYS_mount, 0, 0, 0);
    ret->tcp = ask(SYS_socket, 2, 1, 0);
    ret->getpid = ask(SYS_getpid, 0, 0, 0);
    ret->x32_keyctl = ask((long)X32 + 250, 0, 0, 0);
    ret->x32_unknown = ask((long)X32 + 1000, 0, 0, 0);
}

static struct probes *probe_in_child(void (*function)(struct probes *), int *ret_status)
{
    struct probes *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;

    cr_assert_neq(shared, MAP_FAILED);
    shared->install = -1;
    child = fork();
    if (child == 0) {
        function(shared);
        _exit(0);
    }
    cr_assert_eq(keg_wait_child(child, ret_status), 0);
    return shared;
}

Test(seccomp, holds_in_the_kernel)
{
    int status;
    const struct probes *probes = probe_in_child(probe, &status);

    cr_assert_eq(status, 0);
    cr_assert_eq(probes->install, 0);
    cr_assert_eq(probes->io_uring_setup, -EPERM);
    cr_assert_eq(probes->keyctl, -EPERM);
    cr_assert_eq(probes->clone3, -ENOSYS);
    cr_assert_eq(probes->unshare_user, -EPERM);
    cr_assert_eq(probes->clone_user, -EPERM);
    cr_assert_eq(probes->unknown, -ENOSYS);
    cr_assert_eq(probes->vsock, -EPERM);
    cr_assert_eq(probes->alg, -EPERM);
    cr_assert_eq(probes->alg_wide, -EPERM);
    cr_assert_eq(probes->personality, -EPERM);
    cr_assert_eq(probes->mount, -EPERM);
    cr_assert_eq(probes->tcp, 0);
    cr_assert_eq(probes->getpid, 0);
}

#ifdef __x86_64__
Test(seccomp, holds_in_the_kernel_for_x32)
{
    int status;
    const struct probes *probes = probe_in_child(probe, &status);

    cr_assert_eq(probes->x32_keyctl, -EPERM);
    cr_assert_eq(probes->x32_unknown, -ENOSYS);
}

/* The i386 way into the kernel, which a 64-bit program can take as well. */
static long ask_i386(long number, long first)
{
    long answer;

    __asm__ volatile("int $0x80"
                     : "=a"(answer)
                     : "a"(number), "b"(first), "c"(0L), "d"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)answer;
}

static void probe_i386(struct probes *ret)
{
    /* A kernel without it ends this process here. */
    ret->getpid = ask_i386(20, 0) > 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return;
    ret->install = seccomp_install_default(PODMAN_CAPS, NULL);
    ret->keyctl = ask_i386(288, 0);
    ret->io_uring_setup = ask_i386(425, 0);
    ret->clone3 = ask_i386(435, 0);
    ret->unknown = ask_i386(1000, 0);
    ret->alg = ask_i386(359, 38);
    ret->vsock = ask_i386(359, 40);
    ret->personality = ask_i386(136, 0x40000);
    ret->unshare_user = ask_i386(310, CLONE_NEWUSER);
    ret->getpid += ask_i386(20, 0) > 0;
}

Test(seccomp, holds_in_the_kernel_for_i386)
{
    int status;
    const struct probes *probes = probe_in_child(probe_i386, &status);

    if (probes->install < 0)
        cr_skip("this kernel takes no i386 system calls");
    cr_assert_eq(probes->install, 0);
    cr_assert_eq(probes->keyctl, -EPERM);
    cr_assert_eq(probes->io_uring_setup, -EPERM);
    cr_assert_eq(probes->clone3, -ENOSYS);
    cr_assert_eq(probes->unknown, -ENOSYS);
    cr_assert_eq(probes->alg, -EPERM);
    cr_assert_eq(probes->vsock, -EPERM);
    cr_assert_eq(probes->personality, -EPERM);
    cr_assert_eq(probes->unshare_user, -EPERM);
    cr_assert_eq(probes->getpid, 2);
}
#endif
