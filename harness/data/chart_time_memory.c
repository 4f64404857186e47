#include "data/chart_writers.h"

#include <math.h>
#include <stdlib.h>

#include "data/chart_caption.h"

struct axes {
    double low_bytes, high_bytes;
    double low_ns, high_ns;
    double reference_bytes, reference_ns;
};

static int write_member(const struct chart_plan *plan, const struct chart_panel *panel,
                        const struct chart_member *member, struct chart_table *points,
                        struct chart_caption *caption, struct axes *axes)
{
    double *bytes = NULL, *ns = NULL;
    size_t bytes_count = 0, ns_count = 0;
    int code = chart_values(plan, member->cell, "rss_peak_bytes", &bytes, &bytes_count);
    if (!code)
        code = chart_values(plan, member->cell, "wall_ns", &ns, &ns_count);
    if (!code && bytes_count && ns_count) {
        struct chart_summary memory = chart_summarise(bytes, bytes_count);
        struct chart_summary wall = chart_summarise(ns, ns_count);
        axes->low_bytes = fmin(axes->low_bytes, fmax(memory.low, 1));
        axes->high_bytes = fmax(axes->high_bytes, memory.high);
        axes->low_ns = fmin(axes->low_ns, fmax(wall.low, 1));
        axes->high_ns = fmax(axes->high_ns, wall.high);
        if (panel->reference == member->cell) {
            axes->reference_bytes = memory.median;
            axes->reference_ns = wall.median;
        }
        chart_caption_show(caption, member->series);
        chart_table_int(points, member->series + 1);
        chart_table_int(points, (int64_t)ns_count);
        chart_table_real(points, memory.median);
        chart_table_real(points, memory.low);
        chart_table_real(points, memory.high);
        chart_table_real(points, wall.median);
        chart_table_real(points, wall.low);
        chart_table_real(points, wall.high);
        chart_table_row(points);
    }
    free(bytes);
    free(ns);
    return code;
}

static int write_panel(const struct chart_plan *plan, size_t p, const char *folder,
                       struct chart_table *panels, struct csv_error *error)
{
    const struct chart_panel *panel = &plan->panels[p];
    char name[64];
    snprintf(name, sizeof name, "time_memory.%zu.csv", p + 1);
    struct chart_table *points;
    int code = chart_table_open(&points, folder, name,
                                "series,n,memory_bytes,memory_low_bytes,memory_high_bytes,"
                                "wall_ns,wall_low_ns,wall_high_ns",
                                error);
    if (code)
        return code;
    struct axes axes = {INFINITY, 0, INFINITY, 0, NAN, NAN};
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    for (size_t i = 0; i < panel->member_count && !code; i++)
        code = write_member(plan, panel, &panel->members[i], points, &caption, &axes);
    if (!code)
        code = chart_caption_put(&caption, panels, plan, p);
    if (!code) {
        if (caption.shown_count == 0)
            axes = (struct axes){0x1p20, 0x1p30, 1e6, 1e9, NAN, NAN};
        chart_log_range(&axes.low_bytes, &axes.high_bytes, 3);
        chart_log_range(&axes.low_ns, &axes.high_ns, 3);
        chart_table_real(panels, axes.low_bytes);
        chart_table_real(panels, axes.high_bytes);
        chart_table_real(panels, axes.low_ns);
        chart_table_real(panels, axes.high_ns);
        chart_table_real(panels, axes.reference_bytes);
        chart_table_real(panels, axes.reference_ns);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(points, error);
    return code ? code : closed;
}

int chart_time_memory_write(const struct chart_plan *plan, const char *folder,
                            struct csv_error *error)
{
    struct chart_table *panels;
    int code = chart_table_open(&panels, folder, "time_memory.panels.csv",
                                CHART_CAPTION_COLUMNS ",low_bytes,high_bytes,low_ns,high_ns,"
                                                      "reference_bytes,reference_ns",
                                error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panel(plan, p, folder, panels, error);
    int closed = chart_table_close(panels, error);
    return code ? code : closed;
}
