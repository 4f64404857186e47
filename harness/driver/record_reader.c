#include "driver/record_reader.h"

#include "data/schema.h"
#include "driver/xalloc.h"

#include <csv.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record, and all of a stream, may not be longer: garbage must not fill memory or disk. */
enum { RECORD_BYTES = 16384 };
#define STREAM_BYTES (UINT64_C(1) << 30)

/* A letter per field: i signed, u unsigned, o unsigned or empty, r real, t text, n a name without
 * blanks, m the name of a metric column, v its value, p a kind of stop, c of a collection, b a
 * direction, s a status. */
static const struct {
    const char *name;
    const char *fields;
} shapes[] = {
    [RECORD_HELLO] = {"hello", "u"},
    [RECORD_BEGIN] = {"begin", "u"},
    [RECORD_END] = {"end", "u"},
    [RECORD_FLAG] = {"flag", "n"},
    [RECORD_METRIC] = {"metric", "mv"},
    [RECORD_EXTRA] = {"extra", "nnbr"},
    [RECORD_ITERATION] = {"iteration", "iuu"},
    [RECORD_PAUSE] = {"pause", "ipiuo"},
    [RECORD_COLLECTION] = {"collection", "ucioooooooo"},
    [RECORD_LATENCY] = {"latency", "nuuu"},
    [RECORD_STATUS] = {"status", "st"},
    [RECORD_DONE] = {"done", ""},
};

struct record_reader {
    struct csv_parser parser;
    void (*take)(void *data, const struct record *record);
    void *data;
    char *fields[RECORD_FIELDS + 1];
    size_t field_count; /* may exceed what `fields` holds */
    size_t record_bytes;
    uint64_t stream_bytes;
    bool at_line_start;
    bool saw[sizeof shapes / sizeof *shapes];
    char problem[160];
};

static void complain(struct record_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(struct record_reader *r, const char *format, ...)
{
    if (*r->problem)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->problem, sizeof r->problem, format, arguments);
    va_end(arguments);
    for (char *c = r->problem; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
}

static bool is_signed(const char *text)
{
    char *end;
    errno = 0;
    (void)strtoll(text, &end, 10);
    return (isdigit((unsigned char)*text) || (*text == '-' && isdigit((unsigned char)text[1]))) &&
           !*end && !errno;
}

static bool is_unsigned(const char *text)
{
    char *end;
    errno = 0;
    (void)strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno;
}

static bool is_real(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    return (isdigit((unsigned char)*text) || *text == '-') && !*end && isfinite(value);
}

static bool is_one_of(const char *text, const char *words)
{
    size_t length = strlen(text);
    for (const char *w = words; *w; w += strspn(w, " ")) {
        size_t n = strcspn(w, " ");
        if (n == length && !memcmp(w, text, n))
            return true;
        w += n;
    }
    return false;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text))
            return false;
    return true;
}

static bool is_name(const char *text)
{
    return *text && is_printable(text) && !strchr(text, ' ') && !strchr(text, ',') &&
           !strchr(text, '"');
}

static const struct schema_column *metric_column(const char *name)
{
    const struct schema_file *file = &schema_files[SCHEMA_FILE_INVOCATIONS];
    int checksum = SCHEMA_INVOCATIONS_checksum;
    return strcmp(name, "checksum") ? schema_metric(name) : &file->columns[checksum];
}

static bool is_metric_value(const char *name, const char *text)
{
    const struct schema_column *column = metric_column(name);
    return column &&
           (column->kind == SCHEMA_REAL ? is_real(text) : is_unsigned(text) || is_signed(text));
}

static bool field_fits(char shape, char *const *fields, size_t index)
{
    const char *text = fields[index];
    switch (shape) {
    case 'i':
        return is_signed(text);
    case 'u':
        return is_unsigned(text);
    case 'o':
        return !*text || is_unsigned(text);
    case 'r':
        return is_real(text);
    case 't':
        return is_printable(text);
    case 'n':
        return is_name(text);
    case 'm':
        return metric_column(text) != NULL;
    case 'v':
        return is_metric_value(fields[index - 1], text);
    case 'p':
        return is_one_of(text, "full minor mark_start mark_end increment");
    case 'c':
        return is_one_of(text, "full minor");
    case 'b':
        return is_one_of(text, "lower higher none");
    default:
        return is_one_of(text, "ok oom wrong skipped");
    }
}

