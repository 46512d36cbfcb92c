# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every file of tests/cli loads. The files run inside the box: ./dev test cli tests/cli/FILE.bats

bats_require_minimum_version 1.5.0

[ -n "${BOX-}" ] && [ -n "${KEG_BIN-}" ] || {
    echo "not in the box: run ./dev test cli $BATS_TEST_FILENAME" >&2
    exit 1
}

PROJECT=$(readlink -f "$BATS_TEST_DIRNAME/../..")
# shellcheck source=../registry/lib.sh
source "$PROJECT/tests/registry/lib.sh"
PATH=$KEG_BIN:$PATH

# Sanitizers report into files, which teardown looks for: also those of processes that no test waits for.
export ASAN_OPTIONS=log_path=$BOX/sanitizer
export UBSAN_OPTIONS=log_path=$BOX/sanitizer:print_stacktrace=1:halt_on_error=1
export LSAN_OPTIONS=log_path=$BOX/sanitizer

no_sanitizer_report() {
    local report
    for report in "$BOX"/sanitizer.*; do
        [ -e "$report" ] || return 0
        cat "$report"
        rm "$report"
        false
    done
}

teardown() {
    no_sanitizer_report
}

# fail WORDS: end the test, with the last output of `run`.
fail() {
    echo "$*"
    echo "status: ${status-}"
    echo "output: ${output-}"
    [ -z "${stderr-}" ] || echo "stderr: $stderr"
    return 1
}

# keg_ok ARG...: keg, which has to succeed. $output is its standard output, $stderr its standard error.
keg_ok() {
    run --separate-stderr keg "$@"
    [ "$status" = 0 ] || fail "keg $* failed"
}

# keg_fails CODE REGEX ARG...: keg, which has to fail with that exit code and one line of standard error that fits.
keg_fails() {
    local code=$1 regex=$2
    shift 2
    run --separate-stderr "-$code" keg "$@" || fail "keg $* ended with $status instead of $code"
    # shellcheck disable=SC2154
    grep -qE -- "$regex" <<<"$stderr" || fail "keg $*: no line of standard error fits: $regex"
}

equal() {
    [ "$1" = "$2" ] || fail "$(printf 'expected: %q\nfound:    %q' "$2" "$1")"
}

matches() {
    grep -qE -- "$2" <<<"$1" || fail "$(printf 'does not fit %s: %q' "$2" "$1")"
}

# A store with nothing in it.
store_reset() {
    rm -rf "$KEG_ROOT" "$KEG_RUNROOT"
}

# store_files: every file of the store but its lock. What must be empty when nothing was stored.
store_files() {
    [ ! -d "$KEG_ROOT" ] || find "$KEG_ROOT" -mindepth 1 ! -type d ! -path "$KEG_ROOT/lock"
}

nothing_stored() {
    local left
    left=$(store_files)
    [ -z "$left" ] || fail "the store holds: $left"
    equal "$(keg images -q)" ""
}

# busybox_ready: the registry on localhost:5000 with busybox in it, pulled as "busybox" through a mirror entry,
# without TLS. For the files that are not about pulling.
busybox_ready() {
    registry_start 5000
    mirror_dockerio localhost:5000
    image_push library/busybox:latest busybox >/dev/null
    keg pull -q busybox
}

# mirror_dockerio HOST...: a registries.conf in which these are tried first for docker.io.
mirror_dockerio() {
    local host
    {
        printf '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n'
        for host in "$@"; do
            printf '[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' "$host"
        done
    } >"$BOX/registries.conf"
    export CONTAINERS_REGISTRIES_CONF=$BOX/registries.conf
}

# image_ready NAME [REPOSITORY]: an image of images.py, pulled from localhost:5000.
image_ready() {
    image_push "${2-$1}:latest" "$1" >/dev/null
    keg pull -q "localhost:5000/${2-$1}" >/dev/null
}

# until_true SECONDS CMD...: poll.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}
