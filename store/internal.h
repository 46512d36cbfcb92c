/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share and nobody else sees: its folders, its locks, its JSON. */
#pragma once

#include "store/store.h"

#include <stdatomic.h>

/* Folders of the store, opened once, when they are first needed. */
enum store_dir {
    STORE_DIR_BLOBS_SHA256,
    STORE_DIR_BLOBS_SHA512,
    STORE_DIR_REFS,
    STORE_DIR_LAYERS,
    STORE_DIR_CONTAINERS,
    STORE_DIR_NAMES,
    STORE_DIR_TMP,
    STORE_DIR_LOCKS,
    STORE_DIR_RUN_CONTAINERS,
    STORE_DIR_COUNT
};

struct store {
    char *root;
    char *runroot;
    int root_fd;
    int run_fd;
    atomic_int dirs[STORE_DIR_COUNT]; /* -1 until needed */
    const atomic_bool *cancel;        /* ends waits for locks; borrowed, or NULL */
};

/* Longest path below the root: "refs/", 255 bytes of name, "/_digests/", "sha512:" and 128 digits.
 */
#define STORE_PATH_MAX_BYTES 512

/* A repository of 255 bytes has at most 128 components; host and _tags come on top. */
#define STORE_REFS_DEPTH_MAX 132

/* Bytes that a container's name may have: it is one file name. */
#define STORE_NAME_MAX_BYTES 255

/* A run folder's name until its lock is held: this and the id. */
#define STORE_RUN_NEW_PREFIX ".new-"
/* And from when it is being removed, so that nobody finds half of one. */
#define STORE_RUN_OLD_PREFIX ".old-"

/* store_dir(store, which, err): Borrowed fd of a folder, made 0700 where it is missing; or a
 * negative code. */
int store_dir(struct store *store, enum store_dir which, struct keg_err *err);
/* store_dir_open(store, which, err): The same as a new open file, to read or to lock; for the
 * caller to close. */
int store_dir_open(struct store *store, enum store_dir which, struct keg_err *err);
/* store_dir_name(which): "layers": its path below the root or the run root. */
const char *store_dir_name(enum store_dir which);
/* store_blob_dir(store, digest, err): Borrowed fd of the folder in which the blob ${digest} is, or
 * a negative code (-EINVAL where it is no digest). */
int store_blob_dir(struct store *store, const char *digest, struct keg_err *err);

/* store_check_digest(digest, err): -EINVAL with a text where ${digest} is none that keg can verify.
 */
int store_check_digest(const char *digest, struct keg_err *err);
/* store_digest_hex(digest): The digits of a valid digest, as they name its files. */
const char *store_digest_hex(const char *digest);
/* store_is_hex(s, length): ${s} is ${length} lower-case hex digits and nothing else. */
bool store_is_hex(const char *s, size_t length);
/* store_hex_prefix(s): ${s} without "sha256:" where the rest is 1 to 64 hex digits, else NULL. */
const char *store_hex_prefix(const char *s);

/* store_error(err, cause): Hand ${cause} on to a caller who may not want it; its code. For
 * functions that look at the code themselves. */
int store_error(struct keg_err *err, const struct keg_err *cause);

/* store_flock(fd, operation): flock(2), EINTR retried. 0 or -errno. */
int store_flock(int fd, int operation);
/* store_is_current(fd, dirfd, name): ${name} in ${dirfd} is still what ${fd} was opened from. A
 * lock on a file that somebody removed in between excludes nobody. */
bool store_is_current(int fd, int dirfd, const char *name);
/* store_lock_is_held(dirfd, path): Another open file holds the lock ${path} exclusively. */
bool store_lock_is_held(int dirfd, const char *path);

/* store_readdir(dir): Next entry that is not "." or ".."; NULL at the end and on an error, with
 * errno set. */
