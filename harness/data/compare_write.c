/* The machine-readable forms of a comparison: the same columns as CSV and as JSON. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/compare.h"
#include "data/csv_write.h"
#include "data/json_text.h"
#include "data/printable.h"

struct column {
    const char *name;
    bool is_number; /* bare in JSON, null where it is empty */
    bool by_backend_only;
    void (*write)(const struct compare_result *result, const struct compare_row *row, FILE *out);
};

static void put_part(FILE *out, const struct cell_part *part)
{
    fprintf(out, "%.*s", part->length, part->text);
}

/* Between backends the cell is what both have in common; a manual one has any heap setting. */
static void write_cell(const struct compare_result *result, const struct compare_row *row,
                       FILE *out)
{
    if (!result->is_by_backend) {
        fputs(row->base_cell->key, out);
        return;
    }
    const struct cell_parts *base = &row->base_cell->parts;
    bool base_has_none = base->heap.length == 4 && memcmp(base->heap.text, "none", 4) == 0;
    put_part(out, &base->workload);
    fputs("/heap=", out);
    put_part(out, base_has_none ? &row->new_cell->parts.heap : &base->heap);
    fputs("/threads=", out);
    put_part(out, &base->threads);
}

static void put_real(FILE *out, double value)
{
    char digits[CSV_REAL_BYTES];
    if (isfinite(value)) {
        csv_format_real(digits, value);
        fputs(digits, out);
    }
}

static void put_ratio(FILE *out, const struct compare_row *row, double value)
{
    if (isfinite(value) && !row->by_difference)
        fprintf(out, "%.9g", value);
}

static void put_p(FILE *out, double p)
{
    if (isfinite(p))
        fprintf(out, "%.9g", p);
}

#define WRITER(name)                                                                               \
    static void name(const struct compare_result *result, const struct compare_row *row, FILE *out)

WRITER(write_metric)
{
    (void)result;
    fputs(row->metric, out);
}
WRITER(write_n_base)
{
    (void)result;
    fprintf(out, "%zu", row->base.count);
}
WRITER(write_n_new)
{
    (void)result;
    fprintf(out, "%zu", row->new.count);
}
WRITER(write_median_base)
{
    (void)result;
    put_real(out, row->base.median);
}
WRITER(write_median_new)
{
    (void)result;
    put_real(out, row->new.median);
}
WRITER(write_ratio)
{
    (void)result;
    put_ratio(out, row, row->estimate);
}
WRITER(write_ratio_low)
{
    (void)result;
    put_ratio(out, row, row->low);
}
WRITER(write_ratio_high)
{
    (void)result;
    put_ratio(out, row, row->high);
}
WRITER(write_p)
{
    (void)result;
    put_p(out, row->p);
}
WRITER(write_p_holm)
{
    (void)result;
    put_p(out, row->p_holm);
}
WRITER(write_kind)
{
    (void)result;
    if (strcmp(row->metric, COMPARE_STATUS) != 0)
        fputs(compare_kind_word(row->kind), out);
}
WRITER(write_verdict)
{
    (void)result;
    fputs(compare_verdict_word(row->verdict), out);
}
WRITER(write_needed)
{
    (void)result;
    if (row->needed_invocations)
        fprintf(out, "%zu", row->needed_invocations);
}
WRITER(write_base)
{
    (void)result;
    put_part(out, &row->base_cell->parts.backend);
}
WRITER(write_new)
{
    (void)result;
    put_part(out, &row->new_cell->parts.backend);
}
#undef WRITER

static const struct column columns[] = {
    {"cell", false, false, write_cell},
    {"metric", false, false, write_metric},
    {"n_base", true, false, write_n_base},
    {"n_new", true, false, write_n_new},
    {"median_base", true, false, write_median_base},
    {"median_new", true, false, write_median_new},
    {"ratio", true, false, write_ratio},
    {"ratio_low", true, false, write_ratio_low},
    {"ratio_high", true, false, write_ratio_high},
    {"p", true, false, write_p},
    {"p_holm", true, false, write_p_holm},
    {"kind", false, false, write_kind},
    {"verdict", false, false, write_verdict},
    {"needed_invocations", true, false, write_needed},
    {"base", false, true, write_base},
    {"new", false, true, write_new},
};

/* Calls `put` with each column's text of each row. A NULL row stands for the heading. */
static int each_field(const struct compare_result *result, const struct compare_row *row, FILE *out,
                      int (*put)(const struct column *column, const char *text, bool is_first,
                                 FILE *out))
{
    bool is_first = true;
    int error = 0;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0] && !error; i++) {
        if (columns[i].by_backend_only && !result->is_by_backend)
            continue;
        char *text = NULL;
        size_t length;
        FILE *field = open_memstream(&text, &length);
        if (!field)
            return -ENOMEM;
        if (row)
            columns[i].write(result, row, field);
        else
            fputs(columns[i].name, field);
        if (fclose(field)) {
            free(text);
            return -ENOMEM;
        }
        error = put(&columns[i], text, is_first, out);
        free(text);
        is_first = false;
    }
    return error;
}

/* Made printable, since it may go to a terminal. Programs for spreadsheets calculate what begins
 * with one of =+-@, as no name does that gcmeter gives: an apostrophe makes it a text. */
static int put_csv_text(FILE *out, const char *text)
{
    size_t room = 4 * strlen(text) + 2;
    char *field = malloc(room);
    if (!field)
        return -ENOMEM;
    field[0] = '\'';
    size_t start = *text && strchr("=+-@", *text) ? 1 : 0;
    printable_copy(field + start, room - start, text);
    csv_put_field(out, field);
    free(field);
    return 0;
}

static int put_csv_field(const struct column *column, const char *text, bool is_first, FILE *out)
{
    if (!is_first)
        fputc(',', out);
    if (!column->is_number)
        return put_csv_text(out, text);
    csv_put_field(out, text);
    return 0;
}

int compare_write_csv(const struct compare_result *result, FILE *out)
{
    int error = each_field(result, NULL, out, put_csv_field);
    fputc('\n', out);
    for (size_t i = 0; i < result->row_count && !error; i++) {
        error = each_field(result, &result->rows[i], out, put_csv_field);
        fputc('\n', out);
    }
    return error ? error : fflush(out) || ferror(out) ? -EIO : 0;
}

static int put_json_member(const struct column *column, const char *text, bool is_first, FILE *out)
{
    fputs(is_first ? "" : ", ", out);
    json_put_text(out, column->name);
    fputs(": ", out);
    if (column->is_number)
        fputs(*text ? text : "null", out);
    else
        json_put_text(out, text);
    return 0;
}

int compare_write_json(const struct compare_result *result, FILE *out)
{
    int error = 0;
    fputs("[", out);
    for (size_t i = 0; i < result->row_count && !error; i++) {
        fputs(i ? ",\n  {" : "\n  {", out);
        error = each_field(result, &result->rows[i], out, put_json_member);
        fputs("}", out);
    }
    fputs("\n]\n", out);
    return error ? error : fflush(out) || ferror(out) ? -EIO : 0;
}
