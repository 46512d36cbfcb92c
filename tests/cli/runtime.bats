#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg-runtime: a container's life by the verbs of the OCI runtime's command line.

load helper
load runtime_helper

setup() {
    bundle_new
}

teardown() {
    runtime_teardown
}

# ------------------------------------------------------------------ the program

@test "the version is what engines look for" {
    local flag
    for flag in --version -v -V; do
        runtime_ok $flag
        matches "${lines[0]}" '^keg-runtime version [0-9]+\.[0-9]+\.[0-9]+$'
        equal "${lines[1]}" "spec: 1.2.1"
    done
}

@test "help names every verb, and every verb has its own" {
    local verb
    for verb in create start run state kill delete exec list ps pause resume update events spec features; do
        runtime_ok --help
        matches "$output" "^  $verb "
        runtime_ok "$verb" --help
        matches "${lines[0]}" "^Usage:  keg-runtime $verb"
        runtime_ok help "$verb"
        matches "${lines[0]}" "^Usage:  keg-runtime $verb"
    done
}

@test "unknown verbs and flags: 1, with what was meant" {
    runtime_fails 1 "'creat': no such command \(did you mean create\?\)" creat
    runtime_fails 1 "unknown flag: --rot" --rot x list
    runtime_fails 1 "create: unknown flag: --bundel" create --bundel x y
    runtime_fails 1 "create: requires exactly 1 argument" create
    runtime_fails 1 "not one of text\|json" --log-format xml list
}

@test "flags before the verb, as engines give them" {
    runtime_ok --root "$BOX/elsewhere" --log "$BOX/log" --log-format json --rootless false --debug list -q
    runtime_ok --root="$BOX/elsewhere" --log="$BOX/log" --log-format=json --rootless=auto list -q
    runtime_ok --cgroup-manager cgroupfs --criu /usr/bin/criu list -q
}

# ------------------------------------------------------------------ a life

@test "create, start, kill, delete, with the state in between" {
    create c
    equal "$(field c status)" created
    kill -0 "$(field c pid)"
    runtime_ok start c
    equal "$(field c status)" running
    equal "$(tr '\0' ' ' <"/proc/$(field c pid)/cmdline")" "sleep 1000 "
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    equal "$(field c pid)" 0
    runtime_ok delete c
    nothing_left c
}

@test "the state has what the specification and the engines want" {
    create c
    equal "$(field c id)" c
    equal "$(field c ociVersion)" 1.2.1
    equal "$(field c bundle)" "$BUNDLE"
    equal "$(field c rootfs)" "$BUNDLE/rootfs"
    equal "$(field c owner)" root
    equal "$(field c annotations)" "{'org.example.key': 'value'}"
    matches "$(field c created)" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$'
}

@test "nothing of the container runs before start" {
    bundle_script 'echo ran >/tmp/ran'
    create c
    [ ! -e "$BUNDLE/rootfs/tmp/ran" ]
    runtime_ok start c
    until_true 10 has_status c stopped
    equal "$(cat "$BUNDLE/rootfs/tmp/ran")" ran
}

@test "an id is taken until it is deleted" {
    create c
    runtime_fails 1 "container with id exists: 'c'" create -b "$BUNDLE" c
    runtime_fails 1 "container with id exists: 'c'" run -b "$BUNDLE" c
    equal "$(field c status)" created
    runtime_ok delete c
    create c
}

@test "start: not twice, not when it has stopped, not what is not there" {
    started c
    runtime_fails 1 "cannot start container 'c': it is running" start c
    runtime_ok kill c 9
    until_true 10 has_status c stopped
    runtime_fails 1 "cannot start container 'c': it has stopped" start c
    runtime_fails 1 "container 'none' does not exist" start none
}

@test "the working folder is the bundle without --bundle" {
    bundle_script 'exit 3'
    cd "$BUNDLE"
    runtime_fails 3 '' run c
}

@test "--bundle and --config may be relative to the caller's folder" {
    bundle_script 'exit 4'
    mv "$BUNDLE/config.json" "$BOX/other.json"
    cd "$BOX"
    runtime_fails 4 '' run --bundle bundle --config other.json c
    runtime_fails 4 '' run -b ./bundle -f ./other.json c
}

# ------------------------------------------------------------------ run

@test "run: the exit code is the program's own, and nothing stays" {
    local code
    for code in 0 1 42 255; do
        bundle_script "exit $code"
        run runtime run -b "$BUNDLE" c
        equal "$status" $code
        nothing_left c
    done
}

