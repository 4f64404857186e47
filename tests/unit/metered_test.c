/* Metered latency against a direct transcription of METHODS.md section 4.2, which looks at every
 * request for each and computes in whole numbers of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/metered.h"
#include "base/rng.h"

#define LISTS        6000
#define REQUESTS_MAX 300
#define THREADS_MAX  5
#define MS           INT64_C(1000000)
#define WINDOW_NS    (100 * MS)

__extension__ typedef __int128 wide;

/* Orders by start, then by end, in the plainest way. */
static void oracle_sort(struct request *r, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0; k--) {
            bool later = r[k].begin_ns > r[k - 1].begin_ns ||
                         (r[k].begin_ns == r[k - 1].begin_ns && r[k].end_ns >= r[k - 1].end_ns);
            if (later)
                break;
            struct request moved = r[k];
            r[k] = r[k - 1];
            r[k - 1] = moved;
        }
}

/* The first request that starts at `from` or later, compared without halving; the last if none. */
static size_t oracle_first(const struct request *r, size_t n, wide twice_from)
{
    for (size_t k = 0; k < n; k++)
        if (2 * (wide)r[k].begin_ns >= twice_from)
            return k;
    return n - 1;
}

static int64_t oracle_latency(const struct request *r, size_t n, size_t i, wide window)
{
    size_t s = oracle_first(r, n, 2 * (wide)r[i].begin_ns - window);
    size_t e = oracle_first(r, n, 2 * (wide)r[i].begin_ns + window);
    wide simple = (wide)r[i].end_ns - r[i].begin_ns;
    if (e == s)
        return (int64_t)simple;
    /* Times in units of 1/(e - s) ns. */
    wide unit = (wide)(e - s);
    wide start = r[s].begin_ns * unit + (wide)(i - s) * ((wide)r[e].begin_ns - r[s].begin_ns);
    wide metered = r[i].end_ns * unit - start;
    wide latency = metered > simple * unit ? metered : simple * unit;
    return (int64_t)((latency + unit - 1) / unit); /* the start down, so the latency up */
}

/* What a list may look like, by how its times are drawn. */
static int64_t draw_ns(struct rng *rng, unsigned style)
{
    switch (style) {
    case 0: /* few different values: many ties */
        return (int64_t)rng_below(rng, 3);
    case 1: /* requests far apart: windows that hold one */
        return (int64_t)rng_below(rng, 40) * 10 * MS;
    case 2: /* a stall now and then */
        return rng_below(rng, 30) == 0 ? (int64_t)rng_below(rng, 500) * MS
                                       : (int64_t)rng_below(rng, 2000) * 1000;
    case 3: /* exactly half a window, on its edges */
        return (int64_t)rng_below(rng, 3) * WINDOW_NS / 2;
    default:
        return (int64_t)(rng_next(rng) >> (24 + rng_below(rng, 40)));
    }
}

/* Threads that each serve one request after the other, some with pauses between them. */
static size_t draw_list(struct rng *rng, struct request *r)
{
    size_t n = 0;
    size_t want = 1 + rng_below(rng, rng_below(rng, REQUESTS_MAX) + 1);
    unsigned threads = 1 + (unsigned)rng_below(rng, THREADS_MAX);
    unsigned style = (unsigned)rng_below(rng, 5);
    bool chained = rng_below(rng, 2);
    int64_t at_ns[THREADS_MAX];
    int64_t start_ns = (int64_t)(rng_next(rng) >> 20);
    for (unsigned t = 0; t < threads; t++)
        at_ns[t] = start_ns + draw_ns(rng, style);
    while (n < want) {
        int64_t *at = &at_ns[rng_below(rng, threads)];
        if (!chained)
            *at += draw_ns(rng, style);
        r[n].begin_ns = *at;
        *at += draw_ns(rng, style);
        r[n++].end_ns = *at;
    }
    return n;
}

static uint64_t compare_with_oracle(struct request *r, size_t n, uint64_t list)
{
    static struct request expected[REQUESTS_MAX];
    static int64_t latency_ns[REQUESTS_MAX];
    memcpy(expected, r, n * sizeof *r);
    oracle_sort(expected, n);
    metered_sort(r, n);
    assert_memory_equal(r, expected, n * sizeof *r);

    int64_t last_ns = 0;
    for (size_t i = 0; i < n; i++)
        last_ns = r[i].end_ns > last_ns ? r[i].end_ns : last_ns;
    int64_t full_ns = 10 * (last_ns - r[0].begin_ns);
    assert_int_equal(metered_full_window_ns(r, n), full_ns);

    uint64_t smoothed = 0;
    const int64_t windows_ns[] = {WINDOW_NS, full_ns};
    for (unsigned w = 0; w < 2; w++) {
        metered_latency(r, n, windows_ns[w], latency_ns);
        for (size_t i = 0; i < n; i++) {
            int64_t oracle_ns = oracle_latency(r, n, i, windows_ns[w]);
            if (latency_ns[i] != oracle_ns)
                fail_msg("list %llu of %zu, window %lld, request %zu: %lld, the oracle says %lld",
                         (unsigned long long)list, n, (long long)windows_ns[w], i,
                         (long long)latency_ns[i], (long long)oracle_ns);
            smoothed += oracle_ns > r[i].end_ns - r[i].begin_ns;
        }
    }
    return smoothed;
}

