/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and bars of a pull, as text. */
#include "cmd/image/progress.h"

#include "cmd/common/terminal.h"

#include <stdio.h>
#include <string.h>

#define BAR_COLUMNS_MAX 50u
#define BAR_COLUMNS_MIN 10u

/* Room for the longest "  999.9kB/999.9MB" and "  999.9MB/s": by these the bar's width is reckoned,
 * so that it does not jump with each digit. */
#define BYTES_COLUMNS 19u
#define RATE_COLUMNS  12u

/* A rate over less time says nothing. */
#define RATE_MS 300

#define PROGRESS_ANY (-1)

#define LINE_END "\033[K\n"

enum progress_mode progress_choose(const char *name, bool is_terminal, const char *term)
{
    if (keg_streq(name, "none"))
        return PROGRESS_NONE;
    if (keg_streq(name, "plain"))
        return PROGRESS_PLAIN;
    if (keg_streq(name, "tty"))
        return PROGRESS_TTY;
    bool draws = is_terminal && term && *term && !keg_streq(term, "dumb");
    return draws ? PROGRESS_TTY : PROGRESS_PLAIN;
}

void progress_note(struct progress_layer *layer, uint64_t done_bytes, int64_t now_ms)
{
    int64_t span_ms = now_ms - layer->since_ms;
    bool afresh = layer->since_ms == 0 || done_bytes < layer->since_bytes;
    layer->state = PROGRESS_DOWNLOADING;
    layer->done_bytes = done_bytes;
    if (!afresh && span_ms < RATE_MS)
        return;
    if (!afresh) {
        uint64_t rate = (done_bytes - layer->since_bytes) * 1000 / (uint64_t)span_ms;
        /* What a resumed pull finds on disk comes at once: such a leap has to be forgotten soon. */
        layer->bytes_per_s = layer->bytes_per_s ? (3 * layer->bytes_per_s + rate) / 4 : rate;
    }
    layer->since_ms = now_ms;
    layer->since_bytes = done_bytes;
}

static const char *state_word(enum progress_state state)
{
    static const char *const words[] = {
        [PROGRESS_WAITING] = "Waiting",       [PROGRESS_DOWNLOADING] = "Downloading",
        [PROGRESS_EXTRACTING] = "Extracting", [PROGRESS_COMPLETE] = "Pull complete",
        [PROGRESS_EXISTS] = "Already exists",
    };
    return words[state];
}

/* "[====>     ]" in `columns` columns. */
static void format_bar(const struct progress_layer *layer, unsigned columns, char *text)
{
    unsigned inner = columns - 2;
    unsigned filled = inner;
    if (layer->size_bytes > 0 && layer->done_bytes < layer->size_bytes)
        filled = (unsigned)((double)inner * (double)layer->done_bytes / (double)layer->size_bytes);
    text[0] = '[';
    for (unsigned i = 0; i < inner; i++)
        text[1 + i] = i < filled ? '=' : ' ';
    if (filled > 0 && filled < inner)
        text[filled] = '>';
    text[inner + 1] = ']';
    text[columns] = '\0';
}

static void format_bytes(const struct progress_layer *layer, char *text, size_t size)
{
    char done[32], all[32];
    keg_format_size(layer->done_bytes, done);
    keg_format_size(layer->size_bytes, all);
    snprintf(text, size, "  %s/%s", done, all);
}

static void format_rate(const struct progress_layer *layer, char *text, size_t size)
{
    char rate[32];
    text[0] = '\0';
    if (layer->bytes_per_s == 0)
        return;
    keg_format_size(layer->bytes_per_s, rate);
    snprintf(text, size, "  %s/s", rate);
}

static void append(char *text, size_t size, const char *part)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", part);
}

