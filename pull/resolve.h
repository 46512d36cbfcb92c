/* SPDX-License-Identifier: Apache-2.0 */
/* From a reference to the documents of one image, each verified. */
#pragma once

#include "base/base.h"
#include "pull/manifest.h"
#include "pull/session.h"

/* An index may point to an index. More than these in a row is somebody's joke. */
#define RESOLVE_INDEXES_MAX   4
#define RESOLVE_DOCUMENTS_MAX (RESOLVE_INDEXES_MAX + 2) /* manifest and config */

struct resolved_bytes {
    char *digest;
    struct keg_buf bytes;
};

struct resolved {
    /* In order: indexes, manifest, config; to be put into the store. */
    struct resolved_bytes documents[RESOLVE_DOCUMENTS_MAX];
    size_t count;
    char *media_type;      /* of the first */
    char *manifest_digest; /* borrowed from `documents` */
    struct document manifest;
    struct image_config config;
    struct store_platform platform; /* of the config, with the index's variant where it has none */
};

/* resolve_image(session, ref, ret, err): Ask the registries of ${session} in turn until one has
 * ${ref}; its number becomes session->first. Documents that the store has under the digest in
 * question are not fetched; of a tag only the digest is asked where the store's image of that tag
 * may still be it. Nothing is written. */
int resolve_image(struct session *session, const struct store_ref *ref, struct resolved *ret,
                  struct keg_err *err);
void resolved_done(struct resolved *resolved);
