#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg-runtime for an ordinary user, with what `runc spec --rootless` makes, and with subordinate ids.

load helper
load runtime_helper
load user_helper

BUNDLE=$HOME_FOLDER/bundle
STATES=$RUNTIME_FOLDER/keg/runtime
ONE_ID='c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 1500, "size": 1}]
c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 1500, "size": 1}]
c["linux"]["namespaces"].append({"type": "user"})
c["process"]["capabilities"] = {}'
TWO_RANGES='for kind in "uidMappings", "gidMappings":
    c["linux"][kind].append({"containerID": 1, "hostID": 200000, "size": 65536})'

runtime() {
    "${AS[@]}" keg-runtime "$@" 3>&-
}

setup_file() {
    person_ready
}

setup() {
    rm -rf "$BUNDLE"
    bundle_new "$ONE_ID" 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"]'
    chown -R "$PERSON_ID:$PERSON_ID" "$BUNDLE"
}

teardown() {
    local id
    for id in $(runtime list -q); do runtime delete --force "$id"; done
    until_true 5 no_processes
    person_reports_nothing
}

@test "run, with one id" {
    bundle_script 'id -u; cat /proc/self/uid_map; exit 5'
    run -5 --separate-stderr runtime run --bundle "$BUNDLE" once
    equal "$(xargs <<<"$output")" "0 0 1500 1"
    nothing_left once
}

@test "run, with subordinate ids and another user" {
    bundle_set "$TWO_RANGES" 'c["process"]["user"] = {"uid": 1000, "gid": 50, "additionalGids": [60]}'
    bundle_script 'id; touch /tmp/mine'
    chmod 777 "$BUNDLE/rootfs/tmp"
    runtime_ok run --bundle "$BUNDLE" ranges
    matches "$output" "uid=1000 gid=50 groups=(50,)?60"
    equal "$(stat -c '%u %g' "$BUNDLE/rootfs/tmp/mine")" "200999 200049"
}

@test "create, start, kill, delete" {
    create life
    equal "$(field life status)" created
    runtime_ok start life
    until_true 5 has_status life running
    runtime_ok kill life KILL
    until_true 5 has_status life stopped
    runtime_ok delete life
    nothing_left life
}

@test "delete --force ends a container whose program is another user's" {
    bundle_set "$TWO_RANGES" 'c["process"]["user"] = {"uid": 1000, "gid": 50}'
    started forced
    runtime_ok delete --force forced
    until_true 5 no_processes
    nothing_left forced
}

@test "ids that are not the user's are refused by newuidmap, in one line" {
    bundle_set 'for kind in "uidMappings", "gidMappings":
    c["linux"][kind].append({"containerID": 1, "hostID": 900000, "size": 10})'
    runtime_fails 1 "newuidmap refused: .*: are these ids yours, by /etc/subuid" run --bundle "$BUNDLE" foreign
    equal "$(wc -l <<<"$stderr")" 1
    nothing_left foreign
}

@test "another user's id as the only one is refused" {
    subids
    bundle_set 'c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 1, "size": 1}]'
    runtime_fails 1 "uid_map|newuidmap" run --bundle "$BUNDLE" other
    subids "$RANGES"
    nothing_left other
}

@test "the config.json that spec --rootless prints runs" {
    rm "$BUNDLE/config.json"
    runtime_ok spec --rootless --bundle "$BUNDLE"
    bundle_set 'c["process"]["terminal"] = False; c["process"]["args"] = ["id", "-u"]; c["process"]["env"] = ["PATH=/bin"]'
    mkdir -p "$BUNDLE/rootfs/sys"
    runtime_ok run --bundle "$BUNDLE" template
    equal "$output" 0
}

@test "the config.json that runc spec --rootless prints runs" {
    command -v runc >/dev/null || skip "runc is not installed"
    rm "$BUNDLE/config.json"
    "${AS[@]}" runc spec --rootless --bundle "$BUNDLE"
    bundle_set 'c["process"]["terminal"] = False; c["process"]["args"] = ["id", "-u"]; c["process"]["env"] = ["PATH=/bin"]'
    mkdir -p "$BUNDLE/rootfs/sys"
    runtime_ok run --bundle "$BUNDLE" template
    equal "$output" 0
}
