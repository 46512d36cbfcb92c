/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to one registry: scheme, token, and what its answers must look like. */
#include "pull/registry.h"

#include "pull/digest.h"
#include "pull/manifest.h"
#include "pull/registry_error.h"
#include "pull/retry.h"
#include "pull/url.h"

#include <string.h>
#include <time.h>

/* A token that was refused, a fresh one that was refused too (the registry's clock is behind the
 * token server's): after that it is a no. */
#define TOKENS_PER_REQUEST 2

struct query {
    const char *kind; /* "manifests" or "blobs" */
    const char *name; /* tag or digest */
    const char *accept;
    uint64_t offset;
    bool head;
};

int registry_init(struct registry *registry, const struct endpoint *endpoint, struct keg_err *err)
{
    *registry = (struct registry){
        .endpoint = endpoint, .scope = keg_asprintf("repository:%s:pull", endpoint->repository)};
    auth_init(&registry->auth);
    atomic_init(&registry->plain, endpoint->plain);
    atomic_init(&registry->answered, false);
    if (!registry->scope) {
        registry_done(registry);
        return keg_fail(err, -ENOMEM, "out of memory");
    }
    return 0;
}

void registry_done(struct registry *registry)
{
    auth_done(&registry->auth);
    free(registry->scope);
    registry->scope = NULL;
}

static char *query_url(struct registry *registry, const struct query *query)
{
    const struct endpoint *endpoint = registry->endpoint;
    _cleanup_free_ char *repository = url_encode(endpoint->repository);
    _cleanup_free_ char *name = url_encode(query->name);
    if (!repository || !name)
        return NULL;
    return keg_asprintf("%s://%s/v2/%s/%s/%s", atomic_load(&registry->plain) ? "http" : "https",
                        endpoint->host, repository, query->kind, name);
}

/* One request with the token that there is. */
static int send_once(struct registry *registry, struct http *http, const struct query *query,
                     const char *url, const char *authorization, struct keg_err *err)
{
    const struct endpoint *endpoint = registry->endpoint;
    struct http_request request = {
        .url = url,
        .accept = query->accept,
        .authorization = authorization,
        .offset = query->offset,
        .head = query->head,
        .tls_verify = endpoint->tls_verify,
        .known_host = atomic_load(&registry->answered),
        /* Behind a mirror stands another host, behind HEAD a GET: rather try that than wait. */
        .attempts = endpoint->mirror || query->head ? 1 : PULL_ATTEMPTS_MAX,
    };
    int r = http_open(http, &request, err);
    if (r == 0)
        atomic_store(&registry->answered, true);
    return r;
}

/* Whether a registry that need not be secure, and has not answered yet, is to be tried over plain
 * HTTP. */
static bool fall_back_to_plain(struct registry *registry, const struct http *http)
{
    if (registry->endpoint->tls_verify || atomic_load(&registry->answered) ||
        !http_refused_tls(http))
        return false;
    return !atomic_exchange(&registry->plain, true);
}

/* Send, fetching tokens as they are asked for. */
static int send_query(struct registry *registry, struct http *http, const struct query *query,
                      struct keg_err *err)
{
    for (int tokens = 0;;) {
        unsigned generation;
        _cleanup_free_ char *authorization = auth_get(&registry->auth, &generation);
        _cleanup_free_ char *url = query_url(registry, query);
        if (!url)
            return keg_fail(err, -ENOMEM, "out of memory");
        int r = send_once(registry, http, query, url, authorization, err);
        if (r < 0 && fall_back_to_plain(registry, http))
            continue;
        if (r < 0 || http_status(http) != 401 || tokens == TOKENS_PER_REQUEST)
            return r;
        struct auth_refusal refusal = {.url = url,
                                       .scope = registry->scope,
                                       .tls_verify = registry->endpoint->tls_verify,
                                       .generation = generation};
        r = auth_renew(&registry->auth, http, &refusal, err);
        if (r < 0)
            return r == -EACCES ? keg_wrap(err, "%s", registry->endpoint->host) : r;
        tokens += r;
    }
}

static int fail_status(struct registry *registry, struct http *http, const struct query *query,
                       struct keg_err *err)
{
    struct keg_buf body = keg_buf_init(0);
    bool manifest = keg_streq(query->kind, "manifests");
    struct registry_refusal refusal = {
        .endpoint = registry->endpoint,
        .what = !manifest                  ? "blob"
                : strchr(query->name, ':') ? "digest"
                                           : "tag",
        .name = query->name,
        .status = http_status(http),
        .headers = http_headers(http),
        .body = "",
    };
    if (http_body(http, KEG_HTTP_ERROR_BODY_MAX_BYTES, &body, NULL) == 0) {
        refusal.body = body.data;
        refusal.body_length = body.length;
    }
    int r = registry_error(&refusal, time(NULL), err);
    keg_buf_done(&body);
    return r;
}

