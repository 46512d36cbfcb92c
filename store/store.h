/* SPDX-License-Identifier: Apache-2.0 */
/* store: everything that keg has on disk. One file a fact; the final name is the only truth.
 *
 *   ROOT (/var/lib/keg, 0700)
 *     lock                                  shared by pull and run, exclusive for collecting
 *     blobs/sha256/<hex> [.part]            verified and immutable, 0400 [a download under way]
 *     refs/<host>/<repository>/_tags/<tag>  one JSON each: struct store_image
 *     refs/<host>/<repository>/_digests/<algorithm>:<hex>
 *                                           the same, for what was pulled by digest or lost its tag
 *     layers/<hex of chain id>/fs           an overlay lower
 *     layers/<hex of chain id>/meta.json    struct store_layer
 *     containers/<id>/                      meta.json (struct store_container), config.json,
 *                                           upper/, work/
 *     names/<name>                          a symbolic link whose text is the container's id
 *     tmp/<boot-id>-<pid>-<n>/              work under way, locked; one that can be locked is
 *                                           garbage
 *   RUNROOT (/run/keg, 0700; does not survive a reboot)
 *     locks/<hex>                           one lock a digest
 *     containers/<id>/                      lock (held by the process that owns the container),
 *                                           state.json, hosts, hostname, resolv.conf
 *     network/                              address leases
 *
 * Locks are flock(2) locks: they end with the process that holds them. Nothing here prints or
 * exits. All functions return 0 (or a documented positive result), or a negative errno code with
 * ${err} set. A store may be used by several threads as long as each object made from it is used by
 * one.
 */
#pragma once

#include "base/base.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* --------------------------------------------------------------------------------- references */

/* An image reference, normalised (distribution/reference; design of docker's familiar names). */
struct store_ref {
    char *host;       /* "docker.io", "localhost:5000", "[::1]:5000" */
    char *repository; /* "library/busybox" */
    char *tag;        /* NULL where the reference has only a digest */
    char *digest;     /* "sha256:…", NULL where there is none; wins over the tag */
};

#define STORE_REF_INIT ((struct store_ref){NULL, NULL, NULL, NULL})

/* store_ref_parse(text, ret, err): Parse `[host[:port]/]path[:tag][@digest]`. The first component
 * is a host iff it is "localhost", holds '.' or ':' or an upper-case letter (or is a bracketed IPv6
 * address), else the host is docker.io, where one-component paths get "library/". "index.docker.io"
 * becomes "docker.io". Without tag and digest the tag is "latest". A "docker://" in front is cut
 * off. -EINVAL with a message that says what is wrong (empty tag, upper case, bad digest, name of
 * 64 hex digits, over 255 bytes). */
int store_ref_parse(const char *text, struct store_ref *ret, struct keg_err *err);
void store_ref_done(struct store_ref *ref);

/* store_ref_familiar(ref): "busybox", "user/x", "ghcr.io/a/b": host and repository in docker's
 * short form, without tag and digest; for the caller to free, NULL when out of memory. */
char *store_ref_familiar(const struct store_ref *ref);
/* store_ref_string(ref, familiar): the same with ":tag" and "@digest" as they are set; full form
 * ("docker.io/library/busybox:latest") where ${familiar} is false. */
char *store_ref_string(const struct store_ref *ref, bool familiar);

/* ---------------------------------------------------------------------------------- the store */

struct store;

/* store_open(root, runroot, ret, err): Open the store at ${root} and ${runroot}; NULL takes
 * $KEG_ROOT or /var/lib/keg (without root rights $XDG_DATA_HOME/keg or ~/.local/share/keg), and
 * $KEG_RUNROOT or /run/keg (without root rights $XDG_RUNTIME_DIR/keg, or keg in /run/user/UID where
 * that is the user's, or /tmp/keg-UID, which must be the user's alone). Missing folders are made
 * 0700. */
int store_open(const char *root, const char *runroot, struct store **ret, struct keg_err *err);
/* store_places(root, runroot, ret_root, ret_runroot, err): Where store_open() would open it, as
 * absolute paths for the caller to free: for who is about to become root of a user namespace, whose
 * default places would be others. */
int store_places(const char *root, const char *runroot, char **ret_root, char **ret_runroot,
                 struct keg_err *err);
void store_close(struct store *store);
const char *store_root(const struct store *store);
const char *store_runroot(const struct store *store);
int store_root_fd(const struct store *store); /* borrows */
int store_run_fd(const struct store *store);  /* borrows */

