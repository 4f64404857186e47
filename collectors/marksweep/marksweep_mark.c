#include "marksweep_mark_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "marksweep_layout_internal.h"
#include "marksweep_space_internal.h"
#include "marksweep_team_internal.h"

#define INLINE inline __attribute__((always_inline))

#define STACK_ADDRESS_BYTES ((size_t)1 << 36) /* halved where refused */
/* Of the heap's address space, at most: where that is short, the program needs some too, and what
 * does not fit on a stack is searched for. */
#define STACK_ADDRESS_PART   16
#define STACK_SMALLEST_BYTES ((size_t)1 << 20)
#define STACK_FIRST_BYTES    ((size_t)32 << 10)
#define STACK_FIRST_LIMIT    ((size_t)1 << 20)

/* Words of an array that are scanned at a time, so that one long array neither fills the stack with
 * its elements nor keeps what they refer to waiting. */
#define PIECE_BYTES 1024u

/* Objects on their way from memory; a power of two. */
#define FIFO_SIZE 64u

/* A marker gives away half of what it has when that is at least this. */
#define FEW_ENTRIES 8

struct ms_marker ms_marker;

int ms_mark_init_stack(struct ms_marker *k, size_t first_bytes)
{
    size_t bytes = STACK_ADDRESS_BYTES;
    while (bytes > ms_space.reserved * MS_BLOCK_BYTES / STACK_ADDRESS_PART)
        bytes /= 2;
    void *memory = MAP_FAILED;
    for (; bytes >= STACK_SMALLEST_BYTES && memory == MAP_FAILED; bytes /= 2) {
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        k->capacity_max = bytes / sizeof *k->stack;
    }
    if (memory == MAP_FAILED)
        return -ENOMEM;
    if (ms_space_charge(first_bytes) != 0) {
        munmap(memory, k->capacity_max * sizeof *k->stack);
        return -ENOMEM;
    }
    k->stack = memory;
    k->capacity = k->capacity_first = first_bytes / sizeof *k->stack;
    return 0;
}

void ms_mark_free_stack(struct ms_marker *k)
{
    munmap(k->stack, k->capacity_max * sizeof *k->stack);
    ms_space_uncharge(k->capacity * sizeof *k->stack);
}

int ms_mark_init(void)
{
    /* Under a heap limit a collection begins when there is no more to be had, so that the stack
     * could not grow just when it must: a 128th of the limit is set aside for it. */
    size_t first_bytes = STACK_FIRST_BYTES;
    while (first_bytes < ms_space.limit_bytes / 128 && first_bytes < STACK_FIRST_LIMIT)
        first_bytes *= 2;
    return ms_mark_init_stack(&ms_marker, first_bytes);
}

/* The heap as marking sees it. A copy, since the compiler cannot know that marking changes none of
 * it and would load it anew for each reference. */
struct view {
    uintptr_t base;
    size_t top_bytes;
    uint64_t *marks;               /* that this marker writes */
    const uint64_t *const *others; /* that other markers write */
    const ms_kind *kinds;
};

static inline struct view view_heap(void)
{
    return (struct view){(uintptr_t)ms_space.base, ms_space.top_bytes, ms_space.marks, NULL,
                         ms_space.kinds};
}

static inline unsigned layout_of(uintptr_t object)
{
    return ms_kind_layout(ms_space.kinds[(object - (uintptr_t)ms_space.base) >> MS_BLOCK_SHIFT]);
}

/* Makes room for MS_MARK_ROOM more entries; false where there is none to be had. */
static bool make_room(struct ms_marker *k)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is charged */
    if (k->depth + MS_MARK_ROOM <= k->capacity)
        return true;
    size_t capacity = 2 * k->capacity;
    bool charged = false;
    if (capacity <= k->capacity_max) {
        pthread_mutex_lock(&lock);
        charged = ms_space_charge((capacity - k->capacity) * sizeof *k->stack) == 0;
        pthread_mutex_unlock(&lock);
    }
    if (charged)
        k->capacity = capacity;
    else
        k->overflowed = true;
    return charged;
}

/* Sets the bit of a granule in its word of a bitmap. Returns 1 if it was clear, else 0. Three
 * instructions rather than the seven that gcc 12 makes of the C. */
