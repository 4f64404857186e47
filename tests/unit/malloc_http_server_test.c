/* http_server under audit: its live set to the byte, what it allocates, and its parser. */
#include "unit/workload_audit.h"

#include "http_server.c"

static const struct workload *const subject = &workload_http_server;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][6] = {
        {1000, 300, 10, 100, 4, 0},  {4, 200, 1, 1000, 4, 0},    {777, 99, 500, 0, 7, 1000},
        {2000, 64, 2000, 50, 16, 0}, {1500, 500, 61, 300, 5, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        audit_any(subject, tried[i], 0);
        struct audit_result r = audit_run(subject, tried[i], 1, 1);
        assert_int_equal(r.peak_bytes, r.stated_live_bytes);
        assert_int_equal(r.operations_count, tried[i][REQUESTS]);
    }
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {100, 200, 20, 100, 4, 0};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* The schedule has no part in the result. */
static void rates_are_equal(void **state)
{
    (void)state;
    uint64_t closed[] = {100, 200, 20, 100, 4, 0};
    uint64_t open[] = {100, 200, 20, 100, 4, 5000};
    assert_int_equal(audit_run(subject, closed, 1, 1).checksum,
                     audit_run(subject, open, 2, 1).checksum);
}

/* By hand: 1024 for the buffer; a request of 24 bytes and its path of 22; seven headers of 32, with
 * names of 4 + 10 + 6 + 15 + 15 + 7 + 6 and values of 16 + 32 + 48 + 64 + 16 + 32 + 16; seven nodes
 * of 32 with 16 + 32 + 48 + 16 + 32 + 48 + 16; one chunk of 4096. */
static void a_request_takes_what_its_parts_do(void **state)
{
    (void)state;
    assert_int_equal(request_bytes(7), 1024 + 24 + 22 + 7 * 32 + 63 + 224 + 7 * 32 + 208 + 4096);
    assert_int_equal(request_objects(7), 1 + 2 + 21 + 14 + 1);
    uint64_t values[] = {1, 3, 7, 0, 1, 0};
    struct audit_result r = audit_run(subject, values, 1, 1);
    assert_int_equal(r.allocated_count, 3 + 6 + 3 * (39 + 1));
    /* 11 bytes of tags a node. */
    for (uint64_t nodes = 1; nodes < 2000; nodes++) {
        uint64_t text = 0;
        for (uint64_t i = 0; i < nodes; i++)
            text += 16 * (1 + i % 3);
        assert_int_equal(page_text_bytes(nodes), text);
        assert_true(chunk_count(nodes) * 4080 >= text + 11 * nodes);
        assert_true((chunk_count(nodes) - 1) * 4080 < text + 11 * nodes);
    }
}

/* With every request a login, the sessions made are those there first and one per request. */
static void logins_replace_the_oldest(void **state)
{
    (void)state;
    uint64_t none[] = {50, 500, 3, 0, 5, 0};
    uint64_t all[] = {50, 500, 3, 1000, 5, 0};
    struct audit_result a = audit_run(subject, none, 1, 1);
    struct audit_result b = audit_run(subject, all, 1, 1);
    assert_int_equal(b.allocated_count - a.allocated_count, 500 * (2 + HISTORY));
    assert_int_equal(b.allocated_bytes - a.allocated_bytes, 500 * SESSION_BYTES);
    assert_int_equal(a.peak_bytes, b.peak_bytes);
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {64, 2000, 200, 0, 4, 0};
    /* The newest session of a shard is asked for most often; its number 15 is not 0. */
    assert_true(audit_notices(subject, values, &session_type, 15, 3000));
    assert_true(audit_notices(subject, values, &node_type, 30, 10));
    assert_true(audit_notices(subject, values, &header_type, 6, 10));
    assert_true(audit_notices(subject, values, &chunk_type, 0, 0));
    assert_false(audit_notices(subject, values, &session_type, 15, 100000000));
}

static void bounds_span_parameters(void **state)
{
    (void)state;
    uint64_t values[] = {100, 200, 20, 100, 3, 0};
    struct workload_run run = {.params = values, .threads = 4};
    assert_non_null(subject->check(&run));
    run.threads = 3;
    assert_null(subject->check(&run));
    values[SESSIONS] = 2;
    assert_non_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(rates_are_equal),
        cmocka_unit_test(a_request_takes_what_its_parts_do),
        cmocka_unit_test(logins_replace_the_oldest),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
