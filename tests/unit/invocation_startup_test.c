/* startup_cpu_ns, on a fake backend: what came before the end of setup is in it, what comes after
 * is not, and only a workload that is about it has it. */
#include "invocation_harness.h"

#include "base/clock.h"

#define SETUP_CPU_NS INT64_C(50000000)
/* Clocks of CPU time may advance by ticks of 10 ms, and what the harness's own thread has used in
 * the meantime is taken off; without setup it is a few ms. */
#define SHOWN_CPU_NS (SETUP_CPU_NS / 2)

static uint64_t live_bytes(const struct workload_run *run)
{
    (void)run;
    return 0;
}

/* Uses the CPU, so that the test holds on a busy machine too. */
static void setup(struct workload_thread *thread)
{
    (void)thread;
    int64_t before_ns = clock_cpu_ns();
    while (clock_cpu_ns() - before_ns < SETUP_CPU_NS)
        ;
}

/* Says how much CPU time the process had used when the first iteration began. */
static uint64_t iterate(struct workload_thread *thread)
{
    static int64_t first_ns;
    char line[32];
    if (first_ns == 0)
        first_ns = clock_cpu_ns();
    snprintf(line, sizeof line, "%" PRId64, first_ns);
    workload_print(thread, line);
    workload_operation_end(thread);
    return 42;
}

static struct gc_type *const types[] = {NULL};

#define WORKLOAD_WITH(traits_)                                                                     \
    {                                                                                              \
        .name = "test", .summary = "for tests", .operation = "nothing", .types = types,            \
        .traits = (traits_), .live_bytes = live_bytes, .setup = setup, .iterate = iterate          \
    }
static const struct workload timed = WORKLOAD_WITH(WORKLOAD_TIMES_STARTUP);
static const struct workload untimed = WORKLOAD_WITH(WORKLOAD_TAKES_THREADS);

static void startup_ends_with_setup(void **state)
{
    static const char start[] = "extra,startup_cpu_ns,ns,lower,";
    (void)state;
    struct result r = harness_run(&timed, "", false, NULL);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(harness_count(r.records, start), 1);
    int64_t startup_cpu_ns = strtoll(harness_find(r.records, start) + strlen(start), NULL, 10);
    int64_t first_iteration_ns = strtoll(r.out, NULL, 10);
    assert_true(startup_cpu_ns >= SHOWN_CPU_NS);
    assert_true(startup_cpu_ns <= first_iteration_ns);
    harness_free(&r);
}

static void others_do_not_have_it(void **state)
{
    (void)state;
    struct result r = harness_run(&untimed, "", false, NULL);
    assert_int_equal(r.exit_code, 0);
    assert_null(harness_find(r.records, "extra,startup_cpu_ns"));
    harness_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(startup_ends_with_setup),
        cmocka_unit_test(others_do_not_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
