/* SPDX-License-Identifier: Apache-2.0 */
/* What a launched container sees and how it ends. */
#include "launch_box.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct box box;

static void open_box(void)
{
    box_open(&box);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(launch, .init = open_box, .fini = close_box, .timeout = 60);

static bool has_cgroup(const char *id)
{
    char path[128];
    for (int i = 0; i < 4; i++) {
        static const char *const controllers[] = {"memory", "pids", "cpu", "."};
        (void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/keg/%s", controllers[i], id);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static void expect(const char *script, const char *output)
{
    int code = box_run_script(&box, script);
    cr_assert(code >= 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, output);
}

Test(launch, gives_back_the_exit_code)
{
    cr_expect_eq(box_run_script(&box, "exit 42"), 42);
}

Test(launch, says_by_which_signal_it_was_killed)
{
    /* pid 1 takes no signal that it does not handle, so the shell's child says it. */
    cr_expect_eq(box_run_script(&box, "sh -c 'kill -9 $$'; exit $?"), 137);
}

Test(launch, is_pid_1_with_a_hostname_of_its_own)
{
    expect("echo $$ $(hostname)", "1 box\n");
}

Test(launch, sees_only_its_own_processes)
{
    expect("set -- /proc/[0-9]*; echo $#; ls /proc/self/fd | wc -l", "1\n4\n");
}

Test(launch, has_no_fd_but_three)
{
    /* Inherited ones that are not close-on-exec, as from a careless caller. */
    for (int fd = 20; fd < 40; fd++)
        cr_assert(dup2(box.options.rundir_fd, fd) == fd);
    /* The shell's own glob opens one more. */
    expect("for fd in /proc/$$/fd/*; do readlink $fd >/dev/null && echo ${fd##*/}; done",
           "0\n1\n2\n");
}

Test(launch, has_the_default_capabilities_and_no_inheritable_or_ambient_ones)
{
    expect("grep ^Cap /proc/self/status", "CapInh:\t0000000000000000\n"
                                          "CapPrm:\t00000000800405fb\n"
                                          "CapEff:\t00000000800405fb\n"
                                          "CapBnd:\t00000000800405fb\n"
                                          "CapAmb:\t0000000000000000\n");
}

Test(launch, a_user_who_is_not_root_has_no_capabilities)
{
    static gid_t gids[] = {2000, 3000};
    box.spec->process.user.uid = 1000;
    box.spec->process.user.gid = 2000;
    box.spec->process.user.additional_gids = gids;
    box.spec->process.user.additional_gids_count = 2;
    int code = box_run_script(&box, "id; grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status");
    box.spec->process.user.additional_gids = NULL;
    cr_assert(code == 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, "uid=1000 gid=2000 groups=2000,3000\n"
                                 "CapPrm:\t0000000000000000\n"
                                 "CapEff:\t0000000000000000\n"
                                 "CapAmb:\t0000000000000000\n");
}

Test(launch, filters_system_calls)
{
    expect("grep ^Seccomp: /proc/self/status", "Seccomp:\t2\n");
}

Test(launch, filters_system_calls_with_no_new_privileges_too)
{
    box.spec->process.no_new_privileges = true;
    expect("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status", "NoNewPrivs:\t1\nSeccomp:\t2\n");
}

Test(launch, no_seccomp_where_the_spec_has_none)
{
    box.spec->seccomp = RUN_SECCOMP_NONE;
    expect("grep ^Seccomp: /proc/self/status", "Seccomp:\t0\n");
}

Test(launch, starts_with_clean_signals)
{
    sigset_t set;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    /* No shell: it sets signals of its own. */
    static const char *const args[] = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(args); i++)
        keg_strv_add(&box.spec->process.args, args[i]);
    cr_assert(box_run(&box) == 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

Test(launch, leaves_the_callers_signal_mask_and_folder_alone)
{
    sigset_t before, after;
    /* The kernel writes eight bytes of them. */
    memset(&before, 0, sizeof(before));
    memset(&after, 0, sizeof(after));
    char cwd_before[PATH_MAX], cwd_after[PATH_MAX];
    (void)sigprocmask(SIG_SETMASK, NULL, &before);
    cr_assert(getcwd(cwd_before, sizeof(cwd_before)) != NULL);
    cr_assert(box_run_script(&box, "true") == 0);
    (void)sigprocmask(SIG_SETMASK, NULL, &after);
    cr_assert(getcwd(cwd_after, sizeof(cwd_after)) != NULL);
    cr_expect(memcmp(&before, &after, sizeof(before)) == 0);
    cr_expect_str_eq(cwd_before, cwd_after);
}

Test(launch, has_lo_and_nothing_else)
{
    expect("ip -o link | grep -c .; ip -o -4 addr show dev lo | grep -c 127.0.0.1", "1\n1\n");
}

Test(launch, sees_its_own_cgroup_as_the_root)
{
    expect("grep -E '^[0-9]+:(memory|pids|):' /proc/self/cgroup | grep -cv ':/$'", "0\n");
}

Test(launch, a_memory_limit_is_there_to_be_read)
{
    box.spec->resources.memory_limit_bytes = 64 << 20;
    expect("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null",
           "67108864\n");
}

Test(launch, a_memory_limit_kills_and_says_so)
{
    box.spec->resources.memory_limit_bytes = 16 << 20;
    box.spec->resources.memory_swap_bytes = 16 << 20;
    int code = box_run_script(&box, "head -c 60m /dev/zero >/dev/shm/x; exit 7");
    cr_expect(code >= 0, "%s", box.err.text);
    cr_expect(box.exit.oom_killed);
    cr_expect_gt(box.exit.memory_peak_bytes, 8u << 20);
}

/* Over a hybrid machine's own, in this mount namespace. */
static void expect_pure_v2(void)
{
    if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
        cr_skip_test("no cgroup v2 here");
    box.spec->resources.pids_limit = 0; /* hybrid: the controllers are at v1 */
    box.spec->process.capabilities.bounding |= UINT64_C(1) << 27; /* MKNOD */
    box.spec->process.capabilities.permitted = box.spec->process.capabilities.effective =
        box.spec->process.capabilities.bounding;
    expect("grep '^0:' /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | head -1;"
           "mknod /kmsg c 1 11; (cat /kmsg) 2>&1 | head -1; cat /dev/null && echo null",
           "0::/\n1\ncat: can't open '/kmsg': Operation not permitted\nnull\n");
    cr_expect(access("/sys/fs/cgroup/keg", F_OK) == 0);
    cr_expect_not(has_cgroup(box.id));
    (void)rmdir("/sys/fs/cgroup/keg");
}

Test(launch, a_machine_with_cgroup_v2_alone_clones_into_the_cgroup)
{
    expect_pure_v2();
}

Test(launch, a_machine_with_cgroup_v2_alone_without_clone3_enters_it)
{
    box_forget_new_calls();
    expect_pure_v2();
}

Test(launch, sets_kernel_parameters_of_its_namespaces)
{
    keg_strv_add(&box.spec->sysctls, "net.ipv4.ip_unprivileged_port_start=79");
    keg_strv_add(&box.spec->sysctls, "kernel.shmmni=77");
    expect("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni", "79\n77\n");
}

Test(launch, sets_limits_and_umask)
{
    struct run_rlimit *limit = calloc(1, sizeof(*limit));
    *limit = (struct run_rlimit){keg_strdup("RLIMIT_NOFILE"), 100, 200};
    box.spec->process.rlimits = limit;
    box.spec->process.rlimits_count = 1;
    box.spec->process.user.umask = 0027;
    expect("ulimit -Sn; ulimit -Hn; umask", "100\n200\n0027\n");
}

Test(launch, an_unknown_limit_is_an_error_that_names_it)
{
    struct run_rlimit *limit = calloc(1, sizeof(*limit));
    *limit = (struct run_rlimit){keg_strdup("RLIMIT_X"), 1, 1};
    box.spec->process.rlimits = limit;
    box.spec->process.rlimits_count = 1;
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "limits: unknown limit 'RLIMIT_X'");
}

Test(launch, makes_a_missing_working_folder)
{
    free(box.spec->process.cwd);
    box.spec->process.cwd = keg_strdup("/a/b");
    expect("pwd; stat -c '%u %a' /a/b", "/a/b\n0 755\n");
}

Test(launch, a_working_folder_through_a_link_stays_inside)
{
    cr_assert(mkdir("/mnt/host", 0755) == 0);
    cr_assert(symlink("/mnt/host", BOX_ROOT "/link") == 0);
    cr_assert(mkdir(BOX_ROOT "/mnt", 0755) == 0);
    free(box.spec->process.cwd);
    box.spec->process.cwd = keg_strdup("/link/made");
    (void)box_run_script(&box, "true");
    cr_expect(access("/mnt/host/made", F_OK) < 0 && errno == ENOENT);
}

Test(launch, a_working_folder_by_a_leaked_fd_is_refused)
{
    char cwd[64];
    for (int fd = 0; fd < 40; fd++) {
        (void)snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
        free(box.spec->process.cwd);
        box.spec->process.cwd = keg_strdup(cwd);
        cr_assert_lt(box_run_script(&box, "pwd"), 0);
        cr_assert(keg_starts_with(box.err.text, "working directory: "), "%s", box.err.text);
    }
}

Test(launch, a_terminal_is_the_containers_own)
{
    box.spec->process.terminal = true;
    box.spec->process.console_rows = 33;
    box.spec->process.console_columns = 77;
    expect("tty; stty size; echo x >/dev/tty; stat -c %t /dev/console",
           "/dev/pts/0\r\n33 77\r\nx\r\n88\r\n");
}

Test(launch, init_reaps_and_passes_the_code_on)
{
    box.options.init = true;
    expect(
        "echo $$; cat /proc/1/comm; (sleep 0.1 &); sleep 0.3; set -- /proc/[0-9]*; echo $#; exit 5",
        "2\nkeg-init\n2\n");
    cr_expect_eq(keg_exit_code(box.exit.status), 5);
    cr_expect_eq(box_run_script(&box, "kill -9 $$"), 137);
}

Test(launch, init_shows_neither_kegs_arguments_nor_its_file)
{
    box.options.init = true;
    expect("cat /proc/1/cmdline | head -c 8; echo; cat /proc/1/environ 2>&1 | grep -c denied;"
           "readlink /proc/1/exe || echo hidden",
           "keg-init\n1\nhidden\n");
}

/* With every capability its environ can be opened; the caller's variables may be secrets. */
Test(launch, init_keeps_nothing_of_the_callers_environment)
{
    struct run_capabilities *sets = &box.spec->process.capabilities;
    sets->bounding = sets->effective = sets->permitted = run_capabilities_bounding();
    box.options.init = true;
    expect("tr -d '\\0' </proc/1/environ | wc -c", "0\n");
}

Test(launch, init_passes_signals_on)
{
    struct run_container *container;
    box.options.init = true;
    for (int i = 0; i < 3; i++)
        box.options.stdio_fds[i] = keg_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    box_script(&box, "trap 'exit 9' TERM; touch /ready; while :; do sleep 0.01; done");
    cr_assert(run_create(box.spec, &box.options, &container, &box.err) == 0, "%s", box.err.text);
    cr_assert(run_start(container, &box.err) == 0, "%s", box.err.text);
    for (int i = 0; i < 500 && access(BOX_ROOT "/ready", F_OK) < 0; i++)
        (void)usleep(10000);
    cr_assert(run_kill(container, SIGTERM, &box.err) == 0, "%s", box.err.text);
    cr_assert(run_wait(container, &box.exit, &box.err) == 0);
    cr_expect_eq(keg_exit_code(box.exit.status), 9);
    cr_assert(run_destroy(container, &box.err) == 0, "%s", box.err.text);
}

/* ---- namespaces */

static const struct {
    enum run_namespace_type type;
    const char *name;
} kinds[] = {{RUN_NS_PID, "pid"},
             {RUN_NS_NETWORK, "net"},
             {RUN_NS_IPC, "ipc"},
             {RUN_NS_UTS, "uts"},
             {RUN_NS_CGROUP, "cgroup"}};

/* "net:[4026531840]" of process ${pid}, with a newline. */
static void namespace_of(pid_t pid, const char *name, char text[static 64])
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
    ssize_t n = readlink(path, text, 62);
    cr_assert(n > 0, "%s", path);
    memcpy(text + n, "\n", 2);
}

static void script_of_namespace(const char *name, char script[static 64])
{
    (void)snprintf(script, 64, "readlink /proc/self/ns/%s", name);
}

Test(launch, has_a_new_namespace_of_each_kind_that_is_wanted)
{
    char script[64], host[64];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(kinds); i++) {
        script_of_namespace(kinds[i].name, script);
        namespace_of(getpid(), kinds[i].name, host);
        cr_assert(box_run_script(&box, script) == 0, "%s", box.err.text);
        cr_expect_str_neq(box.output, host);
    }
}

Test(launch, shares_the_hosts_namespace_where_none_is_wanted)
{
    char script[64], host[64];
    free(TAKE_PTR(box.spec->hostname));
    for (size_t i = 0; i < KEG_ARRAY_SIZE(kinds); i++) {
        script_of_namespace(kinds[i].name, script);
        namespace_of(getpid(), kinds[i].name, host);
        box.spec->namespaces[kinds[i].type].wanted = false;
        cr_assert(box_run_script(&box, script) == 0, "%s: %s", kinds[i].name, box.err.text);
        cr_expect_str_eq(box.output, host);
        box.spec->namespaces[kinds[i].type].wanted = true;
    }
}

static struct run_container *create_sleeper(void);

Test(launch, joins_the_namespaces_of_another_container)
{
    char script[64], theirs[64], id[] = "joined";
    struct run_container *other = create_sleeper();
    cr_assert(run_start(other, &box.err) == 0, "%s", box.err.text);
    free(TAKE_PTR(box.spec->hostname));
    box.options.id = id;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(kinds); i++) {
        struct run_namespace *namespace = &box.spec->namespaces[kinds[i].type];
        namespace->path = keg_asprintf("/proc/%d/ns/%s", (int)run_pid(other), kinds[i].name);
        script_of_namespace(kinds[i].name, script);
        namespace_of(run_pid(other), kinds[i].name, theirs);
        cr_assert(box_run_script(&box, script) == 0, "%s: %s", kinds[i].name, box.err.text);
        cr_expect_str_eq(box.output, theirs);
        free(TAKE_PTR(namespace->path));
    }
    cr_expect(kill(run_pid(other), 0) == 0);
    cr_assert(run_destroy(other, &box.err) == 0, "%s", box.err.text);
}

Test(launch, a_hostname_without_a_namespace_is_refused)
{
    box.spec->namespaces[RUN_NS_UTS].wanted = false;
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "hostname: 'box': the container shares the host's name");
}