static INLINE ptrdiff_t set_mark(uint64_t *word, size_t granule)
{
    uint64_t old = *word;
#ifdef __x86_64__
    ptrdiff_t minus_old_bit;
    __asm__("btsq %2, %0\n\t"
            "sbbq %1, %1"
            : "+r"(old), "=r"(minus_old_bit)
            : "r"(granule)
            : "cc");
    *word = old;
    return 1 + minus_old_bit;
#else
    *word = old | UINT64_C(1) << (granule % 64);
    return *word != old;
#endif
}

/* Visits a reference: marks its target and puts it on top of the stack if it was white. No branch
 * depends on whether it was: that cannot be predicted, and where most references lead to marked
 * objects the mispredictions would cost more than all the rest. NULL, and what is not of this heap,
 * lies outside [base, base + top_bytes); that is a branch, since where the NULLs of an object are
 * is mostly a matter of its kind.
 *
 * Each marker writes a bitmap of its own and reads those of the others as well, so that none needs
 * an atomic read-modify-write, which would cost more than all the rest again. Where two visit an
 * object at the same moment both may push it, which does no harm. That none does is impossible,
 * since each reads the bits of the others before it sets its own: who finds another's bit set comes
 * after it, and somebody was first. */
static INLINE uintptr_t *visit(struct view v, uintptr_t *top, uintptr_t reference, unsigned others)
{
    size_t offset = reference - v.base;
    if (offset >= v.top_bytes)
        return top;
    size_t granule = offset >> MS_GRANULE_SHIFT;
    uint64_t *word = &v.marks[granule / 64];
    *top = reference;
    if (others == 0)
        return top + set_mark(word, granule);
    uint64_t bit = UINT64_C(1) << (granule % 64);
    uint64_t old = *word;
    uint64_t marked = old | bit;
    for (unsigned i = 0; i < others; i++)
        old |= __atomic_load_n(&v.others[i][granule / 64], __ATOMIC_ACQUIRE);
    __atomic_store_n(word, marked, __ATOMIC_RELEASE);
    return top + ((old & bit) == 0);
}

void ms_mark_object(struct ms_marker *k, const char *object)
{
    if (make_room(k))
        k->depth =
            (size_t)(visit(view_heap(), k->stack + k->depth, (uintptr_t)object, 0) - k->stack);
    else
        ms_bit_set(ms_space.marks, (size_t)(object - ms_space.base) >> MS_GRANULE_SHIFT);
}

void ms_mark_root(struct ms_marker *k, uintptr_t word, bool interior)
{
    const char *object = ms_space_find(word, interior);
    if (object)
        ms_mark_object(k, object);
}

static INLINE uintptr_t *scan_map(struct view v, uintptr_t *top, const uintptr_t *words,
                                  uint64_t map, unsigned others)
{
    for (; map != 0; map &= map - 1)
        top = visit(v, top, words[(unsigned)__builtin_ctzll(map)], others);
    return top;
}

/* Scans one piece of an object, from `offset` on, and pushes the rest. */
static uintptr_t *scan_piece(struct view v, uintptr_t *top, uintptr_t object, size_t offset,
                             unsigned others)
{
    const struct ms_layout *layout = &ms_layouts[layout_of(object)];
    if (layout->kind == MS_SCAN_RECORD)
        return top; /* cut off before its first reference */
    size_t end = ms_space_object_bytes((const char *)object);
    size_t unit = layout->kind == MS_SCAN_ELEMENTS ? layout->element_bytes : sizeof(uintptr_t);
    size_t from = offset == 0 ? layout->fixed_bytes : offset;
    end = from + (end - from) / unit * unit;
    size_t piece_end = end;
    if (end - from > PIECE_BYTES && end - from > unit) {
        size_t units = PIECE_BYTES / unit;
        piece_end = from + (units > 0 ? units : 1) * unit;
    }
    if (piece_end < end) {
        *top++ = piece_end;
        *top++ = object | 1;
    }
    if (offset == 0)
        top = scan_map(v, top, (const uintptr_t *)object, layout->fixed_pointers, others);
    const uintptr_t *words = (const uintptr_t *)(object + from);
    const uintptr_t *words_end = (const uintptr_t *)(object + piece_end);
    size_t unit_words = unit / sizeof *words;
    uint64_t map = layout->element_pointers;
    switch (layout->kind) {
    case MS_SCAN_ELEMENTS:
        if ((map & (map - 1)) == 0) { /* one in each element, as in an array of slices */
            for (words += __builtin_ctzll(map); words < words_end; words += unit_words)
                top = visit(v, top, words[0], others);
            break;
        }
        for (; words < words_end; words += unit_words)
            top = scan_map(v, top, words, map, others);
        break;
    case MS_SCAN_POINTERS:
        for (; words < words_end; words++)
            top = visit(v, top, words[0], others);
        break;
    default:
        for (; words < words_end; words++)
            top = visit(v, top, (uintptr_t)ms_space_find(words[0], false), others);
    }
    return top;
}

