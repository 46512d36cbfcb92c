#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg-runtime and bad input: ids, bundles, configs. Nothing of a failed create is left.

load helper
load runtime_helper

setup() {
    bundle_new
}

teardown() {
    runtime_teardown
}

# What must be the same before and after; "keg" is the parent of all containers' cgroups.
traces() {
    ls -A "$STATES" 2>/dev/null
    find /sys/fs/cgroup -type d ! -name keg 2>/dev/null | sort
    findmnt -rn | wc -l
}

refuses_config() {
    local before
    before=$(traces)
    runtime_fails 1 "$1" create -b "$BUNDLE" c
    equal "$(traces)" "$before"
}

@test "every verb refuses ids that could lead elsewhere, before it touches anything" {
    local id verb long
    long=$(printf 'x%.0s' {1..1024})
    for id in ../x . .. "" a/b /etc "$long" .hidden 'a b' $'a\nb' 'ä'; do
        for verb in state start delete "delete --force" kill "create -b $BUNDLE" "run -b $BUNDLE" \
            exec ps pause resume "update --memory 64m" "events --stats"; do
            # shellcheck disable=SC2086
            run --separate-stderr runtime $verb "$id" sh
            [ "$status" != 0 ] || fail "$verb took $id"
            # those that take one argument complain of two
            # shellcheck disable=SC2086
            run --separate-stderr runtime $verb "$id"
            [ "$status" != 0 ] || fail "$verb took $id"
            matches "$stderr" 'container id'
        done
    done
    [ ! -e "$STATES" ] || equal "$(ls -A "$STATES")" ""
}

@test "a bundle or config.json that is not there" {
    refuses_dir() { runtime_fails 1 "$2" create -b "$1" c; }
    refuses_dir "$BOX/none" "bundle '$BOX/none': no such file or directory"
    refuses_dir "$BUNDLE/config.json" "not a directory"
    rm "$BUNDLE/config.json"
    refuses_config "config.json.*no such file or directory"
    mkdir "$BUNDLE/config.json"
    refuses_config "config.json"
    rmdir "$BUNDLE/config.json"
    mkfifo "$BUNDLE/config.json"
    refuses_config "config.json"
}

@test "a config.json that is no JSON, cut, or too long" {
    local text
    for text in '' 'x' '{' '[]' '"x"' '{"ociVersion": "1.0.2"' $'{}\n{}'; do
        printf '%s' "$text" >"$BUNDLE/config.json"
        refuses_config "config.json"
    done
    python3 -c 'print("{\"x\": \"" + "x" * (9 << 20) + "\"}")' >"$BUNDLE/config.json"
    refuses_config "config.json.*(large|long|bytes|big)"
    python3 -c 'print("[" * 100000)' >"$BUNDLE/config.json"
    refuses_config "config.json"
    head -c 100 /dev/urandom >"$BUNDLE/config.json"
    refuses_config "config.json"
}

@test "duplicate names are refused" {
    printf '{"ociVersion": "1.0.2", "ociVersion": "1.0.2"}' >"$BUNDLE/config.json"
    refuses_config "duplicate"
}

# One statement and the words that name its place, a line each.
@test "wrong types, unknown values, what is missing: the error names the JSON path" {
    local statement words
    while IFS='|' read -r statement words; do
        bundle_new "$statement"
        refuses_config "$words"
    done <<'ROWS'
del c["ociVersion"]|ociVersion
c["ociVersion"] = "2.0.0"|ociVersion
c["ociVersion"] = 1|ociVersion
del c["root"]|root
c["root"] = []|root
c["root"]["path"] = 7|root.path
c["process"]["args"] = "sh"|process.args
c["process"]["args"] = [1]|process.args
c["process"]["args"] = []|args
c["process"]["cwd"] = "relative"|process.cwd
c["process"]["user"]["uid"] = -1|process.user.uid
c["process"]["user"]["uid"] = 1 << 40|process.user.uid
c["process"]["rlimits"] = [{"type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1}]|process.rlimits\[0\]
c["linux"]["namespaces"][2]["type"] = "pidd"|linux.namespaces\[2\].type
c["linux"]["namespaces"].append({"type": "pid"})|linux.namespaces
c["linux"]["namespaces"][0]["path"] = "/no/such"|/no/such
c["mounts"] = {}|mounts
c["mounts"].append({"destination": "/x", "type": "nosuchfs", "source": "x"})|/x
c["mounts"].append({"destination": "/x", "type": "bind", "source": "/no/such", "options": ["bind"]})|/x
c["linux"]["resources"]["memory"] = {"limit": "64m"}|linux.resources.memory.limit
c["linux"]["resources"]["devices"] = [{"allow": True, "type": "q"}]|linux.resources.devices\[0\]
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_NOSUCH"}|linux.seccomp.defaultAction
c["hooks"] = {"prestart": [{"path": "relative"}]}|hooks.prestart\[0\].path
c["linux"]["rootfsPropagation"] = "sideways"|rootfsPropagation
c["root"]["path"] = "nosuchfolder"|nosuchfolder
ROWS
}

@test "hooks that fail at create: the error says which, and nothing is left" {
    bundle_set 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo why >&2; exit 3"]}]}'
    refuses_config "createRuntime|why"
}

@test "a program that does not start: the state says stopped, and delete removes it" {
    printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/script"
    chmod 755 "$BUNDLE/rootfs/bin/script"
    bundle_set 'c["process"]["args"] = ["script"]'
    create c
    runtime_fails 1 "no such file or directory" start c
    until_true 10 has_status c stopped
    runtime_ok delete c
    nothing_left c
    runtime_fails 1 "no such file or directory" run -b "$BUNDLE" c
    nothing_left c
}

@test "a create that is killed leaves nothing that delete --force cannot remove" {
    bundle_set 'c["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "4715"]}]}'
    keg-runtime create -b "$BUNDLE" c </dev/null >/dev/null 2>&1 3>&- &
    local pid=$!
    until_true 10 pgrep -f '^sleep 4715' >/dev/null
    kill -KILL $pid
    wait $pid || true
    pkill -f '^sleep 4715' || true
    runtime_ok delete --force c
    nothing_left c
}

@test "a create that is killed at any step leaves no cgroup at a path of its own, once it is deleted" {
    local call
    bundle_set 'c["linux"]["cgroupsPath"] = "/engine/cut"'
    for call in mkdir:when=3 socketpair:when=1 clone3:when=1; do
        run strace -f -qq -o /dev/null -e "trace=${call%%:*}" -e "inject=${call%%:*}:signal=KILL:${call#*:}" \
            "$KEG_BIN/keg-runtime" create --bundle "$BUNDLE" cut </dev/null 3>&-
        runtime_ok delete --force cut
        equal "$(find /sys/fs/cgroup -path '*/engine/cut' -type d)" ""
        nothing_left cut
    done
    find /sys/fs/cgroup -depth -path '*/engine' -type d -exec rmdir {} + 2>/dev/null || true
}

@test "two at once for one id: one makes it, the other is told" {
    local i made=0 pids=
    for i in 1 2 3 4; do
        { keg-runtime create -b "$BUNDLE" c </dev/null >/dev/null 2>"$BOX/err.$i" 3>&- && echo made >"$BOX/made.$i"; } &
        pids="$pids $!"
    done
    # shellcheck disable=SC2086
    wait $pids || true
    for i in 1 2 3 4; do
        if [ -e "$BOX/made.$i" ]; then
            made=$((made + 1))
        else
            matches "$(cat "$BOX/err.$i")" "container with id exists"
        fi
    done
    equal $made 1
    has_status c created
}
