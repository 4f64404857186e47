#include "driver/estimate.h"

#include "data/run_data.h"
#include "data/statistics.h"
#include "driver/xalloc.h"

#include <stdlib.h>

/* Median wall time of the cell's complete invocations; negative where it has none. */
static double median_wall_ns(const struct run_data *run, const struct run_cell *cell)
{
    double *values = xcalloc(cell->invocation_count, sizeof *values);
    size_t count = 0;
    int metric = run_data_metric(run, "wall_ns");
    for (size_t i = 0; i < cell->invocation_count; i++) {
        uint32_t invocation = cell->invocations[i];
        if (run->invocations[invocation].status == RUN_OK &&
            run_data_value(run, invocation, (size_t)metric, &values[count]))
            count++;
    }
    statistics_sort(values, count);
    double median = count ? statistics_median(values, count) : -1;
    free(values);
    return median;
}

void estimate_from_run(struct estimate *estimate, const struct plan *plan, const char *folder,
                       unsigned invocations, unsigned warmup, unsigned iterations)
{
    struct run_data *run;
    struct csv_error error;
    *estimate = (struct estimate){0};
    if (run_data_load(&run, folder, &error))
        return;
    const char *text = run_data_key(run, "iterations");
    double measured = text ? strtod(text, NULL) : 0;
    for (size_t i = 0; i < plan->cell_count && measured > 0; i++) {
        const struct run_cell *cell = run_data_cell(run, plan->cells[i].key);
        double wall_ns = cell && !plan->cells[i].skip ? median_wall_ns(run, cell) : -1;
        if (wall_ns < 0)
            continue;
        estimate->known_count++;
        estimate->total_ns +=
            (int64_t)(wall_ns / measured * ((double)warmup + iterations) * invocations);
    }
    run_data_free(run);
}
