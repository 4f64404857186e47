#include "driver/report_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/figure_text.h"
#include "driver/xalloc.h"

static const struct compare_row *find_row(const struct report *report, const struct run_cell *own,
                                          const struct run_cell *other, const char *metric)
{
    const struct compare_result *result = report->against;
    for (size_t i = 0; result && i < result->row_count; i++) {
        const struct compare_row *row = &result->rows[i];
        if (row->base_cell == own && row->new_cell == other && !strcmp(row->metric, metric))
            return row;
    }
    return NULL;
}

/* The rows have own as base: where the other regressed, own is better. */
struct report_pair report_pair_of(const struct report *report, const struct run_cell *own,
                                  const struct run_cell *other, const char *metric)
{
    static const enum report_outcome outcomes[] = {
        [COMPARE_BROKEN] = REPORT_WINS,       [COMPARE_REGRESSED] = REPORT_WINS,
        [COMPARE_INCONCLUSIVE] = REPORT_OPEN, [COMPARE_IMPROVED] = REPORT_LOSES,
        [COMPARE_SAME] = REPORT_SAME,
    };
    struct report_pair pair = {.row = find_row(report, own, other, metric)};
    if (!pair.row)
        return pair;
    const struct compare_row *row = pair.row;
    if (row->base.count && row->new.count)
        pair.outcome = outcomes[row->verdict];
    if (!row->by_difference && row->estimate > 0 && row->low > 0 && row->high > 0)
        pair.ratio = (struct report_ratio){true, 1 / row->estimate, 1 / row->high, 1 / row->low};
    return pair;
}

/* Three digits, but never more than thousandths. */
static int decimals_of(double ratio)
{
    return ratio >= 99.95 ? 0 : ratio >= 9.995 ? 1 : ratio >= 0.0995 ? 2 : 3;
}

char *report_estimate_text(const struct report_ratio *ratio)
{
    if (!ratio->known)
        return xstrdup("");
    return xprintf("%.*f", decimals_of(ratio->estimate), ratio->estimate);
}

char *report_ratio_text(const struct report_ratio *ratio)
{
    if (!ratio->known)
        return xstrdup("");
    return xprintf("%.*f [%.*f, %.*f]", decimals_of(ratio->estimate), ratio->estimate,
                   decimals_of(ratio->low), ratio->low, decimals_of(ratio->high), ratio->high);
}

bool report_median(const struct report *report, const struct run_cell *cell, const char *metric,
                   double *median)
{
    struct compare_sample sample;
    if (compare_sample_of(&sample, report->run, cell, metric) || sample.count == 0)
        return false;
    *median = sample.median;
    return true;
}

bool report_is_complete(const struct report *report, const struct run_cell *cell)
{
    struct compare_sample sample;
    return compare_sample_of(&sample, report->run, cell, "wall_ns") == 0 && sample.count > 0 &&
           sample.count == sample.of;
}

bool report_allocates(const struct report *report, const struct chart_panel *panel)
{
    for (size_t i = 0; i < panel->member_count; i++) {
        struct compare_sample sample;
        const struct run_cell *cell = &report->run->cells[panel->members[i].cell];
        if (compare_sample_of(&sample, report->run, cell, "allocated_bytes") == 0 && sample.count &&
            sample.max == 0)
            return false;
    }
    return true;
}

char *report_outcome_text(const struct report *report, const struct run_cell *cell)
{
    uint32_t index = (uint32_t)(cell - report->run->cells);
    if (!chart_has_failures(&report->plan, index))
        return xstrdup("");
    char *text = NULL;
    size_t length = 0;
    FILE *out = xmemstream(&text, &length);
    chart_put_outcome(out, &report->plan, index);
    fclose(out);
    return text;
}

bool report_reclaims(const struct report *report, const struct run_cell *cell, const char *how)
{
    const char *reclaim = run_data_backend_key(report->run, cell->backend, "reclaim");
    return !strcmp(reclaim ? reclaim : "tracing", how);
}

char *report_figure_text(double value, const char *unit)
{
    char *text = xcalloc(FIGURE_TEXT_BYTES, 1);
    return figure_format(text, value, unit);
}

const struct run_cell *report_own_cell(const struct report *report, const struct chart_panel *panel)
{
    return panel->reference < 0 ? NULL : &report->run->cells[panel->reference];
}
