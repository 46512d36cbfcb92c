/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the store, its locks, and its tmp/. */
#include "scratch.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

TestSuite(open, .init = scratch_up, .fini = scratch_down);

static mode_t mode_of(const char *path)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0, "%s", path);
    return st.st_mode & 07777;
}

Test(open, missing_folders_are_made_0700)
{
    umask(0);
    store_close(store);
    store = NULL;
    _cleanup_free_ char *root = keg_asprintf("%s/a/b", scratch);
    _cleanup_free_ char *run = keg_asprintf("%s/c/d", scratch);
    ok(store_open(root, run, &store, &err));
    cr_expect_eq(mode_of(root), 0700);
    cr_expect_eq(mode_of(run), 0700);
    cr_expect_str_eq(store_root(store), root);
    cr_expect_str_eq(store_runroot(store), run);
    cr_expect_eq(fcntl(store_root_fd(store), F_GETFD), FD_CLOEXEC);
    cr_expect_eq(fcntl(store_run_fd(store), F_GETFD), FD_CLOEXEC);
}

Test(open, the_environment_says_where)
{
    struct store *other = NULL;
    _cleanup_free_ char *root = keg_asprintf("%s/env-root", scratch);
    _cleanup_free_ char *run = keg_asprintf("%s/env-run", scratch);

    setenv("KEG_ROOT", root, 1);
    setenv("KEG_RUNROOT", run, 1);
    ok(store_open(NULL, NULL, &other, &err));
    cr_expect_str_eq(store_root(other), root);
    cr_expect_str_eq(store_runroot(other), run);
    store_close(other);
}

Test(open, without_root_rights_the_xdg_folders_are_taken)
{
    struct store *other = NULL;
    _cleanup_free_ char *data = keg_asprintf("%s/data", scratch);
    _cleanup_free_ char *runtime = keg_asprintf("%s/runtime", scratch);
    _cleanup_free_ char *root = keg_asprintf("%s/data/keg", scratch);
    _cleanup_free_ char *home_root = keg_asprintf("%s/.local/share/keg", scratch);

    unsetenv("KEG_ROOT");
    unsetenv("KEG_RUNROOT");
    setenv("XDG_DATA_HOME", data, 1);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    cr_assert_eq(chmod(scratch, 0777), 0);
    cr_assert_eq(seteuid(65534), 0);
    ok(store_open(NULL, NULL, &other, &err));
    cr_expect_str_eq(store_root(other), root);
    store_close(other);
    setenv("XDG_DATA_HOME", "relative", 1);
    setenv("HOME", scratch, 1);
    ok(store_open(NULL, NULL, &other, &err));
    cr_expect_str_eq(store_root(other), home_root);
    store_close(other);
    cr_assert_eq(seteuid(0), 0);
}

/* A user that no machine has: what is in /tmp of that name is this test's own. */
#define NOBODYS_UID   1234567890
#define NOBODYS_PLACE "/tmp/keg-1234567890"

Test(open, without_xdg_runtime_dir_a_folder_in_tmp_is_taken_if_it_is_the_users_alone)
{
    struct store *other = NULL;
    _cleanup_free_ char *data = keg_asprintf("%s/data", scratch);

    unsetenv("KEG_ROOT");
    unsetenv("KEG_RUNROOT");
    unsetenv("XDG_RUNTIME_DIR");
    setenv("XDG_DATA_HOME", data, 1);
    cr_assert_eq(chmod(scratch, 0777), 0);
    cr_assert_eq(seteuid(NOBODYS_UID), 0);
    ok(store_open(NULL, NULL, &other, &err));
    cr_expect_str_eq(store_runroot(other), NOBODYS_PLACE);
    store_close(other);
    cr_assert_eq(chmod(NOBODYS_PLACE, 0755), 0);
    fails(store_open(NULL, NULL, &other, &err), -EPERM, NOBODYS_PLACE);
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(NOBODYS_PLACE, 0700), 0);
    cr_assert_eq(chown(NOBODYS_PLACE, 0, 0), 0);
    cr_assert_eq(seteuid(NOBODYS_UID), 0);
    fails(store_open(NULL, NULL, &other, &err), -EPERM, "XDG_RUNTIME_DIR");
    cr_assert_eq(seteuid(0), 0);
    _cleanup_fd_ int tmp = keg_openat(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY, 0);
    cr_assert_eq(keg_remove_tree(tmp, "keg-1234567890"), 0);
}

