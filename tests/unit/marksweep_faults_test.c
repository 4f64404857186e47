/* Every call into the system that the collector makes, refused in turn: that one alone, or it and
 * all later ones. Nothing crashes: the start is refused with a reason, or allocations are out of
 * memory; what was allocated stays as it was, and once calls succeed again the heap is verified and
 * used on. Each try is a process of its own. The Makefile has the linker put the functions below in
 * the place of the system's. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gc_sanitizers.h"
#include "marksweep_fixture.h"

enum { SLOTS = 512, EXIT_NOT_REACHED = 70, EXIT_REFUSED = 71, CALLS_MAX = 2000 };

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_mprotect(void *address, size_t bytes, int protection);
int __wrap_mprotect(void *address, size_t bytes, int protection);
int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *data);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *data);

static struct {
    uint64_t calls_count;
    uint64_t refused_call; /* counted from 1; 0: none */
    bool refuses_later;
} faults;

static bool refuses(void)
{
    uint64_t call = __atomic_add_fetch(&faults.calls_count, 1, __ATOMIC_RELAXED);
    return faults.refused_call != 0 &&
           (call == faults.refused_call || (faults.refuses_later && call > faults.refused_call));
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if (refuses()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(address, bytes, protection, flags, fd, offset);
}

int __wrap_mprotect(void *address, size_t bytes, int protection)
{
    if (refuses()) {
        errno = ENOMEM;
        return -1;
    }
    return __real_mprotect(address, bytes, protection);
}

int __wrap_madvise(void *address, size_t bytes, int advice)
{
    if (refuses()) {
        errno = ENOMEM;
        return -1;
    }
    return __real_madvise(address, bytes, advice);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return refuses() ? NULL : __real_realloc(memory, bytes);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *data)
{
    return refuses() ? EAGAIN : __real_pthread_create(thread, attributes, run, data);
}

struct node {
    struct node *next;
    struct node *other;
    uint64_t value;
};

static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, next) | GC_POINTER_BIT(struct node, other));
static struct gc_type array_type = GC_TYPE_POINTER_ARRAY("array");
static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

static void *slots[SLOTS];
static uint64_t lengths[SLOTS]; /* of the lists there */
static uint64_t finalized_count;
static uint64_t registered_count;

/* The collector's word for out of memory, in whatever is called between. */
static jmp_buf jump;
static jmp_buf thread_jump;
static pthread_t main_thread;

static void on_out_of_memory(void *data, size_t bytes)
{
    (void)data;
    (void)bytes;
    if (pthread_equal(pthread_self(), main_thread))
        longjmp(jump, 1);
    longjmp(thread_jump, 1);
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "call %llu refused%s: %s\n", (unsigned long long)faults.refused_call,
            faults.refuses_later ? " and all later ones" : "", what);
    _exit(1);
}

static void count_run(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    (void)data;
    if (((struct node *)object)->value % 4 != 0)
        give_up("a finalizer ran on an object that had none");
    finalized_count++;
}

static const struct gc_finalizer counting = {count_run, NULL};
static const struct gc_finalizer counting_too = {count_run, NULL};

static void add_nodes(struct gc_mutator *m)
{
    for (uint64_t i = 0; i < 40000; i++) {
        size_t slot = i % SLOTS;
        if (lengths[slot] == 20) {
            lengths[slot] = 0;
            slots[slot] = NULL;
        }
        struct node *node = gc_alloc(m, &node_type, sizeof *node);
        *node = (struct node){.next = slots[slot], .value = lengths[slot]};
        slots[slot] = node;
        lengths[slot]++;
    }
}

static void add_large(struct gc_mutator *m)
{
    for (uint64_t i = 0; i < 60; i++) {
        void **array = gc_alloc_zeroed(m, &array_type, 8 * (20000 + i * 1000));
        gc_store(m, array, array[i], slots[i]);
        memset(gc_alloc(m, &leaf_type, 300000), 1, 300000);
    }
}

/* Deep enough for the mark stack to grow. */
static void add_wide(struct gc_mutator *m)
{
    enum { WIDTH = 60000 };
    void **array = gc_alloc_zeroed(m, &array_type, WIDTH * sizeof *array);
    for (size_t i = 0; i < WIDTH; i++) {
        struct node *node = gc_alloc(m, &node_type, sizeof *node);
        *node = (struct node){.next = slots[i % SLOTS], .value = 1};
        gc_store(m, array, array[i], (void *)node);
    }
    gc_backend.collect(m);
    gc_backend.collect(m);
    for (size_t i = 0; i < WIDTH; i++)
        if (((struct node *)array[i])->next != slots[i % SLOTS])
            give_up("a wide array has changed");
}

static void add_finalizers(struct gc_mutator *m)
{
    for (uint64_t i = 0; i < 4000; i++) {
        struct node *node = gc_alloc(m, &node_type, sizeof *node);
        *node = (struct node){.value = 4 * i};
        gc_finalizer_set(m, node, i % 3 == 0 ? &counting : &counting_too);
        registered_count++;
    }
    gc_backend.collect(m);
    gc_finalizers_run(m);
}

