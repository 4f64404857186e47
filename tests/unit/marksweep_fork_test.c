/* Children of mutators, and of other threads, that fork while the heap is in use, go on with it. */
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gc_sanitizers.h"
#include "marksweep_fixture.h"

enum { THREADS = 3, FORKS = 25, LENGTH = 3000, LARGE_BYTES = 100000 };

struct node {
    struct node *next;
    uint64_t value;
};

static struct gc_type node_type = GC_TYPE_RECORD(struct node, GC_POINTER_BIT(struct node, next));
static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

static void *lists[THREADS + 1];
static struct gc_pool *pool;
static bool stop;

static void count_run(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    (void)object;
    __atomic_fetch_add((uint64_t *)data, 1, __ATOMIC_RELAXED);
}

static uint64_t finalized_count;
static const struct gc_finalizer counting = {count_run, &finalized_count};

/* Makes a list in lists[index], with whatever takes a lock or holds something beside. */
static void make_list(struct gc_mutator *m, size_t index)
{
    __atomic_store_n(&lists[index], NULL, __ATOMIC_RELAXED);
    for (uint64_t i = 0; i < LENGTH; i++) {
        struct node *node = gc_alloc(m, &node_type, sizeof *node);
        gc_init_field(node->next, lists[index]);
        node->value = i;
        __atomic_store_n(&lists[index], (void *)node, __ATOMIC_RELAXED);
        if (i % 8 == 0)
            gc_finalizer_set(m, node, &counting);
        if (i % 64 == 0)
            gc_pool_put(m, pool, gc_alloc(m, &leaf_type, 48), 48);
        if (i % 256 == 0)
            gc_keep(gc_alloc(m, &leaf_type, LARGE_BYTES));
        if (i % 128 == 0)
            gc_finalizers_run(m);
        if (i % 96 == 0)
            gc_keep(gc_pool_get(m, pool));
    }
}

static bool list_is_right(size_t index)
{
    uint64_t left = LENGTH;
    for (const struct node *node = lists[index]; node; node = node->next)
        if (left == 0 || node->value != --left)
            return false;
    return left == 0;
}

static pthread_barrier_t all_attached;

static struct gc_mutator *attach(void)
{
    struct gc_mutator *m = gc_backend.attach();
    if (!m)
        abort();
    return m;
}

/* Attaching takes memory of malloc's, whose locks AddressSanitizer leaves held in a child: there,
 * who is attached stays so. */
static void *work(void *data)
{
    size_t index = *(size_t *)data;
    struct gc_mutator *m = attach();
    pthread_barrier_wait(&all_attached);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        for (int i = 0; i < 5; i++)
            make_list(m, index);
        gc_backend.collect(m);
        if (!GC_SANITIZED) {
            gc_backend.detach(m);
            m = attach();
        }
    }
    gc_backend.detach(m);
    return NULL;
}

static void *work_once(void *data)
{
    struct gc_mutator *m = gc_backend.attach();
    make_list(m, 0);
    gc_backend.detach(m);
    *(bool *)data = list_is_right(0);
    return NULL;
}

/* In the child: 0, or which step went wrong. */
static int go_on(struct gc_mutator *m)
{
    char why[256];
    alarm(300);
    make_list(m, THREADS);
    gc_backend.collect(m);
    if (!list_is_right(THREADS))
        return 1;
    gc_finalizers_run(m);
    if (gc_backend.verify(m, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        return 2;
    }
    /* All slots but this one are free. ThreadSanitizer allows no threads after a fork;
     * AddressSanitizer's locks, which beginning one takes, are held for ever where a thread of the
     * collector's began just then in the parent. */
    for (int i = 0; i < THREADS && !GC_SANITIZED; i++) {
        pthread_t thread;
        bool right = false;
        if (pthread_create(&thread, NULL, work_once, &right) != 0)
            return 3;
        gc_backend.enter_blocked(m);
        pthread_join(thread, NULL);
        gc_backend.leave_blocked(m);
        if (!right)
            return 4;
    }
    return 0;
}

static int wait_for(pid_t child)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return status;
}

static void child_of_a_mutator_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < FORKS; i++) {
        make_list(fixture_main, THREADS);
        pid_t child = fork();
        if (child == 0)
            _exit(go_on(fixture_main));
        gc_backend.enter_blocked(fixture_main);
        int status = wait_for(child);
        gc_backend.leave_blocked(fixture_main);
        assert_int_equal(status, 0);
        assert_true(list_is_right(THREADS));
    }
    fixture_verify();
}

static void child_of_a_blocked_mutator_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < FORKS; i++) {
        gc_backend.enter_blocked(fixture_main);
        pid_t child = fork();
        if (child == 0) {
            gc_backend.leave_blocked(fixture_main);
            _exit(go_on(fixture_main));
        }
        int status = wait_for(child);
        gc_backend.leave_blocked(fixture_main);
        assert_int_equal(status, 0);
    }
    fixture_verify();
}

static void *fork_unattached(void *data)
{
    pid_t child = fork();
    if (child == 0) {
        struct gc_mutator *m = gc_backend.attach();
        _exit(m ? go_on(m) : 5);
    }
    *(int *)data = wait_for(child);
    return NULL;
}

static void child_of_another_thread_may_attach(void **state)
{
    (void)state;
    for (int i = 0; i < FORKS; i++) {
        pthread_t thread;
        int status = -1;
        assert_int_equal(pthread_create(&thread, NULL, fork_unattached, &status), 0);
        gc_backend.enter_blocked(fixture_main);
        pthread_join(thread, NULL);
        gc_backend.leave_blocked(fixture_main);
        assert_int_equal(status, 0);
    }
    fixture_verify();
}

static pthread_t threads[THREADS];

static int start(void **state)
{
    (void)state;
    static size_t indices[THREADS];
    /* ThreadSanitizer allows no threads after a fork, of markers neither. */
    fixture_start(&(struct fixture_settings){
        .gogc = 50, .markers = GC_SANITIZED_THREAD ? 1 : 2, .threads_count = 4});
    fixture_register(&node_type);
    fixture_register(&leaf_type);
    pool = gc_pool_create(fixture_main, &leaf_type, 48);
    assert_non_null(pool);
    assert_int_equal(gc_backend.roots_add(lists, lists + THREADS + 1), 0);
    assert_int_equal(pthread_barrier_init(&all_attached, NULL, THREADS + 1), 0);
    for (size_t i = 0; i < THREADS; i++) {
        indices[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &indices[i]), 0);
    }
    gc_backend.enter_blocked(fixture_main);
    pthread_barrier_wait(&all_attached);
    gc_backend.leave_blocked(fixture_main);
    return 0;
}

static int end(void **state)
{
    (void)state;
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    gc_backend.enter_blocked(fixture_main);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    gc_backend.leave_blocked(fixture_main);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_of_a_mutator_goes_on),
        cmocka_unit_test(child_of_a_blocked_mutator_goes_on),
        cmocka_unit_test(child_of_another_thread_may_attach),
    };
    return cmocka_run_group_tests(tests, start, end);
}
