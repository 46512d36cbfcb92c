#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh FOLDER-WITH-KEG: the main job, step by step, with the command lines as a user types them.
#
# With Docker Hub in reach keg works on the machine itself, with a store of its own in a scratch folder. Without, the
# Hub is played on loopback, and all happens in a box (tests/registry/box).
set -euo pipefail

bin=$(readlink -f "$1")
here=$(readlink -f "$(dirname "$0")")
export PATH=$bin:$PATH

say() {
    printf '\n\033[1m%s\033[0m\n' "$*"
}

# show CMD...: the command line as it would be typed, then what it does.
show() {
    local word line=
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./:=-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
        line+=" $word"
    done
    printf '\n\033[32m$%s\033[0m\n' "$line"
    "$@"
}

hub_is_there() {
    command -v curl >/dev/null && curl -s -m 5 -o /dev/null https://registry-1.docker.io/v2/
}

# Docker Hub on loopback: a registry with a busybox made of Debian's, and a mirror entry that leads there.
play_hub() {
    # shellcheck source=registry/lib.sh
    source "$here/registry/lib.sh"
    registry_start 5000
    image_push library/busybox:latest busybox >/dev/null
    cat >"$BOX/registries.conf" <<'CONF'
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "localhost:5000"
CONF
    export CONTAINERS_REGISTRIES_CONF=$BOX/registries.conf
}

main_job() {
    say "1. Get an image: each byte is checked against the digest that names it."
    show keg pull busybox
    say "2. What is here:"
    show keg images
    say "3. A shell in it: its own processes, host name, network and limits."
    printf '\n\033[32m$ keg run --rm -i --hostname demo -m 64m --cap-add NET_RAW busybox sh -x\033[0m\n'
    keg run --rm -i --hostname demo -m 64m --cap-add NET_RAW busybox sh -x 2>&1 <<'SHELL'
echo "I am pid $$ on $(hostname)"
ps
ip -4 addr show eth0
ping -c 1 10.78.0.1
cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max
SHELL
    say "4. The limit bites: a program that wants 200 MB of 64."
    show keg run --rm -m 64m busybox dd if=/dev/zero of=/dev/null bs=200M count=1 ||
        echo "(exit code $?)"
    say "5. And away with it:"
    show keg rmi busybox
    show keg images
    say "Nothing of this is left on the machine."
}

# On the machine itself: what keg makes is removed at the end, its store with it.
on_the_machine() {
    scratch=$(mktemp -d /var/tmp/keg-demo.XXXXXX)
    had_bridge=$([ -d /sys/class/net/keg0 ] && echo yes || echo no)
    forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
    trap clean_machine EXIT
    export KEG_ROOT=$scratch/store KEG_RUNROOT=$scratch/run
    say "Docker Hub is in reach. keg works on this machine, with a scratch store in $scratch."
    main_job
}

clean_machine() {
    rm -rf "$scratch"
    [ "$had_bridge" = yes ] && return
    ip link del keg0 2>/dev/null || true
    nft delete table inet keg 2>/dev/null || true
    echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
}

case ${2-} in
--inside)
    play_hub
    main_job
    ;;
*)
    if hub_is_there; then
        on_the_machine
    else
        say "Docker Hub cannot be reached: it is played on loopback, all in namespaces of its own."
        "$here/registry/box" "$here/demo.sh" "$bin" --inside
    fi
    ;;
esac
