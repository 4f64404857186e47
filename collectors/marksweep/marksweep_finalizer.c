#include "marksweep_finalizer_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "gc.h"
#include "marksweep_collect_internal.h"
#include "marksweep_heap_internal.h"
#include "marksweep_weak_internal.h"
#include "marksweep_world_internal.h"

#define GROUP_BLOCKS  64u
#define NO_ENTRY      0u /* entry 0 is never used */
#define STEP_BYTES    ((size_t)16 << 10)
#define PAGE_BYTES    ((size_t)4096)
#define ROOM_ATTEMPTS 3
/* Objects whose marking is begun before any is finished: the mark stack has room for so many. */
#define DUE_AT_A_TIME 1024

struct entry {
    const struct gc_finalizer *finalizer;
    uint32_t next;
    uint32_t granule; /* in its block, where the object starts */
};

/* 64 neighbouring blocks, whose bitmap is one page, and two lists for each: of entries whose
 * objects are alive, as far as is known, and of those that are due. Bit i of `with_…` says that the
 * list of block i is not empty. */
struct group {
    uint64_t with_entries;
    uint64_t with_due;
    uint32_t first[GROUP_BLOCKS];
    uint32_t due[GROUP_BLOCKS];
    bool is_charged;
};

static struct {
    pthread_mutex_t lock;
    bool is_mapped;
    uint64_t *bits; /* as ms_space.marks */
    struct group *groups;
    struct entry *entries;
    uint32_t used_count;    /* entries 1 .. used_count - 1 have been used */
    uint32_t charged_count; /* entries that are accounted for */
    uint32_t max_count;     /* entries of address space */
    uint32_t free_first;
    uint64_t registered_count;
    uint64_t due_count;
    uint64_t due_bytes; /* of objects with due entries, when they were last marked */
    size_t due_group;   /* no group before this has any that are due */
} f = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static size_t group_count(size_t blocks)
{
    return (blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS;
}

/* Charges metadata; what is free in the heap makes room for it. Returns false where the limit
 * leaves none. */
static bool charge(size_t bytes)
{
    ms_heap_lock();
    bool fits = ms_space_charge(bytes) == 0;
    if (!fits && bytes <= ms_space.limit_bytes) {
        ms_space_release(ms_space.limit_bytes - bytes);
        fits = ms_space_charge(bytes) == 0;
    }
    ms_heap_unlock();
    return fits;
}

static void uncharge(size_t bytes)
{
    ms_heap_lock();
    ms_space_uncharge(bytes);
    ms_heap_unlock();
}

/* Reserves address space for as many objects as the heap may ever have: less where refused. */
static bool map_tables(void)
{
    size_t bits_bytes = group_count(ms_space.reserved) * PAGE_BYTES;
    size_t groups_bytes = group_count(ms_space.reserved) * sizeof *f.groups;
    uint64_t count = ms_space.reserved * MS_BLOCK_GRANULES;
    if (count > UINT32_MAX)
        count = UINT32_MAX;
    /* The first pages of groups and entries are touched in part. */
    if (!charge(2 * PAGE_BYTES))
        return false;
    f.bits = reserve(bits_bytes);
    f.groups = reserve(groups_bytes);
    while (!(f.entries = reserve(count * sizeof *f.entries)) && count > PAGE_BYTES)
        count /= 2;
    if (!f.bits || !f.groups || !f.entries) {
        if (f.bits)
            munmap(f.bits, bits_bytes);
        if (f.groups)
            munmap(f.groups, groups_bytes);
        if (f.entries)
            munmap(f.entries, count * sizeof *f.entries);
        uncharge(2 * PAGE_BYTES);
        return false;
    }
    f.max_count = (uint32_t)count;
    f.used_count = f.charged_count = 1;
    f.is_mapped = true;
    return true;
}

static size_t granule_of(const char *object)
{
    return (size_t)(object - ms_space.base) >> MS_GRANULE_SHIFT;
}

/* The group of the object's block, its tables accounted for; NULL where there is no room. */
static struct group *group_of(size_t block)
{
    struct group *g = &f.groups[block / GROUP_BLOCKS];
    if (!g->is_charged) {
        if (!charge(PAGE_BYTES + sizeof *g))
            return NULL;
        g->is_charged = true;
    }
    return g;
}

static uint32_t take_entry(void)
{
    uint32_t entry = f.free_first;
    if (entry != NO_ENTRY) {
        f.free_first = f.entries[entry].next;
        return entry;
    }
    if (f.used_count == f.charged_count) {
        if (f.max_count - f.charged_count < STEP_BYTES / sizeof *f.entries || !charge(STEP_BYTES))
            return NO_ENTRY;
        f.charged_count += (uint32_t)(STEP_BYTES / sizeof *f.entries);
    }
    return f.used_count++;
}

static void free_entry(uint32_t entry)
{
    f.entries[entry].next = f.free_first;
    f.free_first = entry;
}

static char *object_of(size_t block, const struct entry *e)
{
    return ms_space_address((uint32_t)block) + ((size_t)e->granule << MS_GRANULE_SHIFT);
}

/* The link in its block's list that names the entry of the object at this granule of the heap.
 * Precondition: its bit is set. */
static uint32_t *find_link(struct group *g, size_t granule)
{
    uint32_t *link = &g->first[granule / MS_BLOCK_GRANULES % GROUP_BLOCKS];
    while (f.entries[*link].granule != granule % MS_BLOCK_GRANULES)
        link = &f.entries[*link].next;
    return link;
}

static void drop(struct group *g, size_t granule)
{
    size_t block = granule / MS_BLOCK_GRANULES;
    uint32_t *link = find_link(g, granule);
    uint32_t entry = *link;
    *link = f.entries[entry].next;
    if (g->first[block % GROUP_BLOCKS] == NO_ENTRY)
        g->with_entries &= ~(UINT64_C(1) << block % GROUP_BLOCKS);
    f.bits[granule / 64] &= ~(UINT64_C(1) << granule % 64);
    free_entry(entry);
    f.registered_count--;
}

/* Under the lock. Returns false where there is no room for another entry. */
static bool try_set(char *object, const struct gc_finalizer *finalizer)
{
    size_t granule = granule_of(object);
    size_t block = granule / MS_BLOCK_GRANULES;
    if (!f.is_mapped) {
        if (!finalizer)
            return true;
        if (!map_tables())
            return false;
    }
    struct group *g = &f.groups[block / GROUP_BLOCKS];
    if (ms_bit_test(f.bits, granule)) {
        if (finalizer)
            f.entries[*find_link(g, granule)].finalizer = finalizer;
        else
            drop(g, granule);
        return true;
    }
    if (!finalizer)
        return true;
    uint32_t entry;
    if (!group_of(block) || (entry = take_entry()) == NO_ENTRY)
        return false;
    f.entries[entry] = (struct entry){finalizer, g->first[block % GROUP_BLOCKS],
                                      (uint32_t)(granule % MS_BLOCK_GRANULES)};
    g->first[block % GROUP_BLOCKS] = entry;
    g->with_entries |= UINT64_C(1) << block % GROUP_BLOCKS;
    ms_bit_set(f.bits, granule);
    f.registered_count++;
    return true;
}

void gc_finalizer_set(struct gc_mutator *m, void *object, const struct gc_finalizer *finalizer)
{
    for (int attempt = 0;; attempt++) {
        pthread_mutex_lock(&f.lock);
        bool done = try_set(object, finalizer);
        pthread_mutex_unlock(&f.lock);
        if (done)
            break;
        if (attempt == ROOM_ATTEMPTS) {
            ms_heap.listener->out_of_memory(ms_heap.listener->data, sizeof(struct entry));
            __builtin_trap(); /* the listener must not return */
        }
        ms_collect((struct ms_mutator *)m);
    }
    gc_keep(object);
}

/* Takes one entry that is due off its list. Under the lock; at least one is due. */
static struct ms_taken take_due(void)
{
    while (f.groups[f.due_group].with_due == 0)
        f.due_group++;
    struct group *g = &f.groups[f.due_group];
    size_t place = (size_t)__builtin_ctzll(g->with_due);
    uint32_t entry = g->due[place];
    g->due[place] = f.entries[entry].next;
    if (g->due[place] == NO_ENTRY)
        g->with_due &= ~(UINT64_C(1) << place);
    __atomic_store_n(&f.due_count, f.due_count - 1, __ATOMIC_RELAXED);
    return (struct ms_taken){object_of(f.due_group * GROUP_BLOCKS + place, &f.entries[entry]),
                             entry};
}

static void put_due_back(const struct ms_taken *taken)
{
    size_t block = granule_of(taken->object) / MS_BLOCK_GRANULES;
    struct group *g = &f.groups[block / GROUP_BLOCKS];
    f.entries[taken->entry].next = g->due[block % GROUP_BLOCKS];
    g->due[block % GROUP_BLOCKS] = taken->entry;
    g->with_due |= UINT64_C(1) << block % GROUP_BLOCKS;
    if (f.due_group > block / GROUP_BLOCKS)
        f.due_group = block / GROUP_BLOCKS;
    __atomic_store_n(&f.due_count, f.due_count + 1, __ATOMIC_RELAXED);
}

/* Takes the next few that are due, in place of those that were run. The mutator has none left. */
static void take_more(struct ms_mutator *m)
{
    pthread_mutex_lock(&f.lock);
    while (m->taken_total > 0)
        free_entry(m->taken[--m->taken_total].entry);
    while (m->taken_total < MS_TAKEN_MAX && f.due_count > 0)
        m->taken[m->taken_total++] = take_due();
    m->taken_count = m->taken_total;
    pthread_mutex_unlock(&f.lock);
}

void ms_finalizer_return(struct ms_mutator *m)
{
    if (m->taken_total == 0)
        return;
    pthread_mutex_lock(&f.lock);
    while (m->taken_total > m->taken_count)
        free_entry(m->taken[--m->taken_total].entry);
    while (m->taken_total > 0)
        put_due_back(&m->taken[--m->taken_total]);
    m->taken_count = 0;
    pthread_mutex_unlock(&f.lock);
}

/* A finalizer may leave by longjmp, or call this: what it leaves taken is run by the next call. */
size_t gc_finalizers_run(struct gc_mutator *mutator)
{
    struct ms_mutator *m = (struct ms_mutator *)mutator;
    size_t count = 0;
    for (;;) {
        if (m->taken_count == 0 &&
            (__atomic_load_n(&f.due_count, __ATOMIC_RELAXED) > 0 || m->taken_total > 0))
            take_more(m);
        if (m->taken_count == 0)
            return count;
        const struct ms_taken *taken = &m->taken[--m->taken_count];
        const struct gc_finalizer *finalizer = f.entries[taken->entry].finalizer;
        finalizer->run(mutator, taken->object, finalizer->data);
        count++;
    }
}

/* Moves the entries of the block's unmarked objects to those that are due. Where that is all of
 * them, as it is for most blocks that have any, no entry is touched. */
static void sort_block(struct group *g, size_t block)
{
    size_t place = block % GROUP_BLOCKS;
    uint64_t *bits = ms_space_bits(f.bits, (uint32_t)block);
    const uint64_t *marks = ms_space_bits(ms_space.marks, (uint32_t)block);
    uint64_t dead_count = 0, alive = 0;
    for (size_t word = 0; word < MS_BLOCK_WORDS; word++) {
        dead_count += (uint64_t)__builtin_popcountll(bits[word] & ~marks[word]);
        bits[word] &= marks[word];
        alive |= bits[word];
    }
    if (dead_count == 0)
        return;
    f.registered_count -= dead_count;
    f.due_count += dead_count;
    g->with_due |= UINT64_C(1) << place;
    if (alive == 0 && g->due[place] == NO_ENTRY) {
        g->due[place] = g->first[place];
        g->first[place] = NO_ENTRY;
    }
    for (uint32_t *link = &g->first[place]; *link != NO_ENTRY;) {
        uint32_t entry = *link;
        struct entry *e = &f.entries[entry];
        if (ms_bit_test(marks, e->granule)) {
            link = &e->next;
        } else {
            *link = e->next;
            e->next = g->due[place];
            g->due[place] = entry;
        }
    }
    if (g->first[place] == NO_ENTRY)
        g->with_entries &= ~(UINT64_C(1) << place);
}

static void mark_due_object(struct ms_marker *k, const char *object)
{
    ms_mark_object(k, object);
    f.due_bytes += ms_space_object_bytes(object);
}

/* Marks the objects of all due entries, those that mutators have taken and not run included, and
 * all they refer to. */
static uint64_t mark_due(struct ms_marker *k)
{
    uint64_t searches = 0;
    size_t visited_count = 0;
    f.due_bytes = 0;
    for (const struct ms_mutator *m = ms_world.mutators; m; m = m->next)
        for (uint32_t i = 0; i < m->taken_count; i++)
            mark_due_object(k, m->taken[i].object);
    if (f.due_count == 0)
        return ms_mark_drain(k);
    for (size_t i = f.due_group; i < group_count(ms_space.top); i++) {
        for (uint64_t set = f.groups[i].with_due; set != 0; set &= set - 1) {
            size_t place = (size_t)__builtin_ctzll(set);
            for (uint32_t entry = f.groups[i].due[place]; entry != NO_ENTRY;
                 entry = f.entries[entry].next) {
                const char *object = object_of(i * GROUP_BLOCKS + place, &f.entries[entry]);
                mark_due_object(k, object);
                if (++visited_count % DUE_AT_A_TIME == 0)
                    searches += ms_mark_drain(k);
            }
        }
    }
    return searches + ms_mark_drain(k);
}

uint64_t ms_finalizer_after_marking(struct ms_marker *k)
{
    uint64_t searches = mark_due(k) + ms_weak_mark_values(k);
    ms_weak_clear();
    uint64_t due_count = f.due_count;
    for (size_t i = 0; f.registered_count > 0 && i < group_count(ms_space.top); i++)
        for (uint64_t set = f.groups[i].with_entries; set != 0; set &= set - 1)
            sort_block(&f.groups[i], i * GROUP_BLOCKS + (size_t)__builtin_ctzll(set));
    if (f.due_count > due_count) {
        f.due_group = 0;
        searches += mark_due(k) + ms_weak_mark_values(k);
    }
    return searches;
}

uint64_t ms_finalizer_due_bytes(void)
{
    return f.due_bytes;
}

void ms_finalizer_counts(uint64_t *registered, uint64_t *due)
{
    pthread_mutex_lock(&f.lock);
    *registered = f.registered_count;
    *due = f.due_count;
    pthread_mutex_unlock(&f.lock);
}

/* Whether the list has `count` entries, each of an object of the block, with a bit where it is of
 * those that are not due. */
static bool list_is_right(uint32_t entry, size_t block, bool is_due, uint64_t *count)
{
    *count = 0;
    for (; entry != NO_ENTRY && *count < f.used_count; entry = f.entries[entry].next) {
        const char *object = object_of(block, &f.entries[entry]);
        if (ms_space_find((uintptr_t)object, false) != object ||
            (!is_due && !ms_bit_test(f.bits, granule_of(object))))
            return false;
        ++*count;
    }
    return entry == NO_ENTRY;
}

int ms_finalizer_verify(char *why, size_t why_bytes)
{
    uint64_t registered = 0, due = 0;
    for (size_t block = 0; f.is_mapped && block < ms_space.top; block++) {
        const struct group *g = &f.groups[block / GROUP_BLOCKS];
        size_t place = block % GROUP_BLOCKS;
        const uint64_t *bits = ms_space_bits(f.bits, (uint32_t)block);
        uint64_t bit_count = 0, alive_count, due_count;
        if (!g->is_charged)
            continue;
        for (size_t word = 0; word < MS_BLOCK_WORDS; word++)
            bit_count += (uint64_t)__builtin_popcountll(bits[word]);
        if (!list_is_right(g->first[place], block, false, &alive_count) ||
            !list_is_right(g->due[place], block, true, &due_count) || alive_count != bit_count ||
            (alive_count > 0) != (g->with_entries >> place & 1) ||
            (due_count > 0) != (g->with_due >> place & 1) ||
            (due_count > 0 && block / GROUP_BLOCKS < f.due_group)) {
            snprintf(why, why_bytes, "the lists of finalizers of block %zu are not right", block);
            return -EFAULT;
        }
        registered += alive_count;
        due += due_count;
    }
    for (const struct ms_mutator *m = ms_world.mutators; m; m = m->next)
        for (uint32_t i = 0; i < m->taken_count; i++)
            if (ms_space_find((uintptr_t)m->taken[i].object, false) != m->taken[i].object) {
                snprintf(why, why_bytes, "a finalizer was taken for %p, which is no object",
                         (void *)m->taken[i].object);
                return -EFAULT;
            }
    if (registered != f.registered_count || due != f.due_count) {
        snprintf(why, why_bytes, "%llu finalizers of %llu are listed, and %llu of %llu due",
                 (unsigned long long)registered, (unsigned long long)f.registered_count,
                 (unsigned long long)due, (unsigned long long)f.due_count);
        return -EFAULT;
    }
    return 0;
}
