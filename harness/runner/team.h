/* team.h: the mutator threads of a run: the main thread, which is number 0 and is there already,
 * and workers that live from before setup until after the last iteration.
 *
 * Each worker is attached to the backend throughout. Between iterations it waits in blocked state
 * (gc_backend.enter_blocked), so that the world can be stopped without it, and below its frames
 * lies no stale reference. All functions are for the main thread.
 */
#ifndef RUNNER_TEAM_H
#define RUNNER_TEAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "workload.h"
#include "workload_host.h"

/* One thread, on cache lines of its own: its counters change with every operation. */
struct team_member {
    struct workload_thread thread;
    struct workload_recorder recorder;
    struct team *team;
    pthread_t pthread; /* unused for the main thread */
} __attribute__((aligned(128)));

struct team {
    const struct workload *workload;
    struct team_member *members; /* number 0 is the main thread */
    unsigned count;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t begin; /* a round has begun, or no more will come */
    pthread_cond_t ended; /* no worker is busy */
    unsigned round;
    unsigned busy_count; /* workers not waiting for a round */
    bool over;
    int attach_error;  /* errno of a worker that could not attach, or 0 */
    uint64_t checksum; /* sum over the workers of this round */
};

/* Starts the workers and returns when all are attached and wait. The caller has filled in workload,
 * members and count, of each member the thread, and of the first its mutator too. 0 or negative
 * errno, with no worker left. */
int team_start(struct team *team);

/* One iteration on every thread; returns the sum of the checksums. */
uint64_t team_iterate(struct team *team);

/* Detaches and joins the workers. */
void team_finish(struct team *team);

#endif
