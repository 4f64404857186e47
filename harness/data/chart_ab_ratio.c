#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/compare.h"
#include "data/figure_text.h"

/* More rows go on to a further page. */
#define ROWS_PER_PANEL 60

/* The axis goes no further to either side; beyond it the text alone tells. */
#define AXIS_MOST 64

/* What has been written. */
struct progress {
    struct chart_table *rows;
    size_t row;
    size_t *ends; /* last rows of the panels */
    size_t panel_count;
    double low, high;
    size_t n_low, n_high;
    bool *shown; /* by series */
};

static bool is_drawn(const struct compare_row *row)
{
    return !row->by_difference && isfinite(row->estimate) && row->estimate > 0;
}

static uint32_t series_of(const struct chart_plan *plan, const struct run_cell *cell)
{
    for (uint32_t s = 0; cell && s < plan->series_count; s++)
        if (strlen(plan->series[s].label) == (size_t)cell->parts.backend.length &&
            !memcmp(plan->series[s].label, cell->parts.backend.text,
                    (size_t)cell->parts.backend.length))
            return s + 1;
    return 0;
}

/* "marksweep · gcbench · 3xlive · 2 threads": where it is cut off, its head tells most. */
static char *label_of(const struct run_cell *cell)
{
    const struct cell_parts *parts = &cell->parts;
    bool limited = strncmp(parts->heap.text, "none", (size_t)parts->heap.length) != 0;
    bool one = parts->threads.length == 1 && *parts->threads.text == '1';
    char *label;
    int length =
        asprintf(&label, "%.*s · %.*s%s%.*s%s%.*s%s", parts->backend.length, parts->backend.text,
                 parts->workload.length, parts->workload.text, limited ? " · " : "",
                 limited ? parts->heap.length : 0, parts->heap.text, one ? "" : " · ",
                 one ? 0 : parts->threads.length, parts->threads.text, one ? "" : " threads");
    return length < 0 ? NULL : label;
}

static char *text_of(const struct compare_row *row)
{
    const char *verdict = compare_verdict_word(row->verdict);
    bool interval = row->coverage >= 0.95;
    char *text;
    int length;
    if (is_drawn(row)) {
        length =
            asprintf(&text, "%.3g× %s%.3g%s%.3g%s %s", row->estimate, interval ? "[" : "(",
                     row->low, interval ? ", " : " to ", row->high, interval ? "]" : ")", verdict);
    } else if (isfinite(row->estimate)) {
        char by[FIGURE_TEXT_BYTES];
        length = asprintf(&text, "%s: a difference of %s%s", verdict, row->estimate > 0 ? "+" : "",
                          figure_format(by, row->estimate, row->unit));
    } else {
        length = asprintf(&text, "%s%s%s", verdict, *row->why ? ": " : "", row->why);
    }
    return length < 0 ? NULL : text;
}

/* Where there is room for less. */
static char *brief_of(const struct compare_row *row)
{
    const char *verdict = compare_verdict_word(row->verdict);
    char *text;
    int length = is_drawn(row) ? asprintf(&text, "%.3g× %s", row->estimate, verdict)
                               : asprintf(&text, "%s", verdict);
    return length < 0 ? NULL : text;
}

static void put_heading(struct progress *progress, const struct compare_row *row)
{
    const char *better = row->better == SCHEMA_HIGHER  ? " (right is better)"
                         : row->better == SCHEMA_LOWER ? " (left is better)"
                                                       : "";
    char title[256];
    snprintf(title, sizeof title, "%s%s", row->metric, better);
    chart_table_int(progress->rows, (int64_t)++progress->row);
    chart_table_text(progress->rows, "heading");
    chart_table_int(progress->rows, 0);
    chart_table_text(progress->rows, title);
    for (int i = 0; i < 9; i++)
        chart_table_empty(progress->rows);
    chart_table_row(progress->rows);
}

static int put_row(struct progress *progress, const struct chart_plan *plan,
                   const struct compare_row *row)
{
    struct chart_table *rows = progress->rows;
    uint32_t series = series_of(plan, row->base_cell);
    char *label = label_of(row->base_cell), *text = text_of(row), *brief = brief_of(row);
    bool drawn = is_drawn(row) && series > 0;
    if (label && text && brief) {
        chart_table_int(rows, (int64_t)++progress->row);
        chart_table_text(rows, drawn ? "ratio" : "missing");
        chart_table_int(rows, series);
        chart_table_text(rows, label);
        chart_table_text(rows, text);
        chart_table_text(rows, brief);
        chart_table_int(rows, (int64_t)row->base.count);
        chart_table_int(rows, (int64_t)row->new.count);
        chart_table_real(rows, drawn ? row->estimate : NAN);
        chart_table_real(rows, drawn ? row->low : NAN);
        chart_table_real(rows, drawn ? row->high : NAN);
        chart_table_real(rows, drawn ? 1 / (1 + row->tolerance.relative) : NAN);
        chart_table_real(rows, drawn ? 1 + row->tolerance.relative : NAN);
        chart_table_row(rows);
    }
    if (drawn) {
        progress->low = fmin(progress->low, row->low);
        progress->high = fmax(progress->high, row->high);
        progress->shown[series - 1] = true;
        size_t least = row->base.count < row->new.count ? row->base.count : row->new.count;
        size_t most = row->base.count < row->new.count ? row->new.count : row->base.count;
        progress->n_low = least < progress->n_low ? least : progress->n_low;
        progress->n_high = most > progress->n_high ? most : progress->n_high;
    }
    int code = label && text && brief ? 0 : -ENOMEM;
    free(label);
    free(text);
    free(brief);
    return code;
}

