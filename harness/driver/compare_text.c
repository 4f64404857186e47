#include "driver/compare_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/figure_text.h"
#include "data/printable.h"
#include "driver/compare_words.h"
#include "driver/markup_text.h"
#include "driver/text_table.h"
#include "driver/xalloc.h"

static const char *heading_of(const char *metric)
{
    static const struct {
        const char *metric;
        const char *heading;
    } headings[] = {
        {"wall_ns", "time"},
        {"pause_max_ns", "longest stop"},
        {"latency_max_ns", "worst operation"},
        {"rss_peak_bytes", "peak memory"},
    };
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        if (!strcmp(metric, headings[i].metric))
            return headings[i].heading;
    return metric;
}

static void add_printable(struct text_table *table, const char *text)
{
    char printable[512];
    text_table_add(table, printable_copy(printable, sizeof printable, text));
}

static void add_part(struct text_table *table, const struct cell_part *part)
{
    char *text = xprintf("%.*s", part->length, part->text);
    add_printable(table, text);
    free(text);
}

/* "812 ms", and how many did not complete where some did not. */
static void add_sample(struct text_table *table, const struct compare_sample *sample,
                       const char *unit)
{
    char figure[FIGURE_TEXT_BYTES];
    figure_format(figure, sample->median, unit);
    if (sample->count && sample->count < sample->of)
        text_table_addf(table, "%s (%zu of %zu)", figure, sample->count, sample->of);
    else
        text_table_add(table, figure);
}

static void add_effect(struct text_table *table, const struct compare_row *row)
{
    char *effect = compare_effect_text(row);
    text_table_add(table, effect);
    free(effect);
}

static void add_verdict(const struct compare_text *text, struct text_table *table,
                        const struct compare_result *result, const struct compare_row *row)
{
    static const char *const colours[] = {
        [COMPARE_BROKEN] = "\x1b[1;31m",
        [COMPARE_REGRESSED] = "\x1b[31m",
        [COMPARE_INCONCLUSIVE] = "\x1b[33m",
        [COMPARE_IMPROVED] = "\x1b[32m",
        [COMPARE_SAME] = "",
    };
    char *verdict = compare_verdict_text(result, row);
    const char *colour = text->colour ? colours[row->verdict] : "";
    text_table_addf(table, "%s%s%s", colour, verdict, *colour ? "\x1b[0m" : "");
    free(verdict);
}

/* A name outside a table. */
static void put_name(const struct compare_text *text, const char *name)
{
    if (text->markdown)
        markup_put_markdown(text->out, name);
    else
        printable_put(text->out, name);
}

static void print_markdown(const struct text_table *table, FILE *out)
{
    for (size_t i = 0; i < table->field_count; i++) {
        fputs(i % table->column_count ? " | " : "| ", out);
        markup_put_markdown(out, table->fields[i]);
        if ((i + 1) % table->column_count)
            continue;
        fputs(" |\n", out);
        if (i + 1 == table->column_count) {
            for (size_t j = 0; j < table->column_count; j++)
                fputs("|---", out);
            fputs("|\n", out);
        }
    }
}

static void print_table(const struct compare_text *text, struct text_table *table)
{
    if (text->markdown)
        print_markdown(table, text->out);
    else
        text_table_print(table, text->out, false);
    text_table_free(table);
}

/* Whether the figures before the verdict are those of few invocations, and what that means. */
static void print_notes(const struct compare_text *text, const struct compare_result *result)
{
    size_t few = result->undecidable_count - result->incomparable_count;
    size_t ranges = 0;
    for (size_t i = 0; i < result->row_count; i++)
        ranges += compare_is_range_only(&result->rows[i]);
    if (ranges)
        fprintf(text->out,
                "\nFewer than %d invocations give ranges and no verdict; --invocations %zu decides "
                "these %zu comparisons.\n",
                COMPARE_VERDICT_INVOCATIONS, result->family_invocations, result->family);
    else if (few)
        fprintf(text->out,
                "\n%zu of %zu comparisons cannot be decided with so few invocations: %zu each are "
                "needed at alpha %g.\n",
                few, result->family, result->family_invocations, text->options->alpha);
    if (result->incomparable_count)
        fprintf(text->out,
                "\n%zu figure%s the new run has not, or counted in another way: more invocations "
                "do not decide that.\n",
                result->incomparable_count, result->incomparable_count == 1 ? "" : "s");
    if (result->new_cell_count)
        fprintf(text->out, "\n%zu cell%s only in the new run.\n", result->new_cell_count,
                result->new_cell_count == 1 ? " is" : "s are");
}

