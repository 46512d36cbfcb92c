/* SPDX-License-Identifier: Apache-2.0 */
/* All layers of an image: fetched by several threads, committed in order. */
#pragma once

#include "base/base.h"
#include "pull/session.h"

#include <stddef.h>
#include <stdint.h>

/* layers_pull(session, layers, count, ret_size_bytes, err): Fetch and unpack ${layers}, largest
 * first, as many at a time as the options say, and commit each once all below it are.
 * *ret_size_bytes is the sum of their unpacked sizes. At the first failure, or when the caller
 * cancels, the others are stopped; the error is the first one's, naming its layer. */
int layers_pull(struct session *session, const struct pull_layer *layers, size_t count,
                uint64_t *ret_size_bytes, struct keg_err *err);

/* layers_order(layers, count, order): The positions of ${layers} into ${order}, which holds
 * ${count}: largest first, lower first among equals. Pure. */
void layers_order(const struct pull_layer *layers, size_t count, size_t *order);
