/* sparse under audit. */
#include "unit/workload_audit.h"

#include "sparse.c"

static const struct workload *const subject = &workload_sparse;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][3] = {
        {100, 20, 3}, {1, 50, 4}, {33, 4, 7}, {2000, 5, 1}, {31, 101, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], 0);
}

static void records_have_one_pointer_and_thirty_words(void **state)
{
    (void)state;
    uint64_t values[] = {70, 6, 5};
    struct audit_result r = audit_run(subject, values, 2, 1);
    assert_int_equal(__builtin_popcountll(record_type.fixed_pointers), 1);
    assert_int_equal(record_type.fixed_bytes, 31 * 8);
    assert_int_equal(r.allocated_count, 2 + 70 * 6 * 5);
    assert_int_equal(r.allocated_bytes, 6 * 8 + 70 * 6 * 5 * 31 * 8);
    assert_int_equal(audit_run(subject, values, 1, 1).peak_bytes, r.stated_live_bytes);
}

/* The words of a record: no two alike, and different in every record, so that none is left out of
 * the check unnoticed. */
static void words_differ(void **state)
{
    (void)state;
    enum { RECORDS = 20 };
    uint64_t values[] = {RECORDS, 1, 1};
    struct workload_run run = {.params = values, .seed = 1, .threads = 1};
    struct workload_thread thread = {.run = &run};
    uint64_t words[RECORDS * DATA_WORDS];
    size_t count = 0;
    pthread_mutex_init(&audit.lock, NULL);
    audit.workload = subject;
    audit.run = &run;
    for (struct record *record = build_chain(&thread, 0); record != NULL; record = record->next) {
        assert_true(count < RECORDS * DATA_WORDS);
        memcpy(words + count, record->low, sizeof record->low);
        memcpy(words + count + HALF_WORDS, record->high, sizeof record->high);
        count += DATA_WORDS;
    }
    assert_int_equal(count, RECORDS * DATA_WORDS);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(words[i] != words[k]);
    audit_clear();
    pthread_mutex_destroy(&audit.lock);
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {100, 2, 2};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {30, 4, 5};
    assert_true(audit_notices(subject, values, &record_type, 40, 50));
    assert_true(audit_notices(subject, values, &record_type, 0, 100));
    assert_false(audit_notices(subject, values, &record_type, 40, 1000000));
}

static void threads_need_chains(void **state)
{
    (void)state;
    uint64_t values[] = {10, 3, 1};
    struct workload_run run = {.params = values, .threads = 4};
    assert_non_null(subject->check(&run));
    run.threads = 3;
    assert_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(records_have_one_pointer_and_thirty_words),
        cmocka_unit_test(words_differ),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(threads_need_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