@test "run: 128 and the number where a signal ended it" {
    bundle_set 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "pid"]'
    bundle_script 'kill -SEGV $$'
    run runtime run -b "$BUNDLE" c
    equal "$status" 139
}

@test "run: standard streams are the caller's" {
    bundle_script 'cat; echo to stderr >&2'
    run --separate-stderr bash -c 'echo typed | keg-runtime run -b "$1" c' - "$BUNDLE"
    equal "$output" typed
    equal "$stderr" "to stderr"
}

@test "run --detach returns at once, and run --keep leaves the state" {
    runtime run -d -b "$BUNDLE" --pid-file "$BOX/pid" c </dev/null >/dev/null
    equal "$(field c status)" running
    equal "$(cat "$BOX/pid")" "$(field c pid)"
    runtime_ok delete -f c
    bundle_script 'exit 5'
    runtime_fails 5 '' run --keep -b "$BUNDLE" c
    equal "$(field c status)" stopped
    runtime_ok delete c
    nothing_left c
}

@test "run: signals are passed on" {
    bundle_script 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    keg-runtime run -b "$BUNDLE" c >"$BOX/out" 2>&1 </dev/null 3>&- &
    local pid=$! status=0
    until_true 10 grep -q ready "$BOX/out"
    kill -TERM "$pid"
    wait "$pid" || status=$?
    equal "$status" 9
    nothing_left c
}

@test "run: one that another process deletes ends all the same" {
    keg-runtime run -b "$BUNDLE" c >"$BOX/out" 2>&1 </dev/null 3>&- &
    local pid=$! status=0
    until_true 10 has_status c running
    runtime_ok delete --force c
    wait "$pid" || status=$?
    equal "$status" 137
    equal "$(cat "$BOX/out")" ""
    nothing_left c
}

@test "HOME is the user's by the container's passwd, where the config has none" {
    mkdir -p "$BUNDLE/rootfs/etc"
    echo 'web:x:33:33::/srv/web:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
    # shellcheck disable=SC2016
    bundle_script 'echo $HOME'
    runtime_ok run -b "$BUNDLE" c
    equal "$output" /
    bundle_set 'c["process"]["user"]["uid"] = 33'
    runtime_ok run -b "$BUNDLE" c
    equal "$output" /srv/web
    bundle_set 'c["process"]["env"].append("HOME=/given")'
    runtime_ok run -b "$BUNDLE" c
    equal "$output" /given
}

# ------------------------------------------------------------------ kill

@test "kill: by name in any spelling, by number, TERM by default" {
    local spelling
    bundle_script 'for s in TERM USR1 HUP; do trap "echo $s" $s; done; echo ready; while :; do sleep 0.05; done'
    started c
    until_true 10 grep -q ready "$BOX/out.c"
    for spelling in "" TERM SIGTERM sigterm 15; do
        # shellcheck disable=SC2086
        runtime_ok kill c $spelling
        until_true 10 grep -q TERM "$BOX/out.c"
        echo ready >"$BOX/out.c"
    done
    runtime_ok kill c usr1
    until_true 10 grep -q USR1 "$BOX/out.c"
    runtime_fails 1 "unknown signal 'NOSUCH'" kill c NOSUCH
    runtime_fails 1 "unknown signal '65'" kill c 65
}

@test "kill: words that engines know where there is nothing to kill" {
    runtime_fails 1 "container 'c' does not exist" kill c
    started c
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    runtime_fails 1 "container not running" kill c KILL
}

@test "kill --all: every process, also without a pid namespace" {
    bundle_set 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "pid"]'
    bundle_script 'sleep 4711 & echo ready; exec sleep 4711'
    started c
    until_true 10 grep -q ready "$BOX/out.c"
    runtime_ok kill --all c KILL
    until_true 10 has_status c stopped
    until_true 10 bash -c '! pgrep -f "^sleep 4711"'
    runtime_ok kill -a c KILL
}

@test "kill and delete --regex: all that fit" {
    started web-1
    started web-2
    started db
    runtime_ok kill --regex '^web-' KILL
    until_true 10 has_status web-1 stopped
    until_true 10 has_status web-2 stopped
    has_status db running
    runtime_ok delete --regex '^web-'
    equal "$(runtime list -q)" db
    runtime_fails 1 "not a regular expression" delete -r '('
}

