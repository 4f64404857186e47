/* open_loop.h: the schedule on which the requests of an iteration are due (METHODS.md section 4.3):
 * request i at the start plus i / rate, whatever becomes of those before it. */
#ifndef RUNNER_OPEN_LOOP_H
#define RUNNER_OPEN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "workload.h"

/* The largest rate, so that a request number below it times 10^9 ns fits in 64 bits. */
#define OPEN_LOOP_RATE_MAX UINT64_C(1000000000)

/* One per run. The start is set while no thread waits. */
struct open_loop {
    uint64_t rate_per_s; /* over all threads; 0: a closed loop, in which requests are never due */
    int64_t start_ns;
};

/* The workload's parameter `rate` if it is request-shaped, otherwise 0. `params` are its values. */
uint64_t open_loop_rate(const struct workload *workload, const uint64_t *params);

/* Why the parameters of a request-shaped workload do not make a schedule, or NULL. */
const char *open_loop_refusal(const struct workload *workload);

/* When request number `request` is due, rounded down to a nanosecond, so that no error adds up. The
 * rate is not 0. */
static inline int64_t open_loop_due_ns(const struct open_loop *loop, uint64_t request)
{
    uint64_t rate = loop->rate_per_s;
    return loop->start_ns +
           (int64_t)(request / rate * 1000000000 + request % rate * 1000000000 / rate);
}

/* Once on each thread that waits: takes away the slack of 50 us that timers have by default. */
void open_loop_begin_thread(void);

/* Waits until `due_ns` and returns for how long of that the processor was kept busy: a thread that
 * sleeps wakes up late by more than many a request takes, so the last 20 us are spent reading the
 * clock; not more of it, as a thread that never sleeps is the first to lose its processor. The
 * thread is in blocked state (gc_backend.enter_blocked). */
int64_t open_loop_wait(int64_t due_ns);

#endif
