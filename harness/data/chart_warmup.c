#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "data/chart_caption.h"

/* Longer series are thinned to about so many blocks of consecutive iterations. */
#define BLOCKS 300

/* A panel is drawn where some invocation has so many iterations: one of each kind is no series. */
#define LEAST_ITERATIONS 3

struct iteration {
    int64_t number; /* below 0: warm-up */
    double wall_ns;
};

struct iterations {
    struct iteration *rows; /* by number, once loaded */
    size_t count;
    size_t capacity;
    size_t next; /* while a curve is made */
};

struct axes {
    double first, last; /* iteration */
    double low_ns, high_ns;
};

static int take_iteration(void *data, size_t invocation, const struct csv_row *row)
{
    struct iterations *iterations = (struct iterations *)data + invocation;
    struct iteration taken;
    int found = csv_row_int(row, SCHEMA_ITERATIONS_iteration, &taken.number);
    if (found <= 0 || (found = csv_row_number(row, SCHEMA_ITERATIONS_wall_ns, &taken.wall_ns)) <= 0)
        return found;
    if (iterations->count == iterations->capacity) {
        size_t capacity = iterations->capacity ? iterations->capacity * 2 : 16;
        struct iteration *grown = realloc(iterations->rows, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        iterations->rows = grown;
        iterations->capacity = capacity;
    }
    taken.wall_ns = fmax(taken.wall_ns, 1); /* a logarithmic axis has no zero */
    iterations->rows[iterations->count++] = taken;
    return 0;
}

static int iteration_compare(const void *a, const void *b)
{
    const struct iteration *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* The block of an iteration; a block begins with iteration 0. */
static int64_t block_of(int64_t number, int64_t size)
{
    return number >= 0 ? number / size : -((-number + size - 1) / size);
}

/* The mean of an invocation's iterations in the block; false where it has none. */
static bool take_block(struct iterations *iterations, int64_t block, int64_t size, double *mean_ns)
{
    double sum_ns = 0;
    size_t count = 0;
    while (iterations->next < iterations->count &&
           block_of(iterations->rows[iterations->next].number, size) <= block) {
        sum_ns += iterations->rows[iterations->next++].wall_ns;
        count++;
    }
    *mean_ns = count ? sum_ns / (double)count : NAN;
    return count > 0;
}

static int write_curve(const struct chart_plan *plan, const struct chart_member *member,
                       struct iterations *iterations, struct chart_table *table, struct axes *axes)
{
    const struct run_cell *cell = &plan->run->cells[member->cell];
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < cell->invocation_count; i++) {
        struct iterations *of = &iterations[cell->invocations[i]];
        of->next = 0;
        if (!chart_invocation_counts(plan, cell->invocations[i]) || of->count == 0)
            continue;
        first = of->rows[0].number < first ? of->rows[0].number : first;
        last = of->rows[of->count - 1].number > last ? of->rows[of->count - 1].number : last;
    }
    double *values = calloc(cell->invocation_count + 1, sizeof *values);
    if (!values)
        return -ENOMEM;
    int64_t size = (last - first) / BLOCKS + 1;
    for (int64_t block = block_of(first, size); block <= block_of(last, size); block++) {
        size_t count = 0;
        for (size_t i = 0; i < cell->invocation_count; i++)
            if (chart_invocation_counts(plan, cell->invocations[i]) &&
                take_block(&iterations[cell->invocations[i]], block, size, &values[count]))
                count++;
        if (count == 0)
            continue;
        struct chart_summary wall = chart_summarise(values, count);
        double middle = (double)(block * size) + (double)(size - 1) / 2;
        chart_table_int(table, member->series + 1);
        chart_table_real(table, middle);
        chart_table_real(table, wall.median);
        chart_table_real(table, wall.low);
        chart_table_real(table, wall.high);
        chart_table_row(table);
        axes->first = fmin(axes->first, middle);
        axes->last = fmax(axes->last, middle);
        axes->low_ns = fmin(axes->low_ns, wall.low);
        axes->high_ns = fmax(axes->high_ns, wall.high);
    }
    free(values);
    return 0;
}

static size_t most_iterations(const struct chart_plan *plan, uint32_t cell_index,
                              const struct iterations *iterations)
{
    const struct run_cell *cell = &plan->run->cells[cell_index];
    size_t most = 0;
    for (size_t i = 0; i < cell->invocation_count; i++) {
        size_t count = iterations[cell->invocations[i]].count;
        if (chart_invocation_counts(plan, cell->invocations[i]) && count > most)
            most = count;
    }
    return most;
}

static bool is_series(const struct chart_plan *plan, const struct chart_panel *panel,
                      const struct iterations *iterations)
{
    for (size_t i = 0; i < panel->member_count; i++)
        if (most_iterations(plan, panel->members[i].cell, iterations) >= LEAST_ITERATIONS)
            return true;
    return false;
}

/* METHODS.md section 1: a series that still drifts. */
static void note_unsteady(struct chart_caption *caption, const struct chart_plan *plan,
                          const struct chart_panel *panel)
{
    bool any = false;
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct run_cell *cell = &plan->run->cells[panel->members[i].cell];
        size_t unsteady = 0;
        for (size_t j = 0; j < cell->invocation_count; j++) {
            uint32_t invocation = cell->invocations[j];
            unsteady += chart_invocation_counts(plan, invocation) &&
                        run_invocation_has_flag(&plan->run->invocations[invocation], "unsteady");
        }
        if (unsteady == 0)
            continue;
        if (!any)
            chart_caption_note(caption, "still drifting: ");
        fprintf(caption->note, "%s%s %zu of %zu", any ? ", " : "",
                plan->series[panel->members[i].series].label, unsteady,
                chart_count(plan, panel->members[i].cell));
        any = true;
    }
}