static void print_counts(const struct compare_text *text, const struct compare_result *result)
{
    bool is_first = true;
    for (int v = COMPARE_BROKEN; v <= COMPARE_SAME; v++) {
        if (!result->count[v])
            continue;
        fprintf(text->out, "%s%zu %s", is_first ? "" : ", ", result->count[v],
                compare_verdict_word((enum compare_verdict)v));
        is_first = false;
    }
    fprintf(text->out, "%s\n\n", is_first ? "nothing to compare" : "");
}

static void add_failures(struct text_table *table, const struct compare_sample *sample)
{
    text_table_addf(table, "%zu of %zu failed", sample->of - sample->count, sample->of);
}

/* Rows from `first` to before `end`. */
static void print_rows(const struct compare_text *text, const struct compare_result *result,
                       size_t first, size_t end)
{
    struct text_table table = {.column_count = 7};
    static const char *const headings[] = {"cell", "metric", "base", "new", "ratio [interval]",
                                           "p",    "verdict"};
    for (size_t i = 0; i < table.column_count; i++)
        text_table_add(&table, headings[i]);
    for (size_t i = first; i < end; i++) {
        const struct compare_row *row = &result->rows[i];
        add_printable(&table, row->base_cell->key);
        add_printable(&table, row->metric);
        if (!strcmp(row->metric, COMPARE_STATUS)) {
            add_failures(&table, &row->base);
            add_failures(&table, &row->new);
        } else {
            add_sample(&table, &row->base, row->unit);
            add_sample(&table, &row->new, row->unit);
        }
        add_effect(&table, row);
        if (isnan(row->p_holm))
            text_table_add(&table, "");
        else
            text_table_addf(&table, "%.2g", row->p_holm);
        add_verdict(text, &table, result, row);
    }
    print_table(text, &table);
}

/* In a pull request what is well is folded away: rows are worst first, so that is the end. */
void compare_text_runs(const struct compare_text *text, const struct compare_result *result)
{
    if (text->markdown)
        fputs(result->count[COMPARE_BROKEN] || result->count[COMPARE_REGRESSED] ? "**Regressed**: "
              : compare_is_undecided(result) ? "**Not decided**: "
                                             : "**No regression found**: ",
              text->out);
    print_counts(text, result);
    size_t shown = result->row_count;
    while (text->markdown && shown > 0 &&
           (result->rows[shown - 1].verdict == COMPARE_SAME ||
            result->rows[shown - 1].verdict == COMPARE_IMPROVED))
        shown--;
    if (shown)
        print_rows(text, result, 0, shown);
    if (shown < result->row_count) {
        fprintf(text->out, "\n<details><summary>%zu improved or the same</summary>\n\n",
                result->row_count - shown);
        print_rows(text, result, shown, result->row_count);
        fputs("\n</details>\n", text->out);
    }
    print_notes(text, result);
}

static const struct compare_row *find_row(const struct compare_result *result,
                                          const struct run_cell *base, const struct run_cell *new,
                                          const char *metric)
{
    for (size_t i = 0; i < result->row_count; i++) {
        const struct compare_row *row = &result->rows[i];
        if (row->base_cell == base && row->new_cell == new && !strcmp(row->metric, metric))
            return row;
    }
    return NULL;
}

/* A cell in the table of its reference, with its row for the first metric where there is one. */
struct entry {
    const struct run_cell *cell;
    const struct compare_row *row;
};

static double ratio_of(const struct entry *entry)
{
    return entry->row && !entry->row->by_difference ? entry->row->estimate : INFINITY;
}

static int compare_entries(const void *a, const void *b)
{
    double x = ratio_of(a);
    double y = ratio_of(b);
    return (x > y) - (x < y);
}

static void add_status(struct text_table *table, const struct run_data *run,
                       const struct run_cell *cell)
{
    /* The outcome of the first that failed stands for them all. */
    for (size_t i = 0; i < cell->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[cell->invocations[i]];
        if (invocation->status == RUN_OK)
            continue;
        if (*invocation->status_detail) {
            char *text =
                xprintf("%s: %s", run_status_word(invocation->status), invocation->status_detail);
            add_printable(table, text);
            free(text);
        } else {
            text_table_add(table, run_status_word(invocation->status));
        }
        return;
    }
    text_table_add(table, "");
}

