/* SPDX-License-Identifier: Apache-2.0 */
/* registries.conf: what it says, where it is wrong, and the plan that it leads to. */
#include "pull/plan.h"
#include "pull/registries_conf.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

static struct registries_conf parse(const char *text)
{
    struct registries_conf conf = {NULL, 0};
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(registries_conf_parse(text, strlen(text), "conf", &conf, &err), 0, "%s", err.text);
    return conf;
}

Test(registries_conf, a_real_file_is_read)
{
    struct registries_conf conf =
        parse("# a comment\r\n"
              "unqualified-search-registries = [\"docker.io\", # the Hub\n"
              "  'quay.io',\n"
              "]\n"
              "short-name-mode = \"enforcing\"\n"
              "\n"
              "[[registry]]\n"
              "prefix = \"docker.io\"\n"
              "location = \"docker.io\"   # itself\n"
              "  [[registry.mirror]]\n"
              "  location = \"localhost:5000/hub/\"\n"
              "  insecure = true\n"
              "  [[registry.mirror]]\n"
              "  location = \"mirror.example\"\n"
              "  pull-from-mirror = \"digest-only\"\n"
              "[[registry]]\n"
              "location = \"quay.io\"\n"
              "blocked = true\n"
              "[aliases]\n"
              "\"fedora\" = \"registry.fedoraproject.org/fedora\"\n");
    cr_assert_eq(conf.count, 2);
    cr_assert_str_eq(conf.registries[0].prefix, "docker.io");
    cr_assert_eq(conf.registries[0].mirror_count, 2);
    cr_assert_str_eq(conf.registries[0].mirrors[0].location, "localhost:5000/hub");
    cr_assert(conf.registries[0].mirrors[0].insecure);
    cr_assert_eq(conf.registries[0].mirrors[1].use, MIRROR_DIGEST_ONLY);
    cr_assert_str_eq(conf.registries[1].prefix, "quay.io");
    cr_assert(conf.registries[1].blocked);
    cr_assert_eq(conf.registries[1].line, 16);
    registries_conf_done(&conf);
}

Test(registries_conf, bad_files_say_file_line_and_what)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"[[registry]]\nprefix = \"a\"\nblockd = true\n",
         "conf:3: unknown key 'blockd' in [[registry]]"},
        {"[[registry]]\nprefix=\"a\"\n[[registry.mirror]]\nurl = \"x\"\n",
         "conf:4: unknown key 'url' in [[registry.mirror]]"},
        {"[[registry]]\ninsecure = \"yes\"\n", "conf:2: 'insecure' must be true or false"},
        {"[[registry]]\nlocation = true\n", "conf:2: 'location' must be a string"},
        {"[[registry]]\nlocation = \"https://a.example\"\n",
         "conf:2: 'location' is HOST[:PORT][/PATH], without 'https://'"},
        {"[[registry]]\nlocation = \"\"\n", "conf:2: 'location' is not HOST[:PORT][/PATH]: ''"},
        {"\n[[registry.mirror]]\n", "conf:2: [[registry.mirror]] without a [[registry]] above it"},
        {"[registry]\n", "conf:1: [registry] must be written [[registry]]"},
        {"[registries.search]\nregistries = ['docker.io']\n",
         "conf:1: [registries.search] is of version 1 of this file, which is obsolete: see "
         "[[registry]]"},
        {"[[registry]]\ninsecure = true\n\n[aliases]\n",
         "conf:4: the registry of line 1 has neither prefix nor location"},
        {"[[registry]]\ninsecure = true\n",
         "conf: the registry of line 1 has neither prefix nor location"},
        {"[[registry]]\nprefix = 'a'\n[[registry.mirror]]\n",
         "conf: a mirror of registry 'a' has no location"},
        {"[[registry]]\nprefix = 'a'\n[[registry]]\nprefix = 'a'\n",
         "conf: registry 'a' stands on line 1 already"},
        {"[[registry]]\nprefix = 'a'\nprefix = 'b'\n", "conf:3: 'prefix' is given twice"},
        {"[[registry]]\nprefix = 'a'\n[[registry.mirror]]\npull-from-mirror = 'some'\n",
         "conf:4: 'pull-from-mirror' must be \"all\", \"digest-only\" or \"tag-only\""},
        {"a = \"x\n", "conf:1: string without a closing \""},
        {"a = \"\"\"x\"\"\"\n", "conf:1: multi-line strings are not supported"},
        {"a = { b = 1 }\n", "conf:1: inline tables are not supported"},
        {"a = [1, 2]\n", "conf:1: arrays of anything but strings are not supported"},
        {"a = [ 'x' 'y' ]\n", "conf:1: expected ',' or ']' in an array"},
        {"a = 1.5\n", "conf:1: '1.5' is not a value that is supported here"},
        {"a = 1 b = 2\n", "conf:1: unexpected 'b = 2\n' at the end of the line"},
        {"a.b = 1\n", "conf:1: dotted keys are not supported"},
        {"a\n", "conf:1: expected '=' behind 'a'"},
        {"= 1\n", "conf:1: expected a key, found '= 1\n'"},
        {"[[registry]\n", "conf:1: expected ']]' behind the table's name"},
        {"a = \"\\q\"\n", "conf:1: unknown escape '\\q' in a string"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        struct registries_conf conf = {NULL, 0};
        struct keg_err err = KEG_ERR_INIT;
        _cleanup_free_ char *wanted = keg_strdup(cases[i].error);
        for (char *p = wanted; *p; p++)
            *p = *p == '\n' ? '?' : *p; /* as keg_fail() shows control characters */
        cr_expect_eq(
            registries_conf_parse(cases[i].text, strlen(cases[i].text), "conf", &conf, &err),
            -EINVAL, "%s", cases[i].text);
        cr_expect_str_eq(err.text, wanted);
        registries_conf_done(&conf);
    }
}

