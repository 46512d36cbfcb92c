/* SPDX-License-Identifier: Apache-2.0 */
/* config.md "Process" and config-linux.md: what a process is besides its program, seen from inside.
 */
#include "launch_box.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct box box;

static void open_box(void)
{
    box_open(&box);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(launch_attributes, .init = open_box, .fini = close_box, .timeout = 60);

static void expect(const char *script, const char *output)
{
    int code = box_run_script(&box, script);
    cr_assert(code >= 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, output);
}

static void expect_failure(int code, const char *words)
{
    cr_expect_eq(box_run_script(&box, "true"), code);
    cr_expect_str_eq(box.err.text, words);
}

/* ---- names, personality */

Test(launch_attributes, has_a_domainname)
{
    box.spec->domainname = keg_strdup("example.org");
    expect("cat /proc/sys/kernel/domainname", "example.org\n");
}

Test(launch_attributes, a_domainname_without_a_namespace_is_refused)
{
    free(TAKE_PTR(box.spec->hostname));
    box.spec->domainname = keg_strdup("example.org");
    box.spec->namespaces[RUN_NS_UTS].wanted = false;
    expect_failure(-EINVAL, "domainname: 'example.org': the container shares the host's name");
}

Test(launch_attributes, has_a_personality)
{
    box.spec->personality_set = true;
    box.spec->personality = PER_LINUX32 | ADDR_NO_RANDOMIZE;
    /* From inside, since only who may trace a process may see it. */
    expect("cat /proc/self/personality", "00040008\n");
}

/* ---- scheduling */

static void set_scheduler(struct run_scheduler scheduler)
{
    scheduler.set = true;
    box.spec->process.scheduler = scheduler;
}

/* proc(5): policy, real time priority and nice value of pid 1, which is cat itself: it need not
 * fork. */
static void expect_scheduled(unsigned policy, int priority, int nice)
{
    unsigned number = 0;
    int fields[2] = {-100, -100};
    keg_strv_free(TAKE_PTR(box.spec->process.args));
    cr_assert(keg_strv_add(&box.spec->process.args, "cat") == 0);
    cr_assert(keg_strv_add(&box.spec->process.args, "/proc/self/stat") == 0);
    cr_assert(box_run(&box) == 0, "policy %u: %s", policy, box.err.text);
    const char *at = strrchr(box.output, ')');
    for (int field = 2; at && field < 41; field++) {
        at = strchr(at + 1, ' ');
        if (field + 1 == 19)
            fields[0] = (int)strtol(at, NULL, 10);
        if (field + 1 == 40)
            fields[1] = (int)strtol(at, NULL, 10);
        if (field + 1 == 41)
            number = (unsigned)strtol(at, NULL, 10);
    }
    cr_expect_eq(number, policy);
    cr_expect_eq(fields[1], priority);
    cr_expect_eq(fields[0], nice);
}

Test(launch_attributes, is_scheduled_as_the_spec_says)
{
    static const struct run_scheduler wanted[] = {
        {.policy = SCHED_OTHER, .nice = 5},
        {.policy = SCHED_OTHER, .nice = -5},
        {.policy = SCHED_BATCH, .nice = 19},
        {.policy = SCHED_IDLE},
        {.policy = 6, /* SCHED_DEADLINE */
         .runtime_ns = 1000000,
         .deadline_ns = 5000000,
         .period_ns = 10000000},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(wanted); i++) {
        set_scheduler(wanted[i]);
        expect_scheduled(wanted[i].policy, wanted[i].priority, wanted[i].nice);
    }
}

/* Where the kernel divides real time among v1 cgroups, those that were given none cannot have it.
 */
Test(launch_attributes, real_time_scheduling_is_there_or_says_what_it_needs)
{
    static const struct run_scheduler wanted[] = {
        {.policy = SCHED_FIFO, .priority = 7},
        {.policy = SCHED_RR, .priority = 99, .flags = 1 /* SCHED_FLAG_RESET_ON_FORK */},
    };
    static const char *const words[] = {
        "scheduler: SCHED_FIFO: operation not permitted: it needs CAP_SYS_NICE or RLIMIT_RTPRIO, "
        "and in a cgroup v1 cpu.rt_runtime_us",
        "scheduler: SCHED_RR: operation not permitted: it needs CAP_SYS_NICE or RLIMIT_RTPRIO, and "
        "in a cgroup v1 cpu.rt_runtime_us",
    };
    bool divided = access("/sys/fs/cgroup/cpu/cpu.rt_runtime_us", F_OK) == 0;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(wanted); i++) {
        set_scheduler(wanted[i]);
        if (divided)
            expect_failure(-EPERM, words[i]);
        else
            expect_scheduled(wanted[i].policy, wanted[i].priority, 0);
    }
}

