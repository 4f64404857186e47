/* workload.h: what a workload is, and what the runner offers it.
 *
 * A workload is one file, written once against gc.h, and one row in workloads.def. The same source
 * is compiled for every backend and flavour. It includes this header, gc.h and base/rng.h, and
 * nothing else of the project.
 *
 * Rules:
 *   - The work depends on the parameters and the seed only: each invocation of a cell does the same
 *     work, in the same order on one thread. Draw randomness per unit of work (rng_seed(&rng, seed,
 *     unit)), so that it does not depend on how units are divided among threads.
 *   - `iterate` runs on every thread at once. A fixed total of work is divided by workload_share();
 *     each thread returns its part of the checksum, and the runner adds the parts up (wrapping), so
 *     the checksum of a unit of work must not depend on the thread or on the order.
 *   - One *operation* is what a user of such a program would wait for (a request, a graph, a tree,
 * a slice), at least about 1 us long; where it is shorter, several make one operation and the
 *     summary says how many.
 *   - Where operations are requests (WORKLOAD_IS_REQUESTS), the workload has a parameter `rate` in
 *     per_s, from 0 to at most 10^9. Each thread calls workload_requests_begin() when it is ready
 * to serve and workload_request_begin() before each of its requests, which are numbered over all
 *     threads in the order in which they are due. Which thread serves a request must not depend on
 *     time; a thread serves its own in ascending order.
 *   - An iteration leaves nothing allocated by hand behind, except what setup made.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gc_mutator;
struct gc_type;

/* All parameters are unsigned integers. The unit is "count", "bytes", "per_s", "permille" or "flag"
 * (0 or 1). */
struct workload_param {
    const char *name;
    const char *unit;
    uint64_t default_value;
    uint64_t min; /* bounds, both allowed */
    uint64_t max;
    const char *help; /* one line */
};

/* References that outlive an iteration are kept in these words, which the runner registers as
 * roots. */
#define WORKLOAD_ROOTS 16

/* One run of a workload in one process. The runner fills all but `state` and `roots`. */
struct workload_run {
    const uint64_t *params; /* parallel to workload.params, validated */
    uint64_t seed;
    unsigned threads;
    void *state;                 /* the workload's own, not a heap reference */
    void *roots[WORKLOAD_ROOTS]; /* heap references, or NULL */
};

/* One mutator thread of a run. */
struct workload_thread {
    struct gc_mutator *mutator;
    struct workload_run *run;
    unsigned index; /* 0 .. run->threads - 1 */
    /* What the workload has asked of the allocator, counted by itself where it is cheap: the same
     * on every backend. See workload_allocated(). */
    uint64_t allocated_bytes;
    uint64_t allocated_count;
    struct workload_recorder *recorder; /* the runner's */
};

#define WORKLOAD_TAKES_THREADS 1u /* --threads above 1 is allowed */
#define WORKLOAD_IS_REQUESTS   2u /* operations are requests: metered and open-loop latency too */
/* What of gc.h it cannot do without: where the backend lacks it, the runner says `skipped` before
 * anything of the workload is called. */
#define WORKLOAD_NEEDS_FINALIZERS 4u
#define WORKLOAD_NEEDS_WEAK       8u
/* Its setup allocates the first object of the process, and how long that took from the process's
 * start is its result: the runner reports startup_cpu_ns. */
#define WORKLOAD_TIMES_STARTUP 16u

struct workload {
    const char *name;
    const char *summary;   /* one line */
    const char *operation; /* what one operation is: "one slice grown to its length" */
    const struct workload_param *params;
    size_t param_count;
    struct gc_type *const *types; /* all types it allocates, NULL-terminated */
    unsigned traits;
    /* The largest number of bytes in objects that are reachable at one time, all threads together,
     * as a formula of params and threads: sum of requested sizes. */
    uint64_t (*live_bytes)(const struct workload_run *run);
    /* Bounds that span several parameters: NULL if fine, else one line. May be NULL itself. */
    const char *(*check)(const struct workload_run *run);
    /* On the main thread, before the first iteration and after the last. Either may be NULL. */
    void (*setup)(struct workload_thread *thread);
    void (*teardown)(struct workload_thread *thread);
    /* One iteration, on each of run->threads threads at once; returns this thread's part of the
     * checksum. */
    uint64_t (*iterate)(struct workload_thread *thread);
};

/* Parameter number `index` of the workload's own table. */
static inline uint64_t workload_param(const struct workload_thread *thread, size_t index)
{
    return thread->run->params[index];
}

/* This thread's part [*first, *end) of the units 0 .. total - 1: contiguous, sizes differing by at
 * most one. */
static inline void workload_share(const struct workload_thread *thread, uint64_t total,
                                  uint64_t *first, uint64_t *end)
{
    uint64_t threads = thread->run->threads;
    uint64_t each = total / threads;
    uint64_t rest = total % threads;
    uint64_t index = thread->index;
    *first = index * each + (index < rest ? index : rest);
    *end = *first + each + (index < rest ? 1 : 0);
}

/* Counts `count` allocations of `bytes` bytes in all. Call it per operation rather than per object
 * where objects are small. */
static inline void workload_allocated(struct workload_thread *thread, uint64_t bytes,
                                      uint64_t count)
{
    thread->allocated_bytes += bytes;
    thread->allocated_count += count;
}

/* What follows is the runner's (harness/runner/workload_host.c). */

/* Starts the clock of the thread's next operation now, where time since the last operation does not
 * belong to it. Every iterate() begins with the clock started. */
void workload_operation_begin(struct workload_thread *thread);

/* Ends the current operation and begins the next: one clock reading. */
void workload_operation_end(struct workload_thread *thread);

/* For request-shaped workloads. Waits for all threads of the run and starts the schedule of the
 * open loop and the clock of the first request, so that what was built before is no part of either.
 * Once per iteration, by every thread. */
void workload_requests_begin(struct workload_thread *thread);

/* In an open loop (rate > 0), waits until request number `request` of the iteration is due, and
 * starts the clock of its simple latency; its open-loop latency runs from the due time. The world
 * may be stopped meanwhile. In a closed loop (rate 0) it does nothing: a request follows the one
 * before it, whose end is its start. */
void workload_request_begin(struct workload_thread *thread, uint64_t request);

/* The result is wrong: ends the process with status `wrong` and this one line. Does not return. */
void workload_fail(struct workload_thread *thread, const char *what) __attribute__((noreturn));

/* Prints one line on stdout, in the first measured iteration only. */
void workload_print(struct workload_thread *thread, const char *line);

/* Waits until all threads of the run have called it; the world may be stopped meanwhile. */
void workload_barrier(struct workload_thread *thread);

#endif
