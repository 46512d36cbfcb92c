/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to a registry: docker's token authentication (distribution's "Token Authentication
 * Specification"). Tokens are asked for anonymously; a login would enter at two places of auth.c:
 * the request of fetch_token(), and the Basic branch of pick_challenge(). */
#pragma once

#include "base/base.h"
#include "pull/http.h"

#include <pthread.h>
#include <stdbool.h>

/* The one token of one registry and repository, shared by the threads of a pull. */
struct auth {
    pthread_mutex_t lock;
    char *authorization; /* "Bearer …", or NULL while none was asked for */
    unsigned generation; /* counts the tokens */
};

void auth_init(struct auth *auth);
void auth_done(struct auth *auth);

/* auth_get(auth, ret_generation): The Authorization to send, a copy to be freed, or NULL for none.
 * / */
char *auth_get(struct auth *auth, unsigned *ret_generation);

/* What was asked and refused with 401. */
struct auth_refusal {
    const char *url;   /* that answered 401 */
    const char *scope; /* "repository:library/busybox:pull", for challenges that name none */
    bool tls_verify;
    unsigned generation; /* of the token that was refused */
};

/* auth_renew(auth, http, refusal, err): Get a new token as the WWW-Authenticate headers of
 * ${http}'s answer say, which is used up thereby. Return 1; or 0 where another thread was quicker
 * and nothing was fetched (the token is newer than the refused one, though it may be old by now);
 * -EACCES where only a login would help, -EPROTO where the challenge or the token server's answer
 * is no good, -EPERM where the realm may not be asked (url_follow()). */
int auth_renew(struct auth *auth, struct http *http, const struct auth_refusal *refusal,
               struct keg_err *err);
