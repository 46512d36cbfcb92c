/* SPDX-License-Identifier: Apache-2.0 */
/* Another process in a living container: where it is, what it may do, what it cannot reach. */
#include "launch_box.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct box box;
static struct run_container *container;
static struct run_process process;
static struct run_exec_options options;

static void open_box(void)
{
    box_open(&box);
    process = (struct run_process){.cwd = keg_strdup("/"), .user = {.umask = (mode_t)-1}};
    cr_assert(keg_strv_add(&process.env, "PATH=/bin") == 0);
    options.stdio_fds[0] = keg_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    options.die_with_parent = true;
}

static void close_box(void)
{
    cr_assert(run_destroy(container, &box.err) == 0, "%s", box.err.text);
    keg_strv_free(process.args);
    keg_strv_free(process.env);
    free(process.cwd);
    (void)close(options.stdio_fds[0]);
    box_close(&box);
}

TestSuite(exec, .init = open_box, .fini = close_box, .timeout = 60);

static void create(const char *script)
{
    int null = keg_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    for (int i = 0; i < 3; i++)
        box.options.stdio_fds[i] = null;
    box_script(&box, script);
    cr_assert(run_create(box.spec, &box.options, &container, &box.err) == 0, "%s", box.err.text);
    (void)close(null);
}

static void start(void)
{
    create("sleep 1000");
    cr_assert(run_start(container, &box.err) == 0, "%s", box.err.text);
}

static void set_args(const char *program, const char *argument, const char *script)
{
    keg_strv_free(TAKE_PTR(process.args));
    cr_assert(keg_strv_add(&process.args, program) == 0);
    cr_assert(!argument || keg_strv_add(&process.args, argument) == 0);
    cr_assert(!script || keg_strv_add(&process.args, script) == 0);
}

static void read_to_end(int fd)
{
    size_t length = 0;
    for (ssize_t n = 1; n > 0 && length<sizeof(box.output) - 1; length += n> 0 ? (size_t)n : 0)
        n = keg_read(fd, box.output + length, sizeof(box.output) - 1 - length);
    box.output[length] = '\0';
}

/* The exit code, with box.output, or run_exec()'s negative code, with box.err. */
static int run(void)
{
    int fds[2];
    struct run_exit ended;
    struct run_container *made;
    cr_assert(pipe2(fds, O_CLOEXEC) == 0);
    options.stdio_fds[1] = options.stdio_fds[2] = fds[1];
    int r = run_exec(container, &process, &options, &made, &box.err);
    (void)close(fds[1]);
    if (r == 0) {
        read_to_end(run_console_fd(made) >= 0 ? run_console_fd(made) : fds[0]);
        cr_assert(run_wait(made, &ended, &box.err) == 0, "%s", box.err.text);
        cr_assert(run_destroy(made, &box.err) == 0, "%s", box.err.text);
        r = keg_exit_code(ended.status);
    }
    (void)close(fds[0]);
    return r;
}

static void expect(const char *script, const char *output)
{
    set_args("sh", "-c", script);
    int code = run();
    cr_assert(code >= 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, output);
}

static void expect_failure(int code, const char *words)
{
    cr_expect_eq(run(), code);
    cr_expect_str_eq(box.err.text, words);
}

/* ---- where it is */

static const char *const kinds[] = {"pid", "net", "ipc", "uts", "cgroup", "mnt", "user", "time"};

static void expect_their_namespaces(void)
{
    char path[64], script[64], theirs[64];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(kinds); i++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)run_pid(container), kinds[i]);
        (void)snprintf(script, sizeof(script), "readlink /proc/self/ns/%s", kinds[i]);
        ssize_t n = readlink(path, theirs, sizeof(theirs) - 2);
        if (n < 0)
            continue;
        (void)snprintf(theirs + n, sizeof(theirs) - (size_t)n, "\n");
        expect(script, theirs);
    }
}

