/* marksweep_pacer_internal.h: when to collect, and how much memory to keep.
 *
 * As in Go (runtime/mgcpacer.go, 1.19): a collection that leaves L live bytes and scanned R bytes
 * of roots lets the heap grow to the goal L + (L + R) * gogc / 100, and the goal is no less than 4
 * MiB * gogc / 100 (or five sevenths of a limit, where that is less: who sets such a limit wants a
 * small heap). Unlike in Go the goal counts metadata, up to a quarter of the growth, and does not
 * grow by objects that wait for their finalizers, which are as good as gone. It is an upper bound:
 * where collections are cheap, since most of what lives are leaves or few large objects, growth is
 * limited to what makes them take a sixteenth of the time (in inverse proportion to gogc), so that
 * memory stays small and in the cache. Their cost is estimated from counts, not taken from a clock,
 * so that the same program collects as often in each run. Of the room below a heap limit an eighth
 * is left: what is free there lies in pieces, and exchanging them for longer ones costs page
 * faults.
 *
 * The goal falls by no more than a 64th from one collection to the next, as long as the memory for
 * it, and an eighth more, is still held: memory that is there is better used than left alone until
 * it is given back, so a heap whose live set swings collects as rarely throughout as at its
 * largest.
 *
 * Memory is given back after a collection, with the world running again, and by a thread where the
 * program is idle (marksweep_scavenger_internal.h). The goal and an eighth more is always kept,
 * since blocks are never all full. Beyond that, what was in use when a collection began, and what
 * was held when the heap grew though it had free memory, in pieces too short, may be kept, but this
 * falls by a sixteenth a second. So a heap that swings keeps its memory, and one that has shrunk is
 * returned within a minute or so, while faulting it in again (2.5 us per page of 4 KiB) can take no
 * more than some 4 % of the time for each GiB.
 */
#ifndef MARKSWEEP_PACER_INTERNAL_H
#define MARKSWEEP_PACER_INTERNAL_H

#include <stdint.h>

#include "marksweep_sweep_internal.h"

void ms_pacer_init(uint64_t gogc);

/* After the sweep: sets ms_heap.budget_bytes. Of the live bytes `due_bytes` are of objects that
 * only wait for their finalizers; `used_bytes` of blocks were in use when the collection began.
 * Under the heap lock. */
void ms_pacer_update(struct ms_sweep_result swept, uint64_t due_bytes, uint64_t root_bytes,
                     uint64_t used_bytes);

/* What is never given back: the goal and an eighth more, and metadata. Under the heap lock. */
uint64_t ms_pacer_least_bytes(void);

/* Bytes that need not be given back at this time (CLOCK_MONOTONIC). Under the heap lock. */
uint64_t ms_pacer_keep_bytes(int64_t now_ns);

#endif
