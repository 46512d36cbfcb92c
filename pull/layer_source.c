/* SPDX-License-Identifier: Apache-2.0 */
/* A layer's bytes, wherever they are. */
#include "pull/layer_source.h"

#include "pull/retry.h"

#include <string.h>

/* A connection that broke off after bringing so much counts as having worked: tries start over. */
#define PROGRESS_BYTES (256u * 1024)

struct layer_source {
    struct keg_source source;
    struct session *session;
    const struct pull_layer *layer;
    int stored_fd;                    /* of a whole blob, or -1 */
    struct store_blob_writer *writer; /* else */
    struct http *http;                /* once the network is needed */
    size_t registry;                  /* of the plan */
    bool streaming;                   /* an answer is open in `http` */
    uint64_t skip_bytes;              /* of that answer, which we have already */
    uint64_t position;                /* bytes that the reader has got */
    unsigned failures;                /* of the connection, without progress in between */
    uint64_t progress_mark;           /* position at the first of them */
    bool mixed;                       /* not all bytes came from `registry`, by us */
    bool committed;
    bool rejected;
    struct keg_err error; /* the first one: final */
};

static struct layer_source *self_of(const struct keg_source *source)
{
    return (struct layer_source *)(uintptr_t)source;
}

static struct registry *registry_of(struct layer_source *self)
{
    return &self->session->registries[self->registry];
}

/* Go on to the next host of the plan. Its bytes are the same, or the digest will tell. */
static int next_registry(struct layer_source *self, const struct keg_err *why, struct keg_err *err)
{
    if (self->registry + 1 >= self->session->plan.count)
        return keg_fail(err, why->code, "%s", why->text);
    session_mirror_failed(self->session, registry_of(self)->endpoint->host, why->text);
    self->registry++;
    self->failures = 0;
    self->mixed = self->position > 0;
    return 0;
}

/* Open the network's stream at `position`. */
static int open_stream(struct layer_source *self, struct keg_err *err)
{
    const struct pull_layer *layer = self->layer;
    if (!self->http && !(self->http = http_pool_take(self->session->pool, err)))
        return -ENOMEM;
    for (;;) {
        struct keg_err failure = KEG_ERR_INIT;
        int r = registry_blob(registry_of(self), self->http, layer->digest, self->position,
                              layer->size_bytes, &failure);
        if (r >= 0) {
            /* 200: all of it comes once more. What we have is dropped from the answer rather than
             * from the store: the reader has seen it already, and the digest is over all of it. */
            self->skip_bytes = r == 0 ? self->position : 0;
            self->streaming = true;
            return 0;
        }
        if (r == -EINTR || r == -ENOMEM)
            return keg_fail(err, r, "%s", failure.text);
        r = next_registry(self, &failure, err);
        if (r < 0)
            return r;
    }
}

/* The connection broke off: wait a little and go on, here or at the next host. */
static int recover(struct layer_source *self, const struct keg_err *why, struct keg_err *err)
{
    self->streaming = false;
    if (!http_is_transient(why->code))
        return keg_fail(err, why->code, "%s", why->text);
    if (self->position >= self->progress_mark + PROGRESS_BYTES)
        self->failures = 0;
    self->progress_mark = self->position;
    if (++self->failures >= PULL_ATTEMPTS_MAX)
        return next_registry(self, why, err);
    return retry_wait(&self->session->stop, retry_delay_ms(self->failures, NULL, 0), err);
}

/* Drop from `buffer` what the reader has already. */
static size_t skip(struct layer_source *self, char *buffer, size_t length)
{
    size_t cut = self->skip_bytes < length ? (size_t)self->skip_bytes : length;
    self->skip_bytes -= cut;
    memmove(buffer, buffer + cut, length - cut);
    return length - cut;
}

static int fail_short(struct layer_source *self, struct keg_err *err)
{
    return keg_fail(err, -EBADMSG, "wrong size: %s has %llu bytes, the manifest says %llu",
                    registry_of(self)->endpoint->host, (unsigned long long)self->position,
                    (unsigned long long)self->layer->size_bytes);
}

static ssize_t read_network(struct layer_source *self, char *buffer, size_t size,
                            struct keg_err *err)
{
    for (;;) {
        struct keg_err failure = KEG_ERR_INIT;
        int r = self->streaming ? 0 : open_stream(self, err);
        if (r < 0)
            return r;
        ssize_t n = http_read(self->http, buffer, size, &failure);
        if (n == 0)
            return fail_short(self, err);
        if (n < 0 && (r = recover(self, &failure, err)) < 0)
            return r;
        size_t length = n > 0 ? skip(self, buffer, (size_t)n) : 0;
        if (length == 0)
            continue;
        r = store_blob_writer_write(self->writer, buffer, length, err);
        return r < 0 ? r : (ssize_t)length;
    }
}

