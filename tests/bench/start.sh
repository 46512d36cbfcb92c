#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# start.sh BIN [RUNS]: how long `true` in a container takes, by the keg in the folder BIN and by other
# programs that are installed, on one busybox and one spec. Needs root. Everything happens in the tests'
# box, on a scratch disk.
#
#   S0   a static `true` without any container: the floor
#   S1   isolated, no network
#   S2   isolated, with a bridge, an address and NAT
#   S10  system calls of one run, by strace
set -euo pipefail

self=$(readlink -f "$0")
here=$(dirname "$self")
registry=$here/../registry

say() {
    echo "bench: $*" >&2
}

have() {
    command -v "$1" >/dev/null
}

# ------------------------------------------------------------------------------------------------ outside

# Docker's daemon, if any, lives outside the box: its client is run in this mount namespace (fd 9).
outside() {
    local scratch docker_image=
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$scratch'" EXIT
    "${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -O2 -o "$scratch/start" "$here/start.c"
    if have docker && timeout 5 docker info >/dev/null 2>&1; then
        make_rootfs "$scratch/rootfs"
        docker_image=$(tar -C "$scratch/rootfs" -c . | docker import - keg-bench:latest)
        # shellcheck disable=SC2064
        trap "docker rmi keg-bench:latest >/dev/null; rm -rf '$scratch'" EXIT
    fi
    "$registry/box" "$self" --inside "$(readlink -f "$1")" "$2" "$scratch/start" "$docker_image" \
        9</proc/self/ns/mnt
}

# ------------------------------------------------------------------------------------------------- inside

make_rootfs() {
    local applet
    mkdir -p "$1"/{bin,dev,etc,proc,sys,tmp,root,run}
    cp /bin/busybox "$1/bin/busybox"
    for applet in sh true ls cat; do ln "$1/bin/busybox" "$1/bin/$applet"; done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
}

# What a store usually lies on: ext4. The loop device goes when the box does.
mount_disk() {
    mkdir "$disk"
    disk_type=tmpfs
    if have mkfs.ext4 && truncate -s 1G "$BOX/disk.ext4" && mkfs.ext4 -q "$BOX/disk.ext4" 2>/dev/null &&
        mount -o loop "$BOX/disk.ext4" "$disk" 2>/dev/null; then
        disk_type="ext4 in a file on tmpfs"
    fi
}

# keg pulls it from a registry on loopback, as every image.
image=127.0.0.1:5001/busybox:latest
setup_keg() {
    export KEG_ROOT=$disk/keg KEG_RUNROOT=/run/keg-bench
    # shellcheck source=../registry/lib.sh
    source "$registry/lib.sh"
    image_tree busybox:latest busybox >/dev/null
    faults_start
    keg pull -q "$image" >/dev/null
}

