/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what a container may use (config-linux.md, "Control groups"). */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

#define RESOURCES(members) "\"linux\": {\"resources\": {" members "}}"
#define IN                 "linux.resources."

static struct keg_err err;

Test(spec_read_resources, memory_and_cpu)
{
    static const struct spec_refusal cases[] = {
        {"\"linux\": {\"resources\": []}", "linux.resources: not an object"},
        {RESOURCES("\"memory\": 5"), IN "memory: not an object"},
        {RESOURCES("\"memory\": {\"limit\": -2}"),
         IN "memory.limit: out of range (-1 to 9223372036854775807)"},
        {RESOURCES("\"memory\": {\"swap\": true}"), IN "memory.swap: not a number"},
        {RESOURCES("\"memory\": {\"swappiness\": 101}"),
         IN "memory.swappiness: out of range (0 to 100)"},
        {RESOURCES("\"memory\": {\"disableOOMKiller\": 0}"),
         IN "memory.disableOOMKiller: not true or false"},
        {RESOURCES("\"cpu\": {\"shares\": -1}"),
         IN "cpu.shares: out of range (0 to 18446744073709551615)"},
        {RESOURCES("\"cpu\": {\"cpus\": 3}"), IN "cpu.cpus: not a string"},
        {RESOURCES("\"cpu\": {\"idle\": 2}"), IN "cpu.idle: out of range (0 to 1)"},
        {RESOURCES("\"pids\": {\"limit\": \"max\"}"), IN "pids.limit: not a number"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

/* Engines write any negative number for "none". */
Test(spec_read_resources, negative_counts_are_unlimited)
{
    _cleanup_(run_cleanup_spec) struct run_spec *spec =
        spec_config_of(RESOURCES("\"pids\": {\"limit\": -5}, \"cpu\": {\"quota\": -100}"));
    cr_expect_eq(spec->resources.pids_limit, -1);
    cr_expect_eq(spec->resources.cpu_quota_us, -1);
}

Test(spec_read_resources, block_devices)
{
    static const struct spec_refusal cases[] = {
        {RESOURCES("\"blockIO\": {\"weight\": 1001}"),
         IN "blockIO.weight: out of range (0 to 1000)"},
        {RESOURCES("\"blockIO\": {\"weight\": -1}"), IN "blockIO.weight: out of range (0 to 1000)"},
        {RESOURCES("\"blockIO\": {\"weightDevice\": [{\"major\": 8, \"weight\": 10}]}"),
         IN "blockIO.weightDevice[0].minor: missing"},
        {RESOURCES("\"blockIO\": {\"weightDevice\": [{\"major\": 8, \"minor\": 0}]}"),
         IN "blockIO.weightDevice[0]: neither weight nor leafWeight"},
        {RESOURCES("\"blockIO\": {\"weightDevice\": [{\"major\": -8, \"minor\": 0}]}"),
         IN "blockIO.weightDevice[0].major: out of range (0 to 4294967295)"},
        {RESOURCES("\"blockIO\": {\"throttleReadBpsDevice\": {}}"),
         IN "blockIO.throttleReadBpsDevice: not a list"},
        {RESOURCES("\"blockIO\": {\"throttleWriteIOPSDevice\": [{\"major\": 1, \"minor\": 2}]}"),
         IN "blockIO.throttleWriteIOPSDevice[0].rate: missing"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(RESOURCES(
        "\"blockIO\": {\"throttleWriteIOPSDevice\": [{\"major\": 1, \"minor\": 2, \"rate\": 3}], "
        "\"throttleReadBpsDevice\": [{\"major\": 4, \"minor\": 5, \"rate\": "
        "18446744073709551615}]}"));
    cr_assert_eq(spec->resources.throttles_count, 2);
    cr_expect_eq(spec->resources.throttles[0].kind, RUN_THROTTLE_READ_BPS);
    cr_expect_eq(spec->resources.throttles[0].rate, UINT64_MAX);
    cr_expect_eq(spec->resources.throttles[1].kind, RUN_THROTTLE_WRITE_IOPS);
    cr_expect_eq(spec->resources.throttles[1].minor, 2);
}

/* Names from outside that become names of files, or words in them, on the host. */
Test(spec_read_resources, names_stay_where_they_belong)
{
    static const struct spec_refusal cases[] = {
        {RESOURCES("\"hugepageLimits\": [{\"pageSize\": \"../2MB\", \"limit\": 1}]"),
         IN "hugepageLimits[0].pageSize: '../2MB' is no size of a page such as 2MB"},
        {RESOURCES("\"hugepageLimits\": [{\"pageSize\": \"2M\", \"limit\": 1}]"),
         IN "hugepageLimits[0].pageSize: '2M' is no size of a page such as 2MB"},
        {RESOURCES("\"hugepageLimits\": [{\"pageSize\": \"2MB\"}]"),
         IN "hugepageLimits[0].limit: missing"},
        {RESOURCES("\"unified\": {\"../cgroup.procs\": \"1\"}"),
         IN "unified: '../cgroup.procs' is no file of a cgroup"},
        {RESOURCES("\"unified\": {\"a/memory.max\": \"1\"}"),
         IN "unified: 'a/memory.max' is no file of a cgroup"},
        {RESOURCES("\"unified\": {\"\": \"1\"}"), IN "unified: '' is no file of a cgroup"},
        {RESOURCES("\"unified\": {\"memory\": \"1\"}"),
         IN "unified: 'memory' is no file of a cgroup"},
        {RESOURCES("\"unified\": {\"memory.max\": 1}"), IN "unified.memory.max: not a string"},
        {RESOURCES("\"network\": {\"priorities\": [{\"name\": \"a b\", \"priority\": 1}]}"),
         IN "network.priorities[0].name: 'a b' is no name of an interface"},
        {RESOURCES("\"network\": {\"classID\": 4294967296}"),
         IN "network.classID: out of range (0 to 4294967295)"},
        {RESOURCES("\"rdma\": {\"a b\": {\"hcaHandles\": 1}}"),
         IN "rdma: 'a b' is no name of a device"},
        {RESOURCES("\"rdma\": {\"mlx\": {}}"), IN "rdma.mlx: neither hcaHandles nor hcaObjects"},
        {RESOURCES("\"rdma\": {\"mlx\": {\"hcaObjects\": -1}}"),
         IN "rdma.mlx.hcaObjects: out of range (0 to 4294967295)"},
        {RESOURCES("\"rdma\": [1]"), IN "rdma: not an object"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
}

Test(spec_read_resources, device_rules)
{
    static const struct spec_refusal cases[] = {
        {RESOURCES("\"devices\": [{\"access\": \"rwm\"}]"), IN "devices[0].allow: missing"},
        {RESOURCES("\"devices\": [{\"allow\": true, \"type\": \"u\"}]"),
         IN "devices[0].type: unknown type of device 'u'"},
        {RESOURCES("\"devices\": [{\"allow\": true, \"major\": -2}]"),
         IN "devices[0].major: out of range (-1 to 4294967295)"},
        {RESOURCES("\"devices\": [{\"allow\": true, \"access\": \"rx\"}]"),
         IN "devices[0].access: 'rx' is not of the letters r, w and m"},
        {RESOURCES("\"devices\": [{\"allow\": true, \"access\": \"\"}]"),
         IN "devices[0].access: '' is not of the letters r, w and m"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        RESOURCES("\"devices\": [{\"allow\": false}, {\"allow\": true, \"type\": \"c\", \"major\": "
                  "1, \"minor\": null, \"access\": \"mrrrrrr\"}]"));
    const struct run_device_rule *rules = spec->resources.devices;
    cr_expect(!rules[0].allow && rules[0].type == 'a' && rules[0].major == -1);
    cr_expect_str_eq(rules[0].access, "rwm");
    cr_expect(rules[1].allow && rules[1].type == 'c' && rules[1].major == 1);
    cr_expect_eq(rules[1].minor, -1);
    cr_expect_str_eq(rules[1].access, "rm");
}

/* As `docker update` and `podman update` give it on standard input. */
Test(spec_read_resources, resources_alone)
{
    static const char good[] = "{\"memory\": {\"limit\": 67108864}, \"cpu\": {\"shares\": 0, "
                               "\"quota\": 30000, \"period\": 100000}, \"blockIO\": {}}",
                      bad[] = "{\"memory\": {\"limit\": \"64m\"}}", cut[] = "{\"memory\": {";
    struct run_resources resources = {0};
    cr_expect_eq(run_resources_parse(bad, strlen(bad), &resources, &err), -EINVAL);
    cr_expect_str_eq(err.text, "memory.limit: not a number");
    cr_expect_eq(run_resources_parse(cut, strlen(cut), &resources, &err), -EPROTO);
    cr_assert_eq(run_resources_parse(good, strlen(good), &resources, &err), 0, "%s", err.text);
    cr_expect_eq(resources.memory_limit_bytes, 64 << 20);
    cr_expect_eq(resources.cpu_quota_us, 30000);
    cr_expect_eq(resources.pids_limit, 0);
    run_resources_done(&resources);
}
