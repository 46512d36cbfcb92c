/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 by libcurl, as streams that are read. All requests of a pull go through here, so that
 * one place holds the policy: protocols, TLS, redirects, what Authorization may go where, time and
 * size limits. */
#pragma once

#include "base/base.h"
#include "pull/headers.h"
#include "pull/stop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connection that is not made within this time, or that then brings less than this a second for
 * so long, is given up (and the request tried again). */
#define HTTP_CONNECT_TIMEOUT_S 20L
#define HTTP_SLOW_BYTES        512L
#define HTTP_SLOW_S            30L

/* What is the same for all requests of one pull. Outlives the clients. */
struct http_settings {
    const char *user_agent;       /* borrowed */
    const struct pull_stop *stop; /* borrowed */
    /* Told before a wait: "registry-1.docker.io answered 429; trying again in 30 s". From any
     * thread. */
    void (*notice)(void *context, const char *text);
    void *context;
};

struct http_request {
    const char *url;
    const char *accept;        /* or NULL */
    const char *authorization; /* the header's value, or NULL; sent to the URL's own origin only */
    uint64_t offset;           /* above 0: the bytes from there on are asked for */
    bool head;
    bool tls_verify;   /* false: certificates are not looked at */
    bool known_host;   /* it answered before: failing to connect is worth a retry */
    unsigned attempts; /* at most; 0: one */
};

/* One client: connections that are kept, and one answer at a time. For one thread at a time. */
struct http;

/* http_new(settings, err): NULL on failure. The first call in a process sets libcurl up. */
struct http *http_new(const struct http_settings *settings, struct keg_err *err);
void http_free(struct http *http);

/* http_open(http, request, err): Send ${request} and wait for the head of the answer, redirects
 * followed (KEG_HTTP_REDIRECTS_MAX; Authorization stays behind at another origin, url_follow()),
 * and what is worth a retry (retry.h) tried again. Whatever ${http} was at before is dropped.
 * Return 0 with any final status, or a negative code: -EINTR (stopped), -EHOSTUNREACH (no such
 * host), -ECONNREFUSED and the like, -ETIMEDOUT, -ECONNRESET (broke off), -EPROTO (TLS, or not
 * HTTP), -EPERM (a redirect that is refused), -ELOOP (too many). */
int http_open(struct http *http, const struct http_request *request, struct keg_err *err);

/* Of the answer that is open. Borrowed; valid until the next http_open(). */
long http_status(const struct http *http);
const struct http_headers *http_headers(const struct http *http);

/* http_read(http, buffer, size, err): Bytes of the body: their number, 0 at its proper end, or a
 * negative code as http_open()'s; a body that is shorter than Content-Length said is -ECONNRESET.
 * / */
ssize_t http_read(struct http *http, void *buffer, size_t size, struct keg_err *err);

/* http_body(http, max_bytes, ret, err): The rest of the body, whole, into the uninitialised ${ret}.
 * -EFBIG where it goes over ${max_bytes}. */
int http_body(struct http *http, size_t max_bytes, struct keg_buf *ret, struct keg_err *err);

/* http_is_transient(code): Whether a failure with ${code} may be gone at the next try. */
bool http_is_transient(int code);

/* http_refused_tls(http): Whether the last failure was one of TLS, or of connecting: what makes a
 * client that may do so try plain HTTP. */
bool http_refused_tls(const struct http *http);

/* Clients at rest, shared by threads, so that a kept connection finds its next user. */
struct http_pool;
struct http_pool *http_pool_new(const struct http_settings *settings, struct keg_err *err);
void http_pool_free(struct http_pool *pool);
/* http_pool_take(pool, err): The client used last, or a new one; give it back with
 * http_pool_give(). */
struct http *http_pool_take(struct http_pool *pool, struct keg_err *err);
void http_pool_give(struct http_pool *pool, struct http *http /* takes; may be NULL */);
