/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime events: figures and news of a container, one JSON object a line. */
#include "cmd/runtime/duration.h"
#include "cmd/runtime/folder.h"
#include "cmd/runtime/stats.h"

#include <poll.h>

enum { DEFAULT_INTERVAL_MS = 5000 };

struct events_options {
    bool stats;
    int64_t interval_ms; /* 0: the default */
};

static int parse_interval(const char *value, void *target, struct keg_err *err)
{
    return runtime_duration_parse(value, target, err);
}

static const struct cmd_option events_options[] = {
    {"stats", 0, CMD_FLAG, NULL, "Print the figures once and end",
     offsetof(struct events_options, stats), NULL, NULL},
    {"interval", 0, CMD_CUSTOM, "duration", "How often to print them (default 5s)",
     offsetof(struct events_options, interval_ms), NULL, parse_interval},
    CMD_OPTIONS_END};

/* Takes ${data}. */
static int print_event(const char *type, const char *id, json_t *data, struct keg_err *err)
{
    _cleanup_json_ json_t *event =
        json_pack("{s:s,s:s,s:o*}", "type", type, "id", id, "data", data);
    _cleanup_free_ char *text = event ? keg_json_dump(event, false) : NULL;
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    puts(text);
    return fflush(stdout) == 0 ? 0 : keg_fail_errno(err, "write to standard output");
}

static int print_stats(const struct run_container *container, const char *id, struct keg_err *err)
{
    struct run_stats stats;
    int r = run_stats_read(container, &stats, err);
    if (r < 0)
        return r;
    json_t *data = runtime_stats_json(&stats);
    run_stats_done(&stats);
    return data ? print_event("stats", id, data, err) : keg_fail(err, -ENOMEM, "out of memory");
}

/* One poll's worth. 1: the container has ended. */
static int serve_once(struct run_container *container, int oom_fd, const char *id, int timeout_ms,
                      struct keg_err *err)
{
    char buffer[4096]; /* a v1 counter, or v2's inotify events */
    struct pollfd fds[] = {{.fd = run_pidfd(container), .events = POLLIN},
                           {.fd = oom_fd, .events = POLLIN}};
    int count = poll(fds, KEG_ARRAY_SIZE(fds), timeout_ms);
    if (count < 0 && errno != EINTR)
        return keg_fail_errno(err, "wait for events");
    if (count > 0 && fds[1].revents & POLLIN && keg_read(oom_fd, buffer, sizeof(buffer)) > 0) {
        int r = print_event("oom", id, NULL, err);
        if (r < 0)
            return r;
    }
    if (count > 0 && fds[0].revents)
        return 1;
    return count == 0 ? print_stats(container, id, err) : 0;
}

/* The interval holds between two lines of figures, whatever else happens. */
static int serve(struct run_container *container, const char *id, int64_t interval_ms,
                 struct keg_err *err)
{
    _cleanup_fd_ int oom_fd = run_oom_eventfd(container, NULL);
    int64_t next = keg_monotonic_ms() + interval_ms;
    int r = 0;
    while (r == 0) {
        int64_t now = keg_monotonic_ms();
        if (now >= next)
            next = now + interval_ms;
        r = serve_once(container, oom_fd, id, (int)(next - now), err);
    }
    return r < 0 ? r : 0;
}

static int events(const struct runtime *runtime, void *options, const struct cmd_args *args,
                  struct keg_err *err)
{
    const struct events_options *o = options;
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    int r = runtime_open(runtime, args->items[0], &folder, &container, err);
    if (r == 0 && run_status(container) == RUN_STOPPED)
        r = keg_fail(err, -ESRCH, "container not running: '%s'", folder.id);
    if (r < 0)
        return r;
    if (o->stats)
        return print_stats(container, folder.id, err);
    return serve(container, folder.id, o->interval_ms ? o->interval_ms : DEFAULT_INTERVAL_MS, err);
}

const struct runtime_verb runtime_verb_events = {
    .cmd = {.name = "events",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS] ID",
            .summary = "Print figures and out-of-memory events of a container",
            .options = events_options,
            .min_args = 1,
            .max_args = 1},
    .options_size = sizeof(struct events_options),
    .act = events,
};
