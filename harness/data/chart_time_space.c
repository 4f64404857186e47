/* chart_time_space.c: wall time over a heap sweep (METHODS.md section 7), twice from the same data:
 * time_space against measured peak memory, time_limit against the configured heap limit. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/chart_sweep.h"
#include "data/chart_writers.h"

/* A point so many times right of all curves and of the reference would flatten them: it leaves the
 * chart. */
#define OFF_SCALE 3

struct chart {
    const char *name;
    bool by_limit;
};

struct axes {
    double low_bytes, high_bytes;
    double low_ns, high_ns;
};

/* What one cell shows. */
struct drawn {
    bool has_figures;
    bool is_drawn;
    size_t n;
    struct chart_summary memory; /* in bytes; the limit where that is the axis */
    struct chart_summary peak;   /* measured */
    struct chart_summary wall;
};

static int summarise(const struct chart_plan *plan, uint32_t cell, const char *metric,
                     struct chart_summary *summary, size_t *count)
{
    double *values;
    int code = chart_values(plan, cell, metric, &values, count);
    if (!code && *count)
        *summary = chart_summarise(values, *count);
    free(values);
    return code;
}

static int look(const struct chart *chart, const struct chart_plan *plan,
                const struct chart_sweep_cell *cell, struct drawn *drawn)
{
    size_t peak_count = 0, wall_count = 0;
    *drawn = (struct drawn){0};
    int code = summarise(plan, cell->cell, "rss_peak_bytes", &drawn->peak, &peak_count);
    if (!code)
        code = summarise(plan, cell->cell, "wall_ns", &drawn->wall, &wall_count);
    drawn->memory = drawn->peak;
    if (chart->by_limit && cell->limit_bytes > 0)
        drawn->memory =
            (struct chart_summary){cell->limit_bytes, cell->limit_bytes, cell->limit_bytes};
    drawn->n = wall_count;
    drawn->has_figures = peak_count && wall_count;
    return code;
}

static void put_point(struct chart_table *points, const struct chart_sweep_cell *cell,
                      const struct drawn *drawn, struct axes *axes)
{
    axes->low_bytes = fmin(axes->low_bytes, fmax(drawn->memory.low, 1));
    axes->high_bytes = fmax(axes->high_bytes, drawn->memory.high);
    axes->low_ns = fmin(axes->low_ns, fmax(drawn->wall.low, 1));
    axes->high_ns = fmax(axes->high_ns, drawn->wall.high);
    chart_table_int(points, cell->series + 1);
    chart_table_text(points, cell->limit_bytes > 0 ? "curve" : "point");
    chart_table_int(points, (int64_t)drawn->n);
    if (cell->limit_bytes > 0)
        chart_table_real(points, cell->limit_bytes);
    else
        chart_table_empty(points);
    chart_table_real(points, drawn->memory.median);
    chart_table_real(points, drawn->memory.low);
    chart_table_real(points, drawn->memory.high);
    chart_table_real(points, drawn->wall.median);
    chart_table_real(points, drawn->wall.low);
    chart_table_real(points, drawn->wall.high);
    chart_table_row(points);
}

/* Notes the points without a limit that are off the scale. */
static void leave_out_far_points(const struct chart_plan *plan, const struct chart_sweep *sweep,
                                 struct drawn *drawn, struct chart_caption *caption)
{
    double most_bytes = 0;
    for (size_t i = 0; i < sweep->cell_count; i++)
        if (drawn[i].has_figures &&
            (sweep->cells[i].limit_bytes > 0 || sweep->cells[i].cell == sweep->reference))
            most_bytes = fmax(most_bytes, drawn[i].memory.high);
    bool any = false;
    for (size_t i = 0; i < sweep->cell_count; i++) {
        drawn[i].is_drawn = drawn[i].has_figures;
        if (!drawn[i].is_drawn || sweep->cells[i].limit_bytes > 0 || most_bytes <= 0 ||
            drawn[i].memory.low <= OFF_SCALE * most_bytes)
            continue;
        drawn[i].is_drawn = false;
        if (any)
            fputs(", ", caption->note);
        else
            chart_caption_note(caption, "off the scale: ");
        any = true;
        fprintf(caption->note, "%s (", plan->series[sweep->cells[i].series].label);
        chart_put_bytes(caption->note, drawn[i].memory.median);
        fputs(", ", caption->note);
        chart_put_time(caption->note, drawn[i].wall.median);
        fputc(')', caption->note);
    }
}

