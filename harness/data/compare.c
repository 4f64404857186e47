#include "data/compare.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/cell_sample.h"
#include "data/gate_file.h"
#include "data/printable.h"
#include "data/string_table.h"

/* Fewer equal values do not make a metric exact. */
#define EXACT_INVOCATIONS 3
/* A counter that varies by more than this is statistical; near-exact ones gate at ten times it. */
#define NEAR_EXACT_SPREAD 0.005
#define NEAR_EXACT_LEAST  0.001

const char *const compare_default_metrics[] = {
    "wall_ns",
    "pause_max_ns",
    "latency_max_ns",
    "rss_peak_bytes",
};
const size_t compare_default_metric_count =
    sizeof compare_default_metrics / sizeof compare_default_metrics[0];

/* Sorted values of one metric in one cell. */
struct values {
    double *sorted;
    double *logs; /* of sorted; NULL where one is not positive */
    size_t count;
    size_t of;
    enum cell_purpose purpose;
};

struct side {
    const struct run_data *run;
    const struct run_cell *cell;
};

struct context {
    const struct compare_options *options;
    struct compare_result *result;
    size_t row_capacity;
    struct u_distribution u; /* of the sizes compared last: mostly all are alike */
    struct csv_error *error;
};

const char *compare_kind_word(enum compare_kind kind)
{
    static const char *const words[] = {
        [COMPARE_STATISTICAL] = "statistical",
        [COMPARE_EXACT] = "exact",
        [COMPARE_NEAR_EXACT] = "near-exact",
    };
    return words[kind];
}

const char *compare_verdict_word(enum compare_verdict verdict)
{
    static const char *const words[] = {
        [COMPARE_BROKEN] = "broken",     [COMPARE_REGRESSED] = "regressed",
        [COMPARE_SAME] = "same",         [COMPARE_INCONCLUSIVE] = "inconclusive",
        [COMPARE_IMPROVED] = "improved",
    };
    return words[verdict];
}

static int out_of_memory(struct context *context)
{
    snprintf(context->error->text, sizeof context->error->text, "out of memory");
    return -ENOMEM;
}

static void free_values(struct values *values)
{
    free(values->sorted);
    free(values->logs);
}

static int gather(struct values *values, const struct run_data *run, const struct run_cell *cell,
                  size_t metric)
{
    struct cell_sample sample;
    *values = (struct values){0};
    if (cell_sample_take(&sample, run, cell, metric))
        return -ENOMEM;
    *values = (struct values){
        .sorted = sample.sorted,
        .count = sample.count,
        .of = sample.of,
        .purpose = sample.purpose,
    };
    if (!values->count || values->sorted[0] <= 0)
        return 0;
    values->logs = malloc(values->count * sizeof *values->logs);
    if (!values->logs) {
        free_values(values);
        return -ENOMEM;
    }
    for (size_t i = 0; i < values->count; i++)
        values->logs[i] = log(values->sorted[i]);
    return 0;
}

static struct compare_sample summarise(const struct values *values)
{
    struct compare_sample sample = {values->count, values->of, NAN, NAN, NAN};
    if (values->count) {
        sample.median = statistics_median(values->sorted, values->count);
        sample.min = values->sorted[0];
        sample.max = values->sorted[values->count - 1];
    }
    return sample;
}

static size_t metric_index(const struct run_data *run, const char *name)
{
    int index = run_data_metric(run, name);
    return index < 0 ? CELL_SAMPLE_NO_METRIC : (size_t)index;
}

int compare_sample_of(struct compare_sample *sample, const struct run_data *run,
                      const struct run_cell *cell, const char *metric)
{
    struct values values;
    if (gather(&values, run, cell, metric_index(run, metric)))
        return -ENOMEM;
    *sample = summarise(&values);
    free_values(&values);
    return 0;
}

static const char *backend_key(const struct side *side, const char *key)
{
    char name[128];
    const struct cell_part *part = &side->cell->parts.backend_name;
    snprintf(name, sizeof name, "%.*s", part->length, part->text);
    return run_data_backend_key(side->run, name, key);
}

