/* marksweep_stack_internal.h: stacks of the embedder's own (marksweep.h).
 *
 * Invariants, with the world stopped:
 *   - A mutator's [stack_top, stack_base) lies on the stack that its thread runs on, whichever that
 *     is: marksweep_stack_switch moves stack_base, parking sets stack_top.
 *   - Of a registered stack that no thread runs on, [top, base) and the snapshot hold every word
 *     that was in its frames and callee-saved registers when it was left. One that runs, or has not
 *     run yet, has a NULL top.
 * Switching is no safepoint, so the world never stops in between. The list is guarded by the heap
 * lock.
 */
#ifndef MARKSWEEP_STACK_INTERNAL_H
#define MARKSWEEP_STACK_INTERNAL_H

#include <stdint.h>

#include "marksweep_mark_internal.h"

struct gc_mutator;

/* In the child of a fork: what mutators other than `m` (which may be NULL) left on stacks of their
 * threads' own is gone with these. */
void ms_stack_forget_threads(const struct gc_mutator *m);

/* Visits the words of all stacks that were left; returns their size in bytes. */
uint64_t ms_stack_visit(struct ms_marker *k);

#endif
