/* SPDX-License-Identifier: Apache-2.0 */
/* config-linux.md "IntelRdt", with a plain folder for resctrl. */
#include "run/intel_rdt.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/resctrl-XXXXXX";
static int root_fd = -1;
static struct intel_rdt_group group;

static void open_root(void)
{
    cr_assert(mkdtemp(root) != NULL);
    root_fd = keg_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
    cr_assert(root_fd >= 0);
}

static void close_root(void)
{
    _cleanup_fd_ int parent = keg_openat(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY, 0);
    cr_expect_eq(keg_remove_tree(parent, strrchr(root, '/') + 1), 0);
    free(TAKE_PTR(group.name));
    (void)close(root_fd);
}

TestSuite(intel_rdt, .init = open_root, .fini = close_root);

static char clos[] = "gold", l3[] = "L3:0=ff;1=0f", mb[] = "MB:0=70;1=20";

static void put(const char *path, const char *text)
{
    _cleanup_fd_ int fd = keg_openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert(fd >= 0, "%s", path);
    cr_assert(keg_write_all(fd, text, strlen(text)) == 0);
}

static void expect_file(const char *path, const char *text)
{
    _cleanup_buf_ struct keg_buf held = {0};
    struct keg_err err = KEG_ERR_INIT;
    cr_assert(keg_read_file(root_fd, path, 4096, &held, &err) == 0, "%s", err.text);
    cr_expect_str_eq(held.data, text);
}

static void expect_failure(const struct run_intel_rdt *rdt, int code, const char *words)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_expect_eq(intel_rdt_create(root_fd, "box", rdt, &group, &err), code);
    cr_expect_str_eq(err.text, words);
}

Test(intel_rdt, a_machine_without_it_says_what_is_missing)
{
    struct keg_err err = KEG_ERR_INIT;
    if (access("/sys/fs/resctrl/schemata", F_OK) == 0)
        cr_skip_test("this machine has resctrl");
    cr_expect_eq(intel_rdt_open(&err), -ENOTSUP);
    cr_expect_str_eq(err.text, "intelRdt: resctrl is not mounted at '/sys/fs/resctrl' (mount -t "
                               "resctrl resctrl /sys/fs/resctrl, where the kernel and the "
                               "processor have it)");
}

Test(intel_rdt, shares_are_compared_one_by_one)
{
    static const char held[] = "    L3:0=000ff;1=0000F\n    MB:0= 70;1=20\n L2:0=f\n";
    static const struct {
        const char *wanted;
        bool there;
    } cases[] = {
        {"L3:0=ff;1=f", true}, {"L3:1=f", true},  {"L3:0=ff;1=ff", false},
        {"L3:2=f", false},     {"MB:1=20", true}, {"MB:1=2", false},
        {"L3:0=0", false},     {"L4:0=f", false}, {"L3", false},
        {"L2:0=0f", true},     {"", false},       {"L3:0=", false},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++)
        cr_expect_eq(intel_rdt_matches(held, cases[i].wanted), cases[i].there, "%s",
                     cases[i].wanted);
}

Test(intel_rdt, a_folder_is_made_and_removed_with_the_container)
{
    struct keg_err err = KEG_ERR_INIT;
    const struct run_intel_rdt rdt = {
        .set = true, .l3_cache_schema = l3, .memory_bandwidth_schema = mb};
    cr_assert_eq(intel_rdt_create(root_fd, "box", &rdt, &group, &err), 0, "%s", err.text);
    cr_expect_str_eq(group.name, "box");
    cr_expect(group.made);
    expect_file("box/schemata", "L3:0=ff;1=0f\nMB:0=70;1=20\n");
    put("box/tasks", "");
    _cleanup_fd_ int tasks = intel_rdt_tasks(root_fd, "box", &err);
    cr_expect_geq(tasks, 0, "%s", err.text);
    /* The kernel takes the files along. */
    cr_assert(unlinkat(root_fd, "box/schemata", 0) == 0 && unlinkat(root_fd, "box/tasks", 0) == 0);
    cr_expect_eq(intel_rdt_destroy(root_fd, &group), 0);
    cr_expect(faccessat(root_fd, "box", F_OK, 0) < 0);
    cr_expect_eq(intel_rdt_destroy(root_fd, &group), 0, "missing is success");
}

Test(intel_rdt, the_bandwidths_own_line_counts)
{
    struct keg_err err = KEG_ERR_INIT;
    char both[] = "L3:0=ff\nMB:0=10\n";
    const struct run_intel_rdt rdt = {
        .set = true, .l3_cache_schema = both, .memory_bandwidth_schema = mb};
    cr_assert_eq(intel_rdt_create(root_fd, "box", &rdt, &group, &err), 0, "%s", err.text);
    expect_file("box/schemata", "L3:0=ff\nMB:0=70;1=20\n");
}

Test(intel_rdt, without_schemata_a_class_must_be_there_and_stays)
{
    struct keg_err err = KEG_ERR_INIT;
    const struct run_intel_rdt rdt = {.set = true, .clos_id = clos};
    expect_failure(&rdt, -ENOENT,
                   "intelRdt: 'gold': there is none, and no schema to make one with");
    cr_assert(mkdirat(root_fd, "gold", 0755) == 0);
    put("gold/schemata", "L3:0=ff\n");
    cr_assert_eq(intel_rdt_create(root_fd, "box", &rdt, &group, &err), 0, "%s", err.text);
    cr_expect_str_eq(group.name, "gold");
    cr_expect_not(group.made);
    expect_file("gold/schemata", "L3:0=ff\n");
    cr_expect_eq(intel_rdt_destroy(root_fd, &group), 0);
    cr_expect_eq(faccessat(root_fd, "gold", F_OK, 0), 0);
}

Test(intel_rdt, a_class_that_is_there_must_have_the_schemata)
{
    struct keg_err err = KEG_ERR_INIT;
    const struct run_intel_rdt rdt = {
        .set = true, .clos_id = clos, .l3_cache_schema = l3, .memory_bandwidth_schema = mb};
    cr_assert(mkdirat(root_fd, "gold", 0755) == 0);
    put("gold/schemata", "    L3:0=ff;1=f\n    MB:0=70;1=30\n");
    expect_failure(&rdt, -EEXIST, "intelRdt: 'gold': it is there, and has not 'MB:0=70;1=20'");
    put("gold/schemata", "    L3:0=ff;1=f\n    MB:0=70;1=20\n");
    cr_expect_eq(intel_rdt_create(root_fd, "box", &rdt, &group, &err), 0, "%s", err.text);
    cr_expect_not(group.made);
}

Test(intel_rdt, what_the_kernel_says_is_told_and_nothing_stays)
{
    char name[] = "..";
    const struct run_intel_rdt rdt = {.set = true, .clos_id = name, .l3_cache_schema = l3};
    expect_failure(&rdt, -EINVAL, "intelRdt: '..': it is no name of a folder");
}
