#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/growable_log.h"

struct entry {
    uint64_t number;
    unsigned char filler[24];
    uint64_t complement;
};

static struct entry entry_of(uint64_t number)
{
    struct entry entry = {.number = number, .complement = ~number};
    for (size_t i = 0; i < sizeof entry.filler; i++)
        entry.filler[i] = (unsigned char)(number + i);
    return entry;
}

static void assert_entry(const struct entry *entry, uint64_t number)
{
    struct entry expected = entry_of(number);
    assert_memory_equal(entry, &expected, sizeof expected);
}

/* From a first part of one entry on, so that all sizes of parts are crossed. */
static void keeps_everything_in_order(void **state)
{
    (void)state;
    static const uint64_t first_counts[] = {1, 2, 3, 7, 64, 1000};
    for (size_t f = 0; f < sizeof first_counts / sizeof first_counts[0]; f++) {
        struct growable_log log;
        const uint64_t count = 100000;
        assert_int_equal(growable_log_init(&log, sizeof(struct entry), first_counts[f]), 0);
        for (uint64_t i = 0; i < count; i++) {
            struct entry entry = entry_of(i);
            assert_int_equal(growable_log_append(&log, &entry), 0);
        }
        assert_int_equal(growable_log_count(&log), count);
        for (uint64_t i = 0; i < count; i++)
            assert_entry(growable_log_at(&log, i), i);
        growable_log_free(&log);
    }
}

/* Whatever is claimed at once, given back of it, and appended in between. */
static void what_is_claimed_is_in_order_too(void **state)
{
    (void)state;
    static const uint64_t first_counts[] = {1, 3, 64, 1000};
    for (size_t f = 0; f < sizeof first_counts / sizeof first_counts[0]; f++) {
        struct growable_log log;
        uint64_t written = 0;
        assert_int_equal(growable_log_init(&log, sizeof(struct entry), first_counts[f]), 0);
        for (uint64_t round = 0; written < 50000; round++) {
            uint64_t most = 1 + round * 37 % 400;
            uint64_t count = 0;
            struct entry *entries = growable_log_claim(&log, most, &count);
            assert_non_null(entries);
            assert_true(count > 0 && count <= most);
            assert_int_equal(growable_log_count(&log), written + count);
            uint64_t unused = round % 3 == 0 ? count / 2 : 0;
            for (uint64_t i = 0; i < count - unused; i++)
                entries[i] = entry_of(written++);
            growable_log_unclaim(&log, unused);
            struct entry entry = entry_of(written++);
            assert_int_equal(growable_log_append(&log, &entry), 0);
            assert_int_equal(growable_log_count(&log), written);
        }
        for (uint64_t i = 0; i < written; i++)
            assert_entry(growable_log_at(&log, i), i);
        growable_log_free(&log);
    }
}

/* Growing moves nothing: an entry stays where it was. */
static void entries_do_not_move(void **state)
{
    (void)state;
    struct growable_log log;
    struct entry entry = entry_of(0);
    assert_int_equal(growable_log_init(&log, sizeof entry, 4), 0);
    assert_int_equal(growable_log_append(&log, &entry), 0);
    const void *first = growable_log_at(&log, 0);
    for (uint64_t i = 1; i < 10000; i++)
        assert_int_equal(growable_log_append(&log, &entry), 0);
    assert_ptr_equal(growable_log_at(&log, 0), first);
    growable_log_free(&log);
}

static void clearing_forgets_and_reuses(void **state)
{
    (void)state;
    struct growable_log log;
    assert_int_equal(growable_log_init(&log, sizeof(struct entry), 2), 0);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 1000; i++) {
            struct entry entry = entry_of(i + (uint64_t)round);
            assert_int_equal(growable_log_append(&log, &entry), 0);
        }
        assert_int_equal(growable_log_count(&log), 1000);
        assert_entry(growable_log_at(&log, 999), 999 + (uint64_t)round);
        growable_log_clear(&log);
        assert_int_equal(growable_log_count(&log), 0);
    }
    growable_log_free(&log);
}

#define WRITERS    4
#define PER_WRITER 20000

struct writer {
    struct growable_log *log;
    uint64_t first;
    int error;
};

static void *write_entries(void *data)
{
    struct writer *writer = data;
    for (uint64_t i = 0; i < PER_WRITER; i++) {
        struct entry entry = entry_of(writer->first + i);
        int error = growable_log_append(writer->log, &entry);
        if (error)
            writer->error = error;
    }
    return NULL;
}

/* Several threads at once: each entry is there once, whole, and in its writer's order. */
static void threads_may_append_at_once(void **state)
{
    (void)state;
    struct growable_log log;
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    uint64_t next[WRITERS];
    assert_int_equal(growable_log_init(&log, sizeof(struct entry), 1), 0);
    for (size_t w = 0; w < WRITERS; w++) {
        writers[w] = (struct writer){.log = &log, .first = w * PER_WRITER};
        next[w] = writers[w].first;
        assert_int_equal(pthread_create(&threads[w], NULL, write_entries, &writers[w]), 0);
    }
    for (size_t w = 0; w < WRITERS; w++) {
        pthread_join(threads[w], NULL);
        assert_int_equal(writers[w].error, 0);
    }
    assert_int_equal(growable_log_count(&log), WRITERS * PER_WRITER);
    for (uint64_t i = 0; i < WRITERS * PER_WRITER; i++) {
        const struct entry *entry = growable_log_at(&log, i);
        uint64_t w = entry->number / PER_WRITER;
        assert_true(w < WRITERS);
        assert_entry(entry, next[w]++);
    }
    growable_log_free(&log);
}

/* No memory is an error, not a lost entry. */
static void no_memory_is_reported(void **state)
{
    (void)state;
    struct growable_log log;
    assert_int_equal(growable_log_init(&log, SIZE_MAX / 4, 1), -ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_everything_in_order),
        cmocka_unit_test(what_is_claimed_is_in_order_too),
        cmocka_unit_test(entries_do_not_move),
        cmocka_unit_test(clearing_forgets_and_reuses),
        cmocka_unit_test(threads_may_append_at_once),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
