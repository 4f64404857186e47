#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "data/chart_caption.h"
#include "data/statistics.h"

#define ALPHA 0.05

/* How a member's wall time compares with the reference's (METHODS.md section 8). */
struct ratio {
    size_t n; /* 0: nothing to compare */
    double median_ns;
    double estimate; /* NaN: there is no reference */
    double low;
    double high;
    double coverage; /* reached by [low, high] */
};

/* What the ratios of all panels have in common. */
struct extent {
    double low;
    double high;
    bool has_intervals;
    bool has_ranges; /* where n is too small for an interval */
    bool has_unlimited;
};

/* Wall times in logarithms, ascending. */
static int log_times(const struct chart_plan *plan, uint32_t cell, double **logs, size_t *count)
{
    int code = chart_values(plan, cell, "wall_ns", logs, count);
    for (size_t i = 0; i < *count; i++)
        (*logs)[i] = log(fmax((*logs)[i], 1));
    if (*count)
        statistics_sort(*logs, *count);
    return code;
}

static int compare(const struct chart_plan *plan, const struct chart_panel *panel, uint32_t cell,
                   struct ratio *ratio)
{
    double *base = NULL, *times = NULL;
    size_t base_count = 0, count = 0;
    *ratio = (struct ratio){.estimate = NAN, .low = NAN, .high = NAN};
    int code = log_times(plan, cell, &times, &count);
    if (!code && panel->reference >= 0)
        code = log_times(plan, (uint32_t)panel->reference, &base, &base_count);
    if (!code && count) {
        ratio->n = count;
        ratio->median_ns = exp(statistics_median(times, count));
    }
    if (!code && count && base_count) {
        struct u_distribution u;
        code = u_distribution_make(&u, base_count, count);
        if (!code) {
            struct shift_estimate shift = statistics_shift(&u, base, times, ALPHA);
            ratio->estimate = exp(shift.estimate);
            ratio->low = exp(shift.low);
            ratio->high = exp(shift.high);
            ratio->coverage = shift.coverage;
            u_distribution_free(&u);
        }
    }
    free(base);
    free(times);
    return code;
}

static bool is_interval(const struct ratio *ratio)
{
    return ratio->coverage >= 1 - ALPHA;
}

/* Three significant digits. */
static void put_factor(FILE *out, double factor)
{
    int whole = factor >= 1 ? (int)floor(log10(factor)) : 0;
    fprintf(out, "%.*f", whole < 2 ? 2 - whole : 0, factor);
}

static void put_words(FILE *out, const struct chart_plan *plan, uint32_t cell, bool is_reference,
                      const struct ratio *ratio)
{
    if (ratio->n == 0) {
        chart_put_outcome(out, plan, cell);
    } else if (is_reference || isnan(ratio->estimate)) {
        fputs(is_reference ? "1 (" : "no reference (", out);
        chart_put_time(out, ratio->median_ns);
        fputc(')', out);
    } else {
        put_factor(out, ratio->estimate);
        fputs(is_interval(ratio) ? "× [" : "× (", out);
        put_factor(out, ratio->low);
        fputs(is_interval(ratio) ? ", " : " to ", out);
        put_factor(out, ratio->high);
        fputc(is_interval(ratio) ? ']' : ')', out);
    }
}

/* The variant, with what went wrong beside what is drawn. */
static void put_label(FILE *out, const struct chart_plan *plan, const struct chart_member *member,
                      const struct ratio *ratio)
{
    fputs(plan->series[member->series].label, out);
    if (ratio->n == 0 || !chart_has_failures(plan, member->cell))
        return;
    fputs(" (", out);
    chart_put_outcome(out, plan, member->cell);
    fputc(')', out);
}

static int write_row(const struct chart_plan *plan, const struct chart_member *member,
                     bool is_reference, const struct ratio *ratio, size_t row,
                     struct chart_table *rows)
{
    char *words = NULL, *label = NULL;
    size_t length;
    FILE *out = open_memstream(&words, &length);
    int code = out ? 0 : -ENOMEM;
    if (!code) {
        put_words(out, plan, member->cell, is_reference, ratio);
        code = fclose(out) == 0 ? 0 : -ENOMEM;
        out = code ? NULL : open_memstream(&label, &length);
        code = out ? 0 : -ENOMEM;
    }
    if (!code) {
        put_label(out, plan, member, ratio);
        code = fclose(out) == 0 ? 0 : -ENOMEM;
    }
    if (!code) {
        bool drawn = ratio->n > 0 && (is_reference || !isnan(ratio->estimate));
        chart_table_int(rows, (int64_t)row);
        chart_table_text(rows, !drawn ? "missing" : is_reference ? "reference" : "ratio");
        chart_table_int(rows, member->series + 1);
        chart_table_text(rows, label);
        chart_table_text(rows, words);
        chart_table_int(rows, (int64_t)ratio->n);
        chart_table_real(rows, is_reference && drawn ? 1 : ratio->estimate);
        chart_table_real(rows, is_reference && drawn ? 1 : ratio->low);
        chart_table_real(rows, is_reference && drawn ? 1 : ratio->high);
        chart_table_row(rows);
    }
    free(words);
    free(label);
    return code;
}