/* Whether the cell's backend gives memory back without tracing, as run.csv has it. */
static bool is_manual(const struct run_data *run, const struct run_cell *cell)
{
    const char *reclaim = backend_key(&(struct side){run, cell}, "reclaim");
    return reclaim && (strcmp(reclaim, "manual") == 0 || strcmp(reclaim, "never") == 0);
}

/* What a conservative collector finds live depends on stray words of its stacks, so that it may
 * look exact until it is not. */
static bool is_precise(const struct side *side)
{
    const char *capabilities = backend_key(side, "capabilities");
    return is_manual(side->run, side->cell) || (capabilities && strstr(capabilities, "precise"));
}

static bool depends_on_marking(const char *metric)
{
    static const char *const names[] = {
        "live_bytes", "retained_bytes", "marked_bytes", "marked_count", "pause_work_max_bytes",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(metric, names[i]) == 0)
            return true;
    return false;
}

static double spread_of(const struct compare_sample *sample)
{
    return (sample->max - sample->min) / sample->median;
}

/* Observed, not declared (METHODS.md section 8). */
static enum compare_kind observe_kind(const struct compare_row *row, const struct side *base,
                                      const struct side *new)
{
    if (row->base.count < EXACT_INVOCATIONS || row->new.count < EXACT_INVOCATIONS)
        return COMPARE_STATISTICAL;
    if (depends_on_marking(row->metric) && !(is_precise(base) && is_precise(new)))
        return COMPARE_STATISTICAL;
    if (row->base.min == row->base.max && row->new.min == row->new.max)
        return COMPARE_EXACT;
    bool is_counter = strcmp(row->unit, "count") == 0 || depends_on_marking(row->metric);
    if (!is_counter || row->base.min <= 0 || row->new.min <= 0)
        return COMPARE_STATISTICAL;
    double spread = fmax(spread_of(&row->base), spread_of(&row->new));
    return spread <= NEAR_EXACT_SPREAD ? COMPARE_NEAR_EXACT : COMPARE_STATISTICAL;
}

static struct compare_row *add_row(struct context *context, const struct side *base,
                                   const struct side *new)
{
    struct compare_result *result = context->result;
    if (result->row_count == context->row_capacity) {
        size_t capacity = context->row_capacity ? context->row_capacity * 2 : 64;
        struct compare_row *rows = realloc(result->rows, capacity * sizeof *rows);
        if (!rows)
            return NULL;
        result->rows = rows;
        context->row_capacity = capacity;
    }
    struct compare_row *row = &result->rows[result->row_count++];
    *row = (struct compare_row){
        .base_cell = base->cell,
        .new_cell = new->cell,
        .unit = "",
        .better = SCHEMA_LOWER,
        .base = {0, 0, NAN, NAN, NAN},
        .new = {0, 0, NAN, NAN, NAN},
        .estimate = NAN,
        .low = NAN,
        .high = NAN,
        .coverage = NAN,
        .p = NAN,
        .p_holm = NAN,
        .verdict = COMPARE_INCONCLUSIVE,
        .why = "",
    };
    return row;
}

static int use_sizes(struct context *context, size_t n, size_t m)
{
    if (context->u.n == n && context->u.m == m)
        return 0;
    u_distribution_free(&context->u);
    return u_distribution_make(&context->u, n, m);
}

static int estimate(struct context *context, struct compare_row *row, const struct values *base,
                    const struct values *new)
{
    if (use_sizes(context, base->count, new->count))
        return -ENOMEM;
    row->by_difference = !base->logs || !new->logs;
    struct shift_estimate shift =
        row->by_difference
            ? statistics_shift(&context->u, base->sorted, new->sorted, context->options->alpha)
            : statistics_shift(&context->u, base->logs, new->logs, context->options->alpha);
    row->estimate = row->by_difference ? shift.estimate : exp(shift.estimate);
    row->low = row->by_difference ? shift.low : exp(shift.low);
    row->high = row->by_difference ? shift.high : exp(shift.high);
    row->coverage = shift.coverage;
    row->p = statistics_mann_whitney(&context->u, base->sorted, new->sorted);
    return row->p < 0 ? -ENOMEM : 0;
}

