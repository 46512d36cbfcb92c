#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg pull against Docker Hub under its real names, mirrors, and a server of faults.

load helper

setup_file() {
    hub_start
    image_push library/busybox:latest busybox
    image_push library/many:latest many-layers
    image_push private/thing:latest oci-gzip
    faults_start
}

setup() {
    store_reset
    unset CONTAINERS_REGISTRIES_CONF
    hub_config '{}'
    : >"$BOX/hub.log"
    faults_scenario '[]'
}

# ------------------------------------------------------------------ the Hub

@test "busybox comes from Docker Hub without a flag" {
    keg_ok pull busybox
    equal "${lines[-1]}" "docker.io/library/busybox:latest"
    keg_ok images -q --no-trunc
    equal "$output" "$(image_digest busybox config)"
}

@test "the Hub is asked as docker asks it: challenge, token, index, platform" {
    keg pull -q busybox
    equal "$(requests hub 'r["status"] == 401')" 1
    equal "$(requests hub 'r["host"].startswith("auth") and "service=registry.docker.io" in r["path"] and "scope=repository:library/busybox:pull" in unquote(r["path"])')" 1
    equal "$(requests hub '"/manifests/latest" in r["path"] and r["status"] == 200')" 1
    equal "$(requests hub "'$(image_digest busybox manifest)' in r['path'] and r['status'] == 200")" 1
}

@test "an Authorization header never reaches the host that the registry redirects to" {
    keg pull -q busybox
    [ "$(requests hub 'r["host"].startswith("production")')" -gt 0 ]
    equal "$(requests hub 'r["host"].startswith("production") and r["authorization"] is not None')" 0
    equal "$(requests hub 'r["host"].startswith("auth") and r["authorization"] is not None')" 0
}

@test "attestations and other platforms are not fetched" {
    keg pull -q busybox
    # index and manifest; config and one layer
    equal "$(requests hub '"/manifests/" in r["path"] and r["status"] == 200 and r["method"] == "GET"')" 2
    equal "$(requests hub 'r["host"].startswith("production") and r["status"] in (200, 206)')" 2
}

@test "--platform takes another platform, and says that it does not fit" {
    image_push library/foreign:latest busybox-foreign
    local other
    other=$([ "$(uname -m)" = s390x ] && echo amd64 || echo s390x)
    keg_ok pull --platform "linux/$other" busybox
    keg_ok pull -q --platform "linux/$other" foreign
    keg_ok pull foreign
    matches "$stderr$output" "platform"
}

@test "a platform that the index does not have is named, with those that it has" {
    keg_fails 125 "linux/riscv64.*linux/" pull --platform linux/riscv64 busybox
    nothing_stored
}

@test "a second pull downloads nothing and says so" {
    keg pull -q busybox
    : >"$BOX/hub.log"
    keg_ok pull busybox
    matches "$output$stderr" "up to date"
    equal "$(requests hub 'r["host"].startswith("production")')" 0
}

@test "-q prints the reference and nothing else" {
    keg_ok pull -q busybox
    equal "$output" "docker.io/library/busybox:latest"
    equal "$stderr" ""
}

@test "without a terminal there are plain lines: no escape sequence, no carriage return" {
    keg_ok pull busybox
    [[ "$output$stderr" != *$'\e'* && "$output$stderr" != *$'\r'* ]] || fail "control characters"
}

@test "by digest, of the index and of the manifest" {
    local digest
    for digest in "$(image_digest busybox top)" "$(image_digest busybox manifest)"; do
        store_reset
        keg_ok pull -q "busybox@$digest"
        equal "$output" "docker.io/library/busybox@$digest"
        equal "$(keg images -aq --no-trunc)" "$(image_digest busybox config)"
    done
}

@test "a digest wins over a tag, which need not exist" {
    keg_ok pull -q "busybox:never-was@$(image_digest busybox top)"
    equal "$(keg images -aq --no-trunc)" "$(image_digest busybox config)"
}

@test "128 layers come in parallel, each once" {
    keg_ok pull -q many
    equal "$(requests hub 'r["host"].startswith("production") and r["status"] in (200, 206)')" 129
}

@test "a token that dies in the middle of a pull is replaced" {
    hub_config '{"expires_in": 300, "lives": 0.3}'
    keg_ok pull -q many
    [ "$(requests hub 'r["host"].startswith("auth")')" -gt 1 ] || fail "one token was enough"
}

