/* SPDX-License-Identifier: Apache-2.0 */
/* References: what is accepted, what it means, and what is refused in which words. */
#include "scratch.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA    "sha256:" HEX64
#define SHA512 "sha512:" HEX64 HEX64

static void means(const char *text, const char *host, const char *repository, const char *tag,
                  const char *digest)
{
    _cleanup_(store_ref_done) struct store_ref ref = STORE_REF_INIT;

    ok(store_ref_parse(text, &ref, &err));
    cr_expect_str_eq(ref.host, host, "%s", text);
    cr_expect_str_eq(ref.repository, repository, "%s", text);
    cr_expect(keg_streq(ref.tag, tag), "%s: tag %s", text, ref.tag);
    cr_expect(keg_streq(ref.digest, digest), "%s: digest %s", text, ref.digest);
}

static void refuses(const char *text, const char *why)
{
    struct store_ref ref = STORE_REF_INIT;

    fails(store_ref_parse(text, &ref, &err), -EINVAL, why);
    cr_expect(ref.host == NULL, "written on failure");
}

Test(ref, one_word_is_an_official_image_on_docker_hub)
{
    means("busybox", "docker.io", "library/busybox", "latest", NULL);
    means("alpine:3", "docker.io", "library/alpine", "3", NULL);
}

Test(ref, two_words_are_a_users_image_on_docker_hub)
{
    means("user/x", "docker.io", "user/x", "latest", NULL);
    means("a/b/c:d", "docker.io", "a/b/c", "d", NULL);
}

Test(ref, a_first_part_with_a_dot_is_a_host)
{
    means("ghcr.io/a/b", "ghcr.io", "a/b", "latest", NULL);
    means("127.0.0.1/x", "127.0.0.1", "x", "latest", NULL);
}

Test(ref, a_first_part_with_a_port_is_a_host)
{
    means("registry:5000/x:y", "registry:5000", "x", "y", NULL);
}

Test(ref, localhost_is_a_host)
{
    means("localhost/x", "localhost", "x", "latest", NULL);
    means("localhost:5000/x:y", "localhost:5000", "x", "y", NULL);
}

Test(ref, a_first_part_with_an_upper_case_letter_is_a_host)
{
    means("Registry/x", "Registry", "x", "latest", NULL);
}

Test(ref, other_hosts_get_no_library)
{
    means("quay.io/x", "quay.io", "x", "latest", NULL);
}

Test(ref, an_ipv6_host_stands_in_brackets)
{
    means("[::1]:5000/x", "[::1]:5000", "x", "latest", NULL);
    means("[2001:db8::7]/x/y:z", "[2001:db8::7]", "x/y", "z", NULL);
}

Test(ref, a_port_without_path_is_a_tag)
{
    means("localhost:5000", "docker.io", "library/localhost", "5000", NULL);
    means("busybox:5000", "docker.io", "library/busybox", "5000", NULL);
}

Test(ref, a_tag_behind_a_port_is_the_tag)
{
    means("localhost:5000/x:5001", "localhost:5000", "x", "5001", NULL);
}

Test(ref, docker_io_may_be_written_out)
{
    means("docker.io/busybox", "docker.io", "library/busybox", "latest", NULL);
    means("docker.io/library/busybox:1", "docker.io", "library/busybox", "1", NULL);
    means("index.docker.io/busybox", "docker.io", "library/busybox", "latest", NULL);
}

Test(ref, a_docker_transport_in_front_is_cut_off)
{
    means("docker://busybox", "docker.io", "library/busybox", "latest", NULL);
    means("docker://ghcr.io/a/b:c", "ghcr.io", "a/b", "c", NULL);
}

Test(ref, a_digest_alone_brings_no_tag)
{
    means("busybox@" SHA, "docker.io", "library/busybox", NULL, SHA);
    means("ghcr.io/a/b@" SHA512, "ghcr.io", "a/b", NULL, SHA512);
}

Test(ref, tag_and_digest_are_both_kept)
{
    means("localhost:5000/x:y@" SHA, "localhost:5000", "x", "y", SHA);
}

Test(ref, separators_within_a_word_are_taken)
{
    means("a.b_c__d-e---f", "docker.io", "library/a.b_c__d-e---f", "latest", NULL);
    means("x:_A.b-C_9", "docker.io", "library/x", "_A.b-C_9", NULL);
}

Test(ref, hex_names_that_are_not_64_long_are_names)
{
    means("deadbeef", "docker.io", "library/deadbeef", "latest", NULL);
    means("library/" HEX64, "docker.io", "library/" HEX64, "latest", NULL);
}

Test(ref, an_empty_tag_is_refused)
{
    refuses("busybox:", "invalid reference 'busybox:': empty tag");
    refuses("localhost:5000/x:", "empty tag");
    refuses("busybox:@" SHA, "empty tag");
}

