/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms: their names, and which one of an index is taken. */
#include "pull/platform.h"

#include <criterion/criterion.h>

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(platform, other_names_become_the_usual_ones)
{
    static const struct {
        const char *text, *normal;
    } cases[] = {
        {"linux/amd64", "linux/amd64"},     {"linux/x86_64", "linux/amd64"},
        {"Linux/AArch64", "linux/arm64"},   {"linux/armhf", "linux/arm/v7"},
        {"linux/arm/v6", "linux/arm/v6"},   {"linux/i386", "linux/386"},
        {"windows/amd64", "windows/amd64"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct store_platform platform = {NULL, NULL, NULL};
        cr_assert_eq(platform_parse(cases[i].text, &platform, NULL), 0, "%s", cases[i].text);
        _cleanup_free_ char *text = platform_string(&platform);
        cr_expect_str_eq(text, cases[i].normal);
        platform_done(&platform);
    }
}

Test(platform, bad_ones_are_refused)
{
    static const char *const bad[] = {"",       "linux",        "amd64",   "linux/",
                                      "/amd64", "linux/amd64/", "a/b/c/d", "linux/am d64"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        struct store_platform platform = {NULL, NULL, NULL};
        struct keg_err err = KEG_ERR_INIT;
        cr_expect_eq(platform_parse(bad[i], &platform, &err), -EINVAL, "%s", bad[i]);
        cr_expect(strstr(err.text, "OS/ARCHITECTURE[/VARIANT]"), "%s", err.text);
    }
}

Test(platform, machines_are_known_by_unames_word)
{
    static const struct {
        const char *machine, *text;
    } cases[] = {{"x86_64", "linux/amd64"},    {"aarch64", "linux/arm64"},
                 {"armv7l", "linux/arm/v7"},   {"armv6l", "linux/arm/v6"},
                 {"riscv64", "linux/riscv64"}, {"s390x", "linux/s390x"},
                 {"ppc64le", "linux/ppc64le"}, {"i686", "linux/386"}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct store_platform platform = {NULL, NULL, NULL};
        cr_assert_eq(platform_of_machine(cases[i].machine, &platform, NULL), 0);
        _cleanup_free_ char *text = platform_string(&platform);
        cr_expect_str_eq(text, cases[i].text);
        platform_done(&platform);
    }
}

Test(platform, the_variable_stands_in_for_the_option)
{
    struct store_platform platform = {NULL, NULL, NULL};
    bool explicit_platform = false;
    setenv("DOCKER_DEFAULT_PLATFORM", "linux/s390x", 1);
    cr_assert_eq(platform_wanted(NULL, &platform, &explicit_platform, NULL), 0);
    cr_assert_str_eq(platform.architecture, "s390x");
    cr_assert(explicit_platform);
    platform_done(&platform);
    cr_assert_eq(platform_wanted("linux/arm64", &platform, &explicit_platform, NULL), 0);
    cr_assert_str_eq(platform.architecture, "arm64");
    platform_done(&platform);
    setenv("DOCKER_DEFAULT_PLATFORM", "", 1);
    cr_assert_eq(platform_wanted(NULL, &platform, &explicit_platform, NULL), 0);
    cr_assert_not(explicit_platform);
    cr_assert_str_eq(platform.os, "linux");
    platform_done(&platform);
}

Test(platform, older_variants_run_on_newer_machines_and_not_the_other_way)
{
    static const struct {
        const char *wanted, *offered;
        int rank;
    } cases[] = {
        {"linux/arm/v7", "linux/arm/v7", 0},     {"linux/arm/v7", "linux/arm/v6", 1},
        {"linux/arm/v7", "linux/arm/v5", 2},     {"linux/arm/v6", "linux/arm/v7", -1},
        {"linux/arm", "linux/arm/v7", 0},        {"linux/arm64", "linux/arm64/v8", 0},
        {"linux/arm64/v8", "linux/arm64", 0},    {"linux/arm64/v9", "linux/arm64/v8", 1},
        {"linux/arm64", "linux/arm64/v9", -1},   {"linux/amd64/v3", "linux/amd64", 2},
        {"linux/amd64/v3", "linux/amd64/v2", 1}, {"linux/amd64", "linux/amd64/v2", -1},
        {"linux/amd64", "linux/amd64/v1", 0},    {"linux/amd64", "linux/arm64", -1},
        {"linux/amd64", "windows/amd64", -1},    {"linux/amd64", "linux/amd64/weird", -1},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct store_platform wanted = {NULL, NULL, NULL}, offered = {NULL, NULL, NULL};
        cr_assert_eq(platform_parse(cases[i].wanted, &wanted, NULL), 0);
        cr_assert_eq(platform_parse(cases[i].offered, &offered, NULL), 0);
        cr_expect_eq(platform_rank(&wanted, &offered), cases[i].rank, "%s on %s", cases[i].offered,
                     cases[i].wanted);
        platform_done(&wanted);
        platform_done(&offered);
    }
}

/* Make an index of entries "os/arch[/variant]", "-" (no platform) or "attestation". */
static struct document make_index(const char *const *entries)
{
    struct keg_buf text = keg_buf_init(1 << 20);
    struct document index;
    struct keg_err err = KEG_ERR_INIT;
    keg_buf_str(&text, "{\"schemaVersion\":2,\"manifests\":[");
    for (size_t i = 0; entries[i]; i++) {
        struct store_platform p = {NULL, NULL, NULL};
        keg_buf_printf(&text,
                       "%s{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":2,"
                       "\"digest\":\"" DIGEST_A "\"",
                       i ? "," : "");
        if (keg_streq(entries[i], "attestation")) {
            keg_buf_str(
                &text,
                ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},\"annotations\":{"
                "\"vnd.docker.reference.type\":\"attestation-manifest\"}");
        } else if (!keg_streq(entries[i], "-")) {
            cr_assert_eq(platform_parse(entries[i], &p, NULL), 0);
            keg_buf_printf(&text, ",\"platform\":{\"os\":\"%s\",\"architecture\":\"%s\"", p.os,
                           p.architecture);
            if (p.variant)
                keg_buf_printf(&text, ",\"variant\":\"%s\"", p.variant);
            keg_buf_str(&text, "}");
            platform_done(&p);
        }
        keg_buf_str(&text, "}");
    }
    keg_buf_str(&text, "]}");
    cr_assert_eq(document_parse(text.data, text.length, "application/vnd.oci.image.index.v1+json",
                                &index, &err),
                 0, "%s", err.text);
    keg_buf_done(&text);
    return index;
}

