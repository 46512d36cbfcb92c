#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keg pull where bytes are wrong on the way or on the disk, and right ones are to be had: it gets them.

load helper

setup_file() {
    faults_start
    faults_start origin 5002
}

setup() {
    store_reset
    unset CONTAINERS_REGISTRIES_CONF
    faults_scenario '[]'
    faults_scenario '[]' origin
}

# mirrored: localhost:5001 is a mirror of localhost:5002.
mirrored() {
    printf '[[registry]]\nprefix = "localhost:5002"\nlocation = "localhost:5002"\n' >"$BOX/registries.conf"
    printf '[[registry.mirror]]\nlocation = "localhost:5001"\n' >>"$BOX/registries.conf"
    export CONTAINERS_REGISTRIES_CONF=$BOX/registries.conf
}

# blob DIGEST: its file in the store.
blob() {
    echo "$KEG_ROOT/blobs/sha256/${1#*:}"
}

# damage FILE: another byte in its middle, of the same size.
damage() {
    local at=$(($(stat -c %s "$1") / 2))
    chmod u+w "$1"
    python3 -c '
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte[0] ^ 1]))' "$1" "$at"
}

# blobs_whole: each blob of the store is what its name says.
blobs_whole() {
    local file
    for file in "$KEG_ROOT"/blobs/sha256/*; do
        equal "$(sha256sum <"$file" | cut -c1-64)" "${file##*/}"
    done
}

@test "a mirror that begins with wrong bytes and breaks off does not spoil the registry's right ones" {
    image_tree x:latest busybox
    mirrored
    local layer
    layer=$(image_digest busybox layers)
    faults_scenario "[{\"path\": \"*/blobs/$layer\", \"nth\": 1, \"flip\": 40, \"cut\": 300000},
                      {\"path\": \"*/blobs/$layer\", \"status\": 404}]"
    keg_ok pull -q localhost:5002/x
    blobs_whole
    equal "$(keg images -q --no-trunc)" "$(image_digest busybox config)"
}

@test "a mirror that stops speaking HTTP in the middle of a layer is passed over" {
    image_tree x:latest busybox
    mirrored
    faults_scenario "[{\"path\": \"*/blobs/$(image_digest busybox layers)\", \"body\": \"no chunk\", \"length\": null,
                       \"headers\": {\"Transfer-Encoding\": \"chunked\"}}]"
    keg_ok pull -q localhost:5002/x
    blobs_whole
}

@test "the rest of a download from before is damaged: it is fetched whole" {
    image_tree x:latest busybox
    local layer part
    layer=$(image_digest busybox layers)
    part=$(blob "$layer").part
    mkdir -p -m 700 "${part%/*}"
    head -c 300000 "$BOX/tree/blobs/$layer" >"$part"
    damage "$part"
    keg_ok pull -q localhost:5001/x
    blobs_whole
}

@test "a .part that has all bytes, or too many" {
    image_tree x:latest busybox
    local layer part
    layer=$(image_digest busybox layers)
    part=$(blob "$layer").part
    mkdir -p -m 700 "${part%/*}"
    cp "$BOX/tree/blobs/$layer" "$part"
    keg_ok pull -q localhost:5001/x
    equal "$(requests faults "'$layer' in r['path']")" 0
    store_reset
    mkdir -p -m 700 "${part%/*}"
    cat "$BOX/tree/blobs/$layer" - <<<"more" >"$part"
    keg_ok pull -q localhost:5001/x
    blobs_whole
}

@test "a registry whose blob is shorter than what is there already: the size is named" {
    image_tree x:latest busybox
    local layer part
    layer=$(image_digest busybox layers)
    part=$(blob "$layer").part
    mkdir -p -m 700 "${part%/*}"
    head -c 300000 "$BOX/tree/blobs/$layer" >"$part"
    faults_scenario "[{\"path\": \"*/blobs/$layer\", \"status\": 416}]"
    keg_fails 125 "wrong size" pull localhost:5001/x
    faults_scenario '[]'
    keg_ok pull -q localhost:5001/x
}

@test "a Content-Range that lies is refused, and so is a part that nobody asked for" {
    image_tree x:latest busybox
    local layer part size range
    layer=$(image_digest busybox layers)
    size=$(stat -c %s "$BOX/tree/blobs/$layer")
    part=$(blob "$layer").part
    for range in "bytes 0-$((size - 1))/$size" "bytes 1000-$((size - 2))/$size" "bytes 1000-$((size - 1))/*" "bytes 1000-$size/$((size + 1))" \
        "bytes 1000-99999999999999999999/$size"; do
        mkdir -p -m 700 "${part%/*}"
        head -c 1000 "$BOX/tree/blobs/$layer" >"$part"
        faults_scenario "[{\"path\": \"*/blobs/$layer\", \"headers\": {\"Content-Range\": \"$range\"}, \"status\": 206, \"body\": \"x\"}]"
        keg_fails 125 "Content-Range" pull localhost:5001/x
    done
    store_reset
    keg_fails 125 "206" pull localhost:5001/x
}

@test "one layer several times in one image" {
    image_tree x:latest twin-layers
    keg_ok pull -q localhost:5001/x
    equal "$(find "$KEG_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 5
    equal "$(requests faults "'$(image_digest twin-layers layers | head -1)' in r['path']")" 1
    equal "$(ls "$KEG_ROOT/tmp")" ""
}

@test "stored blobs that are damaged are mended by a pull: layer, config and manifest" {
    image_tree x:latest busybox
    keg_ok pull -q localhost:5001/x
    local digest
    for digest in "$(image_digest busybox layers)" "$(image_digest busybox config)" "$(image_digest busybox manifest)"; do
        damage "$(blob "$digest")"
    done
    rm -r "$KEG_ROOT"/layers/*
    keg_ok pull -q localhost:5001/x
    blobs_whole
    rm -r "$KEG_ROOT"/layers/*
    truncate -s 100 "$(blob "$(image_digest busybox layers)")"
    keg_ok pull -q localhost:5001/x
    blobs_whole
}

@test "a layer whose meta.json is damaged is mended by a pull" {
    image_tree x:latest oci-gzip
    local meta
    for damage in : rm; do
        store_reset
        keg_ok pull -q localhost:5001/x
        meta=$(echo "$KEG_ROOT"/layers/*/meta.json)
        if [ $damage = rm ]; then rm "$meta"; else : >"$meta"; fi
        keg_ok pull -q localhost:5001/x
        [ -s "$meta" ]
        equal "$(ls "$KEG_ROOT/tmp")" ""
    done
}

@test "an image that does not say its type can be pulled by digest twice" {
    image_tree x:latest untyped
    keg_ok pull -q "localhost:5001/x@$(image_digest untyped manifest)"
    keg_ok pull -q "localhost:5001/x@$(image_digest untyped manifest)"
    keg_ok pull -q localhost:5001/x
    keg_ok pull -q localhost:5001/x
}
