/* report_summary.c: the first part of a report: what the run says, in sentences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "driver/report_doubts.h"
#include "driver/report_figures.h"
#include "driver/xalloc.h"

/* More names than this make no sentence. */
#define NAMES_MAX 4

/* A sentence in the making. */
struct words {
    FILE *out;
    char *text;
    size_t length;
};

static FILE *words_open(struct words *words)
{
    *words = (struct words){0};
    words->out = xmemstream(&words->text, &words->length);
    return words->out;
}

static const char *words_close(struct words *words)
{
    fclose(words->out);
    return words->text;
}

static const struct run_cell *cell_of(const struct report *report,
                                      const struct chart_member *member)
{
    return &report->run->cells[member->cell];
}

static const char *label_of(const struct report *report, const struct chart_member *member)
{
    return report->plan.series[member->series].label;
}

static bool same_workload(const struct report *report, const struct chart_panel *a,
                          const struct chart_panel *b)
{
    const struct cell_part *x = &cell_of(report, &a->members[0])->parts.workload;
    const struct cell_part *y = &cell_of(report, &b->members[0])->parts.workload;
    return x->length == y->length && !memcmp(x->text, y->text, (size_t)x->length);
}

/* The workload alone where no other panel has it. */
static void put_panel(FILE *out, const struct report *report, const struct chart_panel *panel)
{
    size_t same = 0;
    for (size_t i = 0; i < report->plan.panel_count; i++)
        same += same_workload(report, panel, &report->plan.panels[i]);
    const struct cell_part *workload = &cell_of(report, &panel->members[0])->parts.workload;
    if (same == 1)
        fprintf(out, "%.*s", workload->length, workload->text);
    else
        fputs(panel->title, out);
}

/* Names joined by commas, the first few of them. */
struct names {
    char *text;
    size_t count;
};

static void names_add(struct names *names, const struct report *report,
                      const struct chart_panel *panel)
{
    if (names->count++ >= NAMES_MAX)
        return;
    struct words words;
    FILE *out = words_open(&words);
    fprintf(out, "%s%s", names->text ? names->text : "", names->text ? ", " : "");
    put_panel(out, report, panel);
    words_close(&words);
    free(names->text);
    names->text = words.text;
}

static void names_put(struct names *names, FILE *out)
{
    if (names->text)
        fputs(names->text, out);
    if (names->count > NAMES_MAX)
        fprintf(out, " and %zu more", names->count - NAMES_MAX);
    free(names->text);
    names->text = NULL;
}

/* Who has the least of something, panel by panel. */
struct contest {
    const char *lead;
    const char *what;
    const char *metric;
    bool collectors_only;
};

static bool enters(const struct report *report, const struct contest *contest,
                   const struct chart_member *member, double *median)
{
    const struct run_cell *cell = cell_of(report, member);
    bool fits = contest->collectors_only ? report_reclaims(report, cell, "tracing")
                                         : !report_reclaims(report, cell, "never");
    return fits && report_is_complete(report, cell) &&
           report_median(report, cell, contest->metric, median);
}

struct score {
    size_t series;
    struct names names;
};

static int compare_scores(const void *a, const void *b)
{
    const struct score *x = a, *y = b;
    int by_count = (x->names.count < y->names.count) - (x->names.count > y->names.count);
    return by_count ? by_count : (x->series > y->series) - (x->series < y->series);
}

static void tell_contest(const struct report *report, const struct contest *contest)
{
    const struct chart_plan *plan = &report->plan;
    struct score *scores = xcalloc(plan->series_count, sizeof *scores);
    for (size_t s = 0; s < plan->series_count; s++)
        scores[s].series = s;
    size_t held = 0;
    for (size_t p = 0; p < plan->panel_count; p++) {
        const struct chart_panel *panel = &plan->panels[p];
        size_t entered = 0, best = 0;
        double least = INFINITY, median;
        for (size_t i = 0; i < panel->member_count; i++) {
            if (!enters(report, contest, &panel->members[i], &median))
                continue;
            entered++;
            if (median < least) {
                least = median;
                best = panel->members[i].series;
            }
        }
        if (entered < 2 || !report_allocates(report, panel))
            continue;
        held++;
        names_add(&scores[best].names, report, panel);
    }
    struct words words;
    FILE *out = words_open(&words);
    qsort(scores, plan->series_count, sizeof *scores, compare_scores);
    for (size_t s = 0; s < plan->series_count && scores[s].names.count; s++) {
        if (s == 0)
            fprintf(out, "%s: ", contest->what);
        fprintf(out, "%s%s on %zu", s ? "; " : "", plan->series[scores[s].series].label,
                scores[s].names.count);
        if (s == 0)
            fprintf(out, " of %zu", held);
        fputs(" (", out);
        names_put(&scores[s].names, out);
        fputs(")", out);
    }
    if (held)
        report_page_item(report->page, contest->lead, "%s.", words_close(&words));
    else
        words_close(&words);
    free(words.text);
    free(scores);
}