static bool are_equal(const struct values *a, const struct values *b)
{
    return a->count == b->count && memcmp(a->sorted, b->sorted, a->count * sizeof *a->sorted) == 0;
}

bool compare_is_gated(const struct compare_options *options, const char *cell, const char *metric,
                      struct compare_tolerance *tolerance)
{
    struct compare_tolerance gated;
    bool found = options->gate && gate_tolerance(options->gate, cell, metric, &gated);
    *tolerance = found && !options->overrides_tolerance ? gated : options->tolerance;
    return found || !options->gate || options->gates_all;
}

static int compare_metric(struct context *context, const struct side *base, const struct side *new,
                          const char *metric)
{
    struct compare_tolerance tolerance;
    if (!compare_is_gated(context->options, base->cell->key, metric, &tolerance))
        return 0;
    struct values x;
    struct values y;
    size_t base_index = metric_index(base->run, metric);
    size_t new_index = metric_index(new->run, metric);
    if (gather(&x, base->run, base->cell, base_index))
        return out_of_memory(context);
    if (gather(&y, new->run, new->cell, new_index)) {
        free_values(&x);
        return out_of_memory(context);
    }
    int result = 0;
    /* A figure that the base does not have cannot have become worse. Between backends one that
     * either lacks says nothing: manual memory has no stops. */
    if (x.count && (y.count || !context->result->is_by_backend)) {
        struct compare_row *row = add_row(context, base, new);
        if (row) {
            row->metric = base->run->metrics[base_index].name;
            row->unit = base->run->metrics[base_index].unit;
            row->better = base->run->metrics[base_index].better;
            row->tolerance = tolerance;
            row->base = summarise(&x);
            row->new = summarise(&y);
            row->kind = observe_kind(row, base, new);
        }
        bool is_other = y.count && x.purpose != y.purpose;
        if (!row || (y.count && !is_other && estimate(context, row, &x, &y)))
            result = out_of_memory(context);
        else if (is_other)
            row->why = "counted in another way";
        else if (are_equal(&x, &y))
            row->verdict = COMPARE_SAME;
    }
    free_values(&x);
    free_values(&y);
    return result;
}

static struct cell_outcome count_outcomes(const struct side *side)
{
    return side->cell ? cell_outcome_of(side->run, side->cell) : (struct cell_outcome){0};
}

/* The row on failures, where there is something to say; its p joins Holm's family. */
static int compare_outcomes(struct context *context, const struct side *base,
                            const struct side *new, const struct cell_outcome *was,
                            const struct cell_outcome *is)
{
    if (is->ok && !is->failed && !was->failed)
        return 0;
    struct compare_row *row = add_row(context, base, new);
    if (!row)
        return out_of_memory(context);
    row->metric = COMPARE_STATUS;
    row->base = (struct compare_sample){was->ok, was->ok + was->failed, NAN, NAN, NAN};
    row->new = (struct compare_sample){is->ok, is->ok + is->failed, NAN, NAN, NAN};
    if (!new->cell) {
        row->why = "missing";
        row->verdict = COMPARE_BROKEN;
    } else if (!is->ok && !is->failed) {
        row->why = is->skipped ? "skipped" : "not run";
        row->verdict = COMPARE_BROKEN;
    } else {
        row->p =
            statistics_fisher(was->failed, was->ok + was->failed, is->failed, is->ok + is->failed);
        if (!is->ok && !was->failed) {
            row->why = "always fails";
            row->verdict = COMPARE_BROKEN;
        } else if (is->failed == 0) {
            row->why = "fails no more";
            row->verdict = COMPARE_SAME;
        } else {
            row->why = was->failed ? "fails" : "fails at times";
        }
    }
    return 0;
}

