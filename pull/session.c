/* SPDX-License-Identifier: Apache-2.0 */
/* Setting up a pull and telling its caller what goes on. */
#include "pull/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void on_notice(void *context, const char *text)
{
    session_text(context, PULL_WARNING, "%s", text);
}

static int init_registries(struct session *session, struct keg_err *err)
{
    size_t count = session->plan.count;
    session->registries = calloc(count, sizeof(*session->registries));
    if (!session->registries)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        int r = registry_init(&session->registries[i], &session->plan.endpoints[i], err);
        if (r < 0) {
            while (i-- > 0)
                registry_done(&session->registries[i]);
            free(TAKE_PTR(session->registries));
            return r;
        }
    }
    return 0;
}

int session_init(struct session *session, struct keg_err *err)
{
    const struct pull_options *options = session->options;
    session->stop.cancel = options->cancel;
    atomic_init(&session->stop.failed, false);
    pthread_mutex_init(&session->event_lock, NULL);
    session->settings = (struct http_settings){
        .user_agent = options->user_agent ? options->user_agent : "keg",
        .stop = &session->stop,
        .notice = on_notice,
        .context = session,
    };
    int r = init_registries(session, err);
    if (r < 0)
        return r;
    session->pool = http_pool_new(&session->settings, err);
    return session->pool ? 0 : -ENOMEM;
}

void session_done(struct session *session)
{
    http_pool_free(session->pool);
    for (size_t i = 0; session->registries && i < session->plan.count; i++)
        registry_done(&session->registries[i]);
    free(session->registries);
    plan_done(&session->plan);
    pthread_mutex_destroy(&session->event_lock);
}

void session_event(struct session *session, const struct pull_event *event)
{
    if (!session->callbacks->event)
        return;
    pthread_mutex_lock(&session->event_lock);
    session->callbacks->event(session->callbacks->context, event);
    pthread_mutex_unlock(&session->event_lock);
}

void session_text(struct session *session, enum pull_event_type type, const char *format, ...)
{
    char text[KEG_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    session_event(session, &(struct pull_event){.type = type, .text = text});
}

void session_mirror_failed(struct session *session, const char *host, const char *why)
{
    if (strstr(why, host))
        session_text(session, PULL_MIRROR_FAILED, "a mirror failed: %s", why);
    else
        session_text(session, PULL_MIRROR_FAILED, "the mirror %s failed: %s", host, why);
}

void session_layer_event(struct session *session, enum pull_event_type type,
                         const struct pull_layer *layer, uint64_t done_bytes)
{
    session_event(session,
                  &(struct pull_event){.type = type, .layer = layer, .done_bytes = done_bytes});
}
