/* chart_table.h: writes the derived tables that the gnuplot scripts of plots/ read: RFC 4180 with a
 * header row. Text in them has comma, backslash and percent sign written %2C, %5C and %25, because
 * gnuplot 5.4 ends a quoted field that an expression reads at its first comma and takes \n for a
 * line break; plots/style.gp turns that back.
 *
 * A table belongs to one thread at a time.
 */
#ifndef DATA_CHART_TABLE_H
#define DATA_CHART_TABLE_H

#include <stdint.h>

#include "data/csv_read.h"

struct chart_table;

/* Creates or replaces FOLDER/NAME with the header row `columns`, names joined by commas. On success
 * *table is owned by the caller until chart_table_close(). Returns a negative errno described in
 * *error otherwise. */
int chart_table_open(struct chart_table **table, const char *folder, const char *name,
                     const char *columns, struct csv_error *error);

/* The fields of a row, from left to right. A number that is not finite leaves its field empty.
 * Errors are kept for chart_table_close(). */
void chart_table_text(struct chart_table *table, const char *text);
void chart_table_int(struct chart_table *table, int64_t value);
void chart_table_real(struct chart_table *table, double value);
void chart_table_empty(struct chart_table *table);
/* Ends the row, which must have as many fields as the header. */
void chart_table_row(struct chart_table *table);

/* Closes and frees; NULL is allowed. The first error of the table, described in *error. */
int chart_table_close(struct chart_table *table, struct csv_error *error);

#endif
