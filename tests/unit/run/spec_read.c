/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as it comes from outside: the document, the root, mounts, hooks, annotations. */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

Test(spec_read, what_is_no_config_is_refused_with_its_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "not valid JSON: line 1 column 0: unexpected token near end of file"},
        {"[]", "not an object"},
        {"7", "not an object"},
        {"{}", "ociVersion: missing"},
        {"{\n \"ociVersion\": \"1.0.2\",\n \"root\"",
         "not valid JSON: line 3 column 7: ':' expected near end of file"},
        {"{\"root\": 1,\n\"root\": 2}",
         "not valid JSON: line 2 column 6: duplicate object key near '\"root\"'"},
        {"{\"ociVersion\": \"1.0.2\\u0000\"}",
         "not valid JSON: line 1 column 28: \\u0000 is not allowed without JSON_ALLOW_NUL near "
         "'\"1.0.2\\u0000\"'"},
        {"{\"ociVersion\": \"1.0.2\"}", "root: missing"},
        {"{\"ociVersion\": \"1.0.2\", \"root\": null}", "root: missing"},
        {"{\"ociVersion\": \"1.0.2\", \"root\": {}}", "root.path: missing"},
        {"{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"\"}}", "root.path: empty"},
        {"{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"r\", \"readonly\": 1}}",
         "root.readonly: not true or false"},
        {"{\"ociVersion\": 1, \"root\": {\"path\": \"r\"}}", "ociVersion: not a string"},
        {"{\"ociVersion\": \"1\", \"root\": {\"path\": \"r\"}}",
         "ociVersion: '1' is no version such as 1.2.0"},
        {"{\"ociVersion\": \"1.0.2x\", \"root\": {\"path\": \"r\"}}",
         "ociVersion: '1.0.2x' is no version such as 1.2.0"},
        {"{\"ociVersion\": \"2.0.0\", \"root\": {\"path\": \"r\"}}",
         "ociVersion: version 2.0.0 is not supported, 1.x is"},
        {"{\"ociVersion\": \"11.0.0\", \"root\": {\"path\": \"r\"}}",
         "ociVersion: version 11.0.0 is not supported, 1.x is"},
        {"{\"ociVersion\": \"0.5.0\", \"root\": {\"path\": \"r\"}}",
         "ociVersion: version 0.5.0 is not supported, 1.x is"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++)
        spec_config_refused(cases[i].text, cases[i].message);
}

Test(spec_read, an_empty_file_is_no_config)
{
    struct keg_err err = KEG_ERR_INIT;
    struct run_spec *spec = NULL;
    cr_expect_eq(run_spec_parse(NULL, 0, &spec, NULL, &err), -EPROTO);
    cr_expect_str_eq(err.text,
                     "not valid JSON: line 1 column 0: unexpected token near end of file");
}

Test(spec_read, every_version_1_is_taken)
{
    static const char *const versions[] = {"1.0.0",     "1.0.0-rc5",        "1.0.2-dev",
                                           "1.1.0+dev", "1.3.0-rc.1+x.y-z", "1.12.345"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(versions); i++) {
        _cleanup_free_ char *text =
            keg_asprintf("{\"ociVersion\": \"%s\", \"root\": {\"path\": \"r\"}}", versions[i]);
        run_spec_free(spec_config_parse(text));
    }
}

Test(spec_read, unknown_members_and_other_platforms_are_ignored)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        "\"windows\": {\"layerFolders\": 7}, \"solaris\": [], \"vm\": true, \"zos\": \"x\", \"x\": "
        "1.5, "
        "\"linux\": {\"netDevices\": {\"eth0\": {}}, \"memoryPolicy\": 3, \"future\": 1e9}, "
        "\"process\": {\"cwd\": \"/\", \"commandLine\": \"x\", \"future\": []}");
    cr_expect_str_eq(spec->root_path, "rootfs");
}

Test(spec_read, null_is_a_missing_member)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        "\"hostname\": null, \"mounts\": null, \"linux\": {\"resources\": {\"memory\": "
        "{\"limit\": null}}, \"seccomp\": null}, \"process\": null, \"hooks\": null");
    cr_expect_null(spec->hostname);
    cr_expect_null(spec->process.args);
    cr_expect_eq(spec->seccomp, RUN_SECCOMP_NONE);
}