static void widen(struct extent *extent, const struct ratio *ratio)
{
    if (isnan(ratio->estimate))
        return;
    extent->low = fmin(extent->low, ratio->low);
    extent->high = fmax(extent->high, ratio->high);
    extent->has_intervals |= is_interval(ratio);
    extent->has_ranges |= !is_interval(ratio);
}

/* Writes the rows of a panel, its heading first, and counts them in *row. */
static int write_rows(const struct chart_plan *plan, const struct chart_panel *panel,
                      struct chart_caption *caption, struct chart_table *rows, size_t *row,
                      struct extent *extent)
{
    char *n = NULL;
    size_t length;
    FILE *out = open_memstream(&n, &length);
    if (!out)
        return -ENOMEM;
    chart_put_n(out, plan, panel);
    int code = fclose(out) == 0 ? 0 : -ENOMEM;
    if (!code) {
        chart_table_int(rows, (int64_t)++ * row);
        chart_table_text(rows, "heading");
        chart_table_int(rows, 0);
        chart_table_text(rows, panel->title);
        chart_table_text(rows, n);
        for (int i = 0; i < 4; i++)
            chart_table_empty(rows);
        chart_table_row(rows);
    }
    free(n);
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        const struct chart_member *member = &panel->members[i];
        bool is_reference = panel->reference == member->cell;
        struct ratio ratio;
        code = compare(plan, panel, member->cell, &ratio);
        if (code)
            break;
        extent->has_unlimited |= member->unlimited;
        if (!is_reference)
            widen(extent, &ratio);
        if (ratio.n)
            chart_caption_show(caption, member->series);
        code = write_row(plan, member, is_reference, &ratio, ++*row, rows);
    }
    return code;
}

static const char *interval_words(const struct extent *extent)
{
    if (extent->has_intervals && extent->has_ranges)
        return "bars are 95 % intervals [ ], or the range of all ratios ( ) where n is too small "
               "for an interval.";
    if (extent->has_intervals)
        return "bars are 95 % intervals.";
    if (extent->has_ranges)
        return "bars are the range of all ratios: n is too small for a 95 % interval.";
    return "there is nothing to compare.";
}

static int write_panels(const struct chart_plan *plan, const char *folder,
                        struct chart_caption *captions, const size_t *rows_end,
                        struct extent extent, struct csv_error *error)
{
    struct chart_table *panels;
    int code =
        chart_table_open(&panels, folder, "time_ratio.panels.csv",
                         CHART_CAPTION_COLUMNS ",interval,row_first,row_last,low,high", error);
    chart_log_range(&extent.low, &extent.high, 3);
    char interval[256];
    snprintf(interval, sizeof interval, "%s%s", interval_words(&extent),
             extent.has_unlimited ? " Manual backends have no heap limit." : "");
    for (size_t p = 0; p < plan->panel_count && !code; p++) {
        code = chart_caption_put(&captions[p], panels, plan, p);
        if (code)
            break;
        chart_table_text(panels, interval);
        chart_table_int(panels, p ? (int64_t)rows_end[p - 1] + 1 : 1);
        chart_table_int(panels, (int64_t)rows_end[p]);
        chart_table_real(panels, extent.low);
        chart_table_real(panels, extent.high);
        chart_table_row(panels);
    }
    int closed = chart_table_close(panels, error);
    return code ? code : closed;
}

int chart_time_ratio_write(const struct chart_plan *plan, const char *folder,
                           struct csv_error *error)
{
    struct chart_table *rows;
    int code = chart_table_open(&rows, folder, "time_ratio.csv",
                                "row,kind,series,label,text,n,ratio,ratio_low,ratio_high", error);
    if (code)
        return code;
    /* The axis is common to all panels, so their rows come first. */
    struct chart_caption *captions = calloc(plan->panel_count + 1, sizeof *captions);
    size_t *rows_end = calloc(plan->panel_count + 1, sizeof *rows_end);
    if (!captions || !rows_end)
        code = -ENOMEM;
    struct extent extent = {.low = 1, .high = 1};
    size_t row = 0;
    for (size_t p = 0; p < plan->panel_count && !code; p++) {
        code = chart_caption_open(&captions[p]);
        if (!code)
            code = write_rows(plan, &plan->panels[p], &captions[p], rows, &row, &extent);
        rows_end[p] = row;
    }
    int closed = chart_table_close(rows, error);
    code = code ? code : closed;
    if (!code)
        code = write_panels(plan, folder, captions, rows_end, extent, error);
    for (size_t p = 0; captions && p < plan->panel_count; p++)
        chart_caption_free(&captions[p]);
    free(captions);
    free(rows_end);
    return code;
}
