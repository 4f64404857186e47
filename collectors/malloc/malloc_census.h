/* malloc_census.h: what the flavour census=1 puts between the workload and malloc: each object gets
 * a header that tells when it was made, and is counted by size, type and age. For the character of
 * workloads (workloads/README.md), not for times: every call is counted.
 *
 * Time is counted in allocated bytes, all threads together, as lifetimes of objects usually are
 * (Hertz et al., "Generating object lifetime traces with Merlin", TOPLAS 2006): a figure of the
 * program that no machine changes. An object's life ends when the program frees it. Thread-safe.
 */
#ifndef MALLOC_MALLOC_CENSUS_H
#define MALLOC_MALLOC_CENSUS_H

#include <stddef.h>

#include "gc_type.h"

struct gc_metric;

/* As MANUAL_ALLOC and the others of gc_manual.h. */
void *census_alloc(const struct gc_type *type, size_t bytes);
void *census_alloc_zeroed(const struct gc_type *type, size_t bytes);
void census_free(void *object, size_t bytes);

/* Forgets lifetimes, and starts the largest live set anew from what is alive. */
void census_reset(void);

/* As gc_backend.metric. */
int census_metric(size_t index, struct gc_metric *metric);

#endif
