#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What runtime-spec 1.2 says in config.md, by section: seen from inside of a container.

load helper
load runtime_helper

setup() {
    bundle_new
}

teardown() {
    runtime_teardown
}

# ---- Root

@test "root: readonly MUST make the root read-only" {
    bundle_set 'c["root"]["readonly"] = True'
    inside 'busybox touch /made 2>&1; echo $?'
    matches "$output" "Read-only file system"
}

@test "root: not readonly, it can be written" {
    inside 'echo x >/made && cat /made'
    equal "$output" x
}

@test "root: path MUST exist and be a folder; a relative one is the bundle's, an absolute one the host's" {
    bundle_set 'c["root"]["path"] = "nowhere"'
    refused "nowhere.*no such file or directory"
    bundle_set 'c["root"]["path"] = "rootfs/bin/busybox"'
    refused "not a directory"
    bundle_set "c['root']['path'] = '$BUNDLE/rootfs'"
    inside 'echo absolute'
    equal "$output" absolute
}

@test "root: MUST be set" {
    bundle_set 'del c["root"]'
    refused "root"
}

# ---- Mounts

@test "mounts: MUST be made in the listed order" {
    mkdir -p "$BUNDLE/a/below" "$BUNDLE/b" && echo a >"$BUNDLE/a/file" && echo b >"$BUNDLE/b/file"
    bundle_set "c['mounts'] += [{'destination': '/m', 'type': 'bind', 'source': '$BUNDLE/a', 'options': ['bind']},
        {'destination': '/m/below', 'type': 'bind', 'source': '$BUNDLE/b', 'options': ['bind']}]"
    inside 'cat /m/file /m/below/file'
    equal "$output" "$(printf 'a\nb')"
}

@test "mounts: a relative source is the bundle's" {
    mkdir "$BUNDLE/given" && echo given >"$BUNDLE/given/file"
    bundle_set "c['mounts'] += [{'destination': '/g', 'type': 'bind', 'source': 'given', 'options': ['bind']}]"
    inside 'cat /g/file'
    equal "$output" given
}

@test "mounts: options of the mount point" {
    mkdir "$BUNDLE/given" && cp "$(command -v busybox)" "$BUNDLE/given/true"
    local option flag
    for option in ro nosuid nodev noexec noatime nodiratime relatime nosymfollow; do
        flag=$option
        bundle_set "c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/g']" \
            "c['mounts'] += [{'destination': '/g', 'type': 'bind', 'source': '$BUNDLE/given', 'options': ['bind', '$option']}]"
        inside 'busybox grep " /g " /proc/self/mountinfo'
        matches "$(cut -d' ' -f6 <<<"$output")" "(^|,)$flag(,|$)"
    done
}

@test "mounts: recursive read-only (rro) holds for mounts below, ro does not" {
    mkdir -p "$BUNDLE/given/below"
    mount -t tmpfs tmpfs "$BUNDLE/given/below"
    bundle_set "c['mounts'] += [{'destination': '/g', 'type': 'bind', 'source': '$BUNDLE/given', 'options': ['rbind', 'ro']}]"
    inside 'busybox touch /g/below/x && echo written'
    equal "$output" written
    bundle_set "c['mounts'][-1]['options'] = ['rbind', 'rro']"
    inside 'busybox touch /g/below/x 2>/dev/null || echo refused'
    umount "$BUNDLE/given/below"
    equal "$output" refused
}

@test "mounts: tmpfs with data of its own, and tmpcopyup" {
    mkdir "$BUNDLE/rootfs/full" && echo there >"$BUNDLE/rootfs/full/file"
    bundle_set "c['mounts'] += [{'destination': '/full', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['tmpcopyup', 'size=1m', 'mode=700']}]"
    inside 'cat /full/file; echo changed >/full/file; busybox stat -c %a /full'
    equal "$output" "$(printf 'there\n700')"
    equal "$(cat "$BUNDLE/rootfs/full/file")" there
}

@test "mounts: propagation" {
    mkdir "$BUNDLE/given"
    local option tag
    for option in private:'^-$' slave:master shared:shared; do
        mount --bind "$BUNDLE/given" "$BUNDLE/given" && mount --make-shared "$BUNDLE/given"
        bundle_set "c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/g']" \
            "c['mounts'] += [{'destination': '/g', 'type': 'bind', 'source': '$BUNDLE/given', 'options': ['bind', '${option%%:*}']}]"
        inside 'busybox grep " /g " /proc/self/mountinfo'
        umount "$BUNDLE/given"
        tag=$(cut -d' ' -f7 <<<"$output")
        matches "$tag" "${option#*:}"
    done
}

