#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the images that tests pull: bytes decided here to the last bit, the same at each call.

  images.py push http://HOST:PORT REPOSITORY:TAG NAME   into a registry, by the distribution-spec's API
  images.py tree FOLDER REPOSITORY:TAG NAME             into the tree that faults.py serves (nothing refused)
  images.py layers http://HOST:PORT REPOSITORY:TAG TAR...   an image of these tars, into a registry
  images.py show NAME                                   its digests, as JSON
  images.py list                                        every NAME with what it is

An image is a function below with the decorator @image; its first line of doc says what it is. Most stand
on Debian's busybox-static (/bin/busybox, or $KEG_TEST_BUSYBOX).
"""

import gzip
import hashlib
import http.client
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import urllib.parse

BUSYBOX = os.environ.get("KEG_TEST_BUSYBOX", "/bin/busybox")
EPOCH = 1700000000
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le",
                 "s390x": "s390x", "armv7l": "arm", "i686": "386"}
HERE = ARCHITECTURES.get(platform.machine(), platform.machine())
ELSEWHERE = "s390x" if HERE != "s390x" else "amd64"

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
OCI_INDEX = OCI + "index.v1+json"
OCI_MANIFEST = OCI + "manifest.v1+json"
OCI_CONFIG = OCI + "config.v1+json"
OCI_LAYER = OCI + "layer.v1.tar"
DOCKER_LIST = DOCKER + "distribution.manifest.list.v2+json"
DOCKER_MANIFEST = DOCKER + "distribution.manifest.v2+json"
DOCKER_CONFIG = DOCKER + "container.image.v1+json"
DOCKER_LAYER = DOCKER + "image.rootfs.diff.tar"

IMAGES = {}


def image(function):
    IMAGES[function.__name__.replace("_", "-")] = function
    return function


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def to_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


# ---------------------------------------------------------------------- tar entries

def entry(name, kind, mode, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.mtime = kind, mode, len(data), EPOCH
    info.uname = info.gname = ""
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def folder(name, mode=0o755, **fields):
    return entry(name, tarfile.DIRTYPE, mode, **fields)


def file(name, data, mode=0o644, **fields):
    return entry(name, tarfile.REGTYPE, mode, data if isinstance(data, bytes) else data.encode(), **fields)


def symlink(name, target, **fields):
    return entry(name, tarfile.SYMTYPE, 0o777, linkname=target, **fields)


def hardlink(name, target, mode=0o755, **fields):
    return entry(name, tarfile.LNKTYPE, mode, linkname=target, **fields)


def tar(entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8",
                      errors="surrogateescape") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def gz(data):
    return gzip.compress(data, 6, mtime=0)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


# ---------------------------------------------------------------------- images

class Image:
    """Documents by digest: `manifests` has (media type, bytes), `blobs` bytes; `top` is what a tag names."""

    def __init__(self):
        self.manifests, self.blobs, self.top = {}, {}, None
        self.details = {}

    def blob(self, media_type, data, **fields):
        digest = digest_of(data)
        self.blobs[digest] = data
        return {"mediaType": media_type, "size": len(data), "digest": digest, **fields}

    def document(self, media_type, value):
        data = value if isinstance(value, bytes) else to_json(value)
        digest = digest_of(data)
        self.manifests[digest] = (media_type, data)
        self.top = digest
        return {"mediaType": media_type, "size": len(data), "digest": digest}

    def add(self, layers, config=None, architecture=HERE, kind=OCI_MANIFEST, layer_type=OCI_LAYER + "+gzip",
            compress=gz, **changes):
        """One platform's manifest. `layers` are tars. `changes` replace fields of the manifest."""
        config_type = OCI_CONFIG if kind == OCI_MANIFEST else DOCKER_CONFIG
        document = {"created": "2024-01-02T03:04:05Z", "architecture": architecture, "os": "linux",
                    "config": {"Env": [PATH], "Cmd": ["sh"], **(config or {})},
                    "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
                    "history": [{"created": "2024-01-02T03:04:05Z", "created_by": "images.py"}
                                for _ in layers]}
        if architecture == "arm64":
            document["variant"] = "v8"
        document.update(changes.pop("config_changes", {}))
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": self.blob(config_type, to_json(document)),
                    "layers": [self.blob(layer_type, compress(layer)) for layer in layers], **changes}
        self.details = {"config": manifest["config"]["digest"],
                        "layers": [layer["digest"] for layer in manifest["layers"]],
                        "diff_ids": document["rootfs"]["diff_ids"]}
        descriptor = self.document(kind, manifest)
        self.details["manifest"] = descriptor["digest"]
        descriptor["platform"] = {"architecture": architecture, "os": "linux"}
        return descriptor

    def index(self, descriptors, kind=OCI_INDEX, **changes):
        return self.document(kind, {"schemaVersion": 2, "mediaType": kind, "manifests": descriptors,
                                    **changes})


