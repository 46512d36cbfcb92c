/* SPDX-License-Identifier: Apache-2.0 */
/* tar streams written by hand, and places to unpack them to. */
#include "tar.h"

#include "unpack/whiteout.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define BLOCK 512

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

/* Octal where it fits, else base-256 as GNU tar writes it, negative numbers too. */
static void number(char *field, size_t width, int64_t value)
{
    if (value >= 0 && (width > 8 || value < 1 << 21)) {
        snprintf(field, width, "%0*llo", (int)width - 1, (unsigned long long)value);
        return;
    }
    for (size_t i = width; i-- > 0; value >>= 8)
        field[i] = (char)(value & 0xff);
    field[0] = (char)(value < 0 ? 0xff : field[0] | 0x80);
}

static void bytes(char *field, size_t width, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    memcpy(field, text ? text : "", length < width ? length : width);
}

static void checksum(struct header *h)
{
    unsigned int sum = 0;
    memset(h->checksum, ' ', sizeof(h->checksum));
    for (size_t i = 0; i < BLOCK; i++)
        sum += ((unsigned char *)h)[i];
    snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
    h->checksum[7] = ' ';
}

static void pad(struct keg_buf *tar)
{
    static const char zeros[BLOCK];
    keg_buf_add(tar, zeros, (BLOCK - tar->length % BLOCK) % BLOCK);
}

void tar_add(struct keg_buf *tar, const struct tar_entry *e)
{
    struct header h = {.magic = "ustar", .version = {'0', '0'}};
    char type = e->type ? e->type : '0';
    size_t size = e->size ? e->size : e->data ? strlen(e->data) : 0;
    bytes(h.name, sizeof(h.name), e->name);
    bytes(h.link, sizeof(h.link), e->link);
    number(h.mode, sizeof(h.mode), e->mode ? e->mode : type == '5' ? 0755 : 0644);
    number(h.uid, sizeof(h.uid), (int64_t)e->uid);
    number(h.gid, sizeof(h.gid), (int64_t)e->gid);
    number(h.size, sizeof(h.size), (int64_t)size);
    number(h.mtime, sizeof(h.mtime), e->mtime);
    number(h.major, sizeof(h.major), (int64_t)e->major);
    number(h.minor, sizeof(h.minor), (int64_t)e->minor);
    h.type = type;
    checksum(&h);
    keg_buf_add(tar, &h, sizeof(h));
    if (e->data)
        keg_buf_add(tar, e->data, size);
    pad(tar);
}

void tar_end(struct keg_buf *tar)
{
    static const char zeros[2 * BLOCK];
    keg_buf_add(tar, zeros, sizeof(zeros));
}

static void record(struct keg_buf *body, const char *key, const void *value, size_t size)
{
    size_t rest = strlen(key) + size + 3, length = rest + 1;
    char digits[24];
    while ((size_t)snprintf(digits, sizeof(digits), "%zu", length) + rest != length)
        length++;
    keg_buf_printf(body, "%zu %s=", length, key);
    keg_buf_add(body, value, size);
    keg_buf_add(body, "\n", 1);
}

static void pax_entry(struct keg_buf *tar, const struct keg_buf *body)
{
    tar_add(tar, &(struct tar_entry){
                     .name = "pax", .type = 'x', .data = body->data, .size = body->length});
}

void tar_pax(struct keg_buf *tar, const char *const *pairs)
{
    _cleanup_buf_ struct keg_buf body = keg_buf_init(8u << 20);
    for (; pairs[0]; pairs += 2)
        record(&body, pairs[0], pairs[1], strlen(pairs[1]));
    pax_entry(tar, &body);
}

void tar_pax_bytes(struct keg_buf *tar, const char *key, const void *value, size_t size)
{
    _cleanup_buf_ struct keg_buf body = keg_buf_init(8u << 20);
    record(&body, key, value, size);
    pax_entry(tar, &body);
}

void tar_all(struct keg_buf *tar, const struct tar_entry *entries)
{
    for (; entries->name; entries++)
        tar_add(tar, entries);
    tar_end(tar);
}

struct keg_buf tar_begin(void)
{
    return keg_buf_init(64u << 20);
}

struct bytes_source {
    struct keg_source base;
    const char *data;
    size_t left, chunk;
};

static ssize_t bytes_read(struct keg_source *source, void *buffer, size_t size, struct keg_err *err)
{
    (void)err;
    struct bytes_source *s = (struct bytes_source *)source;
    size_t n = size < s->left ? size : s->left;
    n = s->chunk && n > s->chunk ? s->chunk : n;
    if (n > 0)
        memcpy(buffer, s->data, n);
    s->data += n;
    s->left -= n;
    return (ssize_t)n;
}

static void bytes_close(struct keg_source *source)
{
    free(source);
}