Test(exec, is_in_all_namespaces_of_the_container)
{
    start();
    expect_their_namespaces();
    expect("hostname; echo $PPID; set -- /proc/[0-9]*; echo $#", "box\n0\n2\n");
}

Test(exec, is_in_a_time_namespace)
{
    if (access("/proc/self/ns/time", F_OK) < 0)
        cr_skip_test("this kernel has no time namespaces");
    box.spec->namespaces[RUN_NS_TIME].wanted = true;
    box.spec->time_offsets[RUN_CLOCK_BOOTTIME] = (struct run_time_offset){true, 1000000, 0};
    start();
    expect_their_namespaces();
    expect("cut -d. -f1 /proc/uptime | grep -c '^1......$'", "1\n");
}

Test(exec, shares_what_the_container_shares)
{
    for (size_t i = 0; i < RUN_NS_COUNT; i++)
        if (i != RUN_NS_MOUNT)
            box.spec->namespaces[i].wanted = false;
    free(TAKE_PTR(box.spec->hostname));
    start();
    expect_their_namespaces();
}

Test(exec, leaves_the_caller_where_it_was)
{
    char before[RUN_NS_COUNT][64] = {0}, after[64], path[64];
    static const char *const own[] = {"pid_for_children", "time_for_children", "mnt", "net"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(own); i++) {
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", own[i]);
        (void)!readlink(path, before[i], sizeof(before[i]) - 1);
    }
    start();
    expect("true", "");
    for (size_t i = 0; i < KEG_ARRAY_SIZE(own); i++) {
        memset(after, 0, sizeof(after));
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", own[i]);
        (void)!readlink(path, after, sizeof(after) - 1);
        cr_expect_str_eq(after, before[i], "%s", own[i]);
    }
    cr_expect_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
}

Test(exec, has_its_own_folder_and_variables)
{
    start();
    cr_assert(mkdir(BOX_ROOT "/work", 0755) == 0);
    free(process.cwd);
    process.cwd = keg_strdup("/work");
    cr_assert(keg_strv_add(&process.env, "A=b c") == 0);
    expect("pwd; echo $A; echo $HOME", "/work\nb c\n\n");
}

Test(exec, a_working_folder_must_exist)
{
    start();
    free(process.cwd);
    process.cwd = keg_strdup("/nope");
    set_args("true", NULL, NULL);
    expect_failure(-ENOENT, "working directory: '/nope': no such file or directory");
    cr_expect(access(BOX_ROOT "/nope", F_OK) < 0);
    free(process.cwd);
    process.cwd = keg_strdup("work");
    expect_failure(-EINVAL, "working directory: 'work' is not absolute");
}

Test(exec, joins_the_keyring_of_the_container)
{
    char script[96];
    if (access("/proc/keys", R_OK) < 0)
        cr_skip_test("this kernel shows no keys");
    keg_strv_free(TAKE_PTR(box.spec->masked_paths));
    start();
    (void)snprintf(script, sizeof(script), "grep -c ' _ses.%s:' /proc/keys", box.id);
    expect(script, "1\n");
}

static const char same_cgroup[] =
    "[ \"$(cat /proc/self/cgroup)\" = \"$(cat /proc/1/cgroup)\" ] && echo same";

Test(exec, is_in_the_cgroup_of_the_container)
{
    box.spec->resources.memory_limit_bytes = 64 << 20;
    start();
    expect(same_cgroup, "same\n");
    expect("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null",
           "67108864\n");
}

Test(exec, a_folder_below_the_containers_cgroup_must_exist)
{
    start();
    options.cgroup = "nope";
    set_args("true", NULL, NULL);
    cr_expect_lt(run(), 0);
    cr_expect(strstr(box.err.text, "nope") != NULL, "%s", box.err.text);
    options.cgroup = "../..";
    cr_expect_lt(run(), 0);
    options.cgroup = NULL;
}

/* ---- in a user namespace */

