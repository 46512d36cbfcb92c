/* SPDX-License-Identifier: Apache-2.0 */
/* Which controllers a v2 folder can give to containers, with plain files in place of the kernel's.
 */
#include "run/cgroup_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cpu counts for v1's cpuacct. */
#define ALL                                                                                        \
    (CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_PIDS) |                \
     CGROUP_BIT(CGROUP_CPUSET) | CGROUP_BIT(CGROUP_IO) | CGROUP_BIT(CGROUP_HUGETLB) |              \
     CGROUP_BIT(CGROUP_RDMA) | CGROUP_BIT(CGROUP_MISC) | CGROUP_BIT(CGROUP_CPUACCT))
/* BPF, which is no controller. */
#define DEVICES (1u << CGROUP_DEVICES)

static const char *const files[] = {"cgroup.controllers", "cgroup.subtree_control", "cgroup.type",
                                    "cgroup.procs"};
static char root[] = "/tmp/keg-unit-layout-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(keg_write_all(fd, text, strlen(text)), 0);
}

static void make_root(void)
{
    cr_assert_not_null(mkdtemp(root));
    put("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
    put("cgroup.subtree_control", "\n");
    put("cgroup.procs", "");
}

static void remove_root(void)
{
    char path[64];
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", root, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(root);
}

TestSuite(cgroup_layout, .init = make_root, .fini = remove_root);

Test(cgroup_layout, the_machines_root_gives_all_though_it_has_processes)
{
    put("cgroup.procs", "1\n2\n");
    cr_expect_eq(cgroup_v2_controllers(root), DEVICES | ALL);
}

Test(cgroup_layout, a_namespaces_root_without_processes_gives_all)
{
    put("cgroup.type", "domain\n");
    cr_expect_eq(cgroup_v2_controllers(root), DEVICES | ALL);
}

Test(cgroup_layout, a_namespaces_root_with_processes_gives_nothing_new)
{
    put("cgroup.type", "domain\n");
    put("cgroup.procs", "17\n");
    cr_expect_eq(cgroup_v2_controllers(root), DEVICES);
    put("cgroup.subtree_control", "pids\n");
    cr_expect_eq(cgroup_v2_controllers(root), DEVICES | (1u << CGROUP_PIDS));
}

Test(cgroup_layout, a_controller_that_the_root_does_not_have_is_not_given)
{
    put("cgroup.controllers", "io pids\n");
    cr_expect_eq(cgroup_v2_controllers(root),
                 DEVICES | CGROUP_BIT(CGROUP_IO) | CGROUP_BIT(CGROUP_PIDS));
}
