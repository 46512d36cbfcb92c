/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP clients at rest. */
#include "pull/http.h"

#include <pthread.h>

#define IDLE_MAX 32

struct http_pool {
    const struct http_settings *settings;
    pthread_mutex_t lock;
    struct http *idle[IDLE_MAX];
    size_t count;
};

struct http_pool *http_pool_new(const struct http_settings *settings, struct keg_err *err)
{
    struct http_pool *pool = calloc(1, sizeof(*pool));
    if (!pool) {
        keg_fail(err, -ENOMEM, "out of memory");
        return NULL;
    }
    pool->settings = settings;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void http_pool_free(struct http_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->count; i++)
        http_free(pool->idle[i]);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct http *http_pool_take(struct http_pool *pool, struct keg_err *err)
{
    struct http *http = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->count > 0)
        http = pool->idle[--pool->count];
    pthread_mutex_unlock(&pool->lock);
    return http ? http : http_new(pool->settings, err);
}

void http_pool_give(struct http_pool *pool, struct http *http)
{
    if (!http)
        return;
    pthread_mutex_lock(&pool->lock);
    if (pool->count < IDLE_MAX) {
        pool->idle[pool->count++] = http;
        http = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    http_free(http);
}
