/* The search for the minimum heap, on oracles that stand for a cell: with a sharp threshold it
 * finds that to 1 % or a page, with a blurred one it gives what the definition asks for, and it
 * stops when told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "base/rng.h"
#include "driver/minheap_search.h"

#define PAGE       4096
#define TRIES_MOST 4000

struct trial {
    uint64_t limit_bytes;
    bool completed;
};

/* A cell that never completes below `never_bytes`, always from `always_bytes` on, and in between
 * with a chance of chance_permille. */
struct oracle {
    uint64_t never_bytes, always_bytes;
    unsigned chance_permille;
    unsigned stop_after; /* tries; 0: never */
    struct rng rng;
    struct trial trials[TRIES_MOST];
    unsigned count;
};

static struct oracle oracle;

static enum minheap_try ask(void *data, uint64_t limit_bytes)
{
    struct oracle *o = data;
    if (o->stop_after && o->count == o->stop_after)
        return MINHEAP_STOP;
    assert_true(o->count < TRIES_MOST);
    assert_int_equal(limit_bytes % PAGE, 0);
    bool completed =
        limit_bytes >= o->always_bytes ||
        (limit_bytes >= o->never_bytes && rng_below(&o->rng, 1000) < o->chance_permille);
    o->trials[o->count++] = (struct trial){limit_bytes, completed};
    return completed ? MINHEAP_COMPLETES : MINHEAP_TOO_SMALL;
}

static struct minheap_result search(uint64_t start_bytes, uint64_t greatest_bytes)
{
    struct minheap_result result;
    oracle.count = 0;
    minheap_search(&result, start_bytes, greatest_bytes, ask, &oracle);
    assert_int_equal(result.tries_count, oracle.count);
    for (unsigned i = 0; i < oracle.count; i++)
        assert_true(oracle.trials[i].limit_bytes <= greatest_bytes);
    return result;
}

/* Whether the last tries at the limit were as many as it takes, and all completed. */
static bool completed_in_full(uint64_t limit_bytes)
{
    unsigned in_a_row = 0;
    for (unsigned i = 0; i < oracle.count; i++)
        if (oracle.trials[i].limit_bytes == limit_bytes)
            in_a_row = oracle.trials[i].completed ? in_a_row + 1 : 0;
    return in_a_row >= 5;
}

static bool ever_failed(uint64_t limit_bytes)
{
    for (unsigned i = 0; i < oracle.count; i++)
        if (oracle.trials[i].limit_bytes == limit_bytes && !oracle.trials[i].completed)
            return true;
    return false;
}

/* The least limit above `bytes` that was tried, or 0. */
static uint64_t next_tried(uint64_t bytes)
{
    uint64_t next = 0;
    for (unsigned i = 0; i < oracle.count; i++)
        if (oracle.trials[i].limit_bytes > bytes && (!next || oracle.trials[i].limit_bytes < next))
            next = oracle.trials[i].limit_bytes;
    return next;
}

static uint64_t last_tried(uint64_t bytes)
{
    uint64_t last = 0;
    for (unsigned i = 0; i < oracle.count; i++)
        if (oracle.trials[i].limit_bytes < bytes && oracle.trials[i].limit_bytes > last)
            last = oracle.trials[i].limit_bytes;
    return last;
}

static bool is_one_step(uint64_t from_bytes, uint64_t to_bytes)
{
    uint64_t percent = from_bytes / 100;
    return to_bytes > from_bytes && to_bytes - from_bytes <= (percent + PAGE - 1) / PAGE * PAGE +
                                                                 (percent < PAGE ? PAGE : 0);
}

static void a_sharp_threshold_is_found_to_one_percent(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 11, 0);
    for (int i = 0; i < 400; i++) {
        uint64_t threshold = UINT64_C(1) << (10 + rng_below(&rng, 26));
        threshold += rng_below(&rng, threshold);
        uint64_t start = UINT64_C(1) << rng_below(&rng, 40);
        oracle = (struct oracle){.never_bytes = threshold, .always_bytes = threshold};
        struct minheap_result r = search(start, UINT64_C(1) << 42);
        assert_int_equal(r.outcome, MINHEAP_FOUND);
        assert_true(r.minheap_bytes >= threshold);
        uint64_t slack = threshold / 100 + PAGE;
        assert_true(r.minheap_bytes - threshold < slack + PAGE);
        assert_true(r.tries_count < 200);
        /* Where it starts makes no difference. */
        assert_int_equal(search(threshold, UINT64_C(1) << 42).minheap_bytes, r.minheap_bytes);
    }
}

