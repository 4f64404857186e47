/* The checker of the heap finds what is wrong: each thing that it checks is spoilt, in turn, in a
 * heap that is right before and after. A checker that is always content would let all other tests
 * pass. */
#include <errno.h>

#include "marksweep/marksweep_heap_internal.h"
#include "marksweep/marksweep_verify_internal.h"
#include "marksweep_fixture.h"

#include "aborting_child.h"

enum { CELLS = 100, LARGE_BLOCKS = 40, LARGE_BYTES = LARGE_BLOCKS * MS_BLOCK_BYTES - 100 };

struct cell {
    struct cell *next;
    uint64_t more[3];
};

static struct gc_type cell_type = GC_TYPE_RECORD(struct cell, GC_POINTER_BIT(struct cell, next));
static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

/* The roots. */
static struct {
    struct cell *cells; /* a chain */
    char *large;
    char *span_object; /* in a span of several blocks */
    char *weakly_held;
    struct gc_weak *weak;
    char *finalized;
} heap;

typedef int verify_function(char *why, size_t why_bytes);

static size_t block_of(const void *object)
{
    return (size_t)((const char *)object - ms_space.base) >> MS_BLOCK_SHIFT;
}

static struct ms_block *entry_of(const void *object)
{
    return &ms_space.table[block_of(object)];
}

static size_t granule_of(const void *object)
{
    return (size_t)((const char *)object - ms_space.base) >> MS_GRANULE_SHIFT;
}

/* The word of a bitmap with the bit of this granule, and that bit. */
static uint64_t *word_of(uint64_t *bitmap, size_t granule)
{
    return &bitmap[granule / 64];
}

static uint64_t bit_of(size_t granule)
{
    return UINT64_C(1) << (granule % 64);
}

static void assert_right(void)
{
    char why[256] = "";
    if (ms_verify(why, sizeof why) != 0)
        fail_msg("%s", why);
}

/* With these bytes at `place` the checker says `part`; without them nothing. */
static void expect_from(verify_function *verify, void *place, const void *bytes, size_t count,
                        const char *part)
{
    char why[256] = "", saved[16];
    assert_true(count <= sizeof saved);
    assert_right();
    memcpy(saved, place, count);
    assert_memory_not_equal(saved, bytes, count);
    memcpy(place, bytes, count);
    int result = verify(why, sizeof why);
    memcpy(place, saved, count);
    if (result != -EFAULT || !strstr(why, part))
        fail_msg("%d, '%s', not '%s'", result, why, part);
    assert_right();
}

static void expect(void *place, const void *bytes, size_t count, const char *part)
{
    expect_from(ms_verify, place, bytes, count, part);
}

static void expect_number(uint32_t *place, uint32_t number, const char *part)
{
    expect(place, &number, sizeof number, part);
}

static void expect_byte(uint8_t *place, unsigned number, const char *part)
{
    uint8_t byte = (uint8_t)number;
    expect(place, &byte, sizeof byte, part);
}

static void expect_kind(ms_kind *place, unsigned number, const char *part)
{
    ms_kind kind = (ms_kind)number;
    expect(place, &kind, sizeof kind, part);
}

static void expect_bits(uint64_t *place, uint64_t bits, const char *part)
{
    expect(place, &bits, sizeof bits, part);
}

/* What a collection has freed, of at least `blocks` blocks. */
static uint32_t free_run(uint32_t blocks)
{
    for (uint32_t first = 1; first < ms_space.top; first += ms_space.table[first].run)
        if (ms_space.table[first].state == MS_FREE && ms_space.table[first].run >= blocks)
            return first;
    fail_msg("nothing is free");
    return 0;
}

/* Keeps the heap as it is for the checker, which wants the world stopped and holes flushed. */
static int hold_heap(void **state)
{
    (void)state;
    fixture_verify();
    ms_heap_lock();
    return 0;
}

static int let_heap_go(void **state)
{
    (void)state;
    ms_heap_unlock();
    fixture_verify();
    return 0;
}

static void references_that_name_no_object(void **state)
{
    (void)state;
    const char *wrong[] = {(char *)heap.cells->next + MS_GRANULE_BYTES, (char *)&heap,
                           ms_space_address(free_run(1))};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(&heap.cells->next, &wrong[i], sizeof wrong[i], "which is no object's start");
}

