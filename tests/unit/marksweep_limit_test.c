/* The heap limit: never exceeded, used to the full, out of memory in good order, and life goes on
 * afterwards. */
#include <inttypes.h>
#include <unistd.h>

#include "base/rng.h"
#include "marksweep/marksweep_heap_internal.h"
#include "marksweep/marksweep_pacer_internal.h"
#include "marksweep/marksweep_world_internal.h"
#include "marksweep_fixture.h"

enum { LIMIT = 16 << 20, SLOTS = 1 << 16 };

struct cell {
    struct cell *next;
    uint64_t value;
    uint64_t more[2];
};

static struct gc_type cell_type = GC_TYPE_RECORD(struct cell, GC_POINTER_BIT(struct cell, next));
static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");
static struct gc_type array_type = GC_TYPE_POINTER_ARRAY("array");

static void *roots[SLOTS];

static void drop_roots(void)
{
    memset(roots, 0, sizeof roots);
    fixture_clear_stack();
}

static void assert_within_limit(void)
{
    struct gc_stats stats = fixture_stats();
    assert_true(stats.heap_bytes <= LIMIT);
    assert_true(stats.heap_peak_bytes <= LIMIT);
}

/* Allocates cells until there is no more, in a frame of its own below the setjmp. */
static __attribute__((noinline)) void fill_with_cells(uint64_t *count)
{
    for (;;) {
        struct cell *cell = gc_alloc(fixture_main, &cell_type, sizeof *cell);
        cell->next = NULL;
        gc_store(fixture_main, cell, cell->next, roots[0]);
        cell->value = (*count)++;
        roots[0] = cell;
    }
}

static void fills_up_then_reports_then_goes_on(void **state)
{
    (void)state;
    static uint64_t count;
    jmp_buf out;
    for (volatile int round = 0; round < 3; round++) {
        drop_roots();
        count = 0;
        fixture_seen.on_out_of_memory = &out;
        if (setjmp(out) == 0)
            fill_with_cells(&count);
        fixture_seen.on_out_of_memory = NULL;
        assert_int_equal(fixture_seen.out_of_memory_bytes, sizeof(struct cell));
        /* At least nine tenths of the limit were objects. */
        assert_true(count * sizeof(struct cell) > LIMIT / 10 * 9);
        assert_within_limit();
        fixture_verify();
        uint64_t expected = count;
        for (struct cell *cell = roots[0]; cell; cell = cell->next)
            assert_int_equal(cell->value, --expected);
        assert_int_equal(expected, 0);
    }
    drop_roots();
}

/* A pool drops what it is given where the limit leaves its queues no memory, and goes on. */
static void pools_keep_within_the_limit(void **state)
{
    (void)state;
    enum { GIVEN = 100000 };
    static uint64_t count;
    jmp_buf out;
    struct gc_pool *pool = gc_pool_create(fixture_main, &cell_type, sizeof(struct cell));
    assert_non_null(pool);
    drop_roots();
    count = 0;
    fixture_seen.on_out_of_memory = &out;
    if (setjmp(out) == 0)
        fill_with_cells(&count);
    fixture_seen.on_out_of_memory = NULL;
    struct cell *cell = roots[0];
    for (uint64_t i = 0; i < GIVEN; i++, cell = cell->next)
        gc_pool_put(fixture_main, pool, cell, sizeof *cell);
    roots[0] = cell;
    assert_within_limit();
    fixture_verify();
    assert_null(gc_pool_create(fixture_main, &cell_type, sizeof(struct cell)));
    drop_roots();
    gc_backend.collect(fixture_main);
    gc_backend.collect(fixture_main);
    /* There is memory again. */
    for (uint64_t i = 0; i < GIVEN; i++)
        gc_pool_put(fixture_main, pool, gc_alloc(fixture_main, &leaf_type, sizeof *cell),
                    sizeof *cell);
    assert_non_null(gc_pool_get(fixture_main, pool));
    gc_pool_destroy(fixture_main, pool);
    assert_within_limit();
    fixture_verify();
}

static void too_large_is_out_of_memory_at_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {LIMIT, (size_t)LIMIT * 10, SIZE_MAX / 4};
    jmp_buf out;
    for (volatile size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fixture_seen.on_out_of_memory = &out;
        if (setjmp(out) == 0) {
            gc_keep(gc_alloc(fixture_main, &leaf_type, sizes[i]));
            fail_msg("%zu bytes were allocated under a limit of %d", sizes[i], LIMIT);
        }
        fixture_seen.on_out_of_memory = NULL;
        assert_int_equal(fixture_seen.out_of_memory_bytes, sizes[i]);
        fixture_verify();
    }
}