# The spec that keg wrote, for a plain folder as the root: what other runtimes get is what keg does.
setup_bundle() {
    local config
    keg run --name bench-spec --network none "$image" true
    config=$(ls "$KEG_ROOT"/containers/*/config.json)
    mkdir "$1"
    make_rootfs "$1/rootfs"
    python3 - "$config" "$1" <<'PYTHON'
import json, os, sys
spec = json.load(open(sys.argv[1]))
spec["root"]["path"] = sys.argv[2] + "/rootfs"
spec["process"]["args"] = ["/bin/true"]
spec["linux"]["cgroupsPath"] = "/bench"
spec["mounts"] = [m for m in spec["mounts"] if m.get("type") != "bind" or os.path.exists(m["source"])]
spec.pop("hooks", None)
json.dump(spec, open(sys.argv[2] + "/config.json", "w"))
PYTHON
}

# Those in which podman and its network plugins would leave something on this machine.
hide_podman_folders() {
    local folder
    for folder in /var/lib/cni /var/lib/containers; do
        [ ! -d "$folder" ] || mount -t tmpfs -o mode=755 tmpfs "$folder"
    done
}

# crun refuses v1 controllers with a v2 hierarchy beside them: it gets a mount namespace without that.
v1_only=-
setup_v1_only() {
    mountpoint -q /sys/fs/cgroup/unified || return 0
    unshare --mount --propagation private sh -c 'umount /sys/fs/cgroup/unified; exec sleep 86400' &
    local holder=$!
    v1_only=/proc/$holder/ns/mnt
    for _ in $(seq 100); do
        grep -q /sys/fs/cgroup/unified "/proc/$holder/mounts" || return 0
        sleep 0.05
    done
}

in_v1_only() {
    if [ "$v1_only" = - ]; then "$@"; else nsenter --mount="$v1_only" "$@"; fi
}

podman_base="podman --root ${BOX-}/disk/podman --runroot /run/podman-bench --tmpdir /run/podman-bench-tmp"
podman_base+=" --storage-driver overlay --cgroup-manager cgroupfs --runtime crun --events-backend none"
setup_podman() {
    # shellcheck disable=SC2086
    tar -C "$disk/bundle/rootfs" -c . | in_v1_only $podman_base import -q - bench >/dev/null
}

# tool ROW NAME MOUNT-NAMESPACE LACKS COMMAND...
tool() {
    local row=$1 name=$2 namespace=$3 lacks=$4
    shift 4
    echo "$row|$name|$namespace|$lacks|$*" >>"$BOX/tools"
}

version() {
    "$@" --version 2>/dev/null | sed -n '1s/^.*version //p;1!d' | cut -d' ' -f1
}

list_tools() {
    local run rootfs=$disk/bundle/rootfs true="/bin/busybox true"
    tool S0 "true" - "everything" "$true"
    tool S1 "keg --network none" - "" "$bin/keg run --rm --network none $image true"
    have unshare && tool S1 "unshare -pfmuin" - "root, limits, capabilities, seccomp" \
        "unshare -pfmuin $true"
    have bwrap && tool S1 "bwrap $(bwrap --version | cut -d' ' -f2)" - "limits, seccomp" \
        "bwrap --unshare-all --bind $rootfs / --proc /proc --dev /dev /bin/true"
    have crun && tool S1 "crun $(version crun)" "$v1_only" "image, overlay" \
        "crun --root /run/crun-bench run --bundle $disk/bundle bench-crun"
    have runc && tool S1 "runc $(version runc)" "$v1_only" "image, overlay" \
        "runc --root /run/runc-bench run --bundle $disk/bundle bench-runc"
    run="run --rm --ulimit host"
    have podman && tool S1 "podman $(version podman) none" "$v1_only" "" \
        "$podman_base $run --network none bench /bin/true"
    [ -z "$docker_image" ] || tool S1 "docker none (daemon warm)" /proc/self/fd/9 "" \
        "docker run --rm --network none $docker_image /bin/true"
    tool S2 "keg" - "" "$bin/keg run --rm $image true"
    have podman && tool S2 "podman $(version podman) bridge" "$v1_only" "" \
        "$podman_base $run --network bridge bench /bin/true"
    [ -z "$docker_image" ] || tool S2 "docker bridge (daemon warm)" /proc/self/fd/9 "network of the box" \
        "docker run --rm $docker_image /bin/true"
}

print_header() {
    local layout=v2
    [ -f /sys/fs/cgroup/cgroup.controllers ] || layout=v1
    ! mountpoint -q /sys/fs/cgroup/unified || layout="v1 with v2 beside it (crun, runc, podman: v1 alone)"
    echo "keg $("$bin/keg" version 2>/dev/null | sed -n '1s/^[^0-9]*//p'), Linux $(uname -r)," \
        "$(nproc) CPUs, store on $disk_type, cgroups $layout"
    echo "from vfork to reaped; user and sys: CPU time per run of the command and the children it reaped"
    echo
}

# Counts do not depend on how busy the machine is.
count_system_calls() {
    local row name namespace lacks command
    have strace || return 0
    echo
    printf '%-3s %-26s %7s\n' S10 "system calls of one run" calls
    while IFS='|' read -r row name namespace lacks command; do
        [ "$namespace" = /proc/self/fd/9 ] && continue # most of it is in the daemon
        # shellcheck disable=SC2086
        if [ "$namespace" = - ]; then
            strace -f -c -o "$BOX/calls" $command
        else
            nsenter --mount="$namespace" strace -f -c -o "$BOX/calls" $command
        fi </dev/null >/dev/null 2>&1 || continue
        printf '%-3s %-26s %7s\n' S10 "$name" "$(awk '$NF == "total" { print $4 }' "$BOX/calls")"
    done <"$BOX/tools"
}

inside() {
    bin=$1 runs=$2 timer=$3 docker_image=$4
    disk=$BOX/disk
    PATH=$bin:$PATH
    mount_disk
    setup_keg
    setup_bundle "$disk/bundle"
    ! have podman || hide_podman_folders
    setup_v1_only
    ! have podman || setup_podman || say "podman cannot import the image"
    list_tools
    print_header
    "$timer" "$runs" "$BOX/tools"
    count_system_calls
}

case ${1-} in
--inside) shift && inside "$@" ;;
"")
    echo "usage: start.sh BIN [RUNS]" >&2
    exit 2
    ;;
*)
    [[ ${2-50} =~ ^[1-9][0-9]*$ ]] || {
        say "'$2' is not a number of runs"
        exit 2
    }
    outside "$1" "${2-50}"
    ;;
esac