@test "mounts: id-mapped" {
    mkdir "$BUNDLE/given" && echo x >"$BUNDLE/given/file" && chown 1000:1000 "$BUNDLE/given/file"
    bundle_set "c['mounts'] += [{'destination': '/g', 'type': 'bind', 'source': '$BUNDLE/given', 'options': ['bind', 'idmap'],
        'uidMappings': [{'containerID': 1000, 'hostID': 5000, 'size': 1}], 'gidMappings': [{'containerID': 1000, 'hostID': 5000, 'size': 1}]}]"
    inside 'busybox stat -c "%u %g" /g/file'
    equal "$output" "5000 5000"
}

@test "mounts: without a destination, or of a type that the kernel does not have" {
    bundle_set "c['mounts'] += [{'type': 'tmpfs', 'source': 'tmpfs'}]"
    refused "mounts\[3\]"
    bundle_set "c['mounts'][-1] = {'destination': '/x', 'type': 'nosuchfs', 'source': 'x'}"
    refused "nosuchfs|/x"
}

# ---- Process

@test "process: cwd MUST be absolute; it is where the program begins" {
    bundle_set "c['process']['cwd'] = '/tmp'"
    inside 'pwd'
    equal "$output" /tmp
    bundle_set "c['process']['cwd'] = 'tmp'"
    refused "process.cwd"
}

@test "process: env is the program's, and no other" {
    bundle_set "c['process']['env'] = ['PATH=/bin', 'A=b c', 'EMPTY=']"
    SECRET=1 inside 'env | busybox sort'
    refute=$(grep -c SECRET <<<"$output" || true)
    equal "$refute" 0
    matches "$output" "^A=b c$"
    matches "$output" "^EMPTY=$"
}

@test "process: args MUST have an entry" {
    bundle_set "c['process']['args'] = []"
    refused "process.args"
}

@test "process: rlimits are set, soft and hard; the same one twice MUST be an error; so is an unknown one" {
    bundle_set "c['process']['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 100, 'hard': 200}, {'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 0}]"
    inside 'ulimit -Sn; ulimit -Hn; ulimit -c'
    equal "$output" "$(printf '100\n200\n0')"
    bundle_set "c['process']['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 1, 'hard': 2}] * 2"
    refused "RLIMIT_NOFILE"
    bundle_set "c['process']['rlimits'] = [{'type': 'RLIMIT_NOSUCH', 'soft': 1, 'hard': 2}]"
    refused "RLIMIT_NOSUCH"
}

@test "process: noNewPrivileges" {
    inside 'busybox grep NoNewPrivs /proc/self/status'
    equal "$output" "$(printf 'NoNewPrivs:\t1')"
    bundle_set "c['process']['noNewPrivileges'] = False"
    inside 'busybox grep NoNewPrivs /proc/self/status'
    equal "$output" "$(printf 'NoNewPrivs:\t0')"
}

@test "process: capabilities by set; unknown ones are told of and left out" {
    bundle_set "c['process']['capabilities'] = {'bounding': ['CAP_CHOWN', 'CAP_KILL'], 'permitted': ['CAP_CHOWN', 'CAP_KILL'],
        'effective': ['CAP_CHOWN', 'CAP_KILL'], 'inheritable': ['CAP_KILL'], 'ambient': ['CAP_KILL', 'CAP_NOSUCH']}"
    inside 'busybox grep ^Cap /proc/self/status'
    equal "$output" "$(printf 'CapInh:\t%s\nCapPrm:\t%s\nCapEff:\t%s\nCapBnd:\t%s\nCapAmb:\t%s' 0000000000000020 \
        0000000000000021 0000000000000021 0000000000000021 0000000000000020)"
    matches "$stderr" CAP_NOSUCH
}

@test "process: oomScoreAdj" {
    bundle_set "c['process']['oomScoreAdj'] = 345"
    inside 'cat /proc/self/oom_score_adj'
    equal "$output" 345
}

@test "process: scheduler, ioPriority" {
    bundle_set "c['process']['scheduler'] = {'policy': 'SCHED_BATCH', 'nice': 7}" \
        "c['process']['ioPriority'] = {'class': 'IOPRIO_CLASS_IDLE', 'priority': 0}"
    inside 'busybox awk "{print \$19, \$41}" /proc/self/stat; busybox ionice -p $$'
    equal "$output" "$(printf '7 3\nidle')"
}

@test "process: labels that the host's kernel cannot give are errors" {
    if [ ! -d /sys/kernel/security/apparmor ]; then
        bundle_set "c['process']['apparmorProfile'] = 'nosuch'"
        refused "AppArmor"
        bundle_set "del c['process']['apparmorProfile']"
    fi
    if [ ! -d /sys/fs/selinux ]; then
        bundle_set "c['process']['selinuxLabel'] = 'system_u:system_r:nosuch_t:s0'"
        refused "[Ss][Ee][Ll]inux"
    fi
}

@test "process: user, gid, additionalGids, umask" {
    bundle_set "c['process']['user'] = {'uid': 1234, 'gid': 567, 'additionalGids': [8, 9], 'umask': 0o27}"
    inside 'id -u; id -g; busybox grep ^Groups: /proc/self/status; umask'
    equal "$(tr -s ' \t' ' ' <<<"$output")" "$(printf '1234\n567\nGroups: 8 9 \n0027' | sed 's/9 $/9 /')"
}

