/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP client: a curl multi handle of its own with one transfer, whose body is read as a
 * stream. */
#include "pull/http.h"

#include "pull/http_error.h"
#include "pull/plan.h"
#include "pull/retry.h"
#include "pull/url.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* Between libcurl, which brings 16 KiB at a time, and the reader. */
#define BODY_BUFFER_BYTES (256u * 1024)

/* How often a wait looks whether to stop. */
#define STOP_POLL_MS 100

struct http {
    const struct http_settings *settings;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *lines; /* of the request */
    char *url;                /* that is being asked, after redirects */
    struct http_headers headers;
    long status;
    bool attached; /* the transfer is in the multi handle */
    bool in_body;  /* the head of the answer is complete */
    bool done;
    bool paused;
    bool refused_tls;
    CURLcode result;
    char *body;
    size_t start, end; /* what of `body` is not read yet */
    char error[CURL_ERROR_SIZE];
};

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *http_new(const struct http_settings *settings, struct keg_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    struct http *http = calloc(1, sizeof(*http));
    if (http) {
        http->settings = settings;
        http->multi = curl_multi_init();
        http->easy = curl_easy_init();
        http->body = malloc(BODY_BUFFER_BYTES);
    }
    if (!http || !http->multi || !http->easy || !http->body) {
        http_free(http);
        keg_fail(err, -ENOMEM, "out of memory");
        return NULL;
    }
    return http;
}

/* Drop the transfer under way, if any. libcurl closes a connection whose body was not read. */
static void detach(struct http *http)
{
    if (http->attached)
        curl_multi_remove_handle(http->multi, http->easy);
    http->attached = false;
    curl_slist_free_all(http->lines);
    http->lines = NULL;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    if (http->easy)
        detach(http);
    curl_easy_cleanup(http->easy);
    curl_multi_cleanup(http->multi);
    headers_done(&http->headers);
    free(http->url);
    free(http->body);
    free(http);
}

/* Called by libcurl for each header line. A new status line (after 100 Continue) starts over. */
static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct http *http = context;
    size_t length = size * count;
    if (length >= 5 && memcmp(data, "HTTP/", 5) == 0)
        headers_done(&http->headers);
    if (headers_add(&http->headers, data, length) < 0)
        return 0;
    if (length > 0 && (data[0] == '\r' || data[0] == '\n')) {
        curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &http->status);
        http->in_body = http->status >= 200;
    }
    return length;
}

/* Called by libcurl with bytes of the body; what does not fit waits in the socket. */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct http *http = context;
    size_t length = size * count;
    if (http->start == http->end)
        http->start = http->end = 0;
    if (length > BODY_BUFFER_BYTES - http->end) {
        http->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(http->body + http->end, data, length);
    http->end += length;
    return length;
}

static int add_line(struct http *http, const char *name, const char *value)
{
    _cleanup_free_ char *line = keg_asprintf("%s: %s", name, value);
    struct curl_slist *lines = line ? curl_slist_append(http->lines, line) : NULL;
    if (!lines)
        return -ENOMEM;
    http->lines = lines;
    return 0;
}

static int set_lines(struct http *http, const struct http_request *request,
                     const char *authorization)
{
    _cleanup_free_ char *range = NULL;
    if (request->accept && add_line(http, "Accept", request->accept) < 0)
        return -ENOMEM;
    if (authorization && add_line(http, "Authorization", authorization) < 0)
        return -ENOMEM;
    if (request->offset == 0)
        return 0;
    range = keg_asprintf("bytes=%llu-", (unsigned long long)request->offset);
    return range ? add_line(http, "Range", range) : -ENOMEM;
}

/* Certificates: libcurl's built-in place, or where the variables that all of OpenSSL's users know
 * say. */
static void set_tls(CURL *easy, bool verify)
{
    const char *file = getenv("SSL_CERT_FILE");
    const char *folder = getenv("SSL_CERT_DIR");
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (file && *file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    if (folder && *folder)
        curl_easy_setopt(easy, CURLOPT_CAPATH, folder);
}

static void set_limits(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, HTTP_CONNECT_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, HTTP_SLOW_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, HTTP_SLOW_S);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 128L * 1024);
}