Test(launch_attributes, a_scheduler_that_cannot_be_names_policy_and_reason)
{
    static const struct {
        struct run_scheduler scheduler;
        const char *words;
    } cases[] = {
        {{.policy = 9}, "scheduler: policy 9: the kernel has none of that number"},
        {{.policy = SCHED_FIFO}, "scheduler: SCHED_FIFO: priority 0 is not from 1 to 99"},
        {{.policy = SCHED_RR, .priority = 100},
         "scheduler: SCHED_RR: priority 100 is not from 1 to 99"},
        {{.policy = SCHED_OTHER, .priority = 1},
         "scheduler: SCHED_OTHER: priority 1 is not from 0 to 0"},
        {{.policy = SCHED_BATCH, .nice = -21},
         "scheduler: SCHED_BATCH: nice -21 is not from -20 to 19"},
        {{.policy = SCHED_IDLE, .runtime_ns = 1},
         "scheduler: SCHED_IDLE has no runtime, deadline or period"},
        {{.policy = 6, .runtime_ns = 5000000, .deadline_ns = 1000000},
         "scheduler: SCHED_DEADLINE: it takes 1024 ns <= runtime <= deadline <= period, and flags "
         "that the kernel knows"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        set_scheduler(cases[i].scheduler);
        expect_failure(-EINVAL, cases[i].words);
    }
}

Test(launch_attributes, has_an_io_priority)
{
    static const struct {
        struct run_io_priority io_priority;
        const char *shown;
    } cases[] = {
        {{.io_class = 1, .priority = 3}, "realtime: prio 3\n"},
        {{.io_class = 2, .priority = 6}, "best-effort: prio 6\n"},
        {{.io_class = 3}, "idle\n"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        box.spec->process.io_priority = cases[i].io_priority;
        box.spec->process.io_priority.set = true;
        expect("busybox ionice -p 1", cases[i].shown);
    }
    box.spec->process.io_priority = (struct run_io_priority){.set = true, .io_class = 4};
    expect_failure(-EINVAL, "io priority: class 4: the kernel has none of that number");
    box.spec->process.io_priority = (struct run_io_priority){.set = true, .priority = 8};
    expect_failure(-EINVAL, "io priority: priority 8 is not from 0 to 7");
}

/* ---- limits, oom score */

Test(launch_attributes, has_an_oom_score)
{
    box.spec->process.oom_score_adj_set = true;
    box.spec->process.oom_score_adj = 321;
    expect("cat /proc/1/oom_score_adj", "321\n");
    box.spec->process.oom_score_adj = 1001;
    expect_failure(-EINVAL, "oom score: 1001 is not from -1000 to 1000");
}

Test(launch_attributes, an_oom_score_below_the_callers_needs_a_capability)
{
    if (run_capabilities_bounding() >> 24 & 1) /* SYS_RESOURCE */
        cr_skip_test("this machine's root may lower it");
    box.spec->process.oom_score_adj_set = true;
    box.spec->process.oom_score_adj = -10;
    expect_failure(-EACCES, "oom score: -10: lowering it needs CAP_SYS_RESOURCE");
}

static void set_limits(const struct run_rlimit *limits, size_t count)
{
    struct run_process *process = &box.spec->process;
    process->rlimits = calloc(count, sizeof(*limits));
    for (size_t i = 0; i < count; i++) {
        process->rlimits[i] = limits[i];
        process->rlimits[i].type = keg_strdup(limits[i].type);
    }
    process->rlimits_count = count;
}

static char nofile[] = "RLIMIT_NOFILE", core[] = "RLIMIT_CORE", stack[] = "RLIMIT_STACK";

Test(launch_attributes, limits_may_be_infinite)
{
    const struct run_rlimit limits[] = {{stack, RLIM_INFINITY, RLIM_INFINITY},
                                        {core, 512, RLIM_INFINITY}};
    set_limits(limits, 2);
    expect("ulimit -Ss; ulimit -Hs; ulimit -Sc; ulimit -Hc",
           "unlimited\nunlimited\n1\nunlimited\n");
}

Test(launch_attributes, a_soft_limit_above_the_hard_one_is_refused)
{
    const struct run_rlimit limit = {nofile, RLIM_INFINITY, 20};
    set_limits(&limit, 1);
    expect_failure(-EINVAL,
                   "limits: RLIMIT_NOFILE: the soft limit unlimited is above the hard limit 20");
}

Test(launch_attributes, a_limit_that_is_there_twice_is_refused)
{
    const struct run_rlimit limits[] = {{nofile, 20, 20}, {nofile, 30, 30}};
    set_limits(limits, 2);
    expect_failure(-EINVAL, "limits: RLIMIT_NOFILE is there twice");
}

Test(launch_attributes, a_limit_that_cannot_be_raised_says_why)
{
    if (run_capabilities_bounding() >> 24 & 1)
        cr_skip_test("this machine's root may raise it");
    const struct rlimit held = {64, 64};
    const struct run_rlimit limit = {nofile, 64, 65};
    cr_assert(setrlimit(RLIMIT_NOFILE, &held) == 0);
    set_limits(&limit, 1);
    expect_failure(-EPERM, "limits: RLIMIT_NOFILE: 65 is above the hard limit of 64, and raising "
                           "that needs CAP_SYS_RESOURCE");
}

/* ---- capabilities */

#define BIT(n) (UINT64_C(1) << (n))

static void expect_capabilities(const struct run_capabilities *sets, uid_t uid, const char *shown)
{
    box.spec->process.capabilities = *sets;
    box.spec->process.user.uid = uid;
    expect("grep ^Cap /proc/self/status | grep -o '[1-9a-f]*0*$'", shown);
}

Test(launch_attributes, inheritable_and_ambient_capabilities_are_as_given)
{
    const struct run_capabilities given = {BIT(0) | BIT(1) | BIT(2), BIT(1) | BIT(2), BIT(1),
                                           BIT(1) | BIT(2), BIT(1)};
    /* inheritable, permitted, effective, bounding, ambient: a user keeps what is ambient */
    expect_capabilities(&given, 1000, "2\n2\n2\n7\n2\n");
    /* and root is given what the bounding set has. */
    expect_capabilities(&given, 0, "2\n7\n7\n7\n2\n");
}

/* runtime-spec: "Runtimes SHOULD NOT fail if the container configuration requests capabilities that
 * cannot be granted". */
Test(launch_attributes, ambient_capabilities_that_cannot_be_are_left_out)
{
    const struct run_capabilities no_inheritable = {BIT(1), BIT(1), 0, BIT(1), BIT(1)};
    const struct run_capabilities no_bounding = {0, BIT(1), BIT(1), BIT(1), BIT(1)};
    expect_capabilities(&no_inheritable, 1000,
                        "0000000000000000\n0000000000000000\n"
                        "0000000000000000\n2\n0000000000000000\n");
    cr_expect(no_bounding.ambient != 0);
    box.spec->process.capabilities = no_bounding;
    expect("grep -c '^Cap.*0000000000000000$' /proc/self/status", "5\n");
}

/* ---- file descriptors */

/* In a process of its own, which has no fds of the test's. Its exit code: box_run()'s, 0 and above,
 * or the negative code made positive with 200 on top. */
static int run_without_fds(unsigned inherited, const char *script)
{
    int status;
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        int rundir = fcntl(box.options.rundir_fd, F_DUPFD_CLOEXEC, 600);
        (void)syscall(SYS_close_range, 3, 599, 0);
        for (unsigned i = 0; i < inherited; i++)
            if (open("/dev/null", O_RDWR) != 3 + (int)i) // NOLINT(android-cloexec-open): inherited
                _exit(199);
        box.options.rundir_fd = rundir;
        int code = box_run_script(&box, script);
        (void)keg_write_all(STDOUT_FILENO, box.output, strlen(box.output));
        _exit(code >= 0 ? code : 200 - code);
    }
    cr_assert(keg_wait_child(pid, &status) == 0);
    return keg_exit_code(status);
}

/* Exit code 0 where the shell has no fd but those below ${end}, and all of these. */
#define FDS_SCRIPT(end)                                                                            \
    "n=0; for fd in /proc/$$/fd/*; do readlink $fd >/dev/null || continue;"                        \
    "[ ${fd##*/} -lt " #end " ] || exit 9; n=$((n+1)); done; [ $n = " #end " ]"

Test(launch_attributes, preserved_fds_reach_the_program_and_no_others_do)
{
    box.options.preserve_fds = 3;
    cr_expect_eq(run_without_fds(3, FDS_SCRIPT(6)), 0);
    cr_expect_eq(run_without_fds(9, FDS_SCRIPT(6)), 0);
    box.options.preserve_fds = 0;
    cr_expect_eq(run_without_fds(9, FDS_SCRIPT(3)), 0);
}

Test(launch_attributes, preserved_fds_with_an_init)
{
    box.options.preserve_fds = 3;
    box.options.init = true;
    cr_expect_eq(run_without_fds(3, FDS_SCRIPT(6)), 0);
}

Test(launch_attributes, preserved_fds_must_be_the_callers)
{
    box.options.preserve_fds = 4;
    cr_expect_eq(run_without_fds(3, "true"), 200 + EBADF);
}

/* ---- in a user namespace */

static void add_user_namespace(uint32_t size)
{
    box.spec->namespaces[RUN_NS_USER].wanted = true;
    cr_assert(run_id_maps_add(&box.spec->uid_maps, 0, 0, size) == 0);
    cr_assert(run_id_maps_add(&box.spec->gid_maps, 0, 0, size) == 0);
}

Test(launch_attributes, a_user_namespace_changes_nothing_of_them)
{
    const struct run_rlimit limit = {nofile, 300, 400};
    add_user_namespace(65536);
    box.spec->process.oom_score_adj_set = true;
    box.spec->process.oom_score_adj = 77;
    set_limits(&limit, 1);
    set_scheduler((struct run_scheduler){.policy = SCHED_BATCH, .nice = -3});
    expect("cat /proc/1/oom_score_adj; ulimit -n", "77\n300\n");
    expect_scheduled(SCHED_BATCH, 0, -3);
}

/* Root of a user namespace holds all in it, whatever its maker held: what was not granted must be
 * taken away. */
Test(launch_attributes, capabilities_in_a_user_namespace_are_those_of_the_spec)
{
    const struct run_capabilities given = {BIT(24) | BIT(0), BIT(24) | BIT(0), 0, BIT(24) | BIT(0),
                                           0};
    const struct run_capabilities fewer = {BIT(0), BIT(0), 0, BIT(0), 0};
    add_user_namespace(65536);
    box.spec->process.capabilities = given;
    expect("grep ^CapBnd /proc/self/status", "CapBnd:\t0000000001000001\n");
    box.spec->process.capabilities = fewer;
    expect("grep ^CapBnd /proc/self/status", "CapBnd:\t0000000000000001\n");
}

Test(launch_attributes, groups_without_a_mapping_are_refused)
{
    static gid_t gids[] = {0, 70000};
    add_user_namespace(65536);
    box.spec->process.user.additional_gids = gids;
    box.spec->process.user.additional_gids_count = 2;
    int code = box_run_script(&box, "true");
    box.spec->process.user.additional_gids = NULL;
    cr_expect_eq(code, -EINVAL);
    cr_expect_str_eq(box.err.text,
                     "user: not all additional groups have a mapping in the user namespace");
}

/* ---- keyring */

static bool shows_keyring(const char *id, const char *permissions)
{
    char script[128];
    (void)snprintf(script, sizeof(script), "grep -c ' perm %s .* _ses.%s:' /proc/keys", permissions,
                   id);
    return box_run_script(&box, script) == 0;
}

Test(launch_attributes, has_a_session_keyring_that_those_who_join_it_find)
{
    if (access("/proc/keys", R_OK) < 0)
        cr_skip_test("this kernel shows no keys");
    keg_strv_free(TAKE_PTR(box.spec->masked_paths));
    cr_expect(shows_keyring(box.id, "3f1b0000"), "%s", box.err.text);
}

Test(launch_attributes, has_the_callers_keyring_where_it_is_told_so)
{
    if (access("/proc/keys", R_OK) < 0)
        cr_skip_test("this kernel shows no keys");
    keg_strv_free(TAKE_PTR(box.spec->masked_paths));
    box.options.no_new_keyring = true;
    cr_expect_not(shows_keyring(box.id, "[0-9a-f]*"), "%s", box.err.text);
}

/* ---- intelRdt */

Test(launch_attributes, shares_of_the_cache_that_cannot_be_are_refused)
{
    if (access("/sys/fs/resctrl/schemata", F_OK) == 0)
        cr_skip_test("this machine has resctrl");
    box.spec->intel_rdt.set = true;
    expect_failure(-ENOTSUP, "intelRdt: resctrl is not mounted at '/sys/fs/resctrl' (mount -t "
                             "resctrl resctrl /sys/fs/resctrl, where the kernel and the "
                             "processor have it)");
}

/* ---- labels */

Test(launch_attributes, a_label_that_no_module_would_hold_is_refused)
{
    if (access("/sys/module/apparmor", F_OK) == 0 || access("/sys/fs/selinux/enforce", F_OK) == 0)
        cr_skip_test("this machine has a security module");
    box.spec->process.apparmor_profile = keg_strdup("keg-default");
    expect_failure(-ENOTSUP, "AppArmor profile 'keg-default': this machine has no AppArmor");
    free(box.spec->process.apparmor_profile);
    box.spec->process.apparmor_profile = keg_strdup("unconfined");
    expect("echo fine", "fine\n");
    box.spec->process.selinux_label = keg_strdup("system_u:system_r:container_t:s0");
    expect_failure(-ENOTSUP,
                   "SELinux label 'system_u:system_r:container_t:s0': this machine has no "
                   "SELinux");
}

Test(launch_attributes, a_profile_that_is_not_loaded_is_refused)
{
    if (access("/proc/self/attr/apparmor/exec", F_OK) < 0)
        cr_skip_test("this machine has no AppArmor");
    box.spec->process.apparmor_profile = keg_strdup("keg-none");
    expect_failure(-EINVAL, "security label: AppArmor profile 'keg-none' is not loaded");
    free(box.spec->process.apparmor_profile);
    box.spec->process.apparmor_profile = keg_strdup("unconfined");
    expect("cat /proc/self/attr/apparmor/current", "unconfined\n");
}

/* A machine that says it has AppArmor, whose kernel then does not take the profile. */
Test(launch_attributes, a_profile_that_the_kernel_does_not_take_ends_the_start)
{
    if (access("/proc/self/attr/apparmor/exec", F_OK) == 0)
        cr_skip_test("this machine has AppArmor");
    cr_assert(mount("tmpfs", "/sys/module", "tmpfs", 0, NULL) == 0);
    cr_assert(keg_mkdirs(AT_FDCWD, "/sys/module/apparmor/parameters", 0755) == 0);
    box_write("/sys/module/apparmor/parameters/enabled", "Y\n", 2, 0444);
    box.spec->process.apparmor_profile = keg_strdup("keg-default");
    int code = box_run_script(&box, "true");
    cr_expect_lt(code, 0);
    cr_expect(keg_starts_with(box.err.text, "security label: AppArmor profile: 'keg-default': "),
              "%s", box.err.text);
}
