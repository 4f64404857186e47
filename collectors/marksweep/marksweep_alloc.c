/* The slow half of allocation: the next hole, the next span, large objects, and what to do when
 * there is none. */
#include <string.h>

#include "marksweep_collect_internal.h"
#include "marksweep_heap_internal.h"
#include "marksweep_pacer_internal.h"
#include "marksweep_plant_internal.h"
#include "marksweep_world_internal.h"

/* Collections tried for one request before it is out of memory: a pool lets go of an object in the
 * second collection that finds it unused, and its memory is there after that. More of them where
 * memory was there, but other threads were quicker. */
#define COLLECTIONS_BEFORE_OUT_OF_MEMORY 3
#define COLLECTIONS_WITH_MEMORY_THERE    32

struct ms_heap ms_heap;

void ms_heap_init(const struct gc_config *config, uint64_t stress, bool verify)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    /* Held for tens of nanoseconds: worth spinning for. */
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&ms_heap.lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    ms_heap.listener = config->listener;
    ms_heap.stress = stress;
    ms_heap.verify = verify;
    ms_heap.poison = verify || stress > 0;
}

int ms_heap_charge_layout(void)
{
    size_t more = ms_mutator_bytes(ms_layout_count() + 1) - ms_mutator_bytes(ms_layout_count());
    return ms_space_charge_in_place_of_free(more * ms_world.mutator_max);
}

/* Sets the bits of all slots that start in granules [from, end) of a span. */
static void set_slots(uint64_t *bits, const struct ms_class *c, size_t from, size_t end)
{
    if (!c->one_block) {
        for (size_t granule = from; granule < end; granule += c->slot_granules)
            ms_bit_set(bits, granule);
        return;
    }
    /* A whole span is what busy kinds mostly use up. */
    if (from == 0 && end == (size_t)c->slots * c->slot_granules) {
        memcpy(bits, c->starts, sizeof c->starts);
        return;
    }
    for (size_t word = from / 64; word * 64 < end; word++) {
        uint64_t mask = ~UINT64_C(0);
        if (word == from / 64)
            mask &= ~UINT64_C(0) << (from % 64);
        if (end < (word + 1) * 64)
            mask &= (UINT64_C(1) << (end % 64)) - 1;
        bits[word] |= c->starts[word] & mask;
    }
}

/* First granule >= from where a free slot starts, or the end of the slots. */
static size_t next_free_slot(const uint64_t *bits, const struct ms_class *c, size_t from)
{
    size_t end = (size_t)c->slots * c->slot_granules;
    if (!c->one_block) {
        while (from < end && ms_bit_test(bits, from))
            from += c->slot_granules;
        return from;
    }
    uint64_t mask = ~UINT64_C(0) << (from % 64);
    for (size_t word = from / 64; word * 64 < end; word++, mask = ~UINT64_C(0)) {
        uint64_t free_starts = c->starts[word] & ~bits[word] & mask;
        if (free_starts != 0)
            return word * 64 + (size_t)__builtin_ctzll(free_starts);
    }
    return end;
}

/* First granule >= from where an allocated slot starts, or the end of the slots. */
static size_t next_allocated_slot(const uint64_t *bits, const struct ms_class *c, size_t from)
{
    size_t end = (size_t)c->slots * c->slot_granules;
    uint64_t mask = ~UINT64_C(0) << (from % 64);
    for (size_t word = from / 64; word * 64 < end; word++, mask = ~UINT64_C(0)) {
        uint64_t starts = bits[word] & mask;
        if (starts != 0)
            return word * 64 + (size_t)__builtin_ctzll(starts);
    }
    return end;
}

static size_t granule_of(const char *address, uint32_t span)
{
    return (size_t)(address - ms_space_address(span)) >> MS_GRANULE_SHIFT;
}

/* Makes the bitmap say what was allocated from the mutator's hole; the hole is empty afterwards. */
static void flush_hole(struct ms_mutator *m, size_t hole_index)
{
    struct marksweep_hole *hole = &m->holes[hole_index];
    struct ms_cursor *cursor = &m->cursors[hole_index];
    const struct ms_class *c = &ms_classes[hole_index % MARKSWEEP_CLASSES];
    size_t bytes = (size_t)(hole->next - cursor->hole_start);
    if (bytes > 0) {
        set_slots(ms_space_bits(ms_space.allocated, cursor->span), c,
                  granule_of(cursor->hole_start, cursor->span),
                  granule_of(hole->next, cursor->span));
        m->flushed_bytes += bytes;
        m->flushed_count += ms_class_slot_index(c, bytes >> MS_GRANULE_SHIFT);
    }
    cursor->hole_start = hole->next = hole->end = NULL;
}

