/* Utilisation against the definition, tried at every position. Nothing here uses the code under
 * test, or its way: a thread's stops are bits of a picture of the time, or intervals that are cut
 * one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/mmu.h"

#define STOPS_MAX   40
#define THREADS_MAX 4
#define LENGTH_MAX  400
#define NONE        (-2.0)

struct trace {
    int64_t length;
    size_t count;
    struct {
        int64_t thread, start, duration;
    } stops[STOPS_MAX];
};

static void fill(struct stop_log *log, const struct trace *trace)
{
    *log = (struct stop_log){0};
    for (size_t i = 0; i < trace->count; i++)
        assert_int_equal(stop_log_add(log, trace->stops[i].thread, trace->stops[i].start,
                                      trace->stops[i].duration),
                         0);
}

/* Any shape: overlapping, touching, empty, before the start, beyond the end, in any order. */
static void draw(struct rng *rng, struct trace *trace, int64_t length_max)
{
    trace->length = 1 + (int64_t)rng_below(rng, (uint64_t)length_max);
    trace->count = rng_below(rng, STOPS_MAX + 1);
    uint64_t threads = rng_below(rng, THREADS_MAX + 1);
    uint64_t longest = 1 + rng_below(rng, 1 + (uint64_t)trace->length / 4);
    bool in_order = rng_below(rng, 2);
    int64_t at = -(int64_t)rng_below(rng, 4);
    for (size_t i = 0; i < trace->count; i++) {
        int64_t duration = (int64_t)rng_below(rng, longest + 1);
        if (!in_order)
            at = (int64_t)rng_below(rng, (uint64_t)trace->length + 8) - 4;
        trace->stops[i].thread = (int64_t)rng_below(rng, threads + 1) - 1;
        trace->stops[i].start = at;
        trace->stops[i].duration = duration;
        /* Half of the next ones touch or overlap this one. */
        at += rng_below(rng, 2) ? duration : (int64_t)rng_below(rng, 2 * longest + 2);
    }
}

/* Which nanoseconds of the measured part a thread is stopped in. */
struct picture {
    bool stopped[LENGTH_MAX];
};

static struct picture paint(const struct trace *trace, int64_t thread)
{
    struct picture picture = {0};
    for (size_t i = 0; i < trace->count; i++)
        for (int64_t t = trace->stops[i].start;
             t < trace->stops[i].start + trace->stops[i].duration; t++)
            if ((trace->stops[i].thread == -1 || trace->stops[i].thread == thread) && t >= 0 &&
                t < trace->length)
                picture.stopped[t] = true;
    return picture;
}

/* The least utilisation of any thread in any window, or NONE. Threads without stops count too. */
static double mmu_by_definition(const struct trace *trace, int64_t window)
{
    double least = NONE;
    for (int64_t thread = 0; thread <= THREADS_MAX && window <= trace->length; thread++) {
        struct picture picture = paint(trace, thread);
        for (int64_t t = 0; t <= trace->length - window; t++) {
            int64_t free = 0;
            for (int64_t i = t; i < t + window; i++)
                free += !picture.stopped[i];
            double utilisation = (double)free / (double)window;
            least = least == NONE || utilisation < least ? utilisation : least;
        }
    }
    return least;
}

static void assert_same(double found, double expected)
{
    if (expected == NONE)
        assert_true(isnan(found));
    else
        assert_true(found == expected);
}

/* On whole numbers the extremes lie at whole positions: a window that starts between two moves to
 * one of them without gaining. */
static void every_position_of_small_traces(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1, 5);
    for (int round = 0; round < 3000; round++) {
        struct trace trace;
        draw(&rng, &trace, 60);
        int64_t windows[64];
        double expected[64], bounded[64], mmu[64], bmu[64];
        size_t count = (size_t)trace.length + 3;
        for (size_t i = 0; i < count; i++) {
            windows[i] = (int64_t)i + 1;
            expected[i] = mmu_by_definition(&trace, windows[i]);
        }
        for (size_t i = count; i-- > 0;) {
            bounded[i] = expected[i];
            if (i + 1 < count && bounded[i + 1] != NONE && bounded[i + 1] < bounded[i])
                bounded[i] = bounded[i + 1];
        }
        struct stop_log log;
        fill(&log, &trace);
        assert_int_equal(mmu_compute(mmu, bmu, &log, trace.length, windows, count), 0);
        for (size_t i = 0; i < count; i++) {
            assert_same(mmu[i], expected[i]);
            assert_same(bmu[i], bounded[i]);
        }
        /* Windows by themselves, and MMU alone, give the same. */
        size_t one = rng_below(&rng, count);
        assert_int_equal(mmu_compute(mmu, bmu, &log, trace.length, &windows[one], 1), 0);
        assert_same(mmu[0], expected[one]);
        assert_same(bmu[0], bounded[one]);
        assert_int_equal(mmu_compute(mmu, NULL, &log, trace.length, windows, count), 0);
        for (size_t i = 0; i < count; i++)
            assert_same(mmu[i], expected[i]);
        stop_log_free(&log);
    }
}