/* By metric, in the order in which they first come, as the rows are: worst first. */
static int put_rows(struct progress *progress, const struct chart_plan *plan)
{
    const struct compare_result *result = plan->comparison;
    size_t begun = 0; /* rows of the panel */
    int code = 0;
    for (size_t first = 0; first < result->row_count && !code; first++) {
        const char *metric = result->rows[first].metric;
        bool known = false, headed = false;
        for (size_t i = 0; i < first && !known; i++)
            known = strcmp(result->rows[i].metric, metric) == 0;
        for (size_t i = first; i < result->row_count && !known && !code; i++) {
            const struct compare_row *row = &result->rows[i];
            if (strcmp(row->metric, metric) != 0)
                continue;
            if (begun + 2 > ROWS_PER_PANEL) {
                progress->ends[progress->panel_count++] = progress->row;
                begun = 0;
                headed = false;
            }
            if (!headed) {
                put_heading(progress, row);
                begun++;
            }
            headed = true;
            code = put_row(progress, plan, row);
            begun++;
        }
    }
    if (begun)
        progress->ends[progress->panel_count++] = progress->row;
    return code;
}

static int write_panels(const struct chart_plan *plan, struct progress *progress,
                        const char *folder, struct csv_error *error)
{
    struct chart_table *panels;
    int code =
        chart_table_open(&panels, folder, "ab_ratio.panels.csv",
                         CHART_CAPTION_COLUMNS ",interval,row_first,row_last,low,high", error);
    double low = fmax(progress->low, 1.0 / AXIS_MOST), high = fmin(progress->high, AXIS_MOST);
    chart_log_range(&low, &high, 1.5);
    char interval[512], n[64] = "";
    if (progress->n_high)
        snprintf(n, sizeof n,
                 progress->n_low == progress->n_high ? " over n = %zu invocations"
                                                     : " over n = %zu to %zu invocations",
                 progress->n_low, progress->n_high);
    snprintf(
        interval, sizeof interval,
        "Hodges-Lehmann estimates of the ratio%s of each run; bars are 95 %% intervals [ ], or "
        "ranges ( ) where n is too small. Shaded: what counts as the same. Worst verdicts first.",
        n);
    for (size_t p = 0; p < progress->panel_count && !code; p++) {
        struct chart_caption caption;
        code = chart_caption_open(&caption);
        for (uint32_t s = 0; s < plan->series_count && !code; s++)
            if (progress->shown[s])
                chart_caption_show(&caption, s);
        if (!code)
            code = chart_caption_put_own(&caption, panels, p + 1, "", progress->n_low,
                                         progress->n_high);
        if (!code) {
            chart_table_text(panels, interval);
            chart_table_int(panels, p ? (int64_t)progress->ends[p - 1] + 1 : 1);
            chart_table_int(panels, (int64_t)progress->ends[p]);
            chart_table_real(panels, low);
            chart_table_real(panels, high);
            chart_table_row(panels);
        }
        chart_caption_free(&caption);
    }
    int closed = chart_table_close(panels, error);
    return code ? code : closed;
}

int chart_ab_ratio_write(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    if (!plan->comparison || plan->comparison->row_count == 0)
        return 0;
    struct progress *progress = calloc(1, sizeof *progress);
    if (!progress)
        return -ENOMEM;
    progress->low = progress->high = 1;
    progress->n_low = SIZE_MAX;
    progress->shown = calloc(plan->series_count + 1, sizeof *progress->shown);
    progress->ends = calloc(plan->comparison->row_count, sizeof *progress->ends);
    int code = progress->shown && progress->ends ? 0 : -ENOMEM;
    if (!code)
        code = chart_table_open(
            &progress->rows, folder, "ab_ratio.csv",
            "row,kind,series,label,text,brief,n_base,n_new,ratio,ratio_low,ratio_high,"
            "same_low,same_high",
            error);
    if (!code) {
        code = put_rows(progress, plan);
        int closed = chart_table_close(progress->rows, error);
        code = code ? code : closed;
    }
    if (!code)
        code = write_panels(plan, progress, folder, error);
    int panel_count = (int)progress->panel_count;
    free(progress->shown);
    free(progress->ends);
    free(progress);
    return code ? code : panel_count;
}