static void add_user_namespace(uint32_t host, uint32_t size)
{
    box.spec->namespaces[RUN_NS_USER].wanted = true;
    cr_assert(run_id_maps_add(&box.spec->uid_maps, 0, host, size) == 0);
    cr_assert(run_id_maps_add(&box.spec->gid_maps, 0, host, size) == 0);
}

static void own_root(uid_t uid)
{
    static const char *const folders[] = {BOX_ROOT, BOX_ROOT "/bin", BOX_ROOT "/etc"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(folders); i++)
        cr_assert(chown(folders[i], uid, uid) == 0);
}

Test(exec, is_in_a_user_namespace)
{
    add_user_namespace(100000, 65536);
    own_root(100000);
    box.spec->resources.memory_limit_bytes = 64 << 20;
    start();
    expect_their_namespaces();
    expect("id -u; id -g; grep ^CapBnd /proc/self/status; echo $PPID",
           "0\n0\nCapBnd:\t00000000800405fb\n0\n");
    expect(same_cgroup, "same\n");
}

Test(exec, joins_the_keyring_in_a_user_namespace)
{
    char script[96];
    if (access("/proc/keys", R_OK) < 0)
        cr_skip_test("this kernel shows no keys");
    keg_strv_free(TAKE_PTR(box.spec->masked_paths));
    add_user_namespace(100000, 65536);
    own_root(100000);
    start();
    (void)snprintf(script, sizeof(script), "grep -c ' _ses.%s:' /proc/keys", box.id);
    expect(script, "1\n");
}

Test(exec, a_user_must_be_one_of_the_namespace)
{
    add_user_namespace(100000, 1000);
    own_root(100000);
    start();
    set_args("id", "-u", NULL);
    process.user.uid = 999;
    cr_expect_eq(run(), 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, "999\n");
    process.user.uid = 1000;
    expect_failure(-EINVAL, "user: user 1000 has no mapping in the user namespace");
    process.user.uid = 0;
    process.user.gid = 1000;
    expect_failure(-EINVAL, "user: group 1000 has no mapping in the user namespace");
}

Test(exec, has_a_terminal_and_attributes_in_a_user_namespace)
{
    add_user_namespace(100000, 65536);
    own_root(100000);
    start();
    process.user.uid = 7;
    process.oom_score_adj_set = true;
    process.oom_score_adj = 99;
    process.terminal = true;
    expect("tty; stat -c %u /dev/pts/0; cat /proc/self/oom_score_adj", "/dev/pts/0\r\n7\r\n99\r\n");
}

Test(exec, in_a_user_namespace_it_dies_with_the_parent_and_gives_its_code)
{
    add_user_namespace(0, 65536);
    start();
    set_args("sh", "-c", "exit 42");
    cr_expect_eq(run(), 42);
    set_args("nope", NULL, NULL);
    expect_failure(-ENOENT, "exec: \"nope\": executable file not found in $PATH");
}

/* A container of rootless podman or of `keg-runtime run`: all by one who is root nowhere else. */
static void become_user(uid_t uid)
{
    cr_assert(fchown(box.options.rundir_fd, uid, uid) == 0);
    own_root(uid);
    add_user_namespace(uid, 1);
    free(TAKE_PTR(box.spec->hostname));
    cr_assert(run_spec_fit(box.spec, &box.err) == 0, "%s", box.err.text);
    box.options.cgroup_manager = RUN_CGROUP_MANAGER_DISABLED;
    box.spec->resources.pids_limit = 0;
    if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, uid, uid, uid) < 0 ||
        syscall(SYS_setresuid, uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        cr_assert_fail("become user %u", uid);
}

static int run_as_user(void)
{
    become_user(1000);
    start();
    set_args(
        "sh", "-c",
        "[ $(id -u) = 0 ] && [ $PPID = 0 ] && [ $(cat /proc/self/oom_score_adj) = 9 ] && exit 7");
    process.oom_score_adj_set = true;
    process.oom_score_adj = 9;
    int r = run();
    if (r < 0)
        (void)fprintf(stderr, "%s\n", box.err.text);
    return r;
}