/* Time that the thread is stopped in [from, to]: each stop is cut by those before it in the list.
 */
static int64_t stopped_within(const struct trace *trace, int64_t thread, int64_t from, int64_t to)
{
    int64_t edges[2 * STOPS_MAX + 2];
    size_t count = 0;
    from = from > 0 ? from : 0;
    to = to < trace->length ? to : trace->length;
    for (size_t i = 0; i < trace->count; i++) {
        edges[count++] = trace->stops[i].start;
        edges[count++] = trace->stops[i].start + trace->stops[i].duration;
    }
    edges[count++] = from;
    edges[count++] = to;
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && edges[j] < edges[j - 1]; j--) {
            int64_t swapped = edges[j];
            edges[j] = edges[j - 1];
            edges[j - 1] = swapped;
        }
    int64_t sum = 0;
    for (size_t e = 0; e + 1 < count; e++) {
        if (edges[e] < from || edges[e + 1] > to)
            continue;
        bool stopped = false;
        for (size_t i = 0; i < trace->count; i++)
            stopped |= (trace->stops[i].thread == -1 || trace->stops[i].thread == thread) &&
                       trace->stops[i].start <= edges[e] &&
                       trace->stops[i].start + trace->stops[i].duration >= edges[e + 1];
        sum += stopped ? edges[e + 1] - edges[e] : 0;
    }
    return sum;
}

/* At real sizes: windows that start or end where any stop starts or ends, or the time does; and for
 * the bound every length that leads from one of these points to another, all by long division. */
static void every_candidate_of_long_traces(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 2, 5);
    for (int round = 0; round < 1000; round++) {
        struct trace trace = {.length = 1 + (int64_t)rng_below(&rng, 12000000000)};
        trace.count = rng_below(&rng, 9);
        for (size_t i = 0; i < trace.count; i++) {
            trace.stops[i].thread = (int64_t)rng_below(&rng, 3) - 1;
            trace.stops[i].start = (int64_t)rng_below(&rng, (uint64_t)trace.length + 2) - 1;
            if (i && rng_below(&rng, 3) == 0)
                trace.stops[i].start = trace.stops[i - 1].start + trace.stops[i - 1].duration;
            trace.stops[i].duration = (int64_t)(rng_next(&rng) >> (30 + rng_below(&rng, 34)));
        }
        int64_t points[2 * STOPS_MAX + 2];
        size_t point_count = 0;
        points[point_count++] = 0;
        points[point_count++] = trace.length;
        for (size_t i = 0; i < trace.count; i++) {
            points[point_count++] = trace.stops[i].start;
            points[point_count++] = trace.stops[i].start + trace.stops[i].duration;
        }
        struct stop_log log;
        fill(&log, &trace);
        double mmu[MMU_WINDOW_COUNT], bmu[MMU_WINDOW_COUNT];
        assert_int_equal(
            mmu_compute(mmu, bmu, &log, trace.length, mmu_windows_ns, MMU_WINDOW_COUNT), 0);
        for (size_t i = 0; i < MMU_WINDOW_COUNT; i += 1 + rng_below(&rng, 5)) {
            int64_t window = mmu_windows_ns[i];
            double least = NONE, bounded = NONE;
            for (int64_t thread = 0; thread < 3 && window <= trace.length; thread++)
                for (size_t p = 0; p < point_count; p++) {
                    int64_t starts[] = {points[p], points[p] - window};
                    for (size_t s = 0; s < 2; s++) {
                        if (starts[s] < 0 || starts[s] + window > trace.length)
                            continue;
                        double u = (double)(window - stopped_within(&trace, thread, starts[s],
                                                                    starts[s] + window)) /
                                   (double)window;
                        least = least == NONE || u < least ? u : least;
                    }
                    for (size_t q = 0; q < point_count; q++) {
                        int64_t length = points[q] - points[p];
                        if (length < window || points[p] < 0 || points[q] > trace.length)
                            continue;
                        double u = (double)(length -
                                            stopped_within(&trace, thread, points[p], points[q])) /
                                   (double)length;
                        bounded = bounded == NONE || u < bounded ? u : bounded;
                    }
                }
            if (bounded == NONE || (least != NONE && least < bounded))
                bounded = least;
            assert_same(mmu[i], least);
            assert_same(bmu[i], bounded);
        }
        stop_log_free(&log);
    }
}

