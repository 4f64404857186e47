/* Several mutators: stops, blocked regions, attaching and detaching during collections, roots. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/rng.h"
#include "marksweep_fixture.h"

enum { THREADS = 4, MUTATORS = THREADS + 1 };

struct node {
    struct node *next;
    uint64_t value;
};

static struct gc_type node_type = GC_TYPE_RECORD(struct node, GC_POINTER_BIT(struct node, next));
static struct gc_type array_type = GC_TYPE_POINTER_ARRAY("array");

/* cmocka's assertions are for the main thread: the others count what is wrong. */
static uint64_t wrong_count;

static void expect(int right)
{
    if (!right)
        __atomic_fetch_add(&wrong_count, 1, __ATOMIC_RELAXED);
}

static struct node *make_list(struct gc_mutator *m, uint64_t length, uint64_t value)
{
    struct node *list = NULL;
    for (uint64_t i = 0; i < length; i++) {
        struct node *node = gc_alloc(m, &node_type, sizeof *node);
        gc_init_field(node->next, list);
        node->value = value + i;
        list = node;
    }
    return list;
}

static void check_list(struct gc_mutator *m, const struct node *list, uint64_t length,
                       uint64_t value)
{
    for (; list; list = list->next) {
        expect(length > 0 && list->value == value + length - 1);
        length--;
        gc_safepoint(m);
    }
    expect(length == 0);
}

/* Runs `body` on THREADS threads, the main one being blocked meanwhile. */
static void on_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    uint64_t indices[THREADS];
    wrong_count = 0;
    for (uint64_t i = 0; i < THREADS; i++) {
        indices[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, body, &indices[i]), 0);
    }
    gc_backend.enter_blocked(fixture_main);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    gc_backend.leave_blocked(fixture_main);
    assert_int_equal(wrong_count, 0);
    fixture_verify();
}

static void *allocate(void *data)
{
    uint64_t index = *(uint64_t *)data;
    struct gc_mutator *m = gc_backend.attach();
    expect(m != NULL);
    if (!m)
        return NULL;
    struct node *kept = make_list(m, 1000, index << 32);
    for (uint64_t i = 0; i < 60; i++) {
        check_list(m, make_list(m, 2000, i), 2000, i);
        struct node **array = gc_alloc_zeroed(m, &array_type, (i + 1) * 1000);
        gc_store(m, array, array[0], kept);
        if (i % 20 == index)
            gc_backend.collect(m);
        expect(array[0] == kept);
    }
    check_list(m, kept, 1000, index << 32);
    gc_backend.detach(m);
    return NULL;
}

static void mutators_allocate_while_the_world_stops(void **state)
{
    (void)state;
    uint64_t before = fixture_stats().gc_count;
    on_threads(allocate);
    assert_true(fixture_stats().gc_count >= before + THREADS);
    assert_int_equal(fixture_seen.stops_count, fixture_seen.collections_count);
}

static void *come_and_go(void *data)
{
    uint64_t index = *(uint64_t *)data;
    for (uint64_t i = 0; i < 100; i++) {
        struct gc_mutator *m = gc_backend.attach();
        expect(m != NULL);
        if (!m)
            return NULL;
        check_list(m, make_list(m, 50 * index, i), 50 * index, i);
        if (i % 4 == index)
            gc_backend.collect(m);
        gc_backend.detach(m);
    }
    return NULL;
}

static void threads_come_and_go_during_collections(void **state)
{
    (void)state;
    on_threads(come_and_go);
}

static void *sleep_blocked(void *data)
{
    uint64_t index = *(uint64_t *)data;
    struct gc_mutator *m = gc_backend.attach();
    expect(m != NULL);
    if (!m)
        return NULL;
    struct node *list = make_list(m, 100, index);
    for (int i = 0; i < 20; i++) {
        if (index % 2 == 0) {
            gc_backend.enter_blocked(m);
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
            gc_backend.leave_blocked(m);
            check_list(m, list, 100, index);
        } else {
            gc_backend.collect(m);
            check_list(m, make_list(m, 1000, 1), 1000, 1);
        }
    }
    check_list(m, list, 100, index);
    gc_backend.detach(m);
    return NULL;
}

static void blocked_threads_keep_their_objects(void **state)
{
    (void)state;
    on_threads(sleep_blocked);
}

static void too_many_mutators_are_refused(void **state)
{
    (void)state;
    /* One per thread is the rule, but only the count is looked at. */
    struct gc_mutator *others[MUTATORS];
    for (int i = 0; i < MUTATORS - 1; i++) {
        others[i] = gc_backend.attach();
        assert_non_null(others[i]);
    }
    errno = 0;
    assert_null(gc_backend.attach());
    assert_int_equal(errno, EAGAIN);
    for (int i = 0; i < MUTATORS - 1; i++)
        gc_backend.detach(others[i]);
}

static __attribute__((noinline)) void fill(void **slots, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        slots[i] = make_list(fixture_main, 10, i);
}

static void root_ranges_retain_until_removed(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    void **slots = calloc(COUNT, sizeof *slots);
    assert_non_null(slots);
    assert_int_equal(gc_backend.roots_add(slots, slots), -EINVAL);
    assert_int_equal(gc_backend.roots_add((char *)slots + 1, slots + 1), -EINVAL);
    for (int i = 0; i < 40; i++)
        assert_int_equal(gc_backend.roots_add(slots + i * 25, slots + (i + 1) * 25), 0);
    fill(slots, COUNT);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    uint64_t with = fixture_seen.last_collection.marked_count;
    assert_true(with >= COUNT * 10);
    wrong_count = 0;
    for (uint64_t i = 0; i < COUNT; i++)
        check_list(fixture_main, slots[i], 10, i);
    assert_int_equal(wrong_count, 0);
    for (int i = 0; i < 20; i++)
        gc_backend.roots_remove(slots + i * 25, slots + (i + 1) * 25);
    gc_backend.roots_remove(slots, slots + 3); /* was not added: ignored */
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    uint64_t half = fixture_seen.last_collection.marked_count;
    assert_true(half >= COUNT * 5 && half < COUNT * 7);
    for (int i = 20; i < 40; i++)
        gc_backend.roots_remove(slots + i * 25, slots + (i + 1) * 25);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    assert_true(fixture_seen.last_collection.marked_count < COUNT * 2);
    free(slots);
}

static int set_up(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.threads_count = MUTATORS, .verify = 1});
    fixture_register(&node_type);
    fixture_register(&array_type);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_ranges_retain_until_removed),
        cmocka_unit_test(mutators_allocate_while_the_world_stops),
        cmocka_unit_test(threads_come_and_go_during_collections),
        cmocka_unit_test(blocked_threads_keep_their_objects),
        cmocka_unit_test(too_many_mutators_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
