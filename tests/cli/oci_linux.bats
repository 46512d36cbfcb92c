#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What runtime-spec 1.2 says in config-linux.md and runtime-linux.md, by section: seen from inside of a container.

load helper
load runtime_helper

setup() {
    bundle_new
}

teardown() {
    runtime_teardown
}

# cgroup_file V1 V2: the text of the container's own file.
cgroup_file() {
    local file
    for file in /sys/fs/cgroup/${1%%/*}/*spec*/"${1#*/}" /sys/fs/cgroup/*/spec/"$2" /sys/fs/cgroup/*/*/spec/"${1#*/}"; do
        [ ! -f "$file" ] || { cat "$file"; return; }
    done
    fail "no such file: $1, $2"
}

has_v1() {
    [ -d "/sys/fs/cgroup/$1" ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]
}

# ---- Default filesystems, file descriptors, /dev

@test "the program has fds 0, 1 and 2, and no others" {
    inside 'exec ls /proc/self/fd'
    equal "$(tr '\n' ' ' <<<"$output")" "0 1 2 3 " # ls's own is 3
}

@test "the links in /dev that the spec lists" {
    inside 'for l in fd stdin stdout stderr; do busybox readlink /dev/$l; done'
    equal "$output" "$(printf '/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2')"
}

@test "the default devices" {
    inside 'for d in null zero full random urandom tty; do busybox stat -c "%n %t:%T %a" /dev/$d; done; busybox readlink /dev/ptmx'
    equal "$output" "$(printf '%s\n' '/dev/null 1:3 666' '/dev/zero 1:5 666' '/dev/full 1:7 666' '/dev/random 1:8 666' \
        '/dev/urandom 1:9 666' '/dev/tty 5:0 666' pts/ptmx)"
}

# ---- Namespaces

@test "namespaces: those that are listed are new, others are the runtime's" {
    local type
    for type in pid net ipc uts mnt cgroup; do
        inside "busybox readlink /proc/self/ns/$type"
        [ "$output" != "$(readlink /proc/self/ns/$type)" ] || fail "$type is shared"
    done
    bundle_set "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] not in ('ipc', 'network')]"
    for type in net ipc user; do
        inside "busybox readlink /proc/self/ns/$type"
        equal "$output" "$(readlink /proc/self/ns/$type)"
    done
}

@test "namespaces: by path; a path MUST be absolute and of that type; a type MUST NOT be there twice" {
    unshare --net sleep 1000 3>&- &
    local other=$!
    until_true 5 sh -c "[ \"\$(readlink /proc/$other/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
    bundle_set "c['linux']['namespaces'][1]['path'] = '/proc/$other/ns/net'"
    inside 'busybox readlink /proc/self/ns/net'
    equal "$output" "$(readlink "/proc/$other/ns/net")"
    bundle_set "c['linux']['namespaces'][1]['path'] = '/proc/$other/ns/uts'"
    refused "another type"
    bundle_set "c['linux']['namespaces'][1]['path'] = 'relative'"
    refused "relative|absolute"
    kill "$other"
    bundle_set "c['linux']['namespaces'][1] = {'type': 'pid'}"
    refused "pid"
    bundle_set "c['linux']['namespaces'][1] = {'type': 'nosuch'}"
    refused "linux.namespaces\[1\].type.*nosuch"
}

# ---- User and time namespaces

@test "uidMappings and gidMappings" {
    chown -R 100000:100000 "$BUNDLE/rootfs"
    bundle_set "c['linux']['namespaces'].append({'type': 'user'})" \
        "c['linux']['uidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]" \
        "c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]"
    inside 'id -u; cat /proc/self/uid_map; echo x >/made'
    equal "$(tr -s ' ' <<<"$output")" "$(printf '0\n 0 100000 65536')"
    equal "$(stat -c %u "$BUNDLE/rootfs/made")" 100000
}

@test "a user namespace without mappings, and mappings without one" {
    bundle_set "c['linux']['namespaces'].append({'type': 'user'})"
    refused "uidMappings"
    bundle_set "c['linux']['namespaces'].pop()" "c['linux']['uidMappings'] = [{'containerID': 0, 'hostID': 1, 'size': 1}]"
    refused "user namespace"
}

@test "timeOffsets" {
    [ -e /proc/self/ns/time ] || skip "this kernel has no time namespaces"
    bundle_set "c['linux']['namespaces'].append({'type': 'time'})" \
        "c['linux']['timeOffsets'] = {'boottime': {'secs': 1000000, 'nanosecs': 0}, 'monotonic': {'secs': 5}}"
    inside 'cat /proc/self/timens_offsets; cat /proc/uptime'
    matches "$(tr -s ' ' <<<"$output")" "boottime 1000000 0"
    [ "$(tail -1 <<<"$output" | cut -d. -f1)" -ge 1000000 ]
}

# ---- Devices

@test "devices: made with mode and owner; allowed by the list" {
    bundle_set "c['linux']['devices'] = [{'path': '/dev/mine', 'type': 'c', 'major': 1, 'minor': 5, 'fileMode': 0o644, 'uid': 12, 'gid': 34},
        {'path': '/dev/pipe', 'type': 'p', 'fileMode': 0o600}]" \
        "c['linux']['resources']['devices'].append({'allow': True, 'type': 'c', 'major': 1, 'minor': 5, 'access': 'rw'})"
    inside 'busybox stat -c "%F %t:%T %a %u %g" /dev/mine; busybox stat -c "%F %a" /dev/pipe; busybox head -c1 /dev/mine | busybox wc -c'
    equal "$output" "$(printf 'character special file 1:5 644 12 34\nfifo 600\n1')"
}

