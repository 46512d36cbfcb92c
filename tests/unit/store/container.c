/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: names, owners, status, and what a crash or damage leaves. */
#include "scratch.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(container, .init = scratch_up, .fini = scratch_down);

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char find(const char *name)
{
    _cleanup_(store_container_done) struct store_container container = {0};
    struct keg_err err = KEG_ERR_INIT;
    int r = store_container_find(store, name, &container, &err);

    cr_assert_eq(r, 0, "%s: %s", name, err.text);
    return container.id[0];
}

static void finds_nothing(const char *name, int code, const char *words)
{
    struct store_container container = {0};

    fails(store_container_find(store, name, &container, &err), code, words);
    cr_expect_null(container.id);
}

static size_t list(struct store_container **containers)
{
    size_t count = 0;
    ok(store_containers_list(store, containers, &count, &err));
    return count;
}

Test(container, needs_no_image)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "folder");
    _cleanup_(store_container_done) struct store_container got = {0};
    int dir = -1, lock = -1;

    free(TAKE_PTR(put.image_id));
    keg_strv_free(TAKE_PTR(put.layers));
    ok(store_container_create(store, &put, &dir, &lock, &err));
    ok(store_container_find(store, "folder", &got, &err));
    cr_expect_null(got.image_id);
    cr_expect_eq(keg_strv_length(got.layers), 0);
    (void)close(dir);
    (void)close(lock);
    ok(store_collect(store, NULL, NULL, &err));
    ok(store_container_remove(store, &got, &err));
}

Test(container, what_was_created_is_read_back)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    _cleanup_(store_container_done) struct store_container got = {0};
    int dir = -1, lock = -1;
    struct stat st;

    put.auto_remove = true;
    put.created.tv_nsec = 7;
    ok(keg_strv_add(&put.labels, "a=b"));
    umask(077);
    ok(store_container_create(store, &put, &dir, &lock, &err));
    ok(store_container_find(store, "web", &got, &err));
    cr_expect_str_eq(got.id, ID_A);
    cr_expect_str_eq(got.name, "web");
    cr_expect_str_eq(got.image_name, "busybox");
    cr_expect_str_eq(got.image_id, put.image_id);
    cr_expect_str_eq(got.layers[0], put.layers[0]);
    cr_expect_eq(keg_strv_length(got.command), 3);
    cr_expect_str_eq(got.command[2], "echo hi");
    cr_expect_eq(got.created.tv_sec, put.created.tv_sec);
    cr_expect_str_eq(got.labels[0], "a=b");
    cr_expect_eq(got.created.tv_nsec, 7);
    cr_expect_eq(got.started.tv_sec, 0);
    cr_expect(got.auto_remove);
    cr_expect(!got.oom_killed);
    cr_expect_null(got.error);
    cr_assert_eq(fstatat(dir, "upper", &st, 0), 0);
    cr_expect_eq(st.st_mode & 07777, 0755, "the umask reached the container's root");
    cr_expect_eq(faccessat(dir, "work", F_OK, 0), 0);
    close(dir);
    close(lock);
}

Test(container, its_end_is_written_over)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    _cleanup_(store_container_done) struct store_container got = {0};

    put_dead_container('a', "web");
    put.started.tv_sec = 1700000001;
    put.finished.tv_sec = 1700000002;
    put.exit_code = 137;
    put.oom_killed = true;
    put.error = keg_strdup("memory limit of 64MiB reached");
    ok(store_container_write(store, &put, &err));
    ok(store_container_find(store, "web", &got, &err));
    cr_expect_eq(got.finished.tv_sec, 1700000002);
    cr_expect_eq(got.exit_code, 137);
    cr_expect(got.oom_killed);
    cr_expect_str_eq(got.error, put.error);
    cr_expect_eq(got.status, STORE_EXITED);
}

Test(container, writing_one_that_is_gone_is_enoent)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    fails(store_container_write(store, &put, &err), -ENOENT, "no such container");
}

