/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as docker prints them: upper-case header, columns at least ten wide with their three
 * spaces. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <stdio.h>

struct cmd_column {
    const char *header; /* NULL ends the columns of a table */
    unsigned shrink_to; /* on a terminal that is too narrow it may be cut to that many columns; 0:
                           never */
    bool optional;      /* on a terminal that is too narrow it may be left out; not the last one */
};

/* Rows are added, then all is printed. Members are private. */
struct cmd_table {
    const struct cmd_column *columns; /* borrowed */
    size_t column_count;
    char **cells; /* row by row, a string vector */
    size_t cell_count;
    bool failed;
};

/* cmd_table_init(table, columns), cmd_table_done(table): ${columns} is borrowed and ends in a NULL
 * header. */
void cmd_table_init(struct cmd_table *table, const struct cmd_column *columns);
void cmd_table_done(struct cmd_table *table);

/* cmd_table_add(table, cells): Append a row: a copy of each of as many strings as there are columns
 * (NULL is empty). Control characters become '?'. Running out of memory is remembered for
 * cmd_table_print(). */
void cmd_table_add(struct cmd_table *table, const char *const *cells);

/* cmd_table_print(file, table, width, err): Print header and rows to ${file}. Where a line is wider
 * than ${width} (0: no bound), optional columns with nothing in them are left out; then those that
 * may shrink are cut with "…", the widest first; then optional columns go, from the left, until it
 * fits. 0, or -ENOMEM. */
int cmd_table_print(FILE *file, const struct cmd_table *table, unsigned width, struct keg_err *err);