/* The longest stop of each collector over all panels, as the median of its cell. */
static void tell_stops(const struct report *report)
{
    const struct chart_plan *plan = &report->plan;
    struct words words;
    FILE *out = words_open(&words);
    size_t told = 0;
    for (size_t s = 0; s < plan->series_count; s++) {
        const struct chart_panel *where = NULL;
        double longest = -1;
        for (size_t p = 0; p < plan->panel_count; p++)
            for (size_t i = 0; i < plan->panels[p].member_count; i++) {
                const struct chart_member *member = &plan->panels[p].members[i];
                double median;
                if (member->series == s &&
                    report_median(report, cell_of(report, member), "pause_max_ns", &median) &&
                    median > longest) {
                    longest = median;
                    where = &plan->panels[p];
                }
            }
        if (!where)
            continue;
        char *figure = report_figure_text(longest, "ns");
        fprintf(out, "%s%s %s (", told++ ? "; " : "", plan->series[s].label, figure);
        put_panel(out, report, where);
        fputs(")", out);
        free(figure);
    }
    const char *text = words_close(&words);
    if (told)
        report_page_item(report->page, "Longest stop anywhere.",
                         "Median over processes of the longest stop in each, on the workload "
                         "where that is worst: %s.",
                         text);
    else
        report_page_item(report->page, "Stops.", "No backend of this run reported a stop.");
    free(words.text);
}

/* Geometric means of own's ratios to one other variant. */
struct trade {
    size_t count;
    double time_sum;
    double memory_sum;
};

static void add_to_trades(const struct report *report, const struct chart_panel *panel,
                          struct trade *trades)
{
    const struct run_cell *own = report_own_cell(report, panel);
    if (!own || !report_is_complete(report, own) || !report_allocates(report, panel))
        return;
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct run_cell *other = cell_of(report, &panel->members[i]);
        struct report_pair time = report_pair_of(report, own, other, "wall_ns");
        struct report_pair memory = report_pair_of(report, own, other, "rss_peak_bytes");
        if (other == own || !time.ratio.known || !memory.ratio.known ||
            !report_is_complete(report, other))
            continue;
        struct trade *trade = &trades[panel->members[i].series];
        trade->count++;
        trade->time_sum += log(time.ratio.estimate);
        trade->memory_sum += log(memory.ratio.estimate);
    }
}

static void tell_trade(const struct report *report)
{
    const struct chart_plan *plan = &report->plan;
    struct trade *trades = xcalloc(plan->series_count, sizeof *trades);
    for (size_t p = 0; p < plan->panel_count; p++)
        add_to_trades(report, &plan->panels[p], trades);
    struct words words;
    FILE *out = words_open(&words);
    size_t told = 0;
    for (size_t s = 0; s < plan->series_count; s++) {
        const struct trade *trade = &trades[s];
        if (!trade->count)
            continue;
        double n = (double)trade->count;
        struct report_ratio time = {.known = true, .estimate = exp(trade->time_sum / n)};
        struct report_ratio memory = {.known = true, .estimate = exp(trade->memory_sum / n)};
        char *time_text = report_estimate_text(&time);
        char *memory_text = report_estimate_text(&memory);
        fprintf(out, "%s%sx the time of %s at %sx its memory (%zu)", told++ ? "; " : "", time_text,
                plan->series[s].label, memory_text, trade->count);
        free(time_text);
        free(memory_text);
    }
    const char *text = words_close(&words);
    if (told)
        report_page_item(report->page, "The trade.",
                         "%s took %s: geometric means over the settings, so many as the number in "
                         "brackets, in which both completed and something is allocated.",
                         report->own, text);
    free(words.text);
    free(trades);
}

struct verdicts {
    size_t compared, won, same, open;
    size_t lost;
};