Test(launch, what_contradicts_itself_is_refused_before_anything_is_made)
{
    box.spec->namespaces[RUN_NS_USER].wanted = true;
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "uidMappings: a new user namespace needs them");
    box.spec->namespaces[RUN_NS_USER].wanted = false;
    box.spec->time_offsets[RUN_CLOCK_BOOTTIME].set = true;
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "time offsets without a new time namespace");
    cr_expect_not(has_cgroup(box.id));
}

Test(launch, a_path_of_another_type_of_namespace_is_refused)
{
    box.spec->namespaces[RUN_NS_IPC].path = keg_strdup("/proc/self/ns/uts");
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "namespace '/proc/self/ns/uts': of another type");
    free(box.spec->namespaces[RUN_NS_IPC].path);
    box.spec->namespaces[RUN_NS_IPC].path = keg_strdup("/dev/null");
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "namespace '/dev/null': the file is none");
}

Test(launch, the_clocks_of_a_time_namespace_are_ahead)
{
    struct timespec now;
    long long uptime = 0;
    if (access("/proc/self/ns/time", F_OK) < 0)
        cr_skip_test("this kernel has no time namespaces");
    box.spec->namespaces[RUN_NS_TIME].wanted = true;
    box.spec->time_offsets[RUN_CLOCK_BOOTTIME] = (struct run_time_offset){true, 1000000, 0};
    cr_expect_eq(box_run_script(&box, "cat /proc/uptime"), 0, "%s", box.err.text);
    cr_assert_eq(clock_gettime(CLOCK_BOOTTIME, &now), 0);
    cr_assert_eq(sscanf(box.output, "%lld", &uptime), 1);
    cr_expect_geq(uptime, 1000000);
    cr_expect_leq(uptime, 1000000 + (long long)now.tv_sec);
    /* And this process has stayed where it was. */
    cr_expect_lt(now.tv_sec, 1000000 + (long long)uptime - 1000000);
}

