/* SPDX-License-Identifier: Apache-2.0 */
/* The hooks of a config.json (config.md, "POSIX-platform Hooks"). */
#include "run/spec_read.h"

#include <stddef.h>

static int read_timeout(const struct spec_node *node, void *ret)
{
    return spec_signed(node, 1, INT64_MAX, ret);
}

static int read_hook(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"path", spec_path, offsetof(struct run_hook, path), true},
        {"args", spec_texts, offsetof(struct run_hook, args), false},
        {"env", spec_texts, offsetof(struct run_hook, env), false},
        {"timeout", read_timeout, offsetof(struct run_hook, timeout_s), false},
    };
    const struct run_hook *hook = ret;
    int r = SPEC_FIELDS(node, fields, ret);
    return r < 0 || hook->path ? r : spec_fail_at(node, "path", "empty");
}

/* An unknown kind is an unknown member, which is ignored. */
int spec_read_hooks(const struct spec_node *node, void *ret)
{
    struct run_hooks *hooks = ret;
    for (size_t i = 0; i < spec_hooks.count; i++) {
        struct run_hooks *list = &hooks[spec_hooks.items[i].value];
        struct spec_node member;
        int r = spec_member(node, spec_hooks.items[i].name, &member);
        if (r > 0)
            r = spec_list(&member, sizeof(*list->items), read_hook, (void **)&list->items,
                          &list->count);
        if (r < 0)
            return r;
    }
    return 0;
}