static int write_panel(const struct chart_plan *plan, size_t p, size_t number,
                       struct iterations *iterations, const char *folder,
                       struct chart_table *panels, struct csv_error *error)
{
    const struct chart_panel *panel = &plan->panels[p];
    char name[64];
    snprintf(name, sizeof name, "warmup.%zu.csv", number);
    struct chart_table *table;
    int code =
        chart_table_open(&table, folder, name, "series,iteration,wall_ns,low_ns,high_ns", error);
    if (code)
        return code;
    struct axes axes = {INFINITY, -INFINITY, INFINITY, 0};
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        if (most_iterations(plan, panel->members[i].cell, iterations) == 0)
            continue;
        chart_caption_show(&caption, panel->members[i].series);
        code = write_curve(plan, &panel->members[i], iterations, table, &axes);
    }
    if (!code) {
        note_unsteady(&caption, plan, panel);
        code = chart_caption_put_as(&caption, panels, plan, p, number, "");
    }
    if (!code) {
        chart_log_range(&axes.low_ns, &axes.high_ns, 2);
        chart_table_real(panels, axes.first);
        chart_table_real(panels, axes.last);
        chart_table_real(panels, axes.low_ns);
        chart_table_real(panels, axes.high_ns);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

int chart_warmup_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    const struct run_data *run = plan->run;
    struct chart_table *panels = NULL;
    struct iterations *iterations = calloc(run->invocation_count + 1, sizeof *iterations);
    if (!iterations)
        return -ENOMEM;
    int code = run_data_each(run, SCHEMA_FILE_ITERATIONS, take_iteration, iterations, error);
    for (size_t i = 0; i < run->invocation_count && !code; i++)
        if (iterations[i].count)
            qsort(iterations[i].rows, iterations[i].count, sizeof *iterations[i].rows,
                  iteration_compare);
    if (!code)
        code = chart_table_open(&panels, folder, "warmup.panels.csv",
                                CHART_CAPTION_COLUMNS ",first,last,low_ns,high_ns", error);
    size_t number = 0;
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        if (is_series(plan, &plan->panels[p], iterations))
            code = write_panel(plan, p, ++number, iterations, folder, panels, error);
    int closed = chart_table_close(panels, error);
    for (size_t i = 0; i < run->invocation_count; i++)
        free(iterations[i].rows);
    free(iterations);
    return code ? code : closed ? closed : (int)number;
}