# ------------------------------------------------------------------ delete

@test "delete: not what runs; what was only created" {
    started c
    runtime_fails 1 "cannot delete container 'c' that is not stopped: running" delete c
    has_status c running
    runtime_ok delete --force c
    nothing_left c
    create c
    runtime_ok delete c
    nothing_left c
}

@test "delete: a poststop hook that fails is told, and all is gone" {
    bundle_set 'c["hooks"] = {"poststop": [{"path": "/bin/false"}]}'
    started c
    runtime_ok kill c KILL
    until_true 10 has_status c stopped
    runtime_ok delete c
    matches "$stderr" "warning: poststop hook: '/bin/false' ended with exit code 1"
    nothing_left c
    started c
    runtime_ok delete --force c
    nothing_left c
}

@test "delete: what is not there is an error, but not with --force" {
    runtime_fails 1 "container 'c' does not exist" delete c
    runtime_ok delete --force c
    runtime_ok delete -f c
}

@test "delete --force: whatever a crash can leave" {
    mkdir -p -m 700 "$STATES/empty" "$STATES/cut" "$STATES/half"
    started cut2
    cp "$STATES/cut2/config.json" "$STATES/half/"
    echo '{"ociVersion": "1.0.2", "id": "cu' >"$STATES/cut/state.json"
    runtime_fails 1 "was not created whole" delete empty
    runtime_fails 1 "container 'cut'" delete cut
    local id
    for id in empty cut half; do
        runtime_ok delete --force $id
        nothing_left $id
    done
    has_status cut2 running
}

@test "delete --force: a living one whose state.json was cut" {
    started c
    local pid
    pid=$(field c pid)
    head -c 20 "$STATES/c/state.json" >"$BOX/cut"
    cp "$BOX/cut" "$STATES/c/state.json"
    runtime_ok delete --force c
    nothing_left c
    until_true 10 bash -c "! kill -0 $pid 2>/dev/null"
}

# ------------------------------------------------------------------ list

@test "list: a table, ids, JSON" {
    create created
    started running
    runtime_ok list
    matches "${lines[0]}" '^ID +PID +STATUS +BUNDLE +CREATED +OWNER$'
    matches "$output" "^created +[0-9]+ +created +$BUNDLE +[0-9T:.Z-]+ +root$"
    matches "$output" "^running +[0-9]+ +running +$BUNDLE "
    runtime_ok list -q
    equal "$output" $'created\nrunning'
    runtime_ok list --format json
    equal "$(python3 -c 'import json, sys
for c in json.loads(sys.argv[1]): print(c["id"], c["status"])' "$output")" $'created created\nrunning running'
}

@test "list: nothing there" {
    runtime_ok --root "$BOX/none" list
    equal "${#lines[@]}" 1
    runtime_ok --root "$BOX/none" list -f json
    equal "$output" "[]"
    [ ! -e "$BOX/none" ]
}

@test "list: what a crash left is told of, and does not hide the others" {
    create c
    mkdir "$STATES/half"
    runtime_ok list -q
    equal "$output" c
    matches "$stderr" "warning: container 'half'"
}

# ------------------------------------------------------------------ files and sockets

@test "--pid-file: the number alone, and a link in its place is not followed" {
    echo precious >"$BOX/precious"
    ln -sf "$BOX/precious" "$BOX/pid"
    create c --pid-file "$BOX/pid"
    equal "$(cat "$BOX/precious")" precious
    [ ! -L "$BOX/pid" ]
    equal "$(od -c "$BOX/pid" | head -1 | tr -d ' ')" "0000000$(field c pid | sed 's/./&/g')"
}

@test "--pid-file that cannot be written: nothing is left" {
    runtime_fails 1 "write the pid file '/no/such/pid'" create -b "$BUNDLE" --pid-file /no/such/pid c
    nothing_left c
}

@test "--console-socket gets the terminal's master" {
    bundle_set 'c["process"]["terminal"] = True' 'c["process"]["consoleSize"] = {"width": 91, "height": 23}'
    bundle_script 'stty size; tty; echo ready; cat'
    "$BATS_TEST_DIRNAME/console.py" "$BOX/console" "$BOX/screen" 3>&- &
    until_true 10 test -S "$BOX/console"
    create c --console-socket "$BOX/console"
    runtime_ok start c
    until_true 10 grep -q ready "$BOX/screen"
    equal "$(tr -d '\r' <"$BOX/screen" | head -3)" $'name /dev/ptmx\n23 91\n/dev/pts/0'
}

