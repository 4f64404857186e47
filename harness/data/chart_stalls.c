#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "data/chart_caption.h"

/* One kind of interval, of which the longest of each invocation is shown. */
struct kind {
    const char *name;
    const char *longest_metric;
    const char *count_metric;
    bool is_probed; /* from probe invocations, else from the others */
};

static const struct kind kinds[] = {
    {"stop", "pause_max_ns", "pause_count", false},
    {"stall", "stall_max_ns", "stall_count", true},
};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

struct writer {
    const struct chart_plan *plan;
    struct chart_table *points;
    struct chart_caption *caption;
    double low_ns, high_ns;
    bool *is_shown; /* by member */
};

static int values_of(const struct writer *w, uint32_t cell, const struct kind *kind,
                     const char *metric, double **values, size_t *count)
{
    return kind->is_probed ? chart_probe_values(w->plan, cell, metric, values, count)
                           : chart_values(w->plan, cell, metric, values, count);
}

/* Says of a member without any interval of the kind that there was none, or that nobody looked. */
static int note_none(struct writer *w, const struct chart_panel *panel, const struct kind *kind,
                     const bool *has)
{
    for (int looked = 1; looked >= 0; looked--) {
        bool any = false;
        for (size_t i = 0; i < panel->member_count; i++) {
            const struct chart_member *member = &panel->members[i];
            double *values;
            size_t count;
            if (has[i])
                continue;
            int code = values_of(w, member->cell, kind, kind->count_metric, &values, &count);
            if (code)
                return code;
            free(values);
            bool has_none_by_nature = !kind->is_probed && chart_is_manual(w->plan, member->cell);
            if ((count > 0 || has_none_by_nature) != looked)
                continue;
            if (!any) {
                chart_caption_note(w->caption, looked ? "no " : "");
                fprintf(w->caption->note, looked ? "%ss: " : "%ss not measured: ", kind->name);
            }
            fprintf(w->caption->note, "%s%s", any ? ", " : "",
                    w->plan->series[member->series].label);
            any = true;
        }
    }
    return 0;
}

static int write_kind(struct writer *w, const struct chart_panel *panel, const struct kind *kind)
{
    bool *has = calloc(panel->member_count + 1, sizeof *has);
    int code = has ? 0 : -ENOMEM;
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        const struct chart_member *member = &panel->members[i];
        double *values;
        size_t count;
        code = values_of(w, member->cell, kind, kind->longest_metric, &values, &count);
        if (code || count == 0)
            continue;
        has[i] = true;
        w->is_shown[i] = true;
        struct chart_summary longest = chart_summarise(values, count);
        free(values);
        w->low_ns = fmin(w->low_ns, fmax(longest.low, 1));
        w->high_ns = fmax(w->high_ns, longest.high);
        chart_table_int(w->points, member->series + 1);
        chart_table_text(w->points, kind->name);
        chart_table_int(w->points, (int64_t)count);
        chart_table_real(w->points, longest.median);
        chart_table_real(w->points, longest.low);
        chart_table_real(w->points, longest.high);
        chart_table_int(w->points, (int64_t)i);
        chart_table_row(w->points);
    }
    if (!code)
        code = note_none(w, panel, kind, has);
    free(has);
    return code;
}

/* Probes are fewer than the n that the caption says. */
static int note_probes(struct writer *w, const struct chart_panel *panel)
{
    size_t low = SIZE_MAX, high = 0;
    for (size_t i = 0; i < panel->member_count; i++) {
        double *values;
        size_t count;
        int code =
            chart_probe_values(w->plan, panel->members[i].cell, "stall_count", &values, &count);
        if (code)
            return code;
        free(values);
        if (count == 0)
            continue;
        low = count < low ? count : low;
        high = count > high ? count : high;
    }
    if (high == 0)
        return 0;
    chart_caption_note(w->caption, "probe invocations: ");
    if (low == high)
        fprintf(w->caption->note, "%zu", high);
    else
        fprintf(w->caption->note, "%zu to %zu", low, high);
    return 0;
}

static int write_panel(const struct chart_plan *plan, size_t p, const char *folder,
                       struct chart_table *panels, struct csv_error *error)
{
    const struct chart_panel *panel = &plan->panels[p];
    char name[64];
    snprintf(name, sizeof name, "stalls.%zu.csv", p + 1);
    struct chart_caption caption;
    struct writer w = {.plan = plan, .caption = &caption, .low_ns = INFINITY, .high_ns = 0};
    int code = chart_table_open(&w.points, folder, name,
                                "series,kind,n,longest_ns,low_ns,high_ns,slot", error);
    if (code)
        return code;
    code = chart_caption_open(&caption);
    w.is_shown = calloc(panel->member_count + 1, sizeof *w.is_shown);
    if (!code && !w.is_shown)
        code = -ENOMEM;
    if (!code)
        code = note_probes(&w, panel);
    for (size_t k = 0; k < KIND_COUNT && !code; k++)
        code = write_kind(&w, panel, &kinds[k]);
    for (size_t i = 0; i < panel->member_count && !code; i++)
        if (w.is_shown[i])
            chart_caption_show(&caption, panel->members[i].series);
    if (!code)
        code = chart_caption_put(&caption, panels, plan, p);
    if (!code) {
        if (w.high_ns == 0) {
            w.low_ns = 1e5;
            w.high_ns = 1e7;
        }
        chart_log_range(&w.low_ns, &w.high_ns, 10);
        chart_table_real(panels, w.low_ns);
        chart_table_real(panels, w.high_ns);
        chart_table_int(panels, (int64_t)panel->member_count);
        chart_table_row(panels);
    }
    free(w.is_shown);
    chart_caption_free(&caption);
    int closed = chart_table_close(w.points, error);
    return code ? code : closed;
}

int chart_stalls_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    struct chart_table *panels;
    int code = chart_table_open(&panels, folder, "stalls.panels.csv",
                                CHART_CAPTION_COLUMNS ",low_ns,high_ns,slots", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panel(plan, p, folder, panels, error);
    int closed = chart_table_close(panels, error);
    return code ? code : closed;
}