@test "a token answer without expires_in is fine" {
    hub_config '{"omit_expires": true}'
    keg_ok pull -q busybox
}

@test "a fresh token that is refused once is replaced once" {
    hub_config '{"refuse_fresh": 1}'
    keg_ok pull -q busybox
    equal "$(requests hub 'r["host"].startswith("auth")')" 2
}

@test "an unknown tag" {
    keg_fails 125 "^keg: pull 'busybox:9': no such tag" pull busybox:9
    nothing_stored
}

@test "an unknown repository may be private: both are said" {
    keg_fails 125 "does not exist.*private|private.*does not exist" pull nosuchthing
    nothing_stored
}

@test "a private repository" {
    hub_config '{"private": ["private/thing"]}'
    keg_fails 125 "does not exist.*private|private.*does not exist" pull private/thing
    nothing_stored
}

@test "the Hub's rate limit is named" {
    hub_config '{"limit": true}'
    keg_fails 125 "rate limit|too many" pull busybox
    nothing_stored
}

@test "several pulls of one image at once download each layer once" {
    local n pids=() config
    config=$(image_digest many-layers config)
    for n in 1 2 3 4; do
        keg pull -q many >"$BOX/out.$n" 2>&1 3>&- &
        pids+=($!)
    done
    for n in "${pids[@]}"; do wait "$n"; done
    equal "$(requests hub "r['host'].startswith('production') and r['status'] in (200, 206) and '$config' not in r['path']")" 128
}

# ------------------------------------------------------------------ names

@test "references that nobody can mean are refused by what is wrong with them" {
    keg_fails 125 "lower" pull Busybox
    keg_fails 125 "tag" pull busybox:
    keg_fails 125 "digest" pull busybox@sha256:short
    keg_fails 125 "empty|reference" pull ""
    keg_fails 125 "hex|id" pull "$(printf 'a%.0s' {1..64})"
    nothing_stored
}

# ------------------------------------------------------------------ TLS and plain HTTP

@test "loopback registries speak plain HTTP" {
    image_push x/y:1 oci-gzip
    local host
    for host in localhost:5000 127.0.0.1:5000; do
        keg_ok pull -q "$host/x/y:1"
        equal "$output" "$host/x/y:1"
    done
}

@test "others speak it only with --tls-verify=false" {
    host_add plain.test
    FAULTS_ADDRESS=$HUB_ADDRESS faults_start plain 5002
    image_tree x:latest oci-gzip
    keg_fails 125 "TLS|SSL|tls-verify" pull plain.test:5002/x
    nothing_stored
    keg_ok pull -q --tls-verify=false plain.test:5002/x
}

@test "certificates that do not hold are refused, and --tls-verify=false takes them" {
    host_add tls.test
    certificate other-name other.test
    CERTIFICATE_DAYS=-1 certificate expired tls.test
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=tls.test \
        -addext subjectAltName=DNS:tls.test -keyout "$BOX/self.key" -out "$BOX/self.crt" 2>/dev/null
    image_tree x:latest oci-gzip
    local name port=5010
    for name in other-name expired self; do
        port=$((port + 1))
        FAULTS_ADDRESS=$HUB_ADDRESS faults_start "$name" $port --cert "$BOX/$name.crt" --key "$BOX/$name.key"
        keg_fails 125 "certificate|SSL|TLS" pull "tls.test:$port/x"
        nothing_stored
    done
    keg_ok pull -q --tls-verify=false "tls.test:$port/x"
}

@test "a redirect from TLS to plain HTTP or to a file is refused" {
    host_add redirect.test
    certificate redirect redirect.test
    FAULTS_ADDRESS=$HUB_ADDRESS faults_start redirect 5020 --cert "$BOX/redirect.crt" --key "$BOX/redirect.key"
    image_tree x:latest oci-gzip
    local target
    for target in "http://127.0.0.1:5001/v2/x/manifests/latest" "file:///etc/passwd" "ftp://127.0.0.1/x"; do
        faults_scenario '[{"path": "/v2/x/manifests/latest", "status": 302, "headers": {"Location": "'"$target"'"}}]' redirect
        keg_fails 125 "redirect|protocol" pull redirect.test:5020/x
        nothing_stored
    done
    equal "$(requests faults True)" 0
}

@test "redirects that go round end after ten" {
    image_tree x:latest oci-gzip
    faults_scenario '[{"path": "/v2/x/manifests/latest", "status": 302, "headers": {"Location": "/v2/x/manifests/latest"}}]'
    keg_fails 125 "redirect" pull localhost:5001/x
    [ "$(requests faults '"/manifests/" in r["path"]')" -le 11 ]
}

