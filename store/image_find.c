/* SPDX-License-Identifier: Apache-2.0 */
/* Looking images up: by reference, by id or its prefix, and all of them. */
#include "store/internal.h"

#include <string.h>

/* What a walk over ref files gathers. */
struct gathering {
    struct store *store;
    struct store_image *images;
    size_t count;
    size_t damaged;
};

static int append(struct gathering *gathering, struct store_image *image /* takes */,
                  struct keg_err *err)
{
    struct store_image *grown =
        reallocarray(gathering->images, gathering->count + 1, sizeof(*gathering->images));

    if (!grown) {
        store_image_done(image);
        return keg_fail(err, -ENOMEM, "out of memory");
    }
    gathering->images = grown;
    gathering->images[gathering->count++] = *image;
    return 0;
}

static int gather(void *context, const struct store_ref *ref, struct keg_err *err)
{
    struct gathering *gathering = context;
    struct store_image image;
    int r = store_image_read(gathering->store, ref, &image, NULL);

    if (r == -ENOENT) /* removed since its name was read */
        return 0;
    if (r < 0) {
        gathering->damaged++;
        return 0;
    }
    return append(gathering, &image, err);
}

static int compare_times(struct timespec a, struct timespec b)
{
    if (a.tv_sec != b.tv_sec)
        return a.tv_sec < b.tv_sec ? -1 : 1;
    return (a.tv_nsec > b.tv_nsec) - (a.tv_nsec < b.tv_nsec);
}

static int compare_strings(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Newest first, then by name, so that the order is the same each time; a tag before none. */
static int compare_images(const void *a, const void *b)
{
    const struct store_image *x = a, *y = b;
    int order = compare_times(y->created, x->created);

    if (order == 0)
        order = !x->ref.tag - !y->ref.tag;
    if (order == 0)
        order = compare_strings(x->ref.host, y->ref.host);
    if (order == 0)
        order = compare_strings(x->ref.repository, y->ref.repository);
    if (order == 0)
        order = compare_strings(x->ref.tag, y->ref.tag);
    return order != 0 ? order : compare_strings(x->digest, y->digest);
}

void store_images_free(struct store_image *images, size_t count)
{
    for (size_t i = 0; images && i < count; i++)
        store_image_done(&images[i]);
    free(images);
}

int store_images_list(struct store *store, struct store_image **ret, size_t *ret_count,
                      size_t *ret_damaged, struct keg_err *err)
{
    struct gathering gathering = {.store = store};
    int r = store_refs_walk(store, gather, &gathering, err);

    if (r < 0) {
        store_images_free(gathering.images, gathering.count);
        return r;
    }
    if (gathering.count > 1)
        qsort(gathering.images, gathering.count, sizeof(*gathering.images), compare_images);
    *ret = gathering.images;
    *ret_count = gathering.count;
    if (ret_damaged)
        *ret_damaged = gathering.damaged;
    return 0;
}

/* A search of one repository for a digest, of the index or of the manifest. */
struct digest_search {
    struct store *store;
    const char *digest;
    struct store_image found; /* digest NULL: none yet */
};

static int match_digest(void *context, const struct store_ref *ref, struct keg_err *err)
{
    struct digest_search *search = context;
    _cleanup_(store_image_done) struct store_image image = {0};

    (void)err;
    /* A damaged neighbour does not hide the one that is looked for. */
    if (search->found.digest || store_image_read(search->store, ref, &image, NULL) < 0)
        return 0;
    if (keg_streq(image.digest, search->digest) || keg_streq(image.manifest, search->digest)) {
        search->found = image;
        image = (struct store_image){0};
    }
    return 0;
}

static int get_by_digest(struct store *store, const struct store_ref *ref, struct store_image *ret,
                         struct keg_err *err)
{
    struct store_ref file = {
        .host = ref->host, .repository = ref->repository, .digest = ref->digest};
    struct digest_search search = {.store = store, .digest = ref->digest};
    struct keg_err cause = KEG_ERR_INIT;
    int r = store_image_read(store, &file, ret, &cause);

    if (r == 0)
        return 0;
    r = store_refs_walk_repository(store, ref, match_digest, &search, err);
    if (r < 0)
        return r;
    if (!search.found.digest)
        return store_error(err, &cause);
    *ret = search.found;
    return 0;
}

int store_image_get(struct store *store, const struct store_ref *ref, struct store_image *ret,
                    struct keg_err *err)
{
    return ref->digest ? get_by_digest(store, ref, ret, err)
                       : store_image_read(store, ref, ret, err);
}

/* The id that alone begins with ${hex}: its index in ${images}. -ENOENT or -EEXIST. */
static int pick_id(const struct store_image *images, size_t count, const char *hex, size_t *ret,
                   struct keg_err *err)
{
    const struct store_image *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!keg_starts_with(store_digest_hex(images[i].id), hex))
            continue;
        if (found && !keg_streq(found->id, images[i].id))
            return keg_fail(err, -EEXIST, "fits several images (%.19s, %.19s): give more digits",
                            found->id, images[i].id);
        if (!found)
            found = &images[i];
    }
    if (!found)
        return keg_fail(err, -ENOENT, "no such image");
    *ret = (size_t)(found - images);
    return 0;
}

static int find_by_id(struct store *store, const char *hex, struct store_image *ret,
                      struct keg_err *err)
{
    struct store_image *images = NULL;
    size_t count = 0, index = 0;
    int r = store_images_list(store, &images, &count, NULL, err);

    if (r < 0)
        return r;
    r = pick_id(images, count, hex, &index, err);
    if (r == 0) {
        *ret = images[index];
        images[index] = (struct store_image){0};
    }
    store_images_free(images, count);
    return r;
}

int store_image_find(struct store *store, const char *name, struct store_image *ret,
                     struct keg_err *err)
{
    _cleanup_(store_ref_done) struct store_ref ref = STORE_REF_INIT;
    const char *hex = store_hex_prefix(name);
    struct keg_err cause = KEG_ERR_INIT;
    int r = store_ref_parse(name, &ref, &cause);

    if (r == 0)
        r = store_image_get(store, &ref, ret, &cause);
    if (r == 0)
        return 0;
    if (hex && (r == -ENOENT || r == -EINVAL))
        return find_by_id(store, hex, ret, err);
    return store_error(err, &cause);
}
