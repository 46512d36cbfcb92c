/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as docker prints them. */
#include "cmd/common/table.h"

#include "cmd/common/terminal.h"

enum {
    COLUMNS_MAX = 16,
    PADDING = 3,
    COLUMN_MIN = 10 - PADDING, /* docker counts the padding in */
};

void cmd_table_init(struct cmd_table *table, const struct cmd_column *columns)
{
    *table = (struct cmd_table){.columns = columns};
    while (columns[table->column_count].header && table->column_count < COLUMNS_MAX)
        table->column_count++;
}

void cmd_table_done(struct cmd_table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->cell_count = 0;
}

static int add_cell(struct cmd_table *table, const char *text)
{
    char *copy = keg_strdup(text ? text : "");
    if (!copy)
        return -ENOMEM;
    cmd_text_blunt(copy);
    table->cells[table->cell_count++] = copy;
    return 0;
}

void cmd_table_add(struct cmd_table *table, const char *const *cells)
{
    size_t room = table->cell_count + table->column_count;
    char **grown = reallocarray(table->cells, room, sizeof(*grown));
    if (!grown) {
        table->failed = true;
        return;
    }
    table->cells = grown;
    for (size_t i = 0; i < table->column_count; i++)
        if (add_cell(table, cells[i]) < 0)
            table->failed = true;
}

static void measure(const struct cmd_table *table, unsigned *widths)
{
    for (size_t c = 0; c < table->column_count; c++) {
        size_t width = cmd_text_width(table->columns[c].header);
        for (size_t i = c; i < table->cell_count; i += table->column_count) {
            size_t cell = cmd_text_width(table->cells[i]);
            width = cell > width ? cell : width;
        }
        bool last = c + 1 == table->column_count;
        widths[c] = width < COLUMN_MIN && !last ? COLUMN_MIN : (unsigned)width;
    }
}

static unsigned line_width(const struct cmd_table *table, const unsigned *widths)
{
    unsigned sum = 0;
    for (size_t c = 0; c < table->column_count; c++)
        sum += widths[c] + (c > 0 ? PADDING : 0);
    return sum;
}

/* The widest column that may still be cut, or -1. */
static int widest(const struct cmd_table *table, const unsigned *widths)
{
    int found = -1;
    for (size_t c = 0; c < table->column_count; c++) {
        unsigned bound = table->columns[c].shrink_to;
        if (bound == 0 || widths[c] <= bound)
            continue;
        if (found < 0 || widths[c] > widths[found])
            found = (int)c;
    }
    return found;
}

static void shrink(const struct cmd_table *table, unsigned *widths, unsigned width)
{
    while (line_width(table, widths) > width) {
        int column = widest(table, widths);
        if (column < 0)
            return;
        widths[column]--;
    }
}

/* The last column is not padded: no blanks at the ends of lines. */
static int print_cell(FILE *file, const char *cell, unsigned width, bool last, struct keg_err *err)
{
    size_t columns = cmd_text_width(cell);
    size_t size = (size_t)width * 4 + 1;
    _cleanup_free_ char *cut = malloc(size);
    if (!cut)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (columns > width) {
        cmd_text_cut(cell, width, cut, size);
        cell = cut;
        columns = width;
    }
    fprintf(file, "%s%*s", cell, last ? 0 : (int)(width - columns) + PADDING, "");
    return 0;
}

static int print_header(FILE *file, const struct cmd_table *table, const unsigned *widths,
                        struct keg_err *err)
{
    int code = 0;
    for (size_t c = 0; c < table->column_count && code == 0; c++)
        code = print_cell(file, table->columns[c].header, widths[c], c + 1 == table->column_count,
                          err);
    fputc('\n', file);
    return code;
}

int cmd_table_print(FILE *file, const struct cmd_table *table, unsigned width, struct keg_err *err)
{
    unsigned widths[COLUMNS_MAX];
    if (table->failed)
        return keg_fail(err, -ENOMEM, "out of memory");
    measure(table, widths);
    if (width > 0)
        shrink(table, widths, width);
    int code = print_header(file, table, widths, err);
    for (size_t i = 0; i < table->cell_count && code == 0; i++) {
        size_t c = i % table->column_count;
        bool last = c + 1 == table->column_count;
        code = print_cell(file, table->cells[i], widths[c], last, err);
        if (last)
            fputc('\n', file);
    }
    return code;
}
