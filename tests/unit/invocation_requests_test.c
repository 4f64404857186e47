/* Which run of a request-shaped workload produces which series, and that each has every request. */
#include "invocation_harness.h"

#include <time.h>

#include "base/rng.h"

#define REQUESTS 3000
#define SLOW_NS  2000000

enum { RATE };

static const struct workload_param params[] = {
    {"rate", "per_s", 0, 0, 1000000000, "requests due per second"},
};

static struct gc_type leaf = GC_TYPE_LEAF("leaf");
static struct gc_type *const types[] = {&leaf, NULL};

static uint64_t live_bytes(const struct workload_run *run)
{
    return run->threads;
}

/* Every thousandth request is slow. Between iterations there is a while without requests. */
static uint64_t iterate(struct workload_thread *thread)
{
    static const struct timespec slow = {.tv_nsec = SLOW_NS};
    static const struct timespec between = {.tv_nsec = 20 * SLOW_NS};
    uint64_t checksum = 0;
    nanosleep(&between, NULL);
    workload_requests_begin(thread);
    for (uint64_t r = thread->index; r < REQUESTS; r += thread->run->threads) {
        workload_request_begin(thread, r);
        if (r % 1000 == 500)
            nanosleep(&slow, NULL);
        checksum += rng_mix(r);
        workload_operation_end(thread);
    }
    return checksum;
}

static const struct workload requests = {
    .name = "test",
    .summary = "for tests",
    .operation = "one request",
    .params = params,
    .param_count = 1,
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS | WORKLOAD_IS_REQUESTS,
    .live_bytes = live_bytes,
    .iterate = iterate,
};

/* How many values of the series may be `from_ns` or more: those in buckets that end there or later.
 */
static uint64_t count_from(const char *records, const char *series, int64_t from_ns)
{
    char start[64];
    int length = snprintf(start, sizeof start, "latency,%s,", series);
    uint64_t total = 0;
    for (const char *l = records; (l = harness_find(l, start)); l++) {
        int64_t low, high;
        uint64_t n;
        assert_int_equal(sscanf(l + length, "%" SCNd64 ",%" SCNd64 ",%" SCNu64, &low, &high, &n),
                         3);
        if (high >= from_ns)
            total += n;
    }
    return total;
}

static void assert_no_metric_of(const char *records, const char *prefix)
{
    assert_no_metric(records, prefix);
    char extra[64];
    snprintf(extra, sizeof extra, "extra,%s", prefix);
    assert_null(harness_find(records, extra));
}

/* Request by request these are at least simple latency, so they are in any order. */
static void assert_not_below_simple(const char *records, const char *series)
{
    for (int64_t from_ns = 1; from_ns < INT64_C(10000000000); from_ns *= 2)
        assert_true(count_from(records, series, from_ns) >= count_from(records, "simple", from_ns));
}

static void a_closed_loop_has_simple_and_metered(void **state)
{
    (void)state;
    static const char *const words[] = {"--warmup 2", "--threads 3", "--iterations 4 --threads 2"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct result r = harness_run(&requests, words[i], false, NULL);
        uint64_t count = REQUESTS * (i == 2 ? 4 : 1);
        assert_record(r.records, "status,ok,");
        assert_int_equal(harness_metric(r.records, "operations_count"), count);
        assert_int_equal(count_from(r.records, "simple", 0), count);
        assert_int_equal(count_from(r.records, "metered_100ms", 0), count);
        assert_int_equal(count_from(r.records, "metered_full", 0), count);
        assert_not_below_simple(r.records, "metered_100ms");
        assert_not_below_simple(r.records, "metered_full");
        assert_true(harness_metric(r.records, "metered_p50_ns") <=
                    harness_metric(r.records, "metered_p99_ns"));
        assert_true(harness_metric(r.records, "metered_p99_ns") <=
                    harness_metric(r.records, "metered_max_ns"));
        assert_true(harness_metric(r.records, "metered_max_ns") >= SLOW_NS);
        /* The tail of one in a thousand needs 10000. */
        if (count >= 10000)
            assert_true(harness_metric(r.records, "metered_p999_ns") <=
                        harness_metric(r.records, "metered_max_ns"));
        else
            assert_no_metric(r.records, "metered_p999_ns");
        assert_no_metric(r.records, "metered_p90_ns");
        char log_record[64];
        snprintf(log_record, sizeof log_record, "extra,request_log_bytes,bytes,none,%" PRIu64,
                 count * 16);
        assert_record(r.records, log_record);
        assert_no_metric_of(r.records, "open_");
        assert_null(harness_find(r.records, "latency,open,"));
        harness_free(&r);
    }
}

static void a_run_at_a_rate_has_all_three(void **state)
{
    (void)state;
    struct result r =
        harness_run(&requests, "--params rate=100000 --threads 2 --iterations 2", false, NULL);
    assert_int_equal(r.exit_code, 0);
    static const char *const series[] = {"simple", "metered_100ms", "metered_full", "open"};
    for (size_t i = 0; i < sizeof series / sizeof series[0]; i++)
        assert_int_equal(count_from(r.records, series[i], 0), 2 * REQUESTS);
    assert_not_below_simple(r.records, "open");
    assert_true(harness_metric(r.records, "open_p50_ns") <=
                harness_metric(r.records, "open_p99_ns"));
    assert_true(harness_metric(r.records, "open_p99_ns") <=
                harness_metric(r.records, "open_max_ns"));
    assert_no_metric(r.records, "open_p999_ns");
    assert_non_null(harness_find(r.records, "extra,open_spin_ns,ns,none,"));
    /* 3 x 2 requests took 2 ms, in which each time 100 of the same thread were due. */
    assert_true(count_from(r.records, "open", SLOW_NS / 2) >= 6 * 50);
    /* The last request was due 29.99 ms after the first, in each of two iterations. */
    assert_true(harness_metric(r.records, "wall_ns") >= 2 * 29990000);
    harness_free(&r);
}

static void other_operations_have_simple_only(void **state)
{
    (void)state;
    struct workload plain = requests;
    plain.traits = WORKLOAD_TAKES_THREADS;
    struct result r = harness_run(&plain, "", false, NULL);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(count_from(r.records, "simple", 0), REQUESTS);
    assert_no_metric_of(r.records, "metered_");
    assert_no_metric_of(r.records, "open_");
    assert_null(harness_find(r.records, "latency,metered"));
    harness_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_loop_has_simple_and_metered),
        cmocka_unit_test(a_run_at_a_rate_has_all_three),
        cmocka_unit_test(other_operations_have_simple_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