/* The worst windows, one after the other, at every position that is still free. */
static void worst_windows_at_every_position(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 3, 5);
    for (int round = 0; round < 3000; round++) {
        struct trace trace;
        draw(&rng, &trace, 80);
        int64_t window = 1 + (int64_t)rng_below(&rng, (uint64_t)trace.length + 2);
        struct stop_log log;
        struct mmu_window worst[3];
        fill(&log, &trace);
        int found = mmu_worst(worst, 3, &log, trace.length, window);
        int64_t taken[3];
        int expected = 0;
        while (expected < 3) {
            int64_t most = 0, most_at = -1;
            bool by_thread[THREADS_MAX + 1] = {false};
            for (int64_t t = 0; t <= trace.length - window; t++) {
                bool is_free = true;
                for (int i = 0; i < expected; i++)
                    is_free &= t >= taken[i] + window || t <= taken[i] - window;
                for (int64_t thread = 0; thread <= THREADS_MAX && is_free; thread++) {
                    int64_t stopped = stopped_within(&trace, thread, t, t + window);
                    if (stopped > most) {
                        most = stopped;
                        most_at = t;
                        memset(by_thread, 0, sizeof by_thread);
                    }
                    if (t == most_at && stopped == most)
                        by_thread[thread] = true;
                }
            }
            if (most == 0)
                break;
            assert_true(expected < found);
            assert_int_equal(worst[expected].stopped_ns, most);
            assert_int_equal(worst[expected].start_ns, most_at);
            if (worst[expected].thread >= 0)
                assert_true(by_thread[worst[expected].thread]);
            else
                assert_true(by_thread[THREADS_MAX]);
            taken[expected++] = most_at;
        }
        assert_int_equal(found, expected);
        stop_log_free(&log);
    }
}

/* A log so long that its windows are shared out among threads, against each window by itself, which
 * is not. */
static void windows_of_long_logs_are_shared_out(void **state)
{
    (void)state;
    struct stop_log log = {0};
    struct rng rng;
    rng_seed(&rng, 7, 0);
    int64_t t_ns = 0;
    for (int i = 0; i < 150000; i++) {
        t_ns += 1 + (int64_t)rng_below(&rng, UINT64_C(1) << rng_below(&rng, 24));
        int64_t duration_ns = 1 + (int64_t)rng_below(&rng, UINT64_C(1) << rng_below(&rng, 17));
        assert_int_equal(stop_log_add(&log, STOP_WORLD, t_ns, duration_ns), 0);
        t_ns += duration_ns;
    }
    assert_true(t_ns >= mmu_windows_ns[MMU_WINDOW_COUNT - 1]);
    double mmu[MMU_WINDOW_COUNT], bmu[MMU_WINDOW_COUNT];
    assert_int_equal(mmu_compute(mmu, bmu, &log, t_ns, mmu_windows_ns, MMU_WINDOW_COUNT), 0);
    double least = 1;
    for (size_t i = MMU_WINDOW_COUNT; i-- > 0;) {
        double alone;
        assert_int_equal(mmu_compute(&alone, NULL, &log, t_ns, &mmu_windows_ns[i], 1), 0);
        assert_same(mmu[i], alone);
        least = fmin(least, alone);
        assert_true(bmu[i] <= least);
    }
    stop_log_free(&log);
}

