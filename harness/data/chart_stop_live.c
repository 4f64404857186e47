#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"

/* A cell whose collector reports both its stops and what it found live. */
struct point {
    uint32_t cell;
    uint32_t series;
    unsigned workload; /* from 1: what the point is labelled with */
    size_t n;
    struct chart_summary live_bytes;
    struct chart_summary longest_ns;
};

struct points {
    struct point *points; /* by series, workload, heap setting and threads, then by live bytes */
    size_t count;
};

struct axes {
    double low_bytes, high_bytes;
    double low_ns, high_ns;
};

static int take_collection(void *data, size_t invocation, const struct csv_row *row)
{
    double *most_bytes = (double *)data + invocation;
    double live_bytes;
    int found = csv_row_number(row, SCHEMA_COLLECTIONS_live_bytes, &live_bytes);
    if (found > 0)
        *most_bytes = fmax(*most_bytes, live_bytes);
    return found < 0 ? found : 0;
}

/* False: the cell has no stops, or nobody knows what was live. */
static int look(const struct chart_plan *plan, const struct chart_member *member,
                const double *most_bytes, struct point *point, bool *found)
{
    const struct run_data *run = plan->run;
    const struct run_cell *cell = &run->cells[member->cell];
    double *bytes = calloc(2 * cell->invocation_count + 1, sizeof *bytes);
    *found = false;
    if (!bytes)
        return -ENOMEM;
    double *ns = bytes + cell->invocation_count;
    size_t count = 0, longest = (size_t)run_data_metric(run, "pause_max_ns");
    size_t live = (size_t)run_data_metric(run, "live_bytes");
    for (size_t i = 0; i < cell->invocation_count; i++) {
        uint32_t invocation = cell->invocations[i];
        bytes[count] = most_bytes[invocation];
        if (!chart_invocation_counts(plan, invocation) ||
            !run_data_value(run, invocation, longest, &ns[count]) ||
            (bytes[count] <= 0 &&
             (!run_data_value(run, invocation, live, &bytes[count]) || bytes[count] <= 0)))
            continue;
        ns[count] = fmax(ns[count], 1); /* a logarithmic axis has no zero */
        count++;
    }
    if (count) {
        *found = true;
        *point = (struct point){.cell = member->cell,
                                .series = member->series,
                                .n = count,
                                .live_bytes = chart_summarise(bytes, count),
                                .longest_ns = chart_summarise(ns, count)};
    }
    free(bytes);
    return 0;
}

