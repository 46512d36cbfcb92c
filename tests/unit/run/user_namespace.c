/* SPDX-License-Identifier: Apache-2.0 */
/* keg's own user namespace: why a machine refuses one. The entry itself: tests/cli/rootless.bats.
 */
#include "run/user_namespace.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

static char root_path[] = "/dev/shm/keg-sysctl-XXXXXX";
static int root = -1;

static void make_root(void)
{
    cr_assert(mkdtemp(root_path) != NULL);
    root = keg_openat(AT_FDCWD, root_path, O_RDONLY | O_DIRECTORY, 0);
    cr_assert(mkdirat(root, "user", 0755) == 0 && mkdirat(root, "kernel", 0755) == 0);
}

static void remove_root(void)
{
    _cleanup_fd_ int shm = keg_openat(AT_FDCWD, "/dev/shm", O_RDONLY | O_DIRECTORY, 0);
    (void)close(root);
    cr_assert_eq(keg_remove_tree(shm, strrchr(root_path, '/') + 1), 0);
}

TestSuite(user_namespace, .init = make_root, .fini = remove_root, .timeout = 20);

static void put(const char *path, const char *text)
{
    _cleanup_fd_ int fd = keg_openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert(fd >= 0 && keg_write_all(fd, text, strlen(text)) == 0);
}

static void expect(int code, bool filtered, const char *words)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_lt(user_namespace_explain(code, root, filtered, &err), 0);
    cr_expect(strstr(err.text, words), "'%s' is not in: %s", words, err.text);
}

Test(user_namespace, the_setting_that_forbids_it_is_named)
{
    put("user/max_user_namespaces", "15000\n");
    expect(-EPERM, false, "operation not permitted");
    put("kernel/apparmor_restrict_unprivileged_userns", "1\n");
    expect(-EACCES, false, "kernel.apparmor_restrict_unprivileged_userns=0");
    put("kernel/unprivileged_userns_clone", "0\n");
    expect(-EPERM, false, "kernel.unprivileged_userns_clone=1");
    put("user/max_user_namespaces", "0\n");
    expect(-ENOSPC, false, "user.max_user_namespaces=15000");
}

Test(user_namespace, settings_that_allow_it_are_not_blamed)
{
    put("user/max_user_namespaces", "1\n");
    put("kernel/unprivileged_userns_clone", "1\n");
    put("kernel/apparmor_restrict_unprivileged_userns", "0\n");
    expect(-ENOSPC, false, "too many exist");
    expect(-EINVAL, false, "CONFIG_USER_NS");
    expect(-EPERM, true, "seccomp=unconfined");
    expect(-EPERM, false, "refuses it: operation not permitted");
}
