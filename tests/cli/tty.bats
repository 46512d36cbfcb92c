#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg run -t on a real terminal.

load helper

setup_file() {
    busybox_ready
}

setup() {
    mirror_dockerio localhost:5000
}

# on_terminal STEP... -- CMD...: see terminal.py.
on_terminal() {
    run python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"
    [ "$status" = 0 ] || fail "terminal.py failed"
}

@test "-it gives a terminal of the container's own, as standard input, output and error" {
    on_terminal -- keg run --rm -it busybox sh -c 'test -t 0 && test -t 1 && test -t 2 && tty && echo $TERM'
    matches "$output" '^/dev/pts/0'
    matches "$output" '^xterm'
    equal "${lines[-2]}" "exit 0"
    equal "${lines[-1]}" "terminal restored"
}

@test "a shell on it: prompt, echo, a command, exit code" {
    on_terminal 'expect:# ' 'send:echo $((6 * 7))\r' 'expect:\n42\r' 'send:exit 3\r' -- keg run --rm -it busybox sh
    equal "${lines[-2]}" "exit 3"
    equal "${lines[-1]}" "terminal restored"
}

@test "it has the caller's size, and follows it" {
    on_terminal 'size:33x77' 'sleep:0.2' 'expect:# ' 'send:stty size\r' 'expect:33 77' \
        'size:50x132' 'sleep:0.5' 'send:stty size\r' 'expect:50 132' 'send:exit\r' \
        -- keg run --rm -it busybox sh
    equal "${lines[-2]}" "exit 0"
}

@test "Ctrl-C goes to the program in the foreground of the container, not to keg" {
    on_terminal 'expect:# ' 'send:sleep 60\r' 'sleep:0.5' 'send:\x03' 'expect:# ' \
        'send:echo "code $?"\r' 'expect:code 130' 'send:exit 0\r' -- keg run --rm -it busybox sh
    equal "${lines[-2]}" "exit 0"
    equal "${lines[-1]}" "terminal restored"
}

@test "Ctrl-D ends the shell" {
    on_terminal 'expect:# ' 'send:\x04' -- keg run --rm -it busybox sh
    equal "${lines[-2]}" "exit 0"
    equal "${lines[-1]}" "terminal restored"
}

@test "bytes go through raw: eight bits, no newline changed twice" {
    on_terminal -- keg run --rm -it busybox printf 'a\nb\303\244\n'
    equal "${lines[0]}" a
    equal "${lines[1]}" bä
}

@test "the terminal is restored when keg is told to end" {
    on_terminal 'expect:# ' 'kill:TERM' 'sleep:0.3' 'kill:TERM' 'sleep:0.3' 'kill:TERM' \
        -- keg run --rm -it busybox sh
    equal "${lines[-1]}" "terminal restored"
    [ "${lines[-2]}" != "exit 0" ]
}

@test "the terminal is restored when the program cannot be started" {
    on_terminal -- keg run --rm -it busybox nosuchprogram
    equal "${lines[-2]}" "exit 127"
    equal "${lines[-1]}" "terminal restored"
}

@test "the terminal is restored when the container is killed" {
    on_terminal 'expect:# ' 'send:kill -9 -1\r' 'sleep:0.2' 'send:exit 5\r' -- keg run --rm -it busybox sh
    equal "${lines[-1]}" "terminal restored"
}

@test "-t merges standard error into standard output; keg's own needs no terminal for that" {
    run --separate-stderr bash -c 'keg run --rm -t busybox sh -c "echo out; echo err >&2" </dev/null'
    equal "$status" 0
    matches "$output" "out"
    matches "$output" "err"
    equal "$stderr" ""
}

@test "-it without a terminal on standard input is refused in docker's words" {
    run --separate-stderr bash -c 'echo x | keg run --rm -it busybox cat'
    equal "$status" 125
    matches "$stderr" "cannot attach stdin to a TTY-enabled container because stdin is not a terminal"
}

@test "/dev/console is the terminal, /dev/tty works" {
    on_terminal -- keg run --rm -it busybox sh -c 'stat -c %t /dev/console; echo by-tty >/dev/tty'
    equal "${lines[0]}" 88
    matches "$output" "^by-tty"
}

@test "a pull on a terminal draws, and -q does not" {
    store_reset
    on_terminal -- keg pull busybox
    matches "$output" $'\e\\['
    equal "${lines[-2]}" "exit 0"
    store_reset
    on_terminal -- keg pull -q busybox
    equal "${lines[0]}" "docker.io/library/busybox:latest"
    on_terminal -- keg run --rm -it busybox true
}
