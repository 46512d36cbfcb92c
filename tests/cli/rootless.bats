#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg for an ordinary user: with subordinate ids, with a single id, with networks by pasta and slirp4netns.
#
# `keg` is the user's in this file. The box gets an /etc, a /dev/net/tun and a way out of its own.

load helper
load user_helper

keg() {
    "${AS[@]}" keg "$@"
}

# A way out: 192.0.2.1 on an interface with a default route, where a web server tells who asks, and a name server that
# only this machine reaches.
outside_start() {
    ip link add uplink type veth peer name uplink-peer
    ip addr add 192.0.2.1/24 dev uplink
    ip link set uplink-peer up
    ip link set uplink up
    ip route add default via 192.0.2.254
    echo nameserver 127.0.0.53 >"$BOX/resolv.conf"
    mount --bind "$BOX/resolv.conf" /etc/resolv.conf
    spawn "$BOX/outside.log" python3 -c '
import http.server, socket, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"asked by " + self.client_address[0].encode())
    def log_message(self, *args): pass
def names():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.53", 53))
    while True:
        query, client = server.recvfrom(512)
        question = query[12:query.index(b"\0", 12) + 5]
        server.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question
                      + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", client)
threading.Thread(target=names, daemon=True).start()
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()'
    wait_for_port 192.0.2.1 8080
}

setup_file() {
    person_ready
    mknod -m 666 "$TUN" c 10 200
    mount --bind "$TUN" /dev/net/tun
    outside_start
    busybox_ready
    image_ready owners
}

setup() {
    subids "$RANGES"
}

# What a test hid comes back. No container may be left, nor its network.
teardown() {
    local hidden
    for hidden in /usr/bin/pasta /usr/bin/slirp4netns /usr/bin/newuidmap; do
        while mountpoint -q "$hidden"; do umount "$hidden"; done
    done
    person_reports_nothing
    equal "$(processes)" ""
}

# hide PROGRAM: as if it were not installed.
hide() {
    mount --bind /dev/null "/usr/bin/$1"
}

# ------------------------------------------------------------------------------------------ with subordinate ids

@test "a user pulls and runs, and is root inside" {
    keg_ok run --rm busybox sh -c 'id -u; cat /proc/self/uid_map'
    equal "$(head -1 <<<"$output")" 0
    matches "$output" "^ *0 +$PERSON_ID +1$"
    matches "$output" "^ *1 +$FIRST_SUBID +65536$"
    keg_ok images -q
    [ -n "$output" ]
}

@test "files of an image keep their owners, and setuid" {
    keg_ok run --rm localhost:5000/owners stat -c '%n %u %g %a' /srv /srv/theirs /srv/setuid /srv/rootly
    equal "$output" "/srv 33 33 2775
/srv/theirs 33 33 640
/srv/setuid 33 0 4755
/srv/rootly 0 0 4755"
    equal "$(find "$STORE/layers" -name theirs -printf %U)" $((FIRST_SUBID + 32))
}

@test "a device of an image is left out, and what it replaced is gone" {
    keg_ok run --rm localhost:5000/owners ls /etc
    [[ "$output" != *null* ]] || fail "a device, or the file below it"
}

@test "an owner beyond the subordinate ids is told, and where more come from" {
    image_push high-owner:latest high-owner >/dev/null
    keg_fails 125 "1000000:1000000 is none of the ids that '/etc/subuid'" pull localhost:5000/high-owner
}

@test "-u takes any user of the ranges, and refuses others" {
    keg_ok run --rm -u 1000:50 busybox id
    matches "$output" "uid=1000 gid=50"
    keg_ok run --rm -u 65536 busybox id -u
    equal "$output" 65536
    keg_fails 125 "user 65537 is none of the ids" run --rm -u 65537 busybox true
}

@test "exit codes are the program's, and docker's" {
    run -3 keg run --rm busybox sh -c 'exit 3'
    run -127 keg run --rm busybox no-such-program
    run -126 keg run --rm busybox /etc
}

@test "devices are there and work" {
    keg_ok run --rm busybox sh -c 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c
        test -c /dev/full; test -c /dev/tty; echo done'
    equal "$output" "4
4
done"
}