static char *outcome_of(const struct chart_plan *plan, uint32_t cell)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    chart_put_outcome(out, plan, cell);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* Says which cells failed, those of one series with the same outcome together: "not drawn: boehm at
 * 1xmin, 1.05xmin (oom 5 of 5)". */
static int note_failures(const struct chart_plan *plan, const struct chart_sweep *sweep,
                         const struct drawn *drawn, bool of_drawn, struct chart_caption *caption)
{
    bool any = false;
    char *outcome = NULL;
    uint32_t series = 0;
    for (size_t i = 0; i < sweep->cell_count; i++) {
        const struct chart_sweep_cell *cell = &sweep->cells[i];
        if (drawn[i].has_figures != of_drawn || !chart_has_failures(plan, cell->cell))
            continue;
        char *next = outcome_of(plan, cell->cell);
        if (!next) {
            free(outcome);
            return -ENOMEM;
        }
        struct cell_part heap = plan->run->cells[cell->cell].parts.heap;
        if (outcome && series == cell->series && !strcmp(outcome, next)) {
            fprintf(caption->note, ", %.*s", heap.length, heap.text);
        } else {
            if (outcome)
                fprintf(caption->note, " (%s), ", outcome);
            else
                chart_caption_note(caption, of_drawn ? "drawn without failures: " : "not drawn: ");
            fputs(plan->series[cell->series].label, caption->note);
            if (cell->limit_bytes > 0)
                fprintf(caption->note, " at %.*s", heap.length, heap.text);
        }
        free(outcome);
        outcome = next;
        series = cell->series;
        any = true;
    }
    if (any)
        fprintf(caption->note, " (%s)", outcome);
    free(outcome);
    return 0;
}

/* How much the two crossings of one curve may differ before it is said. */
#define CROSSINGS_APART 1.25

/* Where a curve comes down to the reference. */
struct crossing {
    enum chart_crossing kind;
    double bytes;
    double ratio; /* to the peak memory of the reference */
};

/* Of cells [first, end) of the sweep, by median times or by those of the fastest invocations, which
 * what else the machine does disturbs least. False: they are no curve. */
static bool find_crossing(const struct chart_sweep *sweep, const struct drawn *drawn, size_t first,
                          size_t end, const struct drawn *reference, bool by_fastest,
                          struct chart_sweep_point *points, struct crossing *crossing)
{
    size_t count = 0;
    for (size_t i = first; i < end; i++)
        if (drawn[i].has_figures && sweep->cells[i].limit_bytes > 0)
            points[count++] = (struct chart_sweep_point){
                drawn[i].peak.median, by_fastest ? drawn[i].wall.low : drawn[i].wall.median};
    if (count < 2)
        return false;
    double ns = by_fastest ? reference->wall.low : reference->wall.median;
    crossing->bytes = NAN;
    crossing->kind = chart_sweep_cross(points, count, ns, &crossing->bytes);
    crossing->ratio = crossing->bytes / reference->peak.median;
    return true;
}