Test(launch, a_clock_cannot_go_below_zero)
{
    box.spec->namespaces[RUN_NS_TIME].wanted = true;
    box.spec->time_offsets[RUN_CLOCK_MONOTONIC] = (struct run_time_offset){true, -1000000000000, 0};
    cr_expect_eq(box_run_script(&box, "true"), -ERANGE);
    cr_expect_str_eq(box.err.text, "time offset 'monotonic -1000000000000 0': the clock would "
                                   "leave its range");
}

Test(launch, a_caller_without_stdin_loses_nothing)
{
    (void)close(STDIN_FILENO);
    expect("echo there", "there\n");
}

/* ---- user namespaces */

static void map_ids(uint32_t host_id)
{
    box.spec->namespaces[RUN_NS_USER].wanted = true;
    cr_assert(run_id_maps_add(&box.spec->uid_maps, 0, host_id, 65536) == 0);
    cr_assert(run_id_maps_add(&box.spec->gid_maps, 0, host_id, 65536) == 0);
    cr_assert(chown(BOX_ROOT, host_id, host_id) == 0);
}

Test(launch, a_user_namespace_has_a_root_of_its_own)
{
    struct stat st;
    map_ids(100000);
    expect("id -u; id -g; cat /proc/self/uid_map | wc -l; touch /made && stat -c %u /made /bin",
           "0\n0\n1\n0\n65534\n");
    cr_assert(stat(BOX_ROOT "/made", &st) == 0);
    cr_expect_eq(st.st_uid, 100000);
}

