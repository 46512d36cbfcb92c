#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits that bite: memory, processes, CPU time; and limits that cannot be had.

load helper

setup_file() {
    busybox_ready
}

setup() {
    mirror_dockerio localhost:5000
}

# A file of the container's own cgroup, in v1 or v2.
limit_file() {
    echo "cat /sys/fs/cgroup/$1 2>/dev/null || cat /sys/fs/cgroup/$2"
}

@test "-m can be read in the container's own cgroup files" {
    keg_ok run --rm -m 64m busybox sh -c "$(limit_file memory/memory.limit_in_bytes memory.max)"
    equal "$output" $((64 * 1024 * 1024))
}

@test "-m kills an eater: exit code 137, and a sentence that says why" {
    run --separate-stderr keg run --rm -m 64m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1; exit $?'
    equal "$status" 137
    run --separate-stderr keg run --rm -m 64m busybox dd if=/dev/zero of=/dev/null bs=200M count=1
    equal "$status" 137
    matches "$stderr" "memory.*64|64.*memory"
}

@test "an eater that stays below its limit is left alone" {
    keg_ok run --rm -m 64m busybox dd if=/dev/zero of=/dev/null bs=20M count=1
}

@test "--pids-limit refuses forks, and says so at the end" {
    run --separate-stderr keg run --rm --pids-limit 10 busybox sh -c \
        'i=0; while [ $i -lt 30 ]; do sleep 1 & i=$((i + 1)); done; wait'
    matches "$stderr" "fork|pids|processes"
    keg_ok run --rm --pids-limit 10 busybox sh -c "$(limit_file pids/pids.max pids.max)"
    equal "$output" 10
}

@test "without a flag 2048 processes are the limit" {
    keg_ok run --rm busybox sh -c "$(limit_file pids/pids.max pids.max)"
    equal "$output" 2048
}

@test "--cpus holds a spinner down to its share" {
    keg_ok run --rm --cpus 0.25 busybox sh -c '
        (while :; do :; done) & spinner=$!
        sleep 2
        set -- $(cut -d")" -f2 /proc/$spinner/stat)
        echo $((${12} + ${13}))
        kill -9 $spinner'
    # ticks of 10 ms: a quarter of two seconds is 50; unlimited it is 200, shared with a busy machine 100
    [ "${lines[-1]}" -le 70 ] || fail "it had ${lines[-1]} ticks of CPU in 2 s"
    [ "${lines[-1]}" -ge 5 ] || fail "it had ${lines[-1]} ticks of CPU in 2 s"
    keg_ok run --rm --cpus 1.5 busybox sh -c "$(limit_file cpu/cpu.cfs_quota_us cpu.max)"
    matches "$output" "^150000( 100000)?$"
}

@test "limits that no machine has are refused" {
    keg_fails 125 "cpus" run --rm --cpus 4096 busybox true
    keg_fails 125 "cpus" run --rm --cpus nan busybox true
    keg_fails 125 "memory|-m" run --rm -m 5m busybox true
    keg_fails 125 "memory|-m" run --rm -m lots busybox true
}

@test "a limit that cannot be set is an error, never dropped" {
    local target
    for target in /sys/fs/cgroup/memory /sys/fs/cgroup; do
        [ -f "$target/memory.limit_in_bytes" ] || [ -f "$target/cgroup.controllers" ] || continue
        mount -t tmpfs tmpfs "$target"
        break
    done
    run --separate-stderr keg run --rm -m 64m busybox true
    umount "$target"
    equal "$status" 125
    matches "$stderr" "memory"
}