/* store_lock_shared(store, ret_fd, err): Take the shared store lock: while it is held nothing is
 * collected. Waits for a collection to end. Close ${ret_fd} to release it. */
int store_lock_shared(struct store *store, int *ret_fd, struct keg_err *err);

/* store_lock_digest(store, digest, ret_fd, err): Take the exclusive lock of ${digest}, waiting for
 * its holder. Close ${ret_fd} to release it. */
int store_lock_digest(struct store *store, const char *digest, int *ret_fd, struct keg_err *err);

/* store_cancel_waits(store, flag): From now on the two above, and calls that use them, fail with
 * -EINTR soon after ${flag} (borrowed; set by a signal handler) has become true. A signal alone
 * ends no wait: in a process of several threads it may come to another one. */
void store_cancel_waits(struct store *store, const atomic_bool *flag);

/* store_tmp_new(store, ret_name, ret_fd, err): A new folder in tmp/, 0700, locked by ${ret_fd}. The
 * caller frees the name ("tmp/…", relative to the root) and removes or renames the folder. */
int store_tmp_new(struct store *store, char **ret_name, int *ret_fd, struct keg_err *err);

/* -------------------------------------------------------------------------------------- blobs */

/* store_blob_open(store, digest, ret_fd, ret_size_bytes, err): Open a committed blob for reading.
 * -ENOENT where the store does not have it. */
int store_blob_open(struct store *store, const char *digest, int *ret_fd, uint64_t *ret_size_bytes,
                    struct keg_err *err);
bool store_blob_exists(struct store *store, const char *digest);

/* A blob being written (library keg_store_ingest, the only part of the store that needs
 * libcrypto). / */
struct store_blob_writer;

/* store_blob_writer_new(store, digest, size_bytes, ret, err): Begin or go on with the download of
 * ${digest}, ${size_bytes} long. Takes the digest's lock (waits for another process that downloads
 * it). Return 1 with *ret untouched where the blob is in the store; 0 with a writer otherwise.
 * Bytes of an earlier, interrupted download are kept and re-hashed; ones beyond ${size_bytes} are
 * dropped. */
int store_blob_writer_new(struct store *store, const char *digest, uint64_t size_bytes,
                          struct store_blob_writer **ret, struct keg_err *err);
/* store_blob_writer_have(writer): Bytes that are there: the offset to ask the registry for. */
uint64_t store_blob_writer_have(const struct store_blob_writer *writer);
/* store_blob_writer_read(writer, offset, buffer, size): pread(2) of bytes already there. */
ssize_t store_blob_writer_read(struct store_blob_writer *writer, uint64_t offset, void *buffer,
                               size_t size);
/* store_blob_writer_restart(writer, err): Forget the bytes that are there (the server ignores
 * ranges). */
int store_blob_writer_restart(struct store_blob_writer *writer, struct keg_err *err);
/* store_blob_writer_write(writer, data, length, err): Append. More than size_bytes in all is
 * -EBADMSG at once, before the excess is written. */
int store_blob_writer_write(struct store_blob_writer *writer, const void *data, size_t length,
                            struct keg_err *err);
/* store_blob_writer_commit(writer, err): Check size (-EBADMSG; a short one can still go on), then
 * digest (-EBADMSG, and the bytes are dropped); fsync, rename to the final name, 0400, fsync the
 * folder. / */
int store_blob_writer_commit(struct store_blob_writer *writer, struct keg_err *err);
/* store_blob_writer_free(writer): Release the lock; what was not committed stays as .part. NULL is
 * fine. */
void store_blob_writer_free(struct store_blob_writer *writer);
/* store_blob_writer_discard(writer): The same, and the .part is removed; so is the blob, where
 * ${writer} committed it: its bytes are those of the digest, but turned out to be no layer. */
void store_blob_writer_discard(struct store_blob_writer *writer);

/* store_blob_drop_damaged(store, digest, err): Hash the blob that the store has, under the digest's
 * lock, and remove it where its bytes are not those of ${digest}. 1 where it is gone, 0 where it
 * was right; -ENOENT. Library keg_store_ingest. */
int store_blob_drop_damaged(struct store *store, const char *digest, struct keg_err *err);

/* store_blob_put(store, digest, data, length, err): Write a small blob (manifest, config) whole,
 * verified. Already there, and not damaged, is success. Library keg_store_ingest. */
int store_blob_put(struct store *store, const char *digest, const void *data, size_t length,
                   struct keg_err *err);

