#include "marksweep_mark_internal.h"

#include <errno.h>
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

static bool stack_grow(struct ms_marker *k)
{
    size_t capacity = 2 * k->capacity;
    if (capacity > k->capacity_max ||
        ms_space_charge((capacity - k->capacity) * sizeof *k->stack) != 0)
        return false;
    k->capacity = capacity;
    return true;
}

/* The object, already marked, becomes grey; without room it stays black too early, to be found
 * again. */
static inline void push(struct ms_marker *k, uintptr_t object)
{
    if (__builtin_expect(k->depth == k->capacity, 0) && !stack_grow(k)) {
        k->overflowed = true;
        return;
    }
    k->stack[k->depth++] = object;
}

static inline void push_rest(struct ms_marker *k, uintptr_t array, size_t offset)
{
    if (__builtin_expect(k->depth + 2 > k->capacity, 0) && !stack_grow(k)) {
        k->overflowed = true;
        return;
    }
    k->stack[k->depth++] = offset;
    k->stack[k->depth++] = array | 1;
}

/* Sets the mark bit of an object; false where it was set. */
static inline bool set_mark(uintptr_t object)
{
    size_t granule = (object - (uintptr_t)ms_space.base) >> MS_GRANULE_SHIFT;
    uint64_t *word = &ms_space.marks[granule / 64];
    uint64_t bit = UINT64_C(1) << (granule % 64);
    if (*word & bit)
        return false;
    *word |= bit;
    return true;
}

static inline unsigned layout_of(uintptr_t object)
{
    return ms_space.kinds[(object - (uintptr_t)ms_space.base) >> MS_BLOCK_SHIFT].layout;
}

static inline uintptr_t fifo_take(struct ms_marker *k)
{
    uintptr_t object = k->fifo[k->fifo_first % MS_FIFO_SIZE];
    k->fifo_first++;
    k->fifo_count--;
    return object;
}

static inline void fifo_put(struct ms_marker *k, uintptr_t object)
{
    size_t offset = object - (uintptr_t)ms_space.base;
    __builtin_prefetch((const char *)ms_space.marks + (offset >> (MS_GRANULE_SHIFT + 3)), 1);
    __builtin_prefetch((const void *)object);
    if (__builtin_expect(k->fifo_count == MS_FIFO_SIZE, 0)) {
        uintptr_t oldest = fifo_take(k);
        if (set_mark(oldest) && layout_of(oldest) != MS_LAYOUT_LEAF)
            push(k, oldest);
    }
    k->fifo[(k->fifo_first + k->fifo_count) % MS_FIFO_SIZE] = object;
    k->fifo_count++;
}

/* Visits a reference: NULL, and what is not of this heap, lies outside [base, base + top_bytes). */
static inline void visit(struct ms_marker *k, uintptr_t reference)
{
    if (reference - (uintptr_t)ms_space.base < ms_space.top_bytes)
        fifo_put(k, reference);
}

void ms_mark_root(struct ms_marker *k, uintptr_t word, bool interior)
{
    char *object = ms_space_find(word, interior);
    if (object)
        fifo_put(k, (uintptr_t)object);
}

static inline void scan_map(struct ms_marker *k, const uintptr_t *words, uint64_t map)
{
    for (; map != 0; map &= map - 1)
        visit(k, words[__builtin_ctzll(map)]);
}

/* Scans one piece of an object of more than fixed size, from `offset` on, and pushes the rest. */
static void scan_elements(struct ms_marker *k, uintptr_t object, const struct ms_layout *layout,
                          size_t offset)
{
    size_t end = ms_space_object_bytes((const char *)object);
    size_t unit = layout->kind == MS_SCAN_ELEMENTS ? layout->element_bytes : sizeof(uintptr_t);
    if (offset == 0 && layout->kind == MS_SCAN_ELEMENTS) {
        scan_map(k, (const uintptr_t *)object, layout->fixed_pointers);
        offset = layout->fixed_bytes;
    }
    end = offset + (end - offset) / unit * unit;
    size_t piece_end = end;
    if (end - offset > PIECE_BYTES && end - offset > unit) {
        size_t units = PIECE_BYTES / unit;
        piece_end = offset + (units > 0 ? units : 1) * unit;
    }
    if (piece_end < end)
        push_rest(k, object, piece_end);
    for (; offset < piece_end; offset += unit) {
        const uintptr_t *words = (const uintptr_t *)(object + offset);
        if (layout->kind == MS_SCAN_POINTERS)
            visit(k, words[0]);
        else if (layout->kind == MS_SCAN_ELEMENTS)
            scan_map(k, words, layout->element_pointers);
        else
            ms_mark_root(k, words[0], false);
    }
}

static inline void scan(struct ms_marker *k, uintptr_t object, const struct ms_layout *layout)
{
    if (layout->kind == MS_SCAN_RECORD)
        scan_map(k, (const uintptr_t *)object, layout->fixed_pointers);
    else
        scan_elements(k, object, layout, 0);
}

static void scan_popped(struct ms_marker *k)
{
    uintptr_t entry = k->stack[--k->depth];
    uintptr_t object = entry & ~(uintptr_t)1;
    const struct ms_layout *layout = &ms_layouts[layout_of(object)];
    if (entry & 1)
        scan_elements(k, object, layout, k->stack[--k->depth]);
    else
        scan(k, object, layout);
}

/* Until nothing is grey and the FIFO is empty. A record that has just left the FIFO, and is thus in
 * the cache, is scanned at once if its references fit; else it is pushed. */
static void drain(struct ms_marker *k)
{
    for (;;) {
        if (k->fifo_count > MS_FIFO_TARGET || (k->depth == 0 && k->fifo_count > 0)) {
            uintptr_t object = fifo_take(k);
            if (!set_mark(object))
                continue;
            unsigned number = layout_of(object);
            if (number == MS_LAYOUT_LEAF)
                continue;
            const struct ms_layout *layout = &ms_layouts[number];
            if (layout->kind == MS_SCAN_RECORD &&
                layout->fixed_references <= MS_FIFO_SIZE - k->fifo_count)
                scan_map(k, (const uintptr_t *)object, layout->fixed_pointers);
            else
                push(k, object);
        } else if (k->depth > 0) {
            scan_popped(k);
        } else {
            return;
        }
    }
}

/* Scans every marked object once more, so that what a full stack left white behind a black object
 * is found. Each pass that overflows again has marked something, so passes end. */
static void search_heap(struct ms_marker *k)
{
    for (uint32_t first = 1; first < ms_space.top; first += ms_space.table[first].run) {
        const struct ms_block *block = &ms_space.table[first];
        if (block->state < MS_SMALL || ms_space.kinds[first].layout == MS_LAYOUT_LEAF)
            continue;
        const struct ms_layout *layout = &ms_layouts[ms_space.kinds[first].layout];
        const uint64_t *bits = ms_space_bits(ms_space.marks, first);
        size_t words = block->state == MS_SMALL ? block->run * MS_BLOCK_WORDS : 1;
        for (size_t word = 0; word < words; word++) {
            /* Bits that draining sets behind this point are scanned by it. */
            for (uint64_t set = bits[word]; set != 0; set &= set - 1) {
                size_t granule = word * 64 + (size_t)__builtin_ctzll(set);
                scan(k, (uintptr_t)ms_space_address(first) + (granule << MS_GRANULE_SHIFT), layout);
                drain(k);
            }
        }
    }
}

uint64_t ms_mark_drain(struct ms_marker *k)
{
    uint64_t searches = 0;
    drain(k);
    while (k->overflowed) {
        k->overflowed = false;
        search_heap(k);
        searches++;
    }
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
