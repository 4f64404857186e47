#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/statistics.h"

#define ALPHA 0.05

/* Panels of the plan that differ in their number of threads alone. */
struct group {
    const struct chart_panel **panels; /* by threads */
    uint64_t *threads;
    size_t count;
};

struct axes {
    double low, high; /* operations per second */
};

/* Operations per second of a cell, ascending. */
struct sample {
    double *values;
    size_t count;
};

/* The cell that gives the panel its workload, heap setting and threads; some member always does. */
static const struct run_cell *place_of(const struct chart_plan *plan,
                                       const struct chart_panel *panel)
{
    size_t i = 0;
    while (i + 1 < panel->member_count && panel->members[i].unlimited)
        i++;
    return &plan->run->cells[panel->members[i].cell];
}

static bool part_equals(struct cell_part a, struct cell_part b)
{
    return a.length == b.length && memcmp(a.text, b.text, (size_t)a.length) == 0;
}

static bool scales_with(const struct run_cell *a, const struct run_cell *b)
{
    return part_equals(a->parts.workload, b->parts.workload) &&
           part_equals(a->parts.heap, b->parts.heap);
}

static uint64_t threads_of(const struct run_cell *place)
{
    return strtoull(place->parts.threads.text, NULL, 10);
}

/* Gathers the panels that belong with panel `first`; none where that is not the first of them. */
static void gather(struct group *group, const struct chart_plan *plan, size_t first)
{
    const struct run_cell *place = place_of(plan, &plan->panels[first]);
    group->count = 0;
    for (size_t p = 0; p < first; p++)
        if (scales_with(place_of(plan, &plan->panels[p]), place))
            return;
    for (size_t p = first; p < plan->panel_count; p++) {
        const struct run_cell *other = place_of(plan, &plan->panels[p]);
        if (!scales_with(other, place))
            continue;
        size_t at = group->count++;
        for (; at > 0 && group->threads[at - 1] > threads_of(other); at--) {
            group->threads[at] = group->threads[at - 1];
            group->panels[at] = group->panels[at - 1];
        }
        group->threads[at] = threads_of(other);
        group->panels[at] = &plan->panels[p];
    }
}

static const struct chart_member *member_of(const struct chart_panel *panel, uint32_t series)
{
    for (size_t i = 0; i < panel->member_count; i++)
        if (panel->members[i].series == series)
            return &panel->members[i];
    return NULL;
}

/* Whether some variant has more than one number of threads. */
static bool is_scaling(const struct chart_plan *plan, const struct group *group)
{
    for (uint32_t s = 0; s < plan->series_count; s++) {
        size_t count = 0;
        for (size_t k = 0; k < group->count; k++)
            count += member_of(group->panels[k], s) != NULL;
        if (count > 1)
            return true;
    }
    return false;
}

static int take_sample(const struct chart_plan *plan, uint32_t cell, struct sample *sample)
{
    int code = chart_values(plan, cell, "operations_per_s", &sample->values, &sample->count);
    size_t kept = 0;
    for (size_t i = 0; i < sample->count; i++)
        if (sample->values[i] > 0)
            sample->values[kept++] = sample->values[i];
    sample->count = kept;
    if (kept)
        statistics_sort(sample->values, kept);
    return code;
}

static void put_point(struct chart_table *table, int64_t series, const char *kind, uint64_t threads,
                      size_t n, double median, double low, double high)
{
    chart_table_int(table, series);
    chart_table_text(table, kind);
    chart_table_int(table, (int64_t)threads);
    chart_table_int(table, (int64_t)n);
    chart_table_real(table, median);
    chart_table_real(table, low);
    chart_table_real(table, high);
    chart_table_row(table);
}

