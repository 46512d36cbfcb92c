/* SPDX-License-Identifier: Apache-2.0 */
/* Which of an index's images fits. Pure but for platform_wanted(). */
#pragma once

#include "base/base.h"
#include "pull/manifest.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

void platform_done(struct store_platform *platform);
int platform_copy(const struct store_platform *from, struct store_platform *ret,
                  struct keg_err *err);

/* platform_parse(text, ret, err): "os/arch" or "os/arch/variant", any case, with the usual other
 * names
 * ("x86_64", "aarch64", "armhf") made the OCI ones. -EINVAL. */
int platform_parse(const char *text, struct store_platform *ret, struct keg_err *err);

/* platform_wanted(option, ret, ret_explicit, err): What to pull: ${option}, else
 * $DOCKER_DEFAULT_PLATFORM where it is not empty, else linux on this machine (uname(2));
 * *ret_explicit tells whether somebody asked for it. */
int platform_wanted(const char *option, struct store_platform *ret, bool *ret_explicit,
                    struct keg_err *err);

/* platform_of_machine(machine, ret, err): linux on what uname(2) calls ${machine}: "x86_64",
 * "armv7l", … */
int platform_of_machine(const char *machine, struct store_platform *ret, struct keg_err *err);

/* platform_string(platform): "linux/arm/v7", for the caller to free; NULL when out of memory. */
char *platform_string(const struct store_platform *platform);

/* platform_rank(wanted, offered): How well ${offered} fits ${wanted}: 0 exactly, 1, 2, … for older
 * variants that it can run (arm v7 -> v6 -> v5, arm64 v9 -> v8, amd64 v3 -> v2 -> v1), -1 not at
 * all. */
int platform_rank(const struct store_platform *wanted, const struct store_platform *offered);

/* platform_choose(index, wanted, ret_item, err): The position in ${index} of the best fitting
 * entry; the first of equals. Attestations ("unknown/unknown", or annotated
 * vnd.docker.reference.type) are never chosen; entries without a platform only where no other fits.
 * -ENOENT with a message that lists what there is. */
int platform_choose(const struct document *index, const struct store_platform *wanted,
                    size_t *ret_item, struct keg_err *err);
