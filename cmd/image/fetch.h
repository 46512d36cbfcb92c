/* SPDX-License-Identifier: Apache-2.0 */
/* Where pull/, unpack/ and store/ meet: the callbacks that turn a layer's bytes into a layer of the
 * store. */
#pragma once

#include "cmd/image/progress.h"
#include "pull/pull.h"
#include "store/store.h"

struct fetch;

/* fetch_new(store, progress, ret, err): ${store} and ${progress} are borrowed. */
int fetch_new(struct store *store, struct progress *progress, struct fetch **ret,
              struct keg_err *err);

/* fetch_free(fetch): Layers that were not committed are removed. NULL is fine. */
void fetch_free(struct fetch *fetch);

/* fetch_callbacks(fetch): For pull_image(), once; valid while ${fetch} lives. */
struct pull_callbacks fetch_callbacks(struct fetch *fetch);