/* 10 MiB alive in 16: collections, not failure, however much is allocated. */
static void works_at_one_point_six_times_the_live_data(void **state)
{
    (void)state;
    enum { OBJECT_BYTES = LIMIT / 16 * 10 / SLOTS, TURNS = 20 };
    struct rng rng;
    rng_seed(&rng, 3, 0);
    drop_roots();
    uint64_t collections = fixture_stats().gc_count;
    for (uint64_t i = 0; i < SLOTS * TURNS; i++) {
        uint64_t *object = gc_alloc(fixture_main, &leaf_type, OBJECT_BYTES);
        object[0] = object[OBJECT_BYTES / 8 - 1] = i;
        roots[i < SLOTS ? i : rng_below(&rng, SLOTS)] = object;
    }
    assert_true(fixture_stats().gc_count > collections);
    assert_within_limit();
    fixture_verify();
    drop_roots();
}

/* In frames of their own, so that dead references do not stay in the caller's. */
static __attribute__((noinline)) void fill_with_leaves_from(size_t first, size_t count,
                                                            size_t bytes)
{
    for (size_t i = first; i < first + count; i++) {
        roots[i] = gc_alloc(fixture_main, &leaf_type, bytes);
        memset(roots[i], 1, bytes);
    }
}

static __attribute__((noinline)) void allocate_large(size_t slot, size_t bytes)
{
    roots[slot] = gc_alloc(fixture_main, &leaf_type, bytes);
    memset(roots[slot], 2, bytes);
}

static __attribute__((noinline)) void allocate_arrays(size_t count, struct rng *rng)
{
    for (size_t i = 0; i < count; i++)
        roots[rng_below(rng, 2)] =
            gc_alloc_zeroed(fixture_main, &array_type, 8 * (1 + rng_below(rng, 6000)));
}

/* What is free after small objects serves large ones and the other way round, though the free runs
 * are short: they are exchanged under the limit. */
static void free_memory_serves_every_size(void **state)
{
    (void)state;
    enum { COUNT = (14 << 20) / 4096, LARGE = 5 << 20 };
    struct rng rng;
    rng_seed(&rng, 4, 0);
    for (int turn = 0; turn < 10; turn++) {
        drop_roots();
        fill_with_leaves_from(0, COUNT, 4096);
        /* Every other block of them dies, wherever an older object may lie between them. */
        uintptr_t block = 0;
        bool dies = false;
        for (size_t i = 0; i < COUNT; i++) {
            dies ^= block != (uintptr_t)roots[i] / MS_BLOCK_BYTES;
            block = (uintptr_t)roots[i] / MS_BLOCK_BYTES;
            if (dies)
                roots[i] = NULL;
        }
        allocate_large(SLOTS - 1, LARGE);
        allocate_arrays(2000, &rng);
        assert_within_limit();
        fixture_verify();
    }
    drop_roots();
}

/* One survivor in each span of one class pins all blocks, so that no span can be cut for another:
 * its objects take the free slots of that class. */
static void free_slots_of_larger_classes_serve(void **state)
{
    (void)state;
    enum { SLOT = 2304, IN_A_SPAN = 7, OTHER = 2048 };
    static volatile size_t count;
    drop_roots();
    gc_backend.collect(fixture_main);
    jmp_buf out;
    fixture_seen.on_out_of_memory = &out;
    count = 0;
    if (setjmp(out) == 0)
        for (;; count++)
            fill_with_leaves_from(count, 1, SLOT);
    fixture_seen.on_out_of_memory = NULL;
    assert_true(count > LIMIT / SLOT / 5 * 4);
    for (size_t i = 0; i < count; i++)
        if (i % IN_A_SPAN != 0)
            roots[i] = NULL;
    fill_with_leaves_from(count, count / 2, OTHER);
    for (size_t i = count; i < count + count / 2; i++)
        assert_int_equal(((unsigned char *)roots[i])[OTHER - 1], 1);
    assert_within_limit();
    fixture_verify();
    drop_roots();
}

/* Small objects, so that collections are dear and growth is not cut short. */
static __attribute__((noinline)) void fill_with_list(size_t bytes)
{
    roots[0] = NULL;
    for (size_t i = 0; i < bytes / sizeof(struct cell); i++) {
        struct cell *cell = gc_alloc_zeroed(fixture_main, &cell_type, sizeof *cell);
        gc_store(fixture_main, cell, cell->next, roots[0]);
        roots[0] = cell;
    }
}

static uint64_t budget_after_collection(void)
{
    gc_backend.collect(fixture_main);
    return ms_heap.budget_bytes;
}

