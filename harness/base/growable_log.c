#include "growable_log.h"

#include <errno.h>
#include <string.h>

#include "mapped.h"

static size_t part_bytes(const struct growable_log *log, unsigned part)
{
    return (size_t)(log->first_count << part) * log->entry_bytes;
}

/* Part of entry `index`, and its place there: parts 0 .. k - 1 hold first_count * (2^k - 1). */
static unsigned locate(const struct growable_log *log, uint64_t index, uint64_t *place)
{
    unsigned part = 63u - (unsigned)__builtin_clzll(index / log->first_count + 1);
    *place = index - log->first_count * ((UINT64_C(1) << part) - 1);
    return part;
}

/* A part of a file starts where the one before it ends. */
static unsigned char *map_part(const struct growable_log *log, unsigned part)
{
    size_t bytes = part_bytes(log, part);
    if (log->fd < 0)
        return part == 0 ? mapped_new(bytes) : mapped_new_lazy(bytes);
    uint64_t before = log->first_count * ((UINT64_C(1) << part) - 1);
    return mapped_file(log->fd, log->file_offset + (int64_t)(before * log->entry_bytes), bytes,
                       part == 0);
}

static int init_first_part(struct growable_log *log)
{
    unsigned char *first = map_part(log, 0);
    if (!first)
        return -ENOMEM;
    atomic_store(&log->parts[0], first);
    return 0;
}

int growable_log_init(struct growable_log *log, size_t entry_bytes, uint64_t first_count)
{
    *log = (struct growable_log){.entry_bytes = entry_bytes, .first_count = first_count, .fd = -1};
    log->count = &log->own_count;
    return init_first_part(log);
}

int growable_log_init_file(struct growable_log *log, size_t entry_bytes, uint64_t first_count,
                           int fd, int64_t offset, _Atomic uint64_t *count)
{
    *log = (struct growable_log){
        .entry_bytes = entry_bytes,
        .first_count = first_count,
        .fd = fd,
        .file_offset = offset,
        .count = count,
    };
    return init_first_part(log);
}

void growable_log_free(struct growable_log *log)
{
    for (unsigned part = 0; part < GROWABLE_LOG_PARTS; part++)
        mapped_free(atomic_load(&log->parts[part]), part_bytes(log, part));
    *log = (struct growable_log){.fd = -1};
}

/* Part number `part`, mapped now if no other thread was faster; NULL without memory. */
static unsigned char *part_of(struct growable_log *log, unsigned part)
{
    unsigned char *there = atomic_load_explicit(&log->parts[part], memory_order_acquire);
    if (there)
        return there;
    unsigned char *mine = map_part(log, part);
    if (!mine)
        return NULL;
    if (atomic_compare_exchange_strong(&log->parts[part], &there, mine))
        return mine;
    mapped_free(mine, part_bytes(log, part));
    return there;
}

int growable_log_append(struct growable_log *log, const void *entry)
{
    uint64_t place;
    uint64_t index = atomic_fetch_add_explicit(log->count, 1, memory_order_relaxed);
    unsigned part = locate(log, index, &place);
    unsigned char *memory = part_of(log, part);
    if (!memory)
        return -ENOMEM;
    unsigned char *slot = memory + place * log->entry_bytes;
    uint64_t first;
    memcpy(&first, entry, sizeof first);
    memcpy(slot + sizeof first, (const unsigned char *)entry + sizeof first,
           log->entry_bytes - sizeof first);
    __atomic_store_n((uint64_t *)(void *)slot, first, __ATOMIC_RELEASE);
    return 0;
}

void *growable_log_claim(struct growable_log *log, uint64_t most, uint64_t *count)
{
    uint64_t place;
    uint64_t index = atomic_load_explicit(log->count, memory_order_relaxed);
    unsigned part = locate(log, index, &place);
    unsigned char *memory = part_of(log, part);
    if (!memory)
        return NULL;
    uint64_t left = (log->first_count << part) - place;
    *count = most < left ? most : left;
    atomic_store_explicit(log->count, index + *count, memory_order_relaxed);
    return memory + place * log->entry_bytes;
}

void growable_log_unclaim(struct growable_log *log, uint64_t count)
{
    atomic_fetch_sub_explicit(log->count, count, memory_order_relaxed);
}

uint64_t growable_log_count(const struct growable_log *log)
{
    return atomic_load(log->count);
}

const void *growable_log_at(const struct growable_log *log, uint64_t index)
{
    uint64_t place;
    unsigned part = locate(log, index, &place);
    return atomic_load(&log->parts[part]) + place * log->entry_bytes;
}

void growable_log_clear(struct growable_log *log)
{
    atomic_store(log->count, 0);
}
