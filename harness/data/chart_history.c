#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/figure_text.h"
#include "data/gate_file.h"
#include "data/history_trend.h"

/* Of a metric that does not gate a change of up to so much is none. */
static const struct compare_tolerance ungated = {.relative = 0.05, .absolute = 0};

static const struct {
    const char *metric;
    const char *title; /* added to that of the panel */
    const char *tick_kind;
    double tick_scale;
} charted[] = {
    {"wall_ns", " · wall time", "time", 1},
    {"pause_max_ns", " · longest stop", "time", 1},
    {"rss_peak_bytes", " · peak memory in MiB", "plain", 0x1p20},
};
#define CHARTED (sizeof charted / sizeof *charted)

struct axes {
    double low, high;
    size_t n_low, n_high;
};

static const struct history_series *find_series(const struct chart_plan *plan, uint32_t cell,
                                                const char *metric)
{
    for (size_t i = 0; i < plan->history->series_count; i++) {
        const struct history_series *series = &plan->history->series[i];
        if (!strcmp(series->cell, plan->run->cells[cell].key) && !strcmp(series->metric, metric))
            return series;
    }
    return NULL;
}

static void put_row(struct chart_table *table, uint32_t series, const char *kind, double run,
                    double value, double low, double high)
{
    chart_table_int(table, series + 1);
    chart_table_text(table, kind);
    chart_table_real(table, run);
    chart_table_real(table, value);
    chart_table_real(table, low);
    chart_table_real(table, high);
    chart_table_row(table);
}

/* The level between two change points, from run to run: its mean, and the end of it as `low`. */
static void put_level(struct chart_table *table, uint32_t series,
                      const struct history_series *history, const struct history_trend *trend,
                      size_t first, size_t last, double mean)
{
    put_row(table, series, "level", (double)history->points[trend->points[first]].run + 0.6, mean,
            (double)history->points[trend->points[last]].run + 1.4, NAN);
}

static void note_change(struct chart_caption *caption, const struct chart_plan *plan,
                        const char *label, bool first, const struct history_series *series,
                        const struct history_trend *trend, const struct change_point *change)
{
    char before[FIGURE_TEXT_BYTES], after[FIGURE_TEXT_BYTES];
    size_t run = series->points[trend->points[change->index]].run;
    if (first)
        chart_caption_note(caption, "changed: ");
    else
        fputs(", ", caption->note);
    fprintf(caption->note, "%s from %s to %s on %.10s%s", label,
            figure_format(before, change->mean_before, series->unit),
            figure_format(after, change->mean_after, series->unit), plan->history->runs[run].date,
            history_change_is_worse(series, change) ? " (worse)" : "");
}

static int write_series(const struct chart_plan *plan, uint32_t series,
                        const struct history_series *history, struct chart_table *table,
                        struct chart_caption *caption, bool *noted, struct axes *axes)
{
    struct history_trend trend;
    struct compare_tolerance tolerance;
    if (!plan->gate || !gate_tolerance(plan->gate, history->cell, history->metric, &tolerance))
        tolerance = ungated;
    int code = history_trend_find(&trend, history, &tolerance);
    if (code)
        return code;
    for (size_t i = 0; i < history->point_count; i++) {
        const struct history_point *point = &history->points[i];
        if (!(point->median > 0))
            continue;
        double low = point->low > 0 ? point->low : point->median;
        double high = point->high > 0 ? point->high : point->median;
        put_row(table, series, "point", (double)point->run + 1, point->median, low, high);
        axes->low = fmin(axes->low, low);
        axes->high = fmax(axes->high, high);
        axes->n_low = point->ok_count < axes->n_low ? point->ok_count : axes->n_low;
        axes->n_high = point->ok_count > axes->n_high ? point->ok_count : axes->n_high;
    }
    size_t first = 0;
    for (size_t c = 0; c < trend.change_count; c++) {
        const struct change_point *change = &trend.changes[c];
        put_level(table, series, history, &trend, first, change->index - 1, change->mean_before);
        first = change->index;
        if (c + 1 == trend.change_count)
            put_level(table, series, history, &trend, first, trend.value_count - 1,
                      change->mean_after);
        note_change(caption, plan, plan->series[series].label, !*noted, history, &trend, change);
        *noted = true;
    }
    history_trend_free(&trend);
    return 0;
}

static bool has_history(const struct chart_plan *plan, const struct chart_panel *panel,
                        const char *metric)
{
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct history_series *series = find_series(plan, panel->members[i].cell, metric);
        for (size_t k = 0; series && k < series->point_count; k++)
            if (series->points[k].median > 0)
                return true;
    }
    return false;
}

static int write_panel(const struct chart_plan *plan, const struct chart_panel *panel, size_t kind,
                       size_t number, const char *folder, struct chart_table *panels,
                       struct csv_error *error)
{
    char name[64], title[512];
    snprintf(name, sizeof name, "history.%zu.csv", number);
    struct chart_table *table;
    int code = chart_table_open(&table, folder, name, "series,kind,run,value,low,high", error);
    if (code)
        return code;
    struct axes axes = {INFINITY, 0, SIZE_MAX, 0};
    bool noted = false;
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        const struct history_series *series =
            find_series(plan, panel->members[i].cell, charted[kind].metric);
        if (!series)
            continue;
        chart_caption_show(&caption, panel->members[i].series);
        code = write_series(plan, panel->members[i].series, series, table, &caption, &noted, &axes);
    }
    if (!code) {
        if (plan->history->run_count < HISTORY_LEAST_RUNS)
            chart_caption_note(&caption, "too few runs to tell of changes");
        else if (!noted)
            chart_caption_note(&caption, "no change");
        snprintf(title, sizeof title, "%s%s", panel->title, charted[kind].title);
        code = chart_caption_put_own(&caption, panels, number, title, axes.n_low, axes.n_high);
    }
    if (!code) {
        chart_log_range(&axes.low, &axes.high, 2);
        chart_table_real(panels, axes.low);
        chart_table_real(panels, axes.high);
        chart_table_text(panels, charted[kind].tick_kind);
        chart_table_real(panels, charted[kind].tick_scale);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

static int write_runs(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    struct chart_table *table;
    int code = chart_table_open(&table, folder, "history.runs.csv", "run,date", error);
    if (code)
        return code;
    for (size_t i = 0; i < plan->history->run_count; i++) {
        char day[11];
        snprintf(day, sizeof day, "%.10s", plan->history->runs[i].date);
        chart_table_int(table, (int64_t)i + 1);
        chart_table_text(table, day);
        chart_table_row(table);
    }
    return chart_table_close(table, error);
}

int chart_history_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    if (!plan->history)
        return 0;
    struct chart_table *panels = NULL;
    size_t number = 0;
    int code = write_runs(plan, folder, error);
    if (!code)
        code = chart_table_open(&panels, folder, "history.panels.csv",
                                CHART_CAPTION_COLUMNS ",low,high,tick_kind,tick_scale", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        for (size_t kind = 0; kind < CHARTED && !code; kind++)
            if (has_history(plan, &plan->panels[p], charted[kind].metric))
                code = write_panel(plan, &plan->panels[p], kind, ++number, folder, panels, error);
    int closed = chart_table_close(panels, error);
    return code ? code : closed ? closed : (int)number;
}
