/* SPDX-License-Identifier: Apache-2.0 */
/* The flow of a pull: documents, layers, and last the name. */
#include "pull/pull.h"

#include "pull/layers.h"
#include "pull/registries_conf.h"
#include "pull/resolve.h"
#include "pull/session.h"

#include <string.h>

/* The layers of one image with the strings that only a pull computes. */
struct layer_list {
    struct pull_layer *layers;
    char (*chain_ids)[72];
    size_t count;
};

void pull_result_done(struct pull_result *result)
{
    store_image_done(&result->image);
}

static void layer_list_done(struct layer_list *list)
{
    free(list->layers);
    free(list->chain_ids);
}

/* What manifest and config say of each layer; strings are borrowed from `resolved`. */
static int make_layers(const struct resolved *resolved, struct layer_list *ret, struct keg_err *err)
{
    const struct document *manifest = &resolved->manifest;
    ret->count = manifest->count;
    ret->layers = calloc(manifest->count, sizeof(*ret->layers));
    ret->chain_ids = calloc(manifest->count, sizeof(*ret->chain_ids));
    if (!ret->layers || !ret->chain_ids)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < manifest->count; i++) {
        const char *parent = i > 0 ? ret->chain_ids[i - 1] : NULL;
        store_chain_id(parent, resolved->config.diff_ids[i], ret->chain_ids[i]);
        ret->layers[i] = (struct pull_layer){
            .index = i,
            .count = manifest->count,
            .digest = manifest->items[i].digest,
            .media_type = manifest->items[i].media_type,
            .diff_id = resolved->config.diff_ids[i],
            .chain_id = ret->chain_ids[i],
            .parent = parent,
            .size_bytes = manifest->items[i].size_bytes,
        };
    }
    return 0;
}

static int fill_lists(const struct layer_list *list, struct store_image *image, struct keg_err *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (keg_strv_add(&image->layers, list->layers[i].chain_id) < 0 ||
            keg_strv_add(&image->blobs, list->layers[i].digest) < 0)
            return keg_fail(err, -ENOMEM, "out of memory");
    return 0;
}

static int fill_image(const struct store_ref *ref, struct resolved *resolved,
                      const struct layer_list *list, struct store_image *image, struct keg_err *err)
{
    image->ref.host = keg_strdup(ref->host);
    image->ref.repository = keg_strdup(ref->repository);
    /* With a digest the tag is only a label: it may name something else by now. */
    image->ref.tag = ref->digest ? NULL : keg_strdup(ref->tag);
    image->ref.digest = keg_strdup(ref->digest);
    image->digest = keg_strdup(resolved->documents[0].digest);
    image->media_type = keg_strdup(resolved->media_type);
    image->manifest = keg_strdup(resolved->manifest_digest);
    image->id = keg_strdup(resolved->manifest.config.digest);
    image->platform = resolved->platform;
    resolved->platform = (struct store_platform){NULL, NULL, NULL};
    image->created = resolved->config.created;
    image->pulled = keg_now();
    if (!image->ref.host || !image->ref.repository || (!ref->digest && !image->ref.tag) ||
        (ref->digest && !image->ref.digest) || !image->digest || !image->media_type ||
        !image->manifest || !image->id)
        return keg_fail(err, -ENOMEM, "out of memory");
    return fill_lists(list, image, err);
}

static int store_documents(struct store *store, const struct resolved *resolved,
                           struct keg_err *err)
{
    for (size_t i = 0; i < resolved->count; i++) {
        const struct resolved_bytes *document = &resolved->documents[i];
        int r = store_blob_put(store, document->digest, document->bytes.data,
                               document->bytes.length, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_unchanged(struct store *store, const struct store_image *image)
{
    struct store_image before;
    const struct store_ref name = {image->ref.host, image->ref.repository, image->ref.tag,
                                   image->ref.tag ? NULL : image->digest};
    if (store_image_get(store, &name, &before, NULL) < 0)
        return false;
    bool same = keg_streq(before.id, image->id) && keg_streq(before.digest, image->digest);
    store_image_done(&before);
    return same;
}

/* One pull of an image at a time: the others wait and find its layers there. The lock's name is
 * made from the manifest's digest but is not that: storing the manifest takes the lock of its own
 * digest. */
static int lock_image(struct session *session, const struct resolved *resolved, int *ret_fd,
                      struct keg_err *err)
{
    char name[72];
    store_chain_id("pull", resolved->manifest_digest, name);
    return store_lock_digest(session->store, name, ret_fd, err);
}

static int pull_layers(struct session *session, const struct layer_list *list,
                       struct store_image *image, struct keg_err *err)
{
    session_event(session, &(struct pull_event){
                               .type = PULL_LAYERS, .layers = list->layers, .count = list->count});
    return layers_pull(session, list->layers, list->count, &image->size_bytes, err);
}

static int pull_resolved(struct session *session, const struct store_ref *ref,
                         struct resolved *resolved, struct pull_result *ret, struct keg_err *err)
{
    _cleanup_(layer_list_done) struct layer_list list = {.count = 0};
    _cleanup_fd_ int lock = -1;
    int r = make_layers(resolved, &list, err);
    if (r < 0 || (r = fill_image(ref, resolved, &list, &ret->image, err)) < 0 ||
        (r = lock_image(session, resolved, &lock, err)) < 0 ||
        (r = pull_layers(session, &list, &ret->image, err)) < 0 ||
        (r = pull_check_stop(&session->stop, err)) < 0 ||
        (r = store_documents(session->store, resolved, err)) < 0)
        return r;
    ret->changed = !is_unchanged(session->store, &ret->image);
    return store_image_put(session->store, &ret->image, err);
}

static int pull_in_session(struct session *session, const struct store_ref *ref,
                           struct pull_result *ret, struct keg_err *err)
{
    _cleanup_(resolved_done) struct resolved resolved = {.count = 0};
    int r = session_init(session, err);
    if (r < 0 || (r = resolve_image(session, ref, &resolved, err)) < 0)
        return r;
    return pull_resolved(session, ref, &resolved, ret, err);
}

static int make_plan(const struct pull_options *options, const struct store_ref *ref,
                     struct plan *ret, struct keg_err *err)
{
    _cleanup_(registries_conf_done) struct registries_conf conf = {.count = 0};
    int r = registries_conf_load(options->registries_conf, &conf, err);
    return r < 0 ? r : plan_make(&conf, ref, options->tls_verify, ret, err);
}

int pull_image(struct store *store, const struct store_ref *ref, const struct pull_options *options,
               const struct pull_callbacks *callbacks, struct pull_result *ret, struct keg_err *err)
{
    struct session session = {.store = store, .options = options, .callbacks = callbacks};
    struct pull_result result = {.changed = false};
    _cleanup_fd_ int lock = -1;
    int r = make_plan(options, ref, &session.plan, err);
    if (r < 0)
        return r;
    r = store_lock_shared(store, &lock, err);
    if (r == 0)
        r = pull_in_session(&session, ref, &result, err);
    session_done(&session);
    if (r < 0) {
        pull_result_done(&result);
        return r;
    }
    *ret = result;
    return 0;
}
