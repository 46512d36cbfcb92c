/* SPDX-License-Identifier: Apache-2.0 */
/* From a 401 to a token. */
#include "pull/auth.h"

#include "pull/challenge.h"
#include "pull/retry.h"
#include "pull/url.h"

#include <string.h>

void auth_init(struct auth *auth)
{
    *auth = (struct auth){.authorization = NULL};
    pthread_mutex_init(&auth->lock, NULL);
}

void auth_done(struct auth *auth)
{
    free(auth->authorization);
    pthread_mutex_destroy(&auth->lock);
}

char *auth_get(struct auth *auth, unsigned *ret_generation)
{
    pthread_mutex_lock(&auth->lock);
    char *authorization = keg_strdup(auth->authorization);
    *ret_generation = auth->generation;
    pthread_mutex_unlock(&auth->lock);
    return authorization;
}

static int read_challenges(const struct http_headers *headers, struct challenges *list,
                           struct keg_err *err)
{
    const char *value;
    for (size_t i = 0; (value = headers_nth(headers, "WWW-Authenticate", i)); i++) {
        int r = challenges_parse(value, list, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The realm with service and scope as its query. */
static char *token_url(const char *realm, const struct challenge *challenge, const char *scope)
{
    _cleanup_free_ char *service = url_encode(challenge->service ? challenge->service : "");
    _cleanup_free_ char *encoded = url_encode(challenge->scope ? challenge->scope : scope);
    if (!service || !encoded)
        return NULL;
    return keg_asprintf("%s%c%s%s%sscope=%s", realm, strchr(realm, '?') ? '&' : '?',
                        challenge->service ? "service=" : "", service,
                        challenge->service ? "&" : "", encoded);
}

/* A token becomes part of a header line: no blanks, no line ends. */
static bool is_header_safe(const char *token)
{
    for (const char *p = token; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return *token;
}

static int parse_token(const struct keg_buf *body, char **ret, struct keg_err *err)
{
    const char *token = NULL;
    _cleanup_json_ json_t *root = keg_json_parse(body->data, body->length, err);
    if (!root)
        return -EPROTO;
    int r = keg_json_string(root, "token", &token, err);
    if (r == 0)
        r = keg_json_require(keg_json_string(root, "access_token", &token, err), "token", err);
    if (r < 0)
        return r;
    if (!is_header_safe(token))
        return keg_fail(err, -EPROTO, "the token holds characters that no token has");
    *ret = keg_asprintf("Bearer %s", token);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int read_token(struct http *http, char **ret, struct keg_err *err)
{
    struct keg_buf body;
    long status = http_status(http);
    if (status == 401 || status == 403)
        return keg_fail(err, -EACCES, "access denied (%ld)", status);
    if (status != 200)
        return keg_fail(err, -EPROTO, "answered %ld instead of a token", status);
    int r = http_body(http, KEG_TOKEN_MAX_BYTES, &body, err);
    if (r < 0)
        return r;
    r = parse_token(&body, ret, err);
    keg_buf_done(&body);
    return r;
}

static int fetch_token(struct http *http, const struct auth_refusal *refusal,
                       const struct challenge *challenge, char **ret, struct keg_err *err)
{
    _cleanup_free_ char *realm = NULL;
    bool same_origin;
    int r =
        url_follow(refusal->url, challenge->realm, refusal->tls_verify, &realm, &same_origin, err);
    if (r < 0)
        return keg_wrap(err, "token realm");
    _cleanup_free_ char *url = token_url(realm, challenge, refusal->scope);
    _cleanup_free_ char *host = url ? url_host(url) : NULL;
    if (!host)
        return keg_fail(err, -ENOMEM, "out of memory");
    struct http_request request = {.url = url,
                                   .accept = "application/json",
                                   .tls_verify = refusal->tls_verify,
                                   .attempts = PULL_ATTEMPTS_MAX};
    r = http_open(http, &request, err);
    if (r < 0 || (r = read_token(http, ret, err)) < 0)
        return keg_wrap(err, "token server %s", host);
    return 0;
}

/* The challenge to answer: Bearer, if it can be. */
static int pick_challenge(const struct challenges *list, const struct challenge **ret,
                          struct keg_err *err)
{
    const struct challenge *bearer = challenges_find(list, "Bearer");
    if (bearer && bearer->realm) {
        *ret = bearer;
        return 0;
    }
    if (bearer)
        return keg_fail(err, -EPROTO, "its Bearer challenge names no realm");
    if (challenges_find(list, "Basic"))
        return keg_fail(err, -EACCES, "access denied: the registry wants a user and a password");
    return keg_fail(err, -EACCES,
                    "access denied: the registry offers no way to log in that keg knows");
}

static int renew(struct auth *auth, struct http *http, const struct auth_refusal *refusal,
                 struct challenges *list, struct keg_err *err)
{
    const struct challenge *challenge = NULL;
    char *authorization = NULL;
    int r = read_challenges(http_headers(http), list, err);
    if (r < 0 || (r = pick_challenge(list, &challenge, err)) < 0 ||
        (r = fetch_token(http, refusal, challenge, &authorization, err)) < 0)
        return r;
    free(auth->authorization);
    auth->authorization = authorization;
    auth->generation++;
    return 1;
}

int auth_renew(struct auth *auth, struct http *http, const struct auth_refusal *refusal,
               struct keg_err *err)
{
    struct challenges list = {NULL, 0};
    int r = 0;
    /* Held while asking: the other threads need the very same token. */
    pthread_mutex_lock(&auth->lock);
    if (auth->generation == refusal->generation)
        r = renew(auth, http, refusal, &list, err);
    pthread_mutex_unlock(&auth->lock);
    challenges_done(&list);
    return r;
}