static void bits_where_nothing_starts(void **state)
{
    (void)state;
    uint64_t *allocated = ms_space.allocated, *word;
    size_t inside = granule_of(heap.cells) + 1;
    word = word_of(allocated, inside);
    expect_bits(word, *word | bit_of(inside), "where no slot starts");
    inside = granule_of(heap.span_object) + 1;
    word = word_of(allocated, inside);
    expect_bits(word, *word | bit_of(inside), "where no slot starts");
    inside = granule_of(heap.large) + 3;
    word = word_of(allocated, inside);
    expect_bits(word, *word | bit_of(inside), "a bit is set inside the large object");
    word = word_of(allocated, granule_of(heap.large + MS_BLOCK_BYTES));
    expect_bits(word, 1, "allocated bits are set in block");
    word = word_of(allocated, granule_of(ms_space_address(free_run(1))));
    expect_bits(word, 1, "allocated bits are set in block");
    word = word_of(ms_space.marks, granule_of(heap.cells));
    expect_bits(word, bit_of(granule_of(heap.cells)), "mark bits are set in block");
}

static void blocks_that_do_not_fit_their_run(void **state)
{
    (void)state;
    struct ms_block *large = entry_of(heap.large);
    ms_kind *kind = &ms_space.kinds[block_of(heap.large)];
    expect_number(&large->run, 0, "has length 0");
    expect_number(&large->run, UINT32_MAX, "has length 4294967295");
    expect_number(&large[1].back, 7, "is not a part of the run");
    expect_byte(&large[2].state, MS_FREE, "is not a part of the run");
    expect_bits(&large->bytes, LARGE_BLOCKS * MS_BLOCK_BYTES + 1, "the large object at block");
    expect_bits(&large->bytes, (LARGE_BLOCKS - 1) * MS_BLOCK_BYTES, "the large object at block");
    expect_kind(kind, ms_kind_of(ms_kind_layout(*kind), 0), "the large object at block");
    expect_byte(&entry_of(heap.cells)->state, MS_UNUSED, "is in no state");
    uint32_t span = (uint32_t)(block_of(heap.span_object) - entry_of(heap.span_object)->back);
    unsigned other = ms_kind_class(ms_space.kinds[span]);
    expect_kind(&ms_space.kinds[span + 1], ms_kind_of(MS_LAYOUTS - 1, other),
                "has not the kind of its span");
    kind = &ms_space.kinds[block_of(heap.cells)];
    unsigned layout = ms_kind_layout(*kind);
    expect_kind(kind, ms_kind_of(MS_LAYOUTS - 1, ms_kind_class(*kind)), "has class");
    expect_kind(kind, ms_kind_of(layout, MARKSWEEP_CLASSES), "has class");
    expect_kind(kind, *kind ^ MS_KIND_TWO_LINES, "has class");
    /* One of another class is on the wrong list, or has bits of other slots. */
    expect_kind(kind, ms_kind_of(layout, other), "has 1 blocks, its class");
}

static void lists_that_miss_something(void **state)
{
    (void)state;
    uint32_t run = free_run(1);
    uint64_t blocks = ms_space.free_runs.blocks + 1;
    expect(&ms_space.free_runs.blocks, &blocks, sizeof ms_space.free_runs.blocks, "bins of state");
    expect_bits(&ms_space.free_runs.filled, 0, "bins of state");
    size_t bin =
        ms_space.table[run].run < MS_RUN_BINS ? ms_space.table[run].run - 1 : MS_RUN_BINS - 1;
    expect_number(&ms_space.free_runs.first[bin], (uint32_t)block_of(heap.cells), "lists block");
    /* The chain fills some spans and is on none of the lists then, but for its last one. */
    struct ms_span_list *list =
        &ms_heap.partial[ms_kind_list(ms_space.kinds[block_of(heap.finalized)])];
    assert_int_not_equal(list->first, MS_NO_BLOCK);
    expect_number(&list->first, MS_NO_BLOCK, "spans are partly free");
    expect_number(&list->first, (uint32_t)block_of(heap.large), "of partly free spans holds block");
    /* A list that never ends. */
    expect_number(&ms_space.table[list->last].next, list->first, "which is full, or is a ring");
}

