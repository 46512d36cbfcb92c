/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child, behind the gate: find the program, see that it is not keg itself, execute it.
 */
#include "run/program.h"

#include <string.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The kernel follows at most five interpreters of interpreters (exec_binprm). */
#define INTERPRETERS_MAX 5

static const char *search_path_of(char *const *env)
{
    for (; env && *env; env++)
        if (keg_starts_with(*env, "PATH="))
            return *env + strlen("PATH=");
    return DEFAULT_PATH;
}

/* 0: executable; -EACCES: a file that is not; else what is in the way. */
static int check_candidate(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -ENOENT;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int program_find(const char *name, const char *search_path, char ret[static PATH_MAX],
                 struct keg_err *err)
{
    char unusable[PATH_MAX] = "";
    for (const char *at = search_path; *at;) {
        size_t length = strcspn(at, ":");
        /* A relative folder would mean the working folder, whose files the caller did not choose.
         */
        if (*at == '/' && *name) {
            int n = snprintf(ret, PATH_MAX, "%.*s/%s", (int)length, at, name);
            int r = n < PATH_MAX ? check_candidate(ret) : -ENAMETOOLONG;
            if (r == 0)
                return 0;
            if (r == -EACCES && !*unusable)
                memcpy(unusable, ret, (size_t)n + 1);
        }
        at += length + (at[length] == ':');
    }
    if (*unusable)
        return program_explain(unusable, -EACCES, err);
    return keg_fail(err, -ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

int program_check(char *const *args, char *const *env, struct keg_err *err)
{
    char found[PATH_MAX];
    struct stat st;
    if (!strchr(args[0], '/'))
        return program_find(args[0], search_path_of(env), found, err);
    if (stat(args[0], &st) < 0)
        return program_explain(args[0], -errno, err);
    if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, args[0], X_OK, AT_EACCESS) < 0)
        return program_explain(args[0], -EACCES, err);
    return 0;
}

static bool is_own(const char *path, const struct statx *own)
{
    struct statx found;
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, &found) < 0)
        return false;
    bool same_file = found.stx_ino == own->stx_ino && found.stx_dev_major == own->stx_dev_major &&
                     found.stx_dev_minor == own->stx_dev_minor;
    /* Where the mount can be told (Linux 5.8), a keg that was mounted into the container on purpose
     * may run: only the way by /proc/self/exe leads to the host's mount. */
    bool mounts_known = found.stx_mask & own->stx_mask & STATX_MNT_ID;
    return same_file && (!mounts_known || found.stx_mnt_id == own->stx_mnt_id);
}

/* An image's "#!/proc/self/exe" would make the kernel run keg inside of the container, and give it
 * a handle of keg's file on the host. */
static int refuse_own(const char *path, const struct statx *own, struct keg_err *err)
{
    char names[2][PATH_MAX];
    const char *at = path;
    for (int i = 0; i < INTERPRETERS_MAX; i++) {
        if (is_own(at, own))
            return keg_fail(err, -EACCES, "exec: \"%s\": permission denied: it leads to keg itself",
                            path);
        if (program_interpreter(at, names[i % 2]) <= 0)
            return 0;
        at = names[i % 2];
    }
    return 0;
}

int program_choose(char *const *args, char *const *env, const struct statx *own,
                   char ret[static PATH_MAX], struct keg_err *err)
{
    size_t length = strlen(args[0]);
    if (!strchr(args[0], '/')) {
        int r = program_find(args[0], search_path_of(env), ret, err);
        return r < 0 ? r : refuse_own(ret, own, err);
    }
    if (length >= PATH_MAX)
        return program_explain(args[0], -ENAMETOOLONG, err);
    memcpy(ret, args[0], length + 1);
    return refuse_own(ret, own, err);
}

int program_execute(const char *path, char *const *args, char *const *env, struct keg_err *err)
{
    (void)execve(path, args, env);
    return program_explain(path, -errno, err);
}