static int compare_pair(struct context *context, const struct side *base, const struct side *new)
{
    struct cell_outcome was = count_outcomes(base);
    struct cell_outcome is = count_outcomes(new);
    /* Between backends, out of memory or absent is an outcome that the reader sees, not a break. */
    if (!was.ok || (context->result->is_by_backend && !is.ok))
        return 0;
    int error =
        context->result->is_by_backend ? 0 : compare_outcomes(context, base, new, &was, &is);
    for (size_t i = 0; i < context->options->metric_count && is.ok && !error; i++)
        error = compare_metric(context, base, new, context->options->metrics[i]);
    return error;
}

/* Effects turned so that more is worse, on the scale on which tolerances are symmetric: logarithms
 * of ratios, or differences. */
struct effect {
    double estimate;
    double low;
    double high;
    double limit;
};

static struct effect effect_of(const struct compare_row *row)
{
    struct effect e = {row->estimate, row->low, row->high, row->tolerance.absolute};
    if (!row->by_difference) {
        double relative = row->tolerance.relative;
        if (row->kind == COMPARE_NEAR_EXACT)
            relative = fmax(fmax(relative, NEAR_EXACT_LEAST),
                            10 * fmax(spread_of(&row->base), spread_of(&row->new)));
        e = (struct effect){log(row->estimate), log(row->low), log(row->high), log1p(relative)};
    }
    if (row->better == SCHEMA_HIGHER)
        e = (struct effect){-e.estimate, -e.high, -e.low, e.limit};
    return e;
}

/* How many more would settle it, if the interval narrows with the square root of their number. */
static size_t estimate_needed(const struct compare_row *row, const struct effect *e,
                              size_t family_invocations)
{
    size_t n = row->base.count < row->new.count ? row->base.count : row->new.count;
    double size = fabs(e->estimate);
    double gap = fabs(size - e->limit);
    double half = e->estimate > 0 ? e->estimate - e->low : e->high - e->estimate;
    double least = (double)family_invocations;
    if (size <= e->limit) {
        half = fmax(e->estimate - e->low, e->high - e->estimate);
        least = COMPARE_VERDICT_INVOCATIONS;
    }
    double total = gap > 0 ? ceil((double)n * (half / gap) * (half / gap)) : COMPARE_NEEDED_MAX;
    total = fmin(fmax(fmax(total, least), (double)n + 1), COMPARE_NEEDED_MAX);
    return total > (double)n ? (size_t)total - n : 1;
}

static bool exceeds_absolute(const struct compare_row *row)
{
    return fabs(row->new.median - row->base.median) > row->tolerance.absolute;
}

/* Whether the whole interval is of changes so small that none of them would be a regression,
 * however many invocations showed it. */
static bool is_within_absolute(const struct compare_row *row)
{
    double low = row->by_difference ? row->low : row->base.median * (row->low - 1);
    double high = row->by_difference ? row->high : row->base.median * (row->high - 1);
    return low >= -row->tolerance.absolute && high <= row->tolerance.absolute;
}

static void judge_by_value(struct compare_row *row)
{
    struct effect e = effect_of(row);
    bool matters = exceeds_absolute(row);
    if (e.estimate > e.limit && matters)
        row->verdict = COMPARE_REGRESSED;
    else if (e.estimate < -e.limit && matters)
        row->verdict = COMPARE_IMPROVED;
    else
        row->verdict = COMPARE_SAME;
}

static void judge_by_test(struct compare_result *result, struct compare_row *row,
                          const struct compare_options *options)
{
    struct effect e = effect_of(row);
    bool is_range = row->base.count < COMPARE_VERDICT_INVOCATIONS ||
                    row->new.count < COMPARE_VERDICT_INVOCATIONS;
    bool significant = !is_range && row->p_holm < options->alpha && exceeds_absolute(row);
    if (significant && e.low > e.limit) {
        row->verdict = COMPARE_REGRESSED;
    } else if (significant && e.high < -e.limit) {
        row->verdict = COMPARE_IMPROVED;
    } else if (!is_range && row->coverage >= 1 - options->alpha &&
               ((e.low >= -e.limit && e.high <= e.limit) || is_within_absolute(row))) {
        row->verdict = COMPARE_SAME;
    } else {
        row->needed_invocations = estimate_needed(row, &e, result->family_invocations);
        double least = statistics_least_p(row->base.count, row->new.count);
        result->undecidable_count += is_range || least * (double)result->family >= options->alpha;
    }
}

