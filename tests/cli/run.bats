#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg run: what a container sees, how it ends, and what keg says when it cannot be started.

load helper

setup_file() {
    busybox_ready
    image_ready configured
    image_ready unrunnable
    image_ready empty-config
}

setup() {
    mirror_dockerio localhost:5000
}

# in_busybox SCRIPT [FLAG...]: run it by sh in a busybox container; $output is what it printed.
in_busybox() {
    local script=$1
    shift
    keg_ok run --rm "$@" busybox sh -c "$script"
}

# ------------------------------------------------------------------ exit codes and messages

@test "the exit code is the program's own" {
    local code
    for code in 0 1 42 255; do
        run keg run --rm busybox sh -c "exit $code"
        equal "$status" $code
    done
}

@test "a program that a signal killed: 128 and its number" {
    run keg run --rm busybox sh -c 'sh -c "kill -SEGV \$\$"; exit $?'
    equal "$status" 139
    run keg run --rm --init busybox sh -c 'kill -TERM $$'
    equal "$status" 143
}

@test "125: keg itself failed (bad flags, no such image)" {
    keg_fails 125 "nosuchflag" run --nosuchflag busybox true
    keg_fails 125 "memory|-m" run --rm -m 1k busybox true
    keg_fails 125 "cpus" run --rm --cpus 0 busybox true
    keg_fails 125 "NOSUCH" run --rm --cap-add NOSUCH busybox true
    keg_fails 125 "network" run --rm --network nosuch busybox true
    keg_fails 125 "nosuchimage" run --rm nosuchimage true
}

@test "127: not found, in the words that docker's users know" {
    keg_fails 127 "nosuchprogram.*(not found|no such file)" run --rm busybox nosuchprogram
    keg_fails 127 "/no/such/file.*(not found|no such file)" run --rm busybox /no/such/file
}

@test "127: a script whose interpreter is missing names the interpreter" {
    keg_fails 127 "/no/such/interpreter" run --rm localhost:5000/unrunnable missing-interpreter
}

@test "127: a script with Windows line ends says so" {
    keg_fails 127 "CR|line end|Windows|\\\\r" run --rm localhost:5000/unrunnable windows-line
}

@test "126: not executable, a folder" {
    keg_fails 126 "permission denied|not executable" run --rm localhost:5000/unrunnable /bin/not-executable
    keg_fails 126 "a-folder.*(directory|folder|permission)" run --rm localhost:5000/unrunnable /bin/a-folder
}

@test "126: a program for another machine names both" {
    keg_fails 126 "architecture|another machine|exec format|$(uname -m)|amd64" run --rm localhost:5000/unrunnable /bin/other-machine
}

@test "126: a script without an interpreter line" {
    keg_fails 126 "interpreter|#!|exec format" run --rm localhost:5000/unrunnable /bin/no-interpreter-line
}

@test "a failed start leaves no container with --rm; without, one that was created" {
    ! keg run --rm busybox nosuchprogram
    ! keg run --rm busybox /etc
    keg_ok ps -aq
    equal "$output" ""
    ! keg run --name failed busybox nosuchprogram
    keg_ok ps -a
    matches "$output" "(Created|Exited \(127\)).*failed"
    keg_ok rm failed
}

# ------------------------------------------------------------------ stdio

@test "stdout and stderr stay apart, and stdin is empty without -i" {
    keg_ok run --rm busybox sh -c 'echo out; echo err >&2; cat'
    equal "$output" out
    equal "$stderr" err
}

@test "output into a file or socket: /dev/stdout can be opened again, and the order stays" {
    local reopening='echo a; echo b >/dev/stdout; echo c >&2; echo d'
    keg run --rm -u 1000 busybox sh -c "$reopening" >"$BOX/both" 2>&1
    equal "$(cat "$BOX/both")" $'a\nb\nc\nd'
    echo before >"$BOX/out"
    keg run --rm -u 1000 busybox sh -c "$reopening" >>"$BOX/out" 2>"$BOX/err"
    equal "$(cat "$BOX/out")" $'before\na\nb\nd'
    equal "$(cat "$BOX/err")" c
    run python3 -c 'import socket, subprocess, sys
ours, theirs = socket.socketpair()
subprocess.run(["keg", "run", "--rm", "busybox", "sh", "-c", sys.argv[1]], stdout=theirs, check=True)
print(ours.recv(100).decode(), end="")' "$reopening"
    equal "$output" $'c\na\nb\nd'
    mkdir -p "$BOX/small"
    mount -t tmpfs -o size=64k tmpfs "$BOX/small"
    run -125 bash -c 'keg run --rm busybox head -c 200000 /dev/zero >"$BOX/small/out"'
    umount "$BOX/small"
    matches "$output" "write the container's output: no space left"
}

