#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg run --rootfs: a plain folder in the place of an image.

load helper

setup() {
    root=$BOX/root
    mkdir -p "$root/bin" "$root/etc"
    cp /bin/busybox "$root/bin/busybox"
    local name
    for name in sh ls cat touch id mount readlink; do
        ln -sf busybox "$root/bin/$name"
    done
    echo "someone:x:1234:1234::/home/someone:/bin/sh" >"$root/etc/passwd"
    echo "team:x:77:" >"$root/etc/group"
}

teardown() {
    rm -rf "$root"
    no_sanitizer_report
}

@test "a folder runs, without store, registry or image" {
    keg_ok run --rm --rootfs "$root" cat /etc/passwd
    matches "$output" someone
    equal "$(keg images -q)" ""
}

@test "what is written is written in place" {
    keg_ok run --rm --rootfs "$root" touch /written
    [ -e "$root/written" ]
    keg_ok run --rm --rootfs "$root:rw" touch /written2
    [ -e "$root/written2" ]
}

@test ":O: what is written is kept in the container" {
    keg_ok run --name over --rootfs "$root:O" sh -c 'touch /written; rm /etc/passwd'
    [ ! -e "$root/written" ]
    [ -e "$root/etc/passwd" ]
    [ -e "$KEG_ROOT"/containers/*/upper/written ]
    keg rm over
}

@test "--ephemeral: what is written is kept nowhere" {
    keg_ok run --rm --ephemeral --rootfs "$root" sh -c 'touch /written && ls /written'
    [ ! -e "$root/written" ]
}

@test "--read-only: nothing is written" {
    run keg run --rm --read-only --rootfs "$root" touch /written
    [ "$status" != 0 ]
    [ ! -e "$root/written" ]
}

@test "users and groups are those of the folder" {
    keg_ok run --rm --user someone --group-add team --rootfs "$root" id
    matches "$output" "uid=1234\(someone\)"
    matches "$output" "77\(team\)"
}

@test "ps and inspect show the folder as the image" {
    cd "$BOX"
    keg_ok run --name fold --rootfs root:O sh -c true
    keg_ok ps -a
    matches "$output" "$root +\"sh -c true\""
    keg_ok inspect fold
    matches "$output" "\"Image\": \"$root\""
    keg rm fold
}

@test "a container of a folder is in the way of no image" {
    keg_ok run --name fold --rootfs "$root:O" sh -c true
    keg_ok images
    keg_ok rm fold
}

@test "two containers share a folder in place" {
    keg run --rm --rootfs "$root" sh -c 'echo up; while ! [ -e /go ]; do busybox sleep 0.05; done' >"$BOX/first" &
    until_true 20 grep -q up "$BOX/first"
    keg_ok run --rm --rootfs "$root" touch /go
    wait $!
}

@test "mistakes are named: no folder, no command, an unknown option, a flag in between, image flags" {
    keg_fails 125 "--rootfs '/nowhere': no such file" run --rootfs /nowhere sh
    keg_fails 125 "no command given" run --rootfs "$root"
    keg_fails 125 "unknown option ':x'; there are ':O'" run --rootfs "$root:x" sh
    keg_fails 125 "wants the folder right behind it" run --rootfs --rm "$root" sh
    keg_fails 125 "--pull: with --rootfs there is no image" run --pull always --rootfs "$root" sh
    keg_fails 125 "not a directory" run --rootfs /etc/passwd sh
    keg_fails 125 "which image" run
}