struct keg_source *bytes_source(const void *data, size_t size, size_t chunk)
{
    static const struct keg_source_ops ops = {.read = bytes_read, .close = bytes_close};
    struct bytes_source *s = malloc(sizeof(*s));
    cr_assert(s);
    *s = (struct bytes_source){{&ops}, data, size, chunk};
    return &s->base;
}

int scratch(void)
{
    if (geteuid() != 0)
        cr_skip_test("needs root: owners, devices and a mount namespace");
    cr_assert_eq(unshare(CLONE_NEWNS), 0);
    cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    cr_assert_eq(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0700"), 0);
    return keg_openat(AT_FDCWD, "/mnt", O_RDONLY | O_DIRECTORY, 0);
}

int scratch_ext4(void)
{
    int fd = scratch();
    int image = keg_openat(fd, "image", O_CREAT | O_RDWR, 0600);
    cr_assert_eq(ftruncate(image, 32 << 20), 0);
    close(image);
    RUN("mkfs.ext4", "-q", "-I", "256", "/mnt/image");
    if (access("/dev/loop-control", R_OK | W_OK) != 0)
        cr_skip_test("no loop devices here: ext4 cannot be mounted");
    close(folder(fd, "ext4"));
    RUN("mount", "-o", "loop", "/mnt/image", "/mnt/ext4");
    close(fd);
    return keg_openat(AT_FDCWD, "/mnt/ext4", O_RDONLY | O_DIRECTORY, 0);
}

int folder(int dirfd, const char *name)
{
    cr_assert_eq(mkdirat(dirfd, name, 0755), 0, "%s: %s", name, strerror(errno));
    int fd = keg_openat(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
    cr_assert_geq(fd, 0);
    return fd;
}

void run(const char *const *argv)
{
    pid_t pid;
    int status;
    union {
        const char *const *in;
        char *const *out;
    } arguments = {argv};
    cr_assert_eq(posix_spawnp(&pid, argv[0], NULL, NULL, arguments.out, environ), 0, "%s", argv[0]);
    cr_assert_eq(keg_wait_child(pid, &status), 0);
    cr_assert_eq(keg_exit_code(status), 0, "%s: exit code %d", argv[0], keg_exit_code(status));
}

int unpack(const struct keg_buf *tar, int dirfd, struct unpack_layer *ret, struct keg_err *err)
{
    cr_assert_eq(tar->failed, 0);
    _cleanup_source_ struct keg_source *source = bytes_source(tar->data, tar->length, 0);
    return unpack_layer(source, dirfd, ret, err);
}

void unpack_ok(const struct keg_buf *tar, int dirfd)
{
    struct keg_err err = KEG_ERR_INIT;
    struct unpack_layer layer = {0};
    cr_assert_eq(unpack(tar, dirfd, &layer, &err), 0, "%s", err.text);
    unpack_layer_done(&layer);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(int dirfd, const char *prefix, struct keg_buf *out);

static void list_one(int dirfd, const char *prefix, const char *name, struct keg_buf *out)
{
    struct stat st;
    char target[256] = "";
    cr_assert_eq(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    keg_buf_printf(out, "%s%s", prefix, name);
    if (S_ISLNK(st.st_mode)) {
        cr_assert_geq(readlinkat(dirfd, name, target, sizeof(target) - 1), 0);
        keg_buf_printf(out, "-> %s", target);
    }
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        keg_buf_str(out, unpack_is_whiteout(&st) ? "%" : "!");
    if (S_ISFIFO(st.st_mode))
        keg_buf_str(out, "|");
    if (!S_ISDIR(st.st_mode)) {
        keg_buf_str(out, "\n");
        return;
    }
    _cleanup_fd_ int fd = unpack_open_folder(dirfd, name);
    keg_buf_str(out, unpack_is_opaque(fd) == 1 ? "/*\n" : "/\n");
    _cleanup_free_ char *deeper = keg_asprintf("%s%s/", prefix, name);
    list(fd, deeper, out);
}

static void list(int dirfd, const char *prefix, struct keg_buf *out)
{
    _cleanup_dir_ DIR *dir = fdopendir(keg_openat(dirfd, ".", O_RDONLY | O_DIRECTORY, 0));
    _cleanup_strv_ char **names = NULL;
    for (struct dirent *d; (d = readdir(dir));)
        if (!keg_streq(d->d_name, ".") && !keg_streq(d->d_name, ".."))
            keg_strv_add(&names, d->d_name);
    size_t count = keg_strv_length(names);
    if (count > 0)
        qsort(names, count, sizeof(*names), compare);
    for (size_t i = 0; i < count; i++)
        list_one(dirfd, prefix, names[i], out);
}

char *listing(int dirfd)
{
    struct keg_buf out = keg_buf_init(1u << 20);
    list(dirfd, "", &out);
    return keg_buf_take(&out);
}
