/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing fit together: nothing is lost, and no text breaks the reader. */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

static struct keg_err err;

static void read_fixture(const char *name, struct keg_buf *ret)
{
    _cleanup_free_ char *path = keg_asprintf(KEG_FIXTURES "/configs/%s", name);
    int r = keg_read_file(AT_FDCWD, path, KEG_SPEC_MAX_BYTES, ret, &err);
    cr_assert(r == 0, "%s", err.text);
}

static void write_again(const char *text, struct keg_buf *ret)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_parse(text);
    cr_assert_eq(run_spec_write(spec, ret, &err), 0, "%s", err.text);
}

/* ---- the same document, whatever the order and the blanks */

static void expect_same(const json_t *want, const json_t *got, const char *path)
{
    const char *key;
    json_t *value;
    cr_expect(got != NULL, "%s is lost", path);
    if (!got || json_equal(want, got))
        return;
    if (!json_is_object(want)) {
        _cleanup_free_ char *is = keg_json_dump(got, false), *should = keg_json_dump(want, false);
        cr_expect(false, "%s is %s, not %s", path, is, should);
        return;
    }
    cr_expect_geq(json_object_size(want), json_object_size(got), "%s has more than before", path);
    json_object_foreach((json_t *)(uintptr_t)want, key, value)
    {
        _cleanup_free_ char *below = keg_asprintf("%s.%s", path, key);
        expect_same(value, json_object_get(got, key), below);
    }
}

Test(spec_round, everything_that_the_spec_has_is_read_and_written)
{
    _cleanup_buf_ struct keg_buf before, after = keg_buf_init(KEG_SPEC_MAX_BYTES);
    read_fixture("full.json", &before);
    write_again(before.data, &after);
    _cleanup_json_ json_t *want = keg_json_parse(before.data, before.length, &err);
    _cleanup_json_ json_t *got = keg_json_parse(after.data, after.length, &err);
    cr_assert_not_null(want);
    cr_assert_not_null(got, "%s", err.text);
    expect_same(want, got, "config");
}

/* What the engines of Debian 12 wrote for containers with many options. */
Test(spec_round, what_engines_write_is_taken_without_a_warning)
{
    static const char *const names[] = {"full.json",          "docker.json",
                                        "podman.json",        "podman-privileged.json",
                                        "podman-userns.json", "containerd.json"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++) {
        _cleanup_buf_ struct keg_buf text, first = keg_buf_init(KEG_SPEC_MAX_BYTES);
        _cleanup_buf_ struct keg_buf second = keg_buf_init(KEG_SPEC_MAX_BYTES);
        _cleanup_strv_ char **warnings = NULL;
        struct run_spec *spec = NULL;
        read_fixture(names[i], &text);
        int r = run_spec_parse(text.data, text.length, &spec, &warnings, &err);
        cr_assert(r == 0, "%s: %s", names[i], err.text);
        cr_expect_null(warnings, "%s", warnings ? warnings[0] : "");
        run_spec_free(spec);
        write_again(text.data, &first);
        write_again(first.data, &second);
        cr_expect_str_eq(first.data, second.data, "%s", names[i]);
    }
}

Test(spec_round, what_docker_writes_arrives)
{
    _cleanup_buf_ struct keg_buf text = {0};
    read_fixture("docker.json", &text);
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_parse(text.data);
    cr_expect_str_eq(spec->process.args[2], "echo hi");
    cr_expect_eq(spec->process.user.additional_gids_count, 2);
    cr_expect_eq(spec->process.capabilities.effective, 0);
    cr_expect_eq(spec->process.oom_score_adj, 5);
    cr_expect_eq(spec->resources.memory_swap_bytes, 128 << 20);
    cr_expect_eq(spec->hooks[RUN_HOOK_PRESTART].count, 1);
    cr_expect_eq(spec->devices[0].mode, 0666);
    cr_expect_eq(spec->seccomp_profile->default_action, 0x50000);
    cr_expect_str_eq(spec->seccomp_profile->architectures[2], "SCMP_ARCH_X32");
}

Test(spec_round, the_process_that_podman_writes_for_exec_arrives)
{
    _cleanup_buf_ struct keg_buf text = {0};
    struct run_process process;
    read_fixture("podman-exec-process.json", &text);
    cr_assert_eq(run_process_parse(text.data, text.length, &process, NULL, &err), 0, "%s",
                 err.text);
    cr_expect_eq(process.user.uid, 3);
    cr_expect_str_eq(process.args[2], "echo in");
    cr_expect_str_eq(process.env[2], "A=b");
    cr_expect(process.capabilities_set);
    cr_expect_eq(process.capabilities.ambient, 0);
    run_process_done(&process);
}

