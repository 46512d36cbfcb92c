/* SPDX-License-Identifier: Apache-2.0 */
/* Units by their cgroup path, and what systemd is told of a container: read back from the bytes. */
#include "run/systemd.h"

#include "run/dbus.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

Test(systemd_unit, paths_are_slice_prefix_and_name)
{
    static const struct {
        const char *path;
        bool user;
        const char *slice, *scope;
    } table[] = {
        {"machine.slice:libpod:abc", false, "machine.slice", "libpod-abc.scope"},
        {"a-b-c.slice:cri-containerd:0f", false, "a-b-c.slice", "cri-containerd-0f.scope"},
        {"-.slice:x:y", false, "-.slice", "x-y.scope"},
        {":keg:y", false, "system.slice", "keg-y.scope"},
        {":keg:y", true, "user.slice", "keg-y.scope"},
        {"a.slice::y", false, "a.slice", "y.scope"},
        {NULL, false, "system.slice", "keg-the-id.scope"},
        {"", true, "user.slice", "keg-the-id.scope"},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        struct systemd_unit unit;
        struct keg_err err = KEG_ERR_INIT;
        cr_assert_eq(systemd_unit_parse(table[i].path, "the-id", table[i].user, &unit, &err), 0,
                     "%s", err.text);
        cr_expect_str_eq(unit.slice, table[i].slice);
        cr_expect_str_eq(unit.scope, table[i].scope);
        systemd_unit_done(&unit);
    }
}

Test(systemd_unit, other_paths_are_refused)
{
    static const char *const paths[] = {
        "/keg/x",         "a.slice:x",      "a.slice:x:y:z", "a:x:y",         "../a.slice:x:y",
        "a--b.slice:x:y", "-a.slice:x:y",   "a-.slice:x:y",  ".slice:x:y",    "a.slice:x:",
        "a.slice:x/y:z",  "a.slice:x:y\nz", "a.slice:..:/",  "a/b.slice:x:y", "a b.slice:x:y",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(paths); i++) {
        struct systemd_unit unit;
        struct keg_err err = KEG_ERR_INIT;
        cr_expect_eq(systemd_unit_parse(paths[i], "id", false, &unit, &err), -EINVAL, "'%s'",
                     paths[i]);
        cr_expect(keg_starts_with(err.text, "cgroup path '"), "%s", err.text);
    }
}

/* ---- a reader of what was written: "Name=type:value ..." */

static uint64_t take_u64(struct dbus_reader *reader)
{
    reader->at = (reader->at + 7) / 8 * 8;
    uint64_t low = dbus_take_u32(reader), high = dbus_take_u32(reader);
    return high << 32 | low;
}

static size_t describe_list(struct dbus_reader *reader, bool pairs, char *text, size_t size)
{
    size_t length = 0, end = dbus_take_u32(reader);
    if (pairs)
        reader->at = (reader->at + 7) / 8 * 8;
    end += reader->at;
    while (!reader->failed && reader->at < end) {
        if (pairs)
            reader->at = (reader->at + 7) / 8 * 8;
        const char *first = dbus_take_string(reader);
        length += (size_t)snprintf(text + length, size - length, "[%s%s%s]", first,
                                   pairs ? " " : "", pairs ? dbus_take_string(reader) : "");
    }
    cr_expect_eq(reader->at, end);
    return length;
}

static void describe(const struct keg_buf *properties, char *text, size_t size)
{
    struct dbus_reader r = {.data = (const uint8_t *)properties->data,
                            .length = properties->length};
    size_t length = 0;
    text[0] = '\0';
    while (r.at < r.length) {
        r.at = (r.at + 7) / 8 * 8;
        const char *name = dbus_take_string(&r);
        const char *type = (const char *)r.data + r.at + 1;
        r.at += r.data[r.at] + 2u;
        length += (size_t)snprintf(text + length, size - length, "%s%s=%s:", length ? " " : "",
                                   name, type);
        if (strcmp(type, "s") == 0)
            length += (size_t)snprintf(text + length, size - length, "%s", dbus_take_string(&r));
        else if (strcmp(type, "t") == 0 || strcmp(type, "x") == 0)
            length +=
                (size_t)snprintf(text + length, size - length, "%" PRId64, (int64_t)take_u64(&r));
        else if (strcmp(type, "as") == 0 || strcmp(type, "a(ss)") == 0)
            length += describe_list(&r, type[1] == '(', text + length, size - length);
        else
            length +=
                (size_t)snprintf(text + length, size - length, "%d", (int32_t)dbus_take_u32(&r));
        cr_assert_not(r.failed, "%s", text);
    }
}

static void check_limits(enum run_cgroup_layout kind, const struct run_resources *resources,
                         const char *expected)
{
    const struct cgroup_layout layout = {kind, "/sys/fs/cgroup", CGROUP_ALL};
    _cleanup_buf_ struct keg_buf properties = keg_buf_init(DBUS_BODY_MAX_BYTES);
    struct cgroup_plan plan;
    char text[4096];
    cr_assert_eq(cgroup_plan_make(&layout, resources, CGROUP_PLAN_UPDATE, &plan, NULL), 0);
    systemd_put_limits(&plan, &properties);
    describe(&properties, text, sizeof(text));
    cr_expect_str_eq(text, expected);
    cgroup_plan_done(&plan);
}

