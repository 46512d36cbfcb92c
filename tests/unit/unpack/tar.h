/* SPDX-License-Identifier: Apache-2.0 */
/* tar streams written by hand, so that tests can write what no tar program would. */
#pragma once

#include "base/base.h"
#include "unpack/layer.h"

#include <stdint.h>

/* One ustar header and its body. Zero values are defaults: type '0', mode 0644 (folders 0755). */
struct tar_entry {
    const char *name;
    char type;
    unsigned int mode;
    uint64_t uid, gid;
    int64_t mtime;
    const char *link;
    const char *data;
    size_t size; /* of `data`; 0: its length as a string */
    uint64_t major, minor;
};

/* tar_add(tar, entry): Append it. tar_end(tar): the two empty blocks. */
void tar_add(struct keg_buf *tar, const struct tar_entry *entry);
void tar_end(struct keg_buf *tar);

/* tar_pax(tar, pairs): A pax header for the entry behind it: key, value, …, NULL. */
void tar_pax(struct keg_buf *tar, const char *const *pairs);
/* tar_pax_bytes(tar, key, value, size): One with one record, of any bytes. */
void tar_pax_bytes(struct keg_buf *tar, const char *key, const void *value, size_t size);

/* TAR(tar, entries...): Append several entries and the end. */
#define TAR(tar, ...) tar_all((tar), (const struct tar_entry[]){__VA_ARGS__, {.name = NULL}})
void tar_all(struct keg_buf *tar, const struct tar_entry *entries);

struct keg_buf tar_begin(void);

/* bytes_source(data, size, chunk): A source of ${data} (borrowed) that gives at most ${chunk} bytes
 * a read; 0: as many as are wanted. */
struct keg_source *bytes_source(const void *data, size_t size, size_t chunk);

/* scratch(): An empty tmpfs on /mnt of a mount namespace of this test's own; returns its fd. Skips
 * the test where that cannot be. scratch_ext4(): the same, an ext4 in a file. */
int scratch(void);
int scratch_ext4(void);

/* folder(dirfd, name): Make it and open it. */
int folder(int dirfd, const char *name);

/* run(argv): Run a program to its end and assert that it succeeds. */
void run(const char *const *argv);
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* unpack(tar, dirfd, ret, err): unpack_layer() of what ${tar} holds. unpack_ok(): it must succeed.
 */
int unpack(const struct keg_buf *tar, int dirfd, struct unpack_layer *ret, struct keg_err *err);
void unpack_ok(const struct keg_buf *tar, int dirfd);

/* listing(dirfd): Every name below ${dirfd}, sorted, one a line, folders with a slash behind, links
 * with
 * "-> target", whiteouts with a '%', devices with '!', fifos with '|', opaque folders with '*'. For
 * the caller to free. */
char *listing(int dirfd);
