/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes, manifests and configs: what is taken, and each refusal by name. */
#include "pull/manifest.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEX_A           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B           "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER       "application/vnd.oci.image.layer.v1.tar+gzip"
#define DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"

#define CONFIG_OF(type)                                                                            \
    "\"config\":{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX_A "\",\"size\":7}"
#define CONFIG CONFIG_OF(OCI_CONFIG)
#define LAYER_OF(type, digest, size)                                                               \
    "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size "}"
#define LAYER  LAYER_OF(OCI_LAYER, "sha256:" HEX_B, "9")
#define LAYERS "\"layers\":[" LAYER "]"
#define MANIFESTS                                                                                  \
    "\"manifests\":[{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:" HEX_A                \
    "\",\"size\":7}]"
#define V2 "{\"schemaVersion\":2,"

static int parse(const char *text, const char *type, struct keg_err *err)
{
    struct document document;
    int r = document_parse(text, strlen(text), type, &document, err);
    if (r == 0)
        document_done(&document);
    return r;
}

Test(manifest, members_are_read)
{
    struct document document;
    struct keg_err err = KEG_ERR_INIT;
    const char *text =
        V2 CONFIG ",\"layers\":[" LAYER "," LAYER_OF(OCI_LAYER, "sha256:" HEX_A, "0") "]}";
    cr_assert_eq(document_parse(text, strlen(text), OCI_MANIFEST, &document, &err), 0, "%s",
                 err.text);
    cr_assert_eq(document.kind, MEDIA_MANIFEST);
    cr_assert_str_eq(document.media_type, OCI_MANIFEST);
    cr_assert_str_eq(document.config.digest, "sha256:" HEX_A);
    cr_assert_eq(document.count, 2);
    cr_assert_str_eq(document.items[0].digest, "sha256:" HEX_B);
    cr_assert_eq(document.items[0].size_bytes, 9);
    cr_assert_eq(document.items[1].size_bytes, 0);
    document_done(&document);
}

Test(manifest, every_type_of_images_is_taken)
{
    static const char *const layer_types[] = {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    };
    struct keg_err err = KEG_ERR_INIT;
    for (size_t i = 0; i < KEG_ARRAY_SIZE(layer_types); i++) {
        _cleanup_free_ char *text = keg_asprintf(
            V2 CONFIG_OF(DOCKER_CONFIG) ",\"layers\":[" LAYER_OF("%s", "sha256:" HEX_B, "1") "]}",
            layer_types[i]);
        cr_expect_eq(parse(text, DOCKER_MANIFEST, &err), 0, "%s: %s", layer_types[i], err.text);
    }
    cr_expect_eq(parse(V2 MANIFESTS "}", OCI_INDEX, &err), 0, "%s", err.text);
    cr_expect_eq(parse(V2 MANIFESTS "}", DOCKER_LIST, &err), 0, "%s", err.text);
    cr_expect_eq(parse(V2 "\"mediaType\":\"" OCI_INDEX "\"," MANIFESTS "}", NULL, &err), 0, "%s",
                 err.text);
    cr_expect_eq(parse(V2 CONFIG
                       ",\"layers\":[" LAYER_OF(OCI_LAYER, "sha512:" HEX_A HEX_B, "1") "]}",
                       OCI_MANIFEST, &err),
                 0, "%s", err.text);
}

struct reject {
    const char *why;
    const char *text;
    const char *type;
};

static void expect_rejects(const struct reject *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct keg_err err = KEG_ERR_INIT;
        cr_expect_eq(parse(cases[i].text, cases[i].type, &err), -EPROTO, "%s: %s", cases[i].why,
                     cases[i].text);
        cr_expect(strstr(err.text, cases[i].why), "'%s' has no '%s'", err.text, cases[i].why);
    }
}
#define EXPECT_REJECTS(cases) expect_rejects(cases, KEG_ARRAY_SIZE(cases))

