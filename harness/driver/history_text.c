#include "driver/history_text.h"

#include <math.h>
#include <string.h>

#include "data/csv_write.h"
#include "data/figure_text.h"
#include "data/printable.h"

/* As many runs as fit beside the names of metrics. */
#define CURVE_RUNS   40
#define METRIC_WIDTH 26
#define COMMIT_BYTES 13 /* of which it is known, as git abbreviates it */

static const char csv_heading[] = "cell,metric,unit,better,date,commit,change,runs_before,"
                                  "runs_after,mean_before,mean_after,p\n";

static void begin(const struct history_text *text)
{
    const struct history *history = text->history;
    if (text->csv) {
        fputs(csv_heading, text->out);
        return;
    }
    const struct history_run *first = &history->runs[0];
    const struct history_run *last = &history->runs[history->run_count - 1];
    fprintf(text->out, "%zu run%s from ", history->run_count, history->run_count == 1 ? "" : "s");
    printable_put(text->out, first->date);
    fputs(" to ", text->out);
    printable_put(text->out, last->date);
    if (*last->keys[HISTORY_CPU_MODEL]) {
        fputs(", ", text->out);
        printable_put(text->out, last->keys[HISTORY_CPU_MODEL]);
    }
    if (*last->keys[HISTORY_CORES]) {
        fputs(", cores: ", text->out);
        printable_put(text->out, last->keys[HISTORY_CORES]);
    }
    fputs("\n", text->out);
}

/* The last values as heights between the least and the greatest of them. */
static void put_curve(FILE *out, const struct history_trend *trend)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    enum { BAR_COUNT = sizeof bars / sizeof *bars };
    size_t first = trend->value_count > CURVE_RUNS ? trend->value_count - CURVE_RUNS : 0;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = first; i < trend->value_count; i++) {
        low = fmin(low, trend->values[i]);
        high = fmax(high, trend->values[i]);
    }
    for (size_t i = first; i < trend->value_count; i++) {
        double share = high > low ? trend->values[i] / (high - low) - low / (high - low) : 0;
        fputs(bars[(size_t)fmin(share * BAR_COUNT, BAR_COUNT - 1)], out);
    }
}

static const struct history_run *run_of(const struct history *history,
                                        const struct history_series *series,
                                        const struct history_trend *trend, size_t index)
{
    return &history->runs[series->points[trend->points[index]].run];
}

void history_text_change(FILE *out, const struct history *history,
                         const struct history_series *series, const struct history_trend *trend,
                         const struct change_point *change)
{
    char before[FIGURE_TEXT_BYTES], after[FIGURE_TEXT_BYTES], commit[COMMIT_BYTES];
    const struct history_run *run = run_of(history, series, trend, change->index);
    fputs("since ", out);
    printable_put(out, run->date);
    if (*run->commit)
        fprintf(out, " (%s)", printable_copy(commit, sizeof commit, run->commit));
    fprintf(out, ": %s to %s", figure_format(before, change->mean_before, series->unit),
            figure_format(after, change->mean_after, series->unit));
    if (change->mean_before != 0)
        fprintf(out, ", %+.3g %%", (change->mean_after / change->mean_before - 1) * 100);
    fprintf(out, ", p %.1g", change->p);
}

static void put_rows(FILE *out, const struct history *history, const struct history_series *series,
                     const struct history_trend *trend)
{
    for (size_t i = 0; i < trend->change_count; i++) {
        const struct change_point *change = &trend->changes[i];
        const struct history_run *run = run_of(history, series, trend, change->index);
        const char *const fields[] = {
            series->cell,
            series->metric,
            series->unit,
            schema_better_word(series->better),
            run->date,
            run->commit,
            history_change_is_worse(series, change) ? "worse" : "better",
        };
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
            csv_put_field(out, fields[f]);
            fputc(',', out);
        }
        char means[2][CSV_REAL_BYTES];
        csv_format_real(means[0], change->mean_before);
        csv_format_real(means[1], change->mean_after);
        fprintf(out, "%zu,%zu,%s,%s,%.6g\n", change->before_count, change->after_count, means[0],
                means[1], change->p);
    }
}

void history_text_series(struct history_text *text, const struct history_series *series,
                         const struct history_trend *trend)
{
    FILE *out = text->out;
    if (text->series_count++ == 0)
        begin(text);
    if (text->csv) {
        put_rows(out, text->history, series, trend);
        return;
    }
    if (!text->cell || strcmp(text->cell, series->cell)) {
        fputs("\n", out);
        printable_put(out, series->cell);
        fputs("\n", out);
        text->cell = series->cell;
    }
    fputs("  ", out);
    size_t columns = printable_put(out, series->metric);
    fprintf(out, "%*s ", columns < METRIC_WIDTH ? (int)(METRIC_WIDTH - columns) : 0, "");
    put_curve(out, trend);
    const struct history_point *last = &series->points[series->point_count - 1];
    char figure[FIGURE_TEXT_BYTES];
    fprintf(out, "  %zu run%s, last %s", trend->value_count, trend->value_count == 1 ? "" : "s",
            figure_format(figure, last->median, series->unit));
    if (last->ok_count < last->all_count)
        fprintf(out, ", %zu of %zu ok", last->ok_count, last->all_count);
    fputs("\n", out);
    for (size_t i = 0; i < trend->change_count; i++) {
        fprintf(out, "    %s ",
                history_change_is_worse(series, &trend->changes[i]) ? "worse" : "better");
        history_text_change(out, text->history, series, trend, &trend->changes[i]);
        fputs("\n", out);
    }
}
