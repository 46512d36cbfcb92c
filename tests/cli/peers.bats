#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Layers that other tools made: keg unpacks them to the tree that those tools make of them themselves.

load helper

setup_file() {
    registry_start 5000
    mkdir -p "$BOX/trees"
    export STORAGE="--root $BOX/peer --runroot $BOX/peer-run --storage-driver vfs"
    export FRESH="--root $BOX/fresh --runroot $BOX/fresh-run --storage-driver vfs"
}

setup() {
    store_reset
    unset CONTAINERS_REGISTRIES_CONF
}

# Everything that a file system can hold and a tar can carry, below $1.
make_tree() {
    mkdir -p "$1/bin" "$1/empty" "$1/sticky" "$1/closed"
    cp /bin/busybox "$1/bin/busybox"
    ln "$1/bin/busybox" "$1/bin/sh"
    ln "$1/bin/busybox" "$1/bin/ls"
    ln -s busybox "$1/bin/cat"
    ln -s /no/such/place "$1/dangling"
    ln -s "$(printf 'long/%.0s' {1..40})end" "$1/long-target"
    cp /bin/busybox "$1/setuid" && chmod 4755 "$1/setuid"
    echo group >"$1/setgid" && chmod 2750 "$1/setgid"
    chmod 1777 "$1/sticky" && chmod 0700 "$1/closed"
    echo owned >"$1/owned" && chown 1234:5678 "$1/owned"
    echo big >"$1/big-owner" && chown 3000000:3000001 "$1/big-owner"
    mkfifo -m 640 "$1/fifo"
    mknod -m 666 "$1/null" c 1 3
    mknod -m 660 "$1/loop" b 7 1
    echo colour >"$1/xattr" && setfattr -n user.colour -v blue "$1/xattr"
    setfattr -n user.folder -v yes "$1/empty"
    cp /bin/busybox "$1/capable" && setcap cap_net_raw+ep "$1/capable"
    truncate -s 10M "$1/sparse" && echo end >>"$1/sparse"
    mkdir -p "$1/$(printf 'deep-folder-with-a-name/%.0s' {1..12})" && echo deep >"$1/$(printf 'deep-folder-with-a-name/%.0s' {1..12})leaf"
    echo name >"$1/$(printf 'n%.0s' {1..200})"
    printf 'utf\n' >"$1/ünïcødé"
    touch -d '2001-02-03 04:05:06.123456789' "$1/owned" "$1/empty"
    touch -h -d '2002-03-04 05:06:07' "$1/dangling"
}