@test "--console-socket in a folder whose name is longer than an address" {
    local deep
    deep=$BOX/$(printf 'd%.0s' {1..150})
    mkdir -p "$deep"
    bundle_set 'c["process"]["terminal"] = True'
    (cd "$deep" && exec "$BATS_TEST_DIRNAME/console.py" console "$BOX/screen" 3>&-) &
    until_true 10 test -S "$deep/console"
    create c --console-socket "$deep/console"
    until_true 10 grep -q "name /dev/ptmx" "$BOX/screen"
}

@test "a terminal needs a socket, and a socket a terminal" {
    runtime_fails 1 "cannot use console socket" create -b "$BUNDLE" --console-socket "$BOX/none" c
    bundle_set 'c["process"]["terminal"] = True'
    runtime_fails 1 "cannot allocate tty" create -b "$BUNDLE" c
    runtime_fails 1 "cannot allocate tty" run -d -b "$BUNDLE" c
    runtime_fails 1 "cannot use console socket" run -b "$BUNDLE" --console-socket "$BOX/none" c
    runtime_fails 1 "connect to the socket '$BOX/none'" create -b "$BUNDLE" --console-socket "$BOX/none" c
    nothing_left c
}

@test "--preserve-fds: those fds and no others" {
    bundle_script 'ls /proc/self/fd; cat <&3; cat <&4'
    echo three >"$BOX/three"
    echo four >"$BOX/four"
    run bash -c 'keg-runtime run -b "$1" --preserve-fds 2 c 3<"$2/three" 4<"$2/four" 5<"$2/four"' - "$BUNDLE" "$BOX"
    equal "$output" $'0\n1\n2\n3\n4\n5\nthree\nfour'
}

@test "--preserve-fds: what the caller did not open is never keg-runtime's own" {
    runtime_fails 1 "fd 3 is not open" run -b "$BUNDLE" --preserve-fds 1 c
    runtime_fails 1 "no number of fds" run -b "$BUNDLE" --preserve-fds -1 c
    nothing_left c
}

@test "socket activation: LISTEN_FDS are passed, with the container's own pid" {
    bundle_script 'echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3'
    echo three >"$BOX/three"
    run bash -c 'exec 3<"$2/three"
        LISTEN_PID=$BASHPID LISTEN_FDS=1 LISTEN_FDNAMES=web exec keg-runtime run -b "$1" c' - "$BUNDLE" "$BOX"
    equal "$output" $'1 1 web\nthree'
    run bash -c 'exec 3<"$2/three"
        LISTEN_PID=1 LISTEN_FDS=1 exec keg-runtime run -b "$1" c 2>&1' - "$BUNDLE" "$BOX"
    matches "$output" "^$|bad file descriptor"
}

@test "sd_notify: READY=1 goes on to the service manager, with the container's pid and nothing else of it" {
    "$BATS_TEST_DIRNAME/notify.py" listen "$BOX/manager" "$BOX/said" 3>&- &
    until_true 10 test -S "$BOX/manager"
    bundle_script 'echo "$NOTIFY_SOCKET"; ls -ld /run/notify >&2; sleep 1000'
    mkdir -p "$BUNDLE/rootfs/run"
    export NOTIFY_SOCKET=$BOX/manager
    create c
    keg-runtime start c 3>&- &
    local starting=$!
    until_true 10 test -S "$STATES/c/notify/notify.sock"
    equal "$(cat "$BOX/out.c")" /run/notify/notify.sock
    kill -0 $starting
    "$BATS_TEST_DIRNAME/notify.py" say "$STATES/c/notify/notify.sock" 'STATUS=busy'
    "$BATS_TEST_DIRNAME/notify.py" say "$STATES/c/notify/notify.sock" $'STATUS=up\nREADY=1\nMAINPID=1'
    wait $starting
    until_true 10 grep -q READY "$BOX/said"
    equal "$(cat "$BOX/said")" "$(printf 'MAINPID=%s\nREADY=1' "$(field c pid)")"
}

