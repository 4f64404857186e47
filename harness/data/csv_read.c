#include "data/csv_read.h"

#include <csv.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/number_text.h"
#include "data/printable.h"

#define CHUNK_BYTES   65536
#define ROW_BYTES_MAX ((size_t)16 << 20)
#define FIELDS_MAX    4096
#define NO_COLUMN     SIZE_MAX

struct reader {
    struct csv_parser parser;
    struct csv_row row;
    csv_row_function *each;
    void *data;
    struct csv_error *error;
    int result; /* set by the parser's callbacks, which cannot return one */

    /* The row being read: its fields lie in `bytes`, each terminated. */
    char *bytes;
    size_t byte_count;
    size_t byte_capacity;
    size_t *offsets;
    size_t field_count;
    size_t field_capacity;
    bool row_complete;

    bool has_header;
    size_t header_count;
    size_t *columns; /* schema column of each field, or NO_COLUMN */
    char **ends;     /* of the fields of a plain line */
    const char **text;
    size_t *position;

    uint64_t line;
    int64_t offset;
    bool in_row;      /* bytes of a row have been read and not its end */
    bool plain_chunk; /* nothing in the chunk that only libcsv can judge */
};

static void describe(struct csv_error *error, const char *path, uint64_t line, size_t column,
                     const char *format, va_list arguments)
{
    char what[640];
    vsnprintf(what, sizeof what, format, arguments);
    char where[300];
    printable_copy(where, sizeof where, path);
    if (column)
        snprintf(error->text, sizeof error->text, "%s:%llu:%zu: %s", where,
                 (unsigned long long)line, column, what);
    else if (line)
        snprintf(error->text, sizeof error->text, "%s:%llu: %s", where, (unsigned long long)line,
                 what);
    else
        snprintf(error->text, sizeof error->text, "%s: %s", where, what);
}

__attribute__((format(printf, 4, 5))) static int refuse(struct reader *reader, size_t column,
                                                        int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    describe(reader->error, reader->row.path, reader->row.line, column, format, arguments);
    va_end(arguments);
    return error;
}

int csv_row_refuse(const struct csv_row *row, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    describe(row->error, row->path, row->line, 1, format, arguments);
    va_end(arguments);
    return -EBADMSG;
}

int csv_field_refuse(const struct csv_row *row, size_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    describe(row->error, row->path, row->line, row->position[column], format, arguments);
    va_end(arguments);
    return -EBADMSG;
}

static int refuse_number(const struct csv_row *row, size_t column, int error, const char *what)
{
    char text[48];
    printable_copy(text, sizeof text, row->text[column]);
    return csv_field_refuse(row, column, "%s is '%s', which %s %s", row->file->columns[column].name,
                            text, error == -ERANGE ? "is out of range of" : "is not", what);
}

int csv_row_int(const struct csv_row *row, size_t column, int64_t *value)
{
    if (!*row->text[column])
        return 0;
    int error = number_parse_int(row->text[column], value);
    return error ? refuse_number(row, column, error, "a 64-bit integer") : 1;
}

int csv_row_uint(const struct csv_row *row, size_t column, uint64_t *value)
{
    if (!*row->text[column])
        return 0;
    int error = number_parse_uint(row->text[column], value);
    return error ? refuse_number(row, column, error, "an unsigned 64-bit integer") : 1;
}

int csv_row_number(const struct csv_row *row, size_t column, double *value)
{
    const char *text = row->text[column];
    if (!*text)
        return 0;
    if (row->file->columns[column].kind == SCHEMA_REAL) {
        int error = number_parse_real(text, value);
        return error ? refuse_number(row, column, error, "a finite decimal number") : 1;
    }
    if (*text == '-') {
        int64_t integer;
        int got = csv_row_int(row, column, &integer);
        if (got > 0)
            *value = (double)integer;
        return got;
    }
    uint64_t integer;
    int got = csv_row_uint(row, column, &integer);
    if (got > 0)
        *value = (double)integer;
    return got;
}

