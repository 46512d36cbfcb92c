/* SPDX-License-Identifier: Apache-2.0 */
/* First half of a collection: mark what refs and containers need. */
#include "store/mark.h"
#include "store/internal.h"

#include <sys/stat.h>

void store_marks_done(struct store_marks *marks)
{
    json_decref(marks->layers);
    json_decref(marks->blobs);
    json_decref(marks->cut_short);
    *marks = (struct store_marks){0};
}

/* What a walk marks, and where it looks. */
struct marking {
    struct store *store;
    struct store_marks *marks;
};

static int mark(json_t *set, const char *digest)
{
    return digest ? json_object_set_new(set, digest, json_true()) : 0;
}

static int mark_all(json_t *set, char *const *digests)
{
    int r = 0;

    for (size_t i = 0; r == 0 && digests && digests[i]; i++)
        r = mark(set, digests[i]);
    return r;
}

static int mark_ref(void *context, const struct store_ref *ref, struct keg_err *err)
{
    _cleanup_(store_image_done) struct store_image image = {0};
    struct marking *marking = context;
    struct store_marks *marks = marking->marks;
    int r = store_image_read(marking->store, ref, &image, err);

    if (r < 0)
        return keg_wrap(err, "damaged image (pull it again, or remove the file)");
    if (mark_all(marks->layers, image.layers) < 0 || mark_all(marks->blobs, image.blobs) < 0 ||
        mark(marks->blobs, image.manifest) < 0 || mark(marks->blobs, image.id) < 0 ||
        mark(marks->blobs, image.digest) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    return 0;
}

/* containers/<id>/meta.json is missing or empty: it is not fsynced at first, so this is how a crash
 * leaves one. Not so where somebody owns it. */
static bool is_cut_short(int containers, int run, const char *id)
{
    char path[128];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%.64s/meta.json", id);
    if (fstatat(containers, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size > 0 : errno != ENOENT)
        return false;
    (void)snprintf(path, sizeof(path), "%.64s/lock", id);
    return !store_lock_is_held(run, path);
}

static int mark_container(struct store *store, struct store_marks *marks, const char *id,
                          struct keg_err *err)
{
    _cleanup_(store_container_done) struct store_container container = {0};
    int r = store_container_read(store, id, &container, err);

    if (r < 0)
        return keg_wrap(err, "damaged container %.12s", id);
    if (mark_all(marks->layers, container.layers) < 0 || mark(marks->blobs, container.image_id) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    return 0;
}

static int mark_containers(struct store *store, struct store_marks *marks, struct keg_err *err)
{
    int run = store_dir(store, STORE_DIR_RUN_CONTAINERS, err);
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;
    int r = run < 0 ? run : store_opendir(store, STORE_DIR_CONTAINERS, &dir, err);

    if (r < 0)
        return r;
    while ((entry = store_readdir(dir))) {
        if (!store_is_hex(entry->d_name, 64))
            continue;
        if (!is_cut_short(dirfd(dir), run, entry->d_name))
            r = mark_container(store, marks, entry->d_name, err);
        else if (mark(marks->cut_short, entry->d_name) < 0)
            r = keg_fail(err, -ENOMEM, "out of memory");
        if (r < 0)
            return r;
    }
    return errno != 0 ? keg_fail_errno(err, "read folder 'containers'") : 0;
}

int store_mark(struct store *store, struct store_marks *ret, struct keg_err *err)
{
    _cleanup_(store_marks_done) struct store_marks marks = {json_object(), json_object(),
                                                            json_object()};
    struct marking marking = {store, &marks};
    int r;

    if (!marks.layers || !marks.blobs || !marks.cut_short)
        return keg_fail(err, -ENOMEM, "out of memory");
    if ((r = store_refs_walk(store, mark_ref, &marking, err)) < 0 ||
        (r = mark_containers(store, &marks, err)) < 0)
        return r;
    *ret = marks;
    marks = (struct store_marks){0};
    return 0;
}