Test(launch, in_a_user_namespace_all_other_namespaces_are_its_own)
{
    map_ids(100000);
    box.spec->process.capabilities.bounding = box.spec->process.capabilities.effective =
        box.spec->process.capabilities.permitted = run_capabilities_bounding();
    box.spec->seccomp = RUN_SECCOMP_NONE;
    expect("hostname other && hostname; ip link set lo down && echo net; mkdir /m && "
           "mount -t tmpfs t /m && echo mount; echo x >/dev/null && ls -l /dev/null | wc -l",
           "other\nnet\nmount\n1\n");
}

Test(launch, a_time_namespace_in_a_user_namespace_has_its_offsets)
{
    long long uptime = 0;
    map_ids(100000);
    box.spec->namespaces[RUN_NS_TIME].wanted = true;
    box.spec->time_offsets[RUN_CLOCK_BOOTTIME] = (struct run_time_offset){true, 1000000, 0};
    cr_expect_eq(box_run_script(&box, "cat /proc/uptime"), 0, "%s", box.err.text);
    cr_assert_eq(sscanf(box.output, "%lld", &uptime), 1);
    cr_expect_geq(uptime, 1000000);
}

Test(launch, ids_without_a_mapping_are_refused_before_anything_is_made)
{
    map_ids(100000);
    box.spec->process.user.uid = 70000;
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "uid 70000 has no mapping in the user namespace");
    cr_expect_not(has_cgroup(box.id));
}

