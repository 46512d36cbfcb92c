/* SPDX-License-Identifier: Apache-2.0 */
/* Ref files, one at a time: written, read by exact name, removed; and the image config behind one.
 */
#include "store/internal.h"

#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int store_image_read(struct store *store, const struct store_ref *ref, struct store_image *ret,
                     struct keg_err *err)
{
    _cleanup_(store_image_done) struct store_image image = {0};
    struct keg_err cause = KEG_ERR_INIT;
    char path[STORE_PATH_MAX_BYTES];
    _cleanup_json_ json_t *json = NULL;
    int r = store_ref_path(ref, path, err);

    if (r < 0)
        return r;
    json = keg_json_read(store->root_fd, path, KEG_STORE_FILE_MAX_BYTES, &cause);
    /* ENOTDIR: a damaged store has a file where a folder belongs, so the image is not there. */
    if (!json && (cause.code == -ENOENT || cause.code == -ENOTDIR))
        return keg_fail(err, -ENOENT, "no such image");
    if (!json)
        return store_error(err, &cause);
    if (store_image_from_json(json, &image, &cause) < 0) {
        keg_wrap(&cause, "'%s'", path);
        return store_error(err, &cause);
    }
    if (!ref->tag && !keg_streq(ref->digest, image.digest))
        return keg_fail(err, -EPROTO, "'%s': 'digest' is not the file's name", path);
    image.ref.host = keg_strdup(ref->host);
    image.ref.repository = keg_strdup(ref->repository);
    image.ref.tag = keg_strdup(ref->tag);
    if (!image.ref.host || !image.ref.repository || (ref->tag && !image.ref.tag))
        return keg_fail(err, -ENOMEM, "out of memory");
    *ret = image;
    image = (struct store_image){0};
    return 0;
}

/* The name of the file that ${image} has: borrowed parts of it. */
static struct store_ref file_of(const struct store_image *image)
{
    return (struct store_ref){.host = image->ref.host,
                              .repository = image->ref.repository,
                              .tag = image->ref.tag,
                              .digest = image->ref.tag ? NULL : image->digest};
}

/* Make ${name} in ${parent} and open it; a new one is made durable, as the ref in it will be. */
static int enter(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) == 0) {
        if (fsync(parent) < 0)
            return -errno;
    } else if (errno != EEXIST) {
        return -errno;
    }
    return keg_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* Open the folder of the file ${path} ("a/b/file") below ${root}, made where it is missing. The fd
 * or -errno. */
static int enter_all(int root, const char *path, const char **ret_name)
{
    int fd = keg_openat(root, ".", O_RDONLY | O_DIRECTORY, 0);
    const char *slash;

    while (fd >= 0 && (slash = strchr(path, '/'))) {
        _cleanup_fd_ int parent = fd;
        _cleanup_free_ char *component = keg_strndup(path, (size_t)(slash - path));

        fd = component ? enter(parent, component) : -ENOMEM;
        path = slash + 1;
    }
    *ret_name = path;
    return fd;
}

static int image_write(struct store *store, const struct store_image *image, struct keg_err *err)
{
    struct store_ref file = file_of(image);
    char path[STORE_PATH_MAX_BYTES];
    _cleanup_fd_ int dir = -1;
    const char *name;
    int r = store_ref_path(&file, path, err);

    if (r < 0)
        return r;
    dir = enter_all(store->root_fd, path, &name);
    if (dir < 0)
        return keg_fail(err, dir, "write '%s/%s': %s", store->root, path, keg_errno_text(dir));
    return store_json_replace(dir, name, store_image_to_json(image), true, path, err);
}

