/* csv_write.h: writes result files by RFC 4180 through libcsv, row by row, never rewriting what is
 * there.
 *
 * Fields are set in any order and a row goes out with a single write(2) on an O_APPEND descriptor;
 * what was not set is empty. A field is quoted only where it must be. If a write stops half-way
 * (ENOSPC), the file is cut back to its last whole row; after a kill -9 a torn last row may remain,
 * which readers ignore and run_resume.h removes.
 *
 * Nothing is flushed to the disk row by row, because that would disturb what is being measured: a
 * killed process loses nothing, a power failure may. csv_writer_close() flushes.
 *
 * A writer belongs to one thread at a time.
 */
#ifndef DATA_CSV_WRITE_H
#define DATA_CSV_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "data/schema.h"

struct csv_writer;

/* Opens `path` for appending rows of `file`, and creates it with its header row where it is absent
 * or empty. On success *writer is owned by the caller until csv_writer_close(). `file` must outlive
 * it. -EBADMSG: what is there has another header or ends in the middle of a row; else the errno of
 * open, write or malloc. */
int csv_writer_open(struct csv_writer **writer, const char *path, const struct schema_file *file);

/* Set column `column` (SCHEMA_FILE_column of schema.h) of the row being made; the last call counts.
 * Errors are kept for csv_writer_row(). A real that is not finite leaves the field empty: it was
 * not measured. */
void csv_writer_text(struct csv_writer *writer, size_t column, const char *text);
void csv_writer_int(struct csv_writer *writer, size_t column, int64_t value);
void csv_writer_uint(struct csv_writer *writer, size_t column, uint64_t value);
void csv_writer_real(struct csv_writer *writer, size_t column, double value);

/* Appends the row and starts an empty one, whatever happened. 0, -ENOMEM, -EINVAL (a column out of
 * range was set) or the errno of write(2), ENOSPC and EDQUOT among them; the file then has no part
 * of the row. */
int csv_writer_row(struct csv_writer *writer);

/* Flushes to the disk, closes and frees; NULL is allowed. Returns the first error of these. */
int csv_writer_close(struct csv_writer *writer);

/* For tables on a stream: one field, quoted only where it must be. Returns 0 or EOF, as fputs. */
int csv_put_field(FILE *out, const char *text);

/* The shortest decimal form that reads back as the same double, in at least CSV_REAL_BYTES bytes.
 * `value` is finite. Returns its length. */
#define CSV_REAL_BYTES 32
size_t csv_format_real(char *buffer, double value);

#endif
