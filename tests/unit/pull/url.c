/* SPDX-License-Identifier: Apache-2.0 */
/* Where redirects and token realms may lead, and what goes along. */
#include "pull/url.h"

#include <criterion/criterion.h>

struct follow_case {
    const char *from, *to, *url;
    bool tls_verify, same_origin;
};

Test(url, authorization_stays_with_scheme_host_and_port)
{
    static const struct follow_case cases[] = {
        {"https://r.io/v2/a/blobs/x", "/v2/b", "https://r.io/v2/b", true, true},
        {"https://r.io/v2/a", "https://r.io/b", "https://r.io/b", true, true},
        {"https://r.io/v2/a", "https://r.io:443/b", "https://r.io:443/b", true, true},
        {"https://r.io/v2/a", "https://R.IO/b", "https://R.IO/b", true, true},
        {"https://r.io/v2/a", "https://r.io:8443/b", "https://r.io:8443/b", true, false},
        {"https://r.io/v2/a", "https://cdn.r.io/b?sig=1%2F2", "https://cdn.r.io/b?sig=1%2F2", true,
         false},
        {"https://r.io/v2/a", "//evil.example/b", "https://evil.example/b", true, false},
        {"http://localhost:5000/v2/a", "http://localhost:5001/b", "http://localhost:5001/b", true,
         false},
        {"http://localhost/v2/a", "https://localhost/b", "https://localhost/b", true, false},
        {"http://[::1]:5000/a", "http://[::1]:5000/b", "http://[::1]:5000/b", true, true},
        {"https://r.io/v2/a", "http://r.io/b", "http://r.io/b", false, false},
        {"http://10.0.0.1/v2/a", "http://10.0.0.2/b", "http://10.0.0.2/b", false, false},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        const struct follow_case *c = &cases[i];
        struct keg_err err = KEG_ERR_INIT;
        _cleanup_free_ char *url = NULL;
        bool same = !c->same_origin;
        cr_expect_eq(url_follow(c->from, c->to, c->tls_verify, &url, &same, &err), 0, "%s: %s",
                     c->to, err.text);
        cr_expect(keg_streq(url, c->url), "%s, not %s", url, c->url);
        cr_expect_eq(same, c->same_origin, "%s -> %s", c->from, c->to);
    }
}

Test(url, what_must_not_be_followed_says_why)
{
    static const struct {
        const char *from, *to, *why;
        bool tls_verify;
    } cases[] = {
        {"https://r.io/a", "ftp://r.io/b", "neither https nor http", true},
        {"https://r.io/a", "file:///etc/passwd", "neither https nor http", true},
        {"https://r.io/a", "file:///etc/passwd", "neither https nor http", false},
        {"https://r.io/a", "http://r.io/b", "from https to plain http", true},
        {"https://r.io/a", "http://localhost/b", "from https to plain http", true},
        {"http://localhost:5000/a", "http://10.0.0.1/b", "plain http on another machine", true},
        {"http://localhost:5000/a", "http://127.0.0.1.evil.example/b",
         "plain http on another machine", true},
        {"https://r.io/a", "https://user:secret@r.io/b", "a user or a password", true},
        {"https://r.io/a", "https://user@r.io/b", "a user or a password", false},
        {"https://r.io/a", "https://", "is not a URL", true},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct keg_err err = KEG_ERR_INIT;
        _cleanup_free_ char *url = NULL;
        bool same;
        cr_expect_eq(url_follow(cases[i].from, cases[i].to, cases[i].tls_verify, &url, &same, &err),
                     -EPERM, "%s", cases[i].to);
        cr_expect(strstr(err.text, cases[i].why), "%s: %s", cases[i].to, err.text);
    }
}

Test(url, encoding_leaves_only_what_is_safe)
{
    _cleanup_free_ char *text = url_encode("repository:library/a b:pull&x=1%");
    cr_assert_str_eq(text, "repository:library/a%20b:pull%26x%3D1%25");
}

Test(url, host_has_the_port_that_was_given)
{
    _cleanup_free_ char *with = url_host("http://[::1]:5000/v2/");
    _cleanup_free_ char *without = url_host("https://registry-1.docker.io/v2/");
    cr_assert_str_eq(with, "[::1]:5000");
    cr_assert_str_eq(without, "registry-1.docker.io");
}
