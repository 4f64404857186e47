#include "marksweep_verify_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "marksweep_finalizer_internal.h"
#include "marksweep_heap_internal.h"
#include "marksweep_mark_internal.h"
#include "marksweep_weak_internal.h"

struct verification {
    char *why;
    size_t why_bytes;
    int result;
    bool of_marks; /* targets must be marked, not merely allocated */
    uint64_t partial_spans;
    uint64_t free_blocks;
    uint64_t released_blocks;
};

__attribute__((format(printf, 2, 3))) static void fail(struct verification *v, const char *format,
                                                       ...)
{
    if (v->result != 0)
        return;
    v->result = -EFAULT;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->why, v->why_bytes, format, arguments);
    va_end(arguments);
}

static void check_field(void *data, const char *object, void *const *field)
{
    struct verification *v = data;
    char *target = __atomic_load_n(field, __ATOMIC_RELAXED);
    if (target == NULL)
        return;
    if (ms_space_find((uintptr_t)target, false) != target) {
        fail(v, "field at offset %zu of the object at %p holds %p, which is no object's start",
             (size_t)((const char *)field - object), (const void *)object, (void *)target);
        return;
    }
    size_t granule = (size_t)(target - ms_space.base) >> MS_GRANULE_SHIFT;
    if (v->of_marks && !ms_bit_test(ms_space.marks, granule))
        fail(v, "the marked object at %p refers to %p, which is not marked", (const void *)object,
             (void *)target);
}

/* Calls check_field for each reference of each object that `bits` names in this run. */
static void check_objects(struct verification *v, uint32_t first, uint32_t blocks,
                          const uint64_t *bits)
{
    for (size_t word = 0; word < blocks * MS_BLOCK_WORDS && v->result == 0; word++) {
        for (uint64_t set = bits[word]; set != 0; set &= set - 1) {
            size_t granule = word * 64 + (size_t)__builtin_ctzll(set);
            ms_mark_each_field(ms_space_address(first) + (granule << MS_GRANULE_SHIFT), check_field,
                               v);
        }
    }
}

static void check_no_bits(struct verification *v, const char *name, uint64_t *bitmap,
                          uint32_t first, size_t blocks)
{
    const uint64_t *bits = ms_space_bits(bitmap, first);
    for (size_t word = 0; word < blocks * MS_BLOCK_WORDS; word++)
        if (bits[word] != 0)
            fail(v, "%s bits are set in block %u, where none may be", name,
                 (unsigned)(first + word / MS_BLOCK_WORDS));
}

static void check_small(struct verification *v, uint32_t span)
{
    ms_kind kind = ms_space.kinds[span];
    unsigned layout = ms_kind_layout(kind), size_class = ms_kind_class(kind);
    if (size_class >= MARKSWEEP_CLASSES || layout >= ms_layout_count() ||
        kind != ms_kind_of(layout, size_class)) {
        fail(v, "the span at block %u has class %u and layout %u", span, size_class, layout);
        return;
    }
    const struct ms_class *c = &ms_classes[size_class];
    if (ms_space.table[span].run != c->blocks)
        fail(v, "the span at block %u has %u blocks, its class %u", span, ms_space.table[span].run,
             c->blocks);
    const uint64_t *bits = ms_space_bits(ms_space.allocated, span);
    size_t objects = 0;
    for (size_t word = 0; word < c->blocks * MS_BLOCK_WORDS; word++) {
        objects += (size_t)__builtin_popcountll(bits[word]);
        for (uint64_t set = c->one_block ? bits[word] & ~c->starts[word] : bits[word]; set != 0;
             set &= set - 1) {
            size_t granule = word * 64 + (size_t)__builtin_ctzll(set);
            if (granule % c->slot_granules != 0 || granule / c->slot_granules >= c->slots)
                fail(v, "a bit is set at granule %zu of the span at block %u, where no slot starts",
                     granule, span);
        }
    }
    if (objects < c->slots)
        v->partial_spans++;
}

static void check_run(struct verification *v, uint32_t first)
{
    const struct ms_block *head = &ms_space.table[first];
    if (head->run == 0 || head->run > ms_space.top - first) {
        fail(v, "the run at block %u has length %u", first, head->run);
        return;
    }
    bool in_use = head->state == MS_SMALL || head->state == MS_LARGE;
    for (uint32_t i = 0; i < head->run; i++) {
        const struct ms_block *block = head + i;
        if (block->state != head->state || (in_use && block->back != i))
            fail(v, "block %u is not a part of the run at block %u", first + i, first);
        if (head->state == MS_SMALL && ms_space.kinds[first + i] != ms_space.kinds[first])
            fail(v, "block %u has not the kind of its span at block %u", first + i, first);
    }
    if (head->state == MS_SMALL) {
        check_small(v, first);
    } else if (head->state == MS_LARGE) {
        if (ms_kind_class(ms_space.kinds[first]) != MS_CLASS_LARGE ||
            head->bytes > head->run * MS_BLOCK_BYTES ||
            head->bytes + MS_BLOCK_BYTES <= head->run * MS_BLOCK_BYTES)
            fail(v, "the large object at block %u has %u blocks for %llu bytes", first, head->run,
                 (unsigned long long)head->bytes);
        if ((ms_space_bits(ms_space.allocated, first)[0] & ~UINT64_C(1)) != 0)
            fail(v, "a bit is set inside the large object at block %u", first);
        if (head->run > 1)
            check_no_bits(v, "allocated", ms_space.allocated, first + 1, head->run - 1);
    } else if (head->state == MS_FREE || head->state == MS_RELEASED) {
        *(head->state == MS_FREE ? &v->free_blocks : &v->released_blocks) += head->run;
        check_no_bits(v, "allocated", ms_space.allocated, first, head->run);
    } else {
        fail(v, "block %u is in no state", first);
    }
}

