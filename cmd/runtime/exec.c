/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime exec: another process in a container. */
#include "cmd/common/signals.h"
#include "cmd/run/plan.h"
#include "cmd/runtime/folder.h"
#include "cmd/runtime/foreground.h"
#include "cmd/runtime/handover.h"
#include "cmd/runtime/home.h"
#include "cmd/runtime/log.h"

#include <string.h>

/* As runc has it: apart from what the program itself could end with. */
enum { EXEC_FAILED = 255 };

struct exec_options {
    const char *process, *console_socket, *pid_file, *pidfd_socket, *user, *cwd, *cgroup;
    const char *apparmor, *process_label;
    char **env, **caps, **gids;
    bool tty, detach, no_new_privs, ignore_paused;
    int64_t preserve_fds;
};

#define MEMBER(name) offsetof(struct exec_options, name)
static const struct cmd_option exec_options[] = {
    {"process", 'p', CMD_STRING, "FILE",
     "Read the whole process object from FILE; of the options below only those about files, fds "
     "and detaching count then",
     MEMBER(process), NULL, NULL},
    {"detach", 'd', CMD_FLAG, NULL, "Return once it is started", MEMBER(detach), NULL, NULL},
    {"console-socket", 0, CMD_STRING, "PATH", "Unix socket that gets the master of its terminal",
     MEMBER(console_socket), NULL, NULL},
    {"pid-file", 0, CMD_STRING, "FILE", "Write its pid to this file", MEMBER(pid_file), NULL, NULL},
    {"pidfd-socket", 0, CMD_STRING, "PATH", "Unix socket that gets a pidfd of it",
     MEMBER(pidfd_socket), NULL, NULL},
    {"preserve-fds", 0, CMD_INT, "N", "Pass this many more fds, from 3 on", MEMBER(preserve_fds),
     NULL, NULL},
    {"cgroup", 0, CMD_STRING, "PATH", "Run it in this cgroup below the container's", MEMBER(cgroup),
     NULL, NULL},
    {"ignore-paused", 0, CMD_FLAG, NULL, "Also in a paused container", MEMBER(ignore_paused), NULL,
     NULL},
    {"tty", 't', CMD_FLAG, NULL, "Give it a terminal", MEMBER(tty), NULL, NULL},
    {"user", 'u', CMD_STRING, "UID[:GID]", "Who it runs as", MEMBER(user), NULL, NULL},
    {"additional-gids", 'g', CMD_LIST, "GID", "Another group of it", MEMBER(gids), NULL, NULL},
    {"cwd", 0, CMD_STRING, "DIR", "Its working folder", MEMBER(cwd), NULL, NULL},
    {"env", 'e', CMD_LIST, "NAME=VALUE", "A variable of its environment", MEMBER(env), NULL, NULL},
    {"cap", 'c', CMD_LIST, "CAP", "Another capability of it", MEMBER(caps), NULL, NULL},
    {"no-new-privs", 0, CMD_FLAG, NULL, "It can get no new privileges", MEMBER(no_new_privs), NULL,
     NULL},
    {"apparmor", 0, CMD_STRING, "profile", "Its AppArmor profile", MEMBER(apparmor), NULL, NULL},
    {"process-label", 0, CMD_STRING, "label", "Its SELinux label", MEMBER(process_label), NULL,
     NULL},
    CMD_OPTIONS_END};
#undef MEMBER

/* ---- the process object */

static int read_process(const struct runtime *runtime, const char *path, struct run_process *ret,
                        struct keg_err *err)
{
    _cleanup_strv_ char **warnings = NULL;
    _cleanup_buf_ struct keg_buf text = keg_buf_init(0);
    int r = keg_read_file(AT_FDCWD, path, KEG_SPEC_MAX_BYTES, &text, err);
    if (r < 0)
        return r;
    r = run_process_parse(text.data, text.length, ret, &warnings, err);
    if (r < 0)
        return keg_wrap(err, "'%s'", path);
    runtime_log_warnings(runtime, warnings);
    return 0;
}

