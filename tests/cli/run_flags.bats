#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg run: flags that reach the launcher's whole, each looked at from inside of the container.

load helper

setup_file() {
    busybox_ready
}

setup() {
    mirror_dockerio localhost:5000
}

# The container "web", which the tests of joining join, lives as long as its test.
web_start() {
    keg run --rm --init --name web "$@" busybox sh -c 'echo up; exec sleep 600' >"$BOX/web" 2>&1 &
    web=$!
    until_true 20 grep -q up "$BOX/web" || fail "$(cat "$BOX/web")"
}

teardown() {
    if [ -n "${web-}" ]; then
        kill "$web" 2>/dev/null || true
        wait "$web" 2>/dev/null || true
    fi
    no_sanitizer_report
}

# in_busybox SCRIPT [FLAG...]: run it by sh in a busybox container; $output is what it printed.
in_busybox() {
    local script=$1
    shift
    keg_ok run --rm "$@" busybox sh -c "$script"
}

# namespace_of TYPE FLAG...: the container's namespace.
namespace_of() {
    local type=$1
    shift
    keg run --rm "$@" busybox readlink "/proc/self/ns/$type"
}

# cgroup_value CONTROLLER V1FILE V2FILE FLAG...: what the file says in the container; $output.
cgroup_value() {
    local controller=$1 v1=$2 v2=$3
    shift 3
    keg_ok run --rm "$@" busybox sh -c "cat /sys/fs/cgroup/$controller/$v1 2>/dev/null || cat /sys/fs/cgroup/$v2"
}