/* All bytes are here: there must be no more of them, and they must be the right ones. */
static int commit(struct layer_source *self, struct keg_err *err)
{
    char excess;
    if (self->committed)
        return 0;
    if (self->streaming && http_read(self->http, &excess, 1, NULL) > 0)
        return keg_fail(
            err, -EBADMSG, "wrong size: %s sends more than the %llu bytes of the manifest",
            registry_of(self)->endpoint->host, (unsigned long long)self->layer->size_bytes);
    self->streaming = false;
    int r = self->writer ? store_blob_writer_commit(self->writer, err) : 0;
    if (r < 0)
        return self->http ? keg_wrap(err, "from %s", registry_of(self)->endpoint->host) : r;
    self->committed = true;
    session_layer_event(self->session, PULL_LAYER_UNPACKING, self->layer, self->position);
    return 0;
}

static ssize_t read_some(struct layer_source *self, char *buffer, size_t size, struct keg_err *err)
{
    uint64_t left = self->layer->size_bytes - self->position;
    uint64_t have = self->writer ? store_blob_writer_have(self->writer) : 0;
    if (pull_check_stop(&self->session->stop, err) < 0)
        return -EINTR;
    if (left == 0)
        return commit(self, err);
    if (self->writer && self->position >= have)
        return read_network(self, buffer, size, err);
    size_t wanted = left < size ? (size_t)left : size;
    if (self->writer && have - self->position < wanted)
        wanted = (size_t)(have - self->position);
    ssize_t n = self->writer ? store_blob_writer_read(self->writer, self->position, buffer, wanted)
                             : keg_read(self->stored_fd, buffer, wanted);
    if (n <= 0)
        return keg_fail(err, n < 0 ? (int)n : -EIO, "read the stored part of %s: %s",
                        self->layer->digest, n < 0 ? keg_errno_text((int)n) : "it is cut off");
    return n;
}

static ssize_t layer_source_read(struct keg_source *source, void *buffer, size_t size,
                                 struct keg_err *err)
{
    struct layer_source *self = self_of(source);
    if (self->error.code == 0) {
        ssize_t n = read_some(self, buffer, size, &self->error);
        if (n > 0) {
            self->position += (uint64_t)n;
            session_layer_event(self->session, PULL_LAYER_DOWNLOADING, self->layer, self->position);
        }
        if (n >= 0)
            return n;
    }
    return keg_fail(err, self->error.code, "%s", self->error.text);
}

static void layer_source_close(struct keg_source *source)
{
    struct layer_source *self = self_of(source);
    http_pool_give(self->session->pool, self->http);
    /* Bytes that were too few or too many are no beginning of the right ones. */
    if (self->error.code == -EBADMSG || self->rejected)
        store_blob_writer_discard(self->writer);
    else
        store_blob_writer_free(self->writer);
    keg_cleanup_fd(&self->stored_fd);
    free(self);
}

static const struct keg_source_ops layer_source_ops = {layer_source_read, layer_source_close};

static int open_stored(struct layer_source *self, struct keg_err *err)
{
    uint64_t size_bytes;
    int r = store_blob_open(self->session->store, self->layer->digest, &self->stored_fd,
                            &size_bytes, err);
    if (r < 0)
        return r;
    if (size_bytes != self->layer->size_bytes)
        return keg_fail(
            err, -EBADMSG, "wrong size: the blob has %llu bytes, the manifest says %llu",
            (unsigned long long)size_bytes, (unsigned long long)self->layer->size_bytes);
    return 0;
}

int layer_source_new(struct session *session, const struct pull_layer *layer, size_t registry,
                     struct keg_source **ret, struct keg_err *err)
{
    struct layer_source *self = calloc(1, sizeof(*self));
    if (!self)
        return keg_fail(err, -ENOMEM, "out of memory");
    *self = (struct layer_source){.source = {&layer_source_ops},
                                  .session = session,
                                  .layer = layer,
                                  .stored_fd = -1,
                                  .registry = registry};
    int r =
        store_blob_writer_new(session->store, layer->digest, layer->size_bytes, &self->writer, err);
    if (r == 1)
        r = open_stored(self, err);
    if (r < 0) {
        layer_source_close(&self->source);
        return r;
    }
    self->mixed = self->writer && store_blob_writer_have(self->writer) > 0;
    *ret = &self->source;
    return 0;
}

size_t layer_source_registry(const struct keg_source *source)
{
    return self_of(source)->registry;
}

const struct keg_err *layer_source_error(const struct keg_source *source)
{
    return &self_of(source)->error;
}

bool layer_source_is_mixed(const struct keg_source *source)
{
    return self_of(source)->mixed;
}

void layer_source_reject(struct keg_source *source)
{
    self_of(source)->rejected = true;
}

bool layer_source_was_stored(const struct keg_source *source)
{
    return self_of(source)->stored_fd >= 0;
}
