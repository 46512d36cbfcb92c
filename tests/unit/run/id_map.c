/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps: looked up, checked, written for a process. */
#include "run/id_map.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

static struct run_id_maps maps_of(const uint32_t (*lines)[3], size_t count)
{
    struct run_id_maps maps = {0};
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(run_id_maps_add(&maps, lines[i][0], lines[i][1], lines[i][2]), 0);
    return maps;
}

Test(id_map, looks_up_the_host_id)
{
    static const uint32_t lines[][3] = {{0, 1000, 1}, {1, 100000, 65535}};
    struct run_id_maps maps = maps_of(lines, 2);
    uint32_t host = 0;
    cr_expect_eq(run_id_maps_to_host(&maps, 0, &host), 0);
    cr_expect_eq(host, 1000);
    cr_expect_eq(run_id_maps_to_host(&maps, 65535, &host), 0);
    cr_expect_eq(host, 165534);
    cr_expect_eq(run_id_maps_to_host(&maps, 65536, &host), -ENOENT);
    run_id_maps_done(&maps);
}

Test(id_map, sets_up_as_root_or_as_the_first_id)
{
    static const uint32_t with_root[][3] = {{5, 1, 1}, {0, 9, 1}}, without[][3] = {{1000, 1000, 1}};
    struct run_id_maps maps = maps_of(with_root, 2);
    cr_expect_eq(id_map_root(&maps), 0);
    run_id_maps_done(&maps);
    maps = maps_of(without, 1);
    cr_expect_eq(id_map_root(&maps), 1000);
    run_id_maps_done(&maps);
}

Test(id_map, refuses_what_the_kernel_refuses)
{
    static const struct {
        uint32_t lines[2][3];
        size_t count;
        const char *text;
    } bad[] = {
        {{{0}}, 0, "uidMappings: a new user namespace needs them"},
        {{{0, 0, 0}}, 1, "uidMappings[0]: 0:0:0 is no range of ids"},
        {{{4294967295, 0, 2}}, 1, "uidMappings[0]: 4294967295:0:2 is no range of ids"},
        {{{0, 4294967290, 10}}, 1, "uidMappings[0]: 0:4294967290:10 is no range of ids"},
        {{{0, 0, 10}, {9, 100, 1}}, 2, "uidMappings[1]: overlaps with the one before"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        struct keg_err err = KEG_ERR_INIT;
        struct run_id_maps maps = maps_of(bad[i].lines, bad[i].count);
        cr_expect_eq(id_map_check(&maps, "uidMappings", &err), -EINVAL);
        cr_expect_str_eq(err.text, bad[i].text);
        run_id_maps_done(&maps);
    }
}

Test(id_map, makes_a_namespace_that_only_holds_maps)
{
    static const uint32_t lines[][3] = {{0, 100000, 65536}};
    struct keg_err err = KEG_ERR_INIT;
    struct run_id_maps maps = maps_of(lines, 1);
    int fd = -1;
    if (geteuid() != 0)
        cr_skip_test("needs root");
    cr_assert_eq(run_user_namespace_make(&maps, &maps, &fd, &err), 0, "%s", err.text);
    pid_t pid = fork();
    if (pid == 0) {
        _cleanup_buf_ struct keg_buf text = {0};
        bool entered = setns(fd, CLONE_NEWUSER) == 0;
        int r = keg_read_file(AT_FDCWD, "/proc/self/uid_map", 256, &text, NULL);
        _exit(entered && r == 0 && strstr(text.data, "100000") ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect_eq(status, 0);
    (void)close(fd);
    run_id_maps_done(&maps);
}