Test(exec, joins_what_an_ordinary_user_made)
{
    int status;
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0)
        _exit(run_as_user() == 7 ? 0 : 1);
    cr_assert(keg_wait_child(pid, &status) == 0);
    cr_expect_eq(keg_exit_code(status), 0);
}

/* ---- what the container was made of */

static void write_config(void)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    cr_assert(run_spec_write(box.spec, &text, &box.err) == 0, "%s", box.err.text);
    cr_assert(keg_replace_file(box.options.rundir_fd, "config.json", text.data, text.length, 0600,
                               false) == 0);
}

Test(exec, takes_from_the_containers_config_what_is_not_given)
{
    struct run_process *own = &box.spec->process;
    own->capabilities =
        (struct run_capabilities){.bounding = 0x21, .permitted = 0x21, .effective = 0x21};
    own->no_new_privileges = true;
    own->oom_score_adj_set = true;
    own->oom_score_adj = 66;
    own->rlimits = calloc(1, sizeof(*own->rlimits));
    *own->rlimits = (struct run_rlimit){keg_strdup("RLIMIT_NOFILE"), 50, 60};
    own->rlimits_count = 1;
    start();
    write_config();
    expect("grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; ulimit -n;"
           "cat /proc/self/oom_score_adj",
           "CapBnd:\t0000000000000021\nNoNewPrivs:\t1\nSeccomp:\t2\n50\n66\n");
}

Test(exec, is_filtered_by_the_containers_own_profile)
{
    static const char profile[] =
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"mkdir\"],"
        "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 28}]}";
    cr_assert(
        run_seccomp_parse(profile, strlen(profile), 0, &box.spec->seccomp_profile, &box.err) == 0,
        "%s", box.err.text);
    box.spec->seccomp = RUN_SECCOMP_CUSTOM;
    start();
    write_config();
    expect("mkdir /x 2>&1", "mkdir: can't create directory '/x': No space left on device\n");
}

Test(exec, has_no_filter_where_the_container_has_none)
{
    box.spec->seccomp = RUN_SECCOMP_NONE;
    start();
    write_config();
    expect("grep ^Seccomp: /proc/self/status", "Seccomp:\t0\n");
}

Test(exec, a_damaged_config_is_an_error_and_no_reason_to_go_without)
{
    start();
    cr_assert(keg_replace_file(box.options.rundir_fd, "config.json", "{", 1, 0600, false) == 0);
    set_args("true", NULL, NULL);
    cr_expect_lt(run(), 0);
    cr_expect(strstr(box.err.text, "config.json") != NULL, "%s", box.err.text);
}

/* ---- on an old kernel */

Test(exec, does_without_new_system_calls)
{
    start();
    box_forget_new_calls();
    expect_their_namespaces();
    for (int fd = 200; fd < 210; fd++)
        cr_assert(dup2(box.options.rundir_fd, fd) == fd);
    expect("for fd in /proc/$$/fd/*; do readlink $fd >/dev/null && echo ${fd##*/}; done",
           "0\n1\n2\n");
    set_args("true", NULL, NULL);
    free(process.cwd);
    process.cwd = keg_strdup("/proc/self/fd/3");
    cr_expect_lt(run(), 0);
}

