/* SPDX-License-Identifier: Apache-2.0 */
/* One host of the plan, as the distribution-spec sees it: manifests and blobs of one repository. */
#pragma once

#include "base/base.h"
#include "pull/auth.h"
#include "pull/http.h"
#include "pull/plan.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* May be used by several threads, each with a client of its own. */
struct registry {
    const struct endpoint *endpoint; /* borrowed */
    struct auth auth;
    char *scope;
    atomic_bool plain;    /* speaks plain HTTP */
    atomic_bool answered; /* at least once: its scheme is settled */
};

int registry_init(struct registry *registry, const struct endpoint *endpoint /* borrows */,
                  struct keg_err *err);
void registry_done(struct registry *registry);

/* registry_manifest(registry, http, reference, ret, ret_type, err): Fetch the manifest
 * ${reference}, a tag or a digest, at most KEG_MANIFEST_MAX_BYTES, unverified but for a
 * Docker-Content-Digest, which must hold where the registry sends one. ${ret_type} is its
 * Content-Type, NULL where it has none. Errors as the user reads them: -ENOENT "no such tag on
 * HOST", -EACCES, -EDQUOT (rate limit), -EPROTO, and http_open()'s. */
int registry_manifest(struct registry *registry, struct http *http, const char *reference,
                      struct keg_buf *ret, char **ret_type, struct keg_err *err);

/* registry_tag_digest(registry, http, tag, ret): What digest ${tag} has now, by HEAD, which costs
 * nothing of a rate limit. 1 with a valid digest in ${ret}, to be freed; 0 where the registry does
 * not say. */
int registry_tag_digest(struct registry *registry, struct http *http, const char *tag, char **ret);

/* registry_blob(registry, http, digest, offset, size_bytes, err): Open the blob ${digest},
 * ${size_bytes} long, from ${offset} on; the bytes are then read from ${http}. Return 1 where they
 * begin at ${offset}; 0 where the server ignores ranges and sends all from the start. A 206 whose
 * Content-Range is not exactly OFFSET to the end is -EPROTO. */
int registry_blob(struct registry *registry, struct http *http, const char *digest, uint64_t offset,
                  uint64_t size_bytes, struct keg_err *err);

/* registry_small_blob(registry, http, digest, size_bytes, ret, err): Fetch a config whole,
 * verified. -EBADMSG where size or digest differ. */
int registry_small_blob(struct registry *registry, struct http *http, const char *digest,
                        uint64_t size_bytes, struct keg_buf *ret, struct keg_err *err);