/* The tag is about to leave an image of another id: keep that under its digest. */
static int keep_former(struct store *store, const struct store_image *image, struct keg_err *err)
{
    _cleanup_(store_image_done) struct store_image former = {0};
    struct store_ref file = file_of(image);
    int r = store_image_read(store, &file, &former, err);

    /* Of a damaged one there is nothing to keep: the new one mends it. */
    if (r == -ENOENT || r == -EPROTO || r == -EFBIG)
        return 0;
    if (r < 0 || keg_streq(former.id, image->id))
        return r;
    free(TAKE_PTR(former.ref.tag));
    former.superseded = true;
    return image_write(store, &former, err);
}

/* The image has a tag: its entry without one, if there is, says nothing more. */
static void drop_untagged(struct store *store, const struct store_image *image)
{
    _cleanup_(store_image_done) struct store_image same = {0};
    struct store_ref file = file_of(image);
    char path[STORE_PATH_MAX_BYTES];

    file.tag = NULL;
    file.digest = image->digest;
    if (store_image_read(store, &file, &same, NULL) == 0 && keg_streq(same.id, image->id) &&
        store_ref_path(&file, path, NULL) == 0)
        (void)unlinkat(store->root_fd, path, 0);
}

static int check_image(const struct store_image *image, struct keg_err *err)
{
    _cleanup_(store_image_done) struct store_image copy = {0};
    _cleanup_json_ json_t *json = store_image_to_json(image);

    if (!json)
        return keg_fail(err, -ENOMEM, "out of memory");
    return store_image_from_json(json, &copy, err);
}

int store_image_put(struct store *store, const struct store_image *image, struct keg_err *err)
{
    _cleanup_fd_ int lock = store_dir_open(store, STORE_DIR_REFS, err);
    int r;

    if (lock < 0)
        return lock;
    /* What could not be read back must not replace what can be. */
    r = check_image(image, err);
    if (r < 0)
        return keg_wrap(err, "image");
    /* Two that move one tag at once would each lose the other's image. */
    r = store_flock(lock, LOCK_EX);
    if (r < 0)
        return keg_fail(err, r, "lock '%s/refs': %s", store->root, keg_errno_text(r));
    if (image->ref.tag && (r = keep_former(store, image, err)) < 0)
        return r;
    r = image_write(store, image, err);
    if (r == 0 && image->ref.tag)
        drop_untagged(store, image);
    return r;
}

int store_image_untag(struct store *store, const struct store_image *image, struct keg_err *err)
{
    struct store_ref file = file_of(image);
    char path[STORE_PATH_MAX_BYTES];
    _cleanup_fd_ int dir = -1;
    char *name;
    int r = store_ref_path(&file, path, err);

    if (r < 0)
        return r;
    name = strrchr(path, '/');
    *name++ = '\0';
    dir = keg_openat(store->root_fd, path, O_RDONLY | O_DIRECTORY, 0);
    if (dir == -ENOENT)
        return keg_fail(err, -ENOENT, "no such image");
    if (dir < 0)
        return keg_fail(err, dir, "open '%s': %s", path, keg_errno_text(dir));
    if (unlinkat(dir, name, 0) < 0)
        return errno == ENOENT ? keg_fail(err, -ENOENT, "no such image")
                               : keg_fail_errno(err, "remove '%s/%s'", path, name);
    /* Before a collection removes what the ref kept. */
    return fsync(dir) < 0 ? keg_fail_errno(err, "sync '%s'", path) : 0;
}

int store_image_config(struct store *store, const struct store_image *image, json_t **ret,
                       struct keg_err *err)
{
    int dir = store_blob_dir(store, image->id, err);
    struct keg_err cause = KEG_ERR_INIT;
    json_t *json;

    if (dir < 0)
        return dir;
    json = keg_json_read(dir, store_digest_hex(image->id), KEG_MANIFEST_MAX_BYTES, &cause);
    if (!json && cause.code == -ENOENT)
        return keg_fail(err, -ENOENT, "image config '%s' is not in the store", image->id);
    if (!json) {
        keg_wrap(&cause, "image config");
        return store_error(err, &cause);
    }
    *ret = json;
    return 0;
}
