#include "data/chart_plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/cell_sample.h"
#include "data/printable.h"
#include "data/statistics.h"

static bool part_equals(struct cell_part a, struct cell_part b)
{
    return a.length == b.length && memcmp(a.text, b.text, (size_t)a.length) == 0;
}

static bool part_is(struct cell_part part, const char *text)
{
    return strlen(text) == (size_t)part.length && memcmp(part.text, text, strlen(text)) == 0;
}

static char *part_copy(struct cell_part part)
{
    return strndup(part.text, (size_t)part.length);
}

static bool is_manual(const struct run_data *run, const char *backend)
{
    const char *reclaim = run_data_backend_key(run, backend, "reclaim");
    return reclaim && (strcmp(reclaim, "manual") == 0 || strcmp(reclaim, "never") == 0);
}

bool chart_is_manual(const struct chart_plan *plan, uint32_t cell)
{
    return is_manual(plan->run, plan->run->cells[cell].backend);
}

static int64_t series_find(const struct chart_plan *plan, struct cell_part variant)
{
    for (size_t i = 0; i < plan->series_count; i++)
        if (part_is(variant, plan->series[i].label))
            return (int64_t)i;
    return -1;
}

static int series_add(struct chart_plan *plan, const struct run_cell *cell)
{
    if (series_find(plan, cell->parts.backend) >= 0)
        return 0;
    struct chart_series made = {.label = part_copy(cell->parts.backend),
                                .backend = part_copy(cell->parts.backend_name)};
    struct chart_series *grown =
        realloc(plan->series, (plan->series_count + 1) * sizeof *plan->series);
    if (grown)
        plan->series = grown;
    if (!grown || !made.label || !made.backend) {
        free(made.label);
        free(made.backend);
        return -ENOMEM;
    }
    plan->series[plan->series_count++] = made;
    return 0;
}

/* A cell shows the place of a panel: its workload, heap setting and threads. */
static bool same_work(const struct run_cell *a, const struct run_cell *b)
{
    return part_equals(a->parts.workload, b->parts.workload) &&
           part_equals(a->parts.threads, b->parts.threads);
}

static bool same_place(const struct run_cell *a, const struct run_cell *b)
{
    return same_work(a, b) && part_equals(a->parts.heap, b->parts.heap);
}

/* Whether the cell is drawn in the panels of other heap settings instead of in one of its own. */
static bool is_guest(const struct run_data *run, const struct run_cell *cell)
{
    if (!part_is(cell->parts.heap, "none") || !is_manual(run, cell->backend))
        return false;
    bool hosted = false;
    for (size_t i = 0; i < run->cell_count; i++) {
        const struct run_cell *other = &run->cells[i];
        if (!same_work(other, cell) || is_manual(run, other->backend))
            continue;
        if (same_place(other, cell))
            return false;
        hosted = true;
    }
    return hosted;
}

static bool belongs(const struct run_data *run, const struct run_cell *cell,
                    const struct run_cell *place)
{
    if (same_place(cell, place))
        return true;
    return same_work(cell, place) && part_is(cell->parts.heap, "none") &&
           is_manual(run, cell->backend);
}

static int member_compare(const void *a, const void *b)
{
    const struct chart_member *x = a, *y = b;
    return (x->series > y->series) - (x->series < y->series);
}