@test "-i feeds stdin, to its end" {
    run bash -c 'seq 100000 | keg run --rm -i busybox sha256sum'
    equal "$output" "$(seq 100000 | sha256sum)"
}

@test "a megabyte comes out whole" {
    run bash -c 'keg run --rm busybox head -c 5000000 /dev/zero | wc -c'
    equal "$output" 5000000
}

@test "a reader that goes away does not hang keg" {
    run timeout 20 bash -c 'keg run --rm busybox yes | head -1'
    equal "${lines[0]}" y
    [ "$status" != 124 ]
}

@test "an image that is missing is pulled, and stdout stays the program's" {
    keg rmi -f busybox >/dev/null
    keg_ok run --rm busybox echo only this
    equal "$output" "only this"
    matches "$stderr" "busybox"
}

@test "--pull never, always, missing" {
    image_push library/second:latest second >/dev/null
    keg_fails 125 "second.*(--pull|never|no such image|local)" run --rm --pull never second true
    keg_ok run --rm --pull missing second cat /second
    : >"$BOX/marker"
    image_push library/second:latest busybox >/dev/null
    run --separate-stderr keg run --rm --pull always second cat /second
    [ "$status" != 0 ] || fail "the old image ran"
}

# ------------------------------------------------------------------ what the image says, and flags that say otherwise

@test "entrypoint, command, env, user and working folder come from the image" {
    keg_ok run --rm localhost:5000/configured
    equal "$output" "entry:one two words"
    keg_ok run --rm localhost:5000/configured three
    equal "$output" "entry:three"
    keg_ok run --rm --entrypoint sh localhost:5000/configured -c 'id -un; pwd; echo $FROM_IMAGE $HOME'
    equal "$output" $'www\n/srv/made/here\nyes /var/www'
}

@test "--entrypoint drops the image's command" {
    keg_ok run --rm --entrypoint /bin/echo localhost:5000/configured
    equal "$output" ""
}

