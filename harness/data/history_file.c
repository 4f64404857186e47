#include "data/history_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/cell_key.h"
#include "data/string_table.h"

const char *const history_keys[] = {
    [HISTORY_CPU_MODEL] = "cpu_model",
    [HISTORY_CORES] = "cores",
    [HISTORY_KERNEL] = "kernel",
    [HISTORY_SEED] = "seed",
    [HISTORY_WARMUP] = "warmup",
    [HISTORY_ITERATIONS] = "iterations",
    [HISTORY_KEY_COUNT] = "workload_params",
    "backend_options",
    NULL,
};

static const int key_columns[HISTORY_KEY_COUNT] = {
    [HISTORY_CPU_MODEL] = SCHEMA_HISTORY_cpu_model,
    [HISTORY_CORES] = SCHEMA_HISTORY_cores,
    [HISTORY_KERNEL] = SCHEMA_HISTORY_kernel,
    [HISTORY_SEED] = SCHEMA_HISTORY_seed,
    [HISTORY_WARMUP] = SCHEMA_HISTORY_warmup,
    [HISTORY_ITERATIONS] = SCHEMA_HISTORY_iterations,
};

/* All strings, each once, and the numbers of runs and series by their names. */
struct history_texts {
    struct string_table texts;
    struct string_table runs;   /* DATE SEED */
    struct string_table series; /* CELL METRIC */
};

struct reading {
    struct history *history;
    size_t run_capacity;
    size_t series_capacity;
};

static int out_of_memory(struct csv_error *error)
{
    snprintf(error->text, sizeof error->text, "out of memory");
    return -ENOMEM;
}

void history_free(struct history *history)
{
    if (!history)
        return;
    for (size_t i = 0; i < history->series_count; i++)
        free(history->series[i].points);
    free(history->series);
    free(history->runs);
    if (history->texts) {
        string_table_free(&history->texts->texts);
        string_table_free(&history->texts->runs);
        string_table_free(&history->texts->series);
    }
    free(history->texts);
    free(history);
}

/* A copy that lives as long as the history, or NULL. */
static const char *keep(struct history *history, const char *text)
{
    int64_t number = string_table_put(&history->texts->texts, text);
    return number < 0 ? NULL : history->texts->texts.strings[number];
}

/* The number of "A B" in the table, and whether it is new. Negative: -ENOMEM. */
static int64_t number_of(struct string_table *table, const char *a, const char *b, bool *is_new)
{
    char *name;
    if (asprintf(&name, "%s %s", a, b) < 0)
        return -ENOMEM;
    size_t before = table->count;
    int64_t number = string_table_put(table, name);
    free(name);
    *is_new = table->count > before;
    return number;
}

static int grow(void *items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return 0;
    size_t more = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(*(void **)items, more * item_bytes);
    if (!grown)
        return -ENOMEM;
    *(void **)items = grown;
    *capacity = more;
    return 0;
}

