/* SPDX-License-Identifier: Apache-2.0 */
/* Wording of HTTP statuses, with what the error body adds (distribution-spec, "Error Codes"). */
#include "pull/registry_error.h"

#include <string.h>

/* errors[0].code and .message of the body, or NULL; borrowed from *ret_root. */
static void parse_body(const struct registry_refusal *refusal, json_t **ret_root,
                       const char **ret_code, const char **ret_message)
{
    *ret_root = keg_json_parse(refusal->body, refusal->body_length, NULL);
    const json_t *first = json_array_get(json_object_get(*ret_root, "errors"), 0);
    *ret_code = json_string_value(json_object_get(first, "code"));
    *ret_message = json_string_value(json_object_get(first, "message"));
}

static int fail_not_found(const struct registry_refusal *refusal, const char *code,
                          struct keg_err *err)
{
    const char *host = refusal->endpoint->host;
    if (keg_streq(code, "NAME_UNKNOWN"))
        return keg_fail(err, -ENOENT, "no such repository on %s", host);
    if (keg_streq(refusal->what, "blob"))
        return keg_fail(err, -ENOENT, "%s is missing on %s", refusal->name, host);
    return keg_fail(err, -ENOENT, "no such %s on %s", refusal->what, host);
}

static int fail_denied(const struct registry_refusal *refusal, struct keg_err *err)
{
    return keg_fail(
        err, -EACCES,
        "access denied: the repository is private or does not exist (%s answers the same for "
        "both)",
        refusal->endpoint->name);
}

/* "100;w=21600" -> "100 in 6 hours". */
static void format_limit(const char *value, char *text, size_t size)
{
    char window_text[48];
    uint64_t count = 0, window_s = 0;
    const char *window = value ? strstr(value, ";w=") : NULL;
    _cleanup_free_ char *number = window ? keg_strndup(value, (size_t)(window - value)) : NULL;
    text[0] = '\0';
    if (!number || keg_parse_u64(number, 0, UINT32_MAX, &count) < 0 ||
        keg_parse_u64(window + 3, 1, UINT32_MAX, &window_s) < 0)
        return;
    keg_format_duration((int64_t)window_s, window_text);
    snprintf(text, size, " of %llu pulls in %s", (unsigned long long)count, window_text);
}

static int fail_rate_limit(const struct registry_refusal *refusal, time_t now, struct keg_err *err)
{
    char limit[96];
    char wait[96] = "";
    char duration[48];
    uint64_t seconds = 0;
    format_limit(headers_get(refusal->headers, "RateLimit-Limit"), limit, sizeof(limit));
    if (headers_retry_after(headers_get(refusal->headers, "Retry-After"), now, &seconds) == 0) {
        keg_format_duration((int64_t)seconds, duration);
        snprintf(wait, sizeof(wait), ", which resets in %s", duration);
    }
    return keg_fail(err, -EDQUOT,
                    "%s refuses for now: this address is over the rate limit%s%s; a mirror in "
                    "registries.conf helps",
                    refusal->endpoint->host, limit, wait);
}

int registry_error(const struct registry_refusal *refusal, time_t now, struct keg_err *err)
{
    _cleanup_json_ json_t *root = NULL;
    const char *code, *message;
    parse_body(refusal, &root, &code, &message);
    switch (refusal->status) {
    case 404:
        return fail_not_found(refusal, code, err);
    case 401:
    case 403:
        return fail_denied(refusal, err);
    case 429:
        return fail_rate_limit(refusal, now, err);
    default:
        return keg_fail(err, refusal->status >= 500 ? -EIO : -EPROTO, "%s answered %ld%s%.200s",
                        refusal->endpoint->host, refusal->status, message ? ": " : "",
                        message ? message : "");
    }
}