static int add_entry(const struct compare_text *text, struct text_table *table,
                     const struct compare_result *result, const struct run_data *run,
                     const struct run_cell *reference, const struct entry *entry)
{
    const struct compare_options *options = text->options;
    add_part(table, &entry->cell->parts.backend);
    add_part(table, &entry->cell->parts.heap);
    for (size_t m = 0; m < options->metric_count; m++) {
        struct compare_sample sample;
        if (compare_sample_of(&sample, run, entry->cell, options->metrics[m]))
            return -ENOMEM;
        int metric = run_data_metric(run, options->metrics[m]);
        add_sample(table, &sample, metric < 0 ? "" : run->metrics[metric].unit);
        if (m == 0 && entry->cell == reference)
            text_table_add(table, "1");
        else if (m == 0 && entry->row)
            add_effect(table, entry->row);
        else if (m == 0)
            text_table_add(table, "");
    }
    if (entry->cell == reference)
        text_table_add(table, "reference");
    else if (entry->row)
        add_verdict(text, table, result, entry->row);
    else
        add_status(table, run, entry->cell);
    return 0;
}

static int print_reference(const struct compare_text *text, const struct compare_result *result,
                           const struct run_data *run, const struct run_cell *reference)
{
    const struct compare_options *options = text->options;
    struct entry *entries = NULL;
    size_t count = 0;
    for (size_t i = 0; i < run->cell_count; i++) {
        const struct run_cell *cell = &run->cells[i];
        if (cell != reference && !compare_is_paired(run, reference, cell))
            continue;
        struct entry *entry = xappend(&entries, &count, sizeof *entry);
        entry->cell = cell;
        entry->row = find_row(result, reference, cell, options->metrics[0]);
    }
    if (count > 0)
        qsort(entries, count, sizeof *entries, compare_entries);

    struct text_table table = {.column_count = options->metric_count + 4};
    text_table_add(&table, "backend");
    text_table_add(&table, "heap");
    for (size_t m = 0; m < options->metric_count; m++) {
        add_printable(&table, heading_of(options->metrics[m]));
        if (m == 0)
            text_table_add(&table, "ratio [interval]");
    }
    text_table_add(&table, "verdict");
    int error = add_entry(text, &table, result, run, reference,
                          &(struct entry){.cell = reference, .row = NULL});
    for (size_t i = 0; i < count && !error; i++)
        if (entries[i].cell != reference)
            error = add_entry(text, &table, result, run, reference, &entries[i]);
    free(entries);

    char *title = xprintf("%.*s, threads %.*s", reference->parts.workload.length,
                          reference->parts.workload.text, reference->parts.threads.length,
                          reference->parts.threads.text);
    fputs(text->markdown ? "\n### " : "\n", text->out);
    put_name(text, title);
    fputs(text->markdown ? "\n\n" : "\n", text->out);
    free(title);
    print_table(text, &table);
    return error;
}

/* Sums of the logarithms of one variant's ratios over the reference's cells. */
struct mean {
    struct cell_part variant;
    struct cell_part heap;
    size_t count;
    double time_sum;
    double memory_sum;
};

static bool same_text(const struct cell_part *a, const struct cell_part *b)
{
    return a->length == b->length && !memcmp(a->text, b->text, (size_t)a->length);
}

/* Workloads that allocate nothing say nothing about memory managers. */
static bool allocates(const struct run_data *run, const struct run_cell *cell)
{
    struct compare_sample sample;
    return compare_sample_of(&sample, run, cell, "allocated_bytes") == 0 &&
           !(sample.count && sample.max == 0);
}

static void add_to_means(struct mean **means, size_t *count, const struct compare_row *time,
                         const struct compare_row *memory)
{
    const struct cell_parts *parts = &time->new_cell->parts;
    struct mean *mean = NULL;
    for (size_t i = 0; i < *count && !mean; i++)
        if (same_text(&(*means)[i].variant, &parts->backend) &&
            same_text(&(*means)[i].heap, &parts->heap))
            mean = &(*means)[i];
    if (!mean) {
        mean = xappend(means, count, sizeof *mean);
        mean->variant = parts->backend;
        mean->heap = parts->heap;
    }
    mean->count++;
    mean->time_sum += log(time->estimate);
    mean->memory_sum += log(memory->estimate);
}

