#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is left after containers: nothing.

load helper

setup_file() {
    busybox_ready
    keg run --rm busybox true # makes the bridge, the firewall table, the parent cgroup
}

setup() {
    mirror_dockerio localhost:5000
}

# snapshot: all that a container could leave behind in this box.
snapshot() {
    echo "== mounts"
    sort /proc/self/mounts
    echo "== links"
    ip -o link | sed 's/^[0-9]*: //; s/mtu.*//; s/<.*>//'
    echo "== cgroups"
    find /sys/fs/cgroup -type d | sort
    echo "== firewall"
    nft list ruleset | grep -v '^ *\(packets\|counter\)'
    echo "== files"
    find "$KEG_ROOT" "$KEG_RUNROOT" -path '*/fs/*' -prune -o -print | sort
    echo "== processes"
    pgrep -c keg || true
}

# A network namespace dies a moment after its last process, and takes its veth along.
same_as_before() {
    local after
    for _ in $(seq 50); do
        after=$(snapshot)
        [ "$after" != "$1" ] || return 0
        sleep 0.1
    done
    fail "$(diff <(echo "$1") <(echo "$after"))"
}

@test "a hundred times keg run --rm busybox true leave nothing" {
    local before n
    before=$(snapshot)
    for n in $(seq 100); do
        keg run --rm busybox true
    done
    same_as_before "$before"
}

@test "failed starts leave nothing" {
    local before n
    before=$(snapshot)
    for n in 1 2 3 4 5; do
        ! keg run --rm busybox nosuchprogram
        ! keg run --rm -w /etc/passwd/x busybox true
        ! keg run --rm -u nosuch busybox true
        ! keg run --rm -v /etc/passwd:/etc:ro busybox true
    done
    same_as_before "$before"
}

@test "twenty at a time leave nothing" {
    local before n pids
    before=$(snapshot)
    for _ in 1 2 3; do
        pids=()
        for n in $(seq 20); do
            keg run --rm busybox true 3>&- &
            pids+=($!)
        done
        for n in "${pids[@]}"; do wait "$n"; done
    done
    same_as_before "$before"
}

@test "keg killed at any moment leaves nothing, once the next keg has run" {
    local before n pid
    before=$(snapshot)
    for n in $(seq 60); do
        keg run --rm -m 64m -v /etc:/host:ro busybox sleep 7654 >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$(python3 -c "print($n * 0.0025)")"
        kill -KILL $pid 2>/dev/null || true # it may have been quicker
        wait $pid 2>/dev/null || true
    done
    no_sleeper() { keg ps -q >/dev/null; ! pgrep -x -f 'sleep 7654' >/dev/null; }
    until_true 10 no_sleeper
    keg ps -q
    same_as_before "$before"
}

@test "keg killed before its child can ask to die with it leaves no child" {
    strace -qqf -o /dev/null -e trace=keyctl -e inject=keyctl:delay_enter=1500000 \
        keg run --rm busybox sleep 7654 >/dev/null 2>&1 3>&- &
    local tracer=$!
    born() { [ "$(pgrep -cxf 'keg run --rm busybox sleep 7654')" = 2 ]; }
    until_true 10 born
    kill -KILL "$(pgrep -oxf 'keg run --rm busybox sleep 7654')"
    no_child() { ! pgrep -xf 'keg run --rm busybox sleep 7654' >/dev/null; }
    until_true 10 no_child || {
        kill -KILL $(pgrep -xf 'keg run --rm busybox sleep 7654')
        fail "the child waits for nobody"
    }
    wait $tracer || true
    keg_ok ps -aq
    equal "$output" ""
}

@test "a killed keg's container without --rm is kept, as exited" {
    keg run --name kept busybox sleep 7654 >/dev/null 2>&1 3>&- &
    local pid=$!
    runs() { keg ps | grep -q kept; }
    until_true 10 runs
    kill -KILL $pid
    wait $pid || true
    keg_ok ps -a
    matches "$output" "Exited \(137\).*kept"
    keg_ok rm kept
    equal "$(pgrep -cx -f 'sleep 7654' || true)" 0
}

@test "a pull killed at any moment leaves a store that works" {
    local n pid
    for n in $(seq 25); do
        keg rmi -f busybox >/dev/null 2>&1 || true
        keg pull -q busybox >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$(python3 -c "print($n * 0.008)")"
        kill -KILL $pid 2>/dev/null || true # it may have been quicker
        wait $pid 2>/dev/null || true
        # the helper is a process of its own after exec: the same pid; nothing else may go on
        run keg images -q
        equal "$status" 0
    done
    keg_ok pull -q busybox
    keg_ok run --rm busybox true
    keg_ok images -q
    equal "${#lines[@]}" 1
    [ -z "$(find "$KEG_ROOT/tmp" -mindepth 1)" ] || fail "left: $(find "$KEG_ROOT/tmp" -mindepth 1 | head)"
}

@test "rmi killed at any moment leaves a store that works" {
    local n pid
    for n in $(seq 15); do
        keg pull -q busybox >/dev/null
        keg rmi busybox >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$(python3 -c "print($n * 0.003)")"
        kill -KILL $pid 2>/dev/null || true # it may have been quicker
        wait $pid 2>/dev/null || true
    done
    keg_ok pull -q busybox
    keg_ok run --rm busybox true
    keg_ok rmi busybox
    [ -z "$(find "$KEG_ROOT/tmp" "$KEG_ROOT/layers" -mindepth 1)" ] || fail "left: $(find "$KEG_ROOT/tmp" "$KEG_ROOT/layers" | head)"
}
