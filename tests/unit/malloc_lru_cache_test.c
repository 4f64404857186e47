/* lru_cache under audit, and what it hits and misses against a cache that is an array. */
#include "unit/workload_audit.h"

#include "lru_cache.c"

static const struct workload *const subject = &workload_lru_cache;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][8] = {
        {500, 2000, 64, 2000, 16, 100, 4, 0}, {4, 4, 16, 500, 8, 1000, 4, 0},
        {37, 400, 128, 999, 9, 0, 7, 0},      {1000, 1024, 256, 3000, 8, 500, 16, 1000},
        {20, 500, 20000, 100, 10, 300, 5, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        audit_any(subject, tried[i], 0);
        struct audit_result r = audit_run(subject, tried[i], 1, 1);
        assert_int_equal(r.peak_bytes, r.stated_live_bytes);
    }
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {100, 300, 64, 200, 8, 100, 4, 0};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* The keys of a request and which of them are writes, in the order of the workload's draws. */
struct get {
    uint64_t key;
    bool writes;
};

static void draw_gets(const uint64_t *values, uint64_t seed, uint64_t request, struct get *gets)
{
    struct rng rng;
    uint64_t shard = request % values[SHARDS];
    uint64_t keys = values[KEYS] / values[SHARDS];
    rng_seed(&rng, seed, request);
    for (uint64_t i = 0; i < values[GETS]; i++) {
        gets[i].key = rng_below(&rng, rng_below(&rng, keys) + 1) * values[SHARDS] + shard;
        gets[i].writes = rng_below(&rng, 1000) < values[WRITES];
    }
}

/* Values made, by a cache that is an array of keys sorted by use: what is allocated tells whether
 * the workload evicts what was used longest ago. */
static uint64_t values_made(const uint64_t *values, uint64_t seed)
{
    static uint64_t keys[16][1000];
    struct get gets[64];
    uint64_t made = values[ENTRIES];
    uint64_t shards = values[SHARDS], capacity = values[ENTRIES] / shards;
    for (uint64_t s = 0; s < shards; s++)
        for (uint64_t k = 0; k < capacity; k++)
            keys[s][k] = k * shards + s;
    for (uint64_t request = 0; request < values[REQUESTS]; request++) {
        uint64_t *used = keys[request % shards];
        draw_gets(values, seed, request, gets);
        for (uint64_t i = 0; i < values[GETS]; i++) {
            uint64_t at = 0;
            while (at < capacity && used[at] != gets[i].key)
                at++;
            made += at == capacity || gets[i].writes;
            at -= at == capacity;
            memmove(used + 1, used, at * sizeof *used);
            used[0] = gets[i].key;
        }
    }
    return made;
}

static void the_entry_used_longest_ago_goes(void **state)
{
    static const uint64_t tried[][8] = {
        {400, 1200, 64, 3000, 16, 0, 4, 0},
        {600, 700, 64, 1000, 20, 300, 3, 0},
        {16, 4000, 64, 500, 8, 1000, 16, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        for (uint64_t seed = 1; seed < 4; seed++) {
            const uint64_t *values = tried[i];
            struct audit_result r = audit_run(subject, values, 1, seed);
            /* Each thread and shard has its tables; an entry comes with a value, but in a write. */
            uint64_t tables_bytes = values[SHARDS] * 40 + values[ENTRIES] * 8;
            uint64_t made = values_made(values, seed);
            uint64_t entries_bytes = r.allocated_bytes - tables_bytes - made * values[BYTES];
            assert_int_equal(entries_bytes % sizeof(struct entry), 0);
            assert_int_equal(r.allocated_count,
                             1 + 2 * values[SHARDS] + made + entries_bytes / sizeof(struct entry));
            if (values[WRITES] == 0)
                assert_int_equal(entries_bytes / sizeof(struct entry), made);
        }
}

/* The last object that a shard is filled with is that of its lowest key, which never gets old. */
static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {200, 600, 64, 2000, 8, 0, 4, 0};
    assert_true(audit_notices(subject, values, &value_type, 199, 1000));
    assert_true(audit_notices(subject, values, &entry_type, 199, 1000));
    assert_false(audit_notices(subject, values, &entry_type, 199, 10000000));
}

static void bounds_span_parameters(void **state)
{
    (void)state;
    static const uint64_t refused[][8] = {
        {100, 300, 64, 200, 8, 100, 3, 0}, {3, 300, 64, 200, 8, 100, 4, 0},
        {100, 99, 64, 200, 8, 100, 4, 0},  {101, 103, 64, 200, 8, 100, 4, 0},
        {100, 300, 60, 200, 8, 100, 4, 0},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct workload_run run = {.params = refused[i], .threads = 4};
        assert_non_null(subject->check(&run));
    }
    uint64_t allowed[] = {100, 100, 64, 200, 8, 100, 4, 0};
    struct workload_run run = {.params = allowed, .threads = 4};
    assert_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(the_entry_used_longest_ago_goes),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
