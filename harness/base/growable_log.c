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

int growable_log_init(struct growable_log *log, size_t entry_bytes, uint64_t first_count)
{
    *log = (struct growable_log){.entry_bytes = entry_bytes, .first_count = first_count};
    unsigned char *first = mapped_new(part_bytes(log, 0));
    if (!first)
        return -ENOMEM;
    atomic_store(&log->parts[0], first);
    return 0;
}

void growable_log_free(struct growable_log *log)
{
    for (unsigned part = 0; part < GROWABLE_LOG_PARTS; part++)
        mapped_free(atomic_load(&log->parts[part]), part_bytes(log, part));
    *log = (struct growable_log){.entry_bytes = 0};
}

/* Part number `part`, mapped now if no other thread was faster; NULL without memory. */
static unsigned char *part_of(struct growable_log *log, unsigned part)
{
    unsigned char *there = atomic_load_explicit(&log->parts[part], memory_order_acquire);
    if (there)
        return there;
    unsigned char *mine = mapped_new_lazy(part_bytes(log, part));
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
    uint64_t index = atomic_fetch_add_explicit(&log->count, 1, memory_order_relaxed);
    unsigned part = locate(log, index, &place);
    unsigned char *memory = part_of(log, part);
    if (!memory)
        return -ENOMEM;
    memcpy(memory + place * log->entry_bytes, entry, log->entry_bytes);
    return 0;
}

uint64_t growable_log_count(const struct growable_log *log)
{
    return atomic_load(&log->count);
}

const void *growable_log_at(const struct growable_log *log, uint64_t index)
{
    uint64_t place;
    unsigned part = locate(log, index, &place);
    return atomic_load(&log->parts[part]) + place * log->entry_bytes;
}

void growable_log_clear(struct growable_log *log)
{
    atomic_store(&log->count, 0);
}