static void put_crossing(const struct chart_plan *plan, const struct chart_sweep *sweep, size_t p,
                         const struct drawn *drawn, size_t first, size_t end,
                         const struct drawn *reference, struct chart_sweep_point *points,
                         struct chart_table *crossings, struct chart_caption *caption)
{
    static const char *const words[] = {"crosses", "below", "never"};
    struct crossing median, fastest;
    if (!find_crossing(sweep, drawn, first, end, reference, false, points, &median) ||
        !find_crossing(sweep, drawn, first, end, reference, true, points, &fastest))
        return;
    const char *label = plan->series[sweep->cells[first].series].label;
    const char *other = plan->series[plan->reference].label;
    chart_table_int(crossings, (int64_t)p + 1);
    chart_table_text(crossings, sweep->title);
    chart_table_text(crossings, label);
    chart_table_text(crossings, other);
    chart_table_text(crossings, words[median.kind]);
    chart_table_real(crossings, median.bytes);
    chart_table_real(crossings, median.ratio);
    chart_table_text(crossings, words[fastest.kind]);
    chart_table_real(crossings, fastest.bytes);
    chart_table_real(crossings, fastest.ratio);
    chart_table_row(crossings);
    FILE *note = caption->note;
    chart_caption_note(caption, label);
    if (median.kind == CHART_NEVER)
        fprintf(note, " is slower than %s up to its largest heap", other);
    else
        fprintf(note, " is as fast as %s %s %.3g times its peak memory", other,
                median.kind == CHART_BELOW ? "even at" : "from", median.ratio);
    bool both = median.kind != CHART_NEVER && fastest.kind != CHART_NEVER;
    if (fastest.kind == CHART_NEVER && median.kind != CHART_NEVER)
        fputs(" (slower by the fastest invocations)", note);
    else if (median.kind == CHART_NEVER && fastest.kind != CHART_NEVER)
        fprintf(note, " (as fast from %.3g times its peak memory by the fastest invocations)",
                fastest.ratio);
    else if (both && fabs(log(median.ratio / fastest.ratio)) > log(CROSSINGS_APART))
        fprintf(note, " (%.3g by the fastest invocations)", fastest.ratio);
}

static int put_crossings(const struct chart_plan *plan, const struct chart_sweep *sweep, size_t p,
                         const struct drawn *drawn, struct chart_table *crossings,
                         struct chart_caption *caption)
{
    const struct drawn *reference = NULL;
    for (size_t i = 0; i < sweep->cell_count; i++)
        if (sweep->cells[i].cell == sweep->reference && drawn[i].has_figures)
            reference = &drawn[i];
    if (!reference)
        return 0;
    struct chart_sweep_point *points = calloc(sweep->cell_count, sizeof *points);
    if (!points)
        return -ENOMEM;
    for (size_t first = 0, end; first < sweep->cell_count; first = end) {
        for (end = first + 1; end < sweep->cell_count; end++)
            if (sweep->cells[end].series != sweep->cells[first].series)
                break;
        put_crossing(plan, sweep, p, drawn, first, end, reference, points, crossings, caption);
    }
    free(points);
    return 0;
}

static void put_n(char *text, size_t bytes, const struct drawn *drawn, size_t count)
{
    size_t low = SIZE_MAX, high = 0;
    for (size_t i = 0; i < count; i++) {
        if (!drawn[i].is_drawn)
            continue;
        low = drawn[i].n < low ? drawn[i].n : low;
        high = drawn[i].n > high ? drawn[i].n : high;
    }
    if (high == 0)
        *text = '\0';
    else if (low == high)
        snprintf(text, bytes, "n = %zu", low);
    else
        snprintf(text, bytes, "n = %zu to %zu", low, high);
}