static int part_compare(struct cell_part a, struct cell_part b)
{
    int least = a.length < b.length ? a.length : b.length;
    int order = memcmp(a.text, b.text, (size_t)least);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* Whether points differ in nothing but the parameters of their workload: a line joins them. */
static int kind_compare(const struct chart_plan *plan, const struct point *x, const struct point *y)
{
    const struct cell_parts *a = &plan->run->cells[x->cell].parts;
    const struct cell_parts *b = &plan->run->cells[y->cell].parts;
    int order = (x->series > y->series) - (x->series < y->series);
    order = order ? order : part_compare(a->workload_name, b->workload_name);
    order = order ? order : part_compare(a->heap, b->heap);
    return order ? order : part_compare(a->threads, b->threads);
}

static int point_compare(const void *a, const void *b, void *data)
{
    const struct point *x = a, *y = b;
    int order = kind_compare(data, x, y);
    return order ? order
                 : (x->live_bytes.median > y->live_bytes.median) -
                       (x->live_bytes.median < y->live_bytes.median);
}

static int find_points(struct points *points, const struct chart_plan *plan,
                       const double *most_bytes)
{
    *points = (struct points){.points = calloc(plan->run->cell_count + 1, sizeof *points->points)};
    int code = points->points ? 0 : -ENOMEM;
    for (size_t p = 0; p < plan->panel_count; p++)
        for (size_t i = 0; i < plan->panels[p].member_count && !code; i++) {
            const struct chart_member *member = &plan->panels[p].members[i];
            bool found;
            if (member->unlimited || chart_is_manual(plan, member->cell))
                continue;
            code = look(plan, member, most_bytes, &points->points[points->count], &found);
            points->count += !code && found;
        }
    if (!code && points->count)
        qsort_r(points->points, points->count, sizeof *points->points, point_compare, (void *)plan);
    return code;
}

/* Numbers the workloads, parameters included, and says in the note which is which. */
static void number_workloads(const struct chart_plan *plan, struct points *points,
                             struct chart_caption *caption)
{
    unsigned count = 0;
    for (size_t i = 0; i < points->count; i++) {
        struct cell_part name = plan->run->cells[points->points[i].cell].parts.workload;
        for (size_t j = 0; j < i && !points->points[i].workload; j++)
            if (!part_compare(name, plan->run->cells[points->points[j].cell].parts.workload))
                points->points[i].workload = points->points[j].workload;
        if (points->points[i].workload)
            continue;
        points->points[i].workload = ++count;
        if (count == 1)
            chart_caption_note(caption, "");
        fprintf(caption->note, "%s%u %.*s", count > 1 ? ", " : "", count, name.length, name.text);
    }
}

static void put_points(const struct chart_plan *plan, const struct points *points,
                       struct chart_table *table, struct chart_caption *caption, struct axes *axes)
{
    for (size_t i = 0; i < points->count; i++) {
        const struct point *point = &points->points[i];
        if (i == 0 || point->series != points->points[i - 1].series)
            chart_caption_show(caption, point->series);
        else if (kind_compare(plan, point, &points->points[i - 1])) {
            /* A row of no series ends the line: gnuplot would draw it across an empty one. */
            for (int k = 0; k < 9; k++)
                chart_table_int(table, 0);
            chart_table_row(table);
        }
        chart_table_int(table, point->series + 1);
        chart_table_int(table, point->workload);
        chart_table_int(table, (int64_t)point->n);
        chart_table_real(table, point->live_bytes.median);
        chart_table_real(table, point->live_bytes.low);
        chart_table_real(table, point->live_bytes.high);
        chart_table_real(table, point->longest_ns.median);
        chart_table_real(table, point->longest_ns.low);
        chart_table_real(table, point->longest_ns.high);
        chart_table_row(table);
        axes->low_bytes = fmin(axes->low_bytes, point->live_bytes.low);
        axes->high_bytes = fmax(axes->high_bytes, point->live_bytes.high);
        axes->low_ns = fmin(axes->low_ns, point->longest_ns.low);
        axes->high_ns = fmax(axes->high_ns, point->longest_ns.high);
    }
}

/* What is left out, and why. */
static void note_absent(const struct chart_plan *plan, const struct points *points,
                        struct chart_caption *caption)
{
    bool any = false;
    for (size_t c = 0; c < plan->run->cell_count; c++) {
        const struct run_cell *cell = &plan->run->cells[c];
        bool drawn = chart_is_manual(plan, (uint32_t)c);
        for (size_t i = 0; i < points->count && !drawn; i++)
            drawn = points->points[i].cell == c;
        /* Other heap settings and threads of what has been named are not named again. */
        for (size_t i = 0; i < c && !drawn; i++) {
            const struct cell_parts *other = &plan->run->cells[i].parts;
            drawn = !part_compare(other->workload, cell->parts.workload) &&
                    !part_compare(other->backend, cell->parts.backend);
        }
        if (drawn || strcmp(cell->workload, "nothing") == 0)
            continue;
        if (!any)
            chart_caption_note(caption, "no stop, or no live bytes known: ");
        fprintf(caption->note, "%s%.*s on %.*s", any ? ", " : "", cell->parts.workload.length,
                cell->parts.workload.text, cell->parts.backend.length, cell->parts.backend.text);
        any = true;
    }
}

static int write_tables(const struct chart_plan *plan, struct points *points,
                        struct chart_table *table, struct chart_table *panels)
{
    struct axes axes = {INFINITY, 0, INFINITY, 0};
    size_t low = SIZE_MAX, high = 0;
    struct chart_caption caption;
    int code = chart_caption_open(&caption);
    if (code)
        return code;
    number_workloads(plan, points, &caption);
    put_points(plan, points, table, &caption, &axes);
    note_absent(plan, points, &caption);
    for (size_t i = 0; i < points->count; i++) {
        low = points->points[i].n < low ? points->points[i].n : low;
        high = points->points[i].n > high ? points->points[i].n : high;
    }
    code = chart_caption_put_own(&caption, panels, 1, "all cells", low, high);
    if (!code) {
        chart_log_range(&axes.low_bytes, &axes.high_bytes, 10);
        chart_log_range(&axes.low_ns, &axes.high_ns, 10);
        chart_table_real(panels, axes.low_bytes);
        chart_table_real(panels, axes.high_bytes);
        chart_table_real(panels, axes.low_ns);
        chart_table_real(panels, axes.high_ns);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    return code;
}

int chart_stop_live_write(const struct chart_plan *plan, const char *folder,
                          struct csv_error *error)
{
    struct chart_table *panels = NULL, *table = NULL;
    struct points points = {0};
    double *most_bytes = calloc(plan->run->invocation_count + 1, sizeof *most_bytes);
    if (!most_bytes)
        return -ENOMEM;
    int code =
        run_data_each(plan->run, SCHEMA_FILE_COLLECTIONS, take_collection, most_bytes, error);
    if (!code)
        code = find_points(&points, plan, most_bytes);
    if (!code)
        code =
            chart_table_open(&panels, folder, "stop_live.panels.csv",
                             CHART_CAPTION_COLUMNS ",low_bytes,high_bytes,low_ns,high_ns", error);
    if (!code && points.count)
        code = chart_table_open(&table, folder, "stop_live.1.csv",
                                "series,workload,n,live_bytes,live_low_bytes,live_high_bytes,"
                                "longest_ns,longest_low_ns,longest_high_ns",
                                error);
    if (!code && points.count)
        code = write_tables(plan, &points, table, panels);
    int closed = chart_table_close(table, error);
    code = code ? code : closed;
    closed = chart_table_close(panels, error);
    int panel_count = points.count > 0;
    free(points.points);
    free(most_bytes);
    return code ? code : closed ? closed : panel_count;
}