@test "volumes: root's files are the user's, others' are of the subordinate ids" {
    mkdir -p "$HOME_FOLDER/data"
    chown "$PERSON_ID" "$HOME_FOLDER/data"
    chmod 777 "$HOME_FOLDER/data"
    keg run --rm -v "$HOME_FOLDER/data:/data" busybox sh -c 'echo hello >/data/mine'
    keg run --rm -u 1000 -v "$HOME_FOLDER/data:/data" busybox touch /data/other
    equal "$(stat -c %u "$HOME_FOLDER/data/mine")" "$PERSON_ID"
    equal "$(stat -c %u "$HOME_FOLDER/data/other")" $((FIRST_SUBID + 999))
    run ! keg run --rm -v "$HOME_FOLDER/data:/data:ro" busybox rm /data/mine
    equal "$(cat "$HOME_FOLDER/data/mine")" hello
}

@test "what the user may not read, the container's root may not either" {
    install -m 600 /dev/null "$BOX/secret"
    run ! keg run --rm -v "$BOX/secret:/secret" busybox cat /secret
    run ! keg run --rm -v /etc/shadow:/shadow busybox cat /shadow
}

@test "a read-only root, and tmpfs" {
    keg_ok run --rm --read-only --tmpfs /scratch busybox sh -c 'touch /x 2>/dev/null || echo refused; touch /scratch/x; ls /scratch'
    equal "$output" "refused
x"
}

@test "a terminal" {
    run python3 "$BATS_TEST_DIRNAME/terminal.py" -- "${AS[@]}" keg run --rm -it busybox sh -c 'tty; id -u'
    matches "$output" "^/dev/pts/0"
    equal "${lines[-2]} ${lines[-1]}" "exit 0 terminal restored"
}

@test "a limit that cannot be set is an error; without one a container runs" {
    keg_fails 125 "memory|cgroup" run --rm -m 64m busybox true
    keg_ok run --rm busybox true
}

@test "inspect, ps, rm and rmi" {
    keg_ok run --name left busybox true
    keg_ok ps -a --format json
    matches "$output" '"Names": *"left"'
    keg_ok inspect left
    keg_ok rm left
    image_push passing:latest second >/dev/null
    keg_ok pull -q localhost:5000/passing
    keg_ok rmi localhost:5000/passing
}

@test "processes, IPC and names can be the host's" {
    keg_ok run --rm --pid host --ipc host --uts host busybox sh -c 'hostname; ps | grep -c "[d]ocker-registry"'
    equal "$output" "$(hostname)
1"
}

@test "other ids than those of the user's own namespace are root's to give" {
    keg_fails 125 "--uidmap: only root" run --rm --uidmap 0:1:1000 busybox true
    keg_fails 125 "userns: only root" run --rm --userns auto busybox true
}

@test "root without CAP_SYS_ADMIN works as an ordinary user" {
    local places=(--root "$BOX/weak" --runroot "$BOX/weak-run")
    run --separate-stderr setpriv --bounding-set -sys_admin "$KEG_BIN/keg" "${places[@]}" run --rm -q busybox \
        sh -c 'cat /proc/self/uid_map; ip -4 -o addr show eth0'
    equal "$status" 0
    matches "$output" "^ *0 +0 +1$"
    matches "$output" "inet 10.0.2.100/24"
}

@test "in an ordinary container of keg's, keg says what it needs" {
    local outer=$BOX/outer
    mkdir -p "$outer"/{usr,keg,tmp,proc,dev,sys,run,etc,var/lib,inner}
    ln -sfn usr/lib "$outer/lib"
    ln -sfn usr/lib64 "$outer/lib64"
    run --separate-stderr -125 "$KEG_BIN/keg" run --rm --network none -v /usr:/usr:ro -v "$KEG_BIN:/keg:ro" \
        --rootfs "$outer" /keg/keg run --rm --rootfs /inner true
    matches "$stderr" "the seccomp filter around keg refuses it: .*--privileged"
}

@test "keg-image by itself says who prepares its user namespace" {
    run --separate-stderr -125 "${AS[@]}" keg-image pull busybox
    matches "$stderr" "run 'keg pull'"
}

# ------------------------------------------------------------------------------------------ networks

# way_out NAME: a container reaches 192.0.2.1 and finds names, but nothing of the host's loopback; NAME serves.
way_out() {
    keg_ok run --rm busybox sh -c 'ip -4 -o addr show eth0; wget -q -O - http://192.0.2.1:8080/; echo
        wget -q -O - http://host.docker.internal:8080/; echo; nslookup some.test; cat /etc/resolv.conf'
    matches "$output" "inet 10.0.2.100/24"
    equal "$(grep -c "^asked by 192.0.2.1$" <<<"$output")" 2
    matches "$output" "^Address: 192.0.2.1$"
    matches "$output" "^nameserver 10.0.2.3$"
    equal "$stderr" ""
}