static int grow(void **memory, size_t *capacity, size_t needed, size_t unit)
{
    if (needed <= *capacity)
        return 0;
    size_t more = *capacity ? *capacity : 256;
    while (more < needed)
        more *= 2;
    void *grown = realloc(*memory, more * unit);
    if (!grown)
        return -ENOMEM;
    *memory = grown;
    *capacity = more;
    return 0;
}

static void take_field(void *bytes, size_t length, void *data)
{
    struct reader *reader = data;
    if (reader->result)
        return;
    if (reader->row_complete) {
        reader->result =
            refuse(reader, reader->field_count, -EBADMSG, "a carriage return without a line feed");
        return;
    }
    size_t column = reader->field_count + 1;
    if (length && memchr(bytes, '\0', length)) {
        reader->result = refuse(reader, column, -EBADMSG, "a NUL byte");
        return;
    }
    if (column > FIELDS_MAX) {
        reader->result = refuse(reader, column, -EBADMSG, "more than %d fields", FIELDS_MAX);
        return;
    }
    void *text = reader->bytes;
    void *offsets = reader->offsets;
    if (grow(&text, &reader->byte_capacity, reader->byte_count + length + 1, 1) ||
        (reader->bytes = text,
         grow(&offsets, &reader->field_capacity, column, sizeof *reader->offsets))) {
        reader->result = refuse(reader, column, -ENOMEM, "out of memory");
        return;
    }
    reader->offsets = offsets;
    reader->offsets[reader->field_count++] = reader->byte_count;
    if (length)
        memcpy(reader->bytes + reader->byte_count, bytes, length);
    reader->bytes[reader->byte_count + length] = '\0';
    reader->byte_count += length + 1;
}

static void end_row(int terminator, void *data)
{
    (void)terminator;
    struct reader *reader = data;
    if (!reader->result && reader->row_complete)
        reader->result =
            refuse(reader, reader->field_count, -EBADMSG, "a carriage return without a line feed");
    reader->row_complete = true;
}

static int take_header(struct reader *reader)
{
    const struct schema_file *file = reader->row.file;
    reader->header_count = reader->field_count;
    reader->columns = calloc(reader->field_count, sizeof *reader->columns);
    reader->ends = calloc(reader->field_count, sizeof *reader->ends);
    if (!reader->columns || !reader->ends)
        return refuse(reader, 0, -ENOMEM, "out of memory");
    for (size_t i = 0; i < reader->field_count; i++) {
        const char *name = reader->bytes + reader->offsets[i];
        for (size_t j = 0; j < i; j++) {
            if (strcmp(name, reader->bytes + reader->offsets[j]) == 0) {
                char printable[64];
                return refuse(reader, i + 1, -EBADMSG, "a second column named '%s'",
                              printable_copy(printable, sizeof printable, name));
            }
        }
        int column = schema_column_index(file, name);
        reader->columns[i] = column < 0 ? NO_COLUMN : (size_t)column;
        if (column >= 0)
            reader->position[column] = i + 1;
    }
    for (size_t i = 0; i < file->column_count; i++)
        if (file->columns[i].better == SCHEMA_KEY && !reader->position[i])
            return refuse(reader, reader->header_count + 1, -EBADMSG, "the column '%s' is missing",
                          file->columns[i].name);
    reader->has_header = true;
    return 0;
}

/* A quote, a carriage return or a NUL byte. */
static bool has_special(const char *bytes, size_t length)
{
    return memchr(bytes, '"', length) || memchr(bytes, '\r', length) || memchr(bytes, '\0', length);
}

/* The highest bit of each byte of the word that is a comma, and no other. Fields are so short that
 * a search for the end of each would be all beginnings. */
static uint64_t find_commas(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101), low = each * 0x7f;
    uint64_t x = word ^ each * ',';
    return ~(((x & low) + low) | x | low);
}

/* Splits a whole line of plain fields, where there is nothing to unquote, in place; `length` is
 * that of its text, without line end. libcsv looks at every byte by itself, and takes longer to
 * split a log of stops than all of its reading takes this way (results/published/mmu_scale). False,
 * with nothing changed, where the line is not of that kind or not as the header demands: libcsv is
 * to have it. */
