#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What keg run does with signals, and what is told of a container that a signal ended.

load helper

setup_file() {
    busybox_ready
}

setup() {
    mirror_dockerio localhost:5000
}

# start NAME ARG...: keg run in the background, until its program has printed "ready". Sets $keg to its pid.
start() {
    local name=$1
    shift
    env --default-signal=INT,QUIT keg run --rm --name "$name" "$@" >"$BOX/$name.out" 2>"$BOX/$name.err" </dev/null 3>&- &
    keg=$!
    until_true 10 grep -q ready "$BOX/$name.out"
}

ended_with() {
    local code=0
    wait "$keg" || code=$?
    equal "$code" "$1"
}

@test "TERM, INT, HUP, USR1 and QUIT reach the program" {
    local signal
    for signal in TERM INT HUP USR1 QUIT; do
        start "sig-$signal" busybox sh -c "trap 'echo got $signal; exit 9' $signal; echo ready; while :; do sleep 0.05; done"
        kill -$signal "$keg"
        ended_with 9
        matches "$(cat "$BOX/sig-$signal.out")" "got $signal"
    done
}

@test "--sig-proxy=false keeps them from it" {
    start unproxied --sig-proxy=false busybox sh -c "trap 'echo got it' USR1; echo ready; sleep 1; exit 4"
    kill -USR1 "$keg" || true
    wait "$keg" || true
    [[ "$(cat "$BOX/unproxied.out")" != *"got it"* ]] || fail "the signal got in"
}

@test "the third TERM ends what does not want to end" {
    start stubborn busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
    kill -TERM "$keg"
    sleep 0.2
    kill -TERM "$keg"
    sleep 0.2
    kill -0 "$keg" || fail "it ended at the second"
    kill -TERM "$keg"
    ended() { ! kill -0 "$keg" 2>/dev/null; }
    until_true 10 ended
    matches "$(cat "$BOX/stubborn.err")" "got 3 SIGTERM/SIGINTs, forcefully exiting"
}

@test "a container whose pid 1 is killed from outside: 137" {
    start killed busybox sh -c 'echo ready; sleep 60'
    local pid
    pid=$(pgrep -P "$keg" | head -1)
    kill -KILL "$pid"
    ended_with 137
}

@test "pid 1 without a handler ignores TERM, as everywhere; with --init it ends: 143" {
    start init --init busybox sh -c 'echo ready; sleep 60'
    kill -TERM "$keg"
    ended_with 143
}

@test "a caller that ignores signals does not keep keg from seeing its children end" {
    local ignoring='import os, signal, sys
for s in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1): signal.signal(s, signal.SIG_IGN)
os.execvp("keg", ["keg", "run", "--rm"] + sys.argv[1:])'
    run timeout 20 python3 -c "$ignoring" busybox sh -c 'grep SigIgn /proc/self/status; exit 3'
    equal "$output" $'SigIgn:\t0000000000000000'
    equal "$status" 3
    run timeout 20 python3 -c "$ignoring" --init busybox sh -c 'exit 4'
    equal "$status" 4
}

@test "a socket that nobody reads does not keep signals from the program" {
    run python3 -c 'import socket, subprocess, time
ours, theirs = socket.socketpair()
theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192) # less than keg writes at a time
keg = subprocess.Popen(["keg", "run", "--rm", "--init", "busybox", "yes"], stdout=theirs)
for _ in range(2): # the second one gives up on what is not read
    time.sleep(1)
    keg.terminate()
try: print(keg.wait(10))
except subprocess.TimeoutExpired: keg.kill()'
    equal "$output" 143
}

@test "a stopped keg goes on when it is continued" {
    start stopped busybox sh -c 'echo ready; sleep 1; echo done'
    kill -STOP "$keg"
    sleep 1.5
    kill -CONT "$keg"
    ended_with 0
    matches "$(cat "$BOX/stopped.out")" done
}

@test "a program that ends while its children run takes them along" {
    start parent busybox sh -c 'sleep 1000 & echo ready; exit 0'
    ended_with 0
    run pgrep -x -f 'sleep 1000'
    equal "$output" ""
}
