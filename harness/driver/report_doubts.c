#include "driver/report_doubts.h"

#include <stdlib.h>
#include <string.h>

#include "data/statistics.h"
#include "driver/report_figures.h"
#include "driver/steal.h"
#include "driver/xalloc.h"

static bool is_near_observer(const struct run_invocation *invocation)
{
    return run_invocation_has_flag(invocation, "latency_near_observer") ||
           run_invocation_has_flag(invocation, "pauses_near_observer");
}

static void take(const struct report *report, size_t index, struct report_doubts *doubts)
{
    const struct run_invocation *invocation = &report->run->invocations[index];
    if (!chart_invocation_is_measured(&report->plan, index))
        return;
    if (invocation->status == RUN_SKIPPED) {
        doubts->skipped_count++;
        return;
    }
    doubts->process_count++;
    doubts->failed_count += invocation->status != RUN_OK;
    if (invocation->status != RUN_OK)
        return;
    doubts->completed_count++;
    doubts->noisy_count += run_invocation_has_flag(invocation, "noisy");
    doubts->unsteady_count += run_invocation_has_flag(invocation, "unsteady");
    doubts->near_observer_count += is_near_observer(invocation);
    double suspect;
    int metric = run_data_metric(report->run, "pauses_suspect_count");
    if (metric >= 0 && run_data_value(report->run, index, (size_t)metric, &suspect))
        doubts->suspect_stop_count += suspect;
}

static void take_cell(const struct report *report, const struct run_cell *cell,
                      struct report_doubts *doubts)
{
    for (size_t i = 0; i < cell->invocation_count; i++)
        take(report, cell->invocations[i], doubts);
}

/* Whether the last part of the run, which may have been continued, has an end. */
static bool is_finished(const struct run_data *run)
{
    const char *last = NULL;
    for (size_t i = 0; i < run->key_count; i++) {
        const char *key = run->keys[i].key;
        size_t length = strlen(key);
        if (length >= 5 && !strcmp(key + length - 5, "_date"))
            last = key;
    }
    size_t length = last ? strlen(last) : 0;
    return length >= 8 && !strcmp(last + length - 8, "end_date");
}

struct report_doubts report_doubts_of(const struct report *report)
{
    struct report_doubts doubts = {.is_finished = is_finished(report->run)};
    for (size_t i = 0; i < report->run->cell_count; i++) {
        struct report_doubts of_cell = {0};
        take_cell(report, &report->run->cells[i], &of_cell);
        size_t n = of_cell.completed_count;
        if (n && (n < doubts.least_count || !doubts.least_count))
            doubts.least_count = n;
        if (n > doubts.most_count)
            doubts.most_count = n;
        doubts.process_count += of_cell.process_count;
        doubts.completed_count += n;
        doubts.failed_count += of_cell.failed_count;
        doubts.skipped_count += of_cell.skipped_count;
        doubts.noisy_count += of_cell.noisy_count;
        doubts.unsteady_count += of_cell.unsteady_count;
        doubts.near_observer_count += of_cell.near_observer_count;
        doubts.suspect_stop_count += of_cell.suspect_stop_count;
    }
    return doubts;
}

/* What the first that did not complete says of why, or "". */
static const char *detail_of(const struct report *report, const struct run_cell *cell)
{
    for (size_t i = 0; i < cell->invocation_count; i++) {
        const struct run_invocation *invocation = &report->run->invocations[cell->invocations[i]];
        if (invocation->status != RUN_OK && *invocation->status_detail)
            return invocation->status_detail;
    }
    return "";
}

static void add_count(struct text_table *table, size_t count)
{
    if (count)
        text_table_addf(table, "%zu", count);
    else
        text_table_add(table, "");
}

/* Flags other than those that have a column, each once. */
static char *other_flags(const struct report *report, const struct run_cell *cell)
{
    static const char *const known[] = {
        "noisy",        "unsteady", "latency_near_observer", "pauses_near_observer", "probe",
        "instructions", "beside"};
    char *found = xstrdup("");
    for (size_t i = 0; i < cell->invocation_count; i++) {
        const char *word = report->run->invocations[cell->invocations[i]].flags;
        for (; *word; word += strspn(word, " ")) {
            size_t length = strcspn(word, " ");
            char *flag = xprintf("%.*s", (int)length, word);
            bool is_known = length == 0 || strstr(found, flag);
            for (size_t k = 0; k < sizeof known / sizeof *known; k++)
                is_known |= !strcmp(flag, known[k]);
            if (!is_known) {
                char *longer = xprintf("%s%s%s", found, *found ? " " : "", flag);
                free(found);
                found = longer;
            }
            free(flag);
            word += length;
        }
    }
    return found;
}