static void tell_losses(const struct report *report)
{
    const struct chart_plan *plan = &report->plan;
    struct names *lost = xcalloc(plan->series_count, sizeof *lost);
    struct verdicts verdicts = {0};
    for (size_t p = 0; p < plan->panel_count; p++) {
        const struct chart_panel *panel = &plan->panels[p];
        const struct run_cell *own = report_own_cell(report, panel);
        for (size_t i = 0; own && i < panel->member_count; i++) {
            const struct run_cell *other = cell_of(report, &panel->members[i]);
            enum report_outcome outcome = report_pair_of(report, own, other, "wall_ns").outcome;
            verdicts.compared += outcome != REPORT_UNKNOWN;
            verdicts.won += outcome == REPORT_WINS;
            verdicts.same += outcome == REPORT_SAME;
            verdicts.open += outcome == REPORT_OPEN;
            verdicts.lost += outcome == REPORT_LOSES;
            if (outcome == REPORT_LOSES)
                names_add(&lost[panel->members[i].series], report, panel);
        }
    }
    struct words words;
    FILE *out = words_open(&words);
    fprintf(out,
            "Of %zu comparisons of %s's time with another backend's, it is faster in %zu, "
            "slower in %zu, the same in %zu, and %zu are not decided.",
            verdicts.compared, report->own, verdicts.won, verdicts.lost, verdicts.same,
            verdicts.open);
    for (size_t s = 0; s < plan->series_count; s++) {
        if (!lost[s].count)
            continue;
        fprintf(out, " Slower than %s on ", plan->series[s].label);
        names_put(&lost[s], out);
        fputs(".", out);
    }
    const char *text = words_close(&words);
    if (verdicts.compared)
        report_page_item(report->page, "Beyond doubt.", "%s", text);
    free(words.text);
    free(lost);
}

static void tell_trust(const struct report *report)
{
    struct report_doubts doubts = report_doubts_of(report);
    struct words words;
    FILE *out = words_open(&words);
    fputs("One figure per process; n = ", out);
    if (doubts.least_count == doubts.most_count)
        fprintf(out, "%zu", doubts.most_count);
    else
        fprintf(out, "%zu to %zu", doubts.least_count, doubts.most_count);
    fputs(" per cell.", out);
    const char *asked = run_data_key(report->run, "invocations");
    if (asked && strtoull(asked, NULL, 10) > doubts.least_count)
        fprintf(out, " %s were asked for.", asked);
    if (doubts.least_count < COMPARE_VERDICT_INVOCATIONS)
        fprintf(out, " Brackets of fewer than %d are ranges, not intervals, and give no verdict.",
                COMPARE_VERDICT_INVOCATIONS);
    if (!doubts.is_finished)
        fputs(" The run was cut off, or is not finished yet.", out);
    if (doubts.failed_count)
        fprintf(out, " %zu of %zu processes failed.", doubts.failed_count, doubts.process_count);
    if (doubts.skipped_count)
        fprintf(out, " %zu cell%s skipped.", doubts.skipped_count,
                doubts.skipped_count == 1 ? " was" : "s were");
    if (doubts.noisy_count || doubts.unsteady_count || doubts.near_observer_count ||
        doubts.suspect_stop_count > 0)
        fprintf(out,
                " In doubt: %zu of %zu processes noisy, %zu unsteady, %zu with figures near what "
                "observing costs; %.0f stops suspect.",
                doubts.noisy_count, doubts.completed_count, doubts.unsteady_count,
                doubts.near_observer_count, doubts.suspect_stop_count);
    else
        fputs(" No process was noisy or unsteady, and no stop suspect.", out);
    report_page_item(report->page, "Can it be trusted?", "%s", words_close(&words));
    free(words.text);
}

/* ", 1.19x the time of mimalloc [0.98, 1.42] at 0.9x its memory" */
static void put_rival(FILE *out, const struct report *report, const struct run_cell *own,
                      const struct chart_member *rival, const char *before)
{
    const struct run_cell *other = cell_of(report, rival);
    struct report_pair time = report_pair_of(report, own, other, "wall_ns");
    struct report_pair memory = report_pair_of(report, own, other, "rss_peak_bytes");
    char *estimate = report_estimate_text(&time.ratio);
    char *ratio = report_ratio_text(&time.ratio);
    char *memory_estimate = report_estimate_text(&memory.ratio);
    if (!time.ratio.known) {
        char *outcome = report_outcome_text(report, other);
        fprintf(out, "%s no comparable time of %s%s%s%s", before, label_of(report, rival),
                *outcome ? " (" : "", outcome, *outcome ? ")" : "");
        free(outcome);
    } else {
        fprintf(out, "%s %sx the time of %s%s", before, estimate, label_of(report, rival),
                ratio + strlen(estimate));
        if (memory.ratio.known)
            fprintf(out, " at %sx its memory", memory_estimate);
    }
    free(memory_estimate);
    free(ratio);
    free(estimate);
}

