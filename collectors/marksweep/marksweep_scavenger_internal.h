/* marksweep_scavenger_internal.h: memory goes back to the system though nothing is allocated.
 *
 * Collections find free memory, and what of it is more than the pacer wants to keep goes back over
 * time (marksweep_pacer_internal.h). Where the program is idle there is no collection to do that,
 * so a thread does: it is started when there is something to give back for the first time, sleeps
 * while there is nothing, and otherwise looks four times a second. It is no mutator, never stops
 * the world and holds the heap lock for at most 256 KiB at a time.
 */
#ifndef MARKSWEEP_SCAVENGER_INTERNAL_H
#define MARKSWEEP_SCAVENGER_INTERNAL_H

/* Gives back what is more than the pacer keeps now. Under the heap lock, which it lets go after
 * each 256 KiB, so that no mutator waits for all of it. */
void ms_scavenger_release(void);

/* Starts or wakes the thread if more is held than is needed. Under the heap lock. Where no thread
 * can be started, collections go on giving memory back. */
void ms_scavenger_wake(void);

/* In the child of a fork, where there is no such thread, and none is started. */
void ms_scavenger_forget(void);

#endif