/* store_chain_id(parent_chain_id, diff_id, text): image-spec config.md "Layer ChainID": ${diff_id}
 * where ${parent_chain_id} is NULL, else sha256 of "parent diff". ${text} holds 72: a lowest diff
 * id that is longer (sha512) gives its sha256. Library keg_store_ingest. */
void store_chain_id(const char *parent_chain_id, const char *diff_id, char text[static 72]);

/* ------------------------------------------------------------------------------------- layers */

struct store_layer {
    char *chain_id;      /* "sha256:…" */
    char *parent;        /* chain id of the layer below, or NULL */
    char *diff_id;       /* digest of the uncompressed tar */
    char *blob;          /* digest of the compressed one */
    uint64_t size_bytes; /* sum of the regular files' sizes */
};

void store_layer_done(struct store_layer *layer);

/* store_layer_open(store, chain_id, ret_fd, err): O_PATH|O_DIRECTORY fd of the layer's `fs`.
 * -ENOENT. */
int store_layer_open(struct store *store, const char *chain_id, int *ret_fd, struct keg_err *err);
/* store_layer_read(store, chain_id, ret, err): Its meta.json. */
int store_layer_read(struct store *store, const char *chain_id, struct store_layer *ret,
                     struct keg_err *err);

struct store_layer_writer;

/* store_layer_writer_new(store, ret, err): A place under tmp/ with an empty `fs`, root:root 0755.
 * / */
int store_layer_writer_new(struct store *store, struct store_layer_writer **ret,
                           struct keg_err *err);
/* store_layer_writer_fd(writer): Borrowed fd (O_RDONLY|O_DIRECTORY) of `fs`, to unpack into. */
int store_layer_writer_fd(const struct store_layer_writer *writer);
/* store_layer_writer_commit(writer, layer, err): syncfs, meta.json, rename to layers/, fsync. A
 * layer of that chain id that is there already is success (another process was quicker). */
int store_layer_writer_commit(struct store_layer_writer *writer, const struct store_layer *layer,
                              struct keg_err *err);
/* store_layer_writer_free(writer): Remove what was not committed. NULL is fine. */
void store_layer_writer_free(struct store_layer_writer *writer);

/* ------------------------------------------------------------------------------------- images */

struct store_platform {
    char *os;
    char *architecture;
    char *variant; /* NULL where there is none */
};

/* One name of one image: all that listing and running need, so that neither parses manifests. */
struct store_image {
    struct store_ref ref; /* host, repository, and tag or NULL */
    char *digest;         /* what the registry named: of the index, or of the manifest */
    char *media_type;     /* of that document */
    char *manifest;       /* digest of the platform's manifest */
    char *id;             /* digest of the config: the image id */
    struct store_platform platform;
    char **layers;           /* chain ids, bottom first */
    char **blobs;            /* digests of compressed layers, same order */
    uint64_t size_bytes;     /* sum of the layers' sizes */
    struct timespec created; /* from the config */
    struct timespec pulled;
    bool superseded; /* untagged because its tag moved on, not because it was pulled by digest */
};

void store_image_done(struct store_image *image);

/* store_image_put(store, image, err): Write ${image} under its tag (or, without one, its digest),
 * durable. An image of another id that had the tag is kept under its digest, untagged. The caller
 * holds the shared lock, since before it looked which blobs and layers are there. */
int store_image_put(struct store *store, const struct store_image *image, struct keg_err *err);

/* store_image_find(store, name, ret, err): ${name} as the user gave it: a reference (tag, or digest
 * of index or manifest), an image id, or a unique prefix of one (with or without "sha256:"). A
 * reference that exists wins over a prefix. -ENOENT "no such image"; -EEXIST where a prefix fits
 * several ids. */
int store_image_find(struct store *store, const char *name, struct store_image *ret,
                     struct keg_err *err);
/* store_image_get(store, ref, ret, err): by parsed reference only. -ENOENT. */
int store_image_get(struct store *store, const struct store_ref *ref, struct store_image *ret,
                    struct keg_err *err);

/* store_images_list(store, ret, ret_count, err): All names, newest created first; free with
 * store_images_free(). A file that cannot be read is skipped and counted in *ret_damaged. */
int store_images_list(struct store *store, struct store_image **ret, size_t *ret_count,
                      size_t *ret_damaged, struct keg_err *err);
void store_images_free(struct store_image *images, size_t count);

/* store_image_untag(store, image, err): Remove the one ref file that ${image} was read from. */
int store_image_untag(struct store *store, const struct store_image *image, struct keg_err *err);

