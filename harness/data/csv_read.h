/* csv_read.h: reads a result file row by row, strictly, through libcsv.
 *
 * Accepted: CRLF, a byte-order mark, blank lines, columns in any order, columns that are not in the
 * schema, and metric columns that are missing, since columns are appended over time. A last line
 * without newline is ignored: it was being written when its writer was killed. Refused, with file,
 * line and column: a quote that does not end, text after a closing quote, NUL bytes, a carriage
 * return on its own, two columns of one name, a key column that is missing, rows with more or fewer
 * fields than the header, rows of over 16 MiB.
 *
 * A line without any quote, carriage return but that before its line feed, or NUL byte, with as
 * many fields as the header, is split here, at its commas; libcsv has all others, and reads the
 * same in them (tests/unit/csv_read_test.c).
 *
 * Thread-safe: each call has its own state.
 */
#ifndef DATA_CSV_READ_H
#define DATA_CSV_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/schema.h"

/* One line without newline, "FILE:LINE:COLUMN: what is wrong", safe to print on a terminal. */
struct csv_error {
    char text[1024];
};

/* Valid inside the call that it is given to. */
struct csv_row {
    const char *path;
    const struct schema_file *file;
    uint64_t line;           /* on which the row starts, from 1 */
    int64_t start_offset;    /* of its first byte in the file */
    int64_t end_offset;      /* past its newline */
    const char *const *text; /* field by schema column; "" where it is empty or missing */
    const size_t *position;  /* 1-based number of the field in the file, 0 where missing */
    struct csv_error *error;
};

/* Called for each row after the header. Not 0 ends the reading and becomes its result. */
typedef int csv_row_function(void *data, const struct csv_row *row);

/* Reads the file at `path` as `file`. 0; -EBADMSG: malformed; -ENODATA: it has no complete header;
 * or another errno of reading it (-ENOENT: no such file); or what `each` returned. Whatever is
 * negative has been described in *error, by `each` in its own case. Where it returns 0, *end is the
 * offset past the last whole row, the header included; `end` may be NULL. */
int csv_read(const char *path, const struct schema_file *file, csv_row_function *each, void *data,
             int64_t *end, struct csv_error *error);

/* Describe what is wrong with the row, in column 1, or with one field of it, and return -EBADMSG.
 */
int csv_row_refuse(const struct csv_row *row, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int csv_field_refuse(const struct csv_row *row, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The field as a number: 1 and *value, or 0 where it is empty (*value is left), or -EBADMSG with
 * the error described. */
int csv_row_int(const struct csv_row *row, size_t column, int64_t *value);
int csv_row_uint(const struct csv_row *row, size_t column, uint64_t *value);
/* Of an INT or REAL column, checked by its kind. */
int csv_row_number(const struct csv_row *row, size_t column, double *value);

#endif
