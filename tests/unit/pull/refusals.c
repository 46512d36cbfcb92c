/* SPDX-License-Identifier: Apache-2.0 */
/* What the user reads when a registry says no; and the order in which layers are fetched. */
#include "pull/layers.h"
#include "pull/registry_error.h"

#include <criterion/criterion.h>
#include <string.h>

static struct endpoint hub = {.host = (char[]){"registry-1.docker.io"},
                              .name = (char[]){"docker.io"},
                              .repository = (char[]){"library/busybox"}};

static struct keg_err refuse(const char *what, long status, const char *body, const char *header)
{
    struct keg_err err = KEG_ERR_INIT;
    struct http_headers headers = {NULL, 0};
    if (header)
        for (const char *line = header; *line; line += strlen(line) + 1)
            headers_add(&headers, line, strlen(line));
    struct registry_refusal refusal = {&hub,     what, "sha256:abc", status,
                                       &headers, body, strlen(body)};
    registry_error(&refusal, 1000, &err);
    headers_done(&headers);
    return err;
}

Test(refusal, words)
{
    static const struct {
        const char *what;
        long status;
        const char *body, *header;
        int code;
        const char *text;
    } cases[] = {
        {"tag", 404, "", NULL, -ENOENT, "no such tag on registry-1.docker.io"},
        {"digest", 404, "{}", NULL, -ENOENT, "no such digest on registry-1.docker.io"},
        {"blob", 404, "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\"}]}", NULL, -ENOENT,
         "sha256:abc is missing on registry-1.docker.io"},
        {"tag", 404, "{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}", NULL, -ENOENT,
         "no such repository on registry-1.docker.io"},
        {"tag", 401, "<html>", NULL, -EACCES,
         "access denied: the repository is private or does not exist (docker.io answers the same "
         "for both)"},
        {"tag", 403, "", NULL, -EACCES,
         "access denied: the repository is private or does not exist (docker.io answers the same "
         "for both)"},
        {"tag", 429, "Too Many Requests (HAP429)", NULL, -EDQUOT,
         "registry-1.docker.io refuses for now: this address is over the rate limit; a mirror in "
         "registries.conf helps"},
        {"tag", 429, "", "ratelimit-limit: 100;w=21600\0Retry-After: 7200\0", -EDQUOT,
         "registry-1.docker.io refuses for now: this address is over the rate limit of 100 pulls "
         "in 6 "
         "hours, which resets in 2 hours; a mirror in registries.conf helps"},
        {"tag", 503, "{\"errors\":[{\"message\":\"overloaded\"}]}", NULL, -EIO,
         "registry-1.docker.io answered 503: overloaded"},
        {"tag", 400, "", NULL, -EPROTO, "registry-1.docker.io answered 400"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct keg_err err = refuse(cases[i].what, cases[i].status, cases[i].body, cases[i].header);
        cr_expect_eq(err.code, cases[i].code, "%s", cases[i].text);
        cr_expect_str_eq(err.text, cases[i].text);
    }
}

Test(layers, the_largest_is_fetched_first)
{
    struct pull_layer layers[] = {
        {.size_bytes = 5}, {.size_bytes = 9}, {.size_bytes = 5}, {.size_bytes = 7}};
    size_t order[4];
    layers_order(layers, 4, order);
    cr_assert(order[0] == 1 && order[1] == 3 && order[2] == 0 && order[3] == 2);
}