static void add_pools(struct gc_mutator *m)
{
    struct gc_pool *pool = gc_pool_create(m, &leaf_type, 64);
    if (!pool)
        return;
    for (uint64_t i = 0; i < 3000; i++)
        gc_pool_put(m, pool, memset(gc_alloc(m, &leaf_type, 64), (int)i, 64), 64);
    for (unsigned char *leaf; (leaf = gc_pool_get(m, pool)) != NULL;)
        if (leaf[0] != leaf[63])
            give_up("what a pool gave has changed");
    gc_pool_destroy(m, pool);
}

static void *run_thread(void *data)
{
    (void)data;
    struct gc_mutator *m = gc_backend.attach();
    if (!m)
        return NULL;
    if (setjmp(thread_jump) == 0)
        for (int i = 0; i < 2000; i++)
            memset(gc_alloc(m, &leaf_type, 100 + (size_t)i), 1, 100);
    gc_backend.detach(m);
    return NULL;
}

/* The test's own thread is never refused. */
static void add_thread(struct gc_mutator *m)
{
    pthread_t thread;
    if (__real_pthread_create(&thread, NULL, run_thread, NULL) != 0)
        return;
    gc_backend.enter_blocked(m);
    pthread_join(thread, NULL);
    gc_backend.leave_blocked(m);
}

static void add_roots(struct gc_mutator *m)
{
    static void *more[64];
    (void)m;
    for (size_t i = 0; i < 64; i++) {
        int error = gc_backend.roots_add(&more[i], &more[i] + 1);
        if (error != 0 && error != -ENOMEM)
            give_up("roots were refused with another error");
    }
    for (size_t i = 0; i < 64; i++)
        gc_backend.roots_remove(&more[i], &more[i] + 1);
}

static void (*const parts[])(struct gc_mutator *m) = {
    add_nodes, add_roots, add_finalizers, add_pools, add_large, add_thread, add_wide, add_nodes};

static void check_lists(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        uint64_t left = lengths[i];
        for (const struct node *node = slots[i]; node; node = node->next)
            if (left == 0 || node->value != --left)
                give_up("a list has changed");
        if (left != 0)
            give_up("a list is shorter");
    }
}

static void run_parts(struct gc_mutator *m)
{
    for (volatile size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (setjmp(jump) == 0)
            parts[i](m);
        check_lists();
    }
}

static void check_heap(struct gc_mutator *m)
{
    char why[256];
    gc_backend.collect(m);
    if (gc_backend.verify(m, why, sizeof why) != 0)
        give_up(why);
    check_lists();
}

/* With call number `refused` refused. Ends the process. */
static _Noreturn void try(uint64_t limit_bytes, uint64_t refused, bool and_later)
{
    static const struct gc_listener listener = {.out_of_memory = on_out_of_memory};
    static int64_t values[8];
    struct gc_mutator *m;
    char why[256] = "";
    alarm(100);
    main_thread = pthread_self();
    for (size_t i = 0; i < gc_backend.option_count; i++)
        values[i] = strcmp(gc_backend.options[i].name, "markers") == 0
                        ? 3
                        : gc_backend.options[i].default_value;
    const struct gc_config config = {.heap_limit_bytes = limit_bytes,
                                     .threads_count = 2,
                                     .option_values = values,
                                     .listener = &listener};
    faults.refused_call = refused;
    faults.refuses_later = and_later;
    int error = gc_backend.init(&config, &m, why, sizeof why);
    if (error) {
        if (error != -ENOMEM && error != -EINVAL && error != -EAGAIN)
            give_up("the start fails with another error");
        _exit(EXIT_REFUSED);
    }
    fixture_register(&node_type);
    fixture_register(&array_type);
    fixture_register(&leaf_type);
    while (gc_backend.roots_add(slots, slots + SLOTS) != 0)
        faults.refused_call = 0;
    run_parts(m);
    uint64_t calls_count = __atomic_load_n(&faults.calls_count, __ATOMIC_RELAXED);
    faults.refused_call = 0;
    check_heap(m);
    run_parts(m);
    check_heap(m);
    if (finalized_count == 0 || finalized_count > registered_count)
        give_up("finalizers did not run, or twice");
    _exit(calls_count >= refused ? 0 : EXIT_NOT_REACHED);
}

static void refuse_each(uint64_t limit_bytes, bool and_later)
{
    uint64_t refused_starts = 0, survived = 0;
    /* Where a sanitizer makes each try slow, a part of them. */
    const uint64_t step = GC_SANITIZED ? 7 : 1;
    for (uint64_t call = 1;; call += step) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0)
            try(limit_bytes, call, and_later);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_REACHED)
            break;
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_REFUSED))
            fail_msg("call %d, status %#x", (int)call, (unsigned)status);
        *(WEXITSTATUS(status) == 0 ? &survived : &refused_starts) += 1;
        assert_true(call < CALLS_MAX);
    }
    print_message("# %d starts were refused, %d processes went on\n", (int)refused_starts,
                  (int)survived);
    assert_true(survived > 0);
}

static void each_call_refused(void **state)
{
    (void)state;
    refuse_each(0, false);
}

static void each_call_refused_under_a_limit(void **state)
{
    (void)state;
    refuse_each(8 << 20, false);
}

static void all_calls_refused_from_each_on(void **state)
{
    (void)state;
    refuse_each(0, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_refused),
        cmocka_unit_test(each_call_refused_under_a_limit),
        cmocka_unit_test(all_calls_refused_from_each_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
