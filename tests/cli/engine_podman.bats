#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman and conmon with keg-runtime under them.

load helper

setup_file() {
    registry_start 5000
    image_push library/busybox:latest busybox >/dev/null
    cat >"$BOX/containers.conf" <<EOT
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "keg"
runtime_supports_json = ["keg"]
[engine.runtimes]
keg = ["$KEG_BIN/keg-runtime"]
EOT
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$BOX/podman" "$BOX/podman-run" \
        >"$BOX/storage.conf"
    export CONTAINERS_CONF=$BOX/containers.conf CONTAINERS_STORAGE_CONF=$BOX/storage.conf
    skopeo copy -q --src-tls-verify=false docker://localhost:5000/library/busybox:latest \
        containers-storage:docker.io/library/busybox:latest
}

# Whatever a test leaves, and nothing of it may stay behind.
teardown() {
    podman rm -a -f -t 0 >/dev/null 2>&1
    podman pod rm -a -f >/dev/null 2>&1
    no_sanitizer_report
    [ -z "$(ls /run/keg/runtime 2>/dev/null)" ] || fail "the runtime's folder holds: $(ls /run/keg/runtime)"
}

# pod ARG...: podman, which has to succeed.
pod() {
    run --separate-stderr podman "$@"
    [ "$status" = 0 ] || fail "podman $* failed"
}

@test "podman info names the runtime" {
    pod info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
    equal "$output" "keg $KEG_BIN/keg-runtime"
}

@test "run: output, exit code, stdin" {
    pod run --rm --network none busybox echo hello
    equal "$output" hello
    run -7 podman run --rm --network none busybox sh -c 'exit 7'
    run --separate-stderr podman run --rm -i --network none busybox cat <<<"fed"
    equal "$output" fed
}

@test "run: a program that is not there is 127, one that cannot be executed 126, by the runtime's words" {
    run --separate-stderr -127 podman run --rm --network none busybox nosuch
    matches "$stderr" 'executable file not found in \$PATH'
    run --separate-stderr -126 podman run --rm --network none busybox /etc
    matches "$stderr" "permission denied|is a directory"
}

@test "run -t has a terminal" {
    run --separate-stderr script -qec "podman run --rm -t --network none busybox tty" /dev/null </dev/null
    matches "$output" "/dev/pts/0|/dev/console"
}

@test "run: the user, the groups, capabilities, read-only root and seccomp are as asked" {
    pod run --rm --network none --user 1000:1001 --cap-drop all --read-only busybox \
        sh -c 'id -u; id -g; grep -E "^(CapEff|Seccomp):" /proc/self/status; touch /x 2>/dev/null || echo ro'
    equal "$output" "$(printf '1000\n1001\nCapEff:\t0000000000000000\nSeccomp:\t2\nro')"
}

@test "run --privileged" {
    pod run --rm --network none --privileged busybox sh -c 'mount -t tmpfs t /tmp && echo mounted'
    equal "$output" mounted
}

@test "run: volumes, tmpfs, devices, sysctls, ulimits" {
    mkdir -p "$BOX/volume" && echo inside >"$BOX/volume/file"
    pod run --rm --network none -v "$BOX/volume:/v:ro" --tmpfs /t:size=1m --sysctl kernel.msgmax=4096 \
        --ulimit nofile=64:64 --ulimit nproc=1000:1000 --device /dev/null:/dev/other busybox \
        sh -c 'cat /v/file; touch /v/x 2>/dev/null || echo ro; df -k /t | tail -1 | awk "{print \$2}"
               cat /proc/sys/kernel/msgmax; ulimit -n; echo x >/dev/other && echo device'
    equal "$output" "$(printf 'inside\nro\n1024\n4096\n64\ndevice')"
}

@test "run -m: the limit is there, and kills" {
    pod run --rm --network none -m 64m busybox \
        sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'
    equal "$output" $((64 * 1024 * 1024))
    run -137 podman run --rm --network none -m 32m busybox dd if=/dev/zero of=/dev/null bs=100M count=1
}

@test "run --userns: ids are mapped" {
    pod run --rm --network none --uidmap 0:100000:65536 --gidmap 0:100000:65536 busybox cat /proc/self/uid_map
    equal "$(tr -s ' ' <<<"$output")" " 0 100000 65536"
}

