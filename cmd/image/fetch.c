/* SPDX-License-Identifier: Apache-2.0 */
/* The callbacks of a pull. */
#include "cmd/image/fetch.h"

#include "unpack/unpack.h"

#include <string.h>

/* A layer between its unpacking, by a worker, and its commit, in order. */
struct fetched {
    struct store_layer_writer *writer; /* NULL: the store has the layer already */
    struct unpack_layer layer;
};

struct fetch {
    struct store *store;
    struct progress *progress;
    struct fetched layers[KEG_LAYERS_MAX];
};

static void fetched_done(struct fetched *fetched)
{
    store_layer_writer_free(fetched->writer);
    unpack_layer_done(&fetched->layer);
    *fetched = (struct fetched){.writer = NULL};
}

int fetch_new(struct store *store, struct progress *progress, struct fetch **ret,
              struct keg_err *err)
{
    struct fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch)
        return keg_fail(err, -ENOMEM, "out of memory");
    fetch->store = store;
    fetch->progress = progress;
    *ret = fetch;
    return 0;
}

void fetch_free(struct fetch *fetch)
{
    if (!fetch)
        return;
    for (size_t i = 0; i < KEG_LAYERS_MAX; i++)
        fetched_done(&fetch->layers[i]);
    free(fetch);
}

/* The pull keeps its stream; the decorators close what they wrap. This stands between them. */
struct borrowed_source {
    struct keg_source source;
    struct keg_source *below;
};

static ssize_t borrowed_read(struct keg_source *source, void *buffer, size_t size,
                             struct keg_err *err)
{
    return keg_source_read(((struct borrowed_source *)source)->below, buffer, size, err);
}

static void borrowed_close(struct keg_source *source)
{
    free(source);
}

static struct keg_source *borrow(struct keg_source *below)
{
    static const struct keg_source_ops ops = {borrowed_read, borrowed_close};
    struct borrowed_source *self = malloc(sizeof(*self));
    if (!self)
        return NULL;
    *self = (struct borrowed_source){{&ops}, below};
    return &self->source;
}

static int have_layer(void *context, const struct pull_layer *layer, struct keg_err *err)
{
    struct fetch *fetch = context;
    struct keg_err failure = KEG_ERR_INIT;
    struct store_layer known = {.chain_id = NULL};
    _cleanup_fd_ int fd = -1;
    int r = store_layer_open(fetch->store, layer->chain_id, &fd, &failure);
    if (r == 0)
        r = store_layer_read(fetch->store, layer->chain_id, &known, &failure);
    store_layer_done(&known);
    if (r == 0)
        return 1;
    /* A damaged one is unpacked again: its commit takes that one's place. */
    return r == -ENOENT || r == -EPROTO ? 0 : keg_fail(err, r, "%s", failure.text);
}

/* compressed bytes -> inflate -> digest of the tar -> files */
static int unpack(struct fetched *fetched, const struct pull_layer *layer, struct keg_source *bytes,
                  struct keg_err *err)
{
    _cleanup_source_ struct keg_source *tar = NULL;
    struct keg_source *inflated = NULL;
    struct keg_source *compressed = borrow(bytes);
    if (!compressed)
        return keg_fail(err, -ENOMEM, "out of memory");
    int r = unpack_decompress_new(compressed, &inflated, err);
    if (r < 0)
        return r;
    r = unpack_digest_new(inflated, layer->diff_id, &tar, err);
    if (r < 0)
        return r;
    r = unpack_layer(tar, store_layer_writer_fd(fetched->writer), &fetched->layer, err);
    /* Only the check of the diff id names it. */
    if (r == -EBADMSG && strstr(err->text, layer->diff_id))
        return keg_wrap(err, "wrong diff id");
    return r;
}

static int take_layer(void *context, const struct pull_layer *layer, struct keg_source *bytes,
                      struct keg_err *err)
{
    struct fetch *fetch = context;
    struct fetched *fetched = &fetch->layers[layer->index];
    fetched_done(fetched); /* of a try from a mirror whose bytes were bad */
    int r = store_layer_writer_new(fetch->store, &fetched->writer, err);
    if (r == 0)
        r = unpack(fetched, layer, bytes, err);
    if (r < 0)
        fetched_done(fetched);
    return r;
}

/* Folders that the layer implies get owner and mode from the layers below, which are committed by
 * now. */
static int adopt_implied(struct fetch *fetch, const struct fetched *fetched,
                         const struct pull_layer *const below[], size_t count, struct keg_err *err)
{
    int fds[KEG_LAYERS_MAX];
    size_t opened = 0;
    int r = 0;
    for (; r == 0 && opened < count; opened++) {
        r = store_layer_open(fetch->store, below[opened]->chain_id, &fds[opened], err);
        if (r < 0)
            break;
    }
    if (r == 0)
        r = unpack_adopt_implied(&fetched->layer, store_layer_writer_fd(fetched->writer), fds,
                                 count, err);
    while (opened > 0)
        keg_cleanup_fd(&fds[--opened]);
    return r;
}

/* Layers below `layer`, top first. The pull hands out its layers as one array. */
static size_t list_below(const struct pull_layer *layer,
                         const struct pull_layer *below[KEG_LAYERS_MAX])
{
    for (size_t i = 0; i < layer->index; i++)
        below[i] = layer - 1 - i;
    return layer->index;
}

static int commit_new(struct fetch *fetch, struct fetched *fetched, const struct pull_layer *layer,
                      struct keg_err *err)
{
    const struct pull_layer *below[KEG_LAYERS_MAX];
    int r = 0;
    if (keg_strv_length(fetched->layer.implied) > 0)
        r = adopt_implied(fetch, fetched, below, list_below(layer, below), err);
    if (r < 0)
        return r;
    /* Strings are only read. */
    struct store_layer meta = {
        .chain_id = (char *)(uintptr_t)layer->chain_id,
        .parent = (char *)(uintptr_t)layer->parent,
        .diff_id = (char *)(uintptr_t)layer->diff_id,
        .blob = (char *)(uintptr_t)layer->digest,
        .size_bytes = fetched->layer.size_bytes,
    };
    return store_layer_writer_commit(fetched->writer, &meta, err);
}

static int commit_layer(void *context, const struct pull_layer *layer, uint64_t *ret_size_bytes,
                        struct keg_err *err)
{
    struct fetch *fetch = context;
    struct fetched *fetched = &fetch->layers[layer->index];
    int r;
    if (fetched->writer) {
        r = commit_new(fetch, fetched, layer, err);
        if (r == 0)
            *ret_size_bytes = fetched->layer.size_bytes;
        fetched_done(fetched);
        return r;
    }
    struct store_layer known;
    r = store_layer_read(fetch->store, layer->chain_id, &known, err);
    if (r < 0)
        return r;
    *ret_size_bytes = known.size_bytes;
    store_layer_done(&known);
    return 0;
}

static void on_event(void *context, const struct pull_event *event)
{
    struct fetch *fetch = context;
    progress_event(fetch->progress, event);
}

struct pull_callbacks fetch_callbacks(struct fetch *fetch)
{
    return (struct pull_callbacks){
        .context = fetch,
        .event = on_event,
        .have_layer = have_layer,
        .layer = take_layer,
        .commit = commit_layer,
    };
}
