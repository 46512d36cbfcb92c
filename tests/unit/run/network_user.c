/* SPDX-License-Identifier: Apache-2.0 */
/* User-mode networks: the programs, how they are run, what they say. With real ones:
 * tests/cli/rootless.bats. */
#include "run/network_user.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char scratch[] = "/dev/shm/keg-network-XXXXXX";
static struct keg_err err;

static void make_scratch(void)
{
    cr_assert(mkdtemp(scratch) != NULL);
}

static void remove_scratch(void)
{
    _cleanup_fd_ int shm = keg_openat(AT_FDCWD, "/dev/shm", O_RDONLY | O_DIRECTORY, 0);
    cr_assert_eq(keg_remove_tree(shm, strrchr(scratch, '/') + 1), 0);
}

TestSuite(network_user, .init = make_scratch, .fini = remove_scratch, .timeout = 30);

/* A program of that name, which does what ${lines} say. */
static char *program(const char *name, const char *lines, mode_t mode)
{
    char *path = keg_asprintf("%s/%s", scratch, name);
    _cleanup_free_ char *text = keg_asprintf("#!/bin/sh\n%s\n", lines);
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    cr_assert(fd >= 0 && keg_write_all(fd, text, strlen(text)) == 0);
    return path;
}

Test(network_user, pasta_comes_before_slirp4netns)
{
    struct run_network_user found;
    _cleanup_free_ char *slirp = program("slirp4netns", "", 0755);
    _cleanup_free_ char *pasta = program("pasta", "", 0755);
    _cleanup_free_ char *folders = keg_asprintf("relative:/nowhere:%s", scratch);
    cr_assert_eq(run_network_user_find(folders, &found), 0);
    cr_expect_str_eq(found.programs[0], pasta);
    cr_expect_str_eq(found.programs[1], slirp);
    run_network_user_done(&found);
}

Test(network_user, what_cannot_be_executed_is_no_program)
{
    struct run_network_user found;
    _cleanup_free_ char *pasta = program("pasta", "", 0644);
    cr_assert_eq(run_network_user_find(scratch, &found), 0);
    for (char **p = found.programs; p && *p; p++)
        cr_expect_str_neq(*p, pasta);
    run_network_user_done(&found);
}

static bool has(char *const *args, const char *wanted)
{
    for (; *args; args++)
        if (keg_streq(*args, wanted))
            return true;
    return false;
}

Test(network_user, neither_program_opens_the_loopback_of_the_host)
{
    _cleanup_strv_ char **pasta = NULL, **slirp = NULL;
    cr_assert_eq(network_user_arguments("/usr/bin/pasta", &pasta), 0);
    cr_expect(has(pasta, "--no-map-gw"));
    for (const char *const *flag =
             (const char *const[]){"--tcp-ports", "--udp-ports", "--tcp-ns", "--udp-ns", NULL};
         *flag; flag++)
        for (char **arg = pasta; *arg; arg++)
            if (keg_streq(*arg, *flag))
                cr_expect_str_eq(arg[1], "none");
    cr_expect(has(pasta, "--tcp-ns") && has(pasta, "--udp-ns"));
    cr_expect(has(pasta, "--tcp-ports") && has(pasta, "--udp-ports"));
    cr_assert_eq(network_user_arguments("/usr/bin/slirp4netns", &slirp), 0);
    cr_expect(has(slirp, "--disable-host-loopback"));
    cr_expect(has(slirp, "eth0"));
}

static int start(char **programs, struct state *ret)
{
    const struct run_network_user network = {programs};
    *ret = (struct state){0};
    int r = network_user_start(&network, 0, &ret->network_pid, &err);
    if (r == 0)
        cr_assert_eq(keg_pid_start_time(ret->network_pid, &ret->network_pid_start_ticks), 0);
    return r;
}

Test(network_user, the_next_program_serves_where_the_first_one_cannot)
{
    struct state state;
    _cleanup_strv_ char **programs = NULL;
    _cleanup_free_ char *first = program("pasta", "echo no way out >&2; exit 1", 0755);
    _cleanup_free_ char *second = program("slirp4netns", "echo 1 >&3; exec sleep 100", 0755);
    cr_assert(keg_strv_add(&programs, first) == 0 && keg_strv_add(&programs, second) == 0);
    cr_assert_eq(start(programs, &state), 0, "%s", err.text);
    cr_expect_eq(kill(state.network_pid, 0), 0);
    network_user_stop(&state);
    cr_expect_eq(kill(state.network_pid, 0), -1);
    cr_expect_eq(errno, ESRCH);
}

Test(network_user, what_the_last_program_said_is_told)
{
    struct state state;
    _cleanup_strv_ char **programs = NULL;
    _cleanup_free_ char *only =
        program("pasta", "echo chatter >&2; echo no way out >&2; exit 1", 0755);
    cr_assert_eq(keg_strv_add(&programs, only), 0);
    cr_assert_lt(start(programs, &state), 0);
    cr_expect(strstr(err.text, "pasta: no way out"), "%s", err.text);
}

Test(network_user, without_a_program_that_is_said)
{
    struct state state;
    cr_assert_eq(start(NULL, &state), -ENOENT);
    cr_expect(strstr(err.text, "neither pasta nor slirp4netns"), "%s", err.text);
}

Test(network_user, another_process_with_its_number_is_let_be)
{
    struct state state = {.network_pid = getpid(), .network_pid_start_ticks = 1};
    network_user_stop(&state);
}

Test(network_user, chatter_is_not_the_cause)
{
    char text[] = "No external interface\nFailed to send 51 bytes to syslog\n";
    char slirp[] = "open(\"/dev/net/tun\"): Permission denied\nWARNING: Support for seccomp is "
                   "experimental\nchild failed(1)\n";
    char none[] = "";
    cr_expect_str_eq(network_user_words(slirp), "open(\"/dev/net/tun\"): Permission denied");
    cr_expect_str_eq(network_user_words(text), "No external interface");
    cr_expect_str_eq(network_user_words(none), "it ended without a word");
}
