# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the files about keg-runtime load, behind helper.bash.

BUNDLE=$BOX/bundle
STATES=/run/keg/runtime

# bundle_new [STATEMENTS...]: a bundle at $BUNDLE: busybox, and a config.json changed by bundle.py.
bundle_new() {
    local applet
    rm -rf "$BUNDLE"
    mkdir -p "$BUNDLE/rootfs/bin" "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/dev" "$BUNDLE/rootfs/tmp"
    cp "$(command -v busybox)" "$BUNDLE/rootfs/bin/busybox"
    for applet in sh sleep cat ls id env tty stty ps true kill pwd nc; do
        ln -s busybox "$BUNDLE/rootfs/bin/$applet"
    done
    bundle_set "$@"
}

# bundle_set STATEMENTS...
bundle_set() {
    "$BATS_TEST_DIRNAME/bundle.py" "$BUNDLE" "$@"
}

# bundle_script SCRIPT: what the container runs.
bundle_script() {
    SCRIPT=$1 bundle_set 'import os; c["process"]["args"] = ["sh", "-c", os.environ["SCRIPT"]]'
}

# runtime ARG...: keg-runtime with no fds of bats's, which a waiting container would hold.
runtime() {
    keg-runtime "$@" 3>&-
}

# runtime_ok ARG...: $output is its standard output, $stderr its standard error.
runtime_ok() {
    run --separate-stderr runtime "$@"
    [ "$status" = 0 ] || fail "keg-runtime $* failed"
}

# runtime_fails CODE REGEX ARG...
runtime_fails() {
    local code=$1 regex=$2
    shift 2
    run --separate-stderr "-$code" runtime "$@" || fail "keg-runtime $* ended with $status instead of $code"
    # shellcheck disable=SC2154
    grep -qE -- "$regex" <<<"$stderr" || fail "keg-runtime $*: no line of standard error fits: $regex"
}

# create ID [ARG...]: from $BUNDLE, with nothing of the test's as its standard streams.
create() {
    local id=$1
    shift
    runtime create --bundle "$BUNDLE" "$@" "$id" </dev/null >"$BOX/out.$id" 2>"$BOX/err.$id" ||
        fail "create $id: $(cat "$BOX/err.$id")"
}

# started ID: created and started.
started() {
    create "$@"
    runtime_ok start "$1"
}

# field ID NAME: of its state.
field() {
    runtime state "$1" 2>/dev/null | python3 -c 'import json, sys; print(json.loads(sys.stdin.read() or "{}").get(sys.argv[1], ""))' "$2"
}

has_status() {
    [ "$(field "$1" status)" = "$2" ]
}

# cgroups ID: its folders in the hierarchies.
cgroups() {
    find /sys/fs/cgroup -depth -type d -name "$1" 2>/dev/null
}

# nothing_left ID
nothing_left() {
    [ ! -e "$STATES/$1" ] || fail "left: $(ls -la "$STATES/$1")"
    equal "$(cgroups "$1")" ""
}

# inside SCRIPT: what it prints, run from $BUNDLE.
inside() {
    bundle_script "$1"
    run --separate-stderr runtime run --bundle "$BUNDLE" spec </dev/null
    [ "$status" = 0 ] || fail "the container ended with $status"
}

# refused REGEX: creating from $BUNDLE fails so, and nothing is left.
refused() {
    run --separate-stderr runtime create --bundle "$BUNDLE" spec </dev/null
    [ "$status" != 0 ] || fail "it was created"
    matches "$stderr" "$1"
    nothing_left spec
}

# Whatever a test left running ends.
runtime_teardown() {
    local id
    for id in $(ls -A "$STATES" 2>/dev/null); do
        keg-runtime delete --force "$id"
    done
    no_sanitizer_report
}
