/* SPDX-License-Identifier: Apache-2.0 */
/* The default spec, what widens it, and its text. */
#include "run/run.h"

#include <criterion/criterion.h>
#include <string.h>

static struct keg_err err;

static struct run_spec *default_spec(void)
{
    struct run_spec *spec = run_spec_new();
    cr_assert(run_spec_defaults(spec, &err) == 0, "%s", err.text);
    return spec;
}

static const struct run_mount *find(const struct run_spec *spec, const char *destination)
{
    for (size_t i = 0; i < spec->mounts_count; i++)
        if (keg_streq(spec->mounts[i].destination, destination))
            return &spec->mounts[i];
    return NULL;
}

static bool has(char *const *list, const char *s)
{
    for (; list && *list; list++)
        if (keg_streq(*list, s))
            return true;
    return false;
}

Test(spec, capabilities_parse_by_either_name)
{
    int number = -2;
    cr_expect_eq(run_capability_parse("NET_ADMIN", &number, &err), 0);
    cr_expect_eq(number, 12);
    cr_expect_eq(run_capability_parse("cap_chown", &number, &err), 0);
    cr_expect_eq(number, 0);
    cr_expect_eq(run_capability_parse("all", &number, &err), 0);
    cr_expect_eq(number, -1);
    cr_expect_eq(run_capability_parse("CAP_NOPE", &number, &err), -EINVAL);
    cr_expect_str_eq(err.text, "unknown capability 'CAP_NOPE'");
}

Test(spec, capability_names_end_with_the_last_one)
{
    cr_expect_str_eq(run_capability_name(40), "CAP_CHECKPOINT_RESTORE");
    cr_expect_null(run_capability_name(41));
    cr_expect_null(run_capability_name(-1));
}

Test(spec, default_confinement_is_podmans_eleven_capabilities)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    const struct run_capabilities *sets = &spec->process.capabilities;
    cr_expect_eq(sets->bounding, 0x800405fb);
    cr_expect_eq(sets->effective, sets->bounding);
    cr_expect_eq(sets->permitted, sets->bounding);
    cr_expect_eq(sets->inheritable, 0);
    cr_expect_eq(sets->ambient, 0);
}

/* The default devices come behind it in the cgroup's plan. */
Test(spec, default_confinement_denies_all_devices)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    const struct run_device_rule *first = spec->resources.devices;
    cr_assert_eq(spec->resources.devices_count, 1);
    cr_expect(!first->allow && first->type == 'a' && first->major == -1 && first->minor == -1);
}

Test(spec, default_confinement_has_namespaces_masks_and_limits)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    for (int i = RUN_NS_PID; i <= RUN_NS_CGROUP; i++)
        cr_expect(spec->namespaces[i].wanted);
    cr_expect_not(spec->namespaces[RUN_NS_USER].wanted);
    cr_expect_eq(spec->resources.pids_limit, 2048);
    cr_expect_eq(spec->seccomp, RUN_SECCOMP_DEFAULT);
    cr_expect(has(spec->masked_paths, "/proc/timer_list"));
    cr_expect(has(spec->masked_paths, "/sys/firmware"));
    cr_expect(has(spec->readonly_paths, "/proc/sys"));
    cr_expect_str_eq(spec->process.cwd, "/");
}

Test(spec, default_mounts_are_mobys_in_their_order)
{
    static const char *const destinations[] = {"/proc",          "/dev",        "/dev/pts", "/sys",
                                               "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm"};
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    cr_assert_eq(spec->mounts_count, KEG_ARRAY_SIZE(destinations));
    for (size_t i = 0; i < KEG_ARRAY_SIZE(destinations); i++)
        cr_expect_str_eq(spec->mounts[i].destination, destinations[i]);
    cr_expect(has(find(spec, "/sys")->options, "ro"));
    cr_expect(has(find(spec, "/dev/shm")->options, "size=65536k"));
}

Test(spec, a_mount_at_the_same_place_replaces_the_other)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    size_t count = spec->mounts_count;
    cr_expect_eq(run_spec_add_mount(spec, "/dev/shm", "tmpfs", "shm", "size=1m,,ro", &err), 0);
    cr_expect_eq(spec->mounts_count, count);
    const struct run_mount *mount = find(spec, "/dev/shm");
    cr_assert_eq(keg_strv_length(mount->options), 2);
    cr_expect_str_eq(mount->options[0], "size=1m");
    cr_expect_str_eq(mount->options[1], "ro");
}

Test(spec, a_relative_mount_is_refused)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    cr_expect_eq(run_spec_add_mount(spec, "data", "tmpfs", NULL, NULL, &err), -EINVAL);
    cr_expect_str_eq(err.text, "mount destination 'data' is not absolute");
}