static int parse_id(const char *text, uint32_t *ret, struct keg_err *err)
{
    uint64_t number;
    if (keg_parse_u64(text, 0, INT32_MAX, &number) < 0)
        return keg_fail(err, -EINVAL, "'%s' is not a user's or group's number", text);
    *ret = (uint32_t)number;
    return 0;
}

static int set_user(const char *text, struct run_user *user, struct keg_err *err)
{
    size_t length = strcspn(text, ":");
    _cleanup_free_ char *uid = keg_strndup(text, length);
    if (!uid)
        return keg_fail(err, -ENOMEM, "out of memory");
    user->gid = 0;
    int r = parse_id(uid, &user->uid, err);
    return r == 0 && text[length] ? parse_id(text + length + 1, &user->gid, err) : r;
}

static int add_gids(char *const *texts, struct run_user *user, struct keg_err *err)
{
    size_t count = user->additional_gids_count + keg_strv_length(texts);
    if (!texts)
        return 0;
    gid_t *gids = reallocarray(user->additional_gids, count, sizeof(*gids));
    if (!gids)
        return keg_fail(err, -ENOMEM, "out of memory");
    user->additional_gids = gids;
    int r = 0;
    for (; *texts && r == 0; texts++) {
        r = parse_id(*texts, &gids[user->additional_gids_count], err);
        user->additional_gids_count += r == 0;
    }
    return r;
}

static int add_capabilities(char *const *names, struct run_capabilities *sets, struct keg_err *err)
{
    for (; names && *names; names++) {
        int number, r = run_capability_parse(*names, &number, err);
        if (r < 0)
            return r;
        uint64_t set = number < 0 ? run_capabilities_bounding() : UINT64_C(1) << number;
        sets->bounding |= set;
        sets->effective |= set;
        sets->permitted |= set;
    }
    return 0;
}

static int set_text(char **target, const char *text)
{
    if (!text)
        return 0;
    char *copy = keg_strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*target);
    *target = copy;
    return 0;
}

static int set_texts(const struct exec_options *o, char *const *words, struct run_process *ret)
{
    char **args = keg_strv_copy(words);
    if (!args)
        return -ENOMEM;
    keg_strv_free(ret->args);
    ret->args = args;
    int r = set_text(&ret->cwd, o->cwd);
    if (r == 0)
        r = set_text(&ret->apparmor_profile, o->apparmor);
    if (r == 0)
        r = set_text(&ret->selinux_label, o->process_label);
    for (char **e = o->env; r == 0 && e && *e; e++)
        r = plan_env_set(&ret->env, *e);
    return r;
}

/* The container's own process, with what the options change. */
static int change_process(const struct exec_options *o, char *const *words, struct run_process *ret,
                          struct keg_err *err)
{
    if (o->cwd && o->cwd[0] != '/')
        return keg_fail(err, -EINVAL, "--cwd '%s' is not absolute", o->cwd);
    if (set_texts(o, words, ret) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    ret->terminal = o->tty;
    ret->no_new_privileges |= o->no_new_privs;
    int r = o->user ? set_user(o->user, &ret->user, err) : 0;
    if (r == 0)
        r = add_gids(o->gids, &ret->user, err);
    return r == 0 ? add_capabilities(o->caps, &ret->capabilities, err) : r;
}

static int make_process(const struct runtime *runtime, const struct exec_options *o,
                        const struct runtime_folder *folder, char *const *words,
                        struct run_process *ret, struct keg_err *err)
{
    if (o->process)
        return read_process(runtime, o->process, ret, err);
    if (!words[0])
        return keg_fail(err, -EINVAL, "process args cannot be empty");
    _cleanup_(run_cleanup_spec) struct run_spec *spec = NULL;
    int r = run_spec_read(folder->fd, "config.json", &spec, NULL, err);
    if (r < 0)
        return r;
    *ret = spec->process;
    spec->process = (struct run_process){0};
    return change_process(o, words, ret, err);
}

/* By the passwd of the container as it is now. */
static int set_home(const struct run_container *container, struct run_process *process,
                    struct keg_err *err)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/root", (int)run_pid(container));
    _cleanup_fd_ int rootfd = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    return runtime_set_home(rootfd, process, err);
}