void progress_line(const struct progress_layer *layer, unsigned columns, char *text, size_t size)
{
    char bar[BAR_COLUMNS_MAX + 1], bytes[72], rate[40], head[64];
    snprintf(head, sizeof(head), "%s: %s", layer->id, state_word(layer->state));
    cmd_text_cut(head, columns, text, size);
    if (layer->state != PROGRESS_DOWNLOADING || cmd_text_width(text) < strlen(head))
        return;
    format_bytes(layer, bytes, sizeof(bytes));
    format_rate(layer, rate, sizeof(rate));
    size_t left = columns - strlen(head);
    /* Where room is short the bar shrinks, then the rate goes, then the bar, then the bytes. */
    size_t fixed = 1 + BYTES_COLUMNS + RATE_COLUMNS;
    if (left < fixed + BAR_COLUMNS_MIN) {
        fixed = 1 + BYTES_COLUMNS;
        rate[0] = '\0';
    }
    if (left >= fixed + BAR_COLUMNS_MIN) {
        size_t width = left - fixed < BAR_COLUMNS_MAX ? left - fixed : BAR_COLUMNS_MAX;
        format_bar(layer, (unsigned)width, bar);
        append(text, size, " ");
        append(text, size, bar);
    }
    if (left >= BYTES_COLUMNS)
        append(text, size, bytes);
    append(text, size, rate);
}

static void add_line(struct keg_buf *out, const char *line)
{
    keg_buf_printf(out, "%s" LINE_END, line);
}

/* What is to be fetched, and how much of it is there. */
static void add_up(const struct progress_layer *layers, size_t count, size_t *ret_complete,
                   struct progress_layer *ret_sum)
{
    *ret_complete = 0;
    *ret_sum = (struct progress_layer){.state = PROGRESS_DOWNLOADING};
    for (size_t i = 0; i < count; i++) {
        *ret_complete += layers[i].state >= PROGRESS_COMPLETE;
        if (layers[i].state == PROGRESS_EXISTS)
            continue;
        bool whole = layers[i].state > PROGRESS_DOWNLOADING;
        ret_sum->size_bytes += layers[i].size_bytes;
        ret_sum->done_bytes += whole ? layers[i].size_bytes : layers[i].done_bytes;
    }
}

static void add_summary(const struct progress_layer *layers, size_t count, unsigned columns,
                        struct keg_buf *out)
{
    char text[160], bytes[72], line[512];
    struct progress_layer sum;
    size_t complete;
    add_up(layers, count, &complete, &sum);
    format_bytes(&sum, bytes, sizeof(bytes));
    snprintf(text, sizeof(text), "%zu of %zu layers complete%s", complete, count,
             sum.size_bytes > 0 ? bytes : "");
    cmd_text_cut(text, columns, line, sizeof(line));
    add_line(out, line);
}

/* Lines of the layers in ${state} (PROGRESS_ANY: all), at most ${room}. Returns how many. */
static size_t add_layers(const struct progress_layer *layers, size_t count, int state, size_t room,
                         unsigned columns, struct keg_buf *out)
{
    char line[512];
    size_t lines = 0;
    for (size_t i = 0; i < count && lines < room; i++) {
        if (state != PROGRESS_ANY && (int)layers[i].state != state)
            continue;
        progress_line(&layers[i], columns, line, sizeof(line));
        add_line(out, line);
        lines++;
    }
    return lines;
}

size_t progress_draw(const struct progress_layer *layers, size_t count,
                     struct progress_screen screen, struct keg_buf *ret)
{
    /* One column stays free: a cursor in the last one makes some terminals wrap. */
    unsigned columns = screen.columns > 1 ? screen.columns - 1 : 1;
    if (count <= screen.rows)
        return add_layers(layers, count, PROGRESS_ANY, count, columns, ret);
    /* Many may wait as unpacked for one below them: what is fetched must not be lost among those.
     */
    static const int shown[] = {PROGRESS_DOWNLOADING, PROGRESS_EXTRACTING};
    size_t lines = 1;
    add_summary(layers, count, columns, ret);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(shown) && lines < screen.rows; i++)
        lines += add_layers(layers, count, shown[i], screen.rows - lines, columns, ret);
    return lines;
}

size_t progress_rows(const char *text, unsigned columns)
{
    size_t rows = 0;
    const char *end;
    columns = columns > 0 ? columns : 1;
    for (; (end = strstr(text, LINE_END)) != NULL; text = end + strlen(LINE_END)) {
        char line[512];
        snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
        size_t width = cmd_text_width(line);
        rows += width > columns ? (width + columns - 1) / columns : 1;
    }
    return rows;
}
