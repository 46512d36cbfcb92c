/* SPDX-License-Identifier: Apache-2.0 */
/* What `spec` and `features` print. */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

static struct keg_err err;

static struct run_spec *template_of(bool rootless)
{
    struct run_spec *spec = NULL;
    cr_assert_eq(run_spec_template(rootless, &spec, &err), 0, "%s", err.text);
    return spec;
}

Test(spec_template, is_what_users_of_other_runtimes_know)
{
    static const char *const destinations[] = {
        "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup",
    };
    _cleanup_(run_cleanup_spec) struct run_spec *spec = template_of(false);
    cr_expect_str_eq(spec->hostname, "keg");
    cr_expect_str_eq(spec->root_path, "rootfs");
    cr_expect(spec->root_readonly);
    cr_expect(spec->process.terminal);
    cr_expect(spec->process.no_new_privileges);
    cr_expect_str_eq(spec->process.args[0], "sh");
    cr_expect_str_eq(spec->process.cwd, "/");
    cr_expect_str_eq(spec->process.env[1], "TERM=xterm");
    cr_expect_eq(spec->process.capabilities.bounding, 0x20000420);
    cr_expect_eq(spec->process.capabilities.ambient, 0);
    cr_assert_eq(spec->process.rlimits_count, 1);
    cr_expect_str_eq(spec->process.rlimits[0].type, "RLIMIT_NOFILE");
    cr_expect_eq(spec->process.rlimits[0].soft, 1024);
    cr_assert_eq(spec->mounts_count, KEG_ARRAY_SIZE(destinations));
    for (size_t i = 0; i < KEG_ARRAY_SIZE(destinations); i++)
        cr_expect_str_eq(spec->mounts[i].destination, destinations[i]);
    cr_assert_eq(spec->resources.devices_count, 1);
    cr_expect(!spec->resources.devices[0].allow);
    cr_expect(spec->namespaces[RUN_NS_NETWORK].wanted && spec->namespaces[RUN_NS_CGROUP].wanted);
    cr_expect(!spec->namespaces[RUN_NS_USER].wanted);
}

Test(spec_template, without_root_has_a_user_namespace_and_nothing_that_needs_root)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = template_of(true);
    cr_expect(spec->namespaces[RUN_NS_USER].wanted);
    cr_expect(!spec->namespaces[RUN_NS_NETWORK].wanted);
    cr_assert_eq(spec->uid_maps.count, 1);
    cr_expect_eq(spec->uid_maps.items[0].container_id, 0);
    cr_expect_eq(spec->uid_maps.items[0].host_id, geteuid());
    cr_expect_eq(spec->gid_maps.items[0].host_id, getegid());
    cr_expect_eq(spec->resources.devices_count, 0);
    cr_expect_str_eq(spec->mounts[2].destination, "/dev/pts");
    cr_expect_str_eq(spec->mounts[2].options[4], "mode=0620");
    cr_expect_null(spec->mounts[2].options[5]);
    cr_expect_str_eq(spec->mounts[5].source, "/sys");
    cr_expect_str_eq(spec->mounts[5].options[0], "rbind");
}

Test(spec_template, is_read_again_as_it_was)
{
    for (int rootless = 0; rootless <= 1; rootless++) {
        _cleanup_buf_ struct keg_buf first = keg_buf_init(KEG_SPEC_MAX_BYTES);
        _cleanup_buf_ struct keg_buf second = keg_buf_init(KEG_SPEC_MAX_BYTES);
        _cleanup_(run_cleanup_spec) struct run_spec *spec = template_of(rootless);
        cr_assert_eq(run_spec_write(spec, &first, &err), 0, "%s", err.text);
        _cleanup_(run_cleanup_spec) struct run_spec *again = spec_config_parse(first.data);
        cr_assert_eq(run_spec_write(again, &second, &err), 0, "%s", err.text);
        cr_expect_str_eq(first.data, second.data);
    }
}

static const json_t *at(const json_t *json, const char *path)
{
    char copy[128], *rest = copy;
    (void)snprintf(copy, sizeof(copy), "%s", path);
    for (char *part; json && (part = strsep(&rest, "/"));)
        json = json_object_get(json, part);
    return json;
}

static bool lists(const json_t *json, const char *path, const char *wanted)
{
    size_t i;
    const json_t *item;
    json_array_foreach(at(json, path), i, item)
    {
        if (keg_streq(json_string_value(item), wanted))
            return true;
    }
    return false;
}

Test(features, list_what_config_json_may_hold)
{
    static const struct {
        const char *path, *item;
    } cases[] = {
        {"hooks", "createContainer"},
        {"mountOptions", "rro"},
        {"mountOptions", "tmpcopyup"},
        {"mountOptions", "idmap"},
        {"mountOptions", "rprivate"},
        {"linux/namespaces", "time"},
        {"linux/capabilities", "CAP_CHECKPOINT_RESTORE"},
        {"linux/seccomp/actions", "SCMP_ACT_NOTIFY"},
        {"linux/seccomp/operators", "SCMP_CMP_MASKED_EQ"},
        {"linux/seccomp/archs", "SCMP_ARCH_RISCV64"},
        {"linux/seccomp/knownFlags", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"},
        {"linux/seccomp/supportedFlags", "SECCOMP_FILTER_FLAG_LOG"},
        {"potentiallyUnsafeConfigAnnotations", "org.systemd.property."},
    };
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    cr_assert_eq(run_features_write(&text, &err), 0, "%s", err.text);
    _cleanup_json_ json_t *json = keg_json_parse(text.data, text.length, &err);
    cr_assert_not_null(json, "%s", err.text);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(cases); i++)
        cr_expect(lists(json, cases[i].path, cases[i].item), "%s: %s", cases[i].path,
                  cases[i].item);
    cr_expect_str_eq(json_string_value(at(json, "ociVersionMin")), "1.0.0");
    cr_expect_str_eq(json_string_value(at(json, "ociVersionMax")), "1.2.1");
    cr_expect(json_is_true(at(json, "linux/cgroup/v2")));
    cr_expect(json_is_true(at(json, "linux/mountExtensions/idmap/enabled")));
    cr_expect(json_is_true(at(json, "linux/intelRdt/enabled")));
}

/* features.md: the runtime MUST accept both as ociVersion. */
Test(features, versions_are_taken)
{
    static const char *const versions[] = {"1.0.0", "1.2.1"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(versions); i++) {
        _cleanup_free_ char *text =
            keg_asprintf("{\"ociVersion\": \"%s\", \"root\": {\"path\": \"r\"}}", versions[i]);
        run_spec_free(spec_config_parse(text));
    }
}
