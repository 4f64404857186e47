#include "marksweep_mark_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "marksweep_layout_internal.h"
#include "marksweep_space_internal.h"

#define STACK_ADDRESS_BYTES  ((size_t)1 << 36) /* halved where refused */
#define STACK_SMALLEST_BYTES ((size_t)1 << 20)
#define STACK_FIRST_BYTES    ((size_t)32 << 10)
#define STACK_FIRST_LIMIT    ((size_t)1 << 20)

/* Words of an array that are scanned at a time, so that one long array neither fills the stack with
 * its elements nor keeps what they refer to waiting. */
#define PIECE_BYTES 1024u

/* Objects on their way from memory; a power of two. */
#define FIFO_SIZE 64u

struct ms_marker ms_marker;

int ms_mark_init(void)
{
    struct ms_marker *k = &ms_marker;
    size_t bytes = STACK_ADDRESS_BYTES;
    while (bytes > ms_space.reserved * MS_BLOCK_BYTES)
        bytes /= 2;
    void *memory = MAP_FAILED;
    for (; bytes >= STACK_SMALLEST_BYTES && memory == MAP_FAILED; bytes /= 2) {
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        k->capacity_max = bytes / sizeof *k->stack;
    }
    /* Under a heap limit a collection begins when there is no more to be had, so that the stack
     * could not grow just when it must: a 128th of the limit is set aside for it. */
    size_t first_bytes = STACK_FIRST_BYTES;
    while (first_bytes < ms_space.limit_bytes / 128 && first_bytes < STACK_FIRST_LIMIT)
        first_bytes *= 2;
    if (memory == MAP_FAILED || ms_space_charge(first_bytes) != 0)
        return -ENOMEM;
    k->stack = memory;
    k->capacity = k->capacity_first = first_bytes / sizeof *k->stack;
    return 0;
}

/* The heap as marking sees it. A copy, since the compiler cannot know that marking changes none of
 * it and would load it anew for each reference. */
struct view {
    uintptr_t base;
    size_t top_bytes;
    uint64_t *marks;
    const struct ms_kind *kinds;
};

static inline struct view view_heap(void)
{
    return (struct view){(uintptr_t)ms_space.base, ms_space.top_bytes, ms_space.marks,
                         ms_space.kinds};
}

static inline unsigned layout_of(uintptr_t object)
{
    return ms_space.kinds[(object - (uintptr_t)ms_space.base) >> MS_BLOCK_SHIFT].layout;
}

/* Makes room for MS_MARK_ROOM more entries; false where there is none to be had. */
static bool make_room(struct ms_marker *k)
{
    if (k->depth + MS_MARK_ROOM <= k->capacity)
        return true;
    size_t capacity = 2 * k->capacity;
    if (capacity > k->capacity_max ||
        ms_space_charge((capacity - k->capacity) * sizeof *k->stack) != 0) {
        k->overflowed = true;
        return false;
    }
    k->capacity = capacity;
    return true;
}

/* Visits a reference: marks its target and puts it on top of the stack if it was white. No branch
 * depends on whether it was: that cannot be predicted, and where most references lead to marked
 * objects the mispredictions would cost more than all the rest. NULL, and what is not of this heap,
 * lies outside [base, base + top_bytes) and is taken for granule 0, which is marked. */
static inline __attribute__((always_inline)) uintptr_t *visit(struct view v, uintptr_t *top,
                                                              uintptr_t reference)
{
    size_t offset = reference - v.base;
    offset = offset < v.top_bytes ? offset : 0;
    size_t granule = offset >> MS_GRANULE_SHIFT;
    uint64_t *word = &v.marks[granule / 64];
    uint64_t old = *word;
    uint64_t marked = old | UINT64_C(1) << (granule % 64);
    *word = marked;
    *top = reference;
    return top + (marked != old);
}

void ms_mark_root(struct ms_marker *k, uintptr_t word, bool interior)
{
    char *object = ms_space_find(word, interior);
    if (object && make_room(k))
        k->depth = (size_t)(visit(view_heap(), k->stack + k->depth, (uintptr_t)object) - k->stack);
}

static inline uintptr_t *scan_map(struct view v, uintptr_t *top, const uintptr_t *words,
                                  uint64_t map)
{
    for (; map != 0; map &= map - 1)
        top = visit(v, top, words[(unsigned)__builtin_ctzll(map)]);
    return top;
}

/* Scans one piece of an object, from `offset` on, and pushes the rest. */
static uintptr_t *scan_piece(struct view v, uintptr_t *top, uintptr_t object, size_t offset)
{
    const struct ms_layout *layout = &ms_layouts[layout_of(object)];
    if (layout->kind == MS_SCAN_RECORD)
        return scan_map(v, top, (const uintptr_t *)object, layout->fixed_pointers);
    size_t end = ms_space_object_bytes((const char *)object);
    size_t unit = layout->kind == MS_SCAN_ELEMENTS ? layout->element_bytes : sizeof(uintptr_t);
    if (offset == 0 && layout->kind == MS_SCAN_ELEMENTS) {
        top = scan_map(v, top, (const uintptr_t *)object, layout->fixed_pointers);
        offset = layout->fixed_bytes;
    }
    end = offset + (end - offset) / unit * unit;
    size_t piece_end = end;
    if (end - offset > PIECE_BYTES && end - offset > unit) {
        size_t units = PIECE_BYTES / unit;
        piece_end = offset + (units > 0 ? units : 1) * unit;
    }
    if (piece_end < end) {
        *top++ = piece_end;
        *top++ = object | 1;
    }
    for (; offset < piece_end; offset += unit) {
        const uintptr_t *words = (const uintptr_t *)(object + offset);
        if (layout->kind == MS_SCAN_POINTERS) {
            top = visit(v, top, words[0]);
        } else if (layout->kind == MS_SCAN_ELEMENTS) {
            top = scan_map(v, top, words, layout->element_pointers);
        } else {
            char *target = ms_space_find(words[0], false);
            top = visit(v, top, (uintptr_t)target);
        }
    }
    return top;
}

