/* SPDX-License-Identifier: Apache-2.0 */
/* Wording of failed transfers. */
#include "pull/http_error.h"

#include "pull/http.h"
#include "pull/url.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wswitch-enum" /* CURLcode has a hundred values */

bool http_is_transient(int code)
{
    return code == -ECONNRESET || code == -ETIMEDOUT || code == -ECONNREFUSED ||
           code == -EHOSTUNREACH || code == -ENETUNREACH;
}

bool http_error_refused_tls(CURLcode result)
{
    return result == CURLE_SSL_CONNECT_ERROR || result == CURLE_COULDNT_CONNECT ||
           result == CURLE_GOT_NOTHING || result == CURLE_RECV_ERROR ||
           result == CURLE_SEND_ERROR || result == CURLE_PEER_FAILED_VERIFICATION;
}

/* The issuer of the certificate that `url`'s host shows: a connection on which nothing is sent. */
static char *find_issuer(const char *url)
{
    struct curl_certinfo *info = NULL;
    char *issuer = NULL;
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 5L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (curl_easy_perform(easy) == CURLE_OK &&
        curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) == CURLE_OK && info &&
        info->num_of_certs > 0)
        for (struct curl_slist *line = info->certinfo[0]; line; line = line->next)
            if (!issuer && keg_starts_with(line->data, "Issuer:"))
                issuer = keg_strdup(line->data + strlen("Issuer:"));
    curl_easy_cleanup(easy);
    return issuer;
}

/* libcurl's words for it: "SSL certificate problem: REASON", "SSL: REASON". */
static const char *reason_of(const char *detail)
{
    const char *colon = strstr(detail, ": ");
    return colon ? colon + 2 : detail;
}

static int fail_certificate(const struct http_failure *failure, const char *host,
                            struct keg_err *err)
{
    const char *reason = reason_of(failure->detail);
    _cleanup_free_ char *issuer = find_issuer(failure->url);
    bool unknown_issuer =
        strstr(reason, "issuer") || strstr(reason, "self-signed") || strstr(reason, "self signed");
    return keg_fail(err, -EPROTO, "the TLS certificate of %s is not trusted: %s%s%s%s%s", host,
                    reason, issuer ? " (issued by '" : "", issuer ? issuer : "", issuer ? "')" : "",
                    unknown_issuer ? "; make its issuer known in /usr/local/share/ca-certificates "
                                     "(update-ca-certificates), or give --tls-verify=false"
                                   : "");
}

static int fail_handshake(const struct http_failure *failure, const char *host, struct keg_err *err)
{
    /* What OpenSSL makes of "HTTP/1.1 400". */
    if (strstr(failure->detail, "wrong version number") || strstr(failure->detail, "packet length"))
        return keg_fail(err, -EPROTO,
                        "%s does not speak TLS; --tls-verify=false takes plain HTTP from it", host);
    return keg_fail(err, -EPROTO, "TLS with %s failed: %s", host, failure->detail);
}

static int fail_connect(const struct http_failure *failure, const char *host, struct keg_err *err)
{
    int code = failure->os_errno > 0 ? -(int)failure->os_errno : -ECONNREFUSED;
    if (code != -ECONNREFUSED && code != -ENETUNREACH && code != -EHOSTUNREACH &&
        code != -ETIMEDOUT)
        code = -ECONNREFUSED;
    return keg_fail(err, code, "cannot reach %s: %s", host, keg_errno_text(code));
}

int http_error(const struct http_failure *failure, struct keg_err *err)
{
    _cleanup_free_ char *name = url_host(failure->url);
    const char *host = name ? name : failure->url;
    switch (failure->result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return keg_fail(err, -EHOSTUNREACH, "cannot find the host %s (DNS)", host);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return keg_fail(err, -EHOSTUNREACH, "cannot reach %s by its proxy: %s", host,
                        failure->detail);
    case CURLE_COULDNT_CONNECT:
        return fail_connect(failure, host, err);
    case CURLE_OPERATION_TIMEDOUT:
        return keg_fail(err, -ETIMEDOUT,
                        "%s is silent or too slow: under %ld bytes a second for %ld s", host,
                        HTTP_SLOW_BYTES, HTTP_SLOW_S);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fail_certificate(failure, host, err);
    case CURLE_SSL_CONNECT_ERROR:
        return fail_handshake(failure, host, err);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return keg_fail(err, -ECONNRESET, "the connection to %s broke off", host);
    case CURLE_WRITE_ERROR:
        return keg_fail(err, -EPROTO, "%s answered with headers over the limit of %u bytes", host,
                        KEG_HTTP_HEADERS_MAX_BYTES);
    default:
        return keg_fail(err, -EPROTO, "%s: %s", host,
                        *failure->detail ? failure->detail : curl_easy_strerror(failure->result));
    }
}
