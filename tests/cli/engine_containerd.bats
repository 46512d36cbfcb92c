#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containerd, its shim and ctr with keg-runtime under them.

load helper

setup_file() {
    registry_start 5000
    image_push library/busybox:latest busybox >/dev/null
    skopeo copy -q --src-tls-verify=false docker://localhost:5000/library/busybox:latest \
        "oci-archive:$BOX/busybox.tar:docker.io/library/busybox:latest"
    mkdir -p "$BOX/containerd"
    cat >"$BOX/containerd/config.toml" <<EOT
version = 2
root = "$BOX/containerd/root"
state = "$BOX/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$BOX/containerd/socket"
EOT
    containerd -c "$BOX/containerd/config.toml" >"$BOX/containerd/log" 2>&1 3>&- &
    echo $! >"$BOX/containerd/pid"
    export CONTAINERD_ADDRESS=$BOX/containerd/socket IMAGE=docker.io/library/busybox:latest
    until_true 20 ctr version >/dev/null 2>&1
    ctr image import "$BOX/busybox.tar" >/dev/null
    ctr image ls -q | grep -qx "$IMAGE" || ctr image tag "$(ctr image ls -q | head -1)" "$IMAGE"
}

teardown_file() {
    kill "$(cat "$BOX/containerd/pid")"
}

teardown() {
    local task
    for task in $(ctr task ls -q); do
        ctr task resume "$task" >/dev/null 2>&1 || true
        ctr task rm -f "$task" >/dev/null 2>&1 || true
    done
    for task in $(ctr container ls -q); do
        ctr container rm "$task" >/dev/null 2>&1 || true
    done
    no_sanitizer_report
}

# task OPTION... : ctr run with keg-runtime.
task() {
    run --separate-stderr ctr run --runc-binary "$KEG_BIN/keg-runtime" "$@"
}

# ctl ARG...: ctr, which has to succeed.
ctl() {
    run --separate-stderr ctr "$@"
    [ "$status" = 0 ] || fail "ctr $* failed"
}

detached() {
    task -d "$IMAGE" c sleep 1000
    [ "$status" = 0 ] || fail "ctr run failed"
}

@test "run: output and exit code" {
    task --rm "$IMAGE" c echo hello
    equal "$output" hello
    task --rm "$IMAGE" c sh -c 'exit 5'
    equal "$status" 5
}

@test "run: a program that is not there is said so" {
    task --rm "$IMAGE" c nosuch
    [ "$status" != 0 ]
    matches "$stderr" 'executable file not found in \$PATH'
}

@test "run -t has a terminal" {
    run script -qec "ctr run --runc-binary $KEG_BIN/keg-runtime --rm -t $IMAGE c tty" /dev/null </dev/null
    matches "$output" "/dev/(pts/0|console)"
}

@test "the default spec's confinement holds" {
    task --rm --seccomp "$IMAGE" c sh -c 'grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status; ls /proc/acpi 2>/dev/null | wc -l'
    equal "$output" "$(printf 'NoNewPrivs:\t1\nSeccomp:\t2\n0')"
}

@test "task: exec, ps, metrics" {
    detached
    ctl task exec --exec-id e c cat /proc/1/comm
    equal "$output" sleep
    run -9 ctr task exec --exec-id f c sh -c 'exit 9'
    ctl task ps c
    equal "$(tail -n +2 <<<"$output" | wc -l)" 1
    ctl task metrics c
    matches "$output" "pids.current +1"
}

@test "task: pause, resume, kill, delete" {
    detached
    ctl task pause c
    ctl task ls
    matches "$output" "PAUSED"
    ctl task resume c
    ctl task kill -s 9 c
    until_true 5 sh -c 'ctr task ls | grep -q STOPPED'
    run ctr task rm c
    ctl task ls -q
    equal "$output" ""
}

@test "a memory limit kills, and containerd hears of it" {
    task --rm --memory-limit $((32 * 1024 * 1024)) "$IMAGE" c dd if=/dev/zero of=/dev/null bs=100M count=1
    equal "$status" 137
}

@test "run --privileged, --env, --cwd, mounts" {
    mkdir -p "$BOX/given" && echo inside >"$BOX/given/file"
    task --rm --env A=b --cwd /tmp --mount "type=bind,src=$BOX/given,dst=/given,options=rbind:ro" \
        "$IMAGE" c sh -c 'echo $A; pwd; cat /given/file'
    equal "$output" "$(printf 'b\n/tmp\ninside')"
    task --rm --privileged "$IMAGE" c sh -c 'mount -t tmpfs t /tmp && echo mounted'
    equal "$output" mounted
}

@test "twenty at once" {
    local i pid pids=() bad=0
    for i in $(seq 20); do
        ctr run --runc-binary "$KEG_BIN/keg-runtime" --rm "$IMAGE" "many$i" true </dev/null >/dev/null 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || bad=$((bad + 1))
    done
    equal "$bad" 0
    ctl task ls -q
    equal "$output" ""
}
