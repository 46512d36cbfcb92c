#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg inside of privileged containers: its own and podman's.

load helper

# A root whose programs are this machine's, and one of busybox for the container within.
setup() {
    outer=$BOX/outer
    mkdir -p "$outer"/{usr,keg,tmp,proc,dev,sys,run,etc,var/lib,inner/bin}
    ln -sfn usr/bin "$outer/bin"
    ln -sfn usr/sbin "$outer/sbin"
    ln -sfn usr/lib "$outer/lib"
    ln -sfn usr/lib64 "$outer/lib64"
    cp "$(command -v busybox)" "$outer/inner/bin/sh"
    cat >"$outer/work" <<'SCRIPT'
set -e
for folder in /run /tmp /var/lib; do
    mount -t tmpfs tmpfs "$folder"
done
export ASAN_OPTIONS=detect_leaks=0
/keg/keg run --rm --network none --rootfs /inner sh -c 'echo "root $$"; : >/dev/null'
/keg/keg run --rm --network none --uidmap 0:100000:65536 --rootfs /inner sh -c 'read -r map </proc/self/uid_map; echo mapped $map'
/keg/keg run --rm --network host --uidmap 0:100000:65536 --rootfs /inner sh -c '(: >/sys/x) 2>/dev/null || echo read-only'
SCRIPT
}

# The words of the three containers within.
expected=$'root 1\nmapped 0 100000 65536\nread-only'

@test "keg runs in a privileged container of its own" {
    keg_ok run --rm --privileged --network none -v /usr:/usr:ro -v "$KEG_BIN:/keg:ro" --rootfs "$outer" sh /work
    equal "$output" "$expected"
}

@test "keg runs in a privileged container of podman's" {
    command -v podman runc >/dev/null || skip "podman and runc are not installed"
    run --separate-stderr podman --root "$BOX/podman" --runroot "$BOX/podman-run" --cgroup-manager cgroupfs \
        --runtime runc run --rm --privileged --network none -v /usr:/usr:ro -v "$KEG_BIN:/keg:ro" \
        --rootfs "$outer" sh /work
    [ "$status" = 0 ] || fail "podman run failed"
    equal "$output" "$expected"
}
