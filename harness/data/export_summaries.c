/* One value per cell and metric: github-action-benchmark's and Bencher's formats. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/cell_sample.h"
#include "data/export.h"
#include "data/export_metrics.h"
#include "data/json_text.h"
#include "data/statistics.h"

#define ALPHA 0.05

struct summary {
    size_t count;
    size_t of;
    double median;
    bool has_interval; /* that covers the median with 1 - ALPHA */
    double low;
    double high;
    double spread; /* half of low to high, or of least to greatest where there is no interval */
};

static int summarise(struct summary *s, const struct run_data *run, const struct run_cell *cell,
                     size_t metric)
{
    struct cell_sample sample;
    int error = cell_sample_take(&sample, run, cell, metric);
    *s = (struct summary){.count = sample.count, .of = sample.of};
    if (!error && sample.count) {
        struct median_interval interval =
            statistics_median_interval(sample.sorted, sample.count, ALPHA);
        s->median = statistics_median(sample.sorted, sample.count);
        s->has_interval = interval.coverage >= 1 - ALPHA;
        s->low = interval.low;
        s->high = interval.high;
        s->spread = (interval.high - interval.low) / 2;
    }
    cell_sample_free(&sample);
    return error;
}

typedef int put_function(FILE *out, const char *cell, const struct run_metric *metric,
                         const struct summary *summary, bool is_first);

/* Calls `put` with each wanted metric of the cell that has a value and, by `lower_only`, of which
 * less is better; *put_count counts the calls. */
static int each_summary(const struct run_data *run, const struct export_choice *choice,
                        const struct run_cell *cell, bool lower_only, put_function *put, FILE *out,
                        size_t *put_count)
{
    char *name = export_cell_name(cell);
    int error = name ? 0 : -ENOMEM;
    for (size_t m = 0; m < run->metric_count && !error; m++) {
        struct summary summary;
        if (!export_wants(choice, run, m) || (lower_only && run->metrics[m].better != SCHEMA_LOWER))
            continue;
        error = summarise(&summary, run, cell, m);
        if (!error && summary.count)
            error = put(out, name, &run->metrics[m], &summary, (*put_count)++ == 0);
    }
    free(name);
    return error;
}

static int put_gha(FILE *out, const char *cell, const struct run_metric *metric,
                   const struct summary *summary, bool is_first)
{
    char *metric_name = export_metric_name(metric, ' ');
    char *name = NULL, *range = NULL;
    size_t length;
    FILE *text = metric_name ? open_memstream(&range, &length) : NULL;
    if (text) {
        fputs("± ", text);
        json_put_number(text, summary->spread);
    }
    int error =
        text && !fclose(text) && asprintf(&name, "%s %s", cell, metric_name) >= 0 ? 0 : -ENOMEM;
    if (!error) {
        fputs(is_first ? "\n  {\"name\":" : ",\n  {\"name\":", out);
        json_put_text(out, name);
        fputs(",\"unit\":", out);
        json_put_text(out, metric->unit);
        fputs(",\"value\":", out);
        json_put_number(out, summary->median);
        fputs(",\"range\":", out);
        json_put_text(out, range);
        if (summary->count == summary->of)
            fprintf(out, ",\"extra\":\"n=%zu\"}", summary->count);
        else
            fprintf(out, ",\"extra\":\"n=%zu of %zu\"}", summary->count, summary->of);
        free(name);
    }
    free(metric_name);
    free(range);
    return error;
}

int export_gha(const struct run_data *run, const struct export_choice *choice, FILE *out,
               size_t *left_out)
{
    size_t count = 0;
    int error = 0;
    *left_out = 0;
    for (size_t m = 0; m < run->metric_count; m++)
        *left_out += export_wants(choice, run, m) && run->metrics[m].better != SCHEMA_LOWER;
    fputs("[", out);
    for (size_t c = 0; c < run->cell_count && !error; c++)
        error = each_summary(run, choice, &run->cells[c], true, put_gha, out, &count);
    fputs("\n]\n", out);
    return error ? error : fflush(out) || ferror(out) ? -EIO : 0;
}

static int put_bmf(FILE *out, const char *cell, const struct run_metric *metric,
                   const struct summary *summary, bool is_first)
{
    char *name = export_metric_name(metric, '-');
    if (!name)
        return -ENOMEM;
    if (is_first) {
        json_put_text(out, cell);
        fputs(":{", out);
    }
    fputs(is_first ? "\n    " : ",\n    ", out);
    json_put_text(out, name);
    fputs(":{\"value\":", out);
    json_put_number(out, summary->median);
    if (summary->has_interval) {
        fputs(",\"lower_value\":", out);
        json_put_number(out, summary->low);
        fputs(",\"upper_value\":", out);
        json_put_number(out, summary->high);
    }
    fputs("}", out);
    free(name);
    return 0;
}

int export_bmf(const struct run_data *run, const struct export_choice *choice, FILE *out)
{
    size_t cell_count = 0;
    int error = 0;
    fputs("{", out);
    for (size_t c = 0; c < run->cell_count && !error; c++) {
        char *text = NULL;
        size_t length, count = 0;
        FILE *measures = open_memstream(&text, &length);
        if (!measures)
            return -ENOMEM;
        error = each_summary(run, choice, &run->cells[c], false, put_bmf, measures, &count);
        if (fclose(measures) && !error)
            error = -ENOMEM;
        /* A cell without any value is left out. */
        if (!error && count)
            fprintf(out, "%s%s\n  }", cell_count++ ? ",\n  " : "\n  ", text);
        free(text);
    }
    fputs("\n}\n", out);
    return error ? error : fflush(out) || ferror(out) ? -EIO : 0;
}