/* ---- a start from elsewhere */

static struct run_container *create_detached(const char *script)
{
    struct run_container *container, *found;
    for (int i = 0; i < 3; i++)
        box.options.stdio_fds[i] = keg_openat(AT_FDCWD, "/mnt/output", O_RDWR | O_CREAT, 0600);
    box.options.detached = true;
    box.options.die_with_parent = false;
    box_script(&box, script);
    cr_assert(run_create(box.spec, &box.options, &container, &box.err) == 0, "%s", box.err.text);
    cr_assert(run_open(box.options.rundir_fd, box.id, &found, &box.err) == 0, "%s", box.err.text);
    cr_expect_eq(run_pid(container), run_pid(found));
    run_close(container);
    return found;
}

Test(launch, a_created_container_is_started_by_whoever_comes)
{
    struct run_exit ended;
    struct run_container *container = create_detached("echo started");
    cr_expect_eq(run_status(container), RUN_CREATED);
    cr_expect_eq(run_status(container), RUN_CREATED, "looking does not start it");
    cr_assert_eq(run_start(container, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_wait(container, &ended, &box.err), 0);
    cr_expect_eq(run_status(container), RUN_STOPPED);
    cr_expect_eq(run_start(container, &box.err), -ESRCH);
    _cleanup_buf_ struct keg_buf text = {0};
    cr_assert_eq(keg_read_file(AT_FDCWD, "/mnt/output", 64, &text, &box.err), 0);
    cr_expect_str_eq(text.data, "started\n");
    cr_assert_eq(run_destroy(container, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_open(box.options.rundir_fd, box.id, &container, &box.err), -ENOENT);
}

Test(launch, a_running_container_is_not_started_again)
{
    struct run_container *container = create_detached("sleep 1000");
    cr_assert_eq(run_start(container, &box.err), 0, "%s", box.err.text);
    cr_expect_eq(run_status(container), RUN_RUNNING);
    cr_expect_eq(run_start(container, &box.err), -EBUSY);
    cr_expect_str_eq(box.err.text, "it is running, not created");
    cr_assert_eq(run_destroy(container, &box.err), 0, "%s", box.err.text);
}

Test(launch, the_namespaces_of_another_are_joined_by_path)
{
    static const struct {
        enum run_namespace_type type;
        const char *name;
    } joined[] = {{RUN_NS_PID, "pid"},      {RUN_NS_NETWORK, "net"}, {RUN_NS_IPC, "ipc"},
                  {RUN_NS_UTS, "uts"},      {RUN_NS_USER, "user"},   {RUN_NS_TIME, "time"},
                  {RUN_NS_CGROUP, "cgroup"}};
    map_ids(100000);
    box.spec->namespaces[RUN_NS_TIME].wanted = true;
    struct run_container *other = create_detached("sleep 1000");
    cr_assert_eq(run_start(other, &box.err), 0, "%s", box.err.text);
    char script[512] = "for i in", wanted[512] = "";
    for (size_t i = 0; i < KEG_ARRAY_SIZE(joined); i++) {
        char path[64], link[64] = "";
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)run_pid(other), joined[i].name);
        cr_assert_gt(readlink(path, link, sizeof(link) - 1), 0);
        (void)snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "%s\n", link);
        (void)snprintf(script + strlen(script), sizeof(script) - strlen(script),
                       " /proc/self/ns/%s", joined[i].name);
        box.spec->namespaces[joined[i].type].path = keg_strdup(path);
    }
    (void)snprintf(script + strlen(script), sizeof(script) - strlen(script),
                   "; do readlink $i; done");
    free(TAKE_PTR(box.spec->hostname));
    run_id_maps_done(&box.spec->uid_maps);
    run_id_maps_done(&box.spec->gid_maps);
    box.options.detached = false;
    box.options.rundir_fd = keg_openat(AT_FDCWD, "/mnt", O_RDONLY | O_DIRECTORY, 0);
    (void)snprintf(box.id, sizeof(box.id), "joiner-%d", (int)getpid());
    expect(script, wanted);
    cr_assert_eq(run_destroy(other, &box.err), 0, "%s", box.err.text);
}

