/* Change points against R's t.test and a brute-force transcription of the energy statistic
 * (tests/fixtures/r_change_points.R), on published series, and against what they must be by their
 * definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "data/change_points.h"
#include "data/student_t.h"
#include "fixtures/r_change_points.h"

#define CASE_COUNT (sizeof r_change_points / sizeof *r_change_points)

static void assert_near(const char *name, double got, double expected, double relative)
{
    if (!(fabs(got - expected) <= relative * fabs(expected)))
        fail_msg("%s: %.17g is not %.17g", name, got, expected);
}

static void student_t_is_that_of_r(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof r_student_t / sizeof *r_student_t; i++) {
        double p = student_t_two_sided(r_student_t[i].t, r_student_t[i].df);
        assert_near("p", p, r_student_t[i].p, 1e-11);
        assert_true(p == student_t_two_sided(-r_student_t[i].t, r_student_t[i].df));
    }
    assert_true(student_t_two_sided(0, 5) == 1);
    assert_true(student_t_two_sided(INFINITY, 5) == 0);
}

static void change_points_are_those_of_r(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        struct change_options options = CHANGE_OPTIONS_DEFAULT;
        options.least_ratio = r_change_points[i].least_ratio;
        struct change_point *points;
        size_t count;
        assert_int_equal(change_points_find(&points, &count, r_change_points[i].values,
                                            r_change_points[i].count, &options),
                         0);
        const char *name = r_change_points[i].name;
        if (count != r_change_points[i].point_count)
            fail_msg("%s: %zu change points, not %zu", name, count, r_change_points[i].point_count);
        for (size_t j = 0; j < count; j++) {
            if (points[j].index != r_change_points[i].points[j].index)
                fail_msg("%s: change at %zu, not %zu", name, points[j].index,
                         r_change_points[i].points[j].index);
            /* R's last digits of the steady counter are those of its variance. */
            assert_near(name, points[j].p, r_change_points[i].points[j].p, 1e-7);
            assert_near(name, points[j].mean_before, r_change_points[i].points[j].mean_before,
                        1e-12);
            assert_near(name, points[j].mean_after, r_change_points[i].points[j].mean_after, 1e-12);
        }
        free(points);
    }
}

/* Cobb (Biometrika 1978) and all after him: the flow falls after 1898. */
static void the_nile_falls_after_1898(void **state)
{
    (void)state;
    struct change_options options = CHANGE_OPTIONS_DEFAULT;
    struct change_point *points;
    size_t count;
    assert_string_equal(r_change_points[0].name, "datasets::Nile, 1871 to 1970");
    assert_int_equal(change_points_find(&points, &count, r_change_points[0].values, 100, &options),
                     0);
    assert_int_equal(count, 1);
    assert_int_equal(1871 + points[0].index, 1899);
    assert_int_equal(points[0].before_count, 28);
    assert_int_equal(points[0].after_count, 72);
    free(points);
}

static size_t count_points(const double *values, size_t count, const struct change_options *options)
{
    struct change_point *points;
    size_t found;
    assert_int_equal(change_points_find(&points, &found, values, count, options), 0);
    free(points);
    return found;
}

/* Also where sums of the values round: 0.1 added up is not a multiple of itself. */
static void equal_values_have_none(void **state)
{
    (void)state;
    struct change_options options = CHANGE_OPTIONS_DEFAULT;
    double values[300];
    static const double levels[] = {0, 0.1, 1e-300, 123456789.123, 1e300};
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        for (size_t i = 0; i < 300; i++)
            values[i] = levels[l];
        for (size_t count = 0; count <= 300; count += count < 4 ? 1 : 37)
            assert_int_equal(count_points(values, count, &options), 0);
    }
}

static void two_values_say_nothing(void **state)
{
    (void)state;
    struct change_options options = CHANGE_OPTIONS_DEFAULT;
    assert_int_equal(count_points((const double[]){1, 2}, 2, &options), 0);
    assert_int_equal(count_points((const double[]){1, 1, 2}, 3, &options), 1);
}

static void small_changes_are_none(void **state)
{
    (void)state;
    double values[40];
    for (size_t i = 0; i < 40; i++)
        values[i] = i < 20 ? 1000 : 1010;
    struct change_options options = CHANGE_OPTIONS_DEFAULT;
    assert_int_equal(count_points(values, 40, &options), 1);
    options.least_difference = 9.99;
    assert_int_equal(count_points(values, 40, &options), 1);
    options.least_difference = 10;
    assert_int_equal(count_points(values, 40, &options), 0);
    options.least_difference = 0;
    options.least_ratio = 0.0099;
    assert_int_equal(count_points(values, 40, &options), 1);
    options.least_ratio = 0.0101;
    assert_int_equal(count_points(values, 40, &options), 0);
}

/* What the unit of a figure is must not matter; a power of two rounds nothing. */
static void units_do_not_matter(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 17, 1);
    struct change_options options = CHANGE_OPTIONS_DEFAULT;
    size_t changes = 0;
    for (int trial = 0; trial < 50; trial++) {
        double values[130], scaled[130];
        uint64_t level = 1000;
        for (size_t i = 0; i < 130; i++) {
            if (rng_below(&rng, 40) == 0)
                level = 1000 + rng_below(&rng, 200);
            values[i] = (double)(level + rng_below(&rng, 20));
            scaled[i] = values[i] * 0x1p-30;
        }
        struct change_point *a, *b;
        size_t a_count, b_count;
        assert_int_equal(change_points_find(&a, &a_count, values, 130, &options), 0);
        assert_int_equal(change_points_find(&b, &b_count, scaled, 130, &options), 0);
        assert_int_equal(a_count, b_count);
        for (size_t i = 0; i < a_count; i++) {
            assert_int_equal(a[i].index, b[i].index);
            assert_true(a[i].p < options.max_p);
            size_t end = i + 1 < a_count ? a[i + 1].index : 130;
            assert_int_equal(a[i].index + a[i].after_count, end);
            assert_true(i == 0 || a[i].before_count == a[i - 1].after_count);
        }
        changes += a_count;
        free(a);
        free(b);
    }
    assert_true(changes > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student_t_is_that_of_r),    cmocka_unit_test(change_points_are_those_of_r),
        cmocka_unit_test(the_nile_falls_after_1898), cmocka_unit_test(equal_values_have_none),
        cmocka_unit_test(two_values_say_nothing),    cmocka_unit_test(small_changes_are_none),
        cmocka_unit_test(units_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