Test(container, arguments_of_any_bytes_are_taken)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    _cleanup_(store_container_done) struct store_container got = {0};
    int dir = -1, lock = -1;

    keg_strv_add(&put.command, "a\xff\n\"");
    keg_strv_add(&put.command, "\xc3\xa4");
    ok(store_container_create(store, &put, &dir, &lock, &err));
    close(dir);
    close(lock);
    ok(store_container_find(store, "web", &got, &err));
    cr_expect_str_eq(got.command[3], "a?\n\"");
    cr_expect_str_eq(got.command[4], "\xc3\xa4");
}

Test(container, a_bad_name_is_refused_in_words)
{
    static const char *const bad[] = {"",    "a",  "-ab", ".ab", "_ab",
                                      "a/b", "..", "a b", "a\n", "\xc3\xa4\xc3\xa4"};

    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        _cleanup_(store_container_done) struct store_container put = make_container('a', bad[i]);
        int dir = -1, lock = -1;
        fails(store_container_create(store, &put, &dir, &lock, &err), -EINVAL,
              "want 2 to 255 letters, digits, '_', '.' and '-', the first a letter or digit");
        cr_expect_eq(dir, -1);
        cr_expect_eq(lock, -1);
    }
    cr_expect_eq(count_entries("root/containers"), 0);
}

Test(container, the_longest_name_is_taken_and_one_more_byte_is_not)
{
    char name[300];
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    put_dead_container('a', name);
    cr_expect_eq(find(name), 'a');
    name[255] = 'n';
    name[256] = '\0';
    _cleanup_(store_container_done) struct store_container put = make_container('b', name);
    int dir, lock;
    fails(store_container_create(store, &put, &dir, &lock, &err), -EINVAL, "bad container name");
}

Test(container, what_is_no_id_is_refused)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    int fd = -1, lock = -1;

    put.id[63] = '\0';
    fails(store_container_create(store, &put, &fd, &lock, &err), -EINVAL, "not a container id");
    fails(store_container_dir(store, "../..", &fd, &err), -EINVAL, "not a container id");
    fails(store_container_rundir(store, "", &fd, &err), -EINVAL, "not a container id");
    fails(store_container_try_lock(store, "x", &fd, &err), -EINVAL, "not a container id");
    fails(store_container_release(store, "..", &err), -EINVAL, "not a container id");
    fails(store_container_remove(store, &put, &err), -EINVAL, "not a container id");
}

Test(container, a_taken_name_is_refused_and_its_owner_named)
{
    _cleanup_(store_container_done) struct store_container put = make_container('b', "web");
    int dir = -1, lock = -1;

    put_dead_container('a', "web");
    fails(store_container_create(store, &put, &dir, &lock, &err), -EEXIST,
          "the name 'web' is taken by container aaaaaaaaaaaa: remove that (keg rm web)");
    cr_expect(!there("root/containers/" ID_B));
    cr_expect(!there("run/containers/" ID_B));
    cr_expect_eq(find("web"), 'a');
}

Test(container, a_taken_id_is_refused_and_kept)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "other");
    int dir = -1, lock = -1;

    put_dead_container('a', "web");
    fails(store_container_create(store, &put, &dir, &lock, &err), -EEXIST, "exists");
    cr_expect_eq(find("web"), 'a');
}

Test(container, a_name_left_by_a_crash_can_be_taken)
{
    cr_assert_eq(mkdirat(store_root_fd(store), "names", 0700), 0);
    cr_assert_eq(symlinkat(ID_B, store_root_fd(store), "names/web"), 0);
    finds_nothing("web", -ENOENT, "no such container");
    put_dead_container('a', "web");
    cr_expect_eq(find("web"), 'a');
    plant("root/names/odd", "x");
    put_dead_container('c', "odd");
    cr_expect_eq(find("odd"), 'c');
}

/* Of what ${n} processes get when they all create a container named "web", how many succeed. */
static int race_for_a_name(int n)
{
    pid_t pids[8];
    int got = 0;

    for (int i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        _cleanup_(store_container_done) struct store_container put =
            make_container((char)('0' + i), "web");
        int dir, lock;
        int r = store_container_create(store, &put, &dir, &lock, NULL);
        _exit(r == 0 ? 0 : r == -EEXIST ? 1 : 2);
    }
    for (int i = 0; i < n; i++) {
        int status = -1;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        got += status == 0;
    }
    return got;
}

