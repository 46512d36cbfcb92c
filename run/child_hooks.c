/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: the moments of hooks (runtime.md, "Lifecycle" 3 to 7). */
#include "run/child.h"

#include "run/channel.h"
#include "run/hooks.h"

#include <sys/stat.h>

static int run_own(const struct child *child, enum run_hook_kind kind, enum run_status status,
                   struct keg_err *err)
{
    const struct run_hooks *hooks = &child->spec->hooks[kind];
    if (hooks->count == 0)
        return 0;
    _cleanup_free_ char *text = state_text(child->launch->state, status, getpid());
    return text ? hooks_run(hooks, kind, text, err) : keg_fail(err, -ENOMEM, "out of memory");
}

static bool has_early_hooks(const struct run_spec *spec)
{
    return spec->hooks[RUN_HOOK_PRESTART].count > 0 ||
           spec->hooks[RUN_HOOK_CREATE_RUNTIME].count > 0;
}

/* Before the pivot: the programs are the host's. The parent's first, in the runtime's namespaces;
 * then those in the container's. */
int child_run_early_hooks(struct child *child, struct keg_err *err)
{
    struct channel_message message;
    if (has_early_hooks(child->spec)) {
        int r = channel_send(child->channel_fd, CHANNEL_MOUNTED);
        if (r == 0)
            r = channel_receive(child->channel_fd, &message);
        if (r <= 0 || message.kind != CHANNEL_HOOKED)
            return keg_fail(err, -EPIPE, "the parent is gone");
    }
    /* Those are programs of the host, whose files are not to be everybody's. */
    mode_t before = umask(0022);
    int r = run_own(child, RUN_HOOK_CREATE_CONTAINER, RUN_CREATING, err);
    (void)umask(before);
    return r;
}

/* Programs of the container's root: as its user, with what it may do and no more. */
int child_run_start_hooks(struct child *child, struct keg_err *err)
{
    return run_own(child, RUN_HOOK_START_CONTAINER, RUN_CREATED, err);
}