Test(launch, who_starts_hears_why_it_could_not_be_executed)
{
    struct run_container *container = create_detached("true");
    cr_assert(unlink(BOX_ROOT "/bin/busybox") == 0);
    cr_expect_eq(run_start(container, &box.err), -ENOENT);
    cr_expect(strstr(box.err.text, "exec: \"sh\"") != NULL, "%s", box.err.text);
    cr_assert_eq(run_destroy(container, &box.err), 0, "%s", box.err.text);
}

/* Engines make their exit codes 126 and 127 of what creating says. */
Test(launch, what_cannot_be_executed_is_found_on_creating_where_the_start_is_another_process)
{
    static const struct {
        const char *program;
        int code;
        const char *words;
    } rows[] = {
        {"nosuch", -ENOENT, "exec: \"nosuch\": executable file not found in $PATH"},
        {"/no/such", -ENOENT, "exec: \"/no/such\": no such file or directory"},
        {"/bin", -EACCES, "exec: \"/bin\": is a directory"},
        {"/plain", -EACCES, "exec: \"/plain\": permission denied: not executable (mode 0644)"},
    };
    box.options.detached = true;
    box.options.die_with_parent = false;
    box_write(BOX_ROOT "/plain", "x", 1, 0644);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(rows); i++) {
        struct run_container *container;
        keg_strv_free(TAKE_PTR(box.spec->process.args));
        cr_assert_eq(keg_strv_add(&box.spec->process.args, rows[i].program), 0);
        cr_expect_eq(run_create(box.spec, &box.options, &container, &box.err), rows[i].code);
        cr_expect_str_eq(box.err.text, rows[i].words);
        cr_expect_eq(run_open(box.options.rundir_fd, box.id, &container, &box.err), -ENOENT);
    }
}

/* ---- hooks */

static void add_hook(enum run_hook_kind kind, const char *script, int64_t timeout_s)
{
    struct run_hooks *hooks = &box.spec->hooks[kind];
    hooks->items = reallocarray(hooks->items, hooks->count + 1, sizeof(*hooks->items));
    struct run_hook *hook = &hooks->items[hooks->count++];
    *hook = (struct run_hook){.path = keg_strdup("/bin/sh"), .timeout_s = timeout_s};
    cr_assert(keg_strv_add(&hook->args, "sh") == 0 && keg_strv_add(&hook->args, "-c") == 0 &&
              keg_strv_add(&hook->args, script) == 0);
    cr_assert(keg_strv_add(&hook->env, "PATH=/bin:/usr/bin") == 0);
}

Test(launch, hooks_run_in_their_order_and_places_with_the_state_on_stdin)
{
    add_hook(RUN_HOOK_PRESTART, "hostname >>/mnt/order; cat >/mnt/state", 0);
    add_hook(RUN_HOOK_CREATE_RUNTIME, "echo createRuntime >>/mnt/order", 0);
    add_hook(RUN_HOOK_CREATE_CONTAINER, "hostname >>/mnt/order", 0);
    add_hook(RUN_HOOK_START_CONTAINER, "cat >/state", 0);
    cr_expect_eq(box_run_script(&box, "cat /state"), 0, "%s", box.err.text);
    cr_expect(strstr(box.output, "\"status\":\"created\",\"pid\":1,") != NULL, "%s", box.output);
    _cleanup_buf_ struct keg_buf order = {0}, state = {0};
    char host[65] = "", wanted[160];
    cr_assert_eq(gethostname(host, sizeof(host) - 1), 0);
    (void)snprintf(wanted, sizeof(wanted), "%s\ncreateRuntime\nbox\n", host);
    cr_assert_eq(keg_read_file(AT_FDCWD, "/mnt/order", 4096, &order, &box.err), 0);
    cr_expect_str_eq(order.data, wanted);
    cr_assert_eq(keg_read_file(AT_FDCWD, "/mnt/state", 4096, &state, &box.err), 0);
    cr_expect(strstr(state.data, "\"status\":\"creating\",\"pid\":") != NULL, "%s", state.data);
}

