#include "marksweep_weak_internal.h"

#include <errno.h>
#include <stdio.h>

#include "marksweep.h"
#include "marksweep_heap_internal.h"
#include "marksweep_layout_internal.h"

_Static_assert(sizeof(struct gc_weak) == GC_WEAK_BYTES, "a weak reference is one granule");
_Static_assert(sizeof(struct marksweep_ephemeron) == MS_GRANULE_BYTES, "so is an ephemeron");

/* Their maps are empty: what they refer to is this file's business. */
static struct gc_type weak_type = {.name = "weak reference"};
static struct gc_type ephemeron_type = {.name = "ephemeron"};

/* Whether there ever was one: else no collection looks for them. */
static bool weak_used;
static bool ephemerons_used;

void ms_weak_init(void)
{
    weak_type.backend_word = ms_mutator_row(MS_LAYOUT_WEAK);
    ephemeron_type.backend_word = ms_mutator_row(MS_LAYOUT_EPHEMERON);
}

static void note_used(bool *used)
{
    if (!__atomic_load_n(used, __ATOMIC_RELAXED))
        __atomic_store_n(used, true, __ATOMIC_RELAXED);
}

struct gc_weak *gc_weak_new(struct gc_mutator *m, void *target)
{
    note_used(&weak_used);
    struct gc_weak *weak = gc_alloc(m, &weak_type, sizeof *weak);
    weak->target = target;
    weak->unused = 0;
    return weak;
}

struct marksweep_ephemeron *marksweep_ephemeron_new(struct gc_mutator *m, void *key, void *value)
{
    note_used(&ephemerons_used);
    struct marksweep_ephemeron *e = gc_alloc(m, &ephemeron_type, sizeof *e);
    e->key = key;
    e->value = key ? value : NULL;
    return e;
}

void *marksweep_ephemeron_key(const struct marksweep_ephemeron *e)
{
    return __atomic_load_n(&e->key, __ATOMIC_RELAXED);
}

void *marksweep_ephemeron_value(const struct marksweep_ephemeron *e)
{
    return __atomic_load_n(&e->value, __ATOMIC_RELAXED);
}

void marksweep_ephemeron_set_value(struct gc_mutator *m, struct marksweep_ephemeron *e, void *value)
{
    (void)m;
    if (marksweep_ephemeron_key(e))
        __atomic_store_n(&e->value, value, __ATOMIC_RELAXED);
}

static bool is_in_heap(const void *object)
{
    return (uintptr_t)object - (uintptr_t)ms_space.base < ms_space.top_bytes;
}

static size_t granule_of(const void *object)
{
    return ((uintptr_t)object - (uintptr_t)ms_space.base) >> MS_GRANULE_SHIFT;
}

/* What is not of the heap stays: static data may be referred to as by any field. */
static bool is_marked(const void *object)
{
    return !is_in_heap(object) || ms_bit_test(ms_space.marks, granule_of(object));
}

/* Words of the span's bitmaps: more than a block's where memory was only to be had in slots of a
 * larger class. */
static size_t span_words(uint32_t span)
{
    return ms_space.table[span].run * MS_BLOCK_WORDS;
}

/* The object at this granule of a span. */
static void *object_at(uint32_t span, size_t granule)
{
    return ms_space_address(span) + (granule << MS_GRANULE_SHIFT);
}

/* The next span of the layout, from run `first` on, or MS_NO_BLOCK. */
static uint32_t next_span(unsigned layout, uint32_t first)
{
    for (; first < ms_space.top; first += ms_space.table[first].run)
        if (ms_space.table[first].state == MS_SMALL &&
            ms_kind_layout(ms_space.kinds[first]) == layout)
            return first;
    return MS_NO_BLOCK;
}

/* Visits the values in one span; whether there was one to mark. */
static bool mark_values_of(struct ms_marker *k, uint32_t span)
{
    const uint64_t *marks = ms_space_bits(ms_space.marks, span);
    bool found = false;
    for (size_t word = 0; word < span_words(span); word++) {
        for (uint64_t set = marks[word]; set != 0; set &= set - 1) {
            struct marksweep_ephemeron *e =
                object_at(span, word * 64 + (size_t)__builtin_ctzll(set));
            if (e->value && is_marked(e->key) && !is_marked(e->value)) {
                ms_mark_root(k, (uintptr_t)e->value, false);
                found |= is_marked(e->value);
            }
        }
    }
    return found;
}

