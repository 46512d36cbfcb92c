/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry's refusals mean to a user. */
#pragma once

#include "base/base.h"
#include "pull/headers.h"
#include "pull/plan.h"

#include <stddef.h>
#include <time.h>

struct registry_refusal {
    const struct endpoint *endpoint;
    const char *what; /* "tag", "digest", "blob": what was asked for */
    const char *name; /* of that; shown of blobs only: the user knows what tag they asked for */
    long status;
    const struct http_headers *headers;
    const char *body; /* of the answer, maybe JSON; NUL-terminated */
    size_t body_length;
};

/* registry_error(refusal, now, err): Word it; pure. -ENOENT for 404, -EACCES for 401 and 403,
 * -EDQUOT for 429, -EIO for 5xx, else -EPROTO. */
int registry_error(const struct registry_refusal *refusal, time_t now, struct keg_err *err);
