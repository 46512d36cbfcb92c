/* SPDX-License-Identifier: Apache-2.0 */
/* What is written for the security modules, with a folder for their procfs. */
#include "run/labels.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

Test(labels, what_the_kernel_shows_means_what_was_asked_for)
{
    static const struct {
        const char *shown, *wanted;
        bool same;
    } cases[] = {
        {"keg", "keg", true},
        {"keg\n", "keg", true},
        {"keg (enforce)\n", "keg", true},
        {"keg (complain)", "keg", true},
        {"unconfined\n", "unconfined", true},
        {"keg-other (enforce)", "keg", false},
        {"keg//child (enforce)", "keg", false},
        {"ke", "keg", false},
        {"", "keg", false},
        {"a:b:c:s0", "a:b:c:s0", true},
        {"a:b:c:s0:c1", "a:b:c:s0", false},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++)
        cr_expect_eq(labels_match(cases[i].shown, cases[i].wanted), cases[i].same, "'%s' '%s'",
                     cases[i].shown, cases[i].wanted);
}

/* A procfs that keeps what is written as it is. */
static int make_proc(char folder[static 32], const char *attribute)
{
    (void)snprintf(folder, 32, "/tmp/labels-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    int fd = keg_openat(AT_FDCWD, folder, O_PATH | O_DIRECTORY, 0);
    cr_assert(fd >= 0);
    _cleanup_free_ char *parent =
        keg_strndup(attribute, (size_t)(strrchr(attribute, '/') - attribute));
    cr_assert(keg_mkdirs(fd, parent, 0755) == 0);
    _cleanup_fd_ int file = keg_openat(fd, attribute, O_WRONLY | O_CREAT, 0644);
    cr_assert(file >= 0);
    return fd;
}

static void remove_proc(const char *folder)
{
    _cleanup_fd_ int parent = keg_openat(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY, 0);
    cr_expect_eq(keg_remove_tree(parent, strrchr(folder, '/') + 1), 0);
}

static void expect_file(int proc_fd, const char *path, const char *text)
{
    _cleanup_buf_ struct keg_buf held = {0};
    cr_assert(keg_read_file(proc_fd, path, 4096, &held, NULL) == 0);
    cr_expect_str_eq(held.data, text);
}

static char profile[] = "keg", context[] = "u:r:t:s0", unconfined[] = "unconfined";

Test(labels, an_apparmor_profile_is_asked_for_at_its_own_place_first)
{
    static const char *const places[] = {"self/attr/apparmor/exec", "self/attr/exec"};
    const struct run_process process = {.apparmor_profile = profile};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(places); i++) {
        char folder[32];
        struct keg_err err = KEG_ERR_INIT;
        _cleanup_fd_ int proc_fd = make_proc(folder, places[i]);
        /* A kernel would show "keg (enforce)"; this one does not, and that is an error. */
        cr_expect_eq(labels_apply(proc_fd, &process, &err), -EPERM);
        cr_expect_str_eq(err.text, "AppArmor profile: 'keg': the kernel noted 'exec keg'");
        expect_file(proc_fd, places[i], "exec keg");
        remove_proc(folder);
    }
}

Test(labels, a_selinux_context_is_written_and_read_back)
{
    char folder[32];
    struct keg_err err = KEG_ERR_INIT;
    const struct run_process process = {.selinux_label = context};
    _cleanup_fd_ int proc_fd = make_proc(folder, "self/attr/exec");
    cr_expect_eq(labels_apply(proc_fd, &process, &err), 0, "%s", err.text);
    expect_file(proc_fd, "self/attr/exec", context);
    remove_proc(folder);
}

Test(labels, a_kernel_without_the_file_is_an_error)
{
    char folder[32];
    struct keg_err err = KEG_ERR_INIT;
    const struct run_process wants_profile = {.apparmor_profile = profile};
    const struct run_process wants_nothing = {.apparmor_profile = NULL};
    _cleanup_fd_ int proc_fd = make_proc(folder, "self/status");
    cr_expect_eq(labels_apply(proc_fd, &wants_profile, &err), -ENOENT);
    cr_expect_eq(labels_apply(proc_fd, &wants_nothing, &err), 0);
    remove_proc(folder);
}

Test(labels, unconfined_is_no_wish_where_nothing_confines)
{
    struct keg_err err = KEG_ERR_INIT;
    const struct run_process process = {.apparmor_profile = unconfined};
    if (access("/sys/module/apparmor", F_OK) == 0)
        cr_skip_test("this machine has AppArmor");
    _cleanup_fd_ int proc_fd = keg_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    cr_expect_eq(labels_check(&process, &err), 0, "%s", err.text);
    cr_expect_eq(labels_apply(proc_fd, &process, &err), 0, "%s", err.text);
}