@test "devices: what is not allowed cannot be opened, the default ones can" {
    bundle_set "c['process']['capabilities']['bounding'].append('CAP_MKNOD')" \
        "c['process']['capabilities']['effective'].append('CAP_MKNOD')" \
        "c['process']['capabilities']['permitted'].append('CAP_MKNOD')"
    inside 'busybox mknod /dev/mem c 1 1 && (cat </dev/mem >/dev/null) 2>&1; echo x >/dev/null && echo null'
    matches "$output" "Operation not permitted|Permission denied"
    matches "$output" "^null$"
}

@test "devices: a path that holds another device MUST be an error, or replaced; an unknown type is an error" {
    bundle_set "c['linux']['devices'] = [{'path': '/dev/x', 'type': 'q', 'major': 1, 'minor': 5}]"
    refused "linux.devices\[0\].type"
}

# ---- Control groups

@test "cgroupsPath: an absolute one is below the hierarchy's root; the same one means the same place" {
    bundle_set "c['linux']['cgroupsPath'] = '/given/place/spec'"
    create spec
    [ -n "$(find /sys/fs/cgroup -path '*/given/place/spec' -type d | head -1)" ]
    runtime_ok delete spec
    [ -z "$(find /sys/fs/cgroup -path '*/given/place/spec' -type d | head -1)" ]
    find /sys/fs/cgroup -depth -path '*/given*' -type d -exec rmdir {} + 2>/dev/null || true
}

@test "cgroupsPath: none that leads elsewhere" {
    bundle_set "c['linux']['cgroupsPath'] = '/given/../../spec'"
    refused "\.\."
}

@test "memory: limit, reservation, swap, swappiness" {
    bundle_set "c['linux']['resources']['memory'] = {'limit': 67108864, 'reservation': 33554432}"
    create spec
    equal "$(cgroup_file memory/memory.limit_in_bytes memory.max)" 67108864
    equal "$(cgroup_file memory/memory.soft_limit_in_bytes memory.low)" 33554432
}

@test "cpu: shares, quota, period; cpuset" {
    bundle_set "c['linux']['resources']['cpu'] = {'quota': 50000, 'period': 100000, 'cpus': '0', 'mems': '0', 'shares': 512}"
    create spec
    if has_v1 cpu; then
        equal "$(cgroup_file cpu/cpu.cfs_quota_us x)" 50000
        equal "$(cgroup_file cpu/cpu.shares x)" 512
    else
        equal "$(cgroup_file x cpu.max)" "50000 100000"
    fi
    equal "$(cgroup_file cpuset/cpuset.cpus cpuset.cpus)" 0
}

@test "pids: limit; block io: throttling" {
    bundle_set "c['linux']['resources']['pids'] = {'limit': 17}" \
        "c['linux']['resources']['blockIO'] = {'throttleReadBpsDevice': [{'major': 7, 'minor': 0, 'rate': 1048576}]}"
    if [ ! -b /dev/loop0 ]; then
        bundle_set "del c['linux']['resources']['blockIO']"
    fi
    create spec
    equal "$(cgroup_file pids/pids.max pids.max)" 17
}

@test "what this machine has no controller for is an error that names it" {
    ! has_v1 hugetlb && [ ! -e /sys/fs/cgroup/cgroup.controllers ] || skip "this machine has all of them"
    bundle_set "c['linux']['resources']['hugepageLimits'] = [{'pageSize': '2MB', 'limit': 2097152}]"
    refused "hugetlb"
    bundle_set "del c['linux']['resources']['hugepageLimits']" "c['linux']['resources']['network'] = {'classID': 1}"
    refused "net_cls"
}