static void judge(struct compare_result *result, struct compare_row *row,
                  const struct compare_options *options)
{
    if (row->verdict != COMPARE_INCONCLUSIVE)
        return;
    if (strcmp(row->metric, COMPARE_STATUS) == 0) {
        if (row->p_holm < options->alpha)
            row->verdict = COMPARE_BROKEN;
    } else if (row->new.count == 0 || *row->why) {
        result->undecidable_count++;
        result->incomparable_count++;
    } else if (row->kind == COMPARE_STATISTICAL) {
        judge_by_test(result, row, options);
    } else {
        judge_by_value(row);
    }
}

static int adjust_and_judge(struct context *context)
{
    struct compare_result *result = context->result;
    double *p = malloc((result->row_count + 1) * sizeof *p);
    double *adjusted = malloc((result->row_count + 1) * sizeof *adjusted);
    int error = p && adjusted ? 0 : -ENOMEM;
    for (size_t i = 0; i < result->row_count && !error; i++)
        if (!isnan(result->rows[i].p))
            p[result->family++] = result->rows[i].p;
    if (!error)
        error = statistics_holm(p, adjusted, result->family);
    size_t at = 0;
    for (size_t i = 0; i < result->row_count && !error; i++)
        if (!isnan(result->rows[i].p))
            result->rows[i].p_holm = adjusted[at++];
    free(p);
    free(adjusted);
    if (error)
        return out_of_memory(context);
    result->family_invocations =
        statistics_needed_invocations(result->family ? result->family : 1, context->options->alpha);
    for (size_t i = 0; i < result->row_count; i++) {
        judge(result, &result->rows[i], context->options);
        result->count[result->rows[i].verdict]++;
    }
    return 0;
}

static int check_metrics(struct context *context, const struct run_data *base,
                         const struct run_data *new)
{
    for (size_t i = 0; i < context->options->metric_count; i++) {
        const char *name = context->options->metrics[i];
        size_t in_base = metric_index(base, name);
        size_t in_new = metric_index(new, name);
        char printable[64];
        printable_copy(printable, sizeof printable, name);
        if (in_base == CELL_SAMPLE_NO_METRIC && in_new == CELL_SAMPLE_NO_METRIC) {
            snprintf(context->error->text, sizeof context->error->text,
                     "no metric is named '%s'; see gcmeter list metrics", printable);
            return -EINVAL;
        }
        const struct run_metric *metric =
            in_base == CELL_SAMPLE_NO_METRIC ? &new->metrics[in_new] : &base->metrics[in_base];
        if (metric->better == SCHEMA_NONE) {
            snprintf(context->error->text, sizeof context->error->text,
                     "%s has no better and no worse, so it has no verdict", printable);
            return -EINVAL;
        }
    }
    return 0;
}

/* How bad, for the order of rows of one verdict. */
static double badness(const struct compare_row *row)
{
    if (isnan(row->estimate))
        return INFINITY;
    double effect = row->by_difference ? row->estimate : log(row->estimate);
    return row->better == SCHEMA_HIGHER ? -effect : effect;
}

static int compare_worst_first(const void *a, const void *b)
{
    const struct compare_row *x = a;
    const struct compare_row *y = b;
    if (x->verdict != y->verdict)
        return x->verdict < y->verdict ? -1 : 1;
    if (x->by_difference != y->by_difference)
        return x->by_difference ? 1 : -1;
    double difference = badness(y) - badness(x);
    if (difference != 0 && !isnan(difference))
        return difference > 0 ? 1 : -1;
    int cells = strcmp(x->base_cell->key, y->base_cell->key);
    return cells ? cells : strcmp(x->metric, y->metric);
}

