#include "data/chart_writers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/chart_caption.h"
#include "data/statistics.h"

/* A curve is thinned to the least and the greatest of so many spans of time, so that no peak is
 * lost; ticks closer than one such span are drawn as one. */
#define SPANS 300

/* A curve that rises so many times above all others would flatten them: it leaves the chart. */
#define OFF_SCALE 3

struct sample {
    double t_ns;
    double bytes;
};

/* What is known of one invocation; only those to be drawn are loaded. */
struct history {
    bool wanted;
    double wall_ns;
    struct sample *samples;
    size_t sample_count;
    size_t sample_capacity;
    double lazyfree_bytes; /* read more rarely: holds until the next reading */
    double peak_bytes;
    double *collections_ns;
    size_t collection_count;
    size_t collection_capacity;
};

static void *with_room(void *array, size_t *capacity, size_t count, size_t unit)
{
    if (count < *capacity)
        return array;
    size_t more = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(array, more * unit);
    if (grown)
        *capacity = more;
    return grown;
}

static int take_sample(void *data, size_t invocation, const struct csv_row *row)
{
    struct history *history = (struct history *)data + invocation;
    if (!history->wanted)
        return 0;
    double t_ns, bytes;
    int found = csv_row_number(row, SCHEMA_MEMORY_lazyfree_bytes, &history->lazyfree_bytes);
    if (found < 0 || (found = csv_row_number(row, SCHEMA_MEMORY_t_ns, &t_ns)) <= 0 ||
        (found = csv_row_number(row, SCHEMA_MEMORY_rss_bytes, &bytes)) <= 0)
        return found;
    struct sample *grown = with_room(history->samples, &history->sample_capacity,
                                     history->sample_count, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    history->samples = grown;
    bytes = fmax(bytes - history->lazyfree_bytes, 0);
    history->peak_bytes = fmax(history->peak_bytes, bytes);
    history->samples[history->sample_count++] = (struct sample){t_ns, bytes};
    return 0;
}

static int take_collection(void *data, size_t invocation, const struct csv_row *row)
{
    struct history *history = (struct history *)data + invocation;
    if (!history->wanted)
        return 0;
    double start_ns;
    int found = csv_row_number(row, SCHEMA_COLLECTIONS_start_ns, &start_ns);
    if (found <= 0)
        return found;
    double *grown = with_room(history->collections_ns, &history->collection_capacity,
                              history->collection_count, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    history->collections_ns = grown;
    history->collections_ns[history->collection_count++] = start_ns;
    return 0;
}

static int sample_compare(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

static void put_sample(struct chart_table *table, uint32_t series, const char *kind,
                       struct sample sample)
{
    chart_table_int(table, series + 1);
    chart_table_text(table, kind);
    chart_table_real(table, sample.t_ns);
    chart_table_real(table, sample.bytes);
    chart_table_row(table);
}

static void write_curve(struct chart_table *table, uint32_t series, const struct history *history)
{
    const struct sample *samples = history->samples;
    size_t count = history->sample_count;
    double first_ns = samples[0].t_ns;
    double span_ns = (samples[count - 1].t_ns - first_ns) / SPANS;
    for (size_t i = 0; i < count;) {
        size_t least = i, most = i, next = i;
        double end_ns = first_ns + span_ns * (floor((samples[i].t_ns - first_ns) / span_ns) + 1);
        for (; next < count && (next == i || samples[next].t_ns < end_ns); next++) {
            if (samples[next].bytes < samples[least].bytes)
                least = next;
            if (samples[next].bytes > samples[most].bytes)
                most = next;
        }
        size_t earlier = least < most ? least : most;
        size_t later = least < most ? most : least;
        put_sample(table, series, "curve", samples[earlier]);
        if (later != earlier)
            put_sample(table, series, "curve", samples[later]);
        i = next;
    }
    put_sample(table, series, "curve", samples[count - 1]);
    put_sample(table, series, "end", samples[count - 1]);
}

static void write_ticks(struct chart_table *table, uint32_t series, unsigned lane,
                        const struct history *history, double t_high_ns)
{
    double last_ns = -INFINITY;
    for (size_t i = 0; i < history->collection_count; i++) {
        if (history->collections_ns[i] - last_ns < t_high_ns / SPANS)
            continue;
        last_ns = history->collections_ns[i];
        chart_table_int(table, series + 1);
        chart_table_int(table, lane);
        chart_table_real(table, last_ns);
        chart_table_row(table);
    }
}

/* The invocation drawn for each member of the panel, or -1. */
static const struct history *drawn(const struct history *histories, const int64_t *typical,
                                   const struct chart_member *member)
{
    int64_t invocation = typical[member->cell];
    if (invocation < 0 || histories[invocation].sample_count == 0)
        return NULL;
    return &histories[invocation];
}

/* The top of the memory axis: the highest peak, or the second where that is far below it. */
static double find_top(const struct chart_panel *panel, const struct history *histories,
                       const int64_t *typical)
{
    double first = 0, second = 0;
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct history *history = drawn(histories, typical, &panel->members[i]);
        if (!history)
            continue;
        if (history->peak_bytes > first) {
            second = first;
            first = history->peak_bytes;
        } else if (history->peak_bytes > second) {
            second = history->peak_bytes;
        }
    }
    if (first == 0)
        return 0x1p20;
    return second > 0 && first > OFF_SCALE * second ? second * 1.4 : first * 1.06;
}

static int write_panel(const struct chart_plan *plan, size_t p, const struct history *histories,
                       const int64_t *typical, const char *folder, struct chart_table *panels,
                       struct csv_error *error)
{
    const struct chart_panel *panel = &plan->panels[p];
    struct chart_table *curves = NULL, *ticks = NULL;
    struct chart_caption caption;
    char name[64];
    int code = chart_caption_open(&caption);
    if (code)
        return code;
    snprintf(name, sizeof name, "memory_time.%zu.csv", p + 1);
    code = chart_table_open(&curves, folder, name, "series,kind,t_ns,memory_bytes", error);
    snprintf(name, sizeof name, "memory_time.%zu.collections.csv", p + 1);
    if (!code)
        code = chart_table_open(&ticks, folder, name, "series,lane,t_ns", error);

    double t_high_ns = 0, top_bytes = find_top(panel, histories, typical);
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct history *history = drawn(histories, typical, &panel->members[i]);
        if (history && history->peak_bytes <= top_bytes)
            t_high_ns = fmax(t_high_ns, fmax(history->wall_ns,
                                             history->samples[history->sample_count - 1].t_ns));
    }
    unsigned lanes = 0;
    for (size_t i = 0; i < panel->member_count && !code; i++) {
        uint32_t series = panel->members[i].series;
        const struct history *history = drawn(histories, typical, &panel->members[i]);
        if (!history)
            continue;
        chart_caption_show(&caption, series);
        write_curve(curves, series, history);
        if (history->peak_bytes > top_bytes) {
            chart_caption_note(&caption, "off the scale: ");
            fprintf(caption.note, "%s, to ", plan->series[series].label);
            chart_put_bytes(caption.note, history->peak_bytes);
        }
        if (history->collection_count)
            write_ticks(ticks, series, ++lanes, history, t_high_ns);
    }
    for (size_t i = 0, noted = 0; i < panel->member_count && !code; i++) {
        const struct history *history = drawn(histories, typical, &panel->members[i]);
        if (!history || !history->collection_count)
            continue;
        if (noted++ == 0)
            chart_caption_note(&caption, "collections: ");
        else
            fputs(", ", caption.note);
        fprintf(caption.note, "%s %zu", plan->series[panel->members[i].series].label,
                history->collection_count);
    }
    if (!code)
        code = chart_caption_put(&caption, panels, plan, p);
    if (!code) {
        chart_table_real(panels, t_high_ns > 0 ? t_high_ns * 1.02 : 1e9);
        chart_table_real(panels, top_bytes);
        chart_table_int(panels, lanes);
        chart_table_row(panels);
    }
    chart_caption_free(&caption);
    int closed = chart_table_close(curves, error);
    code = code ? code : closed;
    closed = chart_table_close(ticks, error);
    return code ? code : closed;
}

static int choose(const struct chart_plan *plan, struct history *histories, int64_t *typical)
{
    for (uint32_t c = 0; c < plan->run->cell_count; c++) {
        double wall_ns = 0;
        typical[c] = chart_typical_invocation(plan, c, &wall_ns);
        if (typical[c] == -ENOMEM)
            return -ENOMEM;
        if (typical[c] < 0)
            continue;
        histories[typical[c]].wanted = true;
        histories[typical[c]].wall_ns = wall_ns;
    }
    return 0;
}

int chart_memory_time_write(const struct chart_plan *plan, const char *folder,
                            struct csv_error *error)
{
    const struct run_data *run = plan->run;
    struct chart_table *panels = NULL;
    struct history *histories = calloc(run->invocation_count + 1, sizeof *histories);
    int64_t *typical = calloc(run->cell_count + 1, sizeof *typical);
    int code = histories && typical ? choose(plan, histories, typical) : -ENOMEM;
    if (!code)
        code = run_data_each(run, SCHEMA_FILE_MEMORY, take_sample, histories, error);
    if (!code)
        code = run_data_each(run, SCHEMA_FILE_COLLECTIONS, take_collection, histories, error);
    for (size_t i = 0; histories && !code && i < run->invocation_count; i++) {
        struct history *history = &histories[i];
        if (history->sample_count)
            qsort(history->samples, history->sample_count, sizeof *history->samples,
                  sample_compare);
        statistics_sort(history->collections_ns, history->collection_count);
    }
    if (!code)
        code = chart_table_open(&panels, folder, "memory_time.panels.csv",
                                CHART_CAPTION_COLUMNS ",high_ns,high_bytes,lanes", error);
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = write_panel(plan, p, histories, typical, folder, panels, error);
    int closed = chart_table_close(panels, error);
    for (size_t i = 0; histories && i < run->invocation_count; i++) {
        free(histories[i].samples);
        free(histories[i].collections_ns);
    }
    free(histories);
    free(typical);
    return code ? code : closed;
}
