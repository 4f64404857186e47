#include "data/lbo.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/statistics.h"

const char *lbo_time_word(enum lbo_time time)
{
    return time == LBO_WALL ? "wall" : "cpu";
}

/* The figures of one invocation. */
struct observation {
    double total_ns;
    double stopped_ns; /* NaN: not known */
};

static double value_of(const struct run_data *run, size_t invocation, const char *metric)
{
    double value;
    int index = run_data_metric(run, metric);
    return index >= 0 && run_data_value(run, invocation, (size_t)index, &value) ? value : NAN;
}

static struct observation observe(const struct run_data *run, size_t invocation,
                                  struct stop_log *log, bool is_manual, enum lbo_time time)
{
    double wall_ns = value_of(run, invocation, "wall_ns");
    double pause_count = value_of(run, invocation, "pause_count");
    struct observation o = {.stopped_ns = is_manual || pause_count == 0 ? 0 : NAN};
    if (time == LBO_WALL) {
        o.total_ns = wall_ns;
        if (pause_count > 0 && !isnan(wall_ns))
            o.stopped_ns = (double)stop_log_union_ns(log, (int64_t)wall_ns);
    } else {
        o.total_ns =
            value_of(run, invocation, "cpu_user_ns") + value_of(run, invocation, "cpu_sys_ns");
        if (pause_count > 0)
            o.stopped_ns = value_of(run, invocation, "pause_cpu_total_ns");
    }
    return o;
}

static double median(double *values, size_t count)
{
    statistics_sort(values, count);
    return count ? statistics_median(values, count) : NAN;
}

/* `room` is for three values of each invocation. */
static void distil(const struct chart_plan *plan, struct stop_log *logs, uint32_t cell,
                   enum lbo_time time, double *room, struct lbo_cost *cost)
{
    const struct run_cell *c = &plan->run->cells[cell];
    double *totals = room, *stopped = room + c->invocation_count;
    double *distilled = stopped + c->invocation_count;
    size_t count = 0, known_count = 0;
    for (size_t i = 0; i < c->invocation_count; i++) {
        uint32_t invocation = c->invocations[i];
        if (!chart_invocation_counts(plan, invocation))
            continue;
        struct observation o =
            observe(plan->run, invocation, &logs[invocation], chart_is_manual(plan, cell), time);
        if (isnan(o.total_ns))
            continue;
        totals[count] = o.total_ns;
        distilled[count++] = o.total_ns - (isnan(o.stopped_ns) ? 0 : o.stopped_ns);
        if (!isnan(o.stopped_ns))
            stopped[known_count++] = o.stopped_ns;
    }
    cost->total_ns = median(totals, count);
    cost->stopped_ns = median(stopped, known_count);
    cost->distilled_ns = median(distilled, count);
    cost->lbo = NAN;
}

static void count_outcomes(const struct chart_plan *plan, uint32_t cell, struct lbo_entry *entry)
{
    const struct run_cell *c = &plan->run->cells[cell];
    for (size_t i = 0; i < c->invocation_count; i++) {
        uint32_t invocation = c->invocations[i];
        if (chart_invocation_counts(plan, invocation))
            entry->ok_count++;
        else if (chart_invocation_is_measured(plan, invocation))
            entry->failed_count++;
    }
}

static int make_setting(const struct chart_plan *plan, const struct chart_panel *panel,
                        struct stop_log *logs, struct lbo_setting *setting)
{
    size_t most = 0;
    for (size_t i = 0; i < panel->member_count; i++) {
        const struct run_cell *cell = &plan->run->cells[panel->members[i].cell];
        most = cell->invocation_count > most ? cell->invocation_count : most;
        if (!panel->members[i].unlimited) {
            setting->heap = cell->parts.heap;
            setting->threads = cell->parts.threads;
        }
    }
    setting->entries = calloc(panel->member_count, sizeof *setting->entries);
    double *room = calloc(3 * most + 1, sizeof *room);
    if (!setting->entries || !room) {
        free(room);
        return -ENOMEM;
    }
    for (enum lbo_time time = LBO_WALL; time < LBO_TIME_COUNT; time++) {
        setting->mdc_ns[time] = NAN;
        for (size_t i = 0; i < panel->member_count; i++) {
            struct lbo_cost *cost = &setting->entries[i].costs[time];
            distil(plan, logs, panel->members[i].cell, time, room, cost);
            if (cost->distilled_ns > 0 && !(cost->distilled_ns >= setting->mdc_ns[time])) {
                setting->mdc_ns[time] = cost->distilled_ns;
                setting->mdc_by[time] = i;
            }
        }
        for (size_t i = 0; i < panel->member_count; i++) {
            struct lbo_cost *cost = &setting->entries[i].costs[time];
            cost->lbo = cost->total_ns / setting->mdc_ns[time];
        }
    }
    for (size_t i = 0; i < panel->member_count; i++)
        count_outcomes(plan, panel->members[i].cell, &setting->entries[i]);
    free(room);
    return 0;
}

