/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacked layers: overlay lowers, each with a meta.json beside it, that appear whole or not at
 * all. */
#include "store/internal.h"

#include <sys/stat.h>

/* "layers/", 128 digits at most, "/meta.json". */
#define LAYER_PATH_MAX_BYTES 192

void store_layer_done(struct store_layer *layer)
{
    if (!layer)
        return;
    free(layer->chain_id);
    free(layer->parent);
    free(layer->diff_id);
    free(layer->blob);
    *layer = (struct store_layer){0};
}

json_t *store_layer_to_json(const struct store_layer *layer)
{
    _cleanup_json_ json_t *json = json_object();

    if (!json || store_json_set_string(json, "chainId", layer->chain_id) < 0 ||
        store_json_set_string(json, "parent", layer->parent) < 0 ||
        store_json_set_string(json, "diffId", layer->diff_id) < 0 ||
        store_json_set_string(json, "blob", layer->blob) < 0 ||
        json_object_set_new(json, "size", json_integer((json_int_t)layer->size_bytes)) < 0)
        return NULL;
    return json_incref(json);
}

int store_layer_from_json(const json_t *json, struct store_layer *ret, struct keg_err *err)
{
    _cleanup_(store_layer_done) struct store_layer layer = {0};
    int r;

    if ((r = store_json_get_digest(json, "chainId", true, &layer.chain_id, err)) < 0 ||
        (r = store_json_get_digest(json, "parent", false, &layer.parent, err)) < 0 ||
        (r = store_json_get_digest(json, "diffId", true, &layer.diff_id, err)) < 0 ||
        (r = store_json_get_digest(json, "blob", false, &layer.blob, err)) < 0 ||
        (r = store_json_get_size(json, "size", &layer.size_bytes, err)) < 0)
        return r;
    *ret = layer;
    layer = (struct store_layer){0};
    return 0;
}

int store_layer_open(struct store *store, const char *chain_id, int *ret_fd, struct keg_err *err)
{
    int dir = store_dir(store, STORE_DIR_LAYERS, err);
    char path[LAYER_PATH_MAX_BYTES];
    int r = store_check_digest(chain_id, err);
    int fd;

    if (dir < 0 || r < 0)
        return dir < 0 ? dir : r;
    (void)snprintf(path, sizeof(path), "%s/fs", store_digest_hex(chain_id));
    fd = keg_openat(dir, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return keg_fail(err, -ENOENT, "layer '%s' is not in the store", chain_id);
    if (fd < 0)
        return keg_fail(err, fd, "open layer '%s': %s", chain_id, keg_errno_text(fd));
    *ret_fd = fd;
    return 0;
}

int store_layer_read(struct store *store, const char *chain_id, struct store_layer *ret,
                     struct keg_err *err)
{
    _cleanup_(store_layer_done) struct store_layer layer = {0};
    struct keg_err cause = KEG_ERR_INIT;
    _cleanup_json_ json_t *json = NULL;
    char path[LAYER_PATH_MAX_BYTES];
    int r = store_check_digest(chain_id, err);

    if (r < 0)
        return r;
    (void)snprintf(path, sizeof(path), "layers/%s/meta.json", store_digest_hex(chain_id));
    json = keg_json_read(store->root_fd, path, KEG_STORE_FILE_MAX_BYTES, &cause);
    if (!json && cause.code == -ENOENT)
        return keg_fail(err, -ENOENT, "layer '%s' is not in the store", chain_id);
    if (!json)
        return store_error(err, &cause);
    if (store_layer_from_json(json, &layer, &cause) < 0) {
        keg_wrap(&cause, "'%s'", path);
        return store_error(err, &cause);
    }
    if (!keg_streq(layer.chain_id, chain_id))
        return keg_fail(err, -EPROTO, "'%s': 'chainId' is that of another layer", path);
    *ret = layer;
    layer = (struct store_layer){0};
    return 0;
}