@test "pasta connects" {
    command -v pasta >/dev/null || skip "pasta is not installed (package passt)"
    hide slirp4netns
    way_out
}

@test "slirp4netns connects where there is no pasta" {
    command -v slirp4netns >/dev/null || skip "slirp4netns is not installed"
    hide pasta
    way_out
}

@test "the loopback of the host stays closed" {
    local program
    for program in pasta slirp4netns; do
        [ -x "/usr/bin/$program" ] || continue
        hide "$program"
        run ! keg run --rm busybox sh -c 'timeout 2 wget -q -O - http://10.0.2.2:8080/; exit $?'
        run ! keg run --rm busybox sh -c 'timeout 2 wget -q -O - http://127.0.0.1:8080/; exit $?'
        umount "/usr/bin/$program"
    done
}

@test "a container may ping itself and open low ports without capabilities" {
    keg_ok run --rm -u 1000 --cap-drop ALL busybox sh -c 'cat /proc/sys/net/ipv4/ping_group_range
        cat /proc/sys/net/ipv4/ip_unprivileged_port_start'
    matches "$output" "^0[[:space:]]+65536$"
    matches "$output" "^0$"
}

@test "without either program a container runs without a network, and one sentence says so" {
    hide pasta
    hide slirp4netns
    keg_ok run --rm busybox ls /sys/class/net
    equal "$output" lo
    equal "$stderr" "keg: run: warning: the container has no network: neither pasta nor slirp4netns is installed (package passt)"
}

@test "where no program can serve, its words say why" {
    hide slirp4netns
    umount /dev/net/tun
    chmod 600 "$TUN"
    mount --bind "$TUN" /dev/net/tun
    run --separate-stderr keg run --rm busybox ls /sys/class/net
    chmod 666 "$TUN"
    equal "$status $output" "0 lo"
    matches "$stderr" "^keg: run: warning: the container has no network: /usr/bin/pasta: .*tun"
}

@test "--network none starts no program, and none of them is missed" {
    hide pasta
    hide slirp4netns
    keg_ok run --rm --network none busybox ls /sys/class/net
    equal "$output $stderr" "lo "
}

@test "--network host is the host's" {
    keg_ok run --rm --network host busybox sh -c 'readlink /proc/self/ns/net; ls /sys/class/net'
    matches "$output" "$(readlink /proc/self/ns/net | sed 's/[][]/./g')"
    matches "$output" "^uplink$"
}

@test "--network bridge is root's" {
    keg_fails 125 "only root can make a bridge" run --rm --network bridge busybox true
}

@test "the network ends with the container" {
    keg_ok run --rm busybox true
    no_processes
}

# ------------------------------------------------------------------------------------------ ends

# started: the container of the test says so in the user's home.
started() {
    [ -e "$HOME_FOLDER/started" ]
}

# killed_keg ARG...: `keg run ARG...` of a container that would run on, killed with SIGKILL.
killed_keg() {
    rm -f "$HOME_FOLDER/started"
    chmod 777 "$HOME_FOLDER"
    "${AS[@]}" keg run -v "$HOME_FOLDER:/home" "$@" busybox sh -c 'touch /home/started; exec sleep 1000' 3>&- &
    local pid=$!
    until_true 20 started
    chmod 700 "$HOME_FOLDER"
    kill -KILL "$pid"
    wait "$pid" || true
}

@test "a container and its network die with a killed keg" {
    killed_keg --name dies
    until_true 5 no_processes
    keg_ok ps -a
    matches "$output" "Exited \(137\).*dies"
    keg rm dies
}

@test "a container of another user outlives a killed keg until the next one" {
    killed_keg --name outlives -u 1000
    keg_ok ps -a
    matches "$output" "Exited \(137\).*outlives"
    until_true 5 no_processes
    keg rm outlives
}

@test "a --rm container of a killed keg is removed by the next one" {
    killed_keg --rm -u 1000
    keg_ok ps -aq
    equal "$output" ""
    equal "$(ls "$STORE/containers")" ""
    equal "$(ls "$RUNTIME_FOLDER/keg/containers")" ""
}

