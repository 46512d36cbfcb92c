/* SPDX-License-Identifier: Apache-2.0 */
/* A layer being unpacked: a locked folder in tmp/ that becomes the layer's folder by one rename. */
#include "store/internal.h"

#include <sys/stat.h>

struct store_layer_writer {
    struct store *store;
    char *name; /* "tmp/…"; NULL once it is the layer */
    int tmp_fd; /* holds the lock */
    int fs_fd;
};

static int make_fs(struct store_layer_writer *writer, struct keg_err *err)
{
    if (mkdirat(writer->tmp_fd, "fs", 0755) < 0)
        return keg_fail_errno(err, "make '%s/fs'", writer->name);
    writer->fs_fd = keg_openat(writer->tmp_fd, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (writer->fs_fd < 0)
        return keg_fail(err, writer->fs_fd, "open '%s/fs': %s", writer->name,
                        keg_errno_text(writer->fs_fd));
    /* mkdirat() heeds the umask and, where the folder above has it, the set-group-id bit. */
    if (fchmod(writer->fs_fd, 0755) < 0 || (geteuid() == 0 && fchown(writer->fs_fd, 0, 0) < 0))
        return keg_fail_errno(err, "make '%s/fs'", writer->name);
    return 0;
}

int store_layer_writer_new(struct store *store, struct store_layer_writer **ret,
                           struct keg_err *err)
{
    struct store_layer_writer *writer = calloc(1, sizeof(*writer));
    int r;

    if (!writer)
        return keg_fail(err, -ENOMEM, "out of memory");
    writer->store = store;
    writer->tmp_fd = writer->fs_fd = -1;
    r = store_tmp_new(store, &writer->name, &writer->tmp_fd, err);
    if (r == 0)
        r = make_fs(writer, err);
    if (r < 0) {
        store_layer_writer_free(writer);
        return r;
    }
    *ret = writer;
    return 0;
}

int store_layer_writer_fd(const struct store_layer_writer *writer)
{
    return writer->fs_fd;
}

/* The layer that is there can be used: both its folder and its meta.json. */
static bool is_whole(struct store *store, const char *chain_id)
{
    _cleanup_(store_layer_done) struct store_layer layer = {0};
    _cleanup_fd_ int fd = -1;

    return store_layer_open(store, chain_id, &fd, NULL) == 0 &&
           store_layer_read(store, chain_id, &layer, NULL) == 0;
}

/* Give the folder its final name. A layer that is there keeps it, unless it is damaged: then they
 * change places, and the damaged one goes where our left-overs go. 0 or -errno. */
static int publish(struct store_layer_writer *writer, const char *chain_id, int layers)
{
    const char *hex = store_digest_hex(chain_id);

    /* rename(2) puts a folder in the place of an empty one only. */
    if (renameat(writer->store->root_fd, writer->name, layers, hex) == 0) {
        free(TAKE_PTR(writer->name));
        return fsync(layers) < 0 ? -errno : 0;
    }
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
        return -errno;
    if (is_whole(writer->store, chain_id))
        return 0;
    if (renameat2(writer->store->root_fd, writer->name, layers, hex, RENAME_EXCHANGE) < 0)
        return -errno;
    return fsync(layers) < 0 ? -errno : 0;
}

int store_layer_writer_commit(struct store_layer_writer *writer, const struct store_layer *layer,
                              struct keg_err *err)
{
    int layers = store_dir(writer->store, STORE_DIR_LAYERS, err);
    int r = store_check_digest(layer->chain_id, err);

    if (layers < 0 || r < 0)
        return layers < 0 ? layers : r;
    /* Thousands of fsync() calls cost far more than one syncfs(), which also reports write-back
     * errors. */
    if (syncfs(writer->fs_fd) < 0)
        return keg_fail_errno(err, "sync layer '%s'", layer->chain_id);
    r = store_json_replace(writer->tmp_fd, "meta.json", store_layer_to_json(layer), true,
                           "meta.json", err);
    if (r < 0)
        return keg_wrap(err, "layer '%s'", layer->chain_id);
    r = publish(writer, layer->chain_id, layers);
    return r < 0 ? keg_fail(err, r, "commit layer '%s': %s", layer->chain_id, keg_errno_text(r))
                 : 0;
}

void store_layer_writer_free(struct store_layer_writer *writer)
{
    if (!writer)
        return;
    keg_cleanup_fd(&writer->fs_fd);
    if (writer->name) {
        int dir = store_dir(writer->store, STORE_DIR_TMP, NULL);
        if (dir >= 0)
            (void)keg_remove_tree(dir, writer->name + sizeof("tmp/") - 1);
        free(writer->name);
    }
    keg_cleanup_fd(&writer->tmp_fd);
    free(writer);
}
