/* SPDX-License-Identifier: Apache-2.0 */
/* pull: a registry client: reference -> HTTP -> verified bytes (OCI distribution-spec 1.1, docker's
 * token authentication). It knows nothing of tar: the caller's `layer` callback takes the bytes.
 * Runs in keg-image only. */
#pragma once

#include "base/base.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One layer of the manifest, as the callbacks see it. */
struct pull_layer {
    size_t index;       /* 0 is the bottom */
    size_t count;       /* of the image's layers */
    const char *digest; /* of the compressed bytes */
    const char *media_type;
    const char *diff_id;  /* of the uncompressed bytes, from the config */
    const char *chain_id; /* this layer on all those below */
    const char *parent;   /* chain id of the layer below, or NULL */
    uint64_t size_bytes;  /* compressed */
};

enum pull_event_type {
    PULL_RESOLVED,      /* `text`: the host that answered ("registry-1.docker.io", or a mirror) */
    PULL_MIRROR_FAILED, /* `text`: which one and why; the next is tried */
    PULL_WARNING,       /* `text`: platform mismatch, a wait before a retry, and such */
    PULL_LAYERS,        /* the manifest and config are known; `layers`, `count` */
    PULL_LAYER_EXISTS,
    PULL_LAYER_DOWNLOADING, /* `done_bytes` of layer->size_bytes; called often, from worker threads
                             */
    PULL_LAYER_UNPACKING,   /* all bytes are there and verified */
    PULL_LAYER_DONE,
};

struct pull_event {
    enum pull_event_type type;
    const struct pull_layer *layer;  /* of the PULL_LAYER_* events */
    const struct pull_layer *layers; /* PULL_LAYERS */
    size_t count;
    uint64_t done_bytes;
    const char *text;
};

/* What the caller does with what was fetched. `event` may be called from any worker, one call at a
 * time (pull holds a lock around it). */
struct pull_callbacks {
    void *context;
    void (*event)(void *context, const struct pull_event *event);
    /* 1 where the store has the unpacked layer, 0 where it must be fetched, or a negative code. */
    int (*have_layer)(void *context, const struct pull_layer *layer, struct keg_err *err);
    /* Unpack one layer. `bytes` is the compressed stream, verified at its end (a read of 0 means
     * that size and digest hold); borrowed. From worker threads, several at a time, in any order.
     * Called again for the same layer where a mirror's bytes were bad: what the failed call made is
     * to be forgotten. */
    int (*layer)(void *context, const struct pull_layer *layer, struct keg_source *bytes,
                 struct keg_err *err);
    /* Make the layer visible: called in order, bottom first, once all below are, also for layers
     * that have_layer knew (for which it does nothing); writes the layer's unpacked size to
     * *ret_size_bytes. */
    int (*commit)(void *context, const struct pull_layer *layer, uint64_t *ret_size_bytes,
                  struct keg_err *err);
};

struct pull_options {
    const char *platform; /* "os/arch[/variant]", or NULL: this machine's */
    bool tls_verify;      /* false: plain HTTP and unverified TLS are taken from any registry */
    const char *registries_conf; /* file, or NULL: $CONTAINERS_REGISTRIES_CONF,
                                    ~/.config/containers/, /etc/containers/ */
    unsigned workers;            /* layers at a time; 0: one a CPU, at least 2 */
    const atomic_bool *cancel; /* set (by a signal handler) to stop soon with -EINTR; may be NULL */
    const char *user_agent;    /* "keg/0.1.0", or NULL: "keg" */
};

struct pull_result {
    struct store_image image; /* as it was stored */
    bool changed;             /* false: the tag named this very image before */
};

void pull_result_done(struct pull_result *result);

/* pull_image(store, ref, options, callbacks, ret, err): Fetch the image that ${ref} names,
 * verified at every hop (index, manifest, config: size and digest; layers: by the source; diff
 * ids: by the caller), into ${store}, and write its ref last. Mirrors of registries.conf are tried
 * first, in order, then the registry itself. Holds the shared store lock all the while, and a lock
 * on the manifest's digest, so that of N pulls of one image N-1 wait and find it done. Errors,
 * each worded for a user: unknown tag, access denied, rate limit, TLS, unreachable, not JSON,
 * schema 1, mixed documents, no matching platform, wrong size or digest, no space. */
int pull_image(struct store *store, const struct store_ref *ref, const struct pull_options *options,
               const struct pull_callbacks *callbacks, struct pull_result *ret,
               struct keg_err *err);