/* All want one name at once, which a crash has left behind: one gets it. */
Test(container, of_several_processes_one_gets_the_name)
{
    cr_assert_eq(mkdirat(store_root_fd(store), "names", 0700), 0);
    for (int round = 0; round < 100; round++) {
        _cleanup_(store_container_done) struct store_container winner = {0};

        cr_assert_eq(symlinkat(ID_B, store_root_fd(store), "names/web"), 0);
        cr_assert_eq(race_for_a_name(6), 1);
        cr_assert_eq(count_entries("root/containers"), 1);
        ok(store_container_find(store, "web", &winner, &err));
        ok(store_container_remove(store, &winner, &err));
    }
}

Test(container, is_found_by_name_id_and_beginning)
{
    put_dead_container('a', "web");
    put_dead_container('b', "db");
    cr_expect_eq(find("web"), 'a');
    cr_expect_eq(find(ID_A), 'a');
    cr_expect_eq(find("aaaaaaaaaaaa"), 'a');
    cr_expect_eq(find("b"), 'b');
    finds_nothing("c", -ENOENT, "no such container");
    finds_nothing("ab", -ENOENT, "no such container");
    finds_nothing("we", -ENOENT, "no such container");
    finds_nothing("", -ENOENT, "no such container");
    finds_nothing("../containers/" ID_A, -ENOENT, "no such container");
    finds_nothing("cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", -ENOENT,
                  "no such container");
}

Test(container, an_exact_name_wins_over_a_beginning)
{
    put_dead_container('a', "bb");
    put_dead_container('b', "web");
    cr_expect_eq(find("bb"), 'a');
    cr_expect_eq(find("bbb"), 'b');
}

Test(container, a_beginning_of_several_ids_is_ambiguous)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "other");
    int dir, lock;

    put_dead_container('a', "web");
    put.id[63] = 'b';
    ok(store_container_create(store, &put, &dir, &lock, &err));
    close(dir);
    close(lock);
    finds_nothing("aaa", -EEXIST, "fits several containers");
    cr_expect_eq(find(put.id), 'a');
}

Test(container, runs_while_its_lock_is_held)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    _cleanup_(store_container_done) struct store_container running = {0};
    _cleanup_(store_container_done) struct store_container ended = {0};
    int dir = -1, lock = -1, other = -1;

    put.started.tv_sec = 1;
    ok(store_container_create(store, &put, &dir, &lock, &err));
    plant("run/containers/" ID_A "/state.json", "{\"pid\": 4711}");
    ok(store_container_find(store, "web", &running, &err));
    cr_expect_eq(running.status, STORE_RUNNING);
    cr_expect_eq(running.pid, 4711);
    cr_expect_eq(store_container_try_lock(store, ID_A, &other, NULL), 0);
    close(lock);
    ok(store_container_find(store, "web", &ended, &err));
    cr_expect_eq(ended.status, STORE_EXITED);
    cr_expect_eq(ended.pid, 0);
    close(dir);
}

Test(container, a_damaged_state_gives_no_pid)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"pid\": \"1\"}", "{\"pid\": -1}", "{\"pid\": 99999999999}"};
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    int dir = -1, lock = -1;

    ok(store_container_create(store, &put, &dir, &lock, &err));
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        _cleanup_(store_container_done) struct store_container got = {0};
        plant("run/containers/" ID_A "/state.json", bad[i]);
        ok(store_container_find(store, "web", &got, &err));
        cr_expect_eq(got.status, STORE_RUNNING);
        cr_expect_eq(got.pid, 0);
    }
    close(dir);
    close(lock);
}

Test(container, one_never_started_is_created)
{
    _cleanup_(store_container_done) struct store_container got = {0};

    put_dead_container('a', "web");
    ok(store_container_find(store, "web", &got, &err));
    cr_expect_eq(got.status, STORE_CREATED);
}

