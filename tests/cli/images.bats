#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg images, rmi, inspect, ps and rm: what is in the store, and how it leaves.

load helper

setup_file() {
    registry_start 5000
    image_push library/busybox:latest busybox
    image_push library/busybox:1 busybox
    image_push x/second:latest second
    faults_start
}

setup() {
    store_reset
    mirror_dockerio localhost:5000
    keg pull -q busybox >/dev/null
}

id_of() {
    image_digest "$1" config | cut -d: -f2
}

@test "images prints docker's classic table" {
    keg_ok images
    matches "${lines[0]}" "^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE *$"
    matches "${lines[1]}" "^busybox +latest +$(id_of busybox | cut -c1-12) +.+ ago +[0-9.]+MB *$"
    equal "${#lines[@]}" 2
}

@test "images -q, --no-trunc, --digests, --format json" {
    keg_ok images -q
    equal "$output" "$(id_of busybox | cut -c1-12)"
    keg_ok images -q --no-trunc
    equal "$output" "sha256:$(id_of busybox)"
    keg_ok images --digests
    matches "${lines[0]}" "^REPOSITORY +TAG +DIGEST +IMAGE ID"
    matches "${lines[1]}" "$(image_digest busybox top)"
    keg_ok images --format json
    run python3 -c 'import json, sys
for line in sys.stdin:
    value = json.loads(line); print(value["Repository"], value["Tag"], value["ID"])' <<<"$output"
    matches "$output" "^busybox latest (sha256:)?$(id_of busybox | cut -c1-12)"
}

@test "images NAME lists that repository or tag only" {
    keg pull -q localhost:5000/x/second
    keg_ok images busybox
    equal "${#lines[@]}" 2
    keg_ok images busybox:nosuch
    equal "${#lines[@]}" 1
    keg_ok images -q
    equal "${#lines[@]}" 2
}

@test "a tag that moves leaves the old image untagged: hidden, until -a" {
    image_push x/moves:latest oci-gzip
    keg pull -q localhost:5000/x/moves
    image_push x/moves:latest oci-zstd
    keg pull -q localhost:5000/x/moves
    keg_ok images -q localhost:5000/x/moves
    equal "${#lines[@]}" 1
    keg_ok images -a
    matches "$output" "localhost:5000/x/moves +<none>"
}

@test "an image that was pulled by digest is listed, without a tag" {
    local digest
    digest=$(image_push x/by-digest:latest oci-gzip)
    keg pull -q "localhost:5000/x/by-digest@$digest"
    keg_ok images
    matches "$output" "localhost:5000/x/by-digest +<none>"
}

@test "rm of the last container of a removed image frees its layers" {
    keg run --name last busybox true
    keg_ok rmi -f busybox
    [ -n "$(ls "$KEG_ROOT/layers")" ]
    keg_ok rm last
    equal "$output" last
    [ -z "$(ls "$KEG_ROOT/layers")" ]
}

@test "rmi NAME untags and deletes, and says what; the store is empty then" {
    keg_ok rmi busybox
    equal "${lines[0]}" "Untagged: busybox:latest"
    matches "$output" "^Deleted: sha256:"
    nothing_stored
    [ -z "$(ls "$KEG_ROOT/layers")" ]
}

@test "rmi of one tag of two only untags" {
    keg pull -q busybox:1
    keg_ok rmi busybox:1
    equal "$(grep -c '^Deleted' <<<"$output" || true)" 0
    keg_ok images -q
    equal "${#lines[@]}" 1
    keg run --rm busybox true
}

@test "rmi by id and by unique prefix" {
    keg_ok rmi "$(id_of busybox)"
    keg pull -q busybox
    keg_ok rmi "$(id_of busybox | cut -c1-5)"
    nothing_stored
}

@test "rmi by id of an image with two names needs -f" {
    keg pull -q busybox:1
    run --separate-stderr keg rmi "$(id_of busybox | cut -c1-12)"
    [ "$status" != 0 ]
    matches "$stderr" "busybox:1|several|multiple|force|-f"
    keg_ok rmi -f "$(id_of busybox | cut -c1-12)"
    nothing_stored
}

@test "rmi of several tries them all, and fails for what does not exist" {
    keg pull -q localhost:5000/x/second
    keg_fails 1 "no such image.*nosuch|'nosuch.*no such image" rmi nosuch busybox localhost:5000/x/second
    nothing_stored
}

@test "rmi of nothing on a store that cannot be written says no more than that" {
    mount --bind "$KEG_ROOT" "$KEG_ROOT"
    mount -o remount,bind,ro "$KEG_ROOT"
    run --separate-stderr keg rmi nosuch
    umount "$KEG_ROOT"
    equal "$status" 1
    equal "$stderr" "keg: rmi 'nosuch': no such image"
}

@test "rmi keeps layers that another image needs" {
    keg pull -q localhost:5000/x/second
    keg rmi busybox
    keg_ok run --rm localhost:5000/x/second cat /second
    equal "$output" second
}

