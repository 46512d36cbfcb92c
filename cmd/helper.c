/* SPDX-License-Identifier: Apache-2.0 */
/* keg-image, the program that talks to registries: found, and run in keg's place or as its child.
 */
#include "cmd/cmd.h"
#include "cmd/config.h"

#include <signal.h>
#include <sys/prctl.h>

/* A keg that runs from its build folder takes the helper beside itself, never an installed, older
 * one. */
static int find_helper(char **ret, struct keg_err *err)
{
    _cleanup_free_ char *folder = NULL;
    int code = keg_exe_dir(&folder, err);
    if (code < 0)
        return code;
    _cleanup_free_ char *beside = keg_asprintf("%s/keg-image", folder);
    _cleanup_free_ char *installed = keg_strdup(KEG_LIBEXECDIR "/keg-image");
    if (!beside || !installed)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (access(beside, X_OK) == 0)
        *ret = TAKE_PTR(beside);
    else if (access(installed, X_OK) == 0)
        *ret = TAKE_PTR(installed);
    else
        return keg_fail(err, -ENOENT, "the helper keg-image is neither in '%s' nor in '%s'", folder,
                        KEG_LIBEXECDIR);
    return 0;
}

static int add_option(char ***argv, const char *name, const char *value)
{
    if (!value)
        return 0;
    int code = keg_strv_add(argv, name);
    return code < 0 ? code : keg_strv_add(argv, value);
}

static int helper_argv(int argc, char **argv, const struct cmd_globals *globals, char ***ret)
{
    int code = keg_strv_add(ret, "keg-image");
    if (code == 0)
        code = add_option(ret, "--root", globals->root);
    if (code == 0)
        code = add_option(ret, "--runroot", globals->runroot);
    for (int i = 0; i < argc && code == 0; i++)
        code = keg_strv_add(ret, argv[i]);
    return code;
}

int cmd_helper_exec(int argc, char **argv, const struct cmd_globals *globals, struct keg_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_strv_ char **all = NULL;
    int code = find_helper(&path, err);
    if (code < 0)
        return code;
    if (helper_argv(argc, argv, globals, &all) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    fflush(stdout);
    execv(path, all);
    return keg_fail_errno(err, "run '%s'", path);
}

/* In the child. ${parent} may have died before the death signal was asked for. */
_Noreturn static void become_helper(int argc, char **argv, const struct cmd_globals *globals,
                                    bool stdout_to_stderr, pid_t parent)
{
    struct keg_err err = KEG_ERR_INIT;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(CMD_EXIT_FAILED);
    if (stdout_to_stderr) {
        close(STDOUT_FILENO);
        if (fcntl(STDERR_FILENO, F_DUPFD, STDOUT_FILENO) != STDOUT_FILENO)
            _exit(CMD_EXIT_FAILED);
    }
    cmd_helper_exec(argc, argv, globals, &err);
    cmd_error(argv[0], NULL, &err);
    _exit(CMD_EXIT_FAILED);
}

/* As system(3) does: the terminal's signals are for the child alone while it runs. */
static int wait_ignoring_terminal(pid_t child, int *ret_status)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
    sigaction(SIGINT, &ignore, &old_int);
    sigaction(SIGQUIT, &ignore, &old_quit);
    int code = keg_wait_child(child, ret_status);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGQUIT, &old_quit, NULL);
    return code;
}

int cmd_helper_run(int argc, char **argv, const struct cmd_globals *globals, bool stdout_to_stderr,
                   int *ret_exit_code, struct keg_err *err)
{
    int status;
    pid_t parent = getpid();
    fflush(stdout); /* else the child would print what is in the buffer once more */
    _cleanup_pid_ pid_t child = fork();
    if (child < 0)
        return keg_fail_errno(err, "start keg-image");
    if (child == 0)
        become_helper(argc, argv, globals, stdout_to_stderr, parent);
    int code = wait_ignoring_terminal(child, &status);
    if (code < 0)
        return keg_fail(err, code, "wait for keg-image: %s", keg_errno_text(code));
    child = -1; /* reaped */
    *ret_exit_code = keg_exit_code(status);
    return 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (keg_streq(argv[i], "--help"))
            return true;
    return false;
}

static int run_pull(int argc, char **argv, const struct cmd_globals *globals)
{
    struct keg_err err = KEG_ERR_INIT;
    static char verb[] = "pull";
    int code = asks_for_help(argc, argv) ? CMD_EXIT_OK : cmd_enter("pull", globals);
    if (code != CMD_EXIT_OK)
        return code;
    argv[0] = verb; /* keg-image knows it by that word, also under its noun */
    cmd_helper_exec(argc, argv, globals, &err);
    return cmd_error("pull", NULL, &err);
}

const struct cmd_verb cmd_verb_pull = {
    .name = "pull",
    .aliases = "image pull",
    .synopsis = "[OPTIONS] NAME[:TAG|@DIGEST]",
    .summary = "Download an image from a registry",
    .max_args = CMD_ARGS_ANY, /* keg-image counts them */
    .run = run_pull,
};
