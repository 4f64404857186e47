/* report_workloads.c: the part of a report with a section per workload, heap setting and threads:
 * every backend's figures, and the charts of that panel. */
#include <stdlib.h>

#include "driver/report_charts.h"
#include "driver/report_figures.h"
#include "driver/xalloc.h"

static void add_owned(struct text_table *table, char *text)
{
    text_table_add(table, text);
    free(text);
}

/* "93.7 ms [90.1 ms, 99.0 ms]": median and range. */
static void add_range(struct text_table *table, const struct report *report,
                      const struct run_cell *cell, const char *metric, const char *unit)
{
    struct compare_sample sample;
    if (compare_sample_of(&sample, report->run, cell, metric) || sample.count == 0) {
        text_table_add(table, "");
        return;
    }
    char *median = report_figure_text(sample.median, unit);
    char *least = report_figure_text(sample.min, unit);
    char *most = report_figure_text(sample.max, unit);
    if (sample.count > 1)
        text_table_addf(table, "%s [%s, %s]", median, least, most);
    else
        text_table_add(table, median);
    free(most);
    free(least);
    free(median);
}

static void put_table(const struct report *report, const struct chart_panel *panel)
{
    static const char *const headings[] = {
        "backend",
        "heap",
        "n",
        "time [range]",
        "longest stop [range]",
        "p99 operation",
        "worst operation",
        "peak memory [range]",
        "collections",
        "outcome",
    };
    struct text_table table = {.column_count = sizeof headings / sizeof *headings};
    for (size_t i = 0; i < table.column_count; i++)
        text_table_add(&table, headings[i]);
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct chart_member *member = &panel->members[i];
        const struct run_cell *cell = &report->run->cells[member->cell];
        static const struct {
            const char *metric;
            const char *unit;
        } medians[] = {{"latency_p99_ns", "ns"}, {"latency_max_ns", "ns"}};
        text_table_add(&table, report->plan.series[member->series].label);
        text_table_addf(&table, "%.*s", cell->parts.heap.length, cell->parts.heap.text);
        text_table_addf(&table, "%zu", chart_count(&report->plan, member->cell));
        add_range(&table, report, cell, "wall_ns", "ns");
        add_range(&table, report, cell, "pause_max_ns", "ns");
        for (size_t m = 0; m < sizeof medians / sizeof *medians; m++) {
            double median;
            bool known = report_median(report, cell, medians[m].metric, &median);
            add_owned(&table, known ? report_figure_text(median, medians[m].unit) : xstrdup(""));
        }
        add_range(&table, report, cell, "rss_peak_bytes", "bytes");
        double count;
        bool known = report_median(report, cell, "gc_count", &count);
        add_owned(&table, known ? report_figure_text(count, "count") : xstrdup(""));
        char *outcome = report_outcome_text(report, cell);
        add_owned(&table, *outcome ? xprintf("failed: %s", outcome) : xstrdup("ok"));
        free(outcome);
    }
    report_page_table(report->page, &table, 1);
}

int report_put_workloads(const struct report *report)
{
    const struct chart_plan *plan = &report->plan;
    struct report_charts charts;
    int error = report_charts_find(&charts, report);
    if (!error)
        error = report_charts_put(&charts, report, NULL);
    for (size_t p = 0; p < plan->panel_count && !error; p++) {
        report_page_heading(report->page, 3, plan->panels[p].title);
        put_table(report, &plan->panels[p]);
        error = report_charts_put(&charts, report, &plan->panels[p]);
    }
    report_charts_free(&charts);
    return error;
}
