#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg-runtime --systemd-cgroup: scopes made by a real systemd. A user's manager runs in the box as root, with its
# socket where the system's is: it has the same interface, and the box's cgroups.

load helper
load runtime_helper

setup() {
    [ -x /lib/systemd/systemd ] || skip "needs systemd"
    bundle_new 'c["linux"]["cgroupsPath"] = "keg-tests.slice:unit:c"' \
        'c["process"]["args"] = ["sh", "-c", "cat /proc/self/cgroup; sleep 1000"]'
    mkdir -p /run/user/0 /run/systemd/system # the folder: systemd asks whether the machine was booted with it
    export XDG_RUNTIME_DIR=/run/user/0
    /lib/systemd/systemd --user --unit=basic.target </dev/null >"$BOX/systemd.log" 2>&1 3>&- &
    MANAGER=$!
    until_true 20 test -S /run/user/0/systemd/private || skip "systemd does not run here: $(tail -1 "$BOX/systemd.log")"
    ln -sf /run/user/0/systemd/private /run/systemd/private
}

teardown() {
    runtime_teardown
    if [ -n "${MANAGER-}" ]; then
        kill "$MANAGER" 2>/dev/null || true
        wait "$MANAGER" 2>/dev/null || true
    fi
    rm -rf /run/systemd /run/user/0 /run/dbus
    find /sys/fs/cgroup -depth -type d \( -name '*.slice' -o -name 'init.scope' \) -exec rmdir {} + 2>/dev/null || true
}

property() {
    systemctl --user show --value -p "$1" unit-c.scope
}

scope_is_gone() {
    [ "$(property LoadState)" = not-found ] && [ -z "$(cgroups unit-c.scope)" ]
}

@test "a container is in a scope of the slice that was asked for, and the scope goes with it" {
    runtime --systemd-cgroup run --detach --bundle "$BUNDLE" c </dev/null >"$BOX/out" 2>"$BOX/err" ||
        fail "$(cat "$BOX/err")"
    equal "$(property ActiveState)" active
    equal "$(property Slice)" keg-tests.slice
    equal "$(property Delegate)" yes
    equal "$(property Description)" "keg container c"
    grep -q "/keg.slice/keg-tests.slice/unit-c.scope$" "/proc/$(field c pid)/cgroup"
    runtime_ok delete --force c
    until_true 10 scope_is_gone
}

@test "limits and annotations are told to systemd, and hold in the folders" {
    bundle_set 'c["linux"]["resources"]["pids"] = {"limit": 50}' \
        'c["linux"]["resources"]["memory"] = {"limit": 67108864}' \
        'c["linux"]["resources"]["cpu"] = {"quota": 50000, "period": 100000}' \
        'c["annotations"] = {"org.systemd.property.TimeoutStopSec": "7"}'
    runtime --systemd-cgroup run --detach --bundle "$BUNDLE" c </dev/null >"$BOX/out" 2>"$BOX/err" ||
        fail "$(cat "$BOX/err")"
    equal "$(property TasksMax)" 50
    equal "$(property CPUQuotaPerSecUSec)" 500ms
    equal "$(property TimeoutStopUSec)" 7s
    [[ "$(property MemoryMax) $(property MemoryLimit)" == *67108864* ]]
    equal "$(cat "$(find /sys/fs/cgroup -path '*unit-c.scope/pids.max' | head -1)")" 50
    runtime_ok update --pids-limit 60 c
    equal "$(property TasksMax)" 60
    equal "$(cat "$(find /sys/fs/cgroup -path '*unit-c.scope/pids.max' | head -1)")" 60
}

@test "a container in a scope can be paused, listed and killed" {
    runtime --systemd-cgroup run --detach --bundle "$BUNDLE" c </dev/null >"$BOX/out" 2>"$BOX/err" ||
        fail "$(cat "$BOX/err")"
    runtime_ok pause c
    equal "$(field c status)" paused
    runtime_ok resume c
    equal "$(field c status)" running
    runtime_ok ps --format json c
    matches "$output" "$(field c pid)"
    runtime_ok delete --force c
    until_true 10 scope_is_gone
}

@test "a scope that another container has is refused, and left to it" {
    runtime --systemd-cgroup run --detach --bundle "$BUNDLE" c </dev/null >"$BOX/out" 2>"$BOX/err" ||
        fail "$(cat "$BOX/err")"
    runtime_fails 1 "systemd: start 'unit-c.scope': org.freedesktop.systemd1.UnitExists" \
        --systemd-cgroup create --bundle "$BUNDLE" other
    equal "$(field c status)" running
    equal "$(property ActiveState)" active
    nothing_left other
}

@test "systemd is reached by the bus where its own socket is not" {
    [ -x /usr/bin/dbus-daemon ] || skip "needs dbus-daemon"
    rm /run/systemd/private
    mkdir -p /run/dbus
    until_true 10 test -S /run/user/0/bus
    ln -s /run/user/0/bus /run/dbus/system_bus_socket
    runtime --systemd-cgroup run --detach --bundle "$BUNDLE" c </dev/null >"$BOX/out" 2>"$BOX/err" ||
        fail "$(cat "$BOX/err")"
    equal "$(property ActiveState)" active
}

@test "a path that is not systemd's, and a machine without systemd, are errors that say so" {
    bundle_set 'c["linux"]["cgroupsPath"] = "/keg/c"'
    runtime_fails 1 "cgroup path '/keg/c': systemd's are SLICE:PREFIX:NAME" \
        --systemd-cgroup create --bundle "$BUNDLE" c
    nothing_left c
    bundle_set 'c["linux"]["cgroupsPath"] = ""'
    rm /run/systemd/private
    runtime_fails 1 "cgroups by systemd: it cannot be reached \(.*\); without --systemd-cgroup keg makes them itself" \
        --systemd-cgroup create --bundle "$BUNDLE" c
    nothing_left c
}
