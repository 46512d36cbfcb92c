/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: the linux object (config-linux.md). */
#include "spec_config.h"

#include <criterion/criterion.h>
#include <string.h>

#define LINUX(members) "\"linux\": {" members "}"
#define USER           "\"namespaces\": [{\"type\": \"user\"}], "
#define MAP(inside, outside, size)                                                                 \
    "{\"containerID\": " inside ", \"hostID\": " outside ", \"size\": " size "}"

Test(spec_read_linux, namespaces)
{
    static const struct spec_refusal cases[] = {
        {"\"linux\": []", "linux: not an object"},
        {LINUX("\"namespaces\": {}"), "linux.namespaces: not a list"},
        {LINUX("\"namespaces\": [{}]"), "linux.namespaces[0].type: missing"},
        {LINUX("\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"uts\"}, {\"type\": \"pidd\"}]"),
         "linux.namespaces[2].type: unknown namespace 'pidd'"},
        {LINUX("\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"pid\"}]"),
         "linux.namespaces[1]: namespace pid twice"},
        {LINUX("\"namespaces\": [{\"type\": \"pid\", \"path\": \"/a\"}, {\"type\": \"pid\", "
               "\"path\": \"/b\"}]"),
         "linux.namespaces[1]: namespace pid twice"},
        {LINUX("\"namespaces\": [{\"type\": \"pid\", \"path\": \"proc/1/ns/pid\"}]"),
         "linux.namespaces[0].path: 'proc/1/ns/pid' is not an absolute path"},
        {LINUX("\"namespaces\": [{\"type\": \"pid\", \"path\": 7}]"),
         "linux.namespaces[0].path: not a string"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        LINUX("\"namespaces\": [{\"type\": \"network\", \"path\": \"/run/netns/a\"}, {\"type\": "
              "\"time\", \"path\": \"\"}]"));
    cr_expect(spec->namespaces[RUN_NS_NETWORK].wanted);
    cr_expect_str_eq(spec->namespaces[RUN_NS_NETWORK].path, "/run/netns/a");
    cr_expect(spec->namespaces[RUN_NS_TIME].wanted);
    cr_expect_null(spec->namespaces[RUN_NS_TIME].path);
    cr_expect(!spec->namespaces[RUN_NS_PID].wanted);
}

Test(spec_read_linux, id_maps)
{
    static const struct spec_refusal cases[] = {
        {LINUX(USER "\"uidMappings\": [7]"), "linux.uidMappings[0]: not an object"},
        {LINUX(USER "\"uidMappings\": [{\"containerID\": 0, \"hostID\": 0}]"),
         "linux.uidMappings[0].size: missing"},
        {LINUX(USER "\"uidMappings\": [" MAP("0", "0", "0") "]"), "linux.uidMappings[0]: size 0"},
        {LINUX(USER "\"gidMappings\": [" MAP("4294967294", "0", "2") "]"),
         "linux.gidMappings[0]: more ids than there are"},
        {LINUX(USER "\"gidMappings\": [" MAP("0", "4294967000", "4294967000") "]"),
         "linux.gidMappings[0]: more ids than there are"},
        {LINUX(USER "\"gidMappings\": [" MAP("0", "0", "4294967296") "]"),
         "linux.gidMappings[0].size: out of range (0 to 4294967295)"},
        {LINUX(USER "\"gidMappings\": [" MAP("-1", "0", "1") "]"),
         "linux.gidMappings[0].containerID: out of range (0 to 4294967294)"},
        {LINUX(USER "\"uidMappings\": [" MAP("0", "100", "10") "," MAP("10", "109", "1") "]"),
         "linux.uidMappings: entry 1 has ids of entry 0"},
        {LINUX(USER "\"uidMappings\": [" MAP("5", "100", "10") "," MAP("0", "0", "6") "]"),
         "linux.uidMappings: entry 1 has ids of entry 0"},
        {LINUX("\"uidMappings\": [" MAP("0", "0", "1") "]"),
         "linux.uidMappings: not without a user namespace"},
        {LINUX("\"gidMappings\": [" MAP("0", "0", "1") "]"),
         "linux.gidMappings: not without a user namespace"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        LINUX(USER "\"uidMappings\": [" MAP("0", "0", "4294967295") "], \"gidMappings\": [" MAP(
            "0", "10", "10") "," MAP("10", "0", "10") "]"));
    cr_expect_eq(spec->uid_maps.items[0].size, UINT32_MAX);
    cr_expect_eq(spec->gid_maps.count, 2);
}

Test(spec_read_linux, id_maps_have_as_many_lines_as_the_kernel_takes)
{
    for (unsigned lines = 340; lines <= 341; lines++) {
        _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
        keg_buf_str(&text, "\"linux\": {" USER "\"uidMappings\": [");
        for (unsigned i = 0; i < lines; i++)
            keg_buf_printf(&text, "%s{\"containerID\": %u, \"hostID\": %u, \"size\": 1}",
                           i ? "," : "", i, i);
        keg_buf_str(&text, "]}");
        if (lines == 340) {
            run_spec_free(spec_config_of(text.data));
        } else {
            _cleanup_free_ char *config = spec_config(text.data);
            spec_config_refused(config, "linux.uidMappings: more than 340 entries");
        }
    }
}

#define TIME "\"namespaces\": [{\"type\": \"time\"}], "

Test(spec_read_linux, time_offsets)
{
    static const struct spec_refusal cases[] = {
        {LINUX(TIME "\"timeOffsets\": {\"realtime\": {\"secs\": 1}}"),
         "linux.timeOffsets.realtime: unknown clock 'realtime'"},
        {LINUX(TIME "\"timeOffsets\": {\"boottime\": 5}"),
         "linux.timeOffsets.boottime: not an object"},
        {LINUX(TIME "\"timeOffsets\": {\"boottime\": {\"nanosecs\": 1000000000}}"),
         "linux.timeOffsets.boottime.nanosecs: out of range (0 to 999999999)"},
        {LINUX(TIME "\"timeOffsets\": {\"boottime\": {\"secs\": 1.5}}"),
         "linux.timeOffsets.boottime.secs: not a whole number"},
        {LINUX("\"timeOffsets\": {\"boottime\": {\"secs\": 1}}"),
         "linux.timeOffsets: not without a time namespace"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec =
        spec_config_of(LINUX(TIME "\"timeOffsets\": {\"boottime\": {\"secs\": -7}}"));
    cr_expect(spec->time_offsets[RUN_CLOCK_BOOTTIME].set);
    cr_expect_eq(spec->time_offsets[RUN_CLOCK_BOOTTIME].seconds, -7);
    cr_expect(!spec->time_offsets[RUN_CLOCK_MONOTONIC].set);
}

#define DEVICE(members) LINUX("\"devices\": [{" members "}]")

Test(spec_read_linux, devices)
{
    static const struct spec_refusal cases[] = {
        {DEVICE("\"path\": \"/dev/x\""), "linux.devices[0].type: missing"},
        {DEVICE("\"path\": \"/dev/x\", \"type\": \"z\""),
         "linux.devices[0].type: unknown type of device 'z'"},
        {DEVICE("\"path\": \"/dev/x\", \"type\": \"\""),
         "linux.devices[0].type: unknown type of device ''"},
        {DEVICE("\"type\": \"c\", \"major\": 1, \"minor\": 3"), "linux.devices[0].path: missing"},
        {DEVICE("\"type\": \"p\", \"path\": \"\""), "linux.devices[0].path: empty"},
        {DEVICE("\"type\": \"p\", \"path\": \"dev/x\""),
         "linux.devices[0].path: 'dev/x' is not an absolute path"},
        {DEVICE("\"type\": \"c\", \"path\": \"/dev/x\", \"major\": 1"),
         "linux.devices[0].minor: missing"},
        {DEVICE("\"type\": \"c\", \"path\": \"/dev/x\", \"major\": 4096, \"minor\": 0"),
         "linux.devices[0].major: out of range (0 to 4095)"},
        {DEVICE("\"type\": \"b\", \"path\": \"/dev/x\", \"major\": 1, \"minor\": 1048576"),
         "linux.devices[0].minor: out of range (0 to 1048575)"},
        {DEVICE("\"type\": \"p\", \"path\": \"/x\", \"fileMode\": \"0666\""),
         "linux.devices[0].fileMode: not a number"},
        {DEVICE("\"type\": \"p\", \"path\": \"/x\", \"uid\": -1"),
         "linux.devices[0].uid: out of range (0 to 4294967294)"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec = spec_config_of(
        LINUX("\"devices\": [{\"type\": \"p\", \"path\": \"/x\"}, {\"type\": \"u\", \"path\": "
              "\"/y\", \"major\": 1, \"minor\": 3, \"fileMode\": 8630, \"uid\": 3, \"gid\": 4}]"));
    cr_expect_eq(spec->devices[0].mode, 0666);
    cr_expect_eq(spec->devices[1].mode, 0666); /* without the type, which engines write too */
    cr_expect_eq(spec->devices[1].type, 'u');
    cr_expect_eq(spec->devices[1].gid, 4);
}

Test(spec_read_linux, the_rest)
{
    static const struct spec_refusal cases[] = {
        {LINUX("\"cgroupsPath\": 7"), "linux.cgroupsPath: not a string"},
        {LINUX("\"sysctl\": [\"a=b\"]"), "linux.sysctl: not an object"},
        {LINUX("\"sysctl\": {\"net.ipv4.ip_forward\": 1}"),
         "linux.sysctl.net.ipv4.ip_forward: not a string"},
        {LINUX("\"sysctl\": {\"a=b\": \"1\"}"), "linux.sysctl: no sysctl is called 'a=b'"},
        {LINUX("\"rootfsPropagation\": \"public\""),
         "linux.rootfsPropagation: unknown propagation 'public'"},
        {LINUX("\"rootfsPropagation\": 3"), "linux.rootfsPropagation: not a string"},
        {LINUX("\"maskedPaths\": [\"/proc/kcore\", \"proc/keys\"]"),
         "linux.maskedPaths[1]: 'proc/keys' is not an absolute path"},
        {LINUX("\"readonlyPaths\": [\"\"]"), "linux.readonlyPaths[0]: '' is not an absolute path"},
        {LINUX("\"mountLabel\": {}"), "linux.mountLabel: not a string"},
        {LINUX("\"personality\": {}"), "linux.personality.domain: missing"},
        {LINUX("\"personality\": {\"domain\": \"BSD\"}"),
         "linux.personality.domain: unknown execution domain 'BSD'"},
        {LINUX("\"personality\": {\"domain\": \"LINUX\", \"flags\": [\"ADDR_NO_RANDOMIZE\"]}"),
         "linux.personality.flags[0]: unknown flag 'ADDR_NO_RANDOMIZE'"},
        {LINUX("\"intelRdt\": {\"closID\": \"../x\"}"),
         "linux.intelRdt.closID: '../x' is no name of a class"},
        {LINUX("\"intelRdt\": {\"closID\": \"..\"}"),
         "linux.intelRdt.closID: '..' is no name of a class"},
        {LINUX("\"intelRdt\": {\"memBwSchema\": \"L3:0=1\"}"),
         "linux.intelRdt.memBwSchema: 'L3:0=1' is not one line that begins with 'MB:'"},
        {LINUX("\"intelRdt\": {\"enableCMT\": 1}"), "linux.intelRdt.enableCMT: not true or false"},
    };
    spec_config_refusals(cases, KEG_ARRAY_SIZE(cases));
    _cleanup_(run_cleanup_spec) struct run_spec *spec =
        spec_config_of(LINUX("\"rootfsPropagation\": \"rslave\", \"personality\": {\"domain\": "
                             "\"LINUX\", \"flags\": []}, \"intelRdt\": {}"));
    cr_expect_str_eq(spec->rootfs_propagation, "rslave");
    cr_expect(spec->personality_set);
    cr_expect_eq(spec->personality, 0);
    cr_expect(spec->intel_rdt.set);
}