/* A Docker-Content-Digest that the registry volunteers must be right: it is what other tools go by.
 */
static int check_content_digest(const struct http_headers *headers, const struct keg_buf *body,
                                struct keg_err *err)
{
    const char *digest = headers_get(headers, "Docker-Content-Digest");
    if (!digest)
        return 0;
    if (!keg_is_valid_digest(digest))
        return keg_fail(err, -EPROTO, "Docker-Content-Digest '%s' is not a sha256 or sha512 digest",
                        digest);
    if (digest_check(digest, body->data, body->length, err) < 0)
        return keg_wrap(err, "Docker-Content-Digest");
    return 0;
}

int registry_manifest(struct registry *registry, struct http *http, const char *reference,
                      struct keg_buf *ret, char **ret_type, struct keg_err *err)
{
    struct query query = {.kind = "manifests", .name = reference, .accept = MANIFEST_ACCEPT};
    struct keg_buf body;
    int r = send_query(registry, http, &query, err);
    if (r < 0)
        return r;
    if (http_status(http) != 200)
        return fail_status(registry, http, &query, err);
    r = http_body(http, KEG_MANIFEST_MAX_BYTES, &body, err);
    if (r < 0)
        return keg_wrap(err, "manifest");
    r = check_content_digest(http_headers(http), &body, err);
    if (r < 0) {
        keg_buf_done(&body);
        return r;
    }
    *ret_type = headers_media_type(http_headers(http));
    *ret = body;
    return 0;
}

int registry_tag_digest(struct registry *registry, struct http *http, const char *tag, char **ret)
{
    struct query query = {
        .kind = "manifests", .name = tag, .accept = MANIFEST_ACCEPT, .head = true};
    if (send_query(registry, http, &query, NULL) < 0 || http_status(http) != 200)
        return 0;
    const char *digest = headers_get(http_headers(http), "Docker-Content-Digest");
    if (!digest || !keg_is_valid_digest(digest))
        return 0;
    *ret = keg_strdup(digest);
    return *ret ? 1 : 0;
}

int registry_blob(struct registry *registry, struct http *http, const char *digest, uint64_t offset,
                  uint64_t size_bytes, struct keg_err *err)
{
    struct query query = {.kind = "blobs", .name = digest, .offset = offset};
    struct http_range range;
    int r = send_query(registry, http, &query, err);
    if (r < 0)
        return r;
    if (http_status(http) == 200)
        return offset == 0 ? 1 : 0;
    if (http_status(http) == 416)
        return keg_fail(err, -EBADMSG, "wrong size: %s has less than %llu of its %llu bytes",
                        registry->endpoint->host, (unsigned long long)offset + 1,
                        (unsigned long long)size_bytes);
    if (http_status(http) != 206 || offset == 0)
        return fail_status(registry, http, &query, err);
    if (headers_content_range(http_headers(http), &range) < 0 || range.first != offset ||
        range.total != size_bytes || range.last != size_bytes - 1)
        return keg_fail(
            err, -EPROTO,
            "%s answered a request for bytes %llu to the end of %llu with Content-Range '%s'",
            registry->endpoint->host, (unsigned long long)offset, (unsigned long long)size_bytes,
            headers_get(http_headers(http), "Content-Range")
                ? headers_get(http_headers(http), "Content-Range")
                : "");
    return 1;
}

int registry_small_blob(struct registry *registry, struct http *http, const char *digest,
                        uint64_t size_bytes, struct keg_buf *ret, struct keg_err *err)
{
    struct keg_buf body;
    int r = registry_blob(registry, http, digest, 0, size_bytes, err);
    if (r < 0)
        return r;
    r = http_body(http, KEG_MANIFEST_MAX_BYTES, &body, err);
    if (r < 0)
        return r;
    if (body.length != size_bytes)
        r = keg_fail(err, -EBADMSG, "wrong size: %zu bytes, not %llu", body.length,
                     (unsigned long long)size_bytes);
    else
        r = digest_check(digest, body.data, body.length, err);
    if (r < 0)
        keg_buf_done(&body);
    else
        *ret = body;
    return r;
}