Test(spec_round, the_version_is_the_lowest_that_has_what_is_used)
{
    static const struct {
        const char *members, *version;
    } cases[] = {
        {"", "\"1.0.2\""},
        {"\"domainname\": \"x\"", "\"1.1.0\""},
        {"\"linux\": {\"namespaces\": [{\"type\": \"time\"}]}", "\"1.1.0\""},
        {"\"linux\": {\"resources\": {\"cpu\": {\"idle\": 1}}}", "\"1.1.0\""},
        {"\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_LOG\"}}", "\"1.0.2\""},
        {"\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_NOTIFY\"}}", "\"1.1.0\""},
        {"\"mounts\": [{\"destination\": \"/a\", \"options\": [\"ro\", \"ridmap\"]}]", "\"1.2.0\""},
        {"\"process\": {\"cwd\": \"/\", \"execCPUAffinity\": {\"final\": \"1\"}}", "\"1.2.1\""},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++) {
        _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
        _cleanup_free_ char *config = spec_config(cases[i].members);
        write_again(config, &text);
        char *version = strchr(text.data, ':') + 2;
        cr_expect_eq(strncmp(version, cases[i].version, strlen(cases[i].version)), 0, "%s: %.8s",
                     cases[i].members, version);
    }
}

Test(spec_round, a_value_without_a_name_is_not_written)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of("");
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    spec->personality_set = true;
    spec->personality = 0x1234;
    cr_expect_eq(run_spec_write(spec, &text, &err), -EINVAL);
    cr_expect_str_eq(err.text, "config.json: a value that the runtime spec has no name for");
}

/* ---- damage */

/* Whatever comes out, it comes out: the sanitizers watch. */
static bool parses(const char *text, size_t length)
{
    struct run_spec *spec = NULL;
    _cleanup_strv_ char **warnings = NULL;
    err = KEG_ERR_INIT;
    int r = run_spec_parse(text, length, &spec, &warnings, &err);
    cr_expect(r < 0 ? !spec && *err.text : spec != NULL);
    run_spec_free(spec);
    return r == 0;
}

/* The fixture without blanks, so that each byte counts. */
static char *compact_fixture(void)
{
    _cleanup_buf_ struct keg_buf text = {0};
    read_fixture("full.json", &text);
    _cleanup_json_ json_t *json = keg_json_parse(text.data, text.length, &err);
    cr_assert_not_null(json);
    return keg_json_dump(json, false);
}

Test(spec_round, a_cut_text_is_never_taken, .timeout = 300)
{
    _cleanup_free_ char *text = compact_fixture();
    size_t length = strlen(text);
    cr_expect(parses(text, length));
    for (size_t cut = 0; cut < length; cut += 3)
        cr_expect(!parses(text, cut), "cut at %zu", cut);
}

Test(spec_round, damaged_bytes_never_break_the_reader, .timeout = 300)
{
    static const char replacements[] = "\"0{]-,x";
    _cleanup_free_ char *text = compact_fixture();
    size_t length = strlen(text);
    for (size_t at = 0; at < length; at += 3) {
        char kept = text[at];
        text[at] = at % 2 ? (char)(kept ^ (1 << at % 8)) : replacements[at % strlen(replacements)];
        (void)parses(text, length);
        text[at] = kept;
    }
}

/* A value of each type in the place of each value: "process.args": 7, {}, "x". */
static void replace_each(json_t *whole, json_t *at, json_t *with)
{
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(at, next, key, value)
    {
        json_incref(value);
        cr_assert_eq(json_object_set(at, key, with), 0);
        _cleanup_free_ char *text = keg_json_dump(whole, false);
        (void)parses(text, strlen(text));
        cr_assert_eq(json_object_set_new(at, key, value), 0);
        replace_each(whole, value, with);
    }
    for (size_t i = 0; json_is_array(at) && i < json_array_size(at); i++) {
        value = json_incref(json_array_get(at, i));
        cr_assert_eq(json_array_set(at, i, with), 0);
        _cleanup_free_ char *text = keg_json_dump(whole, false);
        (void)parses(text, strlen(text));
        cr_assert_eq(json_array_set_new(at, i, value), 0);
        replace_each(whole, value, with);
    }
}

Test(spec_round, a_value_of_any_type_anywhere_never_breaks_the_reader, .timeout = 300)
{
    static const char *const values[] = {"null", "-1", "\"x\"", "[[{}]]", "{\"\":{}}"};
    _cleanup_free_ char *text = compact_fixture();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(values); i++) {
        _cleanup_json_ json_t *whole = keg_json_parse(text, strlen(text), &err);
        _cleanup_json_ json_t *value = keg_json_parse(values[i], strlen(values[i]), &err);
        replace_each(whole, whole, value);
    }
}
