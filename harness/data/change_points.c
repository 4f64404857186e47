#include "data/change_points.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/student_t.h"

/* The first pass keeps weaker ones, since a change may only show once its neighbours are split off.
 */
#define WEAK_FACTOR 10

/* Change points in ascending order, each at its place once. */
struct places {
    size_t *at;
    size_t count;
    size_t capacity;
};

static int insert_place(struct places *places, size_t index)
{
    size_t i = places->count;
    while (i > 0 && places->at[i - 1] >= index)
        i--;
    if (i < places->count && places->at[i] == index)
        return 0;
    if (places->count == places->capacity) {
        size_t capacity = places->capacity ? 2 * places->capacity : 16;
        size_t *at = realloc(places->at, capacity * sizeof *at);
        if (!at)
            return -ENOMEM;
        places->at = at;
        places->capacity = capacity;
    }
    memmove(&places->at[i + 1], &places->at[i], (places->count - i) * sizeof *places->at);
    places->at[i] = index;
    places->count++;
    return 0;
}

struct summary {
    double mean;
    double squares; /* sum of squared deviations */
};

/* Relative to the first value, so that equal values have exactly themselves as mean. */
static struct summary summarise(const double *values, size_t count)
{
    struct summary s = {0, 0};
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i] - values[0];
    s.mean = values[0] + sum / (double)count;
    for (size_t i = 0; i < count; i++)
        s.squares += (values[i] - s.mean) * (values[i] - s.mean);
    return s;
}

/* The change at `middle` between values[start .. middle - 1] and values[middle .. end - 1]. Two
 * values may differ or not, but nothing says by how much they may, so that their p is 1. */
static struct change_point test_split(const double *values, size_t start, size_t middle, size_t end)
{
    size_t n = middle - start;
    size_t m = end - middle;
    struct summary x = summarise(values + start, n);
    struct summary y = summarise(values + middle, m);
    struct change_point point = {middle, n, m, x.mean, y.mean, 1};
    if (n + m < 3 || x.mean == y.mean)
        return point;
    double degrees = (double)(n + m - 2);
    double variance = (x.squares + y.squares) / degrees;
    double error = sqrt(variance * (1 / (double)n + 1 / (double)m));
    point.p = error > 0 ? student_t_two_sided((y.mean - x.mean) / error, degrees) : 0;
    return point;
}

/* A part of a window, and its best split. */
struct candidate {
    size_t start;
    size_t end;
    size_t middle;
    double q; /* -INFINITY where it cannot be split */
};

/* sums[i][j]: distances of value i to values 0 .. j - 1 of the window. */
typedef double distance_sums[CHANGE_WINDOW_MAX][CHANGE_WINDOW_MAX + 1];

static double distance_sum(distance_sums sums, size_t i, size_t from, size_t to)
{
    return sums[i][to] - sums[i][from];
}

/* Maximises over middle and `to` the energy statistic of X = [start, middle) against
 * Y = [middle, to), of sizes n and m:
 *   Q = 2/(n+m) sum |x-y| - 2m/((n+m)(n-1)) sum |x-x'| - 2n/((n+m)(m-1)) sum |y-y'|,
 * each pair once. Y may end early, so that a later change does not blur this one. */
static void split_best(struct candidate *part, distance_sums sums)
{
    double within_x = 0;
    part->q = -INFINITY;
    for (size_t middle = part->start + 1; middle < part->end; middle++) {
        double n = (double)(middle - part->start);
        double between = 0;
        double within_y = 0;
        within_x += distance_sum(sums, middle - 1, part->start, middle - 1);
        for (size_t to = middle + 1; to <= part->end; to++) {
            double m = (double)(to - middle);
            between += distance_sum(sums, to - 1, part->start, middle);
            within_y += distance_sum(sums, to - 1, middle, to - 1);
            double q = 2 / (n + m) * between;
            if (n > 1)
                q -= 2 * m / ((n + m) * (n - 1)) * within_x;
            if (m > 1)
                q -= 2 * n / ((n + m) * (m - 1)) * within_y;
            if (q > part->q) {
                part->q = q;
                part->middle = middle;
            }
        }
    }
}

/* Splits a window of `count` values until the best split of all parts is none. `offset` is that of
 * the window in the series, *last the index of its last change point, or 0. */
