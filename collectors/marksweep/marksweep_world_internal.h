/* marksweep_world_internal.h: mutator threads, and stopping them.
 *
 * Invariants, under the world lock:
 *   - `running` counts the mutators that are neither parked, nor blocked, nor stopping the world.
 *   - While a stop is on, no mutator begins to run: attaching, leaving a blocked region and leaving
 *     a safepoint wait for its end. The thread that stops the world holds the lock from the moment
 *     when all have stopped until it lets them go.
 *   - The stack words that count as roots of a thread that is not running are [stack_top,
 *     stack_base) and its snapshot, and all its registers are in them.
 */
#ifndef MARKSWEEP_WORLD_INTERNAL_H
#define MARKSWEEP_WORLD_INTERNAL_H

#include <stdint.h>

#include "marksweep_mutator_internal.h"

struct ms_world_stop {
    int64_t start_ns; /* asked for */
    uint64_t safepoint_ns;
    int64_t cpu_start_ns;
};

struct ms_world {
    struct ms_mutator *mutators; /* all attached, newest first */
    uint32_t mutator_count;
    uint32_t mutator_max;
    uint32_t running;
};

extern struct ms_world ms_world;

void ms_world_init(uint32_t mutator_max);

struct ms_mutator *ms_world_attach(void); /* NULL with errno set */
void ms_world_detach(struct ms_mutator *m);
void ms_world_enter_blocked(struct ms_mutator *m);
void ms_world_leave_blocked(struct ms_mutator *m);

/* Stops the world, calls work(m, stop, data) on this thread with its registers on its stack, and
 * returns 1 with the world running again. Where another thread is stopping the world: waits as at a
 * safepoint and returns 0 without having called anything. */
typedef void ms_world_work(struct ms_mutator *m, const struct ms_world_stop *stop, void *data);
int ms_world_stop(struct ms_mutator *m, ms_world_work *work, void *data);

/* Of a fork (marksweep_fork.c). From before to after it, in the parent, no mutator runs but the one
 * that forks, if it is one, and the world lock is held. In the child the others are gone: what they
 * held is given back; under the heap lock. */
void ms_world_before_fork(void);
void ms_world_after_fork(void);
void ms_world_in_child(void);

int64_t ms_world_now_ns(void);
int64_t ms_world_cpu_ns(void);

#endif
