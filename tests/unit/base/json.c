/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what is refused, and that a wrong type is named. */
#include "base/base.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *parse(const char *text, struct keg_err *err)
{
    return keg_json_parse(text, strlen(text), err);
}

Test(json, duplicate_names_are_refused)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_null(parse("{\"a\":1,\"a\":2}", &err));
    cr_assert_eq(err.code, -EPROTO);
    cr_assert(strstr(err.text, "not valid JSON: line 1"));
}

Test(json, trailing_bytes_nuls_and_html_are_refused)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_null(parse("{} x", &err));
    cr_assert_null(keg_json_parse("{}\0", 3, &err));
    cr_assert_null(parse("<html></html>", &err));
    cr_assert_null(parse("", &err));
}

Test(json, depth_is_bounded_and_strings_do_not_count)
{
    struct keg_err err = KEG_ERR_INIT;
    char deep[2 * (KEG_JSON_DEPTH_MAX + 1) + 1];
    memset(deep, '[', KEG_JSON_DEPTH_MAX + 1);
    memset(deep + KEG_JSON_DEPTH_MAX + 1, ']', KEG_JSON_DEPTH_MAX + 1);
    deep[sizeof(deep) - 1] = '\0';
    cr_assert_null(parse(deep, &err));
    cr_assert(strstr(err.text, "nested deeper"));
    _cleanup_json_ json_t *ok =
        parse("[\"[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]",
              &err);
    cr_assert_not_null(ok);
}

Test(json, a_wrong_type_is_named)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_json_ json_t *json = parse("{\"s\":1,\"n\":\"x\",\"v\":[\"a\",2],\"z\":null}", &err);
    const char *s = "kept";
    json_int_t n = 5;
    _cleanup_strv_ char **v = NULL;
    cr_assert_eq(keg_json_string(json, "s", &s, &err), -EPROTO);
    cr_assert_str_eq(err.text, "'s' is not a string");
    cr_assert_eq(keg_json_int(json, "n", &n, &err), -EPROTO);
    cr_assert_eq(keg_json_strv(json, "v", &v, &err), -EPROTO);
    cr_assert_str_eq(err.text, "'v[1]' is not a string");
    cr_assert_eq(keg_json_string(json, "z", &s, &err), 0);
    cr_assert_eq(keg_json_string(json, "missing", &s, &err), 0);
    cr_assert_str_eq(s, "kept");
    cr_assert_eq(keg_json_require(0, "missing", &err), -EPROTO);
    cr_assert_str_eq(err.text, "'missing' is missing");
}

Test(json, a_document_that_is_no_object_is_no_crash)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_json_ json_t *json = parse("[1]", &err);
    const char *s;
    cr_assert_eq(keg_json_string(json, "a", &s, &err), -EPROTO);
    cr_assert_eq(keg_json_string(NULL, "a", &s, &err), -EPROTO);
}