Test(registries_conf, a_later_file_replaces_a_registry)
{
    struct registries_conf conf = parse("[[registry]]\nprefix='a'\nlocation='one'\n");
    const char *more = "[[registry]]\nprefix='a'\nlocation='two'\n";
    cr_assert_eq(registries_conf_parse(more, strlen(more), "other", &conf, NULL), 0);
    cr_assert_eq(conf.count, 1);
    cr_assert_str_eq(conf.registries[0].location, "two");
    registries_conf_done(&conf);
}

Test(registries_conf, the_longest_prefix_wins_at_component_ends)
{
    struct registries_conf conf =
        parse("[[registry]]\nprefix='quay.io'\n[[registry]]\nprefix='quay.io/team'\n"
              "[[registry]]\nprefix='*.io'\n[[registry]]\nprefix='*.gcr.io'\n");
    static const struct {
        const char *name, *prefix;
    } cases[] = {
        {"quay.io/other/x", "quay.io"},
        {"quay.io/team/x", "quay.io/team"},
        {"quay.io/team", "quay.io/team"},
        {"quay.io/teammate/x", "quay.io"},
        {"ghcr.io/x", "*.io"},
        {"eu.gcr.io/x", "*.gcr.io"},
        {"quay.io.evil.example/x", NULL},
        {"example.com/x", NULL},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        const struct conf_registry *found = registries_conf_find(&conf, cases[i].name);
        cr_expect(keg_streq(found ? found->prefix : NULL, cases[i].prefix), "%s: %s", cases[i].name,
                  found ? found->prefix : "none");
    }
    registries_conf_done(&conf);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(registries_conf, a_named_file_comes_with_its_drop_ins_and_nothing_else)
{
    char folder[] = "/tmp/keg-conf-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    _cleanup_free_ char *file = keg_asprintf("%s/r.conf", folder);
    _cleanup_free_ char *drop = keg_asprintf("%s/r.conf.d", folder);
    _cleanup_free_ char *first = keg_asprintf("%s/10.conf", drop);
    _cleanup_free_ char *second = keg_asprintf("%s/20.conf", drop);
    _cleanup_free_ char *other = keg_asprintf("%s/30.conf.bak", drop);
    cr_assert_eq(mkdir(drop, 0700), 0);
    put(file, "[[registry]]\nprefix='a'\nlocation='main'\n");
    put(second, "[[registry]]\nprefix='a'\nlocation='second'\n");
    put(first, "[[registry]]\nprefix='a'\nlocation='first'\n");
    put(other, "nonsense");
    struct registries_conf conf;
    struct keg_err err = KEG_ERR_INIT;
    setenv("CONTAINERS_REGISTRIES_CONF", "/nonexistent", 1);
    cr_assert_eq(registries_conf_load(file, &conf, &err), 0, "%s", err.text);
    cr_assert_eq(conf.count, 1);
    cr_assert_str_eq(conf.registries[0].location, "second");
    registries_conf_done(&conf);
    cr_assert_eq(registries_conf_load(NULL, &conf, &err), -ENOENT);
    unlink(file), unlink(first), unlink(second), unlink(other), rmdir(drop), rmdir(folder);
}

static struct plan make_plan(const char *conf_text, const char *name, bool tls_verify)
{
    struct registries_conf conf = parse(conf_text);
    struct store_ref ref = STORE_REF_INIT;
    struct plan plan;
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(store_ref_parse(name, &ref, &err), 0, "%s", err.text);
    cr_assert_eq(plan_make(&conf, &ref, tls_verify, &plan, &err), 0, "%s", err.text);
    store_ref_done(&ref);
    registries_conf_done(&conf);
    return plan;
}

static void expect_endpoint(const struct plan *plan, size_t i, const char *host,
                            const char *repository)
{
    cr_assert_lt(i, plan->count);
    cr_expect_str_eq(plan->endpoints[i].host, host);
    cr_expect_str_eq(plan->endpoints[i].repository, repository);
    cr_expect_eq(plan->endpoints[i].mirror, i + 1 < plan->count);
}

Test(plan, docker_io_answers_at_registry_1)
{
    struct plan plan = make_plan("", "busybox", true);
    cr_assert_eq(plan.count, 1);
    expect_endpoint(&plan, 0, "registry-1.docker.io", "library/busybox");
    cr_expect_str_eq(plan.endpoints[0].name, "docker.io");
    cr_expect(plan.endpoints[0].tls_verify);
    cr_expect_not(plan.endpoints[0].plain);
    plan_done(&plan);
}

Test(plan, mirrors_come_first_in_their_order)
{
    struct plan plan = make_plan("[[registry]]\nprefix='docker.io'\n"
                                 "[[registry.mirror]]\nlocation='localhost:5000'\n"
                                 "[[registry.mirror]]\nlocation='m.example/hub'\ninsecure=true\n",
                                 "busybox:1", true);
    cr_assert_eq(plan.count, 3);
    expect_endpoint(&plan, 0, "localhost:5000", "library/busybox");
    expect_endpoint(&plan, 1, "m.example", "hub/library/busybox");
    expect_endpoint(&plan, 2, "registry-1.docker.io", "library/busybox");
    cr_expect(plan.endpoints[0].plain && plan.endpoints[0].tls_verify);
    cr_expect(!plan.endpoints[1].plain && !plan.endpoints[1].tls_verify);
    cr_expect(plan.endpoints[2].tls_verify);
    plan_done(&plan);
}

Test(plan, location_replaces_the_prefix)
{
    struct plan plan =
        make_plan("[[registry]]\nprefix='example.com/team'\nlocation='r.local:5000/x'\n"
                  "insecure=true\n",
                  "example.com/team/app:1", true);
    cr_assert_eq(plan.count, 1);
    expect_endpoint(&plan, 0, "r.local:5000", "x/app");
    cr_expect_not(plan.endpoints[0].tls_verify);
    plan_done(&plan);
}

#define SOME_DIGEST "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(plan, mirrors_may_serve_only_tags_or_only_digests)
{
    const char *conf = "[[registry]]\nprefix='docker.io'\n"
                       "[[registry.mirror]]\nlocation='d.example'\npull-from-mirror='digest-only'\n"
                       "[[registry.mirror]]\nlocation='t.example'\npull-from-mirror='tag-only'\n";
    struct plan tag = make_plan(conf, "busybox", true);
    struct plan digest = make_plan(conf, "busybox" SOME_DIGEST, true);
    cr_assert_eq(tag.count, 2);
    cr_assert_eq(digest.count, 2);
    expect_endpoint(&tag, 0, "t.example", "library/busybox");
    expect_endpoint(&digest, 0, "d.example", "library/busybox");
    plan_done(&tag);
    plan_done(&digest);
}

Test(plan, a_blocked_registry_says_where_it_is_blocked)
{
    struct registries_conf conf = parse("\n[[registry]]\nlocation='docker.io'\nblocked=true\n");
    struct store_ref ref = STORE_REF_INIT;
    struct plan plan;
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(store_ref_parse("busybox", &ref, NULL), 0);
    cr_assert_eq(plan_make(&conf, &ref, true, &plan, &err), -EACCES);
    cr_assert_str_eq(err.text, "registry 'docker.io' is blocked by conf:2");
    store_ref_done(&ref);
    registries_conf_done(&conf);
}

Test(plan, loopback_is_told_from_names_that_look_like_it)
{
    static const char *const yes[] = {"localhost",    "localhost:5000", "127.0.0.1",
                                      "127.1.2.3:80", "[::1]",          "[::1]:5000"};
    static const char *const no[] = {
        "localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "[::2]:5000", "128.0.0.1",
        "registry-1.docker.io"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(yes); i++)
        cr_expect(plan_is_loopback(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(no); i++)
        cr_expect_not(plan_is_loopback(no[i]), "%s", no[i]);
}

Test(plan, loopback_on_port_443_speaks_https)
{
    struct plan plan = make_plan("", "localhost:443/x", true);
    cr_expect_not(plan.endpoints[0].plain);
    plan_done(&plan);
}