static bool split_plain(struct reader *reader, char *line, size_t length)
{
    size_t count = 0;
    for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, line + at, sizeof word); /* for which there is room behind each chunk */
        uint64_t commas = find_commas(le64toh(word));
        if (length - at < sizeof word)
            commas &= (UINT64_C(1) << 8 * (length - at)) - 1;
        for (; commas; commas &= commas - 1) {
            if (count + 1 == reader->header_count)
                return false;
            reader->ends[count++] = line + at + __builtin_ctzll(commas) / 8;
        }
    }
    if (count + 1 != reader->header_count)
        return false;
    reader->ends[count] = line + length;
    for (size_t i = 0; i < reader->header_count; i++) {
        *reader->ends[i] = '\0';
        if (reader->columns[i] != NO_COLUMN)
            reader->text[reader->columns[i]] = i ? reader->ends[i - 1] + 1 : line;
    }
    return true;
}

static int give_row(struct reader *reader)
{
    if (!reader->has_header)
        return take_header(reader);
    if (reader->field_count != reader->header_count) {
        size_t least =
            reader->field_count < reader->header_count ? reader->field_count : reader->header_count;
        return refuse(reader, least + 1, -EBADMSG, "%zu field%s where the header has %zu",
                      reader->field_count, reader->field_count == 1 ? "" : "s",
                      reader->header_count);
    }
    for (size_t i = 0; i < reader->field_count; i++)
        if (reader->columns[i] != NO_COLUMN)
            reader->text[reader->columns[i]] = reader->bytes + reader->offsets[i];
    reader->row.end_offset = reader->offset;
    return reader->each(reader->data, &reader->row);
}

/* Gives a whole line that needs no libcsv. False where it does. */
static bool take_plain(struct reader *reader, char *piece, size_t length, int *result)
{
    size_t text_length = length - 1;
    if (!reader->plain_chunk) {
        if (text_length && piece[text_length - 1] == '\r')
            text_length--;
        if (has_special(piece, text_length))
            return false;
    }
    if (text_length == 0 || !split_plain(reader, piece, text_length))
        return false;
    reader->row.line = reader->line++;
    reader->row.start_offset = reader->offset;
    reader->row.end_offset = reader->offset += (int64_t)length;
    *result = reader->each(reader->data, &reader->row);
    return true;
}

/* One physical line, or a part of it where it crosses a chunk. */
static int take_piece(struct reader *reader, char *piece, size_t length)
{
    bool line_ends = piece[length - 1] == '\n';
    bool is_blank = line_ends && (length == 1 || (length == 2 && piece[0] == '\r'));
    int result;
    if (line_ends && !reader->in_row && reader->has_header &&
        take_plain(reader, piece, length, &result))
        return result;
    if (!reader->in_row) {
        reader->row.line = reader->line;
        reader->row.start_offset = reader->offset;
        reader->field_count = 0;
        reader->byte_count = 0;
        reader->in_row = !is_blank;
    }
    size_t done = csv_parse(&reader->parser, piece, length, take_field, end_row, reader);
    reader->offset += (int64_t)length;
    reader->line += line_ends;
    if (reader->result)
        return reader->result;
    if (done != length) {
        int error = csv_error(&reader->parser);
        if (error == CSV_EPARSE)
            return refuse(reader, reader->field_count + 1, -EBADMSG,
                          "a quote inside a field that is not quoted, or text after the closing "
                          "quote");
        return refuse(reader, 0, -ENOMEM, "out of memory");
    }
    if ((size_t)(reader->offset - reader->row.start_offset) > ROW_BYTES_MAX)
        return refuse(reader, reader->field_count + 1, -EBADMSG, "a row of more than %zu MiB",
                      ROW_BYTES_MAX >> 20);
    if (!line_ends || !reader->row_complete)
        return 0;
    reader->row_complete = false;
    reader->in_row = false;
    return give_row(reader);
}

static int take_chunk(struct reader *reader, char *chunk, size_t length)
{
    reader->plain_chunk = !has_special(chunk, length);
    while (length) {
        const char *newline = memchr(chunk, '\n', length);
        size_t piece = newline ? (size_t)(newline - chunk) + 1 : length;
        int error = take_piece(reader, chunk, piece);
        if (error)
            return error;
        chunk += piece;
        length -= piece;
    }
    return 0;
}

