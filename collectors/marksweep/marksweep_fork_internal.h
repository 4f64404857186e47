/* marksweep_fork_internal.h: a mutator, or any thread, may fork, and its child go on with the heap.
 *
 * Invariant: when the process is copied, every mutator but the one that forks is stopped at a
 * safepoint or blocked, and every lock that lasts longer than a collection is held by the thread
 * that forks. So the child finds nothing half done and no lock of a thread that it does not have.
 * Order: world lock, lock of the finalizers, heap lock.
 *
 * In the child the other mutators are no more: their stacks are no roots, what they had taken to
 * allocate from is given back, finalizers that they had taken are due again. There are no marker
 * threads and no scavenger.
 */
#ifndef MARKSWEEP_FORK_INTERNAL_H
#define MARKSWEEP_FORK_INTERNAL_H

/* Once, at the start. 0 or -ENOMEM. */
int ms_fork_init(void);

#endif
