/* SPDX-License-Identifier: Apache-2.0 */
/* State folders: who has an id, and who may change it. */
#include "cmd/runtime/folder.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char base[] = "/tmp/folder.XXXXXX";
static char *root;
static struct runtime runtime;
static struct keg_err err;
static struct runtime_folder folder;

static void make_base(void)
{
    cr_assert(mkdtemp(base));
    root = keg_asprintf("%s/a/b", base);
    runtime.root = root;
    folder = RUNTIME_FOLDER_INIT;
}

static void remove_base(void)
{
    runtime_folder_done(&folder);
    (void)keg_remove_tree(AT_FDCWD, base);
    free(root);
}

TestSuite(folder, .init = make_base, .fini = remove_base);

Test(folder, making_it_reserves_the_id_for_its_owner_alone)
{
    struct stat st;
    struct runtime_folder other;
    cr_assert_eq(runtime_folder_make(&runtime, "x", &folder, &err), 0, "%s", err.text);
    cr_assert_eq(fstat(folder.fd, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0700);
    cr_assert_eq(runtime_folder_make(&runtime, "x", &other, &err), -EEXIST);
    cr_assert_str_eq(err.text, "container with id exists: 'x'");
    runtime_folder_done(&other);
}

Test(folder, one_that_is_not_there)
{
    cr_assert_eq(runtime_folder_open(&runtime, "x", &folder, &err), -ENOENT);
    cr_assert_str_eq(err.text, "container 'x' does not exist");
    runtime_folder_done(&folder);
    cr_assert_eq(keg_mkdirs(AT_FDCWD, root, 0700), 0);
    cr_assert_eq(runtime_folder_open(&runtime, "x", &folder, &err), -ENOENT);
    cr_assert_str_eq(err.text, "container 'x' does not exist");
}

Test(folder, a_bad_id_makes_nothing)
{
    cr_assert_eq(runtime_folder_make(&runtime, "../x", &folder, &err), -EINVAL);
    cr_assert_eq(access(root, F_OK), -1);
    cr_assert_eq(runtime_folder_open(&runtime, "../x", &folder, &err), -EINVAL);
}

Test(folder, a_link_in_its_place_is_not_followed)
{
    cr_assert_eq(keg_mkdirs(AT_FDCWD, root, 0700), 0);
    _cleanup_free_ char *path = keg_asprintf("%s/x", root);
    cr_assert_eq(symlink("/etc", path), 0);
    cr_assert_lt(runtime_folder_open(&runtime, "x", &folder, &err), 0);
    cr_assert_eq(folder.fd, -1);
}

/* The other one waits for the lock, which is given up by removing. */
Test(folder, whoever_waited_for_one_that_was_removed_is_told)
{
    cr_assert_eq(runtime_folder_make(&runtime, "x", &folder, &err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct runtime_folder mine;
        int r = runtime_folder_open(&runtime, "x", &mine, &err);
        /* opened anew: a lock of its own */
        _exit(r == 0 && runtime_folder_lock(&mine, &err) == -ENOENT ? 0 : 1);
    }
    char path[64], state = 'R';
    while (state != 'S') {
        struct keg_buf text;
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        cr_assert_eq(keg_read_file(AT_FDCWD, path, 4096, &text, &err), 0);
        (void)sscanf(text.data, "%*d %*s %c", &state);
        keg_buf_done(&text);
    }
    cr_assert_eq(runtime_folder_remove(&folder, &err), 0, "%s", err.text);
    runtime_folder_unlock(&folder);
    int status;
    cr_assert_eq(keg_wait_child(pid, &status), 0);
    cr_assert_eq(status, 0);
}

static void make(const char *id)
{
    struct runtime_folder made;
    cr_assert_eq(runtime_folder_make(&runtime, id, &made, &err), 0, "%s", err.text);
    runtime_folder_done(&made);
}

Test(folder, ids_come_sorted_and_by_expression)
{
    _cleanup_strv_ char **ids = NULL, **some = NULL, **none = NULL;
    cr_assert_eq(runtime_ids(&runtime, &none, &err), 0);
    cr_assert_eq(keg_strv_length(none), 0);
    make("web-2");
    make("web-1");
    make("db");
    cr_assert_eq(runtime_ids(&runtime, &ids, &err), 0);
    cr_assert_eq(keg_strv_length(ids), 3);
    cr_assert_str_eq(ids[0], "db");
    cr_assert_str_eq(ids[1], "web-1");
    cr_assert_eq(runtime_ids_matching(&runtime, "^web-[0-9]$", &some, &err), 0);
    cr_assert_eq(keg_strv_length(some), 2);
    cr_assert_str_eq(some[1], "web-2");
    cr_assert_eq(runtime_ids_matching(&runtime, "(", &some, &err), -EINVAL);
}
