/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, by libcurl's parser: the one that will send the request decides what a URL means. */
#include "pull/url.h"

#include "pull/plan.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

static void cleanup_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void cleanup_part(char **part)
{
    curl_free(*part);
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part, unsigned flags)
{
    _cleanup_(cleanup_part) char *x = NULL;
    _cleanup_(cleanup_part) char *y = NULL;
    if (curl_url_get(a, part, &x, flags) != CURLUE_OK ||
        curl_url_get(b, part, &y, flags) != CURLUE_OK)
        return false;
    return strcasecmp(x, y) == 0;
}

static bool is_plain(CURLU *url)
{
    _cleanup_(cleanup_part) char *scheme = NULL;
    return curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
           !strcasecmp(scheme, "http");
}

static bool has_part(CURLU *url, CURLUPart part)
{
    _cleanup_(cleanup_part) char *text = NULL;
    return curl_url_get(url, part, &text, 0) == CURLUE_OK && *text;
}

/* Why `to` must not be asked, or NULL. */
static const char *refusal(CURLU *from, CURLU *to, bool tls_verify)
{
    _cleanup_(cleanup_part) char *scheme = NULL;
    _cleanup_(cleanup_part) char *host = NULL;
    if (curl_url_get(to, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcasecmp(scheme, "https") != 0 && strcasecmp(scheme, "http") != 0))
        return "it is neither https nor http";
    if (curl_url_get(to, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return "it names no host";
    if (has_part(to, CURLUPART_USER) || has_part(to, CURLUPART_PASSWORD))
        return "it carries a user or a password";
    if (!is_plain(to) || !tls_verify)
        return NULL;
    if (!is_plain(from))
        return "it leads from https to plain http";
    return plan_is_loopback(host) ? NULL : "it leads to plain http on another machine";
}

int url_follow(const char *from, const char *to, bool tls_verify, char **ret_url,
               bool *ret_same_origin, struct keg_err *err)
{
    _cleanup_(cleanup_url) CURLU *base = curl_url();
    _cleanup_(cleanup_url) CURLU *url = curl_url();
    _cleanup_(cleanup_part) char *text = NULL;
    if (!base || !url)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (curl_url_set(base, CURLUPART_URL, from, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_URL, from, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_URL, to, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return keg_fail(err, -EPERM, "'%s' is not a URL", to);
    const char *why = refusal(base, url, tls_verify);
    if (why)
        return keg_fail(err, -EPERM, "'%s' is not followed: %s", to, why);
    *ret_same_origin = same_part(base, url, CURLUPART_SCHEME, 0) &&
                       same_part(base, url, CURLUPART_HOST, 0) &&
                       same_part(base, url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    *ret_url = keg_strdup(text);
    return *ret_url ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

char *url_host(const char *url)
{
    _cleanup_(cleanup_url) CURLU *parsed = curl_url();
    _cleanup_(cleanup_part) char *host = NULL;
    _cleanup_(cleanup_part) char *port = NULL;
    if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return NULL;
    if (curl_url_get(parsed, CURLUPART_PORT, &port, 0) != CURLUE_OK)
        return keg_strdup(host);
    return keg_asprintf("%s:%s", host, port);
}

char *url_encode(const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:";
    struct keg_buf out = keg_buf_init(KEG_HTTP_HEADERS_MAX_BYTES);
    keg_buf_str(&out, "");
    for (const char *p = text; *p; p++) {
        if (strchr(plain, *p))
            keg_buf_add(&out, p, 1);
        else
            keg_buf_printf(&out, "%%%02X", (unsigned char)*p);
    }
    char *encoded = keg_buf_take(&out);
    keg_buf_done(&out);
    return encoded;
}
