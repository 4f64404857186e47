#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/statistics.h"

/* Points of a curve: enough for any screen, and bounded whatever the number of stops. */
#define CURVE_POINTS_MAX 500

/* The stops of one invocation. */
struct stops {
    double *duration_ns; /* ascending, once loaded */
    size_t count;
    size_t capacity;
};

/* Those invocations of a cell that had stops. */
struct sample {
    const struct stops **stops;
    size_t count;
    double *values; /* room for one value each */
};

struct range {
    double low_ns, high_ns;
};

static int take_pause(void *data, size_t invocation, const struct csv_row *row)
{
    struct stops *stops = (struct stops *)data + invocation;
    int64_t duration_ns;
    int found = csv_row_int(row, SCHEMA_PAUSES_duration_ns, &duration_ns);
    if (found <= 0)
        return found;
    if (stops->count == stops->capacity) {
        size_t capacity = stops->capacity ? stops->capacity * 2 : 16;
        double *grown = realloc(stops->duration_ns, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        stops->duration_ns = grown;
        stops->capacity = capacity;
    }
    /* A logarithmic axis has no zero. */
    stops->duration_ns[stops->count++] = duration_ns > 0 ? (double)duration_ns : 1;
    return 0;
}

/* The smallest duration that at least `fraction` of the stops do not exceed. */
static double quantile(const struct stops *stops, double fraction)
{
    double rank = ceil(fraction * (double)stops->count - 1e-9);
    return stops->duration_ns[rank < 1 ? 0 : (size_t)rank - 1];
}

static struct chart_summary quantiles(struct sample *sample, double fraction)
{
    for (size_t i = 0; i < sample->count; i++)
        sample->values[i] = quantile(sample->stops[i], fraction);
    return chart_summarise(sample->values, sample->count);
}

static void put_point(struct chart_table *table, uint32_t series, const char *kind, double fraction,
                      struct chart_summary at)
{
    chart_table_int(table, series + 1);
    chart_table_text(table, kind);
    chart_table_real(table, fraction);
    chart_table_real(table, at.median);
    chart_table_real(table, at.low);
    chart_table_real(table, at.high);
}

static void write_curve(struct chart_table *table, uint32_t series, unsigned slot,
                        struct sample *sample, struct range *range)
{
    size_t most = 0;
    for (size_t i = 0; i < sample->count; i++)
        most = sample->stops[i]->count > most ? sample->stops[i]->count : most;
    size_t steps = most < CURVE_POINTS_MAX ? most : CURVE_POINTS_MAX;
    for (size_t k = 0; k <= steps; k++) {
        double fraction = (double)k / (double)steps;
        put_point(table, series, "curve", fraction, quantiles(sample, fraction));
        chart_table_int(table, slot);
        chart_table_row(table);
    }
    put_point(table, series, "median", 0.5, quantiles(sample, 0.5));
    chart_table_int(table, slot);
    chart_table_row(table);
    struct chart_summary longest = quantiles(sample, 1);
    put_point(table, series, "longest", 1, longest);
    chart_table_int(table, slot);
    chart_table_row(table);
    range->low_ns = fmin(range->low_ns, quantiles(sample, 0).low);
    range->high_ns = fmax(range->high_ns, longest.high);
}

static void note_counts(FILE *out, const char *label, const struct sample *sample, size_t n)
{
    size_t low = SIZE_MAX, high = 0;
    for (size_t i = 0; i < sample->count; i++) {
        low = sample->stops[i]->count < low ? sample->stops[i]->count : low;
        high = sample->stops[i]->count > high ? sample->stops[i]->count : high;
    }
    if (sample->count < n)
        low = 0;
    if (low == high)
        fprintf(out, "%s %zu", label, high);
    else
        fprintf(out, "%s %zu to %zu", label, low, high);
}

/* Stops that the machine's own hiccups may have lengthened (METHODS.md section 4). */
static int note_suspects(struct chart_caption *caption, const struct chart_plan *plan,
                         const struct chart_panel *panel)
{
    bool any = false;
    for (size_t i = 0; i < panel->member_count; i++) {
        double *values, sum = 0;
        size_t count;
        int code =
            chart_values(plan, panel->members[i].cell, "pauses_suspect_count", &values, &count);
        if (code)
            return code;
        for (size_t j = 0; j < count; j++)
            sum += values[j];
        free(values);
        if (sum <= 0)
            continue;
        if (!any)
            chart_caption_note(caption, "stops during hiccups of the machine, all invocations: ");
        fprintf(caption->note, "%s%s %.0f", any ? ", " : "",
                plan->series[panel->members[i].series].label, sum);
        any = true;
    }
    return 0;
}

static int write_members(const struct chart_plan *plan, const struct chart_panel *panel,
                         const struct stops *stops, struct chart_table *table,
                         struct chart_caption *caption, struct range *range)
{
    const struct run_data *run = plan->run;
    /* At least one, as no analyzer knows that cells without invocations have none. */
    size_t most = run->invocation_count + 1;
    struct sample sample = {
        .stops = calloc(most, sizeof *sample.stops),
        .values = calloc(most, sizeof *sample.values),
    };
    bool *has_stops = calloc(panel->member_count, sizeof *has_stops);
    int code = sample.stops && sample.values && has_stops ? 0 : -ENOMEM;
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        const struct chart_member *member = &panel->members[i];
        const struct run_cell *cell = &run->cells[member->cell];
        sample.count = 0;
        for (size_t j = 0; j < cell->invocation_count; j++) {
            uint32_t invocation = cell->invocations[j];
            if (chart_invocation_counts(plan, invocation) && stops[invocation].count)
                sample.stops[sample.count++] = &stops[invocation];
        }
        if (sample.count == 0)
            continue;
        has_stops[i] = true;
        if (caption->shown_count == 0)
            chart_caption_note(caption, "stops per invocation: ");
        else
            fputs(", ", caption->note);
        note_counts(caption->note, plan->series[member->series].label, &sample,
                    chart_count(plan, member->cell));
        chart_caption_show(caption, member->series);
        write_curve(table, member->series, caption->shown_count, &sample, range);
    }
    if (!code)
        code = chart_caption_note_stopless(caption, plan, panel, has_stops);
    if (!code)
        code = note_suspects(caption, plan, panel);
    free(sample.stops);
    free(sample.values);
    free(has_stops);
    return code;
}

