/* SPDX-License-Identifier: Apache-2.0 */
/* keg inspect, of an image. */
#include "cmd/inspect.h"

#include <string.h>

int inspect_layer_paths(struct store *store, char *const *layers, char **ret, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf paths = keg_buf_init(KEG_STORE_FILE_MAX_BYTES);
    for (size_t i = keg_strv_length(layers); i > 0; i--) {
        const char *colon = strchr(layers[i - 1], ':');
        keg_buf_printf(&paths, "%s%s/layers/%s/fs", paths.length > 0 ? ":" : "", store_root(store),
                       colon ? colon + 1 : layers[i - 1]);
    }
    int code = keg_buf_ok(&paths, err, "layer paths");
    if (code < 0)
        return code;
    *ret = keg_buf_take(&paths);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

/* The names of the image: "busybox:latest" or "busybox@sha256:…", each once. NULL: out of memory.
 */
static json_t *names_json(const struct store_image *images, size_t count,
                          const struct store_image *image, bool digests)
{
    _cleanup_strv_ char **names = NULL;
    for (size_t i = 0; i < count; i++) {
        struct store_ref ref = images[i].ref;
        if (!keg_streq(images[i].id, image->id) || (!digests && !ref.tag))
            continue;
        ref.tag = digests ? NULL : ref.tag;
        ref.digest = digests ? images[i].digest : NULL;
        _cleanup_free_ char *name = store_ref_string(&ref, true);
        bool known = false;
        for (size_t n = 0; name && n < keg_strv_length(names); n++)
            known = known || keg_streq(names[n], name);
        if (!name || (!known && keg_strv_add(&names, name) < 0))
            return NULL;
    }
    return keg_json_strv_new(names);
}

static json_t *graph_driver_json(struct store *store, const struct store_image *image,
                                 struct keg_err *err)
{
    _cleanup_free_ char *paths = NULL;
    if (inspect_layer_paths(store, image->layers, &paths, err) < 0)
        return NULL;
    return json_pack("{s:{s:s}, s:s}", "Data", "LowerDir", paths, "Name", "overlay");
}

/* A member of the config, borrowed, or null. */
static json_t *member(const json_t *config, const char *key)
{
    json_t *value = json_object_get(config, key);
    return value ? value : json_null();
}

static json_t *text_or_empty(const json_t *config, const char *key)
{
    json_t *value = json_object_get(config, key);
    return json_is_string(value) ? json_incref(value) : json_string("");
}

/* Docker shows the strings that the config has, also where they are odd. */
static json_t *image_json(const struct store_image *image, const json_t *config, json_t *tags,
                          json_t *digests, json_t *driver)
{
    char pulled[40];
    const json_t *rootfs = json_object_get(config, "rootfs");
    keg_format_time(image->pulled, pulled);
    return json_pack("{s:s, s:o, s:o, s:o, s:O, s:o, s:o, s:o, s:o, s:O, s:I, s:o, s:{s:s, s:O}, "
                     "s:{s:s}}",
                     "Id", image->id, "RepoTags", tags, "RepoDigests", digests, "Comment",
                     text_or_empty(config, "comment"), "Created", member(config, "created"),
                     "Author", text_or_empty(config, "author"), "Architecture",
                     text_or_empty(config, "architecture"), "Variant",
                     text_or_empty(config, "variant"), "Os", text_or_empty(config, "os"), "Config",
                     member(config, "config"), "Size", (json_int_t)image->size_bytes, "GraphDriver",
                     driver, "RootFS", "Type", "layers", "Layers", member(rootfs, "diff_ids"),
                     "Metadata", "LastTagTime", pulled);
}

int inspect_image(struct store *store, const struct store_image *images, size_t count,
                  const struct store_image *image, json_t **ret, struct keg_err *err)
{
    _cleanup_json_ json_t *config = NULL;
    struct keg_err cause = {.code = -ENOMEM, .text = "out of memory"};
    int code = store_image_config(store, image, &config, err);
    if (code < 0)
        return code;
    json_t *driver = graph_driver_json(store, image, &cause);
    json_t *tags = names_json(images, count, image, false);
    json_t *digests = names_json(images, count, image, true);
    *ret = image_json(image, config, tags, digests, driver); /* takes the three, also on failure */
    return *ret ? 0 : keg_fail(err, cause.code, "%s", cause.text);
}