static int split_window(struct places *places, size_t *last, const double *values, size_t count,
                        size_t offset, double max_p)
{
    distance_sums *sums = malloc(sizeof *sums);
    struct candidate *parts = malloc(count * sizeof *parts);
    int error = sums && parts ? 0 : -ENOMEM;
    size_t part_count = 0;
    for (size_t i = 0; i < count && !error; i++) {
        (*sums)[i][0] = 0;
        for (size_t j = 0; j < count; j++)
            (*sums)[i][j + 1] = (*sums)[i][j] + fabs(values[i] - values[j]);
    }
    if (!error) {
        parts[part_count] = (struct candidate){.start = 0, .end = count};
        split_best(&parts[part_count++], *sums);
    }
    *last = 0;
    while (!error) {
        size_t best = 0;
        for (size_t i = 1; i < part_count; i++)
            if (parts[i].q > parts[best].q)
                best = i;
        struct candidate *part = &parts[best];
        if (isinf(part->q) || test_split(values, part->start, part->middle, part->end).p > max_p)
            break;
        size_t middle = part->middle;
        error = insert_place(places, offset + middle);
        if (offset + middle > *last)
            *last = offset + middle;
        struct candidate *right = &parts[part_count++];
        *right = (struct candidate){.start = middle, .end = part->end};
        part->end = middle;
        split_best(part, *sums);
        split_best(right, *sums);
    }
    free(sums);
    free(parts);
    return error;
}

static int split_series(struct places *places, const double *values, size_t count,
                        const struct change_options *options)
{
    size_t step = options->window / 2;
    for (size_t start = 0; start < count;) {
        size_t end = count - start < options->window ? count : start + options->window;
        size_t last;
        int error = split_window(places, &last, values + start, end - start, start,
                                 WEAK_FACTOR * options->max_p);
        if (error)
            return error;
        start = last > start + step ? last : start + step;
    }
    return 0;
}

double change_point_ratio(const struct change_point *point)
{
    double forward = point->mean_before == 0 ? 0 : point->mean_after / point->mean_before - 1;
    double backward = point->mean_after == 0 ? 0 : point->mean_before / point->mean_after - 1;
    return fmax(fabs(forward), fabs(backward));
}

static double difference_of(const struct change_point *point)
{
    return fabs(point->mean_after - point->mean_before);
}

/* The change point to give up next, or count where all stand. */
static size_t find_weakest(const struct change_point *points, size_t count,
                           const struct change_options *options)
{
    size_t weakest = 0, smallest = 0, nearest = 0;
    for (size_t i = 1; i < count; i++) {
        if (points[i].p > points[weakest].p)
            weakest = i;
        if (change_point_ratio(&points[i]) < change_point_ratio(&points[smallest]))
            smallest = i;
        if (difference_of(&points[i]) < difference_of(&points[nearest]))
            nearest = i;
    }
    if (count && points[weakest].p >= options->max_p)
        return weakest;
    if (count && change_point_ratio(&points[smallest]) <= options->least_ratio)
        return smallest;
    if (count && difference_of(&points[nearest]) <= options->least_difference)
        return nearest;
    return count;
}

/* Tests the change point number i on all values between its neighbours. */
static void test_again(struct change_point *points, size_t point_count, size_t i,
                       const double *values, size_t count)
{
    size_t start = i == 0 ? 0 : points[i - 1].index;
    size_t end = i + 1 == point_count ? count : points[i + 1].index;
    points[i] = test_split(values, start, points[i].index, end);
}

static size_t merge(struct change_point *points, size_t point_count, const double *values,
                    size_t count, const struct change_options *options)
{
    for (size_t i = 0; i < point_count; i++)
        test_again(points, point_count, i, values, count);
    size_t weakest;
    while ((weakest = find_weakest(points, point_count, options)) < point_count) {
        point_count--;
        memmove(&points[weakest], &points[weakest + 1], (point_count - weakest) * sizeof *points);
        if (weakest > 0)
            test_again(points, point_count, weakest - 1, values, count);
        if (weakest < point_count)
            test_again(points, point_count, weakest, values, count);
    }
    return point_count;
}

int change_points_find(struct change_point **points, size_t *point_count, const double *values,
                       size_t count, const struct change_options *options)
{
    struct places places = {0};
    *points = NULL;
    *point_count = 0;
    int error = split_series(&places, values, count, options);
    if (!error && places.count) {
        *points = malloc(places.count * sizeof **points);
        error = *points ? 0 : -ENOMEM;
    }
    if (!error && places.count) {
        for (size_t i = 0; i < places.count; i++)
            (*points)[i] = (struct change_point){.index = places.at[i]};
        *point_count = merge(*points, places.count, values, count, options);
    }
    free(places.at);
    return error;
}
