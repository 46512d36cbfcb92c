/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and checking the image config. */
#include "pull/document.h"
#include "pull/manifest.h"
#include "pull/platform.h"

static int copy_member(const json_t *root, const char *key, bool required, char **ret,
                       struct keg_err *err)
{
    const char *value = NULL;
    int r = keg_json_string(root, key, &value, err);
    if (required)
        r = keg_json_require(r, key, err);
    if (r < 0)
        return r;
    if (!value || !*value)
        return required ? keg_fail(err, -EPROTO, "'%s' is empty", key) : 0;
    *ret = keg_strdup(value);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int parse_created(const json_t *root, struct timespec *ret, struct keg_err *err)
{
    const char *created = NULL;
    int r = keg_json_string(root, "created", &created, err);
    if (r <= 0)
        return r;
    if (keg_parse_time(created, ret) < 0)
        return keg_fail(err, -EPROTO, "'created' is not a time: '%s'", created);
    return 0;
}

static int parse_diff_ids(const json_t *root, size_t layer_count, char ***ret, struct keg_err *err)
{
    static const char *const names[] = {"type", "diff_ids", NULL};
    const json_t *rootfs = NULL;
    const char *type = NULL;
    int r = keg_json_require(keg_json_object(root, "rootfs", &rootfs, err), "rootfs", err);
    if (r < 0 || (r = document_refuse_twins(rootfs, names, err)) < 0 ||
        (r = keg_json_require(keg_json_string(rootfs, "type", &type, err), "type", err)) < 0)
        return r;
    if (!keg_streq(type, "layers"))
        return keg_fail(err, -EPROTO, "rootfs of the unknown type '%s'", type);
    if ((r = keg_json_require(keg_json_strv(rootfs, "diff_ids", ret, err), "diff_ids", err)) < 0)
        return r;
    size_t count = keg_strv_length(*ret);
    if (count != layer_count)
        return keg_fail(err, -EPROTO,
                        "the manifest has %zu layers, but the config has %zu diff ids", layer_count,
                        count);
    for (size_t i = 0; i < count; i++)
        if (!keg_is_valid_digest((*ret)[i]))
            return keg_fail(err, -EPROTO, "diff id '%s' is not a sha256 or sha512 digest",
                            (*ret)[i]);
    return 0;
}

static int parse_root(const json_t *root, size_t layer_count, struct image_config *ret,
                      struct keg_err *err)
{
    static const char *const names[] = {"os", "architecture", "variant", "rootfs", "config", NULL};
    int r;
    if (!json_is_object(root))
        return keg_fail(err, -EPROTO, "not a JSON object");
    if ((r = document_refuse_twins(root, names, err)) < 0 ||
        (r = copy_member(root, "os", true, &ret->platform.os, err)) < 0 ||
        (r = copy_member(root, "architecture", true, &ret->platform.architecture, err)) < 0 ||
        (r = copy_member(root, "variant", false, &ret->platform.variant, err)) < 0 ||
        (r = parse_created(root, &ret->created, err)) < 0)
        return r;
    return parse_diff_ids(root, layer_count, &ret->diff_ids, err);
}

int image_config_parse(const char *text, size_t length, size_t layer_count,
                       struct image_config *ret, struct keg_err *err)
{
    struct image_config config = {.diff_ids = NULL};
    _cleanup_json_ json_t *root = keg_json_parse(text, length, err);
    int r = root ? parse_root(root, layer_count, &config, err) : -EPROTO;
    if (r < 0) {
        image_config_done(&config);
        keg_wrap(err, "image config");
        return r;
    }
    *ret = config;
    return 0;
}

void image_config_done(struct image_config *config)
{
    platform_done(&config->platform);
    keg_strv_free(config->diff_ids);
    *config = (struct image_config){.diff_ids = NULL};
}