static int write_panel(const struct chart_plan *plan, size_t p, const struct stops *stops,
                       const char *folder, struct chart_table *panels, struct csv_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "stop_cdf.%zu.csv", p + 1);
    struct chart_table *table;
    int code = chart_table_open(&table, folder, name,
                                "series,kind,fraction,duration_ns,low_ns,high_ns,slot", error);
    if (code)
        return code;
    struct range range = {INFINITY, 0};
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    if (!code)
        code = write_members(plan, &plan->panels[p], stops, table, &caption, &range);
    if (!code)
        code = chart_caption_put(&caption, panels, plan, p);
    if (!code) {
        if (caption.shown_count == 0)
            range = (struct range){1e5, 1e7};
        chart_log_range(&range.low_ns, &range.high_ns, 10);
        chart_table_real(panels, range.low_ns);
        chart_table_real(panels, range.high_ns);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

int chart_stop_cdf_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    const struct run_data *run = plan->run;
    struct stops *stops = calloc(run->invocation_count + 1, sizeof *stops);
    if (!stops)
        return -ENOMEM;
    struct chart_table *panels = NULL;
    int code = run_data_each(run, SCHEMA_FILE_PAUSES, take_pause, stops, error);
    for (size_t i = 0; i < run->invocation_count && !code; i++)
        statistics_sort(stops[i].duration_ns, stops[i].count);
    if (!code)
        code = chart_table_open(&panels, folder, "stop_cdf.panels.csv",
                                CHART_CAPTION_COLUMNS ",low_ns,high_ns", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panel(plan, p, stops, folder, panels, error);
    int closed = chart_table_close(panels, error);
    for (size_t i = 0; i < run->invocation_count; i++)
        free(stops[i].duration_ns);
    free(stops);
    return code ? code : closed;
}