@test "the machine sees no mount of a container" {
    keg_ok run --rm -v "$HOME_FOLDER:/home" busybox grep -c overlay /proc/self/mounts
    run ! grep -q "$STORE" /proc/self/mounts
    keg run --rm busybox true
    run ! grep -qE "overlay.*(userxattr|$STORE)" /proc/self/mounts
}

@test "a container joins the namespaces of another one, and has others of its own" {
    rm -f "$HOME_FOLDER/started"
    chmod 777 "$HOME_FOLDER"
    "${AS[@]}" keg run --rm --name first -u 1000 -v "$HOME_FOLDER:/home" busybox \
        sh -c 'touch /home/started; exec sleep 1000' 3>&- &
    local pid=$!
    until_true 20 started
    chmod 700 "$HOME_FOLDER"
    run --separate-stderr keg run --rm --network container:first --ipc container:first --pid container:first busybox \
        sh -c 'ps; readlink /proc/1/ns/net; readlink /proc/self/ns/net; ip -4 -o addr show eth0'
    equal "$status $stderr" "0 "
    matches "$output" "1000 .*sleep 1000"
    equal "$(grep '^net:' <<<"$output" | uniq | wc -l)" 1
    matches "$output" "inet 10.0.2.100/24"
    keg_ok run --rm --pid container:first busybox sh -c 'ps; ip -4 -o addr show eth0'
    matches "$output" "1000 .*sleep 1000"
    matches "$output" "inet 10.0.2.100/24"
    kill -KILL "$pid"
    wait "$pid" || true
    keg_ok ps -aq
    equal "$output" ""
}

@test "clocks of a container's own" {
    keg_ok run --rm --time-offset boottime=1000000 busybox cat /proc/uptime
    [ "${output%%.*}" -ge 1000000 ]
}

# ------------------------------------------------------------------------------------------ places

@test "state goes where XDG_RUNTIME_DIR says, else to a folder in /tmp that is the user's alone" {
    local place=/tmp/keg-$PERSON_ID
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    [ -d "$RUNTIME_FOLDER/keg" ]
    run -0 "${AS[@]}" env -u XDG_RUNTIME_DIR keg run --rm --network none busybox true
    equal "$(stat -c '%u %a' "$place")" "$PERSON_ID 700"
    chmod 755 "$place"
    run --separate-stderr -125 "${AS[@]}" env -u XDG_RUNTIME_DIR keg ps
    umount /tmp
    matches "$stderr" "'$place' is not a folder of this user alone"
}

# ------------------------------------------------------------------------------------------ a single id

# one_id_ready: a user without subordinate ids, and a store of that time.
one_id_ready() {
    subids
    AS+=("HOME=$BOX/one") STORE=$BOX/one/.local/share/keg
    mkdir -p "$BOX/one"
    chown "$PERSON_ID" "$BOX/one"
}

@test "with a single id: pull, run, root alone" {
    one_id_ready
    keg_ok pull -q busybox
    keg_ok run --rm busybox sh -c 'id; cat /proc/self/uid_map'
    matches "$output" "^uid=0\(root\) gid=0\(root\)"
    equal "$(tail -1 <<<"$output" | xargs)" "0 $PERSON_ID 1"
}

@test "with a single id all files are the user's, and whose they were is remembered" {
    one_id_ready
    keg_ok pull -q localhost:5000/owners
    keg_ok run --rm localhost:5000/owners stat -c '%n %u %g %a' /srv/theirs /srv/setuid /srv/rootly
    equal "$output" "/srv/theirs 0 0 640
/srv/setuid 0 0 755
/srv/rootly 0 0 4755"
    equal "$(find "$STORE" ! -user "$PERSON_ID")" ""
    equal "$(getfattr --only-values -n user.keg.owner "$STORE"/layers/*/fs/srv/setuid)" 33:0:4755
}

@test "with a single id another user is refused, with what gives one" {
    one_id_ready
    keg pull -q busybox
    keg_fails 125 "user 1000: you have no subordinate ids.*usermod --add-subuids" run --rm -u 1000 busybox true
}

@test "with a single id networks work too" {
    one_id_ready
    keg pull -q busybox
    way_out
}

@test "with a single id nothing stays behind after rmi" {
    one_id_ready
    keg pull -q busybox
    keg pull -q localhost:5000/owners
    keg run --name closed localhost:5000/owners sh -c 'mkdir -m 0 /closed; touch /f'
    keg rm closed
    keg rmi busybox localhost:5000/owners
    equal "$(find "$STORE" -mindepth 1 ! -type d ! -path "$STORE/lock")" ""
}