Test(ref, an_upper_case_repository_is_refused)
{
    refuses("Busybox", "invalid reference 'Busybox': repository name must be lowercase");
    refuses("user/X", "repository name must be lowercase");
    refuses("ghcr.io/A/b", "repository name must be lowercase");
}

Test(ref, a_name_of_64_hex_digits_is_refused)
{
    refuses(HEX64, "64 hex digits are an image id");
}

Test(ref, a_bad_digest_is_refused)
{
    static const char *const bad[] = {
        "busybox@",       "busybox@sha256:",       "busybox@sha256:0123", "busybox@md5:" HEX64,
        "busybox@" HEX64, "busybox@SHA256:" HEX64, "busybox@" SHA "0",    "busybox@" SHA "@" SHA,
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        refuses(bad[i], "bad digest");
}

Test(ref, a_bad_host_is_refused)
{
    static const char *const bad[] = {
        "a..b/x",      "-a.b/x",           "a-.b/x",  ".a/x",       "../x", "a.b:/x",  "a.b:0/x",
        "a.b:65536/x", "a.b:x/y",          "a_b.c/x", "[::1/x",     "[]/x", "[::g]/x", "[::1]x/y",
        "[::1]:/x",    "[fe80::1%eth0]/x", "a b.c/x", "http://x/y",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        refuses(bad[i], "bad host name or port");
}

Test(ref, a_bad_repository_is_refused)
{
    static const char *const bad[] = {
        "a//b", "a/",  "-a",     "a-",  "a..b",       "a___b", "_a",
        "a._b", "a b", "a/../b", "a\n", "b\xc3\xa4r", "a/./b", "ghcr.io/a//b",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++)
        refuses(bad[i], "bad repository name");
}

Test(ref, no_repository_is_refused)
{
    refuses("", "no repository name");
    refuses("docker://", "no repository name");
    refuses("ghcr.io/", "no repository name");
    refuses(":x", "no repository name");
    refuses("@" SHA, "no repository name");
}

Test(ref, a_bad_tag_is_refused)
{
    static const char *const bad[] = {"x:-a", "x:.a", "x:a b", "x:a:b", "docker.io/a:5000/b",
                                      "x:a/b"};
    char longest[160] = "x:";

    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad) - 1; i++)
        refuses(bad[i], "bad tag");
    refuses("x:a/b", "bad host name or port");
    memset(longest + 2, 'a', 129);
    refuses(longest, "bad tag");
    longest[2 + 128] = '\0';
    means(longest, "docker.io", "library/x", longest + 2, NULL);
}

Test(ref, more_than_255_bytes_of_name_are_refused)
{
    char name[2000];

    memset(name, 'a', sizeof(name));
    memcpy(name, "a.b/", 4);
    name[256] = '\0';
    refuses(name, "...': host and repository are longer than 255 bytes");
    name[256] = 'a';
    name[1999] = '\0';
    refuses(name, "...': longer than 255 bytes");
    name[255] = '\0';
    means(name, "a.b", name + 4, "latest", NULL);
}

static void shows(const char *text, const char *familiar, const char *full)
{
    _cleanup_(store_ref_done) struct store_ref ref = STORE_REF_INIT;
    _cleanup_free_ char *brief = NULL;
    _cleanup_free_ char *whole = NULL;

    ok(store_ref_parse(text, &ref, &err));
    brief = store_ref_string(&ref, true);
    whole = store_ref_string(&ref, false);
    cr_expect_str_eq(brief, familiar);
    cr_expect_str_eq(whole, full);
}

Test(ref, the_familiar_form_is_dockers_short_one)
{
    shows("busybox", "busybox:latest", "docker.io/library/busybox:latest");
    shows("user/x:1", "user/x:1", "docker.io/user/x:1");
    shows("ghcr.io/a/b", "ghcr.io/a/b:latest", "ghcr.io/a/b:latest");
    shows("library/a/b", "library/a/b:latest", "docker.io/library/a/b:latest");
    shows("x:1@" SHA, "x:1@" SHA, "docker.io/library/x:1@" SHA);
    shows("x@" SHA, "x@" SHA, "docker.io/library/x@" SHA);
}

Test(ref, the_familiar_form_means_the_same_again)
{
    shows("docker.io/foo.bar/x", "docker.io/foo.bar/x:latest", "docker.io/foo.bar/x:latest");
    shows("docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest");
}

Test(ref, familiar_has_neither_tag_nor_digest)
{
    _cleanup_(store_ref_done) struct store_ref ref = STORE_REF_INIT;
    _cleanup_free_ char *name = NULL;

    ok(store_ref_parse("docker.io/library/busybox:1@" SHA, &ref, &err));
    name = store_ref_familiar(&ref);
    cr_assert_str_eq(name, "busybox");
}
