/* SPDX-License-Identifier: Apache-2.0 */
/* The compressed bytes of one layer as a stream: from the store, from an interrupted download, from
 * the network; what comes from the network is written into the store on its way. */
#pragma once

#include "base/base.h"
#include "pull/session.h"

/* layer_source_new(session, layer, registry, ret, err): Open ${layer}. The network is asked only
 * for bytes that the store does not have, beginning at registry number ${registry} of the plan and
 * going on to the next where that fails. The stream's end, a read of 0, comes only after size and
 * digest were verified and the blob is committed. A connection that breaks off is taken up again
 * where it was. Errors of reading: -EBADMSG (wrong size or digest: of the registry that
 * layer_source_registry() tells), -EINTR, those of the store (-ENOSPC), and those of the last
 * registry. */
int layer_source_new(struct session *session, const struct pull_layer *layer, size_t registry,
                     struct keg_source **ret, struct keg_err *err);

/* layer_source_registry(source): Number of the registry that was asked last. */
size_t layer_source_registry(const struct keg_source *source);

/* layer_source_is_mixed(source): Some bytes are of an earlier download, or of a registry asked
 * before. Where the digest is wrong, nobody knows whose are. */
bool layer_source_is_mixed(const struct keg_source *source);

/* layer_source_error(source): The first error of reading, before anybody added words to it; its
 * code is 0 while there was none. Borrowed. */
const struct keg_err *layer_source_error(const struct keg_source *source);

/* layer_source_reject(source): Its bytes are what the digest says and yet no layer: closing it
 * drops the blob again, unless it was in the store before. */
void layer_source_reject(struct keg_source *source);

/* layer_source_was_stored(source): The bytes came from a blob that was there, whole, before. */
bool layer_source_was_stored(const struct keg_source *source);