/* Makes the result of what `pair_all` pairs. */
static int compare(struct compare_result **result, const struct run_data *base,
                   const struct run_data *new, bool is_by_backend, const char *reference,
                   const struct compare_options *options, struct csv_error *error,
                   int (*pair_all)(struct context *, const struct run_data *,
                                   const struct run_data *, const char *))
{
    struct context context = {.options = options, .error = error};
    context.result = calloc(1, sizeof *context.result);
    if (!context.result)
        return out_of_memory(&context);
    context.result->is_by_backend = is_by_backend;
    int outcome = check_metrics(&context, base, new);
    if (!outcome)
        outcome = pair_all(&context, base, new, reference);
    if (!outcome)
        outcome = adjust_and_judge(&context);
    u_distribution_free(&context.u);
    if (outcome)
        compare_free(context.result);
    else
        *result = context.result;
    return outcome;
}

static int pair_runs(struct context *context, const struct run_data *base,
                     const struct run_data *new, const char *reference)
{
    (void)reference;
    for (size_t i = 0; i < base->cell_count; i++) {
        struct side was = {base, &base->cells[i]};
        struct side is = {new, run_data_cell(new, base->cells[i].key)};
        int error = compare_pair(context, &was, &is);
        if (error)
            return error;
    }
    for (size_t i = 0; i < new->cell_count; i++)
        context->result->new_cell_count += !run_data_cell(base, new->cells[i].key);
    return 0;
}

static void sort_rows(struct compare_result *result)
{
    if (result->row_count)
        qsort(result->rows, result->row_count, sizeof *result->rows, compare_worst_first);
}

int compare_runs(struct compare_result **result, const struct run_data *base,
                 const struct run_data *new, const struct compare_options *options,
                 struct csv_error *error)
{
    int outcome = compare(result, base, new, false, NULL, options, error, pair_runs);
    if (!outcome)
        sort_rows(*result);
    return outcome;
}

static void withhold(struct compare_result *result, struct compare_row *row, const char *why)
{
    result->count[row->verdict]--;
    row->verdict = COMPARE_INCONCLUSIVE;
    result->count[row->verdict]++;
    row->why = why;
    row->needed_invocations = 0;
}

bool compare_is_undecided(const struct compare_result *result)
{
    return result->undecidable_count || result->is_withheld || result->row_count == 0;
}

bool compare_is_bad(const struct compare_row *row)
{
    return row->verdict == COMPARE_REGRESSED || row->verdict == COMPARE_BROKEN;
}

const struct compare_row *compare_find(const struct compare_result *result,
                                       const struct compare_row *like)
{
    for (size_t i = 0; i < result->row_count; i++) {
        const struct compare_row *row = &result->rows[i];
        if (!strcmp(row->base_cell->key, like->base_cell->key) &&
            !strcmp(row->metric, like->metric))
            return row;
    }
    return NULL;
}

void compare_confirm(struct compare_result *result, const struct compare_result *fresh)
{
    for (size_t i = 0; i < result->row_count; i++) {
        struct compare_row *row = &result->rows[i];
        if (!compare_is_bad(row) || row->new.of == 0)
            continue;
        const struct compare_row *again = compare_find(fresh, row);
        if (!again || !compare_is_bad(again))
            withhold(result, row, "not confirmed by further invocations");
    }
    sort_rows(result);
}

void compare_withhold(struct compare_result *result, const char *why)
{
    result->is_withheld = true;
    for (size_t i = 0; i < result->row_count; i++)
        if (strcmp(result->rows[i].metric, COMPARE_STATUS) != 0)
            withhold(result, &result->rows[i], why);
    sort_rows(result);
}

static bool is_part(const struct cell_part *part, const char *text)
{
    return strlen(text) == (size_t)part->length &&
           memcmp(part->text, text, (size_t)part->length) == 0;
}

static bool same_part(const struct cell_part *a, const struct cell_part *b)
{
    return a->length == b->length && memcmp(a->text, b->text, (size_t)a->length) == 0;
}

static bool fits_any_heap(const struct run_data *run, const struct run_cell *cell)
{
    return is_part(&cell->parts.heap, "none") && is_manual(run, cell);
}

