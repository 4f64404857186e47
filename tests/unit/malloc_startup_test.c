/* startup under audit. */
#include "unit/workload_audit.h"

#include "startup.c"

static const struct workload *const subject = &workload_startup;

/* The first object is setup's, the 256 small ones are the iteration's; at most one of those is
 * there beside it. */
static void allocates_by_its_formula(void **state)
{
    static const uint64_t tried[] = {8, 64, 100, 8192, 1000001};
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        struct audit_result r = audit_run(subject, &tried[i], 1, 1);
        assert_int_equal(r.allocated_count, 1 + 256);
        assert_int_equal(r.allocated_bytes, tried[i] + 256 * 16);
        assert_int_equal(r.stated_count, 256);
        assert_int_equal(r.stated_bytes, 256 * 16);
        assert_int_equal(r.peak_bytes, tried[i] + 16);
        assert_int_equal(r.peak_bytes, r.stated_live_bytes);
        assert_int_equal(r.leaked_bytes, 0);
        assert_int_equal(r.operations_count, 1);
        assert_int_equal(r.checksum, audit_run(subject, &tried[i], 1, 1).checksum);
    }
}

static void seeds_and_sizes_differ(void **state)
{
    uint64_t small = 64, large = 4096;
    (void)state;
    uint64_t checksum = audit_run(subject, &small, 1, 1).checksum;
    assert_int_not_equal(checksum, audit_run(subject, &small, 1, 2).checksum);
    assert_int_not_equal(checksum, audit_run(subject, &large, 1, 1).checksum);
}

/* audit_notices() wipes at an allocation, so it does not reach what setup made. */
static void first_object_is_checked_by_each_iteration(void **state)
{
    uint64_t bytes = 1024;
    (void)state;
    struct workload_run run = {.params = &bytes, .seed = 1, .threads = 1};
    struct workload_thread thread = {.run = &run};
    audit.workload = subject;
    audit.run = &run;
    pthread_mutex_init(&audit.lock, NULL);
    subject->setup(&thread);
    uint64_t checksum = subject->iterate(&thread);
    assert_int_equal(checksum, subject->iterate(&thread));
    ((uint64_t *)run.roots[0])[127]++;
    volatile bool noticed = true; /* survives longjmp */
    audit.may_fail = true;
    if (setjmp(audit.failed) == 0) {
        subject->iterate(&thread);
        noticed = false;
    }
    audit.may_fail = false;
    assert_true(noticed);
    subject->teardown(&thread);
    assert_null(run.roots[0]);
    assert_null(audit.live);
    pthread_mutex_destroy(&audit.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates_by_its_formula),
        cmocka_unit_test(seeds_and_sizes_differ),
        cmocka_unit_test(first_object_is_checked_by_each_iteration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
