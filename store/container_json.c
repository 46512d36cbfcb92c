/* SPDX-License-Identifier: Apache-2.0 */
/* A container's meta.json. Its id is the folder's name and its status is found out, so neither is
 * in it. */
#include "store/internal.h"

#include <limits.h>
#include <string.h>

#define NAME_FIRST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool store_container_is_valid_name(const char *name)
{
    size_t length = strlen(name);

    return length >= 2 && length <= STORE_NAME_MAX_BYTES && strspn(name, NAME_FIRST) > 0 &&
           strspn(name, NAME_FIRST "_.-") == length;
}

void store_container_done(struct store_container *container)
{
    if (!container)
        return;
    free(container->id);
    free(container->name);
    free(container->image_name);
    free(container->image_id);
    keg_strv_free(container->layers);
    keg_strv_free(container->command);
    keg_strv_free(container->labels);
    free(container->error);
    *container = (struct store_container){0};
}

static int set_state(json_t *json, const struct store_container *container)
{
    if (store_json_set_time(json, "created", container->created) < 0 ||
        store_json_set_time(json, "started", container->started) < 0 ||
        store_json_set_time(json, "finished", container->finished) < 0 ||
        json_object_set_new(json, "autoRemove", json_boolean(container->auto_remove)) < 0 ||
        json_object_set_new(json, "exitCode", json_integer(container->exit_code)) < 0 ||
        json_object_set_new(json, "oomKilled", json_boolean(container->oom_killed)) < 0)
        return -1;
    return store_json_set_string(json, "error", container->error);
}

json_t *store_container_to_json(const struct store_container *container)
{
    _cleanup_json_ json_t *json = json_object();

    if (!json || store_json_set_string(json, "name", container->name) < 0 ||
        store_json_set_string(json, "imageName", container->image_name) < 0 ||
        store_json_set_string(json, "imageId", container->image_id) < 0 ||
        store_json_set_strings(json, "layers", container->layers) < 0 ||
        store_json_set_strings(json, "command", container->command) < 0 ||
        store_json_set_strings(json, "labels", container->labels) < 0 ||
        set_state(json, container) < 0)
        return NULL;
    return json_incref(json);
}

static int get_name(const json_t *json, char **ret, struct keg_err *err)
{
    _cleanup_free_ char *name = NULL;
    int r = store_json_get_string(json, "name", true, &name, err);

    if (r < 0)
        return r;
    if (!store_container_is_valid_name(name))
        return keg_fail(err, -EPROTO, "'name' is not a container's name");
    *ret = TAKE_PTR(name);
    return 0;
}

static int get_exit_code(const json_t *json, int *ret, struct keg_err *err)
{
    json_int_t value = 0;
    int r = keg_json_int(json, "exitCode", &value, err);

    if (r < 0)
        return r;
    if (value < INT_MIN || value > INT_MAX)
        return keg_fail(err, -EPROTO, "'exitCode' is out of range");
    *ret = (int)value;
    return 0;
}

static int get_state(const json_t *json, struct store_container *container, struct keg_err *err)
{
    int r;

    if ((r = store_json_get_time(json, "created", &container->created, err)) < 0 ||
        (r = store_json_get_time(json, "started", &container->started, err)) < 0 ||
        (r = store_json_get_time(json, "finished", &container->finished, err)) < 0 ||
        (r = keg_json_bool(json, "autoRemove", &container->auto_remove, err)) < 0 ||
        (r = get_exit_code(json, &container->exit_code, err)) < 0 ||
        (r = keg_json_bool(json, "oomKilled", &container->oom_killed, err)) < 0)
        return r;
    return store_json_get_string(json, "error", false, &container->error, err);
}

int store_container_from_json(const json_t *json, struct store_container *ret, struct keg_err *err)
{
    _cleanup_(store_container_done) struct store_container container = {0};
    int r;

    if ((r = get_name(json, &container.name, err)) < 0 ||
        (r = store_json_get_string(json, "imageName", false, &container.image_name, err)) < 0 ||
        (r = store_json_get_digest(json, "imageId", false, &container.image_id, err)) < 0 ||
        (r = store_json_get_digests(json, "layers", KEG_LAYERS_MAX, &container.layers, err)) < 0 ||
        (r = keg_json_strv(json, "command", &container.command, err)) < 0 ||
        (r = keg_json_strv(json, "labels", &container.labels, err)) < 0 ||
        (r = get_state(json, &container, err)) < 0)
        return r;
    *ret = container;
    container = (struct store_container){0};
    return 0;
}