/* "marksweep 1.83 [1.75, 1.92]": by how much the last sample is faster than the first. */
static int note_speed_up(struct chart_caption *caption, const char *label, bool first,
                         const struct group *group, size_t low, size_t high,
                         const struct sample *samples)
{
    struct sample logs[2];
    int code = 0;
    for (size_t k = 0; k < 2; k++) {
        const struct sample *sample = &samples[k ? high : low];
        logs[k] = (struct sample){calloc(sample->count, sizeof *logs->values), sample->count};
        if (!logs[k].values)
            code = -ENOMEM;
        for (size_t i = 0; i < sample->count && !code; i++)
            logs[k].values[i] = log(sample->values[i]);
    }
    struct u_distribution u;
    if (!code)
        code = u_distribution_make(&u, logs[0].count, logs[1].count);
    if (!code) {
        struct shift_estimate shift = statistics_shift(&u, logs[0].values, logs[1].values, ALPHA);
        bool is_interval = shift.coverage >= 1 - ALPHA;
        if (first)
            chart_caption_note(caption, "speed-up: ");
        else
            fputs(", ", caption->note);
        fprintf(caption->note, "%s %.3g %s%.3g%s%.3g%s", label, exp(shift.estimate),
                is_interval ? "[" : "(", exp(shift.low), is_interval ? ", " : " to ",
                exp(shift.high), is_interval ? "]" : ")");
        if (low > 0 || high + 1 < group->count)
            fprintf(caption->note, " from %llu to %llu", (unsigned long long)group->threads[low],
                    (unsigned long long)group->threads[high]);
        u_distribution_free(&u);
    }
    free(logs[0].values);
    free(logs[1].values);
    return code;
}

/* The curve of a series through the group. *begun is whether the note of speed-ups is. */
static int write_series(const struct chart_plan *plan, const struct group *group, uint32_t series,
                        struct sample *samples, struct chart_table *table,
                        struct chart_caption *caption, bool *begun, struct axes *axes)
{
    size_t low = SIZE_MAX, high = 0;
    for (size_t k = 0; k < group->count; k++) {
        const struct chart_member *member = member_of(group->panels[k], series);
        samples[k].count = 0;
        int code = member ? take_sample(plan, member->cell, &samples[k]) : 0;
        if (code)
            return code;
        if (samples[k].count == 0)
            continue;
        low = low == SIZE_MAX ? k : low;
        high = k;
        struct median_interval at =
            statistics_median_interval(samples[k].values, samples[k].count, ALPHA);
        put_point(table, series + 1, "curve", group->threads[k], samples[k].count,
                  statistics_median(samples[k].values, samples[k].count), at.low, at.high);
        axes->low = fmin(axes->low, at.low);
        axes->high = fmax(axes->high, at.high);
    }
    if (low == SIZE_MAX)
        return 0;
    chart_caption_show(caption, series);
    if (series == plan->reference) {
        /* What more threads would do, were they free of each other. */
        double one = statistics_median(samples[low].values, samples[low].count) /
                     (double)group->threads[low];
        for (size_t k = low; k < group->count; k++)
            put_point(table, 0, "ideal", group->threads[k], 0, one * (double)group->threads[k], NAN,
                      NAN);
    }
    if (high == low)
        return 0;
    int code =
        note_speed_up(caption, plan->series[series].label, !*begun, group, low, high, samples);
    *begun = true;
    return code;
}

static void note_failures(const struct chart_plan *plan, const struct group *group,
                          struct chart_caption *caption)
{
    for (int drawn = 0; drawn <= 1; drawn++) {
        bool any = false;
        for (size_t k = 0; k < group->count; k++)
            for (size_t i = 0; i < group->panels[k]->member_count; i++) {
                const struct chart_member *member = &group->panels[k]->members[i];
                if ((chart_count(plan, member->cell) > 0) != drawn ||
                    (drawn && !chart_has_failures(plan, member->cell)))
                    continue;
                if (!any)
                    chart_caption_note(caption, drawn ? "drawn without failures: " : "not drawn: ");
                fprintf(caption->note, "%s%s at %llu (", any ? ", " : "",
                        plan->series[member->series].label, (unsigned long long)group->threads[k]);
                chart_put_outcome(caption->note, plan, member->cell);
                fputc(')', caption->note);
                any = true;
            }
    }
}