@test "process: terminal and consoleSize" {
    bundle_set "c['process']['terminal'] = True" "c['process']['consoleSize'] = {'height': 33, 'width': 77}"
    bundle_script 'stty size; tty'
    run script -qec "keg-runtime run --bundle $BUNDLE spec" /dev/null </dev/null
    matches "$output" "/dev/pts/0|/dev/console"
}

# ---- Hostname, domain name

@test "hostname and domainname" {
    bundle_set "c['hostname'] = 'named'" "c['domainname'] = 'example.net'"
    inside 'busybox hostname; cat /proc/sys/kernel/domainname'
    equal "$output" "$(printf 'named\nexample.net')"
}

@test "hostname without a uts namespace MUST NOT change the host's" {
    local before
    before=$(hostname)
    bundle_set "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'uts']"
    refused "hostname"
    equal "$(hostname)" "$before"
}

# ---- Hooks

# hook KIND SCRIPT [TIMEOUT]
hook() {
    KIND=$1 SCRIPT=$2 TIMEOUT=${3-} bundle_set 'import os; h = {"path": "/bin/sh", "args": ["sh", "-c", os.environ["SCRIPT"]],
"env": ["PATH=/bin:/usr/bin", "ONLY=this"]}
if os.environ["TIMEOUT"]: h["timeout"] = int(os.environ["TIMEOUT"])
c.setdefault("hooks", {}).setdefault(os.environ["KIND"], []).append(h)'
}

@test "hooks: all six, in order, with the state on stdin and their own environment" {
    local kind
    for kind in prestart createRuntime createContainer poststart poststop; do
        hook $kind "echo $kind \$(cat | grep -o '\"status\":\"[a-z]*\"') \$ONLY >>$BOX/order"
    done
    hook startContainer "echo startContainer >>/order; cat >>/order"
    rm -f "$BOX/order"
    bundle_script 'echo program; cat /order'
    runtime run --bundle "$BUNDLE" spec </dev/null >"$BOX/said"
    matches "$(cat "$BOX/said")" '^startContainer'
    matches "$(cat "$BOX/said")" '"status":"created"'
    equal "$(cut -d' ' -f1 "$BOX/order" | tr '\n' ' ')" "prestart createRuntime createContainer poststart poststop "
    equal "$(cut -d' ' -f3 "$BOX/order" | sort -u)" this
    matches "$(cat "$BOX/order")" '^prestart "status":"creat(ing|ed)"'
    matches "$(cat "$BOX/order")" '^poststart "status":"running"'
    matches "$(cat "$BOX/order")" '^poststop "status":"stopped"'
}

@test "hooks: createRuntime runs in the runtime's namespaces, createContainer in the container's" {
    hook createRuntime "readlink /proc/self/ns/uts >$BOX/runtime-ns"
    hook createContainer "readlink /proc/self/ns/uts >$BOX/container-ns"
    inside 'busybox readlink /proc/self/ns/uts'
    equal "$(cat "$BOX/runtime-ns")" "$(readlink /proc/self/ns/uts)"
    equal "$(cat "$BOX/container-ns")" "$output"
}

@test "hooks: one that fails before the start ends the creation; one after it is only told" {
    hook createRuntime 'echo because >&2; exit 4'
    refused "createRuntime.*exit code 4.*because"
    bundle_set 'del c["hooks"]'
    hook poststart 'exit 4'
    bundle_script 'echo ran'
    run --separate-stderr runtime run --bundle "$BUNDLE" spec </dev/null
    equal "$output" ran
    matches "$stderr" poststart
}

@test "hooks: the timeout is kept" {
    hook prestart 'sleep 1000' 1
    refused "prestart.*1 s"
}

# ---- Annotations, extensibility, version

@test "annotations are in the state; their values MUST be strings" {
    create spec
    runtime state spec | python3 -c 'import json, sys; assert json.load(sys.stdin)["annotations"] == {"org.example.key": "value"}'
    runtime_ok delete spec
    bundle_set "c['annotations'] = {'a': 1}"
    refused "annotations"
}

@test "unknown properties MUST be ignored" {
    bundle_set "c['nosuch'] = {'a': 1}" "c['process']['nosuch'] = 1" "c['linux']['nosuch'] = []"
    inside 'echo fine'
    equal "$output" fine
}

@test "ociVersion: one that is not supported MUST be refused" {
    bundle_set "c['ociVersion'] = '2.0.0'"
    refused "ociVersion"
    bundle_set "c['ociVersion'] = '1.2.0'"
    inside 'echo fine'
    equal "$output" fine
}

@test "changes of config.json after create MUST NOT reach the container" {
    bundle_script 'echo first'
    create spec
    bundle_script 'echo second'
    runtime_ok start spec
    until_true 5 has_status spec stopped
    equal "$(cat "$BOX/out.spec")" first
}