struct choice {
    const char *wanted;
    const char *entries[8];
    int item; /* -1: none */
};

Test(platform, choice_from_an_index)
{
    static const struct choice cases[] = {
        {"linux/amd64", {"linux/arm64", "linux/amd64", NULL}, 1},
        {"linux/amd64", {"linux/amd64", "linux/amd64", NULL}, 0},
        {"linux/arm/v7", {"linux/arm/v5", "linux/arm/v6", "linux/arm64/v8", NULL}, 1},
        {"linux/arm/v6", {"linux/arm/v7", "linux/arm/v5", NULL}, 1},
        {"linux/arm64", {"linux/arm64/v8", NULL}, 0},
        {"linux/amd64/v3", {"linux/amd64", "linux/amd64/v2", "linux/amd64/v4", NULL}, 1},
        {"linux/amd64", {"attestation", "linux/amd64", NULL}, 1},
        {"linux/amd64", {"attestation", "unknown/unknown", NULL}, -1},
        {"unknown/unknown", {"unknown/unknown", NULL}, -1},
        {"linux/amd64", {"-", "linux/amd64", NULL}, 1},
        {"linux/amd64", {"linux/arm64", "-", NULL}, 1},
        {"linux/amd64", {"windows/amd64", "linux/arm64", NULL}, -1},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct document index = make_index(cases[i].entries);
        struct store_platform wanted = {NULL, NULL, NULL};
        size_t item = 99;
        cr_assert_eq(platform_parse(cases[i].wanted, &wanted, NULL), 0);
        int r = platform_choose(&index, &wanted, &item, NULL);
        cr_expect_eq(r, cases[i].item < 0 ? -ENOENT : 0, "case %zu", i);
        if (r == 0)
            cr_expect_eq(item, (size_t)cases[i].item, "case %zu: %zu", i, item);
        platform_done(&wanted);
        document_done(&index);
    }
}

Test(platform, a_miss_lists_what_there_is)
{
    static const char *const entries[] = {"windows/amd64", "linux/arm/v7", "attestation", NULL};
    struct document index = make_index(entries);
    struct store_platform wanted = {NULL, NULL, NULL};
    struct keg_err err = KEG_ERR_INIT;
    size_t item;
    cr_assert_eq(platform_parse("linux/amd64", &wanted, NULL), 0);
    cr_assert_eq(platform_choose(&index, &wanted, &item, &err), -ENOENT);
    cr_assert_str_eq(
        err.text,
        "there is no image for the platform linux/amd64; there are: windows/amd64, linux/arm/v7");
    platform_done(&wanted);
    document_done(&index);
}