static void drain(struct ms_marker *k)
{
    struct view v = view_heap();
    uintptr_t *bottom = k->stack;
    uintptr_t *top = bottom + k->depth;
    uintptr_t *last = bottom + k->capacity - MS_MARK_ROOM;
    struct {
        uintptr_t object;
        const struct ms_slot_scan *scan;
    } fifo[FIFO_SIZE];
    uint32_t first = 0, count = 0;
    for (;;) {
        while (count < FIFO_SIZE && top != bottom) {
            uintptr_t entry = *--top;
            struct ms_kind kind = v.kinds[(entry - v.base) >> MS_BLOCK_SHIFT];
            if (__builtin_expect(entry & 1, 0)) {
                uintptr_t object = entry & ~(uintptr_t)1;
                size_t offset = *--top;
                if (top > last) {
                    k->depth = (size_t)(top - bottom);
                    if (!make_room(k))
                        continue;
                    last = bottom + k->capacity - MS_MARK_ROOM;
                }
                top = scan_piece(v, top, object, offset);
                continue;
            }
            if (kind.layout == MS_LAYOUT_LEAF)
                continue;
            __builtin_prefetch((const void *)entry);
            __builtin_prefetch((const char *)entry + 63);
            fifo[(first + count) % FIFO_SIZE].object = entry;
            fifo[(first + count++) % FIFO_SIZE].scan =
                &ms_layouts[kind.layout].slots[kind.size_class];
        }
        if (count == 0)
            break;
        uintptr_t object = fifo[first % FIFO_SIZE].object;
        const struct ms_slot_scan *scan = fifo[first % FIFO_SIZE].scan;
        first++;
        count--;
        if (__builtin_expect(top > last, 0)) {
            k->depth = (size_t)(top - bottom);
            if (!make_room(k))
                continue;
            last = bottom + k->capacity - MS_MARK_ROOM;
        }
        uint32_t n = scan->count;
        if (n > 0) {
            const uintptr_t *words = (const uintptr_t *)object + scan->first;
            for (uint32_t i = 0; i < n; i++)
                top = visit(v, top, words[i]);
        } else if (scan->map != 0)
            top = scan_map(v, top, (const uintptr_t *)object, scan->map);
        else
            top = scan_piece(v, top, object, 0);
    }
    k->depth = 0;
}

/* Scans every marked object once more, so that what a full stack left white behind a black object
 * is found. Each pass that overflows again has marked something, so passes end. */
static void search_heap(struct ms_marker *k)
{
    for (uint32_t first = 1; first < ms_space.top; first += ms_space.table[first].run) {
        const struct ms_block *block = &ms_space.table[first];
        if (block->state < MS_SMALL || ms_space.kinds[first].layout == MS_LAYOUT_LEAF)
            continue;
        const uint64_t *bits = ms_space_bits(ms_space.marks, first);
        size_t words = block->state == MS_SMALL ? block->run * MS_BLOCK_WORDS : 1;
        for (size_t word = 0; word < words; word++) {
            /* Bits that draining sets behind this point are scanned by it. */
            for (uint64_t set = bits[word]; set != 0; set &= set - 1) {
                size_t granule = word * 64 + (size_t)__builtin_ctzll(set);
                k->stack[k->depth++] =
                    (uintptr_t)ms_space_address(first) + (granule << MS_GRANULE_SHIFT);
                drain(k);
            }
        }
    }
}

uint64_t ms_mark_drain(struct ms_marker *k)
{
    uint64_t searches = 0;
    ms_bit_set(ms_space.marks, 0);
    drain(k);
    while (k->overflowed) {
        k->overflowed = false;
        search_heap(k);
        searches++;
    }
    ms_space.marks[0] = 0;
    /* What a deep heap needed is not kept: pages beyond the first go back. */
    if (k->capacity > k->capacity_first) {
        size_t extra_bytes = (k->capacity - k->capacity_first) * sizeof *k->stack;
        madvise(k->stack + k->capacity_first, extra_bytes, MADV_DONTNEED);
        ms_space_uncharge(extra_bytes);
        k->capacity = k->capacity_first;
    }
    return searches;
}

void ms_mark_each_field(const char *object,
                        void (*visit_field)(void *data, const char *object, void *const *field),
                        void *data)
{
    const struct ms_layout *layout = &ms_layouts[layout_of((uintptr_t)object)];
    void *const *words = (void *const *)(const void *)object;
    for (uint64_t map = layout->fixed_pointers; map != 0; map &= map - 1)
        visit_field(data, object, words + __builtin_ctzll(map));
    if (layout->kind != MS_SCAN_POINTERS && layout->kind != MS_SCAN_ELEMENTS)
        return;
    size_t bytes = ms_space_object_bytes(object);
    for (size_t offset = layout->fixed_bytes; offset + layout->element_bytes <= bytes;
         offset += layout->element_bytes)
        for (uint64_t map = layout->element_pointers; map != 0; map &= map - 1)
            visit_field(data, object, words + offset / 8 + (size_t)__builtin_ctzll(map));
}
