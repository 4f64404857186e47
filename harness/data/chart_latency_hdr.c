#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"

/* Points of a curve for each further nine. */
#define POINTS_PER_DECADE 24
/* As far as the axis goes: a share of 1e-9 above. */
#define INVERSE_TAIL_MAX 1e9

/* The series of latency.csv: a panel each. The panels of one workload share their axes, so that the
 * series can be compared as well as the backends. */
static const struct {
    const char *name;
    const char *title;   /* added to that of the panel, where there is more than one */
    const char *longest; /* the metric, where there is one */
} kinds[] = {
    {"simple", " · simple", "latency_max_ns"},
    {"metered_100ms", " · metered over 100 ms", "metered_max_ns"},
    {"metered_full", " · metered in full", NULL},
    {"open", " · open loop", "open_max_ns"},
};
#define KINDS (sizeof kinds / sizeof *kinds)
_Static_assert(KINDS <= CHART_PANELS_MOST, "panels for one of the plan");

struct bucket {
    double low_ns;
    double high_ns;
    uint64_t count;
    uint64_t up_to; /* operations in this bucket and those before it */
};

/* The latencies of one series of an invocation; they lie at latencies[invocation * KINDS + kind].
 */
struct latencies {
    struct bucket *buckets; /* ascending, once loaded */
    size_t bucket_count;
    size_t capacity;
    uint64_t count;
};

/* Those invocations of a cell that have latencies. */
struct sample {
    const struct latencies **latencies;
    size_t count;
    uint64_t fewest; /* operations in any of them */
    double *values;  /* room for one value each */
};

struct axes {
    double low_ns, high_ns;
    double inverse_tail_high;
};

static int take_bucket(void *data, size_t invocation, const struct csv_row *row)
{
    size_t kind = 0;
    while (kind < KINDS && strcmp(row->text[SCHEMA_LATENCY_series], kinds[kind].name) != 0)
        kind++;
    if (kind == KINDS)
        return 0; /* of a later version */
    struct latencies *latencies = (struct latencies *)data + invocation * KINDS + kind;
    uint64_t low_ns = 0, high_ns = 0, count = 0;
    int found;
    if ((found = csv_row_uint(row, SCHEMA_LATENCY_low_ns, &low_ns)) < 0 ||
        (found = csv_row_uint(row, SCHEMA_LATENCY_high_ns, &high_ns)) < 0 ||
        (found = csv_row_uint(row, SCHEMA_LATENCY_count, &count)) < 0)
        return found;
    if (count == 0)
        return 0;
    if (latencies->bucket_count == latencies->capacity) {
        size_t capacity = latencies->capacity ? latencies->capacity * 2 : 64;
        struct bucket *grown = realloc(latencies->buckets, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        latencies->buckets = grown;
        latencies->capacity = capacity;
    }
    latencies->buckets[latencies->bucket_count++] = (struct bucket){
        .low_ns = (double)low_ns,
        .high_ns = (double)(high_ns > low_ns ? high_ns : low_ns),
        .count = count,
    };
    return 0;
}

static int bucket_compare(const void *a, const void *b)
{
    const struct bucket *x = a, *y = b;
    return (x->low_ns > y->low_ns) - (x->low_ns < y->low_ns);
}

static void sort_buckets(struct latencies *latencies)
{
    if (latencies->bucket_count == 0)
        return;
    qsort(latencies->buckets, latencies->bucket_count, sizeof *latencies->buckets, bucket_compare);
    for (size_t i = 0; i < latencies->bucket_count; i++) {
        latencies->count += latencies->buckets[i].count;
        latencies->buckets[i].up_to = latencies->count;
    }
}

/* The percentile with tail 1/inverse_tail, by the rule of METHODS.md section 4, as the largest
 * value of its bucket. */
static double percentile(const struct latencies *latencies, double inverse_tail)
{
    double above = floor((double)latencies->count / inverse_tail);
    double last = (double)(latencies->count - 1);
    uint64_t rank = above >= last ? 0 : (uint64_t)(last - above);
    size_t low = 0, high = latencies->bucket_count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (latencies->buckets[middle].up_to > rank)
            high = middle;
        else
            low = middle + 1;
    }
    double value = latencies->buckets[low].high_ns;
    return value < 1 ? 1 : value;
}

