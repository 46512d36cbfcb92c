/* SPDX-License-Identifier: Apache-2.0 */
/* A ref file's JSON: what listing and running an image need, so that neither parses manifests. */
#include "store/internal.h"

void store_image_done(struct store_image *image)
{
    if (!image)
        return;
    store_ref_done(&image->ref);
    free(image->digest);
    free(image->media_type);
    free(image->manifest);
    free(image->id);
    free(image->platform.os);
    free(image->platform.architecture);
    free(image->platform.variant);
    keg_strv_free(image->layers);
    keg_strv_free(image->blobs);
    *image = (struct store_image){0};
}

static int set_platform(json_t *json, const struct store_platform *platform)
{
    json_t *object = json_object();

    if (json_object_set_new(json, "platform", object) < 0)
        return -1;
    if (store_json_set_string(object, "os", platform->os) < 0 ||
        store_json_set_string(object, "architecture", platform->architecture) < 0)
        return -1;
    return store_json_set_string(object, "variant", platform->variant);
}

json_t *store_image_to_json(const struct store_image *image)
{
    _cleanup_json_ json_t *json = json_object();

    if (!json || store_json_set_string(json, "digest", image->digest) < 0 ||
        store_json_set_string(json, "mediaType", image->media_type) < 0 ||
        store_json_set_string(json, "manifest", image->manifest) < 0 ||
        store_json_set_string(json, "id", image->id) < 0 ||
        set_platform(json, &image->platform) < 0 ||
        store_json_set_strings(json, "layers", image->layers) < 0 ||
        store_json_set_strings(json, "blobs", image->blobs) < 0 ||
        json_object_set_new(json, "size", json_integer((json_int_t)image->size_bytes)) < 0 ||
        store_json_set_time(json, "created", image->created) < 0 ||
        store_json_set_time(json, "pulled", image->pulled) < 0 ||
        json_object_set_new(json, "superseded", json_boolean(image->superseded)) < 0)
        return NULL;
    return json_incref(json);
}

static int get_platform(const json_t *json, struct store_platform *platform, struct keg_err *err)
{
    const json_t *object = NULL;
    int r = keg_json_require(keg_json_object(json, "platform", &object, err), "platform", err);

    if (r < 0 || (r = store_json_get_string(object, "os", true, &platform->os, err)) < 0 ||
        (r = store_json_get_string(object, "architecture", true, &platform->architecture, err)) < 0)
        return r;
    return store_json_get_string(object, "variant", false, &platform->variant, err);
}

static int get_layers(const json_t *json, struct store_image *image, struct keg_err *err)
{
    int r;

    if ((r = store_json_get_digests(json, "layers", KEG_LAYERS_MAX, &image->layers, err)) < 0 ||
        (r = store_json_get_digests(json, "blobs", KEG_LAYERS_MAX, &image->blobs, err)) < 0)
        return r;
    if (keg_strv_length(image->layers) != keg_strv_length(image->blobs))
        return keg_fail(err, -EPROTO, "'blobs' has not as many entries as 'layers'");
    return store_json_get_size(json, "size", &image->size_bytes, err);
}

int store_image_from_json(const json_t *json, struct store_image *ret, struct keg_err *err)
{
    _cleanup_(store_image_done) struct store_image image = {0};
    int r;

    if ((r = store_json_get_digest(json, "digest", true, &image.digest, err)) < 0 ||
        (r = store_json_get_string(json, "mediaType", false, &image.media_type, err)) < 0 ||
        (r = store_json_get_digest(json, "manifest", true, &image.manifest, err)) < 0 ||
        (r = store_json_get_digest(json, "id", true, &image.id, err)) < 0 ||
        (r = get_platform(json, &image.platform, err)) < 0 ||
        (r = get_layers(json, &image, err)) < 0 ||
        (r = store_json_get_time(json, "created", &image.created, err)) < 0 ||
        (r = store_json_get_time(json, "pulled", &image.pulled, err)) < 0 ||
        (r = keg_json_bool(json, "superseded", &image.superseded, err)) < 0)
        return r;
    *ret = image;
    image = (struct store_image){0};
    return 0;
}
