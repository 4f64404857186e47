#include "data/gate_file.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/printable.h"
#include "data/string_table.h"

/* Of rows: such files are read by people, and every row is tried on every cell. */
#define ROWS_MAX 1000
#define PCT_MAX  1e6
/* In place of a tolerance: what an earlier row gates does not gate in these cells. */
#define OFF "off"

struct gate_row {
    char *cell_pattern;
    size_t metric; /* number in `metrics` */
    bool is_off;
    struct compare_tolerance tolerance;
    uint64_t line;
    size_t metric_position; /* of the field in its line, from 1 */
};

struct gate {
    char *path;
    struct gate_row *rows;
    size_t row_count;
    struct string_table metrics;
};

static int out_of_memory(struct csv_error *error)
{
    snprintf(error->text, sizeof error->text, "out of memory");
    return -ENOMEM;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    for (size_t i = 0; i < gate->row_count; i++)
        free(gate->rows[i].cell_pattern);
    free(gate->rows);
    free(gate->path);
    string_table_free(&gate->metrics);
    free(gate);
}

static int read_tolerance(const struct csv_row *row, size_t column, double most, double *value)
{
    int got = csv_row_number(row, column, value);
    if (got < 0)
        return got;
    const char *name = row->file->columns[column].name;
    if (got == 0)
        return csv_field_refuse(row, column, "%s is empty; 0 allows no change", name);
    if (*value < 0)
        return csv_field_refuse(row, column, "%s is negative", name);
    if (*value > most)
        return csv_field_refuse(row, column, "%s is above %g", name, most);
    return 0;
}

static int read_tolerances(const struct csv_row *row, struct gate_row *made)
{
    if (strcmp(row->text[SCHEMA_GATE_tolerance_pct], OFF) == 0) {
        made->is_off = true;
        if (*row->text[SCHEMA_GATE_tolerance_abs])
            return csv_field_refuse(row, SCHEMA_GATE_tolerance_abs,
                                    "tolerance_abs is given where tolerance_pct is '" OFF "'");
        return 0;
    }
    double percent = 0;
    int error = read_tolerance(row, SCHEMA_GATE_tolerance_pct, PCT_MAX, &percent);
    if (error)
        return error;
    made->tolerance.relative = percent / 100;
    return read_tolerance(row, SCHEMA_GATE_tolerance_abs, 1e300, &made->tolerance.absolute);
}

static int check_metric(const struct csv_row *row)
{
    const char *name = row->text[SCHEMA_GATE_metric];
    if (!*name)
        return csv_field_refuse(row, SCHEMA_GATE_metric, "metric is empty");
    /* One that is not of the schema may be of a backend: gate_check_metrics(). */
    const struct schema_file *file = &schema_files[SCHEMA_FILE_INVOCATIONS];
    int column = schema_column_index(file, name);
    if (column < 0)
        return 0;
    if (!schema_is_metric(&file->columns[column]))
        return csv_field_refuse(row, SCHEMA_GATE_metric, "%s is no metric", name);
    if (file->columns[column].better == SCHEMA_NONE)
        return csv_field_refuse(row, SCHEMA_GATE_metric,
                                "%s has no better and no worse, so it cannot gate", name);
    return 0;
}

static int refuse_duplicate(const struct csv_row *row, const struct gate *gate)
{
    const char *pattern = row->text[SCHEMA_GATE_cell_pattern];
    int64_t metric = string_table_get(&gate->metrics, row->text[SCHEMA_GATE_metric]);
    for (size_t i = 0; i < gate->row_count; i++)
        if ((int64_t)gate->rows[i].metric == metric &&
            strcmp(gate->rows[i].cell_pattern, pattern) == 0)
            return csv_row_refuse(row, "the same cell_pattern and metric as in line %llu",
                                  (unsigned long long)gate->rows[i].line);
    return 0;
}

