/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of a pull. */
#include "pull/layers.h"

#include "pull/layer_source.h"

#include <pthread.h>
#include <string.h>
#include <sys/sysinfo.h>

#define WORKERS_MIN 2u
#define WORKERS_MAX 16u

struct work {
    struct session *session;
    const struct pull_layer *layers;
    size_t count;
    size_t order[KEG_LAYERS_MAX];
    size_t next; /* of `order`, for the next worker that is free */
    bool ready[KEG_LAYERS_MAX];
    bool failed;
    struct keg_err error; /* the first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

void layers_order(const struct pull_layer *layers, size_t count, size_t *order)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = i;
        for (; place > 0 && layers[order[place - 1]].size_bytes < layers[i].size_bytes; place--)
            order[place] = order[place - 1];
        order[place] = i;
    }
}

/* What bytes can be guilty of that are not a layer, or not the right one. */
static bool is_bytes_fault(int code)
{
    return code == -EBADMSG || code == -EFBIG || code == -ENAMETOOLONG;
}

/* The unpacker failed with `r`. Where its bytes are to blame say so in their own words: it may have
 * stumbled over bad ones before their end, where the digest tells. Return the code of the cause. */
static int find_cause(struct keg_source *source, int r, struct keg_err *err)
{
    const struct keg_err *cause = layer_source_error(source);
    if (cause->code == 0 && is_bytes_fault(r))
        keg_source_drain(source, NULL);
    if (cause->code < 0)
        *err = *cause;
    return cause->code < 0 ? cause->code : r;
}

/* Where the next try of a layer begins. */
struct attempt {
    size_t registry;
    bool whole; /* an earlier download's bytes were bad once: there is no other excuse of that kind
                 */
};

/* The bytes are bad: 1 where another try may bring right ones, with ${attempt} set for it. */
static int try_elsewhere(struct session *session, const struct keg_source *source,
                         struct attempt *attempt, const struct keg_err *why)
{
    size_t bad = layer_source_registry(source);
    /* What broke off may have been wrong already; what went on with it may be right from its start.
     */
    if (layer_source_is_mixed(source) && (bad > attempt->registry || !attempt->whole)) {
        *attempt = (struct attempt){.registry = bad, .whole = true};
        return 1;
    }
    if (bad + 1 >= session->plan.count)
        return 0;
    session_mirror_failed(session, session->plan.endpoints[bad].host, why->text);
    attempt->registry = bad + 1;
    return 1;
}

/* The layer's blob in the store is no layer: 1 where that was the disk's fault, and it is gone. */
static int drop_stored(struct session *session, const struct pull_layer *layer)
{
    if (store_blob_drop_damaged(session->store, layer->digest, NULL) != 1)
        return 0;
    session_text(session, PULL_WARNING,
                 "the stored bytes of layer %.19s are damaged: fetching them again", layer->digest);
    return 1;
}

/* One try; 1: its bytes are bad, and ${attempt} is the next one. */
static int fetch_from(struct session *session, const struct pull_layer *layer,
                      struct attempt *attempt, struct keg_err *err)
{
    _cleanup_source_ struct keg_source *source = NULL;
    int r = layer_source_new(session, layer, attempt->registry, &source, err);
    if (r < 0)
        return r;
    r = session->callbacks->layer(session->callbacks->context, layer, source, err);
    if (r >= 0)
        return 0;
    r = find_cause(source, r, err);
    if (!is_bytes_fault(r))
        return r;
    layer_source_reject(source);
    if (layer_source_was_stored(source))
        return drop_stored(session, layer) == 1 ? 1 : r;
    if (layer_source_error(source)->code != -EBADMSG)
        return r;
    return try_elsewhere(session, source, attempt, err) == 1 ? 1 : r;
}

static int fetch_layer(struct session *session, const struct pull_layer *layer, struct keg_err *err)
{
    struct attempt attempt = {.registry = session->first};
    int r = session->callbacks->have_layer(session->callbacks->context, layer, err);
    if (r != 0) {
        if (r > 0)
            session_layer_event(session, PULL_LAYER_EXISTS, layer, layer->size_bytes);
        return r < 0 ? r : 0;
    }
    while ((r = fetch_from(session, layer, &attempt, err)) == 1)
        ;
    return r;
}

/* Remember the first failure and stop the others. The lock is held. */
static void note_failure(struct work *work, const struct keg_err *error)
{
    if (!work->failed)
        work->error = *error;
    work->failed = true;
    atomic_store(&work->session->stop.failed, true);
}

/* A worker's next layer; NULL when there is none left, or no use. */
static const struct pull_layer *take_layer(struct work *work)
{
    const struct pull_layer *layer = NULL;
    pthread_mutex_lock(&work->lock);
    if (work->next < work->count && !work->failed)
        layer = &work->layers[work->order[work->next++]];
    pthread_mutex_unlock(&work->lock);
    return layer;
}

static void *run_worker(void *context)
{
    struct work *work = context;
    const struct pull_layer *layer;
    while ((layer = take_layer(work))) {
        struct keg_err error = KEG_ERR_INIT;
        int r = fetch_layer(work->session, layer, &error);
        if (r < 0 && r != -EINTR)
            keg_wrap(&error, "layer %.19s", layer->digest);
        pthread_mutex_lock(&work->lock);
        if (r < 0)
            note_failure(work, &error);
        else
            work->ready[layer->index] = true;
        pthread_cond_signal(&work->changed);
        pthread_mutex_unlock(&work->lock);
    }
    return NULL;
}

/* Wait until layer number `index` is unpacked; false where some layer failed. */
static bool wait_ready(struct work *work, size_t index)
{
    pthread_mutex_lock(&work->lock);
    while (!work->ready[index] && !work->failed)
        pthread_cond_wait(&work->changed, &work->lock);
    bool ready = !work->failed;
    pthread_mutex_unlock(&work->lock);
    return ready;
}

static void commit_in_order(struct work *work, uint64_t *ret_size_bytes)
{
    struct session *session = work->session;
    for (size_t i = 0; i < work->count && wait_ready(work, i); i++) {
        struct keg_err error = KEG_ERR_INIT;
        uint64_t size_bytes = 0;
        int r = session->callbacks->commit(session->callbacks->context, &work->layers[i],
                                           &size_bytes, &error);
        if (r < 0) {
            keg_wrap(&error, "layer %.19s", work->layers[i].digest);
            pthread_mutex_lock(&work->lock);
            note_failure(work, &error);
            pthread_mutex_unlock(&work->lock);
            return;
        }
        *ret_size_bytes += size_bytes;
        session_layer_event(session, PULL_LAYER_DONE, &work->layers[i], work->layers[i].size_bytes);
    }
}

static size_t worker_count(const struct session *session, size_t layers)
{
    size_t count = session->options->workers;
    if (count == 0) {
        int cpus = get_nprocs();
        count = cpus > (int)WORKERS_MIN ? (size_t)cpus : WORKERS_MIN;
    }
    count = count < WORKERS_MAX ? count : WORKERS_MAX;
    return count < layers ? count : layers;
}

static int run(struct work *work, uint64_t *ret_size_bytes, struct keg_err *err)
{
    pthread_t threads[WORKERS_MAX];
    size_t started = 0;
    size_t wanted = worker_count(work->session, work->count);
    while (started < wanted && pthread_create(&threads[started], NULL, run_worker, work) == 0)
        started++;
    if (started == 0)
        return keg_fail(err, -EAGAIN, "cannot start a thread");
    commit_in_order(work, ret_size_bytes);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    return work->failed ? keg_fail(err, work->error.code, "%s", work->error.text) : 0;
}

int layers_pull(struct session *session, const struct pull_layer *layers, size_t count,
                uint64_t *ret_size_bytes, struct keg_err *err)
{
    struct work *work = calloc(1, sizeof(*work));
    uint64_t size_bytes = 0;
    if (!work)
        return keg_fail(err, -ENOMEM, "out of memory");
    work->session = session;
    work->layers = layers;
    work->count = count;
    layers_order(layers, count, work->order);
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->changed, NULL);
    int r = run(work, &size_bytes, err);
    pthread_cond_destroy(&work->changed);
    pthread_mutex_destroy(&work->lock);
    free(work);
    if (r == 0)
        *ret_size_bytes = size_bytes;
    return r;
}