Test(spec_read, a_missing_file_and_a_broken_one_are_named)
{
    struct keg_err err = KEG_ERR_INIT;
    struct run_spec *spec = NULL;
    char folder[] = "/dev/shm/keg-spec-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    _cleanup_fd_ int dirfd = keg_openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    cr_expect_eq(run_spec_read(dirfd, "config.json", &spec, NULL, &err), -ENOENT);
    cr_expect_str_eq(err.text, "open 'config.json': no such file or directory");
    _cleanup_fd_ int fd = keg_openat(dirfd, "config.json", O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(keg_write_all(fd, "{\"ociVersion\": 3}", 17), 0);
    cr_expect_eq(run_spec_read(dirfd, "config.json", &spec, NULL, &err), -EINVAL);
    cr_expect_str_eq(err.text, "config.json: ociVersion: not a string");
    cr_expect_eq(ftruncate(fd, KEG_SPEC_MAX_BYTES + 1), 0);
    cr_expect_lt(run_spec_read(dirfd, "config.json", &spec, NULL, &err), 0);
    cr_expect_null(spec);
    cr_expect_eq(unlinkat(dirfd, "config.json", 0), 0);
    cr_expect_eq(rmdir(folder), 0);
}

/* ---- numbers */

Test(spec_read, numbers_beyond_int64_are_exact)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        "\"process\": {\"cwd\": \"/\", \"x\": 1.5, \"rlimits\": ["
        "{\"type\": \"RLIMIT_NOFILE\", \"soft\": 9223372036854775807, \"hard\": "
        "18446744073709551615},"
        "{\"type\": \"RLIMIT_CORE\", \"soft\": 9223372036854775808, \"hard\": "
        "18446744073709551614}]}, \"annotations\": {\"a\": \"18446744073709551615\"}");
    cr_assert_eq(spec->process.rlimits_count, 2);
    cr_expect_eq(spec->process.rlimits[0].soft, INT64_MAX);
    cr_expect_eq(spec->process.rlimits[0].hard, UINT64_MAX);
    cr_expect_eq(spec->process.rlimits[1].soft, (uint64_t)INT64_MAX + 1);
    cr_expect_eq(spec->process.rlimits[1].hard, UINT64_MAX - 1);
    cr_expect_str_eq(spec->annotations[0], "a=18446744073709551615");
}

#define RLIMIT(soft)                                                                               \
    "\"process\": {\"cwd\": \"/\", \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": " soft    \
    ", \"hard\": 18446744073709551615}]}"
#define SOFT "process.rlimits[0].soft: "

