#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.json: what keg writes other runtimes run, and what is wrong in one is named.

load helper
load runtime_helper

setup() {
    bundle_new
}

teardown() {
    runtime_teardown
}

# as_bundle: what is in config.json runs one line of sh in the bundle's rootfs, without a terminal.
as_bundle() {
    # shellcheck disable=SC2016
    bundle_set 'c["process"].update(terminal=False, args=["/bin/sh", "-c", "echo it ran in $PWD"])' \
        'c["root"]["path"] = "rootfs"'
}

# peers_run: runc and crun, each.
peers_run() {
    local peer
    as_bundle
    for peer in runc crun; do
        run timeout 60 $peer --root "$BOX/peer" run --bundle "$BUNDLE" "peer-$peer" </dev/null
        [[ $peer = crun && $output == *"hybrid mode not supported"* ]] && crun_refuses=yes && continue
        matches "$output" "it ran in /$" || fail "$peer"
    done
}

# peers_done: at the end, so that the others have been tried.
peers_done() {
    [ -z "${crun_refuses-}" ] || skip "crun takes no cgroups that are partly v2; the others ran it"
}

@test "the example that spec writes: by runc, crun and keg-runtime" {
    local flag
    for flag in "" --rootless; do
        rm "$BUNDLE/config.json"
        # shellcheck disable=SC2086
        runtime_ok spec --bundle "$BUNDLE" $flag
        peers_run
        runtime_ok run --bundle "$BUNDLE" example
        equal "$output" "it ran in /"
    done
    peers_done
}

@test "the config.json of keg run: by runc and crun" {
    keg_ok run --name specimen --network none --memory 64m --ulimit core=0:-1 --cap-add NET_RAW \
        --rootfs "$BUNDLE/rootfs" true
    cp "$KEG_ROOT"/containers/*/config.json "$BUNDLE/config.json"
    keg_ok rm specimen
    grep -q '"hard": 18446744073709551615' "$BUNDLE/config.json"
    # files that went with the container, and a limit that only CAP_SYS_RESOURCE may raise
    bundle_set 'c["process"]["rlimits"] = []' \
        'c["mounts"] = [mount for mount in c["mounts"] if mount["type"] != "bind"]'
    peers_run
    peers_done
}

@test "features: JSON, and both versions of it are taken" {
    local version
    runtime_ok features
    for version in $(python3 -c '
import json, sys
document = json.load(sys.stdin)
print(document["ociVersionMin"], document["ociVersionMax"])' <<<"$output"); do
        bundle_set "c['ociVersion'] = '$version'; c['process']['args'] = ['true']"
        runtime_ok run --bundle "$BUNDLE" version
    done
}

@test "every mount option that features lists is taken" {
    bundle_set 'import json, subprocess
options = json.loads(subprocess.check_output(["keg-runtime", "features"]))["mountOptions"]
odd = {"remount", "idmap", "ridmap", "unbindable", "runbindable", "mand", "iversion"}
c["process"]["args"] = ["true"]
c["mounts"] += [{"destination": "/tmp/" + name, "type": "tmpfs", "source": "tmpfs", "options": [name]}
                for name in options if name not in odd and not name.endswith("bind")]'
    runtime_ok run --bundle "$BUNDLE" options
}

# wrong STATEMENT WORDS: create fails with them, and nothing stays.
wrong() {
    cp "$BUNDLE/config.json" "$BOX/right.json"
    bundle_set "$1"
    runtime_fails 1 "config.json'?: $2" create --bundle "$BUNDLE" wrong
    nothing_left wrong
    cp "$BOX/right.json" "$BUNDLE/config.json"
}

@test "what is wrong is named by its path, and nothing is left" {
    wrong 'c["linux"]["namespaces"][2]["type"] = "pidd"' "linux.namespaces\[2\].type: unknown namespace 'pidd'"
    wrong 'c["process"]["args"] = ["a", 7]' 'process.args\[1\]: not a string'
    wrong 'c["linux"]["resources"]["memory"] = {"limit": "64m"}' 'linux.resources.memory.limit: not a number'
    wrong 'c["process"]["rlimits"] *= 2' 'process.rlimits: RLIMIT_NOFILE twice'
    wrong 'c["hooks"] = {"poststop": [{"path": "x"}]}' "hooks.poststop\[0\].path: 'x' is not an absolute path"
    wrong 'c["ociVersion"] = "2.0.0"' 'ociVersion: version 2.0.0 is not supported'
    wrong 'del c["root"]' 'root: missing'
}

@test "a missing, an empty, a cut and a doubled config.json" {
    rm "$BUNDLE/config.json"
    runtime_fails 1 "config.json'?: no such file or directory" create --bundle "$BUNDLE" wrong
    : >"$BUNDLE/config.json"
    runtime_fails 1 "config.json'?: not valid JSON: line 1" create --bundle "$BUNDLE" wrong
    printf '{\n"ociVersion": "1.0.2",\n"root": {"path"' >"$BUNDLE/config.json"
    runtime_fails 1 "config.json'?: not valid JSON: line 3" create --bundle "$BUNDLE" wrong
    printf '{\n"root": {},\n"root": {}}' >"$BUNDLE/config.json"
    runtime_fails 1 "config.json'?: not valid JSON: line 3 .*duplicate" create --bundle "$BUNDLE" wrong
    truncate -s 9M "$BUNDLE/config.json"
    runtime_fails 1 "config.json" create --bundle "$BUNDLE" wrong
    nothing_left wrong
}
