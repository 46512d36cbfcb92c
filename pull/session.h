/* SPDX-License-Identifier: Apache-2.0 */
/* All that belongs to one call of pull_image() and that its threads share. */
#pragma once

#include "base/base.h"
#include "pull/http.h"
#include "pull/plan.h"
#include "pull/pull.h"
#include "pull/registry.h"
#include "pull/stop.h"

#include <pthread.h>

struct session {
    struct store *store;
    const struct pull_options *options;
    const struct pull_callbacks *callbacks;
    struct pull_stop stop;
    struct http_settings settings;
    struct http_pool *pool;
    struct plan plan;
    struct registry *registries; /* one an endpoint of the plan */
    size_t first; /* the registry that knew the image: layers are asked of it first */
    pthread_mutex_t event_lock;
};

/* session_init(session, err), session_done(session): ${session} has its store, options and
 * callbacks set, and its plan, which it owns. session_done() takes one in any state after that. */
int session_init(struct session *session, struct keg_err *err);
void session_done(struct session *session);

/* session_event(session, event), session_text(session, type, format, ...): Tell the caller; from
 * any thread. */
void session_event(struct session *session, const struct pull_event *event);
void session_text(struct session *session, enum pull_event_type type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* session_mirror_failed(session, host, why): PULL_MIRROR_FAILED, naming ${host} once. */
void session_mirror_failed(struct session *session, const char *host, const char *why);

/* session_layer_event(session, type, layer, done_bytes): The same for one of the PULL_LAYER_*
 * events. */
void session_layer_event(struct session *session, enum pull_event_type type,
                         const struct pull_layer *layer, uint64_t done_bytes);
