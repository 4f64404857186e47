#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/lbo.h"

static const char *const time_names[LBO_TIME_COUNT] = {[LBO_WALL] = "wall", [LBO_CPU] = "CPU"};

/* Three digits. */
static void put_ratio(FILE *out, double ratio)
{
    fprintf(out, "%.*f", ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0, ratio);
}

static void put_bar(struct chart_table *table, uint32_t series, size_t slot, enum lbo_time time,
                    double lbo)
{
    char text[32] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    if (out) {
        put_ratio(out, lbo);
        fclose(out);
    }
    chart_table_int(table, series + 1);
    chart_table_int(table, (int64_t)slot);
    chart_table_text(table, lbo_time_word(time));
    chart_table_real(table, lbo);
    chart_table_text(table, text);
    chart_table_row(table);
}

static void note_minimum(struct chart_caption *caption, const struct chart_plan *plan,
                         const struct chart_panel *panel, const struct lbo_setting *setting)
{
    bool any = false;
    for (int time = 0; time < LBO_TIME_COUNT; time++) {
        if (isnan(setting->mdc_ns[time]))
            continue;
        if (!any)
            chart_caption_note(caption, "minimum distilled cost: ");
        else
            fputs(", ", caption->note);
        any = true;
        fprintf(caption->note, "%s ", time_names[time]);
        chart_put_time(caption->note, setting->mdc_ns[time]);
        fprintf(caption->note, " of %s",
                plan->series[panel->members[setting->mdc_by[time]].series].label);
    }
}

static bool same_part(struct cell_part a, struct cell_part b)
{
    return a.length == b.length && memcmp(a.text, b.text, (size_t)a.length) == 0;
}

/* The means of a setting are told once, in its first panel. */
static void note_means(struct chart_caption *caption, const struct chart_plan *plan,
                       const struct lbo *lbo, size_t p)
{
    const struct lbo_setting *setting = &lbo->settings[p];
    for (size_t before = 0; before < p; before++)
        if (same_part(lbo->settings[before].heap, setting->heap) &&
            same_part(lbo->settings[before].threads, setting->threads))
            return;
    bool any = false;
    for (size_t m = 0; m < lbo->mean_count; m++) {
        const struct lbo_mean *mean = &lbo->means[m];
        /* Of one workload it would say the bars again. */
        if (mean->workloads_count < 2 || !same_part(mean->heap, setting->heap) ||
            !same_part(mean->threads, setting->threads))
            continue;
        if (!any) {
            chart_caption_note(caption, "");
            fprintf(caption->note,
                    "geometric mean of wall and CPU over the %zu workloads at heap %.*s where none "
                    "of these failed: ",
                    mean->workloads_count, mean->heap.length, mean->heap.text);
        }
        fprintf(caption->note, "%s%s ", any ? ", " : "", plan->series[mean->series].label);
        any = true;
        put_ratio(caption->note, mean->lbo[LBO_WALL]);
        fputs(" and ", caption->note);
        put_ratio(caption->note, mean->lbo[LBO_CPU]);
    }
}

static void write_members(const struct chart_panel *panel, const struct lbo_setting *setting,
                          struct chart_table *table, struct chart_caption *caption, double *high)
{
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct chart_member *member = &panel->members[i];
        const struct lbo_cost *costs = setting->entries[i].costs;
        if (isnan(costs[LBO_WALL].lbo) && isnan(costs[LBO_CPU].lbo))
            continue;
        for (enum lbo_time time = LBO_WALL; time < LBO_TIME_COUNT; time++) {
            if (isnan(costs[time].lbo))
                continue;
            put_bar(table, member->series, caption->shown_count, time, costs[time].lbo);
            *high = fmax(*high, costs[time].lbo);
        }
        chart_caption_show(caption, member->series);
    }
}

static int write_panel(const struct chart_plan *plan, const struct lbo *lbo, size_t p,
                       const char *folder, struct chart_table *panels, struct csv_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "lbo.%zu.csv", p + 1);
    struct chart_table *table;
    int code = chart_table_open(&table, folder, name, "series,slot,time,lbo,text", error);
    if (code)
        return code;
    double high = 1;
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    if (!code) {
        write_members(&plan->panels[p], &lbo->settings[p], table, &caption, &high);
        note_minimum(&caption, plan, &plan->panels[p], &lbo->settings[p]);
        note_means(&caption, plan, lbo, p);
        code = chart_caption_put(&caption, panels, plan, p);
    }
    if (!code) {
        chart_table_real(panels, high);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

int chart_lbo_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    struct stop_log *logs;
    struct lbo lbo;
    struct chart_table *panels = NULL;
    int code = stop_logs_read(&logs, plan->run, error);
    if (code)
        return code;
    code = lbo_make(&lbo, plan, logs);
    stop_logs_free(logs, plan->run);
    if (code)
        return code;
    code =
        chart_table_open(&panels, folder, "lbo.panels.csv", CHART_CAPTION_COLUMNS ",high", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panel(plan, &lbo, p, folder, panels, error);
    int closed = chart_table_close(panels, error);
    lbo_free(&lbo);
    return code ? code : closed;
}
