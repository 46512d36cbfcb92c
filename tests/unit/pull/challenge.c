/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate, as registries and other servers write it. */
#include "pull/challenge.h"

#include <criterion/criterion.h>

static struct challenges parse(const char *value)
{
    struct challenges list = {NULL, 0};
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(challenges_parse(value, &list, &err), 0, "%s: %s", value, err.text);
    return list;
}

Test(challenge, docker_hub_names_realm_service_and_scope)
{
    struct challenges list = parse("Bearer realm=\"https://auth.docker.io/token\","
                                   "service=\"registry.docker.io\","
                                   "scope=\"repository:library/busybox:pull\"");
    cr_assert_eq(list.count, 1);
    cr_assert_str_eq(list.items[0].scheme, "Bearer");
    cr_assert_str_eq(list.items[0].realm, "https://auth.docker.io/token");
    cr_assert_str_eq(list.items[0].service, "registry.docker.io");
    cr_assert_str_eq(list.items[0].scope, "repository:library/busybox:pull");
    cr_assert_null(list.items[0].error);
    challenges_done(&list);
}

Test(challenge, a_comma_within_quotes_separates_nothing)
{
    struct challenges list = parse("Bearer realm=\"https://a/t\",scope=\"repository:a:pull,push\","
                                   "error=\"insufficient_scope\"");
    cr_assert_eq(list.count, 1);
    cr_assert_str_eq(list.items[0].scope, "repository:a:pull,push");
    cr_assert_str_eq(list.items[0].error, "insufficient_scope");
    challenges_done(&list);
}

Test(challenge, several_stand_in_one_line)
{
    struct challenges list = parse(
        "Negotiate, NTLM, Basic realm=\"a \\\"b\\\" c\", Bearer realm=https , service = \"x\"");
    cr_assert_eq(list.count, 4);
    cr_assert_str_eq(challenges_find(&list, "basic")->realm, "a \"b\" c");
    cr_assert_str_eq(challenges_find(&list, "BEARER")->realm, "https");
    cr_assert_str_eq(challenges_find(&list, "Bearer")->service, "x");
    cr_assert_null(challenges_find(&list, "Digest"));
    challenges_done(&list);
}

Test(challenge, bare_base64_is_skipped)
{
    struct challenges list = parse("Negotiate YIIC+/abc==, Bearer realm=\"r\"");
    cr_assert_eq(list.count, 2);
    cr_assert_str_eq(list.items[1].realm, "r");
    challenges_done(&list);
}

Test(challenge, several_lines_add_up)
{
    struct challenges list = parse("Basic realm=\"x\"");
    cr_assert_eq(challenges_parse("Bearer realm=\"y\"", &list, NULL), 0);
    cr_assert_eq(list.count, 2);
    challenges_done(&list);
}

Test(challenge, the_first_of_a_parameter_wins)
{
    struct challenges list = parse("Bearer realm=\"a\", REALM=\"b\"");
    cr_assert_str_eq(list.items[0].realm, "a");
    challenges_done(&list);
}

Test(challenge, malformed_ones_are_refused)
{
    static const char *const bad[] = {
        "Bearer realm=\"never closed",
        "Bearer realm=\"a\" service=\"b\"",
        "\"Bearer\" realm=\"a\"",
        "Bearer realm=\"a\",;",
        "=",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        struct challenges list = {NULL, 0};
        struct keg_err err = KEG_ERR_INIT;
        cr_expect_eq(challenges_parse(bad[i], &list, &err), -EPROTO, "%s", bad[i]);
        cr_expect(keg_starts_with(err.text, "malformed WWW-Authenticate header"), "%s", err.text);
        challenges_done(&list);
    }
}

Test(challenge, their_number_is_bounded)
{
    struct challenges list = {NULL, 0};
    int r = 0;
    for (int i = 0; i <= CHALLENGES_MAX; i++)
        r = challenges_parse("Basic realm=\"a\"", &list, NULL);
    cr_assert_eq(r, -E2BIG);
    challenges_done(&list);
}
