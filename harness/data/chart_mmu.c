#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "data/chart_caption.h"
#include "data/mmu.h"

/* The window whose figures are told in the note of a panel. */
#define TOLD_NS INT64_C(10000000)

/* What has been put into a panel. */
struct extent {
    double longest_ns; /* window */
    bool told;         /* something of TOLD_NS */
};

/* Of the invocations of a cell, by window: values of one after the other. */
struct curves {
    double *mmu[MMU_WINDOW_COUNT];
    double *bmu[MMU_WINDOW_COUNT];
    double *room;
    size_t count; /* invocations */
};

static int curves_init(struct curves *curves, size_t invocation_count)
{
    *curves = (struct curves){0};
    curves->room = calloc(2 * MMU_WINDOW_COUNT * (invocation_count + 1), sizeof *curves->room);
    if (!curves->room)
        return -ENOMEM;
    for (size_t i = 0; i < MMU_WINDOW_COUNT; i++) {
        curves->mmu[i] = curves->room + 2 * i * (invocation_count + 1);
        curves->bmu[i] = curves->mmu[i] + invocation_count + 1;
    }
    return 0;
}

/* Takes the invocations that count and say that they saw their stops. */
static int curves_fill(struct curves *curves, const struct chart_plan *plan,
                       const struct run_cell *cell, struct stop_log *logs)
{
    const struct run_data *run = plan->run;
    size_t wall = (size_t)run_data_metric(run, "wall_ns");
    size_t pause_count = (size_t)run_data_metric(run, "pause_count");
    int code = 0;
    for (size_t i = 0; i < cell->invocation_count && !code; i++) {
        uint32_t invocation = cell->invocations[i];
        double wall_ns, stops_count, mmu[MMU_WINDOW_COUNT], bmu[MMU_WINDOW_COUNT];
        if (!chart_invocation_counts(plan, invocation) ||
            !run_data_value(run, invocation, wall, &wall_ns) ||
            !run_data_value(run, invocation, pause_count, &stops_count))
            continue;
        code = mmu_compute(mmu, bmu, &logs[invocation], (int64_t)wall_ns, mmu_windows_ns,
                           MMU_WINDOW_COUNT);
        for (size_t w = 0; w < MMU_WINDOW_COUNT && !code; w++) {
            curves->mmu[w][curves->count] = mmu[w];
            curves->bmu[w][curves->count] = bmu[w];
        }
        curves->count += !code;
    }
    return code;
}

/* A window that some invocation was too short for has no median of them all. */
static bool has_window(const struct curves *curves, size_t window)
{
    for (size_t i = 0; i < curves->count; i++)
        if (isnan(curves->mmu[window][i]))
            return false;
    return curves->count > 0;
}

/* False: there is nothing to put. */
static bool put_curves(struct chart_table *table, struct chart_caption *caption,
                       const struct chart_plan *plan, uint32_t series, struct curves *curves,
                       struct extent *extent)
{
    bool any = false;
    for (size_t w = 0; w < MMU_WINDOW_COUNT; w++) {
        if (!has_window(curves, w))
            continue;
        struct chart_summary mmu = chart_summarise(curves->mmu[w], curves->count);
        struct chart_summary bmu = chart_summarise(curves->bmu[w], curves->count);
        chart_table_int(table, series + 1);
        chart_table_int(table, mmu_windows_ns[w]);
        chart_table_real(table, mmu.median);
        chart_table_real(table, mmu.low);
        chart_table_real(table, mmu.high);
        chart_table_real(table, bmu.median);
        chart_table_row(table);
        any = true;
        extent->longest_ns = fmax(extent->longest_ns, (double)mmu_windows_ns[w]);
        if (mmu_windows_ns[w] != TOLD_NS)
            continue;
        if (!extent->told)
            chart_caption_note(caption, "least utilisation of 10 ms: ");
        else
            fputs(", ", caption->note);
        extent->told = true;
        fprintf(caption->note, "%s %.3g %%", plan->series[series].label, 100 * mmu.median);
    }
    return any;
}

/* Why a member that was measured has no curve. */
enum absence { HAS_CURVE, MANUAL, NOT_REPORTED, TOO_SHORT, ABSENCE_COUNT };

static void note_absent(struct chart_caption *caption, const struct chart_plan *plan,
                        const struct chart_panel *panel, const enum absence *absence)
{
    static const char *const words[ABSENCE_COUNT] = {
        [MANUAL] = "no stops: ",
        [NOT_REPORTED] = "stops not reported: ",
        [TOO_SHORT] = "too short for any window: ",
    };
    for (enum absence why = MANUAL; why < ABSENCE_COUNT; why++) {
        bool any = false;
        for (size_t i = 0; i < panel->member_count; i++) {
            const struct chart_member *member = &panel->members[i];
            if (absence[i] != why || chart_count(plan, member->cell) == 0)
                continue;
            if (!any)
                chart_caption_note(caption, words[why]);
            fprintf(caption->note, "%s%s", any ? ", " : "", plan->series[member->series].label);
            any = true;
        }
    }
}

static int write_members(const struct chart_plan *plan, const struct chart_panel *panel,
                         struct stop_log *logs, struct chart_table *table,
                         struct chart_caption *caption, struct extent *extent)
{
    enum absence *absence = calloc(panel->member_count, sizeof *absence);
    int code = absence ? 0 : -ENOMEM;
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        const struct chart_member *member = &panel->members[i];
        const struct run_cell *cell = &plan->run->cells[member->cell];
        struct curves curves;
        code = curves_init(&curves, cell->invocation_count);
        if (!code)
            code = curves_fill(&curves, plan, cell, logs);
        if (!code && curves.count == 0)
            absence[i] = chart_is_manual(plan, member->cell) ? MANUAL : NOT_REPORTED;
        else if (!code && put_curves(table, caption, plan, member->series, &curves, extent))
            chart_caption_show(caption, member->series);
        else
            absence[i] = TOO_SHORT;
        free(curves.room);
    }
    if (!code)
        note_absent(caption, plan, panel, absence);
    free(absence);
    return code;
}

static int write_panel(const struct chart_plan *plan, size_t p, struct stop_log *logs,
                       const char *folder, struct chart_table *panels, struct csv_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "mmu.%zu.csv", p + 1);
    struct chart_table *table;
    int code =
        chart_table_open(&table, folder, name, "series,window_ns,mmu,mmu_low,mmu_high,bmu", error);
    if (code)
        return code;
    /* At least four decades, so that short runs still show a curve's shape. */
    struct extent extent = {.longest_ns = 1e8};
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    if (!code)
        code = write_members(plan, &plan->panels[p], logs, table, &caption, &extent);
    if (!code)
        code = chart_caption_put(&caption, panels, plan, p);
    if (!code) {
        chart_table_real(panels, (double)mmu_windows_ns[0]);
        chart_table_real(panels, extent.longest_ns);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

int chart_mmu_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    struct stop_log *logs;
    struct chart_table *panels = NULL;
    int code = stop_logs_read(&logs, plan->run, error);
    if (code)
        return code;
    code = chart_table_open(&panels, folder, "mmu.panels.csv",
                            CHART_CAPTION_COLUMNS ",low_ns,high_ns", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panel(plan, p, logs, folder, panels, error);
    int closed = chart_table_close(panels, error);
    stop_logs_free(logs, plan->run);
    return code ? code : closed;
}