Test(open, the_places_of_a_store_are_known_before_it_is_opened)
{
    _cleanup_free_ char *root = NULL, *runroot = NULL;
    _cleanup_free_ char *here = keg_asprintf("%s/here", scratch);
    setenv("KEG_ROOT", "/some/where", 1);
    cr_assert_eq(chdir(scratch), 0);
    ok(store_places(NULL, "here", &root, &runroot, &err));
    cr_expect_str_eq(root, "/some/where");
    cr_expect_str_eq(runroot, here);
    cr_expect_eq(access(here, F_OK), -1);
}

Test(open, a_relative_root_is_made_absolute)
{
    struct store *other = NULL;
    _cleanup_free_ char *root = keg_asprintf("%s/here", scratch);

    cr_assert_eq(chdir(scratch), 0);
    ok(store_open("here", "there", &other, &err));
    cr_expect_str_eq(store_root(other), root);
    store_close(other);
}

Test(open, a_file_in_the_stores_place_is_a_named_error)
{
    struct store *other = NULL;
    _cleanup_free_ char *root = keg_asprintf("%s/file", scratch);

    plant("file", "x");
    fails(store_open(root, root, &other, &err), -ENOTDIR, root);
    fails(store_open("", root, &other, &err), -EINVAL, "empty");
    cr_expect(other == NULL);
}

Test(open, shared_locks_do_not_exclude_each_other)
{
    int a = -1, b = -1;

    ok(store_lock_shared(store, &a, &err));
    ok(store_lock_shared(store, &b, &err));
    close(a);
    close(b);
}

Test(open, a_shared_lock_waits_for_a_collection_to_end)
{
    _cleanup_free_ char *path = keg_asprintf("%s/root/lock", scratch);
    int exclusive = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int fd = -1, status;
    int64_t start = keg_monotonic_ms();
    pid_t pid;

    cr_assert_eq(flock(exclusive, LOCK_EX), 0);
    pid = fork();
    if (pid == 0) {
        usleep(200 * 1000);
        _exit(0);
    }
    close(exclusive);
    ok(store_lock_shared(store, &fd, &err));
    cr_expect_geq(keg_monotonic_ms() - start, 150);
    close(fd);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
}

Test(open, one_process_at_a_time_has_a_digests_lock)
{
    _cleanup_free_ char *digest = digest_of('a');
    _cleanup_free_ char *other = digest_of('b');
    int fd = -1, go[2];
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        int held = -1;
        if (store_lock_digest(store, digest, &held, NULL) < 0 || write(go[1], "x", 1) != 1)
            _exit(1);
        usleep(300 * 1000);
        _exit(0);
    }
    cr_assert_eq(read(go[0], &byte, 1), 1);
    int64_t start = keg_monotonic_ms();
    ok(store_lock_digest(store, other, &fd, &err));
    close(fd);
    cr_expect_lt(keg_monotonic_ms() - start, 200, "another digest's lock waited");
    ok(store_lock_digest(store, digest, &fd, &err));
    cr_expect_geq(keg_monotonic_ms() - start, 200, "two had the lock");
    close(fd);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static atomic_bool cancelled;

static void cancel(int signal_number)
{
    (void)signal_number;
    atomic_store(&cancelled, true);
}

Test(open, a_wait_for_a_lock_ends_when_it_is_cancelled)
{
    _cleanup_free_ char *digest = digest_of('a');
    _cleanup_fd_ int held = -1;
    int fd = -1;
    struct itimerval soon = {.it_value.tv_usec = 100 * 1000};
    ok(store_lock_digest(store, digest, &held, &err));
    store_cancel_waits(store, &cancelled);
    signal(SIGALRM, cancel);
    setitimer(ITIMER_REAL, &soon, NULL);
    fails(store_lock_digest(store, digest, &fd, &err), -EINTR, "lock ");
    cr_expect_eq(fd, -1);
}