static void put_stops(FILE *out, const struct report *report, const struct chart_panel *panel,
                      const struct run_cell *own)
{
    double longest, count;
    if (!report_reclaims(report, own, "tracing"))
        return;
    if (!report_median(report, own, "pause_max_ns", &longest)) {
        if (report_median(report, own, "pause_count", &count) && count == 0)
            fputs(", and it never stopped", out);
        return;
    }
    char *figure = report_figure_text(longest, "ns");
    fprintf(out, ", and its longest stop was %s", figure);
    free(figure);
    size_t others = 0;
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct run_cell *other = cell_of(report, &panel->members[i]);
        if (other == own || !report_median(report, other, "pause_max_ns", &longest))
            continue;
        figure = report_figure_text(longest, "ns");
        fprintf(out, "%s%s: %s", others++ ? ", " : " (", label_of(report, &panel->members[i]),
                figure);
        free(figure);
    }
    fputs(others ? ")" : "", out);
}

/* The fastest complete member that frees by hand, or NULL. */
static const struct chart_member *fastest_by_hand(const struct report *report,
                                                  const struct chart_panel *panel,
                                                  const struct run_cell *own)
{
    const struct chart_member *fastest = NULL;
    double least = INFINITY, median;
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct run_cell *cell = cell_of(report, &panel->members[i]);
        if (cell != own && report_reclaims(report, cell, "manual") &&
            report_is_complete(report, cell) && report_median(report, cell, "wall_ns", &median) &&
            median < least) {
            least = median;
            fastest = &panel->members[i];
        }
    }
    return fastest;
}

static void tell_panel(const struct report *report, const struct chart_panel *panel)
{
    const struct run_cell *own = report_own_cell(report, panel);
    struct words words;
    FILE *out = words_open(&words);
    fprintf(out, "On %s, %s", panel->title, report->own);
    double median;
    if (!own) {
        fputs(" was not measured", out);
    } else if (!report_median(report, own, "wall_ns", &median)) {
        char *outcome = report_outcome_text(report, own);
        fprintf(out, " did not complete%s%s", *outcome ? ": " : "", outcome);
        free(outcome);
    } else {
        size_t told = 0;
        for (size_t i = 0; i < panel->member_count; i++)
            if (cell_of(report, &panel->members[i]) != own &&
                report_reclaims(report, cell_of(report, &panel->members[i]), "tracing"))
                put_rival(out, report, own, &panel->members[i], told++ ? "," : " took");
        const struct chart_member *by_hand = fastest_by_hand(report, panel, own);
        if (by_hand)
            put_rival(out, report, own, by_hand, told++ ? " and" : " took");
        if (!told) {
            char *figure = report_figure_text(median, "ns");
            fprintf(out, " took %s", figure);
            free(figure);
            if (report_median(report, own, "rss_peak_bytes", &median)) {
                figure = report_figure_text(median, "bytes");
                fprintf(out, " and %s of memory at its peak", figure);
                free(figure);
            }
        }
        put_stops(out, report, panel, own);
    }
    report_page_item(report->page, NULL, "%s.", words_close(&words));
    free(words.text);
}

int report_put_summary(const struct report *report)
{
    static const struct contest contests[] = {
        {"Who is fastest?", "Least median time", "wall_ns", false},
        {"Who stops least?", "Least median of the longest stop, among collectors", "pause_max_ns",
         true},
        {"Who uses least memory?", "Least median of peak memory", "rss_peak_bytes", false},
    };
    const struct chart_plan *plan = &report->plan;
    if (plan->panel_count == 0) {
        report_page_text(report->page,
                         "This run holds no finished process, so there is nothing to say yet.");
        return 0;
    }
    for (size_t i = 0; i < sizeof contests / sizeof *contests; i++)
        tell_contest(report, &contests[i]);
    tell_stops(report);
    tell_trade(report);
    tell_losses(report);
    tell_trust(report);
    report_page_heading(report->page, 3, "Workload by workload");
    for (size_t p = 0; p < plan->panel_count; p++)
        tell_panel(report, &plan->panels[p]);
    return 0;
}
