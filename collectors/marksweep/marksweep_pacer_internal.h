/* marksweep_pacer_internal.h: when to collect, and how much memory to keep.
 *
 * As in Go (runtime/mgcpacer.go, 1.19): a collection that leaves L live bytes and scanned R bytes
 * of roots lets the heap grow to the goal L + (L + R) * gogc / 100, but to no less than 4 MiB *
 * gogc / 100, so that a tiny live set does not collect all the time. A heap limit needs no part in
 * this: where it comes first, there is no block to be had, which starts a collection as well.
 *
 * Memory is given back after a collection, with the world running again: what is held beyond the
 * largest of the last eight goals, an eighth more (blocks are never full), and the metadata. So a
 * heap that swings is left alone, and one that has shrunk for eight collections is returned.
 */
#ifndef MARKSWEEP_PACER_INTERNAL_H
#define MARKSWEEP_PACER_INTERNAL_H

#include <stdint.h>

void ms_pacer_init(uint64_t gogc);

/* After marking: sets ms_heap.budget_bytes. Under the heap lock. */
void ms_pacer_update(uint64_t live_bytes, uint64_t root_bytes);

/* Bytes that need not be given back. Under the heap lock. */
uint64_t ms_pacer_keep_bytes(void);

#endif