static int put_panel(const struct chart_plan *plan, const struct group *group, size_t number,
                     struct chart_caption *caption, struct axes axes, struct chart_table *panels)
{
    size_t low = SIZE_MAX, high = 0;
    char *title = NULL, *threads = NULL;
    size_t length;
    for (size_t k = 0; k < group->count; k++)
        for (size_t i = 0; i < group->panels[k]->member_count; i++) {
            size_t n = chart_count(plan, group->panels[k]->members[i].cell);
            low = n && n < low ? n : low;
            high = n > high ? n : high;
        }
    const struct run_cell *place = place_of(plan, group->panels[0]);
    bool limited = strncmp(place->parts.heap.text, "none", (size_t)place->parts.heap.length) != 0;
    if (asprintf(&title, "%.*s%s%.*s", place->parts.workload.length, place->parts.workload.text,
                 limited ? " · heap " : "", limited ? place->parts.heap.length : 0,
                 place->parts.heap.text) < 0)
        return -ENOMEM;
    FILE *out = open_memstream(&threads, &length);
    for (size_t k = 0; k < group->count && out; k++)
        fprintf(out, "%s%llu", k ? " " : "", (unsigned long long)group->threads[k]);
    int code = out && fclose(out) == 0 ? 0 : -ENOMEM;
    if (!code)
        code = chart_caption_put_own(caption, panels, number, title, low, high);
    if (!code) {
        if (caption->shown_count == 0)
            axes = (struct axes){1, 1e6};
        chart_log_range(&axes.low, &axes.high, 4);
        chart_table_text(panels, threads);
        chart_table_real(panels, axes.low);
        chart_table_real(panels, axes.high);
        chart_table_row(panels);
    }
    free(title);
    free(threads);
    return code;
}

static int write_group(const struct chart_plan *plan, const struct group *group, size_t number,
                       const char *folder, struct chart_table *panels, struct csv_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "scaling.%zu.csv", number);
    struct chart_table *table;
    int code = chart_table_open(
        &table, folder, name, "series,kind,threads,n,operations_per_s,low_per_s,high_per_s", error);
    if (code)
        return code;
    struct axes axes = {INFINITY, 0};
    struct chart_caption caption;
    struct sample *samples = calloc(group->count, sizeof *samples);
    bool begun = false;
    code = chart_caption_open(&caption);
    if (!code && !samples)
        code = -ENOMEM;
    for (uint32_t s = 0; s < plan->series_count && !code; s++) {
        code = write_series(plan, group, s, samples, table, &caption, &begun, &axes);
        for (size_t k = 0; k < group->count; k++) {
            free(samples[k].values);
            samples[k] = (struct sample){0};
        }
    }
    if (!code) {
        note_failures(plan, group, &caption);
        code = put_panel(plan, group, number, &caption, axes, panels);
    }
    free(samples);
    chart_caption_free(&caption);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

int chart_scaling_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    struct group group = {
        .panels = calloc(plan->panel_count + 1, sizeof *group.panels),
        .threads = calloc(plan->panel_count + 1, sizeof *group.threads),
    };
    struct chart_table *panels = NULL;
    size_t number = 0;
    int code = group.panels && group.threads ? 0 : -ENOMEM;
    if (!code)
        code = chart_table_open(&panels, folder, "scaling.panels.csv",
                                CHART_CAPTION_COLUMNS ",threads,low_per_s,high_per_s", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++) {
        gather(&group, plan, p);
        if (is_scaling(plan, &group))
            code = write_group(plan, &group, ++number, folder, panels, error);
    }
    int closed = chart_table_close(panels, error);
    free(group.panels);
    free(group.threads);
    return code ? code : closed ? closed : (int)number;
}