static void set_policy(struct http *http, const struct http_request *request)
{
    CURL *easy = http->easy;
    _cleanup_free_ char *host = url_host(http->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    /* Redirects are followed by http_open(), by our own rules. */
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L); /* we have threads */
    if (host && plan_is_loopback(host))
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); /* a proxy's loopback is another one */
    set_tls(easy, request->tls_verify);
    set_limits(easy);
}

/* Begin the transfer of http->url. */
static int start(struct http *http, const struct http_request *request, const char *authorization,
                 struct keg_err *err)
{
    CURL *easy = http->easy;
    detach(http);
    curl_easy_reset(easy);
    headers_done(&http->headers);
    http->in_body = http->done = http->paused = http->refused_tls = false;
    http->start = http->end = 0;
    http->status = 0;
    http->error[0] = '\0';
    if (set_lines(http, request, authorization) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    curl_easy_setopt(easy, CURLOPT_URL, http->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, http->settings->user_agent);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->lines);
    curl_easy_setopt(easy, CURLOPT_NOBODY, request->head ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
    set_policy(http, request);
    if (curl_multi_add_handle(http->multi, easy) != CURLM_OK)
        return keg_fail(err, -EIO, "libcurl takes no request");
    http->attached = true;
    return 0;
}

static void note_end(struct http *http)
{
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        http->done = true;
        http->result = message->data.result;
        http->refused_tls = http_error_refused_tls(http->result);
    }
}

static int fail_transfer(struct http *http, const struct http_request *request, struct keg_err *err)
{
    struct http_failure failure = {.result = http->result, .detail = http->error, .url = http->url};
    curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &failure.os_errno);
    failure.tls_verify = request ? request->tls_verify : true;
    return http_error(&failure, err);
}

/* Let libcurl work until the reader has something: `ready` says what. */
static int pump(struct http *http, bool (*ready)(const struct http *http), struct keg_err *err)
{
    int running = 0;
    for (;;) {
        if (pull_check_stop(http->settings->stop, err) < 0)
            return -EINTR;
        if (curl_multi_perform(http->multi, &running) != CURLM_OK)
            return keg_fail(err, -EIO, "libcurl failed");
        note_end(http);
        if (http->done || ready(http))
            return 0;
        curl_multi_poll(http->multi, NULL, 0, STOP_POLL_MS, NULL);
    }
}

static bool has_head(const struct http *http)
{
    return http->in_body;
}

static bool has_bytes(const struct http *http)
{
    return http->start < http->end;
}

ssize_t http_read(struct http *http, void *buffer, size_t size, struct keg_err *err)
{
    while (!has_bytes(http)) {
        if (http->done)
            return http->result == CURLE_OK ? 0 : fail_transfer(http, NULL, err);
        if (http->paused) {
            http->paused = false;
            curl_easy_pause(http->easy, CURLPAUSE_CONT);
            if (has_bytes(http))
                break;
        }
        int r = pump(http, has_bytes, err);
        if (r < 0)
            return r;
    }
    size_t length = http->end - http->start;
    length = length < size ? length : size;
    memcpy(buffer, http->body + http->start, length);
    http->start += length;
    return (ssize_t)length;
}

/* Append the rest of the body to `body`. */
static int read_body(struct http *http, struct keg_buf *body, struct keg_err *err)
{
    char chunk[16 * 1024];
    ssize_t n;
    keg_buf_str(body, "");
    while ((n = http_read(http, chunk, sizeof(chunk), err)) > 0)
        if (keg_buf_add(body, chunk, (size_t)n) == -E2BIG)
            return keg_fail(err, -EFBIG, "the answer is over the limit of %zu bytes",
                            body->max_bytes);
    return n < 0 ? (int)n : keg_buf_ok(body, err, "answer");
}

