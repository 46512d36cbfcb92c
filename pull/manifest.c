/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and checking indexes and manifests. */
#include "pull/manifest.h"

#include "pull/document.h"
#include "pull/platform.h"

#include <string.h>
#include <strings.h>

int document_refuse_twins(const json_t *object, const char *const *names, struct keg_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        for (const char *const *name = names; *name; name++)
            if (strcasecmp(key, *name) == 0 && strcmp(key, *name) != 0)
                return keg_fail(err, -EPROTO, "'%s' stands where '%s' is meant", key, *name);
    }
    return 0;
}

static int copy_string(const char *from, char **ret, struct keg_err *err)
{
    *ret = keg_strdup(from);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static void descriptor_done(struct descriptor *descriptor)
{
    free(descriptor->media_type);
    free(descriptor->digest);
    platform_done(&descriptor->platform);
    *descriptor = (struct descriptor){.media_type = NULL};
}

void document_done(struct document *document)
{
    free(document->media_type);
    descriptor_done(&document->config);
    for (size_t i = 0; i < document->count; i++)
        descriptor_done(&document->items[i]);
    free(document->items);
    *document = (struct document){.kind = MEDIA_UNKNOWN};
}

static int parse_size(const json_t *object, uint64_t max_bytes, uint64_t *ret, struct keg_err *err)
{
    json_int_t size = 0;
    int r = keg_json_require(keg_json_int(object, "size", &size, err), "size", err);
    if (r < 0)
        return r;
    if (size < 0)
        return keg_fail(err, -EPROTO, "'size' is negative");
    if ((uint64_t)size > max_bytes)
        return keg_fail(err, -EPROTO, "'size' of %lld bytes is over the limit of %llu",
                        (long long)size, (unsigned long long)max_bytes);
    *ret = (uint64_t)size;
    return 0;
}

/* Fill `ret`; what was filled when it fails is freed by the document. */
static int parse_descriptor(const json_t *object, uint64_t max_bytes, struct descriptor *ret,
                            struct keg_err *err)
{
    static const char *const names[] = {"mediaType", "digest",      "size",
                                        "platform",  "annotations", NULL};
    if (!json_is_object(object))
        return keg_fail(err, -EPROTO, "not an object");
    int r = document_refuse_twins(object, names, err);
    if (r < 0)
        return r;
    const char *type = NULL, *digest = NULL;
    if ((r = keg_json_require(keg_json_string(object, "mediaType", &type, err), "mediaType", err)) <
            0 ||
        (r = keg_json_require(keg_json_string(object, "digest", &digest, err), "digest", err)) < 0)
        return r;
    if (!keg_is_valid_digest(digest))
        return keg_fail(err, -EPROTO, "'%s' is not a sha256 or sha512 digest", digest);
    if ((r = parse_size(object, max_bytes, &ret->size_bytes, err)) < 0 ||
        (r = copy_string(type, &ret->media_type, err)) < 0)
        return r;
    return copy_string(digest, &ret->digest, err);
}

static int parse_platform(const json_t *object, struct store_platform *ret, struct keg_err *err)
{
    const json_t *platform = NULL;
    const char *os = NULL, *architecture = NULL, *variant = NULL;
    int r = keg_json_object(object, "platform", &platform, err);
    if (r <= 0)
        return r;
    if ((r = keg_json_require(keg_json_string(platform, "os", &os, err), "os", err)) < 0 ||
        (r = keg_json_require(keg_json_string(platform, "architecture", &architecture, err),
                              "architecture", err)) < 0 ||
        (r = keg_json_string(platform, "variant", &variant, err)) < 0)
        return keg_wrap(err, "platform");
    if ((r = copy_string(os, &ret->os, err)) < 0 ||
        (r = copy_string(architecture, &ret->architecture, err)) < 0)
        return r;
    return variant && *variant ? copy_string(variant, &ret->variant, err) : 0;
}

/* buildx puts provenance beside the images, as entries that no machine can run. */
static bool is_attestation(const json_t *object, const struct descriptor *entry)
{
    const json_t *annotations = json_object_get(object, "annotations");
    if (json_object_get(annotations, "vnd.docker.reference.type"))
        return true;
    return keg_streq(entry->platform.os, "unknown") &&
           keg_streq(entry->platform.architecture, "unknown");
}

static int parse_entry(const json_t *object, struct descriptor *ret, struct keg_err *err)
{
    int r = parse_descriptor(object, KEG_MANIFEST_MAX_BYTES, ret, err);
    if (r < 0 || (r = parse_platform(object, &ret->platform, err)) < 0)
        return r;
    ret->attestation = is_attestation(object, ret);
    return 0;
}

static int parse_layer(const json_t *object, struct descriptor *ret, struct keg_err *err)
{
    int r = parse_descriptor(object, KEG_LAYER_UNPACKED_MAX_BYTES, ret, err);
    if (r < 0)
        return r;
    if (media_kind(ret->media_type) != MEDIA_LAYER)
        return keg_fail(err, -EPROTO, "layer of the unknown type '%s'", ret->media_type);
    return 0;
}

typedef int parse_item_fn(const json_t *object, struct descriptor *ret, struct keg_err *err);

static int parse_items(const json_t *root, const char *key, size_t max, parse_item_fn *parse,
                       struct document *ret, struct keg_err *err)
{
    const json_t *array = NULL;
    int r = keg_json_require(keg_json_array(root, key, &array, err), key, err);
    if (r < 0)
        return r;
    size_t count = json_array_size(array);
    if (count == 0)
        return keg_fail(err, -EPROTO, "'%s' is empty", key);
    if (count > max)
        return keg_fail(err, -EPROTO, "'%s' has %zu entries, over the limit of %zu", key, count,
                        max);
    ret->items = calloc(count, sizeof(*ret->items));
    if (!ret->items)
        return keg_fail(err, -ENOMEM, "out of memory");
    ret->count = count;
    for (size_t i = 0; i < count; i++)
        if (parse(json_array_get(array, i), &ret->items[i], err) < 0)
            return keg_wrap(err, "%s[%zu]", key, i);
    return 0;
}

static int parse_manifest(const json_t *root, struct document *ret, struct keg_err *err)
{
    const json_t *config = NULL;
    int r = keg_json_require(keg_json_object(root, "config", &config, err), "config", err);
    if (r < 0)
        return r;
    if (parse_descriptor(config, KEG_MANIFEST_MAX_BYTES, &ret->config, err) < 0)
        return keg_wrap(err, "config");
    if (media_kind(ret->config.media_type) != MEDIA_CONFIG)
        return keg_fail(err, -EPROTO, "not an image but an artifact of the type '%s'",
                        ret->config.media_type);
    return parse_items(root, "layers", KEG_LAYERS_MAX, parse_layer, ret, err);
}

static int fail_schema1(struct keg_err *err)
{
    return keg_fail(
        err, -EPROTO,
        "the image has only a schema 1 manifest, which is obsolete: it must be pushed again "
        "with a newer tool");
}

/* Bytes that are valid as two kinds mean one thing to us and another to the next tool
 * (CVE-2021-41190). */
static int refuse_mixed(const json_t *root, enum media_kind kind, struct keg_err *err)
{
    static const char *const names[] = {"schemaVersion", "mediaType", "manifests", "config",
                                        "layers",        "fsLayers",  "history",   NULL};
    int r = document_refuse_twins(root, names, err);
    if (r < 0)
        return r;
    if (json_object_get(root, "fsLayers"))
        return fail_schema1(err);
    bool index = json_object_get(root, "manifests");
    bool manifest = json_object_get(root, "config") || json_object_get(root, "layers");
    if (index && manifest)
        return keg_fail(err, -EPROTO, "the document is both an index and a manifest");
    if ((kind == MEDIA_INDEX && manifest) || (kind == MEDIA_MANIFEST && index))
        return keg_fail(err, -EPROTO, "the document's members are not those of its media type");
    return 0;
}

/* Find out the media type of `root`: its own word and what it was announced as must agree. */
static int find_type(const json_t *root, const char *announced, const char **ret,
                     struct keg_err *err)
{
    const char *own = NULL;
    int r = keg_json_string(root, "mediaType", &own, err);
    if (r < 0)
        return r;
    if (own && announced && strcmp(own, announced) != 0)
        return keg_fail(err, -EPROTO,
                        "the manifest says that it is '%s', but it was served as '%s'", own,
                        announced);
    const char *type = own ? own : announced;
    if (!type)
        return keg_fail(err, -EPROTO, "neither the manifest nor the registry says what type it is");
    if (media_kind(type) == MEDIA_SCHEMA1)
        return fail_schema1(err);
    if (media_kind(type) != MEDIA_INDEX && media_kind(type) != MEDIA_MANIFEST)
        return keg_fail(err, -EPROTO, "'%s' is not a type of image manifest", type);
    *ret = type;
    return 0;
}

static int check_schema_version(const json_t *root, struct keg_err *err)
{
    json_int_t version = 0;
    int r =
        keg_json_require(keg_json_int(root, "schemaVersion", &version, err), "schemaVersion", err);
    if (r < 0)
        return r;
    if (version == 1)
        return fail_schema1(err);
    return version == 2 ? 0
                        : keg_fail(err, -EPROTO, "unknown schemaVersion %lld", (long long)version);
}

static int parse_root(const json_t *root, const char *announced, struct document *ret,
                      struct keg_err *err)
{
    const char *type = NULL;
    int r;
    if (!json_is_object(root))
        return keg_fail(err, -EPROTO, "the manifest is not a JSON object");
    if ((r = refuse_mixed(root, MEDIA_UNKNOWN, err)) < 0 ||
        (r = find_type(root, announced, &type, err)) < 0 ||
        (r = check_schema_version(root, err)) < 0)
        return r;
    ret->kind = media_kind(type);
    if ((r = refuse_mixed(root, ret->kind, err)) < 0 ||
        (r = copy_string(type, &ret->media_type, err)) < 0)
        return r;
    if (ret->kind == MEDIA_INDEX)
        return parse_items(root, "manifests", KEG_INDEX_ENTRIES_MAX, parse_entry, ret, err);
    return parse_manifest(root, ret, err);
}

static bool looks_like_html(const char *text, size_t length, const char *type)
{
    if (type && (strcmp(type, "text/html") == 0 || strcmp(type, "application/xhtml+xml") == 0))
        return true;
    size_t start = 0;
    while (start < length && strchr(" \t\r\n", text[start]))
        start++;
    return start < length && text[start] == '<';
}

int document_parse(const char *text, size_t length, const char *type, struct document *ret,
                   struct keg_err *err)
{
    struct document document = {.kind = MEDIA_UNKNOWN};
    if (looks_like_html(text, length, type))
        return keg_fail(err, -EPROTO, "the server answered HTML, not JSON: is it a registry?");
    _cleanup_json_ json_t *root = keg_json_parse(text, length, err);
    if (!root) {
        keg_wrap(err, "the manifest is not valid JSON");
        return -EPROTO;
    }
    int r = parse_root(root, type, &document, err);
    if (r < 0) {
        document_done(&document);
        return r;
    }
    *ret = document;
    return 0;
}
