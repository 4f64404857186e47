#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "data/chart_caption.h"
#include "data/stop_log.h"

/* Of the stops that begin in one of so many spans of the axis the longest is drawn, so that a
 * picture is bounded whatever the number of stops, and loses no long one. */
#define SPANS 300

struct axes {
    double high_ns; /* time */
    double shortest_ns, longest_ns;
};

static void put_row(struct chart_table *table, uint32_t series, const char *kind, double start_ns,
                    double duration_ns)
{
    chart_table_int(table, series + 1);
    chart_table_text(table, kind);
    chart_table_real(table, start_ns);
    chart_table_real(table, duration_ns);
    chart_table_row(table);
}

/* A logarithmic axis has no zero. */
static double duration_of(const struct stop *stop)
{
    return fmax((double)(stop->end_ns - stop->start_ns), 1);
}

static void put_stops(struct chart_table *table, uint32_t series, const struct stop_log *log,
                      struct axes *axes)
{
    double span_ns = axes->high_ns / SPANS;
    for (size_t i = 0; i < log->count;) {
        double end_ns = span_ns * (floor((double)log->stops[i].start_ns / span_ns) + 1);
        size_t longest = i, next = i + 1;
        for (; next < log->count && (double)log->stops[next].start_ns < end_ns; next++)
            if (duration_of(&log->stops[next]) > duration_of(&log->stops[longest]))
                longest = next;
        double duration_ns = duration_of(&log->stops[longest]);
        put_row(table, series, "stop", (double)log->stops[longest].start_ns, duration_ns);
        axes->shortest_ns = fmin(axes->shortest_ns, duration_ns);
        axes->longest_ns = fmax(axes->longest_ns, duration_ns);
        i = next;
    }
}

static void note_stops(struct chart_caption *caption, const char *label, bool first,
                       const struct stop_log *log)
{
    double longest_ns = 0, total_ns = 0;
    for (size_t i = 0; i < log->count; i++) {
        double duration_ns = (double)(log->stops[i].end_ns - log->stops[i].start_ns);
        longest_ns = fmax(longest_ns, duration_ns);
        total_ns += duration_ns;
    }
    if (first)
        chart_caption_note(caption, "stops: ");
    else
        fputs(", ", caption->note);
    fprintf(caption->note, "%s %zu (longest ", label, log->count);
    chart_put_time(caption->note, longest_ns);
    fputs(", together ", caption->note);
    chart_put_time(caption->note, total_ns);
    fputc(')', caption->note);
}

static int write_members(const struct chart_plan *plan, const struct chart_panel *panel,
                         struct stop_log *logs, struct chart_table *table,
                         struct chart_caption *caption, struct axes *axes)
{
    bool *has_stops = calloc(panel->member_count, sizeof *has_stops);
    int64_t *typical = calloc(panel->member_count, sizeof *typical);
    double *wall_ns = calloc(panel->member_count, sizeof *wall_ns);
    int code = has_stops && typical && wall_ns ? 0 : -ENOMEM;
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        typical[i] = chart_typical_invocation(plan, panel->members[i].cell, &wall_ns[i]);
        if (typical[i] == -ENOMEM)
            code = -ENOMEM;
        has_stops[i] = typical[i] >= 0 && logs[typical[i]].count > 0;
        if (has_stops[i])
            axes->high_ns = fmax(axes->high_ns, wall_ns[i]);
    }
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        if (!has_stops[i])
            continue;
        uint32_t series = panel->members[i].series;
        struct stop_log *log = &logs[typical[i]];
        stop_log_sort(log);
        note_stops(caption, plan->series[series].label, caption->shown_count == 0, log);
        chart_caption_show(caption, series);
        put_stops(table, series, log, axes);
        put_row(table, series, "end", wall_ns[i], NAN);
    }
    if (!code)
        code = chart_caption_note_stopless(caption, plan, panel, has_stops);
    free(has_stops);
    free(typical);
    free(wall_ns);
    return code;
}

static int write_panel(const struct chart_plan *plan, size_t p, struct stop_log *logs,
                       const char *folder, struct chart_table *panels, struct csv_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "stop_timeline.%zu.csv", p + 1);
    struct chart_table *table;
    int code = chart_table_open(&table, folder, name, "series,kind,t_ns,duration_ns", error);
    if (code)
        return code;
    struct axes axes = {0, INFINITY, 0};
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    if (!code)
        code = write_members(plan, &plan->panels[p], logs, table, &caption, &axes);
    if (!code)
        code = chart_caption_put(&caption, panels, plan, p);
    if (!code) {
        if (caption.shown_count == 0)
            axes = (struct axes){1e9, 1e5, 1e7};
        chart_log_range(&axes.shortest_ns, &axes.longest_ns, 10);
        chart_table_real(panels, axes.high_ns * 1.02);
        chart_table_real(panels, axes.shortest_ns);
        chart_table_real(panels, axes.longest_ns);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

int chart_stop_timeline_write(const struct chart_plan *plan, const char *folder,
                              struct csv_error *error)
{
    struct stop_log *logs;
    struct chart_table *panels = NULL;
    int code = stop_logs_read(&logs, plan->run, error);
    if (code)
        return code;
    code = chart_table_open(&panels, folder, "stop_timeline.panels.csv",
                            CHART_CAPTION_COLUMNS ",high_ns,shortest_ns,longest_ns", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panel(plan, p, logs, folder, panels, error);
    int closed = chart_table_close(panels, error);
    stop_logs_free(logs, plan->run);
    return code ? code : closed;
}
