/* Requests on a schedule: when they are due, what is recorded of each, and a stall that shows in
 * all that were due in it. Nothing here depends on how fast the machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/rng.h"
#include "runner/open_loop.h"
#include "runner/team.h"

#include "fake_backend.h"

#define THREADS_MAX 4
#define REQUESTS    800
#define RATE_PER_S  8000
#define STALLED     80 /* the request from which each thread stalls, once */
#define STALL_NS    30000000

__extension__ typedef unsigned __int128 wide;

static struct team team;
static struct team_member members[THREADS_MAX];
static struct workload_run run;
static struct workload_host host;
static bool stops_world; /* the stall is a stop, which other threads meet while they wait */
static int64_t stopped_from_ns;
static int64_t stall_end_ns[THREADS_MAX];

static uint64_t iterate(struct workload_thread *thread)
{
    workload_requests_begin(thread);
    for (uint64_t r = thread->index; r < REQUESTS; r += thread->run->threads) {
        workload_request_begin(thread, r);
        fake_require(!thread->mutator->blocked);
        if (stops_world) {
            if (r == STALLED) {
                atomic_store(&fake.stopped_until_ns, clock_now_ns() + STALL_NS);
                stopped_from_ns = clock_now_ns(); /* known to all who look from now on */
            }
            fake_safepoint();
        } else if (r / thread->run->threads == STALLED / thread->run->threads) {
            nanosleep(&(struct timespec){.tv_nsec = STALL_NS}, NULL);
            stall_end_ns[thread->index] = clock_now_ns();
        }
        workload_operation_end(thread);
    }
    return 1;
}

static const struct workload workload = {.name = "served", .iterate = iterate};

static void serve(unsigned threads, uint64_t rate_per_s)
{
    fake.mutators_count = fake.attached_count = 0;
    run = (struct workload_run){.threads = threads};
    host.open_loop = (struct open_loop){.rate_per_s = rate_per_s};
    pthread_barrier_init(&host.barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        members[i] = (struct team_member){
            .thread = {.run = &run, .index = i, .recorder = &members[i].recorder},
            .recorder = {.latency = histogram_new(),
                         .requests = request_recorder_new(1, rate_per_s > 0, NULL),
                         .host = &host},
        };
        assert_non_null(members[i].recorder.latency);
        assert_non_null(members[i].recorder.requests);
    }
    members[0].thread.mutator = fake_new_mutator();
    team = (struct team){.workload = &workload, .members = members, .count = threads};
    assert_int_equal(team_start(&team), 0);
    assert_int_equal(team_iterate(&team), threads);
    team_finish(&team);
    for (unsigned i = 0; i < threads; i++)
        request_recorder_settle(members[i].recorder.requests);
    assert_int_equal(fake.broken_rules_count, 0);
    pthread_barrier_destroy(&host.barrier);
}

/* By the definition: the start plus request / rate. */
static int64_t due_ns_of(uint64_t request)
{
    return host.open_loop.start_ns +
           (int64_t)((wide)request * 1000000000 / host.open_loop.rate_per_s);
}

static void assert_histogram(const struct histogram *h, const int64_t *values, size_t n)
{
    struct histogram_bucket bucket;
    size_t seen = 0;
    for (size_t cursor = 0; histogram_next(h, &cursor, &bucket);) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            count += values[i] >= bucket.low_ns && values[i] <= bucket.high_ns;
        assert_int_equal(bucket.count, count);
        seen += count;
    }
    assert_int_equal(seen, n);
}

static void check_thread(unsigned thread, unsigned threads)
{
    static int64_t simple_ns[REQUESTS], open_ns[REQUESTS];
    const struct workload_recorder *recorder = &members[thread].recorder;
    const struct growable_log *log = &recorder->requests->log;
    size_t n = growable_log_count(log);
    uint64_t first_stalled = STALLED / threads * threads + thread;
    uint64_t due_in_stall = 0;
    int64_t last_end_ns = 0;
    assert_int_equal(n, (REQUESTS - thread + threads - 1) / threads);
    for (size_t i = 0; i < n; i++) {
        const struct request *request = growable_log_at(log, i);
        uint64_t number = i * threads + thread;
        int64_t due_ns = due_ns_of(number);
        assert_true(request->begin_ns >= due_ns);
        assert_true(request->begin_ns >= last_end_ns);
        assert_true(request->end_ns >= request->begin_ns);
        last_end_ns = request->end_ns;
        simple_ns[i] = request->end_ns - request->begin_ns;
        open_ns[i] = request->end_ns - due_ns;
        assert_true(open_ns[i] >= simple_ns[i]);
        if (number >= first_stalled && due_ns <= stall_end_ns[thread]) {
            assert_true(open_ns[i] >= stall_end_ns[thread] - due_ns);
            due_in_stall++;
        }
    }
    /* The stall is longer than 30 ms, in which 240 are due. */
    assert_true(due_in_stall >= 240 / threads);
    assert_true(recorder->latency->max_ns >= STALL_NS);
    assert_histogram(recorder->latency, simple_ns, n);
    assert_histogram(recorder->requests->open, open_ns, n);
}

