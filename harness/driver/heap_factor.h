/* heap_factor.h: what `--heap-factor F` is a multiple of: the smallest minimum heap of any backend,
 * from minheap.csv. */
#ifndef DRIVER_HEAP_FACTOR_H
#define DRIVER_HEAP_FACTOR_H

#include <stdint.h>

#include "data/minheap_table.h"
#include "driver/workload_spec.h"

#define MINHEAP_PATH_DEFAULT "results/minheap.csv"

/* Starts as {.path = …, .catalog = …}; the file is read when it is first needed. */
struct heap_factor {
    const char *path;
    const struct catalog *catalog;
    bool loaded;
    struct minheap_table table;
    /* The workloads and numbers of threads asked for that the file does not have. */
    char **missing_workloads;
    size_t missing_workload_count;
    unsigned *missing_threads;
    size_t missing_threads_count;
};

/* 0 and *bytes; -ENOENT: it is not known, which is remembered; -EINVAL: the file is malformed or
 * cannot be read, said in `why` (of why_bytes). */
int heap_factor_base(struct heap_factor *factor, const struct workload_spec *spec, unsigned threads,
                     uint64_t *bytes, char *why, size_t why_bytes);

/* Whether something asked for is missing; then `why` says the command that finds it. */
bool heap_factor_is_missing(const struct heap_factor *factor, char *why, size_t why_bytes);

void heap_factor_free(struct heap_factor *factor);

/* The workload with the parameters that differ from their defaults, as for --workload; to be freed.
 */
char *heap_factor_workload(const struct workload_spec *spec);

#endif