Test(launch, hooks_of_the_host_find_a_mask_that_keeps_others_from_writing)
{
    (void)umask(0027);
    add_hook(RUN_HOOK_CREATE_RUNTIME, "umask >>/mnt/masks", 0);
    add_hook(RUN_HOOK_CREATE_CONTAINER, "umask >>/mnt/masks", 0);
    add_hook(RUN_HOOK_START_CONTAINER, "umask >/mask", 0);
    cr_expect_eq(box_run_script(&box, "cat /mask"), 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, "0022\n");
    _cleanup_buf_ struct keg_buf masks = {0};
    cr_assert_eq(keg_read_file(AT_FDCWD, "/mnt/masks", 4096, &masks, &box.err), 0);
    cr_expect_str_eq(masks.data, "0027\n0022\n");
}

Test(launch, a_hook_that_fails_ends_the_creation_and_says_why)
{
    static const struct {
        enum run_hook_kind kind;
        const char *script;
        int64_t timeout_s;
        int code;
        const char *text;
    } bad[] = {
        {RUN_HOOK_PRESTART, "echo no such net >&2; exit 3", 0, -ECANCELED,
         "prestart hook: '/bin/sh' ended with exit code 3: no such net"},
        {RUN_HOOK_CREATE_RUNTIME, "kill -9 $$", 0, -ECANCELED,
         "createRuntime hook: '/bin/sh' was killed by signal 9"},
        {RUN_HOOK_CREATE_CONTAINER, "exit 1", 0, -ECANCELED,
         "hooks: createContainer hook: '/bin/sh' ended with exit code 1"},
        {RUN_HOOK_PRESTART, "sleep 1000", 1, -ETIMEDOUT,
         "prestart hook: '/bin/sh' did not end within 1 s"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        struct run_hooks *hooks = &box.spec->hooks[bad[i].kind];
        add_hook(bad[i].kind, bad[i].script, bad[i].timeout_s);
        cr_expect_eq(box_run_script(&box, "true"), bad[i].code);
        cr_expect_str_eq(box.err.text, bad[i].text);
        cr_expect_not(has_cgroup(box.id));
        struct run_hook *hook = &hooks->items[--hooks->count];
        free(hook->path);
        keg_strv_free(hook->args);
        keg_strv_free(hook->env);
    }
}

/* ---- its state */

static struct run_container *create_sleeper(void)
{
    struct run_container *container;
    for (int i = 0; i < 3; i++)
        box.options.stdio_fds[i] = keg_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    box_script(&box, "sleep 1000");
    cr_assert(run_create(box.spec, &box.options, &container, &box.err) == 0, "%s", box.err.text);
    return container;
}

Test(launch, a_process_that_ended_and_was_not_waited_for_takes_no_signal)
{
    struct run_container *container = create_sleeper();
    struct pollfd end = {.fd = run_pidfd(container), .events = POLLIN};
    cr_assert_eq(run_kill(container, SIGKILL, &box.err), 0, "%s", box.err.text);
    cr_assert_eq(poll(&end, 1, -1), 1);
    cr_expect_eq(run_kill(container, SIGTERM, &box.err), -ESRCH);
    cr_expect_eq(run_destroy(container, &box.err), 0, "%s", box.err.text);
}

Test(launch, a_created_container_has_run_nothing_of_the_images)
{
    cr_assert(unlink(BOX_ROOT "/bin/busybox") == 0);
    struct run_container *container = create_sleeper();
    cr_expect_eq(run_start(container, &box.err), -ENOENT);
    cr_expect_eq(run_destroy(container, &box.err), 0);
}

Test(launch, a_created_container_holds_nothing_of_the_hosts_open)
{
    char path[64];
    unsigned open_fds = 0;
    for (int fd = 20; fd < 40; fd++)
        cr_assert(dup2(box.options.rundir_fd, fd) == fd);
    struct run_container *container = create_sleeper();
    for (int fd = 0; fd < 64; fd++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)run_pid(container), fd);
        char target[64];
        open_fds += readlink(path, target, sizeof(target)) > 0;
    }
    /* Its three, and the channel. */
    cr_expect_eq(open_fds, 4);
    cr_assert(run_destroy(container, &box.err) == 0, "%s", box.err.text);
}

Test(launch, few_fds_are_enough)
{
    struct run_rlimit *limit = calloc(1, sizeof(*limit));
    *limit = (struct run_rlimit){keg_strdup("RLIMIT_NOFILE"), 3, 3};
    box.spec->process.rlimits = limit;
    box.spec->process.rlimits_count = 1;
    expect("echo fine", "fine\n");
}

