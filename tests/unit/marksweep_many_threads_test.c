/* 64 threads at once that attach, allocate and detach, again and again, while one collects without
 * end. */
#include <pthread.h>
#include <stdbool.h>

#include "gc_sanitizers.h"
#include "marksweep_fixture.h"

enum {
    THREADS = 64,
    VISITS = GC_SANITIZED ? 4 : 20, /* of each thread */
    LENGTH = GC_SANITIZED ? 60 : 300,
};

struct node {
    struct node *next;
    uint64_t value;
    uint64_t more[5];
};

static struct gc_type node_type = GC_TYPE_RECORD(struct node, GC_POINTER_BIT(struct node, next));
static struct gc_type array_type = GC_TYPE_POINTER_ARRAY("array");

static void *handed[THREADS]; /* a list for each thread, from one visit to the next */
static unsigned left_count = THREADS;
static uint64_t wrong_count;

static void expect(bool right)
{
    if (!right)
        __atomic_fetch_add(&wrong_count, 1, __ATOMIC_RELAXED);
}

static void *make_list(struct gc_mutator *m, uint64_t first)
{
    struct node *list = NULL;
    for (uint64_t i = 0; i < LENGTH; i++) {
        struct node *node = gc_alloc(m, &node_type, sizeof *node);
        gc_init_field(node->next, list);
        node->value = first + i;
        list = node;
        if (i % 16 == 0)
            gc_keep(gc_alloc_zeroed(m, &array_type, 8 * (1 + i * 37 % 900)));
    }
    return list;
}

static void check_list(const struct node *list, uint64_t first)
{
    uint64_t left = LENGTH;
    for (; list; list = list->next)
        expect(left > 0 && list->value == first + --left);
    expect(left == 0);
}

static void *visit(void *data)
{
    uint64_t index = *(uint64_t *)data;
    for (uint64_t i = 0; i < VISITS; i++) {
        struct gc_mutator *m = gc_backend.attach();
        expect(m != NULL);
        if (!m)
            break;
        if (i > 0)
            check_list(__atomic_load_n(&handed[index], __ATOMIC_RELAXED), index << 32 | (i - 1));
        void *list = make_list(m, index << 32 | i);
        __atomic_store_n(&handed[index], list, __ATOMIC_RELAXED);
        gc_backend.detach(m);
    }
    __atomic_fetch_sub(&left_count, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void lists_survive(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint64_t indices[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        indices[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, visit, &indices[i]), 0);
    }
    uint64_t collections_count = 0;
    while (__atomic_load_n(&left_count, __ATOMIC_ACQUIRE) > 0) {
        gc_backend.collect(fixture_main);
        collections_count++;
    }
    gc_backend.enter_blocked(fixture_main);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    gc_backend.leave_blocked(fixture_main);
    for (uint64_t i = 0; i < THREADS; i++)
        check_list(handed[i], i << 32 | (VISITS - 1));
    assert_int_equal(wrong_count, 0);
    assert_true(collections_count > 0);
    fixture_verify();
}

static int start(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.markers = 2, .threads_count = THREADS + 1});
    fixture_register(&node_type);
    fixture_register(&array_type);
    return gc_backend.roots_add(handed, handed + THREADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_survive)};
    return cmocka_run_group_tests(tests, start, NULL);
}