Test(container, the_lock_ends_with_its_owner)
{
    int go[2], lock = -1;
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
        int dir, held;
        if (store_container_create(store, &put, &dir, &held, NULL) < 0 || write(go[1], "x", 1) != 1)
            _exit(1);
        alarm(30); /* should the parent fail before it kills us */
        pause();
    }
    cr_assert_eq(read(go[0], &byte, 1), 1);
    cr_expect_eq(store_container_try_lock(store, ID_A, &lock, NULL), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_expect_eq(store_container_try_lock(store, ID_A, &lock, NULL), 1);
    close(lock);
}

/* Those who ask for the status take the lock for a moment; that is not owning it. */
Test(container, looking_at_the_status_does_not_keep_the_lock_from_anyone)
{
    _cleanup_free_ char *path = keg_asprintf("%s/run/containers/" ID_A "/lock", scratch);
    int lock = -1;
    pid_t looker;

    put_dead_container('a', "web");
    int held = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(flock(held, LOCK_SH), 0);
    looker = fork();
    if (looker == 0) {
        usleep(20 * 1000);
        _exit(0);
    }
    close(held);
    cr_expect_eq(store_container_try_lock(store, ID_A, &lock, NULL), 1);
    close(lock);
    waitpid(looker, NULL, 0);
}

Test(container, without_run_folder_there_is_no_lock)
{
    int lock = -1;

    put_dead_container('a', "web");
    ok(store_container_release(store, ID_A, &err));
    cr_expect(!there("run/containers/" ID_A));
    fails(store_container_try_lock(store, ID_A, &lock, &err), -ENOENT, "no run folder");
    fails(store_container_rundir(store, ID_A, &lock, &err), -ENOENT, "no such container");
    cr_expect_eq(find("web"), 'a');
}

Test(container, its_folders_can_be_opened)
{
    int dir = -1, run = -1;

    put_dead_container('a', "web");
    ok(store_container_dir(store, ID_A, &dir, &err));
    ok(store_container_rundir(store, ID_A, &run, &err));
    cr_expect_eq(faccessat(dir, "meta.json", F_OK, 0), 0);
    cr_expect_eq(faccessat(run, "lock", F_OK, 0), 0);
    close(dir);
    close(run);
    fails(store_container_dir(store, ID_B, &dir, &err), -ENOENT, "no such container");
}

Test(container, the_list_has_the_newest_first)
{
    struct store_container *containers = NULL;

    put_dead_container('1', "one");
    put_dead_container('3', "three");
    put_dead_container('2', "two");
    size_t count = list(&containers);
    cr_assert_eq(count, 3);
    cr_expect_str_eq(containers[0].name, "three");
    cr_expect_str_eq(containers[1].name, "two");
    cr_expect_str_eq(containers[2].name, "one");
    store_containers_free(containers, count);
}

Test(container, an_empty_store_has_an_empty_list)
{
    struct store_container *containers = NULL;
    cr_expect_eq(list(&containers), 0);
}

Test(container, damaged_metadata_is_a_named_error_and_hides_nobody)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "not valid JSON"},
        {"{\"name\":", "not valid JSON"},
        {"[]", "no object"},
        {"{}", "'name' is missing"},
        {"{\"name\": \"../x\", \"layers\": []}", "'name' is not a container's name"},
        {"{\"name\": \"db\"}", "'layers' is missing"},
        {"{\"name\": \"db\", \"layers\": [\"x\"]}", "'layers' is not a digest"},
        {"{\"name\": \"db\", \"layers\": [], \"imageId\": \"x\"}", "'imageId' is not a digest"},
        {"{\"name\": \"db\", \"layers\": [], \"command\": [1]}", "command"},
        {"{\"name\": \"db\", \"layers\": [], \"started\": \"x\"}", "'started' is not a time"},
        {"{\"name\": \"db\", \"layers\": [], \"exitCode\": 1e3}", "'exitCode' is not"},
        {"{\"name\": \"db\", \"layers\": [], \"exitCode\": 99999999999}",
         "'exitCode' is out of range"},
        {"{\"name\": \"db\", \"layers\": [], \"autoRemove\": 1}", "'autoRemove' is not"},
        {"{\"name\": \"db\", \"layers\": [], \"error\": {}}", "'error' is not a string"},
    };
    put_dead_container('a', "web");
    put_dead_container('b', "db");
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct store_container *containers = NULL;
        size_t count;

        plant("root/containers/" ID_B "/meta.json", cases[i].text);
        finds_nothing("db", -EPROTO, cases[i].words);
        finds_nothing(ID_B, -EPROTO, "containers/" ID_B "/meta.json");
        count = list(&containers);
        cr_expect_eq(count, 1);
        store_containers_free(containers, count);
        cr_expect_eq(find("web"), 'a');
    }
}