Test(open, a_wait_that_may_be_cancelled_gets_the_lock_once_it_is_free)
{
    _cleanup_free_ char *digest = digest_of('a');
    int held = -1, fd = -1;
    ok(store_lock_digest(store, digest, &held, &err));
    store_cancel_waits(store, &cancelled);
    pid_t pid = fork();
    if (pid == 0) { /* has the lock too, and for longer */
        usleep(200 * 1000);
        _exit(0);
    }
    close(held);
    int64_t start = keg_monotonic_ms();
    ok(store_lock_digest(store, digest, &fd, &err));
    cr_expect_geq(keg_monotonic_ms() - start, 100, "two had the lock");
    close(fd);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(open, a_lock_of_no_digest_is_refused)
{
    int fd = -1;
    fails(store_lock_digest(store, "sha256:../../x", &fd, &err), -EINVAL, "not a digest");
    cr_expect_eq(fd, -1);
}

Test(open, a_tmp_folder_is_private_and_locked)
{
    _cleanup_free_ char *name = NULL;
    _cleanup_free_ char *path = NULL;
    int fd = -1;

    ok(store_tmp_new(store, &name, &fd, &err));
    cr_assert(keg_starts_with(name, "tmp/"));
    path = keg_asprintf("%s/root/%s", scratch, name);
    cr_expect_eq(mode_of(path), 0700);
    int again = open(path, O_RDONLY | O_DIRECTORY);
    cr_expect_eq(flock(again, LOCK_EX | LOCK_NB), -1);
    close(again);
    close(fd);
}

Test(open, tmp_folders_have_names_of_their_own)
{
    char *names[3];
    int fds[3];

    for (int i = 0; i < 3; i++)
        ok(store_tmp_new(store, &names[i], &fds[i], &err));
    cr_expect_str_neq(names[0], names[1]);
    cr_expect_str_neq(names[1], names[2]);
    cr_expect_eq(count_entries("root/tmp"), 3);
    for (int i = 0; i < 3; i++) {
        free(names[i]);
        close(fds[i]);
    }
}

Test(open, cleaning_tmp_keeps_what_is_locked_and_removes_the_rest)
{
    _cleanup_free_ char *alive = NULL;
    _cleanup_free_ char *dead = NULL;
    int alive_fd = -1, dead_fd = -1;

    ok(store_tmp_new(store, &alive, &alive_fd, &err));
    ok(store_tmp_new(store, &dead, &dead_fd, &err));
    cr_assert_eq(mkdirat(dead_fd, "deep", 0), 0);
    close(dead_fd);
    plant("root/tmp/00000000-0000-0000-0000-000000000000-1-1/of/another/boot", "x");
    plant("root/tmp/file", "x");
    cr_assert_eq(symlinkat("/etc", store_root_fd(store), "tmp/link"), 0);
    store_clean_tmp(store);
    cr_expect_eq(count_entries("root/tmp"), 1);
    cr_expect_eq(faccessat(store_root_fd(store), alive, F_OK, 0), 0);
    close(alive_fd);
    cr_expect_eq(access("/etc/passwd", F_OK), 0);
}

static void clean(void)
{
    store_clean_tmp(store);
}

/* Makers and cleaners at once: no maker may lose the folder that it was given. */
Test(open, a_folder_being_made_is_not_swept_from_under_its_maker)
{
    pid_t cleaners[3];

    for (int i = 0; i < 3; i++)
        cleaners[i] = start_endless(clean);
    for (int i = 0; i < 3000; i++) {
        _cleanup_free_ char *name = NULL;
        _cleanup_fd_ int fd = -1;

        ok(store_tmp_new(store, &name, &fd, &err));
        cr_assert_eq(mkdirat(fd, "x", 0700), 0);
        cr_assert_eq(faccessat(store_root_fd(store), name, F_OK, 0), 0);
    }
    for (int i = 0; i < 3; i++)
        stop(cleaners[i]);
}
