#include "data/csv_write.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

/* Where a field of the row being made lies in `fields`, already quoted. */
struct span {
    size_t offset;
    size_t length;
};

struct csv_writer {
    const struct schema_file *file;
    int fd;
    int error; /* of the row being made */
    struct span *spans;
    struct text fields;
    struct text row;
};

static int text_reserve(struct text *text, size_t more)
{
    if (text->capacity - text->length >= more)
        return 0;
    size_t capacity = text->capacity ? text->capacity : 512;
    while (capacity - text->length < more)
        capacity *= 2;
    char *bytes = realloc(text->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    text->bytes = bytes;
    text->capacity = capacity;
    return 0;
}

static int text_append(struct text *text, const char *bytes, size_t length)
{
    int error = text_reserve(text, length);
    if (error)
        return error;
    if (length)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    return 0;
}

/* Blanks at either end are quoted because many readers, libcsv by default among them, drop them. */
static bool needs_quotes(const char *field, size_t length)
{
    if (length == 0)
        return false;
    if (strchr(" \t", field[0]) || strchr(" \t", field[length - 1]))
        return true;
    for (size_t i = 0; i < length; i++)
        if (strchr("\",\r\n", field[i]))
            return true;
    return false;
}

static int text_append_field(struct text *text, const char *field, size_t length)
{
    if (!needs_quotes(field, length))
        return text_append(text, field, length);
    size_t quoted_length = csv_write(NULL, 0, field, length);
    int error = text_reserve(text, quoted_length);
    if (error)
        return error;
    csv_write(text->bytes + text->length, quoted_length, field, length);
    text->length += quoted_length;
    return 0;
}

int csv_put_field(FILE *out, const char *text)
{
    size_t length = strlen(text);
    if (needs_quotes(text, length))
        return csv_fwrite(out, text, length);
    return fputs(text, out) == EOF ? EOF : 0;
}

size_t csv_format_real(char *buffer, double value)
{
    int length = 0;
    /* Whole numbers in full: 6e+07 would be as exact, and harder to read. */
    if (value == floor(value) && fabs(value) < 1e15)
        return (size_t)snprintf(buffer, CSV_REAL_BYTES, "%.0f", value);
    for (int digits = 6; digits <= 17; digits++) {
        length = snprintf(buffer, CSV_REAL_BYTES, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    return (size_t)length;
}

/* All of it, or nothing: what a failing write left is cut off again. */
static int write_whole(int fd, const char *bytes, size_t length)
{
    off_t start = lseek(fd, 0, SEEK_END);
    size_t done = 0;
    while (done < length) {
        ssize_t n = write(fd, bytes + done, length - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            int error = errno;
            if (done && start >= 0 && ftruncate(fd, start))
                return -errno;
            return -error;
        }
    }
    return 0;
}

static int make_header(const struct schema_file *file, struct text *header)
{
    int error = 0;
    for (size_t i = 0; i < file->column_count && !error; i++) {
        const char *name = file->columns[i].name;
        if (i)
            error = text_append(header, ",", 1);
        if (!error)
            error = text_append_field(header, name, strlen(name));
    }
    return error ? error : text_append(header, "\n", 1);
}

/* The file goes on only if it starts with this header and ends with a whole row. */
static int check_header(int fd, off_t size, const struct text *header)
{
    if ((uintmax_t)size < header->length)
        return -EBADMSG;
    char *found = malloc(header->length);
    if (!found)
        return -ENOMEM;
    int result = 0;
    char last = 0;
    ssize_t n = pread(fd, found, header->length, 0);
    if (n < 0 || pread(fd, &last, 1, size - 1) < 0)
        result = -errno;
    else if ((size_t)n != header->length || memcmp(found, header->bytes, header->length) != 0 ||
             last != '\n')
        result = -EBADMSG;
    free(found);
    return result;
}

static int start_file(int fd, const struct schema_file *file)
{
    struct text header = {0};
    int error = make_header(file, &header);
    if (!error) {
        off_t size = lseek(fd, 0, SEEK_END);
        if (size < 0)
            error = -errno;
        else if (size == 0)
            error = write_whole(fd, header.bytes, header.length);
        else
            error = check_header(fd, size, &header);
    }
    free(header.bytes);
    return error;
}

static void start_row(struct csv_writer *writer)
{
    writer->error = 0;
    writer->fields.length = 0;
    writer->row.length = 0;
    memset(writer->spans, 0, writer->file->column_count * sizeof *writer->spans);
}

int csv_writer_open(struct csv_writer **writer, const char *path, const struct schema_file *file)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    int error = start_file(fd, file);
    struct csv_writer *made = error ? NULL : calloc(1, sizeof *made);
    if (made)
        made->spans = calloc(file->column_count, sizeof *made->spans);
    if (!made || !made->spans) {
        free(made);
        close(fd);
        return error ? error : -ENOMEM;
    }
    made->file = file;
    made->fd = fd;
    *writer = made;
    return 0;
}

static void set_field(struct csv_writer *writer, size_t column, const char *field, size_t length)
{
    if (column >= writer->file->column_count) {
        writer->error = -EINVAL;
        return;
    }
    size_t offset = writer->fields.length;
    int error = text_append_field(&writer->fields, field, length);
    if (error)
        writer->error = error;
    else
        writer->spans[column] = (struct span){offset, writer->fields.length - offset};
}

void csv_writer_text(struct csv_writer *writer, size_t column, const char *text)
{
    set_field(writer, column, text, strlen(text));
}

void csv_writer_int(struct csv_writer *writer, size_t column, int64_t value)
{
    char digits[CSV_REAL_BYTES];
    int length = snprintf(digits, sizeof digits, "%" PRId64, value);
    set_field(writer, column, digits, (size_t)length);
}

void csv_writer_uint(struct csv_writer *writer, size_t column, uint64_t value)
{
    char digits[CSV_REAL_BYTES];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    set_field(writer, column, digits, (size_t)length);
}

void csv_writer_real(struct csv_writer *writer, size_t column, double value)
{
    char digits[CSV_REAL_BYTES];
    set_field(writer, column, digits, isfinite(value) ? csv_format_real(digits, value) : 0);
}

int csv_writer_row(struct csv_writer *writer)
{
    int error = writer->error;
    for (size_t i = 0; i < writer->file->column_count && !error; i++) {
        const struct span *span = &writer->spans[i];
        if (i)
            error = text_append(&writer->row, ",", 1);
        if (!error && span->length)
            error = text_append(&writer->row, writer->fields.bytes + span->offset, span->length);
    }
    if (!error)
        error = text_append(&writer->row, "\n", 1);
    if (!error)
        error = write_whole(writer->fd, writer->row.bytes, writer->row.length);
    start_row(writer);
    return error;
}

int csv_writer_close(struct csv_writer *writer)
{
    if (!writer)
        return 0;
    int error = 0;
    /* Pipes and some file systems cannot be flushed, which is no loss of theirs. */
    if (fdatasync(writer->fd) && errno != EINVAL && errno != EROFS && errno != ENOSYS)
        error = -errno;
    if (close(writer->fd) && !error)
        error = -errno;
    free(writer->spans);
    free(writer->fields.bytes);
    free(writer->row.bytes);
    free(writer);
    return error;
}