needs_controller() {
    [ -d "/sys/fs/cgroup/$1" ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers 2>/dev/null ||
        skip "this machine has no $1 controller"
}

# ------------------------------------------------------------------ namespaces of the host's

@test "each namespace flag: host shares the host's, the default does not" {
    local flag type
    for flag in pid:pid ipc:ipc uts:uts cgroupns:cgroup network:net; do
        type=${flag#*:}
        equal "$(namespace_of "$type" --"${flag%:*}" host)" "$(readlink "/proc/self/ns/$type")"
        [ "$(namespace_of "$type")" != "$(readlink "/proc/self/ns/$type")" ]
    done
}

@test "--pid host: the host's processes are seen" {
    in_busybox 'ps' --pid host
    matches "$output" "bats"
}

@test "--uts host: the host's name, in the environment and in /etc/hostname too" {
    # shellcheck disable=SC2016
    in_busybox 'hostname; cat /etc/hostname; echo $HOSTNAME' --uts host
    equal "$output" "$(printf 'box\nbox\nbox')"
}

@test "--ipc host: the host's /dev/shm" {
    echo shared >/dev/shm/keg-test
    in_busybox 'cat /dev/shm/keg-test' --ipc host
    rm /dev/shm/keg-test
    equal "$output" shared
}

@test "--ipc none: no /dev/shm at all" {
    in_busybox 'test -e /dev/shm || echo none' --ipc none
    equal "$output" none
}

@test "a word that a namespace flag does not have: those that it has" {
    keg_fails 125 "--pid 'hosts': not one of private, host, container:NAME, ns:PATH" run --pid hosts busybox true
    keg_fails 125 "--userns 'x': not one of .*auto" run --userns x busybox true
}

@test "ns:PATH joins what is at the path" {
    ip netns add keg-test
    in_busybox 'ip -o link | wc -l; readlink /proc/self/ns/net' --network ns:/run/netns/keg-test
    local theirs
    theirs=$(ip netns exec keg-test readlink /proc/self/ns/net)
    ip netns del keg-test
    equal "$(tail -1 <<<"$output")" "$theirs"
    keg_fails 125 "'/nowhere': no such file" run --rm --pid ns:/nowhere busybox true
    keg_fails 125 "'/etc/passwd'" run --rm --pid ns:/etc/passwd busybox true
}

# ------------------------------------------------------------------ namespaces of containers

@test "container:NAME joins each namespace of it, by name and by id" {
    web_start
    local id flag type
    id=$(keg ps -q)
    for flag in pid:pid ipc:ipc uts:uts cgroupns:cgroup network:net; do
        type=${flag#*:}
        equal "$(namespace_of "$type" --"${flag%:*}" container:web)" \
            "$(readlink "/proc/$(keg inspect web | sed -n 's/.*"Pid": \([0-9]*\).*/\1/p')/ns/$type")"
    done
    equal "$(namespace_of pid --pid "container:$id")" "$(namespace_of pid --pid container:web)"
}

@test "--pid container: its processes are seen" {
    web_start
    in_busybox 'ps' --pid container:web
    matches "$output" "sleep 600"
}

@test "--network container: its address, hosts, host name and resolv.conf" {
    web_start --add-host db:10.0.0.9
    local address id
    id=$(keg ps -q)
    address=$(keg inspect web | sed -n 's/.*"IPAddress": "\(.*\)".*/\1/p' | head -1)
    in_busybox 'ip addr show eth0; cat /etc/hosts; hostname; cat /etc/hostname' --network container:web
    matches "$output" "inet $address/"
    matches "$output" "10.0.0.9.db"
    matches "$output" "^$id$"
}

@test "--network container: its own address is leased to nobody else, and stays" {
    web_start
    local before
    before=$(ls "$KEG_RUNROOT/network/leases")
    in_busybox true --network container:web
    equal "$(ls "$KEG_RUNROOT/network/leases")" "$before"
}

@test "--ipc container: /dev/shm is shared both ways" {
    web_start
    in_busybox 'echo there >/dev/shm/x' --ipc container:web
    in_busybox 'cat /dev/shm/x' --ipc container:web
    equal "$output" there
}

@test "--ipc private and none: nobody may join" {
    web_start --ipc private
    keg_fails 125 "it was started with --ipc private; start it with --ipc shareable" run --rm --ipc container:web busybox true
    keg_ok run --rm --pid container:web busybox true
}

@test "what cannot be joined is said: no such container, not running, the host's" {
    keg_fails 125 "--network 'container:nosuch': no such container" run --rm --network container:nosuch busybox true
    keg_ok run --name ended busybox true
    keg_fails 125 "--pid 'container:ended': it is not running" run --rm --pid container:ended busybox true
    keg rm ended
    web_start --network host
    keg_fails 125 "it shares the host's network; use --network host" run --rm --network container:web busybox true
}

@test "a failed join makes no container" {
    keg_fails 125 "no such container" run --name left --pid container:nosuch busybox true
    keg_ok ps -aq
    equal "$output" ""
}

@test "names that go with another's namespace are refused" {
    keg_fails 125 "--hostname: the container has the host name" run --network container:web --hostname x busybox true
    keg_fails 125 "--dns: the container has" run --network container:web --dns 1.1.1.1 busybox true
    keg_fails 125 "--hostname: with --uts host" run --uts host --hostname x busybox true
}

# ------------------------------------------------------------------ clocks

@test "--time-offset: the machine has been up for a day longer" {
    local host inside
    host=$(cut -d. -f1 /proc/uptime)
    inside=$(keg run --rm --time-offset boottime=+1d busybox cut -d. -f1 /proc/uptime)
    [ "$inside" -ge $((host + 86400)) ]
    [ "$inside" -le $((host + 86400 + 600)) ]
}

@test "--time-offset: both clocks, in one flag or two" {
    in_busybox 'cat /proc/self/timens_offsets' --time-offset monotonic=-5,boottime=1.5
    matches "$output" "monotonic +-5 +0"
    matches "$output" "boottime +1 +500000000"
    in_busybox 'cat /proc/self/timens_offsets' --time-offset monotonic=1m --time-offset boottime=2h
    matches "$output" "monotonic +60 "
    matches "$output" "boottime +7200 "
}

@test "--time-offset: a clock that there is not" {
    keg_fails 125 "--time-offset 'realtime=1': not CLOCK=" run --time-offset realtime=1 busybox true
}

# ------------------------------------------------------------------ the process

@test "--ulimit: soft and hard" {
    in_busybox 'ulimit -Sn; ulimit -Hn; ulimit -c' --ulimit nofile=100:200 --ulimit core=0
    equal "$output" "$(printf '100\n200\n0')"
}

@test "--umask" {
    in_busybox 'umask; touch /x; stat -c %a /x' --umask 077
    equal "$output" "$(printf '0077\n600')"
}

@test "--group-add: by number, and by name in the container's own /etc/group" {
    in_busybox 'id -G' --group-add 1234 --group-add daemon
    matches " $output " " 1234 "
    matches " $output " " $(keg run --rm busybox sed -n 's/^daemon:[^:]*:\([0-9]*\):.*/\1/p' /etc/group) "
    keg_fails 125 "unable to find group nosuch" run --rm --group-add nosuch busybox true
}

@test "--oom-score-adj" {
    in_busybox 'cat /proc/self/oom_score_adj' --oom-score-adj 500
    equal "$output" 500
}

@test "--domainname" {
    in_busybox 'cat /proc/sys/kernel/domainname' --domainname example.org
    equal "$output" example.org
}

@test "--sysctl: of the container's namespaces, and of no other" {
    in_busybox 'sysctl -n net.ipv4.ip_forward kernel.msgmax' --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=1000
    equal "$output" "$(printf '1\n1000')"
    keg_fails 125 "kernel.core_pattern" run --rm --sysctl kernel.core_pattern=x busybox true
    keg_fails 125 "shares that namespace" run --rm --network host --sysctl net.ipv4.ip_forward=1 busybox true
}

@test "--sysctl takes the place of keg's own value" {
    in_busybox 'sysctl -n net.ipv4.ip_unprivileged_port_start' --sysctl net.ipv4.ip_unprivileged_port_start=1024
    equal "$output" 1024
}

@test "--shm-size" {
    in_busybox "df -k /dev/shm | awk 'END { print \$2 }'" --shm-size 2m
    equal "$output" 2048
    keg_fails 125 "--shm-size: with --ipc host" run --ipc host --shm-size 1m busybox true
}

@test "--preserve-fds: the caller's fd 3 is the container's" {
    echo kept >"$BOX/kept"
    run keg run --rm --preserve-fds 1 busybox sh -c 'cat <&3' 3<"$BOX/kept"
    equal "$output" kept
    run keg run --rm busybox sh -c 'cat <&3' 3<"$BOX/kept"
    [ "$status" != 0 ]
}

# ------------------------------------------------------------------ hosts and servers

@test "--add-host: an address, and the host's own" {
    in_busybox 'cat /etc/hosts' --add-host db:10.0.0.2 --add-host gw:host-gateway
    matches "$output" "^10.0.0.2	db$"
    matches "$output" "^10.78.0.1	gw$"
    keg_fails 125 "--add-host 'db': not NAME:ADDRESS" run --add-host db busybox true
}

@test "--dns, --dns-search and --dns-option are the whole resolv.conf" {
    in_busybox 'cat /etc/resolv.conf' --dns 9.9.9.9 --dns-search example.org --dns-option ndots:3
    equal "$output" "$(printf 'nameserver 9.9.9.9\nsearch example.org\noptions ndots:3')"
}

# ------------------------------------------------------------------ devices

@test "--device: a node by another name, with the rights asked for" {
    in_busybox 'head -c 4 /dev/x | wc -c; echo >/dev/x' --device /dev/zero:/dev/x:r
    equal "$(head -1 <<<"$output")" 4
    in_busybox 'ls -l /dev/zero2' --device /dev/zero:/dev/zero2
    matches "$output" "^crw.* 1, +5 "
}

@test "--device: without a right the kernel refuses" {
    [ -d /sys/fs/cgroup/devices ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no device control here"
    in_busybox 'cat </dev/kmsg2 & sleep 0.1; kill $! 2>/dev/null; (echo x >/dev/kmsg2) 2>&1' --device /dev/kmsg:/dev/kmsg2:r || true
    matches "$output" "not permitted"
}

@test "--device: all of a folder" {
    [ -c /dev/net/tun ] || skip "this machine has no /dev/net/tun"
    in_busybox 'ls /dev/net' --device /dev/net
    matches "$output" tun
}

@test "--device: what is none" {
    keg_fails 125 "'/etc/passwd' is not a device" run --device /etc/passwd:/dev/x busybox true
    keg_fails 125 "CDI" run --device nvidia.com/gpu=all busybox true
}

@test "--device-cgroup-rule opens a device that was made inside" {
    in_busybox 'mknod /x c 1 11; dd if=/x of=/dev/null bs=1k count=1 iflag=nonblock 2>&1; true' \
        --cap-add MKNOD --device-cgroup-rule 'c 1:11 r'
    ! grep -q "not permitted" <<<"$output" || fail "the rule is not there"
    in_busybox 'mknod /x c 1 11; dd if=/x of=/dev/null bs=1k count=1 2>&1; true' --cap-add MKNOD
    matches "$output" "not permitted"
    keg_fails 125 "not TYPE MAJOR:MINOR ACCESS" run --device-cgroup-rule 'c 1:11' busybox true
}

# ------------------------------------------------------------------ security options

@test "--security-opt seccomp=FILE: that profile, and no other" {
    printf '%s' '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >"$BOX/profile.json"
    in_busybox 'mkdir /x 2>&1; grep Seccomp: /proc/self/status' --security-opt "seccomp=$BOX/profile.json"
    matches "$output" "No space left"
    matches "$output" "Seccomp:.2"
    keg_fails 125 "'/nowhere': no such file" run --security-opt seccomp=/nowhere busybox true
    echo '{' >"$BOX/bad.json"
    keg_fails 125 "bad.json" run --security-opt "seccomp=$BOX/bad.json" busybox true
}

@test "--security-opt seccomp=unconfined, and default" {
    in_busybox 'grep Seccomp: /proc/self/status' --security-opt seccomp=unconfined
    matches "$output" "Seccomp:.0"
    in_busybox 'grep Seccomp: /proc/self/status' --security-opt seccomp=default
    matches "$output" "Seccomp:.2"
}

@test "--security-opt no-new-privileges, also with =false" {
    in_busybox 'grep NoNewPrivs /proc/self/status' --security-opt no-new-privileges
    matches "$output" ".1$"
    in_busybox 'grep NoNewPrivs /proc/self/status' --security-opt no-new-privileges=false
    matches "$output" ".0$"
}

@test "--security-opt mask= and unmask=" {
    in_busybox 'cat /etc/passwd; ls /home' --security-opt mask=/etc/passwd:/home
    equal "$output" ""
    in_busybox 'mount | grep " /proc/sys "; true' --security-opt unmask=/proc/sys
    equal "$output" ""
    in_busybox 'mount | grep -c " /proc/"; true' --security-opt unmask=ALL
    equal "$output" 0
    in_busybox 'mount | grep -c " /proc/"; true' --security-opt systempaths=unconfined
    equal "$output" 0
}

@test "--security-opt proc-opts=" {
    in_busybox 'mount | grep "^proc on /proc "' --security-opt proc-opts=hidepid=2
    matches "$output" "hidepid"
}

@test "--security-opt label=disable is what keg does; other labels are refused by name" {
    in_busybox true --security-opt label=disable
    keg_fails 125 "SELinux" run --security-opt label=type:x busybox true
    keg_fails 125 "'nonsense': not supported; there are no-new-privileges" run --security-opt nonsense busybox true
}

# ------------------------------------------------------------------ cgroup

@test "--cpu-shares and --cpu-quota" {
    needs_controller cpu
    cgroup_value cpu cpu.shares cpu.weight --cpu-shares 512
    matches "$output" "^(512|20|59)$"
    cgroup_value cpu cpu.cfs_quota_us cpu.max --cpu-quota 25000 --cpu-period 50000
    matches "$output" "^25000"
    keg_fails 125 "--cpus and --cpu-quota say the same" run --cpus 1 --cpu-quota 5000 busybox true
}

@test "--cpuset-cpus: the program runs there alone" {
    needs_controller cpuset
    in_busybox 'grep Cpus_allowed_list /proc/self/status' --cpuset-cpus 0
    matches "$output" ".0$"
    keg_fails 125 "--cpuset-cpus '0-': not a list" run --cpuset-cpus 0- busybox true
}

@test "--memory-reservation, --memory-swap and --memory-swappiness" {
    needs_controller memory
    cgroup_value memory memory.soft_limit_in_bytes memory.low -m 64m --memory-reservation 32m
    equal "$output" 33554432
    if [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]; then
        cgroup_value memory memory.memsw.limit_in_bytes memory.swap.max -m 64m --memory-swap 96m
        equal "$output" 100663296
        cgroup_value memory memory.swappiness memory.swap.max --memory-swappiness 10
        equal "$output" 10
    fi
    keg_fails 125 "--memory-swap '1g': needs --memory" run --memory-swap 1g busybox true
}

@test "--cgroup-parent: below that, and nothing of it stays" {
    needs_controller pids
    in_busybox 'cat /proc/self/cgroup' --cgroup-parent /above/it --cgroupns host
    matches "$output" ":/above/it/[0-9a-f]{64}$"
}

@test "--cgroups disabled: in keg's own cgroup" {
    in_busybox 'cat /proc/self/cgroup' --cgroups disabled --cgroupns host
    ! grep -qE '/keg/' <<<"$output" || fail "it has a cgroup"
    keg_fails 125 "--cgroups disabled: limits need" run --cgroups disabled -m 64m busybox true
}

# ------------------------------------------------------------------ meta data

@test "--label, --label-file and --annotation" {
    printf '# comment\nfile=1\n' >"$BOX/labels"
    keg_ok run --name labelled --label a=b -l c --label-file "$BOX/labels" --annotation org.example/x=y busybox true
    keg_ok inspect labelled
    matches "$output" '"a": "b"'
    matches "$output" '"c": ""'
    matches "$output" '"file": "1"'
    matches "$(cat "$KEG_ROOT"/containers/*/config.json)" '"org.example/x": ?"y"'
    keg rm labelled
    keg_fails 125 "--annotation 'x': not NAME=VALUE" run --annotation x busybox true
}

@test "inspect tells the limits and whose namespaces they are" {
    keg_ok run --name told --pid host -m 64m --cpu-shares 512 busybox true
    keg_ok inspect told
    keg rm told
    matches "$output" '"PidMode": "host"'
    matches "$output" '"IpcMode": "private"'
    matches "$output" '"UsernsMode": "host"'
    matches "$output" '"Memory": 67108864'
    matches "$output" '"CpuShares": 512'
}

# ------------------------------------------------------------------ a layer in RAM

@test "--ephemeral: what is written is gone, the image is not touched, nothing stays mounted" {
    local before
    before=$(grep -c . /proc/self/mountinfo)
    keg_ok run --name ram --ephemeral busybox sh -c 'echo x >/new; rm -r /home; mkdir /home; ls /home; cat /new'
    equal "$output" x
    equal "$(find "$KEG_ROOT"/containers/*/upper -mindepth 1)" ""
    equal "$(grep -c . /proc/self/mountinfo)" "$before"
    keg rm ram
}

@test "--ephemeral --storage-opt size=: not more than that" {
    keg_ok run --rm --ephemeral --storage-opt size=1m busybox sh -c 'dd if=/dev/zero of=/x bs=1k count=2048 2>&1; df -k / | tail -1'
    matches "$output" "No space left"
    matches "$output" " 1024 "
    keg_fails 125 "only a layer in RAM has a size" run --storage-opt size=1m busybox true
}

@test "--ephemeral: a killed keg leaves nothing behind once the next one has run" {
    keg run --name ram --ephemeral busybox sh -c 'echo up; exec sleep 600' >"$BOX/ram" &
    local pid=$!
    until_true 20 grep -q up "$BOX/ram"
    kill -9 "$pid"
    wait "$pid" || true
    keg_ok ps -a
    matches "$output" "Exited \(137\)"
    keg rm ram
    equal "$(ls "$KEG_RUNROOT/containers")" ""
}

# ------------------------------------------------------------------ what others have

@test "a flag of docker's that keg has not says what to use" {
    keg_fails 125 "--publish is not supported: .*--network host" run -p 80:80 busybox true
    keg_fails 125 "--detach is not supported: .*keg run .* &" run -d busybox true
    keg_fails 125 "--gpus is not supported" run --gpus all busybox true
    keg_fails 125 "--restart: 'always' is not supported" run --restart always busybox true
    in_busybox true --restart no --no-healthcheck
}

@test "a mistyped flag is guessed" {
    keg_fails 125 "unknown flag: --ulimits \(did you mean --ulimit\?\)" run --ulimits nofile=1 busybox true
}