/* ---- running it */

static int check_terminal(const struct exec_options *o, bool terminal, struct keg_err *err)
{
    if (o->detach && terminal && !o->console_socket)
        return keg_fail(err, -EINVAL,
                        "cannot allocate tty if the process is detached without setting console "
                        "socket: --console-socket");
    if (o->console_socket && (!o->detach || !terminal))
        return keg_fail(err, -EINVAL,
                        "cannot use console socket if the process is not detached or has no tty");
    return 0;
}

struct sockets {
    int console, pidfd;
};

static void sockets_done(struct sockets *sockets)
{
    if (sockets->console >= 0)
        (void)close(sockets->console);
    if (sockets->pidfd >= 0)
        (void)close(sockets->pidfd);
}

static int connect_sockets(const struct exec_options *o, struct sockets *ret, struct keg_err *err)
{
    int r = 0;
    if (o->console_socket)
        r = runtime_socket_connect(AT_FDCWD, o->console_socket, &ret->console, err);
    if (r == 0 && o->pidfd_socket)
        r = runtime_socket_connect(AT_FDCWD, o->pidfd_socket, &ret->pidfd, err);
    return r;
}

static int hand_over(const struct exec_options *o, const struct sockets *sockets,
                     const struct run_container *process, struct keg_err *err)
{
    int r = 0;
    if (sockets->console >= 0)
        r = runtime_socket_send(sockets->console, run_console_fd(process), "/dev/ptmx", err);
    if (r == 0 && sockets->pidfd >= 0)
        r = runtime_socket_send(sockets->pidfd, run_pidfd(process), "pidfd", err);
    if (r == 0 && o->pid_file)
        r = runtime_pid_file_write(AT_FDCWD, o->pid_file, run_pid(process), err);
    return r;
}

static int launch(const struct runtime *runtime, const struct exec_options *o,
                  struct run_container *container, const struct run_process *wanted,
                  struct keg_err *err)
{
    _cleanup_(sockets_done) struct sockets sockets = {-1, -1};
    struct run_container *process = NULL;
    struct run_exec_options options = {.stdio_fds = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
                                       .cgroup = o->cgroup,
                                       .ignore_paused = o->ignore_paused};
    int r = check_terminal(o, wanted->terminal, err);
    if (r == 0)
        r = runtime_pass_fds(runtime, NULL, o->preserve_fds, &options.preserve_fds, err);
    if (r == 0)
        r = connect_sockets(o, &sockets, err);
    if (r < 0)
        return r;
    if (!o->detach)
        cmd_hold_signals();
    r = run_exec(container, wanted, &options, &process, err);
    if (r < 0)
        return r;
    r = hand_over(o, &sockets, process, err);
    if (r == 0 && !o->detach)
        r = runtime_foreground(process, err);
    if (r < 0)
        (void)run_destroy(process, NULL);
    else
        run_close(process);
    return r;
}

static int exec(const struct runtime *runtime, void *options, const struct cmd_args *args,
                struct keg_err *err)
{
    const struct exec_options *o = options;
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    _cleanup_(run_process_done) struct run_process process = {0};
    int r = runtime_open(runtime, args->items[0], &folder, &container, err);
    if (r == 0)
        r = make_process(runtime, o, &folder, args->items + 1, &process, err);
    if (r == 0)
        r = set_home(container, &process, err);
    return r == 0 ? launch(runtime, o, container, &process, err) : r;
}

const struct runtime_verb runtime_verb_exec = {
    .cmd = {.name = "exec",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID [COMMAND] [ARG...]",
            .summary = "Run another process in a container",
            .options = exec_options,
            .options_first = true,
            .min_args = 1,
            .max_args = CMD_ARGS_ANY},
    .options_size = sizeof(struct exec_options),
    .failed = EXEC_FAILED,
    .act = exec,
};