# ------------------------------------------------------------------ mirrors

@test "a mirror is asked first, and the Hub not at all" {
    mirror_dockerio localhost:5000
    keg_ok pull -q busybox
    equal "$output" "docker.io/library/busybox:latest"
    equal "$(requests hub True)" 0
}

@test "a mirror that refuses, lacks or garbles the image is passed over" {
    mirror_dockerio localhost:1
    keg_ok pull -q busybox
    image_tree library/busybox:latest busybox
    mirror_dockerio localhost:5001
    local rule
    for rule in '"status": 404' '"status": 500' '"body": "<html>", "headers": {"Content-Type": "text/html"}'; do
        store_reset
        faults_scenario "[{\"path\": \"/v2/library/busybox/manifests/*\", $rule}]"
        keg_ok pull -q busybox
        [ "$(requests faults True)" -gt 0 ] || fail "the mirror was not asked"
    done
}

@test "a mirror's bad bytes never get into the store" {
    image_tree library/busybox:latest busybox
    mirror_dockerio localhost:5001
    faults_scenario '[{"path": "/v2/library/busybox/blobs/*", "flip": 40}]'
    keg pull -q busybox || true
    local file
    for file in "$KEG_ROOT"/blobs/sha256/*; do
        [ -f "$file" ] && [[ $file != *.part ]] || continue
        equal "$(sha256sum <"$file" | cut -c1-64)" "${file##*/}"
    done
}

# ------------------------------------------------------------------ what is accepted

@test "every media type of a layer" {
    local name
    for name in oci-tar oci-gzip oci-zstd oci-nondistributable-tar oci-nondistributable-gzip \
        oci-nondistributable-zstd docker-tar docker-tar-that-is-gzip docker-gzip docker-zstd \
        docker-foreign-tar docker-foreign-gzip; do
        store_reset
        image_tree "x:$name" "$name"
        keg_ok pull -q "localhost:5001/x:$name"
        equal "$(cat "$KEG_ROOT"/layers/*/fs/made-as)" "$name"
    done
}

@test "a docker manifest list" {
    image_tree x:list docker-list
    keg_ok pull -q localhost:5001/x:list
    equal "$(cat "$KEG_ROOT"/layers/*/fs/made-as)" docker-list
}

@test "gzip of several members and zstd of several frames" {
    local name
    for name in gzip-members zstd-frames; do
        store_reset
        image_tree "x:$name" "$name"
        keg_ok pull -q "localhost:5001/x:$name"
        equal "$(cat "$KEG_ROOT"/layers/*/fs/made-as)" "$name"
    done
}

# ------------------------------------------------------------------ what goes wrong on the way

@test "answers that pass (503, 429, a reset) are asked again" {
    image_tree x:latest oci-gzip
    local rule
    for rule in '"status": 503' '"status": 429, "headers": {"Retry-After": "1"}' '"reset": true'; do
        store_reset
        faults_scenario "[{\"path\": \"/v2/x/manifests/latest\", \"nth\": 1, $rule}]"
        keg_ok pull -q localhost:5001/x
    done
}

@test "a download that breaks off goes on where it was" {
    image_tree x:latest busybox
    local layer size
    layer=$(image_digest busybox layers)
    size=$(stat -c %s "$BOX/tree/blobs/$layer")
    faults_scenario "[{\"path\": \"*/blobs/$layer\", \"nth\": 1, \"cut\": 700000}]"
    keg_ok pull -q localhost:5001/x
    equal "$(requests faults "'$layer' in r['path'] and r['status'] == 206")" 1
    # no byte twice: the second request begins where the first ended, up to what the socket's buffer lost
    run python3 -c '
import json, sys
for line in open(sys.argv[1]):
    r = json.loads(line)
    if sys.argv[2] in r["path"] and r["range"]:
        print(int(r["range"][6:].split("-")[0]))' "$BOX/faults.log" "$layer"
    [ "$output" -gt 0 ] && [ "$output" -le 700000 ] || fail "size $size"
}