/* By hand: stops [0,2] [6,9] of the world and [9,10] of thread 1 in 10. */
static void by_hand(void **state)
{
    (void)state;
    struct trace trace = {10, 3, {{-1, 0, 2}, {-1, 6, 3}, {1, 9, 1}}};
    static const int64_t windows[] = {1, 4, 5, 8, 10, 11};
    static const double mmu_expected[] = {0, 0, 0.2, 0.5, 0.4, NONE};
    static const double bmu_expected[] = {0, 0, 0.2, 0.4, 0.4, NONE};
    double mmu[6], bmu[6];
    struct stop_log log;
    fill(&log, &trace);
    assert_int_equal(mmu_compute(mmu, bmu, &log, trace.length, windows, 6), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_same(mmu[i], mmu_expected[i]);
        assert_same(bmu[i], bmu_expected[i]);
    }
    struct mmu_window worst[3];
    assert_int_equal(mmu_worst(worst, 3, &log, trace.length, 4), 2);
    assert_int_equal(worst[0].start_ns, 6);
    assert_int_equal(worst[0].stopped_ns, 4);
    assert_int_equal(worst[0].thread, 1);
    assert_int_equal(worst[1].start_ns, 0);
    assert_int_equal(worst[1].stopped_ns, 2);
    stop_log_free(&log);
}

static void without_stops_all_is_utilised(void **state)
{
    (void)state;
    struct stop_log log = {0};
    double mmu[MMU_WINDOW_COUNT], bmu[MMU_WINDOW_COUNT];
    struct mmu_window worst[3];
    assert_int_equal(mmu_compute(mmu, bmu, &log, 1000000, mmu_windows_ns, MMU_WINDOW_COUNT), 0);
    for (size_t i = 0; i < MMU_WINDOW_COUNT; i++) {
        assert_same(mmu[i], mmu_windows_ns[i] <= 1000000 ? 1 : NONE);
        assert_same(bmu[i], mmu_windows_ns[i] <= 1000000 ? 1 : NONE);
    }
    assert_int_equal(mmu_worst(worst, 3, &log, 1000000, 1000), 0);
    assert_int_equal(stop_log_union_ns(&log, 1000000), 0);
}

/* 1, 2, 5, 10, …: of the first and last digit alone. */
static void windows_are_in_1_2_5_steps(void **state)
{
    (void)state;
    int64_t decade = 10000;
    for (size_t i = 0; i < MMU_WINDOW_COUNT; i++) {
        static const int64_t steps[] = {1, 2, 5};
        assert_int_equal(mmu_windows_ns[i], decade * steps[i % 3]);
        decade *= i % 3 == 2 ? 10 : 1;
    }
    assert_true(mmu_windows_ns[MMU_WINDOW_COUNT - 1] == INT64_C(10000000000));
}

/* The union counts every nanosecond once, whoever was stopped in it. */
static void the_union_of_all_stops(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 4, 5);
    for (int round = 0; round < 3000; round++) {
        struct trace trace;
        draw(&rng, &trace, LENGTH_MAX);
        struct picture all = {0};
        for (int64_t thread = 0; thread <= THREADS_MAX; thread++) {
            struct picture one = paint(&trace, thread);
            for (int64_t t = 0; t < trace.length; t++)
                all.stopped[t] |= one.stopped[t];
        }
        int64_t expected = 0;
        for (int64_t t = 0; t < trace.length; t++)
            expected += all.stopped[t];
        struct stop_log log;
        fill(&log, &trace);
        assert_int_equal(stop_log_union_ns(&log, trace.length), expected);
        stop_log_free(&log);
    }
}

static void what_is_no_stop_is_refused(void **state)
{
    (void)state;
    struct stop_log log = {0};
    assert_int_equal(stop_log_add(&log, -1, 5, -1), -ERANGE);
    assert_int_equal(stop_log_add(&log, -2, 5, 1), -ERANGE);
    assert_int_equal(stop_log_add(&log, INT64_C(1) << 31, 5, 1), -ERANGE);
    assert_int_equal(stop_log_add(&log, 0, INT64_MAX, 1), -ERANGE);
    assert_int_equal(log.count, 0);
    stop_log_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(without_stops_all_is_utilised),
        cmocka_unit_test(windows_are_in_1_2_5_steps),
        cmocka_unit_test(every_position_of_small_traces),
        cmocka_unit_test(every_candidate_of_long_traces),
        cmocka_unit_test(worst_windows_at_every_position),
        cmocka_unit_test(windows_of_long_logs_are_shared_out),
        cmocka_unit_test(the_union_of_all_stops),
        cmocka_unit_test(what_is_no_stop_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
