#include "marksweep_finalizer_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
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

/* A registration that is not of its block's common finalizer. */
struct entry {
    const struct gc_finalizer *finalizer;
    uint32_t next;
    uint32_t granule; /* in its block, where the object starts */
};

/* 64 neighbouring blocks, of each of which both bitmaps have a line: a page of either. Bit i of
 * `with_...` says that block i has a bit in that bitmap, or an entry on that list. */
struct group {
    uint64_t with_registered;
    uint64_t with_due;
    const struct gc_finalizer *common[GROUP_BLOCKS];
    uint32_t first[GROUP_BLOCKS]; /* entries of registered objects */
    uint32_t due[GROUP_BLOCKS];   /* entries of objects that are due */
    uint32_t taken[GROUP_BLOCKS]; /* in the hands of mutators, run or not */
    bool is_charged;
};

static struct {
    pthread_mutex_t lock;
    bool is_mapped;
    uint64_t *registered; /* as ms_space.marks */
    uint64_t *due;        /* the same, of objects due to their block's common finalizer */
    struct group *groups;
    struct entry *entries;
    uint32_t used_count;    /* entries 1 .. used_count - 1 have been used */
    uint32_t charged_count; /* entries that are accounted for */
    uint32_t max_count;     /* entries of address space */
    uint32_t free_first;
    uint64_t registered_count;
    uint64_t due_count;
    uint64_t due_bytes; /* of objects that are due, when they were last marked */
    size_t due_group;   /* no group before this has any that are due */
} f = {.lock = PTHREAD_MUTEX_INITIALIZER};

void ms_finalizer_lock(void)
{
    pthread_mutex_lock(&f.lock);
}

void ms_finalizer_unlock(void)
{
    pthread_mutex_unlock(&f.lock);
}

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

/* Charges metadata. Returns false where the limit leaves no room for it. */
static bool charge(size_t bytes)
{
    ms_heap_lock();
    bool fits = ms_space_charge_in_place_of_free(bytes) == 0;
    ms_heap_unlock();
    return fits;
}

static void uncharge(size_t bytes)
{
    ms_heap_lock();
    ms_space_uncharge(bytes);
    ms_heap_unlock();
}

/* Reserves address space for as many objects as the heap may ever have, and for entries of an
 * eighth as many, since most finalizers need none. Less where refused. */
