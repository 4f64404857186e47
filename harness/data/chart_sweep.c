#include "data/chart_sweep.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool part_equals(struct cell_part a, struct cell_part b)
{
    return a.length == b.length && memcmp(a.text, b.text, (size_t)a.length) == 0;
}

static bool same_work(const struct run_cell *a, const struct run_cell *b)
{
    return part_equals(a->parts.workload, b->parts.workload) &&
           part_equals(a->parts.threads, b->parts.threads);
}

static uint32_t series_of(const struct chart_plan *plan, const struct run_cell *cell)
{
    uint32_t series = 0;
    while (strlen(plan->series[series].label) != (size_t)cell->parts.backend.length ||
           memcmp(plan->series[series].label, cell->parts.backend.text,
                  (size_t)cell->parts.backend.length) != 0)
        series++;
    return series;
}

static char *title_of(const struct run_data *run, const struct run_cell *cell)
{
    char *title = NULL;
    bool threads_differ = false;
    for (size_t i = 0; i < run->cell_count; i++)
        threads_differ |= !part_equals(run->cells[i].parts.threads, cell->parts.threads);
    struct cell_part work = cell->parts.workload, threads = cell->parts.threads;
    bool one = threads.length == 1 && *threads.text == '1';
    int length = threads_differ ? asprintf(&title, "%.*s · %.*s thread%s", work.length, work.text,
                                           threads.length, threads.text, one ? "" : "s")
                                : asprintf(&title, "%.*s", work.length, work.text);
    return length < 0 ? NULL : title;
}

static int cell_compare(const void *a, const void *b)
{
    const struct chart_sweep_cell *x = a, *y = b;
    int by_series = (x->series > y->series) - (x->series < y->series);
    return by_series ? by_series
                     : (x->limit_bytes > y->limit_bytes) - (x->limit_bytes < y->limit_bytes);
}

static int sweep_compare(const void *a, const void *b)
{
    const struct chart_sweep *x = a, *y = b;
    return strverscmp(x->title, y->title);
}

static bool is_sweep(const struct chart_sweep *sweep)
{
    for (size_t i = 1; i < sweep->cell_count; i++) {
        const struct chart_sweep_cell *a = &sweep->cells[i - 1], *b = &sweep->cells[i];
        if (a->series == b->series && a->limit_bytes > 0 && b->limit_bytes > a->limit_bytes)
            return true;
    }
    return false;
}

static void free_sweep(struct chart_sweep *sweep)
{
    free(sweep->title);
    free(sweep->cells);
}

static int make_sweep(struct chart_sweep *sweep, const struct chart_plan *plan, size_t first)
{
    const struct run_data *run = plan->run;
    *sweep = (struct chart_sweep){.title = title_of(run, &run->cells[first]), .reference = -1};
    sweep->cells = calloc(run->cell_count, sizeof *sweep->cells);
    if (!sweep->title || !sweep->cells)
        return -ENOMEM;
    for (size_t i = first; i < run->cell_count; i++) {
        const struct run_cell *cell = &run->cells[i];
        if (!same_work(cell, &run->cells[first]))
            continue;
        struct chart_sweep_cell found = {.cell = (uint32_t)i,
                                         .series = series_of(plan, cell),
                                         .limit_bytes = strtod(cell->heap_limit_bytes, NULL)};
        sweep->cells[sweep->cell_count++] = found;
        if (found.series == plan->reference && found.limit_bytes <= 0)
            sweep->reference = (int64_t)i;
    }
    qsort(sweep->cells, sweep->cell_count, sizeof *sweep->cells, cell_compare);
    return 0;
}

int chart_sweeps_make(struct chart_sweeps *sweeps, const struct chart_plan *plan)
{
    const struct run_data *run = plan->run;
    *sweeps = (struct chart_sweeps){.sweeps = calloc(run->cell_count, sizeof *sweeps->sweeps)};
    int code = sweeps->sweeps || !run->cell_count ? 0 : -ENOMEM;
    for (size_t i = 0; i < run->cell_count && !code; i++) {
        bool known = false;
        for (size_t j = 0; j < i && !known; j++)
            known = same_work(&run->cells[j], &run->cells[i]);
        if (known)
            continue;
        struct chart_sweep sweep;
        code = make_sweep(&sweep, plan, i);
        if (!code && is_sweep(&sweep))
            sweeps->sweeps[sweeps->count++] = sweep;
        else
            free_sweep(&sweep);
    }
    if (code)
        chart_sweeps_free(sweeps);
    else if (sweeps->count)
        qsort(sweeps->sweeps, sweeps->count, sizeof *sweeps->sweeps, sweep_compare);
    return code;
}

void chart_sweeps_free(struct chart_sweeps *sweeps)
{
    for (size_t i = 0; i < sweeps->count; i++)
        free_sweep(&sweeps->sweeps[i]);
    free(sweeps->sweeps);
    *sweeps = (struct chart_sweeps){0};
}

enum chart_crossing chart_sweep_cross(const struct chart_sweep_point *points, size_t count,
                                      double ns, double *bytes)
{
    size_t first = count;
    while (first > 0 && points[first - 1].ns <= ns)
        first--;
    if (first == count)
        return CHART_NEVER;
    *bytes = points[first].bytes;
    if (first == 0)
        return CHART_BELOW;
    const struct chart_sweep_point *above = &points[first - 1], *below = &points[first];
    double part = log(above->ns / ns) / log(above->ns / below->ns);
    *bytes = above->bytes * pow(below->bytes / above->bytes, part);
    return CHART_CROSSES;
}
