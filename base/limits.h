/* SPDX-License-Identifier: Apache-2.0 */
/* Every bound that keg puts on input from outside: its name, its unit, and why it is that large. */
#pragma once

/* Manifests, indexes and image configs. Registries must take 4 MiB manifests (distribution-spec,
 * "Pushing Manifests"); nobody serves larger ones, and JSON costs several times its size in
 * memory. / */
#define KEG_MANIFEST_MAX_BYTES (4u * 1024 * 1024)

/* A token server's answer, and the body of an HTTP error that may go into a message. */
#define KEG_TOKEN_MAX_BYTES           (1u * 1024 * 1024)
#define KEG_HTTP_ERROR_BODY_MAX_BYTES (1u * 1024 * 1024)

/* All header lines of one HTTP answer. */
#define KEG_HTTP_HEADERS_MAX_BYTES (256u * 1024)
#define KEG_HTTP_REDIRECTS_MAX     10

/* Nesting of JSON: the deepest OCI document has 6 levels. (jansson itself stops at 2048.) */
#define KEG_JSON_DEPTH_MAX 64

/* Files of our own store: refs, layer and container metadata. */
#define KEG_STORE_FILE_MAX_BYTES (1u * 1024 * 1024)

/* Layers of one image. overlayfs takes 500 (OVL_MAX_STACK). docker stops at 127 and podman at 500;
 * one page of mount options holds 200 "/proc/self/fd/NNN" names. */
#define KEG_LAYERS_MAX 200

/* Manifests that one index lists. */
#define KEG_INDEX_ENTRIES_MAX 1024

/* A whole reference (distribution/reference: NameTotalLengthMax 255 for the name, 128 for a tag,
 * 7 + 128 for a sha512 digest, and separators). */
#define KEG_REF_NAME_MAX_BYTES 255
#define KEG_REF_TAG_MAX_BYTES  128

/* /etc/passwd and /etc/group of an image: 65,536 lines of common length. */
#define KEG_PASSWD_MAX_BYTES (8u * 1024 * 1024)

/* Supplementary groups that one user may have (kernel: NGROUPS_MAX is 65536; no image needs more).
 * / */
#define KEG_GROUPS_MAX 1024

/* registries.conf and the files of registries.conf.d. */
#define KEG_CONF_MAX_BYTES (1u * 1024 * 1024)

/* One --env-file. */
#define KEG_ENV_FILE_MAX_BYTES (4u * 1024 * 1024)

/* tar, per layer. The path bound is the kernel's PATH_MAX; xattrs are bounded by the kernel's
 * XATTR_SIZE_MAX (64 KiB) each. */
#define KEG_TAR_PATH_MAX_BYTES       4096
#define KEG_TAR_DEPTH_MAX            512
#define KEG_TAR_ENTRIES_MAX          (4u * 1000 * 1000)
#define KEG_LAYER_UNPACKED_MAX_BYTES (1ull << 40)

/* zstd's window: 128 MiB is what `zstd -d` takes without --long. */
#define KEG_ZSTD_WINDOW_LOG_MAX 27

/* Longest error text that travels with struct keg_err. */
#define KEG_ERR_TEXT_BYTES 1024

/* A config.json, an `exec --process`, an `update --resources`: runc's own are below 100 KiB. */
#define KEG_SPEC_MAX_BYTES (8u * 1024 * 1024)

/* Entries of one list in a config.json; and bytes of one text in it (arguments: the kernel's
 * MAX_ARG_STRLEN is 128 KiB, and it says so itself). */
#define KEG_SPEC_ENTRIES_MAX    (64u * 1024)
#define KEG_SPEC_TEXT_MAX_BYTES (1u * 1024 * 1024)

/* tmpcopyup: files and levels below one folder of an image that go into RAM. A level costs three
 * fds of the 1,024 that a process may have. */
#define KEG_COPY_UP_ENTRIES_MAX (256u * 1024)
#define KEG_COPY_UP_DEPTH_MAX   256