/* What the order of records forbids, or NULL. */
static const char *out_of_order(const struct record_reader *r, enum record_kind kind)
{
    if (r->saw[RECORD_DONE])
        return "after done";
    if ((kind == RECORD_HELLO) == r->saw[RECORD_HELLO])
        return kind == RECORD_HELLO ? "twice" : "before hello";
    if (kind == RECORD_BEGIN && r->saw[RECORD_BEGIN])
        return "twice";
    if (kind == RECORD_END && !r->saw[RECORD_BEGIN])
        return "before begin";
    if (kind == RECORD_END && r->saw[RECORD_END])
        return "twice";
    if (kind == RECORD_STATUS && r->saw[RECORD_STATUS])
        return "twice";
    if (kind == RECORD_DONE && !r->saw[RECORD_STATUS])
        return "before status";
    return NULL;
}

static void take_record(struct record_reader *r)
{
    const char *name = r->field_count ? r->fields[0] : "";
    size_t kind = 0;
    while (kind < sizeof shapes / sizeof *shapes && strcmp(shapes[kind].name, name))
        kind++;
    if (kind == sizeof shapes / sizeof *shapes) {
        complain(r, "wrote '%.40s', which is no record", name);
        return;
    }
    const char *shape = shapes[kind].fields;
    if (r->field_count - 1 != strlen(shape)) {
        complain(r, "wrote a record '%s' of %zu fields, not %zu", name, r->field_count - 1,
                 strlen(shape));
        return;
    }
    struct record record = {.kind = (enum record_kind)kind, .field_count = strlen(shape)};
    for (size_t i = 0; shape[i]; i++) {
        if (!field_fits(shape[i], r->fields + 1, i)) {
            complain(r, "wrote '%.40s' as field %zu of a record '%s'", r->fields[i + 1], i + 1,
                     name);
            return;
        }
        record.fields[i] = r->fields[i + 1];
    }
    const char *order = out_of_order(r, record.kind);
    if (order) {
        complain(r, "wrote a record '%s' %s", name, order);
        return;
    }
    if (record.kind == RECORD_HELLO && record.fields[0] && strcmp(record.fields[0], "1")) {
        complain(r, "speaks protocol %.20s, not 1", record.fields[0]);
        return;
    }
    r->saw[kind] = true;
    r->take(r->data, &record);
}

static void forget_fields(struct record_reader *r)
{
    size_t held = r->field_count < RECORD_FIELDS + 1 ? r->field_count : RECORD_FIELDS + 1;
    for (size_t i = 0; i < held; i++)
        free(r->fields[i]);
    r->field_count = 0;
    r->record_bytes = 0;
}

static void on_field(void *text, size_t length, void *data)
{
    struct record_reader *r = data;
    if (length && memchr(text, '\0', length))
        complain(r, "wrote a record with a zero byte");
    if (!*r->problem && r->field_count < RECORD_FIELDS + 1) {
        char *copy = xcalloc(length + 1, 1);
        if (length)
            memcpy(copy, text, length);
        r->fields[r->field_count++] = copy;
    } else {
        complain(r, "wrote a record of too many fields");
    }
}

static void on_row(int terminator, void *data)
{
    struct record_reader *r = data;
    (void)terminator;
    if (!*r->problem)
        take_record(r);
    forget_fields(r);
}

struct record_reader *record_reader_create(void (*take)(void *data, const struct record *record),
                                           void *data)
{
    struct record_reader *r = xcalloc(1, sizeof *r);
    r->take = take;
    r->data = data;
    r->at_line_start = true;
    if (csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI)) {
        free(r);
        errno = ENOMEM;
        return NULL;
    }
    return r;
}

void record_reader_free(struct record_reader *r)
{
    if (!r)
        return;
    forget_fields(r);
    csv_free(&r->parser);
    free(r);
}

bool record_reader_feed(struct record_reader *r, const char *bytes, size_t count)
{
    /* libcsv keeps a field until it ends, so the length is watched from outside, in small steps. */
    enum { STEP = 512 };
    r->stream_bytes += count;
    if (count > 0)
        r->at_line_start = bytes[count - 1] == '\n';
    if (r->stream_bytes > STREAM_BYTES)
        complain(r, "wrote more than 1 GiB of records");
    while (count > 0 && !*r->problem) {
        size_t step = count < STEP ? count : STEP;
        r->record_bytes += step;
        if (csv_parse(&r->parser, bytes, step, on_field, on_row, r) != step)
            complain(r, "wrote a record that is no CSV: '%.*s'", (int)(step < 40 ? step : 40),
                     bytes);
        if (r->record_bytes > RECORD_BYTES)
            complain(r, "wrote a record of more than %d bytes", RECORD_BYTES);
        bytes += step;
        count -= step;
    }
    return !*r->problem;
}

bool record_reader_finish(struct record_reader *r)
{
    if (!r->at_line_start)
        complain(r, "ended in the middle of a record");
    return !*r->problem;
}

const char *record_reader_problem(const struct record_reader *r)
{
    return *r->problem ? r->problem : NULL;
}

bool record_reader_done(const struct record_reader *r)
{
    return r->saw[RECORD_DONE];
}