int http_body(struct http *http, size_t max_bytes, struct keg_buf *ret, struct keg_err *err)
{
    struct keg_buf body = keg_buf_init(max_bytes);
    int r = read_body(http, &body, err);
    if (r < 0) {
        keg_buf_done(&body);
        return r;
    }
    *ret = body;
    return 0;
}

/* Read the short body that comes with a redirect, so that the connection can be used again. */
static void drain_redirect(struct http *http)
{
    struct keg_buf body = keg_buf_init(64 * 1024);
    read_body(http, &body, NULL);
    keg_buf_done(&body);
}

static bool is_redirect(const struct http *http)
{
    return (http->status == 301 || http->status == 302 || http->status == 303 ||
            http->status == 307 || http->status == 308) &&
           headers_get(&http->headers, "Location");
}

/* Ask http->url and what it redirects to. */
static int open_following(struct http *http, const struct http_request *request,
                          struct keg_err *err)
{
    const char *authorization = request->authorization;
    for (int redirects = 0;; redirects++) {
        int r = start(http, request, authorization, err);
        if (r < 0 || (r = pump(http, has_head, err)) < 0)
            return r;
        if (!http->in_body && http->result != CURLE_OK)
            return fail_transfer(http, request, err);
        if (!is_redirect(http))
            return 0;
        if (redirects == KEG_HTTP_REDIRECTS_MAX)
            return keg_fail(err, -ELOOP, "more than %d redirects", KEG_HTTP_REDIRECTS_MAX);
        drain_redirect(http);
        char *next = NULL;
        bool same_origin = false;
        r = url_follow(http->url, headers_get(&http->headers, "Location"), request->tls_verify,
                       &next, &same_origin, err);
        if (r < 0)
            return keg_wrap(err, "redirect");
        free(http->url);
        http->url = next;
        if (!same_origin)
            authorization = NULL; /* and it does not come back on the way back */
    }
}

static int wait_for_retry(struct http *http, const struct http_request *request, unsigned attempt,
                          const char *why, struct keg_err *err)
{
    uint64_t delay_ms =
        retry_delay_ms(attempt, headers_get(&http->headers, "Retry-After"), time(NULL));
    _cleanup_free_ char *host = url_host(request->url);
    _cleanup_free_ char *text = keg_asprintf(
        "%s: %s; trying again in %llu.%llu s", host ? host : request->url, why,
        (unsigned long long)(delay_ms / 1000), (unsigned long long)(delay_ms % 1000 / 100));
    if (text && http->settings->notice)
        http->settings->notice(http->settings->context, text);
    return retry_wait(http->settings->stop, delay_ms, err);
}

/* Whether the failure `code` of a try is worth another one. */
static bool retry_failure(const struct http_request *request, int code)
{
    bool connecting = code == -EHOSTUNREACH || code == -ECONNREFUSED || code == -ENETUNREACH;
    return http_is_transient(code) && (!connecting || request->known_host);
}

int http_open(struct http *http, const struct http_request *request, struct keg_err *err)
{
    for (unsigned attempt = 1;; attempt++) {
        struct keg_err failure = KEG_ERR_INIT;
        bool last = attempt >= request->attempts;
        free(http->url);
        http->url = keg_strdup(request->url);
        int r = http->url ? open_following(http, request, &failure)
                          : keg_fail(&failure, -ENOMEM, "out of memory");
        if (r == 0 && (last || !retry_is_worth(http->status)))
            return 0;
        if (r < 0 && (last || !retry_failure(request, r)))
            return keg_fail(err, r, "%s", failure.text);
        char status[32];
        snprintf(status, sizeof(status), "answered %ld", http->status);
        r = wait_for_retry(http, request, attempt, r < 0 ? failure.text : status, err);
        if (r < 0)
            return r;
    }
}

long http_status(const struct http *http)
{
    return http->status;
}

const struct http_headers *http_headers(const struct http *http)
{
    return &http->headers;
}

bool http_refused_tls(const struct http *http)
{
    return http->refused_tls;
}