uint64_t ms_weak_mark_values(struct ms_marker *k)
{
    uint64_t searches = 0;
    bool found = ephemerons_used;
    while (found) {
        found = false;
        for (uint32_t span = 1; (span = next_span(MS_LAYOUT_EPHEMERON, span)) != MS_NO_BLOCK;
             span += ms_space.table[span].run) {
            if (mark_values_of(k, span)) {
                searches += ms_mark_drain(k);
                found = true;
            }
        }
    }
    return searches;
}

static void prefetch_mark(const void *object)
{
    if (is_in_heap(object))
        __builtin_prefetch(&ms_space.marks[granule_of(object) / 64]);
}

static void clear_weak(void *object)
{
    struct gc_weak *weak = object;
    if (weak->target && !is_marked(weak->target))
        weak->target = NULL;
}

static void clear_ephemeron(void *object)
{
    struct marksweep_ephemeron *e = object;
    if (e->key && !is_marked(e->key))
        e->key = e->value = NULL;
}

/* Calls `clear` for each allocated object of the layout. Both kinds have what decides in their
 * first word, whose mark is fetched for 64 of them at a time, since targets lie anywhere. */
static void clear_all(unsigned layout, void (*clear)(void *object))
{
    for (uint32_t span = 1; (span = next_span(layout, span)) != MS_NO_BLOCK;
         span += ms_space.table[span].run) {
        const uint64_t *bits = ms_space_bits(ms_space.allocated, span);
        for (size_t word = 0; word < span_words(span); word++) {
            for (uint64_t set = bits[word]; set != 0; set &= set - 1)
                prefetch_mark(*(void **)object_at(span, word * 64 + (size_t)__builtin_ctzll(set)));
            for (uint64_t set = bits[word]; set != 0; set &= set - 1)
                clear(object_at(span, word * 64 + (size_t)__builtin_ctzll(set)));
        }
    }
}

void ms_weak_clear(void)
{
    if (weak_used)
        clear_all(MS_LAYOUT_WEAK, clear_weak);
    if (ephemerons_used)
        clear_all(MS_LAYOUT_EPHEMERON, clear_ephemeron);
}

static bool is_right(const void *reference, bool of_marks)
{
    return !reference || !is_in_heap(reference) ||
           (ms_space_find((uintptr_t)reference, false) == reference &&
            (!of_marks || is_marked(reference)));
}

static bool span_is_right(uint32_t span, unsigned layout, bool of_marks)
{
    const uint64_t *bits = ms_space_bits(of_marks ? ms_space.marks : ms_space.allocated, span);
    for (size_t word = 0; word < span_words(span); word++) {
        for (uint64_t set = bits[word]; set != 0; set &= set - 1) {
            const struct marksweep_ephemeron *e =
                object_at(span, word * 64 + (size_t)__builtin_ctzll(set));
            if (!is_right(e->key, of_marks) ||
                (layout == MS_LAYOUT_EPHEMERON &&
                 (!is_right(e->value, of_marks) || (!e->key && e->value))))
                return false;
        }
    }
    return true;
}

int ms_weak_verify(bool of_marks, char *why, size_t why_bytes)
{
    static const unsigned layouts[] = {MS_LAYOUT_WEAK, MS_LAYOUT_EPHEMERON};
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        for (uint32_t span = 1; (span = next_span(layouts[i], span)) != MS_NO_BLOCK;
             span += ms_space.table[span].run) {
            if (span_is_right(span, layouts[i], of_marks))
                continue;
            snprintf(why, why_bytes, "%s in block %u names no %s object",
                     layouts[i] == MS_LAYOUT_WEAK ? "a weak reference" : "an ephemeron", span,
                     of_marks ? "marked" : "allocated");
            return -EFAULT;
        }
    }
    return 0;
}