/* store_image_config(store, image, ret, err): The image config's JSON, a new reference. */
int store_image_config(struct store *store, const struct store_image *image, json_t **ret,
                       struct keg_err *err);

/* --------------------------------------------------------------------------------- containers */

enum store_container_status { STORE_CREATED, STORE_RUNNING, STORE_EXITED };

struct store_container {
    char *id; /* 64 hex digits */
    char *name;
    char *image_name; /* as the user gave it; the folder of one without image */
    char *image_id;   /* NULL: it runs in a folder of the host */
    char **layers;    /* chain ids of the image, bottom first: what gc must keep */
    char **command;   /* entrypoint and arguments */
    char **labels;    /* "key=value" */
    struct timespec created, started, finished; /* tv_sec 0: not yet */
    bool auto_remove;                           /* --rm */
    int exit_code;
    bool oom_killed;
    char *error; /* why it ended badly, in words, or NULL */
    /* Not stored: found out when read. */
    enum store_container_status status;
    pid_t pid; /* of a running one, from state.json; else 0 */
};

void store_container_done(struct store_container *container);

/* store_container_create(store, container, ret_dirfd, ret_lockfd, err): Make containers/<id>/ with
 * upper/ and work/ and meta.json, names/<name>, and RUNROOT/containers/<id>/ whose lock is held by
 * ${ret_lockfd} (keep it open while the container lives). ${ret_dirfd} is containers/<id>/. -EEXIST
 * where the name is taken; the message says by which container. Not durable: a container that a
 * crash cut short is garbage. */
int store_container_create(struct store *store, const struct store_container *container,
                           int *ret_dirfd, int *ret_lockfd, struct keg_err *err);
/* store_container_write(store, container, err): Replace meta.json (durable unless auto_remove). */
int store_container_write(struct store *store, const struct store_container *container,
                          struct keg_err *err);
/* store_container_dir(store, id, ret_fd, err), store_container_rundir(store, id, ret_fd, err): The
 * two folders of a container. -ENOENT. */
int store_container_dir(struct store *store, const char *id, int *ret_fd, struct keg_err *err);
int store_container_rundir(struct store *store, const char *id, int *ret_fd, struct keg_err *err);
/* store_container_find(store, name, ret, err): By name, id, or unique prefix of an id; an exact
 * name wins. -ENOENT "no such container", -EEXIST for a prefix of several. */
int store_container_find(struct store *store, const char *name, struct store_container *ret,
                         struct keg_err *err);
int store_containers_list(struct store *store, struct store_container **ret, size_t *ret_count,
                          struct keg_err *err); /* newest first */
void store_containers_free(struct store_container *containers, size_t count);
/* store_container_try_lock(store, id, ret_lockfd, err): Take over a container whose owner is gone.
 * 1 with the lock where nobody owns it, 0 where somebody does, -ENOENT where it has no run folder.
 * / */
int store_container_try_lock(struct store *store, const char *id, int *ret_lockfd,
                             struct keg_err *err);
/* store_container_release(store, id, err): Remove the run folder of a container that has ended; the
 * caller holds its lock. */
int store_container_release(struct store *store, const char *id, struct keg_err *err);
/* store_container_remove(store, container, err): Remove name, folder and run folder: renamed into
 * tmp/ first, so that the name is free at once, then deleted. The container does not run. */
int store_container_remove(struct store *store, const struct store_container *container,
                           struct keg_err *err);
/* store_container_ids_run(store, ret_ids, err): Ids that have a run folder (running, or left by a
 * crash). What an interrupted store_container_release() left is removed on the way. */
int store_container_ids_run(struct store *store, char ***ret_ids, struct keg_err *err);

/* --------------------------------------------------------------------------------- collecting */

/* store_removed_fn: told of every object that a collection removed: "sha256:…". */
typedef void store_removed_fn(void *context, const char *digest);

/* store_collect(store, removed, context, err): Remove layers and blobs that no ref and no container
 * needs, containers that a crash cut short, and the left-overs under tmp/ that nobody locks. A
 * .part stays, for a later pull to go on with. A damaged ref or container is an error that names
 * its file: then no layer and no blob is removed, as nobody knows what it needs. Takes the
 * exclusive lock without waiting: 1 where another process holds it (what is dead is removed by a
 * later collection), 0 when done. Dead objects are renamed into tmp/ under the lock and deleted
 * after it is released. */
int store_collect(struct store *store, store_removed_fn *removed, void *context,
                  struct keg_err *err);

/* store_clean_tmp(store): Only the left-overs under tmp/; cheap when there are none. */
void store_clean_tmp(struct store *store);