def single(layers, config=None, **options):
    made = Image()
    made.add(layers, config, **options)
    return made


def applets():
    names = subprocess.run([BUSYBOX, "--list"], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [name for name in names.split() if name != "busybox"]


def busybox_entries():
    """The shape of the Hub's own busybox: every applet a hard link, root's home closed, a sticky tmp."""
    with open(BUSYBOX, "rb") as binary:
        program = file("bin/busybox", binary.read(), 0o755)
    links = [hardlink("bin/" + name, "bin/busybox") for name in applets()]
    return [folder("bin/"), program, *links, folder("dev/"), folder("etc/"),
            file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                               "www:x:33:33:www:/var/www:/bin/sh\n"),
            file("etc/group", "root:x:0:\ndaemon:x:1:\nwww:x:33:\nextra:x:44:www\n"),
            folder("home/", uid=65534, gid=65534), folder("root/", 0o700), folder("tmp/", 0o1777),
            folder("usr/"), folder("usr/sbin/", uid=1, gid=1), folder("var/"),
            folder("var/www/", uid=33, gid=33)]


def busybox_tar():
    return tar(busybox_entries())


def attestation(made, subject):
    """What buildx puts beside each platform: unknown/unknown, with an in-toto layer."""
    statement = made.blob("application/vnd.in-toto+json", to_json({"_type": "https://in-toto.io/Statement/v0.1"}))
    config = made.blob(OCI_CONFIG, to_json({"architecture": "unknown", "os": "unknown", "config": {},
                                            "rootfs": {"type": "layers", "diff_ids": [statement["digest"]]}}))
    descriptor = made.document(OCI_MANIFEST, {"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                                              "config": config, "layers": [statement]})
    return {**descriptor, "platform": {"architecture": "unknown", "os": "unknown"},
            "annotations": {"vnd.docker.reference.digest": subject["digest"],
                            "vnd.docker.reference.type": "attestation-manifest"}}


@image
def busybox():
    """An OCI index as buildx makes it: another platform, this one, an attestation for each."""
    made = Image()
    foreign = made.add([tar([file("foreign", "not for this machine\n")])], architecture=ELSEWHERE)
    here = made.add([busybox_tar()])
    details = made.details
    made.index([attestation(made, foreign), foreign, attestation(made, here), here])
    made.details = details
    return made


@image
def busybox_foreign():
    """One manifest, for a platform that this machine is not."""
    return single([tar([folder("bin/"), file("bin/sh", "\x7fELF", 0o755)])], architecture=ELSEWHERE)


# ---------------------------------------------------------------------- media types

def media_type_images():
    base = {"oci-tar": (OCI_MANIFEST, OCI_LAYER, bytes),
            "oci-gzip": (OCI_MANIFEST, OCI_LAYER + "+gzip", gz),
            "oci-zstd": (OCI_MANIFEST, OCI_LAYER + "+zstd", zstd),
            "oci-nondistributable-tar": (OCI_MANIFEST, OCI + "layer.nondistributable.v1.tar", bytes),
            "oci-nondistributable-gzip": (OCI_MANIFEST, OCI + "layer.nondistributable.v1.tar+gzip", gz),
            "oci-nondistributable-zstd": (OCI_MANIFEST, OCI + "layer.nondistributable.v1.tar+zstd", zstd),
            "docker-tar": (DOCKER_MANIFEST, DOCKER_LAYER, bytes),
            "docker-tar-that-is-gzip": (DOCKER_MANIFEST, DOCKER_LAYER, gz),
            "docker-gzip": (DOCKER_MANIFEST, DOCKER_LAYER + ".gzip", gz),
            "docker-zstd": (DOCKER_MANIFEST, DOCKER_LAYER + ".zstd", zstd),
            "docker-foreign-tar": (DOCKER_MANIFEST, DOCKER + "image.rootfs.foreign.diff.tar", bytes),
            "docker-foreign-gzip": (DOCKER_MANIFEST, DOCKER + "image.rootfs.foreign.diff.tar.gzip", gz)}
    for name, (kind, layer_type, compress) in base.items():
        IMAGES[name] = media_type_image(name, kind, layer_type, compress)


def media_type_image(name, kind, layer_type, compress):
    def make():
        return single([tar([file("made-as", name + "\n")])], kind=kind, layer_type=layer_type,
                      compress=compress)
    make.__doc__ = f"One layer of the media type {layer_type}."
    return make


media_type_images()


@image
def docker_list():
    """A docker manifest list of docker manifests."""
    made = Image()
    foreign = made.add([tar([file("foreign", "")])], architecture=ELSEWHERE, kind=DOCKER_MANIFEST,
                       layer_type=DOCKER_LAYER + ".gzip")
    here = made.add([tar([file("made-as", "docker-list\n")])], kind=DOCKER_MANIFEST,
                    layer_type=DOCKER_LAYER + ".gzip")
    made.index([foreign, here], kind=DOCKER_LIST)
    return made


@image
def gzip_members():
    """A layer of several gzip members with zeros behind the last."""
    def members(data):
        half = len(data) // 2
        return gz(data[:half]) + gz(data[half:]) + bytes(512)
    return single([tar([file("made-as", "gzip-members\n")])], compress=members)


@image
def zstd_frames():
    """A layer of several zstd frames with a skippable one between."""
    def frames(data):
        half = len(data) // 2
        return zstd(data[:half]) + b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + zstd(data[half:])
    return single([tar([file("made-as", "zstd-frames\n")])], layer_type=OCI_LAYER + "+zstd", compress=frames)


@image
def untyped():
    """A manifest that leaves its own type to the registry's Content-Type, as the OCI allows."""
    made = single([tar([file("made-as", "untyped\n")])])
    value = json.loads(made.manifests[made.top][1])
    del value["mediaType"]
    made.details["manifest"] = made.document(OCI_MANIFEST, value)["digest"]
    return made


@image
def twin_layers():
    """One layer four times, another one between."""
    twin, other = tar([file("twin", "twin\n")]), tar([file("other", "other\n")])
    return single([twin, other, twin, twin, twin])


# ---------------------------------------------------------------------- what run looks at

@image
def many_layers():
    """busybox below 127 layers of a file each."""
    layers = [busybox_tar()] + [tar([folder("layers/"), file(f"layers/{n:03}", f"{n}\n")])
                                for n in range(1, 128)]
    return single(layers)


@image
def configured():
    """busybox with every field of the config that run takes up."""
    return single([tar(busybox_entries() + [
        file("bin/entry", "#!/bin/sh\necho \"entry:$*\"\n", 0o755)])],
        {"Env": [PATH, "FROM_IMAGE=yes", "HOME=/var/www"], "User": "www", "WorkingDir": "/srv/made/here",
         "Entrypoint": ["/bin/entry"], "Cmd": ["one", "two words"]})


@image
def unrunnable():
    """busybox with files that cannot be executed, each in its own way."""
    machine = bytes([0, 22]) if HERE != "s390x" else bytes([62, 0])
    order = 2 if HERE != "s390x" else 1
    foreign_elf = (b"\x7fELF" + bytes([2, order, 1]) + bytes(9) + bytes([0, 2]) + machine
                   + bytes(44) + bytes(64))
    return single([tar(busybox_entries() + [
        file("bin/not-executable", "#!/bin/sh\necho no\n", 0o644),
        file("bin/missing-interpreter", "#!/no/such/interpreter\n", 0o755),
        file("bin/windows-line", "#!/bin/sh\r\necho no\r\n", 0o755),
        file("bin/no-interpreter-line", "echo no\n", 0o755),
        file("bin/other-machine", foreign_elf, 0o755),
        folder("bin/a-folder/")])])


@image
def second():
    """One layer of busybox's and one more: shares its base with `busybox`."""
    return single([busybox_tar(), tar([file("second", "second\n")])])


@image
def empty_config():
    """busybox whose config says nothing: no Env, no Cmd."""
    return single([busybox_tar()], config_changes={"config": {}})


# ---------------------------------------------------------------------- what unpack looks at

@image
def dialects():
    """One layer for each tar dialect: ustar, GNU (long names), pax (long names, nanoseconds, xattrs)."""
    parts = ["a-rather-long-folder-name-number-%02d" % n for n in range(8)]
    deep = "/".join(parts)
    pax = [folder("pax/"), file("pax/" + "n" * 200, "long\n"),
           file("pax/nanoseconds", "", pax_headers={"mtime": "1700000000.123456789"}),
           file("pax/xattr", "", pax_headers={"SCHILY.xattr.user.colour": "blue"}),
           file("pax/capable", "", 0o755, pax_headers={
               "SCHILY.xattr.security.capability":
                   b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                   .decode("latin1")}),
           file("pax/owned", "", 0o640, uid=3000000, gid=70000),
           file("pax/big-id", "", uid=2 ** 31, gid=2 ** 31)]
    gnu = [folder("/".join(parts[:n + 1]) + "/") for n in range(8)]
    gnu += [file(deep + "/leaf", "deep\n"), symlink("gnu-link", "t" * 150)]
    ustar = [folder("ustar/"), file("ustar/setuid", "", 0o4755), file("ustar/setgid", "", 0o2755),
             folder("ustar/sticky/", 0o1777), hardlink("ustar/hard", "ustar/setuid", 0o4755),
             entry("ustar/fifo", tarfile.FIFOTYPE, 0o600),
             entry("ustar/null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3),
             entry("ustar/block", tarfile.BLKTYPE, 0o660, devmajor=7, devminor=200, gid=6),
             symlink("ustar/dangling", "/no/such/place")]
    return single([tar(ustar, tarfile.USTAR_FORMAT), tar(gnu, tarfile.GNU_FORMAT), tar(pax)])


@image
def owners():
    """busybox below files of many owners: setuid, an xattr's worth of ids, a device and a link to it, an ACL."""
    return single([busybox_tar(), tar([
        folder("srv/", uid=33, gid=33, mode=0o2775),
        file("srv/theirs", b"theirs\n", uid=33, gid=33, mode=0o640),
        file("srv/setuid", b"#!/bin/sh\n", uid=33, gid=0, mode=0o4755),
        file("srv/rootly", b"#!/bin/sh\n", mode=0o4755),
        symlink("srv/link", "theirs", uid=33, gid=33),
        entry("srv/fifo", tarfile.FIFOTYPE, 0o600, uid=33, gid=33),
        file("etc/null", b"a file that a device replaces\n")]), tar([
        entry("etc/null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3),
        hardlink("etc/null2", "etc/null")])])


@image
def high_owner():
    """A file of a user beyond the 65,536 that most are given."""
    return single([busybox_tar(), tar([file("far", b"far\n", uid=1000000, gid=1000000)])])


@image
def whiteouts():
    """Two busybox layers on top of each other: files removed, a folder made opaque, one made anew."""
    lower = busybox_entries() + [
        folder("kept/"), file("kept/a", "lower\n"), file("kept/gone", "lower\n"),
        folder("opaque/"), file("opaque/old", "lower\n"),
        folder("again/"), file("again/old", "lower\n"),
        file("becomes-folder", "lower\n"), folder("becomes-file/"), file("becomes-file/x", "lower\n"),
        folder("owned/", 0o750, uid=33, gid=44)]
    upper = [file("kept/.wh.gone", ""), file("kept/new", "upper\n"),
             folder("opaque/"), file("opaque/new", "upper\n"), file("opaque/.wh..wh..opq", ""),
             file(".wh.again", ""), folder("again/"), file("again/new", "upper\n"),
             folder("becomes-folder/"), file("becomes-folder/y", "upper\n"),
             file("becomes-file", "upper\n"), file(".wh..wh.plnk", ""),
             file("owned/implied", "upper\n")]
    return single([tar(lower), tar(upper)])


# ---------------------------------------------------------------------- what must be refused

def hostile(entries):
    """busybox below a layer that does harm."""
    return single([busybox_tar(), tar(entries)])


@image
def should_fail_climbs_out():
    """An entry with .. in its name."""
    return hostile([file("../../../../../../../../tmp/keg-escaped", "out\n")])


@image
def should_fail_through_link():
    """A symbolic link to / and an entry below it."""
    return hostile([symlink("out", "/"), file("out/tmp/keg-escaped", "out\n")])


@image
def should_fail_hardlink_outside():
    """A hard link to a file of the host."""
    return hostile([hardlink("shadow", "../../../../../../etc/shadow")])


@image
def should_fail_hardlink_to_nothing():
    """A hard link to an entry that the layer does not have."""
    return hostile([hardlink("link", "no/such/file")])


@image
def should_fail_root_is_link():
    """An entry that replaces the root by a link."""
    return hostile([symlink("./", "/tmp")])


@image
def should_fail_bare_whiteout():
    """A whiteout of nothing."""
    return hostile([file("etc/.wh.", "")])


@image
def should_fail_truncated_tar():
    """A tar that ends in the middle of a file."""
    return single([tar([file("a", "x" * 4000)])[:2048]])


@image
def should_fail_truncated_gzip():
    """A gzip stream that ends early."""
    return single([tar([file("a", os.urandom(0) + b"x" * 4000)])], compress=lambda data: gz(data)[:-12])


@image
def should_fail_not_a_tar():
    """A layer that is plain text."""
    return single([b"This is no tar archive. " * 100])


@image
def should_fail_wrong_diff_id():
    """A config whose diff id is not the layer's."""
    return single([tar([file("a", "a\n")])],
                  config_changes={"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}})


@image
def should_fail_fewer_diff_ids():
    """Two layers, one diff id."""
    layers = [tar([file("a", "a\n")]), tar([file("b", "b\n")])]
    return single(layers, config_changes={"rootfs": {"type": "layers", "diff_ids": [digest_of(layers[0])]}})


@image
def should_fail_null_config():
    """A config that is the JSON null."""
    made = single([tar([file("a", "a\n")])])
    config = made.blob(OCI_CONFIG, b"null")
    layers = [made.blob(OCI_LAYER + "+gzip", gz(tar([file("a", "a\n")])))]
    made.document(OCI_MANIFEST, {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config,
                                 "layers": layers})
    return made


@image
def should_fail_schema1():
    """A manifest of docker's first schema."""
    made = Image()
    made.document(DOCKER + "distribution.manifest.v1+prettyjws", {
        "schemaVersion": 1, "name": "x", "tag": "latest", "architecture": HERE,
        "fsLayers": [{"blobSum": "sha256:" + "0" * 64}], "history": [{"v1Compatibility": "{}"}],
        "signatures": []})
    return made


@image
def should_fail_mixed_documents():
    """One document that is a manifest and an index."""
    made = Image()
    here = made.add([tar([file("a", "a\n")])])
    kind, data = made.manifests[here["digest"]]
    made.document(kind, {**json.loads(data), "manifests": [here]})
    return made


@image
def should_fail_duplicate_keys():
    """A manifest in which "layers" stands twice."""
    made = Image()
    here = made.add([tar([file("a", "a\n")])])
    kind, data = made.manifests[here["digest"]]
    made.document(kind, data[:-1] + b',"layers":[]}')
    return made


@image
def should_fail_type_differs():
    """A document whose mediaType is not the Content-Type that it is served with."""
    made = Image()
    here = made.add([tar([file("a", "a\n")])])
    made.document(DOCKER_MANIFEST, made.manifests[here["digest"]][1])
    return made


@image
def should_fail_unknown_layer_type():
    """A layer that is no layer."""
    return single([tar([file("a", "a\n")])], layer_type="application/vnd.example.wasm")


@image
def should_fail_unknown_digest_algorithm():
    """A layer named by a digest that nobody can verify."""
    return descriptor_changed(digest="md5:" + "0" * 32)


@image
def should_fail_digest_is_path():
    """A layer whose digest climbs out of the store."""
    return descriptor_changed(digest="sha256:../../../../tmp/keg-escaped")


@image
def should_fail_negative_size():
    """A layer of minus one byte."""
    return descriptor_changed(size=-1)


@image
def should_fail_huge_size():
    """A layer of 2^64 bytes."""
    return descriptor_changed(size=2 ** 64)


@image
def should_fail_layer_size():
    """A layer that is one byte longer than its descriptor says."""
    made = single([tar([file("a", "a\n")])])
    data = made.blobs[made.details["layers"][0]]
    return descriptor_changed(size=len(data) - 1)


@image
def should_fail_manifest_size():
    """An index that gives its manifest a wrong size."""
    made = Image()
    here = made.add([tar([file("a", "a\n")])])
    made.index([{**here, "size": here["size"] + 1}])
    return made


@image
def should_fail_no_platform():
    """An index without this machine's platform."""
    made = Image()
    made.index([made.add([tar([file("a", "a\n")])], architecture=ELSEWHERE)])
    return made


@image
def should_fail_nested_index():
    """An index in an index in an index, 40 deep."""
    made = Image()
    inner = made.add([tar([file("a", "a\n")])])
    for _ in range(40):
        inner = {**made.index([inner]), "platform": inner["platform"]}
    return made


@image
def should_fail_large_manifest():
    """A manifest of more than 4 MiB."""
    made = Image()
    here = made.add([tar([file("a", "a\n")])])
    kind, data = made.manifests[here["digest"]]
    made.document(kind, {**json.loads(data), "annotations": {"large": "x" * (4 * 1024 * 1024)}})
    return made


def descriptor_changed(**fields):
    made = Image()
    here = made.add([tar([file("a", "a\n")])])
    kind, data = made.manifests[here["digest"]]
    manifest = json.loads(data)
    manifest["layers"][0].update(fields)
    made.document(kind, manifest)
    return made


# ---------------------------------------------------------------------- where they go

def push(base, repository, tag, made):
    address = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(address.netloc)

    def request(method, path, body=None, headers=None, accept=(200, 201, 202)):
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        text = response.read()
        if response.status not in accept:
            sys.exit(f"images.py: {method} {path}: {response.status} {text[:300]!r}")
        return response

    for digest, data in made.blobs.items():
        if request("HEAD", f"/v2/{repository}/blobs/{digest}", accept=(200, 404)).status == 200:
            continue
        started = request("POST", f"/v2/{repository}/blobs/uploads/")
        place = urllib.parse.urlsplit(started.getheader("Location"))
        query = (place.query + "&" if place.query else "") + "digest=" + urllib.parse.quote(digest)
        request("PUT", f"{place.path}?{query}", data, {"Content-Type": "application/octet-stream"})
    for digest, (kind, data) in made.manifests.items():
        request("PUT", f"/v2/{repository}/manifests/{digest}", data, {"Content-Type": kind})
    kind, data = made.manifests[made.top]
    request("PUT", f"/v2/{repository}/manifests/{tag}", data, {"Content-Type": kind})


def write_tree(tree, repository, tag, made):
    place = os.path.join(tree, repository)
    os.makedirs(place, exist_ok=True)
    os.makedirs(os.path.join(tree, "blobs"), exist_ok=True)
    for digest, data in made.blobs.items():
        write(os.path.join(tree, "blobs", digest), data)
    for name, digest in [(digest, digest) for digest in made.manifests] + [(tag, made.top)]:
        kind, data = made.manifests[digest]
        write(os.path.join(place, name), data)
        write(os.path.join(place, name + ".type"), kind.encode())


def write(path, data):
    with open(path, "wb") as out:
        out.write(data)


def main(arguments):
    if arguments == ["list"]:
        for name, function in sorted(IMAGES.items()):
            print(f"{name:36} {(function.__doc__ or '').splitlines()[0]}")
        return
    if len(arguments) == 2 and arguments[0] == "show":
        made = IMAGES[arguments[1]]()
        print(json.dumps({"top": made.top, **made.details}))
        return
    if len(arguments) < 4 or arguments[0] not in ("push", "tree", "layers"):
        sys.exit(__doc__)
    repository, _, tag = arguments[2].rpartition(":")
    if arguments[0] == "layers":
        made = single([open(path, "rb").read() for path in arguments[3:]])
        push(arguments[1], repository, tag, made)
        return
    put = push if arguments[0] == "push" else write_tree
    made = IMAGES[arguments[3]]()
    put(arguments[1], repository, tag, made)
    print(made.top)


if __name__ == "__main__":
    main(sys.argv[1:])