# ------------------------------------------------------------------------------------------ set-ups that are broken

# one_line REGEX ARG...: keg fails with one line, which fits.
one_line() {
    keg_fails 125 "$@"
    equal "$(wc -l <<<"$stderr")" 1
}

@test "without newuidmap only the own id is used, and that is said" {
    AS+=("HOME=$BOX/one")
    hide newuidmap
    run --separate-stderr keg run --rm --network none busybox id -u
    equal "$status $output" "0 0"
    matches "$stderr" "newuidmap and newgidmap.* are not installed \(package uidmap\)"
    keg_ok ps
    equal "$stderr" ""
}

@test "subordinate users without groups are told" {
    : >/etc/subgid
    one_line "'/etc/subuid' gives user $PERSON_ID subordinate ids, but '/etc/subgid' gives none" run --rm busybox true
}

@test "ranges that the kernel refuses are told" {
    subids "$PERSON:$((PERSON_ID - 10)):100"
    one_line "ranges of ids that overlap" run --rm busybox true
}

@test "without user namespaces the setting that forbids them is told" {
    unshare --user sleep 100 3>&- &
    local pid=$!
    until_true 5 sh -c "[ \"\$(readlink /proc/$pid/ns/user)\" != \"\$(readlink /proc/self/ns/user)\" ]"
    echo '0 0 400000' >"/proc/$pid/uid_map"
    echo '0 0 400000' >"/proc/$pid/gid_map"
    AS=(nsenter --user --target "$pid" "${AS[@]}")
    nsenter --user --target "$pid" sh -c 'echo 0 >/proc/sys/user/max_user_namespaces'
    one_line "root has to set 'sysctl user.max_user_namespaces" run --rm busybox true
    keg_ok images -q # what only reads works
    [ -n "$output" ]
    kill "$pid"
}

# ------------------------------------------------------------------ flags of the launcher's

@test "a layer in RAM, the host's namespaces, limits of the process" {
    keg_ok run --rm --ephemeral busybox sh -c 'rm -r /home; mkdir /home; touch /x; stat -c %u /x'
    equal "$output" 0
    keg_ok run --rm --pid host --ipc host --uts host --cgroupns host busybox hostname
    equal "$output" box
    keg_ok run --rm --ulimit nofile=100 --umask 077 --group-add 77 busybox sh -c 'ulimit -n; umask; id -G'
    matches "$output" "^100$"
    matches "$output" " 77"
}

@test "a folder in the place of an image" {
    "${AS[@]}" mkdir -p "$HOME_FOLDER/root/bin"
    "${AS[@]}" cp /bin/busybox "$HOME_FOLDER/root/bin/sh"
    keg_ok run --rm --rootfs "$HOME_FOLDER/root" sh -c 'echo x >/in-place'
    equal "$(stat -c %u "$HOME_FOLDER/root/in-place")" "$PERSON_ID"
    keg_ok run --rm --rootfs "$HOME_FOLDER/root:O" sh -c 'echo x >/over'
    [ ! -e "$HOME_FOLDER/root/over" ]
    rm -r "$HOME_FOLDER/root"
}

@test "each namespace of a container is joined, also where keg is its pid 1" {
    local init flag type theirs
    for init in "" --init; do
        # shellcheck disable=SC2086
        "${AS[@]}" keg run --rm $init --name web busybox sh -c 'echo up; exec sleep 600' >"$BOX/web" 2>&1 &
        until_true 20 grep -q up "$BOX/web"
        for flag in pid:pid ipc:ipc uts:uts cgroupns:cgroup network:net; do
            type=${flag#*:}
            theirs=$(readlink "/proc/$(keg inspect web | sed -n 's/.*"Pid": \([0-9]*\).*/\1/p')/ns/$type")
            equal "$(keg run --rm --network none --"${flag%:*}" container:web busybox readlink "/proc/self/ns/$type")" "$theirs"
        done
        keg_ok rm -f web
        wait $! || true
    done
}

@test "ids are not to be chosen" {
    keg_fails 125 "--userns: only root can choose" run --rm --userns private busybox true
    keg_fails 125 "--uidmap: only root can choose" run --rm --uidmap 0:1:1 busybox true
}