Test(spec_read, numbers_that_no_integer_holds_are_named)
{
    static const struct spec_refusal cases[] = {
        {RLIMIT("18446744073709551616"), SOFT "out of range (0 to 18446744073709551615)"},
        {RLIMIT("99999999999999999999999999999999"),
         SOFT "out of range (0 to 18446744073709551615)"},
        {RLIMIT("-1"), SOFT "out of range (0 to 18446744073709551615)"},
        {RLIMIT("-9223372036854775809"), SOFT "out of range (0 to 18446744073709551615)"},
        {RLIMIT("1.0"), SOFT "not a whole number"},
        {RLIMIT("1.5e300"), SOFT "not a whole number"},
        {RLIMIT("2e5"), SOFT "not a whole number"},
        {RLIMIT("1e999"), SOFT "not a whole number"},
        {RLIMIT("\"1\""), SOFT "not a number"},
        {"\"linux\": {\"resources\": {\"memory\": {\"limit\": 9223372036854775808}}}",
         "linux.resources.memory.limit: out of range (-1 to 9223372036854775807)"},
        {"\"linux\": {\"resources\": {\"memory\": {\"limit\": 1.0}}}",
         "linux.resources.memory.limit: not a whole number"},
        {"\"linux\": {\"resources\": {\"memory\": {\"limit\": \"64m\"}}}",
         "linux.resources.memory.limit: not a number"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read, a_large_number_keeps_the_place_of_an_error_behind_it)
{
    spec_config_refused("{\"a\": 18446744073709551615, \"b\": 1.25, \"c\": x}",
                        "not valid JSON: line 1 column 45: invalid token near 'x'");
    spec_config_refused("{\"a\": 018446744073709551615}",
                        "not valid JSON: line 1 column 7: invalid token near '0'");
    spec_config_refused("{\"a\": 18446744073709551615, \"b\": 1.e5}",
                        "not valid JSON: line 1 column 35: invalid token near '1.'");
}

/* ---- bounds */

Test(spec_read, over_long_texts_and_lists_are_refused)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    keg_buf_str(&text, "\"hostname\": \"x\", \"annotations\": {\"a\": \"");
    for (size_t i = 0; i < KEG_SPEC_TEXT_MAX_BYTES / 16 + 1; i++)
        keg_buf_str(&text, "sixteen bytes...");
    keg_buf_str(&text, "\"}");
    _cleanup_free_ char *long_text = spec_config(text.data);
    spec_config_refused(long_text, "annotations.a: longer than 1048576 bytes");
    keg_buf_done(&text);
    keg_buf_str(&text, "\"mounts\": [0");
    for (size_t i = 0; i < KEG_SPEC_ENTRIES_MAX; i++)
        keg_buf_str(&text, ",0");
    keg_buf_str(&text, "]");
    _cleanup_free_ char *long_list = spec_config(text.data);
    spec_config_refused(long_list, "mounts: more than 65536 entries");
}

/* ---- the top */

Test(spec_read, names_of_the_host)
{
    static const struct spec_refusal cases[] = {
        {"\"hostname\": 7", "hostname: not a string"},
        {"\"hostname\": "
         "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
         "hostname: longer than 64 bytes"},
        {"\"domainname\": []", "domainname: not a string"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec =
        spec_config_of("\"hostname\": \"box\", \"domainname\": \"example.org\"");
    cr_expect_str_eq(spec->hostname, "box");
    cr_expect_str_eq(spec->domainname, "example.org");
}

Test(spec_read, mounts)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        "\"mounts\": [{\"destination\": \"/data\", \"type\": \"bind\", \"source\": \"/srv\", "
        "\"options\": [\"rbind\", \"ro\"], "
        "\"uidMappings\": [{\"containerID\": 0, \"hostID\": 1000, \"size\": 2}], "
        "\"gidMappings\": [{\"containerID\": 1, \"hostID\": 4294967294, \"size\": 1}]}, "
        "{\"destination\": \"relative\"}]");
    cr_assert_eq(spec->mounts_count, 2);
    const struct run_mount *mount = spec->mounts;
    cr_expect_str_eq(mount->destination, "/data");
    cr_expect_str_eq(mount->type, "bind");
    cr_expect_str_eq(mount->source, "/srv");
    cr_expect_str_eq(mount->options[1], "ro");
    cr_expect_eq(mount->uid_maps.items[0].host_id, 1000);
    cr_expect_eq(mount->gid_maps.items[0].host_id, UINT32_MAX - 1);
    cr_expect_str_eq(mount[1].destination, "/relative");
    cr_expect_null(mount[1].options);
}

Test(spec_read, wrong_mounts)
{
    static const struct spec_refusal cases[] = {
        {"\"mounts\": {}", "mounts: not a list"},
        {"\"mounts\": [7]", "mounts[0]: not an object"},
        {"\"mounts\": [{}]", "mounts[0].destination: missing"},
        {"\"mounts\": [{\"destination\": \"\"}]", "mounts[0].destination: empty"},
        {"\"mounts\": [{\"destination\": \"/a\"}, {\"destination\": \"/b\", \"options\": \"ro\"}]",
         "mounts[1].options: not a list"},
        {"\"mounts\": [{\"destination\": \"/b\", \"options\": [\"ro\", null]}]",
         "mounts[0].options[1]: not a string"},
        {"\"mounts\": [{\"destination\": \"/b\", \"source\": {}}]",
         "mounts[0].source: not a string"},
        {"\"mounts\": [{\"destination\": \"/b\", "
         "\"uidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 1}]}]",
         "mounts[0]: one of uidMappings and gidMappings without the other"},
        {"\"mounts\": [{\"destination\": \"/b\", \"uidMappings\": [{\"size\": 1}]}]",
         "mounts[0].uidMappings[0].containerID: missing"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read, hooks_of_every_kind)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        "\"hooks\": {\"prestart\": [{\"path\": \"/a\"}], \"createRuntime\": [{\"path\": \"/b\"}], "
        "\"createContainer\": [{\"path\": \"/c\"}], \"startContainer\": [{\"path\": \"/d\"}], "
        "\"poststart\": [{\"path\": \"/e\"}], \"poststop\": [{\"path\": \"/f\", \"args\": [\"f\", "
        "\"x\"], \"env\": [\"A=b\"], \"timeout\": 5}, {\"path\": \"/g\"}], \"future\": 7}");
    for (size_t i = 0; i < RUN_HOOK_COUNT; i++) {
        cr_assert_geq(spec->hooks[i].count, 1);
        const char want[] = {'/', (char)('a' + i), '\0'};
        cr_expect_str_eq(spec->hooks[i].items[0].path, want);
    }
    const struct run_hooks *last = &spec->hooks[RUN_HOOK_POSTSTOP];
    cr_assert_eq(last->count, 2);
    cr_expect_str_eq(last->items[0].args[1], "x");
    cr_expect_str_eq(last->items[0].env[0], "A=b");
    cr_expect_eq(last->items[0].timeout_s, 5);
    cr_expect_eq(last->items[1].timeout_s, 0);
}

Test(spec_read, wrong_hooks)
{
    static const struct spec_refusal cases[] = {
        {"\"hooks\": []", "hooks: not an object"},
        {"\"hooks\": {\"prestart\": {}}", "hooks.prestart: not a list"},
        {"\"hooks\": {\"poststop\": [{}]}", "hooks.poststop[0].path: missing"},
        {"\"hooks\": {\"poststop\": [{\"path\": \"\"}]}", "hooks.poststop[0].path: empty"},
        {"\"hooks\": {\"poststop\": [{\"path\": \"bin/x\"}]}",
         "hooks.poststop[0].path: 'bin/x' is not an absolute path"},
        {"\"hooks\": {\"poststart\": [{\"path\": \"/x\", \"timeout\": 0}]}",
         "hooks.poststart[0].timeout: out of range (1 to 9223372036854775807)"},
        {"\"hooks\": {\"poststart\": [{\"path\": \"/x\", \"timeout\": -3}]}",
         "hooks.poststart[0].timeout: out of range (1 to 9223372036854775807)"},
        {"\"hooks\": {\"poststart\": [{\"path\": \"/x\", \"args\": [3]}]}",
         "hooks.poststart[0].args[0]: not a string"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read, annotations)
{
    static const struct spec_refusal cases[] = {
        {"\"annotations\": []", "annotations: not an object"},
        {"\"annotations\": {\"a\": 7}", "annotations.a: not a string"},
        {"\"annotations\": {\"\": \"x\"}", "annotations: an annotation without a name"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec =
        spec_config_of("\"annotations\": {\"org.example.a\": \"b=c\", \"empty\": \"\"}");
    cr_expect_eq(keg_strv_length(spec->annotations), 2);
    cr_expect_str_eq(spec->annotations[0], "org.example.a=b=c");
    cr_expect_str_eq(spec->annotations[1], "empty=");
}

Test(spec_read, what_is_ignored_against_a_wish_is_told)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(run_cleanup_spec) struct run_spec *spec = NULL;
    _cleanup_strv_ char **warnings = NULL;
    _cleanup_free_ char *text =
        spec_config("\"annotations\": {\"a=b\": \"c\"}, \"process\": {\"cwd\": \"/\", "
                    "\"capabilities\": {\"bounding\": [\"CAP_KILL\", \"CAP_FLY\"], \"ambient\": "
                    "[\"all\"]}}");
    cr_assert_eq(run_spec_parse(text, strlen(text), &spec, &warnings, &err), 0);
    cr_assert_eq(keg_strv_length(warnings), 3);
    cr_expect_str_eq(warnings[0],
                     "process.capabilities.bounding[1]: unknown capability 'CAP_FLY' is ignored");
    cr_expect_str_eq(warnings[1],
                     "process.capabilities.ambient[0]: unknown capability 'all' is ignored");
    cr_expect_str_eq(warnings[2], "annotations: the annotation 'a=b' is ignored: '=' in its name");
    cr_expect_eq(spec->process.capabilities.bounding, UINT64_C(1) << 5);
    cr_expect_null(spec->annotations);
}
