/* The mutator threads of a run, on a backend that checks how it is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "runner/team.h"

#include "fake_backend.h"

#define THREADS_MAX 8
#define ITERATIONS  200

static struct team team;
static struct team_member members[THREADS_MAX];
static struct workload_run run;
static struct workload_host host;
static uint64_t calls[THREADS_MAX];
static _Atomic uint64_t arrived;

/* Each thread's part differs, and all must be at the barrier before one may go on. */
static uint64_t iterate(struct workload_thread *thread)
{
    fake_require(!thread->mutator->blocked);
    fake_require(pthread_equal(thread->mutator->owner, pthread_self()));
    uint64_t round = ++calls[thread->index];
    atomic_fetch_add(&arrived, 1);
    workload_barrier(thread);
    fake_require(atomic_load(&arrived) == round * thread->run->threads);
    workload_barrier(thread);
    workload_operation_end(thread);
    return (uint64_t)thread->index + 1 + (round << 32);
}

static const struct workload workload = {.name = "parts", .iterate = iterate};

static void prepare(unsigned threads)
{
    fake.journal_length = 0;
    fake.mutators_count = 0;
    fake.attached_count = 0;
    atomic_store(&fake.broken_rules_count, 0);
    memset(calls, 0, sizeof calls);
    atomic_store(&arrived, 0);
    run = (struct workload_run){.threads = threads};
    pthread_barrier_init(&host.barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        members[i] = (struct team_member){
            .thread = {.run = &run, .index = i, .recorder = &members[i].recorder},
            .recorder = {.latency = histogram_new(), .host = &host},
        };
        assert_non_null(members[i].recorder.latency);
    }
    members[0].thread.mutator = fake_new_mutator();
    team = (struct team){.workload = &workload, .members = members, .count = threads};
}

static void clean_up(unsigned threads)
{
    for (unsigned i = 0; i < threads; i++)
        histogram_free(members[i].recorder.latency);
    pthread_barrier_destroy(&host.barrier);
}

static void every_thread_does_its_part_each_time(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= THREADS_MAX; threads = threads * 2) {
        prepare(threads);
        assert_int_equal(team_start(&team), 0);
        assert_int_equal(fake.attached_count, threads);
        for (uint64_t round = 1; round <= ITERATIONS; round++) {
            uint64_t parts = (uint64_t)threads * (threads + 1) / 2;
            assert_int_equal(team_iterate(&team), parts + threads * (round << 32));
            /* Between iterations the world can be stopped: all workers are blocked. */
            for (unsigned i = 1; i < threads; i++)
                assert_true(members[i].thread.mutator->blocked);
            assert_false(members[0].thread.mutator->blocked);
        }
        team_finish(&team);
        assert_int_equal(fake.attached_count, 1);
        assert_int_equal(fake.broken_rules_count, 0);
        for (unsigned i = 0; i < threads; i++)
            assert_int_equal(histogram_count(members[i].recorder.latency), ITERATIONS);
        clean_up(threads);
    }
}

static void a_worker_that_cannot_attach_ends_all(void **state)
{
    (void)state;
    prepare(4);
    fake.attach_limit = 3;
    assert_int_equal(team_start(&team), -EAGAIN);
    fake.attach_limit = 0;
    assert_int_equal(fake.attached_count, 1);
    assert_int_equal(fake.broken_rules_count, 0);
    clean_up(4);
}

static void a_team_may_end_without_an_iteration(void **state)
{
    (void)state;
    prepare(3);
    assert_int_equal(team_start(&team), 0);
    team_finish(&team);
    assert_int_equal(fake.attached_count, 1);
    assert_int_equal(fake.broken_rules_count, 0);
    clean_up(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_does_its_part_each_time),
        cmocka_unit_test(a_worker_that_cannot_attach_ends_all),
        cmocka_unit_test(a_team_may_end_without_an_iteration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
