#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# dockerd with keg-runtime as one of its runtimes.

load helper

setup_file() {
    registry_start 5000
    image_push library/busybox:latest busybox >/dev/null
    skopeo copy -q --src-tls-verify=false docker://localhost:5000/library/busybox:latest \
        "docker-archive:$BOX/busybox.tar:busybox:latest"
    mkdir -p "$BOX/docker"
    printf '{ "runtimes": { "keg": { "path": "%s" } }, "default-runtime": "keg" }\n' "$KEG_BIN/keg-runtime" \
        >"$BOX/docker/daemon.json"
    export DOCKER_HOST=unix://$BOX/docker/socket DOCKER_CONFIG=$BOX/docker/config
    # No bridge and no firewall: networks are not what is tested here.
    dockerd --config-file "$BOX/docker/daemon.json" --data-root "$BOX/docker/data" --exec-root "$BOX/docker/run" \
        --pidfile "$BOX/docker/pid" -H "$DOCKER_HOST" --storage-driver vfs --bridge none --iptables=false \
        --ip6tables=false --ip-forward=false --ip-masq=false >"$BOX/docker/log" 2>&1 3>&- &
    echo $! >"$BOX/docker/daemon"
    until_true 30 docker version >/dev/null 2>&1
    docker load -q -i "$BOX/busybox.tar" >/dev/null
}

teardown_file() {
    kill "$(cat "$BOX/docker/daemon")"
}

teardown() {
    local id
    for id in $(docker ps -aq); do
        docker rm -f "$id" >/dev/null 2>&1 || true
    done
    no_sanitizer_report
}

# doc ARG...: docker, which has to succeed.
doc() {
    run --separate-stderr docker "$@"
    [ "$status" = 0 ] || fail "docker $* failed"
}

@test "run: output, exit codes, stdin" {
    doc run --rm --network none busybox echo hello
    equal "$output" hello
    run -7 docker run --rm --network none busybox sh -c 'exit 7'
    run --separate-stderr docker run --rm -i --network none busybox cat <<<"fed"
    equal "$output" fed
}

@test "run: docker makes 127 and 126 of the runtime's words" {
    run --separate-stderr -127 docker run --rm --network none busybox nosuch
    matches "$stderr" 'executable file not found in \$PATH'
    run --separate-stderr -126 docker run --rm --network none busybox /etc
}

@test "run: user, capabilities, read-only root, seccomp, limits, volumes" {
    mkdir -p "$BOX/given" && echo inside >"$BOX/given/file"
    doc run --rm --network none --user 1000:1001 --cap-drop all --read-only -m 64m -v "$BOX/given:/given:ro" busybox \
        sh -c 'id -u; id -g; grep -E "^(CapEff|Seccomp):" /proc/self/status; touch /x 2>/dev/null || echo ro
               cat /given/file'
    equal "$output" "$(printf '1000\n1001\nCapEff:\t0000000000000000\nSeccomp:\t2\nro\ninside')"
    run -137 docker run --rm --network none -m 32m busybox dd if=/dev/zero of=/dev/null bs=100M count=1
}

@test "run --privileged, --init, --hostname" {
    doc run --rm --network none --privileged busybox sh -c 'mount -t tmpfs t /tmp && echo mounted'
    equal "$output" mounted
    doc run --rm --network none --hostname here busybox hostname
    equal "$output" here
}

@test "exec, top, stats, update, pause, unpause, kill, rm -f" {
    doc run -d --name box --network none -m 64m busybox sleep 1000
    doc exec box cat /proc/1/comm
    equal "$output" sleep
    run -9 docker exec box sh -c 'exit 9'
    run --separate-stderr docker exec box nosuch
    [ "$status" = 127 ] || [ "$status" = 126 ]
    doc top box
    matches "$output" "sleep 1000"
    doc stats --no-stream --format '{{.PIDs}}' box
    equal "$output" 1
    doc update --memory 128m --memory-swap 256m box
    doc pause box
    doc ps --format '{{.Status}}'
    matches "$output" "Paused"
    doc unpause box
    doc exec box true
    doc kill box
    doc wait box
    equal "$output" 137
    doc rm box
}

@test "stop, start, restart, logs" {
    doc run -d --name box --network none busybox sh -c 'echo up; trap "exit 3" TERM; while :; do sleep 0.1; done'
    until_true 5 sh -c 'docker logs box | grep -q up'
    doc stop -t 5 box
    doc inspect box --format '{{.State.ExitCode}}'
    equal "$output" 3
    doc start box
    doc restart -t 0 box
    doc logs box
    equal "$(grep -c up <<<"$output")" 3
}

@test "run -t has a terminal" {
    run script -qec "docker run --rm -t --network none busybox tty" /dev/null </dev/null
    matches "$output" "/dev/(pts/0|console)"
}
