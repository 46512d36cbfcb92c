/* SPDX-License-Identifier: Apache-2.0 */
/* Times a seccomp profile from its rules in memory to the installed filter: keg's way, and by
 * libseccomp, called as runc and crun do. In turn, each in a process of its own. CPU time, since
 * neither waits for anything: the way that takes longer would meet a busy machine's other processes
 * more often.
 *
 *   seccomp RUNS [PROFILE...]     moby's profile as keg has it, and those of these files */
#include "run/seccomp.h"
#include "base/base.h"
#include "run/run.h"

#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARM_UPS 3
/* docker's and podman's capabilities are these or fewer. */
#define BOUNDING 0xa80425fbull

struct times {
    double make_us, install_us;
    unsigned instructions;
    bool done;
};

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
    fprintf(stderr, "seccomp: %s: %s\n", what, why);
    exit(1);
}

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---- keg's way */

static void run_keg(const struct run_seccomp_profile *profile, struct times *ret)
{
    struct seccomp_filter filter;
    double start = now_us();
    if (seccomp_compile(SECCOMP_NATIVE, profile, &filter, NULL) < 0)
        return;
    double made = now_us();
    if (seccomp_install(&filter, NULL) < 0)
        return;
    *ret = (struct times){made - start, now_us() - made, filter.length, true};
}

/* ---- libseccomp's */

static uint32_t whole_action(uint32_t action, int errno_ret)
{
    bool has_data = action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;
    return action | (has_data ? (uint32_t)(errno_ret < 0 ? EPERM : errno_ret) : 0);
}

static size_t comparisons_of(const struct run_seccomp_rule *rule, struct scmp_arg_cmp ret[6])
{
    static const enum scmp_compare ops[] = {
        [RUN_SECCOMP_NE] = SCMP_CMP_NE,
        [RUN_SECCOMP_LT] = SCMP_CMP_LT,
        [RUN_SECCOMP_LE] = SCMP_CMP_LE,
        [RUN_SECCOMP_EQ] = SCMP_CMP_EQ,
        [RUN_SECCOMP_GE] = SCMP_CMP_GE,
        [RUN_SECCOMP_GT] = SCMP_CMP_GT,
        [RUN_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
    };
    size_t count = 0;
    for (; count < rule->arguments_count && count < 6; count++)
        ret[count] = (struct scmp_arg_cmp){
            .arg = rule->arguments[count].index,
            .op = ops[rule->arguments[count].op],
            .datum_a = rule->arguments[count].value,
            .datum_b = rule->arguments[count].value_two,
        };
    return count;
}

static void add_rule(scmp_filter_ctx ctx, const struct run_seccomp_rule *rule, uint32_t action)
{
    struct scmp_arg_cmp comparisons[6];
    size_t count = comparisons_of(rule, comparisons);
    for (char **name = rule->names; *name; name++) {
        int number = seccomp_syscall_resolve_name(*name);
        if (number != __NR_SCMP_ERROR)
            (void)seccomp_rule_add_array(ctx, action, number, (unsigned)count, comparisons);
    }
}

static uint32_t architecture_token(const char *name)
{
    static const struct {
        const char *name;
        uint32_t token;
    } named[] = {
        {"SCMP_ARCH_X86", SCMP_ARCH_X86},         {"SCMP_ARCH_X32", SCMP_ARCH_X32},
        {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},   {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
        {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(named); i++)
        if (strcmp(named[i].name, name) == 0)
            return named[i].token;
    return seccomp_arch_native();
}

static void run_libseccomp(const struct run_seccomp_profile *profile, struct times *ret)
{
    uint32_t fallback = whole_action(profile->default_action, profile->default_errno_ret);
    double start = now_us();
    scmp_filter_ctx ctx = seccomp_init(fallback);
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
    for (char **name = profile->architectures; name && *name; name++)
        (void)seccomp_arch_add(ctx, architecture_token(*name));
    for (size_t i = 0; i < profile->rules_count; i++) {
        const struct run_seccomp_rule *rule = &profile->rules[i];
        uint32_t action = whole_action(rule->action, rule->errno_ret);
        if (action != fallback)
            add_rule(ctx, rule, action);
    }
    double made = now_us();
    if (seccomp_load(ctx) < 0)
        return;
    *ret = (struct times){made - start, now_us() - made, 0, true};
}

/* ---- measuring */

typedef void way(const struct run_seccomp_profile *profile, struct times *ret);

static struct times run_once(way *function, const struct run_seccomp_profile *profile)
{
    static struct times *shared;
    if (!shared)
        shared =
            mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap", keg_errno_text(errno));
    shared->done = false;
    pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
            function(profile, shared);
        _exit(0);
    }
    if (child < 0 || waitpid(child, NULL, 0) < 0 || !shared->done)
        die("run", "the filter was not installed");
    return *shared;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

#define RUNS_MAX 10000

struct series {
    double make_us[RUNS_MAX], install_us[RUNS_MAX], all_us[RUNS_MAX];
};

static void record(struct series *series, size_t i, const struct times *times)
{
    series->make_us[i] = times->make_us;
    series->install_us[i] = times->install_us;
    series->all_us[i] = times->make_us + times->install_us;
}

static void measure(const char *name, const char *text, size_t length, size_t runs)
{
    static struct series keg, other;
    struct run_seccomp_profile *profile;
    struct keg_err err = KEG_ERR_INIT;
    unsigned instructions = 0;
    if (run_seccomp_parse(text, length, BOUNDING, &profile, &err) < 0)
        die(name, err.text);
    for (size_t i = 0; i < runs + WARM_UPS; i++) {
        struct times mine = run_once(run_keg, profile);
        struct times theirs = run_once(run_libseccomp, profile);
        instructions = mine.instructions;
        record(&keg, i < WARM_UPS ? 0 : i - WARM_UPS, &mine);
        record(&other, i < WARM_UPS ? 0 : i - WARM_UPS, &theirs);
    }
    double mine = median(keg.all_us, runs), theirs = median(other.all_us, runs);
    printf("%-32s %8s %10s %10s %10s\n", name, "", "make", "install", "together");
    printf("  %-30s %8s %7.0f us %7.0f us %7.0f us\n", "libseccomp", "",
           median(other.make_us, runs), median(other.install_us, runs), theirs);
    printf("  keg (%u instructions)%*s %7.0f us %7.0f us %7.0f us   1/%.1f\n", instructions, 16, "",
           median(keg.make_us, runs), median(keg.install_us, runs), mine, theirs / mine);
    run_seccomp_profile_free(profile);
}

int main(int argc, char **argv)
{
    struct keg_buf text = keg_buf_init(1 << 20);
    struct keg_err err = KEG_ERR_INIT;
    size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    if (runs < 1 || runs > RUNS_MAX)
        die("usage", "seccomp RUNS [PROFILE...]");
    if (seccomp_write_default_json(BOUNDING, &text) < 0)
        die("moby's profile", "out of memory");
    measure("moby's profile", text.data, text.length, runs);
    for (int i = 2; i < argc; i++) {
        keg_buf_done(&text);
        text = keg_buf_init(1 << 20);
        if (keg_read_file(AT_FDCWD, argv[i], 1 << 20, &text, &err) < 0)
            die(argv[i], err.text);
        measure(argv[i], text.data, text.length, runs);
    }
    keg_buf_done(&text);
    return 0;
}
