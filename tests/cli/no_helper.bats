#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What keg itself loads and starts: little, since it is in the way of every container start.

load helper

setup_file() {
    busybox_ready
}

setup() {
    mirror_dockerio localhost:5000
}

@test "keg links neither libcurl, libarchive nor libcrypto" {
    run ldd "$KEG_BIN/keg"
    equal "$status" 0
    [[ ! "$output" =~ lib(curl|archive|crypto|ssl|seccomp) ]] || fail "it does"
}

@test "its helper does" {
    run ldd "$KEG_BIN/keg-image"
    matches "$output" "libcurl"
}

@test "keg run executes no program but the container's" {
    ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=execve -o "$BOX/trace" keg run --rm busybox true
    equal "$(grep -c 'execve(.*= 0' "$BOX/trace")" 2 # keg and true
}

@test "the helper is found beside keg, whatever PATH says" {
    run --separate-stderr env PATH=/nowhere "$KEG_BIN/keg" pull -q busybox
    equal "$status" 0
}

@test "without its helper keg says what is missing" {
    mkdir -p "$BOX/alone"
    cp "$KEG_BIN/keg" "$BOX/alone/keg"
    run --separate-stderr "$BOX/alone/keg" pull busybox
    [ "$status" = 125 ] || [ -x /usr/libexec/keg/keg-image ] || fail "no error"
    matches "$stderr" "keg-image"
}