@test "sd_notify: by run in the foreground, and detached" {
    local how manager
    mkdir -p "$BUNDLE/rootfs/run"
    for how in "" --detach; do
        manager=$BOX/by-run$how
        "$BATS_TEST_DIRNAME/notify.py" listen "$manager" "$BOX/by-run-said$how" 3>&- &
        until_true 10 test -S "$manager"
        # shellcheck disable=SC2086
        NOTIFY_SOCKET=$manager keg-runtime run $how -b "$BUNDLE" c </dev/null >/dev/null 2>&1 3>&- &
        local running=$!
        until_true 10 test -S "$STATES/c/notify/notify.sock"
        "$BATS_TEST_DIRNAME/notify.py" say "$STATES/c/notify/notify.sock" READY=1
        until_true 10 test -s "$BOX/by-run-said$how"
        equal "$(cat "$BOX/by-run-said$how")" "$(printf 'MAINPID=%s\nREADY=1' "$(field c pid)")"
        runtime_ok delete --force c
        wait $running || true
    done
}

@test "a hook may ask for the state of its container" {
    bundle_set 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "env": ["PATH=" + __import__("os").environ["PATH"]],
        "args": ["sh", "-c", "cat >'"$BOX"'/stdin; keg-runtime state c >'"$BOX"'/state"]}]}'
    create c
    matches "$(cat "$BOX/state")" '"id": "c"'
    matches "$(cat "$BOX/stdin")" '"id": *"c"'
}

# ------------------------------------------------------------------ the log

@test "errors: one line on standard error, and the same in the log" {
    runtime_fails 1 "^keg-runtime: container 'none' does not exist$" --log "$BOX/log" --log-format json state none
    equal "$(python3 -c 'import json, sys
line = json.loads(open(sys.argv[1]).readlines()[-1]); print(line["level"], line["msg"], sorted(line))' "$BOX/log")" \
        "error container 'none' does not exist ['level', 'msg', 'time']"
    rm "$BOX/log"
    runtime_fails 1 "" --log "$BOX/log" state none
    matches "$(cat "$BOX/log")" "^time=\"[0-9TZ:.-]+\" level=error msg=\"container 'none' does not exist\"$"
    runtime_fails 1 '^\{"level":"error",' --log-format json state none
}

@test "the log is appended to" {
    echo first >"$BOX/log"
    runtime_fails 1 "" --log "$BOX/log" state none
    equal "$(wc -l <"$BOX/log")" 2
    runtime_fails 1 "open the log" --log /no/such/log state none
}

@test "what an engine makes exit codes 126 and 127 of is found on creating" {
    bundle_set 'c["process"]["args"] = ["nosuch"]'
    runtime_fails 1 "executable file not found" create -b "$BUNDLE" c
    bundle_set 'c["process"]["args"] = ["/no/such"]'
    runtime_fails 1 "no such file or directory" create -b "$BUNDLE" c
    bundle_set 'c["process"]["args"] = ["/bin"]'
    runtime_fails 1 "is a directory" create -b "$BUNDLE" c
    echo >"$BUNDLE/rootfs/plain"
    bundle_set 'c["process"]["args"] = ["/plain"]'
    runtime_fails 1 "permission denied" create -b "$BUNDLE" c
    nothing_left c
}

@test "warnings: of unknown capabilities and of those that cannot be given; with a log in that alone" {
    bundle_set 'c["process"]["capabilities"]["bounding"] += ["CAP_FLY", "CAP_SYS_RESOURCE"]'
    setpriv --bounding-set -sys_resource keg-runtime create -b "$BUNDLE" c >"$BOX/out" 2>&1 </dev/null 3>&-
    matches "$(cat "$BOX/out")" "^keg-runtime: warning: .*CAP_FLY"
    matches "$(cat "$BOX/out")" "^keg-runtime: warning: CAP_SYS_RESOURCE cannot be given"
    setpriv --bounding-set -sys_resource keg-runtime --log "$BOX/log" --log-format json create -b "$BUNDLE" d \
        >"$BOX/out" 2>&1 </dev/null 3>&-
    equal "$(cat "$BOX/out")" ""
    matches "$(cat "$BOX/log")" '"level":"warning","msg":"CAP_SYS_RESOURCE cannot be given'
}

@test "--debug: the log says what was called, and nothing else does" {
    rm -f "$BOX/log"
    runtime_ok --debug --log "$BOX/log" list -q
    equal "$stderr" ""
    matches "$(cat "$BOX/log")" 'level=debug msg="list -q"$'
    runtime_ok --debug list -q
    matches "$stderr" 'level=debug msg="list -q"$'
}