static struct chart_summary percentiles(struct sample *sample, double inverse_tail)
{
    for (size_t i = 0; i < sample->count; i++)
        sample->values[i] = percentile(sample->latencies[i], inverse_tail);
    return chart_summarise(sample->values, sample->count);
}

static void put_point(struct chart_table *table, uint32_t series, const char *kind, unsigned slot,
                      double inverse_tail, struct chart_summary at, struct axes *axes)
{
    chart_table_int(table, series + 1);
    chart_table_text(table, kind);
    chart_table_real(table, inverse_tail);
    chart_table_real(table, at.median);
    chart_table_real(table, at.low);
    chart_table_real(table, at.high);
    chart_table_int(table, slot);
    chart_table_row(table);
    axes->low_ns = fmin(axes->low_ns, at.low);
    axes->high_ns = fmax(axes->high_ns, at.high);
}

/* The longest operation: exact where the run has it, as the histogram knows it otherwise. */
static int find_longest(const struct chart_plan *plan, uint32_t cell, size_t kind,
                        struct sample *sample, struct chart_summary *longest)
{
    double *values = NULL;
    size_t count = 0;
    if (kinds[kind].longest) {
        int code = chart_values(plan, cell, kinds[kind].longest, &values, &count);
        if (code)
            return code;
    }
    if (count) {
        *longest = chart_summarise(values, count);
    } else {
        for (size_t i = 0; i < sample->count; i++) {
            const struct latencies *l = sample->latencies[i];
            sample->values[i] = l->buckets[l->bucket_count - 1].high_ns;
        }
        *longest = chart_summarise(sample->values, sample->count);
    }
    longest->low = fmax(longest->low, 1);
    longest->median = fmax(longest->median, 1);
    longest->high = fmax(longest->high, 1);
    free(values);
    return 0;
}

static int write_curve(const struct chart_plan *plan, const struct chart_member *member,
                       size_t kind, unsigned slot, struct sample *sample, struct chart_table *table,
                       struct axes *axes)
{
    /* Ten operations lie beyond the end, in every invocation; the median alone is always there. */
    size_t tens = sample->fewest / 10;
    double end = fmin(fmax((double)tens, 2), INVERSE_TAIL_MAX);
    int steps = (int)ceil(log10(end) * POINTS_PER_DECADE);
    for (int k = 0; k <= steps; k++) {
        double inverse_tail = pow(10, log10(end) * k / steps);
        put_point(table, member->series, "curve", slot, inverse_tail,
                  percentiles(sample, inverse_tail), axes);
    }
    put_point(table, member->series, "mark", slot, 2, percentiles(sample, 2), axes);
    for (int decade = 1; pow(10, decade) <= end; decade++)
        put_point(table, member->series, "mark", slot, pow(10, decade),
                  percentiles(sample, pow(10, decade)), axes);
    struct chart_summary longest;
    int code = find_longest(plan, member->cell, kind, sample, &longest);
    if (code)
        return code;
    put_point(table, member->series, "longest", slot, (double)sample->fewest, longest, axes);
    axes->inverse_tail_high = fmax(axes->inverse_tail_high, end);
    return 0;
}

static int write_members(const struct chart_plan *plan, const struct chart_panel *panel,
                         const struct latencies *latencies, size_t kind, struct chart_table *table,
                         struct chart_caption *caption, struct axes *axes)
{
    const struct run_data *run = plan->run;
    struct sample sample = {
        .latencies = calloc(run->invocation_count, sizeof *sample.latencies),
        .values = calloc(run->invocation_count, sizeof *sample.values),
    };
    int code = sample.latencies && sample.values ? 0 : -ENOMEM;
    uint64_t least = UINT64_MAX, most = 0;
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        const struct chart_member *member = &panel->members[i];
        const struct run_cell *cell = &run->cells[member->cell];
        sample.count = 0;
        sample.fewest = UINT64_MAX;
        for (size_t j = 0; j < cell->invocation_count; j++) {
            uint32_t invocation = cell->invocations[j];
            const struct latencies *l = &latencies[invocation * KINDS + kind];
            if (!chart_invocation_counts(plan, invocation) || l->count == 0)
                continue;
            sample.latencies[sample.count++] = l;
            sample.fewest = l->count < sample.fewest ? l->count : sample.fewest;
            least = l->count < least ? l->count : least;
            most = l->count > most ? l->count : most;
        }
        if (sample.count == 0)
            continue;
        chart_caption_show(caption, member->series);
        code = write_curve(plan, member, kind, caption->shown_count, &sample, table, axes);
    }
    if (!code && most > 0) {
        chart_caption_note(caption, "operations per invocation: ");
        if (least == most)
            fprintf(caption->note, "%llu", (unsigned long long)most);
        else
            fprintf(caption->note, "%llu to %llu", (unsigned long long)least,
                    (unsigned long long)most);
    }
    free(sample.latencies);
    free(sample.values);
    return code;
}