static int take_row(void *data, const struct csv_row *row)
{
    struct gate *gate = data;
    struct gate_row made = {
        .line = row->line,
        .metric_position = row->position[SCHEMA_GATE_metric],
    };
    if (gate->row_count == ROWS_MAX)
        return csv_row_refuse(row, "more than %d rows", ROWS_MAX);
    if (!*row->text[SCHEMA_GATE_cell_pattern])
        return csv_field_refuse(row, SCHEMA_GATE_cell_pattern,
                                "cell_pattern is empty; * stands for every cell");
    int error = check_metric(row);
    if (!error)
        error = read_tolerances(row, &made);
    if (!error)
        error = refuse_duplicate(row, gate);
    if (error)
        return error;
    struct gate_row *rows = realloc(gate->rows, (gate->row_count + 1) * sizeof *rows);
    if (!rows)
        return out_of_memory(row->error);
    gate->rows = rows;
    int64_t metric = string_table_put(&gate->metrics, row->text[SCHEMA_GATE_metric]);
    made.cell_pattern = strdup(row->text[SCHEMA_GATE_cell_pattern]);
    if (metric < 0 || !made.cell_pattern) {
        free(made.cell_pattern);
        return out_of_memory(row->error);
    }
    made.metric = (size_t)metric;
    rows[gate->row_count++] = made;
    return 0;
}

/* Result files may end in a row that was being written, which readers leave out. This one is
 * written by hand, and a row that is left out would gate no more without a word. */
static int check_end(const char *path, int64_t end, struct csv_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    uint64_t line = 1;
    int64_t length = 0;
    for (int c; (c = getc(file)) != EOF; length++)
        line += c == '\n';
    fclose(file);
    if (length <= end)
        return 0;
    char printable[300];
    snprintf(error->text, sizeof error->text,
             "%s:%llu:1: the line does not end; end it with a newline",
             printable_copy(printable, sizeof printable, path), (unsigned long long)line);
    return -EBADMSG;
}

int gate_load(struct gate **gate, const char *path, struct csv_error *error)
{
    struct gate *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(path))) {
        gate_free(made);
        return out_of_memory(error);
    }
    int64_t end = 0;
    int result = csv_read(path, &schema_files[SCHEMA_FILE_GATE], take_row, made, &end, error);
    if (!result)
        result = check_end(path, end, error);
    if (result == -ENODATA)
        result = -EBADMSG;
    if (result)
        gate_free(made);
    else
        *gate = made;
    return result;
}

static int refuse_metric(const struct gate *gate, const struct gate_row *row, const char *what,
                         struct csv_error *error)
{
    char path[300];
    char metric[64];
    printable_copy(path, sizeof path, gate->path);
    printable_copy(metric, sizeof metric, gate->metrics.strings[row->metric]);
    snprintf(error->text, sizeof error->text, "%s:%llu:%zu: %s %s", path,
             (unsigned long long)row->line, row->metric_position, metric, what);
    return -EBADMSG;
}

int gate_check_metrics(const struct gate *gate, const struct run_data *const *runs,
                       size_t run_count, struct csv_error *error)
{
    for (size_t i = 0; i < gate->row_count; i++) {
        const struct gate_row *row = &gate->rows[i];
        const char *name = gate->metrics.strings[row->metric];
        const struct run_metric *found = NULL;
        for (size_t r = 0; r < run_count && !found; r++) {
            int index = run_data_metric(runs[r], name);
            found = index < 0 ? NULL : &runs[r]->metrics[index];
        }
        if (!found && !schema_metric(name))
            return refuse_metric(gate, row, "is no metric; see gcmeter list metrics", error);
        if (found && found->better == SCHEMA_NONE)
            return refuse_metric(gate, row, "has no better and no worse, so it cannot gate", error);
    }
    return 0;
}

bool gate_tolerance(const struct gate *gate, const char *cell, const char *metric,
                    struct compare_tolerance *tolerance)
{
    int64_t number = string_table_get(&gate->metrics, metric);
    for (size_t i = gate->row_count; i-- > 0 && number >= 0;) {
        const struct gate_row *row = &gate->rows[i];
        if (row->metric != (size_t)number || fnmatch(row->cell_pattern, cell, 0) != 0)
            continue;
        if (!row->is_off)
            *tolerance = row->tolerance;
        return !row->is_off;
    }
    return false;
}

const char *const *gate_metrics(const struct gate *gate, size_t *count)
{
    *count = gate->metrics.count;
    return (const char *const *)gate->metrics.strings;
}
