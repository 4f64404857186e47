/* report_verdicts.c: the verdict tables of a report: own against every other backend, and the run
 * against its baseline. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/compare_words.h"
#include "driver/report_figures.h"
#include "driver/xalloc.h"

/* A row of own's table. */
struct entry {
    const struct chart_panel *panel;
    const struct run_cell *own;
    const struct run_cell *other;
    struct report_pair time;
    struct report_pair memory;
    int rank;
};

/* Where own loses comes first (METHODS.md section 10). */
static int rank_of(const struct report *report, const struct entry *entry)
{
    if (!report_is_complete(report, entry->own))
        return 0;
    if (entry->time.outcome == REPORT_LOSES)
        return 1;
    if (entry->memory.outcome == REPORT_LOSES)
        return entry->time.outcome == REPORT_WINS ? 4 : 2;
    switch (entry->time.outcome) {
    case REPORT_OPEN:
        return 3;
    case REPORT_SAME:
        return 5;
    case REPORT_WINS:
        return 6;
    default:
        return 7;
    }
}

static double size_of(const struct entry *entry)
{
    return entry->time.ratio.known ? entry->time.ratio.estimate : 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    double p = size_of(x), q = size_of(y);
    if (p != q)
        return p < q ? 1 : -1;
    return strcmp(x->other->key, y->other->key);
}

static char *outcome_word(const struct report *report, const struct entry *entry,
                          const struct report_pair *pair, const char *wins, const char *loses)
{
    switch (pair->outcome) {
    case REPORT_WINS:
        return xstrdup(wins);
    case REPORT_LOSES:
        return xstrdup(loses);
    case REPORT_SAME:
        return xstrdup("same");
    case REPORT_OPEN:
        return compare_verdict_text(report->against, pair->row);
    default:
        break;
    }
    char *own = report_outcome_text(report, entry->own);
    char *other = report_outcome_text(report, entry->other);
    char *text = *own     ? xprintf("failed: %s", own)
                 : *other ? xprintf("other failed: %s", other)
                          : xstrdup("not measured");
    free(other);
    free(own);
    return text;
}

static void add_owned(struct text_table *table, char *text)
{
    text_table_add(table, text);
    free(text);
}

static void add_median(struct text_table *table, const struct report *report,
                       const struct run_cell *cell, const char *metric, const char *unit)
{
    double median;
    if (report_median(report, cell, metric, &median))
        add_owned(table, report_figure_text(median, unit));
    else
        text_table_add(table, "");
}

static void add_entry(struct text_table *table, const struct report *report,
                      const struct entry *entry)
{
    text_table_add(table, entry->panel->title);
    text_table_addf(table, "%.*s", entry->other->parts.backend.length,
                    entry->other->parts.backend.text);
    add_median(table, report, entry->own, "wall_ns", "ns");
    add_median(table, report, entry->other, "wall_ns", "ns");
    add_owned(table, report_ratio_text(&entry->time.ratio));
    add_owned(table, report_ratio_text(&entry->memory.ratio));
    add_median(table, report, entry->own, "pause_max_ns", "ns");
    add_median(table, report, entry->other, "pause_max_ns", "ns");
    add_owned(table, outcome_word(report, entry, &entry->time, "faster", "slower"));
    add_owned(table, outcome_word(report, entry, &entry->memory, "less", "more"));
}

static struct entry *make_entries(const struct report *report, size_t *count)
{
    const struct chart_plan *plan = &report->plan;
    struct entry *entries = NULL;
    *count = 0;
    for (size_t p = 0; p < plan->panel_count; p++) {
        const struct chart_panel *panel = &plan->panels[p];
        const struct run_cell *own = report_own_cell(report, panel);
        for (size_t i = 0; own && i < panel->member_count; i++) {
            const struct run_cell *other = &report->run->cells[panel->members[i].cell];
            if (other == own)
                continue;
            struct entry *entry = xappend(&entries, count, sizeof *entry);
            *entry = (struct entry){
                .panel = panel,
                .own = own,
                .other = other,
                .time = report_pair_of(report, own, other, "wall_ns"),
                .memory = report_pair_of(report, own, other, "rss_peak_bytes"),
            };
            entry->rank = rank_of(report, entry);
        }
    }
    if (entries)
        qsort(entries, *count, sizeof *entries, compare_entries);
    return entries;
}