/* What is left at the end of the file is a row that was being written, unless it spans lines: then
 * a quote is open, and ignoring it would lose rows without a word. */
static int take_end(struct reader *reader)
{
    if (reader->in_row && reader->line > reader->row.line)
        return refuse(reader, reader->field_count + 1, -EBADMSG,
                      "a quoted field that does not end");
    if (!reader->has_header) {
        reader->row.line = 1;
        return refuse(reader, 1, -ENODATA, "no complete header row");
    }
    return 0;
}

static ssize_t read_again(int fd, char *bytes, size_t size)
{
    ssize_t got;
    do
        got = read(fd, bytes, size);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Up to CHUNK_BYTES + 1 bytes: a carriage return is not parted from its line feed. */
static ssize_t read_chunk(int fd, char *chunk)
{
    ssize_t got = read_again(fd, chunk, CHUNK_BYTES);
    if (got <= 0 || chunk[got - 1] != '\r')
        return got;
    ssize_t more = read_again(fd, chunk + got, 1);
    return more < 0 ? more : got + more;
}

static int take_file(struct reader *reader, int fd, char *chunk)
{
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
    size_t skip_next = 0;
    for (;;) {
        ssize_t got = read_chunk(fd, chunk);
        if (got < 0) {
            int error = errno;
            reader->row.line = 0;
            return refuse(reader, 0, -error, "%s", strerror(error));
        }
        if (got == 0)
            return take_end(reader);
        if (reader->offset == 0 && got >= 3 && memcmp(chunk, mark, sizeof mark) == 0)
            skip_next = sizeof mark;
        reader->offset += (int64_t)skip_next;
        int error = take_chunk(reader, chunk + skip_next, (size_t)got - skip_next);
        if (error)
            return error;
        skip_next = 0;
    }
}

static int never_space(unsigned char c)
{
    (void)c;
    return 0;
}

static void release(struct reader *reader, char *chunk)
{
    csv_free(&reader->parser);
    free(reader->bytes);
    free(reader->offsets);
    free(reader->columns);
    free(reader->ends);
    free(reader->text);
    free(reader->position);
    free(chunk);
}

int csv_read(const char *path, const struct schema_file *file, csv_row_function *each, void *data,
             int64_t *end, struct csv_error *error)
{
    struct reader reader = {
        .row = {.path = path, .file = file, .error = error},
        .each = each,
        .data = data,
        .error = error,
        .line = 1,
    };
    /* Without O_NONBLOCK, opening a pipe would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int reason = errno;
        return refuse(&reader, 0, -reason, "%s", strerror(reason));
    }
    struct stat status;
    if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        close(fd);
        return refuse(&reader, 0, -EBADMSG, "not a regular file");
    }
    csv_init(&reader.parser, CSV_STRICT);
    /* Blanks are part of a field (RFC 4180, section 2.4); libcsv would strip them. */
    csv_set_space_func(&reader.parser, never_space);
    /* libcsv lengthens its field by as much at a time, 128 bytes unless told: a hostile field of
     * megabytes would be copied a hundred thousand times. */
    csv_set_blk_size(&reader.parser, CHUNK_BYTES);
    char *chunk = malloc(CHUNK_BYTES + 1 + sizeof(uint64_t));
    reader.text = calloc(file->column_count, sizeof *reader.text);
    reader.position = calloc(file->column_count, sizeof *reader.position);
    int result = -ENOMEM;
    if (!chunk || !reader.text || !reader.position) {
        refuse(&reader, 0, -ENOMEM, "out of memory");
    } else {
        for (size_t i = 0; i < file->column_count; i++)
            reader.text[i] = "";
        reader.row.text = reader.text;
        reader.row.position = reader.position;
        result = take_file(&reader, fd, chunk);
        if (end)
            *end = reader.in_row ? reader.row.start_offset : reader.offset;
    }
    release(&reader, chunk);
    close(fd);
    return result;
}