static bool part_equals(struct cell_part a, struct cell_part b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, (size_t)a.length) == 0);
}

static bool same_group(const struct lbo_setting *a, const struct lbo_setting *b)
{
    return part_equals(a->heap, b->heap) && part_equals(a->threads, b->threads);
}

static bool never_frees(const struct chart_plan *plan, uint32_t series)
{
    const char *reclaim = run_data_backend_key(plan->run, plan->series[series].backend, "reclaim");
    return reclaim && strcmp(reclaim, "never") == 0;
}

/* The entry of a series in panel `p`, or NULL. */
static const struct lbo_entry *entry_of(const struct lbo *lbo, const struct chart_plan *plan,
                                        size_t p, uint32_t series)
{
    for (size_t i = 0; i < plan->panels[p].member_count; i++)
        if (plan->panels[p].members[i].series == series)
            return &lbo->settings[p].entries[i];
    return NULL;
}

static bool succeeded(const struct lbo_entry *entry)
{
    return entry && entry->ok_count > 0 && entry->failed_count == 0 &&
           !isnan(entry->costs[LBO_WALL].lbo) && !isnan(entry->costs[LBO_CPU].lbo);
}

/* Adds the means of the group that panel `first` is the first of. `shown` has room for all series.
 */
static void add_means(struct lbo *lbo, const struct chart_plan *plan, size_t first, bool *shown)
{
    const struct lbo_setting *group = &lbo->settings[first];
    size_t from = lbo->mean_count;
    memset(shown, 0, plan->series_count * sizeof *shown);
    for (size_t p = first; p < plan->panel_count; p++)
        for (size_t i = 0; same_group(&lbo->settings[p], group) && i < plan->panels[p].member_count;
             i++)
            shown[plan->panels[p].members[i].series] = true;
    for (uint32_t s = 0; s < plan->series_count; s++) {
        shown[s] = shown[s] && !never_frees(plan, s);
        if (shown[s])
            lbo->means[lbo->mean_count++] =
                (struct lbo_mean){.heap = group->heap, .threads = group->threads, .series = s};
    }
    for (size_t p = first; p < plan->panel_count; p++) {
        bool all = same_group(&lbo->settings[p], group);
        for (uint32_t s = 0; s < plan->series_count && all; s++)
            all = !shown[s] || succeeded(entry_of(lbo, plan, p, s));
        for (size_t m = from; m < lbo->mean_count && all; m++) {
            const struct lbo_entry *entry = entry_of(lbo, plan, p, lbo->means[m].series);
            lbo->means[m].workloads_count++;
            for (int time = 0; time < LBO_TIME_COUNT; time++)
                lbo->means[m].lbo[time] += log(entry->costs[time].lbo);
        }
    }
    for (size_t m = from; m < lbo->mean_count; m++)
        for (int time = 0; time < LBO_TIME_COUNT; time++)
            lbo->means[m].lbo[time] =
                lbo->means[m].workloads_count
                    ? exp(lbo->means[m].lbo[time] / (double)lbo->means[m].workloads_count)
                    : NAN;
}

int lbo_make(struct lbo *lbo, const struct chart_plan *plan, struct stop_log *logs)
{
    *lbo = (struct lbo){.setting_count = plan->panel_count};
    lbo->settings = calloc(plan->panel_count + 1, sizeof *lbo->settings);
    lbo->means = calloc(plan->panel_count * plan->series_count + 1, sizeof *lbo->means);
    bool *shown = calloc(plan->series_count + 1, sizeof *shown);
    int code = lbo->settings && lbo->means && shown ? 0 : -ENOMEM;
    for (size_t p = 0; p < plan->panel_count && !code; p++)
        code = make_setting(plan, &plan->panels[p], logs, &lbo->settings[p]);
    for (size_t p = 0; p < plan->panel_count && !code; p++) {
        bool known = false;
        for (size_t before = 0; before < p; before++)
            known |= same_group(&lbo->settings[before], &lbo->settings[p]);
        if (!known)
            add_means(lbo, plan, p, shown);
    }
    free(shown);
    if (code)
        lbo_free(lbo);
    return code;
}

void lbo_free(struct lbo *lbo)
{
    for (size_t p = 0; lbo->settings && p < lbo->setting_count; p++)
        free(lbo->settings[p].entries);
    free(lbo->settings);
    free(lbo->means);
    *lbo = (struct lbo){0};
}