static char *panel_title(const struct run_data *run, const struct run_cell *place)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    fprintf(out, "%.*s", place->parts.workload.length, place->parts.workload.text);
    if (!part_is(place->parts.heap, "none"))
        fprintf(out, " · heap %.*s", place->parts.heap.length, place->parts.heap.text);
    bool threads_differ = false;
    for (size_t i = 0; i < run->cell_count; i++)
        threads_differ |= !part_is(run->cells[i].parts.threads, "1");
    if (threads_differ) {
        bool one = part_is(place->parts.threads, "1");
        fprintf(out, " · %.*s thread%s", place->parts.threads.length, place->parts.threads.text,
                one ? "" : "s");
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int panel_add(struct chart_plan *plan, const struct run_cell *place)
{
    const struct run_data *run = plan->run;
    struct chart_panel *grown =
        realloc(plan->panels, (plan->panel_count + 1) * sizeof *plan->panels);
    if (!grown)
        return -ENOMEM;
    plan->panels = grown;
    struct chart_panel *panel = &plan->panels[plan->panel_count++];
    *panel = (struct chart_panel){.title = panel_title(run, place), .reference = -1};
    panel->members = calloc(run->cell_count, sizeof *panel->members);
    if (!panel->title || !panel->members)
        return -ENOMEM;
    for (size_t i = 0; i < run->cell_count; i++) {
        if (!belongs(run, &run->cells[i], place))
            continue;
        int64_t series = series_find(plan, run->cells[i].parts.backend);
        panel->members[panel->member_count++] =
            (struct chart_member){.cell = (uint32_t)i,
                                  .series = (uint32_t)series,
                                  .unlimited = !same_place(&run->cells[i], place)};
    }
    qsort(panel->members, panel->member_count, sizeof *panel->members, member_compare);
    for (size_t i = 0; i < panel->member_count; i++)
        if (panel->members[i].series == plan->reference)
            panel->reference = panel->members[i].cell;
    return 0;
}

static int reference_find(struct chart_plan *plan, const char *name, struct csv_error *error)
{
    plan->reference = -1;
    if (name) {
        for (size_t i = 0; i < plan->series_count && plan->reference < 0; i++)
            if (strcmp(plan->series[i].label, name) == 0)
                plan->reference = (int64_t)i;
        for (size_t i = 0; i < plan->series_count && plan->reference < 0; i++)
            if (strcmp(plan->series[i].backend, name) == 0)
                plan->reference = (int64_t)i;
        if (plan->reference >= 0)
            return 0;
        char shown[128];
        int length =
            snprintf(error->text, sizeof error->text, "no backend '%s' in this run; it has",
                     printable_copy(shown, sizeof shown, name));
        for (size_t i = 0; i < plan->series_count; i++)
            if (length > 0 && (size_t)length < sizeof error->text)
                length += snprintf(error->text + length, sizeof error->text - (size_t)length,
                                   "%s %s", i ? "," : "",
                                   printable_copy(shown, sizeof shown, plan->series[i].label));
        return -ENOENT;
    }
    for (size_t i = 0; i < plan->series_count && plan->reference < 0; i++)
        if (strcmp(plan->series[i].backend, "mimalloc") == 0)
            plan->reference = (int64_t)i;
    for (size_t i = 0; i < plan->series_count && plan->reference < 0; i++) {
        const char *reclaim = run_data_backend_key(plan->run, plan->series[i].backend, "reclaim");
        if (reclaim && strcmp(reclaim, "manual") == 0)
            plan->reference = (int64_t)i;
    }
    if (plan->reference < 0 && plan->series_count)
        plan->reference = 0;
    return 0;
}

/* Cells start in random order; charts of the same cells should look the same from run to run.
 * Variants of a backend keep together; numbers in names count as numbers. */
static int series_compare(const void *a, const void *b, void *data)
{
    const struct chart_series *x = a, *y = b;
    const struct run_data *run = data;
    int by_kind = is_manual(run, x->backend) - is_manual(run, y->backend);
    int by_backend = strcmp(x->backend, y->backend);
    return by_kind ? by_kind : by_backend ? by_backend : strverscmp(x->label, y->label);
}

static int panel_compare(const void *a, const void *b)
{
    const struct chart_panel *x = a, *y = b;
    return strverscmp(x->title, y->title);
}

static void series_number(struct chart_plan *plan)
{
    if (plan->series_count)
        qsort_r(plan->series, plan->series_count, sizeof *plan->series, series_compare,
                (void *)plan->run);
    for (size_t i = 1; i < plan->series_count; i++)
        if (strcmp(plan->series[i].backend, plan->series[i - 1].backend) == 0)
            plan->series[i].variant = plan->series[i - 1].variant + 1;
}

int chart_plan_make(struct chart_plan *plan, const struct run_data *run, const char *reference,
                    struct csv_error *error)
{
    *plan = (struct chart_plan){.run = run, .reference = -1};
    int code = 0;
    for (size_t i = 0; i < run->cell_count && !code; i++)
        code = series_add(plan, &run->cells[i]);
    if (!code) {
        series_number(plan);
        code = reference_find(plan, reference, error);
    }
    for (size_t i = 0; i < run->cell_count && !code; i++) {
        const struct run_cell *cell = &run->cells[i];
        bool known = is_guest(run, cell);
        for (size_t j = 0; j < i && !known; j++)
            known = same_place(&run->cells[j], cell) && !is_guest(run, &run->cells[j]);
        if (!known)
            code = panel_add(plan, cell);
    }
    if (!code && plan->panel_count)
        qsort(plan->panels, plan->panel_count, sizeof *plan->panels, panel_compare);
    if (code == -ENOMEM)
        snprintf(error->text, sizeof error->text, "out of memory");
    if (code)
        chart_plan_free(plan);
    return code;
}

void chart_plan_free(struct chart_plan *plan)
{
    for (size_t i = 0; i < plan->series_count; i++) {
        free(plan->series[i].label);
        free(plan->series[i].backend);
    }
    for (size_t i = 0; i < plan->panel_count; i++) {
        free(plan->panels[i].title);
        free(plan->panels[i].members);
    }
    free(plan->series);
    free(plan->panels);
    *plan = (struct chart_plan){.reference = -1};
}

/* Invocations of another purpose are processes of their own that fill only their own metrics. */
bool chart_invocation_is_measured(const struct chart_plan *plan, size_t index)
{
    const struct run_invocation *invocation = &plan->run->invocations[index];
    return cell_purpose_of(invocation) == CELL_NORMAL;
}

bool chart_invocation_counts(const struct chart_plan *plan, size_t invocation)
{
    return plan->run->invocations[invocation].status == RUN_OK &&
           chart_invocation_is_measured(plan, invocation);
}

size_t chart_count(const struct chart_plan *plan, uint32_t cell)
{
    const struct run_cell *c = &plan->run->cells[cell];
    size_t n = 0;
    for (size_t i = 0; i < c->invocation_count; i++)
        n += chart_invocation_counts(plan, c->invocations[i]);
    return n;
}

struct timed {
    double wall_ns;
    uint32_t invocation;
};

static int timed_compare(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    int by_wall = (x->wall_ns > y->wall_ns) - (x->wall_ns < y->wall_ns);
    return by_wall ? by_wall : (x->invocation > y->invocation) - (x->invocation < y->invocation);
}

int64_t chart_typical_invocation(const struct chart_plan *plan, uint32_t cell_index,
                                 double *wall_ns)
{
    const struct run_data *run = plan->run;
    const struct run_cell *cell = &run->cells[cell_index];
    int metric = run_data_metric(run, "wall_ns");
    struct timed *timed = calloc(cell->invocation_count + 1, sizeof *timed);
    if (!timed)
        return -ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < cell->invocation_count; i++) {
        uint32_t invocation = cell->invocations[i];
        double value;
        if (chart_invocation_counts(plan, invocation) &&
            run_data_value(run, invocation, (size_t)metric, &value))
            timed[count++] = (struct timed){value, invocation};
    }
    qsort(timed, count, sizeof *timed, timed_compare);
    int64_t typical = -1;
    if (count) {
        typical = timed[(count - 1) / 2].invocation;
        *wall_ns = timed[(count - 1) / 2].wall_ns;
    }
    free(timed);
    return typical;
}

