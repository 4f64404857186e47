#include "data/history_trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int history_trend_find(struct history_trend *trend, const struct history_series *series,
                       const struct compare_tolerance *tolerance)
{
    *trend = (struct history_trend){
        .values = malloc((series->point_count + 1) * sizeof *trend->values),
        .points = malloc((series->point_count + 1) * sizeof *trend->points),
    };
    int error = trend->values && trend->points ? 0 : -ENOMEM;
    for (size_t i = 0; i < series->point_count && !error; i++) {
        if (isnan(series->points[i].median))
            continue;
        trend->values[trend->value_count] = series->points[i].median;
        trend->points[trend->value_count++] = i;
    }
    struct change_options options = CHANGE_OPTIONS_DEFAULT;
    options.least_ratio = tolerance->relative;
    options.least_difference = tolerance->absolute;
    if (!error && trend->value_count >= HISTORY_LEAST_RUNS)
        error = change_points_find(&trend->changes, &trend->change_count, trend->values,
                                   trend->value_count, &options);
    if (error)
        history_trend_free(trend);
    return error;
}

void history_trend_free(struct history_trend *trend)
{
    free(trend->values);
    free(trend->points);
    free(trend->changes);
    *trend = (struct history_trend){0};
}

bool history_change_is_worse(const struct history_series *series, const struct change_point *change)
{
    bool rises = change->mean_after > change->mean_before;
    return rises == (series->better == SCHEMA_LOWER);
}