@test "a download that keg was killed in goes on where it was" {
    image_tree x:latest busybox
    local layer pid
    layer=$(image_digest busybox layers)
    faults_scenario "[{\"path\": \"*/blobs/$layer\", \"nth\": 1, \"rate\": 300000}]"
    keg pull -q localhost:5001/x >/dev/null 2>&1 3>&- &
    pid=$!
    part_grows() { [ "$(stat -c %s "$KEG_ROOT/blobs/sha256/${layer#*:}.part" 2>/dev/null || echo 0)" -gt 100000 ]; }
    until_true 10 part_grows
    kill -KILL $pid
    wait $pid || true
    keg_ok pull -q localhost:5001/x
    equal "$(requests faults "'$layer' in r['path'] and r['status'] == 206")" 1
    equal "$(keg images -q --no-trunc)" "$(image_digest busybox config)"
}

@test "Ctrl-C ends a pull soon, and leaves no image" {
    image_tree x:latest busybox
    local pid started=$SECONDS code=0
    faults_scenario '[{"path": "*/blobs/*", "rate": 10000}]'
    env --default-signal=INT keg pull -q localhost:5001/x >/dev/null 2>&1 3>&- &
    pid=$!
    sleep 1
    kill -INT $pid
    wait $pid || code=$?
    [ "$code" != 0 ]
    [ $((SECONDS - started)) -le 4 ] || fail "it took $((SECONDS - started)) s"
    equal "$(keg images -q)" ""
}

@test "a server that never ends a document is left" {
    image_tree x:latest oci-gzip
    faults_scenario '[{"path": "/v2/x/manifests/*", "body": "{", "endless": true}]'
    keg_fails 125 "pull 'localhost:5001/x'.*(large|MiB|limit|bytes)" pull localhost:5001/x
    nothing_stored
}

# ------------------------------------------------------------------ bad input: named, refused, nothing stored

@test "a manifest that is HTML" {
    faults_scenario '[{"path": "/v2/x/manifests/*", "body": "<html><body>Log in to the hotel network</body></html>", "headers": {"Content-Type": "text/html"}}]'
    keg_fails 125 "HTML|html" pull localhost:5001/x
    nothing_stored
}

@test "a manifest that is not JSON" {
    faults_scenario '[{"path": "/v2/x/manifests/*", "body": "{nonsense", "headers": {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}}]'
    keg_fails 125 "JSON" pull localhost:5001/x
    nothing_stored
}

@test "a manifest whose bytes are not those of the digest" {
    image_tree x:latest oci-gzip
    faults_scenario '[{"path": "/v2/x/manifests/*", "append": " "}]'
    keg_fails 125 "digest|size" pull "localhost:5001/x@$(image_digest oci-gzip top)"
    nothing_stored
}

@test "a platform's manifest whose bytes are not those that the index names" {
    image_tree x:latest busybox
    faults_scenario "[{\"path\": \"/v2/x/manifests/$(image_digest busybox manifest)\", \"flip\": 30}]"
    keg_fails 125 "digest" pull localhost:5001/x
    nothing_stored
}

@test "a config and a layer whose bytes are not those of the digest" {
    image_tree x:latest oci-gzip
    local digest
    for digest in "$(image_digest oci-gzip config)" "$(image_digest oci-gzip layers)"; do
        faults_scenario "[{\"path\": \"*/blobs/$digest\", \"flip\": 20}]"
        keg_fails 125 "digest" pull localhost:5001/x
        nothing_stored
    done
}

@test "a layer that is longer than its descriptor says" {
    image_tree x:latest oci-gzip
    faults_scenario "[{\"path\": \"*/blobs/$(image_digest oci-gzip layers)\", \"append\": \"more\"}]"
    keg_fails 125 "size|larger|longer|bytes" pull localhost:5001/x
    nothing_stored
    image_tree y:latest should-fail-layer-size
    faults_scenario '[]'
    keg_fails 125 "size|larger|longer|bytes" pull localhost:5001/y
    nothing_stored
}

@test "a layer that always ends early" {
    image_tree x:latest oci-gzip
    faults_scenario "[{\"path\": \"*/blobs/$(image_digest oci-gzip layers)\", \"length\": null, \"flip\": 0, \"cut\": 30}]"
    run --separate-stderr timeout 60 keg pull localhost:5001/x
    equal "$status" 125
    matches "$stderr" "pull 'localhost:5001/x"
    equal "$(keg images -q)" ""
    [ -z "$(ls "$KEG_ROOT/layers" 2>/dev/null)" ] || fail "a layer is there"
}

@test "documents that should fail do, by name, and nothing is stored" {
    local name regex
    while read -r name regex; do
        image_tree "bad:$name" "should-fail-$name"
        keg_fails 125 "^keg: pull 'localhost:5001/bad:$name': .*($regex)" pull "localhost:5001/bad:$name"
        nothing_stored
    done <<'TABLE'
schema1                   schema 1
mixed-documents           manifest and .*index|mixed|both
duplicate-keys            duplicate|twice
type-differs              served as
unknown-layer-type        application/vnd.example.wasm
unknown-digest-algorithm  md5|digest
digest-is-path            digest
negative-size             size
huge-size                 size|number|integer
manifest-size             size|bytes
no-platform               no image for
nested-index              index
large-manifest            MiB|large|limit|bytes
null-config               config|JSON|object
fewer-diff-ids            diff|layers
TABLE
}

@test "layers that should fail do, by name, and nothing is stored, nothing written outside" {
    local name regex left base
    base=$(image_digest busybox diff_ids)
    while read -r name regex; do
        image_tree "bad:$name" "should-fail-$name"
        keg_fails 125 "^keg: pull 'localhost:5001/bad:$name': .*($regex)" pull "localhost:5001/bad:$name"
        equal "$(keg images -aq)" ""
        # a good layer below may stay, and verified blobs: of use to the next image, collected if there is none
        left=$(find "$KEG_ROOT/layers" "$KEG_ROOT/tmp" -mindepth 1 -maxdepth 1 ! -name "${base#sha256:}")
        [ -z "$left" ] || fail "left: $left"
        [ ! -e /tmp/keg-escaped ] || fail "$name wrote outside"
    done <<'TABLE'
climbs-out           \.\.
through-link         out
hardlink-outside     shadow|\.\.
hardlink-to-nothing  link
root-is-link         root
bare-whiteout        \.wh\.
truncated-tar        end|[Tt]runc
truncated-gzip       gzip|end|trunc
not-a-tar            tar
wrong-diff-id        diff id|the content has the digest
TABLE
}

@test "a full disk: said so, space given back, and the next pull works" {
    mkdir -p "$KEG_ROOT"
    mount -t tmpfs -o size=1500k tmpfs "$KEG_ROOT"
    keg_fails 125 "no space left on device; make room under '$KEG_ROOT' and pull again: what was fetched is kept$" \
        pull busybox
    equal "$(keg images -q)" ""
    [ -z "$(ls "$KEG_ROOT/layers" "$KEG_ROOT/tmp" | grep -v :)" ] || fail "left: $(find "$KEG_ROOT")"
    mount -o remount,size=100m "$KEG_ROOT"
    keg_ok pull -q busybox
    umount "$KEG_ROOT"
}

@test "a pull that waits for another one ends at once when it is told to" {
    local lock code=0 puller
    lock=$KEG_RUNROOT/locks/$(image_digest busybox manifest | cut -d: -f2)
    mkdir -p -m 700 "$KEG_RUNROOT" "${lock%/*}"
    spawn "$BOX/flock.log" flock "$lock" sleep 60
    local holder=$!
    until_true 5 bash -c '! flock -n "$0" true' "$lock"
    keg pull busybox >"$BOX/waiting.out" 2>"$BOX/waiting.err" </dev/null 3>&- &
    puller=$!
    until_true 10 grep -q "Pulling from" "$BOX/waiting.out"
    sleep 0.3
    SECONDS=0
    kill -TERM "$puller"
    wait "$puller" || code=$?
    kill -- "-$holder"
    equal "$code" 143
    [ $SECONDS -lt 10 ]
    equal "$(cat "$BOX/waiting.err")" "keg: pull 'busybox': interrupted; what was fetched is kept"
}

@test "keg-image by itself does nothing without root: keg prepares what it needs" {
    mkdir -m 777 "$BOX/open"
    cp "$KEG_BIN/keg-image" "$BOX" # the project may lie where only root may go
    run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups \
        env KEG_ROOT="$BOX/open/keg" KEG_RUNROOT="$BOX/open/run" "$BOX/keg-image" pull busybox
    equal "$status" 125
    equal "$stderr" "keg: pull 'busybox': keg-image has to be started by keg, which prepares a user namespace for it: run 'keg pull'"
    equal "$(ls "$BOX/open")" ""
    equal "$(requests hub True)" 0
    rmdir "$BOX/open"
}

@test "a registry that is not there" {
    keg_fails 125 "pull 'localhost:1/x.*(refused|connect)" pull localhost:1/x
    keg_fails 125 "pull 'no-such-host.test/x.*(resolve|no-such-host.test)" pull no-such-host.test/x
    nothing_stored
}
