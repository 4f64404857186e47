#include "marksweep_space_internal.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "marksweep_plant_internal.h"

/* Address space becomes accessible in steps of 2 MiB, aligned so that huge pages fit. */
#define STEP_BLOCKS      ((size_t)256)
#define STEP_BYTES       (STEP_BLOCKS * MS_BLOCK_BYTES)
#define SMALLEST_RESERVE ((size_t)16 << 20)
/* From here on huge pages are asked for: in smaller heaps what they round up would show. */
#define HUGE_FROM_BLOCKS (((size_t)64 << 20) / MS_BLOCK_BYTES)
/* Free memory in runs too short is exchanged for a long one rather than grown beyond a limit less
 * a quarter: faulting a long run in again costs about what filling it does. */
#define LONG_RUN_BLOCKS (((size_t)1 << 20) / MS_BLOCK_BYTES)
#define LIMIT_RESERVE   4

struct ms_space ms_space;

static void *reserve(size_t bytes, int protection)
{
    void *memory =
        mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void unreserve(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}

static int try_reserve(size_t bytes)
{
    struct ms_space *s = &ms_space;
    size_t blocks = bytes / MS_BLOCK_BYTES;
    size_t bitmap_bytes = blocks * MS_BLOCK_WORDS * sizeof *s->marks;
    char *heap = reserve(bytes + STEP_BYTES, PROT_NONE);
    s->marks = reserve(bitmap_bytes, PROT_READ | PROT_WRITE);
    s->allocated = reserve(bitmap_bytes, PROT_READ | PROT_WRITE);
    s->kinds = reserve(blocks * sizeof *s->kinds, PROT_READ | PROT_WRITE);
    s->table = reserve(blocks * sizeof *s->table, PROT_READ | PROT_WRITE);
    if (!heap || !s->marks || !s->allocated || !s->kinds || !s->table) {
        unreserve(heap, bytes + STEP_BYTES);
        unreserve(s->marks, bitmap_bytes);
        unreserve(s->allocated, bitmap_bytes);
        unreserve(s->kinds, blocks * sizeof *s->kinds);
        unreserve(s->table, blocks * sizeof *s->table);
        return -ENOMEM;
    }
    s->base = heap + (-(uintptr_t)heap & (STEP_BYTES - 1));
    s->reserved = blocks;
    return 0;
}

/* Four times the machine's memory, so that no fragmentation of addresses can matter; at most half
 * of what RLIMIT_AS allows, since threads and libraries need some. */
static size_t wanted_reserve(void)
{
    uint64_t wanted = 4 * (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    struct rlimit address_space;
    if (getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY &&
        wanted > address_space.rlim_cur / 2)
        wanted = address_space.rlim_cur / 2;
    uint64_t largest = (uint64_t)UINT32_MAX * MS_BLOCK_BYTES;
    if (wanted > largest)
        wanted = largest;
    return wanted & ~(STEP_BYTES - 1);
}

int ms_space_init(uint64_t limit_bytes, bool huge_pages)
{
    if ((size_t)sysconf(_SC_PAGESIZE) > MS_BLOCK_BYTES)
        return -ENOTSUP;
    size_t bytes = wanted_reserve();
    while (bytes >= SMALLEST_RESERVE && try_reserve(bytes) != 0)
        bytes = bytes / 2 & ~(STEP_BYTES - 1);
    if (bytes < SMALLEST_RESERVE)
        return -ENOMEM;
    ms_space.limit_bytes = limit_bytes;
    ms_space.huge_pages = huge_pages;
    ms_space.bitmaps = 2;
    ms_space.top = 1;
    ms_space.top_bytes = MS_BLOCK_BYTES;
    ms_space_forget_runs();
    return 0;
}

/* Pages of the tables that the first `blocks` blocks may have touched. */
static uint64_t table_bytes(size_t blocks)
{
    uint64_t page = 4095;
    return ms_space.bitmaps * ((blocks * MS_BLOCK_WORDS * sizeof *ms_space.marks + page) & ~page) +
           ((blocks * sizeof *ms_space.kinds + page) & ~page) +
           ((blocks * sizeof *ms_space.table + page) & ~page);
}

uint64_t ms_space_metadata_bytes(void)
{
    return table_bytes(ms_space.top) + ms_space.charged_bytes;
}

static uint64_t block_bytes(void)
{
    return (uint64_t)(ms_space.top - 1 - ms_space.released_runs.blocks) * MS_BLOCK_BYTES;
}

uint64_t ms_space_held_bytes(void)
{
    return block_bytes() + ms_space_metadata_bytes();
}

uint64_t ms_space_used_bytes(void)
{
    return block_bytes() - ms_space.free_runs.blocks * MS_BLOCK_BYTES;
}

static bool fits_limit(uint64_t more_bytes)
{
    return ms_space.limit_bytes == 0 || ms_space_held_bytes() + more_bytes <= ms_space.limit_bytes;
}

static void note_peak(void)
{
    uint64_t held = ms_space_held_bytes();
    if (held > ms_space.peak_bytes)
        ms_space.peak_bytes = held;
}

void ms_space_reset_peak(void)
{
    ms_space.peak_bytes = 0;
    note_peak();
}

int ms_space_charge(size_t bytes)
{
    if (!fits_limit(bytes))
        return -ENOMEM;
    ms_space.charged_bytes += bytes;
    note_peak();
    return 0;
}

int ms_space_charge_in_place_of_free(size_t bytes)
{
    if (ms_space_charge(bytes) == 0)
        return 0;
    if (bytes > ms_space.limit_bytes)
        return -ENOMEM;
    ms_space_release(ms_space.limit_bytes - bytes);
    return ms_space_charge(bytes);
}

void ms_space_uncharge(size_t bytes)
{
    ms_space.charged_bytes -= bytes;
}

uint64_t *ms_space_add_bitmap(void)
{
    struct ms_space *s = &ms_space;
    s->bitmaps++;
    uint64_t *bitmap = NULL;
    if (fits_limit(0))
        bitmap = reserve(s->reserved * MS_BLOCK_WORDS * sizeof *bitmap, PROT_READ | PROT_WRITE);
    if (bitmap)
        note_peak();
    else
        s->bitmaps--;
    return bitmap;
}

void ms_space_remove_bitmap(uint64_t *bitmap)
{
    munmap(bitmap, ms_space.reserved * MS_BLOCK_WORDS * sizeof *bitmap);
    ms_space.bitmaps--;
}

static size_t bin_of(size_t blocks)
{
    return (blocks < MS_RUN_BINS ? blocks : MS_RUN_BINS) - 1;
}

static void runs_clear(struct ms_runs *runs)
{
    runs->filled = 0;
    runs->blocks = 0;
}

/* At the end of its bin, so that the sweep, which goes upwards, leaves low addresses in front. */
static void runs_append(struct ms_runs *runs, uint32_t first)
{
    size_t bin = bin_of(ms_space.table[first].run);
    ms_space.table[first].next = MS_NO_BLOCK;
    if (runs->filled >> bin & 1)
        ms_space.table[runs->last[bin]].next = first;
    else
        runs->first[bin] = first;
    runs->last[bin] = first;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): a run is not empty */
    runs->filled |= UINT64_C(1) << bin;
    runs->blocks += ms_space.table[first].run;
}

static void runs_prepend(struct ms_runs *runs, uint32_t first)
{
    size_t bin = bin_of(ms_space.table[first].run);
    if (!(runs->filled >> bin & 1)) {
        runs_append(runs, first);
        return;
    }
    ms_space.table[first].next = runs->first[bin];
    runs->first[bin] = first;
    runs->blocks += ms_space.table[first].run;
}

/* Takes `run` out of its bin; `before` is its predecessor there, or MS_NO_BLOCK. */
static void runs_unlink(struct ms_runs *runs, size_t bin, uint32_t before, uint32_t run)
{
    uint32_t after = ms_space.table[run].next;
    if (before == MS_NO_BLOCK)
        runs->first[bin] = after;
    else
        ms_space.table[before].next = after;
    if (after == MS_NO_BLOCK)
        runs->last[bin] = before;
    if (before == MS_NO_BLOCK && after == MS_NO_BLOCK)
        runs->filled &= ~(UINT64_C(1) << bin);
    runs->blocks -= ms_space.table[run].run;
}

/* The shortest run that has `blocks` blocks, cut to *most, which becomes its length. Short requests
 * take the first of the long runs rather than look for the best, so that they take constant time.
 */
static uint32_t runs_take_some(struct ms_runs *runs, size_t blocks, size_t *most)
{
    uint64_t candidates = runs->filled & (~UINT64_C(0) << bin_of(blocks));
    if (candidates == 0)
        return MS_NO_BLOCK;
    size_t bin = (size_t)__builtin_ctzll(candidates);
    uint32_t before = MS_NO_BLOCK;
    uint32_t run = runs->first[bin];
    if (blocks >= MS_RUN_BINS) {
        uint32_t best = MS_NO_BLOCK, before_best = MS_NO_BLOCK;
        for (; run != MS_NO_BLOCK; before = run, run = ms_space.table[run].next) {
            uint32_t length = ms_space.table[run].run;
            if (length >= blocks && (best == MS_NO_BLOCK || length < ms_space.table[best].run)) {
                best = run;
                before_best = before;
            }
        }
        if (best == MS_NO_BLOCK)
            return MS_NO_BLOCK;
        run = best;
        before = before_best;
    }
    runs_unlink(runs, bin, before, run);
    size_t length = ms_space.table[run].run;
    if (length < *most)
        *most = length;
    size_t rest = length - *most;
    if (rest > 0) {
        uint32_t rest_first = run + (uint32_t)*most;
        ms_space.table[rest_first].run = (uint32_t)rest;
        runs_prepend(runs, rest_first);
    }
    ms_space.table[run].run = (uint32_t)*most;
    return run;
}

static uint32_t runs_take(struct ms_runs *runs, size_t blocks)
{
    return runs_take_some(runs, blocks, &blocks);
}

#ifdef MARKSWEEP_PLANT_MEMORY_PCT
void ms_plant_memory(uint64_t heap_bytes)
{
    static char *planted;
    static uint64_t touched_bytes;
    if (!planted)
        planted = reserve(ms_space.reserved * MS_BLOCK_BYTES / 100 * MARKSWEEP_PLANT_MEMORY_PCT,
                          PROT_READ | PROT_WRITE);
    uint64_t wanted_bytes = heap_bytes * MARKSWEEP_PLANT_MEMORY_PCT / 100;
    for (; planted && touched_bytes < wanted_bytes; touched_bytes++) {
        planted[touched_bytes] = 1;
        ms_space.charged_bytes++;
    }
}
#endif

/* Never used memory, at the top. */
static uint32_t take_fresh(size_t blocks)
{
    struct ms_space *s = &ms_space;
    if (blocks > s->reserved - s->top)
        return MS_NO_BLOCK;
    size_t top = s->top + blocks;
    if (!fits_limit(blocks * MS_BLOCK_BYTES + table_bytes(top) - table_bytes(s->top)))
        return MS_NO_BLOCK;
    if (top > s->accessible) {
        size_t step = (top - s->accessible + STEP_BLOCKS - 1) / STEP_BLOCKS * STEP_BLOCKS;
        if (mprotect(s->base + s->accessible * MS_BLOCK_BYTES, step * MS_BLOCK_BYTES,
                     PROT_READ | PROT_WRITE) != 0)
            return MS_NO_BLOCK;
        /* Advice only: where there are none, small pages serve. */
        if (s->huge_pages && s->accessible >= HUGE_FROM_BLOCKS)
            madvise(s->base + s->accessible * MS_BLOCK_BYTES, step * MS_BLOCK_BYTES, MADV_HUGEPAGE);
        s->accessible += step;
    }
    uint32_t first = (uint32_t)s->top;
    s->top = top;
    s->top_bytes = top * MS_BLOCK_BYTES;
    s->table[first].run = (uint32_t)blocks;
    ms_plant_memory(s->top_bytes);
    return first;
}

static uint32_t take_growing(size_t blocks)
{
    uint32_t first = MS_NO_BLOCK;
    if (fits_limit(blocks * MS_BLOCK_BYTES))
        first = runs_take(&ms_space.released_runs, blocks);
    if (first == MS_NO_BLOCK)
        first = take_fresh(blocks);
    if (first != MS_NO_BLOCK) {
        note_peak();
        ms_space.grown_bytes = block_bytes();
    }
    return first;
}

/* Gives back free runs, which are all too short, so that `blocks` more keep the heap within
 * `bound_bytes`; nothing where that would not do. True if there is room now. */
static bool exchange_runs(size_t blocks, uint64_t bound_bytes)
{
    uint64_t need =
        blocks * MS_BLOCK_BYTES + table_bytes(ms_space.top + blocks) - table_bytes(ms_space.top);
    uint64_t held = ms_space_held_bytes();
    if (need > bound_bytes ||
        held - ms_space.free_runs.blocks * MS_BLOCK_BYTES > bound_bytes - need)
        return false;
    return ms_space_release(bound_bytes - need);
}

uint32_t ms_space_take(size_t blocks)
{
    uint32_t first = runs_take(&ms_space.free_runs, blocks);
    if (first != MS_NO_BLOCK)
        return first;
    uint64_t limit_bytes = ms_space.limit_bytes;
    if (limit_bytes != 0 && blocks >= LONG_RUN_BLOCKS)
        exchange_runs(blocks, limit_bytes - limit_bytes / LIMIT_RESERVE);
    first = take_growing(blocks);
    if (first != MS_NO_BLOCK || limit_bytes == 0 || !exchange_runs(blocks, limit_bytes))
        return first;
    return take_growing(blocks);
}

uint32_t ms_space_take_some(size_t least, size_t *most)
{
    uint32_t first = runs_take_some(&ms_space.free_runs, least, most);
    if (first != MS_NO_BLOCK)
        return first;
    first = take_growing(*most);
    if (first == MS_NO_BLOCK) {
        *most = least;
        first = ms_space_take(least);
    }
    for (size_t i = 0; first != MS_NO_BLOCK && i < *most; i++)
        ms_space.table[first + i].state = MS_FREE;
    return first;
}

void ms_space_return(uint32_t first, size_t blocks)
{
    ms_space.table[first].run = (uint32_t)blocks;
    runs_prepend(&ms_space.free_runs, first);
}

void ms_space_forget_runs(void)
{
    runs_clear(&ms_space.free_runs);
    runs_clear(&ms_space.released_runs);
}

void ms_space_add_run(uint32_t first, size_t blocks, enum ms_block_state state)
{
    ms_space.table[first].run = (uint32_t)blocks;
    runs_append(state == MS_FREE ? &ms_space.free_runs : &ms_space.released_runs, first);
}

/* The kernel's khugepaged would find the memory that is used among what has been given back, and
 * back both with huge pages. Those that are there stay, and what the heap grows by has new ones. */
static void refuse_huge_pages(void)
{
    if (ms_space.small_paged == ms_space.accessible)
        return;
    /* Refused where there are no huge pages. */
    madvise(ms_space.base, ms_space.accessible * MS_BLOCK_BYTES, MADV_NOHUGEPAGE);
    ms_space.small_paged = ms_space.accessible;
}

bool ms_space_release(uint64_t keep_bytes)
{
    struct ms_runs *runs = &ms_space.free_runs;
    while (runs->filled != 0 && ms_space_held_bytes() > keep_bytes) {
        refuse_huge_pages();
        uint64_t excess = ms_space_held_bytes() - keep_bytes;
        size_t excess_blocks = (size_t)((excess + MS_BLOCK_BYTES - 1) / MS_BLOCK_BYTES);
        size_t bin = 63u - (size_t)__builtin_clzll(runs->filled);
        uint32_t run = runs->first[bin];
        size_t length = ms_space.table[run].run;
        size_t kept = length > excess_blocks ? length - excess_blocks : 0;
        if (madvise(ms_space_address(run + (uint32_t)kept), (length - kept) * MS_BLOCK_BYTES,
                    MADV_DONTNEED) != 0)
            return false;
        runs_unlink(runs, bin, MS_NO_BLOCK, run);
        if (kept > 0) {
            /* Keep the low end, give back the high one. */
            ms_space.table[run].run = (uint32_t)kept;
            runs_prepend(runs, run);
            run += (uint32_t)kept;
            length -= kept;
            ms_space.table[run].run = (uint32_t)length;
        }
        for (size_t i = 0; i < length; i++)
            ms_space.table[run + i].state = MS_RELEASED;
        runs_append(&ms_space.released_runs, run);
    }
    return true;
}