static int compare_means(const void *a, const void *b)
{
    const struct mean *x = a;
    const struct mean *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    double difference = x->time_sum / (double)x->count - y->time_sum / (double)y->count;
    return (difference > 0) - (difference < 0);
}

static void print_left_out(const struct compare_text *text, const struct mean *mean, size_t all)
{
    char *variant = xprintf("%.*s at heap %.*s", mean->variant.length, mean->variant.text,
                            mean->heap.length, mean->heap.text);
    fputs(text->markdown ? "\nleft out: " : "  left out: ", text->out);
    put_name(text, variant);
    fprintf(text->out, ", which completed %zu of %zu\n", mean->count, all);
    free(variant);
}

/* Only of variants that completed everywhere: means over different workloads do not compare. */
static void print_means_table(const struct compare_text *text, const struct mean *means,
                              size_t count, size_t all, const struct cell_parts *reference)
{
    struct text_table table = {.column_count = 4};
    static const char *const headings[] = {"backend", "heap", "time", "peak memory"};
    for (size_t i = 0; i < table.column_count; i++)
        text_table_add(&table, headings[i]);
    for (size_t i = 0; i < count && means[i].count == all; i++) {
        add_part(&table, &means[i].variant);
        add_part(&table, &means[i].heap);
        text_table_addf(&table, "%.2f", exp(means[i].time_sum / (double)all));
        text_table_addf(&table, "%.2f", exp(means[i].memory_sum / (double)all));
    }
    char *what = xprintf("multiples of %.*s at heap %.*s, threads %.*s", reference->backend.length,
                         reference->backend.text, reference->heap.length, reference->heap.text,
                         reference->threads.length, reference->threads.text);
    fprintf(text->out, "%sgeometric means over the %zu workloads that allocate, as ",
            text->markdown ? "\n### " : "\n", all);
    put_name(text, what);
    fputs(text->markdown ? "\n\n" : "\n", text->out);
    free(what);
    print_table(text, &table);
    for (size_t i = 0; i < count; i++)
        if (means[i].count < all)
            print_left_out(text, &means[i], all);
}

/* Who won by how much, over the reference's cells of one heap setting and number of threads, those
 * of `reference`. */
static void print_means(const struct compare_text *text, const struct compare_result *result,
                        const struct run_data *run, const struct run_cell *reference)
{
    struct mean *means = NULL;
    size_t count = 0;
    size_t all = 0;
    const struct run_cell *last = NULL;
    for (size_t i = 0; i < result->row_count; i++) {
        const struct compare_row *time = &result->rows[i];
        const struct run_cell *base = time->base_cell;
        if (strcmp(time->metric, "wall_ns") != 0 || time->by_difference ||
            !same_text(&base->parts.heap, &reference->parts.heap) ||
            !same_text(&base->parts.threads, &reference->parts.threads) || !allocates(run, base))
            continue;
        const struct compare_row *memory = find_row(result, base, time->new_cell, "rss_peak_bytes");
        if (!memory || memory->by_difference)
            continue;
        add_to_means(&means, &count, time, memory);
        all += base != last;
        last = base;
    }
    if (all >= 2) {
        qsort(means, count, sizeof *means, compare_means);
        print_means_table(text, means, count, all, &reference->parts);
    }
    free(means);
}

/* Whether an earlier reference cell has the same heap setting and threads. */
static bool is_repeated(const struct run_cell *const *references, size_t index)
{
    const struct cell_parts *parts = &references[index]->parts;
    for (size_t i = 0; i < index; i++)
        if (same_text(&references[i]->parts.heap, &parts->heap) &&
            same_text(&references[i]->parts.threads, &parts->threads))
            return true;
    return false;
}

/* The row of the fastest other setting of the reference's own backend, or NULL where no other
 * completed; how many there are is added to *count. */
