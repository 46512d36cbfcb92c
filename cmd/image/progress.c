/* SPDX-License-Identifier: Apache-2.0 */
/* From events to output. */
#include "cmd/image/progress.h"

#include "cmd/common/describe.h"
#include "cmd/common/report.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Eyes see no more, and a slow terminal must not hold up a worker. */
#define REDRAW_MS 80

#define SCREEN_BYTES_MAX (1024 * 1024)

struct progress {
    enum progress_mode mode;
    const char *head;
    struct progress_layer *layers;
    size_t count;
    char *drawn; /* lines of ours that are on the screen, or NULL */
    int64_t drawn_ms;
};

struct progress *progress_new(enum progress_mode mode, const char *head, struct keg_err *err)
{
    struct progress *progress = calloc(1, sizeof(*progress));
    if (!progress) {
        keg_fail(err, -ENOMEM, "out of memory");
        return NULL;
    }
    progress->mode = mode;
    progress->head = head;
    return progress;
}

void progress_free(struct progress *progress)
{
    if (!progress)
        return;
    free(progress->layers);
    free(progress->drawn);
    free(progress);
}

static struct progress_screen screen_now(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row < 3)
        return (struct progress_screen){80, 23};
    return (struct progress_screen){size.ws_col, size.ws_row - 1u};
}

/* Go to the start of our lines, on a screen that may have become narrower since. */
static void go_up(const struct progress *progress, unsigned columns, struct keg_buf *out)
{
    size_t rows = progress->drawn ? progress_rows(progress->drawn, columns) : 0;
    if (rows > 0)
        keg_buf_printf(out, "\033[%zuA", rows);
    keg_buf_str(out, "\r");
}

/* Put ${lines} (takes; NULL: none) where ours were. In one write: a reader of the terminal never
 * sees half a picture. What cannot be shown is not worth failing for. */
static void replace_lines(struct progress *progress, char *lines, unsigned columns)
{
    struct keg_buf out = keg_buf_init(SCREEN_BYTES_MAX);
    go_up(progress, columns, &out);
    keg_buf_str(&out, lines ? lines : "");
    keg_buf_str(&out, "\033[J");
    free(progress->drawn);
    progress->drawn = lines;
    fflush(stdout);
    if (!out.failed)
        (void)keg_write_all(STDOUT_FILENO, out.data, out.length);
    keg_buf_done(&out);
}

static void redraw(struct progress *progress)
{
    struct progress_screen screen = screen_now();
    struct keg_buf lines = keg_buf_init(SCREEN_BYTES_MAX);
    progress_draw(progress->layers, progress->count, screen, &lines);
    if (!lines.failed)
        replace_lines(progress, keg_buf_take(&lines), screen.columns);
    keg_buf_done(&lines);
    progress->drawn_ms = keg_monotonic_ms();
}

/* Take our lines off the screen, for something else to be printed. */
static void erase(struct progress *progress)
{
    if (progress->drawn)
        replace_lines(progress, NULL, screen_now().columns);
}

static void warn(struct progress *progress, const char *text)
{
    erase(progress);
    fflush(stdout);
    cmd_warn("pull", "%s", text);
    if (progress->mode == PROGRESS_TTY && progress->count > 0)
        redraw(progress);
}

static void take_layers(struct progress *progress, const struct pull_event *event)
{
    progress->layers = calloc(event->count, sizeof(*progress->layers));
    if (!progress->layers)
        return; /* a pull without pictures */
    progress->count = event->count;
    for (size_t i = 0; i < event->count; i++) {
        cmd_short_id(event->layers[i].digest, progress->layers[i].id);
        progress->layers[i].size_bytes = event->layers[i].size_bytes;
    }
}

static void print_layer(const struct progress *progress, const struct progress_layer *layer)
{
    char line[128];
    if (progress->mode != PROGRESS_PLAIN)
        return;
    progress_line(layer, sizeof(line) - 1, line, sizeof(line));
    puts(line);
    fflush(stdout);
}

/* Redraw for a new state at once, for mere bytes now and then. */
static void show(struct progress *progress, bool now)
{
    if (progress->mode != PROGRESS_TTY || progress->count == 0)
        return;
    if (now || keg_monotonic_ms() - progress->drawn_ms >= REDRAW_MS)
        redraw(progress);
}

static void layer_event(struct progress *progress, const struct pull_event *event)
{
    if (event->layer->index >= progress->count)
        return;
    struct progress_layer *layer = &progress->layers[event->layer->index];
    enum progress_state before = layer->state;
    if (event->type == PULL_LAYER_DOWNLOADING)
        progress_note(layer, event->done_bytes, keg_monotonic_ms());
    else if (event->type == PULL_LAYER_UNPACKING)
        layer->state = PROGRESS_EXTRACTING;
    else if (event->type == PULL_LAYER_EXISTS)
        layer->state = PROGRESS_EXISTS;
    else if (layer->state != PROGRESS_EXISTS)
        layer->state = PROGRESS_COMPLETE;
    if (layer->state != before && layer->state >= PROGRESS_COMPLETE)
        print_layer(progress, layer);
    show(progress, layer->state != before);
}

static void print_head(const struct progress *progress)
{
    if (!progress->head)
        return;
    puts(progress->head);
    fflush(stdout);
}

void progress_event(struct progress *progress, const struct pull_event *event)
{
    switch (event->type) {
    case PULL_RESOLVED:
        print_head(progress);
        break;
    case PULL_MIRROR_FAILED:
    case PULL_WARNING:
        warn(progress, event->text);
        break;
    case PULL_LAYERS:
        take_layers(progress, event);
        show(progress, true);
        break;
    case PULL_LAYER_EXISTS:
    case PULL_LAYER_DOWNLOADING:
    case PULL_LAYER_UNPACKING:
    case PULL_LAYER_DONE:
        layer_event(progress, event);
        break;
    }
}

void progress_end(struct progress *progress)
{
    show(progress, true);
}
