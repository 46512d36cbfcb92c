/* SPDX-License-Identifier: Apache-2.0 */
/* What `docker inspect` calls the facts that keg knows, as JSON. */
#pragma once

#include "store/store.h"

/* inspect_image(store, images, count, image, ret, err): ${image} with all its names among
 * ${images}. *ret is a new reference. 0 or a negative code. */
int inspect_image(struct store *store, const struct store_image *images, size_t count,
                  const struct store_image *image, json_t **ret, struct keg_err *err);

/* inspect_container(store, container, ret, err): ${container}, by its meta.json and config.json. */
int inspect_container(struct store *store, const struct store_container *container, json_t **ret,
                      struct keg_err *err);

/* inspect_layer_paths(store, layers, ret, err): The folders of the chain ids ${layers} (bottom
 * first), top first with ':' between, as overlay's lowerdir has them; for the caller to free. */
int inspect_layer_paths(struct store *store, char *const *layers, char **ret, struct keg_err *err);