static void check_runs(struct verification *v, const struct ms_runs *runs,
                       enum ms_block_state state, uint64_t expected_blocks)
{
    uint64_t blocks = 0;
    for (size_t bin = 0; bin < MS_RUN_BINS; bin++) {
        if (!(runs->filled >> bin & 1))
            continue;
        for (uint32_t run = runs->first[bin]; run != MS_NO_BLOCK; run = ms_space.table[run].next) {
            const struct ms_block *block = &ms_space.table[run];
            bool fits = bin == MS_RUN_BINS - 1 ? block->run > bin : block->run == bin + 1;
            if (run >= ms_space.top || block->state != state || !fits) {
                fail(v, "bin %zu lists block %u, of state %u and length %u", bin, run, block->state,
                     block->run);
                return;
            }
            blocks += block->run;
            if (blocks > expected_blocks)
                break;
        }
    }
    if (blocks != expected_blocks || runs->blocks != expected_blocks)
        fail(v, "bins of state %d list %llu blocks and count %zu, the table has %llu", (int)state,
             (unsigned long long)blocks, runs->blocks, (unsigned long long)expected_blocks);
}

static void check_partial_lists(struct verification *v)
{
    uint64_t spans = 0;
    for (size_t list = 0; list < ms_layout_count() * MARKSWEEP_CLASSES; list++) {
        for (uint32_t span = ms_heap.partial[list].first; span != MS_NO_BLOCK;
             span = ms_space.table[span].next) {
            ms_kind kind = ms_space.kinds[span];
            if (span >= ms_space.top || ms_space.table[span].state != MS_SMALL ||
                ms_kind_list(kind) != list) {
                fail(v, "list %zu of partly free spans holds block %u, of layout %u and class %u",
                     list, span, ms_kind_layout(kind), ms_kind_class(kind));
                return;
            }
            if (++spans > v->partial_spans) {
                fail(v, "list %zu of partly free spans holds block %u, which is full, or is a ring",
                     list, span);
                return;
            }
        }
    }
    if (spans != v->partial_spans)
        fail(v, "%llu spans are partly free, %llu are listed", (unsigned long long)v->partial_spans,
             (unsigned long long)spans);
}

int ms_verify(char *why, size_t why_bytes)
{
    struct verification v = {.why = why, .why_bytes = why_bytes};
    uint32_t first = 1;
    for (; v.result == 0 && first < ms_space.top; first += ms_space.table[first].run)
        check_run(&v, first);
    if (v.result != 0)
        return v.result;
    check_no_bits(&v, "mark", ms_space.marks, 0, ms_space.top);
    check_runs(&v, &ms_space.free_runs, MS_FREE, v.free_blocks);
    check_runs(&v, &ms_space.released_runs, MS_RELEASED, v.released_blocks);
    check_partial_lists(&v);
    for (first = 1; v.result == 0 && first < ms_space.top; first += ms_space.table[first].run)
        check_objects(&v, first, ms_space.table[first].run,
                      ms_space_bits(ms_space.allocated, first));
    if (ms_space.limit_bytes != 0 && ms_space_held_bytes() > ms_space.limit_bytes)
        fail(&v, "%llu bytes are held, the limit is %llu",
             (unsigned long long)ms_space_held_bytes(), (unsigned long long)ms_space.limit_bytes);
    if (v.result == 0)
        v.result = ms_weak_verify(false, why, why_bytes);
    if (v.result == 0)
        v.result = ms_finalizer_verify(why, why_bytes);
    return v.result;
}

int ms_verify_marks(char *why, size_t why_bytes)
{
    struct verification v = {.why = why, .why_bytes = why_bytes, .of_marks = true};
    for (uint32_t first = 1; v.result == 0 && first < ms_space.top;
         first += ms_space.table[first].run) {
        uint32_t blocks = ms_space.table[first].run;
        const uint64_t *marks = ms_space_bits(ms_space.marks, first);
        const uint64_t *allocated = ms_space_bits(ms_space.allocated, first);
        for (size_t word = 0; word < blocks * MS_BLOCK_WORDS; word++)
            if ((marks[word] & ~allocated[word]) != 0)
                fail(&v, "something is marked in block %zu that is no object",
                     first + word / MS_BLOCK_WORDS);
        if (v.result == 0)
            check_objects(&v, first, blocks, marks);
    }
    if (v.result == 0)
        v.result = ms_weak_verify(true, why, why_bytes);
    return v.result;
}