static void equals_the_definition_on_random_lists(void **state)
{
    (void)state;
    static struct request r[REQUESTS_MAX];
    uint64_t smoothed = 0, alone = 0, ties = 0;
    for (uint64_t list = 0; list < LISTS; list++) {
        struct rng rng;
        rng_seed(&rng, 20, list);
        size_t n = draw_list(&rng, r);
        smoothed += compare_with_oracle(r, n, list);
        for (size_t i = 0; i < n; i++) {
            wide twice = 2 * (wide)r[i].begin_ns;
            alone += oracle_first(r, n, twice - WINDOW_NS) == oracle_first(r, n, twice + WINDOW_NS);
            ties += i > 0 && r[i].begin_ns == r[i - 1].begin_ns;
        }
    }
    /* The lists do have what they are to try. */
    assert_true(smoothed > 10000);
    assert_true(alone > 1000);
    assert_true(ties > 10000);
}

/* Ten requests of 1 ms in a chain, but the fifth takes 6 ms: starts 0 1 2 3 4 10 11 12 13 14. With
 * the window full, smoothed starts are 14/9 ms apart. */
static void a_stall_is_felt_by_those_behind_it(void **state)
{
    (void)state;
    static const int64_t starts_ms[] = {0, 1, 2, 3, 4, 10, 11, 12, 13, 14};
    struct request r[10];
    int64_t latency_ns[10];
    for (size_t i = 0; i < 10; i++)
        r[i] = (struct request){starts_ms[i] * MS, (i == 4 ? 10 : starts_ms[i] + 1) * MS};
    metered_latency(r, 10, metered_full_window_ns(r, 10), latency_ns);
    /* Early ones began before their smoothed start: simple. Number 5 should have at 5 * 14/9 ms. */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(latency_ns[i], MS);
    assert_int_equal(latency_ns[4], 6 * MS);
    assert_int_equal(latency_ns[5], 11 * MS - 7777777);
    assert_int_equal(latency_ns[6], 12 * MS - 9333333);
    assert_int_equal(latency_ns[9], MS);
}

static void evenly_spaced_requests_are_left_alone(void **state)
{
    (void)state;
    static struct request r[3000];
    static int64_t latency_ns[3000];
    for (size_t i = 0; i < 3000; i++)
        r[i] = (struct request){(int64_t)i * MS, (int64_t)i * MS + MS / 3};
    metered_latency(r, 3000, WINDOW_NS, latency_ns);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(latency_ns[i], MS / 3);
}

/* Products beyond 64 bits: three million requests over an hour, of which the second half came in
 * its last second. */
static void long_runs_do_not_overflow(void **state)
{
    (void)state;
    enum { COUNT = 3000000 };
    struct request *r = test_malloc(COUNT * sizeof *r);
    int64_t *latency_ns = test_malloc(COUNT * sizeof *latency_ns);
    for (int64_t i = 0; i < COUNT; i++) {
        int64_t begin_ns = i < COUNT / 2 ? i * 2399333 : 3599000 * MS + (i - COUNT / 2) * 666;
        r[i] = (struct request){begin_ns, begin_ns + 1000};
    }
    int64_t full_ns = metered_full_window_ns(r, COUNT);
    metered_latency(r, COUNT, full_ns, latency_ns);
    wide span = r[COUNT - 1].begin_ns;
    for (int64_t i = 0; i < COUNT; i += 997) {
        int64_t smoothed_ns = (int64_t)(i * span / (COUNT - 1));
        int64_t start_ns = smoothed_ns < r[i].begin_ns ? smoothed_ns : r[i].begin_ns;
        assert_int_equal(latency_ns[i], r[i].end_ns - start_ns);
    }
    test_free(latency_ns);
    test_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_definition_on_random_lists),
        cmocka_unit_test(a_stall_is_felt_by_those_behind_it),
        cmocka_unit_test(evenly_spaced_requests_are_left_alone),
        cmocka_unit_test(long_runs_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