static bool map_tables(void)
{
    size_t bits_bytes = group_count(ms_space.reserved) * PAGE_BYTES;
    size_t groups_bytes = group_count(ms_space.reserved) * sizeof *f.groups;
    uint64_t count = ms_space.reserved * MS_BLOCK_GRANULES / 8;
    if (count > UINT32_MAX)
        count = UINT32_MAX;
    /* The first pages of groups and entries are touched in part. */
    if (!charge(2 * PAGE_BYTES))
        return false;
    f.registered = reserve(bits_bytes);
    f.due = reserve(bits_bytes);
    f.groups = reserve(groups_bytes);
    while (!(f.entries = reserve(count * sizeof *f.entries)) && count > PAGE_BYTES)
        count /= 2;
    if (!f.registered || !f.due || !f.groups || !f.entries) {
        if (f.registered)
            munmap(f.registered, bits_bytes);
        if (f.due)
            munmap(f.due, bits_bytes);
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
        if (!charge(2 * PAGE_BYTES + sizeof *g))
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

static char *object_at(size_t block, size_t granule)
{
    return ms_space_address((uint32_t)block) + (granule << MS_GRANULE_SHIFT);
}

static bool is_clear(const uint64_t *line)
{
    uint64_t any = 0;
    for (size_t word = 0; word < MS_BLOCK_WORDS; word++)
        any |= line[word];
    return any == 0;
}

/* The link in its block's list that names the entry of the registered object at this granule of the
 * heap, or NULL where it is registered with the common finalizer. */
static uint32_t *find_link(struct group *g, size_t granule)
{
    uint32_t *link = &g->first[granule / MS_BLOCK_GRANULES % GROUP_BLOCKS];
    while (*link != NO_ENTRY && f.entries[*link].granule != granule % MS_BLOCK_GRANULES)
        link = &f.entries[*link].next;
    return *link == NO_ENTRY ? NULL : link;
}

static void drop(struct group *g, size_t granule)
{
    size_t block = granule / MS_BLOCK_GRANULES;
    uint32_t *link = find_link(g, granule);
    if (link) {
        uint32_t entry = *link;
        *link = f.entries[entry].next;
        free_entry(entry);
    }
    f.registered[granule / 64] &= ~(UINT64_C(1) << granule % 64);
    if (is_clear(ms_space_bits(f.registered, (uint32_t)block)))
        g->with_registered &= ~(UINT64_C(1) << block % GROUP_BLOCKS);
    f.registered_count--;
}

/* Whether this is the block's common finalizer, or becomes it since nobody depends on another. */
static bool is_common(struct group *g, size_t place, const struct gc_finalizer *finalizer)
{
    if (g->common[place] == finalizer)
        return true;
    if (((g->with_registered | g->with_due) >> place & 1) || g->taken[place] > 0)
        return false;
    g->common[place] = finalizer;
    return true;
}

/* Returns false where there is no room. */
static bool add_entry(struct group *g, size_t granule, const struct gc_finalizer *finalizer)
{
    size_t place = granule / MS_BLOCK_GRANULES % GROUP_BLOCKS;
    uint32_t entry = take_entry();
    if (entry == NO_ENTRY)
        return false;
    f.entries[entry] =
        (struct entry){finalizer, g->first[place], (uint32_t)(granule % MS_BLOCK_GRANULES)};
    g->first[place] = entry;
    return true;
}

/* Gives a registered object another finalizer. Returns false where there is no room. */
static bool change(struct group *g, size_t granule, const struct gc_finalizer *finalizer)
{
    uint32_t *link = find_link(g, granule);
    if (!link)
        return g->common[granule / MS_BLOCK_GRANULES % GROUP_BLOCKS] == finalizer ||
               add_entry(g, granule, finalizer);
    f.entries[*link].finalizer = finalizer;
    return true;
}

/* Under the lock. Returns false where there is no room for another registration. */
static bool try_set(char *object, const struct gc_finalizer *finalizer)
{
    size_t granule = granule_of(object);
    size_t block = granule / MS_BLOCK_GRANULES;
    size_t place = block % GROUP_BLOCKS;
    if (!f.is_mapped) {
        if (!finalizer)
            return true;
        if (!map_tables())
            return false;
    }
    struct group *g = &f.groups[block / GROUP_BLOCKS];
    if (ms_bit_test(f.registered, granule)) {
        if (finalizer)
            return change(g, granule, finalizer);
        drop(g, granule);
        return true;
    }
    if (!finalizer)
        return true;
    if (!group_of(block) || (!is_common(g, place, finalizer) && !add_entry(g, granule, finalizer)))
        return false;
    g->with_registered |= UINT64_C(1) << place;
    ms_bit_set(f.registered, granule);
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

static size_t block_of(const struct ms_taken *taken)
{
    return granule_of(taken->object) / MS_BLOCK_GRANULES;
}

/* The objects come from memory, since nothing but their bits has been looked at since long before
 * they died: fetching a few at a time lets them come together. */
static struct ms_taken take(char *object, const struct gc_finalizer *finalizer, uint32_t entry)
{
    __builtin_prefetch(object, 1);
    return (struct ms_taken){object, finalizer, entry};
}

/* Takes up to `room` of what is due in a block. Returns how many. */
static uint32_t take_from_block(struct group *g, size_t block, struct ms_taken *taken,
                                uint32_t room)
{
    size_t place = block % GROUP_BLOCKS;
    uint64_t *line = ms_space_bits(f.due, (uint32_t)block);
    uint32_t count = 0;
    for (size_t word = 0; word < MS_BLOCK_WORDS; word++) {
        for (; line[word] != 0 && count < room; line[word] &= line[word] - 1) {
            size_t granule = word * 64 + (size_t)__builtin_ctzll(line[word]);
            taken[count++] = take(object_at(block, granule), g->common[place], NO_ENTRY);
        }
    }
    while (g->due[place] != NO_ENTRY && count < room) {
        uint32_t entry = g->due[place];
        const struct entry *e = &f.entries[entry];
        taken[count++] = take(object_at(block, e->granule), e->finalizer, entry);
        g->due[place] = e->next;
    }
    if (g->due[place] == NO_ENTRY && is_clear(line))
        g->with_due &= ~(UINT64_C(1) << place);
    g->taken[place] += count;
    return count;
}

/* Lets go of what was taken and run. */
static void release(const struct ms_taken *taken)
{
    size_t block = block_of(taken);
    f.groups[block / GROUP_BLOCKS].taken[block % GROUP_BLOCKS]--;
    if (taken->entry != NO_ENTRY)
        free_entry(taken->entry);
}

static void put_due_back(const struct ms_taken *taken)
{
    size_t block = block_of(taken);
    size_t place = block % GROUP_BLOCKS;
    struct group *g = &f.groups[block / GROUP_BLOCKS];
    if (taken->entry == NO_ENTRY) {
        ms_bit_set(f.due, granule_of(taken->object));
    } else {
        f.entries[taken->entry].next = g->due[place];
        g->due[place] = taken->entry;
    }
    g->with_due |= UINT64_C(1) << place;
    g->taken[place]--;
    if (f.due_group > block / GROUP_BLOCKS)
        f.due_group = block / GROUP_BLOCKS;
    __atomic_store_n(&f.due_count, f.due_count + 1, __ATOMIC_RELAXED);
}

/* Takes the next few that are due, in place of those that were run. The mutator has none left. */
static void take_more(struct ms_mutator *m)
{
    pthread_mutex_lock(&f.lock);
    while (m->taken_total > 0)
        release(&m->taken[--m->taken_total]);
    while (m->taken_total < MS_TAKEN_MAX && f.due_count > 0) {
        while (f.groups[f.due_group].with_due == 0)
            f.due_group++;
        struct group *g = &f.groups[f.due_group];
        size_t block = f.due_group * GROUP_BLOCKS + (size_t)__builtin_ctzll(g->with_due);
        uint32_t count =
            take_from_block(g, block, m->taken + m->taken_total, MS_TAKEN_MAX - m->taken_total);
        m->taken_total += count;
        __atomic_store_n(&f.due_count, f.due_count - count, __ATOMIC_RELAXED);
    }
    m->taken_count = m->taken_total;
    pthread_mutex_unlock(&f.lock);
}

void ms_finalizer_return(struct ms_mutator *m)
{
    if (m->taken_total == 0)
        return;
    pthread_mutex_lock(&f.lock);
    while (m->taken_total > m->taken_count)
        release(&m->taken[--m->taken_total]);
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
        taken->finalizer->run(mutator, taken->object, taken->finalizer->data);
        count++;
    }
}

/* Makes the block's unmarked registered objects due. Entries are looked at only where there are
 * objects registered with another finalizer than the block's common one. */
static void sort_block(struct group *g, size_t block)
{
    size_t place = block % GROUP_BLOCKS;
    uint64_t *registered = ms_space_bits(f.registered, (uint32_t)block);
    uint64_t *due = ms_space_bits(f.due, (uint32_t)block);
    const uint64_t *marks = ms_space_bits(ms_space.marks, (uint32_t)block);
    uint64_t dead[MS_BLOCK_WORDS];
    uint64_t dead_count = 0;
    for (size_t word = 0; word < MS_BLOCK_WORDS; word++) {
        dead[word] = registered[word] & ~marks[word];
        dead_count += (uint64_t)__builtin_popcountll(dead[word]);
        registered[word] &= marks[word];
    }
    if (dead_count == 0)
        return;
    f.registered_count -= dead_count;
    f.due_count += dead_count;
    g->with_due |= UINT64_C(1) << place;
    if (is_clear(registered))
        g->with_registered &= ~(UINT64_C(1) << place);
    for (uint32_t *link = &g->first[place]; *link != NO_ENTRY;) {
        uint32_t entry = *link;
        struct entry *e = &f.entries[entry];
        if (!ms_bit_test(dead, e->granule)) {
            link = &e->next;
            continue;
        }
        dead[e->granule / 64] &= ~(UINT64_C(1) << e->granule % 64);
        *link = e->next;
        e->next = g->due[place];
        g->due[place] = entry;
    }
    for (size_t word = 0; word < MS_BLOCK_WORDS; word++)
        due[word] |= dead[word];
}

static void mark_due_object(struct ms_marker *k, const char *object)
{
    ms_mark_object(k, object);
    f.due_bytes += ms_space_object_bytes(object);
}

/* Those of one block, at most as many as it has granules. */
static void mark_due_block(struct ms_marker *k, const struct group *g, size_t block)
{
    const uint64_t *due = ms_space_bits(f.due, (uint32_t)block);
    for (size_t word = 0; word < MS_BLOCK_WORDS; word++)
        for (uint64_t set = due[word]; set != 0; set &= set - 1)
            mark_due_object(k, object_at(block, word * 64 + (size_t)__builtin_ctzll(set)));
    for (uint32_t entry = g->due[block % GROUP_BLOCKS]; entry != NO_ENTRY;
         entry = f.entries[entry].next)
        mark_due_object(k, object_at(block, f.entries[entry].granule));
}

/* Marks all objects that are due, those that mutators have taken and not run included, and all they
 * refer to. One block after the other, so that the mark stack stays short. */
static uint64_t mark_due(struct ms_marker *k)
{
    uint64_t searches = 0;
    f.due_bytes = 0;
    for (const struct ms_mutator *m = ms_world.mutators; m; m = m->next)
        for (uint32_t i = 0; i < m->taken_count; i++)
            mark_due_object(k, m->taken[i].object);
    if (f.due_count == 0)
        return ms_mark_drain(k);
    for (size_t i = f.due_group; i < group_count(ms_space.top); i++) {
        for (uint64_t set = f.groups[i].with_due; set != 0; set &= set - 1) {
            mark_due_block(k, &f.groups[i], i * GROUP_BLOCKS + (size_t)__builtin_ctzll(set));
            searches += ms_mark_drain(k);
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
        for (uint64_t set = f.groups[i].with_registered; set != 0; set &= set - 1)
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

static bool is_object(size_t block, size_t granule)
{
    const char *object = object_at(block, granule);
    return ms_space_find((uintptr_t)object, false) == object;
}

/* Takes the bits of the list's entries, each of another object, out of `line`, which has them where
 * they are `in_line`. Returns their number; UINT64_MAX where that is not so. */
static uint64_t check_list(uint32_t entry, size_t block, uint64_t *line, bool in_line)
{
    uint64_t count = 0;
    for (; entry != NO_ENTRY; entry = f.entries[entry].next, count++) {
        size_t granule = f.entries[entry].granule;
        if (count == MS_BLOCK_GRANULES || !is_object(block, granule) ||
            ms_bit_test(line, granule) != in_line)
            return UINT64_MAX;
        line[granule / 64] ^= UINT64_C(1) << granule % 64;
    }
    return count;
}

/* Objects of the line; UINT64_MAX where a bit is of none. */
static uint64_t check_line(const uint64_t *line, size_t block)
{
    uint64_t count = 0;
    for (size_t word = 0; word < MS_BLOCK_WORDS; word++)
        for (uint64_t set = line[word]; set != 0; set &= set - 1, count++)
            if (!is_object(block, word * 64 + (size_t)__builtin_ctzll(set)))
                return UINT64_MAX;
    return count;
}

/* Counts what is registered and due in a block; false where an invariant does not hold. */
static bool check_block(const struct group *g, size_t block, uint64_t *registered, uint64_t *due)
{
    size_t place = block % GROUP_BLOCKS;
    uint64_t line[MS_BLOCK_WORDS];
    memcpy(line, ms_space_bits(f.registered, (uint32_t)block), sizeof line);
    uint64_t listed = check_list(g->first[place], block, line, true);
    uint64_t common = check_line(line, block);
    memcpy(line, ms_space_bits(f.due, (uint32_t)block), sizeof line);
    uint64_t due_common = check_line(line, block);
    uint64_t due_listed = check_list(g->due[place], block, line, false);
    if (listed == UINT64_MAX || common == UINT64_MAX || due_common == UINT64_MAX ||
        due_listed == UINT64_MAX || (common + due_common > 0 && !g->common[place]))
        return false;
    *registered = listed + common;
    *due = due_listed + due_common;
    return (*registered > 0) == (g->with_registered >> place & 1) &&
           (*due > 0) == (g->with_due >> place & 1) &&
           (*due == 0 || block / GROUP_BLOCKS >= f.due_group);
}

int ms_finalizer_verify(char *why, size_t why_bytes)
{
    uint64_t registered = 0, due = 0, taken = 0;
    for (size_t block = 0; f.is_mapped && block < ms_space.top; block++) {
        const struct group *g = &f.groups[block / GROUP_BLOCKS];
        uint64_t registered_here, due_here;
        if (!g->is_charged)
            continue;
        if (!check_block(g, block, &registered_here, &due_here)) {
            snprintf(why, why_bytes, "the finalizers of block %zu are not right", block);
            return -EFAULT;
        }
        registered += registered_here;
        due += due_here;
        taken += g->taken[block % GROUP_BLOCKS];
    }
    for (const struct ms_mutator *m = ms_world.mutators; m; m = m->next)
        taken -= m->taken_total;
    if (taken != 0) {
        snprintf(why, why_bytes, "blocks and mutators differ in what was taken to be finalized");
        return -EFAULT;
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
