/* SPDX-License-Identifier: Apache-2.0 */
/* What the user sees of a pull while it goes on: docker's words, as lines or as bars that are
 * redrawn. */
#pragma once

#include "base/base.h"
#include "pull/pull.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_mode {
    PROGRESS_NONE,  /* no word about layers */
    PROGRESS_PLAIN, /* a line for each layer that is done */
    PROGRESS_TTY,   /* a bar for each layer, redrawn in place */
};

enum progress_state {
    PROGRESS_WAITING,
    PROGRESS_DOWNLOADING,
    PROGRESS_EXTRACTING,
    PROGRESS_COMPLETE,
    PROGRESS_EXISTS,
};

/* How far one layer is; for drawing. */
struct progress_layer {
    char id[13];
    enum progress_state state;
    uint64_t done_bytes, size_bytes;
    uint64_t bytes_per_s; /* 0: not known */
    int64_t since_ms;     /* start of the span that the next rate is taken over; 0: none yet */
    uint64_t since_bytes; /* that were there then */
};

struct progress_screen {
    unsigned columns, rows;
};

/* progress_choose(name, is_terminal, term): The mode for --progress=${name} ("auto", NULL, "plain",
 * "tty", "none"); auto draws where standard output is a terminal and ${term} ($TERM) is not "dumb".
 * Pure. */
enum progress_mode progress_choose(const char *name, bool is_terminal, const char *term);

/* progress_note(layer, done_bytes, now_ms): So many bytes are there now; keeps the rate, that of
 * the last second or so. Pure. */
void progress_note(struct progress_layer *layer, uint64_t done_bytes, int64_t now_ms);

/* progress_line(layer, columns, text, size): The line of one layer in at most ${columns} columns:
 * "0123456789ab: Downloading [====>     ]  1.2MB/4.5MB  3MB/s". Where room is short the bar shrinks
 * to ten columns, then the rate is left out, then the bar, then the bytes; then the words are cut.
 * Pure. */
void progress_line(const struct progress_layer *layer, unsigned columns, char *text, size_t size);

/* progress_draw(layers, count, screen, ret): Append the lines of all layers, each ending in
 * "\033[K\n", to ${ret}. More layers than rows are folded: one line that counts layers and bytes,
 * then those that are downloaded, then those that are unpacked. Return the lines, at most
 * ${screen}.rows, but one at least where there are layers. Pure. */
size_t progress_draw(const struct progress_layer *layers, size_t count,
                     struct progress_screen screen, struct keg_buf *ret);

/* progress_rows(text, columns): The rows that ${text} of progress_draw() takes on a terminal that
 * has become ${columns} wide since and has wrapped the lines anew, as nearly all do. Pure. */
size_t progress_rows(const char *text, unsigned columns);

struct progress;

/* progress_new(mode, head, err): ${head} (borrowed) is the line that comes once a registry has the
 * image: "latest: Pulling from library/busybox"; NULL: none. All goes to standard output; warnings
 * to standard error. NULL when out of memory. */
struct progress *progress_new(enum progress_mode mode, const char *head, struct keg_err *err);

/* progress_event(progress, event): From any thread, one at a time. */
void progress_event(struct progress *progress, const struct pull_event *event);

/* progress_end(progress): Draw the last state; the cursor is at the start of a free line then. */
void progress_end(struct progress *progress);
void progress_free(struct progress *progress);
