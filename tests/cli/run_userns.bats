#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg run --userns: containers whose root is nobody on the host.

load helper

setup_file() {
    busybox_ready
}

setup() {
    mirror_dockerio localhost:5000
    mkdir -p "$BOX/shared"
}

teardown() {
    if [ -n "${web-}" ]; then
        kill "$web" 2>/dev/null || true
        wait "$web" 2>/dev/null || true
    fi
    rm -rf "$BOX/shared"
    no_sanitizer_report
}

# web_start FLAG...: the container "web", as long as its test lives.
web_start() {
    keg run --rm --init --name web "$@" busybox sh -c 'echo up; exec sleep 600' >"$BOX/web" 2>&1 &
    web=$!
    until_true 20 grep -q up "$BOX/web" || fail "$(cat "$BOX/web")"
}

in_busybox() {
    local script=$1
    shift
    keg_ok run --rm "$@" busybox sh -c "$script"
}

# uid_of NAME: whose process pid 1 of the container is on the host.
uid_of() {
    stat -c %u "/proc/$(keg inspect "$1" | sed -n 's/.*"Pid": \([0-9]*\).*/\1/p')"
}

@test "root inside is another user outside" {
    web_start --userns private
    [ "$(uid_of web)" -ge 100000 ]
    in_busybox 'id -u; cat /proc/self/uid_map' --userns private
    equal "$(head -1 <<<"$output")" 0
    matches "$output" "^ +0 +[1-9][0-9]{5,} +65536$"
}

@test "the image's files are its root's, and what it writes is root's in the store" {
    keg_ok run --name writes --userns private busybox sh -c 'stat -c %u /bin/busybox; touch /new; stat -c %u /new'
    equal "$output" "$(printf '0\n0')"
    equal "$(stat -c %u "$KEG_ROOT"/containers/*/upper/new)" 0
    keg rm writes
}

@test "no capability reaches the host" {
    in_busybox 'mknod /x c 1 3 2>&1; hostname new && hostname; mount -t tmpfs x /mnt 2>&1; true' \
        --userns private --cap-add ALL
    matches "$output" "not permitted"
    matches "$output" "^new$"
}

@test "network, devices, limits and terminals work as ever" {
    in_busybox 'ip -o addr show eth0; echo x >/dev/null; head -c 1 /dev/zero | wc -c; ls -l /dev/pts' \
        --userns private -m 64m --pids-limit 100
    matches "$output" "inet 10.78."
    matches "$output" "^1$"
}

@test "hosts and resolv.conf are the container's root's to change" {
    in_busybox 'echo "10.0.0.1 new" >>/etc/hosts; tail -1 /etc/hosts' --userns private
    equal "$output" "10.0.0.1 new"
}

@test "two containers never share ids, and one that ended gives its own back" {
    web_start --userns private
    local first second third
    first=$(uid_of web)
    second=$(keg run --rm --userns private busybox awk '{ print $2 }' /proc/self/uid_map)
    third=$(keg run --rm --userns private busybox awk '{ print $2 }' /proc/self/uid_map)
    [ "$first" != "$second" ]
    equal "$second" "$third"
}

@test "ids of a killed keg are free again" {
    keg run --rm --userns private busybox sh -c 'echo up; exec sleep 600' >"$BOX/killed" &
    local pid=$! first
    until_true 20 grep -q up "$BOX/killed"
    first=$(keg run --rm --userns private busybox awk '{ print $2 }' /proc/self/uid_map)
    kill -9 "$pid"
    wait "$pid" || true
    keg ps >/dev/null
    [ "$(keg run --rm --userns private busybox awk '{ print $2 }' /proc/self/uid_map)" -lt "$first" ]
}

@test "/etc/subuid and /etc/subgid say which ids" {
    printf 'keg:700000:65536\n' >"$BOX/subuid"
    printf 'keg:800000:65536\n' >"$BOX/subgid"
    touch /etc/subuid /etc/subgid
    mount --bind "$BOX/subuid" /etc/subuid
    mount --bind "$BOX/subgid" /etc/subgid
    run keg run --rm --userns auto busybox cat /proc/self/uid_map /proc/self/gid_map
    web_start --userns auto
    keg_fails 125 "no block of 65536 ids is free; give 'keg' more in /etc/subuid" run --rm --userns auto busybox true
    umount /etc/subuid /etc/subgid
    matches "$output$(keg run --rm --pid container:web busybox cat /proc/1/uid_map)" " 700000 +65536"
}

@test "auto:size=, --uidmap and --gidmap" {
    in_busybox 'cat /proc/self/uid_map' --userns auto:size=1000
    matches "$output" " 1000$"
    in_busybox 'cat /proc/self/uid_map; echo; cat /proc/self/gid_map' --uidmap 0:200000:1000 --gidmap 0:300000:2000
    matches "$output" "^ +0 +200000 +1000$"
    matches "$output" "^ +0 +300000 +2000$"
    in_busybox 'cat /proc/self/gid_map' --uidmap 0:200000:1000
    matches "$output" "^ +0 +200000 +1000$"
    keg_fails 125 "--uidmap '0:5:1': overlaps" run --rm --uidmap 0:0 --uidmap 0:5:1 busybox true
    keg_fails 125 "user 5000 is none of the ids that the container has" run --rm --user 5000 --uidmap 0:200000:1000 busybox true
}

@test "a bind mount shows strangers, with idmap the container's own" {
    touch "$BOX/shared/of-root"
    in_busybox 'stat -c %u /s/of-root' --userns private -v "$BOX/shared:/s"
    equal "$output" 65534
    in_busybox 'stat -c %u /s/of-root; touch /s/new' --userns private -v "$BOX/shared:/s:idmap"
    equal "$output" 0
    equal "$(stat -c %u "$BOX/shared/new")" 0
    keg_fails 125 "no user namespace" run --rm -v "$BOX/shared:/s:idmap" busybox true
}

@test "--userns container: the same ids, which stay leased while one of both lives" {
    web_start --userns private
    local first
    first=$(uid_of web)
    keg run --rm --init --name joined --userns container:web busybox sh -c 'echo up; exec sleep 600' >"$BOX/joined" &
    local joined=$!
    until_true 20 grep -q up "$BOX/joined"
    equal "$(uid_of joined)" "$first"
    kill "$web"
    wait "$web" || true
    web=
    [ "$(keg run --rm --userns private busybox awk '{ print $2 }' /proc/self/uid_map)" != "$first" ]
    kill "$joined"
    wait "$joined" || true
}

@test "--userns with --ephemeral and --rootfs" {
    mkdir -p "$BOX/root/bin"
    cp /bin/busybox "$BOX/root/bin/sh"
    keg_ok run --rm --userns private --ephemeral busybox sh -c 'touch /x; stat -c %u /x /bin'
    equal "$output" "$(printf '0\n0')"
    keg_ok run --rm --userns private --rootfs "$BOX/root" sh -c 'echo x >/x'
    equal "$(stat -c %u "$BOX/root/x")" 0
    keg_ok run --rm --userns private --rootfs "$BOX/root:O" sh -c 'echo x >/y'
    [ ! -e "$BOX/root/y" ]
    rm -rf "$BOX/root"
}

@test "--userns keep-id is refused, with what there is" {
    keg_fails 125 "--userns keep-id: not supported; .*--uidmap" run --userns keep-id busybox true
}