@test "rmi refuses an image that a container uses, and says which" {
    keg_ok run --name user busybox true
    keg_fails 2 "busybox.*container" rmi busybox
    matches "$stderr" "user|[0-9a-f]{12}"
    keg_ok rm user
    keg_ok rmi busybox
    nothing_stored
}

@test "rmi -f untags an image that a stopped container uses, and the container stays usable" {
    keg run --name user busybox true
    keg_ok rmi -f busybox
    keg_ok ps -a
    matches "$output" "user"
    keg_ok rm user
    # what only the container kept goes with the next collection
    keg pull -q busybox
    keg_ok rmi busybox
    nothing_stored
}

@test "ps -a lists what has ended, with its status; rm removes it" {
    run keg run --name seven busybox sh -c 'exit 7'
    equal "$status" 7
    keg_ok ps
    equal "${#lines[@]}" 1
    keg_ok ps -a
    matches "${lines[0]}" "^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES"
    matches "${lines[1]}" "busybox +\"sh -c 'exit 7'\" .*Exited \(7\) .* seven$|busybox +\"sh -c exit 7\" .*Exited \(7\) .*seven$"
    keg_ok rm seven
    equal "$output" seven
    keg_ok ps -aq
    equal "$output" ""
}

@test "rm of a running container is refused; of an unknown one it says so" {
    keg run --name runs busybox sleep 60 >/dev/null 2>&1 3>&- &
    runs() { keg ps | grep -q runs; }
    until_true 10 runs
    keg_fails 2 "runs" rm runs
    keg_fails 1 "no such container" rm nosuch
    keg_ok rm -f runs
    keg_ok ps -aq
    equal "$output" ""
}

@test "inspect prints docker's JSON of an image and of a container" {
    keg run --name looked -m 64m busybox true
    keg_ok inspect busybox
    run python3 -c 'import json, sys
value = json.load(sys.stdin)[0]; print(value["Id"], value["Os"], value["Config"]["Cmd"])' <<<"$output"
    equal "$output" "sha256:$(id_of busybox) linux ['sh']"
    keg_ok inspect looked
    run python3 -c 'import json, sys
value = json.load(sys.stdin)[0]; print(value["State"]["Status"], value["State"]["ExitCode"], value["Name"])' <<<"$output"
    matches "$output" "^exited 0 /?looked$"
    keg_fails 1 "[Nn]o such" inspect nosuch
}

# inspected CONTAINER EXPRESSION: a Python expression over c, its object.
inspected() {
    keg inspect "$1" | python3 -c '
import json, sys
c = json.load(sys.stdin)[0]
print(eval(sys.argv[1]))' "$2"
}

@test "inspect tells the address of a running container, where docker has it" {
    keg run --name here busybox sh -c 'ip -4 addr show eth0; sleep 30' >"$BOX/here" 3>&- &
    local address runner=$!
    until_true 10 grep -q inet "$BOX/here"
    address=$(inspected here 'c["NetworkSettings"]["IPAddress"]')
    grep -qF "inet $address/16" "$BOX/here"
    equal "$(inspected here 'c["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]')" "$address"
    equal "$(inspected here 'c["NetworkSettings"]["Networks"]["bridge"]["Gateway"]')" 10.78.0.1
    keg rm -f here
    wait "$runner" || [ $? = 137 ]
    keg run --name gone busybox true
    equal "$(inspected gone 'c["NetworkSettings"]')" \
        "{'IPAddress': '', 'IPPrefixLen': 0, 'Gateway': '', 'Ports': {}, 'Networks': {}}"
}

@test "inspect lists the mounts that the user asked for, not keg's own" {
    keg run --name bound -v /etc:/host:ro busybox true
    equal "$(inspected bound 'c["Mounts"]')" \
        "[{'Type': 'bind', 'Source': '/etc', 'Destination': '/host', 'RW': False}]"
}

@test "version, info and help" {
    keg_ok version
    matches "$output" "[0-9]+\.[0-9]+\.[0-9]+"
    keg_ok --version
    keg_ok info
    matches "$output" "overlay"
    keg_ok --help
    local verb
    for verb in pull run images rmi ps rm inspect info version; do
        keg_ok "$verb" --help
        matches "$output" "keg $verb"
    done
    keg_fails 125 "unknown|no such" nosuchverb
    keg_fails 125 "unknown|--nosuchflag" images --nosuchflag
}

@test "--root and --runroot are another store" {
    keg_ok --root "$BOX/other" --runroot "$BOX/other-run" images -q
    equal "$output" ""
    keg_ok --root "$BOX/other" --runroot "$BOX/other-run" pull -q busybox
    keg_ok --root "$BOX/other" --runroot "$BOX/other-run" run --rm busybox echo there
    equal "$output" there
    rm -rf "$BOX/other" "$BOX/other-run"
}

@test "a ref that is damaged is passed over, the others are listed" {
    keg pull -q localhost:5000/x/second
    echo '{' >"$KEG_ROOT/refs/docker.io/library/busybox/_tags/latest"
    keg_ok images -q
    equal "$output" "$(id_of second | cut -c1-12)"
    keg_ok pull -q busybox
    keg_ok run --rm busybox true
}