static void flush_counts(struct ms_mutator *m)
{
    ms_heap.allocated_bytes += m->flushed_bytes;
    ms_heap.allocated_count += m->flushed_count;
    ms_heap.since_collection_bytes += m->flushed_bytes;
    m->flushed_bytes = 0;
    m->flushed_count = 0;
}

/* Gives the rest of the reserve back. Under the lock. */
static void flush_reserve(struct ms_mutator *m)
{
    if (m->reserve_blocks > 0)
        ms_space_return(m->reserve, m->reserve_blocks);
    m->reserve_blocks = 0;
}

void ms_heap_flush_mutator(struct ms_mutator *m)
{
    for (uint32_t i = 0; i < m->active_count; i++) {
        size_t hole_index = m->active[i];
        struct ms_cursor *cursor = &m->cursors[hole_index];
        const struct ms_class *c = &ms_classes[hole_index % MARKSWEEP_CLASSES];
        flush_hole(m, hole_index);
        if (next_free_slot(ms_space_bits(ms_space.allocated, cursor->span), c, 0) <
            (size_t)c->slots * c->slot_granules)
            ms_heap_append_partial(hole_index, cursor->span);
        while (cursor->spare != MS_NO_BLOCK) {
            uint32_t spare = cursor->spare;
            cursor->spare = ms_space.table[spare].next;
            ms_heap_append_partial(hole_index, spare);
        }
        cursor->span = MS_NO_BLOCK;
        cursor->batch = 0;
    }
    m->active_count = 0;
    flush_reserve(m);
    flush_counts(m);
}

/* Makes the free slots that start in granules [start, end) of the cursor's span its hole. */
static void set_hole(struct ms_mutator *m, size_t hole_index, size_t start, size_t end)
{
    struct ms_cursor *cursor = &m->cursors[hole_index];
    if (ms_heap.stress)
        end = start + ms_classes[hole_index % MARKSWEEP_CLASSES].slot_granules;
    char *base = ms_space_address(cursor->span);
    struct marksweep_hole *hole = &m->holes[hole_index];
    cursor->hole_start = hole->next = base + (start << MS_GRANULE_SHIFT);
    cursor->search_granule = (uint32_t)end;
    hole->end = base + (end << MS_GRANULE_SHIFT);
    if (ms_layout_reads_slack((unsigned)(hole_index / MARKSWEEP_CLASSES)))
        memset(hole->next, 0, (size_t)(hole->end - hole->next));
}

/* Finds the next hole in the span of the cursor and takes it. Returns false where there is none. */
static bool take_hole(struct ms_mutator *m, size_t hole_index)
{
    struct ms_cursor *cursor = &m->cursors[hole_index];
    const struct ms_class *c = &ms_classes[hole_index % MARKSWEEP_CLASSES];
    const uint64_t *bits = ms_space_bits(ms_space.allocated, cursor->span);
    size_t start = next_free_slot(bits, c, cursor->search_granule);
    if (start >= (size_t)c->slots * c->slot_granules)
        return false;
    set_hole(m, hole_index, start, next_allocated_slot(bits, c, start));
    return true;
}

/* Whether spans of this list are to be had without cutting free memory. Without the lock a hint:
 * lists grow only in collections and when a mutator leaves. */
static bool has_partial(size_t hole_index)
{
    return __atomic_load_n(&ms_heap.partial[hole_index].first, __ATOMIC_RELAXED) != MS_NO_BLOCK;
}

static uint32_t take_partial(size_t hole_index)
{
    struct ms_span_list *list = &ms_heap.partial[hole_index];
    uint32_t span = list->first;
    __atomic_store_n(&list->first, ms_space.table[span].next, __ATOMIC_RELAXED);
    return span;
}

/* Takes a new reserve from which a span of this class can be cut: 128 KiB, and no more than a
 * sixteenth of what may be allocated before the next collection. Under the lock. */
static bool take_reserve(struct ms_mutator *m, const struct ms_class *c)
{
    flush_reserve(m);
    size_t most = ms_heap.budget_bytes / 16 / MS_BLOCK_BYTES;
    if (most > MS_RESERVE_BLOCKS)
        most = MS_RESERVE_BLOCKS;
    if (most < c->blocks)
        most = c->blocks;
    m->reserve = ms_space_take_some(c->blocks, &most);
    if (m->reserve == MS_NO_BLOCK)
        return false;
    m->reserve_blocks = (uint32_t)most;
    return true;
}