static bool is_good_probe(const struct chart_plan *plan, size_t index)
{
    const struct run_invocation *invocation = &plan->run->invocations[index];
    return invocation->status == RUN_OK && run_invocation_has_flag(invocation, "probe");
}

static int collect_values(const struct chart_plan *plan, uint32_t cell, const char *metric,
                          bool (*counts)(const struct chart_plan *plan, size_t invocation),
                          double **values, size_t *count)
{
    const struct run_cell *c = &plan->run->cells[cell];
    int index = run_data_metric(plan->run, metric);
    *values = NULL;
    *count = 0;
    if (index < 0 || c->invocation_count == 0)
        return 0;
    double *found = malloc(c->invocation_count * sizeof *found);
    if (!found)
        return -ENOMEM;
    for (size_t i = 0; i < c->invocation_count; i++)
        if (counts(plan, c->invocations[i]) &&
            run_data_value(plan->run, c->invocations[i], (size_t)index, &found[*count]))
            (*count)++;
    if (*count == 0) {
        free(found);
        return 0;
    }
    *values = found;
    return 0;
}

int chart_values(const struct chart_plan *plan, uint32_t cell, const char *metric, double **values,
                 size_t *count)
{
    return collect_values(plan, cell, metric, chart_invocation_counts, values, count);
}

int chart_probe_values(const struct chart_plan *plan, uint32_t cell, const char *metric,
                       double **values, size_t *count)
{
    return collect_values(plan, cell, metric, is_good_probe, values, count);
}

struct chart_summary chart_summarise(double *values, size_t count)
{
    statistics_sort(values, count);
    return (struct chart_summary){
        .median = statistics_median(values, count),
        .low = values[0],
        .high = values[count - 1],
    };
}

void chart_log_range(double *low, double *high, double factor)
{
    *low /= 1.15;
    *high *= 1.15;
    double missing = sqrt(factor / (*high / *low));
    if (missing > 1) {
        *low /= missing;
        *high *= missing;
    }
}
