/* marksweep_collect_internal.h: one collection from stop to resume, and what is remembered of it.
 */
#ifndef MARKSWEEP_COLLECT_INTERNAL_H
#define MARKSWEEP_COLLECT_INTERNAL_H

#include <stdint.h>

#include "marksweep_mutator_internal.h"

/* Written with the world stopped, under the heap lock. */
struct ms_collect_totals {
    uint64_t count;
    uint64_t live_bytes; /* of the last */
    uint64_t marked_count;
    uint64_t marked_bytes;
    uint64_t swept_count; /* freed: allocated before the last collection and not found live */
    uint64_t swept_bytes; /* in size classes */
    uint64_t mark_ns;
    uint64_t sweep_ns;
    uint64_t overflow_count; /* passes over the heap that a full mark stack cost */
    uint64_t root_bytes;     /* scanned in the last */
};

extern struct ms_collect_totals ms_collect_totals;

/* A collection, unless another thread begins one first: then waits for that. */
void ms_collect(struct ms_mutator *m);
/* A collection that begins after the call, whatever other threads do. */
void ms_collect_now(struct ms_mutator *m);

/* Stops the world and verifies: 0, or -EFAULT with `why`. */
int ms_collect_verify(struct ms_mutator *m, char *why, size_t why_bytes);

#endif