/* The run of the row; *index of it. All rows of a run say the same of it. */
static int take_run(struct reading *reading, const struct csv_row *row, size_t *index)
{
    struct history *history = reading->history;
    const char *date = row->text[SCHEMA_HISTORY_date];
    uint64_t order_seed = 0;
    int has_seed = csv_row_uint(row, SCHEMA_HISTORY_order_seed, &order_seed);
    if (has_seed < 0)
        return has_seed;
    if (!*date)
        return csv_field_refuse(row, SCHEMA_HISTORY_date, "date is empty");
    if (!has_seed)
        return csv_field_refuse(row, SCHEMA_HISTORY_order_seed, "order_seed is empty");
    char seed[24];
    bool is_new;
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)order_seed);
    int64_t number = number_of(&history->texts->runs, date, seed, &is_new);
    if (number < 0)
        return out_of_memory(row->error);
    *index = (size_t)number;
    history->newest = *index;
    if (is_new &&
        grow(&history->runs, history->run_count, &reading->run_capacity, sizeof *history->runs))
        return out_of_memory(row->error);
    struct history_run now = {.order_seed = order_seed};
    now.date = keep(history, date);
    now.commit = keep(history, row->text[SCHEMA_HISTORY_commit]);
    bool kept = now.date && now.commit;
    for (int key = 0; key < HISTORY_KEY_COUNT && kept; key++)
        kept = (now.keys[key] = keep(history, row->text[key_columns[key]])) != NULL;
    if (!kept)
        return out_of_memory(row->error);
    if (is_new) {
        history->runs[history->run_count++] = now;
        return 0;
    }
    const struct history_run *before = &history->runs[*index];
    for (int key = 0; key < HISTORY_KEY_COUNT; key++)
        if (strcmp(before->keys[key], now.keys[key]) != 0)
            return csv_field_refuse(row, (size_t)key_columns[key],
                                    "%s differs from that of an earlier row of the same run",
                                    history_keys[key]);
    return 0;
}

static int take_direction(const struct csv_row *row, enum schema_better *better)
{
    const char *word = row->text[SCHEMA_HISTORY_better];
    for (int b = SCHEMA_LOWER; b <= SCHEMA_HIGHER; b++) {
        if (strcmp(word, schema_better_word((enum schema_better)b)) == 0) {
            *better = (enum schema_better)b;
            return 0;
        }
    }
    return csv_field_refuse(row, SCHEMA_HISTORY_better, "better is lower or higher");
}

static int take_series(struct reading *reading, const struct csv_row *row, size_t *index)
{
    struct history *history = reading->history;
    const char *cell = row->text[SCHEMA_HISTORY_cell];
    const char *metric = row->text[SCHEMA_HISTORY_metric];
    struct cell_parts parts;
    enum schema_better better = SCHEMA_LOWER;
    if (cell_key_split(&parts, cell))
        return csv_field_refuse(row, SCHEMA_HISTORY_cell,
                                "the cell does not read WORKLOAD/BACKEND/heap=H/threads=N");
    if (!*metric)
        return csv_field_refuse(row, SCHEMA_HISTORY_metric, "metric is empty");
    int error = take_direction(row, &better);
    if (error)
        return error;
    bool is_new;
    int64_t number = number_of(&history->texts->series, cell, metric, &is_new);
    if (number < 0 || (is_new && grow(&history->series, history->series_count,
                                      &reading->series_capacity, sizeof *history->series)))
        return out_of_memory(row->error);
    *index = (size_t)number;
    if (is_new)
        history->series[history->series_count++] = (struct history_series){
            .cell = keep(history, cell),
            .metric = keep(history, metric),
            .unit = keep(history, row->text[SCHEMA_HISTORY_unit]),
            .better = better,
        };
    struct history_series *series = &history->series[*index];
    series->workload_params = keep(history, row->text[SCHEMA_HISTORY_workload_params]);
    series->backend_options = keep(history, row->text[SCHEMA_HISTORY_backend_options]);
    if (!series->cell || !series->metric || !series->unit || !series->workload_params ||
        !series->backend_options)
        return out_of_memory(row->error);
    if (series->better != better)
        return csv_field_refuse(row, SCHEMA_HISTORY_better,
                                "better differs from that of an earlier row of this metric");
    return 0;
}

static int take_count(const struct csv_row *row, size_t column, size_t *count)
{
    uint64_t number;
    int got = csv_row_uint(row, column, &number);
    if (got < 0)
        return got;
    if (!got || number > UINT32_MAX)
        return csv_field_refuse(row, column, "%s is no count", row->file->columns[column].name);
    *count = (size_t)number;
    return 0;
}

static int take_figure(const struct csv_row *row, size_t column, double *value)
{
    *value = NAN;
    int got = csv_row_number(row, column, value);
    return got < 0 ? got : 0;
}

