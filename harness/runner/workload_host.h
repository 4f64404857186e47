/* workload_host.h: what stands behind the functions that workload.h offers to a workload. */
#ifndef RUNNER_WORKLOAD_HOST_H
#define RUNNER_WORKLOAD_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/histogram.h"
#include "open_loop.h"
#include "operation_clock.h"
#include "outcome.h"
#include "request_recorder.h"
#include "workload.h"

/* One per run, shared by its threads. */
struct workload_host {
    struct outcome *outcome;
    pthread_barrier_t barrier; /* of all threads */
    int print_fd;
    atomic_bool prints; /* whether workload_print does: in the first measured iteration */
    struct open_loop open_loop;
};

/* One per thread. */
struct workload_recorder {
    struct operation_clock clock;
    int64_t operation_start_ns;
    /* Of operations, simple (METHODS.md section 4); NULL: they are not recorded. */
    struct histogram *latency;
    struct request_recorder *requests; /* NULL where operations are no requests */
    struct workload_host *host;
};

#endif