@test "run --init, --hostname, --pid host, --ipc host, --network host" {
    pod run --rm --network none --hostname here busybox hostname
    equal "$output" here
    pod run --rm --network host --pid host --ipc host busybox readlink /proc/self/ns/pid
    equal "$output" "$(readlink /proc/self/ns/pid)"
}

@test "exec: in its namespaces, with its own user, exit code, terminal and detached" {
    pod run -d --name c --network none busybox sleep 1000
    pod exec c cat /proc/1/comm
    equal "$output" sleep
    pod exec -u 1000 -w /tmp -e A=b c sh -c 'id -u; pwd; echo $A'
    equal "$output" "$(printf '1000\n/tmp\nb')"
    run -9 podman exec c sh -c 'exit 9'
    run --separate-stderr -127 podman exec c nosuch
    pod exec -d c touch /made
    until_true 5 podman exec c test -e /made
    run --separate-stderr script -qec "podman exec -t c tty" /dev/null </dev/null
    matches "$output" "/dev/pts/"
}

@test "ps, inspect, top, stats" {
    pod run -d --name c --network none -m 64m busybox sleep 1000
    pod ps --format '{{.Names}} {{.Status}}'
    matches "$output" "^c Up"
    pod inspect c --format '{{.State.Status}} {{.OCIRuntime}}'
    equal "$output" "running keg"
    pod top c args
    matches "$output" "sleep 1000"
    pod stats --no-stream --format '{{.Name}} {{.PIDs}}' c
    equal "$output" "c 1"
}

@test "pause and unpause" {
    pod run -d --name c --network none busybox sleep 1000
    pod pause c
    pod ps -a --format '{{.Status}}'
    matches "$output" "^Paused"
    run podman exec c true
    [ "$status" != 0 ]
    pod unpause c
    pod exec c true
}

@test "update changes a living limit" {
    pod run -d --name c --network none -m 64m busybox sleep 1000
    pod update --memory 128m c
    pod exec c sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'
    equal "$output" $((128 * 1024 * 1024))
}

@test "stop, kill, wait, start again, restart, rm" {
    pod run -d --name c --network none busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
    until_true 5 podman exec c true
    pod stop -t 5 c
    pod inspect c --format '{{.State.ExitCode}}'
    equal "$output" 3
    pod start c
    pod kill -s KILL c
    pod wait c
    equal "$output" 137
    pod restart -t 0 c
    pod rm -f -t 0 c
}

@test "rm -f of a paused container" {
    pod run -d --name c --network none busybox sleep 1000
    pod pause c
    pod rm -f -t 0 c
    pod ps -a -q
    equal "$output" ""
}

@test "create does not run; start does; logs have what it said" {
    pod create --name c --network none busybox echo said
    pod ps -a --format '{{.Status}}'
    equal "$output" Created
    pod start c
    pod wait c
    pod logs c
    equal "$output" said
}

@test "a pod: containers share its namespaces" {
    command -v catatonit >/dev/null || ls /usr/libexec/podman/catatonit >/dev/null 2>&1 ||
        skip "podman's pods need catatonit or a pause image"
    pod pod create --name p --network none
    pod run -d --pod p --name a busybox sleep 1000
    pod run --rm --pod p busybox readlink /proc/self/ns/net
    local inside=$output
    pod exec a readlink /proc/self/ns/net
    equal "$output" "$inside"
}

@test "healthcheck runs by exec" {
    pod run -d --name c --network none --health-cmd 'test -e /tmp' --health-interval disable busybox sleep 1000
    pod healthcheck run c
}

@test "a build's RUN" {
    printf 'FROM docker.io/library/busybox\nRUN echo built >/built\n' >"$BOX/Containerfile"
    pod build --network none --isolation oci --runtime "$KEG_BIN/keg-runtime" -t made -f "$BOX/Containerfile" "$BOX/tmp"
    pod run --rm --network none made cat /built
    equal "$output" built
}

@test "the oom score, the pids limit and cpus are set" {
    pod run --rm --network none --oom-score-adj 500 --pids-limit 50 --cpus 0.5 busybox \
        sh -c 'cat /proc/self/oom_score_adj; cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max'
    equal "$output" "$(printf '500\n50')"
}