Test(exec, is_in_a_folder_below_the_containers_cgroup)
{
    static const char *const roots[] = {"/", "/memory/", "/pids/", "/cpu/", "/devices/"};
    char path[128];
    start();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(roots); i++) {
        (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%skeg/%s", roots[i], box.id);
        if (access(path, F_OK) < 0)
            continue;
        (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%skeg/%s/below", roots[i], box.id);
        cr_assert(mkdir(path, 0755) == 0 || errno == EEXIST, "%s", path);
    }
    options.cgroup = "below";
    expect("grep -E '^[0-9]+:(pids|):' /proc/self/cgroup | grep -c :/below$", "1\n");
    options.cgroup = NULL;
}

Test(exec, has_the_callers_keyring_where_the_container_has)
{
    char script[96];
    if (access("/proc/keys", R_OK) < 0)
        cr_skip_test("this kernel shows no keys");
    keg_strv_free(TAKE_PTR(box.spec->masked_paths));
    box.options.no_new_keyring = true;
    start();
    (void)snprintf(script, sizeof(script), "grep -c ' _ses.%s:' /proc/keys", box.id);
    expect(script, "0\n");
}

/* ---- its end */

Test(exec, gives_back_the_exit_code)
{
    start();
    set_args("sh", "-c", "exit 42");
    cr_expect_eq(run(), 42);
    set_args("sh", "-c", "kill -9 $$");
    cr_expect_eq(run(), 137);
    cr_expect_eq(run_status(container), RUN_RUNNING);
}

Test(exec, is_killed_by_its_own_handle_and_the_container_goes_on)
{
    struct run_container *made;
    start();
    set_args("sleep", "1000", NULL);
    options.stdio_fds[1] = options.stdio_fds[2] = STDERR_FILENO;
    cr_assert(run_exec(container, &process, &options, &made, &box.err) == 0, "%s", box.err.text);
    pid_t pid = run_pid(made);
    cr_expect_eq(kill(pid, 0), 0);
    cr_expect_eq(run_destroy(made, &box.err), 0, "%s", box.err.text);
    cr_expect(kill(pid, 0) < 0 && errno == ESRCH);
    cr_expect_eq(run_status(container), RUN_RUNNING);
}

Test(exec, dies_with_its_parent)
{
    int fds[2];
    pid_t pid = 0;
    start();
    cr_assert(pipe2(fds, O_CLOEXEC) == 0);
    set_args("sleep", "1000", NULL);
    pid_t keg = fork();
    if (keg == 0) {
        struct run_container *made;
        options.stdio_fds[1] = options.stdio_fds[2] = STDERR_FILENO;
        pid = run_exec(container, &process, &options, &made, &box.err) == 0 ? run_pid(made) : 0;
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
}

Test(exec, what_cannot_be_executed_is_said_as_at_a_start)
{
    start();
    set_args("nope", NULL, NULL);
    expect_failure(-ENOENT, "exec: \"nope\": executable file not found in $PATH");
    set_args("/bin", NULL, NULL);
    expect_failure(-EACCES, "exec: \"/bin\": is a directory");
    set_args("/proc/self/exe", NULL, NULL);
    expect_failure(-EACCES, "exec: \"/proc/self/exe\": permission denied: it leads to keg itself");
    keg_strv_free(TAKE_PTR(process.args));
    expect_failure(-EINVAL, "no program to run");
}

/* ---- when it may be */

Test(exec, runs_in_a_created_container)
{
    create("true");
    expect("echo $$; echo there", "2\nthere\n");
    cr_expect_eq(run_status(container), RUN_CREATED);
}

Test(exec, runs_by_a_handle_that_another_process_opened)
{
    struct run_container *found, *made = NULL;
    start();
    cr_assert(run_open(box.options.rundir_fd, box.id, &found, &box.err) == 0, "%s", box.err.text);
    made = container;
    container = found;
    expect("hostname", "box\n");
    container = made;
    run_close(found);
}

static bool set_frozen(bool frozen)
{
    static const char *const words[2][2] = {{"THAWED", "FROZEN"}, {"0", "1"}};
    char path[128];
    for (int version = 0; version < 2; version++) {
        (void)snprintf(path, sizeof(path),
                       version ? "/sys/fs/cgroup/keg/%s/cgroup.freeze"
                               : "/sys/fs/cgroup/freezer/keg/%s/freezer.state",
                       box.id);
        const char *word = words[version][frozen];
        if (keg_write_file(AT_FDCWD, path, word, strlen(word)) == 0)
            return true;
    }
    return false;
}

Test(exec, not_in_a_frozen_container)
{
    struct run_container *found, *made;
    box.options.all_controllers = true;
    start();
    if (!set_frozen(true))
        cr_skip_test("no freezer here");
    cr_assert(run_open(box.options.rundir_fd, box.id, &found, &box.err) == 0, "%s", box.err.text);
    made = container;
    container = found;
    while (run_status(container) != RUN_PAUSED)
        (void)usleep(1000);
    set_args("true", NULL, NULL);
    expect_failure(-EBUSY, "the container is paused");
    cr_assert(set_frozen(false));
    while (run_status(container) != RUN_RUNNING)
        (void)usleep(1000);
    cr_expect_eq(run(), 0, "%s", box.err.text);
    container = made;
    run_close(found);
}

Test(exec, not_in_a_container_that_has_ended)
{
    struct run_exit ended;
    create("true");
    cr_assert(run_start(container, &box.err) == 0, "%s", box.err.text);
    cr_assert(run_wait(container, &ended, &box.err) == 0);
    set_args("true", NULL, NULL);
    expect_failure(-EBUSY, "the container is stopped");
}

/* ---- who it is and what it may do */

Test(exec, is_the_user_that_was_asked_for)
{
    static gid_t gids[] = {2000, 3000};
    start();
    process.user.uid = 1000;
    process.user.gid = 2000;
    process.user.additional_gids = gids;
    process.user.additional_gids_count = 2;
    process.user.umask = 0077;
    expect("id; umask", "uid=1000 gid=2000 groups=2000,3000\n0077\n");
}

Test(exec, capabilities_are_the_containers_where_none_are_given)
{
    start();
    expect("grep ^Cap /proc/self/status", "CapInh:\t0000000000000000\n"
                                          "CapPrm:\t00000000800405fb\n"
                                          "CapEff:\t00000000800405fb\n"
                                          "CapBnd:\t00000000800405fb\n"
                                          "CapAmb:\t0000000000000000\n");
}

Test(exec, capabilities_are_those_that_are_given)
{
    process.capabilities.bounding = process.capabilities.permitted =
        process.capabilities.effective = 0x21;
    start();
    expect("grep ^Cap /proc/self/status", "CapInh:\t0000000000000000\n"
                                          "CapPrm:\t0000000000000021\n"
                                          "CapEff:\t0000000000000021\n"
                                          "CapBnd:\t0000000000000021\n"
                                          "CapAmb:\t0000000000000000\n");
}

/* "capabilities": {} in the file of exec --process drops all of them, bounding set included. */
Test(exec, empty_capabilities_are_none)
{
    process.capabilities_set = true;
    start();
    expect("grep -E '^Cap(Prm|Bnd)' /proc/self/status", "CapPrm:\t0000000000000000\n"
                                                        "CapBnd:\t0000000000000000\n");
}

Test(exec, a_user_who_is_not_root_has_no_capabilities)
{
    start();
    process.user.uid = 1000;
    expect("grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status", "CapInh:\t0000000000000000\n"
                                                                "CapPrm:\t0000000000000000\n"
                                                                "CapEff:\t0000000000000000\n"
                                                                "CapAmb:\t0000000000000000\n");
}

Test(exec, system_calls_are_filtered)
{
    start();
    expect("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status", "NoNewPrivs:\t0\nSeccomp:\t2\n");
    process.no_new_privileges = true;
    expect("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status", "NoNewPrivs:\t1\nSeccomp:\t2\n");
}

Test(exec, has_limits_and_an_oom_score_of_its_own)
{
    static char nofile[] = "RLIMIT_NOFILE";
    struct run_rlimit limit = {nofile, 100, 200};
    start();
    process.rlimits = &limit;
    process.rlimits_count = 1;
    process.oom_score_adj_set = true;
    process.oom_score_adj = 55;
    expect("ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; cat /proc/1/oom_score_adj",
           "100\n200\n55\n0\n");
}

Test(exec, has_the_cpus_that_are_asked_for)
{
    char first[] = "0", none[] = "8191", bad[] = "0-x";
    start();
    process.cpu_affinity_final = first;
    expect("grep -w Cpus_allowed_list /proc/self/status", "Cpus_allowed_list:\t0\n");
    process.cpu_affinity_initial = first;
    process.cpu_affinity_final = none;
    expect_failure(-EINVAL, "cpu affinity: '8191': none of them is to be had here");
    process.cpu_affinity_initial = bad;
    expect_failure(-EINVAL, "cpu affinity: '0-x' is no list of CPUs");
}

Test(exec, a_label_that_no_module_would_hold_is_refused)
{
    static char profile[] = "keg-default";
    if (access("/sys/module/apparmor", F_OK) == 0)
        cr_skip_test("this machine has AppArmor");
    start();
    set_args("true", NULL, NULL);
    process.apparmor_profile = profile;
    expect_failure(-ENOTSUP, "AppArmor profile 'keg-default': this machine has no AppArmor");
}

/* ---- streams and fds */

Test(exec, reads_what_it_is_given)
{
    int fds[2];
    start();
    cr_assert(pipe2(fds, O_CLOEXEC) == 0);
    cr_assert(keg_write_all(fds[1], "words", 5) == 0);
    (void)close(fds[1]);
    (void)close(options.stdio_fds[0]);
    options.stdio_fds[0] = fds[0];
    expect("cat", "words");
}

Test(exec, a_terminal_is_the_containers_own)
{
    start();
    process.terminal = true;
    process.console_rows = 33;
    process.console_columns = 77;
    expect("tty; stty size; echo x >/dev/tty", "/dev/pts/0\r\n33 77\r\nx\r\n");
}

Test(exec, a_terminal_belongs_to_the_user)
{
    start();
    process.terminal = true;
    process.user.uid = 1000;
    expect("stat -c %u /dev/pts/0; echo x >/dev/stdout", "1000\r\nx\r\n");
}

Test(exec, a_terminal_from_no_devpts_is_refused)
{
    for (size_t i = 0; i < box.spec->mounts_count; i++) {
        struct run_mount *mount = &box.spec->mounts[i];
        if (!keg_streq(mount->destination, "/dev/pts"))
            continue;
        free(mount->type);
        mount->type = keg_strdup("tmpfs");
        keg_strv_free(TAKE_PTR(mount->options));
    }
    start();
    expect("mknod /dev/pts/ptmx p", "");
    set_args("tty", NULL, NULL);
    process.terminal = true;
    expect_failure(-EPERM, "console: '/dev/pts/ptmx' is not the one of a devpts");
}

#define LIST_FDS "for fd in /proc/$$/fd/*; do readlink $fd >/dev/null && echo ${fd##*/}; done"

Test(exec, has_no_fd_but_three)
{
    start();
    for (int fd = 200; fd < 240; fd++)
        cr_assert(dup2(box.options.rundir_fd, fd) == fd);
    expect(LIST_FDS, "0\n1\n2\n");
}

/* In a process that has no fds of the test's. */
static int run_with_inherited_fds(unsigned count)
{
    int status;
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid > 0) {
        cr_assert(keg_wait_child(pid, &status) == 0);
        return keg_exit_code(status);
    }
    struct run_container *found;
    int rundir = fcntl(box.options.rundir_fd, F_DUPFD_CLOEXEC, 600);
    (void)syscall(SYS_close_range, 3, 599, 0);
    for (unsigned i = 0; i < count; i++)
        if (open("/dev/null", O_RDWR) != 3 + (int)i) // NOLINT(android-cloexec-open): inherited
            _exit(199);
    options.stdio_fds[0] = keg_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    if (run_open(rundir, box.id, &found, &box.err) < 0)
        _exit(198);
    container = found;
    int code = run();
    _exit(code >= 0 ? code : 200 - code);
}

Test(exec, preserved_fds_reach_the_program_and_no_others_do)
{
    start();
    set_args("sh", "-c",
             "for n in 3 4 5; do readlink /proc/$$/fd/$n >/dev/null || exit 8; done;"
             "for n in 6 7 8 9; do readlink /proc/$$/fd/$n >/dev/null && exit 9; done; exit 0");
    options.preserve_fds = 3;
    cr_expect_eq(run_with_inherited_fds(3), 0);
    cr_expect_eq(run_with_inherited_fds(6), 0);
    cr_expect_eq(run_with_inherited_fds(2), 200 + EBADF);
    options.preserve_fds = 0;
    cr_expect_eq(run_with_inherited_fds(3), 8);
}

Test(exec, a_working_folder_or_program_by_a_leaked_fd_is_refused)
{
    char path[64];
    start();
    for (int fd = 200; fd < 240; fd++)
        cr_assert(dup2(box.options.rundir_fd, fd) == fd);
    for (int fd = 0; fd < 240; fd += fd == 40 ? 160 : 1) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        free(process.cwd);
        process.cwd = keg_strdup(path);
        set_args("pwd", NULL, NULL);
        cr_assert_lt(run(), 0, "%s", path);
        cr_assert(keg_starts_with(box.err.text, "working directory: "), "%s", box.err.text);
        free(process.cwd);
        process.cwd = keg_strdup("/");
        set_args(path, NULL, NULL);
        cr_assert_lt(run(), 0, "%s", path);
    }
}