Test(systemd_limits, what_systemd_has_a_property_for_it_is_told)
{
    const struct run_resources limits = {.memory_limit_bytes = 1048576,
                                         .memory_swap_bytes = 3145728,
                                         .memory_reservation_bytes = 4096,
                                         .cpu_shares = 1024,
                                         .pids_limit = 50};
    check_limits(RUN_CGROUP_V2, &limits,
                 "MemoryMax=t:1048576 MemoryLow=t:4096 MemorySwapMax=t:2097152 CPUWeight=t:100 "
                 "TasksMax=t:50");
    check_limits(RUN_CGROUP_V1, &limits, "MemoryLimit=t:1048576 CPUShares=t:1024 TasksMax=t:50");
    const struct run_resources unlimited = {.memory_limit_bytes = -1, .pids_limit = -1};
    check_limits(RUN_CGROUP_V2, &unlimited, "MemoryMax=t:-1 TasksMax=t:-1");
    check_limits(RUN_CGROUP_V1, &unlimited, "MemoryLimit=t:-1 TasksMax=t:-1");
}

Test(systemd_limits, a_quota_is_microseconds_a_second_in_whole_steps)
{
    struct run_resources r = {.cpu_quota_us = 50000, .cpu_period_us = 100000};
    check_limits(RUN_CGROUP_V2, &r, "CPUQuotaPerSecUSec=t:500000");
    check_limits(RUN_CGROUP_V1, &r, "CPUQuotaPerSecUSec=t:500000");
    r.cpu_period_us = 300000;
    check_limits(RUN_CGROUP_V2, &r, "CPUQuotaPerSecUSec=t:170000 CPUQuotaPeriodUSec=t:300000");
    r = (struct run_resources){.cpu_quota_us = -1};
    check_limits(RUN_CGROUP_V2, &r, "CPUQuotaPerSecUSec=t:-1");
}

Test(systemd_limits, v1_devices_stay_denied_when_systemd_is_reloaded)
{
    struct run_device_rule loop = {true, 'b', 7, 0, "rw"};
    const struct run_resources r = {.devices = &loop, .devices_count = 1};
    check_limits(RUN_CGROUP_V1, &r,
                 "DevicePolicy=s:strict DeviceAllow=a(ss):[char-* m][block-* m][/dev/char/1:3 rwm]"
                 "[/dev/char/1:5 rwm][/dev/char/1:7 rwm][/dev/char/1:8 rwm][/dev/char/1:9 rwm]"
                 "[/dev/char/5:0 rwm][/dev/char/5:1 rwm][/dev/char/5:2 rwm][char-pts rwm]"
                 "[/dev/block/7:0 rw]");
    struct run_device_rule all = {true, 'a', -1, -1, "rwm"};
    const struct run_resources privileged = {.devices = &all, .devices_count = 1};
    check_limits(RUN_CGROUP_V1, &privileged, "");
}

Test(systemd_annotation, values_are_gvariant_text)
{
    static const struct {
        const char *annotation, *expected;
    } table[] = {
        {"org.systemd.property.CollectMode='inactive-or-failed'",
         "CollectMode=s:inactive-or-failed"},
        {"org.systemd.property.Documentation=\"it's here\"", "Documentation=s:it's here"},
        {"org.systemd.property.KillMode=''", "KillMode=s:"},
        {"org.systemd.property.SendSIGHUP=true", "SendSIGHUP=b:1"},
        {"org.systemd.property.SendSIGHUP=false", "SendSIGHUP=b:0"},
        {"org.systemd.property.KillSignal=10", "KillSignal=i:10"},
        {"org.systemd.property.OOMScoreAdjust=-5", "OOMScoreAdjust=i:-5"},
        {"org.systemd.property.TasksMax=uint64 99", "TasksMax=t:99"},
        {"org.systemd.property.X=int64 -7", "X=x:-7"},
        {"org.systemd.property.X=uint32 7", "X=u:7"},
        {"org.systemd.property.TimeoutStopUSec=uint64 5", "TimeoutStopUSec=t:5"},
        {"org.systemd.property.TimeoutStopSec=7", "TimeoutStopUSec=t:7000000"},
        {"org.systemd.property.TimeoutStopSec=uint64 7", "TimeoutStopUSec=t:7000000"},
        {"org.systemd.property.After=['a.service', 'b.service']",
         "After=as:[a.service][b.service]"},
        {"io.podman.annotations.x=1", ""},
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_buf_ struct keg_buf properties = keg_buf_init(DBUS_BODY_MAX_BYTES);
        struct keg_err err = KEG_ERR_INIT;
        char text[1024];
        cr_expect_eq(systemd_put_annotation(table[i].annotation, &properties, &err), 0, "%s",
                     err.text);
        describe(&properties, text, sizeof(text));
        cr_expect_str_eq(text, table[i].expected);
    }
}

Test(systemd_annotation, other_values_are_refused_by_name)
{
    static const char *const table[] = {
        "org.systemd.property.X=plain",      "org.systemd.property.X='open",
        "org.systemd.property.X='a' b",      "org.systemd.property.X=uint32 -1",
        "org.systemd.property.X=4294967296", "org.systemd.property.X=",
        "org.systemd.property.=1",           "org.systemd.property.X/Y=1",
        "org.systemd.property.X=['a'",       "org.systemd.property.X=['a' 'b']",
        "org.systemd.property.XSec='a'",     "org.systemd.property.X",
        "org.systemd.property.X=(1, 2)",     "org.systemd.property.X='\\'",
    };
    for (size_t i = 0; i < KEG_ARRAY_SIZE(table); i++) {
        _cleanup_buf_ struct keg_buf properties = keg_buf_init(DBUS_BODY_MAX_BYTES);
        struct keg_err err = KEG_ERR_INIT;
        cr_expect_eq(systemd_put_annotation(table[i], &properties, &err), -EINVAL, "'%s'",
                     table[i]);
        cr_expect(keg_starts_with(err.text, "annotation 'org.systemd.property."), "%s", err.text);
    }
}
