/* change_points.h: where a series of figures in order of time changes its level (METHODS.md section
 * 8, "History"): E-divisive with means (Matteson & James, JASA 2014) as modified by Hunter (Fleming
 * et al., ICPE 2023, https://doi.org/10.1145/3578244.3583719) and its successor Apache Otava:
 *
 * - Split: in sliding windows, the split that maximises the energy statistic Q of E-divisive is a
 *   change point where Student's t-test of the two sides finds them different, at ten times the p
 *   that is asked for; then the parts are split in the same way.
 * - Merge: of all of them, tested on the whole parts between them, the weakest is given up, until
 *   every p is small enough, and then the smallest change, until all are large enough.
 *
 * The variance of a sample divides by count - 1, as the t-test needs; Otava divides by count.
 * Nothing is drawn at random, so the same series has the same change points. Thread-safe. */
#ifndef DATA_CHANGE_POINTS_H
#define DATA_CHANGE_POINTS_H

#include <stddef.h>

#define CHANGE_WINDOW_MAX 200

struct change_options {
    double max_p;            /* every change point has p < max_p <= 0.05 */
    size_t window;           /* 2 to CHANGE_WINDOW_MAX values; they overlap by half */
    double least_ratio;      /* a change of up to so much is none: 0.05 is 5 %, either way */
    double least_difference; /* nor is one of up to so much, in the unit of the values */
};

/* What METHODS.md says, and any change counts. */
#define CHANGE_OPTIONS_DEFAULT                                                                     \
    {                                                                                              \
        .max_p = 0.001, .window = 50, .least_ratio = 0, .least_difference = 0                      \
    }

struct change_point {
    size_t index;        /* of the first value of the new level, at least 1 */
    size_t before_count; /* values between this one and the neighbouring change points or ends */
    size_t after_count;
    double mean_before; /* of those values */
    double mean_after;
    double p; /* two-sided, of the t-test of both; not adjusted for the choice of the index */
};

/* Finds the change points of the finite values[0 .. count - 1] into *points, *point_count of them,
 * ascending by index; the caller frees *points, which may be NULL where there is none. 0 or
 * -ENOMEM.
 */
int change_points_find(struct change_point **points, size_t *point_count, const double *values,
                       size_t count, const struct change_options *options);

/* The larger of both relative changes, |after / before - 1| and |before / after - 1|; one whose
 * divisor is 0 counts as 0. */
double change_point_ratio(const struct change_point *point);

#endif