/* What the links of ${folder} lead to, where one names the canary. */
static bool leads_to_canary(const char *folder)
{
    _cleanup_dir_ DIR *dir = opendir(folder);
    char target[256];
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        if (strstr(target, "canary"))
            return true;
    }
    return false;
}

/* A process of the container that may look at all others, and does so all the time. */
static _Noreturn void observe(void)
{
    char path[64];
    for (int number = 3;; number = number < 400 ? number + 1 : 3) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd", number);
        if (leads_to_canary(path))
            _exit(1);
        (void)snprintf(path, sizeof(path), "/proc/%d/", number);
        if (leads_to_canary(path))
            _exit(1);
    }
}

static pid_t start_observer(void)
{
    static const struct {
        const char *name;
        int flag;
    } namespaces[] = {{"pid", CLONE_NEWPID}, {"mnt", CLONE_NEWNS}};
    char path[64];
    int status, fds[2];
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid > 0)
        return pid;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)run_pid(container),
                       namespaces[i].name);
        fds[i] = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    }
    for (size_t i = 0; i < 2; i++)
        if (setns(fds[i], namespaces[i].flag) < 0)
            _exit(2);
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        (void)syscall(SYS_close_range, 3, ~0u, 0);
        observe();
    }
    (void)keg_wait_child(pid, &status);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

/* CVE-2016-9962. Not only by PR_SET_DUMPABLE, which does not hold off who has CAP_SYS_PTRACE. */
Test(exec, nothing_of_the_hosts_is_seen_while_it_joins)
{
    int status = -1;
    cr_assert(mkdir("/mnt/canary", 0700) == 0);
    for (int fd = 200; fd < 210; fd++) {
        _cleanup_fd_ int canary = keg_openat(AT_FDCWD, "/mnt/canary", O_RDONLY | O_DIRECTORY, 0);
        cr_assert(dup2(canary, fd) == fd);
    }
    start();
    pid_t observer = start_observer();
    set_args("true", NULL, NULL);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(run(), 0, "%s", box.err.text);
    pid_t ended = waitpid(observer, &status, WNOHANG);
    cr_expect_eq(ended, 0, "status %x", (unsigned)status);
    (void)kill(observer, SIGKILL);
    (void)waitpid(observer, NULL, 0);
}