Test(spec, privileged_has_everything_that_can_be_given)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    cr_assert_eq(run_spec_privileged(spec, &err), 0, "%s", err.text);
    cr_expect_eq(spec->process.capabilities.bounding, run_capabilities_bounding());
    cr_expect_eq(spec->process.capabilities.inheritable, 0);
    cr_expect_eq(spec->seccomp, RUN_SECCOMP_NONE);
    cr_expect_null(spec->masked_paths);
    cr_expect_null(spec->readonly_paths);
    cr_expect_not(has(find(spec, "/sys")->options, "ro"));
    cr_expect(has(find(spec, "/sys")->options, "nosuid"));
    cr_expect_not(has(find(spec, "/sys/fs/cgroup")->options, "ro"));
    cr_expect(spec->resources.devices[0].allow && spec->resources.devices[0].type == 'a');
}

Test(spec, privileged_has_the_hosts_devices_but_not_its_terminals)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    bool null = false;
    cr_assert_eq(run_spec_privileged(spec, &err), 0, "%s", err.text);
    for (size_t i = 0; i < spec->devices_count; i++) {
        const struct run_device *device = &spec->devices[i];
        cr_expect_not(keg_starts_with(device->path, "/dev/pts/"));
        cr_expect_str_neq(device->path, "/dev/console");
        if (keg_streq(device->path, "/dev/null"))
            null = device->type == 'c' && device->major == 1 && device->minor == 3;
    }
    cr_expect(null);
}

/* ---- config.json */

static json_t *write_and_parse(const struct run_spec *spec)
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(4 << 20);
    cr_assert(run_spec_write(spec, &text, &err) == 0, "%s", err.text);
    json_t *json = keg_json_parse(text.data, text.length, &err);
    cr_assert(json != NULL, "%s", err.text);
    return json;
}

static const json_t *at(const json_t *json, const char *path)
{
    char copy[128];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    char *rest = copy;
    for (const char *key; json && (key = strsep(&rest, "/"));)
        json = json_is_array(json) ? json_array_get(json, (size_t)(*key - '0'))
                                   : json_object_get(json, key);
    return json;
}

Test(spec, config_says_what_the_spec_does)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    spec->hostname = keg_strdup("box");
    spec->resources.memory_limit_bytes = 64 << 20;
    spec->process.user.uid = 5;
    keg_strv_add(&spec->process.args, "sh");
    keg_strv_add(&spec->sysctls, "net.ipv4.ip_forward=1");
    keg_strv_add(&spec->annotations, "a=b=c");
    _cleanup_json_ json_t *json = write_and_parse(spec);
    cr_expect_str_eq(json_string_value(at(json, "ociVersion")), "1.0.2");
    cr_expect_str_eq(json_string_value(at(json, "process/args/0")), "sh");
    cr_expect_eq(json_integer_value(at(json, "process/user/uid")), 5);
    cr_expect_str_eq(json_string_value(at(json, "process/capabilities/bounding/0")), "CAP_CHOWN");
    cr_expect_eq(json_array_size(at(json, "process/capabilities/bounding")), 11);
    cr_expect_eq(json_array_size(at(json, "process/capabilities/inheritable")), 0);
    cr_expect_str_eq(json_string_value(at(json, "hostname")), "box");
    cr_expect_str_eq(json_string_value(at(json, "annotations/a")), "b=c");
    cr_expect_str_eq(json_string_value(at(json, "mounts/0/destination")), "/proc");
    cr_expect_eq(json_integer_value(at(json, "linux/resources/memory/limit")), 64 << 20);
    cr_expect_eq(json_integer_value(at(json, "linux/resources/pids/limit")), 2048);
    cr_expect_eq(json_array_size(at(json, "linux/namespaces")), 6);
    const json_t *sysctl = json_object_get(at(json, "linux/sysctl"), "net.ipv4.ip_forward");
    cr_expect_str_eq(json_string_value(sysctl), "1");
}

Test(spec, config_leaves_out_what_is_not_set)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    spec->seccomp = RUN_SECCOMP_NONE;
    _cleanup_json_ json_t *json = write_and_parse(spec);
    cr_expect_null(at(json, "linux/resources/memory"));
    cr_expect_null(at(json, "linux/resources/cpu"));
    cr_expect_null(at(json, "linux/seccomp"));
    cr_expect_null(at(json, "process/user/umask"));
    cr_expect_null(at(json, "hostname"));
    /* "all numbers" is written by leaving the number out. */
    cr_expect_null(at(json, "linux/resources/devices/0/major"));
}

Test(spec, config_spells_the_seccomp_profile_out)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    _cleanup_json_ json_t *json = write_and_parse(spec);
    cr_expect_str_eq(json_string_value(at(json, "linux/seccomp/defaultAction")), "SCMP_ACT_ERRNO");
    cr_expect_gt(json_array_size(at(json, "linux/seccomp/syscalls")), 0);
}

Test(spec, config_shows_what_json_cannot_hold_as_the_replacement_character)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec = default_spec();
    keg_strv_free(spec->process.env);
    spec->process.env = NULL;
    keg_strv_add(&spec->process.env, "A=\xff");
    _cleanup_json_ json_t *json = write_and_parse(spec);
    cr_expect_str_eq(json_string_value(at(json, "process/env/0")), "\xEF\xBF\xBD");
}