/* The row of the panel, its points, and its crossings where `crossings` is a table. */
static int fill_panel(const struct chart *chart, const struct chart_plan *plan,
                      const struct chart_sweep *sweep, size_t p, struct drawn *drawn,
                      struct chart_table *points, struct chart_table *panels,
                      struct chart_table *crossings, struct chart_caption *caption)
{
    struct axes axes = {INFINITY, 0, INFINITY, 0};
    const struct drawn *reference = NULL;
    int64_t shown = -1;
    for (size_t i = 0; i < sweep->cell_count; i++) {
        int code = look(chart, plan, &sweep->cells[i], &drawn[i]);
        if (code)
            return code;
    }
    int code = crossings ? put_crossings(plan, sweep, p, drawn, crossings, caption) : 0;
    if (code)
        return code;
    leave_out_far_points(plan, sweep, drawn, caption);
    for (size_t i = 0; i < sweep->cell_count; i++) {
        const struct chart_sweep_cell *cell = &sweep->cells[i];
        if (!drawn[i].is_drawn)
            continue;
        put_point(points, cell, &drawn[i], &axes);
        if (cell->series != shown)
            chart_caption_show(caption, cell->series);
        shown = cell->series;
        if (cell->cell == sweep->reference)
            reference = &drawn[i];
    }
    code = note_failures(plan, sweep, drawn, false, caption);
    if (!code)
        code = note_failures(plan, sweep, drawn, true, caption);
    if (code || fflush(caption->note) || fflush(caption->series))
        return code ? code : -ENOMEM;
    if (shown < 0)
        axes = (struct axes){0x1p20, 0x1p30, 1e6, 1e9};
    chart_log_range(&axes.low_bytes, &axes.high_bytes, 3);
    chart_log_range(&axes.low_ns, &axes.high_ns, 3);
    char n[64];
    put_n(n, sizeof n, drawn, sweep->cell_count);
    chart_table_int(panels, (int64_t)p + 1);
    chart_table_text(panels, sweep->title);
    chart_table_text(panels, n);
    chart_table_text(panels, caption->note_text);
    chart_table_text(panels, caption->series_text);
    chart_table_real(panels, axes.low_bytes);
    chart_table_real(panels, axes.high_bytes);
    chart_table_real(panels, axes.low_ns);
    chart_table_real(panels, axes.high_ns);
    chart_table_real(panels, reference ? reference->memory.median : NAN);
    chart_table_real(panels, reference ? reference->wall.median : NAN);
    chart_table_row(panels);
    return 0;
}

static int write_panel(const struct chart *chart, const struct chart_plan *plan,
                       const struct chart_sweep *sweep, size_t p, const char *folder,
                       struct chart_table *panels, struct chart_table *crossings,
                       struct csv_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%zu.csv", chart->name, p + 1);
    struct chart_table *points;
    int code = chart_table_open(&points, folder, name,
                                "series,kind,n,limit_bytes,memory_bytes,memory_low_bytes,"
                                "memory_high_bytes,wall_ns,wall_low_ns,wall_high_ns",
                                error);
    if (code)
        return code;
    struct chart_caption caption;
    code = chart_caption_open(&caption);
    struct drawn *drawn = calloc(sweep->cell_count, sizeof *drawn);
    if (!code && drawn)
        code = fill_panel(chart, plan, sweep, p, drawn, points, panels, crossings, &caption);
    else if (!code)
        code = -ENOMEM;
    free(drawn);
    chart_caption_free(&caption);
    int closed = chart_table_close(points, error);
    return code ? code : closed;
}

static int write_chart(const struct chart *chart, const struct chart_plan *plan, const char *folder,
                       struct csv_error *error)
{
    struct chart_sweeps sweeps;
    struct chart_table *panels = NULL, *crossings = NULL;
    int code = chart_sweeps_make(&sweeps, plan);
    if (code)
        return code;
    char name[64];
    snprintf(name, sizeof name, "%s.panels.csv", chart->name);
    code = chart_table_open(&panels, folder, name,
                            CHART_CAPTION_COLUMNS ",low_bytes,high_bytes,low_ns,high_ns,"
                                                  "reference_bytes,reference_ns",
                            error);
    if (!code && !chart->by_limit)
        code = chart_table_open(&crossings, folder, "time_space.crossings.csv",
                                "panel,title,series,reference,crossing,memory_bytes,memory_ratio,"
                                "fastest_crossing,fastest_memory_bytes,fastest_memory_ratio",
                                error);
    for (size_t p = 0; p < sweeps.count && !code; p++)
        code = write_panel(chart, plan, &sweeps.sweeps[p], p, folder, panels, crossings, error);
    int closed = chart_table_close(panels, error);
    code = code ? code : closed;
    closed = chart_table_close(crossings, error);
    chart_sweeps_free(&sweeps);
    return code ? code : closed;
}

int chart_time_space_write(const struct chart_plan *plan, const char *folder,
                           struct csv_error *error)
{
    return write_chart(&(struct chart){"time_space", false}, plan, folder, error);
}

int chart_time_limit_write(const struct chart_plan *plan, const char *folder,
                           struct csv_error *error)
{
    return write_chart(&(struct chart){"time_limit", true}, plan, folder, error);
}
