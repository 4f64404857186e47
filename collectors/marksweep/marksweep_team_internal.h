/* marksweep_team_internal.h: several markers at work on one heap.
 *
 * Marker 0 is the thread that stopped the world; the others are threads that sleep between
 * collections. Each has a stack of its own. A marker that has run out of work asks for some by
 * setting `hungry`; whoever sees that puts the lower half of its stack, the objects it has seen
 * first and which have most below them, into the pool, from which those who wait take.
 *
 * Termination. All of the following happens under the team's lock. A marker that has *joined* the
 * cycle either works or *waits*; it waits only with an empty stack and FIFO, and leaves off waiting
 * only by taking something from the pool or because the cycle is over. A marker that has not joined
 * has nothing, and joins only while the cycle is not over. So when all that joined wait and the
 * pool is empty, nothing is grey, nobody is left to make anything grey, and the cycle is over; and
 * as every marker took the lock after it set its last mark, who sees the end sees all marks. A
 * marker thread that wakes up too late finds the cycle over and goes back to sleep, so nobody waits
 * for a thread that the system has not yet got round to run.
 */
#ifndef MARKSWEEP_TEAM_INTERNAL_H
#define MARKSWEEP_TEAM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "marksweep_mark_internal.h"

#define MS_MARKERS_CAP 4u /* of markers=0 */
#define MS_MARKERS_MAX 16u
#define MS_TEAM_POOL   512u /* entries */

/* Nonzero while the pool is empty and some marker waits, or none has joined marker 0 yet. Written
 * under the team's lock. */
extern uint32_t ms_team_hungry;

/* `markers` in all, marker 0 included; 0: one per processor that this process may use, up to
 * MS_MARKERS_CAP. Maps and charges the stacks of the others; where a 64th of the heap limit is too
 * little for all, there are fewer. After ms_mark_init. */
void ms_team_init(unsigned markers);

/* Starts the marker threads if there are to be any and they have not been started. With the world
 * running, since it allocates, and under the heap lock. Where threads are refused, there are fewer.
 */
void ms_team_start(void);

/* In the child of a fork, where only the thread that forked is left, and this lock is as it was:
 * that thread marks alone. */
void ms_team_forget(void);

/* Marker threads that have been started, and their markers. Their fields may be read and written
 * while no cycle is on. */
unsigned ms_team_helper_count(void);
extern struct ms_marker ms_team_helpers[MS_MARKERS_MAX - 1];

/* Begins a cycle, which marker 0 joins: it must then mark with sharing until ms_team_take says that
 * the cycle is over. With the world stopped. */
void ms_team_begin(void);

/* Moves the lower half of the entries in [bottom, top), of which there are a few, to the pool
 * unless there is something in it: returns the new bottom. */
uintptr_t *ms_team_give(uintptr_t *bottom, uintptr_t *top);

/* For a marker whose stack and FIFO are empty: takes entries from the pool, waiting for some, and
 * returns their number, 0 when the cycle is over. There must be room for MS_TEAM_POOL. */
size_t ms_team_take(uintptr_t *entries);

#endif