Test(container, what_is_no_container_is_passed_by)
{
    struct store_container *containers = NULL;

    put_dead_container('a', "web");
    plant("root/containers/file", "x");
    plant("root/containers/dir/meta.json", "x");
    size_t count = list(&containers);
    cr_expect_eq(count, 1);
    store_containers_free(containers, count);
}

Test(container, removing_leaves_nothing)
{
    _cleanup_(store_container_done) struct store_container container = {0};

    put_dead_container('a', "web");
    plant("root/containers/" ID_A "/upper/deep/er/file", "x");
    ok(store_container_find(store, "web", &container, &err));
    ok(store_container_remove(store, &container, &err));
    finds_nothing("web", -ENOENT, "no such container");
    cr_expect_eq(count_entries("root/containers"), 0);
    cr_expect_eq(count_entries("root/names"), 0);
    cr_expect_eq(count_entries("root/tmp"), 0);
    cr_expect_eq(count_entries("run/containers"), 0);
    ok(store_container_remove(store, &container, &err));
    put_dead_container('b', "web");
}

Test(container, removing_keeps_a_name_that_another_has)
{
    _cleanup_(store_container_done) struct store_container gone = make_container('a', "web");

    put_dead_container('b', "web");
    ok(store_container_remove(store, &gone, &err));
    cr_expect_eq(find("web"), 'b');
}

Test(container, run_folders_are_listed)
{
    _cleanup_strv_ char **none = NULL;
    _cleanup_strv_ char **ids = NULL;

    ok(store_container_ids_run(store, &none, &err));
    cr_expect_eq(keg_strv_length(none), 0);
    put_dead_container('a', "web");
    put_dead_container('b', "db");
    ok(store_container_release(store, ID_B, &err));
    plant("run/containers/.new-" ID_B "/lock", "");
    plant("run/containers/.old-" ID_B "/lock", "");
    ok(store_container_ids_run(store, &ids, &err));
    cr_assert_eq(keg_strv_length(ids), 1);
    cr_expect_str_eq(ids[0], ID_A);
    cr_expect(!there("run/containers/.old-" ID_B), "left by an interrupted release");
}

Test(container, a_release_goes_on_where_one_was_interrupted)
{
    put_dead_container('a', "web");
    plant("run/containers/.old-" ID_A "/hosts", "");
    ok(store_container_release(store, ID_A, &err));
    cr_expect_eq(count_entries("run/containers"), 0);
    ok(store_container_release(store, ID_A, &err));
}

/* What the next keg does about run folders that a crash left. */
static void take_what_nobody_owns(void)
{
    _cleanup_strv_ char **ids = NULL;

    if (store_container_ids_run(store, &ids, NULL) < 0)
        return;
    for (size_t i = 0; ids[i]; i++) {
        _cleanup_fd_ int lock = -1;
        if (store_container_try_lock(store, ids[i], &lock, NULL) == 1)
            (void)store_container_release(store, ids[i], NULL);
    }
}

Test(container, one_being_made_is_not_taken_for_left_from_a_crash)
{
    _cleanup_(store_container_done) struct store_container put = make_container('a', "web");
    pid_t taker = start_endless(take_what_nobody_owns);

    for (int i = 0; i < 1000; i++) {
        _cleanup_fd_ int dir = -1;
        _cleanup_fd_ int lock = -1;

        ok(store_container_create(store, &put, &dir, &lock, &err));
        cr_assert(there("run/containers/" ID_A "/lock"), "round %d", i);
        ok(store_container_remove(store, &put, &err));
    }
    stop(taker);
}