/* Cuts a span from the reserve. */
static uint32_t cut_span(struct ms_mutator *m, size_t hole_index)
{
    const struct ms_class *c = &ms_classes[hole_index % MARKSWEEP_CLASSES];
    uint32_t span = m->reserve;
    ms_kind kind = ms_kind_of((unsigned)(hole_index / MARKSWEEP_CLASSES),
                              (unsigned)(hole_index % MARKSWEEP_CLASSES));
    for (uint32_t i = 0; i < c->blocks; i++) {
        ms_space.table[span + i].state = MS_SMALL;
        ms_space.table[span + i].back = i;
        ms_space.kinds[span + i] = kind;
    }
    ms_space.table[span].run = c->blocks;
    m->reserve += c->blocks;
    m->reserve_blocks -= c->blocks;
    return span;
}

static void use_span(struct ms_mutator *m, size_t hole_index, uint32_t span)
{
    struct ms_cursor *cursor = &m->cursors[hole_index];
    ms_plant_alloc();
    if (cursor->span == MS_NO_BLOCK)
        m->active[m->active_count++] = (uint16_t)hole_index;
    cursor->span = span;
    cursor->search_granule = 0;
}

/* Gives the cursor its next span: partly free ones first, several at a time, else one cut from
 * free memory, which *is_new tells. Returns false where there is none. Under the lock. */
static bool take_spans(struct ms_mutator *m, size_t hole_index, bool *is_new)
{
    struct ms_cursor *cursor = &m->cursors[hole_index];
    if (!has_partial(hole_index)) {
        if (!take_reserve(m, &ms_classes[hole_index % MARKSWEEP_CLASSES]))
            return false;
        use_span(m, hole_index, cut_span(m, hole_index));
        *is_new = true;
        return true;
    }
    uint32_t batch = cursor->batch < MS_BATCH_MAX / 2 ? 2 * cursor->batch : MS_BATCH_MAX;
    batch = cursor->batch == 0 ? 1 : batch;
    use_span(m, hole_index, take_partial(hole_index));
    uint32_t *link = &cursor->spare;
    for (uint32_t i = 1; i < batch && has_partial(hole_index); i++) {
        *link = take_partial(hole_index);
        link = &ms_space.table[*link].next;
    }
    *link = MS_NO_BLOCK;
    cursor->batch = batch;
    return true;
}

/* One slot, by whatever the heap has without collecting; NULL where it has none, or where enough
 * has been allocated that a collection is due (`may_exceed`: not even then). */
static char *alloc_small(struct ms_mutator *m, size_t hole_index, bool may_exceed)
{
    struct marksweep_hole *hole = &m->holes[hole_index];
    struct ms_cursor *cursor = &m->cursors[hole_index];
    const struct ms_class *c = &ms_classes[hole_index % MARKSWEEP_CLASSES];
    if (hole->next == hole->end) {
        if (cursor->span != MS_NO_BLOCK)
            flush_hole(m, hole_index);
        if (cursor->span == MS_NO_BLOCK || !take_hole(m, hole_index)) {
            bool is_new = false;
            if (cursor->spare != MS_NO_BLOCK) {
                uint32_t span = cursor->spare;
                cursor->spare = ms_space.table[span].next;
                use_span(m, hole_index, span);
            } else if (m->reserve_blocks >= c->blocks && !has_partial(hole_index)) {
                use_span(m, hole_index, cut_span(m, hole_index));
                is_new = true;
            } else {
                ms_heap_lock();
                flush_counts(m);
                bool due = !may_exceed && ms_heap.since_collection_bytes >= ms_heap.budget_bytes;
                bool taken = !due && take_spans(m, hole_index, &is_new);
                ms_heap_unlock();
                if (!taken)
                    return NULL;
            }
            if (is_new)
                set_hole(m, hole_index, 0, (size_t)c->slots * c->slot_granules);
            else
                take_hole(m, hole_index);
        }
    }
    char *object = hole->next;
    hole->next += c->slot_bytes;
    return object;
}

/* Whether to collect rather than allocate a large object: the budget is used up, or would be
 * exceeded by this object with half of it used, so that heaps of a few large objects do not grow by
 * one more. Under the lock. */
