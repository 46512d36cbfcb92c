#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg-runtime: what goes by the container's cgroups: pause, resume, update, ps, events.

load helper
load runtime_helper

setup() {
    bundle_new
}

teardown() {
    runtime_teardown
}

# limit ID V1-FILE V2-FILE: what its cgroup says.
limit() {
    local dir file
    for dir in $(cgroups "$1"); do
        for file in "$2" "$3"; do
            [ ! -f "$dir/$file" ] || { cat "$dir/$file" && return; }
        done
    done
}

@test "pause and resume" {
    bundle_script 'while :; do echo x >>/tmp/count; sleep 0.02; done'
    started c
    until_true 10 test -s "$BUNDLE/rootfs/tmp/count"
    runtime_ok pause c
    equal "$(field c status)" paused
    local before after
    before=$(wc -c <"$BUNDLE/rootfs/tmp/count")
    sleep 0.2
    after=$(wc -c <"$BUNDLE/rootfs/tmp/count")
    equal "$after" "$before"
    runtime_fails 1 "cannot pause container 'c': it is paused" pause c
    runtime_ok resume c
    equal "$(field c status)" running
    until_true 10 bash -c "[ \$(wc -c <$BUNDLE/rootfs/tmp/count) -gt $after ]"
    runtime_fails 1 "cannot resume container 'c': it is running" resume c
}

@test "a paused container that was only created: looked at any number of times, and not started" {
    local _
    create c
    runtime_ok pause c
    for _ in $(seq 5); do
        run timeout 10 keg-runtime state c 3>&-
        [ "$status" = 0 ]
        matches "$output" '"status": "paused"'
    done
    run timeout 10 keg-runtime start c 3>&-
    equal "$status" 1
    matches "$output" "cannot start container 'c': it is paused"
    runtime_ok resume c
    runtime_ok start c
    has_status c running
}

@test "a paused container: not deleted, but killed and deleted by force" {
    started c
    runtime_ok pause c
    runtime_fails 1 "not stopped: paused" delete c
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    runtime_ok delete c
    nothing_left c
    started c
    runtime_ok pause c
    runtime_ok delete --force c
    nothing_left c
}

@test "update: by flags" {
    started c
    runtime_ok update --memory 64m --pids-limit 77 --cpu-share 512 c
    equal "$(limit c memory.limit_in_bytes memory.max)" 67108864
    equal "$(limit c pids.max pids.max)" 77
    matches "$(limit c cpu.shares cpu.weight)" '^(512|20)$'
    runtime_ok update --memory 32m c
    equal "$(limit c memory.limit_in_bytes memory.max)" 33554432
    equal "$(limit c pids.max pids.max)" 77
}

@test "update: --resources from a file and from standard input" {
    started c
    echo '{"pids": {"limit": 55}}' >"$BOX/resources.json"
    runtime_ok update --resources "$BOX/resources.json" c
    equal "$(limit c pids.max pids.max)" 55
    echo '{"pids": {"limit": 56}, "memory": {"limit": 50331648}}' | keg-runtime update --resources - c
    equal "$(limit c pids.max pids.max)" 56
    equal "$(limit c memory.limit_in_bytes memory.max)" 50331648
    echo '{"pids": {"limit": "many"}}' >"$BOX/resources.json"
    runtime_fails 1 "resources.json.*pids.limit" update -r "$BOX/resources.json" c
    runtime_fails 1 "no such file" update -r "$BOX/none.json" c
    equal "$(limit c pids.max pids.max)" 56
}

@test "update: bad values" {
    started c
    runtime_fails 1 "update: --memory: '64x' is not a size" update --memory 64x c
    runtime_fails 1 "update: --cpu-idle: '2' is neither 0 nor 1" update --cpu-idle 2 c
    runtime_fails 1 "update: --blkio-weight" update --blkio-weight 70000 c
    runtime_fails 1 "RDT is not supported" update --l3-cache-schema x c
    runtime_fails 1 "container 'none' does not exist" update --memory 64m none
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    runtime_fails 1 "container not running" update --memory 64m c
}

@test "ps: a table like ps -ef, and JSON" {
    bundle_script 'sleep 4713 & exec sleep 4714'
    started c
    until_true 10 bash -c 'keg-runtime ps c | grep -q 4713 && keg-runtime ps c | grep -q 4714'
    runtime_ok ps c
    matches "${lines[0]}" '^UID +PID +PPID +C +STIME +TTY +TIME +CMD$'
    matches "$output" "^0 +$(field c pid) +[0-9]+ +[0-9]+ +[0-9:]+ +\? +00:00:00 +sleep 4714$"
    matches "$output" "^0 +[0-9]+ +$(field c pid) .* sleep 4713$"
    runtime_ok ps --format json c
    matches "$output" "^\[$(field c pid),[0-9]+\]$"
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    runtime_ok ps -f json c
    equal "$output" "[]"
}

@test "without a cgroup ps says that it cannot tell, and update and pause what they miss" {
    keg-runtime --cgroup-manager disabled create -b "$BUNDLE" c </dev/null >/dev/null 2>&1 3>&-
    equal "$(cgroups c)" ""
    runtime_ok start c
    runtime_fails 1 "no cgroup" ps c
    runtime_fails 1 "freezer|cgroup" pause c
    runtime_fails 1 "cgroup" update --memory 64m c
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    runtime_ok delete c
}

@test "events --stats: one line of figures, shaped like runc's" {
    bundle_set 'c["linux"]["resources"].update(memory={"limit": 67108864}, pids={"limit": 50})'
    started c
    runtime_ok events --stats c
    equal "$(python3 - "$output" <<'P'
import json, sys
e = json.loads(sys.argv[1])
d = e["data"]
print(e["type"], e["id"], d["cpu"]["usage"]["total"] > 0, d["memory"]["usage"]["limit"],
      d["memory"]["usage"]["usage"] > 0, d["pids"])
P
    )" "stats c True 67108864 True {'current': 1, 'limit': 50}"
}

@test "events: figures at an interval, until the container ends" {
    started c
    keg-runtime events --interval 50ms c >"$BOX/events" 3>&- &
    until_true 10 bash -c "[ \$(wc -l <$BOX/events) -ge 2 ]"
    runtime_ok kill c KILL
    wait $!
    runtime_fails 1 "container not running" events c
    runtime_fails 1 "interval: '0s' is not a duration" events --interval 0s c
}

@test "events: running out of memory is told" {
    bundle_set 'c["linux"]["resources"]["memory"] = {"limit": 16777216, "swap": 16777216}'
    # shellcheck disable=SC2016
    bundle_script 'while [ ! -e /tmp/go ]; do sleep 0.05; done; x=more; while :; do x=$x$x; done'
    started c
    keg-runtime events --interval 1h c >"$BOX/events" 3>&- &
    sleep 0.3
    touch "$BUNDLE/rootfs/tmp/go"
    until_true 30 grep -q '{"type":"oom","id":"c"}' "$BOX/events"
    runtime kill c KILL || true
    wait $!
}