bool compare_is_paired(const struct run_data *run, const struct run_cell *reference,
                       const struct run_cell *other)
{
    const struct cell_parts *a = &reference->parts;
    const struct cell_parts *b = &other->parts;
    return same_part(&a->workload, &b->workload) && same_part(&a->threads, &b->threads) &&
           !same_part(&a->backend, &b->backend) &&
           (same_part(&a->heap, &b->heap) || fits_any_heap(run, reference) ||
            fits_any_heap(run, other));
}

/* Cells of one workload and number of threads, linked: the pairs are sought inside. */
struct cell_groups {
    struct string_table names;
    size_t *first; /* by group, index + 1 */
    size_t *next;  /* by cell, index + 1 */
    size_t *group; /* by cell */
};

static void free_groups(struct cell_groups *groups)
{
    string_table_free(&groups->names);
    free(groups->first);
    free(groups->next);
    free(groups->group);
}

static int make_groups(struct cell_groups *groups, const struct run_data *run)
{
    size_t count = run->cell_count + 1;
    *groups = (struct cell_groups){
        .first = calloc(count, sizeof *groups->first),
        .next = calloc(count, sizeof *groups->next),
        .group = calloc(count, sizeof *groups->group),
    };
    int result = groups->first && groups->next && groups->group ? 0 : -ENOMEM;
    /* From the end, so that each list is in the order of the cells. */
    for (size_t i = run->cell_count; i-- > 0 && !result;) {
        const struct cell_parts *parts = &run->cells[i].parts;
        char *name;
        if (asprintf(&name, "%.*s/%.*s", parts->workload.length, parts->workload.text,
                     parts->threads.length, parts->threads.text) < 0) {
            result = -ENOMEM;
            break;
        }
        int64_t group = string_table_put(&groups->names, name);
        free(name);
        if (group < 0) {
            result = -ENOMEM;
        } else {
            groups->group[i] = (size_t)group;
            groups->next[i] = groups->first[group];
            groups->first[group] = i + 1;
        }
    }
    if (result)
        free_groups(groups);
    return result;
}

static int pair_with_group(struct context *context, const struct run_data *run,
                           const struct cell_groups *groups, size_t reference)
{
    struct side base = {run, &run->cells[reference]};
    for (size_t at = groups->first[groups->group[reference]]; at; at = groups->next[at - 1]) {
        struct side other = {run, &run->cells[at - 1]};
        if (!compare_is_paired(run, base.cell, other.cell))
            continue;
        int error = compare_pair(context, &base, &other);
        if (error)
            return error;
    }
    return 0;
}

struct reference_cell {
    const struct run_cell *cell;
    size_t index;
};

static int compare_references(const void *a, const void *b)
{
    return strcmp(((const struct reference_cell *)a)->cell->key,
                  ((const struct reference_cell *)b)->cell->key);
}

static int refuse_reference(struct context *context, const char *reference)
{
    char printable[128];
    snprintf(context->error->text, sizeof context->error->text,
             "no cell of this run is of the variant '%s'",
             printable_copy(printable, sizeof printable, reference));
    return -EINVAL;
}

static int pair_backends(struct context *context, const struct run_data *run,
                         const struct run_data *same_run, const char *reference)
{
    (void)same_run;
    struct reference_cell *references = calloc(run->cell_count + 1, sizeof *references);
    struct cell_groups groups;
    if (!references || make_groups(&groups, run)) {
        free(references);
        return out_of_memory(context);
    }
    size_t count = 0;
    for (size_t i = 0; i < run->cell_count; i++)
        if (is_part(&run->cells[i].parts.backend, reference))
            references[count++] = (struct reference_cell){&run->cells[i], i};
    int error = count ? 0 : refuse_reference(context, reference);
    if (count > 1)
        qsort(references, count, sizeof *references, compare_references);
    for (size_t i = 0; i < count && !error; i++)
        error = pair_with_group(context, run, &groups, references[i].index);
    free(references);
    free_groups(&groups);
    return error;
}

int compare_backends(struct compare_result **result, const struct run_data *run,
                     const char *reference, const struct compare_options *options,
                     struct csv_error *error)
{
    return compare(result, run, run, true, reference, options, error, pair_backends);
}

void compare_free(struct compare_result *result)
{
    if (result)
        free(result->rows);
    free(result);
}
