/* text_table.h: rows of text printed as aligned columns, or as CSV. */
#ifndef DRIVER_TEXT_TABLE_H
#define DRIVER_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT_TABLE_COLUMNS 12

/* Starts as {.column_count = N}. */
struct text_table {
    size_t column_count;
    char **fields; /* row by row */
    size_t field_count;
};

/* Adds a field, copied; a row is full after column_count of them. NULL counts as "". */
void text_table_add(struct text_table *table, const char *text);
void text_table_addf(struct text_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first row is the heading. Aligned text is indented by two blanks; the last column is not
 * padded. On a terminal it is fitted to its width. */
void text_table_print(const struct text_table *table, FILE *out, bool csv);

/* Aligned text of at most `width` characters per line, where that can be had: by breaking the last
 * column at blanks, or else by giving the first one, wherever it changes, a line of its own. */
void text_table_print_fitted(const struct text_table *table, FILE *out, size_t width);
void text_table_free(struct text_table *table);

#endif