# keg_tree REFERENCE [OPTION]: pull it and print the tree of its layers, one on the other.
keg_tree() {
    keg pull -q "$1" >/dev/null
    local lowers
    lowers=$(python3 -c '
import glob, json, sys
refs = glob.glob(sys.argv[1] + "/refs/**/_tags/*", recursive=True)
layers = json.load(open(refs[0]))["layers"]
print(":".join(sys.argv[1] + "/layers/" + layer.split(":")[1] + "/fs" for layer in reversed(layers)))' "$KEG_ROOT")
    mkdir -p "$BOX/merged" "$BOX/nothing"
    mount -t overlay overlay -o "ro,userxattr,lowerdir=$lowers:$BOX/nothing" "$BOX/merged"
    python3 "$BATS_TEST_DIRNAME/tree.py" "$BOX/merged" "${@:2}"
    umount "$BOX/merged"
}

# same_tree REFERENCE THEIRS [OPTION]: keg's tree of REFERENCE equals the one in the folder THEIRS, and is not
# empty.
same_tree() {
    keg_tree "$1" "${@:3}" >"$BOX/trees/keg"
    python3 "$BATS_TEST_DIRNAME/tree.py" "$2" "${@:3}" >"$BOX/trees/theirs"
    [ "$(wc -l <"$BOX/trees/theirs")" -gt 10 ] || fail "their tree is (nearly) empty"
    diff "$BOX/trees/theirs" "$BOX/trees/keg" >"$BOX/trees/diff" || fail "$(cat "$BOX/trees/diff")"
}

# podman_tree REFERENCE: podman's own unpacking of it, in a store of its own; prints the folder.
podman_tree() {
    # shellcheck disable=SC2086
    podman $FRESH pull -q --tls-verify=false "$1" >/dev/null
    # shellcheck disable=SC2086
    podman $FRESH image mount "$1"
}

# umoci_tree REFERENCE NAME: umoci's.
umoci_tree() {
    skopeo copy -q --src-tls-verify=false "docker://$1" "oci:$BOX/layout-$2:x"
    umoci unpack --image "$BOX/layout-$2:x" "$BOX/bundle-$2" >/dev/null
    echo "$BOX/bundle-$2/rootfs"
}

buildah_image() {
    local container mounted
    # shellcheck disable=SC2086
    container=$(buildah $STORAGE from scratch)
    # shellcheck disable=SC2086
    mounted=$(buildah $STORAGE mount "$container")
    make_tree "$mounted"
    # shellcheck disable=SC2086
    buildah $STORAGE commit -q "$container" "$1" >/dev/null
    # shellcheck disable=SC2086
    buildah $STORAGE push -q --tls-verify=false "$1"
}

@test "a layer made by buildah" {
    buildah_image localhost:5000/peer/buildah
    same_tree localhost:5000/peer/buildah "$(podman_tree localhost:5000/peer/buildah)"
}

@test "layers made by podman build, with files removed and folders changed" {
    mkdir -p "$BOX/context"
    cp /bin/busybox "$BOX/context/"
    cat >"$BOX/context/Containerfile" <<'FILE'
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox mkdir -p /a/b /c/d /opt/x; /bin/busybox ln /bin/busybox /bin/sh; /bin/busybox mkfifo /a/fifo; echo x >/a/gone; echo y >/c/d/e; echo s >/a/suid; /bin/busybox chown 3:4 /a/suid; /bin/busybox chmod 6755 /a/suid"]
RUN /bin/busybox rm /a/gone; /bin/busybox rm -r /c/d; /bin/busybox touch /a/new; /bin/busybox chmod 700 /opt
RUN /bin/busybox mkdir /c/d; echo again >/c/d/again; /bin/busybox mv /a/b /a/moved; /bin/busybox rm -r /opt; echo file >/opt
FILE
    # shellcheck disable=SC2086
    podman $STORAGE build -q --layers --isolation chroot -t localhost:5000/peer/podman "$BOX/context"
    # shellcheck disable=SC2086
    podman $STORAGE push -q --tls-verify=false localhost:5000/peer/podman
    same_tree localhost:5000/peer/podman "$(podman_tree localhost:5000/peer/podman)"
}

@test "a layer made by umoci" {
    umoci init --layout "$BOX/umoci"
    umoci new --image "$BOX/umoci:x"
    umoci unpack --image "$BOX/umoci:x" "$BOX/umoci-bundle"
    make_tree "$BOX/umoci-bundle/rootfs"
    umoci repack --image "$BOX/umoci:x" "$BOX/umoci-bundle"
    rm -rf "$BOX/umoci-bundle/rootfs/empty" "$BOX/umoci-bundle/rootfs/owned"
    umoci repack --image "$BOX/umoci:x" "$BOX/umoci-bundle"
    skopeo copy -q --dest-tls-verify=false "oci:$BOX/umoci:x" docker://localhost:5000/peer/umoci:latest
    same_tree localhost:5000/peer/umoci "$(umoci_tree localhost:5000/peer/umoci umoci)"
}

@test "the same as zstd, converted by skopeo" {
    buildah_image localhost:5000/peer/again
    skopeo copy -q --src-tls-verify=false --dest-decompress docker://localhost:5000/peer/again "dir:$BOX/plain"
    registry_start 5005
    skopeo copy -q --dest-tls-verify=false --format oci --dest-compress-format zstd "dir:$BOX/plain" \
        docker://localhost:5005/peer/zstd
    matches "$(skopeo inspect --raw --tls-verify=false docker://localhost:5005/peer/zstd)" "tar.zstd"
    same_tree localhost:5005/peer/zstd "$(podman_tree localhost:5000/peer/again)"
}

@test "the same as a docker manifest (schema 2), converted by skopeo" {
    buildah_image localhost:5000/peer/oci
    skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --format v2s2 docker://localhost:5000/peer/oci \
        docker://localhost:5000/peer/v2s2
    matches "$(skopeo inspect --raw --tls-verify=false docker://localhost:5000/peer/v2s2)" "rootfs.diff.tar.gzip"
    same_tree localhost:5000/peer/v2s2 "$(podman_tree localhost:5000/peer/oci)"
}

@test "every tar dialect, as podman unpacks it" {
    image_push peer/dialects:latest dialects
    same_tree localhost:5000/peer/dialects "$(podman_tree localhost:5000/peer/dialects)"
}

@test "whiteouts and opaque folders, as podman applies them" {
    image_push peer/whiteouts:latest whiteouts
    # podman's vfs store unpacks a layer into a copy of those below, which touches folders that the layer does not list
    same_tree localhost:5000/peer/whiteouts "$(podman_tree localhost:5000/peer/whiteouts)" --no-folder-times
}

@test "tars of GNU tar, in each of its formats, as GNU tar extracts them; sparse files stay sparse" {
    make_tree "$BOX/source"
    local form sparse
    for form in gnu pax oldgnu; do
        tar -C "$BOX/source" --format=$form --sparse $([ $form = pax ] && echo --xattrs --xattrs-include=*) \
            --numeric-owner -cf "$BOX/$form.tar" .
        mkdir "$BOX/by-tar-$form"
        tar -C "$BOX/by-tar-$form" --xattrs --xattrs-include='*' --numeric-owner --same-owner -pxf "$BOX/$form.tar"
        python3 "$KEG_REGISTRY_LIB/images.py" layers http://127.0.0.1:5000 "peer/tar-$form:latest" "$BOX/$form.tar"
        store_reset
        same_tree "localhost:5000/peer/tar-$form" "$BOX/by-tar-$form"
        sparse=$(stat -c %b "$KEG_ROOT"/layers/*/fs/sparse)
        [ "$sparse" -lt 100 ] || fail "$form: $sparse blocks on disk"
    done
}

@test "Docker Hub's real busybox, where its data is found: same digests, same tree" {
    local images=${KEG_SHARED_IMAGES:-$PROJECT/../shared/images} layout name
    [ -d "$images" ] || skip "no real images: set KEG_SHARED_IMAGES to a folder of OCI layouts"
    for layout in "$images"/busybox-*; do
        name=$(basename "$layout")
        store_reset
        skopeo copy -q --preserve-digests --dest-tls-verify=false "oci:$layout" "docker://localhost:5000/real/$name:latest"
        same_tree "localhost:5000/real/$name" "$(umoci_tree "localhost:5000/real/$name" "$name")"
        local digest config
        digest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$layout/index.json")
        config=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["config"]["digest"])' "$layout/blobs/${digest/://}")
        matches "$(keg images --digests)" "$digest"
        equal "$(keg images -q --no-trunc)" "$config"
        keg_ok run --rm "localhost:5000/real/$name" sh -c 'echo $$; busybox | head -1'
        matches "$output" "^1"
        matches "$output" "BusyBox v1.37.0"
        keg_ok rmi "localhost:5000/real/$name"
        nothing_stored
    done
}
