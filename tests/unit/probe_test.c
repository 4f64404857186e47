/* What a probe workload's calls become: each is timed from just before to just after, its arguments
 * and result go through, and it is reported where it took more than 10 us. Time is the test's own,
 * so that the threshold is met exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <time.h>

static struct {
    int64_t now_ns;
    int64_t call_ns; /* what a call takes */
    const char *called;
    unsigned calls_count;
    unsigned stalls_count;
    int64_t start_ns, duration_ns; /* of the last stall */
} test;

static int test_clock(clockid_t clock, struct timespec *time)
{
    assert_int_equal(clock, CLOCK_MONOTONIC);
    time->tv_sec = test.now_ns / 1000000000;
    time->tv_nsec = test.now_ns % 1000000000;
    return 0;
}

struct gc_pool;
#define clock_gettime     test_clock
#define GC_BACKEND_HEADER "fixtures/slow_gc.h"
#define GC_PROBE          1
#include "gc.h"
#undef clock_gettime

void slow_call(const char *name)
{
    test.called = name;
    test.calls_count++;
    test.now_ns += test.call_ns;
}

void gc_stall(int64_t start_ns, int64_t duration_ns)
{
    test.stalls_count++;
    test.start_ns = start_ns;
    test.duration_ns = duration_ns;
}

static void call_alloc(void)
{
    assert_ptr_equal(gc_alloc(NULL, NULL, 24), slow_object + 24);
}

static void call_alloc_zeroed(void)
{
    assert_ptr_equal(gc_alloc_zeroed(NULL, NULL, 40), slow_object + 40);
}

static void call_free(void)
{
    gc_free(NULL, slow_object, 24);
}

static void call_pool_get(void)
{
    assert_ptr_equal(gc_pool_get(NULL, NULL), slow_object);
}

static void call_pool_put(void)
{
    gc_pool_put(NULL, NULL, slow_object, 24);
}

static void each_call_is_timed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*call)(void);
    } calls[] = {
        {"gc_alloc", call_alloc},       {"gc_alloc_zeroed", call_alloc_zeroed},
        {"gc_free", call_free},         {"gc_pool_get", call_pool_get},
        {"gc_pool_put", call_pool_put},
    };
    static const struct {
        int64_t call_ns;
        bool stalls;
    } times[] = {{0, false}, {9999, false}, {10000, false}, {10001, true}, {5000000000, true}};
    for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++)
        for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
            memset(&test, 0, sizeof test);
            test.now_ns = 999999999; /* so that seconds are crossed */
            test.call_ns = times[i].call_ns;
            calls[c].call();
            assert_string_equal(test.called, calls[c].name);
            assert_int_equal(test.calls_count, 1);
            assert_int_equal(test.stalls_count, times[i].stalls);
            if (times[i].stalls) {
                assert_int_equal(test.start_ns, 999999999);
                assert_int_equal(test.duration_ns, times[i].call_ns);
            }
        }
}

/* At a safepoint there is nothing but stops, which are a series of their own. */
static void a_safepoint_is_not_timed(void **state)
{
    (void)state;
    memset(&test, 0, sizeof test);
    test.call_ns = 5000000;
    gc_safepoint(NULL);
    assert_int_equal(test.calls_count, 1);
    assert_int_equal(test.stalls_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_is_timed),
        cmocka_unit_test(a_safepoint_is_not_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
