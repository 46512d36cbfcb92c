/* SPDX-License-Identifier: Apache-2.0 */
/* What the defaults lose in a user namespace. Private to run/. */
#pragma once

#include "run/run.h"

/* spec_fit(spec, uids, gids, err): run_spec_fit() for a container that has the ids of these maps.
 */
int spec_fit(struct run_spec *spec, const struct run_id_maps *uids, const struct run_id_maps *gids,
             struct keg_err *err);

/* spec_fit_parse_map(text, ret): A uid_map or gid_map of proc(5), cut to pieces, into the zeroed
 * ${ret}. 0, -EPROTO or -ENOMEM. */
int spec_fit_parse_map(char *text, struct run_id_maps *ret);
