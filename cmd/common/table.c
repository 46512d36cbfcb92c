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

/* How the columns are printed. */
struct layout {
    unsigned widths[COLUMNS_MAX];
    bool hidden[COLUMNS_MAX];
};

static void measure(const struct cmd_table *table, struct layout *layout)
{
    for (size_t c = 0; c < table->column_count; c++) {
        size_t width = cmd_text_width(table->columns[c].header);
        for (size_t i = c; i < table->cell_count; i += table->column_count) {
            size_t cell = cmd_text_width(table->cells[i]);
            width = cell > width ? cell : width;
        }
        bool last = c + 1 == table->column_count;
        layout->widths[c] = width < COLUMN_MIN && !last ? COLUMN_MIN : (unsigned)width;
    }
}

static unsigned line_width(const struct cmd_table *table, const struct layout *layout)
{
    unsigned sum = 0;
    for (size_t c = 0; c < table->column_count; c++)
        if (!layout->hidden[c])
            sum += layout->widths[c] + (sum > 0 ? PADDING : 0);
    return sum;
}

/* The widest column that may still be cut, or -1. */
static int widest(const struct cmd_table *table, const struct layout *layout)
{
    int found = -1;
    for (size_t c = 0; c < table->column_count; c++) {
        unsigned bound = table->columns[c].shrink_to;
        if (layout->hidden[c] || bound == 0 || layout->widths[c] <= bound)
            continue;
        if (found < 0 || layout->widths[c] > layout->widths[found])
            found = (int)c;
    }
    return found;
}

static void shrink(const struct cmd_table *table, struct layout *layout, unsigned width)
{
    while (line_width(table, layout) > width) {
        int column = widest(table, layout);
        if (column < 0)
            return;
        layout->widths[column]--;
    }
}

static bool is_empty(const struct cmd_table *table, size_t column)
{
    for (size_t i = column; i < table->cell_count; i += table->column_count)
        if (table->cells[i][0])
            return false;
    return true;
}

/* The next optional column goes. */
static bool hide_one(const struct cmd_table *table, struct layout *layout, bool empty_only)
{
    for (size_t c = 0; c < table->column_count; c++) {
        if (!table->columns[c].optional || layout->hidden[c] || (empty_only && !is_empty(table, c)))
            continue;
        layout->hidden[c] = true;
        return true;
    }
    return false;
}

static void fit(const struct cmd_table *table, struct layout *layout, unsigned width)
{
    while (line_width(table, layout) > width && hide_one(table, layout, true))
        ;
    shrink(table, layout, width);
    while (line_width(table, layout) > width && hide_one(table, layout, false)) {
        measure(table, layout); /* what was cut may have its room back */
        shrink(table, layout, width);
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

/* ${cells}: one for each column, or NULL for the header. */
static int print_line(FILE *file, const struct cmd_table *table, const struct layout *layout,
                      char *const *cells, struct keg_err *err)
{
    int code = 0;
    for (size_t c = 0; c < table->column_count && code == 0; c++)
        if (!layout->hidden[c])
            code = print_cell(file, cells ? cells[c] : table->columns[c].header, layout->widths[c],
                              c + 1 == table->column_count, err);
    fputc('\n', file);
    return code;
}

int cmd_table_print(FILE *file, const struct cmd_table *table, unsigned width, struct keg_err *err)
{
    struct layout layout = {0};
    if (table->failed)
        return keg_fail(err, -ENOMEM, "out of memory");
    measure(table, &layout);
    if (width > 0)
        fit(table, &layout, width);
    int code = print_line(file, table, &layout, NULL, err);
    for (size_t i = 0; i < table->cell_count && code == 0; i += table->column_count)
        code = print_line(file, table, &layout, table->cells + i, err);
    return code;
}