/* Writes the points of panel number `number`, from 1. */
static int write_points(const struct chart_plan *plan, size_t p, const struct latencies *latencies,
                        size_t kind, size_t number, const char *folder,
                        struct chart_caption *caption, struct axes *axes, struct csv_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "latency_hdr.%zu.csv", number);
    struct chart_table *table;
    int code = chart_table_open(&table, folder, name,
                                "series,kind,inverse_tail,latency_ns,low_ns,high_ns,slot", error);
    if (code)
        return code;
    code = write_members(plan, &plan->panels[p], latencies, kind, table, caption, axes);
    int closed = chart_table_close(table, error);
    return code ? code : closed;
}

/* Whether any invocation that counts in the panel has the series. */
static bool has_kind(const struct chart_plan *plan, const struct chart_panel *panel,
                     const struct latencies *latencies, size_t kind)
{
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct run_cell *cell = &plan->run->cells[panel->members[i].cell];
        for (size_t j = 0; j < cell->invocation_count; j++)
            if (chart_invocation_counts(plan, cell->invocations[j]) &&
                latencies[cell->invocations[j] * KINDS + kind].count > 0)
                return true;
    }
    return false;
}

/* All series of panel `p` of the plan, of which the first is always there, if only to say that it
 * is empty. *number is that of the panel written last. */
static int write_panels(const struct chart_plan *plan, size_t p, const struct latencies *latencies,
                        const char *folder, struct chart_table *panels, size_t *number,
                        struct csv_error *error)
{
    struct axes axes = {INFINITY, 0, 2};
    struct chart_caption captions[KINDS];
    size_t shown[KINDS];
    size_t count = 0;
    bool empty = true;
    int code = 0;
    for (size_t kind = 0; kind < KINDS && !code; kind++) {
        if (kind > 0 && !has_kind(plan, &plan->panels[p], latencies, kind))
            continue;
        code = chart_caption_open(&captions[count]);
        if (code)
            break;
        shown[count++] = kind;
        code = write_points(plan, p, latencies, kind, *number + count, folder, &captions[count - 1],
                            &axes, error);
        empty = empty && captions[count - 1].shown_count == 0;
    }
    if (empty)
        axes = (struct axes){1e3, 1e6, 1e3};
    chart_log_range(&axes.low_ns, &axes.high_ns, 10);
    for (size_t i = 0; i < count && !code; i++) {
        code = chart_caption_put_as(&captions[i], panels, plan, p, *number + i + 1,
                                    count > 1 ? kinds[shown[i]].title : "");
        if (code)
            break;
        chart_table_real(panels, axes.low_ns);
        chart_table_real(panels, axes.high_ns);
        chart_table_real(panels, axes.inverse_tail_high);
        chart_table_row(panels);
    }
    for (size_t i = 0; i < count; i++)
        chart_caption_free(&captions[i]);
    *number += count;
    return code;
}

int chart_latency_hdr_write(const struct chart_plan *plan, const char *folder,
                            struct csv_error *error)
{
    const struct run_data *run = plan->run;
    size_t count = run->invocation_count * KINDS;
    struct latencies *latencies = calloc(count + 1, sizeof *latencies);
    if (!latencies)
        return -ENOMEM;
    struct chart_table *panels = NULL;
    size_t number = 0;
    int code = run_data_each(run, SCHEMA_FILE_LATENCY, take_bucket, latencies, error);
    for (size_t i = 0; i < count && !code; i++)
        sort_buckets(&latencies[i]);
    if (!code)
        code = chart_table_open(&panels, folder, "latency_hdr.panels.csv",
                                CHART_CAPTION_COLUMNS ",low_ns,high_ns,inverse_tail_high", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panels(plan, p, latencies, folder, panels, &number, error);
    int closed = chart_table_close(panels, error);
    for (size_t i = 0; i < count; i++)
        free(latencies[i].buckets);
    free(latencies);
    return code ? code : closed ? closed : (int)number;
}
