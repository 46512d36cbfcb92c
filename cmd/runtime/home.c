/* SPDX-License-Identifier: Apache-2.0 */
/* $HOME, which engines leave to the runtime. */
#include "cmd/runtime/home.h"

#include "cmd/run/plan.h"

#include <string.h>

static bool has_home(char *const *env)
{
    for (; env && *env; env++)
        if (keg_starts_with(*env, "HOME=") && (*env)[strlen("HOME=")] != '\0')
            return true;
    return false;
}

static char *look_up(int rootfd, uid_t uid)
{
    char text[16];
    char *home = NULL;
    struct run_user user = {0};
    snprintf(text, sizeof(text), "%u", uid);
    if (rootfd >= 0 && run_user_lookup(rootfd, text, &user, &home, NULL) == 0)
        run_user_done(&user);
    return home ? home : keg_strdup("/");
}

int runtime_set_home(int rootfd, struct run_process *process, struct keg_err *err)
{
    if (has_home(process->env))
        return 0;
    _cleanup_free_ char *home = look_up(rootfd, process->user.uid);
    _cleanup_free_ char *entry = home ? keg_asprintf("HOME=%s", home) : NULL;
    return entry && plan_env_set(&process->env, entry) == 0
               ? 0
               : keg_fail(err, -ENOMEM, "out of memory");
}