/* After the live set has shrunk the goal comes down in steps, not at once. */
static void goal_falls_slowly(void **state)
{
    (void)state;
    enum { PEAK = 6 << 20, SMALL = 1 << 20 };
    drop_roots();
    fill_with_list(SMALL);
    gc_backend.collect(fixture_main);
    fill_with_list(PEAK);
    budget_after_collection();
    fill_with_list(SMALL);
    uint64_t after = budget_after_collection();
    assert_true(after > PEAK);
    uint64_t last = after;
    for (int i = 0; i < 300; i++) {
        uint64_t next = budget_after_collection();
        assert_true(next >= last - last / 16 && next <= last + last / 16);
        last = next;
    }
    assert_true(last < PEAK / 2);
}

/* Whether the kernel may back the mapping in which the heap begins with huge pages; true as well
 * where it knows of none or does not tell. */
static bool heap_may_have_huge_pages(void)
{
    char line[512];
    uintptr_t from, to;
    bool may = true, is_heap = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            is_heap = from <= (uintptr_t)ms_space.base && (uintptr_t)ms_space.base < to;
        else if (is_heap && strncmp(line, "VmFlags:", 8) == 0)
            may = strstr(line, " nh") == NULL;
    }
    if (file)
        fclose(file);
    return may;
}

/* Time is made up: what is kept falls by a sixteenth a second towards what is needed. */
static void memory_is_given_back_in_time(void **state)
{
    (void)state;
    int64_t now_ns = ms_world_now_ns();
    drop_roots();
    for (size_t i = 0; i < 6; i++)
        roots[i] = gc_alloc_zeroed(fixture_main, &leaf_type, 1 << 20);
    gc_backend.collect(fixture_main);
    drop_roots();
    /* The first frees, the second finds that little was in use. */
    gc_backend.collect(fixture_main);
    gc_backend.collect(fixture_main);
    ms_heap_lock();
    uint64_t at_first = ms_pacer_keep_bytes(now_ns += INT64_C(1000000000));
    assert_true(at_first > 8 << 20);
    uint64_t later = ms_pacer_keep_bytes(now_ns += INT64_C(4000000000));
    assert_true(later < at_first - at_first / 8 && later > at_first / 2);
    uint64_t in_the_end = ms_pacer_keep_bytes(now_ns += INT64_C(60000000000));
    assert_true(in_the_end - ms_space_metadata_bytes() < 6 << 20);
    ms_space_release(in_the_end);
    ms_heap_unlock();
    assert_true(fixture_stats().heap_bytes <= in_the_end);
    /* khugepaged would back again what has been given back. */
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0)
        assert_false(heap_may_have_huge_pages());
    fixture_verify();
}

/* Metadata of the program's own too: a heap that has been full keeps memory that it does not use.
 */
static void types_and_roots_take_the_place_of_free_memory(void **state)
{
    (void)state;
    enum { RANGES = 10000 };
    static void *ranges[RANGES];
    static uint64_t count;
    struct wide {
        void *a[9];
    };
    static struct gc_type wide_type = GC_TYPE_RECORD(struct wide, 0x155);
    jmp_buf out;
    drop_roots();
    fixture_seen.on_out_of_memory = &out;
    if (setjmp(out) == 0)
        fill_with_cells(&count);
    fixture_seen.on_out_of_memory = NULL;
    drop_roots();
    gc_backend.collect(fixture_main);
    assert_true(fixture_stats().heap_bytes > LIMIT - (64 << 10));
    for (size_t i = 0; i < RANGES; i++)
        assert_int_equal(gc_backend.roots_add(ranges + i, ranges + i + 1), 0);
    assert_int_equal(gc_backend.type_register(&wide_type), 0);
    assert_within_limit();
    for (size_t i = 0; i < RANGES; i++)
        gc_backend.roots_remove(ranges + i, ranges + i + 1);
    fixture_verify();
}

static int set_up(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.heap_limit_bytes = LIMIT});
    fixture_register(&cell_type);
    fixture_register(&leaf_type);
    fixture_register(&array_type);
    return gc_backend.roots_add(roots, roots + SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_up_then_reports_then_goes_on),
        cmocka_unit_test(pools_keep_within_the_limit),
        cmocka_unit_test(too_large_is_out_of_memory_at_once),
        cmocka_unit_test(works_at_one_point_six_times_the_live_data),
        cmocka_unit_test(free_memory_serves_every_size),
        cmocka_unit_test(free_slots_of_larger_classes_serve),
        cmocka_unit_test(types_and_roots_take_the_place_of_free_memory),
        cmocka_unit_test(goal_falls_slowly),
        cmocka_unit_test(memory_is_given_back_in_time),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