struct dirent *store_readdir(DIR *dir);
/* store_opendir(store, which, ret, err): The folder as a stream, for the caller to close. */
int store_opendir(struct store *store, enum store_dir which, DIR **ret, struct keg_err *err);

/* store_ref_path(ref, path, err): "refs/HOST/REPOSITORY/_tags/TAG", or where there is no tag
 * ".../_digests/DIGEST". ${path} holds STORE_PATH_MAX_BYTES. -EINVAL where a part could name
 * anything else. */
int store_ref_path(const struct store_ref *ref, char path[static STORE_PATH_MAX_BYTES],
                   struct keg_err *err);

/* store_ref_fn: One ref file: ${ref}, borrowed, has the tag or the digest that is its name. Return
 * 0, or a negative code, which ends the walk. */
typedef int store_ref_fn(void *context, const struct store_ref *ref, struct keg_err *err);
/* store_refs_walk(store, fn, context, err): Every ref file, in no order. */
int store_refs_walk(struct store *store, store_ref_fn *fn, void *context, struct keg_err *err);
/* store_refs_walk_repository(store, ref, fn, context, err): Those of one host and repository. */
int store_refs_walk_repository(struct store *store, const struct store_ref *ref, store_ref_fn *fn,
                               void *context, struct keg_err *err);
/* store_refs_prune(store): Remove folders below refs/ that are empty and what an interrupted write
 * left. The caller holds the store lock exclusively: an empty folder may be about to be used. */
void store_refs_prune(struct store *store);

/* store_image_read(store, ref, ret, err): The image of exactly that ref file. -ENOENT where there
 * is none, -EPROTO where it is damaged. */
int store_image_read(struct store *store, const struct store_ref *ref, struct store_image *ret,
                     struct keg_err *err);

/* The JSON of the store's own files: new references (NULL when out of memory), and their checked
 * reading. What the file's own path says (host, repository, tag, container id) is not in them. */
json_t *store_image_to_json(const struct store_image *image);
int store_image_from_json(const json_t *json, struct store_image *ret, struct keg_err *err);
json_t *store_layer_to_json(const struct store_layer *layer);
int store_layer_from_json(const json_t *json, struct store_layer *ret, struct keg_err *err);
json_t *store_container_to_json(const struct store_container *container);
int store_container_from_json(const json_t *json, struct store_container *ret, struct keg_err *err);

/* Setters and getters of one member, used by the three above. Setters leave out what is NULL or a
 * time of 0, and return 0 or -1 (out of memory). Getters give new objects on the heap; a missing
 * member is -EPROTO where it is required, else 0 with *ret untouched. */
int store_json_set_string(json_t *object, const char *key, const char *value);
int store_json_set_strings(json_t *object, const char *key, char *const *strings);
int store_json_set_time(json_t *object, const char *key, struct timespec value);
int store_json_get_string(const json_t *object, const char *key, bool required, char **ret,
                          struct keg_err *err);
int store_json_get_digest(const json_t *object, const char *key, bool required, char **ret,
                          struct keg_err *err);
int store_json_get_digests(const json_t *object, const char *key, size_t max, char ***ret,
                           struct keg_err *err);
int store_json_get_size(const json_t *object, const char *key, uint64_t *ret, struct keg_err *err);
int store_json_get_time(const json_t *object, const char *key, struct timespec *ret,
                        struct keg_err *err);
/* store_json_replace(dirfd, name, json, durable, what, err): Write ${json} (taken; NULL: out of
 * memory) to
 * ${name}; errors begin with "write '${what}'". */
int store_json_replace(int dirfd, const char *name, json_t *json /* takes */, bool durable,
                       const char *what, struct keg_err *err);

/* store_container_is_valid_name(name): [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most STORE_NAME_MAX_BYTES. */
bool store_container_is_valid_name(const char *name);
/* store_container_read(store, id, ret, err): Of exactly that id, status and pid filled in. */
int store_container_read(struct store *store, const char *id, struct store_container *ret,
                         struct keg_err *err);
