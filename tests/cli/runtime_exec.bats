#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg-runtime exec: another process in a container.

load helper
load runtime_helper

setup() {
    bundle_new
}

teardown() {
    runtime_teardown
}

# process_json STATEMENTS...: $BOX/process.json, the bundle's process changed.
process_json() {
    python3 - "$BUNDLE/config.json" "$BOX/process.json" "$@" <<'P'
import json, sys
p = json.load(open(sys.argv[1]))["process"]
for statement in sys.argv[3:]:
    exec(statement)
json.dump(p, open(sys.argv[2], "w"))
P
}

@test "the exit code is the program's own; 128 and the number of its signal" {
    local code
    started c
    for code in 0 1 42 255; do
        run runtime exec c sh -c "exit $code"
        equal "$status" $code
    done
    # shellcheck disable=SC2016
    run runtime exec c sh -c 'kill -KILL $$'
    equal "$status" 137
    has_status c running
}

@test "it is inside: pids, root, hostname, environment, working folder" {
    started c
    runtime_ok exec c sh -c 'cat /proc/1/cmdline; echo; ls /; cat /proc/sys/kernel/hostname; echo $TERM'
    matches "$output" 'sleep'
    matches "$output" '^bundle$'
    matches "$output" '^xterm$'
    runtime_ok exec --cwd /bin -e TERM=vt100 --env NEW=1 c sh -c 'pwd; echo $TERM $NEW $PATH'
    equal "$output" $'/bin\nvt100 1 /bin'
}

@test "standard streams are the caller's" {
    started c
    run --separate-stderr bash -c 'echo typed | keg-runtime exec c sh -c "cat; echo to stderr >&2"'
    equal "$output" typed
    equal "$stderr" "to stderr"
}

@test "--user, --additional-gids, --cap, --no-new-privs" {
    started c
    runtime_ok exec --user 5:6 -g 7 -g 8 c id
    equal "$output" "uid=5 gid=6 groups=7,8"
    runtime_ok exec -u 5 c id -g
    equal "$output" 0
    runtime_ok exec -c CAP_SYS_PTRACE c sh -c 'cat /proc/self/status'
    matches "$output" '^CapEff:\s00000000000800e1$'
    bundle_set 'c["process"]["noNewPrivileges"] = False'
    runtime_ok delete -f c
    started c
    runtime_ok exec c cat /proc/self/status
    matches "$output" '^NoNewPrivs:\s0'
    runtime_ok exec --no-new-privs c cat /proc/self/status
    matches "$output" '^NoNewPrivs:\s1'
}

@test "bad words: 255, and what was wrong with them" {
    started c
    runtime_fails 255 "'root' is not a user's or group's number" exec -u root c id
    runtime_fails 255 "'x' is not a user's or group's number" exec -g x c id
    runtime_fails 255 "NOSUCH" exec -c NOSUCH c id
    runtime_fails 255 "cwd 'bin' is not absolute" exec --cwd bin c id
    runtime_fails 255 "process args cannot be empty" exec c
    runtime_fails 255 "container 'none' does not exist" exec none id
}

@test "what cannot be executed: 255, in words that engines know" {
    started c
    runtime_fails 255 'exec: "nosuch": executable file not found in \$PATH' exec c nosuch
    runtime_fails 255 'no such file or directory' exec c /no/such
    runtime_fails 255 'is a directory|permission denied' exec c /bin
    runtime_fails 255 '/none.*no such file or directory' exec --cwd /none c id
}

@test "a created container takes it; a stopped or paused one does not" {
    create c
    runtime_ok exec c id -u
    equal "$output" 0
    runtime_ok start c
    runtime_ok pause c
    runtime_fails 255 "paused" exec c id
    runtime_ok resume c
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    runtime_fails 255 "stopped|not running" exec c id
}

@test "--process: the whole process from a file" {
    started c
    process_json 'p.update(args=["sh", "-c", "id -u; pwd; echo $X"], cwd="/bin", env=["PATH=/bin", "X=y"])' \
        'p["user"] = {"uid": 9, "gid": 9}'
    runtime_ok exec --process "$BOX/process.json" c
    equal "$output" $'9\n/bin\ny'
    echo '{"cwd": "/", "user": {"uid": 0, "gid": 0}, "args": "sh"}' >"$BOX/process.json"
    runtime_fails 255 "process.json.*args" exec -p "$BOX/process.json" c
    runtime_fails 255 "no such file" exec -p "$BOX/none.json" c
}

@test "--detach with --pid-file, as engines do it" {
    started c
    process_json 'p["args"] = ["sleep", "4712"]'
    runtime exec --pid-file "$BOX/pid" --process "$BOX/process.json" --detach c </dev/null >/dev/null 2>&1
    equal "$(tr '\0' ' ' <"/proc/$(cat "$BOX/pid")/cmdline")" "sleep 4712 "
    equal "$(readlink "/proc/$(cat "$BOX/pid")/ns/pid")" "$(readlink "/proc/$(field c pid)/ns/pid")"
    runtime_ok delete -f c
    until_true 10 bash -c "! kill -0 $(cat "$BOX/pid") 2>/dev/null"
}

@test "--console-socket gets the terminal; a terminal detached needs one" {
    started c
    process_json 'p.update(args=["sh", "-c", "tty; echo ready"], terminal=True)'
    runtime_fails 255 "cannot allocate tty" exec -d -p "$BOX/process.json" c
    runtime_fails 255 "cannot use console socket" exec --console-socket "$BOX/none" c id
    "$BATS_TEST_DIRNAME/console.py" "$BOX/console" "$BOX/screen" 3>&- &
    until_true 10 test -S "$BOX/console"
    runtime exec -d --console-socket "$BOX/console" -p "$BOX/process.json" c </dev/null >/dev/null 2>&1
    until_true 10 grep -q ready "$BOX/screen"
    matches "$(tr -d '\r' <"$BOX/screen")" '^/dev/pts/[0-9]+$'
}

@test "--tty: a terminal of its own" {
    started c
    run script -qec 'keg-runtime exec -t c tty' "$BOX/typescript" 3>&-
    matches "$(tr -d '\r' <"$BOX/typescript")" '/dev/pts/[0-9]+$'
}

@test "--preserve-fds: those and no others" {
    started c
    echo three >"$BOX/three"
    run bash -c 'keg-runtime exec --preserve-fds 1 c sh -c "ls /proc/self/fd; cat <&3" 3<"$1/three" 4<"$1/three"' - "$BOX"
    equal "$output" $'0\n1\n2\n3\n4\nthree'
    runtime_fails 255 "fd 3 is not open" exec --preserve-fds 1 c id
}

@test "signals are passed on" {
    started c
    keg-runtime exec c sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' >"$BOX/out" 2>&1 \
        </dev/null 3>&- &
    local pid=$! status=0
    until_true 10 grep -q ready "$BOX/out"
    kill -TERM "$pid"
    wait "$pid" || status=$?
    equal "$status" 9
    has_status c running
}