/* Scans `count` > 0 neighbouring references. Those at the edge of a graph are NULL all at once. */
static INLINE uintptr_t *scan_run(struct view v, uintptr_t *top, const uintptr_t *words,
                                  size_t count, unsigned others)
{
    for (size_t fours = count / 4; fours > 0; fours--, words += 4) {
        if ((words[0] | words[1] | words[2] | words[3]) == 0)
            continue;
        top = visit(v, top, words[0], others);
        top = visit(v, top, words[1], others);
        top = visit(v, top, words[2], others);
        top = visit(v, top, words[3], others);
    }
    if (count & 2) {
        top = visit(v, top, words[0], others);
        top = visit(v, top, words[1], others);
        words += 2;
    }
    return count & 1 ? visit(v, top, words[0], others) : top;
}

struct in_flight {
    uintptr_t object;
    const struct ms_slot_scan *scan;
};

/* Marks until nothing is grey, and returns true; where there are no other markers: or until so many
 * objects have been scanned, with the rest on the stack, and returns false. */
static INLINE bool drain(struct ms_marker *k, const struct view v, size_t scan_count,
                         unsigned others)
{
    uintptr_t *bottom = k->stack; /* entries below were given away */
    uintptr_t *top = bottom + k->depth;
    const uintptr_t *last = k->stack + k->capacity - MS_MARK_ROOM;
    /* Zero for gcc's analyzer only, which does not count along. */
    struct in_flight fifo[FIFO_SIZE] = {{0}};
    uint32_t first = 0, count = 0;
    for (;;) {
        struct in_flight next;
        if (top != bottom) {
            uintptr_t entry = *--top;
            if (__builtin_expect(entry & 1, 0)) {
                size_t offset = *--top;
                if (top > last) {
                    k->depth = (size_t)(top - k->stack);
                    if (!make_room(k))
                        continue;
                    last = k->stack + k->capacity - MS_MARK_ROOM;
                }
                top = scan_piece(v, top, entry - 1, offset, others);
                continue;
            }
            ms_kind kind = v.kinds[(entry - v.base) >> MS_BLOCK_SHIFT];
            if (kind < MS_KIND_REFERENCES)
                continue;
            __builtin_prefetch((const void *)entry);
            if (kind & MS_KIND_TWO_LINES)
                __builtin_prefetch((const char *)entry + 63);
            struct in_flight added = {entry, &ms_slot_scans[kind]};
            if (count < FIFO_SIZE) {
                fifo[(first + count++) % FIFO_SIZE] = added;
                continue;
            }
            next = fifo[first];
            fifo[first] = added;
        } else if (count > 0) {
            next = fifo[first];
            count--;
        } else {
            if (others == 0)
                break;
            bottom = k->stack;
            top = bottom + ms_team_take(bottom);
            if (top == bottom)
                break;
            continue;
        }
        first = (first + 1) % FIFO_SIZE;
        if (__builtin_expect(top > last, 0)) {
            k->depth = (size_t)(top - k->stack);
            if (!make_room(k))
                continue;
            last = k->stack + k->capacity - MS_MARK_ROOM;
        }
        const uintptr_t *words = (const uintptr_t *)next.object;
        if (next.scan->count > 0) {
            top = scan_run(v, top, words + next.scan->first, next.scan->count, others);
        } else if (next.scan->map != 0) {
            top = scan_map(v, top, words, next.scan->map, others);
        } else {
            top = scan_piece(v, top, next.object, 0, others);
        }
        if (others > 0) {
            if (__builtin_expect(__atomic_load_n(&ms_team_hungry, __ATOMIC_RELAXED) != 0, 0) &&
                top - bottom >= FEW_ENTRIES)
                bottom = ms_team_give(bottom, top);
        } else if (--scan_count == 0) {
            for (; count > 0; count--)
                *top++ = fifo[first++ % FIFO_SIZE].object;
            k->depth = (size_t)(top - k->stack);
            return k->depth == 0;
        }
    }
    k->depth = 0;
    return true;
}