@test "an image that names no command says so" {
    keg_fails 125 "no command" run --rm localhost:5000/empty-config
    keg_ok run --rm localhost:5000/empty-config /bin/sh -c 'echo $PATH'
    equal "$output" "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

@test "-e, --env-file and the variables that are always there" {
    printf '# comment\nFILE=from file\nBOTH=file\n\nHOSTED\n' >"$BOX/env"
    export HOSTED=host
    keg_ok run --rm --env-file "$BOX/env" -e BOTH=flag -e EMPTY= -e HOSTED busybox env
    matches "$output" '^FILE=from file$'
    matches "$output" '^BOTH=flag$'
    matches "$output" '^EMPTY=$'
    matches "$output" '^HOSTED=host$'
    matches "$output" '^HOME=/root$'
    matches "$output" '^HOSTNAME=[0-9a-f]{12}$'
    matches "$output" '^container=keg$'
    [[ "$output" != *KEG_ROOT* ]] || fail "the host's environment leaks"
}

@test "-u takes names and numbers, with the groups of /etc/group" {
    in_busybox 'id' -u www
    equal "$output" "uid=33(www) gid=33(www) groups=33(www),44(extra)"
    in_busybox 'id -u; id -g' -u 1234:567
    equal "$output" $'1234\n567'
    in_busybox 'id -u; id -g' -u 1234
    equal "$output" $'1234\n0'
    keg_fails 125 "unable to find user nosuch: no matching entries in passwd file" run --rm -u nosuch busybox true
    keg_fails 125 "user|range|4294967295" run --rm -u 4294967295 busybox true
}

@test "-w makes the folder where it is missing" {
    in_busybox 'pwd' -w /new/place
    equal "$output" /new/place
    keg_fails 125 "absolute|-w|workdir|working" run --rm -w relative busybox true
}

@test "the host name is the id's, or --hostname" {
    in_busybox 'hostname; cat /etc/hostname'
    matches "${lines[0]}" '^[0-9a-f]{12}$'
    equal "${lines[1]}" "${lines[0]}"
    in_busybox 'hostname; grep named /etc/hosts' --hostname named
    equal "${lines[0]}" named
    matches "${lines[1]}" "^10\.78\.[0-9.]+[[:space:]]+named$"
}

@test "--name is taken once" {
    keg_ok run --name once busybox true
    keg_fails 125 "\"?once\"?.*" run --name once busybox true
    keg_ok rm once
    keg_fails 125 "name" run --rm --name 'no/good' busybox true
}

@test "without --rm the container stays, with what it wrote" {
    keg_ok run --name stays busybox sh -c 'echo kept >/file'
    equal "$(cat "$KEG_ROOT"/containers/*/upper/file)" kept
    keg_ok rm stays
    keg_ok run --rm busybox true
    keg_ok ps -aq
    equal "$output" ""
}

# ------------------------------------------------------------------ namespaces and confinement

@test "its own pids, host name, mounts, network and ipc" {
    local kind
    in_busybox 'echo $$; ps | wc -l; for kind in pid uts mnt net ipc cgroup; do readlink /proc/self/ns/$kind; done'
    equal "${lines[0]}" 1
    [ "${lines[1]}" -le 4 ]
    for kind in pid uts mnt net ipc cgroup; do
        [[ "$output" != *"$(readlink /proc/self/ns/$kind)"* ]] || fail "shares $kind with the host"
    done
}

@test "the eleven capabilities, in bounding, effective and permitted; none inheritable or ambient" {
    in_busybox 'grep Cap /proc/self/status'
    matches "$output" 'CapInh:.0000000000000000'
    matches "$output" 'CapPrm:.00000000800405fb'
    matches "$output" 'CapEff:.00000000800405fb'
    matches "$output" 'CapBnd:.00000000800405fb'
    matches "$output" 'CapAmb:.0000000000000000'
    in_busybox 'grep -E "Cap(Prm|Eff|Inh|Amb)" /proc/self/status | cut -f2 | sort -u' -u 1000
    equal "$output" 0000000000000000
}

@test "a capability that keg does not have itself is warned about, not an error" {
    run setpriv --bounding-set -sys_time keg run --rm --cap-add SYS_TIME busybox true
    equal "$status" 0
    matches "$output" "keg: run: warning: CAP_SYS_TIME cannot be given"
}

@test "--cap-add, --cap-drop, --privileged" {
    in_busybox 'grep CapBnd /proc/self/status' --cap-drop ALL --cap-add CHOWN --cap-add cap_kill
    matches "$output" '0000000000000021$'
    in_busybox 'grep CapBnd /proc/self/status' --privileged
    equal "$output" "$(grep CapBnd /proc/self/status)"
    in_busybox 'grep Seccomp: /proc/self/status' --privileged
    matches "$output" '0$'
}

@test "seccomp's filter is in force, and no_new_privs an option" {
    in_busybox 'grep -E "Seccomp:|NoNewPrivs" /proc/self/status'
    matches "$output" 'Seccomp:.2'
    matches "$output" 'NoNewPrivs:.0'
    in_busybox 'grep NoNewPrivs /proc/self/status' --security-opt no-new-privileges
    matches "$output" '1$'
    in_busybox 'unshare -m true 2>&1 || echo refused'
    matches "$output" refused
    in_busybox 'grep Seccomp: /proc/self/status' --security-opt seccomp=unconfined
    matches "$output" '0$'
}

@test "masked paths are empty, read-only ones cannot be written" {
    in_busybox 'cat /proc/kcore | wc -c; cat /proc/keys | wc -c; ls /sys/firmware | wc -l'
    equal "$output" $'0\n0\n0'
    in_busybox 'for f in /proc/sys/kernel/core_pattern /proc/irq/default_smp_affinity /proc/sysrq-trigger; do
        [ ! -e $f ] || (echo x >$f) 2>&1 | grep -q "Read-only file system" || echo "$f can be written"; done'
    equal "$output" ""
    in_busybox 'umount /proc/kcore 2>&1; mount -o remount,rw /proc/sys 2>&1; true'
    matches "$output" "denied|not permitted"
}

@test "/proc, /sys, /dev and their nodes are as moby makes them" {
    in_busybox 'grep -E " (/proc|/sys|/dev|/dev/pts|/dev/shm|/dev/mqueue|/sys/fs/cgroup) " /proc/self/mounts'
    matches "$output" '^proc /proc proc rw,nosuid,nodev,noexec'
    matches "$output" ' /sys sysfs ro,nosuid,nodev,noexec'
    matches "$output" ' /dev tmpfs rw,nosuid.*size=65536k,mode=755'
    matches "$output" ' /dev/pts devpts rw,nosuid,noexec.*gid=5,mode=620,ptmxmode=666'
    matches "$output" ' /dev/shm tmpfs rw,nosuid,nodev,noexec.*size=65536k'
    matches "$output" ' /dev/mqueue mqueue rw,nosuid,nodev,noexec'
    in_busybox 'cd /dev; stat -c "%n %F %t:%T %a" null zero full random urandom tty; for l in fd stdin stdout stderr ptmx core; do readlink $l; done'
    equal "$output" "null character special file 1:3 666
zero character special file 1:5 666
full character special file 1:7 666
random character special file 1:8 666
urandom character special file 1:9 666
tty character special file 5:0 666
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx
/proc/kcore"
}

@test "devices of the host cannot be made or opened" {
    in_busybox 'mknod /sda b 8 0 2>&1; echo made $?' --cap-add MKNOD
    in_busybox 'mknod /kmsg c 1 11 && cat /kmsg 2>&1; true' --cap-add MKNOD
    matches "$output" "not permitted|Permission"
}

@test "no fd but 0, 1 and 2 gets in" {
    exec 7</etc/hostname 8</ 9>"$BOX/out"
    in_busybox 'ls /proc/1/fd; ls /proc/self/fd | wc -l'
    exec 7<&- 8<&- 9>&-
    equal "$output" $'0\n1\n2\n4' # and the folder that ls reads
}

@test "a folder of the host is no standard stream" {
    keg_fails 125 "fd 0 is a folder" run --rm -i busybox ls /proc/self/fd/0/.. </etc
    run --separate-stderr -125 bash -c 'keg run --rm busybox true 1</etc'
    matches "$stderr" "fd 1 is a folder"
}

@test "the cgroup file system is read-only and shows only its own cgroup" {
    in_busybox 'cat /proc/self/cgroup | cut -d: -f3 | sort -u; touch /sys/fs/cgroup/x 2>&1; true'
    equal "${lines[0]}" /
    matches "$output" "Read-only"
}

@test "the session keyring is its own" {
    in_busybox 'cat /proc/self/mountinfo >/dev/null; cat /proc/keys 2>/dev/null; echo done'
    equal "$output" done
}

# ------------------------------------------------------------------ files

@test "hosts, hostname and resolv.conf are made and can be written" {
    in_busybox 'cat /etc/hosts; echo 1.2.3.4 x >>/etc/hosts; tail -1 /etc/hosts; test -f /etc/resolv.conf && echo resolv'
    matches "$output" '127.0.0.1[[:space:]]+localhost'
    equal "${lines[-1]}" resolv
    equal "${lines[-2]}" "1.2.3.4 x"
}

@test "-v binds a folder or a file, ro where asked; a missing source is an error with a hint" {
    mkdir -p "$BOX/shared/deep"
    echo host >"$BOX/shared/file"
    in_busybox 'cat /in/file; echo container >/in/new; ls -d /in/deep' -v "$BOX/shared:/in"
    equal "${lines[0]}" host
    equal "$(cat "$BOX/shared/new")" container
    in_busybox 'touch /in/x 2>&1; true' -v "$BOX/shared:/in:ro"
    matches "$output" "Read-only"
    in_busybox 'cat /one' -v "$BOX/shared/file:/one:ro"
    equal "$output" host
    keg_fails 125 "$BOX/nosuch.*(mkdir|does not exist|no such)" run --rm -v "$BOX/nosuch:/in" busybox true
}

@test "-v / shows the host's root, with its mounts" {
    echo here >"$BOX/landmark"
    in_busybox "cat /host$BOX/landmark; ls -d /host/host 2>&1; true" -v /:/host:ro
    equal "${lines[0]}" here
    matches "$output" "/host/host: No such file"
}

@test "read-only is read-only all the way down" {
    mkdir -p "$BOX/tree/mounted"
    mount -t tmpfs tmpfs "$BOX/tree/mounted"
    in_busybox 'touch /in/mounted/x 2>&1; true' -v "$BOX/tree:/in:ro"
    umount "$BOX/tree/mounted"
    matches "$output" "Read-only"
}

@test "--mount type=bind and type=tmpfs" {
    mkdir -p "$BOX/shared"
    echo host >"$BOX/shared/file"
    in_busybox 'cat /in/file; touch /in/x 2>&1; true' --mount "type=bind,src=$BOX/shared,dst=/in,ro"
    equal "${lines[0]}" host
    matches "$output" "Read-only"
    in_busybox 'grep " /t " /proc/self/mounts' --mount type=tmpfs,dst=/t,tmpfs-size=1m
    matches "$output" "^tmpfs /t tmpfs .*size=1024k"
    keg_fails 125 "nosuchkey" run --rm --mount "type=bind,src=$BOX,dst=/x,nosuchkey=1" busybox true
}

@test "--tmpfs, and --read-only with a tmpfs to write to" {
    in_busybox 'touch /x 2>&1; touch /t/y && echo wrote' --read-only --tmpfs /t
    matches "$output" "Read-only"
    matches "$output" "^wrote$"
    in_busybox 'grep " /t " /proc/self/mounts' --tmpfs /t:size=2m,mode=1700
    matches "$output" "size=2048k,mode=1700"
}

@test "a mount target that is a link in the image stays inside the image" {
    echo 'must not change' >"$BOX/canary"
    keg run --name linked busybox sh -c "ln -s $BOX/canary /target; ln -s / /root-link" >/dev/null
    keg rm linked >/dev/null
    mkdir -p "$BOX/shared"
    in_busybox 'ls -d /run/box/canary 2>&1; true' -v "$BOX/shared:/root-link/in"
    equal "$(cat "$BOX/canary")" 'must not change'
    [ ! -e /in ]
}

@test "an image of 128 layers runs, and sees each" {
    image_ready many-layers
    keg_ok run --rm localhost:5000/many-layers sh -c 'ls /layers | wc -l; cat /layers/127'
    equal "$output" $'127\n127'
}

@test "whiteouts and opaque folders hide what they should" {
    image_ready whiteouts
    keg_ok run --rm localhost:5000/whiteouts sh -c 'cd /; ls kept opaque again; cat becomes-folder/y becomes-file; stat -c "%u:%g %a" owned; find / -xdev -name ".wh*"'
    equal "$output" "again:
new

kept:
a
new

opaque:
new
upper
upper
33:44 750"
}

# ------------------------------------------------------------------ the rest

@test "--init is pid 1, reaps orphans and passes signals and the exit code on" {
    in_busybox 'cat /proc/1/comm; sh -c "sleep 0.1 &"; sleep 0.5; ps -o stat | grep -c Z; exit 0' --init
    [ "${lines[0]}" != sh ] || fail "pid 1 is sh"
    equal "${lines[-1]}" 0
    run keg run --rm --init busybox sh -c 'exit 9'
    equal "$status" 9
}

@test "--platform of an image that this machine cannot run warns and says why it failed" {
    image_push library/foreign:latest busybox-foreign >/dev/null
    run --separate-stderr keg run --rm foreign /bin/sh
    [ "$status" != 0 ]
    matches "$stderr" "platform"
}

@test "flags behind the image belong to the program" {
    keg_ok run --rm busybox echo -m --rm -x
    equal "$output" "-m --rm -x"
}

@test "a config of an image that breaks lines or lacks = is refused, not passed on" {
    in_busybox 'cat /etc/hosts | wc -l' --hostname good
    keg_fails 125 "hostname" run --rm --hostname $'a\nb' busybox true
}

@test "containers run side by side, each with its own address" {
    local n pids=() seen
    for n in 1 2 3 4 5 6 7 8; do
        keg run --rm busybox sh -c 'ip -4 addr show eth0 | sed -n "s/.*inet \([0-9.]*\).*/\1/p"; sleep 1' \
            >"$BOX/address.$n" 2>&1 3>&- &
        pids+=($!)
    done
    for n in "${pids[@]}"; do wait "$n"; done
    seen=$(cat "$BOX"/address.? | sort -u | wc -l)
    equal "$seen" 8
}