/* The definition itself, read off what was tried. */
static void assert_defined(const struct minheap_result *r)
{
    assert_int_equal(r->outcome, MINHEAP_FOUND);
    assert_true(completed_in_full(r->minheap_bytes));
    uint64_t below = last_tried(r->minheap_bytes);
    if (r->minheap_bytes > PAGE) {
        assert_true(is_one_step(below, r->minheap_bytes));
        assert_true(ever_failed(below));
    }
    uint64_t above = r->minheap_bytes;
    for (int i = 0; i < 2; i++) {
        uint64_t next = next_tried(above);
        assert_true(is_one_step(above, next));
        assert_true(completed_in_full(next));
        above = next;
    }
}

static void a_blurred_threshold_gives_what_the_definition_says(void **state)
{
    (void)state;
    static const unsigned chances[] = {50, 300, 500, 800, 950, 990};
    for (size_t c = 0; c < sizeof chances / sizeof *chances; c++)
        for (unsigned seed = 0; seed < 200; seed++) {
            oracle = (struct oracle){
                .never_bytes = 10000000, .always_bytes = 14000000, .chance_permille = chances[c]};
            rng_seed(&oracle.rng, seed, c);
            struct minheap_result r = search(9000000, UINT64_C(1) << 34);
            assert_true(r.minheap_bytes >= 10000000 && r.minheap_bytes < 14280000);
            assert_defined(&r);
        }
}

/* A chance of 1 in 2 lets five tries through 3 times in 100: luck at one limit must not count. */
static void luck_is_confirmed_away(void **state)
{
    (void)state;
    unsigned low_count = 0;
    for (unsigned seed = 0; seed < 500; seed++) {
        oracle = (struct oracle){
            .never_bytes = 10000000, .always_bytes = 20000000, .chance_permille = 500};
        rng_seed(&oracle.rng, seed, 9);
        low_count += search(9000000, UINT64_C(1) << 34).minheap_bytes < 19000000;
    }
    assert_in_range(low_count, 0, 5);
}

static void bounds_are_kept(void **state)
{
    (void)state;
    oracle = (struct oracle){.never_bytes = UINT64_MAX, .always_bytes = UINT64_MAX};
    struct minheap_result r = search(1 << 20, UINT64_C(1) << 30);
    assert_int_equal(r.outcome, MINHEAP_NOT_FOUND);
    assert_int_equal(r.minheap_bytes, 0);
    assert_true(ever_failed(last_tried(UINT64_MAX)));
    assert_true(last_tried(UINT64_MAX) > (UINT64_C(1) << 30) / 102 * 100);

    oracle = (struct oracle){0};
    r = search(1 << 20, UINT64_C(1) << 30);
    assert_int_equal(r.outcome, MINHEAP_FOUND);
    assert_int_equal(r.minheap_bytes, PAGE);

    /* A start above the greatest limit, and one that is the greatest. */
    oracle = (struct oracle){.never_bytes = 5000000, .always_bytes = 5000000};
    r = search(UINT64_C(1) << 40, 6000000);
    assert_int_equal(r.outcome, MINHEAP_FOUND);
    assert_in_range(r.minheap_bytes, 5000000, 5054096);
    r = search(1 << 20, 4900000);
    assert_int_equal(r.outcome, MINHEAP_NOT_FOUND);
    r = search(1 << 20, 100);
    assert_int_equal(r.outcome, MINHEAP_NOT_FOUND);
    assert_int_equal(r.tries_count, 0);
}

static void it_stops_when_told(void **state)
{
    (void)state;
    oracle = (struct oracle){.never_bytes = 5000000, .always_bytes = 5000000};
    unsigned whole = search(1 << 20, UINT64_C(1) << 30).tries_count;
    for (unsigned tries = 1; tries < whole; tries++) {
        oracle =
            (struct oracle){.never_bytes = 5000000, .always_bytes = 5000000, .stop_after = tries};
        struct minheap_result r = search(1 << 20, UINT64_C(1) << 30);
        assert_int_equal(r.outcome, MINHEAP_STOPPED);
        assert_int_equal(r.tries_count, tries);
        assert_int_equal(r.minheap_bytes, 0);
    }
}

static void limits_are_whole_pages_one_percent_apart(void **state)
{
    (void)state;
    uint64_t before = minheap_limit(0);
    assert_int_equal(before, PAGE);
    for (unsigned i = 1; i < 1500; i++) {
        uint64_t limit = minheap_limit(i);
        assert_int_equal(limit % PAGE, 0);
        assert_true(limit > before && limit - before >= before / 100);
        assert_true(limit - before < before / 100 + PAGE || limit - before == PAGE);
        before = limit;
    }
    assert_true(before > UINT64_C(1) << 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_whole_pages_one_percent_apart),
        cmocka_unit_test(a_sharp_threshold_is_found_to_one_percent),
        cmocka_unit_test(a_blurred_threshold_gives_what_the_definition_says),
        cmocka_unit_test(luck_is_confirmed_away),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(it_stops_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