static __attribute__((noinline)) bool drain_alone(struct ms_marker *k, size_t scan_count)
{
    return drain(k, view_heap(), scan_count, 0);
}

static __attribute__((noinline)) void drain_with_one(struct ms_marker *k, struct view v)
{
    drain(k, v, 0, 1);
}

static __attribute__((noinline)) void drain_with_others(struct ms_marker *k, struct view v,
                                                        unsigned others)
{
    drain(k, v, 0, others);
}

void ms_mark_shared(struct ms_marker *k)
{
    unsigned others = ms_team_helper_count();
    const uint64_t *bitmaps[MS_MARKERS_MAX - 1];
    struct view v = view_heap();
    for (unsigned i = 0; i < others; i++)
        bitmaps[i] = ms_team_helpers[i].marks;
    if (k != &ms_marker) {
        v.marks = k->marks;
        bitmaps[k - ms_team_helpers] = ms_space.marks;
    }
    v.others = bitmaps;
    if (others == 1)
        drain_with_one(k, v);
    else
        drain_with_others(k, v, others);
}

/* Adds the marks of a marker thread to those of the heap, and clears its bitmap. */
static void merge_marks(uint64_t *marks)
{
    for (size_t word = 0; word < ms_space.top * MS_BLOCK_WORDS; word++) {
        if (marks[word] != 0) {
            ms_space.marks[word] |= marks[word];
            marks[word] = 0;
        }
    }
}

/* Scans every marked object once more, so that what a full stack left white behind a black object
 * is found. Each pass that overflows again has marked something, so passes end. */
static void search_heap(struct ms_marker *k)
{
    for (uint32_t first = 1; first < ms_space.top; first += ms_space.table[first].run) {
        const struct ms_block *block = &ms_space.table[first];
        if (block->state < MS_SMALL || ms_kind_layout(ms_space.kinds[first]) == MS_LAYOUT_LEAF)
            continue;
        const uint64_t *bits = ms_space_bits(ms_space.marks, first);
        size_t words = block->state == MS_SMALL ? block->run * MS_BLOCK_WORDS : 1;
        for (size_t word = 0; word < words; word++) {
            /* Bits that draining sets behind this point are scanned by it. */
            for (uint64_t set = bits[word]; set != 0; set &= set - 1) {
                size_t granule = word * 64 + (size_t)__builtin_ctzll(set);
                k->stack[k->depth++] =
                    (uintptr_t)ms_space_address(first) + (granule << MS_GRANULE_SHIFT);
                drain_alone(k, SIZE_MAX);
            }
        }
    }
}

/* What a deep heap needed is not kept: pages beyond the first go back. */
static void cut_back(struct ms_marker *k)
{
    if (k->capacity <= k->capacity_first)
        return;
    size_t extra_bytes = (k->capacity - k->capacity_first) * sizeof *k->stack;
    madvise(k->stack + k->capacity_first, extra_bytes, MADV_DONTNEED);
    ms_space_uncharge(extra_bytes);
    k->capacity = k->capacity_first;
}

uint64_t ms_mark_drain(struct ms_marker *k)
{
    uint64_t searches = 0;
    unsigned helpers = ms_team_helper_count();
    if (!drain_alone(k, helpers > 0 ? MS_MARK_ALONE_COUNT : SIZE_MAX)) {
        ms_team_begin();
        ms_mark_shared(k);
        for (unsigned i = 0; i < helpers; i++) {
            k->overflowed |= ms_team_helpers[i].overflowed;
            ms_team_helpers[i].overflowed = false;
            cut_back(&ms_team_helpers[i]);
            merge_marks(ms_team_helpers[i].marks);
        }
    }
    while (k->overflowed) {
        k->overflowed = false;
        search_heap(k);
        searches++;
    }
    cut_back(k);
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
