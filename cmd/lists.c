/* SPDX-License-Identifier: Apache-2.0 */
/* What several verbs do with the store before they come to their own. */
#include "cmd/cmd.h"

void cmd_cleanup_store(struct store **store)
{
    store_close(*store);
}

int cmd_open_store(const char *verb, const struct cmd_globals *globals, struct store **ret)
{
    struct keg_err err = KEG_ERR_INIT;
    if (store_open(globals->root, globals->runroot, ret, &err) < 0)
        return cmd_error(verb, NULL, &err);
    return CMD_EXIT_OK;
}

int cmd_images_load(const char *verb, struct store *store, struct cmd_images *ret,
                    struct keg_err *err)
{
    size_t damaged = 0;
    int code = store_images_list(store, &ret->items, &ret->count, &damaged, err);
    if (code < 0)
        return code;
    if (damaged > 0)
        cmd_warn(verb, "%zu damaged image name%s under '%s/refs' left out", damaged,
                 damaged == 1 ? "" : "s", store_root(store));
    return 0;
}

int cmd_containers_load(struct store *store, struct cmd_containers *ret, struct keg_err *err)
{
    return store_containers_list(store, &ret->items, &ret->count, err);
}

void cmd_images_done(struct cmd_images *images)
{
    store_images_free(images->items, images->count);
    *images = (struct cmd_images){NULL, 0};
}

void cmd_containers_done(struct cmd_containers *containers)
{
    store_containers_free(containers->items, containers->count);
    *containers = (struct cmd_containers){NULL, 0};
}

enum store_container_status cmd_container_status(const struct store_container *container)
{
    bool starting = container->status == STORE_RUNNING && container->started.tv_sec == 0;
    return starting ? STORE_CREATED : container->status;
}

int cmd_print_json(json_t *json, bool pretty, struct keg_err *err)
{
    _cleanup_free_ char *text = json ? keg_json_dump(json, pretty) : NULL;
    json_decref(json);
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    puts(text);
    return 0;
}