static int take_point(const struct csv_row *row, struct history_point *point)
{
    int error = take_count(row, SCHEMA_HISTORY_n, &point->ok_count);
    if (!error)
        error = take_count(row, SCHEMA_HISTORY_of, &point->all_count);
    if (!error)
        error = take_figure(row, SCHEMA_HISTORY_median, &point->median);
    if (!error)
        error = take_figure(row, SCHEMA_HISTORY_low, &point->low);
    if (!error)
        error = take_figure(row, SCHEMA_HISTORY_high, &point->high);
    if (error)
        return error;
    if (point->ok_count > point->all_count)
        return csv_field_refuse(row, SCHEMA_HISTORY_n, "n is more than of");
    if (isnan(point->median) != (point->ok_count == 0))
        return csv_field_refuse(row, SCHEMA_HISTORY_median,
                                "median is there where n is not 0, and nowhere else");
    if (isnan(point->low) != isnan(point->high) || point->low > point->median ||
        point->high < point->median)
        return csv_field_refuse(row, SCHEMA_HISTORY_low,
                                "low to high is no interval of the median");
    return 0;
}

static int take_row(void *data, const struct csv_row *row)
{
    struct reading *reading = data;
    struct history_point point;
    size_t series_index = 0;
    int error = take_run(reading, row, &point.run);
    if (!error)
        error = take_series(reading, row, &series_index);
    if (!error)
        error = take_point(row, &point);
    if (error)
        return error;
    struct history_series *series = &reading->history->series[series_index];
    for (size_t i = series->point_count; i-- > 0;)
        if (series->points[i].run == point.run)
            return csv_row_refuse(row, "a second row of the same run, cell and metric");
    size_t bytes = (series->point_count + 1) * sizeof *series->points;
    struct history_point *points = realloc(series->points, bytes);
    if (!points)
        return out_of_memory(row->error);
    series->points = points;
    points[series->point_count++] = point;
    return 0;
}

struct placed_run {
    struct history_run run;
    size_t index; /* before sorting */
};

static int by_time(const void *a, const void *b)
{
    const struct placed_run *x = a, *y = b;
    int order = strcmp(x->run.date, y->run.date);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int by_run(const void *a, const void *b)
{
    const struct history_point *x = a, *y = b;
    return (x->run > y->run) - (x->run < y->run);
}

/* Runs may have been added in any order. */
static int sort_by_time(struct history *history)
{
    size_t count = history->run_count;
    struct placed_run *placed = malloc((count + 1) * sizeof *placed);
    size_t *place = calloc(count + 1, sizeof *place);
    if (!placed || !place) {
        free(placed);
        free(place);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        placed[i] = (struct placed_run){history->runs[i], i};
    if (count)
        qsort(placed, count, sizeof *placed, by_time);
    for (size_t i = 0; i < count; i++) {
        history->runs[i] = placed[i].run;
        place[placed[i].index] = i;
    }
    if (count)
        history->newest = place[history->newest];
    for (size_t s = 0; s < history->series_count; s++) {
        struct history_series *series = &history->series[s];
        for (size_t i = 0; i < series->point_count; i++)
            series->points[i].run = place[series->points[i].run];
        qsort(series->points, series->point_count, sizeof *series->points, by_run);
    }
    free(placed);
    free(place);
    return 0;
}

int history_load(struct history **history, const char *path, struct csv_error *error)
{
    struct history *made = calloc(1, sizeof *made);
    if (!made || !(made->texts = calloc(1, sizeof *made->texts))) {
        free(made);
        return out_of_memory(error);
    }
    struct reading reading = {.history = made};
    int result =
        csv_read(path, &schema_files[SCHEMA_FILE_HISTORY], take_row, &reading, NULL, error);
    if (!result && sort_by_time(made))
        result = out_of_memory(error);
    if (result)
        history_free(made);
    else
        *history = made;
    return result;
}
