/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON documents of an image: index, manifest and config, checked before anything trusts them
 * (image-spec v1.1; distribution's "Image Manifest V2, Schema 2"). Pure. */
#pragma once

#include "base/base.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum media_kind {
    MEDIA_UNKNOWN = 0,
    MEDIA_INDEX,
    MEDIA_MANIFEST,
    MEDIA_SCHEMA1,
    MEDIA_CONFIG,
    MEDIA_LAYER,
};

/* media_kind(type): What ${type} (lower case, no parameters; NULL is unknown) stands for. */
enum media_kind media_kind(const char *type);

/* MANIFEST_ACCEPT: the Accept header of a manifest request: all that document_parse() takes. */
#define MANIFEST_ACCEPT                                                                            \
    "application/vnd.oci.image.index.v1+json, "                                                    \
    "application/vnd.docker.distribution.manifest.list.v2+json, "                                  \
    "application/vnd.oci.image.manifest.v1+json, "                                                 \
    "application/vnd.docker.distribution.manifest.v2+json"

struct descriptor {
    char *media_type;
    char *digest; /* valid: keg_is_valid_digest() */
    uint64_t size_bytes;
    struct store_platform platform; /* of index entries; os is NULL where there is none */
    bool attestation;
};

/* An index (`items` are manifests, or indexes) or a manifest (`items` are layers, bottom first). */
struct document {
    enum media_kind kind; /* MEDIA_INDEX or MEDIA_MANIFEST */
    char *media_type;
    struct descriptor config; /* of a manifest */
    struct descriptor *items;
    size_t count;
};

/* document_parse(text, length, type, ret, err): Parse and check one index or manifest. ${type} is
 * what it was announced as: the answer's Content-Type or the descriptor's mediaType; NULL where
 * nothing said. All -EPROTO, each named: HTML or other non-JSON, schema 1, mixed documents (an
 * index with layers, a manifest with manifests), case twins ("Layers"), a mediaType that differs
 * from ${type}, an unknown one, a bad digest, a size that is negative or over its limit, no layers
 * or over KEG_LAYERS_MAX, over KEG_INDEX_ENTRIES_MAX entries, a config or layer type that is no
 * image's. */
int document_parse(const char *text, size_t length, const char *type, struct document *ret,
                   struct keg_err *err);
void document_done(struct document *document);

struct image_config {
    struct store_platform platform;
    char **diff_ids;
    struct timespec created; /* 0 where the config does not say */
};

/* image_config_parse(text, length, layer_count, ret, err): Parse and check an image config.
 * -EPROTO: not an object, no os or architecture, rootfs missing or not of type "layers", a bad
 * diff id, or not exactly ${layer_count} of them. */
int image_config_parse(const char *text, size_t length, size_t layer_count,
                       struct image_config *ret, struct keg_err *err);
void image_config_done(struct image_config *config);