static const struct compare_row *best_setting(const struct compare_result *result,
                                              const struct run_cell *reference, size_t *count)
{
    const struct compare_row *best = NULL;
    for (size_t i = 0; i < result->row_count; i++) {
        const struct compare_row *row = &result->rows[i];
        if (row->base_cell != reference || strcmp(row->metric, "wall_ns") != 0 ||
            row->by_difference || isnan(row->estimate) ||
            !same_text(&reference->parts.backend_name, &row->new_cell->parts.backend_name))
            continue;
        ++*count;
        if (!best || row->estimate < best->estimate)
            best = row;
    }
    return best;
}

static void add_best(const struct compare_text *text, struct text_table *table,
                     const struct compare_result *result, const struct run_cell *reference,
                     const struct compare_row *best)
{
    const struct cell_parts *parts = &reference->parts;
    add_part(table, &parts->workload);
    add_part(table, &parts->heap);
    add_part(table, &parts->threads);
    if (best->estimate >= 1) {
        text_table_add(table, "none is faster");
        for (int i = 0; i < 3; i++)
            text_table_add(table, "");
        return;
    }
    add_part(table, &best->new_cell->parts.backend);
    add_effect(table, best);
    const struct compare_row *memory =
        find_row(result, reference, best->new_cell, "rss_peak_bytes");
    if (memory)
        add_effect(table, memory);
    else
        text_table_add(table, "");
    add_verdict(text, table, result, best);
}

/* Where a run has several settings of the reference's backend: the fastest for each workload, so
 * that "do not switch, set this" can be an answer. */
static void print_best_settings(const struct compare_text *text,
                                const struct compare_result *result,
                                const struct run_cell *const *references, size_t reference_count)
{
    static const char *const headings[] = {
        "workload",        "heap",        "threads",     "fastest setting",
        "time [interval]", "peak memory", "its verdict",
    };
    struct text_table table = {.column_count = sizeof headings / sizeof *headings};
    size_t most = 0;
    for (size_t i = 0; i < table.column_count; i++)
        text_table_add(&table, headings[i]);
    for (size_t i = 0; i < reference_count; i++) {
        size_t settings = 0;
        const struct compare_row *best = best_setting(result, references[i], &settings);
        if (best)
            add_best(text, &table, result, references[i], best);
        most = settings > most ? settings : most;
    }
    if (most == 0) {
        text_table_free(&table);
        return;
    }
    const struct cell_part *backend = &references[0]->parts.backend_name;
    char *name = xprintf("%.*s", backend->length, backend->text);
    fputs(text->markdown ? "\n### " : "\n", text->out);
    fputs("best setting of ", text->out);
    printable_put(text->out, name);
    free(name);
    fputs(" for each workload, as multiples of the reference", text->out);
    fputs(text->markdown ? "\n\n" : "\n", text->out);
    print_table(text, &table);
    fprintf(
        text->out,
        "\nEach is the fastest of %zu other settings, picked after measuring: its ratio flatters "
        "it, its verdict, adjusted for all comparisons, does not.\n",
        most);
}

static int compare_cells(const void *a, const void *b)
{
    return strcmp((*(const struct run_cell *const *)a)->key,
                  (*(const struct run_cell *const *)b)->key);
}

int compare_text_backends(const struct compare_text *text, const struct compare_result *result,
                          const struct run_data *run, const char *reference)
{
    const struct run_cell **references = NULL;
    size_t count = 0;
    for (size_t i = 0; i < run->cell_count; i++) {
        const struct cell_part *part = &run->cells[i].parts.backend;
        if (strlen(reference) == (size_t)part->length &&
            !memcmp(reference, part->text, (size_t)part->length))
            *(const struct run_cell **)xappend(&references, &count, sizeof *references) =
                &run->cells[i];
    }
    if (count > 0)
        qsort(references, count, sizeof *references, compare_cells);
    fputs(text->markdown ? "## " : "", text->out);
    fputs("ratios to ", text->out);
    put_name(text, reference);
    fprintf(text->out, ", tolerance %g %%, medians of one value per process\n",
            100 * text->options->tolerance.relative);
    int error = 0;
    for (size_t i = 0; i < count && !error; i++)
        error = print_reference(text, result, run, references[i]);
    for (size_t i = 0; i < count && !error; i++)
        if (!is_repeated(references, i))
            print_means(text, result, run, references[i]);
    if (!error)
        print_best_settings(text, result, references, count);
    if (!error)
        print_notes(text, result);
    free(references);
    return error;
}