int report_put_verdicts(const struct report *report)
{
    size_t count;
    struct entry *entries = make_entries(report, &count);
    if (!count) {
        report_page_text(report->page,
                         "There is nothing to compare: no setting has %s beside "
                         "another backend.",
                         *report->own ? report->own : "a backend");
        free(entries);
        return 0;
    }
    report_page_text(
        report->page,
        "%s against every other backend at the same workload, heap setting and "
        "threads; backends without a heap limit stand beside every setting. Ratios "
        "are %s over the other: below 1 it takes less. In brackets the %g %% interval. "
        "Where %s loses comes first; a difference of up to %g %% is the same.",
        report->own, report->own, 100 * (1 - report->options->alpha), report->own,
        100 * report->options->tolerance.relative);
    struct text_table table = {.column_count = 10};
    text_table_add(&table, "workload");
    text_table_add(&table, "against");
    text_table_addf(&table, "time of %s", report->own);
    text_table_add(&table, "of the other");
    text_table_add(&table, "time ratio [interval]");
    text_table_add(&table, "memory ratio [interval]");
    text_table_addf(&table, "longest stop of %s", report->own);
    text_table_add(&table, "of the other");
    text_table_add(&table, "in time");
    text_table_add(&table, "in memory");
    for (size_t i = 0; i < count; i++)
        add_entry(&table, report, &entries[i]);
    report_page_table(report->page, &table, 2);
    free(entries);
    return 0;
}

static void add_change(struct text_table *table, const struct report *report,
                       const struct compare_row *row)
{
    text_table_add(table, row->base_cell->key);
    text_table_add(table, row->metric);
    if (!strcmp(row->metric, COMPARE_STATUS)) {
        text_table_addf(table, "%zu of %zu failed", row->base.of - row->base.count, row->base.of);
        text_table_addf(table, "%zu of %zu failed", row->new.of - row->new.count, row->new.of);
    } else {
        add_owned(table, report_figure_text(row->base.median, row->unit));
        add_owned(table, report_figure_text(row->new.median, row->unit));
    }
    add_owned(table, compare_effect_text(row));
    if (isnan(row->p_holm))
        text_table_add(table, "");
    else
        text_table_addf(table, "%.2g", row->p_holm);
    add_owned(table, compare_verdict_text(report->changes, row));
}

int report_put_changes(const struct report *report)
{
    const struct compare_result *changes = report->changes;
    report_page_text(report->page,
                     "Against the run in %s: %zu broken, %zu regressed, %zu inconclusive, %zu "
                     "improved, %zu the same. Ratios are this run over that one; worst first.",
                     report->baseline->folder, changes->count[COMPARE_BROKEN],
                     changes->count[COMPARE_REGRESSED], changes->count[COMPARE_INCONCLUSIVE],
                     changes->count[COMPARE_IMPROVED], changes->count[COMPARE_SAME]);
    static const char *const headings[] = {
        "cell", "metric", "baseline", "this run", "ratio [interval]", "p", "verdict"};
    struct text_table table = {.column_count = sizeof headings / sizeof *headings};
    for (size_t i = 0; i < table.column_count; i++)
        text_table_add(&table, headings[i]);
    for (size_t i = 0; i < changes->row_count; i++)
        add_change(&table, report, &changes->rows[i]);
    if (changes->row_count) {
        report_page_table(report->page, &table, 1);
    } else {
        text_table_free(&table);
        report_page_text(report->page, "The runs have no cell in common.");
    }
    if (changes->new_cell_count)
        report_page_text(report->page, "%zu cells are in this run only.", changes->new_cell_count);
    return 0;
}
