/* SPDX-License-Identifier: Apache-2.0 */
/* First half of a collection: what is alive. */
#pragma once

#include "store/store.h"

/* Sets of digests: the members of JSON objects. */
struct store_marks {
    json_t *layers; /* chain ids */
    json_t *blobs;
    json_t *cut_short; /* ids of containers that a crash cut short, which have no meta.json to speak
                          of */
};

/* store_mark(store, ret, err): Mark from refs and containers. The caller holds the store lock
 * exclusively and frees ${ret} with store_marks_done(). A damaged ref or container is an error that
 * names its file: nothing can be proven dead while what that one needs is not known. */
int store_mark(struct store *store, struct store_marks *ret, struct keg_err *err);
void store_marks_done(struct store_marks *marks);