static void a_stall_shows_in_every_request_due_in_it(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= THREADS_MAX; threads++) {
        serve(threads, RATE_PER_S);
        for (unsigned i = 0; i < threads; i++)
            check_thread(i, threads);
    }
}

/* Whatever a thread was doing when the world was stopped, serving or waiting, none of its requests
 * that were due in the stop ended before it was over. */
static void a_stop_of_the_world_shows_on_every_thread(void **state)
{
    (void)state;
    stops_world = true;
    for (unsigned threads = 1; threads <= THREADS_MAX; threads++) {
        serve(threads, RATE_PER_S);
        int64_t until_ns = atomic_load(&fake.stopped_until_ns);
        for (unsigned t = 0; t < threads; t++) {
            const struct request_recorder *recorder = members[t].recorder.requests;
            size_t n = growable_log_count(&recorder->log);
            uint64_t early = 0;
            for (size_t i = 0; i < n; i++) {
                const struct request *request = growable_log_at(&recorder->log, i);
                int64_t due_ns = due_ns_of(i * threads + t);
                if (due_ns < stopped_from_ns || due_ns >= until_ns)
                    continue;
                assert_true(request->end_ns >= until_ns);
                early += due_ns <= until_ns - STALL_NS / 2;
            }
            /* Those due in its first half bear at least the second. */
            uint64_t recorded = 0;
            struct histogram_bucket bucket;
            for (size_t cursor = 0; histogram_next(recorder->open, &cursor, &bucket);)
                recorded += bucket.high_ns >= STALL_NS / 2 ? bucket.count : 0;
            assert_true(recorded >= early);
        }
    }
    stops_world = false;
    atomic_store(&fake.stopped_until_ns, 0);
}

/* A stall of a closed loop delays requests without showing in them. */
static void a_closed_loop_chains_its_requests(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        serve(threads, 0);
        for (unsigned t = 0; t < threads; t++) {
            const struct request_recorder *recorder = members[t].recorder.requests;
            assert_null(recorder->open);
            assert_int_equal(growable_log_count(&recorder->log), REQUESTS / threads);
            for (size_t i = 1; i < REQUESTS / threads; i++) {
                const struct request *before = growable_log_at(&recorder->log, i - 1);
                const struct request *request = growable_log_at(&recorder->log, i);
                assert_int_equal(request->begin_ns, before->end_ns);
            }
        }
    }
}

static void due_times_are_those_of_the_rate(void **state)
{
    (void)state;
    for (uint64_t unit = 0; unit < 100000; unit++) {
        struct rng rng;
        rng_seed(&rng, 3, unit);
        uint64_t rate = 1 + rng_next(&rng) % (OPEN_LOOP_RATE_MAX >> rng_below(&rng, 30));
        uint64_t request = rng_next(&rng) % (rate * 10000);
        host.open_loop = (struct open_loop){rate, (int64_t)(rng_next(&rng) >> 4)};
        assert_int_equal(open_loop_due_ns(&host.open_loop, request), due_ns_of(request));
    }
    host.open_loop = (struct open_loop){OPEN_LOOP_RATE_MAX, 5};
    assert_int_equal(open_loop_due_ns(&host.open_loop, OPEN_LOOP_RATE_MAX - 1),
                     OPEN_LOOP_RATE_MAX + 4);
}

static void waiting_ends_when_it_is_due(void **state)
{
    (void)state;
    static const int64_t waits_ns[] = {-5, 0, 1, 1000, 90000, 110000, 3000000};
    for (size_t i = 0; i < sizeof waits_ns / sizeof waits_ns[0]; i++) {
        int64_t before_ns = clock_now_ns();
        int64_t spin_ns = open_loop_wait(before_ns + waits_ns[i]);
        int64_t after_ns = clock_now_ns();
        assert_true(after_ns >= before_ns + waits_ns[i]);
        assert_in_range(spin_ns, 0, after_ns - before_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_times_are_those_of_the_rate),
        cmocka_unit_test(waiting_ends_when_it_is_due),
        cmocka_unit_test(a_stall_shows_in_every_request_due_in_it),
        cmocka_unit_test(a_stop_of_the_world_shows_on_every_thread),
        cmocka_unit_test(a_closed_loop_chains_its_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