static void weak_references_and_finalizers_of_nothing(void **state)
{
    (void)state;
    size_t granule = granule_of(heap.weakly_held);
    uint64_t *word = word_of(ms_space.allocated, granule);
    expect_bits(word, *word & ~bit_of(granule), "a weak reference in block");
    granule = granule_of(heap.finalized);
    word = word_of(ms_space.allocated, granule);
    expect_bits(word, *word & ~bit_of(granule), "the finalizers of block");
}

static void more_held_than_the_limit(void **state)
{
    (void)state;
    expect_bits(&ms_space.limit_bytes, 1, "bytes are held, the limit is 1");
}

static void marks_that_stop_half_way(void **state)
{
    (void)state;
    size_t granule = granule_of(heap.cells);
    uint64_t bit = bit_of(granule);
    expect_from(ms_verify_marks, word_of(ms_space.marks, granule), &bit, sizeof bit,
                "which is not marked");
    granule++;
    bit = bit_of(granule);
    expect_from(ms_verify_marks, word_of(ms_space.marks, granule), &bit, sizeof bit,
                "something is marked in block");
    granule = granule_of(heap.weak);
    bit = bit_of(granule);
    expect_from(ms_verify_marks, word_of(ms_space.marks, granule), &bit, sizeof bit,
                "names no marked object");
}

static void collect_a_corrupt_heap(void)
{
    ms_heap.verify = true;
    heap.cells->next = (struct cell *)((char *)heap.cells->next + MS_GRANULE_BYTES);
    gc_backend.collect(fixture_main);
}

/* With verify=1 a collection is not begun with such a heap. */
static void a_collection_of_a_corrupt_heap_aborts(void **state)
{
    (void)state;
    char text[512];
    expect_abort(collect_a_corrupt_heap, text, sizeof text);
    assert_non_null(strstr(text, "marksweep: the heap is corrupt before collection "));
    assert_non_null(strstr(text, "which is no object's start"));
}

static void do_nothing(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    (void)object;
    (void)data;
}

static const struct gc_finalizer finalizer = {.run = do_nothing};

/* Of the first class whose spans have several blocks. */
static size_t bytes_of_span_object(void)
{
    for (size_t i = 0; i < MARKSWEEP_CLASSES; i++)
        if (ms_classes[i].blocks > 1)
            return ms_classes[i].slot_bytes;
    fail_msg("all spans have one block");
    return 0;
}

static int start(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){0});
    fixture_register(&cell_type);
    fixture_register(&leaf_type);
    int failed = gc_backend.roots_add(&heap, &heap + 1);
    if (failed)
        return failed;
    for (int i = 0; i < CELLS; i++) {
        struct cell *cell = gc_alloc(fixture_main, &cell_type, sizeof *cell);
        memset(cell, 0, sizeof *cell);
        gc_store(fixture_main, cell, cell->next, heap.cells);
        heap.cells = cell;
    }
    heap.span_object = gc_alloc(fixture_main, &leaf_type, bytes_of_span_object());
    heap.weakly_held = gc_alloc(fixture_main, &leaf_type, 48);
    heap.weak = gc_weak_new(fixture_main, heap.weakly_held);
    heap.finalized = gc_alloc(fixture_main, &leaf_type, 64);
    gc_finalizer_set(fixture_main, heap.finalized, &finalizer);
    /* What it leaves is free and stays between the others. */
    heap.large = gc_alloc(fixture_main, &leaf_type, 16 * LARGE_BYTES);
    heap.large = gc_alloc(fixture_main, &leaf_type, LARGE_BYTES);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(references_that_name_no_object, hold_heap, let_heap_go),
        cmocka_unit_test_setup_teardown(bits_where_nothing_starts, hold_heap, let_heap_go),
        cmocka_unit_test_setup_teardown(blocks_that_do_not_fit_their_run, hold_heap, let_heap_go),
        cmocka_unit_test_setup_teardown(lists_that_miss_something, hold_heap, let_heap_go),
        cmocka_unit_test_setup_teardown(weak_references_and_finalizers_of_nothing, hold_heap,
                                        let_heap_go),
        cmocka_unit_test_setup_teardown(more_held_than_the_limit, hold_heap, let_heap_go),
        cmocka_unit_test_setup_teardown(marks_that_stop_half_way, hold_heap, let_heap_go),
        cmocka_unit_test(a_collection_of_a_corrupt_heap_aborts),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