Test(manifest, schema_1_is_refused_by_name)
{
    static const struct reject cases[] = {
        {"schema 1", "{\"schemaVersion\":1,\"name\":\"a\"}",
         "application/vnd.docker.distribution.manifest.v1+json"},
        {"schema 1", "{\"schemaVersion\":1}",
         "application/vnd.docker.distribution.manifest.v1+prettyjws"},
        {"schema 1", "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL},
        {"schema 1", V2 CONFIG "," LAYERS ",\"fsLayers\":[]}", OCI_MANIFEST},
        {"schema 1", "{\"schemaVersion\":1," CONFIG "," LAYERS "}", OCI_MANIFEST},
    };
    EXPECT_REJECTS(cases);
}

Test(manifest, mixed_documents_are_refused)
{
    static const struct reject cases[] = {
        {"both an index and a manifest", V2 MANIFESTS "," CONFIG "," LAYERS "}", OCI_MANIFEST},
        {"both an index and a manifest", V2 MANIFESTS "," LAYERS "}", OCI_INDEX},
        {"both an index and a manifest", V2 MANIFESTS "," CONFIG "}", OCI_INDEX},
        {"not those of its media type", V2 MANIFESTS "}", OCI_MANIFEST},
        {"not those of its media type", V2 CONFIG "," LAYERS "}", OCI_INDEX},
        {"not those of its media type", V2 "\"mediaType\":\"" OCI_INDEX "\"," CONFIG "," LAYERS "}",
         NULL},
        {"'Layers' stands where 'layers' is meant", V2 CONFIG "," LAYERS ",\"Layers\":[]}",
         OCI_MANIFEST},
        {"'Manifests' stands where", V2 CONFIG "," LAYERS ",\"Manifests\":[]}", OCI_MANIFEST},
        {"'FSLAYERS' stands where", V2 CONFIG "," LAYERS ",\"FSLAYERS\":[]}", OCI_MANIFEST},
        {"'Digest' stands where", V2 CONFIG ",\"layers\":[{\"Digest\":\"x\"}]}", OCI_MANIFEST},
        {"not valid JSON", V2 CONFIG "," LAYERS "," LAYERS "}", OCI_MANIFEST},
    };
    EXPECT_REJECTS(cases);
}

Test(manifest, types_must_agree)
{
    static const struct reject cases[] = {
        {"but it was served as '" DOCKER_MANIFEST "'",
         V2 "\"mediaType\":\"" OCI_MANIFEST "\"," CONFIG "," LAYERS "}", DOCKER_MANIFEST},
        {"but it was served as 'application/json'",
         V2 "\"mediaType\":\"" OCI_MANIFEST "\"," CONFIG "," LAYERS "}", "application/json"},
        {"'application/json' is not a type of image manifest", V2 CONFIG "," LAYERS "}",
         "application/json"},
        {"says what type it is", V2 CONFIG "," LAYERS "}", NULL},
        {"layer of the unknown type 'text/plain'",
         V2 CONFIG ",\"layers\":[" LAYER_OF("text/plain", "sha256:" HEX_B, "1") "]}", OCI_MANIFEST},
        {"an artifact of the type 'application/vnd.cncf.helm.config.v1+json'",
         V2 CONFIG_OF("application/vnd.cncf.helm.config.v1+json") "," LAYERS "}", OCI_MANIFEST},
        {"'mediaType' is not a string", V2 "\"mediaType\":2," CONFIG "," LAYERS "}", OCI_MANIFEST},
    };
    EXPECT_REJECTS(cases);
}

Test(manifest, what_is_no_manifest_is_named)
{
    static const struct reject cases[] = {
        {"answered HTML, not JSON", "<html>", OCI_MANIFEST},
        {"answered HTML, not JSON", "\n <!doctype html>", NULL},
        {"answered HTML, not JSON", "Not Found", "text/html"},
        {"not valid JSON", "", OCI_MANIFEST},
        {"not valid JSON", "{", OCI_MANIFEST},
        {"not valid JSON", V2 MANIFESTS "} x", OCI_INDEX},
        {"not a JSON object", "[]", OCI_MANIFEST},
        {"'schemaVersion' is missing", "{" CONFIG "," LAYERS "}", OCI_MANIFEST},
        {"unknown schemaVersion 3", "{\"schemaVersion\":3," CONFIG "," LAYERS "}", OCI_MANIFEST},
        {"'config' is missing", V2 LAYERS "}", OCI_MANIFEST},
        {"'config' is missing", V2 "\"config\":null," LAYERS "}", OCI_MANIFEST},
        {"'layers' is missing", V2 CONFIG "}", OCI_MANIFEST},
        {"'layers' is empty", V2 CONFIG ",\"layers\":[]}", OCI_MANIFEST},
        {"'manifests' is empty", V2 "\"manifests\":[]}", OCI_INDEX},
        {"layers[0]: not an object", V2 CONFIG ",\"layers\":[7]}", OCI_MANIFEST},
        {"'layers' is not an array", V2 CONFIG ",\"layers\":{}}", OCI_MANIFEST},
    };
    EXPECT_REJECTS(cases);
}

Test(manifest, digests_and_sizes_are_checked)
{
    static const struct reject cases[] = {
        {"is not a sha256 or sha512 digest",
         V2 CONFIG ",\"layers\":[" LAYER_OF(OCI_LAYER, "sha256:../../etc/passwd", "1") "]}",
         OCI_MANIFEST},
        {"is not a sha256 or sha512 digest",
         V2 CONFIG ",\"layers\":[" LAYER_OF(OCI_LAYER, "sha256:abc", "1") "]}", OCI_MANIFEST},
        {"is not a sha256 or sha512 digest",
         V2 CONFIG ",\"layers\":[" LAYER_OF(OCI_LAYER, "md5:" HEX_A, "1") "]}", OCI_MANIFEST},
        {"is not a sha256 or sha512 digest",
         V2 CONFIG ",\"layers\":[" LAYER_OF(
             OCI_LAYER, "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
             "1") "]}",
         OCI_MANIFEST},
        {"layers[1]: 'size' is negative",
         V2 CONFIG ",\"layers\":[" LAYER "," LAYER_OF(OCI_LAYER, "sha256:" HEX_B, "-1") "]}",
         OCI_MANIFEST},
        {"over the limit",
         V2 CONFIG ",\"layers\":[" LAYER_OF(OCI_LAYER, "sha256:" HEX_B, "1099511627777") "]}",
         OCI_MANIFEST},
        {"over the limit",
         V2 "\"manifests\":[" LAYER_OF(OCI_MANIFEST, "sha256:" HEX_B, "4194305") "]}", OCI_INDEX},
        {"config: 'size' of 4194305 bytes is over the limit",
         V2 "\"config\":" LAYER_OF(OCI_CONFIG, "sha256:" HEX_B, "4194305") "," LAYERS "}",
         OCI_MANIFEST},
        {"'size' is not a whole number",
         V2 CONFIG ",\"layers\":[" LAYER_OF(OCI_LAYER, "sha256:" HEX_B, "1.5") "]}", OCI_MANIFEST},
        {"'size' is missing",
         V2 CONFIG ",\"layers\":[" LAYER_OF(OCI_LAYER, "sha256:" HEX_B, "null") "]}", OCI_MANIFEST},
    };
    EXPECT_REJECTS(cases);
}

Test(manifest, the_number_of_layers_is_bounded)
{
    struct keg_buf text = keg_buf_init(1 << 20);
    struct keg_err err = KEG_ERR_INIT;
    keg_buf_str(&text, V2 CONFIG ",\"layers\":[" LAYER);
    for (int i = 1; i < KEG_LAYERS_MAX; i++)
        keg_buf_str(&text, "," LAYER);
    size_t length = text.length;
    keg_buf_str(&text, "]}");
    cr_assert_eq(parse(text.data, OCI_MANIFEST, &err), 0, "%s", err.text);
    text.length = length;
    keg_buf_str(&text, "," LAYER "]}");
    cr_assert_eq(parse(text.data, OCI_MANIFEST, &err), -EPROTO);
    cr_assert_str_eq(err.text, "'layers' has 201 entries, over the limit of 200");
    keg_buf_done(&text);
}

#define ROOTFS_OF(ids) "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" ids "]}"
#define ROOTFS         ROOTFS_OF("\"sha256:" HEX_A "\"")
#define LINUX          "{\"os\":\"linux\",\"architecture\":\"amd64\","

Test(config, members_are_read)
{
    struct image_config config;
    struct keg_err err = KEG_ERR_INIT;
    const char *text = LINUX "\"created\":\"2024-09-26T21:31:42.5Z\",\"history\":[]," ROOTFS "}";
    cr_assert_eq(image_config_parse(text, strlen(text), 1, &config, &err), 0, "%s", err.text);
    cr_assert_str_eq(config.platform.os, "linux");
    cr_assert_str_eq(config.platform.architecture, "amd64");
    cr_assert_null(config.platform.variant);
    cr_assert_str_eq(config.diff_ids[0], "sha256:" HEX_A);
    cr_assert_eq(config.created.tv_sec, 1727386302);
    cr_assert_eq(config.created.tv_nsec, 500000000);
    image_config_done(&config);
}

Test(config, bad_ones_are_refused_by_name)
{
    static const struct {
        const char *why, *text;
    } cases[] = {
        {"not a JSON object", "null"},
        {"'os' is missing", "{\"architecture\":\"amd64\"," ROOTFS "}"},
        {"'os' is empty", "{\"os\":\"\",\"architecture\":\"amd64\"," ROOTFS "}"},
        {"'architecture' is missing", "{\"os\":\"linux\"," ROOTFS "}"},
        {"'rootfs' is missing", LINUX "\"config\":null}"},
        {"'diff_ids' is missing", LINUX "\"rootfs\":{\"type\":\"layers\"}}"},
        {"rootfs of the unknown type 'base'",
         LINUX "\"rootfs\":{\"type\":\"base\",\"diff_ids\":[]}}"},
        {"the manifest has 1 layers, but the config has 0 diff ids", LINUX ROOTFS_OF("") "}"},
        {"the manifest has 1 layers, but the config has 2 diff ids",
         LINUX ROOTFS_OF("\"sha256:" HEX_A "\",\"sha256:" HEX_B "\"") "}"},
        {"is not a sha256 or sha512 digest", LINUX ROOTFS_OF("\"sha256:/../x\"") "}"},
        {"'Rootfs' stands where 'rootfs' is meant", LINUX ROOTFS ",\"Rootfs\":{}}"},
        {"'created' is not a time", LINUX "\"created\":\"yesterday\"," ROOTFS "}"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct image_config config;
        struct keg_err err = KEG_ERR_INIT;
        cr_expect_eq(image_config_parse(cases[i].text, strlen(cases[i].text), 1, &config, &err),
                     -EPROTO, "%s", cases[i].text);
        cr_expect(strstr(err.text, cases[i].why), "'%s' has no '%s'", err.text, cases[i].why);
        cr_expect(keg_starts_with(err.text, "image config: "), "%s", err.text);
    }
}
