/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

char *spec_config(const char *members)
{
    return keg_asprintf("{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"rootfs\"}%s%s}",
                        *members ? ", " : "", members);
}

struct run_spec *spec_config_parse(const char *text)
{
    struct keg_err err = KEG_ERR_INIT;
    struct run_spec *spec = NULL;
    int r = run_spec_parse(text, strlen(text), &spec, NULL, &err);
    cr_assert(r == 0, "%s: %s", text, err.text);
    return spec;
}

struct run_spec *spec_config_of(const char *members)
{
    _cleanup_free_ char *text = spec_config(members);
    return spec_config_parse(text);
}

void spec_config_refused(const char *text, const char *message)
{
    struct keg_err err = KEG_ERR_INIT;
    struct run_spec *spec = NULL;
    int r = run_spec_parse(text, strlen(text), &spec, NULL, &err);
    cr_expect(r < 0, "taken: %s", text);
    cr_expect_null(spec);
    cr_expect_str_eq(err.text, message, "%s\n  says: %s\n  want: %s", text, err.text, message);
    run_spec_free(spec);
}

void spec_config_refusals(const struct spec_refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        _cleanup_free_ char *text = spec_config(cases[i].members);
        spec_config_refused(text, cases[i].message);
    }
}