@test "unified: on cgroup v1 an error" {
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || skip "this machine has cgroup v2"
    bundle_set "c['linux']['resources']['unified'] = {'memory.high': '1048576'}"
    refused "unified|v2"
}

@test "intelRdt: where the machine has no resctrl, an error" {
    [ ! -e /sys/fs/resctrl/schemata ] || skip "this machine has resctrl"
    bundle_set "c['linux']['intelRdt'] = {'closID': 'x', 'l3CacheSchema': 'L3:0=1'}"
    refused "resctrl"
}

# ---- Sysctl

@test "sysctl: set; those of the host are refused" {
    bundle_set "c['linux']['sysctl'] = {'kernel.msgmax': '4096', 'net.ipv4.ip_forward': '1'}"
    inside 'cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward'
    equal "$output" "$(printf '4096\n1')"
    bundle_set "c['linux']['sysctl'] = {'kernel.core_pattern': '|/bin/x'}"
    refused "kernel.core_pattern"
    bundle_set "c['linux']['sysctl'] = {'net.ipv4.ip_forward': '1'}" \
        "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'network']"
    refused "net.ipv4.ip_forward"
}

# ---- Seccomp

@test "seccomp: default action, rules, errno, arguments" {
    bundle_set "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
        'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28},
                     {'names': ['kill'], 'action': 'SCMP_ACT_ERRNO', 'args': [{'index': 1, 'value': 10, 'op': 'SCMP_CMP_EQ'}]}]}"
    inside 'busybox mkdir /made 2>&1; kill -10 $$ 2>&1; kill -0 $$ && echo zero; busybox grep ^Seccomp: /proc/self/status'
    matches "$output" "No space left on device"
    matches "$output" "Operation not permitted|not permitted"
    matches "$output" "^zero$"
    matches "$output" "Seccomp:.2"
}

@test "seccomp: KILL_PROCESS kills; unknown actions are errors" {
    bundle_set "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW',
        'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_KILL_PROCESS'}]}"
    bundle_script 'busybox mkdir /made; echo $?'
    run --separate-stderr runtime run --bundle "$BUNDLE" spec </dev/null
    equal "$output" 159
    bundle_set "c['linux']['seccomp']['defaultAction'] = 'SCMP_ACT_NOSUCH'"
    refused "seccomp.defaultAction"
}

# ---- Root propagation, masked and read-only paths

@test "rootfsPropagation" {
    local value
    for value in private: slave:master shared:shared unbindable:unbindable; do
        mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs" && mount --make-shared "$BUNDLE/rootfs"
        bundle_set "c['linux']['rootfsPropagation'] = '${value%%:*}'"
        inside 'busybox grep " / / " /proc/self/mountinfo || busybox awk "\$5 == \"/\"" /proc/self/mountinfo'
        umount "$BUNDLE/rootfs"
        [ -z "${value#*:}" ] || matches "$output" "${value#*:}"
    done
    bundle_set "c['linux']['rootfsPropagation'] = 'nosuch'"
    refused "rootfsPropagation"
}

@test "maskedPaths: files are empty, folders too, what is not there is left; readonlyPaths" {
    mkdir "$BUNDLE/rootfs/folder" "$BUNDLE/rootfs/kept" && echo secret >"$BUNDLE/rootfs/folder/file"
    echo secret >"$BUNDLE/rootfs/file"
    bundle_set "c['linux']['maskedPaths'] = ['/folder', '/file', '/nosuch']" "c['linux']['readonlyPaths'] = ['/kept', '/nosuch']"
    inside 'cat /file; ls /folder; busybox touch /folder/x 2>/dev/null || echo ro; busybox touch /kept/x 2>/dev/null || echo ro; ls /nosuch 2>/dev/null || echo none'
    equal "$output" "$(printf 'ro\nro\nnone')"
}

@test "maskedPaths and readonlyPaths MUST be absolute" {
    bundle_set "c['linux']['maskedPaths'] = ['relative']"
    refused "maskedPaths"
}

# ---- Personality

@test "personality" {
    [ "$(uname -m)" = x86_64 ] || skip "other names elsewhere"
    bundle_set "c['linux']['personality'] = {'domain': 'LINUX32'}"
    inside 'busybox uname -m'
    equal "$output" i686
    bundle_set "c['linux']['personality'] = {'domain': 'NOSUCH'}"
    refused "linux.personality.domain"
}