Test(launch, its_state_says_who_it_is)
{
    pid_t pid = 0;
    struct run_container *container = create_sleeper();
    cr_assert(run_start(container, &box.err) == 0, "%s", box.err.text);
    _cleanup_json_ json_t *state =
        keg_json_read(box.options.rundir_fd, "state.json", 65536, &box.err);
    const char *id = NULL, *status = NULL;
    cr_expect_eq(keg_json_string(state, "id", &id, &box.err), 1);
    cr_expect_eq(keg_json_string(state, "status", &status, &box.err), 1);
    cr_expect_str_eq(id, box.id);
    cr_expect_str_eq(status, "running");
    cr_expect_eq(run_state_pid(box.options.rundir_fd, &pid), 0);
    cr_expect_eq(pid, run_pid(container));
    cr_assert(run_destroy(container, &box.err) == 0, "%s", box.err.text);
    cr_expect(faccessat(box.options.rundir_fd, "state.json", F_OK, 0) < 0);
    cr_expect_eq(run_state_pid(box.options.rundir_fd, &pid), -ENOENT);
}

Test(launch, destroying_leaves_no_cgroup_and_no_process)
{
    struct run_container *container = create_sleeper();
    cr_assert(run_start(container, &box.err) == 0, "%s", box.err.text);
    pid_t pid = run_pid(container);
    cr_expect(has_cgroup(box.id));
    cr_assert(run_destroy(container, &box.err) == 0, "%s", box.err.text);
    cr_expect_not(has_cgroup(box.id));
    cr_expect(kill(pid, 0) < 0 && errno == ESRCH);
}

Test(launch, what_a_killed_keg_left_is_collected)
{
    pid_t keg = fork();
    if (keg == 0) {
        box.options.die_with_parent = false;
        struct run_container *container = create_sleeper();
        _exit(run_start(container, &box.err) == 0 ? 0
                                                  : 1); /* as if by SIGKILL: nothing is cleaned */
    }
    int status;
    pid_t pid = 0;
    cr_assert(keg_wait_child(keg, &status) == 0 && status == 0);
    cr_assert(run_state_pid(box.options.rundir_fd, &pid) == 0);
    cr_expect(has_cgroup(box.id));
    cr_assert(run_collect(box.options.rundir_fd, -1, box.id, &box.err) == 0, "%s", box.err.text);
    cr_expect_not(has_cgroup(box.id));
    cr_expect_eq(run_state_pid(box.options.rundir_fd, &pid), -ENOENT);
    cr_expect_eq(run_collect(box.options.rundir_fd, -1, box.id, &box.err), 0, "%s", box.err.text);
}

Test(launch, a_lease_without_a_state_is_collected)
{
    struct in_addr address;
    cr_assert(mkdir("/mnt/leases", 0700) == 0);
    int leases = keg_openat(AT_FDCWD, "/mnt/leases", O_RDONLY | O_DIRECTORY, 0);
    cr_assert(run_network_lease(&run_network_default, leases, "other", &address, &box.err) == 0);
    cr_assert(run_network_lease(&run_network_default, leases, box.id, &address, &box.err) == 0);
    cr_expect_eq(run_collect(box.options.rundir_fd, leases, box.id, &box.err), 0, "%s",
                 box.err.text);
    char text[INET_ADDRSTRLEN];
    cr_expect(faccessat(leases, inet_ntop(AF_INET, &address, text, sizeof(text)), F_OK, 0) < 0);
    cr_expect_eq(run_network_lease(&run_network_default, leases, box.id, &address, &box.err), 0);
}

Test(launch, dies_with_its_parent)
{
    int fds[2];
    pid_t pid = 0;
    cr_assert(pipe2(fds, O_CLOEXEC) == 0);
    pid_t keg = fork();
    if (keg == 0) {
        struct run_container *container = create_sleeper();
        pid = run_start(container, &box.err) == 0 ? run_pid(container) : 0;
        (void)keg_write_all(fds[1], &pid, sizeof(pid));
        for (;;)
            (void)pause();
    }
    cr_assert(keg_read(fds[0], &pid, sizeof(pid)) == (ssize_t)sizeof(pid) && pid > 0);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    cr_assert(pidfd >= 0);
    cr_assert(kill(keg, SIGKILL) == 0);
    cr_assert(waitpid(keg, NULL, 0) == keg);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    cr_expect_eq(poll(&end, 1, 5000), 1);
    cr_expect_eq(run_collect(box.options.rundir_fd, -1, box.id, &box.err), 0, "%s", box.err.text);
}
