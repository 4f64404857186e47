/* plan.h: which cells a run measures, all validated before anything is measured, and in which
 * order. */
#ifndef DRIVER_PLAN_H
#define DRIVER_PLAN_H

#include "data/cell_key.h"
#include "driver/catalog.h"
#include "driver/suite.h"
#include "driver/variant.h"
#include "driver/workload_spec.h"

#define PLAN_THREADS_MAX 1024u

/* What the user asked for. Empty lists mean: what the suite says, or without one all backends, all
 * workloads, heap none and one thread. With a suite, backends take the place of its own, workloads
 * pick from it. */
struct plan_request {
    const struct suite *suite; /* or NULL */
    const char **backends;
    size_t backend_count;
    const char **workloads;
    size_t workload_count;
    struct heap_setting *heaps;
    size_t heap_count;
    unsigned *threads;
    size_t thread_count;
    const char *minheap_path; /* of heap settings Fxmin; NULL: the default */
};

struct plan_cell {
    char *key;
    const struct workload_spec *workload;
    const struct variant *variant;
    struct heap_setting heap;
    uint64_t heap_limit_bytes; /* 0: none */
    uint64_t live_bytes;       /* the live set that the workload states */
    unsigned threads;
    char *skip;         /* why it is not measured, or NULL */
    bool oom_is_result; /* and not a failure */
};

struct plan {
    struct variant **variants;
    size_t variant_count;
    struct workload_spec **workloads;
    size_t workload_count;
    struct plan_cell *cells; /* no two have the same key */
    size_t cell_count;
    size_t runnable_count; /* cells without `skip` */
};

/* 0; or -EINVAL, with one line of what the user got wrong in `why` (of why_bytes), or -ENOENT, with
 * what is missing there, a minimum heap; and nothing to free. The plan points into the catalog. */
int plan_build(struct plan *plan, const struct catalog *catalog, const struct plan_request *request,
               char *why, size_t why_bytes);
void plan_free(struct plan *plan);

/* Rounds of probes are numbered from here, so that their order does not depend on how many rounds
 * come before. */
#define PLAN_FIRST_PROBE_ROUND       (1u << 31)
#define PLAN_FIRST_INSTRUCTION_ROUND (3u << 30) /* and of those that count instructions */
#define PLAN_FIRST_BESIDE_ROUND      (7u << 29) /* and of those that take turns */

/* The runnable cells in the order of round number `round`, drawn from order_seed: indexes into
 * plan->cells, runnable_count of them, into `order`. Depends on nothing else, so that a run can be
 * repeated and continued. */
void plan_order(const struct plan *plan, uint64_t order_seed, unsigned round, size_t *order);

/* Environment padding of the process that is started at `position` in the run, in bytes. */
size_t plan_padding(uint64_t order_seed, uint64_t position);

#endif
