/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request may be sent on to, and what may go along: the one policy for redirects and token
 * realms. Pure. */
#pragma once

#include "base/base.h"

#include <stdbool.h>

/* url_follow(from, to, tls_verify, ret_url, ret_same_origin, err): Resolve ${to}, absolute or
 * relative, against the URL ${from} of the answer that named it. *ret_same_origin is true iff
 * scheme, host and port are the same: only then may an Authorization header go along. Refused with
 * -EPERM: a scheme that is not http or https; plain HTTP from an https URL, or to a host that is
 * not loopback, unless ${tls_verify} is false; a user or password in the URL. The URL is for the
 * caller to free. */
int url_follow(const char *from, const char *to, bool tls_verify, char **ret_url,
               bool *ret_same_origin, struct keg_err *err);

/* url_host(url): "host[:port]" of ${url} for messages and for telling loopback; to be freed; NULL
 * where it has none. */
char *url_host(const char *url);

/* url_encode(text): ${text} with all but unreserved characters and "/:" as %XX; to be freed; NULL
 * when out of memory. */
char *url_encode(const char *text);