static void put_cells(const struct report *report)
{
    static const char *const headings[] = {"cell",     "outcome",       "noisy",         "unsteady",
                                           "observer", "suspect stops", "further flags", "why"};
    struct text_table table = {.column_count = sizeof headings / sizeof *headings};
    for (size_t i = 0; i < table.column_count; i++)
        text_table_add(&table, headings[i]);
    for (size_t i = 0; i < report->run->cell_count; i++) {
        const struct run_cell *cell = &report->run->cells[i];
        struct report_doubts doubts = {0};
        take_cell(report, cell, &doubts);
        char *outcome = report_outcome_text(report, cell);
        char *flags = other_flags(report, cell);
        if (*outcome || *flags || doubts.noisy_count || doubts.unsteady_count ||
            doubts.near_observer_count || doubts.suspect_stop_count > 0) {
            text_table_add(&table, cell->key);
            text_table_add(&table, outcome);
            add_count(&table, doubts.noisy_count);
            add_count(&table, doubts.unsteady_count);
            add_count(&table, doubts.near_observer_count);
            add_count(&table, (size_t)doubts.suspect_stop_count);
            text_table_add(&table, flags);
            text_table_add(&table, detail_of(report, cell));
        }
        free(flags);
        free(outcome);
    }
    if (table.field_count > table.column_count)
        report_page_table(report->page, &table, 0);
    else {
        report_page_text(report->page, "No cell failed or was skipped, and none is flagged.");
        text_table_free(&table);
    }
}

/* Of all keys of that name, also of continued runs, and of the variants that could not be run. */
static void put_key(const struct report *report, const char *ending, const char *lead,
                    const char *meaning)
{
    size_t length = strlen(ending);
    for (size_t i = 0; i < report->run->key_count; i++) {
        const struct run_key *key = &report->run->keys[i];
        size_t key_length = strlen(key->key);
        if (*key->value && key_length >= length && !strcmp(key->key + key_length - length, ending))
            report_page_item(report->page, lead, "%s: %s. %s", key->key, key->value, meaning);
    }
}

int report_put_doubts(const struct report *report)
{
    struct report_doubts doubts = report_doubts_of(report);
    if (!doubts.is_finished)
        report_page_item(report->page, "Cut off.",
                         "The run has no end date: it was interrupted, or still goes on. What is "
                         "here was finished.");
    put_key(report, "_unavailable", "Skipped.", "Its cells were skipped.");
    put_key(report, "observer_ns", "Observer.",
            "Nanoseconds that recording one operation costs, the median over processes; figures "
            "below ten times that are counted under observer.");
    put_key(report, "driver_cpu_share", "Sampling.",
            "CPU time of gcmeter during the measured parts, as a share of their length.");
    if (doubts.noisy_count)
        report_page_item(report->page, "Noise.",
                         "%zu of %zu processes lost more than %g %% of their time to the host.",
                         doubts.noisy_count, doubts.completed_count, STEAL_SHARE_MAX * 100);
    if (doubts.unsteady_count)
        report_page_item(report->page, "Drift.",
                         "%zu of %zu processes still drifted in their last half.",
                         doubts.unsteady_count, doubts.completed_count);
    if (doubts.suspect_stop_count > 0)
        report_page_item(report->page, "Suspect stops.",
                         "%.0f stops overlap hiccups of the machine of at least half their length. "
                         "They stay in every figure.",
                         doubts.suspect_stop_count);
    if (report->against) {
        const struct compare_result *against = report->against;
        size_t few = against->undecidable_count - against->incomparable_count;
        if (few)
            report_page_item(report->page, "Too few processes.",
                             "%zu of %zu comparisons cannot be decided with so few: %zu per cell "
                             "are needed at alpha %g.",
                             few, against->family, against->family_invocations,
                             report->options->alpha);
        if (against->incomparable_count)
            report_page_item(report->page, "Not compared.",
                             "%zu figures of the run before are not in this one, or were counted "
                             "in another way.",
                             against->incomparable_count);
    }
    put_cells(report);
    return 0;
}