static bool is_large_due(size_t bytes)
{
    uint64_t used_bytes = ms_heap.since_collection_bytes;
    uint64_t budget_bytes = ms_heap.budget_bytes;
    return used_bytes >= budget_bytes ||
           (bytes > budget_bytes - used_bytes && used_bytes >= budget_bytes / 2);
}

/* The same for an object with blocks of its own, which are accounted at once. */
static char *alloc_large(struct ms_mutator *m, unsigned layout, size_t bytes, bool may_exceed)
{
    if (bytes > ms_space.reserved * MS_BLOCK_BYTES)
        return NULL;
    size_t blocks = (bytes + MS_BLOCK_BYTES - 1) / MS_BLOCK_BYTES;
    uint32_t first = MS_NO_BLOCK;
    ms_heap_lock();
    flush_counts(m);
    if (may_exceed || !is_large_due(blocks * MS_BLOCK_BYTES))
        first = ms_space_take(blocks);
    if (first != MS_NO_BLOCK) {
        for (size_t i = 0; i < blocks; i++) {
            ms_space.table[first + i].state = MS_LARGE;
            ms_space.table[first + i].back = (uint32_t)i;
        }
        ms_space.table[first].bytes = bytes;
        ms_space.kinds[first] = ms_kind_of(layout, MS_CLASS_LARGE);
        ms_bit_set(ms_space_bits(ms_space.allocated, first), 0);
        ms_heap.allocated_bytes += blocks * MS_BLOCK_BYTES;
        ms_heap.allocated_count++;
        ms_heap.since_collection_bytes += blocks * MS_BLOCK_BYTES;
    }
    ms_heap_unlock();
    return first == MS_NO_BLOCK ? NULL : ms_space_address(first);
}

static char *alloc_once(struct ms_mutator *m, const struct gc_type *type, size_t bytes,
                        bool may_exceed)
{
    unsigned layout = ms_mutator_layout(type->backend_word);
    if (bytes > MARKSWEEP_SMALL_MAX)
        return alloc_large(m, layout, bytes, may_exceed);
    size_t hole_index = (size_t)layout * MARKSWEEP_CLASSES + marksweep_class_of(bytes);
    return alloc_small(m, hole_index, may_exceed);
}

/* The same in a slot of a larger class: where survivors pin blocks of all classes but the one that
 * is needed, memory is there in no other form. */
static char *alloc_larger(struct ms_mutator *m, const struct gc_type *type, size_t bytes)
{
    if (bytes > MARKSWEEP_SMALL_MAX)
        return NULL;
    size_t row = ms_mutator_layout(type->backend_word) * MARKSWEEP_CLASSES;
    char *object = NULL;
    for (size_t c = marksweep_class_of(bytes) + 1; !object && c < MARKSWEEP_CLASSES; c++)
        object = alloc_small(m, row + c, true);
    return object;
}

/* Whether the last collection left the memory for such a request, and a sixteenth of the limit for
 * what cannot be used by all. */
static bool was_there(size_t bytes)
{
    ms_heap_lock();
    uint64_t limit_bytes = ms_space.limit_bytes;
    uint64_t used_bytes = ms_collect_totals.live_bytes + ms_space_metadata_bytes();
    ms_heap_unlock();
    uint64_t usable_bytes = limit_bytes - limit_bytes / 16;
    return ms_world.mutator_max > 1 && bytes <= usable_bytes && used_bytes <= usable_bytes - bytes;
}

void *marksweep_alloc_slow(struct gc_mutator *mutator, const struct gc_type *type, size_t bytes)
{
    struct ms_mutator *m = (struct ms_mutator *)mutator;
    gc_safepoint(mutator);
    if (ms_heap.stress && --m->stress_left == 0) {
        m->stress_left = ms_heap.stress;
        ms_collect(m);
    }
    char *object = alloc_once(m, type, bytes, false);
    for (int tries = 0; !object && (tries < COLLECTIONS_BEFORE_OUT_OF_MEMORY ||
                                    (tries < COLLECTIONS_WITH_MEMORY_THERE && was_there(bytes)));
         tries++) {
        ms_collect(m);
        object = alloc_once(m, type, bytes, true);
        if (!object)
            object = alloc_larger(m, type, bytes);
    }
    if (!object) {
        ms_heap.listener->out_of_memory(ms_heap.listener->data, bytes);
        __builtin_trap(); /* the listener must not return */
    }
    return object;
}
